//! Ratios of means, such as clicks per view, when the unit of randomisation is neither: the delta method.
//!
//! r = mean(x) / mean(y) over units; near its mean r behaves as the mean of (x - r y) / mean(y), so that
//! Var(r) = [s_x² - 2 r s_xy + r² s_y²] / (n mean(y)²). With that variance a ratio is compared as a mean is.
//!
//! Assumes independent units and a denominator whose mean is far from zero in standard errors. Keep units whose
//! denominator is zero. Treating each view as independent instead gives intervals that are too narrow.
//!
//! Source: A. Deng, U. Knoblich & J. Lu, "Applying the delta method in metric analytics", KDD 2018, equation (3).

use super::error::{check_at_least, check_finite, check_not_negative};
use super::{Alternative, Estimate, MethodError, Sample, welch::welch};

/// Means, variances and covariance of numerator and denominator over the units of a variant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RatioSample {
    /// The number of units.
    pub n: u64,
    /// The mean numerator of a unit.
    pub mean_num: f64,
    /// The mean denominator of a unit.
    pub mean_den: f64,
    /// The sample variance of the numerator.
    pub var_num: f64,
    /// The sample variance of the denominator.
    pub var_den: f64,
    /// The sample covariance of numerator and denominator.
    pub cov: f64,
}

impl RatioSample {
    /// The ratio as a [`Sample`]: its mean is r, its variance that of (x - r y) / mean(y).
    ///
    /// Relative effects and guardrails of ratios are those of this sample.
    ///
    /// # Errors
    /// [`MethodError::TooFew`] below two units, [`MethodError::ZeroDenominator`] when the mean denominator is zero,
    /// [`MethodError::NotFinite`], [`MethodError::Negative`] and [`MethodError::Overflow`].
    pub fn linearised(&self) -> Result<Sample, MethodError> {
        check_at_least("units in a variant", self.n, 2)?;
        check_finite("the mean of the numerator", self.mean_num)?;
        check_finite("the mean of the denominator", self.mean_den)?;
        check_not_negative("the variance of the numerator", self.var_num)?;
        check_not_negative("the variance of the denominator", self.var_den)?;
        check_finite("the covariance of numerator and denominator", self.cov)?;
        if self.mean_den == 0.0 {
            return Err(MethodError::ZeroDenominator { what: "the mean of the denominator" });
        }
        let ratio = self.mean_num / self.mean_den;
        let variance = variance_of_difference(self.var_num, self.var_den, self.cov, ratio)
            / self.mean_den
            / self.mean_den;
        if !(ratio.is_finite() && variance.is_finite()) {
            return Err(MethodError::Overflow { what: "the ratio or its variance" });
        }
        Ok(Sample { n: self.n, mean: ratio, variance })
    }
}

/// The difference of two ratios of means, treatment minus control: Welch's test of the linearised samples.
///
/// # Errors
/// As for [`RatioSample::linearised`] and [`welch`].
///
/// # Example
/// ```
/// use verdict_analysis::methods::{Alternative, ratio::{RatioSample, ratio}};
///
/// let control =
///     RatioSample { n: 1_000, mean_num: 0.4, mean_den: 2.0, var_num: 0.5, var_den: 3.0, cov: 0.6 };
/// let treatment = RatioSample { mean_num: 0.5, ..control };
/// let estimate = ratio(&control, &treatment, 0.05, Alternative::TwoSided)?;
/// assert_eq!(format!("{:.3} ± {:.4}", estimate.effect, estimate.std_error), "0.050 ± 0.0139");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn ratio(
    control: &RatioSample,
    treatment: &RatioSample,
    alpha: f64,
    alternative: Alternative,
) -> Result<Estimate, MethodError> {
    welch(&control.linearised()?, &treatment.linearised()?, alpha, alternative)
}

/// The variance of x - r y from the moments of x and y: never negative, and zero when x is a multiple r of y.
///
/// The square is completed: s_y² (r - s_xy/s_y²)² + (s_x² - s_xy²/s_y²), where the second term, what y leaves of x, is
/// taken as zero once it is within rounding of it.
pub(crate) fn variance_of_difference(var_x: f64, var_y: f64, cov: f64, r: f64) -> f64 {
    if var_y == 0.0 {
        return var_x;
    }
    let slope = cov / var_y;
    let unexplained = var_x - slope * cov;
    let unexplained = if unexplained > 8.0 * f64::EPSILON * var_x { unexplained } else { 0.0 };
    let gap = r - slope;
    let gap = if gap.abs() > 8.0 * f64::EPSILON * r.abs() { gap } else { 0.0 };
    var_y * gap * gap + unexplained
}
