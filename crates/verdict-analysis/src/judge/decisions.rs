//! A decision for each treatment arm, and which of several winners is the best.

use std::collections::BTreeMap;

use verdict_model::rows::{CheckRow, DecisionRow, ResultRow, WHOLE};
use verdict_model::{Experiment, Later, NaiveDate, Role};

use super::best::best;
use super::decide::{Case, decide};
use super::groups::Groups;
use super::history::History;
use super::reasons::Reason;
use super::stage::Stage;

/// One decision for each treatment arm, in the order of the file.
pub(super) fn decisions(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    history: &History<'_>,
    (results, checks): (&[ResultRow], &[CheckRow]),
    later: &[Later],
) -> Vec<DecisionRow> {
    let not_in_effect = super::later::sentences(experiment, later);
    let stage = Stage::of(experiment, ds, history);
    let growth = growth(experiment, history);
    let mut decided: Vec<(&str, &str, Vec<Reason>)> = experiment
        .treatments()
        .map(|arm| {
            let rows = |role| {
                results.iter().filter(move |row| {
                    row.variant == arm.name && row.segment == WHOLE && row.role == role
                })
            };
            let primary = rows(Role::Primary).next();
            let guardrails = rows(Role::Guardrail).collect();
            let (decision, reasons) =
                decide(&Case { experiment, stage, primary, guardrails, checks, growth });
            (arm.name.as_str(), decision, reasons)
        })
        .collect();
    let winners: Vec<&str> = decided
        .iter()
        .filter(|(_, decision, _)| *decision == "ship")
        .map(|(arm, ..)| *arm)
        .collect();
    if winners.len() > 1 {
        let told = best(experiment, metric_types, history, results, &winners);
        for (arm, decision, reasons) in &mut decided {
            if *decision == "ship" {
                reasons.push(told.of(arm));
            }
        }
    }
    decided
        .into_iter()
        .map(|(arm, decision, reasons)| {
            let (reason_codes, reasons) =
                reasons.into_iter().map(|reason| (reason.code, reason.words)).unzip();
            DecisionRow {
                experiment: experiment.name.value.clone(),
                ds,
                variant: arm.to_owned(),
                control: experiment.design.control.value.clone(),
                decision: decision.to_owned(),
                reason_codes,
                reasons,
                primary_metric: experiment.primary.name.value.clone(),
                not_in_effect: not_in_effect.clone(),
                plan_changes: Vec::new(),
                decision_as_registered: None,
                as_registered_reason: None,
            }
        })
        .collect()
}

/// By how much the control's level of the primary metric has grown from the first look to the one that is shown; `None`
/// for shares, which do not add up, and where there is no such level.
fn growth(experiment: &Experiment, history: &History<'_>) -> Option<f64> {
    let level = |groups: &Groups<'_>| {
        let group = groups.whole(&experiment.primary.name.value, &experiment.design.control.value);
        group.filter(|group| group.metric_type == "mean").and_then(|group| group.mean_x)
    };
    let first = level(history.on(history.looks().first()?.ds))?;
    let now = level(history.shown())?;
    (first > 0.0 && now.is_finite()).then_some(now / first)
}
