//! What was done to a metric, and what it would be without.

use verdict_model::ExperimentMetric;
use verdict_model::rows::{Adjusted, GroupStat};

use super::compare::{Comparison, Evidence};

/// The word for what is done to a metric; `None`: nothing.
pub(super) fn adjustment(metric: &ExperimentMetric) -> Option<&'static str> {
    match (metric.winsorize, metric.cuped) {
        (None, None) => None,
        (None, Some(_)) => Some("cuped"),
        (Some(_), None) => Some("winsorized"),
        (Some(_), Some(_)) => Some("winsorized_cuped"),
    }
}

/// A group's statistics without caps.
pub(super) fn without_caps(group: &GroupStat) -> GroupStat {
    let raw = &group.winsorized;
    let group = group.clone();
    if raw.raw_mean_x.is_none() {
        return group;
    }
    GroupStat {
        sum_x: raw.raw_sum_x,
        mean_x: raw.raw_mean_x,
        m2_x: raw.raw_m2_x,
        sum_y: raw.raw_sum_y,
        mean_y: raw.raw_mean_y,
        m2_y: raw.raw_m2_y,
        co_xy: raw.raw_co_xy,
        ..group
    }
}

/// What the evidence is beside the comparison of the groups as they are.
pub(super) fn unadjusted(word: &str, plain: &Comparison, evidence: &Evidence) -> Adjusted {
    let before = plain.outcome.as_ref().ok().map(|plain| plain.interval_std_error);
    let share = before.map(|before| evidence.interval_std_error / before);
    Adjusted {
        adjustment: Some(word.to_owned()),
        theta: evidence.adjusted.and_then(|levels| levels.theta),
        unadjusted_mean_control: plain.levels.0,
        unadjusted_mean_variant: plain.levels.1,
        unadjusted_effect: plain.effect(),
        unadjusted_std_error: before,
        variance_ratio: share.map(|share| share * share).filter(|ratio| ratio.is_finite()),
        ..Adjusted::default()
    }
}

/// The caps, which are the same in both groups, and the share of units beyond them.
pub(super) fn with_caps(
    adjusted: Adjusted,
    control: Option<&GroupStat>,
    variant: Option<&GroupStat>,
) -> Adjusted {
    let (Some(control), Some(variant)) = (control, variant) else { return adjusted };
    let n = control.n as f64 + variant.n as f64;
    let (c, t) = (&control.winsorized, &variant.winsorized);
    let share = |c: Option<f64>, t: Option<f64>| Some((c? + t?) / n).filter(|s| s.is_finite());
    Adjusted {
        cap_lower: c.cap_lower_x,
        cap_upper: c.cap_upper_x,
        cap_lower_denominator: c.cap_lower_y,
        cap_upper_denominator: c.cap_upper_y,
        share_clipped: share(c.clipped_x, t.clipped_x),
        share_clipped_denominator: share(c.clipped_y, t.clipped_y),
        ..adjusted
    }
}
