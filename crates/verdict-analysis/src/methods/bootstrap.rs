//! Bootstrap intervals: percentile and BCa.
//!
//! Percentile: the quantiles of the replicates. BCa moves the levels for bias and skewness:
//! alpha_k = Φ(z0 + (z0 + z_k) / (1 - a (z0 + z_k))), z0 from the share of replicates below the statistic (ties half), a from the
//! jackknife. Use 10,000 replicates or more.
//!
//! Assumes independent units and a smooth statistic. It is **not** free of assumptions: it fails for extremes, for infinite
//! variance, for very small samples and for high quantiles of small samples; the percentile interval undercovers for skewed
//! means (use BCa). For quantiles the closed form ([`quantile_interval`](super::quantile_interval)) needs no replicates. An
//! interval from here and a p-value from a permutation test are two procedures and may contradict each other.
//!
//! Source: A. C. Davison & D. V. Hinkley, Bootstrap Methods and their Application (1997), equations (5.6), (5.21), (5.22);
//! B. Efron, J. Am. Statist. Assoc. 82 (1987), 171-185.

use super::error::{check_all_finite, check_alpha, check_at_least, check_finite};
use super::quantile::{QuantileMethod, quantile_sorted, sorted};
use super::resample::Draws;
use super::special::{norm_cdf, norm_isf, norm_ppf};
use super::{Interval, MethodError};

/// `count` replicates of a statistic of one or more samples, each sample resampled on its own.
///
/// # Errors
/// [`MethodError::TooFew`] for an empty sample or no replicates, [`MethodError::NotFinite`] for a value, or a replicate, that
/// is not.
///
/// # Example
/// ```
/// use verdict_analysis::methods::bootstrap::{percentile_interval, replicates};
/// use verdict_analysis::methods::resample::Draws;
///
/// let data: Vec<f64> = (0..50).map(|i| f64::from(i * i % 17)).collect();
/// let mean = |s: &[&[f64]]| s[0].iter().sum::<f64>() / s[0].len() as f64;
/// let replicates = replicates(&[&data], mean, Draws::named("checkout/revenue"), 2_000)?;
/// let interval = percentile_interval(&replicates, 0.05)?;
/// assert!(interval.lower < mean(&[&data]) && mean(&[&data]) < interval.upper);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn replicates(
    samples: &[&[f64]],
    statistic: impl Fn(&[&[f64]]) -> f64,
    draws: Draws,
    count: u64,
) -> Result<Vec<f64>, MethodError> {
    check_samples(samples)?;
    check_at_least("replicates", count, 1)?;
    let mut resampled: Vec<Vec<f64>> = samples.iter().map(|s| s.to_vec()).collect();
    let mut results = Vec::new();
    for replicate in 0..count {
        let mut draw = 0;
        for (to, from) in resampled.iter_mut().zip(samples) {
            for value in to {
                *value = from[draws.below(replicate, draw, from.len())];
                draw += 1;
            }
        }
        let views: Vec<&[f64]> = resampled.iter().map(Vec::as_slice).collect();
        results.push(statistic(&views));
    }
    check_all_finite("a replicate", &results)?;
    Ok(results)
}

/// The quantiles of the replicates at alpha/2 and 1 - alpha/2 (type 7).
///
/// # Errors
/// [`MethodError::TooFew`] without replicates, [`MethodError::NotFinite`], [`MethodError::BadAlpha`].
pub fn percentile_interval(replicates: &[f64], alpha: f64) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    at_levels(replicates, 0.5 * alpha, 1.0 - 0.5 * alpha)
}

/// The bias correction z0: the normal quantile of the share of replicates below the statistic, ties counting half.
///
/// # Errors
/// [`MethodError::TooFew`] without replicates, [`MethodError::NotFinite`], and [`MethodError::Unreachable`] when all replicates
/// lie on one side of the statistic.
pub fn bias_correction(replicates: &[f64], statistic: f64) -> Result<f64, MethodError> {
    check_at_least("replicates", replicates.len() as u64, 1)?;
    check_all_finite("a replicate", replicates)?;
    check_finite("the statistic", statistic)?;
    let below = replicates.iter().filter(|r| **r < statistic).count() as f64;
    let ties = replicates.iter().filter(|r| **r == statistic).count() as f64;
    let z0 = norm_ppf((below + 0.5 * ties) / replicates.len() as f64);
    if z0.is_finite() {
        Ok(z0)
    } else {
        Err(MethodError::Unreachable {
            what: "the bias correction",
            why: "all replicates lie on one side",
        })
    }
}

/// The acceleration a, from the jackknife of each sample: Σ U³/n³ / (6 (Σ U²/n²)^1.5) with U_i = (n - 1) (mean - T without i).
///
/// # Errors
/// [`MethodError::TooFew`] below two values in a sample, [`MethodError::NotFinite`], and [`MethodError::ZeroVariance`] when
/// leaving a value out never changes the statistic.
pub fn acceleration(
    samples: &[&[f64]],
    statistic: impl Fn(&[&[f64]]) -> f64,
) -> Result<f64, MethodError> {
    check_samples(samples)?;
    let (mut cubes, mut squares) = (0.0, 0.0);
    for (j, sample) in samples.iter().enumerate() {
        check_at_least("values in a sample", sample.len() as u64, 2)?;
        let n = sample.len() as f64;
        let mut rest = sample[1..].to_vec();
        let mut without = Vec::with_capacity(sample.len());
        for i in 0..sample.len() {
            // Value i comes back in as value i + 1 goes out.
            if i > 0 {
                rest[i - 1] = sample[i - 1];
            }
            let mut views = samples.to_vec();
            views[j] = &rest;
            without.push(statistic(&views));
        }
        check_all_finite("a jackknife replicate", &without)?;
        let mean = without.iter().sum::<f64>() / n;
        for t in without {
            let u = (n - 1.0) * (mean - t) / n;
            cubes += u * u * u;
            squares += u * u;
        }
    }
    if squares == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the statistic under the jackknife" });
    }
    let a = cubes / (6.0 * squares.powf(1.5));
    check_finite("the acceleration", a)?;
    Ok(a)
}

/// The bias-corrected and accelerated interval.
///
/// # Errors
/// As for [`bias_correction`]; [`MethodError::BadAlpha`], [`MethodError::NotFinite`] for the acceleration, and
/// [`MethodError::Unreachable`] when the corrected levels leave (0, 1).
pub fn bca_interval(
    replicates: &[f64],
    statistic: f64,
    acceleration: f64,
    alpha: f64,
) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    check_finite("the acceleration", acceleration)?;
    let z0 = bias_correction(replicates, statistic)?;
    let level = |z: f64| norm_cdf(z0 + (z0 + z) / (1.0 - acceleration * (z0 + z)));
    let z = norm_isf(0.5 * alpha);
    let (low, high) = (level(-z), level(z));
    if !(low > 0.0 && low < high && high < 1.0) {
        return Err(MethodError::Unreachable {
            what: "the BCa levels",
            why: "bias or skewness is too strong",
        });
    }
    at_levels(replicates, low, high)
}

fn at_levels(replicates: &[f64], low: f64, high: f64) -> Result<Interval, MethodError> {
    let sorted = sorted(replicates)?;
    Ok(Interval {
        lower: quantile_sorted(&sorted, low, QuantileMethod::Linear)?,
        upper: quantile_sorted(&sorted, high, QuantileMethod::Linear)?,
    })
}

fn check_samples(samples: &[&[f64]]) -> Result<(), MethodError> {
    check_at_least("samples", samples.len() as u64, 1)?;
    for sample in samples {
        check_at_least("values in a sample", sample.len() as u64, 1)?;
        check_all_finite("a value", sample)?;
    }
    Ok(())
}
