//! A row for every promise: each configured metric, treatment arm and segment value.

use std::collections::{BTreeMap, BTreeSet};

use verdict_model::rows::{ResultRow, WHOLE};
use verdict_model::{Experiment, ExperimentMetric, NaiveDate, Role};

use super::families;
use super::groups::Groups;
use super::history::History;
use super::promise::Promise;
use super::samples::{CLUSTERED, UNKNOWN_TYPE};

/// The result rows, in order: role and metric as in the file, treatment arms as in the file, the whole before
/// its segments, segments by name and value.
pub(super) fn results(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    history: &History<'_>,
) -> Vec<ResultRow> {
    let groups = history.shown();
    let segments = segments(experiment, groups);
    let limits = experiment.guardrails.iter().filter(|metric| metric.threshold.is_some()).count();
    let limits = limits * experiment.treatments().count();
    let mut rows = Vec::new();
    for metric in experiment.metrics() {
        let metric_type = metric_type(metric, metric_types, experiment, groups);
        for arm in experiment.treatments() {
            for (segment, value) in &segments {
                let promise = Promise {
                    experiment,
                    ds,
                    metric,
                    metric_type: &metric_type,
                    arm,
                    segment: (segment, value),
                    limits,
                };
                rows.push(promise.keep(history));
            }
        }
    }
    families::adjust(&mut rows);
    rows
}

/// The whole, then each configured dimension with each value that the statistics have.
fn segments<'a>(experiment: &'a Experiment, groups: &Groups<'a>) -> Vec<(&'a str, &'a str)> {
    let dimensions: BTreeSet<&str> =
        experiment.segments.iter().map(|segment| &*segment.value).collect();
    let mut segments = vec![(WHOLE, WHOLE)];
    for dimension in dimensions.into_iter().filter(|dimension| *dimension != WHOLE) {
        segments.extend(
            groups
                .segment_values(experiment, dimension)
                .into_iter()
                .map(|value| (dimension, value)),
        );
    }
    segments
}

/// The type that the project defines; for a metric that it does not know, the one that the statistics state.
pub(super) fn metric_type(
    metric: &ExperimentMetric,
    metric_types: &BTreeMap<String, String>,
    experiment: &Experiment,
    groups: &Groups<'_>,
) -> String {
    let name = &metric.name.value;
    let stated = || {
        experiment
            .design
            .arms
            .iter()
            .find_map(|arm| groups.whole(name, &arm.name))
            .map(|row| &row.metric_type)
    };
    match metric_types.get(name) {
        Some(of_units) if experiment.design.cluster.is_some() => format!("{CLUSTERED}{of_units}"),
        Some(of_units) => of_units.clone(),
        None => stated().cloned().unwrap_or_else(|| UNKNOWN_TYPE.to_owned()),
    }
}

/// The level that a metric of this role is tested at.
pub(super) fn alpha(experiment: &Experiment, role: Role) -> f64 {
    match role {
        Role::Primary | Role::Secondary => experiment.settings.alpha,
        Role::Guardrail => experiment.guardrail_settings.alpha,
    }
}
