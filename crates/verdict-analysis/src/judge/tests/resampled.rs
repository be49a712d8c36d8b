//! Rows whose interval and p-value are a bootstrap's.

use super::*;
use verdict_model::rows::{NormalLaw, Totals};
use verdict_model::{Bootstrap, BootstrapInterval};

/// A tenth of a thousand units have 10 in the control, a fifth in the treatment: means of 1 and 2, variances (over n) of 9 and 16,
/// so that the standard error of the difference is √(25/1000).
fn case(metric_type: &str) -> Case {
    let stat = |variant: &str, tens: i64| {
        let mean = tens as f64 / 100.0;
        GroupStat {
            n: 1_000,
            sum_x: Some(10.0 * tens as f64),
            mean_x: Some(mean),
            m2_x: Some(tens as f64 * 100.0 - 1_000.0 * mean * mean),
            totals: Some(Totals { x: vec![0.0, 10.0], y: None, count: vec![1_000 - tens, tens] }),
            ..empty("spend", metric_type, variant)
        }
    };
    let case = Case::two_arms("spend", metric_type).exposed(&[1_000, 1_000]);
    case.with([stat("control", 100), stat("treatment", 200)])
}

fn bootstrap(mut case: Case, interval: BootstrapInterval) -> Case {
    case.experiment.primary.bootstrap = Some(Bootstrap { interval, ..Bootstrap::default() });
    case
}

#[test]
fn the_bootstrap_decides_and_the_normal_law_stands_beside() {
    let plain = case("mean").row("spend");
    assert_eq!((plain.method.as_deref(), &plain.normal), (Some("welch_t"), &NormalLaw::default()));
    for interval in [BootstrapInterval::Bca, BootstrapInterval::Percentile] {
        let row = bootstrap(case("mean"), interval).row("spend");
        assert_eq!(row.method, Some(format!("bootstrap_{}", interval.word())));
        assert_eq!((row.status.as_str(), row.effect), ("ok", Some(1.0)));
        // Five standard errors of the standard deviation of 10,000 replicates, and of its quantiles.
        close(row.effect_std_error, 0.025_f64.sqrt(), 0.036);
        close(row.effect_ci_lower, 1.0 - 1.96 * 0.025_f64.sqrt(), 0.04);
        close(row.effect_ci_upper, 1.0 + 1.96 * 0.025_f64.sqrt(), 0.03);
        // Six standard errors from zero: as little as 10,000 replicates can tell.
        let least = 2.0 / 10_001.0;
        assert!(row.p_value.is_some_and(|p| (least..1.5 * least).contains(&p)), "{row:?}");
        assert_eq!(row.p_value_adjusted, row.p_value);
        assert_eq!((row.statistic, row.df, row.log_p_value), (None, None, None));
        assert_eq!(row.rel_effect, Some(1.0));
        // ln(m_t/m_c) has the variance 9/1000 + 16/4000.
        close(row.rel_effect_ci_lower, 2.0 * (-1.96 * 0.013_f64.sqrt()).exp() - 1.0, 0.06);
        close(row.rel_effect_ci_upper, 2.0 * (1.96 * 0.013_f64.sqrt()).exp() - 1.0, 0.06);
        let NormalLaw { bootstrap_replicates, normal_method, .. } = row.normal.clone();
        assert_eq!((bootstrap_replicates, normal_method), (Some(10_000), plain.method.clone()));
        assert_eq!(row.normal.normal_std_error, plain.effect_std_error);
        assert_eq!(row.normal.normal_ci_lower, plain.effect_ci_lower);
        assert_eq!(row.normal.normal_ci_upper, plain.effect_ci_upper);
        assert_eq!(row.normal.normal_rel_ci_lower, plain.rel_effect_ci_lower);
        assert_eq!(row.normal.normal_rel_ci_upper, plain.rel_effect_ci_upper);
        assert_eq!(row.normal.normal_p_value, plain.p_value);
    }
    let said =
        crate::words::resampled(&bootstrap(case("mean"), BootstrapInterval::Bca).row("spend"));
    let beside = "BCa bootstrap, 10,000 replicates; by the normal law +100.0% (";
    assert!(said.as_ref().is_some_and(|said| said.starts_with(beside)), "{said:?}");
    assert!(said.is_some_and(|said| said.ends_with("), p < 0.0001")));
    assert_eq!(crate::words::resampled(&plain), None);
    assert_eq!(bootstrap(case("mean"), BootstrapInterval::Bca).decision().decision, "ship");
}

#[test]
fn another_seed_gives_other_replicates_and_the_same_seed_the_same() {
    let with = |seed| {
        let mut case = case("mean");
        case.experiment.primary.bootstrap = Some(Bootstrap { seed, ..Bootstrap::default() });
        case.row("spend").effect_ci_lower
    };
    assert_eq!(with(1), with(1));
    assert_ne!(with(1), with(2));
}

/// A proportion's units follow from its successes.
#[test]
fn a_proportion_needs_no_totals() {
    let case = Case::two_arms("buys", "proportion")
        .exposed(&[1_000, 1_000])
        .with([proportion("buys", "control", 100, 1_000)])
        .with([proportion("buys", "treatment", 130, 1_000)]);
    let mut case = bootstrap(case, BootstrapInterval::Percentile);
    let row = case.row("buys");
    let error = (0.1 * 0.9 / 1_000.0 + 0.13 * 0.87 / 1_000.0_f64).sqrt();
    close(row.effect_std_error, error, 0.036);
    // z = 2.11 by the unpooled error: a p-value of 0.035, give or take five of its standard errors.
    close(row.p_value, 0.0345, 0.35);
    case.experiment.primary.bootstrap = None;
    assert_eq!(row.normal.normal_p_value, case.row("buys").p_value);
}

/// Of a ratio x over y: with y = 1 everywhere it is the mean.
#[test]
fn a_ratio_is_resampled_by_pairs() {
    let of_means = bootstrap(case("mean"), BootstrapInterval::Bca);
    let mut ratios = of_means.stats.clone();
    for stat in ratios.iter_mut().filter(|stat| stat.metric == "spend") {
        stat.metric_type = "ratio".to_owned();
        (stat.sum_y, stat.mean_y, stat.m2_y, stat.co_xy) =
            (Some(1_000.0), Some(1.0), Some(0.0), Some(0.0));
        if let Some(totals) = &mut stat.totals {
            totals.y = Some(vec![1.0, 1.0]);
        }
    }
    let mut of_ratios = bootstrap(Case::two_arms("spend", "ratio"), BootstrapInterval::Bca);
    of_ratios.stats = ratios;
    let (mean, ratio) = (of_means.row("spend"), of_ratios.row("spend"));
    assert_eq!(mean.effect_ci_lower, ratio.effect_ci_lower);
    assert_eq!(ratio.normal.normal_method.as_deref(), Some("ratio_delta_z"));
    // A mean's totals are no pairs.
    let mut wrong = bootstrap(case("mean"), BootstrapInterval::Bca);
    for totals in wrong.stats.iter_mut().filter_map(|stat| stat.totals.as_mut()) {
        totals.y = Some(vec![1.0, 1.0]);
    }
    assert_eq!(wrong.row("spend").reason.as_deref(), Some("statistics_invalid"));
}

#[test]
fn a_guardrail_with_a_margin_is_held_to_it_by_the_replicates() {
    let mut case = case("mean").guardrail("spend_too", "mean", Direction::Increase);
    let copies: Vec<GroupStat> =
        case.stats.iter().filter(|s| s.metric == "spend").cloned().collect();
    // The treatment has less here: the arms change places.
    case = case.with(copies.into_iter().map(|stat| {
        let other = if stat.variant == "control" { "treatment" } else { "control" };
        GroupStat { metric: "spend_too".to_owned(), variant: other.to_owned(), ..stat }
    }));
    let guardrail = &mut case.experiment.guardrails[0];
    guardrail.bootstrap = Some(Bootstrap::default());
    guardrail.test = GuardrailTest::NonInferiority(Margin::Absolute(1.2));
    // A loss of 1 with a standard error of 0.158: 1.2 is 1.265 of them away, p = 0.103.
    let row = case.row("spend_too");
    close(row.p_value, 0.103, 0.18);
    close(row.effect_ci_lower, -1.0 - 1.645 * 0.025_f64.sqrt(), 0.03);
    assert_eq!((row.effect_ci_upper, row.crossed, row.z), (None, None, None));
    // Half of the control's level of 2: the loss is exactly that.
    case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Relative(0.5));
    close(case.row("spend_too").p_value, 0.5, 0.06);
    case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Absolute(2.0));
    assert!(case.row("spend_too").p_value.is_some_and(|p| p < 0.001));
}

#[test]
fn statistics_without_totals_or_with_other_units_have_no_bootstrap() {
    let reason = |change: fn(&mut GroupStat)| {
        let mut case = bootstrap(case("mean"), BootstrapInterval::Bca);
        case.stats.iter_mut().filter(|stat| stat.metric == "spend").for_each(change);
        let row = case.row("spend");
        assert_eq!((row.p_value, row.effect_ci_lower, row.method), (None, None, None));
        (row.status, row.reason.unwrap_or_default())
    };
    let failed = |reason: &str| ("failed".to_owned(), reason.to_owned());
    assert_eq!(reason(|stat| stat.totals = None), failed("totals_missing"));
    assert_eq!(reason(|stat| stat.n += 1), failed("statistics_invalid"));
}

/// Three of the units have anything: skewed beyond what a mean of 1,000 bears, which the bootstrap does not claim.
#[test]
fn the_check_of_skewness_passes_over_what_is_resampled() {
    let skewed = |case: Case| {
        let mut case = case;
        for stat in case.stats.iter_mut().filter(|stat| stat.metric == "spend") {
            stat.m3_x = stat.m2_x.map(|m2| m2 * 100.0);
        }
        case.check("skewness").status
    };
    assert_eq!(skewed(case("mean")), "warn");
    assert_eq!(skewed(bootstrap(case("mean"), BootstrapInterval::Bca)), "pass");
}
