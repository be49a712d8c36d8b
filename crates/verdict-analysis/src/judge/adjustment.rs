//! What was done to a metric, and what it would be without.

use verdict_model::ExperimentMetric;
use verdict_model::rows::{Adjusted, GroupStat};

use super::compare::{Comparison, Evidence};

/// The word for what is done to a metric; `None`: nothing. Within a segment it is not `stratified`.
pub(super) fn adjustment(metric: &ExperimentMetric, stratified: bool) -> Option<&'static str> {
    let post_stratify = metric.post_stratify.as_ref().filter(|_| stratified);
    match (metric.winsorize, metric.cuped, post_stratify) {
        (None, None, None) => None,
        (None, Some(_), _) => Some("cuped"),
        (Some(_), Some(_), _) => Some("winsorized_cuped"),
        (Some(_), None, None) => Some("winsorized"),
        (None, None, Some(_)) => Some("post_stratified"),
        (Some(_), None, Some(_)) => Some("winsorized_post_stratified"),
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
        strata: evidence
            .adjusted
            .and_then(|levels| levels.strata)
            .and_then(|(strata, _)| i32::try_from(strata).ok()),
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
