//! Where most guides and libraries err on looks and decisions, and what Verdict does.
//!
//! The numbers are those of the project's list of pitfalls in the guide that it started from.
//!
//! | pitfall | test |
//! | --- | --- |
//! | 8: one-sided p beside a two-sided interval | [`one_sided_p_has_a_one_sided_bound`] |
//! | 9: one-sided always means greater | [`one_sided_means_worse_whichever_way_that_is`] |
//! | 10a: a wanted decrease cannot ship | [`a_wanted_decrease_ships`] |
//! | 10b: harm is never flagged | [`harm_is_found_whatever_is_hoped_for`] |
//! | 10c: practical by the point estimate only | [`practical_may_go_by_the_interval`] |
//! | 10d: the MDE as a threshold of relevance | [`without_a_smallest_effect_nothing_is_held_against_it`] |
//! | 10e: a control mean of zero becomes a lift of zero | [`no_lift_from_a_control_of_zero`] |
//! | 12, 37: an interval that is not dual to the test | [`a_look_has_one_test`], `contradictions` |
//! | 13: the likelihood ratio overflows | [`no_effect_is_too_large`] |
//! | 14: the always-valid p rises again | [`the_p_value_of_mixtures_never_rises`] |
//! | 15: tau is a variance, and far too wide | [`tau_is_a_standard_deviation_in_the_metrics_unit`] |
//! | 16: units dropped by pairing, a crash below 100 | [`unequal_arms_and_few_units`] |
//! | 17: `<` here and `<=` there | [`a_p_value_equal_to_alpha_counts_everywhere`] |
//! | 27: power of what was observed | [`the_achievable_effect_does_not_depend_on_the_observed_one`] |
//! | 28: alpha of both sides put into a one-sided spending function | [`half_of_alpha_is_spent_on_each_side`] |
//! | 29: peeking | `levels` |
//! | 30: not significantly worse proves nothing | [`not_significantly_worse_is_not_non_inferior`] |
//! | 31: a limit on the level is no margin; automatic stops need a sequential test | [`limits_are_levels_and_stops_are_sequential`] |
//! | 43: watching guardrails is a sequential decision | [`limits_are_levels_and_stops_are_sequential`] |

use super::world::{World, after};
use super::*;

use Direction::{Decrease, Increase};

/// 10,000 units an arm, and a standard error of 1.
fn arms(metric: &str, level: f64, effect: f64) -> [GroupStat; 2] {
    ["control", "treatment"].map(|variant| {
        let level = if variant == "control" { level } else { level + effect };
        GroupStat { ds: after(0), ..mean(metric, variant, 10_000, level, 5_000.0) }
    })
}

fn value(level: f64, effect: f64) -> Case {
    Case::two_arms("value", "mean")
        .with(
            ["control", "treatment"]
                .map(|arm| GroupStat { ds: after(0), ..exposed(arm, 10_000, 0) }),
        )
        .with(arms("value", level, effect))
}

fn decided(case: &Case) -> (String, ResultRow) {
    let judged = case.judge_on(after(0));
    (judged.decisions[0].decision.clone(), judged.results[0].clone())
}

fn guardrail(case: &Case) -> ResultRow {
    let rows = case.judge_on(after(0)).results;
    rows.into_iter().find(|row| row.role == Role::Guardrail).expect("a guardrail")
}

const METHODS: [SequentialMethod; 5] = [
    SequentialMethod::None,
    SequentialMethod::Msprt,
    SequentialMethod::ConfidenceSequence,
    SequentialMethod::ObrienFleming,
    SequentialMethod::Pocock,
];

#[test]
fn one_sided_p_has_a_one_sided_bound() {
    for method in METHODS {
        for effect in [-4.0, 0.0, 1.0, 4.0] {
            let case = value(100.0, 0.0)
                .guardrail("errors", "mean", Decrease)
                .with(arms("errors", 50.0, effect))
                .watched(method, 1);
            let row = guardrail(&case);
            assert_eq!((row.alternative.as_str(), row.effect_ci_upper), ("greater", None));
            let excluded = row.effect_ci_lower.is_some_and(|lower| lower > 0.0);
            assert_eq!(row.p_value.is_some_and(|p| p <= 0.05), excluded, "{method:?} {row:?}");
        }
    }
}

#[test]
fn one_sided_means_worse_whichever_way_that_is() {
    for method in METHODS {
        for (direction, effect) in [(Decrease, 9.0), (Increase, -9.0)] {
            let case = |effect| {
                value(100.0, 0.0)
                    .guardrail("errors", "mean", direction)
                    .with(arms("errors", 50.0, effect))
                    .watched(method, 1)
            };
            assert!(guardrail(&case(effect)).p_value.is_some_and(|p| p < 1e-3), "{method:?}");
            assert!(guardrail(&case(-effect)).p_value.is_some_and(|p| p >= 0.5), "{method:?}");
        }
    }
}

#[test]
fn a_wanted_decrease_ships() {
    for method in METHODS {
        let case =
            value(100.0, -10.0).direction(Decrease).mde(Mde::Relative(0.05)).watched(method, 1);
        assert_eq!(decided(&case).0, "ship", "{method:?}");
    }
}

#[test]
fn harm_is_found_whatever_is_hoped_for() {
    for method in METHODS {
        for (direction, effect) in [(Increase, -10.0), (Decrease, 10.0)] {
            let case = value(100.0, effect).direction(direction).watched(method, 1);
            assert_eq!(decided(&case).0, "dont_ship", "{method:?}");
        }
    }
}

#[test]
fn practical_may_go_by_the_interval() {
    for method in METHODS {
        let case = |effect| {
            let mut case = value(100.0, effect).mde(Mde::Absolute(5.0)).watched(method, 1);
            case.experiment.settings.practical = Practical::Interval;
            decided(&case).0
        };
        assert_eq!(case(5.5), "stat_sig_not_practical", "{method:?}");
        assert_eq!(case(9.0), "ship", "{method:?}");
    }
}

#[test]
fn without_a_smallest_effect_nothing_is_held_against_it() {
    for method in METHODS {
        assert_eq!(decided(&value(100.0, 4.0).watched(method, 1)).0, "ship", "{method:?}");
    }
}

#[test]
fn no_lift_from_a_control_of_zero() {
    for method in METHODS {
        let (decision, row) = decided(&value(0.0, 9.0).mde(Mde::Relative(0.05)).watched(method, 1));
        assert_eq!(decision, "ship", "{method:?}");
        assert_eq!((row.rel_effect, row.rel_effect_ci_lower), (None, None));
        assert_eq!(row.rel_effect_reason.as_deref(), Some("control_mean_not_positive"));
        assert!(row.effect_ci_lower.is_some_and(|lower| lower > 0.0));
    }
}

/// 2 of 20 against 7 of 20: the pooled p is 0.058 and the unpooled interval excludes zero. Over looks both are
/// unpooled.
#[test]
fn a_look_has_one_test() {
    for method in &METHODS[1..] {
        for (control, variant) in [(2, 7), (90, 17), (50, 80), (10, 40)] {
            let rate =
                |variant, x, n| GroupStat { ds: after(0), ..proportion("rate", variant, x, n) };
            let case = Case::two_arms("rate", "proportion")
                .with([rate("control", control, 100), rate("treatment", variant, 100)])
                .watched(*method, 1);
            let row = &case.judge_on(after(0)).results[0];
            let excludes = row.effect_ci_lower.is_some_and(|x| x > 0.0)
                || row.effect_ci_upper.is_some_and(|x| x < 0.0);
            assert_eq!(row.p_value.is_some_and(|p| p <= 0.05), excludes, "{method:?} {row:?}");
        }
    }
}

#[test]
fn no_effect_is_too_large() {
    for method in METHODS {
        for effect in [1e3, 1e8, 1e100, 1e150] {
            let (_, row) = decided(&value(100.0, effect).watched(method, 1));
            assert!(row.p_value.is_some_and(|p| p <= 0.05), "{method:?} {effect}: {row:?}");
            assert!(row.effect_ci_lower.is_some_and(|lower| lower > 0.0), "{method:?} {effect}");
            // A p below the range of doubles has its logarithm.
            assert!(row.p_value != Some(0.0) || row.log_p_value.is_some_and(f64::is_finite));
        }
    }
}

#[test]
fn the_p_value_of_mixtures_never_rises() {
    for method in &METHODS[1..] {
        for number in 0..20 {
            let world = World { days: 8, units_a_day: 60, effect: 0.1, ..World::PLAIN };
            let case = Case::two_arms("value", "mean")
                .watched(*method, 8)
                .with(world.stats("running minimum", number));
            let (mut p, mut crossed) = (1.0, false);
            for day in 2..8 {
                let row = &case.judge_on(after(day)).results[0];
                let now = row.p_value.expect("a test");
                assert!(now <= p * (1.0 + 1e-5), "{method:?} {number} {day}: {now} after {p}");
                // What has been found stays found.
                assert!(!crossed || row.crossed == Some(true));
                assert_eq!(row.crossed, Some(now <= 0.05));
                (p, crossed) = (now, row.crossed == Some(true));
            }
        }
    }
}

/// ln L = (z² g/(1 + g) - ln(1 + g))/2 with g = tau²/V: here V = 1, and p = 1/L.
#[test]
fn tau_is_a_standard_deviation_in_the_metrics_unit() {
    let p = |case: Case| decided(&case.watched(SequentialMethod::Msprt, 1)).1.p_value;
    let want = |tau: f64| {
        let g = tau * tau;
        (-0.5 * (16.0 * g / (1.0 + g) - (1.0 + g).ln())).exp()
    };
    let with_tau = |tau| {
        let mut case = value(100.0, 4.0);
        case.experiment.settings.tau = Some(tau);
        p(case)
    };
    for tau in [0.5, 2.0, 4.0, 30.0] {
        // The statistic is a t with 19,998 degrees of freedom: as a normal value it is 0.0008 less.
        close(with_tau(tau), want(tau), 4e-3);
    }
    // From the smallest effect of interest: 3% of 100.
    close(p(value(100.0, 4.0).mde(Mde::Relative(0.03))), want(3.0), 4e-3);
    close(p(value(100.0, 4.0).mde(Mde::Absolute(3.0))), want(3.0), 4e-3);
    // Without one, whatever the unit: the same in cents as in euros.
    let cents = value(100.0, 4.0).stats.into_iter().map(|stat| GroupStat {
        sum_x: stat.sum_x.map(|x| 100.0 * x),
        mean_x: stat.mean_x.map(|x| 100.0 * x),
        m2_x: stat.m2_x.map(|x| 1e4 * x),
        ..stat
    });
    close(
        p(Case::two_arms("value", "mean").with(cents)),
        p(value(100.0, 4.0)).unwrap_or(0.0),
        1e-9,
    );
}

#[test]
fn unequal_arms_and_few_units() {
    for method in METHODS {
        for (control, variant) in [(1, 1), (2, 3), (40, 5_000), (0, 7)] {
            let of = |name, n| GroupStat { ds: after(0), ..mean("value", name, n, 1.0, 2.0) };
            let case = Case::two_arms("value", "mean")
                .with([of("control", control), of("treatment", variant)])
                .watched(method, 5);
            let row = &case.judge_on(after(0)).results[0];
            assert!(row.p_value.is_none() && row.reason.is_some(), "{method:?} {row:?}");
            assert_eq!((row.n_control, row.n_variant), (control, variant));
        }
    }
}

#[test]
fn a_p_value_equal_to_alpha_counts_everywhere() {
    let mut case =
        value(100.0, 3.0).guardrail("errors", "mean", Decrease).with(arms("errors", 50.0, 3.0));
    let row = guardrail(&case);
    case.experiment.guardrail_settings.alpha = row.p_value.expect("a test");
    assert_eq!(decided(&case).0, "dont_ship");
    case.experiment.guardrail_settings.alpha = row.p_value.expect("a test") * (1.0 - 1e-12);
    assert_ne!(decided(&case).0, "dont_ship");
}

#[test]
fn the_achievable_effect_does_not_depend_on_the_observed_one() {
    let said = |effect| {
        let case = value(1_000.0, effect).watched(SequentialMethod::None, 1);
        let mut row = case.judge_on(after(0)).decisions.remove(0);
        assert_eq!(row.reason_codes.pop().as_deref(), Some("achievable_mde"));
        row.reasons.pop()
    };
    assert_eq!(said(0.1), said(1.9));
}

/// With 5% on each side the first of five bounds would be 4.3826 and the last 2.0635.
#[test]
fn half_of_alpha_is_spent_on_each_side() {
    let case = value(100.0, 0.0).watched(SequentialMethod::ObrienFleming, 5);
    close(decided(&case).1.boundary, 4.876_9, 1e-5);
    let case = value(100.0, 0.0).watched(SequentialMethod::Pocock, 5);
    close(decided(&case).1.boundary, 2.437_97, 1e-5);
}

#[test]
fn what_is_spent_depends_on_the_schedule_and_not_on_the_effect() {
    for method in [SequentialMethod::ObrienFleming, SequentialMethod::Pocock] {
        let spent = |effect, number| {
            let world = World { days: 6, units_a_day: 60, effect, ..World::PLAIN };
            let case = Case::two_arms("value", "mean")
                .watched(method, 10)
                .with(world.stats("spending", number));
            let judged = case.judge_on(after(5));
            (judged.results[0].information_fraction, judged.results[0].alpha_spent)
        };
        let (fraction, first) = spent(0.0, 0);
        close(fraction, 0.6, 1e-12);
        for (effect, number) in [(0.0, 1), (1.0, 2), (-5.0, 3)] {
            close(spent(effect, number).1, first.unwrap_or(0.0), 1e-12);
        }
    }
}

#[test]
fn not_significantly_worse_is_not_non_inferior() {
    let mut case =
        value(100.0, 9.0).guardrail("errors", "mean", Decrease).with(arms("errors", 50.0, 1.0));
    assert_eq!(decided(&case).0, "ship");
    let said = case.judge_on(after(0)).decisions.remove(0).reasons;
    assert!(said.iter().any(|words| words.contains("not a proof that there is none")), "{said:?}");
    case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Absolute(1.0));
    assert_eq!(decided(&case).0, "dont_ship");
}

/// 28 daily looks at four guardrails without harm: 5% over all of them and all looks, so that of 150 experiments
/// more than 18 are stopped once in a thousand times. By 1.645 every day, far more would be.
#[test]
fn limits_are_levels_and_stops_are_sequential() {
    let stopped = |number: &u64| {
        let mut case = Case::two_arms("value", "mean").watched(SequentialMethod::Msprt, 28);
        case.experiment.guardrail_settings.auto_stop_on_violation = true;
        case = case.with(World::PLAIN.stats("no harm", *number));
        for name in ["p1", "p2", "p3", "p4"] {
            let stats = World::PLAIN.stats(&format!("no harm {name}"), *number);
            let stats = stats.into_iter().filter(|stat| stat.metric == "value");
            let stats: Vec<_> =
                stats.map(|stat| GroupStat { metric: name.to_owned(), ..stat }).collect();
            case = case.guardrail(name, "mean", Decrease).with(stats);
        }
        case.judge_on(after(27)).decisions[0].decision == "stop_guardrail"
    };
    let stopped = (0..150).filter(stopped).count();
    assert!(stopped <= 18, "{stopped} of 150");

    // The limit is on the variant's own level: as far beyond it, with the control as bad, it is breached.
    let mut case =
        value(100.0, 0.0).guardrail("p50_ms", "mean", Decrease).with(arms("p50_ms", 510.0, 0.0));
    case.experiment.guardrails[0].threshold =
        Some(Threshold { level: 500.0, unit: Some("ms".to_owned()) });
    case.experiment.guardrail_settings.auto_stop_on_violation = true;
    assert_eq!(decided(&case).0, "stop_guardrail");
}
