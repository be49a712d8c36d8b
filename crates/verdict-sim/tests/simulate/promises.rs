//! The same seed, the same bytes; and errors that say what would mend them.

use std::num::NonZero;
use std::sync::atomic::{AtomicU64, Ordering};

use verdict_sim::{Counted, Runs};

use crate::support::{population, project, simulate, types, world};

const PLAN: &str =
    "  statistical_settings: {alpha: 0.05, sequential_method: msprt, max_duration_days: 8}";
const UNITS: &str = "units_per_day: 40\narrivals: poisson\nmetrics:\n  \
    m: {distribution: gaussian, mean: 5, sd: 2, cumulative: true, persistence: 0.5, shared: 0.5}\n  \
    m2: {distribution: negative_binomial, mean: 1, dispersion: 1, shared: 0.5}\n  \
    p: {distribution: bernoulli, p: 0.2, cumulative: true}";

#[test]
fn the_number_of_threads_changes_nothing_and_the_seed_does() {
    let metrics =
        "    primary: {name: m}\n    guardrails: [{name: p}]\n    secondary: [{name: m2}]";
    let world = world(&project(metrics, PLAN), UNITS, &["m=+10%"]).expect("a world");
    let told = AtomicU64::new(0);
    let json = |threads, seed| {
        let runs = Runs {
            experiments: 60,
            seed,
            threads: NonZero::new(threads),
            counted: Counted::Decisions,
        };
        let count = |_| {
            told.fetch_add(1, Ordering::Relaxed);
        };
        let simulation = world.simulate(runs, &count).expect("a simulation");
        (simulation.json().to_string(), simulation.text())
    };
    let one = json(1, 7);
    assert_eq!(one, json(3, 7));
    assert_eq!(told.load(Ordering::Relaxed), 120);
    assert_ne!(one, json(1, 8));
    let value: serde_json::Value = serde_json::from_str(&one.0).expect("JSON");
    assert_eq!((&value["schema_version"], &value["experiments"]), (&1.into(), &60.into()));
    assert_eq!(value["tests"].as_array().map(Vec::len), Some(3));
    assert_eq!(value["tests"][0]["effect"]["relative"], 0.1);
    assert!(one.1.contains("m       primary"), "{}", one.1);
}

#[test]
fn experiments_are_the_same_whatever_their_number() {
    // The first of many is the only one of one: what is addressed does not depend on what surrounds it.
    let world = world(&project("    primary: {name: m}", PLAN), UNITS, &[]).expect("a world");
    let (few, more) = (simulate(&world, 20), simulate(&world, 21));
    let ended = |simulation: &verdict_sim::Simulation| simulation.duration.ended.clone();
    let differ: u64 = ended(&few).iter().zip(ended(&more)).map(|(a, b)| b - a).sum();
    assert_eq!(differ, 1);
}

#[test]
fn what_does_not_fit_is_said_with_what_would_mend_it() {
    let metrics = "    primary: {name: m}\n    guardrails: [{name: p, baseline: 0.1}]";
    let project = project(metrics, PLAN);
    let m = "units_per_day: 9\nmetrics: {m: {distribution: gaussian, mean: 0, sd: 2}}";
    for (units, effect, expect) in [
        (
            "units_per_day: 9",
            None,
            "how `m`, a mean of experiment `e`, is distributed: add `metrics.m`",
        ),
        (
            "units_per_day: 9\nmetrics: {m: {numerator: {distribution: poisson, mean: 1}, \
             denominator: {distribution: poisson, mean: 1}}}",
            None,
            "`metrics.m` of the population does not fit a mean: write {distribution: gaussian",
        ),
        (m, Some("mm=1"), "has no metric `mm`; did you mean `m`?; it has m, p"),
        (m, Some("treatmnt:m=1"), "no treatment variant `treatmnt`; did you mean `treatment`?"),
        (m, Some("control:m=1"), "no treatment variant `control`; it has treatment"),
        (m, Some("m=+5%"), "the control's mean is 0, so that a relative effect means nothing"),
        (
            m,
            Some("p=+1000%"),
            "`p` of variant `treatment` cannot have that effect: its mean would leave",
        ),
        (
            "units_per_day: 1e8\nmetrics: {m: {distribution: poisson, mean: 2}}",
            None,
            "the number of units of an experiment, drawn one by one, is too large",
        ),
    ] {
        let effects: Vec<&str> = effect.into_iter().collect();
        let error = world(&project, units, &effects).expect_err(expect).to_string();
        assert!(error.contains(expect), "{error}");
    }
    let endless = crate::support::project("    primary: {name: m}", "");
    let error = world(&endless, m, &[]).expect_err("no end").to_string();
    assert!(error.contains("has no planned end: write `statistical_settings.max_duration_days`"));
    let experiment = endless.experiment("e").expect("it");
    let (types, units, none) = (types(&endless), population(m), Default::default());
    let of = |days| verdict_sim::World::new(experiment, &types, &units, &none, &[], Some(days));
    assert_eq!(of(3).expect("three days").calendar().looks(), [1, 2, 3]);
    assert!(of(401).is_err());
}
