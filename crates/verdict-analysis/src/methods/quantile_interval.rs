//! Intervals of quantiles and of differences in quantiles, without resampling.
//!
//! In a Poisson bootstrap of a large sample the rank of the resampled quantile follows Binomial(n + 1, q). The percentile
//! interval is therefore [X_(L), X_(U)] with L, U the binomial quantiles at alpha/2 and 1 - alpha/2, ranks counted from 1:
//! one pass over sorted data instead of thousands of resamples. The interval of a difference convolves the two rank laws.
//!
//! Assumes independent units: latencies per request are clustered by user, take one value a user first, or cluster. Not for
//! extremes: with fewer than about ten values beyond the quantile the interval ends at the sample's own minimum or maximum.
//!
//! Source: M. Schultzberg & S. Ankargren, "Resampling-free bootstrap inference for quantiles" (2022), theorem 1; the exact
//! interval: W. J. Conover, Practical Nonparametric Statistics, 3rd ed. (1999), section 3.2.

use super::error::{check_alpha, check_at_least, check_finite, check_positive};
use super::quantile::sorted;
use super::special::{binomial_cdf, binomial_ppf, binomial_tails, norm_isf};
use super::{Interval, MethodError, Sample};

/// The ranks, counted from 1, between which a quantile's interval lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranks {
    /// The binomial quantile at alpha/2, before it is kept within 1..=n.
    pub lower_raw: u64,
    /// The binomial quantile at 1 - alpha/2, before it is kept within 1..=n.
    pub upper_raw: u64,
    /// The lower rank.
    pub lower: u64,
    /// The upper rank.
    pub upper: u64,
}

/// The ranks of the closed-form bootstrap interval of the quantile q of n values.
///
/// # Errors
/// [`MethodError::TooFew`] without values, [`MethodError::BadProbability`] unless 0 < q < 1, [`MethodError::BadAlpha`].
pub fn bootstrap_ranks(n: u64, q: f64, alpha: f64) -> Result<Ranks, MethodError> {
    check(n, q, alpha)?;
    let rank = |p: f64| binomial_ppf(p, n.saturating_add(1), q).unwrap_or(0);
    let (lower_raw, upper_raw) = (rank(0.5 * alpha), rank(1.0 - 0.5 * alpha));
    Ok(Ranks { lower_raw, upper_raw, lower: lower_raw.clamp(1, n), upper: upper_raw.clamp(1, n) })
}

/// The ranks of the exact distribution-free interval; `None` on a side where the sample is too small to bound it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ExactRanks {
    /// The lower rank.
    pub lower: Option<u64>,
    /// The upper rank.
    pub upper: Option<u64>,
    /// The probability that the interval covers the quantile of a continuous distribution: at least 1 - alpha.
    pub coverage: f64,
}

/// The exact ranks for the quantile q of n values.
///
/// # Errors
/// As for [`bootstrap_ranks`].
pub fn exact_ranks(n: u64, q: f64, alpha: f64) -> Result<ExactRanks, MethodError> {
    check(n, q, alpha)?;
    let lower = binomial_ppf(0.5 * alpha, n, q).unwrap_or(0);
    let upper = binomial_ppf(1.0 - 0.5 * alpha, n, q).unwrap_or(n).saturating_add(1);
    let below = if lower == 0 { 0.0 } else { binomial_cdf(lower - 1, n, q) };
    Ok(ExactRanks {
        lower: (lower >= 1).then_some(lower),
        upper: (upper <= n).then_some(upper),
        coverage: binomial_cdf(upper - 1, n, q) - below,
    })
}

/// The closed-form bootstrap interval of the quantile q of some values.
///
/// # Errors
/// As for [`bootstrap_ranks`]; [`MethodError::NotFinite`] for NaN or infinite values.
///
/// # Example
/// ```
/// use verdict_analysis::methods::quantile_interval::quantile_interval;
///
/// let latencies: Vec<f64> = (1..=1000).map(f64::from).collect();
/// let interval = quantile_interval(&latencies, 0.9, 0.05)?;
/// assert_eq!((interval.lower, interval.upper), (882.0, 919.0));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn quantile_interval(values: &[f64], q: f64, alpha: f64) -> Result<Interval, MethodError> {
    let values = sorted(values)?;
    let ranks = bootstrap_ranks(values.len() as u64, q, alpha)?;
    Ok(Interval {
        lower: values[ranks.lower as usize - 1],
        upper: values[ranks.upper as usize - 1],
    })
}

/// The difference of two quantiles, treatment minus control, by the convolved rank laws.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantileDifference {
    /// The interval.
    pub interval: Interval,
    /// The probability, over the rank laws, of a difference of at most zero.
    pub p_le_zero: f64,
    /// The probability of a difference of at least zero.
    pub p_ge_zero: f64,
    /// Twice the smaller, at most 1.
    pub p_value: f64,
}

/// The interval and p-value of the difference in the quantile q.
///
/// # Errors
/// As for [`quantile_interval`], for either variant.
///
/// # Example
/// Every value 1,000 later: so is the median, beyond any doubt that ranks of 101 values leave.
/// ```
/// use verdict_analysis::methods::quantile_interval::quantile_difference;
///
/// let control: Vec<f64> = (1..=101).map(f64::from).collect();
/// let treatment: Vec<f64> = control.iter().map(|x| x + 1_000.0).collect();
/// let difference = quantile_difference(&control, &treatment, 0.5, 0.05)?;
/// assert!(difference.p_value < 1e-12 && difference.interval.lower > 950.0);
/// // The same law on both sides: the interval is symmetric around the shift.
/// assert_eq!(difference.interval.lower + difference.interval.upper, 2_000.0);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn quantile_difference(
    control: &[f64],
    treatment: &[f64],
    q: f64,
    alpha: f64,
) -> Result<QuantileDifference, MethodError> {
    let control = RankLaw::new(&sorted(control)?, q, alpha)?;
    let treatment = RankLaw::new(&sorted(treatment)?, q, alpha)?;
    let at_most = |d: f64| control.mass_of_differences(&treatment, |difference| difference <= d);
    let p_le_zero = at_most(0.0);
    let p_ge_zero = 1.0 - control.mass_of_differences(&treatment, |difference| difference < 0.0);
    // The smallest difference whose distribution function reaches p, with a slack for the rounding of the sum.
    let reach = |p: f64| {
        let reached = |d: f64| at_most(d) >= p - 1e-13;
        let lowest = treatment.values[0] - control.values[control.values.len() - 1];
        let highest = treatment.values[treatment.values.len() - 1] - control.values[0];
        let (mut low, mut high) = (lowest, highest);
        if reached(low) {
            return low;
        }
        for _ in 0..200 {
            let middle = 0.5 * low + 0.5 * high;
            if middle <= low || middle >= high {
                break;
            }
            if reached(middle) { high = middle } else { low = middle }
        }
        control.largest_difference(&treatment, high)
    };
    let interval = Interval { lower: reach(0.5 * alpha), upper: reach(1.0 - 0.5 * alpha) };
    if !(interval.lower.is_finite() && interval.upper.is_finite()) {
        return Err(MethodError::Overflow { what: "the difference of two values" });
    }
    Ok(QuantileDifference {
        interval,
        p_le_zero,
        p_ge_zero,
        p_value: (2.0 * p_le_zero.min(p_ge_zero)).min(1.0),
    })
}

/// The values that a resampled quantile may take, ascending, with their probabilities.
struct RankLaw {
    values: Vec<f64>,
    /// P(the quantile is among the first i values), i from 0.
    cumulative: Vec<f64>,
}

impl RankLaw {
    fn new(sorted: &[f64], q: f64, alpha: f64) -> Result<Self, MethodError> {
        let n = sorted.len() as u64;
        check(n, q, alpha)?;
        // Ranks less likely than 1e-18 in all are left out; the law is clamped to the sample's own ends.
        let rank = |p: f64| binomial_ppf(p, n.saturating_add(1), q).unwrap_or(0);
        let (first, last) =
            (rank(1e-18).clamp(1, n), rank(1.0 - 1e-16).saturating_add(2).clamp(1, n));
        let mut cumulative = vec![0.0];
        for k in first..=last {
            cumulative.push(if k == n { 1.0 } else { binomial_tails(k, n + 1, q).lower() });
        }
        let values = sorted[first as usize - 1..last as usize].to_vec();
        Ok(Self { values, cumulative })
    }

    /// The largest difference `other` - `self` of two values that is at most `limit`.
    fn largest_difference(&self, other: &Self, limit: f64) -> f64 {
        let below = |mine: &f64| {
            let count = other.values.partition_point(|theirs| theirs - mine <= limit);
            count.checked_sub(1).map(|i| other.values[i] - mine)
        };
        self.values.iter().filter_map(below).fold(f64::NEG_INFINITY, f64::max)
    }

    /// The probability of the pairs whose difference `other` - `self` satisfies a condition that turns false as it grows.
    fn mass_of_differences(&self, other: &Self, holds: impl Fn(f64) -> bool) -> f64 {
        let mut count = 0;
        let mut mass = 0.0;
        for (i, mine) in self.values.iter().enumerate() {
            while count < other.values.len() && holds(other.values[count] - mine) {
                count += 1;
            }
            mass += (self.cumulative[i + 1] - self.cumulative[i]) * other.cumulative[count];
        }
        mass
    }
}

/// A quantile as a [`Sample`] for Welch's test, from an interval of order statistics of level 1 - alpha around it.
///
/// The interval's half-width over z is taken as the standard error. `clusters_per_unit` scales the variance when the units
/// are clustered; 1 otherwise.
///
/// # Errors
/// [`MethodError::TooFew`] when n is so small that the interval would leave the sample (n < z² max(q/(1-q), (1-q)/q)),
/// [`MethodError::Negative`] for an interval in the wrong order, [`MethodError::NotFinite`].
pub fn quantile_as_sample(
    n: u64,
    effective_n: f64,
    q: f64,
    estimate: f64,
    interval: Interval,
    alpha: f64,
) -> Result<Sample, MethodError> {
    check(n, q, alpha)?;
    check_positive("the effective number of values", effective_n)?;
    check_finite("the quantile", estimate)?;
    check_finite("the lower bound", interval.lower)?;
    check_finite("the upper bound", interval.upper)?;
    super::error::check_not_negative("the width of the interval", interval.upper - interval.lower)?;
    let z = norm_isf(0.5 * alpha);
    let needed = (z * z * (q / (1.0 - q)).max((1.0 - q) / q)).ceil();
    check_at_least("values for this quantile", n, needed as u64)?;
    let std_error = (interval.upper - interval.lower) / (2.0 * z);
    let variance = std_error * std_error * (n as f64 - 1.0) * (effective_n / n as f64);
    check_finite("the variance of the quantile", variance)?;
    Ok(Sample { n, mean: estimate, variance })
}

fn check(n: u64, q: f64, alpha: f64) -> Result<(), MethodError> {
    check_at_least("values", n, 1)?;
    check_alpha(alpha)?;
    if q > 0.0 && q < 1.0 {
        Ok(())
    } else {
        Err(MethodError::BadProbability { what: "the quantile", value: q })
    }
}
