//! Every branch of the decision that time, looks, margins and limits bring, from statistics to the printed reason.

use super::world::after;
use super::*;

use Direction::{Decrease, Increase};
use SequentialMethod::{Msprt, None as Once, ObrienFleming, Pocock};

/// Daily statistics of a metric whose units are complete when they enter: 10,000 units a day and arm, a variance of
/// 5,000, so that the effect of day k has a standard error of exactly 1/sqrt(k). The effects are given in standard
/// errors, day by day.
fn daily(metric: &str, level: f64, z: &[f64]) -> Vec<GroupStat> {
    let mut stats = Vec::new();
    for (day, z) in z.iter().enumerate() {
        let n = 10_000 * (day as i64 + 1);
        let effect = z / ((day + 1) as f64).sqrt();
        for (variant, level) in [("control", level), ("treatment", level + effect)] {
            let before = n - 10_000;
            stats.push(GroupStat {
                ds: after(day as u32),
                n_before: Some(before),
                // A unit's value of today is that of the day before.
                co_x_before: Some(5_000.0 * (before - 1).max(0) as f64),
                ..mean(metric, variant, n, level, 5_000.0)
            });
        }
    }
    stats
}

/// The same for the units that were exposed.
fn daily_exposed(days: usize) -> Vec<GroupStat> {
    (0..days)
        .flat_map(|day| {
            let n = 10_000 * (day as i64 + 1);
            ["control", "treatment"]
                .map(|arm| GroupStat { ds: after(day as u32), ..exposed(arm, n, 0) })
        })
        .collect()
}

pub(super) fn value(z: &[f64]) -> Case {
    Case::two_arms("value", "mean").with(daily_exposed(z.len())).with(daily("value", 100.0, z))
}

/// Decides as of the last day of the statistics, and gives the reasons.
#[track_caller]
fn check(case: &Case, decision: &str, codes: &[&str]) -> Vec<String> {
    let ds = case.stats.iter().map(|stat| stat.ds).max().expect("statistics");
    let row = case.judge_on(ds).decisions.remove(0);
    assert_eq!(row.decision, decision, "{:?}", row.reasons);
    assert_eq!(row.reason_codes, codes, "{:?}", row.reasons);
    row.reasons
}

pub(super) fn last_row(case: &Case, metric: &str) -> ResultRow {
    let ds = case.stats.iter().map(|stat| stat.ds).max().expect("statistics");
    let rows = case.judge_on(ds).results;
    rows.into_iter().find(|row| row.metric == metric && row.segment == WHOLE).expect("a row")
}

#[test]
fn before_the_shortest_duration_nothing_is_decided_but_a_stop() {
    let mut case = value(&[9.0, 9.0]).watched(Msprt, 5);
    case.experiment.settings.min_duration_days = Some(3);
    let reasons = check(&case, "continue", &["before_min_duration"]);
    assert_eq!(reasons, ["2 days of at least 3: nothing is decided before."]);
    let mut later = value(&[9.0, 9.0, 9.0]).watched(Msprt, 5);
    later.experiment.settings.min_duration_days = Some(3);
    check(&later, "ship", &["primary_better", "boundary_crossed"]);
    // Without a plan the days are counted from the first statistics.
    let mut unplanned = value(&[9.0, 9.0]);
    unplanned.experiment.settings.min_duration_days = Some(3);
    check(&unplanned, "continue", &["before_min_duration"]);
    unplanned.experiment.settings.min_duration_days = Some(2);
    check(&unplanned, "ship", &["primary_better"]);

    let mut harmed =
        case.guardrail("crashes", "mean", Decrease).with(daily("crashes", 50.0, &[9.0, 9.0]));
    check(&harmed, "dont_ship", &["guardrail_violated"]);
    harmed.experiment.guardrail_settings.auto_stop_on_violation = true;
    check(&harmed, "stop_guardrail", &["guardrail_violated"]);
}

#[test]
fn a_test_that_looks_once_says_nothing_before_the_planned_end() {
    let case = |z: &[f64]| value(z).watched(Once, 3);
    let early = case(&[9.0, 9.0]);
    let reasons = check(&early, "continue", &["before_planned_end"]);
    assert_eq!(
        reasons,
        ["2 days of 3: it is tested once, at the planned end; a look before it decides nothing."]
    );
    let row = last_row(&early, "value");
    assert_eq!(
        (row.status.as_str(), row.reason.as_deref()),
        ("not_mature", Some("before_planned_end"))
    );
    assert_eq!((row.p_value, row.effect_ci_lower, row.rel_effect_ci_lower), (None, None, None));
    close(row.effect, 9.0 / 2.0_f64.sqrt(), 1e-12);

    let mut shown = case(&[9.0, 9.0]);
    shown.experiment.settings.show_interim = true;
    check(&shown, "continue", &["before_planned_end"]);
    assert!(last_row(&shown, "value").p_value.is_some_and(|p| p < 1e-10));

    check(&case(&[0.0, 0.0, 9.0]), "ship", &["primary_better"]);
    check(&case(&[9.0, 9.0, 0.0]), "inconclusive", &["not_significant", "achievable_mde"]);
    // Days after the planned end change nothing.
    let over = case(&[0.0, 0.0, 0.0, 9.0]);
    check(&over, "inconclusive", &["not_significant", "achievable_mde"]);
    assert_eq!(last_row(&over, "value").look_ds, Some(after(2)));
}

/// Lan-DeMets bounds of O'Brien-Fleming type for five looks, 2.5% a side (gsDesign, Jennison & Turnbull).
#[test]
fn boundaries_are_the_published_ones_and_a_crossing_decides() {
    let bounds = [4.8769, 3.3569, 2.6803, 2.2898, 2.0310];
    for look in 1..=5 {
        let mut z = vec![0.0; look];
        z[look - 1] = bounds[look - 1] - 0.01;
        let below = value(&z).watched(ObrienFleming, 5);
        let row = last_row(&below, "value");
        close(row.boundary, bounds[look - 1], 1e-4);
        assert_eq!((row.look, row.looks_planned), (Some(look as i32), Some(5)));
        assert_eq!((row.crossed, row.crossed_ds), (Some(false), None));
        let want: (&str, &[&str]) = match look {
            5 => ("inconclusive", &["not_significant", "achievable_mde"]),
            _ => ("continue", &["boundary_not_crossed"]),
        };
        check(&below, want.0, want.1);
        z[look - 1] += 0.02;
        check(
            &value(&z).watched(ObrienFleming, 5),
            "ship",
            &["primary_better", "boundary_crossed"],
        );
        z[look - 1] = -z[look - 1];
        check(
            &value(&z).watched(ObrienFleming, 5),
            "dont_ship",
            &["primary_worse", "boundary_crossed"],
        );
        let row = last_row(&value(&z).watched(ObrienFleming, 5), "value");
        assert_eq!(row.crossed_ds, Some(after(look as u32 - 1)));
        assert!(
            row.p_value.is_some_and(|p| p <= 0.05) && row.effect_ci_upper.is_some_and(|x| x < 0.0)
        );
    }
}

#[test]
fn the_reasons_of_a_look_say_how_far_it_is() {
    let case = value(&[0.0, 1.5]).watched(ObrienFleming, 5);
    let reasons = check(&case, "continue", &["boundary_not_crossed"]);
    // p at the second of five looks, from the definition: the level whose bound at 0.4 is 1.5.
    assert!(
        reasons[0].ends_with(
            ": no boundary crossed at look 2 of 5, 2024-03-02 (z 1.50, and it takes 3.36 in either direction)."
        ),
        "{}",
        reasons[0]
    );
    let reasons = check(
        &value(&[0.0, 4.0]).watched(ObrienFleming, 5),
        "ship",
        &["primary_better", "boundary_crossed"],
    );
    assert_eq!(
        reasons[1],
        "The obrien_fleming boundary was first crossed on 2024-03-02; 2 looks count, and the level holds over all of \
         them. An effect that is seen where it crosses is too large on average; the median-unbiased estimate is 2.83 \
         (1.44 to 4.21) as of 2024-03-02."
    );
}

#[test]
fn what_has_crossed_and_come_back_is_not_shipped_and_its_row_stays_consistent() {
    let case = value(&[9.0, 0.5]).watched(Pocock, 5);
    check(&case, "continue", &["boundary_crossed_before"]);
    let row = last_row(&case, "value");
    assert_eq!(row.crossed_ds, Some(after(0)));
    // No effect at all is excluded by the first look: p says so, and the interval does not go below it.
    assert!(row.p_value.is_some_and(|p| p <= 0.05));
    assert_eq!((row.effect_ci_lower, row.rel_effect_ci_lower), (Some(0.0), Some(0.0)));
    check(
        &value(&[9.0, 0.5]).watched(Pocock, 2),
        "inconclusive",
        &["not_significant", "achievable_mde"],
    );
    // What has turned is judged as it is now.
    check(
        &value(&[9.0, -9.0]).watched(Pocock, 5),
        "dont_ship",
        &["primary_worse", "boundary_crossed"],
    );
}

#[test]
fn the_end_is_the_end_and_says_what_could_have_been_found() {
    let reasons = check(
        &value(&[0.0, 0.0, 0.0, 1.0]).watched(Once, 4),
        "inconclusive",
        &["not_significant", "achievable_mde"],
    );
    // (1.95996 + 0.84162) / sqrt(4) = 1.4008, of 100.
    assert_eq!(
        reasons[1],
        "With what was gathered, a difference of 1.4% is found with a power of 0.8; a smaller one may be there."
    );
    for method in [Msprt, SequentialMethod::ConfidenceSequence, ObrienFleming, Pocock, Once] {
        for days in 4..7 {
            let case = value(&vec![0.3; days]).watched(method, 4);
            check(&case, "inconclusive", &["not_significant", "achievable_mde"]);
            assert_eq!(last_row(&case, "value").look_ds, Some(after(3)));
        }
    }
}

#[test]
fn a_gain_that_may_be_too_small_is_watched_on_where_the_interval_counts() {
    // At the second look z = 4 is an effect of 2.83, and the bound 3.357 leaves 0.45 to 5.20.
    let case = |at, practical| {
        let mut case = value(&[0.0, 4.0]).watched(ObrienFleming, 5).mde(Mde::Absolute(at));
        case.experiment.settings.practical = practical;
        case
    };
    let (better, crossed) = ("primary_better", "boundary_crossed");
    check(&case(2.0, Practical::Point), "ship", &[better, crossed, "mde_within_interval"]);
    let small = &["significant_below_mde", better, crossed];
    check(&case(3.0, Practical::Point), "stat_sig_not_practical", small);
    check(&case(0.4, Practical::Interval), "ship", &[better, crossed, "above_mde"]);
    check(&case(2.0, Practical::Interval), "continue", &["mde_within_interval", better, crossed]);
    check(&case(6.0, Practical::Interval), "stat_sig_not_practical", small);
    let mut end = value(&[0.0, 4.0]).watched(ObrienFleming, 2).mde(Mde::Absolute(2.0));
    end.experiment.settings.practical = Practical::Interval;
    check(&end, "stat_sig_not_practical", &["mde_within_interval", better, crossed]);
}

/// One-sided 5%: 1.6449 standard errors of 1 at the first day.
#[test]
fn a_non_inferiority_guardrail_has_to_pass() {
    let case = |direction, effect, margin| {
        let mut case = value(&[9.0]).guardrail("latency", "mean", direction);
        case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(margin);
        case.with(daily("latency", 200.0, &[effect]))
    };
    let shipped = &["primary_better", "non_inferiority_shown"];
    let missing = &["non_inferiority_not_shown", "primary_better"];
    for (direction, sign) in [(Decrease, 1.0), (Increase, -1.0)] {
        for margin in [Margin::Absolute(2.0), Margin::Relative(0.01)] {
            check(&case(direction, sign * 0.33, margin), "ship", shipped);
            check(&case(direction, sign * 0.38, margin), "dont_ship", missing);
            check(&case(direction, sign * -9.0, margin), "ship", shipped);
            // Not significantly worse proves nothing: here p for harm is 0.16.
            check(&case(direction, sign * 1.0, margin), "dont_ship", missing);
        }
    }
    let reasons = check(&case(Decrease, 1.0, Margin::Absolute(2.0)), "dont_ship", missing);
    assert!(reasons[0].ends_with("(margin 2). The control stays until it is."), "{}", reasons[0]);
    let row = last_row(&case(Decrease, 0.33, Margin::Absolute(2.0)), "latency");
    assert_eq!(
        (row.test.as_str(), row.family.as_str()),
        ("non_inferiority", "guardrail:non_inferiority")
    );
    assert_eq!((row.correction.as_str(), row.margin_absolute), ("none", Some(2.0)));
    close(row.effect_ci_upper, 0.33 + 1.644_93, 1e-4);
    // Of the margin, and at the level of the guardrails, uncorrected however many there are: z = 1.67.
    close(row.p_value, 0.047_5, 2e-2);

    // Watched: what is not shown yet may be later.
    let watched = |days, guard: &[f64]| {
        let mut case = value(&vec![9.0; guard.len()])
            .watched(Pocock, days)
            .guardrail("latency", "mean", Decrease)
            .with(daily("latency", 200.0, guard));
        case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Absolute(3.0));
        case
    };
    let crossed = ["primary_better", "boundary_crossed"];
    let pending: Vec<&str> = ["non_inferiority_not_shown"].into_iter().chain(crossed).collect();
    check(&watched(3, &[2.0]), "continue", &pending);
    check(&watched(1, &[2.0]), "dont_ship", &pending);
    check(&watched(3, &[0.0]), "ship", &[crossed[0], crossed[1], "non_inferiority_shown"]);
}

#[test]
fn a_relative_margin_without_anything_left_is_not_passed() {
    let mut case = value(&[9.0]).guardrail("revenue", "mean", Increase);
    case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Relative(1.5));
    let case = case.with(daily("revenue", 200.0, &[0.0]));
    check(&case, "dont_ship", &["non_inferiority_not_shown", "primary_better"]);
}

/// The level of the variant has a standard error of sqrt(1/2) at the first day: 5% one-sided is 1.163.
#[test]
fn a_limit_on_the_level_is_breached_when_the_interval_lies_beyond_it() {
    let case = |direction, limit| {
        let mut case = value(&[9.0]).guardrail("p50_ms", "mean", direction);
        case.experiment.guardrails[0].threshold =
            Some(Threshold { level: limit, unit: Some("ms".to_owned()) });
        // Better than the control: no deterioration, whatever the limit.
        let better = if direction == Decrease { -1.0 } else { 1.0 };
        case.with(daily("p50_ms", 300.0, &[better]))
    };
    let fine = &["primary_better", "guardrails_not_violated"];
    check(&case(Decrease, 300.0), "ship", fine);
    check(&case(Decrease, 297.85), "ship", fine);
    let reasons = check(&case(Decrease, 297.82), "dont_ship", &["guardrail_violated"]);
    assert_eq!(
        reasons,
        [
            "Guardrail p50_ms of treatment is 299 (at least 297.8 by its interval), beyond its limit of 297.8."
        ]
    );
    check(&case(Increase, 302.15), "ship", fine);
    check(&case(Increase, 302.18), "dont_ship", &["guardrail_violated"]);
    let mut stops = case(Decrease, 250.0);
    stops.experiment.guardrail_settings.auto_stop_on_violation = true;
    check(&stops, "stop_guardrail", &["guardrail_violated"]);
    let row = last_row(&case(Decrease, 300.0), "p50_ms");
    assert_eq!((row.threshold, row.threshold_breached), (Some(300.0), Some(false)));
    close(row.threshold_bound, 299.0 - 1.644_9 * 0.5_f64.sqrt(), 1e-5);
}

#[test]
fn before_enough_units_a_watched_experiment_goes_on() {
    let few = |ds: u32, n| {
        let of = |variant, m| GroupStat { ds: after(ds), ..mean("value", variant, n, m, 1.0) };
        let seen = |variant| GroupStat { ds: after(ds), ..exposed(variant, n, 0) };
        [of("control", 1.0), of("treatment", 9.0), seen("control"), seen("treatment")]
    };
    let case = Case::two_arms("value", "mean").watched(Msprt, 5).with(few(0, 99));
    let reasons = check(&case, "continue", &["primary_burn_in"]);
    assert!(reasons[0].contains("too few units or successes yet"), "{}", reasons[0]);
    check(&case.with(few(1, 100)), "ship", &["primary_better", "boundary_crossed"]);
    // The planned end is a test with whatever there is.
    let end = Case::two_arms("value", "mean").watched(Pocock, 1).with(few(0, 99));
    check(&end, "ship", &["primary_better", "boundary_crossed"]);
}

#[test]
fn statistics_that_do_not_say_what_looks_share_are_said_to() {
    let mut case = value(&[0.0, 1.0]).watched(Pocock, 5);
    assert_eq!(last_row(&case, "value").increments.as_deref(), Some("units"));
    case.stats.iter_mut().for_each(|stat| stat.co_x_before = None);
    assert_eq!(last_row(&case, "value").increments.as_deref(), Some("independent"));
    let reasons = check(&case, "continue", &["boundary_not_crossed"]);
    assert!(reasons[0].contains("increments are taken to be independent"), "{}", reasons[0]);
}

#[test]
fn between_looks_the_last_one_stands() {
    let case = |days: usize| {
        let mut case = value(&vec![9.0; days]).watched(ObrienFleming, 28);
        case.experiment.settings.look_every_days = 7;
        case
    };
    check(&case(6), "continue", &["primary_before_first_look"]);
    for days in [7, 13] {
        let row = last_row(&case(days), "value");
        assert_eq!((row.look_ds, row.look, row.looks_planned), (Some(after(6)), Some(1), Some(4)));
        assert_eq!(row.n_variant, 70_000);
        close(row.boundary, 4.332_6, 1e-4);
        check(&case(days), "ship", &["primary_better", "boundary_crossed"]);
    }
}

#[test]
fn the_best_of_several_winners_is_named_when_it_beats_the_others() {
    let stat = |variant, effect| mean("value", variant, 10_000, 100.0 + effect, 5_000.0);
    let reasons = |b, c, d| {
        let judged = Case::new(&["a", "b", "c", "d"], "value", "mean")
            .exposed(&[10_000; 4])
            .with([stat("a", 0.0), stat("b", b), stat("c", c), stat("d", d)])
            .judge();
        judged
            .decisions
            .into_iter()
            .map(|row| (row.decision, row.reason_codes[1..].join(" ")))
            .collect::<Vec<_>>()
    };
    let ship = |codes: &str| ("ship".to_owned(), codes.to_owned());
    let nothing = ("inconclusive".to_owned(), String::new());
    // Standard error 1, three pairs: 5%/3 two-sided takes 2.394.
    assert_eq!(
        reasons(10.0, 7.5, 7.0),
        [
            ship("best_variant"),
            ship("another_variant_is_better"),
            ship("another_variant_is_better")
        ]
    );
    assert_eq!(reasons(10.0, 7.7, 7.0), vec![ship("best_not_told_apart"); 3]);
    assert_eq!(reasons(10.0, 0.0, 0.0), [ship(""), nothing.clone(), nothing]);
}
