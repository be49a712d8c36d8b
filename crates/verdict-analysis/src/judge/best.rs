//! Which of several variants that may ship is the best: the one that beats each of the others, tested.

use std::collections::BTreeMap;

use verdict_model::rows::{ResultRow, WHOLE};
use verdict_model::{Experiment, Role, SequentialMethod};

use super::compare::compare;
use super::history::History;
use super::reasons::Reason;
use super::results;
use super::strata::{self, compare_by_strata};
use super::tuning;
use super::watch::{Contrast, Question, watch};
use crate::methods::Alternative;
use crate::words::list;

/// What is known of the order of the winners.
pub(super) struct Told {
    /// The variant with the largest gain, and those that it was not told apart from.
    leader: String,
    not_beaten: Vec<String>,
}

impl Told {
    /// The reason that a winner gets besides its own.
    pub(super) fn of(&self, arm: &str) -> Reason {
        if self.not_beaten.is_empty() && arm == self.leader {
            return Reason::new("best_variant", "It beats every other variant that may ship.");
        }
        if self.not_beaten.is_empty() {
            let words = format!("{} beats it: ship that one instead.", self.leader);
            return Reason::new("another_variant_is_better", words);
        }
        let words = format!(
            "Which of the variants that may ship is the best is not known: {} has the largest gain, and was not told \
             apart from {}.",
            self.leader,
            list(&self.not_beaten)
        );
        Reason::new("best_not_told_apart", words)
    }
}

/// Tests the winner with the largest gain against each of the others, over the same looks as the primary metric, at the
/// experiment's level divided by the number of pairs: the leader was chosen by the data.
pub(super) fn best(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    history: &History<'_>,
    rows: &[ResultRow],
    winners: &[&str],
) -> Told {
    let metric = &experiment.primary;
    let gain = |arm: &str| {
        let row = rows
            .iter()
            .find(|row| row.role == Role::Primary && row.segment == WHOLE && row.variant == arm);
        row.and_then(|row| row.effect).map_or(f64::NEG_INFINITY, |x| metric.direction.gain(x))
    };
    let leader = winners.iter().max_by(|a, b| gain(a).total_cmp(&gain(b))).copied().unwrap_or("");
    let pairs = (winners.len() * winners.len().saturating_sub(1) / 2).max(1);
    let alpha = experiment.settings.alpha / pairs as f64;
    let metric_type = results::metric_type(metric, metric_types, experiment, history.shown());
    let beaten = |other: &str| {
        let interval = if experiment.settings.sequential == SequentialMethod::None {
            let group = |arm| history.shown().whole(&metric.name.value, arm);
            let alternative = Alternative::TwoSided;
            let comparison = match metric.post_stratify.as_deref() {
                Some(segment) => {
                    let question = strata::Question {
                        of: strata::Stratified {
                            metric: &metric.name.value,
                            metric_type: &metric_type,
                            segment,
                            control: other,
                            variant: leader,
                        },
                        contrast: Contrast::DIFFERENCE,
                        alternative,
                        alpha,
                    };
                    compare_by_strata(history.shown(), &question)
                }
                None => {
                    let (adjusted, groups) =
                        (metric.cuped.is_some(), (group(other), group(leader)));
                    compare(&metric_type, adjusted, groups.0, groups.1, alpha, alternative)
                }
            };
            let evidence = comparison.outcome.ok();
            let evidence = evidence.filter(|evidence| evidence.test.p_value <= alpha);
            evidence.map(|evidence| evidence.test.interval())
        } else {
            let question = Question {
                metric: &metric.name.value,
                metric_type: &metric_type,
                adjusted: metric.cuped.is_some(),
                strata: metric.post_stratify.as_deref(),
                bootstrap: metric.bootstrap,
                control: other,
                variant: leader,
                segment: (WHOLE, WHOLE),
                contrast: Contrast::DIFFERENCE,
                alternative: Alternative::TwoSided,
                alpha,
            };
            let method = |first: &_| tuning::method(&experiment.settings, metric, first, alpha);
            let watched = watch(history, &question, method).ok();
            watched.filter(|watched| watched.crossed.is_some()).map(|watched| watched.interval)
        };
        interval.is_some_and(|interval| {
            metric.direction.gain(interval.lower) > 0.0
                && metric.direction.gain(interval.upper) > 0.0
        })
    };
    Told {
        leader: leader.to_owned(),
        not_beaten: winners
            .iter()
            .filter(|arm| **arm != leader && !beaten(arm))
            .map(|arm| (*arm).to_owned())
            .collect(),
    }
}
