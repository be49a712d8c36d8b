//! `verdict simulate`, from experiment files and populations, and from the tables of a log.

use serde_json::Value;

use crate::support::{Project, root, verdict};

const PROJECT: &str = "project: {name: shop}
sources:
  events: {path: events, timestamp: t, units: {user: u}}
metrics:
  revenue: {type: mean, source: events, value: x, aggregate: sum}
  converted: {type: proportion, source: events, filter: x > 0}
---
experiment:
  name: checkout
  design: {unit: user, variants: [control, blue]}
  metrics:
    primary: {name: revenue, mde_relative: 0.05}
    guardrails: [{name: converted, baseline: 0.1}]
  statistical_settings: {sequential_method: msprt, max_duration_days: 7}
";
const POPULATION: &str = "units_per_day: 1000
metrics:
  revenue: {distribution: zero_inflated_log_normal, zero: 0.8, mean_log: 1, sd_log: 1}
";

fn project() -> Project {
    let project = Project::new();
    // A name that starts with an underline is none of the project's own files.
    project.file("project.yaml", PROJECT).file("_population.yaml", POPULATION);
    project
}

#[test]
fn an_effect_is_found_and_its_absence_is_not() {
    let project = project();
    let run = |more: &[&str]| {
        let args =
            ["simulate", "--population", "_population.yaml", "-n", "200", "--format", "json"];
        project.verdict(&[&args[..], more].concat()).exits(0)
    };
    let none = run(&[]);
    assert_eq!(none.stderr, "");
    let found = none.json();
    assert_eq!((&found["schema_version"], &found["experiment"]), (&1.into(), &"checkout".into()));
    assert_eq!(found["looks"], serde_json::json!([1, 2, 3, 4, 5, 6, 7]));
    let share = |found: &Value| found["tests"][0]["significant"]["rate"].as_f64().unwrap();
    assert!(share(&found) < 0.1, "{found}");
    // A unit's variance is 0.2 e^4 - 0.896^2 = 10.1, and amounts are scaled: with 1 more it is 2.12^2 as much, so that 1 is
    // 7.95 standard errors of 3,500 units in each variant. The mixture, made for 5% of the mean, asks for 7.37 (z^2 r / (1 + r)
    // = 2 ln 20 + ln(1 + r), r = 0.0448^2 / 0.1257^2 = 0.127): a chance of 72% at the end.
    let power = share(&run(&["--effect", "revenue=+1"]).json());
    assert!((power - 0.72).abs() < 0.12, "{power}");
    // 0.7 less, with 0.22^2 of the variance: 12.7 standard errors, where 4.0 are asked for.
    assert!(share(&run(&["--effect", "blue:revenue=-0.7"]).json()) > 0.9);
    // Threads change nothing, the seed does.
    assert_eq!(run(&["--threads", "1"]).stdout, run(&["--threads", "3"]).stdout);
    assert_ne!(none.stdout, run(&["--seed", "2"]).stdout);
    // The same population by flags.
    let metric =
        "revenue={distribution: zero_inflated_log_normal, zero: 0.8, mean_log: 1, sd_log: 1}";
    let flags = ["simulate", "checkout", "--units-per-day", "1000", "--metric", metric];
    let flags = project.verdict(&[&flags[..], &["-n", "200", "--format", "json"]].concat());
    assert_eq!(flags.exits(0).stdout, none.stdout);
    let text = project
        .verdict(&[
            "simulate",
            "--population",
            "_population.yaml",
            "-n",
            "50",
            "--effect",
            "revenue=+5%",
        ])
        .exits(0);
    for words in
        ["checkout: 50 experiments (seed 1) of 1000 units a day", "+5%", "power", "false positives"]
    {
        assert!(text.stdout.contains(words), "no {words} in\n{}", text.stdout);
    }
}

#[test]
fn what_is_missing_or_wrong_is_named_with_its_place() {
    let project = project();
    project
        .file("_wrong.yaml", "units_per_day: 10\nmetrics:\n  revenue: {distribution: gausian}\n");
    for (args, expect) in [
        (&["simulate"][..], "`units_per_day` is missing: write how many units enter a day"),
        (
            &["simulate", "--units-per-day", "10"],
            "how `revenue`, a mean of experiment `checkout`, is distributed",
        ),
        (
            &["simulate", "--population", "_wrong.yaml"],
            "_wrong.yaml:3: metrics.revenue.distribution: `gausian` is not allowed here; did you mean `gaussian`?",
        ),
        (&["simulate", "--population", "_none.yaml"], "`_none.yaml` cannot be read"),
        (
            &["simulate", "checkot", "--population", "_population.yaml"],
            "there is no experiment `checkot`; did you mean `checkout`?",
        ),
        (
            &["simulate", "--population", "_population.yaml", "--effect", "revenu=5%"],
            "has no metric `revenu`; did you mean `revenue`?",
        ),
        (
            &["simulate", "--population", "_population.yaml", "--effect", "revenue"],
            "it has no `=`; write METRIC=+5%",
        ),
        (&["simulate", "--from-logs"], "has no `start`"),
    ] {
        let ran = project.verdict(args).exits(2);
        assert!(ran.stderr.contains(expect), "{args:?}: {}", ran.stderr);
        assert_eq!(ran.stdout, "");
    }
}

#[test]
fn the_statistics_of_a_log_are_a_population() {
    let tables = tempfile::tempdir().unwrap();
    let at = ["--project", "jobs/sample", "--tables", tables.path().to_str().unwrap()];
    let backfill = ["backfill", "--from", "2019-11-24", "--to", "2019-11-30", "-e", "men", "-q"];
    verdict(&root(), &[&backfill[..], &at].concat()).exits(0);
    let simulate =
        ["simulate", "men", "--from-logs", "--date", "2019-11-30", "-n", "300", "--format", "json"];
    let found = verdict(&root(), &[&simulate[..], &at].concat()).exits(0).json();
    // Twenty thousand impressions in seven days.
    let units = found["units_per_day"].as_f64().unwrap();
    assert!((units - 20_000.0 / 7.0).abs() < 1e-9, "{units}");
    assert_eq!(found["looks"].as_array().map(Vec::len), Some(7));
    let metrics: Vec<&str> =
        found["tests"].as_array().unwrap().iter().map(|t| t["metric"].as_str().unwrap()).collect();
    assert_eq!(metrics[0], "click_rate");
    let none = verdict(
        &root(),
        &[
            &simulate[..7],
            &[
                "--tables",
                tables.path().to_str().unwrap(),
                "--project",
                "jobs/sample",
                "--date",
                "2019-11-23",
            ],
        ]
        .concat(),
    );
    assert_ne!(none.code, 0);
}
