//! Winsorisation: values beyond two quantiles are replaced by them.
//!
//! It tames the variance of revenue-like metrics at the price of another estimand: the mean of the clipped metric. Take the
//! thresholds from both variants pooled, or from before the experiment, and before any look at the results; thresholds per
//! variant would clip the effect away. Report the cap and the share that was clipped.
//!
//! Source: J. W. Tukey, Ann. Math. Statist. 33 (1962), 1-67; quantiles of type 7.

use super::quantile::{QuantileMethod, quantile_sorted, sorted};
use super::{Interval, MethodError};

/// Clipped values and how many were clipped.
#[derive(Clone, Debug, PartialEq)]
pub struct Winsorized {
    /// The values, in the order of the input.
    pub values: Vec<f64>,
    /// Values below the lower threshold.
    pub clipped_low: u64,
    /// Values above the upper threshold.
    pub clipped_high: u64,
}

/// The thresholds at two quantiles of the pooled values of all variants.
///
/// # Errors
/// [`MethodError::TooFew`] without values, [`MethodError::NotFinite`], [`MethodError::BadProbability`] for a quantile outside
/// [0, 1], [`MethodError::Negative`] when the upper quantile is below the lower.
///
/// # Example
/// ```
/// use verdict_analysis::methods::winsorize::{thresholds, winsorize};
///
/// let control = [1.0, 2.0, 3.0, 90.0];
/// let treatment = [2.0, 3.0, 4.0, 5.0];
/// let cap = thresholds(&[control, treatment].concat(), 0.0, 0.75)?;
/// assert_eq!(cap.upper, 4.25);
/// assert_eq!(winsorize(&control, cap)?.values, [1.0, 2.0, 3.0, 4.25]);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn thresholds(pooled: &[f64], lower: f64, upper: f64) -> Result<Interval, MethodError> {
    let pooled = sorted(pooled)?;
    let interval = Interval {
        lower: quantile_sorted(&pooled, lower, QuantileMethod::Linear)?,
        upper: quantile_sorted(&pooled, upper, QuantileMethod::Linear)?,
    };
    super::error::check_not_negative("the upper quantile less the lower", upper - lower)?;
    Ok(interval)
}

/// Clips values to the thresholds.
///
/// # Errors
/// [`MethodError::NotFinite`] for NaN or infinite values, [`MethodError::Negative`] for thresholds in the wrong order.
pub fn winsorize(values: &[f64], thresholds: Interval) -> Result<Winsorized, MethodError> {
    super::error::check_all_finite("a value", values)?;
    super::error::check_finite("the lower threshold", thresholds.lower)?;
    super::error::check_finite("the upper threshold", thresholds.upper)?;
    if thresholds.upper < thresholds.lower {
        let value = thresholds.upper - thresholds.lower;
        return Err(MethodError::Negative { what: "the upper threshold less the lower", value });
    }
    Ok(Winsorized {
        values: values.iter().map(|x| x.clamp(thresholds.lower, thresholds.upper)).collect(),
        clipped_low: values.iter().filter(|x| **x < thresholds.lower).count() as u64,
        clipped_high: values.iter().filter(|x| **x > thresholds.upper).count() as u64,
    })
}
