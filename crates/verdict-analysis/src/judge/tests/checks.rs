//! The checks: each always there, each with its numbers.

use super::*;

fn clicks() -> Case {
    Case::two_arms("click_rate", "proportion").exposed(&[10_000, 10_000]).with([
        proportion("click_rate", "control", 46, 10_000),
        proportion("click_rate", "treatment", 69, 10_000),
    ])
}

fn counting(change: impl FnOnce(&mut DataCounts)) -> Case {
    let mut case = clicks();
    change(case.counts.as_mut().expect("counts"));
    case
}

#[track_caller]
fn check(case: &Case, code: &str, status: &str, words: &[&str]) -> CheckRow {
    let row = case.check(code);
    assert_eq!(row.status, status, "{}", row.message);
    for word in words {
        assert!(row.message.contains(word), "{word:?} is not in: {}", row.message);
    }
    row
}

const CODES: [&str; 22] = [
    "sample_ratio",
    "sample_ratio_segments",
    "sample_ratio_days",
    "pre_exposure_imbalance",
    "variants_present",
    "unknown_variants",
    "several_variants",
    "rows_without_unit",
    "rows_without_time",
    "rows_outside_day",
    "days_complete",
    "conservation_rows",
    "conservation_units",
    "conservation_segments",
    "numeric_health",
    "skewness",
    "heterogeneity",
    "simpsons_reversal",
    "outlier_influence",
    "novelty",
    "interaction",
    "clusters",
];

#[test]
fn every_check_is_always_there() {
    let judgement = clicks().judge();
    assert_eq!(judgement.checks.iter().map(|row| &*row.check).collect::<Vec<_>>(), CODES);
    assert!(judgement.checks.iter().all(|row| row.status == "pass"), "{:?}", judgement.checks);
}

/// Kohavi's example: 821,588 against 815,482; and the split of Cookie Cats, which a single look at 0.01 would alarm. The
/// p-values over all looks are those of the formula with 60 digits (mpmath).
#[test]
fn the_split_is_held_against_the_plan() {
    let split = |units: &[i64]| Case::two_arms("click_rate", "proportion").exposed(units);
    let row = check(
        &split(&[821_588, 815_482]),
        "sample_ratio",
        "fail",
        &[
            "control 821,588 (expected 818,535.0)",
            "p 0.0002 for a split that is looked at every day",
            "chi-squared 22.77, p < 0.0001 if it were looked at once",
            &format!("Below 0.001 since {}", ds()),
        ],
    );
    close(row.statistic, 22.774_368_841_894_36, 1e-9);
    close(row.p_value, f64::exp(-8.401_465_055_575_05), 1e-8);
    assert_eq!(row.threshold, Some(0.001));

    let mut cookie_cats = split(&[44_700, 45_489]);
    let row = check(&cookie_cats, "sample_ratio", "pass", &["p 0.0086 if it were looked at once"]);
    close(row.statistic, 6.902_4, 1e-5);
    close(row.p_value, f64::exp(-0.879_444_444_400_764), 1e-8);
    cookie_cats.experiment.settings.sample_ratio_alpha = 0.01;
    check(&cookie_cats, "sample_ratio", "warn", &["Only the latter is below 0.01"]);

    let thirds = Case::new(&["none", "mens", "womens"], "visit", "proportion")
        .exposed(&[21_306, 21_307, 21_387]);
    close(check(&thirds, "sample_ratio", "pass", &["p 0.9037 if"]).p_value, 1.0, 1e-15);
}

/// 200 units against none on the first day, and then an even split: what was wrong then is in the units still.
#[test]
fn a_split_that_was_wrong_on_an_earlier_day_stays_so() {
    let mut case = Case::two_arms("click_rate", "proportion").exposed(&[10_200, 10_000]);
    case.experiment.settings.sequential = SequentialMethod::Msprt;
    check(&case, "sample_ratio", "pass", &["p 1.0000 for a split", "chi-squared 1.98"]);
    let first = Case::two_arms("click_rate", "proportion").exposed(&[200, 0]).stats;
    let day = ds().pred_opt().expect("a day before");
    case.stats.extend(first.into_iter().map(|row| GroupStat { ds: day, ..row }));
    let since = format!("Below 0.001 since {day}");
    check(&case, "sample_ratio", "fail", &[&since]);
}

#[test]
fn the_planned_weights_count() {
    let mut case = Case::two_arms("click_rate", "proportion").exposed(&[9_000, 1_000]);
    check(&case, "sample_ratio", "fail", &[]);
    case.experiment.design.arms[0].weight = 0.9;
    case.experiment.design.arms[1].weight = 0.1;
    assert_eq!(check(&case, "sample_ratio", "pass", &[]).p_value, Some(1.0));
}

#[test]
fn without_exposed_units_the_cause_is_told() {
    let mut case = Case::two_arms("click_rate", "proportion");
    check(&case, "sample_ratio", "fail", &["no exposed units at all", "`control` (500 rows)"]);
    case.counts.as_mut().expect("counts").variants.clear();
    check(&case, "sample_ratio", "fail", &["1,000 rows read", "`ranking`", "`exposures.key`"]);
    case.counts = None;
    check(&case, "sample_ratio", "fail", &["no rows of `several_variants`"]);
    let case = Case { counts: None, ..case.exposed(&[0, 0]) };
    check(&case, "sample_ratio", "fail", &["count none in any arm"]);
}

#[test]
fn an_arm_that_was_never_shown_is_looked_for_in_the_log() {
    let mut case = counting(|counts| {
        counts.variants = [
            ("Control_".to_owned(), 480),
            ("treatment".to_owned(), 500),
            ("(null)".to_owned(), 20),
        ]
        .into();
    });
    case.stats.retain(|row| row.variant != "control");
    check(
        &case,
        "variants_present",
        "fail",
        &[
            "control `control` (did you mean `Control_`?)",
            "`treatment` (500 rows), `Control_` (480 rows) and no variant (20 rows)",
            "`design.control` or `design.variants`",
        ],
    );
    check(
        &case,
        "unknown_variants",
        "warn",
        &["500 of 1,000 rows", "`Control_` is near `control`"],
    );
    assert_eq!(case.decision().decision, "invalid");
}

#[test]
fn an_arm_with_rows_and_without_units_is_told_apart() {
    let mut case = clicks();
    case.stats.retain(|row| row.variant != "treatment");
    check(
        &case,
        "variants_present",
        "fail",
        &["variant `treatment`, although the log has 500 rows of it"],
    );
}

#[test]
fn rows_of_other_variants_are_named_and_counted() {
    let case = counting(|counts| {
        counts.variants.insert("holdout".to_owned(), 30);
    });
    let row =
        check(&case, "unknown_variants", "warn", &["30 of 1,030 rows", "`holdout` (30 rows)"]);
    assert_eq!(row.statistic, Some(30.0));
    let case = Case { counts: None, ..clicks().with([proportion("click_rate", "holdout", 1, 2)]) };
    check(&case, "unknown_variants", "warn", &["1 variant", "`holdout`"]);
}

fn with_several(several: i64, rule: SeveralVariants) -> Case {
    let mut case = counting(|counts| {
        counts.several_variants_examples = vec!["u1".to_owned(), "u2".to_owned()]
    });
    case.experiment.design.several_variants = rule;
    case.stats.retain(|row| row.metric != SEVERAL_VARIANTS);
    let kept = if rule == SeveralVariants::Exclude { 10_000 + several } else { 10_000 };
    case.with([exposed("control", kept, several), exposed("treatment", kept, several)])
}

#[test]
fn units_in_several_variants_are_tolerated_up_to_one_percent() {
    let row = check(
        &with_several(3, SeveralVariants::Exclude),
        "several_variants",
        "warn",
        &[
            "6 of 20,006 exposed units (0.03%)",
            "for example `u1` and `u2`",
            "left out of every metric",
        ],
    );
    assert_eq!(row.statistic, Some(6.0));
    check(
        &with_several(100, SeveralVariants::First),
        "several_variants",
        "warn",
        &["1.00%", "met first"],
    );
    check(
        &with_several(101, SeveralVariants::First),
        "several_variants",
        "fail",
        &["More than 1%", "`design.unit`"],
    );
    check(
        &with_several(9_000, SeveralVariants::Exclude),
        "several_variants",
        "fail",
        &["`user_id`"],
    );
    check(
        &clicks(),
        "several_variants",
        "pass",
        &["0 of 20,000 exposed units met several variants."],
    );
}

#[test]
fn exposed_less_excluded_are_the_units_counted() {
    for rule in [SeveralVariants::Exclude, SeveralVariants::First] {
        check(&with_several(3, rule), "conservation_units", "pass", &[]);
    }
    let mut case = with_several(3, SeveralVariants::Exclude);
    case.experiment.design.several_variants = SeveralVariants::First;
    check(
        &case,
        "conservation_units",
        "fail",
        &["click_rate, control: 10,000 units, not 10,003 (10,003 exposed less 0 excluded)"],
    );
    assert_eq!(case.decision().decision, "invalid");
}

/// A smallest or largest value leaves out the units that have none; no metric has more units than were exposed.
#[test]
fn a_mean_may_cover_fewer_units_but_not_more() {
    let case = |n| {
        Case::two_arms("first_price", "mean").exposed(&[10, 10]).with([
            mean("first_price", "control", n, 1.0, 1.0),
            mean("first_price", "treatment", 10, 1.0, 1.0),
        ])
    };
    check(&case(7), "conservation_units", "pass", &[]);
    check(
        &case(11),
        "conservation_units",
        "fail",
        &["first_price, control: 11 units, not at most 10"],
    );
}

#[test]
fn a_row_that_one_arm_lacks_is_one_of_no_units() {
    let mut case = clicks();
    case.stats.retain(|row| row.metric != "click_rate" || row.variant == "control");
    check(&case, "conservation_units", "fail", &["click_rate, treatment: 0 units, not 10,000"]);
    case.stats.retain(|row| row.metric != "click_rate");
    check(&case, "conservation_units", "pass", &[]);
    assert_eq!(case.decision().reason_codes, ["primary_no_units_in_control"]);
}

#[test]
fn two_rows_of_one_group_are_a_fault() {
    let case = clicks().with([proportion("click_rate", "control", 47, 10_000)]);
    check(&case, "conservation_units", "fail", &["more than one row of statistics"]);
}

#[test]
fn segments_add_up_to_the_whole() {
    let group =
        |value, variant, n| in_segment("os", value, proportion("click_rate", variant, 1, n));
    let case = |n| {
        clicks().segment("os").with([
            group("ios", "control", 4_000),
            group("android", "control", n),
            group("ios", "treatment", 10_000),
        ])
    };
    check(&case(6_000), "conservation_segments", "pass", &["os"]);
    check(
        &case(5_999),
        "conservation_segments",
        "fail",
        &["click_rate, control: the values of os have 9,999 units, the whole 10,000"],
    );
    check(
        &clicks().segment("os"),
        "conservation_segments",
        "fail",
        &["have 0 units, the whole 10,000"],
    );
}

#[test]
fn rows_that_no_unit_or_day_could_take_are_counted_in_both_logs() {
    for (code, change) in [
        ("rows_without_unit", (|rows| rows.without_unit = 12) as fn(&mut RowCounts)),
        ("rows_without_time", |rows| rows.without_time = 12),
        ("rows_outside_day", |rows| rows.outside_day = 12),
    ] {
        let row = check(
            &counting(|counts| change(&mut counts.events)),
            code,
            "warn",
            &["0 of 1,000 rows of the exposure log", "12 of 1,000 rows of the event logs"],
        );
        assert_eq!(row.statistic, Some(12.0));
        check(
            &counting(|counts| change(&mut counts.exposures)),
            code,
            "warn",
            &["12 of 1,000 rows of the exposure log"],
        );
    }
}

#[test]
fn a_log_without_filter_delivers_what_its_files_hold() {
    let lost = counting(|counts| counts.events.read = 999);
    check(&lost, "conservation_rows", "fail", &["event logs: 1,000 rows in files, 999 read"]);
    assert_eq!(lost.decision().reason_codes, ["conservation_rows"]);
    let filtered = counting(|counts| (counts.events.read, counts.events.filtered) = (999, true));
    check(&filtered, "conservation_rows", "pass", &["999 read after a configured filter"]);
    let twice = counting(|counts| (counts.events.read, counts.events.filtered) = (1001, true));
    check(&twice, "conservation_rows", "fail", &[]);
}

#[test]
fn without_counts_what_depends_on_them_is_not_known() {
    let case = Case { counts: None, ..clicks() };
    for code in [
        "unknown_variants",
        "rows_without_unit",
        "rows_without_time",
        "rows_outside_day",
        "conservation_rows",
    ] {
        check(&case, code, "warn", &["statistics came without row counts"]);
    }
    assert_eq!(case.decision().decision, "ship");
}
