//! Rows whose levels are post-stratified.

use super::*;

/// Two countries, ten apart, of which by chance the treatment has more of the richer one: means of 0 and 10 in the control, 0.5 and
/// 10.5 in the treatment, each of variance 1.
fn case() -> Case {
    let country = |value: &str, variant: &str, n: i64, level: f64| {
        in_segment("country", value, mean("spend", variant, n, level, 1.0))
    };
    // The whole: its m2 is that within and that between the countries.
    let whole = |variant: &str, n: [i64; 2], level: [f64; 2]| {
        let all = n[0] + n[1];
        let weighted = (n[0] as f64 * level[0] + n[1] as f64 * level[1]) / all as f64;
        let between = n[0] as f64 * n[1] as f64 / all as f64 * 100.0;
        GroupStat {
            m2_x: Some((all - 2) as f64 + between),
            ..mean("spend", variant, all, weighted, 1.0)
        }
    };
    let mut case = Case::two_arms("spend", "mean").segment("country").exposed(&[200, 200]).with([
        whole("control", [110, 90], [0.0, 10.0]),
        whole("treatment", [90, 110], [0.5, 10.5]),
        country("A", "control", 110, 0.0),
        country("B", "control", 90, 10.0),
        country("A", "treatment", 90, 0.5),
        country("B", "treatment", 110, 10.5),
    ]);
    case.experiment.primary.post_stratify = Some("country".to_owned());
    case
}

/// Half of all units in each country: levels of 5 and 5.5. Within: (1/110 + 1/90)/4 in each variant; between nothing, since the
/// effect is the same. Without, the treatment has 6 - 4.5 = 1.5 more, of which 1 is its make-up.
#[test]
fn the_make_up_leaves_the_effect_and_its_variance() {
    let row = case().row("spend");
    assert_eq!((row.mean_control, row.mean_variant, row.effect), (Some(5.0), Some(5.5), Some(0.5)));
    let within = (1.0 / 110.0 + 1.0 / 90.0) / 2.0;
    close(row.effect_std_error, f64::sqrt(within), 1e-12);
    assert_eq!(row.method.as_deref(), Some("post_stratified_t"));
    close(row.statistic, 0.5 / f64::sqrt(within), 1e-12);
    let parts =
        [(1.0 / 440.0, 109.0), (1.0 / 360.0, 89.0), (1.0 / 360.0, 89.0), (1.0 / 440.0, 109.0)];
    let spread: f64 = parts.iter().map(|(v, free)| v * v / free).sum();
    close(row.df, within * within / spread, 1e-9);
    let adjusted = &row.adjusted;
    assert_eq!(adjusted.adjustment.as_deref(), Some("post_stratified"));
    assert_eq!((adjusted.stratified_by.as_deref(), adjusted.strata), (Some("country"), Some(2)));
    close(adjusted.unadjusted_effect, 1.5, 1e-12);
    let m2 = 198.0 + 110.0 * 90.0 / 200.0 * 100.0;
    let plain = 2.0 * m2 / 199.0 / 200.0;
    close(adjusted.unadjusted_std_error, f64::sqrt(plain), 1e-12);
    close(adjusted.variance_ratio, within / plain, 1e-12);
    // The rows of the countries are as they are.
    let rows = case().judge().results;
    let of_a = rows.iter().find(|row| row.segment_value == "A").expect("a row");
    assert_eq!((of_a.effect, of_a.adjusted.adjustment.as_deref()), (Some(0.5), None));
}

/// The shares of the countries vary both levels alike: of the lift, whose interval is Fieller's, they are a part.
#[test]
fn the_lift_knows_what_the_levels_share() {
    let row = case().row("spend");
    close(row.rel_effect, 0.1, 1e-12);
    // The log's delta method, near for so small errors: V_t/m_t² + V_c/m_c² - 2 C/(m_t m_c), C = V between = 25/400.
    let (within, between) = ((1.0 / 110.0 + 1.0 / 90.0) / 4.0, 25.0 / 400.0);
    let v = within + between;
    let variance = v / 5.5_f64.powi(2) + v / 25.0 - 2.0 * between / (5.5 * 5.0);
    let half = 1.9665 * variance.sqrt();
    close(row.rel_effect_ci_lower, 1.1 * (-half).exp() - 1.0, 0.025);
    close(row.rel_effect_ci_upper, 1.1 * half.exp() - 1.0, 0.025);
}

#[test]
fn a_margin_is_a_part_of_the_comparison() {
    let mut case = case().guardrail("spend_too", "mean", Direction::Increase);
    let copies: Vec<GroupStat> =
        case.stats.iter().filter(|s| s.metric == "spend").cloned().collect();
    case = case
        .with(copies.into_iter().map(|stat| GroupStat { metric: "spend_too".to_owned(), ..stat }));
    let guardrail = &mut case.experiment.guardrails[0];
    guardrail.post_stratify = Some("country".to_owned());
    guardrail.test = GuardrailTest::NonInferiority(Margin::Absolute(0.25));
    let row = case.row("spend_too");
    let std_error = f64::sqrt((1.0 / 110.0 + 1.0 / 90.0) / 2.0);
    close(row.statistic, 0.75 / std_error, 1e-12);
    close(row.effect, 0.5, 1e-12);
    assert!(row.effect_ci_lower.is_some_and(|end| end > 0.3) && row.effect_ci_upper.is_none());
    // A tenth of the control's level of 5 may be lost: 5.5 - 0.9 · 5 = 1, whose shares' part is (0.55 - 0.5)² less.
    case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(Margin::Relative(0.1));
    let within = (1.0 / 110.0 + 1.0 / 90.0) / 4.0 * (1.0 + 0.81);
    let between = 25.0 / 400.0 * (1.0 - 0.9) * (1.0 - 0.9);
    close(case.row("spend_too").statistic, 1.0 / f64::sqrt(within + between), 1e-12);
}

#[test]
fn strata_that_do_not_hold_every_unit_have_no_number() {
    let reason = |change: fn(&mut Vec<GroupStat>)| {
        let mut case = case();
        change(&mut case.stats);
        let row = case.row("spend");
        assert_eq!((row.p_value, row.effect), (None, None));
        row.reason.unwrap_or_default()
    };
    assert_eq!(reason(|stats| stats.retain(|stat| stat.segment == WHOLE)), "strata_missing");
    assert_eq!(
        reason(|stats| stats.retain(|stat| stat.segment_value != "A")),
        "statistics_invalid"
    );
    assert_eq!(reason(|stats| stats[2].n = 0), "no_units_in_control");
}

/// 20% against 30% in one country, even in the other: of rates the law is normal and the variance p (1 - p).
#[test]
fn rates_are_weighted_as_means_are() {
    let country = |value: &str, variant: &str, x: i64| {
        in_segment("country", value, proportion("buys", variant, x, 100))
    };
    let mut case =
        Case::two_arms("buys", "proportion").segment("country").exposed(&[200, 200]).with([
            proportion("buys", "control", 70, 200),
            proportion("buys", "treatment", 80, 200),
            country("A", "control", 20),
            country("B", "control", 50),
            country("A", "treatment", 30),
            country("B", "treatment", 50),
        ]);
    case.experiment.primary.post_stratify = Some("country".to_owned());
    let row = case.row("buys");
    close(row.effect, 0.05, 1e-12);
    // Within (0.16 + 0.25 + 0.21 + 0.25)/400, between ((0.1 - 0.05)² + (0 - 0.05)²)/2/400.
    close(row.effect_std_error, f64::sqrt(0.87 / 400.0 + 0.0025 / 400.0), 1e-12);
    assert_eq!((row.method.as_deref(), row.df), (Some("post_stratified_z"), None));
}
