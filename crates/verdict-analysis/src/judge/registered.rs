//! The plan that was registered, against the one that is judged by.
//!
//! What changed since the first run is said key by key; and what the decision would be had nothing changed is told by
//! judging the same statistics once more, by the registered plan, where they are the statistics of that plan.

use std::collections::{BTreeMap, BTreeSet};

use verdict_model::rows::{CheckRow, GroupStat};
use verdict_model::{
    DataCounts, Experiment, ExperimentPlan, NaiveDate, PlanChange, Project, RegisteredPlan,
};

use super::{Judgement, Resamples, judge_with};
use crate::words::list;

/// The check that the plan is the registered one.
pub const REGISTERED_PLAN: &str = "registered_plan";

/// What an experiment is judged by: its plan, and its statistics as for [`super::judge`].
#[derive(Clone, Copy, Debug)]
pub struct Judged<'a> {
    /// The experiment.
    pub experiment: &'a Experiment,
    /// Its plan.
    pub plan: &'a ExperimentPlan,
    /// The as-of date.
    pub ds: NaiveDate,
    /// Its group statistics.
    pub stats: &'a [GroupStat],
    /// What became of the logs' rows.
    pub counts: Option<&'a DataCounts>,
    /// What its bootstraps have drawn.
    pub resamples: &'a Resamples<'a>,
}

/// Adds to a judgement what the registered plan says of it: a check, and for each decision the keys that changed and the
/// decision as registered. `None`: no plan is registered yet.
pub fn hold_to_registered(
    judgement: &mut Judgement,
    judged: &Judged<'_>,
    registered: Option<&RegisteredPlan>,
) {
    let changes = registered.map(|registered| registered.changes(judged.plan));
    judgement.checks.push(check(judged, changes.as_deref()));
    let again = match (registered, &changes) {
        (None, _) => Err("No plan is registered.".to_owned()),
        (Some(_), None) => Ok(None),
        (Some(_), Some(changes)) if changes.is_empty() => Ok(None),
        (Some(registered), Some(changes)) => as_registered(judged, registered, changes).map(Some),
    };
    let words: Vec<String> = changes.iter().flatten().map(ToString::to_string).collect();
    for decision in &mut judgement.decisions {
        decision.plan_changes.clone_from(&words);
        let as_registered = match &again {
            Ok(None) => Ok(decision.decision.clone()),
            Ok(Some(again)) => {
                let own = again.decisions.iter().find(|other| other.variant == decision.variant);
                own.map(|own| own.decision.clone()).ok_or_else(|| {
                    let variant = &decision.variant;
                    format!("In the registered plan {variant} is the control.")
                })
            }
            Err(reason) => Err(reason.clone()),
        };
        (decision.decision_as_registered, decision.as_registered_reason) = match as_registered {
            Ok(decision) => (Some(decision), None),
            Err(reason) => (None, Some(reason)),
        };
    }
}

fn check(judged: &Judged<'_>, changes: Option<&[PlanChange]>) -> CheckRow {
    let (status, message) = match changes {
        None => {
            ("pass", "No plan is registered: the first run of an experiment does it.".to_owned())
        }
        Some([]) => ("pass", "The plan is the one that was registered.".to_owned()),
        Some(changes) => {
            let keys: Vec<String> = changes.iter().map(ToString::to_string).collect();
            let message = format!(
                "The plan is not the one that was registered when the experiment was first run: {}.",
                keys.join("; ")
            );
            ("warn", message)
        }
    };
    CheckRow {
        experiment: judged.experiment.name.value.clone(),
        ds: judged.ds,
        check: REGISTERED_PLAN.to_owned(),
        status: status.to_owned(),
        statistic: changes.map(|changes| changes.len() as f64),
        p_value: None,
        threshold: None,
        message,
    }
}

/// What is said of the same statistics by the registered plan, or why that cannot be told, as a sentence.
fn as_registered(
    judged: &Judged<'_>,
    registered: &RegisteredPlan,
    changes: &[PlanChange],
) -> Result<Judgement, String> {
    let project = ExperimentPlan::load(&registered.plan.text).map_err(|e| {
        let first = e.to_string();
        let first = first.lines().next().unwrap_or_default();
        format!("The registered plan is none that this version of Verdict understands: {first}.")
    })?;
    let experiment = project.experiments.first().ok_or("The registered plan has no experiment.")?;
    statistics_are_of(judged, &project, experiment, changes)?;
    let types: BTreeMap<String, String> = project
        .metrics
        .iter()
        .map(|(name, metric)| (name.clone(), metric.kind.word().to_owned()))
        .collect();
    let Judged { ds, stats, counts, resamples, .. } = *judged;
    Ok(judge_with(experiment, &types, ds, (stats, resamples), counts, &project.later))
}

/// Whether the statistics are those that the registered plan would have.
fn statistics_are_of(
    judged: &Judged<'_>,
    project: &Project,
    registered: &Experiment,
    changes: &[PlanChange],
) -> Result<(), String> {
    let kept: BTreeSet<&str> = judged.experiment.metrics().map(|m| &*m.name.value).collect();
    let metrics = || registered.metrics().map(|m| &*m.name.value);
    let lost: BTreeSet<&str> = metrics().filter(|name| !kept.contains(name)).collect();
    if !lost.is_empty() {
        let lost: Vec<String> = lost.into_iter().map(|name| format!("`{name}`")).collect();
        return Err(format!(
            "The registered plan has metrics whose statistics are not kept any more: {}.",
            list(&lost)
        ));
    }
    let of_data = |change: &&PlanChange| {
        let mut parts = change.key.split('.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("project"), ..)
            | (Some("experiment"), Some("start" | "exposures"), _)
            | (Some("experiment"), Some("design"), Some("unit" | "several_variants")) => true,
            // A changed share of units does not touch them; another arm does.
            (Some("experiment"), Some("design"), Some("variants")) => {
                change.was.is_none() || change.is.is_none()
            }
            (Some("metrics"), Some(name), _) => metrics().any(|metric| metric == name),
            (Some("sources"), Some(name), _) => project.sources.contains_key(name),
            (Some("exposures"), Some(name), _) => project.exposures.contains_key(name),
            _ => false,
        }
    };
    let changed: Vec<String> =
        changes.iter().filter(of_data).map(|change| format!("`{}`", change.key)).collect();
    if !changed.is_empty() {
        return Err(format!(
            "The statistics are not those of the registered plan, since {} changed.",
            list(&changed)
        ));
    }
    if let Some(end) = registered.end.filter(|end| *end < judged.ds) {
        return Err(format!("The registered plan ended on {end}."));
    }
    let resampled = |name: &str| {
        judged.experiment.metrics().any(|m| m.name.value == name && m.bootstrap.is_some())
    };
    let mut lost = registered.metrics().filter(|metric| metric.bootstrap.is_some());
    if let Some(metric) = lost.find(|metric| !resampled(&metric.name.value)) {
        return Err(format!(
            "The registered plan resamples metric `{}`, the totals of whose units are not kept any more.",
            metric.name
        ));
    }
    let segments = &judged.experiment.segments;
    let strata = registered.metrics().filter_map(|metric| metric.post_stratify.as_ref());
    let mut lost = strata.filter(|name| !segments.iter().any(|segment| segment.value == **name));
    if let Some(name) = lost.next() {
        return Err(format!(
            "The registered plan post-stratifies by `{name}`, which is no segment any more."
        ));
    }
    let own = judged.stats.iter().filter(|row| row.experiment == registered.name.value);
    let dates: BTreeSet<NaiveDate> = own.map(|row| row.ds).collect();
    let first = registered.start.or_else(|| dates.first().copied()).unwrap_or(judged.ds);
    let needed = registered.judged_by(first, judged.ds);
    let lacking = needed.iter().find(|date| **date != judged.ds && !dates.contains(*date));
    if let Some(date) = lacking {
        return Err(format!(
            "The registered plan is judged by days whose statistics the current one does without, such as {date}."
        ));
    }
    if registered.is_sequential() && !judged.experiment.is_sequential() {
        return Err(
            "The registered plan is sequential, and what days have in common is not kept.".into()
        );
    }
    Ok(())
}
