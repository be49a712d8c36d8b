//! What the segments say of the whole: whether the split holds in each, and whether they tell the same story.
//!
//! Levels hold at each look, for all tests of a check together (Bonferroni): where nothing is wrong, a check asks for
//! attention in at most its level of experiments.

use std::collections::BTreeSet;

use verdict_model::rows::{GroupStat, SEVERAL_VARIANTS, WHOLE};

use super::super::samples::{Kind, sample};
use super::split::Split;
use super::{Finding, Subject};
use crate::methods::contingency::contingency;
pub(super) use crate::methods::heterogeneity::EffectOf;
use crate::methods::heterogeneity::{Heterogeneity, cochran_q};
use crate::methods::sample_ratio::SampleRatio;
use crate::words::{count, counted, list, number, p_value, share};

/// The level at which effects that differ over segments are told.
pub(super) const HETEROGENEITY_ALPHA: f64 = 0.01;

/// Units that each arm of a segment needs for its effect to be compared: below, its variance is not known well enough.
pub(super) const FEWEST_UNITS: i64 = 100;

/// Successes and failures that each arm of a segment needs, of a proportion.
const FEWEST_OF_EACH: f64 = 10.0;

/// How many findings a message spells out.
const SPELLED_OUT: usize = 3;

/// Effects by the value of a dimension.
pub(super) type Effects<'a> = Vec<(&'a str, EffectOf)>;

/// A value of a dimension: `country = IN`.
fn place(segment: &str, value: &str) -> String {
    format!("{segment} = {value}")
}

/// The split of a segment against the planned one.
struct SplitIn<'a> {
    segment: &'a str,
    value: &'a str,
    units: Vec<u64>,
    test: SampleRatio,
    /// Of [`Split::test_of_few`].
    p_value: f64,
}

/// The splits of all segments that have enough units to be tested, the least likely first.
fn splits<'a>(subject: &'a Subject<'_>) -> Vec<SplitIn<'a>> {
    let mut splits = Vec::new();
    for segment in subject.experiment.segments.iter().map(|segment| &*segment.value) {
        for value in subject.groups.exposed_values(subject.experiment, segment) {
            let split = Split::of(subject, subject.groups, Some((segment, value)));
            let Some((test, p_value)) = split.test_of_few() else { continue };
            splits.push(SplitIn { segment, value, units: split.units(), test, p_value });
        }
    }
    splits.sort_by(|a, b| a.p_value.total_cmp(&b.p_value));
    splits
}

/// The planned split, in each segment: units lost in one of them are soon lost among all.
pub(super) fn sample_ratio(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let alpha = experiment.settings.sample_ratio_alpha;
    if experiment.segments.is_empty() {
        return Finding { threshold: Some(alpha), ..Finding::pass("No segments are configured.") };
    }
    let splits = splits(subject);
    let Some(worst) = splits.first() else {
        let found = "No segment has exposed units to be tested.";
        return Finding { threshold: Some(alpha), ..Finding::pass(found) };
    };
    let tests = splits.len() as f64;
    let adjusted = |split: &SplitIn<'_>| (tests * split.p_value).min(1.0);
    let said = |split: &SplitIn<'_>| {
        let arms = experiment.design.arms.iter().zip(split.units.iter().zip(&split.test.expected));
        let arms: Vec<String> = arms
            .map(|(arm, (units, expected))| {
                format!("{} {} (expected {})", arm.name, count(*units), number(*expected, 1))
            })
            .collect();
        let p = p_value(adjusted(split), alpha);
        format!("{}: {}, adjusted {p}", place(split.segment, split.value), list(&arms))
    };
    let broken: Vec<String> =
        splits.iter().filter(|split| adjusted(split) < alpha).map(&said).collect();
    let finding = if broken.is_empty() {
        Finding::pass(format!(
            "The split is the planned one in {}; the least likely is {}.",
            counted(splits.len() as u64, "segment"),
            said(worst)
        ))
    } else {
        let since = super::units::broken_since(subject, Some((worst.segment, worst.value)));
        let since = since.map_or(String::new(), |day| {
            format!("; {} is farthest off from {day} on", place(worst.segment, worst.value))
        });
        Finding::fail(format!(
            "The split is not the planned one in {} of {}: {}{}{since}. Units of some arm were lost or added there, and \
             those missing are rarely a random draw: look for what is special about {}, such as a redirect, a crash, or \
             exposure logging of one platform.",
            count(broken.len() as u64),
            counted(splits.len() as u64, "segment"),
            spelled(&broken),
            more(&broken),
            place(worst.segment, worst.value),
        ))
    };
    Finding {
        statistic: Some(worst.test.chi2),
        p_value: Some(adjusted(worst)),
        threshold: Some(alpha),
        ..finding
    }
}

fn spelled(found: &[String]) -> String {
    found.iter().take(SPELLED_OUT).cloned().collect::<Vec<_>>().join("; ")
}

fn more(found: &[String]) -> String {
    match found.len().saturating_sub(SPELLED_OUT) {
        0 => String::new(),
        n => format!("; and {} more", count(n as u64)),
    }
}

/// The effect of a metric in a segment, where both arms have enough units.
pub(super) fn effect_in(
    subject: &Subject<'_>,
    (metric, variant): (&str, &str),
    segment: &str,
    value: &str,
) -> Option<EffectOf> {
    let group = |arm: &str| subject.groups.get(metric, arm, segment, value);
    let control = group(&subject.experiment.design.control.value)?;
    let variant = group(variant)?;
    let kind = Kind::of(&control.metric_type).ok()?;
    if control.metric_type != variant.metric_type
        || !is_enough(kind, control)
        || !is_enough(kind, variant)
    {
        return None;
    }
    let (control, variant) = (sample(kind, control).ok()?, sample(kind, variant).ok()?);
    let std_error = (control.variance_of_mean() + variant.variance_of_mean()).sqrt();
    let effect = variant.mean - control.mean;
    (effect.is_finite() && std_error.is_finite() && std_error > 0.0)
        .then_some(EffectOf { effect, std_error })
}

fn is_enough(kind: Kind, group: &GroupStat) -> bool {
    let of_each = |group: &GroupStat| {
        let successes = group.sum_x.unwrap_or(0.0);
        successes.min(group.n as f64 - successes) >= FEWEST_OF_EACH
    };
    group.n >= FEWEST_UNITS && (!matches!(kind, Kind::Proportion) || of_each(group))
}

/// Whether the effect of a metric is the same in all values of a dimension, for every metric, arm and dimension.
pub(super) fn heterogeneity(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let mut tests: Vec<(String, Effects<'_>, Heterogeneity)> = Vec::new();
    for segment in experiment.segments.iter().map(|segment| &*segment.value) {
        let values = subject.groups.exposed_values(experiment, segment);
        for metric in experiment.metrics().map(|metric| &*metric.name.value) {
            for arm in experiment.treatments().map(|arm| &*arm.name) {
                let effect = |value: &&'_ str| effect_in(subject, (metric, arm), segment, value);
                let effects: Vec<(&str, EffectOf)> =
                    values.iter().filter_map(|value| Some((*value, effect(value)?))).collect();
                let of: Vec<EffectOf> = effects.iter().map(|(_, effect)| *effect).collect();
                let Ok(test) = cochran_q(&of) else { continue };
                tests.push((format!("{metric} of {arm} by {segment}"), effects, test));
            }
        }
    }
    let threshold = Some(HETEROGENEITY_ALPHA);
    tests.sort_by(|a, b| a.2.p_value.total_cmp(&b.2.p_value));
    let Some((what, effects, worst)) = tests.first() else {
        let found = "No metric has two segments with enough units to compare its effects.";
        return Finding { threshold, ..Finding::pass(found) };
    };
    let adjusted = (tests.len() as f64 * worst.p_value).min(1.0);
    let said = format!(
        "{what}: Q {} on {} degrees of freedom, adjusted {} over {}",
        number(worst.q, 2),
        worst.df,
        p_value(adjusted, HETEROGENEITY_ALPHA),
        counted(tests.len() as u64, "test"),
    );
    let finding = if adjusted < HETEROGENEITY_ALPHA {
        let far = |of: &EffectOf| ((of.effect - worst.pooled) / of.std_error).abs();
        let mut by_distance = effects.clone();
        by_distance.sort_by(|a, b| far(&b.1).total_cmp(&far(&a.1)));
        let places: Vec<String> = by_distance
            .iter()
            .take(SPELLED_OUT)
            .map(|(value, of)| format!("{value} {}", signed(of.effect)))
            .collect();
        Finding::warn(format!(
            "The effect is not the same everywhere. {said}; {} of its spread is no chance. Against {} over all, those \
             farthest off are {}. The overall effect is an average that few may see: read the segments before \
             deciding, and correct for having looked.",
            share((worst.i_squared * 10_000.0).round() as i64, 10_000),
            signed(worst.pooled),
            list(&places),
        ))
    } else {
        Finding::pass(format!(
            "Effects do not differ over segments beyond chance; the least likely: {said}."
        ))
    };
    Finding { statistic: Some(worst.q), p_value: Some(adjusted), threshold, ..finding }
}

/// An effect in the metric's unit, with three digits and its sign.
pub(super) fn signed(effect: f64) -> String {
    let rounded = crate::words::significant_digits(effect, 3);
    let text = crate::words::short(rounded);
    if effect > 0.0 { format!("+{text}") } else { text }
}

/// A dimension along which every segment says the contrary of the whole (Simpson's paradox), of any metric. That takes
/// arms whose units are spread otherwise over the segments, so that only there it is an alarm.
pub(super) fn simpsons_reversal(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let alpha = experiment.settings.sample_ratio_alpha;
    let threshold = Some(alpha);
    if experiment.segments.is_empty() {
        return Finding { threshold, ..Finding::pass("No segments are configured.") };
    }
    let compared = experiment.segments.len() * experiment.treatments().count();
    let mut reversed = Vec::new();
    let mut least: Option<(f64, f64)> = None;
    for segment in experiment.segments.iter().map(|segment| &*segment.value) {
        let values = subject.groups.exposed_values(experiment, segment);
        for arm in experiment.treatments() {
            let Some((chi2, p)) = spread(subject, &arm.name, segment, &values) else { continue };
            let adjusted = (compared as f64 * p).min(1.0);
            if least.is_none_or(|(_, least)| adjusted < least) {
                least = Some((chi2, adjusted));
            }
            if adjusted >= alpha {
                continue;
            }
            for metric in experiment.metrics() {
                let metric = &*metric.name.value;
                if let Some(story) = reversal(subject, (metric, &arm.name), segment, &values) {
                    reversed.push(story);
                }
            }
        }
    }
    let (statistic, p_value) = least.unzip();
    let finding = if reversed.is_empty() {
        Finding::pass("No metric moves one way over all and the other way in every segment.")
    } else {
        Finding::fail(format!(
            "{}{}. The arms are spread differently over the segments (p below {alpha}), so that the whole compares \
             other people, not other variants (Simpson's paradox). Trust neither before the split is mended: look at \
             `sample_ratio_segments`, and at shares that were changed while the experiment ran.",
            spelled(&reversed),
            more(&reversed),
        ))
    };
    Finding { statistic, p_value, threshold, ..finding }
}

/// Whether an arm and the control are spread alike over the values of a dimension: chi-squared and p.
fn spread(
    subject: &Subject<'_>,
    arm: &str,
    segment: &str,
    values: &BTreeSet<&str>,
) -> Option<(f64, f64)> {
    let control = &subject.experiment.design.control.value;
    let of = |arm: &str, value: &&str| {
        let row = subject.groups.get(SEVERAL_VARIANTS, arm, segment, value);
        row.map_or(0, |row| row.n.max(0).unsigned_abs())
    };
    let columns = values.iter().map(|value| (of(control, value), of(arm, value)));
    let (control, arm): (Vec<u64>, Vec<u64>) = columns.filter(|(a, b)| a + b > 0).unzip();
    let test = contingency(&[control, arm]).ok()?;
    (test.df > 0).then_some((test.chi2, test.p_value))
}

/// A metric whose effect in every segment has the other sign than over all, as a sentence's part.
fn reversal(
    subject: &Subject<'_>,
    (metric, arm): (&str, &str),
    segment: &str,
    values: &BTreeSet<&str>,
) -> Option<String> {
    let whole = effect_in(subject, (metric, arm), WHOLE, WHOLE)?.effect;
    let of_segments: Vec<(&str, f64)> = values
        .iter()
        .filter_map(|value| {
            Some((*value, effect_in(subject, (metric, arm), segment, value)?.effect))
        })
        .collect();
    let against = of_segments.iter().all(|(_, effect)| effect * whole < 0.0);
    if of_segments.len() < 2 || !against {
        return None;
    }
    let said: Vec<String> = of_segments
        .iter()
        .take(SPELLED_OUT)
        .map(|(value, effect)| format!("{} in {value}", signed(*effect)))
        .collect();
    Some(format!(
        "{metric} of {arm} is {} over all and goes the other way in every {segment}: {}",
        signed(whole),
        list(&said)
    ))
}
