//! Every branch of the decision, from a log to the printed reason.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, StringArray};

use crate::support::{Project, booleans, doubles, hours};

const PROJECT: &str = "\
project: {name: shop, tables: tables}
sources:
  events: {path: events, timestamp: ts, units: {customer: customer}}
  exposures: {path: exposures, timestamp: ts, units: {customer: customer}}
exposures:
  assignments: {source: exposures, variant: variant}
metrics:
  bought: {type: proportion, source: events, filter: bought}
  failed: {type: proportion, source: events, filter: failed}
  wait: {type: mean, source: events, value: wait_ms}
";

/// What the units of an arm did on their day: how many there are, bought, failed; each waited 100 ms, give or take 10.
#[derive(Clone, Copy)]
struct Arm {
    units: usize,
    bought: usize,
    failed: usize,
}

const fn arm(bought: usize, failed: usize) -> Arm {
    Arm { units: 2000, bought, failed }
}

/// One day of a log: every unit is exposed, and has one event an hour later.
fn log(project: &Project, arms: [Arm; 2]) {
    let (mut customers, mut variants) = (Vec::new(), Vec::new());
    let (mut bought, mut failed, mut wait) = (Vec::new(), Vec::new(), Vec::new());
    for (variant, arm) in ["control", "treatment"].into_iter().zip(arms) {
        for unit in 0..arm.units {
            customers.push(format!("{variant}{unit}"));
            variants.push(variant);
            bought.push(unit < arm.bought);
            failed.push(unit % 7 == 3 && unit / 7 < arm.failed);
            wait.push(if unit % 2 == 0 { 90.0 } else { 110.0 });
        }
    }
    let n = customers.len();
    let customers: ArrayRef = Arc::new(StringArray::from(customers));
    let variants: ArrayRef = Arc::new(StringArray::from(variants));
    let exposures = [
        ("customer", Arc::clone(&customers)),
        ("ts", hours(1, &vec![1.0; n])),
        ("variant", variants),
    ];
    project.log("exposures/ds=2024-01-01/part.parquet", &exposures);
    let events = [
        ("customer", customers),
        ("ts", hours(1, &vec![2.0; n])),
        ("bought", booleans(&bought)),
        ("failed", booleans(&failed)),
        ("wait_ms", doubles(&wait)),
    ];
    project.log("events/ds=2024-01-01/part.parquet", &events);
}

/// What is decided of `treatment` on the first day, the codes of the reasons, and the words that are printed of it.
fn decided(arms: [Arm; 2], experiment: &str) -> (String, Vec<String>, String) {
    let project = Project::new();
    let experiment = format!(
        "experiment:\n  name: basket\n  start: 2024-01-01\n  design: {{unit: customer, variants: [control, treatment]}}\n\
         {experiment}"
    );
    project.file("project.yaml", PROJECT).file("experiments/basket.yaml", &experiment);
    log(&project, arms);
    let run = ["run", "--date", "2024-01-01", "--fail-on", "never"];
    let json = project.verdict(&[&run[..], &["--format", "json"]].concat()).exits(0).json();
    let decision = &json["experiments"][0]["decisions"][0];
    let list = |key: &str| -> Vec<String> {
        let items = decision[key].as_array().unwrap();
        items.iter().map(|item| item.as_str().unwrap().to_owned()).collect()
    };
    let word = decision["decision"].as_str().unwrap().to_owned();
    let text = project.verdict(&run).exits(0).stdout;
    for reason in list("reasons") {
        assert!(text.contains(&reason), "{reason}\nis not in\n{text}");
    }
    (word, list("reason_codes"), text)
}

/// Asserts the decision, its deciding reason, and words of the report.
#[track_caller]
fn check(arms: [Arm; 2], experiment: &str, decision: &str, code: &str, words: &[&str]) {
    let (word, codes, text) = decided(arms, experiment);
    assert_eq!(word, decision, "{codes:?}\n{text}");
    assert_eq!(codes.first().map(String::as_str), Some(code), "{codes:?}\n{text}");
    for words in words {
        assert!(text.contains(words), "{words}\nis not in\n{text}");
    }
}

const PRIMARY: &str = "  metrics:\n    primary: {name: bought, mde_relative: 0.1}\n";

fn primary(more: &str) -> String {
    format!("{PRIMARY}{more}")
}

#[test]
fn checks_come_first() {
    let lost = Arm { units: 1500, ..arm(300, 20) };
    let words = ["INVALID", "sample_ratio: Exposed units: control 2,000 (expected 1,750.0)"];
    check([arm(200, 20), lost], PRIMARY, "invalid", "sample_ratio", &words);
}

#[test]
fn a_violated_guardrail_stops_or_forbids() {
    let guarded = |settings: &str| {
        primary(&format!(
            "    guardrails: [{{name: failed, direction: decrease}}]\n  guardrail_settings: {{{settings}}}\n"
        ))
    };
    // The primary metric is better by far; 20 failures have become 80.
    let arms = [arm(200, 20), arm(400, 80)];
    let stop = guarded("auto_stop_on_violation: true");
    check(
        arms,
        &stop,
        "stop_guardrail",
        "guardrail_violated",
        &["STOP", "failed rose from 1.00% to 4.00%"],
    );
    let warn = guarded("auto_stop_on_violation: false");
    check(arms, &warn, "dont_ship", "guardrail_violated", &["lower is better"]);
}

#[test]
fn a_limit_on_the_level_is_a_guardrail() {
    let limited = |limit: &str| {
        primary(&format!("    guardrails: [{{name: wait, direction: decrease, {limit}}}]\n"))
    };
    // Both arms wait 100 ms: nothing got worse, and the limit is passed all the same.
    let arms = [arm(200, 20), arm(400, 20)];
    check(arms, &limited("threshold_ms: 95"), "dont_ship", "guardrail_violated", &["95"]);
    check(arms, &limited("threshold_ms: 105"), "ship", "primary_better", &["SHIP"]);
}

#[test]
fn time_comes_before_the_primary_metric() {
    let arms = [arm(200, 20), arm(400, 20)];
    let early = primary(
        "  statistical_settings: {sequential_method: msprt, min_duration_days: 3, max_duration_days: 28}\n",
    );
    check(arms, &early, "continue", "before_min_duration", &["CONTINUE"]);
    let planned = primary("  statistical_settings: {max_duration_days: 7}\n");
    let (word, codes, text) = decided(arms, &planned);
    assert_eq!(word, "continue", "{codes:?}\n{text}");
    let shown = primary("  statistical_settings: {max_duration_days: 1}\n");
    check(arms, &shown, "ship", "primary_better", &["SHIP"]);
}

#[test]
fn a_sequential_method_decides_when_its_boundary_is_crossed() {
    for method in ["msprt", "confidence_sequence", "obrien_fleming", "pocock"] {
        let settings = format!(
            "  statistical_settings: {{sequential_method: {method}, max_duration_days: 4}}\n"
        );
        let (word, codes, text) = decided([arm(200, 20), arm(205, 20)], &primary(&settings));
        assert_eq!((&*word, &*codes[0]), ("continue", "boundary_not_crossed"), "{method}\n{text}");
        // From 10% to 40%: 22 standard errors.
        let (word, codes, text) = decided([arm(200, 20), arm(800, 20)], &primary(&settings));
        assert_eq!(word, "ship", "{method}\n{text}");
        assert!(codes.contains(&"boundary_crossed".to_owned()), "{method} {codes:?}");
    }
}

#[test]
fn a_gain_ships_where_it_is_worth_it() {
    let arms = [arm(200, 20), arm(300, 20)];
    check(arms, PRIMARY, "ship", "primary_better", &["bought rose from 10.0% to 15.0%", "+50.0%"]);
    // 8% more than 1,000 is significant (z = 2.5), and below the 10% that is wanted.
    check(
        [arm(1000, 20), arm(1080, 20)],
        PRIMARY,
        "stat_sig_not_practical",
        "significant_below_mde",
        &["+8.0%"],
    );
    // By the interval's near end: +50% has one of 27% or so, which is above 10% and below 40%.
    let by_interval = |mde: &str| {
        format!(
            "  metrics:\n    primary: {{name: bought, mde_relative: {mde}}}\n  statistical_settings: {{practical: interval}}\n"
        )
    };
    check(arms, &by_interval("0.1"), "ship", "primary_better", &["SHIP"]);
    let (word, codes, text) = decided(arms, &by_interval("0.4"));
    assert_eq!(word, "stat_sig_not_practical", "{codes:?}\n{text}");
}

#[test]
fn what_should_fall_is_better_when_it_falls_and_harm_is_seen_either_way() {
    let falling = "  metrics:\n    primary: {name: bought, direction: decrease}\n";
    let (more, less) = (arm(300, 20), arm(200, 20));
    check([more, less], falling, "ship", "primary_better", &["lower is better"]);
    check([less, more], falling, "dont_ship", "primary_worse", &["lower is better"]);
    check([more, less], PRIMARY, "dont_ship", "primary_worse", &["higher is better"]);
}

#[test]
fn no_difference_is_inconclusive_and_says_what_could_be_seen() {
    let (word, codes, text) = decided([arm(200, 20), arm(205, 20)], PRIMARY);
    assert_eq!((&*word, &*codes[0]), ("inconclusive", "not_significant"), "{text}");
    let ended = primary("  statistical_settings: {max_duration_days: 1}\n");
    let (word, codes, text) = decided([arm(200, 20), arm(205, 20)], &ended);
    assert_eq!(word, "inconclusive", "{text}");
    assert!(codes.contains(&"achievable_mde".to_owned()), "{codes:?}");
    // Nobody bought anything: there is nothing to test.
    check(
        [arm(0, 20), arm(0, 20)],
        PRIMARY,
        "inconclusive",
        "primary_zero_variance",
        &["INCONCLUSIVE"],
    );
}

#[test]
fn a_guardrail_may_have_to_show_that_it_is_not_worse() {
    let guarded = |margin: &str| {
        primary(&format!(
            "    guardrails: [{{name: failed, direction: decrease, test: non_inferiority, margin_absolute: {margin}}}]\n"
        ))
    };
    // 1% failed in both arms; the standard error of the difference is 0.31 points, the margins 0.1 and 2 points.
    let arms = [arm(200, 20), arm(400, 20)];
    check(arms, &guarded("0.001"), "dont_ship", "non_inferiority_not_shown", &["failed"]);
    let (word, codes, text) = decided(arms, &guarded("0.02"));
    assert_eq!(word, "ship", "{codes:?}\n{text}");
    assert!(codes.contains(&"non_inferiority_shown".to_owned()), "{codes:?}");
}
