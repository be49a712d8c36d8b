//! Whether means have enough units to be near normal, for how skewed their values are.

use verdict_model::rows::{GroupStat, WHOLE};

use super::{Finding, Subject};
use crate::words::count;

/// Units for each square of the skewness, from which on a mean is so near normal that 2.5% in each tail are 2 to 3%: Kohavi,
/// Deng, Longbotham & Xu 2014, section 3.2 (rule 7).
const UNITS_A_SQUARE: f64 = 355.0;

/// How many findings a message spells out.
const SPELLED_OUT: usize = 3;

/// Means that have fewer units in an arm than their skewness asks for.
pub(super) fn skewness(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let mut most = 0.0_f64;
    let mut faults = Vec::new();
    // What is resampled asks nothing of the normal law.
    for metric in experiment.metrics().filter(|metric| metric.bootstrap.is_none()) {
        let name = &*metric.name.value;
        for arm in &experiment.design.arms {
            let Some(group) = subject.groups.get(name, &arm.name, WHOLE, WHOLE) else { continue };
            let Some(skewness) = of_group(group) else { continue };
            let needed = (UNITS_A_SQUARE * skewness * skewness).ceil();
            most = most.max(needed / group.n as f64);
            if needed > group.n as f64 {
                let n = count(group.n as u64);
                faults.push(format!(
                    "{name} in {}: a skewness of {skewness:.1} asks for {} units, and there are {n}",
                    arm.name,
                    count(needed as u64)
                ));
            }
        }
    }
    let threshold = Some(1.0);
    let statistic = (most > 0.0).then_some(most);
    if faults.is_empty() {
        let pass = Finding::pass(
            "Means have as many units as their skewness asks for, 355 times its square in each arm.",
        );
        return Finding { statistic, threshold, ..pass };
    }
    let more = faults.len().saturating_sub(SPELLED_OUT);
    let more = if more > 0 { format!("; and {} more", count(more as u64)) } else { String::new() };
    let said = faults.iter().take(SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ");
    let warning = Finding::warn(format!(
        "{said}{more}. Intervals and p-values of such a mean are rough, above all one-sided ones and with unequal arms. Cap the \
         largest totals (`winsorize: {{upper_percentile: 99.5}}`), resample its units (`bootstrap: {{interval: bca}}`), or \
         compare by rank as well (a metric of type `superiority`)."
    ));
    Finding { statistic, threshold, ..warning }
}

/// The skewness of a group's values; `None` where it is not kept, or nothing varies.
fn of_group(group: &GroupStat) -> Option<f64> {
    if group.metric_type != "mean" || group.n < 2 {
        return None;
    }
    let n = group.n as f64;
    let variance = group.m2_x? / n;
    let skewness = group.m3_x? / n / variance.powf(1.5);
    skewness.is_finite().then_some(skewness)
}
