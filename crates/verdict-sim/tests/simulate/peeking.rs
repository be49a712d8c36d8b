//! Daily looks, judged as production judges them: the long table of `examples/whole_experiments` in short.
//!
//! Limits are the nominal level and four binomial standard errors, so that each of them could fail; the fixed-horizon test that
//! is read every day stands beside them and exceeds them.

#[path = "../../examples/whole_experiments/case.rs"]
mod case;

use case::{LOOKS, Looks, SEED, UNITS, Units, simulate, together};
use verdict_sim::{Counted, Runs, Simulation};

use crate::support::{project, world};

fn units(name: &str) -> Units {
    *UNITS.iter().find(|units| units.name == name).expect("units of that name")
}

fn looks(name: &str) -> Looks {
    *LOOKS.iter().find(|looks| looks.name.contains(name)).expect("looks of that name")
}

/// One kind of units, looked at in one way.
fn single(
    units: &Units,
    looks: &Looks,
    with_effect: bool,
    experiments: u64,
) -> Result<Simulation, Box<dyn std::error::Error>> {
    let found = together(units, &[*looks], with_effect, (experiments, SEED))?;
    found.into_iter().next().ok_or_else(|| "no simulation".into())
}

/// How often a test without an effect is significant at one of 28 daily looks.
fn level(of: &str, by: &str, experiments: u64) -> f64 {
    let found = single(&units(of), &looks(by), false, experiments).expect("a simulation");
    assert_eq!(found.looks.len(), 28);
    assert_eq!(looks(by).valid, by != "naive");
    found.tests[0].significant.rate
}

fn most(experiments: u64) -> f64 {
    0.05 + 4.0 * (0.05 * 0.95 / experiments as f64).sqrt()
}

#[test]
fn looking_every_day_at_a_fixed_horizon_test_costs_what_it_is_known_to_cost() {
    // 20% to 37% over two to four weeks of looks (Armitage, McPherson & Rowe 1969), more for totals that grow.
    for (of, least) in [("Gaussian", 0.22), ("acting daily", 0.28)] {
        let level = level(of, "naive", 300);
        assert!(level > least && level < 0.5, "{of}: {level}");
        assert!(level > most(300), "{of}: {level} is within what a valid method may show");
    }
}

#[test]
fn mixtures_keep_their_level() {
    for of in ["Gaussian", "Bernoulli(0.01)", "acting daily, half persistent"] {
        for by in ["msprt", "confidence_sequence"] {
            let level = level(of, by, 600);
            assert!(level <= most(600), "{of}, {by}: {level}");
        }
    }
}

#[test]
fn spent_alpha_is_what_was_to_be_spent() {
    for (of, by) in [("Gaussian", "pocock"), ("acting daily", "obrien_fleming")] {
        let level = level(of, by, 300);
        assert!(level <= most(300), "{of}, {by}: {level}");
        // The whole level is spent by the last look: none of 300 would have a probability of 2e-7.
        assert!(level > 0.0, "{of}, {by}");
    }
}

#[test]
fn experiments_that_are_looked_at_together_are_those_that_are_looked_at_apart() {
    let units = units("acting daily, half persistent");
    let all = together(&units, &LOOKS, false, (40, SEED)).expect("simulations");
    for (looks, found) in LOOKS.iter().zip(all) {
        assert_eq!(
            found,
            single(&units, looks, false, 40).expect("a simulation"),
            "{}",
            looks.name
        );
    }
}

#[test]
fn an_effect_of_three_standard_errors_is_found_and_early() {
    let found = single(&units("Gaussian"), &looks("obrien_fleming"), true, 100).expect("it");
    let test = &found.tests[0];
    // 84% in the long run, after 20 of 28 days.
    assert!(test.higher.rate > 0.84 - 4.0 * 0.037, "{:?}", test.higher);
    assert!(test.mean_days < 23.0, "{}", test.mean_days);
    assert!(test.by_look.windows(2).all(|pair| pair[0] <= pair[1]));
}

const METRICS: &str = "primary: {name: m, mde_absolute: 0.2}
    secondary: [{name: m2}]
    guardrails: [{name: g1}, {name: g2}]";
const FAMILY: &str = "units_per_day: 300
metrics:
  m: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  m2: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  g1: {distribution: gaussian, mean: 10, sd: 1, shared: 0.5}
  g2: {distribution: poisson, mean: 5, shared: 0.5}";

#[test]
fn families_of_variants_metrics_and_guardrails_keep_their_levels() {
    let (experiments, stop) = (120, ", auto_stop_on_violation: true");
    let runs = (experiments, Counted::Decisions);
    let of = |effects: &[&str]| {
        simulate(METRICS, "[control, a, b]", &looks("msprt"), stop, FAMILY, effects, runs)
            .expect("a simulation")
    };
    let none = of(&[]);
    assert_eq!(none.families.len(), 3);
    for family in &none.families {
        let rate = family.any_false.expect("no test has an effect");
        assert!(rate.rate <= most(experiments), "{:?}: {rate:?}", family.role);
    }
    // A guardrail that is harmed stops the variant, and the variant alone.
    let harmed = of(&["a:g1=-0.5"]);
    let [a, b] = &harmed.variants[..] else { panic!("two variants") };
    assert!(a.rate("stop_guardrail").rate > 0.95, "{a:?}");
    assert!(b.rate("stop_guardrail").rate <= most(experiments), "{b:?}");
    assert!(a.duration.mean_days < b.duration.mean_days);
}

#[test]
fn bisection_finds_what_going_through_every_look_finds() {
    let settings = "  statistical_settings: {sequential_method: obrien_fleming, max_duration_days: 6, \
                    min_duration_days: 2}\n  guardrail_settings: {auto_stop_on_violation: true}";
    let metrics = "    primary: {name: m}\n    guardrails: [{name: p}]\n    secondary: [{name: m2}, {name: m3}]";
    let project = project(metrics, settings);
    let population = "units_per_day: 300\nmetrics:
  m: {distribution: gaussian, mean: 5, sd: 2, cumulative: true, persistence: 0.5}
  m2: {distribution: negative_binomial, mean: 1, dispersion: 1}
  m3: {distribution: gaussian, mean: 5, sd: 2}
  p: {distribution: bernoulli, p: 0.2}";
    let effects = ["m=+6%", "p=-0.05", "m2=+10%"];
    let world = world(&project, population, &effects).expect("a world");
    let by = |counted| {
        let runs = Runs { experiments: 40, seed: 3, threads: None, counted };
        world.simulate(runs, &|_| ()).expect("a simulation")
    };
    let (every, bisected) = (by(Counted::EveryLook), by(Counted::Decisions));
    assert_eq!(every.variants, bisected.variants);
    assert_eq!(every.tests, bisected.tests);
    let tests = by(Counted::TestsOnly);
    assert_eq!(every.tests, tests.tests);
    assert!(tests.variants[0].decisions.is_empty());
    // Something happened at several looks, so that there was something to find.
    let at: Vec<u64> =
        every.variants[0].duration.ended.iter().copied().filter(|n| *n > 0).collect();
    assert!(at.len() > 1, "{:?}", every.variants);
}
