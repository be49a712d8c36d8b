//! Every branch of the decision, in both directions.

use super::*;

use Direction::{Decrease, Increase};

/// Two arms of 10,000 units whose difference has a standard error of exactly 1: the 95% interval of an
/// effect is the effect ± 1.96 (t with 19,998 degrees of freedom: 1.96008).
fn arms(metric: &str, level: f64, effect: f64) -> [GroupStat; 2] {
    [
        mean(metric, "control", 10_000, level, 5_000.0),
        mean(metric, "treatment", 10_000, level + effect, 5_000.0),
    ]
}

fn value(level: f64, effect: f64) -> Case {
    Case::two_arms("value", "mean").exposed(&[10_000, 10_000]).with(arms("value", level, effect))
}

#[track_caller]
fn check(case: &Case, decision: &str, codes: &[&str]) -> Vec<String> {
    let row = case.decision();
    assert_eq!(row.decision, decision, "{:?}", row.reasons);
    assert_eq!(row.reason_codes, codes, "{:?}", row.reasons);
    assert_eq!(row.reasons.len(), codes.len());
    row.reasons
}

#[test]
fn the_primary_decides_by_its_direction() {
    check(&value(100.0, 3.0), "ship", &["primary_better"]);
    check(&value(100.0, -3.0), "dont_ship", &["primary_worse"]);
    check(&value(100.0, -3.0).direction(Decrease), "ship", &["primary_better"]);
    check(&value(100.0, 3.0).direction(Decrease), "dont_ship", &["primary_worse"]);
    for direction in [Increase, Decrease] {
        for effect in [-1.9, 0.0, 1.9] {
            check(&value(100.0, effect).direction(direction), "inconclusive", &["not_significant"]);
        }
    }
}

#[test]
fn a_gain_is_held_against_the_smallest_effect_of_interest() {
    // Effect 3: the interval is 1.04 to 4.96; relative to 100, Fieller gives 1.03% to 5.01%.
    let small = &["significant_below_mde", "primary_better"][..];
    let within = &["primary_better", "mde_within_interval"][..];
    for (at, practical, decision, codes) in [
        (1.0, Practical::Point, "ship", &["primary_better", "above_mde"][..]),
        (2.0, Practical::Point, "ship", within),
        (3.1, Practical::Point, "stat_sig_not_practical", small),
        (4.5, Practical::Point, "stat_sig_not_practical", small),
        (5.5, Practical::Point, "stat_sig_not_practical", small),
        (1.0, Practical::Interval, "ship", &["primary_better", "above_mde"]),
        (
            2.0,
            Practical::Interval,
            "stat_sig_not_practical",
            &["mde_within_interval", "primary_better"],
        ),
        (5.5, Practical::Interval, "stat_sig_not_practical", small),
    ] {
        for mde in [Mde::Absolute(at), Mde::Relative(at / 100.0)] {
            let check = |case: Case| {
                let mut case = case.mde(mde);
                case.experiment.settings.practical = practical;
                check(&case, decision, codes);
            };
            check(value(100.0, 3.0));
            // A fall is wanted: the mirror image. From 100 the relative interval of -3 is -4.91% to -1.05%.
            check(value(100.0, -3.0).direction(Decrease));
        }
    }
}

#[test]
fn without_significance_the_interval_says_what_is_excluded() {
    // Effect 1: the interval is -0.96 to 2.96. Effect -1: the gain is -2.96 to 0.96.
    for (effect, direction, at, code) in [
        (1.0, Increase, 3.1, "mde_excluded"),
        (1.0, Increase, 2.5, "mde_not_excluded"),
        (-1.0, Increase, 1.1, "mde_excluded"),
        (-1.0, Increase, 0.8, "mde_not_excluded"),
        (-1.0, Decrease, 3.1, "mde_excluded"),
        (-1.0, Decrease, 2.5, "mde_not_excluded"),
        (1.0, Decrease, 1.1, "mde_excluded"),
        (1.0, Decrease, 0.8, "mde_not_excluded"),
    ] {
        for mde in [Mde::Absolute(at), Mde::Relative(at / 100.0)] {
            let case = value(100.0, effect).direction(direction).mde(mde);
            check(&case, "inconclusive", &["not_significant", code]);
        }
    }
}

#[test]
fn a_relative_target_needs_a_relative_effect() {
    let mde = Mde::Relative(0.05);
    let reasons =
        check(&value(-100.0, 3.0).mde(mde), "ship", &["primary_better", "mde_not_comparable"]);
    assert!(reasons[1].contains("the control's level is not above zero"), "{}", reasons[1]);
    check(&value(1.0, 1.0).mde(mde), "inconclusive", &["not_significant", "mde_not_comparable"]);
    check(&value(-100.0, 3.0).mde(Mde::Absolute(1.0)), "ship", &["primary_better", "above_mde"]);
}

#[test]
fn harm_to_a_guardrail_comes_before_the_gain() {
    for (direction, harm) in [(Decrease, 3.0), (Increase, -3.0)] {
        let case = |effect| {
            value(100.0, 3.0)
                .guardrail("crashes", "mean", direction)
                .with(arms("crashes", 50.0, effect))
        };
        let reasons = check(&case(harm), "dont_ship", &["guardrail_violated"]);
        assert!(reasons[0].starts_with("Guardrail crashes "), "{}", reasons[0]);
        // The same move the other way is no harm.
        check(&case(-harm), "ship", &["primary_better", "guardrails_not_violated"]);
    }
}

#[test]
fn a_guardrail_is_one_sided_at_its_own_alpha() {
    // One-sided 5% with 19,998 degrees of freedom: 1.64493. Two-sided, 1.7 would not be found.
    let case = |effect| {
        value(100.0, 0.0).guardrail("crashes", "mean", Decrease).with(arms("crashes", 50.0, effect))
    };
    check(&case(1.644), "inconclusive", &["not_significant", "guardrails_not_violated"]);
    check(&case(1.646), "dont_ship", &["guardrail_violated"]);
    check(&case(-9.0), "inconclusive", &["not_significant", "guardrails_not_violated"]);
    let mut strict = case(2.0);
    strict.experiment.guardrail_settings.alpha = 0.01;
    check(&strict, "inconclusive", &["not_significant", "guardrails_not_violated"]);
    assert_eq!(strict.row("crashes").confidence_level, 0.99);
}

/// One guardrail alone has p = 0.0228 at an effect of 2; Bonferroni over three makes 0.068 of it.
#[test]
fn guardrails_are_corrected_together() {
    let mut case = value(100.0, 0.0);
    for name in ["crashes", "errors", "latency"] {
        let effect = if name == "crashes" { 2.0 } else { 0.0 };
        case = case.guardrail(name, "mean", Decrease).with(arms(name, 50.0, effect));
    }
    close(case.row("crashes").p_value_adjusted, 3.0 * 0.022_750_1, 1e-3);
    check(&case, "inconclusive", &["not_significant", "guardrails_not_violated"]);
    case.experiment.guardrail_settings.correction = Correction::None;
    check(&case, "dont_ship", &["guardrail_violated"]);
}

#[test]
fn a_guardrail_without_a_number_is_named() {
    let case = value(100.0, 3.0).guardrail("p99", "rhythm", Decrease);
    let reasons = check(&case, "ship", &["primary_better", "guardrail_not_tested"]);
    assert_eq!(
        reasons[1],
        "Not tested for harm: p99 (no method is in effect for metrics of its type)."
    );
    let case = case.guardrail("crashes", "mean", Decrease).with(arms("crashes", 50.0, 0.0));
    let reasons = check(
        &case,
        "ship",
        &["primary_better", "guardrails_not_violated", "guardrail_not_tested"],
    );
    assert_eq!(
        reasons[1],
        "No harm was found in crashes (adjusted p 0.5000). That is not a proof that there is none: no non-inferiority \
         test was made."
    );
    let case = case.guardrail("errors", "mean", Decrease).with(arms("errors", 50.0, 9.0));
    check(&case, "dont_ship", &["guardrail_violated", "guardrail_not_tested"]);
}

#[test]
fn a_primary_without_a_number_is_inconclusive() {
    let constant =
        [mean("value", "control", 10_000, 1.0, 0.0), mean("value", "treatment", 10_000, 1.0, 0.0)];
    let case = |metric_type| Case::two_arms("value", metric_type).exposed(&[10_000, 10_000]);
    check(&case("mean").with(constant), "inconclusive", &["primary_zero_variance"]);
    check(&case("mean"), "inconclusive", &["primary_no_units_in_control"]);
    check(&case("rhythm"), "inconclusive", &["primary_method_not_in_effect"]);
}

#[test]
fn a_failed_check_makes_every_decision_invalid() {
    let mut case = value(100.0, 3.0);
    case.stats.retain(|row| row.metric != SEVERAL_VARIANTS);
    case = case.exposed(&[10_000, 9_000]);
    let reasons = check(&case, "invalid", &["sample_ratio", "conservation_units"]);
    assert_eq!(reasons[0], case.check("sample_ratio").message);
}

/// Two variants with p = 0.04 and 0.9: Holm makes 0.08 of the first. Of two with 0.04 he makes 0.08 of each, where
/// Benjamini and Hochberg would leave them as they are; with 0.012 and 0.04 both are below 0.05.
#[test]
fn variants_are_decided_one_by_one_and_corrected_together() {
    let stat = |variant, effect| mean("value", variant, 10_000, 100.0 + effect, 5_000.0);
    let case = |b, c| {
        Case::new(&["a", "b", "c"], "value", "mean")
            .exposed(&[10_000; 3])
            .with([stat("a", 0.0), stat("b", b), stat("c", c)])
            .judge()
            .decisions
            .into_iter()
            .map(|row| (row.variant, row.decision))
            .collect::<Vec<_>>()
    };
    let want =
        |b: &str, c: &str| vec![("b".to_owned(), b.to_owned()), ("c".to_owned(), c.to_owned())];
    assert_eq!(case(2.05, 0.1), want("inconclusive", "inconclusive"));
    assert_eq!(case(2.05, 2.05), want("inconclusive", "inconclusive"));
    assert_eq!(case(2.5, 2.05), want("ship", "ship"));
    assert_eq!(case(4.0, -4.0), want("ship", "dont_ship"));
}

fn clicks(control: i64, treatment: i64) -> Case {
    Case::two_arms("click_rate", "proportion").exposed(&[10_000, 10_000]).with([
        proportion("click_rate", "control", control, 10_000),
        proportion("click_rate", "treatment", treatment, 10_000),
    ])
}

/// Levels and p by hand; the relative intervals are the roots of Fieller's quadratic with the unpooled (Welch's)
/// variances and the test's quantile, solved with mpmath and scipy: 3.753% to 123.446%, -29.617% to 75.424%,
/// -6.894% to -3.070%.
#[test]
fn reasons_are_sentences_with_numbers() {
    let reasons = check(&clicks(46, 69), "ship", &["primary_better"]);
    assert_eq!(
        reasons[0],
        "click_rate rose from 0.460% to 0.690%, +50.0% (95% interval +3.8% to +123.4%), adjusted p 0.0315: unlikely \
         under no difference."
    );
    let reasons = check(&clicks(38, 42), "inconclusive", &["not_significant"]);
    assert_eq!(
        reasons[0],
        "click_rate rose from 0.380% to 0.420%, +10.5% (95% interval -29.6% to +75.4%), adjusted p 0.6541: not \
         unusual under no difference at alpha 0.05."
    );
    let reasons = check(&value(100.0, -5.0).direction(Decrease), "ship", &["primary_better"]);
    assert_eq!(
        reasons[0],
        "value fell from 100.0 to 95.0, -5.0% (95% interval -6.9% to -3.1%), adjusted p < 0.0001: unlikely under no \
         difference, and lower is better."
    );
    let reasons = check(&value(100.0, -5.0), "dont_ship", &["primary_worse"]);
    assert!(
        reasons[0].ends_with(": unlikely under no difference, and higher is better."),
        "{}",
        reasons[0]
    );
}

#[test]
fn a_violated_guardrail_names_metric_effect_and_p() {
    let case = clicks(46, 46).guardrail("crash_rate", "proportion", Decrease).with([
        proportion("crash_rate", "control", 100, 10_000),
        proportion("crash_rate", "treatment", 160, 10_000),
    ]);
    let reasons = check(&case, "dont_ship", &["guardrail_violated"]);
    // z = 0.006 / sqrt(0.013 0.987 2 / 10,000) = 3.7457, one-sided p = 0.00009; the bound of the lift is
    // the lower root of Fieller's quadratic with the one-sided quantile 1.6449, by mpmath and scipy: 0.30321.
    assert_eq!(
        reasons[0],
        "Guardrail crash_rate rose from 1.00% to 1.60%, +60.0% (at least +30.3%, 95% bound), adjusted p < 0.0001: \
         unlikely under no difference at alpha 0.05, and lower is better."
    );
}

/// 2 of 20 against 7 of 20: p = 0.058, and the unpooled interval leaves out zero.
#[test]
fn a_test_and_an_interval_that_disagree_are_explained() {
    let case = Case::two_arms("rate", "proportion")
        .exposed(&[20, 20])
        .with([proportion("rate", "control", 2, 20), proportion("rate", "treatment", 7, 20)]);
    let reasons = check(&case, "inconclusive", &["not_significant"]);
    assert!(
        reasons[0].contains("excludes zero although p exceeds alpha: the test pools the arms"),
        "{}",
        reasons[0]
    );
}

/// 90 of 900 against 17 of 100, found by search with scipy: pooled, z = 2.1483 and p = 0.03169; unpooled, the interval
/// of the difference is -0.62 to +14.62 points, and Fieller's of the lift -5.90% to +159.48% (mpmath).
#[test]
fn a_pooled_test_may_find_what_the_unpooled_interval_does_not_exclude() {
    let mut case = Case::two_arms("rate", "proportion")
        .exposed(&[900, 100])
        .with([proportion("rate", "control", 90, 900), proportion("rate", "treatment", 17, 100)]);
    for (arm, weight) in case.experiment.design.arms.iter_mut().zip([0.9, 0.1]) {
        arm.weight = weight;
    }
    let reasons = check(&case, "inconclusive", &["not_significant"]);
    assert_eq!(
        reasons[0],
        "rate rose from 10.0% to 17.0%, +70.0% (95% interval -5.9% to +159.5%), adjusted p 0.0317: not unusual under \
         no difference at alpha 0.05 by its interval, which includes zero although p does not exceed alpha: the test \
         pools the arms, the interval does not."
    );
}

#[test]
fn keys_that_are_not_in_effect_are_told_with_every_decision() {
    let later = |experiment: Option<&str>, key: &str| Later {
        experiment: experiment.map(str::to_owned),
        place: Place { file: "experiment.yaml".into(), line: 3, key: key.to_owned() },
        consequence: "fixed-horizon tests are used instead".to_owned(),
    };
    let mut case = value(100.0, 3.0);
    case.later = vec![
        later(Some("ranking"), "experiment.statistical_settings.sequential"),
        later(None, "sequential"),
        later(None, "metrics.value.window"),
        later(None, "metrics.value_per_day.window"),
        later(Some("other"), "experiment.statistical_settings.sequential"),
    ];
    assert_eq!(
        case.decision().not_in_effect,
        [
            "statistical_settings.sequential: fixed-horizon tests are used instead",
            "sequential: fixed-horizon tests are used instead",
            "value.window: fixed-horizon tests are used instead"
        ]
    );
}
