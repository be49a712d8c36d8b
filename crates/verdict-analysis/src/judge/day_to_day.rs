//! How alike the estimates of two days in a row are, from the totals of the units that count at both.
//!
//! The correlation of days further apart is the product of the daily ones. That holds exactly where the covariance of a
//! unit's totals of two days is u(earlier) v(later): independent days (u grows, v is 1), and one cohort of units with
//! means of their own besides. Units of very different persistence, or cohorts that enter day by day with means of
//! their own, come near it: products then say a little more likeness than there is. What that does to the level is
//! measured in [`crate::judge`].

use verdict_model::rows::GroupStat;

use super::samples::{Kind, proportion, ratio};
use crate::methods::Sample;
use crate::methods::ratio::variance_of_difference;
use crate::methods::sequential::overlap::Overlap;

/// A day and the day before of one variant, and what its level counts for in the estimate.
#[derive(Clone, Copy)]
pub(super) struct TwoDays<'a> {
    pub(super) now: &'a GroupStat,
    pub(super) before: &'a GroupStat,
    /// The level's factor in the estimate: 1 for the variant, -1 for the control of a difference.
    pub(super) factor: f64,
}

/// The correlation of the estimates of two days, over the arms that make them; `None` where the statistics do not
/// say.
pub(super) fn correlation(kind: Kind, arms: &[TwoDays<'_>]) -> Option<f64> {
    let (mut now, mut before, mut both) = (0.0, 0.0, 0.0);
    for arm in arms {
        let shared = shared(kind, arm.now, arm.before)?;
        let square = arm.factor * arm.factor;
        now += square * shared.variance_now;
        before += square * shared.variance_before;
        both += square * shared.covariance;
    }
    // Square roots apart: their product cannot leave the range of f64 where both are in it.
    let r = both / now.sqrt() / before.sqrt();
    r.is_finite().then(|| r.clamp(-1.0, 1.0))
}

/// Variances and covariance of one variant's level of two days.
struct Shared {
    variance_now: f64,
    variance_before: f64,
    covariance: f64,
}

fn shared(kind: Kind, now: &GroupStat, before: &GroupStat) -> Option<Shared> {
    let units_now = u64::try_from(now.n).ok()?;
    let units_then = u64::try_from(before.n).ok()?;
    let units_both = u64::try_from(now.n_before?).ok()?;
    let (variance_now, variance_before, co_moment) = match kind {
        Kind::Proportion => {
            let variance = |group| proportion(group).ok().map(|p| p.rate() * p.failure_rate());
            (variance(now)?, variance(before)?, now.co_x_before?)
        }
        Kind::Mean => {
            let variance =
                |group: &GroupStat, n| Some(Sample::from_m2(n, 0.0, group.m2_x?).variance);
            (variance(now, units_now)?, variance(before, units_then)?, now.co_x_before?)
        }
        // Of both days (x - r y)/mean(y), with today's r: one linear statistic.
        Kind::Ratio => {
            let (now_ratio, then) = (ratio(now).ok()?, ratio(before).ok()?);
            let r = now_ratio.mean_num / now_ratio.mean_den;
            let variance = |of: &crate::methods::ratio::RatioSample| {
                variance_of_difference(of.var_num, of.var_den, of.cov, r)
                    / of.mean_den
                    / of.mean_den
            };
            let co = now.co_x_before? - 2.0 * r * now.co_xy_before? + r * r * now.co_y_before?;
            (variance(&now_ratio), variance(&then), co / now_ratio.mean_den / then.mean_den)
        }
    };
    let covariance = co_moment / (units_both.max(2) - 1) as f64;
    let overlap = Overlap { units_then, units_now, units_both, covariance };
    Some(Shared {
        variance_now: variance_now / units_now as f64,
        variance_before: variance_before / units_then as f64,
        covariance: overlap.covariance_of_means().ok()?,
    })
}
