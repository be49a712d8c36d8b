//! A row for every promise: each configured metric, treatment arm and segment value.

use std::collections::{BTreeMap, BTreeSet};

use verdict_model::rows::{GroupStat, ResultRow, WHOLE};
use verdict_model::{Arm, Direction, Experiment, ExperimentMetric, NaiveDate, Role};

use super::compare::{Comparison, Evidence, UNKNOWN_TYPE, compare};
use super::families;
use super::groups::Groups;
use crate::methods::Alternative;

/// The result rows, in order: role and metric as in the file, treatment arms as in the file, the whole before
/// its segments, segments by name and value.
pub(super) fn results(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    groups: &Groups<'_>,
) -> Vec<ResultRow> {
    let segments = segments(experiment, groups);
    let mut rows = Vec::new();
    for metric in experiment.metrics() {
        let metric_type = metric_type(metric, metric_types, experiment, groups);
        for arm in experiment.treatments() {
            for (segment, value) in &segments {
                let control = groups.get(
                    &metric.name.value,
                    &experiment.design.control.value,
                    segment,
                    value,
                );
                let variant = groups.get(&metric.name.value, &arm.name, segment, value);
                let row = Promise {
                    experiment,
                    ds,
                    metric,
                    metric_type: &metric_type,
                    arm,
                    segment,
                    value,
                };
                rows.push(row.keep(control, variant));
            }
        }
    }
    families::adjust(experiment, &mut rows);
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
fn metric_type(
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
    metric_types.get(name).or_else(stated).cloned().unwrap_or_else(|| UNKNOWN_TYPE.to_owned())
}

/// How a metric of this role and direction is tested: two-sided, guardrails one-sided for harm.
pub(super) fn alternative(metric: &ExperimentMetric) -> Alternative {
    match (metric.role, metric.direction) {
        (Role::Primary | Role::Secondary, _) => Alternative::TwoSided,
        (Role::Guardrail, Direction::Increase) => Alternative::Less,
        (Role::Guardrail, Direction::Decrease) => Alternative::Greater,
    }
}

/// The level that a metric of this role is tested at.
pub(super) fn alpha(experiment: &Experiment, role: Role) -> f64 {
    match role {
        Role::Primary | Role::Secondary => experiment.settings.alpha,
        Role::Guardrail => experiment.guardrail_settings.alpha,
    }
}

/// A comparison that the configuration promises a row for.
struct Promise<'a> {
    experiment: &'a Experiment,
    ds: NaiveDate,
    metric: &'a ExperimentMetric,
    metric_type: &'a str,
    arm: &'a Arm,
    segment: &'a str,
    value: &'a str,
}

impl Promise<'_> {
    fn keep(&self, control: Option<&GroupStat>, variant: Option<&GroupStat>) -> ResultRow {
        let alpha = alpha(self.experiment, self.metric.role);
        let alternative = alternative(self.metric);
        let comparison = compare(self.metric_type, control, variant, alpha, alternative);
        let row = self.without_number(control, variant, &comparison, alternative);
        match comparison.outcome {
            Ok(evidence) => with_number(row, &evidence),
            Err(gap) => ResultRow {
                status: gap.status().to_owned(),
                reason: Some(gap.reason().to_owned()),
                rel_effect_reason: Some(gap.reason().to_owned()),
                ..row
            },
        }
    }

    fn without_number(
        &self,
        control: Option<&GroupStat>,
        variant: Option<&GroupStat>,
        comparison: &Comparison,
        alternative: Alternative,
    ) -> ResultRow {
        let (mean_control, mean_variant) = comparison.levels;
        ResultRow {
            experiment: self.experiment.name.value.clone(),
            ds: self.ds,
            metric: self.metric.name.value.clone(),
            role: self.metric.role,
            metric_type: self.metric_type.to_owned(),
            direction: self.metric.direction.word().to_owned(),
            control: self.experiment.design.control.value.clone(),
            variant: self.arm.name.clone(),
            segment: self.segment.to_owned(),
            segment_value: self.value.to_owned(),
            window_start: 0,
            window_end: None,
            n_control: control.map_or(0, |group| group.n),
            n_variant: variant.map_or(0, |group| group.n),
            mean_control,
            mean_variant,
            effect: comparison.effect(),
            effect_std_error: None,
            effect_ci_lower: None,
            effect_ci_upper: None,
            rel_effect: None,
            rel_effect_ci_lower: None,
            rel_effect_ci_upper: None,
            rel_effect_reason: None,
            confidence_level: 1.0 - alpha(self.experiment, self.metric.role),
            method: None,
            alternative: word(alternative).to_owned(),
            statistic: None,
            df: None,
            p_value: None,
            log_p_value: None,
            p_value_adjusted: None,
            family: families::name(self.metric.role, self.segment),
            family_size: 0,
            correction: families::correction(self.experiment, self.metric.role, self.segment)
                .word()
                .to_owned(),
            status: "ok".to_owned(),
            reason: None,
        }
    }
}

fn with_number(row: ResultRow, evidence: &Evidence) -> ResultRow {
    let closed = |end: f64| end.is_finite().then_some(end);
    let (relative, rel_effect_reason) = match evidence.relative {
        Ok(relative) => (Some(relative), None),
        Err(reason) => (None, Some(reason.to_owned())),
    };
    ResultRow {
        effect: Some(evidence.test.effect),
        effect_std_error: Some(evidence.interval_std_error),
        effect_ci_lower: closed(evidence.test.ci_lower),
        effect_ci_upper: closed(evidence.test.ci_upper),
        rel_effect: relative.map(|relative| relative.effect),
        rel_effect_ci_lower: relative.and_then(|relative| closed(relative.interval.lower)),
        rel_effect_ci_upper: relative.and_then(|relative| closed(relative.interval.upper)),
        rel_effect_reason,
        method: Some(evidence.method.to_owned()),
        statistic: Some(evidence.test.statistic),
        df: evidence.test.df,
        p_value: Some(evidence.test.p_value),
        log_p_value: (evidence.test.p_value < 1e-300).then_some(evidence.test.log_p_value),
        ..row
    }
}

/// The column's word for an alternative.
fn word(alternative: Alternative) -> &'static str {
    match alternative {
        Alternative::TwoSided => "two-sided",
        Alternative::Greater => "greater",
        Alternative::Less => "less",
    }
}
