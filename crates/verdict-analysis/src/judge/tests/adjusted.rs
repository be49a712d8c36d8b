//! Metrics that are adjusted by their past are judged as their residuals would be.

use verdict_model::Cuped;
use verdict_model::rows::Covariates;

use super::world::after;
use super::*;
use crate::judge::compare::relative_effect;
use crate::judge::levels::Levels;
use crate::judge::samples::Kind;
use crate::methods::Alternative;
use crate::methods::resample::Draws;
use crate::methods::special::norm_ppf;

const UNITS: usize = 300;
const DAYS: usize = 6;
const SLOPE: f64 = 0.7;

fn average(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

fn co(x: &[f64], y: &[f64]) -> f64 {
    let (of_x, of_y) = (average(x), average(y));
    x.iter().zip(y).map(|(x, y)| (x - of_x) * (y - of_y)).sum()
}

/// The covariate of every unit, the control's first, and the residuals of each day: all that a covariate tells of them
/// over both arms together was taken out, so that the slope is the same on every day.
fn units() -> (Vec<f64>, Vec<Vec<f64>>) {
    let draws = Draws::named("adjusted");
    let normal = |unit: usize, draw: u64| norm_ppf(draws.unit(unit as u64, draw));
    let covariate: Vec<f64> = (0..2 * UNITS).map(|unit| 5.0 + 2.0 * normal(unit, 0)).collect();
    let mut total = vec![0.0; 2 * UNITS];
    let days = (1..=DAYS as u64).map(|day| {
        for (unit, total) in total.iter_mut().enumerate() {
            *total += normal(unit, day) + if unit < UNITS { 0.0 } else { 0.06 };
        }
        let slope = co(&total, &covariate) / co(&covariate, &covariate);
        let centre = average(&covariate);
        total.iter().zip(&covariate).map(|(e, c)| 9.0 + e - slope * (c - centre)).collect()
    });
    let days = days.collect();
    (covariate, days)
}

/// The statistics of each day, of values with or without a covariate. All units are there from the first day on.
fn stats(metric_type: &str, values: &[Vec<f64>], covariate: Option<&[f64]>) -> Vec<GroupStat> {
    let mut stats = Vec::new();
    for (arm, variant) in ["control", "treatment"].into_iter().enumerate() {
        let own = arm * UNITS..(arm + 1) * UNITS;
        for (day, now) in values.iter().enumerate() {
            let x = &now[own.clone()];
            let was = day.checked_sub(1).map(|day| &values[day][own.clone()]);
            let ratio = metric_type == "ratio";
            // A ratio over two of something for everybody is a mean of halves.
            let zero = ratio.then_some(0.0);
            let factor = if ratio { 2.0 } else { 1.0 };
            let scaled = |m: f64, times: i32| Some(m * f64::powi(factor, times));
            let covariates = covariate.map_or_else(Covariates::default, |c| {
                let c = &c[own.clone()];
                Covariates {
                    mean_pre_x: scaled(average(c), 1),
                    m2_pre_x: scaled(co(c, c), 2),
                    mean_pre_y: ratio.then_some(2.0),
                    m2_pre_y: zero,
                    co_pre_xy: zero,
                    co_x_pre_x: scaled(co(x, c), 2),
                    co_x_pre_y: zero,
                    co_y_pre_x: zero,
                    co_y_pre_y: zero,
                    m2_pre_x_before: was.and_then(|_| scaled(co(c, c), 2)),
                    m2_pre_y_before: zero,
                    co_pre_xy_before: zero,
                    co_x_pre_x_before: was.and_then(|w| scaled((co(x, c) + co(w, c)) / 2.0, 2)),
                    co_x_pre_y_before: zero,
                    co_y_pre_x_before: zero,
                    co_y_pre_y_before: zero,
                }
            });
            let ds = after(day as u32);
            stats.push(GroupStat {
                ds,
                n: UNITS as i64,
                sum_x: scaled(x.iter().sum(), 1),
                mean_x: scaled(average(x), 1),
                m2_x: scaled(co(x, x), 2),
                sum_y: ratio.then_some(2.0 * UNITS as f64),
                mean_y: ratio.then_some(2.0),
                m2_y: zero,
                co_xy: zero,
                n_before: was.map(|_| UNITS as i64),
                co_x_before: was.and_then(|was| scaled(co(x, was), 2)),
                co_y_before: zero,
                co_xy_before: zero,
                covariates,
                ..empty("value", metric_type, variant)
            });
            stats.push(GroupStat { ds, ..exposed(variant, UNITS as i64, 0) });
        }
    }
    stats
}

fn judged(
    metric_type: &str,
    method: SequentialMethod,
    values: &[Vec<f64>],
    covariate: Option<&[f64]>,
) -> ResultRow {
    let mut case = Case::two_arms("value", metric_type).with(stats(metric_type, values, covariate));
    if method != SequentialMethod::None {
        case = case.watched(method, DAYS as u32);
    }
    case.experiment.primary.cuped = covariate.map(|_| Cuped { lookback_days: 14 });
    let judged = case.judge_on(after(DAYS as u32 - 1));
    judged.results.into_iter().next().expect("a row")
}

#[test]
fn an_adjusted_metric_is_judged_as_its_residuals_at_every_look() {
    let (covariate, residuals) = units();
    let values: Vec<Vec<f64>> = residuals
        .iter()
        .map(|day| day.iter().zip(&covariate).map(|(e, c)| e + SLOPE * c).collect())
        .collect();
    for method in [
        SequentialMethod::None,
        SequentialMethod::Msprt,
        SequentialMethod::ConfidenceSequence,
        SequentialMethod::ObrienFleming,
        SequentialMethod::Pocock,
    ] {
        for metric_type in ["mean", "ratio"] {
            let adjusted = judged(metric_type, method, &values, Some(&covariate));
            let wanted = judged(metric_type, method, &residuals, None);
            assert_eq!(adjusted.status, "ok", "{method:?}: {:?}", adjusted.reason);
            assert_eq!(adjusted.increments, wanted.increments, "{method:?}");
            close(adjusted.adjusted.theta, SLOPE, 1e-9);
            for (got, want) in [
                (adjusted.effect, wanted.effect),
                (adjusted.effect_std_error, wanted.effect_std_error),
                (adjusted.effect_ci_lower, wanted.effect_ci_lower),
                (adjusted.effect_ci_upper, wanted.effect_ci_upper),
                (adjusted.statistic, wanted.statistic),
                (adjusted.p_value, wanted.p_value),
            ] {
                close(got, want.expect("a number"), 1e-7);
            }
            assert_eq!(adjusted.crossed, wanted.crossed, "{method:?}");
            assert_eq!(adjusted.crossed_ds, wanted.crossed_ds, "{method:?}");
            if let Some(boundary) = wanted.boundary {
                close(adjusted.boundary, boundary, 1e-7);
            }
            let plain = judged(metric_type, method, &values, None);
            let told = &adjusted.adjusted;
            close(told.unadjusted_effect, plain.effect.expect("an effect"), 1e-12);
            let before = plain.effect_std_error.expect("an error");
            close(told.unadjusted_std_error, before, 1e-12);
            let ratio = (wanted.effect_std_error.expect("an error") / before).powi(2);
            close(told.variance_ratio, ratio, 1e-7);
            assert_ne!(adjusted.method, plain.method);
        }
    }
}

/// A covariate equal to the outcome takes the effect away, and one that does not vary changes nothing.
#[test]
fn a_covariate_that_does_not_vary_leaves_the_plain_test() {
    let (_, values) = units();
    let constant = vec![3.0; 2 * UNITS];
    for method in [SequentialMethod::None, SequentialMethod::Msprt] {
        let adjusted = judged("mean", method, &values, Some(&constant));
        let plain = judged("mean", method, &values, None);
        assert_eq!(adjusted.adjusted.theta, Some(0.0));
        assert_eq!((adjusted.p_value, adjusted.z), (plain.p_value, plain.z));
        close(adjusted.effect, plain.effect.expect("an effect"), 1e-12);
        close(adjusted.rel_effect_ci_lower, plain.rel_effect_ci_lower.expect("an end"), 1e-9);
    }
}

#[test]
fn statistics_without_a_past_fail_by_name() {
    let (_, values) = units();
    let mut case = Case::two_arms("value", "mean").with(stats("mean", &values, None));
    case.experiment.primary.cuped = Some(Cuped { lookback_days: 7 });
    let row = case.judge_on(after(DAYS as u32 - 1)).results.remove(0);
    assert_eq!((&*row.status, row.reason.as_deref()), ("failed", Some("covariate_missing")));
    assert_eq!(row.adjusted, Default::default());
}

/// What both adjusted levels share is part of the error of a relative lift; without it the interval is too short.
#[test]
fn the_relative_lift_of_an_adjusted_metric_covers() {
    const RUNS: u64 = 20_000;
    const UNITS: u64 = 250;
    let draws = Draws::named("adjusted lifts");
    let (mut covered, mut alone) = (0, 0);
    for run in 0..RUNS {
        let arm = |arm: u64, level: f64| {
            let normal =
                |unit: u64, draw: u64| norm_ppf(draws.unit((2 * run + arm) * UNITS + unit, draw));
            let past: Vec<f64> = (0..UNITS).map(|unit| 2.0 * normal(unit, 0)).collect();
            let now: Vec<f64> =
                past.iter().zip(0..).map(|(x, unit)| level + x + 0.9 * normal(unit, 1)).collect();
            GroupStat {
                n: UNITS as i64,
                mean_x: Some(average(&now)),
                m2_x: Some(co(&now, &now)),
                covariates: Covariates {
                    mean_pre_x: Some(average(&past)),
                    m2_pre_x: Some(co(&past, &past)),
                    co_x_pre_x: Some(co(&now, &past)),
                    ..Covariates::default()
                },
                ..empty("value", "mean", "arm")
            }
        };
        let levels = Levels::adjusted(Kind::Mean, &arm(0, 10.0), &arm(1, 15.0)).expect("levels");
        let covers = |levels: &Levels| {
            let relative = relative_effect(levels, Alternative::TwoSided, 1.964).expect("a lift");
            u64::from(relative.interval.lower <= 0.5 && 0.5 <= relative.interval.upper)
        };
        covered += covers(&levels);
        alone += covers(&Levels::of_samples(levels.control, levels.variant));
    }
    let share = |n: u64| n as f64 / RUNS as f64;
    assert!((0.945..=0.955).contains(&share(covered)), "{}", share(covered));
    assert!(share(alone) < 0.935, "{}", share(alone));
}
