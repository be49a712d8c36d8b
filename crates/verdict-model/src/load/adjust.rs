//! `cuped`: of a metric, of an experiment, and of a metric in an experiment.

use crate::yaml::{Item, Map};
use crate::{Aggregate, Cuped, Metric, MetricKind};

/// More days than anybody looks back: each is another day of the logs.
const MOST_DAYS: u32 = 366;

/// The key `cuped`: not given, `none`, or how far back. A problem counts as `none`.
pub(super) fn cuped<'a>(map: &mut Map<'a>) -> Option<(Item<'a>, Option<Cuped>)> {
    let item = map.get("cuped")?;
    if !item.is_mapping() {
        let known = item.text().filter(|text| text.value == "none");
        if known.is_none() {
            item.refuse("write {lookback_days: 14}, or none");
        }
        return Some((item, None));
    }
    let lookback_days = days_back(&item, "lookback_days");
    Some((item, lookback_days.map(|lookback_days| Cuped { lookback_days })))
}

/// The key `pre_period_check` of an experiment: how many days back; `None`: it is not asked for.
pub(super) fn pre_period_check(map: &mut Map<'_>) -> Option<u32> {
    let item = map.get("pre_period_check")?;
    if !item.is_mapping() {
        if item.text().filter(|text| text.value == "none").is_none() {
            item.refuse("write {days: 7}, or none");
        }
        return None;
    }
    days_back(&item, "days")
}

fn days_back(item: &Item<'_>, key: &str) -> Option<u32> {
    let mut inner = item.map()?;
    let what = "write how many days before the exposure count, such as 14";
    let days = inner.require(key, what).and_then(|item| {
        let days = item.days()?;
        if days > MOST_DAYS {
            item.refuse(format!("{days} days are too many; look back {MOST_DAYS} at most"));
            return None;
        }
        Some(days)
    });
    inner.finish();
    days
}

/// Why a metric cannot be adjusted by its own past; `None`: it can.
pub(super) fn no_past(kind: &MetricKind) -> Option<&'static str> {
    let any = |of: [Aggregate; 2]| kind.components().iter().any(|c| of.contains(&c.aggregate));
    match kind {
        MetricKind::Categorical(_)
        | MetricKind::Reaches { .. }
        | MetricKind::Retention(_)
        | MetricKind::Quantile { .. }
        | MetricKind::Superiority(_) => Some("only proportions, means and ratios have a covariate"),
        _ if any([Aggregate::First, Aggregate::Last]) => Some(
            "a unit without rows before its exposure has no first or last value to be adjusted by; use sum, count, distinct or \
             distinct_days",
        ),
        _ if any([Aggregate::Min, Aggregate::Max]) => Some(
            "a unit without rows before its exposure has no smallest or largest value to be adjusted by; use sum, count \
             or distinct_days",
        ),
        _ => None,
    }
}

/// What of CUPED is in effect for a metric of an experiment: what its own part says, then its definition, then the
/// experiment's default, which passes over metrics that cannot have it.
pub(super) fn in_effect(
    map: &mut Map<'_>,
    definition: Option<&Metric>,
    default: Option<Cuped>,
) -> Option<Cuped> {
    let unfit = definition.and_then(|metric| no_past(&metric.kind));
    match cuped(map) {
        Some((item, own)) => {
            if let (Some(why), Some(_)) = (unfit, own) {
                item.refuse(format!("does not fit this metric: {why}"));
            }
            own
        }
        None => definition
            .and_then(|metric| metric.cuped)
            .or(default)
            .filter(|_| unfit.is_none() && definition.is_some()),
    }
}
