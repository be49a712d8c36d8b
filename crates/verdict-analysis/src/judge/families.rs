//! Which tests are corrected together.

use std::collections::BTreeMap;

use verdict_model::rows::{ResultRow, WHOLE};
use verdict_model::{Correction, Experiment, Role};

use crate::methods::families as methods;

/// The family of a row: `primary`, `guardrail` and `secondary` over the whole, `segment:<role>` for all
/// segment rows of a role together.
pub(super) fn name(role: Role, segment: &str) -> String {
    if segment == WHOLE { role.word().to_owned() } else { format!("segment:{}", role.word()) }
}

/// The correction of a family: the guardrails' own for the guardrails over the whole, otherwise the
/// experiment's.
pub(super) fn correction(experiment: &Experiment, role: Role, segment: &str) -> Correction {
    if role == Role::Guardrail && segment == WHOLE {
        experiment.guardrail_settings.correction
    } else {
        experiment.settings.correction
    }
}

/// Fills in the size of each family and its adjusted p-values; rows without a p-value are no members.
pub(super) fn adjust(experiment: &Experiment, rows: &mut [ResultRow]) {
    let mut families: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, row) in rows.iter().enumerate() {
        families.entry(row.family.clone()).or_default().push(i);
    }
    for rows_of_family in families.into_values() {
        let tests: Vec<usize> =
            rows_of_family.iter().copied().filter(|i| rows[*i].p_value.is_some()).collect();
        let p_values: Vec<f64> = tests.iter().filter_map(|i| rows[*i].p_value).collect();
        let first = &rows[rows_of_family[0]];
        let adjusted = adjusted_by(correction(experiment, first.role, &first.segment), &p_values);
        for (i, p) in tests.iter().zip(adjusted) {
            rows[*i].p_value_adjusted = Some(p);
        }
        for i in rows_of_family {
            rows[i].family_size = i32::try_from(tests.len()).unwrap_or(i32::MAX);
        }
    }
}

fn adjusted_by(correction: Correction, p_values: &[f64]) -> Vec<f64> {
    let method = match correction {
        Correction::None => return p_values.to_vec(),
        Correction::Bonferroni => methods::Correction::Bonferroni,
        Correction::Holm => methods::Correction::Holm,
        Correction::Hochberg => methods::Correction::Hochberg,
        Correction::BenjaminiHochberg => methods::Correction::BenjaminiHochberg,
        Correction::BenjaminiYekutieli => methods::Correction::BenjaminiYekutieli,
    };
    // It refuses nothing but what is no probability, and methods return nothing else.
    methods::adjust(p_values, method).unwrap_or_else(|_| p_values.to_vec())
}
