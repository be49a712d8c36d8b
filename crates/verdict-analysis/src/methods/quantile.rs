//! Sample quantiles: the nine definitions of Hyndman and Fan, and four ways to round type 7.
//!
//! Source: R. J. Hyndman & Y. Fan, "Sample quantiles in statistical packages", Am. Statistician 50 (1996), 361-365.

use super::MethodError;
use super::error::{check_all_finite, check_at_least, check_probability};

/// How a quantile is read from the order statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum QuantileMethod {
    /// Type 1: the smallest value whose share reaches q.
    InvertedCdf,
    /// Type 2: type 1 with averages at the jumps.
    AveragedInvertedCdf,
    /// Type 3: the nearest order statistic, even ones at ties.
    ClosestObservation,
    /// Type 4: linear in the empirical distribution function.
    InterpolatedInvertedCdf,
    /// Type 5.
    Hazen,
    /// Type 6.
    Weibull,
    /// Type 7, linear between (n - 1) q: the default of R, NumPy and spreadsheets.
    #[default]
    Linear,
    /// Type 8.
    MedianUnbiased,
    /// Type 9.
    NormalUnbiased,
    /// Type 7 rounded down.
    Lower,
    /// Type 7 rounded up.
    Higher,
    /// The mean of lower and higher.
    Midpoint,
    /// Type 7 rounded to the nearest, even at ties.
    Nearest,
}

/// The quantile of values in ascending order.
///
/// # Errors
/// [`MethodError::TooFew`] without values, [`MethodError::BadProbability`] for q.
///
/// # Example
/// ```
/// use verdict_analysis::methods::quantile::{QuantileMethod, quantile_sorted};
///
/// assert_eq!(quantile_sorted(&[1.0, 2.0, 4.0, 8.0], 0.5, QuantileMethod::Linear)?, 3.0);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn quantile_sorted(sorted: &[f64], q: f64, method: QuantileMethod) -> Result<f64, MethodError> {
    check_at_least("values", sorted.len() as u64, 1)?;
    check_probability("the quantile", q)?;
    let n = sorted.len() as f64;
    // `position` counts from 0 and may lie between two values.
    let at = |position: f64| sorted[(position.max(0.0) as usize).min(sorted.len() - 1)];
    let between = |position: f64| {
        let position = position.clamp(0.0, n - 1.0);
        let (low, high) = (at(position.floor()), at(position.ceil()));
        let share = position - position.floor();
        // Equal neighbours stay exact, and the gap cannot overflow.
        if low == high { low } else { low * (1.0 - share) + high * share }
    };
    let plotting = |a: f64, b: f64| between(n * q + (a + q * (1.0 - a - b)) - 1.0);
    let step = n * q;
    Ok(match method {
        QuantileMethod::InvertedCdf => at(step.ceil() - 1.0),
        QuantileMethod::AveragedInvertedCdf => {
            if step.fract() == 0.0 {
                middle(at(step - 1.0), at(step))
            } else {
                at(step.floor())
            }
        }
        QuantileMethod::ClosestObservation => at((step - 1.0).round_ties_even_from_one()),
        QuantileMethod::InterpolatedInvertedCdf => plotting(0.0, 1.0),
        QuantileMethod::Hazen => plotting(0.5, 0.5),
        QuantileMethod::Weibull => plotting(0.0, 0.0),
        QuantileMethod::Linear => between((n - 1.0) * q),
        QuantileMethod::MedianUnbiased => plotting(1.0 / 3.0, 1.0 / 3.0),
        QuantileMethod::NormalUnbiased => plotting(0.375, 0.375),
        QuantileMethod::Lower => at(((n - 1.0) * q).floor()),
        QuantileMethod::Higher => at(((n - 1.0) * q).ceil()),
        QuantileMethod::Midpoint => middle(at(((n - 1.0) * q).floor()), at(((n - 1.0) * q).ceil())),
        QuantileMethod::Nearest => at(((n - 1.0) * q).round_ties_even()),
    })
}

/// The values in ascending order.
///
/// # Errors
/// [`MethodError::TooFew`] without values, [`MethodError::NotFinite`] for NaN or infinite ones.
pub fn sorted(values: &[f64]) -> Result<Vec<f64>, MethodError> {
    check_at_least("values", values.len() as u64, 1)?;
    check_all_finite("a value", values)?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    Ok(sorted)
}

fn middle(a: f64, b: f64) -> f64 {
    0.5 * a + 0.5 * b
}

trait RoundFromOne {
    fn round_ties_even_from_one(self) -> f64;
}

impl RoundFromOne for f64 {
    /// Rounds a position that counts from 0 so that ties go to ranks that are even when counted from 1.
    fn round_ties_even_from_one(self) -> f64 {
        (self + 1.0).round_ties_even() - 1.0
    }
}
