//! Whatever the statistics: no panic, a row for every promise, and numbers that are numbers.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn any_number() -> impl Strategy<Value = Option<f64>> {
    prop_oneof![
        1 => Just(None),
        1 => Just(Some(f64::NAN)),
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::MAX), Just(-1e300), Just(1e-320)].prop_map(Some),
        4 => (0_i32..50).prop_map(|x| Some(f64::from(x))),
        4 => (-10.0_f64..1e4).prop_map(Some),
    ]
}

fn any_n() -> impl Strategy<Value = i64> {
    prop_oneof![Just(-3), Just(i64::MIN), Just(i64::MAX), 0_i64..4, 0_i64..1_000, Just(10_000)]
}

fn any_stat() -> impl Strategy<Value = GroupStat> {
    let metric = prop::sample::select(vec![
        "rate",
        "amount",
        "per_view",
        "p99",
        "errors",
        "absent",
        SEVERAL_VARIANTS,
    ]);
    let segment = prop::sample::select(vec![
        (WHOLE, WHOLE),
        (WHOLE, WHOLE),
        ("os", "ios"),
        ("os", "android"),
        ("city", ""),
    ]);
    let variant = prop::sample::select(vec!["a", "b", "c", "stranger"]);
    let other_type = prop::option::weighted(0.05, prop::sample::select(vec!["mean", "ratio", ""]));
    let numbers = prop::array::uniform7(any_number());
    (metric, segment, variant, other_type, any_n(), numbers).prop_map(
        |(metric, segment, variant, other, n, x)| {
            let metric_type = other.unwrap_or_else(|| type_of(metric));
            GroupStat {
                n,
                sum_x: x[0],
                mean_x: x[1],
                m2_x: x[2],
                sum_y: x[3],
                mean_y: x[4],
                m2_y: x[5],
                co_xy: x[6],
                n_before: None,
                co_x_before: None,
                co_y_before: None,
                co_xy_before: None,
                n_pre: Some(n),
                covariates: verdict_model::rows::Covariates {
                    mean_pre_x: x[1],
                    m2_pre_x: x[2],
                    mean_pre_y: x[4],
                    m2_pre_y: x[5],
                    co_pre_xy: x[6],
                    ..Default::default()
                },
                winsorized: Default::default(),
                ..in_segment(segment.0, segment.1, empty(metric, metric_type, variant))
            }
        },
    )
}

fn type_of(metric: &str) -> &'static str {
    match metric {
        "amount" => "mean",
        "per_view" => "ratio",
        "p99" => "quantile",
        _ => "proportion",
    }
}

fn any_counts() -> impl Strategy<Value = Option<DataCounts>> {
    let rows = || {
        (any::<u64>(), any::<u64>(), any::<bool>(), 0_u64..5).prop_map(
            |(in_files, read, filtered, odd)| RowCounts {
                in_files,
                read,
                filtered,
                without_unit: odd,
                without_time: read,
                outside_day: in_files,
                latest_us: None,
            },
        )
    };
    let variants = prop::collection::btree_map("[abc]|strange|\\(null\\)", any::<u64>(), 0..4);
    prop::option::of((rows(), rows(), variants).prop_map(|(exposures, events, variants)| {
        DataCounts { exposures, events, variants, ..DataCounts::default() }
    }))
}

fn case(alpha: f64) -> Case {
    let mut case = Case::new(&["a", "b", "c"], "rate", "proportion")
        .mde(Mde::Relative(0.01))
        .guardrail("errors", "proportion", Direction::Decrease)
        .guardrail("p99", "quantile", Direction::Decrease)
        .guardrail("amount", "mean", Direction::Increase)
        .secondary("per_view", "ratio")
        .secondary("absent", "proportion")
        .segment("os");
    case.experiment.settings.alpha = alpha;
    case.experiment.primary.pre_period_days = Some(7);
    case.experiment.guardrails[2].pre_period_days = Some(7);
    case.experiment.secondary[0].pre_period_days = Some(7);
    case
}

/// So many days before the as-of date, or after it.
fn back_by(days: i64) -> NaiveDate {
    let other = if days < 0 { ds().succ_opt() } else { ds().iter_days().rev().nth(days as usize) };
    other.expect("a date")
}

const STATUSES: [&str; 4] = ["ok", "insufficient", "not_mature", "failed"];

fn numbers(row: &ResultRow) -> Vec<Option<f64>> {
    vec![
        row.mean_control,
        row.mean_variant,
        row.effect,
        row.effect_std_error,
        row.effect_ci_lower,
        row.effect_ci_upper,
        row.rel_effect,
        row.rel_effect_ci_lower,
        row.rel_effect_ci_upper,
        row.statistic,
        row.df,
        row.p_value,
        row.p_value_adjusted,
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_promise_is_kept(
        stats in prop::collection::vec(any_stat(), 0..60),
        counts in any_counts(),
        alpha in prop_oneof![Just(0.05), Just(f64::NAN), Just(0.0), Just(2.0), 0.001_f64..0.5],
    ) {
        let case = Case { counts, ..case(alpha).with(stats) };
        let judgement = case.judge();

        let configured: BTreeSet<&str> = case.experiment.metrics().map(|m| &*m.name.value).collect();
        let values: BTreeSet<&str> = case
            .stats
            .iter()
            .filter(|s| s.segment == "os" && s.variant != "stranger" && configured.contains(&*s.metric))
            .map(|s| &*s.segment_value)
            .collect();
        prop_assert_eq!(judgement.results.len(), 6 * 2 * (1 + values.len()));
        for row in &judgement.results {
            prop_assert!(STATUSES.contains(&&*row.status));
            prop_assert_eq!(row.status == "ok", row.p_value.is_some());
            prop_assert_eq!(row.status == "ok", row.p_value_adjusted.is_some());
            prop_assert_eq!(row.status == "ok", row.reason.is_none());
            prop_assert_eq!(row.rel_effect.is_none(), row.rel_effect_reason.is_some());
            prop_assert!(numbers(row).into_iter().flatten().all(f64::is_finite), "{:?}", row);
            if let (Some(p), Some(adjusted)) = (row.p_value, row.p_value_adjusted) {
                prop_assert!((0.0..=1.0).contains(&p) && p <= adjusted * (1.0 + 1e-12) && adjusted <= 1.0);
            }
            if let (Some(lower), Some(upper)) = (row.effect_ci_lower, row.effect_ci_upper) {
                prop_assert!(lower <= upper);
            }
        }
        prop_assert_eq!(judgement.checks.len(), 22);
        prop_assert_eq!(judgement.decisions.len(), 2);
        for decision in &judgement.decisions {
            prop_assert!(!decision.reasons.is_empty());
            prop_assert_eq!(decision.reasons.len(), decision.reason_codes.len());
            prop_assert!(decision.reasons.iter().all(|words| words.ends_with('.')), "{:?}", decision.reasons);
        }
    }

    /// The same over looks with anything in them.
    #[test]
    fn no_history_is_too_odd(
        stats in prop::collection::vec(
            (any_stat(), -1_i64..4, any_n(), prop::array::uniform3(any_number())), 0..80,
        ),
        method in prop::sample::select(SequentialMethod::WORDS.map(|(_, method)| method).to_vec()),
        days in prop::option::of(0_u32..5),
        margin in prop::sample::select(vec![Margin::Relative(0.1), Margin::Relative(2.0), Margin::Absolute(0.5)]),
        alpha in prop_oneof![Just(0.05), Just(f64::NAN), Just(2.0), 0.001_f64..0.9],
        level in prop_oneof![Just(0.0), Just(1e300), -1.0_f64..10.0],
    ) {
        let mut case = case(alpha);
        case.experiment.settings.sequential = method;
        case.experiment.settings.max_duration_days = days;
        case.experiment.settings.min_duration_days = days;
        case.experiment.guardrails[0].threshold = Some(Threshold { level, unit: None });
        case.experiment.guardrails[2].test = GuardrailTest::NonInferiority(margin);
        let case = case.with(stats.into_iter().map(|(stat, back, before, x)| GroupStat {
            ds: back_by(back),
            n_before: Some(before),
            co_x_before: x[0],
            co_y_before: x[1],
            co_xy_before: x[2],
            ..stat
        }));
        let judgement = case.judge();
        for row in &judgement.results {
            prop_assert!(STATUSES.contains(&&*row.status));
            prop_assert_eq!(row.status == "ok", row.p_value.is_some());
            prop_assert_eq!(row.status == "ok", row.p_value_adjusted.is_some());
            prop_assert_eq!(row.status == "ok", row.reason.is_none());
            let looks = [row.z, row.boundary, row.alpha_spent, row.information_fraction, row.threshold_bound];
            prop_assert!(numbers(row).into_iter().chain(looks).flatten().all(f64::is_finite), "{:?}", row);
            if let (Some(lower), Some(upper)) = (row.effect_ci_lower, row.effect_ci_upper) {
                prop_assert!(lower <= upper, "{:?}", row);
            }
        }
        for decision in &judgement.decisions {
            prop_assert!(!decision.reasons.is_empty());
            prop_assert_eq!(decision.reasons.len(), decision.reason_codes.len());
        }
    }

    /// Fieller's interval and the absolute one are one test.
    #[test]
    fn the_relative_interval_excludes_zero_when_the_absolute_one_does(
        successes in (30_i64..900, 0_i64..500),
        alpha in 0.001_f64..0.5,
        direction in prop::sample::select(vec![Direction::Increase, Direction::Decrease]),
    ) {
        let mut case = Case::two_arms("rate", "proportion")
            .guardrail("errors", "proportion", direction)
            .with(["rate", "errors"].into_iter().flat_map(|metric| [
                proportion(metric, "control", successes.0, 900),
                proportion(metric, "treatment", successes.1, 500),
            ]));
        case.experiment.settings.alpha = alpha;
        case.experiment.guardrail_settings.alpha = alpha;
        let excludes_zero = |lower: Option<f64>, upper: Option<f64>| {
            (lower.is_some_and(|end| end > 0.0), upper.is_some_and(|end| end < 0.0))
        };
        for row in [case.row("rate"), case.row("errors")] {
            prop_assert!(row.rel_effect.is_some(), "{:?}", row);
            prop_assert_eq!(
                excludes_zero(row.effect_ci_lower, row.effect_ci_upper),
                excludes_zero(row.rel_effect_ci_lower, row.rel_effect_ci_upper)
            );
        }
    }

    #[test]
    fn the_order_of_the_statistics_does_not_matter(
        stats in prop::collection::vec(any_stat(), 0..40).prop_shuffle(),
    ) {
        let mut seen = BTreeSet::new();
        let key = |s: &GroupStat| (s.metric.clone(), s.variant.clone(), s.segment.clone(), s.segment_value.clone());
        let stats: Vec<GroupStat> = stats.into_iter().filter(|s| seen.insert(key(s))).collect();
        let reversed: Vec<GroupStat> = stats.iter().rev().cloned().collect();
        prop_assert_eq!(case(0.05).with(stats).judge(), case(0.05).with(reversed).judge());
    }
}
