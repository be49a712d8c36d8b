//! One look at the end: the level is alpha, the power that of the closed forms.

use verdict_analysis::methods::power::{Design, Sides, binomial, means};

use crate::support::{near, project, simulate, world};

const EXPERIMENTS: u64 = 10_000;
const ONE_LOOK: &str =
    "  statistical_settings: {alpha: 0.05, look_every_days: 10, max_duration_days: 10}";

/// Of a difference of 0.8 with a standard deviation of 2 and 100 units a variant.
fn exact_power_of_means() -> f64 {
    let power = means::power(0.8, 2.0, 100.0, &Design::even(0.05, Sides::Two)).expect("a power");
    power.exact.expect("the noncentral t")
}

#[test]
fn a_mean_is_tested_at_alpha_and_with_the_power_of_the_noncentral_t() {
    let project = project("    primary: {name: m}", ONE_LOOK);
    // 100 units a variant in ten days.
    let units =
        "units_per_day: 20\nsplit: planned\nmetrics: {m: {distribution: gaussian, mean: 5, sd: 2}}";
    let none = simulate(&world(&project, units, &[]).expect("a world"), EXPERIMENTS);
    let test = none.tests_of("m").next().expect("a test");
    assert_eq!(none.looks, [10]);
    near(test.significant.rate, 0.05, EXPERIMENTS, 0.0);
    near(test.higher.rate, 0.025, EXPERIMENTS, 0.0);
    assert!(test.significant.lower < test.significant.rate);
    assert_eq!(none.families[0].any_false, Some(test.significant));
    let some = simulate(&world(&project, units, &["m=+16%"]).expect("a world"), EXPERIMENTS);
    let power = exact_power_of_means();
    let test = some.tests_of("m").next().expect("a test");
    near(test.significant.rate, power, EXPERIMENTS, 0.0);
    assert_eq!(some.families[0].any_false, None);
    let variant = &some.variants[0];
    near(variant.rate("ship").rate, power, EXPERIMENTS, 0.001);
    assert_eq!(variant.duration.mean_days, 10.0);
}

#[test]
fn a_proportion_has_the_exact_power_of_the_binomial() {
    let project = project("    primary: {name: p, baseline: 0.2}", ONE_LOOK);
    let units = "units_per_day: 100\nsplit: planned";
    let design = Design::even(0.05, Sides::Two);
    for (effect, rate) in [("p=0", 0.2), ("p=+0.06", 0.26)] {
        let found = simulate(&world(&project, units, &[effect]).expect("a world"), EXPERIMENTS);
        let exact = binomial::exact_power([0.2, rate], [500, 500], &design).expect("a power");
        near(found.tests[0].significant.rate, exact, EXPERIMENTS, 0.0);
    }
}

#[test]
fn units_drawn_one_by_one_give_the_rates_of_sums() {
    // A part that is shared makes the simulation draw units; alone in the experiment it changes nothing.
    let project = project("    primary: {name: m}", ONE_LOOK);
    let units = "units_per_day: 20\nsplit: planned\n\
                 metrics: {m: {distribution: gaussian, mean: 5, sd: 2, shared: 0.5}}";
    let found = simulate(&world(&project, units, &["m=+0.8"]).expect("a world"), EXPERIMENTS / 4);
    let power = exact_power_of_means();
    near(found.tests[0].significant.rate, power, EXPERIMENTS / 4, 0.0);
}

#[test]
fn a_ratio_and_a_random_split_keep_their_level() {
    let project = project("    primary: {name: r}", ONE_LOOK);
    let units = "units_per_day: 60\narrivals: poisson\nmetrics:\n  r:\n    \
        numerator: {distribution: negative_binomial, mean: 2, dispersion: 0.5, shared: 0.7}\n    \
        denominator: {distribution: poisson, mean: 4, shared: 0.7}";
    let found = simulate(&world(&project, units, &[]).expect("a world"), EXPERIMENTS / 4);
    // The delta method at 300 units a variant.
    near(found.tests[0].significant.rate, 0.05, EXPERIMENTS / 4, 0.004);
    let power = simulate(&world(&project, units, &["r=+20%"]).expect("a world"), 400);
    assert!(power.tests[0].higher.rate > 0.8, "{:?}", power.tests[0].higher);
}
