//! Sample ratio mismatch: do the variants hold the shares of units that they were assigned?
//!
//! X² = Σ (observed - expected)² / expected against chi-squared with k - 1 degrees of freedom. A mismatch means that
//! units were lost or duplicated by something that depends on the variant, and every other result of the experiment is
//! then suspect: the check gates them all. The alarm is set at p < 0.001, since it is looked at often and a true fault
//! in a large experiment gives p-values far below.
//!
//! Source: A. Fabijan et al., "Diagnosing sample ratio mismatch in online controlled experiments", KDD 2019.

use super::MethodError;
use super::error::check_positive;
use super::exact::binomial_two_sided;
use super::special::{chi2_ln_sf, chi2_sf};

/// The usual threshold of the alarm.
pub const MISMATCH_ALPHA: f64 = 0.001;

/// The result of a sample ratio check.
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRatio {
    /// The units that the weights promise each variant.
    pub expected: Vec<f64>,
    /// The chi-squared statistic.
    pub chi2: f64,
    /// Its degrees of freedom: variants - 1.
    pub df: u64,
    /// The p-value.
    pub p_value: f64,
    /// The natural logarithm of the p-value.
    pub log_p_value: f64,
}

/// Compares the units of each variant with the planned weights, which need not sum to one.
///
/// # Errors
/// [`MethodError::BadShape`] unless there is a weight for each variant, [`MethodError::TooFew`] below two variants or
/// without units, [`MethodError::NotPositive`] or [`MethodError::NotFinite`] for a weight that is not positive.
///
/// # Example
/// A mismatch that the eye does not see: 821,588 against 815,482 units of a planned even split.
/// ```
/// use verdict_analysis::methods::sample_ratio::{MISMATCH_ALPHA, sample_ratio};
///
/// let check = sample_ratio(&[821_588, 815_482], &[0.5, 0.5])?;
/// assert!(check.p_value < MISMATCH_ALPHA);
/// assert_eq!(format!("{:.1e}", check.p_value), "1.8e-6");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn sample_ratio(counts: &[u64], weights: &[f64]) -> Result<SampleRatio, MethodError> {
    if counts.len() != weights.len() {
        let expected = format!("{} weights, one for each variant,", counts.len());
        return Err(MethodError::BadShape { what: "weights", expected, got: weights.len() });
    }
    super::error::check_at_least("variants", counts.len() as u64, 2)?;
    weights.iter().try_for_each(|w| check_positive("a weight", *w))?;
    // Scaled by the largest, the sum of weights cannot overflow.
    let largest = weights.iter().copied().fold(0.0, f64::max);
    let scaled: Vec<f64> = weights.iter().map(|w| w / largest).collect();
    let sum_of_weights: f64 = scaled.iter().sum();
    let total: u128 = counts.iter().map(|c| u128::from(*c)).sum();
    super::error::check_at_least("units", u64::try_from(total).unwrap_or(u64::MAX), 1)?;
    let expected: Vec<f64> = scaled.iter().map(|w| total as f64 * (w / sum_of_weights)).collect();
    let chi2 = counts
        .iter()
        .zip(&expected)
        .map(|(c, e)| (*c as f64 - e) / e * (*c as f64 - e))
        .sum::<f64>();
    if !chi2.is_finite() {
        return Err(MethodError::Overflow { what: "the chi-squared statistic" });
    }
    let df = counts.len() as u64 - 1;
    let (p_value, log_p_value) = (chi2_sf(chi2, df as f64), chi2_ln_sf(chi2, df as f64));
    Ok(SampleRatio { expected, chi2, df, p_value, log_p_value })
}

/// The exact two-sided binomial test of two variants: the probability of all splits no likelier than the observed one.
///
/// # Errors
/// As for [`sample_ratio`], with exactly two variants.
pub fn exact_sample_ratio(counts: [u64; 2], weights: [f64; 2]) -> Result<f64, MethodError> {
    sample_ratio(&counts, &weights)?;
    let share = 1.0 / (1.0 + weights[1] / weights[0]);
    let n = counts[0]
        .checked_add(counts[1])
        .filter(|n| *n < u64::MAX)
        .ok_or(MethodError::Overflow { what: "the number of units" })?;
    Ok(binomial_two_sided(counts[0], n, share))
}
