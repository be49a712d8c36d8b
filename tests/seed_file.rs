//! The experiment file that the design prints, in a project: it validates as it is, and what is not in effect yet is
//! said key by key.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::StringArray;

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

const KEYS: [&str; 1] = ["experiment.metrics.primary.baseline"];

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

/// Days of searches of 240 people: how long each took, those of one person alike. Nothing is said to be out of effect but the planned
/// level, and the 99th percentile of all searches of a variant is what sorting them says.
#[test]
fn the_experiment_file_of_the_design_runs_with_its_latency_guardrail() {
    let project = Project::new();
    let experiment = std::fs::read_to_string(root().join(EXPERIMENT)).unwrap();
    project.file("project.yaml", PROJECT).file("experiments/ranking.yaml", &experiment);
    let mut latencies: [Vec<f64>; 2] = [Vec::new(), Vec::new()];
    let mut state = 7_u64;
    let mut random = move |below: u64| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below
    };
    for day in 1..=8 {
        let (mut users, mut at, mut variants) = (Vec::new(), Vec::new(), Vec::new());
        let (mut events, mut amounts, mut took) = (Vec::new(), Vec::new(), Vec::new());
        for user in 0..240_usize {
            let treated = user % 2;
            for search in 0..1 + random(4) {
                users.push(format!("u{user}"));
                at.push(1.0 + search as f64);
                variants.push(["control", "treatment"][treated]);
                events.push(if random(3) == 0 { "click" } else { "search" });
                amounts.push(random(500) as f64 / 100.0);
                let latency = (100 + user % 37 * 6 + random(120) as usize + treated * 40) as i64;
                latencies[treated].push(latency as f64);
                took.push(latency);
            }
        }
        project.log(
            &format!("searches/ds=2024-01-{day:02}/part-0.parquet"),
            &[
                ("user_id", Arc::new(StringArray::from(users))),
                ("at", hours(day, &at)),
                ("variant", Arc::new(StringArray::from(variants))),
                ("event", Arc::new(StringArray::from(events))),
                ("amount", doubles(&amounts)),
                ("latency_ms", integers(&took)),
            ],
        );
    }
    let ran = project.verdict(&["run", "--date", "2024-01-08", "--fail-on", "never"]).exits(0);
    let later: Vec<&str> = ran.stdout.lines().filter(|l| l.contains("not yet in effect")).collect();
    assert!(matches!(later[..], [one] if one.contains("baseline")), "{later:?}");
    let sql = "SELECT status, method, mean_control, mean_variant, effect_ci_lower, p_value, increments, threshold_breached \
               FROM results WHERE metric = 'p99_latency_ms' AND segment = 'all'";
    let rows = project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    let row = &rows.as_array().unwrap()[0];
    assert_eq!(row["status"], "ok", "{row}");
    assert_eq!(row["method"], "quantile_woodruff_z");
    for (values, column) in latencies.iter_mut().zip(["mean_control", "mean_variant"]) {
        values.sort_by(f64::total_cmp);
        let wanted = values[values.len() * 99 / 100];
        let found = row[column].as_f64().unwrap();
        assert!((found / wanted - 1.0).abs() < 0.015, "{column}: {found}, not {wanted}");
    }
    // Forty milliseconds more, of units that differ by far less: harm is found.
    assert!(row["p_value"].as_f64().unwrap() < 0.01, "{row}");
    assert!(ran.stdout.contains("stop_guardrail"), "{}", ran.stdout);
    assert_eq!(row["threshold_breached"], false, "{row}");
}
