//! What the decisions say of keys that are not in effect yet.

use verdict_model::{Experiment, Later};

/// Those that concern the experiment, as sentences.
pub(super) fn sentences(experiment: &Experiment, later: &[Later]) -> Vec<String> {
    later.iter().filter(|key| concerns(experiment, key)).map(not_in_effect).collect()
}

/// Whether a key is this experiment's own, a metric's of this experiment, or the project's.
fn concerns(experiment: &Experiment, later: &Later) -> bool {
    let of_metric = |name: &str, path: &str| {
        path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    };
    match (&later.experiment, later.place.key.strip_prefix("metrics.")) {
        (Some(name), _) => *name == experiment.name.value,
        (None, Some(path)) => {
            experiment.metrics().any(|metric| of_metric(&metric.name.value, path))
        }
        (None, None) => true,
    }
}

/// A key that is not in effect yet: the last parts of its path, and what is therefore not done.
fn not_in_effect(later: &Later) -> String {
    let parts: Vec<&str> = later.place.key.split('.').collect();
    let last = parts[parts.len().saturating_sub(2)..].join(".");
    format!("{last}: {}", later.consequence)
}
