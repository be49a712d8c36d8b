//! What the rows by unit say: those of units exposed on each day, of units that are in another experiment, and of all units
//! but those with the largest values. Statistics that were made elsewhere have none of them, and nothing is found.

use verdict_model::NaiveDate;
use verdict_model::rows::{
    ANOTHER_EXPERIMENT, EXPOSED, EXPOSURE_DS, TOP_SHARE, WHOLE, WITHOUT_TOP,
};

use super::cohorts::of_arm;
use super::segments::{EffectOf, Effects, FEWEST_UNITS, effect_in, signed};
use super::split::{Split, exposed_on};
use super::{Finding, Subject};
use crate::methods::heterogeneity::{Heterogeneity, cochran_q};
use crate::methods::sample_ratio::SampleRatio;
use crate::methods::trend::{Trend, trend};
use crate::words::{count, counted, list, number, p_value, percent};

/// The level at which a trend over cohorts, and an interaction, is told.
const ALPHA: f64 = 0.01;

/// Days of exposure that a trend needs.
const FEWEST_COHORTS: usize = 4;

/// The share of the variance that the largest values must carry before their influence is told.
const SHARE_OF_VARIANCE: f64 = 0.5;

/// How many standard errors (without them) they must move the effect.
const STD_ERRORS_MOVED: f64 = 1.0;

/// How many findings a message spells out.
const SPELLED_OUT: usize = 3;

/// A day's split: its adjusted p, the day, the units of each arm, the test.
type SplitOnDay<'a> = (f64, &'a str, Vec<u64>, SampleRatio);

/// An arm, how many cohorts it has, the least and the greatest age of them, and the trend.
type TrendOf<'a> = (&'a str, usize, (f64, f64), Trend);

/// The split of the units that were first exposed on a day, in a segment or over all.
fn split_on<'a>(subject: &Subject<'a>, day: &str, segment: Option<(&str, &str)>) -> Split<'a> {
    let design = &subject.experiment.design;
    let mut split = Split::nobody(design);
    split.add(day, &exposed_on(design, subject.groups, day, segment));
    split
}

/// The days on which any arm has exposed units, in order, with the number of each from the first.
fn days<'a>(subject: &Subject<'a>) -> Vec<(i64, &'a str)> {
    let days = subject.groups.values(EXPOSED, EXPOSURE_DS);
    let date = |day: &str| day.parse::<NaiveDate>().ok();
    let first = days.iter().find_map(|day| date(day));
    let number = |day: &str| Some((date(day)? - first?).num_days() + 1);
    days.into_iter().filter_map(|day| Some((number(day)?, day))).collect()
}

/// From which day on the split is farthest from the planned one: where it broke, as far as that can be told.
pub(super) fn broken_since<'a>(
    subject: &Subject<'a>,
    segment: Option<(&str, &str)>,
) -> Option<&'a str> {
    let design = &subject.experiment.design;
    let mut split = Split::nobody(design);
    let mut worst: Option<(f64, &'a str)> = None;
    for (_, day) in days(subject).into_iter().rev() {
        split.add(day, &exposed_on(design, subject.groups, day, segment));
        let chi2 = split.test().map_or(0.0, |test| test.chi2);
        if worst.is_none_or(|(most, _)| chi2 > most) {
            worst = Some((chi2, day));
        }
    }
    worst.map(|(_, day)| day)
}

/// The planned split among the units of each day. Day number k is held against alpha / (k (k + 1)), which add up to alpha
/// over all days that may come: the check may be looked at every night.
pub(super) fn sample_ratio_days(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let alpha = experiment.settings.sample_ratio_alpha;
    let mut tests: Vec<SplitOnDay<'_>> = Vec::new();
    for (nth, day) in days(subject) {
        let split = split_on(subject, day, None);
        let Some((test, p)) = split.test_of_few() else { continue };
        let spent = (nth * (nth + 1)) as f64;
        tests.push(((p * spent).min(1.0), day, split.units(), test));
    }
    let threshold = Some(alpha);
    let least = tests.iter().min_by(|a, b| a.0.total_cmp(&b.0));
    let Some((adjusted, day, units, test)) = least else {
        let found = "The statistics tell of no day's exposed units.";
        return Finding { threshold, ..Finding::pass(found) };
    };
    let arms = experiment.design.arms.iter().zip(units.iter().zip(&test.expected));
    let arms: Vec<String> = arms
        .map(|(arm, (units, expected))| {
            format!("{} {} (expected {})", arm.name, count(*units), number(*expected, 1))
        })
        .collect();
    let said = format!("{day} has {}, adjusted {}", list(&arms), p_value(*adjusted, alpha));
    let broken = tests.iter().filter(|test| test.0 < alpha).count();
    let finding = if broken == 0 {
        Finding::pass(format!(
            "The split is the planned one on each of {}; the least likely: {said}.",
            counted(tests.len() as u64, "day")
        ))
    } else {
        Finding::fail(format!(
            "The split is not the planned one on {} of {}: {said}{}. Look at what was released or restarted then, and at \
             whether that day's exposures are whole in every arm.",
            count(broken as u64),
            counted(tests.len() as u64, "day"),
            where_on(subject, day),
        ))
    };
    Finding { statistic: Some(test.chi2), p_value: Some(*adjusted), threshold, ..finding }
}

/// The segment whose split is the least likely on a day.
fn where_on(subject: &Subject<'_>, day: &str) -> String {
    let mut least: Option<(f64, String)> = None;
    for segment in subject.experiment.segments.iter().map(|segment| &*segment.value) {
        for value in subject.groups.exposed_values(subject.experiment, segment) {
            let Ok(test) = split_on(subject, day, Some((segment, value))).test() else { continue };
            if least.as_ref().is_none_or(|(p, _)| test.p_value < *p) {
                least = Some((test.p_value, format!("{segment} = {value}")));
            }
        }
    }
    least.map_or(String::new(), |(_, place)| format!(", most of all in {place}"))
}

/// The primary metric's lift among the units of each day of exposure, by their age: does it fade (novelty) or grow (primacy)?
/// Cohorts are different units, so that the trend is tested as it should be.
pub(super) fn novelty(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let threshold = Some(ALPHA);
    let mut tests: Vec<TrendOf<'_>> = Vec::new();
    for arm in experiment.treatments() {
        let lifts: Vec<(f64, EffectOf)> =
            of_arm(subject, &arm.name).iter().map(|one| (one.age as f64, one.effect())).collect();
        let ages = lifts.iter().map(|(age, _)| *age);
        let ends = (ages.clone().fold(f64::INFINITY, f64::min), ages.fold(0.0, f64::max));
        if lifts.len() < FEWEST_COHORTS {
            continue;
        }
        let Ok(line) = trend(&lifts) else { continue };
        tests.push((&arm.name, lifts.len(), ends, line));
    }
    let least = tests.iter().min_by(|a, b| a.3.p_value.total_cmp(&b.3.p_value));
    let Some((arm, cohorts, (young, old), line)) = least else {
        return Finding {
            threshold,
            ..Finding::pass(format!(
                "No trend can be tested yet: that takes {FEWEST_COHORTS} days of exposure with {FEWEST_UNITS} units in \
                 each arm, and a level above zero."
            ))
        };
    };
    let adjusted = (line.p_value * tests.len() as f64).min(1.0);
    let shown = |age: f64| percent_signed(line.at(age));
    let said = format!(
        "over {cohorts} days of exposure the lift of {arm} goes from {} after {young} days to {} after {old} (z {}, adjusted \
         {})",
        shown(*young),
        shown(*old),
        number(line.z, 2),
        p_value(adjusted, ALPHA)
    );
    let finding = if adjusted < ALPHA {
        let fades = line.at(*old).abs() < line.at(*young).abs();
        let (what, advice) = match fades {
            true => ("fades", "The lasting effect is smaller than the average shown (novelty)"),
            false => ("grows", "The lasting effect is larger than the average shown (primacy)"),
        };
        Finding::warn(format!(
            "The effect on {} {what} with time since exposure: {said}. {advice}: run on until it settles, or judge by the \
             units that were exposed first.",
            experiment.primary.name.value
        ))
    } else {
        Finding::pass(format!("No trend with time since exposure: {said}."))
    };
    Finding { statistic: Some(line.z), p_value: Some(adjusted), threshold, ..finding }
}

fn percent_signed(share: f64) -> String {
    let text = format!("{}%", number(100.0 * share, 1));
    if share > 0.0 { format!("+{text}") } else { text }
}

/// How the effects of metrics move when the units with the largest values are left out, whatever their variant.
pub(super) fn outlier_influence(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let threshold = Some(STD_ERRORS_MOVED);
    let top = percent(TOP_SHARE);
    let value = TOP_SHARE.to_string();
    let mut compared = 0;
    let mut most: Option<f64> = None;
    let mut moved: Vec<(f64, String)> = Vec::new();
    for metric in experiment.metrics().map(|metric| &*metric.name.value) {
        for arm in experiment.treatments().map(|arm| &*arm.name) {
            let effect =
                |segment: &str, value: &str| effect_in(subject, (metric, arm), segment, value);
            let (Some(all), Some(without)) = (effect(WHOLE, WHOLE), effect(WITHOUT_TOP, &value))
            else {
                continue;
            };
            compared += 1;
            let moves = (all.effect - without.effect).abs() / without.std_error;
            most = Some(most.map_or(moves, |most: f64| most.max(moves)));
            let carried = 1.0 - (without.std_error / all.std_error).powi(2);
            if moves > STD_ERRORS_MOVED && carried > SHARE_OF_VARIANCE {
                moved.push((
                    moves,
                    format!(
                        "{metric} of {arm} is {} over all and {} without them ({} standard errors; they carry {} of its \
                         variance)",
                        signed(all.effect),
                        signed(without.effect),
                        number(moves, 1),
                        percent((carried * 100.0).round() / 100.0)
                    ),
                ));
            }
        }
    }
    moved.sort_by(|a, b| b.0.total_cmp(&a.0));
    let finding = if moved.is_empty() {
        Finding::pass(match compared {
            0 => format!(
                "No metric has enough units to leave out the {top} with the largest values."
            ),
            _ => format!("No effect rests on the {top} of units with the largest values."),
        })
    } else {
        let said: Vec<String> =
            moved.iter().take(SPELLED_OUT).map(|(_, said)| said.clone()).collect();
        Finding::warn(format!(
            "Effects rest on the {top} of units with the largest values, whatever their variant: {}. Look at who they are \
             (bots, tests, resellers), and filter or cap them before deciding.",
            said.join("; ")
        ))
    };
    Finding { statistic: most, threshold, ..finding }
}

/// Whether the primary metric's effect depends on the variant that the same units met in another experiment.
pub(super) fn interaction(subject: &Subject<'_>) -> Finding {
    let experiment = subject.experiment;
    let metric = &*experiment.primary.name.value;
    let threshold = Some(ALPHA);
    let segments = subject.groups.segments_of(metric, ANOTHER_EXPERIMENT);
    let mut tests: Vec<(&str, &str, Effects<'_>, Heterogeneity)> = Vec::new();
    for segment in &segments {
        for arm in experiment.treatments().map(|arm| &*arm.name) {
            let effects: Vec<(&str, EffectOf)> = subject
                .groups
                .values(metric, segment)
                .into_iter()
                .filter_map(|theirs| {
                    Some((theirs, effect_in(subject, (metric, arm), segment, theirs)?))
                })
                .collect();
            let of: Vec<EffectOf> = effects.iter().map(|(_, effect)| *effect).collect();
            let Ok(test) = cochran_q(&of) else { continue };
            let name = segment.strip_prefix(ANOTHER_EXPERIMENT).unwrap_or(segment);
            tests.push((name, arm, effects, test));
        }
    }
    let least = tests.iter().min_by(|a, b| a.3.p_value.total_cmp(&b.3.p_value));
    let Some((name, arm, effects, test)) = least else {
        return Finding {
            threshold,
            ..Finding::pass(match segments.len() {
                0 => "No other experiment shares units with this one.".to_owned(),
                n => format!(
                    "{} with this one, each with too few to compare effects.",
                    match n {
                        1 => "1 other experiment shares units".to_owned(),
                        n => format!("{} other experiments share units", count(n as u64)),
                    }
                ),
            })
        };
    };
    let adjusted = (tests.len() as f64 * test.p_value).min(1.0);
    let each: Vec<String> = effects
        .iter()
        .map(|(theirs, of)| format!("{} with its {theirs}", signed(of.effect)))
        .collect();
    let said = format!(
        "{metric} of {arm} by the variant of `{name}`: {} (Q {} on {} degrees of freedom, adjusted {} over {})",
        list(&each),
        number(test.q, 2),
        test.df,
        p_value(adjusted, ALPHA),
        counted(tests.len() as u64, "test"),
    );
    let finding = if adjusted < ALPHA {
        Finding::warn(format!(
            "The effect depends on another experiment: {said}. The average effect holds for the present mixture of its \
             variants only: decide on both together, by the combination that would be shipped."
        ))
    } else {
        Finding::pass(format!(
            "No effect depends on another experiment; the least likely not to: {said}."
        ))
    };
    Finding { statistic: Some(test.q), p_value: Some(adjusted), threshold, ..finding }
}
