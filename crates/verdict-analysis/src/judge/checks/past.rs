//! Whether the arms' units were alike before they were exposed: what a variant does cannot have done that.

use verdict_model::ExperimentMetric;
use verdict_model::rows::{GroupStat, WHOLE};

use super::super::groups::Groups;
use super::segments::FEWEST_UNITS;
use super::{Finding, Subject};
use crate::methods::ratio::RatioSample;
use crate::methods::sequential::confidence_sequence::asymptotic;
use crate::methods::welch::welch;
use crate::methods::{Alternative, Estimate, Sample};
use crate::words::{count, counted, number, p_value, short, significant_digits};

/// The level of the check, over all days, metrics and arms together.
const ALPHA: f64 = 0.001;

/// Units of two arms together at which the test over all days asks for least: z of 4.2 there, below 4.9 from a thousand to a
/// million.
const TIGHT_AT_UNITS: f64 = 10_000.0;

/// How many findings a message spells out.
const SPELLED_OUT: usize = 3;

/// A metric of an arm and of the control before the exposure.
struct Contrast<'a> {
    metric: &'a ExperimentMetric,
    arm: &'a str,
    control: Sample,
    variant: Sample,
    /// Welch's test, as if it were made on this day alone.
    once: Estimate,
    /// The smallest p-value over the days so far, of a test that may be made on each of them.
    watched: f64,
}

/// The metrics before the exposure, of every arm against the control, for all metrics that have a covariate.
///
/// A unit's past does not change, so that what the days add is independent, and a normal mixture holds its level over all of
/// them (Waudby-Smith et al. 2024). It is a failure; where only the test of this one day is below the level it warns.
pub(super) fn pre_exposure_imbalance(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let threshold = Some(ALPHA);
    let with_past = || experiment.metrics().filter(|metric| metric.past_days().is_some());
    let tests = (with_past().count() * experiment.treatments().count()) as f64;
    if tests == 0.0 {
        return Finding {
            threshold,
            ..Finding::pass(
                "No metric has a past to compare: `pre_period_check: {days: 7}` in the experiment file asks for it, and so does \
                 `cuped`.",
            )
        };
    }
    let mut found: Vec<Contrast<'_>> = Vec::new();
    for metric in with_past() {
        for arm in experiment.treatments() {
            found.extend(contrast(subject, metric, &arm.name));
        }
    }
    let adjusted = |p: f64| (tests * p).min(1.0);
    found.sort_by(|a, b| {
        a.watched.total_cmp(&b.watched).then(a.once.p_value.total_cmp(&b.once.p_value))
    });
    let Some(worst) = found.first() else {
        return Finding {
            threshold,
            ..Finding::pass(format!(
                "No metric can be compared before the exposure yet: that takes {FEWEST_UNITS} units in each arm, and some that \
                 did something."
            ))
        };
    };
    let said = |of: &Contrast<'_>| {
        let level = |sample: &Sample| short(significant_digits(sample.mean, 4));
        let days = of.metric.past_days().unwrap_or(0);
        format!(
            "{} over the {} before: {} in {} and {} in the control (t {}, adjusted {} for all days, {} for this one)",
            of.metric.name,
            counted(days, "day"),
            level(&of.variant),
            of.arm,
            level(&of.control),
            number(of.once.statistic, 2),
            p_value(adjusted(of.watched), ALPHA),
            p_value(adjusted(of.once.p_value), ALPHA),
        )
    };
    let broken = |of: &&Contrast<'_>| adjusted(of.watched) < ALPHA;
    let odd = |of: &&Contrast<'_>| adjusted(of.once.p_value) < ALPHA;
    let spelled = |some: &[&Contrast<'_>]| {
        let shown: Vec<String> = some.iter().take(SPELLED_OUT).map(|of| said(of)).collect();
        let more = some.len().saturating_sub(SPELLED_OUT);
        let more =
            if more > 0 { format!("; and {} more", count(more as u64)) } else { String::new() };
        format!("{}{more}", shown.join("; "))
    };
    let failed: Vec<&Contrast<'_>> = found.iter().filter(broken).collect();
    let warned: Vec<&Contrast<'_>> = found.iter().filter(odd).collect();
    let finding = if !failed.is_empty() {
        Finding::fail(format!(
            "The arms differ in what their units did before they were exposed: {}. No variant can have done that. Units are \
             assigned by something that goes with it, are lost in one arm, or were exposed by this or another experiment \
             before: find the cause, and do not read effects until then.",
            spelled(&failed)
        ))
    } else if !warned.is_empty() {
        Finding::warn(format!(
            "The arms differ in what their units did before they were exposed: {}. Only the latter is below {ALPHA}, as it is on \
             some day of many an experiment in order: watch it, and read effects adjusted by the past (`cuped`).",
            spelled(&warned)
        ))
    } else {
        Finding::pass(format!(
            "The arms' units were alike before they were exposed, in {}; the least likely: {}.",
            counted(found.len() as u64, "comparison"),
            said(worst)
        ))
    };
    Finding {
        statistic: Some(worst.once.statistic),
        p_value: Some(adjusted(worst.watched)),
        threshold,
        ..finding
    }
}

/// The comparison as of the date; `None` where there are too few units, or nobody did anything.
fn contrast<'a>(
    subject: &Subject<'a>,
    metric: &'a ExperimentMetric,
    arm: &'a str,
) -> Option<Contrast<'a>> {
    let control_arm = &*subject.experiment.design.control.value;
    let on = |groups: &Groups<'_>| -> Option<(Sample, Sample, Estimate)> {
        let past = |arm: &str| before(groups.get(&metric.name.value, arm, WHOLE, WHOLE)?);
        let (control, variant) = (past(control_arm)?, past(arm)?);
        let once = welch(&control, &variant, ALPHA, Alternative::TwoSided).ok()?;
        Some((control, variant, once))
    };
    let (control, variant, once) = on(subject.groups)?;
    let at_look = |groups: &Groups<'_>| -> Option<f64> {
        let (control, variant, once) = on(groups)?;
        let units = control.n as f64 + variant.n as f64;
        let variance = once.std_error * once.std_error;
        asymptotic(once.effect, variance, units, TIGHT_AT_UNITS, ALPHA)
            .ok()
            .map(|look| look.p_value)
    };
    let days = subject.history.days().filter_map(|(_, groups)| at_look(groups));
    let watched = days.fold(1.0, f64::min);
    Some(Contrast { metric, arm, control, variant, once, watched })
}

/// A group's covariate as a sample, of a ratio linearised.
fn before(group: &GroupStat) -> Option<Sample> {
    let n = group.n_pre.unwrap_or(group.n);
    if n < FEWEST_UNITS {
        return None;
    }
    let n = u64::try_from(n).ok()?;
    let past = &group.covariates;
    let per_unit = |m2: Option<f64>| m2.map(|m2| Sample::from_m2(n, 0.0, m2).variance);
    let mean = past.mean_pre_x?;
    let Some(mean_den) = past.mean_pre_y else {
        return Some(Sample { n, mean, variance: per_unit(past.m2_pre_x)? });
    };
    let ratio = RatioSample {
        n,
        mean_num: mean,
        mean_den,
        var_num: per_unit(past.m2_pre_x)?,
        var_den: per_unit(past.m2_pre_y)?,
        cov: per_unit(past.co_pre_xy)?,
    };
    ratio.linearised().ok()
}
