//! CUPED for ratios of means, with a ratio as covariate: both are linearised first.
//!
//! Per variant the outcome is (num - r den) / mean(den) around the ratio r, the covariate the same from before the
//! experiment; theta comes from both variants pooled, linearised at the pooled ratios. Assumptions as for
//! [`cuped`](super::cuped) and [`ratio`](super::ratio) together. Source: Deng, Knoblich & Lu (2018) and Deng et al. (2013).

use super::cuped::{Cuped, CupedSample, adjust};
use super::error::{check_all_finite, check_at_least, check_not_negative};
use super::{MethodError, ratio::variance_of_difference};

/// Joint moments of numerator, denominator, and numerator and denominator before the experiment, in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CupedRatioSample {
    /// The number of units.
    pub n: u64,
    /// The four means.
    pub mean: [f64; 4],
    /// The sample covariances; symmetric, the variances on the diagonal.
    pub cov: [[f64; 4]; 4],
}

const NUM: usize = 0;
const DEN: usize = 1;
const PRE_NUM: usize = 2;
const PRE_DEN: usize = 3;

/// Adjusts the ratios of both variants with the theta of both pooled.
///
/// # Errors
/// [`MethodError::TooFew`] below two units a variant, [`MethodError::ZeroDenominator`] when a mean denominator is zero,
/// [`MethodError::NotFinite`], [`MethodError::Negative`] and [`MethodError::Overflow`].
///
/// # Example
/// Clicks and views of users, during and before. Here users do exactly as before: theta is one, and nothing is left of the
/// difference of the ratios, 8/20 against 10/20, since it was there before.
/// ```
/// use verdict_analysis::methods::cuped_ratio::{CupedRatioSample, cuped_ratio};
///
/// let arm = |clicks: [f64; 4]| {
///     let views = [2.0, 4.0, 6.0, 8.0];
///     let users: [[f64; 4]; 4] = std::array::from_fn(|i| [clicks[i], views[i], clicks[i], views[i]]);
///     CupedRatioSample::from_values(&users)
/// };
/// let adjusted = cuped_ratio(&arm([1.0, 1.0, 3.0, 3.0])?, &arm([1.0, 3.0, 2.0, 4.0])?)?;
/// assert!((adjusted.theta - 1.0).abs() < 1e-12);
/// assert!(adjusted.effect.abs() < 1e-12);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn cuped_ratio(
    control: &CupedRatioSample,
    treatment: &CupedRatioSample,
) -> Result<Cuped, MethodError> {
    let pooled = control.merged(treatment)?.linearised()?;
    let theta = if pooled.var_x > 0.0 { pooled.cov / pooled.var_x } else { 0.0 };
    adjust(&control.linearised()?, &treatment.linearised()?, theta, pooled.mean_x)
}

impl CupedRatioSample {
    /// From the units' values, each (numerator, denominator, numerator before, denominator before).
    ///
    /// # Errors
    /// [`MethodError::TooFew`] below two units, [`MethodError::NotFinite`] for values that are not.
    pub fn from_values(units: &[[f64; 4]]) -> Result<Self, MethodError> {
        check_at_least("units in a variant", units.len() as u64, 2)?;
        units.iter().try_for_each(|unit| check_all_finite("a value", unit))?;
        let n = units.len() as f64;
        let mean: [f64; 4] = std::array::from_fn(|i| units.iter().map(|u| u[i]).sum::<f64>() / n);
        let cov = std::array::from_fn(|i| {
            std::array::from_fn(|j| {
                units.iter().map(|u| (u[i] - mean[i]) * (u[j] - mean[j])).sum::<f64>() / (n - 1.0)
            })
        });
        Ok(Self { n: units.len() as u64, mean, cov })
    }

    /// Outcome and covariate linearised at this sample's own ratios.
    pub(crate) fn linearised(&self) -> Result<CupedSample, MethodError> {
        self.check()?;
        let (den, pre_den) = (self.mean[DEN], self.mean[PRE_DEN]);
        if den == 0.0 || pre_den == 0.0 {
            return Err(MethodError::ZeroDenominator { what: "the mean of the denominator" });
        }
        let (r, pre_r) = (self.mean[NUM] / den, self.mean[PRE_NUM] / pre_den);
        let c = &self.cov;
        let cross = c[NUM][PRE_NUM] - r * c[DEN][PRE_NUM] - pre_r * c[NUM][PRE_DEN]
            + r * pre_r * c[DEN][PRE_DEN];
        Ok(CupedSample {
            n: self.n,
            mean_y: r,
            mean_x: pre_r,
            var_y: variance_of_difference(c[NUM][NUM], c[DEN][DEN], c[NUM][DEN], r) / den / den,
            var_x: variance_of_difference(
                c[PRE_NUM][PRE_NUM],
                c[PRE_DEN][PRE_DEN],
                c[PRE_NUM][PRE_DEN],
                pre_r,
            ) / pre_den
                / pre_den,
            cov: cross / den / pre_den,
        })
    }

    /// Both samples as one (Chan, Golub & LeVeque 1979).
    fn merged(&self, other: &Self) -> Result<Self, MethodError> {
        self.check()?;
        other.check()?;
        let (n_a, n_b) = (self.n as f64, other.n as f64);
        let n = self
            .n
            .checked_add(other.n)
            .ok_or(MethodError::Overflow { what: "the number of units" })?;
        let gap: [f64; 4] = std::array::from_fn(|i| other.mean[i] - self.mean[i]);
        let share = n_b / (n_a + n_b);
        Ok(Self {
            n,
            mean: std::array::from_fn(|i| self.mean[i] + gap[i] * share),
            cov: std::array::from_fn(|i| {
                std::array::from_fn(|j| {
                    let within = (n_a - 1.0) * self.cov[i][j] + (n_b - 1.0) * other.cov[i][j];
                    (within + gap[i] * gap[j] * n_a * share) / (n_a + n_b - 1.0)
                })
            }),
        })
    }

    fn check(&self) -> Result<(), MethodError> {
        check_at_least("units in a variant", self.n, 2)?;
        check_all_finite("a mean", &self.mean)?;
        self.cov.iter().try_for_each(|row| check_all_finite("a covariance", row))?;
        (0..4).try_for_each(|i| check_not_negative("a variance", self.cov[i][i]))
    }
}
