//! The word on each variant, on one page: what comes first decides. [`crate::decisions`] has the table, and the words of
//! other tools.

use verdict_model::Experiment;
use verdict_model::rows::{CheckRow, ResultRow};

use super::reasons::{self, Reason};
use super::samples::WINDOW_NOT_COMPLETE;
use super::significance::{Found, found};
use super::stage::Stage;
use super::target::{Target, Worth};

/// What is decided on: one variant, at one as-of date.
pub(super) struct Case<'a> {
    pub(super) experiment: &'a Experiment,
    pub(super) stage: Stage,
    pub(super) primary: Option<&'a ResultRow>,
    pub(super) guardrails: Vec<&'a ResultRow>,
    pub(super) checks: &'a [CheckRow],
    /// By how much the control's level of the primary metric has grown since the first look.
    pub(super) growth: Option<f64>,
}

/// The decision, and its reasons, the deciding one first.
pub(super) fn decide(case: &Case<'_>) -> (&'static str, Vec<Reason>) {
    let failed = reasons::failed_checks(case);
    if !failed.is_empty() {
        return ("invalid", failed);
    }
    let violated = reasons::violations(case);
    if !violated.is_empty() {
        let stop = case.experiment.guardrail_settings.auto_stop_on_violation;
        let decision = if stop { "stop_guardrail" } else { "dont_ship" };
        return (decision, with(violated, reasons::guardrails_not_tested(case)));
    }
    let (decision, reasons) = by_time(case);
    let guardrails = reasons::guardrails_not_violated(case);
    let untested = reasons::guardrails_not_tested(case);
    (decision, with(with(reasons, guardrails), untested))
}

fn by_time(case: &Case<'_>) -> (&'static str, Vec<Reason>) {
    match case.stage {
        Stage::BeforeMinimum { .. } => ("continue", vec![reasons::too_early(case)]),
        Stage::BeforePlannedEnd { .. } => ("continue", vec![reasons::too_early(case)]),
        Stage::Interim { .. } | Stage::Ended { .. } | Stage::Anytime => by_primary(case),
    }
}

fn by_primary(case: &Case<'_>) -> (&'static str, Vec<Reason>) {
    let open = matches!(case.stage, Stage::Interim { .. });
    let (row, found) = match case.primary.map(|row| (row, found(row, case.experiment))) {
        Some((row, found)) if row.p_value_adjusted.is_some() => (row, found),
        // Without a number now there may be one later.
        primary => {
            let row = primary.map(|(row, _)| row);
            let ripens = row.is_some_and(|row| row.reason.as_deref() == Some(WINDOW_NOT_COMPLETE));
            let open = open || (ripens && matches!(case.stage, Stage::Anytime));
            let word = if open { "continue" } else { "inconclusive" };
            return (word, vec![reasons::no_primary(row)]);
        }
    };
    let target = case.experiment.primary.mde;
    let target = target.map(|mde| Target::new(mde, case.experiment.primary.direction, row));
    match found {
        Found::Nothing if open => {
            let reasons = vec![reasons::not_crossed(case, row)];
            ("continue", with(reasons, reasons::mde_of_growing_total(case, row)))
        }
        Found::Nothing => {
            let mut reasons = vec![reasons::not_significant(case, row)];
            reasons.extend(target.map(|target| target.of_no_difference()));
            let reasons = with(reasons, reasons::achievable_mde(case, row));
            ("inconclusive", with(reasons, reasons::mde_of_growing_total(case, row)))
        }
        // Whatever was hoped for.
        Found::Worse => ("dont_ship", with(vec![reasons::worse(row)], reasons::crossing(row))),
        Found::Better => {
            let better = with(vec![reasons::better(row)], reasons::crossing(row));
            match target.map(|target| target.of_a_gain(case.experiment.settings.practical)) {
                None => if_no_guardrail_is_missing(case, better),
                Some(Worth::Enough(reason)) => {
                    if_no_guardrail_is_missing(case, with(better, Some(reason)))
                }
                Some(Worth::NotShown(reason)) if open => ("continue", before(reason, better)),
                Some(Worth::TooSmall(reason) | Worth::NotShown(reason)) => {
                    ("stat_sig_not_practical", before(reason, better))
                }
            }
        }
    }
}

/// Ships, unless a guardrail has yet to show that it is not worse.
fn if_no_guardrail_is_missing(
    case: &Case<'_>,
    reasons: Vec<Reason>,
) -> (&'static str, Vec<Reason>) {
    match reasons::not_passed(case) {
        None => ("ship", with(reasons, reasons::passed(case))),
        Some(missing) if matches!(case.stage, Stage::Interim { .. }) => {
            ("continue", before(missing, reasons))
        }
        Some(missing) => ("dont_ship", before(missing, reasons)),
    }
}

fn with(mut reasons: Vec<Reason>, more: impl IntoIterator<Item = Reason>) -> Vec<Reason> {
    reasons.extend(more);
    reasons
}

fn before(first: Reason, reasons: Vec<Reason>) -> Vec<Reason> {
    with(vec![first], reasons)
}
