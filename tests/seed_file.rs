//! The experiment file that the design prints, in a project: it validates as it is, and what is not in effect yet is
//! said key by key.

use std::collections::BTreeSet;

use crate::support::{Project, doubles, hours, integers, root, text};

/// The file as the design prints it; crates/verdict-model holds it to that.
const EXPERIMENT: &str =
    "crates/verdict-model/tests/fixtures/seed/experiments/new_search_ranking_model_v3.yaml";

const PROJECT: &str = "sources:
  searches:
    path: searches
    timestamp: at
    units: {user_id: user_id}
exposures:
  shown: {source: searches, variant: variant}
metrics:
  search_ctr: {type: proportion, filter: event = 'click'}
  p99_latency_ms: {type: quantile, value: latency_ms, quantile: 0.99}
  crash_rate: {type: proportion, filter: event = 'crash'}
  revenue_per_search: {type: mean, value: amount}
  searches_per_session: {type: mean}
";

const KEYS: [&str; 2] = ["experiment.metrics.primary.baseline", "metrics.p99_latency_ms.type"];

#[test]
fn the_experiment_file_of_the_design_validates_and_says_what_is_not_in_effect() {
    let project = Project::new();
    let experiment = std::fs::read_to_string(root().join(EXPERIMENT)).unwrap();
    project.file("project.yaml", PROJECT).file("experiments/ranking.yaml", &experiment);
    project.log(
        "searches/ds=2024-01-01/part-0.parquet",
        &[
            ("user_id", text(["a", "b"])),
            ("at", hours(1, &[1.0, 2.0])),
            ("variant", text(["control", "treatment"])),
            ("event", text(["click", "search"])),
            ("amount", doubles(&[1.0, 2.0])),
            ("latency_ms", integers(&[100, 200])),
        ],
    );
    let validated = project.verdict(&["validate", "--format", "json"]).exits(0).json();
    let later = validated["not_in_effect"].as_array().unwrap();
    let keys: BTreeSet<&str> = later.iter().map(|l| l["key"].as_str().unwrap()).collect();
    assert_eq!(keys, BTreeSet::from(KEYS), "{later:#?}");
    for said in later {
        assert!(said["consequence"].as_str().unwrap().contains(" yet"), "{said}");
    }
    // The same for people, and in the output of a run.
    let text = project.verdict(&["validate"]).exits(0).stdout;
    let ran =
        project.verdict(&["run", "--date", "2024-01-01", "--fail-on", "never"]).exits(0).stdout;
    for key in KEYS {
        let last = key.rsplit('.').next().unwrap();
        assert!(text.contains(key), "no {key} in\n{text}");
        assert!(ran.contains(last), "no {last} in\n{ran}");
    }
}
