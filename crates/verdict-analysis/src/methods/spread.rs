//! Bootstrap replicates as a law that has an interval for every critical value, which is what tests over several looks ask for.
//!
//! The bound c of a look stands for a level, 2 (1 - Φ(c)) on two sides, and the interval of that level is the bootstrap's
//! repeated confidence interval (Jennison & Turnbull 2000, chapter 9, with the bootstrap's distribution of the estimate instead
//! of the normal one). Its ends are the quantiles of the replicates at Φ(∓c), or at BCa's levels of ∓c; the statistic for a bound
//! to be held against is the c of the interval that just reaches zero. Both come from one function, so that the
//! interval leaves out zero exactly where the statistic is beyond the bound.
//!
//! # Never nearer than the standard error
//! Of a skewed metric the replicates of a difference are skewed to the side on which a variant happens to have the large values, so
//! that their intervals move away from zero just when the difference is large by them. At one look far into an experiment that is
//! small; at the first of many looks, with twenty spenders in each variant, it is not: the numbers are in
//! `crates/verdict-sim/ERROR_RATES.md`. So an end is never nearer to the estimate than the critical value times the standard
//! deviation of the replicates. Both intervals are valid for large samples, where they agree; the wider one on each side covers at
//! least as often as either, and finds something only where both do.
//!
//! # Far out
//! A quantile that fewer than [`ENOUGH`] replicates lie beyond is a matter of luck, and bounds over looks are far out: 10,000
//! replicates show 3.09 standard errors, the first O'Brien-Fleming bound of 28 looks is beyond eight. Beyond the last quantile that
//! can be told an end goes on in proportion: an interval that reaches r at c reaches r c'/c at c'. That keeps what
//! the replicates say of the scale and the skewness of that side, as the quantile itself does where it can be told, and where
//! replicates are normal it is their standard deviation.
//!
//! Sources: C. Jennison & B. W. Turnbull, Group Sequential Methods (2000), chapter 9; B. Efron, J. Am. Statist. Assoc. 82 (1987), 171-185.

use super::error::{check_all_finite, check_at_least, check_finite};
use super::quantile::{QuantileMethod, quantile_sorted, sorted};
use super::special::{norm_cdf, norm_ppf};
use super::{Interval, MethodError};

/// The replicates that lie beyond the last quantile which is taken from them.
pub const ENOUGH: u64 = 10;

/// A statistic, its replicates, and how an interval is read from them.
#[derive(Clone, Debug)]
pub struct Spread {
    estimate: f64,
    std_error: f64,
    /// In order.
    replicates: Vec<f64>,
    bias: f64,
    acceleration: f64,
    lower: Edge,
    upper: Edge,
}

/// The last quantile on a side that the replicates tell.
#[derive(Clone, Copy, Debug)]
struct Edge {
    /// Negative below the estimate.
    z: f64,
    at: f64,
}

impl Spread {
    /// From a statistic's replicates with BCa's bias correction and acceleration; with zero for both its intervals are the
    /// quantiles of the replicates.
    ///
    /// # Errors
    /// [`MethodError::TooFew`] below four times [`ENOUGH`] replicates, [`MethodError::NotFinite`], [`MethodError::ZeroVariance`] where
    /// no replicate differs, and [`MethodError::Unreachable`] where bias or skewness are so strong that an interval does not
    /// lie around the estimate.
    pub fn new(
        estimate: f64,
        replicates: &[f64],
        bias: f64,
        acceleration: f64,
    ) -> Result<Self, MethodError> {
        check_finite("the statistic", estimate)?;
        check_finite("the bias correction", bias)?;
        check_finite("the acceleration", acceleration)?;
        check_all_finite("a replicate", replicates)?;
        check_at_least("replicates", replicates.len() as u64, 4 * ENOUGH)?;
        let b = replicates.len() as f64;
        let squares = squares(estimate, replicates)?;
        let replicates = sorted(replicates)?;
        let share = ENOUGH as f64 / b;
        let edge = |level: f64| {
            let at = quantile_sorted(&replicates, level, QuantileMethod::Linear)?;
            let z = critical(norm_ppf(level), bias, acceleration).ok_or_else(too_skewed)?;
            Ok::<Edge, MethodError>(Edge { z, at })
        };
        let (lower, upper) = (edge(share)?, edge(1.0 - share)?);
        let around = lower.z < 0.0 && upper.z > 0.0;
        if !(around && lower.at < estimate && estimate < upper.at) {
            return Err(too_skewed());
        }
        let std_error = (squares / (b - 1.0)).sqrt();
        Ok(Self { estimate, std_error, replicates, bias, acceleration, lower, upper })
    }

    /// The statistic of the samples as they are.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        self.estimate
    }

    /// The standard deviation of the replicates.
    #[must_use]
    pub fn std_error(&self) -> f64 {
        self.std_error
    }

    /// How many replicates there are.
    #[must_use]
    pub fn replicates(&self) -> u64 {
        self.replicates.len() as u64
    }

    /// The interval that a critical value of the standard normal law stands for, on both sides; without end for an infinite one.
    ///
    /// # Errors
    /// [`MethodError::NotPositive`] for a critical value that is not.
    pub fn interval(&self, critical: f64) -> Result<Interval, MethodError> {
        if critical.is_nan() || critical <= 0.0 {
            return Err(MethodError::NotPositive { what: "the critical value", value: critical });
        }
        Ok(Interval { lower: self.end(-critical)?, upper: self.end(critical)? })
    }

    /// The critical value whose interval just reaches zero, positive for a statistic above it: a normal statistic.
    #[must_use]
    pub fn z(&self) -> f64 {
        let (own, in_errors) = (self.of_replicates(), self.estimate / self.std_error);
        // Where they disagree about the sign, an interval around zero is all there is.
        if own * in_errors <= 0.0 {
            0.0
        } else {
            in_errors.signum() * own.abs().min(in_errors.abs())
        }
    }

    /// The same of the replicates' quantiles alone.
    fn of_replicates(&self) -> f64 {
        let beyond = |edge: &Edge| edge.z * self.estimate / (self.estimate - edge.at);
        if self.lower.at > 0.0 {
            return -beyond(&self.lower);
        }
        if self.upper.at < 0.0 {
            return -beyond(&self.upper);
        }
        // Where zero lies among the replicates, as type 7 has them; in the middle of those that are zero.
        let below = self.replicates.partition_point(|r| *r < 0.0);
        let up_to = self.replicates.partition_point(|r| *r <= 0.0);
        let place = if below < up_to {
            0.5 * (below + up_to - 1) as f64
        } else {
            // The edges lie on either side of zero, so that there are replicates on both.
            let (low, high) = (self.replicates[below - 1], self.replicates[below]);
            (below - 1) as f64 + low / (low - high)
        };
        let level = place / (self.replicates.len() - 1) as f64;
        // Between the edges, where it is defined.
        -critical(norm_ppf(level), self.bias, self.acceleration).unwrap_or(0.0)
    }

    /// The end of the interval on the side of `z`: the farther one.
    fn end(&self, z: f64) -> Result<f64, MethodError> {
        let (own, in_errors) = (self.quantile(z)?, self.estimate + z * self.std_error);
        Ok(if z < 0.0 { own.min(in_errors) } else { own.max(in_errors) })
    }

    fn quantile(&self, z: f64) -> Result<f64, MethodError> {
        let beyond = |edge: &Edge| self.estimate + (edge.at - self.estimate) * (z / edge.z);
        if z <= self.lower.z {
            return Ok(beyond(&self.lower));
        }
        if z >= self.upper.z {
            return Ok(beyond(&self.upper));
        }
        let moved = self.bias + z;
        let level = norm_cdf(self.bias + moved / (1.0 - self.acceleration * moved));
        quantile_sorted(&self.replicates, level, QuantileMethod::Linear)
    }
}

/// The z with BCa's level Φ(w): w = z0 + (z0 + z)/(1 - a (z0 + z)), the other way around; `None` where there is none.
fn critical(w: f64, bias: f64, acceleration: f64) -> Option<f64> {
    let w = w - bias;
    let spread = 1.0 + acceleration * w;
    (spread > 0.0).then(|| w / spread - bias)
}

fn too_skewed() -> MethodError {
    MethodError::Unreachable { what: "the interval", why: "bias or skewness is too strong" }
}

/// The sum of squares of replicates about their mean.
///
/// # Errors
/// [`MethodError::ZeroVariance`]: no replicate differs.
pub(super) fn squares(estimate: f64, replicates: &[f64]) -> Result<f64, MethodError> {
    // Around the estimate, so that nothing of a small spread cancels.
    let mean = replicates.iter().map(|r| r - estimate).sum::<f64>() / replicates.len() as f64;
    let squares =
        replicates.iter().map(|r| (r - estimate - mean) * (r - estimate - mean)).sum::<f64>();
    if squares == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric" });
    }
    Ok(squares)
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap::{bca_interval, percentile_interval};
    use super::super::special::norm_isf;
    use super::*;

    /// The quantiles of a normal law with this mean and standard deviation.
    fn normal(mean: f64, sd: f64, b: u32) -> Vec<f64> {
        (0..b).map(|i| mean + sd * norm_ppf((f64::from(i) + 0.5) / f64::from(b))).collect()
    }

    /// Of normal replicates the interval is estimate ± c standard errors and the statistic their ratio, near and far.
    #[test]
    fn normal_replicates_have_the_normal_interval_and_statistic() {
        for ratio in [-9.0, -3.5, -1.2, 0.4, 2.0, 3.0, 6.0, 20.0] {
            let spread = Spread::new(ratio * 0.5, &normal(ratio * 0.5, 0.5, 10_000), 0.0, 0.0);
            let spread = spread.unwrap();
            assert!((spread.std_error() - 0.5).abs() < 1e-3, "{}", spread.std_error());
            // The step of the quantiles at the edge is a twentieth of their level: 0.015 standard errors.
            assert!((spread.z() / ratio - 1.0).abs() < 0.006, "{ratio}: {}", spread.z());
            for c in [0.5, 1.96, 3.0, 4.5, 8.0] {
                let Interval { lower, upper } = spread.interval(c).unwrap();
                for end in [ratio * 0.5 - lower, upper - ratio * 0.5] {
                    assert!((end / (0.5 * c) - 1.0).abs() < 0.006, "{c}: {end}");
                }
            }
        }
    }

    /// Zero is an end of the interval whose critical value is the statistic: so both say the same of every bound.
    #[test]
    fn the_interval_at_the_statistic_ends_at_zero() {
        // Squares: skewed, with the estimate off the median.
        let squares = |shift: f64| -> Vec<f64> {
            normal(0.0, 1.0, 4_000).iter().map(|z| (z + 3.0) * (z + 3.0) + shift).collect()
        };
        for shift in [-30.0, -16.0, -12.0, -9.5, -6.0, -2.0, -0.5, 4.0, 40.0] {
            for (bias, acceleration) in [(0.0, 0.0), (0.05, 0.06), (-0.1, 0.02)] {
                let spread = Spread::new(10.0 + shift, &squares(shift), bias, acceleration);
                let spread = spread.unwrap();
                let z = spread.z();
                if z.abs() < 1e-6 {
                    continue;
                }
                let Interval { lower, upper } = spread.interval(z.abs()).unwrap();
                let end = if z > 0.0 { lower } else { upper };
                assert!(end.abs() < 1e-9, "{shift} {bias}: {end} at {z}");
                let wider = spread.interval(z.abs() + 1e-6).unwrap();
                assert!(wider.lower <= lower && wider.upper >= upper);
            }
        }
    }

    /// Where the replicates tell a quantile the interval is that of the method for one look, unless the standard error reaches further.
    #[test]
    fn near_intervals_are_those_of_one_look_or_of_the_standard_error() {
        let replicates: Vec<f64> =
            normal(0.2, 1.0, 2_000).iter().map(|z| (0.4 * z).exp() - 1.2).collect();
        for alpha in [0.2, 0.1, 0.05] {
            let c = norm_isf(0.5 * alpha);
            let plain = Spread::new(-0.1, &replicates, 0.0, 0.0).unwrap();
            let reach = c * plain.std_error();
            let near = |got: Interval, want: Interval| {
                // Skewed to the right: the replicates reach further there, and the standard error on the left.
                assert!(want.upper > -0.1 + reach && want.lower > -0.1 - reach, "{want:?}");
                assert!((got.lower - (-0.1 - reach)).abs() < 1e-9, "{got:?} is not {want:?}");
                assert!((got.upper - want.upper).abs() < 1e-9, "{got:?} is not {want:?}");
            };
            near(plain.interval(c).unwrap(), percentile_interval(&replicates, alpha).unwrap());
            let bias = super::super::bootstrap::bias_correction(&replicates, -0.1).unwrap();
            let moved = Spread::new(-0.1, &replicates, bias, 0.03).unwrap();
            near(moved.interval(c).unwrap(), bca_interval(&replicates, -0.1, 0.03, alpha).unwrap());
        }
    }

    #[test]
    fn what_has_no_interval_is_refused() {
        let flat = Spread::new(1.0, &[1.0; 100], 0.0, 0.0);
        assert!(matches!(flat, Err(MethodError::ZeroVariance { .. })), "{flat:?}");
        let few = Spread::new(0.0, &normal(0.0, 1.0, 39), 0.0, 0.0);
        assert!(matches!(few, Err(MethodError::TooFew { .. })), "{few:?}");
        let replicates = normal(0.0, 1.0, 1_000);
        for (estimate, bias, acceleration) in [(5.0, 0.0, 0.0), (0.0, 2.6, 0.0), (0.0, 0.0, 0.5)] {
            let skewed = Spread::new(estimate, &replicates, bias, acceleration);
            assert!(matches!(skewed, Err(MethodError::Unreachable { .. })), "{skewed:?}");
        }
        let spread = Spread::new(0.0, &replicates, 0.0, 0.0).unwrap();
        assert!(spread.interval(0.0).is_err() && spread.interval(f64::NAN).is_err());
        let whole = spread.interval(f64::INFINITY).unwrap();
        assert_eq!((whole.lower, whole.upper), (f64::NEG_INFINITY, f64::INFINITY));
    }
}
