//! Which tests are corrected together.

use std::collections::BTreeMap;

use verdict_model::rows::{ResultRow, WHOLE};
use verdict_model::{Correction, Experiment, ExperimentMetric, GuardrailTest, Role};

use crate::methods::families as methods;

/// The family of a row: `primary`, `guardrail` and `secondary` over the whole, `segment:<role>` for all segment rows
/// of a role together. Tests for non-inferiority are a family of their own, `guardrail:non_inferiority`.
pub(super) fn name(metric: &ExperimentMetric, segment: &str) -> String {
    let role = metric.role.word();
    let test = if all_must_pass(metric) { ":non_inferiority" } else { "" };
    if segment == WHOLE { format!("{role}{test}") } else { format!("segment:{role}{test}") }
}

/// The correction of a family: none where every test must reject (intersection-union), the guardrails' own for the
/// guardrails over the whole, otherwise the experiment's. Of the primary metric over several variants, where one false
/// finding is a wrong decision, the chance of *any* is bounded: a correction that bounds only the share of false ones
/// (Benjamini-Hochberg, Benjamini-Yekutieli) gives way to Holm's there.
pub(super) fn correction(
    experiment: &Experiment,
    metric: &ExperimentMetric,
    segment: &str,
) -> Correction {
    match (metric.role, segment == WHOLE) {
        _ if all_must_pass(metric) => Correction::None,
        (Role::Guardrail, true) => experiment.guardrail_settings.correction,
        (Role::Primary, true) => match experiment.settings.correction {
            Correction::BenjaminiHochberg | Correction::BenjaminiYekutieli => Correction::Holm,
            bounds_any => bounds_any,
        },
        _ => experiment.settings.correction,
    }
}

fn all_must_pass(metric: &ExperimentMetric) -> bool {
    metric.role == Role::Guardrail && matches!(metric.test, GuardrailTest::NonInferiority(_))
}

/// Fills in the size of each family and its adjusted p-values; rows without a p-value are no members.
pub(super) fn adjust(rows: &mut [ResultRow]) {
    let mut families: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        families.entry(row.family.clone()).or_default().push(i);
    }
    for rows_of_family in families.into_values() {
        let tests: Vec<usize> =
            rows_of_family.iter().copied().filter(|i| rows[*i].p_value.is_some()).collect();
        let p_values: Vec<f64> = tests.iter().filter_map(|i| rows[*i].p_value).collect();
        let adjusted = adjusted_by(&rows[rows_of_family[0]].correction, &p_values);
        for (i, p) in tests.iter().zip(adjusted) {
            rows[*i].p_value_adjusted = Some(p);
        }
        for i in rows_of_family {
            rows[i].family_size = i32::try_from(tests.len()).unwrap_or(i32::MAX);
        }
    }
}

fn adjusted_by(correction: &str, p_values: &[f64]) -> Vec<f64> {
    let method = match Correction::WORDS.iter().find(|(word, _)| *word == correction) {
        None | Some((_, Correction::None)) => return p_values.to_vec(),
        Some((_, Correction::Bonferroni)) => methods::Correction::Bonferroni,
        Some((_, Correction::Holm)) => methods::Correction::Holm,
        Some((_, Correction::Hochberg)) => methods::Correction::Hochberg,
        Some((_, Correction::BenjaminiHochberg)) => methods::Correction::BenjaminiHochberg,
        Some((_, Correction::BenjaminiYekutieli)) => methods::Correction::BenjaminiYekutieli,
    };
    // It refuses nothing but what is no probability, and methods return nothing else.
    methods::adjust(p_values, method).unwrap_or_else(|_| p_values.to_vec())
}
