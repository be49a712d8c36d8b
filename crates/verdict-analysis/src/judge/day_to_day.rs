//! The time that passes between looks, from what the units' totals of two days in a row share.
//!
//! Statistics tell the co-moments of neighbouring days. Of days further apart two readings are made, and the smaller
//! correlation counts:
//!
//! - *Product.* The correlations of the days between, multiplied. Exact where a unit's covariance of two days is u(earlier)
//!   v(later): values complete at entry, independent days, conversions that happen once, one cohort with means of its
//!   own. Cohorts that enter day by day with means of their own are less alike than that: by the product alone, Pocock's
//!   boundary had a level of 5.9% to 6.7% instead of 5% for units whose means vary as much as their days, or far more.
//! - *Line.* With means of their own and independent days besides, the co-moment of a total with a later one grows by
//!   the same amount each day: that of the units' own variance and their ages together. The former is estimated from all
//!   neighbouring days up to the look, the ages from how many units entered when. Exact for any pattern of entry.
//!
//! From the correlations the time is that of [`crate::methods::sequential::clock`]: the slowest in which no pair of looks is less
//! alike than a Brownian motion, so that a smaller correlation costs power and not level.

use verdict_model::NaiveDate;
use verdict_model::rows::GroupStat;

use super::samples::{Kind, proportion, ratio};
use crate::methods::ratio::variance_of_difference;
use crate::methods::sequential::clock::Clock;

/// The time at looks at a quantile, from their units and variances: what two days share of a distribution is not kept.
///
/// Totals that are complete when a unit enters have independent increments, 1/variance, which is as the units there are. Of totals that
/// grow the variance may rise while news still comes in, so that 1/variance is no time, and a plan that spends by it would have no
/// test left at its end. Where every day is news of its own, the correlation of two looks at a mean is that of a time that
/// goes as units times the variance of one unit, n²V; where units have means of their own they are more alike than that. So the
/// fastest of the three counts: a time that is too fast costs power and not level ([`crate::methods::sequential::clock`]).
pub(super) fn assumed(looks: impl Iterator<Item = (f64, f64)>) -> Vec<f64> {
    let mut first = None;
    let mut latest = 0.0_f64;
    looks
        .map(|(units, variance)| {
            let (units_then, variance_then) = *first.get_or_insert((units, variance));
            let (n, v) = (units / units_then, variance / variance_then);
            latest = latest.max(n.max(n * n * v).max(1.0 / v) / variance_then);
            latest
        })
        .collect()
}

/// Days in a row of the arms that make an estimate, oldest first.
pub(super) struct Days {
    first: NaiveDate,
    arms: Vec<Vec<Day>>,
}

/// One arm on one day, in the metric's unit times its share of the estimate.
#[derive(Clone, Copy)]
pub(super) struct Day {
    /// What a unit's (x - r y) counts for in the estimate: the factor over n and over the mean of y.
    pub(super) weight: f64,
    /// The centred second moment of x - r y.
    pub(super) m2: f64,
    /// With the day before, by today's r.
    pub(super) shared: Option<Shared>,
    /// The days that the units have been there, together.
    pub(super) ages: f64,
}

#[derive(Clone, Copy)]
pub(super) struct Shared {
    /// The weight and the moment of the day before.
    pub(super) weight: f64,
    pub(super) m2: f64,
    /// The centred co-moment of both days.
    pub(super) co: f64,
}

impl Days {
    /// Days in a row of arms, from the first one on.
    pub(super) fn of_arms(first: NaiveDate, arms: Vec<Vec<Day>>) -> Days {
        Days { first, arms }
    }

    /// The days up to `last`, as far back as they are known without a gap. `group` gives an arm's statistics, and
    /// `factors` what each arm counts for; of a metric that is adjusted by its past, `theta` gives each day's slope.
    pub(super) fn up_to<'a>(
        last: NaiveDate,
        kind: Kind,
        factors: &[f64],
        theta: Option<&dyn Fn(NaiveDate) -> Option<f64>>,
        group: impl Fn(usize, NaiveDate) -> Option<&'a GroupStat>,
    ) -> Option<Days> {
        let mut dates = vec![last];
        let known = |date: NaiveDate| (0..factors.len()).all(|arm| group(arm, date).is_some());
        while let Some(date) =
            dates.last().and_then(NaiveDate::pred_opt).filter(|date| known(*date))
        {
            dates.push(date);
        }
        dates.reverse();
        let slopes = match theta {
            None => vec![None; dates.len()],
            Some(theta) => {
                dates.iter().map(|date| theta(*date).map(Some)).collect::<Option<Vec<_>>>()?
            }
        };
        let arms = factors.iter().enumerate().map(|(arm, factor)| {
            let mut days: Vec<Day> = Vec::with_capacity(dates.len());
            let mut before: Option<&GroupStat> = None;
            for (date, theta) in dates.iter().zip(&slopes) {
                let now = group(arm, *date)?;
                let ages = days.last().map_or(0.0, |day| day.ages) + now.n as f64;
                days.push(day(kind, (*factor, *theta), now, before, ages)?);
                before = Some(now);
            }
            Some(days)
        });
        Some(Days { first: *dates.first()?, arms: arms.collect::<Option<_>>()? })
    }

    /// The time at each of these looks, the first of which has this variance; `None` where a co-moment is missing.
    pub(super) fn times(&self, looks: &[NaiveDate], variance: f64) -> Option<Vec<f64>> {
        let at = |date: NaiveDate| usize::try_from((date - self.first).num_days()).ok();
        let places = looks.iter().map(|date| at(*date)).collect::<Option<Vec<usize>>>()?;
        let mut clock = Clock::default();
        let mut times = Vec::with_capacity(looks.len());
        for (k, now) in places.iter().enumerate() {
            let mut row = Vec::with_capacity(k);
            let slopes: Vec<f64> = self.arms.iter().map(|arm| own_variance(arm, *now)).collect();
            let mut product = 1.0;
            let mut reached = *now;
            for then in places[..k].iter().rev() {
                for day in (then + 1..=reached).rev() {
                    product *= self.neighbours(day)?;
                }
                reached = *then;
                row.push(f64::min(product, self.line(*then, *now, &slopes)));
            }
            row.reverse();
            times.push(clock.read(variance, &row).ok()?);
        }
        Some(times)
    }

    /// The correlation of the estimates of a day and the day before.
    fn neighbours(&self, day: usize) -> Option<f64> {
        let (mut now, mut before, mut both) = (0.0, 0.0, 0.0);
        for arm in &self.arms {
            let today = arm.get(day)?;
            let shared = today.shared?;
            now += today.weight * today.weight * today.m2;
            before += shared.weight * shared.weight * shared.m2;
            both += today.weight * shared.weight * shared.co;
        }
        correlation(both, now, before)
    }

    /// The correlation of two days by the line, given the variance of the units' own means in each arm.
    fn line(&self, then: usize, now: usize, slopes: &[f64]) -> f64 {
        let (mut v_now, mut v_then, mut both) = (0.0, 0.0, 0.0);
        for (arm, slope) in self.arms.iter().zip(slopes) {
            let (earlier, later) = (arm[then], arm[now]);
            let co = earlier.m2 + (now - then) as f64 * slope * earlier.ages;
            v_now += later.weight * later.weight * later.m2;
            v_then += earlier.weight * earlier.weight * earlier.m2;
            both += earlier.weight * later.weight * co;
        }
        // Degenerate moments leave it to the product.
        correlation(both, v_now, v_then).unwrap_or(1.0)
    }
}

/// Square roots apart: their product cannot leave the range of f64 where both are in it.
fn correlation(both: f64, v_now: f64, v_then: f64) -> Option<f64> {
    let r = both / v_now.sqrt() / v_then.sqrt();
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// What the co-moment with the next day gains for each day of a unit's age, over all days up to this one; at least
/// nothing: what falls is the product's.
fn own_variance(arm: &[Day], up_to: usize) -> f64 {
    let (mut gained, mut ages) = (0.0, 0.0);
    for pair in arm[..=up_to].windows(2) {
        let Some(shared) = pair[1].shared else { continue };
        gained += shared.co - shared.m2;
        ages += pair[0].ages;
    }
    if ages > 0.0 { (gained / ages).max(0.0) } else { 0.0 }
}

fn day(
    kind: Kind,
    (factor, theta): (f64, Option<f64>),
    now: &GroupStat,
    before: Option<&GroupStat>,
    ages: f64,
) -> Option<Day> {
    let n = |group: &GroupStat| u64::try_from(group.n).ok().filter(|n| *n > 0);
    let weight = |group: &GroupStat, mean_den: f64| Some(factor / n(group)? as f64 / mean_den);
    // The mean of y, r, and the moment of x - r y by any r.
    let of_ratio = ratio(now).ok();
    let (mean_den, r) = match (kind, &of_ratio) {
        (Kind::Ratio | Kind::Clustered, Some(ratio)) => {
            (ratio.mean_den, ratio.mean_num / ratio.mean_den)
        }
        // What two days share of a distribution is not kept: the time of its looks is assumed.
        (Kind::Ratio | Kind::Clustered, None) | (Kind::Quantile | Kind::Superiority, _) => {
            return None;
        }
        (Kind::Proportion | Kind::Mean, _) => (1.0, 0.0),
    };
    let past = match theta {
        Some(theta) => Some(Past::of(kind, now, theta)?),
        None => None,
    };
    let m2 = |group: &GroupStat| match kind {
        _ if past.is_some() => past?.m2(group),
        Kind::Proportion => {
            let p = proportion(group).ok()?;
            Some(p.rate() * p.failure_rate() * n(group)? as f64)
        }
        Kind::Mean => group.m2_x,
        Kind::Quantile | Kind::Superiority => None,
        Kind::Ratio | Kind::Clustered => {
            let of = ratio(group).ok()?;
            let per_unit = variance_of_difference(of.var_num, of.var_den, of.cov, r);
            Some(per_unit * (n(group)? - 1) as f64)
        }
    };
    let shared = before.and_then(|before| {
        let co = match kind {
            _ if past.is_some() => past?.co_before(now)?,
            Kind::Proportion | Kind::Mean => now.co_x_before?,
            Kind::Quantile | Kind::Superiority => return None,
            Kind::Ratio | Kind::Clustered => {
                now.co_x_before? - 2.0 * r * now.co_xy_before? + r * r * now.co_y_before?
            }
        };
        let mean_den = if matches!(kind, Kind::Ratio | Kind::Clustered) {
            ratio(before).ok()?.mean_den
        } else {
            1.0
        };
        now.n_before.filter(|both| (2..=now.n.min(before.n)).contains(both))?;
        Some(Shared { weight: weight(before, mean_den)?, m2: m2(before)?, co })
    });
    Some(Day { weight: weight(now, mean_den)?, m2: m2(now)?, shared, ages })
}

/// What is watched of a metric that is adjusted by its past: (x - r y) - s (pre x - q pre y), by what the day itself says of
/// r, q and s.
#[derive(Clone, Copy)]
struct Past {
    r: f64,
    q: f64,
    s: f64,
}

impl Past {
    fn of(kind: Kind, now: &GroupStat, theta: f64) -> Option<Past> {
        if !matches!(kind, Kind::Ratio) {
            return Some(Past { r: 0.0, q: 0.0, s: theta });
        }
        // Theta is of ratios, each linearised over the mean of its denominator.
        let (mean_y, mean_pre_y) = (now.mean_y?, now.covariates.mean_pre_y?);
        let (r, q) = (now.mean_x? / mean_y, now.covariates.mean_pre_x? / mean_pre_y);
        let past = if theta == 0.0 {
            Past { r, q: 0.0, s: 0.0 }
        } else {
            Past { r, q, s: theta * mean_y / mean_pre_y }
        };
        [past.r, past.q, past.s].iter().all(|x| x.is_finite()).then_some(past)
    }

    /// Its centred second moment.
    fn m2(self, group: &GroupStat) -> Option<f64> {
        let Past { r, q, s } = self;
        let past = &group.covariates;
        let own = match r == 0.0 && group.m2_y.is_none() {
            true => group.m2_x?,
            false => variance_of_difference(group.m2_x?, group.m2_y?, group.co_xy?, r),
        };
        let (of_past, co) = match past.m2_pre_y {
            None => (past.m2_pre_x?, past.co_x_pre_x?),
            Some(m2_pre_y) => (
                variance_of_difference(past.m2_pre_x?, m2_pre_y, past.co_pre_xy?, q),
                past.co_x_pre_x? - q * past.co_x_pre_y? - r * past.co_y_pre_x?
                    + r * q * past.co_y_pre_y?,
            ),
        };
        Some(variance_of_difference(own, of_past, co, s))
    }

    /// Its centred co-moment with the day before.
    fn co_before(self, now: &GroupStat) -> Option<f64> {
        let Past { r, q, s } = self;
        let past = &now.covariates;
        let own = match now.co_y_before {
            None => now.co_x_before?,
            Some(co_y) => now.co_x_before? - 2.0 * r * now.co_xy_before? + r * r * co_y,
        };
        let (of_past, half) = match past.m2_pre_y_before {
            None => (past.m2_pre_x_before?, past.co_x_pre_x_before?),
            Some(m2_pre_y) => (
                variance_of_difference(past.m2_pre_x_before?, m2_pre_y, past.co_pre_xy_before?, q),
                past.co_x_pre_x_before?
                    - q * past.co_x_pre_y_before?
                    - r * past.co_y_pre_x_before?
                    + r * q * past.co_y_pre_y_before?,
            ),
        };
        Some(own - 2.0 * s * half + s * s * of_past)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_assumed_time_is_never_slower_than_units_come() {
        let check = |looks: &[(f64, f64)], times: &[f64]| {
            let found = assumed(looks.iter().copied());
            let near = found.iter().zip(times).all(|(a, b)| (a / b - 1.0).abs() < 1e-12);
            assert!(near && found.len() == times.len(), "{found:?} is not {times:?}");
        };
        // Complete at entry: 1/V, which is as the units.
        check(&[(100.0, 0.01), (200.0, 0.005), (400.0, 0.0025)], &[100.0, 200.0, 400.0]);
        // A unit's variance grows with its days, as many as there are units: V stays, and corr² of two looks is (1/2)².
        check(&[(100.0, 0.01), (200.0, 0.01)], &[100.0, 400.0]);
        // It never goes back.
        check(&[(100.0, 0.01), (120.0, 0.002), (130.0, 0.009)], &[100.0, 500.0, 500.0]);
    }
}
