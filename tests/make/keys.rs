//! Every key of the configuration: changing it makes something stale, or the key is one that only people read.

use std::collections::BTreeSet;

use super::Shop;

/// Keys that only people read: no table depends on them.
const FOR_PEOPLE: [&str; 3] = ["project.name", "metrics.*.description", "experiment.owner"];

/// How stores are spoken to: no table depends on it.
const STORAGE: [(&str, &str); 7] = [
    ("storage.retries", "retries: 3"),
    ("storage.retry_timeout_s", "retry_timeout_s: 30"),
    ("storage.request_timeout_s", "request_timeout_s: 15"),
    ("storage.connect_timeout_s", "connect_timeout_s: 2"),
    ("storage.max_requests", "max_requests: 8"),
    ("storage.run_timeout_s", "run_timeout_s: 3600"),
    ("storage.options.*", "options: {\"s3://elsewhere\": {aws_region: eu-west-1}}"),
];

/// Keys whose change is another place or another name, so that everything there is new: shown by other tests.
const ELSEWHERE: [&str; 2] = ["project.tables", "experiment.name"];

/// A key (names that the project chooses are `*`), the file, and an edit that changes it.
pub(super) const EDITS: [(&str, &str, &str, &str); 55] = [
    ("project.time_zone", "project.yaml", "name: shop", "name: shop, time_zone: Asia/Kolkata"),
    ("project.buckets", "project.yaml", "name: shop", "name: shop, buckets: 3"),
    ("sources.*.path", "project.yaml", "path: events", "path: other_events"),
    ("sources.*.timestamp", "project.yaml", "timestamp: ts", "timestamp: ts + INTERVAL '1 minute'"),
    ("sources.*.units.*", "project.yaml", "{customer: customer}", "{customer: lower(customer)}"),
    (
        "sources.*.filter",
        "project.yaml",
        "path: events\n",
        "path: events\n    filter: amount < 90\n",
    ),
    (
        "sources.*.outside_day",
        "project.yaml",
        "path: events\n",
        "path: events\n    outside_day: reject\n",
    ),
    ("exposures.*.source", "project.yaml", "source: exposures", "source: exposures_again"),
    (
        "exposures.*.filter",
        "project.yaml",
        "source: exposures\n",
        "source: exposures\n    filter: country <> 'NG'\n",
    ),
    (
        "exposures.*.experiment",
        "project.yaml",
        "experiment: experiment",
        "experiment: lower(experiment)",
    ),
    ("exposures.*.variant", "project.yaml", "variant: variant", "variant: lower(variant)"),
    ("exposures.*.segments.*", "project.yaml", "{country: country}", "{country: lower(country)}"),
    ("metrics.*.type", "metrics.yaml", "type: proportion", "type: mean\n    aggregate: count"),
    (
        "metrics.*.source",
        "metrics.yaml",
        "source: events\n    value",
        "source: events_again\n    value",
    ),
    ("metrics.*.filter", "metrics.yaml", "kind = 'purchase'", "kind = 'visit'"),
    ("metrics.*.value", "metrics.yaml", "value: amount", "value: amount * 2"),
    ("metrics.*.aggregate", "metrics.yaml", "value: amount", "value: amount\n    aggregate: max"),
    (
        "metrics.*.numerator.source",
        "metrics.yaml",
        "numerator: {source: events,",
        "numerator: {source: events_again,",
    ),
    (
        "metrics.*.numerator.filter",
        "metrics.yaml",
        "count, filter: kind = 'purchase'}",
        "count, filter: kind <> 'visit'}",
    ),
    (
        "metrics.*.numerator.value",
        "metrics.yaml",
        "count, filter: kind = 'purchase'}",
        "sum, value: amount}",
    ),
    (
        "metrics.*.numerator.aggregate",
        "metrics.yaml",
        "{source: events, aggregate: count, filter: kind = 'purchase'}",
        "{source: events, aggregate: distinct_days}",
    ),
    (
        "metrics.*.denominator.source",
        "metrics.yaml",
        "denominator: {source: events,",
        "denominator: {source: events_again,",
    ),
    (
        "metrics.*.denominator.filter",
        "metrics.yaml",
        "count, filter: kind = 'visit'}",
        "count, filter: kind <> 'purchase'}",
    ),
    (
        "metrics.*.denominator.value",
        "metrics.yaml",
        "count, filter: kind = 'visit'}",
        "sum, value: amount}",
    ),
    (
        "metrics.*.denominator.aggregate",
        "metrics.yaml",
        "count, filter: kind = 'visit'}",
        "distinct_days}",
    ),
    (
        "metrics.*.window",
        "metrics.yaml",
        "    value: amount",
        "    window: {start: 0, end: 1}\n    value: amount",
    ),
    (
        "metrics.*.at_least",
        "metrics.yaml",
        "type: proportion",
        "type: proportion\n    aggregate: count\n    at_least: 2",
    ),
    ("metrics.*.quantile", "metrics.yaml", "type: mean", "type: quantile\n    quantile: 0.5"),
    (
        "metrics.*.of",
        "metrics.yaml",
        "type: mean",
        "type: quantile\n    quantile: 0.5\n    of: units",
    ),
    (
        "experiment.window",
        "experiments/prices.yaml",
        "  segments:",
        "  window: {start: 0, end: 1}\n  segments:",
    ),
    (
        "metrics.*.cuped.lookback_days",
        "metrics.yaml",
        "    type: ratio\n",
        "    type: ratio\n    cuped: {lookback_days: 1}\n",
    ),
    (
        "metrics.*.bootstrap",
        "metrics.yaml",
        "value: amount",
        "value: amount\n    bootstrap: {replicates: 1000}",
    ),
    (
        "metrics.*.winsorize.upper",
        "metrics.yaml",
        "value: amount",
        "value: amount\n    winsorize: {upper: 50}",
    ),
    (
        "metrics.*.winsorize.upper_percentile",
        "metrics.yaml",
        "value: amount",
        "value: amount\n    winsorize: {upper_percentile: 90}",
    ),
    (
        "metrics.*.winsorize.numerator.upper_percentile",
        "metrics.yaml",
        "    type: ratio\n",
        "    type: ratio\n    winsorize: {numerator: {upper_percentile: 90}}\n",
    ),
    (
        "experiment.cuped.lookback_days",
        "experiments/banner.yaml",
        "  metrics:\n",
        "  cuped: {lookback_days: 1}\n  metrics:\n",
    ),
    (
        "experiment.pre_period_check.days",
        "experiments/banner.yaml",
        "  metrics:\n",
        "  pre_period_check: {days: 1}\n  metrics:\n",
    ),
    (
        "experiment.design.phases.*.*",
        "experiments/prices.yaml",
        "    unit: customer\n",
        "    unit: customer\n    phases: {2024-01-02: {control: 0.4, treatment: 0.6}}\n",
    ),
    // What was believed is registered, and a change of it is said in every result.
    (
        "experiment.hypothesis",
        "experiments/prices.yaml",
        "  start:",
        "  hypothesis: lower prices sell\n  start:",
    ),
    ("experiment.start", "experiments/prices.yaml", "2024-01-01", "2024-01-02"),
    ("experiment.end", "experiments/banner.yaml", "2024-01-03", "2024-01-04"),
    ("experiment.design.unit", "experiments/prices.yaml", "unit: customer", "unit: shopper"),
    (
        "experiment.design.control",
        "experiments/prices.yaml",
        "  segments:",
        "    control: treatment\n  segments:",
    ),
    (
        "experiment.design.variants.*",
        "experiments/prices.yaml",
        "[control, treatment]",
        "{control: 0.4, treatment: 0.6}",
    ),
    (
        "experiment.design.several_variants",
        "experiments/prices.yaml",
        "  segments:",
        "    several_variants: first\n  segments:",
    ),
    (
        "experiment.design.cluster",
        "experiments/prices.yaml",
        "  segments:",
        "    cluster: country\n  segments:",
    ),
    (
        "experiment.exposures.key",
        "experiments/prices.yaml",
        "  segments:",
        "  exposures: {key: banner}\n  segments:",
    ),
    ("experiment.segments", "experiments/prices.yaml", "  segments: [country]\n", ""),
    (
        "experiment.segment_values",
        "experiments/prices.yaml",
        "  segments: [country]\n",
        "  segments: [country]\n  segment_values: 1\n",
    ),
    (
        "experiment.post_stratify",
        "experiments/prices.yaml",
        "  segments: [country]\n",
        "  segments: [country]\n  post_stratify: country\n",
    ),
    (
        "experiment.metrics.primary",
        "experiments/prices.yaml",
        "mde_relative: 0.2",
        "mde_relative: 0.2, direction: decrease",
    ),
    (
        "experiment.metrics.secondary",
        "experiments/prices.yaml",
        "{name: buyers}",
        "{name: buyers, direction: decrease}",
    ),
    (
        "experiment.metrics.guardrails",
        "experiments/prices.yaml",
        "    secondary:",
        "    guardrails: [{name: purchases_per_visit}]\n    secondary:",
    ),
    (
        "experiment.statistical_settings",
        "experiments/prices.yaml",
        "  metrics:\n",
        "  statistical_settings: {alpha: 0.01}\n  metrics:\n",
    ),
    (
        "experiment.guardrail_settings",
        "experiments/prices.yaml",
        "  metrics:\n",
        "  guardrail_settings: {alpha: 0.01}\n  metrics:\n",
    ),
];

/// The shop with a second name for each of its logs and its units, so that a key can point elsewhere.
pub(super) fn shop() -> Shop {
    let shop = Shop::new();
    let again = "  events_again: {path: events, timestamp: ts, units: {customer: customer}}\n  \
                 exposures_again: {path: exposures, timestamp: ts, units: {customer: customer}, filter: country <> 'BR'}\n";
    shop.edit(
        "project.yaml",
        "exposures:\n  assignments",
        &format!("{again}exposures:\n  assignments"),
    );
    shop
}

#[test]
fn a_changed_key_makes_something_stale() {
    let shop = shop();
    shop.backfill();
    assert_eq!(shop.plan().len(), 0);
    for (key, file, from, to) in EDITS {
        let before = std::fs::read_to_string(shop.path().join(file)).unwrap();
        if key == "sources.*.path" {
            super::copy_folder(&shop.path().join("events"), &made(&shop, "other_events"));
            shop.events(1, "../../other_events/ds=2024-01-01/more", 1.0);
        }
        if key == "experiment.design.unit" {
            let project = std::fs::read_to_string(shop.path().join("project.yaml")).unwrap();
            let both = "{customer: customer, shopper: upper(customer)}";
            shop.project.file("project.yaml", &project.replace("{customer: customer}", both));
            shop.edit(file, from, to);
            assert!(!shop.plan().is_empty(), "{key}: nothing becomes stale");
            shop.project.file("project.yaml", &project);
        } else {
            shop.edit(file, from, to);
            assert!(!shop.plan().is_empty(), "{key}: nothing becomes stale");
        }
        shop.project.file(file, &before);
    }
    for (file, from, to) in [
        ("project.yaml", "name: shop", "name: store"),
        ("metrics.yaml", "    value: amount", "    description: money\n    value: amount"),
        ("experiments/prices.yaml", "  start:", "  owner: ada\n  start:"),
    ] {
        shop.edit(file, from, to);
    }
    assert_eq!(shop.plan().len(), 0, "what only people read makes nothing stale");
    for (key, text) in STORAGE {
        shop.project.file("storage.yaml", &format!("storage: {{{text}}}\n"));
        assert_eq!(shop.plan().len(), 0, "{key} makes nothing stale");
    }
}

fn made(shop: &Shop, folder: &str) -> std::path::PathBuf {
    let path = shop.path().join(folder);
    std::fs::create_dir_all(&path).unwrap();
    path
}

/// The keys of the resolved configuration are those of the test above: a new key must say what it makes stale.
#[test]
fn every_key_is_accounted_for() {
    let shop = shop();
    // Every key that is left out by default.
    for (_, file, from, to) in EDITS.iter().filter(|(key, ..)| {
        [
            "sources.*.filter",
            "exposures.*.filter",
            "experiment.metrics.guardrails",
            "metrics.*.numerator.value",
            "metrics.*.denominator.value",
            "metrics.*.window",
            "metrics.*.at_least",
            "metrics.*.quantile",
            "experiment.window",
            "metrics.*.cuped.lookback_days",
            "experiment.pre_period_check.days",
            "experiment.design.phases.*.*",
        ]
        .contains(key)
    }) {
        shop.edit(file, from, to);
    }
    shop.edit("metrics.yaml", "    value: amount", "    description: money\n    value: amount");
    shop.edit(
        "experiments/prices.yaml",
        "  start:",
        "  hypothesis: lower prices sell\n  owner: ada\n  start:",
    );
    let storage: Vec<&str> = STORAGE.iter().map(|(_, text)| *text).collect();
    shop.project.file("storage.yaml", &format!("storage: {{{}}}\n", storage.join(", ")));
    let shown = shop.project.verdict(&["validate", "--show"]).exits(0).stdout;
    let known = EDITS.iter().map(|(key, ..)| *key).chain(FOR_PEOPLE).chain(ELSEWHERE);
    let known: BTreeSet<&str> = known.chain(STORAGE.iter().map(|(key, _)| *key)).collect();
    // What a log without objects means is no matter of the tables that are there: `missing_days`. The type of a design is
    // the number of its arms, and where exposures come from is a key of the exposures.
    let of_itself =
        ["sources.*.missing_days", "experiment.design.type", "experiment.exposures.from"];
    let mut unknown = BTreeSet::new();
    for key in keys_of(&shown) {
        let covered =
            known.iter().any(|known| key == *known || key.starts_with(&format!("{known}.")));
        if !covered && !of_itself.contains(&key.as_str()) {
            unknown.insert(key);
        }
    }
    assert_eq!(unknown, BTreeSet::new());
}

/// The paths of the keys of YAML in block style; names that the project chooses become `*`.
fn keys_of(text: &str) -> BTreeSet<String> {
    let mut path: Vec<String> = Vec::new();
    let mut keys = BTreeSet::new();
    for line in text.lines().take_while(|line| !line.starts_with("shop:") && !line.starts_with('#'))
    {
        let trimmed = line.trim_start().trim_start_matches("- ");
        let depth = (line.len() - line.trim_start().len()) / 2;
        let Some((key, value)) = trimmed.split_once(':') else { continue };
        path.truncate(depth);
        let chosen = match path.first().map(String::as_str) {
            Some("sources" | "exposures" | "metrics") => {
                depth == 1 || (depth == 3 && ["units", "segments"].contains(&path[2].as_str()))
            }
            Some("storage") => depth == 2,
            Some("experiment") => {
                (depth == 3 && ["variants", "phases"].contains(&path[2].as_str()))
                    || (depth == 4 && path[2] == "phases")
            }
            _ => false,
        };
        path.push(if chosen { "*".to_owned() } else { key.to_owned() });
        if !value.trim().is_empty() {
            keys.insert(path.join("."));
        }
    }
    keys
}
