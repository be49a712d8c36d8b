//! What is said of an effect after a spending plan has ended, and of a smallest effect that does not fit its metric.

use super::branches::{last_row, value};
use super::world::after;
use super::*;

use SequentialMethod::{Msprt, Pocock};

/// A Pocock-type plan of three looks that crossed at the second with z = 3.25; information 1 and 2. The numbers are those of
/// the definition of the stagewise order, integrated with 25 digits (mpmath).
#[test]
fn after_an_early_stop_the_estimate_is_median_unbiased() {
    let stopped = last_row(&value(&[0.0, 3.25]).watched(Pocock, 3), "value");
    assert_eq!(stopped.stopped_ds, Some(after(1)));
    close(stopped.stopped_effect, 2.035_860, 1e-3);
    close(stopped.stopped_ci_lower, 0.303_662, 2e-3);
    close(stopped.stopped_ci_upper, 3.541_612, 1e-3);
    close(stopped.stopped_p_value, 0.023_091, 2e-3);
    // What was seen there is more.
    close(stopped.effect, 3.25 / 2.0_f64.sqrt(), 1e-9);
    // Days after it change nothing of it.
    let later = last_row(&value(&[0.0, 3.25, 1.0]).watched(Pocock, 3), "value");
    assert_eq!(
        (later.stopped_ds, later.stopped_effect, later.stopped_p_value),
        (stopped.stopped_ds, stopped.stopped_effect, stopped.stopped_p_value)
    );
    // The other way round it is the same, mirrored.
    let worse = last_row(&value(&[0.0, -3.25]).watched(Pocock, 3), "value");
    close(worse.stopped_effect, -2.035_860, 1e-3);
    close(worse.stopped_ci_lower, -3.541_612, 1e-3);
}

#[test]
fn before_the_end_and_without_a_plan_there_is_no_such_estimate() {
    for case in [value(&[0.0, 1.0]).watched(Pocock, 3), value(&[0.0, 9.0]).watched(Msprt, 3)] {
        let row = last_row(&case, "value");
        assert_eq!((row.stopped_ds, row.stopped_effect, row.stopped_p_value), (None, None, None));
    }
    // At the planned end there is, crossed or not.
    let ended = last_row(&value(&[0.0, 1.0, 1.0]).watched(Pocock, 3), "value");
    assert_eq!((ended.crossed, ended.stopped_ds), (Some(false), Some(after(2))));
    assert!(ended.stopped_ci_lower.is_some_and(|x| x < 0.0));
    assert!(ended.stopped_ci_upper.is_some_and(|x| x > 0.0));
}

#[test]
fn one_sided_tests_bound_one_side() {
    let case = value(&[0.0, -3.25]).watched(Pocock, 3);
    let mut case = case.guardrail("safe", "mean", Direction::Increase);
    let again: Vec<GroupStat> = case
        .stats
        .iter()
        .filter(|row| row.metric == "value")
        .map(|row| GroupStat { metric: "safe".to_owned(), ..row.clone() })
        .collect();
    case.stats.extend(again);
    let row = last_row(&case, "safe");
    assert_eq!((row.test.as_str(), row.crossed), ("deterioration", Some(true)));
    assert_eq!(row.stopped_ci_lower, None);
    assert!(row.stopped_ci_upper.is_some_and(|x| x < 0.0), "{row:?}");
    assert!(row.stopped_effect.is_some_and(|x| x < 0.0 && x > row.effect.expect("it")));
}

#[test]
fn a_smallest_effect_stated_for_a_total_that_grows_is_told() {
    let growing = |mde| {
        let mut case = value(&[0.0, 0.0, 0.0]).watched(Msprt, 9).mde(mde);
        for row in case.stats.iter_mut().filter(|row| row.metric == "value") {
            let days = (row.ds - after(0)).num_days() as f64 + 1.0;
            row.mean_x = row.mean_x.map(|mean| mean * days);
            row.sum_x = row.sum_x.map(|sum| sum * days);
        }
        case
    };
    let codes = |case: &Case| case.judge_on(after(2)).decisions[0].reason_codes.clone();
    let mut absolute = growing(Mde::Absolute(0.5));
    assert_eq!(codes(&absolute), ["boundary_not_crossed", "mde_of_growing_total"]);
    let words = &absolute.judge_on(after(2)).decisions[0].reasons[1];
    assert!(words.contains("grown to 3 times") && words.contains("`mde_relative`"), "{words}");
    absolute.experiment.settings.tau = Some(0.5);
    assert_eq!(codes(&absolute), ["boundary_not_crossed"]);
    assert_eq!(codes(&growing(Mde::Relative(0.1))), ["boundary_not_crossed"]);
    let plain = value(&[0.0, 0.0, 0.0]).watched(Msprt, 9).mde(Mde::Absolute(0.5));
    assert_eq!(codes(&plain), ["boundary_not_crossed"]);
}
