//! The Poisson bootstrap of means and ratios, from how many units have which total.
//!
//! Every unit gets a weight from Poisson(1) in every replicate (Hanley & MacGibbon 2006; Chamandy, Muralidharan, Najmi & Naidu
//! 2012), and units with equal totals only ever appear as the sum of their weights, which is Poisson(m) for m of them: one
//! draw for all, exact in distribution. What is given up is determinism by unit: a unit has no weights of its own, so that
//! replicates of different metrics do not belong together. A draw is a function of the key, the replicate, the totals
//! and how many units have them, in integers and the four operations, so that it is the same on every machine.
//!
//! Intervals are the quantiles of the replicates (`percentile`), or those at levels moved for bias and skewness (`bca`), as in
//! [`bootstrap`](super::bootstrap). The p-value is the one that belongs to the interval: alpha of the interval that just reaches
//! zero. It is no smaller than 1/(B + 1) on a side, B being the number of replicates.
//!
//! Assumes independent units. Not for totals without a variance; with few units the intervals are too short, like those of
//! all bootstraps.

use std::sync::Arc;

use super::bootstrap::{bca_interval, bias_correction, percentile_interval};
use super::error::{check_all_finite, check_at_least, check_finite};
use super::poisson::Poisson;
use super::resample::Draws;
use super::special::{norm_cdf, norm_ppf};
use super::spread::{Spread, squares};
use super::{Alternative, Interval, MethodError};

/// The distinct totals of a sample's units.
#[derive(Clone, Copy, Debug)]
pub struct UnitTotals<'a> {
    /// The totals, or the numerators of a ratio.
    pub x: &'a [f64],
    /// The denominators that go with them; `None`: one a unit, so that the level is the mean.
    pub y: Option<&'a [f64]>,
    /// How many units have them.
    pub counts: &'a [u64],
}

/// A sample's level: as it is, in every replicate, and without each unit.
#[derive(Clone, Debug)]
pub struct Resampled {
    level: f64,
    replicates: Levels,
    /// The level without a unit, and how many units it is without; the number of units is their sum.
    without: Vec<(f64, u64)>,
}

/// A sample's level in every replicate; `None` in one that drew nobody, or a denominator of zero.
pub type Levels = Arc<[Option<f64>]>;

/// A statistic of two levels by the bootstrap.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BootstrapEstimate {
    /// The statistic of the levels as they are.
    pub estimate: f64,
    /// The standard deviation of the replicates.
    pub std_error: f64,
    /// Open where the test is one-sided.
    pub interval: Interval,
    /// Of no effect: of a statistic of zero.
    pub p_value: f64,
    /// The replicates that count: all but those that drew nobody.
    pub replicates: u64,
}

/// How the interval is read from the replicates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Bias-corrected and accelerated.
    Bca,
    /// Their quantiles.
    Percentile,
}

/// Resamples the units of a sample.
///
/// # Errors
/// [`MethodError::TooFew`] below two units; [`MethodError::BadShape`] for lists of different lengths, [`MethodError::NotFinite`],
/// and [`MethodError::ZeroDenominator`] for a ratio of, or without a unit of, denominators that sum to zero.
///
/// # Example
/// ```
/// use verdict_analysis::methods::Alternative;
/// use verdict_analysis::methods::poisson_bootstrap::{Reading, UnitTotals, compare, resample};
/// use verdict_analysis::methods::resample::Draws;
///
/// let of = |x: &'static [f64], counts: &'static [u64], arm: &str| {
///     resample(UnitTotals { x, y: None, counts }, Draws::named(arm), 2_000)
/// };
/// let control = of(&[0.0, 10.0], &[900, 100], "control")?;
/// let treatment = of(&[0.0, 10.0, 500.0], &[800, 199, 1], "treatment")?;
/// let difference = |c: f64, t: f64| Some(t - c);
/// let found = compare(&control, &treatment, difference, 0.05, Alternative::TwoSided, Reading::Bca)?;
/// assert!((found.estimate - 1.49).abs() < 1e-12);
/// // Skewed to the right, and so is the interval.
/// assert!(found.interval.upper - 1.49 > 1.49 - found.interval.lower);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn resample(
    units: UnitTotals<'_>,
    draws: Draws,
    replicates: u32,
) -> Result<Resampled, MethodError> {
    let drawn = draw(units, draws, replicates, &mut |_| {})?;
    resampled(units, drawn)
}

/// A sample with the levels that [`draw`] gave of the same units: nearly all of the work of [`resample`] is in them.
///
/// # Errors
/// As for [`resample`].
pub fn resampled(units: UnitTotals<'_>, replicates: Levels) -> Result<Resampled, MethodError> {
    let Sums { level, y: sum_y } = sums(units)?;
    let UnitTotals { x, counts, .. } = units;
    let without = counts.iter().enumerate().filter(|(_, m)| **m > 0).map(|(i, m)| {
        let rest = sum_y - units.y_of(i);
        if rest == 0.0 {
            return Err(MethodError::ZeroDenominator { what: "the denominators without a unit" });
        }
        // (Σx - x)/(Σy - y), without the cancellation that far-off levels would suffer.
        Ok((level - (x[i] - level * units.y_of(i)) / rest, *m))
    });
    let without = without.collect::<Result<Vec<_>, _>>()?;
    Ok(Resampled { level, replicates, without })
}

/// How many totals are drawn between two calls of `heard` in [`draw`].
const HEARD: usize = 256;

/// Draws the replicates of a sample; `heard` is told now and then for how many more of its distinct totals all weights are drawn.
///
/// # Errors
/// As for [`resample`].
pub fn draw(
    units: UnitTotals<'_>,
    draws: Draws,
    replicates: u32,
    heard: &mut dyn FnMut(u64),
) -> Result<Levels, MethodError> {
    let Sums { level, .. } = sums(units)?;
    let UnitTotals { x, counts, .. } = units;
    let mut sums = vec![[0.0_f64; 2]; replicates as usize];
    // Most totals are those of as many units as the one before: of one.
    let mut table = (1, Poisson::new(1));
    let mut untold = 0;
    for (i, m) in counts.iter().enumerate() {
        let (from_level, y) = (x[i] - level * units.y_of(i), units.y_of(i));
        let own = draws.of(x[i].to_bits()).of(y.to_bits());
        let add = |sums: &mut [f64; 2], weight: u64| {
            sums[0] += weight as f64 * from_level;
            sums[1] += weight as f64 * y;
        };
        let mut left = *m;
        let mut part = 0;
        while left > 0 {
            let mean = left.min(Poisson::MOST);
            if table.0 != mean {
                table = (mean, Poisson::new(mean));
            }
            for (replicate, sums) in sums.iter_mut().enumerate() {
                add(sums, table.1.weight(own.bits(replicate as u64, part)));
            }
            left -= mean;
            part += 1;
        }
        untold += 1;
        if untold == HEARD {
            heard(HEARD as u64);
            untold = 0;
        }
    }
    heard(untold as u64);
    Ok(sums.iter().map(|[x, y]| (*y != 0.0).then(|| level + x / y)).collect())
}

impl UnitTotals<'_> {
    /// The denominator of a total.
    fn y_of(&self, i: usize) -> f64 {
        self.y.map_or(1.0, |y| y[i])
    }
}

/// A sample's level, and the sum of its denominators.
struct Sums {
    level: f64,
    y: f64,
}

fn sums(units: UnitTotals<'_>) -> Result<Sums, MethodError> {
    let UnitTotals { x, y, counts } = units;
    let same = x.len() == counts.len() && y.is_none_or(|y| y.len() == x.len());
    if !same {
        let expected = format!("{} totals of each kind", counts.len());
        return Err(MethodError::BadShape { what: "the totals", expected, got: x.len() });
    }
    check_all_finite("a total", x)?;
    check_all_finite("a denominator", y.unwrap_or_default())?;
    let n: u64 = counts.iter().sum();
    check_at_least("units", n, 2)?;
    let sum = |of: &dyn Fn(usize) -> f64| -> f64 {
        counts.iter().enumerate().map(|(i, m)| *m as f64 * of(i)).sum()
    };
    let (sum_x, sum_y) = (sum(&|i| x[i]), sum(&|i| units.y_of(i)));
    if sum_y == 0.0 {
        return Err(MethodError::ZeroDenominator { what: "the sum of the denominators" });
    }
    Ok(Sums { level: sum_x / sum_y, y: sum_y })
}

/// A statistic of the levels of control and treatment, in this order; it is undefined where it is `None`.
///
/// # Errors
/// [`MethodError::Unreachable`] where it is undefined for the levels as they are or without a unit, or where bias or skewness are
/// too strong for BCa; [`MethodError::ZeroVariance`] where no replicate differs, and no unit matters;
/// [`MethodError::BadAlpha`]; [`MethodError::TooFew`] where most replicates have none.
pub fn compare(
    control: &Resampled,
    treatment: &Resampled,
    statistic: impl Fn(f64, f64) -> Option<f64>,
    alpha: f64,
    alternative: Alternative,
    reading: Reading,
) -> Result<BootstrapEstimate, MethodError> {
    let of = |c: f64, t: f64| statistic(c, t).filter(|x| x.is_finite());
    let Found { estimate, replicates: found, squares } = found(control, treatment, &of)?;
    let b = found.len() as f64;
    let below = found.iter().filter(|r| **r < 0.0).count() as f64;
    let at_zero = found.iter().filter(|r| **r == 0.0).count() as f64;
    let (least, most) = (1.0 / (b + 1.0), b / (b + 1.0));
    let share = ((below + 0.5 * at_zero) / b).clamp(least, most);
    // Two sides of alpha/2 each, or one of alpha, of which the other is left open.
    let two_sided = 2.0 * alternative.tail_alpha(alpha);
    let (interval, lower_tail) = match reading {
        Reading::Percentile => (percentile_interval(&found, two_sided)?, share),
        Reading::Bca => {
            let a = of_jackknife(control, treatment, &of)?;
            let interval = bca_interval(&found, estimate, a, two_sided)?;
            let z0 = bias_correction(&found, estimate)?;
            // The level of the interval that ends at zero: its levels' formula, the other way around.
            let w = norm_ppf(share) - z0;
            if 1.0 + a * w <= 0.0 {
                return Err(MethodError::Unreachable {
                    what: "the BCa levels",
                    why: "bias or skewness is too strong",
                });
            }
            (interval, norm_cdf(w / (1.0 + a * w) - z0).clamp(least, most))
        }
    };
    let p_value = match alternative {
        Alternative::TwoSided => (2.0 * lower_tail.min(1.0 - lower_tail)).min(1.0),
        Alternative::Greater => lower_tail,
        Alternative::Less => 1.0 - lower_tail,
    };
    check_finite("the p-value", p_value)?;
    Ok(BootstrapEstimate {
        estimate,
        std_error: (squares / (b - 1.0)).sqrt(),
        interval: alternative.open(interval),
        p_value,
        replicates: found.len() as u64,
    })
}

/// The same as [`compare`] for whatever critical value: what tests over several looks ask for.
///
/// # Errors
/// As for [`compare`], and those of [`Spread::new`].
pub fn spread(
    control: &Resampled,
    treatment: &Resampled,
    statistic: impl Fn(f64, f64) -> Option<f64>,
    reading: Reading,
) -> Result<Spread, MethodError> {
    let of = |c: f64, t: f64| statistic(c, t).filter(|x| x.is_finite());
    let Found { estimate, replicates, .. } = found(control, treatment, &of)?;
    let (bias, acceleration) = match reading {
        Reading::Percentile => (0.0, 0.0),
        Reading::Bca => {
            (bias_correction(&replicates, estimate)?, of_jackknife(control, treatment, &of)?)
        }
    };
    Spread::new(estimate, &replicates, bias, acceleration)
}

/// A statistic, its replicates, and the sum of their squared distances from their mean.
struct Found {
    estimate: f64,
    replicates: Vec<f64>,
    squares: f64,
}

fn found(
    control: &Resampled,
    treatment: &Resampled,
    of: &dyn Fn(f64, f64) -> Option<f64>,
) -> Result<Found, MethodError> {
    let estimate = of(control.level, treatment.level).ok_or_else(undefined)?;
    let pairs = control.replicates.iter().zip(treatment.replicates.iter());
    let replicates: Vec<f64> = pairs.filter_map(|(c, t)| of((*c)?, (*t)?)).collect();
    let fewest = control.replicates.len() as u64 / 2 + 1;
    check_at_least("replicates", replicates.len() as u64, fewest)?;
    let squares = squares(estimate, &replicates)?;
    Ok(Found { estimate, replicates, squares })
}

fn undefined() -> MethodError {
    MethodError::Unreachable { what: "the statistic", why: "it is not defined for these levels" }
}

/// The acceleration of a statistic of two levels.
fn of_jackknife(
    control: &Resampled,
    treatment: &Resampled,
    of: &dyn Fn(f64, f64) -> Option<f64>,
) -> Result<f64, MethodError> {
    let without = |levels: &Resampled, of: &dyn Fn(f64) -> Option<f64>| {
        let each = levels.without.iter().map(|(level, m)| Some((of(*level)?, *m)));
        each.collect::<Option<Vec<_>>>().ok_or_else(undefined)
    };
    acceleration(&[
        without(control, &|c| of(c, treatment.level))?,
        without(treatment, &|t| of(control.level, t))?,
    ])
}

/// The acceleration from jackknife values and how many units each is of, by sample: as
/// [`bootstrap::acceleration`](super::bootstrap::acceleration).
fn acceleration(samples: &[Vec<(f64, u64)>]) -> Result<f64, MethodError> {
    let (mut cubes, mut squares) = (0.0, 0.0);
    for sample in samples {
        let n = sample.iter().map(|(_, m)| *m).sum::<u64>() as f64;
        // Differences from one of them, so that equal ones are exactly equal to their mean.
        let first = sample.first().map_or(0.0, |(t, _)| *t);
        let mean = sample.iter().map(|(t, m)| *m as f64 * (t - first)).sum::<f64>() / n;
        for (t, m) in sample {
            let u = (n - 1.0) * (mean - (t - first)) / n;
            cubes += *m as f64 * u * u * u;
            squares += *m as f64 * u * u;
        }
    }
    if squares == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the statistic under the jackknife" });
    }
    let a = cubes / (6.0 * squares.powf(1.5));
    check_finite("the acceleration", a)?;
    Ok(a)
}

#[cfg(test)]
mod tests {
    use super::super::bootstrap;
    use super::*;

    fn of<'a>(x: &'a [f64], y: Option<&'a [f64]>, counts: &'a [u64], name: &str) -> Resampled {
        resample(UnitTotals { x, y, counts }, Draws::named(name), 20_000).unwrap()
    }

    fn difference(c: f64, t: f64) -> Option<f64> {
        Some(t - c)
    }

    /// Without resampling: of a difference of means Σ(x - m)²/n², and of a ratio the delta method's, which for these units is
    /// Σ(x - r y)²/(Σy)².
    #[test]
    fn replicates_have_the_variance_of_the_plug_in_formula() {
        let (x, counts) = ([0.0, 1.0, 7.0, 30.0], [1_500, 300, 150, 50]);
        let y = [1.0, 2.0, 5.0, 9.0];
        let sums = |r: f64, y: &dyn Fn(usize) -> f64| {
            let of = |i: usize| counts[i] as f64 * (x[i] - r * y(i)).powi(2);
            (0..4).map(of).sum::<f64>()
        };
        let total =
            |of: &dyn Fn(usize) -> f64| (0..4).map(|i| counts[i] as f64 * of(i)).sum::<f64>();
        let (n, sum_x, sum_y) = (2_000.0, total(&|i| x[i]), total(&|i| y[i]));
        let of_means = 2.0 * sums(sum_x / n, &|_| 1.0) / (n * n);
        let of_ratios = 2.0 * sums(sum_x / sum_y, &|i| y[i]) / (sum_y * sum_y);
        for (y, wanted) in [(None, of_means), (Some(&y[..]), of_ratios)] {
            let (c, t) = (of(&x, y, &counts, "c"), of(&x, y, &counts, "t"));
            let found = compare(&c, &t, difference, 0.05, Alternative::TwoSided, Reading::Bca);
            let found = found.unwrap();
            assert_eq!((found.estimate, found.replicates), (0.0, 20_000));
            // The standard deviation of 20,000 draws has a standard error of half a per cent.
            let ratio = found.std_error / wanted.sqrt();
            assert!((ratio - 1.0).abs() < 0.025, "{ratio}");
            assert!(found.p_value > 0.9, "{found:?}");
        }
    }

    /// The acceleration is that of the jackknife of the single units, by the method that takes them one by one.
    #[test]
    fn the_acceleration_is_that_of_single_units() {
        let (c, t) = ([0.0, 0.0, 0.0, 4.0, 9.0], [1.0, 1.0, 25.0]);
        let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
        let single = bootstrap::acceleration(&[&c, &t], |s| mean(s[1]) - mean(s[0])).unwrap();
        let counted_c = of(&[0.0, 4.0, 9.0], None, &[3, 1, 1], "c");
        let counted_t = of(&[1.0, 25.0], None, &[2, 1], "t");
        let own = |r: &Resampled, sign: f64, at: f64| -> Vec<(f64, u64)> {
            r.without.iter().map(|(level, m)| (sign * level + at, *m)).collect()
        };
        let counted = acceleration(&[
            own(&counted_c, -1.0, counted_t.level),
            own(&counted_t, 1.0, -counted_c.level),
        ]);
        assert!((counted.unwrap() - single).abs() < 1e-14);
    }

    /// The interval at the level of the p-value ends at zero, to within a replicate or two.
    #[test]
    fn p_values_belong_to_the_intervals() {
        let c = of(&[0.0, 3.0, 20.0], None, &[300, 60, 10], "c");
        let t = of(&[0.0, 3.0, 20.0], None, &[260, 80, 22], "t");
        for reading in [Reading::Percentile, Reading::Bca] {
            let at = |alpha, alternative| {
                compare(&c, &t, difference, alpha, alternative, reading).unwrap()
            };
            let p = at(0.05, Alternative::TwoSided).p_value;
            assert!(p > 0.0004 && p < 0.05, "{p}");
            let ends = at(p, Alternative::TwoSided).interval;
            assert!(ends.lower.abs() < 0.03, "{reading:?}: {ends:?}");
            let greater = at(0.05, Alternative::Greater);
            assert!(
                (greater.p_value - 0.5 * p).abs() < 1e-12 && greater.interval.upper.is_infinite()
            );
            assert!((at(greater.p_value, Alternative::Greater).interval.lower).abs() < 0.03);
            let less = at(0.05, Alternative::Less);
            assert!((less.p_value - (1.0 - 0.5 * p)).abs() < 1e-12);
            assert!(less.interval.lower.is_infinite() && less.interval.upper > 0.0);
        }
    }

    #[test]
    fn no_p_value_is_smaller_than_the_replicates_can_tell() {
        let (c, t) = (of(&[0.0, 1.0], None, &[99, 1], "c"), of(&[9.0, 10.0], None, &[50, 50], "t"));
        let found = compare(&c, &t, difference, 0.05, Alternative::TwoSided, Reading::Percentile);
        assert_eq!(found.unwrap().p_value, 2.0 / 20_001.0);
    }

    #[test]
    fn what_cannot_be_resampled_is_refused() {
        let one = UnitTotals { x: &[1.0], y: None, counts: &[1] };
        let draws = Draws::new(1);
        assert!(matches!(resample(one, draws, 10), Err(MethodError::TooFew { .. })));
        let uneven = UnitTotals { x: &[1.0], y: None, counts: &[1, 2] };
        assert!(matches!(resample(uneven, draws, 10), Err(MethodError::BadShape { .. })));
        let nothing = UnitTotals { x: &[1.0, 2.0], y: Some(&[0.0, 0.0]), counts: &[2, 2] };
        assert!(matches!(resample(nothing, draws, 10), Err(MethodError::ZeroDenominator { .. })));
        let endless = UnitTotals { x: &[f64::NAN], y: None, counts: &[2] };
        assert!(matches!(resample(endless, draws, 10), Err(MethodError::NotFinite { .. })));
        let constant = of(&[2.0], None, &[50], "constant");
        let found =
            compare(&constant, &constant, difference, 0.05, Alternative::TwoSided, Reading::Bca);
        assert!(matches!(found, Err(MethodError::ZeroVariance { .. })));
        let lift = |c: f64, t: f64| (c > 9.0).then(|| t / c - 1.0);
        let other = of(&[1.0, 2.0], None, &[50, 50], "other");
        let found = compare(&other, &other, lift, 0.05, Alternative::TwoSided, Reading::Bca);
        assert!(matches!(found, Err(MethodError::Unreachable { .. })));
    }
}
