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

/// Compares the units of each variant with planned weights that change from phase to phase: for each phase its units and its
/// weights.
///
/// Expected units add up over phases, and so do their covariances n_p (diag(w_p) - w_p w_p'); X² is the quadratic form of
/// what is observed beyond them. Of one phase that is Pearson's statistic; of several, Pearson's statistic by the summed
/// expected units would be too small, because the shares of each phase are fixed.
///
/// # Errors
/// As for [`sample_ratio`], of each phase that has units; [`MethodError::TooFew`] where none has any.
///
/// # Example
/// 9 to 1 for 1,000 units, then even for 2,000: 1,900 and 1,100 are expected, and 1,860 to 1,140 are 40 off. The variance is
/// 1,000 · 0.09 + 2,000 · 0.25 = 590.
/// ```
/// use verdict_analysis::methods::sample_ratio::sample_ratio_of_phases;
///
/// let phases = [(&[890, 110][..], &[0.9, 0.1][..]), (&[970, 1_030], &[0.5, 0.5])];
/// let check = sample_ratio_of_phases(&phases)?;
/// assert_eq!(check.expected, [1_900.0, 1_100.0]);
/// assert!((check.chi2 - 40.0 * 40.0 / 590.0).abs() < 1e-12);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn sample_ratio_of_phases(phases: &[(&[u64], &[f64])]) -> Result<SampleRatio, MethodError> {
    let with_units = phases.iter().filter(|(counts, _)| counts.iter().any(|n| *n > 0));
    let with_units: Vec<&(&[u64], &[f64])> = with_units.collect();
    let arms = match with_units[..] {
        [] => {
            super::error::check_at_least("units", 0, 1)?;
            0
        }
        [(counts, weights)] => return sample_ratio(counts, weights),
        [(counts, _), ..] => counts.len(),
    };
    let mut expected = vec![0.0; arms];
    let mut beyond = vec![0.0; arms];
    let mut covariance = vec![vec![0.0; arms]; arms];
    for (counts, weights) in with_units {
        let own = sample_ratio(counts, weights)?;
        if counts.len() != arms {
            let expected = format!("{arms} counts, as in the phase before,");
            return Err(MethodError::BadShape { what: "counts", expected, got: counts.len() });
        }
        let n: f64 = counts.iter().map(|count| *count as f64).sum();
        for (i, (of_arm, count)) in own.expected.iter().zip(*counts).enumerate() {
            expected[i] += of_arm;
            beyond[i] += *count as f64 - of_arm;
            covariance[i][i] += of_arm;
            for (both, of_other) in covariance[i].iter_mut().zip(&own.expected) {
                *both -= of_arm * (of_other / n);
            }
        }
    }
    // The last arm follows from the others.
    let chi2 = quadratic_form(covariance, beyond, arms - 1);
    if !chi2.is_finite() {
        return Err(MethodError::Overflow { what: "the chi-squared statistic" });
    }
    let df = arms as u64 - 1;
    let (p_value, log_p_value) = (chi2_sf(chi2, df as f64), chi2_ln_sf(chi2, df as f64));
    Ok(SampleRatio { expected, chi2, df, p_value, log_p_value })
}

/// x' A⁻¹ x of the first `size` rows of a positive definite A, by elimination: the sum of each pivot's own square.
fn quadratic_form(mut a: Vec<Vec<f64>>, mut x: Vec<f64>, size: usize) -> f64 {
    let mut sum = 0.0;
    for pivot in 0..size {
        let diagonal = a[pivot][pivot];
        sum += x[pivot] / diagonal * x[pivot];
        let row = a[pivot].clone();
        for below in pivot + 1..size {
            let factor = a[below][pivot] / diagonal;
            x[below] -= factor * x[pivot];
            for (own, of_pivot) in a[below].iter_mut().zip(&row) {
                *own -= factor * of_pivot;
            }
        }
    }
    sum
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
