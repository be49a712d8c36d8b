//! Result rows against published and hand-computed values.

use super::*;

/// Published figures are given to six or seven digits.
const PUBLISHED: f64 = 2e-6;

fn clicks(control: i64, treatment: i64) -> Case {
    Case::two_arms("click_rate", "proportion").exposed(&[10_000, 10_000]).with([
        proportion("click_rate", "control", control, 10_000),
        proportion("click_rate", "treatment", treatment, 10_000),
    ])
}

fn hillstrom(metric: &str, variant: &str) -> GroupStat {
    let (n, visit, conversion, spend, sd) = match variant {
        "none" => (21_306, 2_262, 122, 0.652_789_4, 11.588_20),
        "mens" => (21_307, 3_894, 267, 1.422_616_5, 17.754_21),
        _ => (21_387, 3_238, 189, 1.077_201_6, 15.116_11),
    };
    match metric {
        "visit" => proportion("visit", variant, visit, n),
        "conversion" => proportion("conversion", variant, conversion, n),
        _ => mean("spend", variant, n, spend, sd * sd),
    }
}

#[test]
fn clicks_of_the_open_bandit_sample() {
    for (control, treatment, z, p) in
        [(38, 42, 0.448_111, 0.654_073), (46, 69, 2.150_954, 0.031_479_8)]
    {
        let row = clicks(control, treatment).row("click_rate");
        close(row.statistic, z, PUBLISHED);
        close(row.p_value, p, PUBLISHED);
        assert_eq!(row.p_value_adjusted, row.p_value, "a family of one");
        assert_eq!((row.family_size, &*row.status, row.reason), (1, "ok", None));
        assert_eq!(
            (row.method.as_deref(), &*row.alternative),
            (Some("two_proportion_z"), "two-sided")
        );
    }
    let row = clicks(46, 46).row("click_rate");
    assert_eq!((row.statistic, row.p_value), (Some(0.0), Some(1.0)));
}

/// Wald: 0.0023 ± 1.959964 sqrt(.0046 .9954 / 1e4 + .0069 .9931 / 1e4). The lift: Fieller's quadratic with the same two
/// variances and quantile, (m_c r - m_t)^2 = q^2 (r^2 V_c + V_t), solved for r - 1 with mpmath at 40 digits (q from
/// scipy 1.17.1 `norm.isf`).
#[test]
fn the_interval_of_a_proportion_is_unpooled() {
    let row = clicks(46, 69).row("click_rate");
    close(row.effect_std_error, 0.001_069_169_303_7, 1e-9);
    close(row.effect_ci_lower, 0.000_204_466_671_3, 1e-8);
    close(row.effect_ci_upper, 0.004_395_533_328_7, 1e-9);
    close(row.rel_effect, 0.5, 1e-12);
    close(row.rel_effect_ci_lower, 0.037_525_928_340_796, 1e-8);
    close(row.rel_effect_ci_upper, 1.234_460_668_281_672, 1e-9);
}

#[test]
fn spend_of_the_hillstrom_emails() {
    let case = Case::new(&["none", "mens"], "spend", "mean")
        .exposed(&[21_306, 21_307])
        .with(["none", "mens"].map(|variant| hillstrom("spend", variant)));
    let row = case.row("spend");
    close(row.statistic, 5.300_140, PUBLISHED);
    close(row.df, 36_671.16, PUBLISHED);
    close(row.p_value, 1.163_8e-7, 1e-4);
    close(row.effect, 0.769_827_2, PUBLISHED);
    close(row.effect_ci_lower, 0.485_14, 1e-4);
    close(row.effect_ci_upper, 1.054_51, 1e-4);
    assert_eq!(row.method.as_deref(), Some("welch_t"));
}

/// The case `seed_example_swiggy` of the Welch reference values; the lift is its `rel_ci_fieller_t`.
#[test]
fn the_relative_interval_of_a_mean_has_the_quantile_of_its_test() {
    let case = Case::two_arms("minutes", "mean").exposed(&[10_000, 10_000]).with([
        mean("minutes", "control", 10_000, 32.482_484_936_378_91, 67.706_427_008_512_86),
        mean("minutes", "treatment", 10_000, 31.906_919_019_212_61, 62.536_163_296_115_32),
    ]);
    let row = case.row("minutes");
    close(row.p_value, 4.614_736_007_924_288_6e-7, 1e-8);
    close(row.rel_effect, -0.017_719_269_886_328_6, 1e-9);
    close(row.rel_effect_ci_lower, -0.024_518_567_331_583_45, 1e-9);
    close(row.rel_effect_ci_upper, -0.010_871_537_746_138_957, 1e-9);
}

fn ratio(
    variant: &str,
    n: i64,
    means: (f64, f64),
    variances: (f64, f64),
    covariance: f64,
) -> GroupStat {
    let m2 = |variance: f64| Some(variance * (n - 1) as f64);
    GroupStat {
        n,
        mean_x: Some(means.0),
        mean_y: Some(means.1),
        m2_x: m2(variances.0),
        m2_y: m2(variances.1),
        co_xy: m2(covariance),
        n_before: None,
        co_x_before: None,
        co_y_before: None,
        co_xy_before: None,
        covariates: Default::default(),
        winsorized: Default::default(),
        ..empty("ratio", "ratio", variant)
    }
}

/// The case `sim_20000` of the delta-method reference values; p and interval from the normal law. The lift: Fieller's
/// quadratic with the linearised variances and the normal quantile, solved with mpmath at 40 digits (q from scipy).
#[test]
fn a_ratio_by_the_delta_method() {
    let case = Case::two_arms("ratio", "ratio").exposed(&[20_000, 22_000]).with([
        ratio(
            "control",
            20_000,
            (0.897_15, 2.976_05),
            (1.166_230_189_009_450_4, 3.291_240_959_547_977_2),
            0.983_385_911_795_589_8,
        ),
        ratio(
            "treatment",
            22_000,
            (0.948_636_363_636_363_6, 3.012_136_363_636_363_6),
            (1.254_964_275_235_651_1, 3.385_688_421_787_767_4),
            1.058_944_228_869_907_4,
        ),
    ]);
    let row = case.row("ratio");
    close(row.mean_control, 0.301_456_628_752_877_15, 1e-12);
    close(row.statistic, 4.361_766_538_070_335, 1e-9);
    close(row.p_value, 1.290_164_981_047_972_3e-5, 1e-7);
    close(row.effect_ci_lower, 0.007_423_533_656_865, 1e-9);
    close(row.effect_ci_upper, 0.019_539_316_100_422, 1e-9);
    close(row.rel_effect_ci_lower, 0.024_371_577_378_199_186, 1e-8);
    close(row.rel_effect_ci_upper, 0.065_505_407_486_358_9, 1e-8);
    assert_eq!((row.method.as_deref(), row.df), (Some("ratio_delta_z"), None));
}

/// The case `seed_example_flipkart` of the reference values: one-sided p and bounds.
#[test]
fn a_guardrail_is_tested_one_sided_for_harm() {
    for (direction, alternative, p, lower, upper) in [
        (
            Direction::Decrease,
            "greater",
            0.000_363_602_091_569_408_6,
            Some(0.003_284_843_507_549_877),
            None,
        ),
        (
            Direction::Increase,
            "less",
            0.999_636_397_908_430_6,
            None,
            Some(0.009_515_156_492_450_13),
        ),
    ] {
        let case = clicks(46, 46)
            .guardrail("crash_rate", "proportion", direction)
            .with([proportion("crash_rate", "control", 4_820, 50_000)])
            .with([proportion("crash_rate", "treatment", 5_140, 50_000)]);
        let row = case.row("crash_rate");
        assert_eq!(row.alternative, alternative);
        close(row.p_value, p, 1e-7);
        for (got, want) in [(row.effect_ci_lower, lower), (row.effect_ci_upper, upper)] {
            assert_eq!(got.is_some(), want.is_some());
            want.inspect(|want| close(got, *want, 1e-8));
        }
        assert_eq!(row.rel_effect_ci_lower.is_some(), lower.is_some());
        assert_eq!(row.rel_effect_ci_upper.is_some(), upper.is_some());
        assert_eq!(row.confidence_level, 0.95);
    }
}

/// Benjamini and Hochberg over six tests, as published with the data.
#[test]
fn six_tests_of_the_hillstrom_emails_in_one_family() {
    let arms = ["none", "mens", "womens"];
    let mut case = Case::new(&arms, "click_rate", "proportion");
    for (name, metric_type) in
        [("visit", "proportion"), ("conversion", "proportion"), ("spend", "mean")]
    {
        case = case.secondary(name, metric_type).with(arms.map(|variant| hillstrom(name, variant)));
    }
    let rows: Vec<ResultRow> =
        case.judge().results.into_iter().filter(|row| row.family == "secondary").collect();
    let order: Vec<(&str, &str)> = rows.iter().map(|row| (&*row.metric, &*row.variant)).collect();
    assert_eq!(
        order,
        [
            ("visit", "mens"),
            ("visit", "womens"),
            ("conversion", "mens"),
            ("conversion", "womens"),
            ("spend", "mens"),
            ("spend", "womens")
        ]
    );
    let want = [3.411e-111, 9.547e-44, 3.046_4e-13, 0.000_188_526, 1.745_7e-7, 0.001_129_40];
    for (row, want) in rows.iter().zip(want) {
        close(row.p_value_adjusted, want, 5e-4);
        assert_eq!((row.family_size, &*row.correction), (6, "benjamini_hochberg"));
    }
}

#[test]
fn rows_without_a_p_value_are_no_members_of_their_family() {
    let case = clicks(46, 69)
        .guardrail("p99", "rhythm", Direction::Decrease)
        .guardrail("errors", "proportion", Direction::Decrease)
        .with([
            proportion("errors", "control", 46, 10_000),
            proportion("errors", "treatment", 46, 10_000),
        ]);
    let (p99, errors) = (case.row("p99"), case.row("errors"));
    assert_eq!((&*p99.status, p99.reason.as_deref()), ("failed", Some("method_not_in_effect")));
    assert_eq!((p99.family_size, p99.p_value_adjusted), (1, None));
    assert_eq!((errors.family_size, errors.p_value_adjusted), (1, Some(0.5)));
    assert_eq!(errors.correction, "bonferroni");
}

#[test]
fn segments_are_families_of_their_own_and_sorted() {
    let group = |segment, value, variant, x| {
        in_segment(segment, value, proportion("click_rate", variant, x, 5_000))
    };
    let mut case = clicks(38, 42).segment("os").segment("country");
    for (segment, value) in [("os", "ios"), ("os", "android"), ("country", "IN"), ("country", "DE")]
    {
        case = case
            .with([group(segment, value, "treatment", 21), group(segment, value, "control", 19)]);
    }
    // The statistics of a dimension that the experiment does not name are left aside.
    case = case.with([group("city", "Pune", "control", 1)]);
    let rows = case.judge().results;
    let order: Vec<_> =
        rows.iter().map(|row| (&*row.segment, &*row.segment_value, &*row.family)).collect();
    assert_eq!(
        order,
        [
            (WHOLE, WHOLE, "primary"),
            ("country", "DE", "segment:primary"),
            ("country", "IN", "segment:primary"),
            ("os", "android", "segment:primary"),
            ("os", "ios", "segment:primary"),
        ]
    );
    assert_eq!(rows.iter().map(|row| row.family_size).collect::<Vec<_>>(), [1, 4, 4, 4, 4]);
}

#[test]
fn a_value_that_one_arm_lacks_still_has_its_row() {
    let case = clicks(38, 42)
        .segment("os")
        .with([in_segment("os", "ios", proportion("click_rate", "control", 38, 10_000))])
        .with([in_segment("os", "android", proportion("click_rate", "treatment", 42, 10_000))]);
    let reasons: Vec<_> = case
        .judge()
        .results
        .into_iter()
        .skip(1)
        .map(|row| (row.segment_value, row.reason))
        .collect();
    let want = [("android", "no_units_in_control"), ("ios", "no_units_in_variant")];
    assert_eq!(reasons, want.map(|(value, reason)| (value.to_owned(), Some(reason.to_owned()))));
}

#[track_caller]
fn check_gap(stats: [Option<GroupStat>; 2], status: &str, reason: &str, effect: Option<f64>) {
    let metric_type =
        stats.iter().flatten().next().map_or_else(|| "mean".to_owned(), |s| s.metric_type.clone());
    let name =
        stats.iter().flatten().next().map_or_else(|| "value".to_owned(), |s| s.metric.clone());
    let row = Case::two_arms(&name, &metric_type).with(stats.into_iter().flatten()).row(&name);
    assert_eq!((&*row.status, row.reason.as_deref()), (status, Some(reason)));
    assert_eq!(row.rel_effect_reason.as_deref(), Some(reason));
    assert_eq!(
        (row.p_value, row.p_value_adjusted, row.statistic, row.method),
        (None, None, None, None)
    );
    assert_eq!(row.effect, effect);
}

#[test]
fn where_there_is_no_number_the_reason_is_given() {
    let value = |variant, n, level, variance| Some(mean("value", variant, n, level, variance));
    let rate = |variant, x, n| Some(proportion("rate", variant, x, n));
    check_gap([None, None], "insufficient", "no_units_in_control", None);
    check_gap([None, value("treatment", 9, 1.0, 1.0)], "insufficient", "no_units_in_control", None);
    check_gap([value("control", 9, 1.0, 1.0), None], "insufficient", "no_units_in_variant", None);
    check_gap(
        [rate("control", 1, 9), rate("treatment", 0, 0)],
        "insufficient",
        "no_units_in_variant",
        None,
    );
    check_gap(
        [value("control", 1, 1.0, 0.0), value("treatment", 9, 3.0, 1.0)],
        "insufficient",
        "too_few_units",
        Some(2.0),
    );
    check_gap(
        [value("control", 9, 1.0, 0.0), value("treatment", 9, 3.0, 0.0)],
        "insufficient",
        "zero_variance",
        Some(2.0),
    );
    check_gap(
        [rate("control", 0, 9), rate("treatment", 0, 9)],
        "insufficient",
        "zero_variance",
        Some(0.0),
    );
    check_gap(
        [rate("control", 9, 9), rate("treatment", 9, 9)],
        "insufficient",
        "zero_variance",
        Some(0.0),
    );
    check_gap(
        [
            Some(ratio("control", 9, (0.0, 0.0), (0.0, 0.0), 0.0)),
            Some(ratio("treatment", 9, (1.0, 2.0), (1.0, 1.0), 0.0)),
        ],
        "insufficient",
        "zero_denominator",
        None,
    );
}

#[test]
fn statistics_that_cannot_be_are_a_failure_not_a_number() {
    let sound = || Some(mean("value", "treatment", 9, 1.0, 1.0));
    for broken in [
        GroupStat { n: -1, ..mean("value", "control", 9, 1.0, 1.0) },
        GroupStat { mean_x: None, ..mean("value", "control", 9, 1.0, 1.0) },
        GroupStat { m2_x: Some(f64::NAN), ..mean("value", "control", 9, 1.0, 1.0) },
        GroupStat { m2_x: Some(-1.0), ..mean("value", "control", 9, 1.0, 1.0) },
    ] {
        let row = Case::two_arms("value", "mean").with([broken]).with(sound()).row("value");
        assert_eq!((&*row.status, row.reason.as_deref()), ("failed", Some("statistics_invalid")));
    }
    for successes in [Some(10.0), Some(0.5), Some(-1.0), Some(f64::NAN), None] {
        let broken = GroupStat { sum_x: successes, ..proportion("rate", "control", 0, 9) };
        let row = Case::two_arms("rate", "proportion")
            .with([broken, proportion("rate", "treatment", 1, 9)])
            .row("rate");
        assert_eq!(row.reason.as_deref(), Some("statistics_invalid"));
    }
}

#[test]
fn statistics_of_another_type_are_not_reinterpreted() {
    let row = Case::two_arms("value", "mean")
        .with([mean("value", "control", 9, 1.0, 1.0), proportion("value", "treatment", 1, 9)])
        .row("value");
    assert_eq!((&*row.status, row.reason.as_deref()), ("failed", Some("metric_type_differs")));
}

#[test]
fn a_metric_that_nothing_defines_keeps_its_row() {
    let mut case = Case::two_arms("value", "mean");
    case.types.clear();
    let row = case.row("value");
    assert_eq!(
        (&*row.metric_type, row.reason.as_deref()),
        ("unknown", Some("metric_type_unknown"))
    );
}

#[test]
fn there_is_no_relative_effect_over_a_control_that_is_not_safely_positive() {
    // A hundred units with variance 1: a standard error of 0.1.
    for (control, reason) in [
        (-1.0, Some("control_mean_not_positive")),
        (0.0, Some("control_mean_not_positive")),
        (0.3, Some("control_mean_near_zero")),
        (0.6, None),
    ] {
        let row = Case::two_arms("value", "mean")
            .with([
                mean("value", "control", 100, control, 1.0),
                mean("value", "treatment", 100, 2.0, 1.0),
            ])
            .row("value");
        assert_eq!(row.status, "ok", "the absolute effect stands");
        assert_eq!(row.rel_effect_reason.as_deref(), reason);
        assert_eq!(row.rel_effect.is_none(), reason.is_some());
        assert_eq!(row.rel_effect_ci_lower.is_none(), reason.is_some());
    }
}

#[test]
fn statistics_of_another_experiment_or_day_are_left_aside() {
    let mut case = clicks(46, 69);
    case.stats.push(GroupStat {
        experiment: "other".to_owned(),
        ..proportion("click_rate", "control", 1, 2)
    });
    case.stats.push(GroupStat { ds: NaiveDate::MIN, ..proportion("click_rate", "control", 1, 2) });
    assert_eq!(case.judge(), clicks(46, 69).judge());
}

/// A difference of a thousand standard errors: the p-value is no double above 0, its logarithm is one. With so many
/// degrees of freedom the t distribution is the normal one, whose tail is φ(z)/z (1 - 1/z² …): ln p is then
/// ln 2 - z²/2 - ln z - ln(2π)/2.
#[test]
fn a_p_value_that_underflows_keeps_its_logarithm() {
    let n = 1_000_000_000_000;
    let of = |effect: f64| {
        Case::two_arms("value", "mean")
            .with([
                mean("value", "control", n, 10.0, 1.0),
                mean("value", "treatment", n, 10.0 + effect, 1.0),
            ])
            .row("value")
    };
    let se = (2.0 / n as f64).sqrt();
    let row = of(1000.0 * se);
    assert_eq!(row.p_value, Some(0.0));
    let z: f64 = 1000.0;
    let wanted = 2f64.ln() - z * z / 2.0 - z.ln() - (2.0 * std::f64::consts::PI).ln() / 2.0;
    let found = row.log_p_value.expect("a logarithm");
    assert!((found / wanted - 1.0).abs() < 1e-5, "{found} for {wanted}");
    assert_eq!(of(3.0 * se).log_p_value, None);
}
