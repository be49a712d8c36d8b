//! Whether the numbers behind a metric are ones that statistics can be made of.

use verdict_model::rows::{GroupStat, WHOLE};

use super::{Finding, Subject};
use crate::words::{count, list};

/// How many findings a message spells out.
const SPELLED_OUT: usize = 5;

/// Above this size squares and sums of them leave the range of doubles.
const NEAR_INFINITY: f64 = 1e150;

/// A standard deviation below this share of the mean is of the order of what doubles round away.
const LEAST_SPREAD: f64 = 1e-13;

/// Metrics that do not vary, that vary in one arm only, or whose values are near the ends of what doubles hold.
pub(super) fn numeric_health(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let mut faults = Vec::new();
    for metric in experiment.metrics() {
        let name = &*metric.name.value;
        let mut constant = Vec::new();
        let mut with_units = 0;
        for arm in &experiment.design.arms {
            let Some(group) = subject.groups.get(name, &arm.name, WHOLE, WHOLE) else { continue };
            if group.n < 2 {
                continue;
            }
            with_units += 1;
            if let Some(fault) = size(group) {
                faults.push(format!("{name} in {}: {fault}", arm.name));
            }
            if is_constant(group) {
                constant.push((arm.name.clone(), group.sum_x == Some(0.0)));
            }
        }
        // An arm may be alike for a reason, such as a fixed price; nothing at all, where others have something, is odd.
        let nothing: Vec<String> =
            constant.iter().filter(|(_, zero)| *zero).map(|(arm, _)| arm.clone()).collect();
        if !constant.is_empty() && constant.len() == with_units {
            faults.push(format!(
                "{name}: every unit has the same value, so that there is nothing to test"
            ));
        } else if !nothing.is_empty() {
            faults.push(format!(
                "{name}: no unit of {} has anything, and units of other arms have: is it logged there at all?",
                list(&nothing)
            ));
        }
    }
    if faults.is_empty() {
        return Finding::pass("Every metric varies, within what doubles hold.").counting(0);
    }
    let more = faults.len().saturating_sub(SPELLED_OUT);
    let more = if more > 0 { format!("; and {} more", count(more as u64)) } else { String::new() };
    let said = faults.iter().take(SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ");
    Finding::warn(format!(
        "{said}{more}. Check the metric's `value`, `filter` and the log's column."
    ))
    .counting(faults.len() as u64)
}

/// All units alike: of a ratio, both of its parts.
fn is_constant(group: &GroupStat) -> bool {
    let zero = |m2: Option<f64>| m2.is_none_or(|m2| m2 == 0.0);
    match (group.metric_type.as_str(), group.sum_x) {
        ("proportion", Some(successes)) => successes == 0.0 || successes == group.n as f64,
        ("mean" | "ratio", Some(_)) => zero(group.m2_x) && zero(group.m2_y),
        _ => false,
    }
}

fn size(group: &GroupStat) -> Option<String> {
    let parts = [(group.mean_x, group.m2_x), (group.mean_y, group.m2_y)];
    for (mean, m2) in parts.into_iter().filter_map(|(mean, m2)| Some((mean?, m2?))) {
        let sd = (m2 / (group.n - 1).max(1) as f64).sqrt();
        if mean.abs().max(sd) > NEAR_INFINITY || !m2.is_finite() {
            return Some(format!(
                "values of the order of {:.0e} are beyond what can be squared",
                mean.abs().max(sd)
            ));
        }
        if sd > 0.0 && sd < LEAST_SPREAD * mean.abs() {
            return Some(format!(
                "a spread of {sd:.1e} around {mean:.3e} is what rounding alone makes"
            ));
        }
    }
    None
}
