//! The trust checks: each finds the fault that it is for, and clean statistics raise no alarm beyond the stated rate.

use super::*;
use crate::methods::resample::Draws;
use crate::methods::special::norm_ppf;
use verdict_model::rows::{EXPOSED, EXPOSURE_DS, WITHOUT_TOP};

/// Country and platform, each with a proportion of these successes of these units in control and treatment.
fn segmented(segment: &str, values: &[(&str, [(i64, i64); 2])]) -> Case {
    let mut case = Case::two_arms("click_rate", "proportion").segment(segment);
    for (arm, name) in ["control", "treatment"].into_iter().enumerate() {
        let total = |f: fn(&(i64, i64)) -> i64| values.iter().map(|(_, arms)| f(&arms[arm])).sum();
        let (successes, n): (i64, i64) = (total(|x| x.0), total(|x| x.1));
        case = case.with([exposed(name, n, 0), proportion("click_rate", name, successes, n)]);
        for (value, arms) in values {
            let (successes, n) = arms[arm];
            case = case.with([
                in_segment(segment, value, exposed(name, n, 0)),
                in_segment(segment, value, proportion("click_rate", name, successes, n)),
            ]);
        }
    }
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

/// One percent of the treatment's users is lost on iOS alone: 1,000,000 against 990,000 there.
#[test]
fn units_lost_on_one_platform_are_found_there() {
    let of = |n| (n / 10, n);
    let case = segmented(
        "platform",
        &[
            ("android", [of(3_000_000), of(3_001_000)]),
            ("ios", [of(1_000_000), of(990_000)]),
            ("web", [of(2_000_000), of(1_999_000)]),
        ],
    );
    // z² = (10,000 / sqrt(1,990,000))² = 50.25; p = 1.35e-12, times three platforms.
    let row = check(
        &case,
        "sample_ratio_segments",
        "fail",
        &["1 of 3 segments", "platform = ios: control 1,000,000 (expected 995,000.0)"],
    );
    close(row.statistic, 1e8 / 1.99e6, 1e-12);
    assert!(row.p_value.is_some_and(|p| p > 3e-12 && p < 5e-12), "{row:?}");
    assert_eq!(case.decision().decision, "invalid");
    check(&case, "sample_ratio", "pass", &[]);
}

/// An arm that a segment lacks altogether has no rows there, and counts as none.
#[test]
fn an_empty_arm_of_a_segment_counts() {
    let mut case =
        segmented("country", &[("IN", [(10, 60), (10, 0)]), ("BR", [(50, 500), (50, 560)])]);
    case.stats.retain(|row| !(row.segment_value == "IN" && row.variant == "treatment"));
    check(
        &case,
        "sample_ratio_segments",
        "fail",
        &["country = IN: control 60 (expected 30.0) and treatment 0"],
    );
}

#[test]
fn the_planned_weights_hold_in_every_segment() {
    let mut case =
        segmented("country", &[("IN", [(90, 900), (10, 100)]), ("BR", [(450, 4_500), (50, 500)])]);
    check(&case, "sample_ratio_segments", "fail", &["2 of 2 segments"]);
    case.experiment.design.arms[0].weight = 0.9;
    case.experiment.design.arms[1].weight = 0.1;
    check(&case, "sample_ratio_segments", "pass", &["2 segments"]);
}

/// Charig's kidney stones (1986): open surgery (control here) against percutaneous nephrolithotomy, by stone size.
#[test]
fn simpsons_reversal_is_the_kidney_stones() {
    let case =
        segmented("size", &[("large", [(192, 263), (55, 80)]), ("small", [(81, 87), (234, 270)])]);
    // Small stones with open surgery have 6 failures, fewer than the 10 that an effect is compared with.
    check(&case, "simpsons_reversal", "pass", &[]);
    let tenfold = segmented(
        "size",
        &[("large", [(1920, 2630), (550, 800)]), ("small", [(810, 870), (2340, 2700)])],
    );
    check(
        &tenfold,
        "simpsons_reversal",
        "fail",
        &["click_rate of treatment is +0.0457 over all", "in every size", "Simpson"],
    );
    assert_eq!(tenfold.decision().decision, "invalid");
}

/// Arms that are spread alike cannot be reversed: signs that differ by chance are no alarm.
#[test]
fn a_reversal_needs_arms_that_are_spread_otherwise() {
    let case =
        segmented("size", &[("a", [(500, 1_000), (499, 1_001)]), ("b", [(100, 1_000), (99, 999)])]);
    check(&case, "simpsons_reversal", "pass", &[]);
}

/// +5 points in IN, -5 points in BR, each with a standard error of 0.5 points: Q = (10 / 0.7)², about 200.
#[test]
fn effects_that_differ_over_segments_are_told() {
    let case = segmented(
        "country",
        &[("BR", [(5_000, 10_000), (4_500, 10_000)]), ("IN", [(5_000, 10_000), (5_500, 10_000)])],
    );
    let row = check(
        &case,
        "heterogeneity",
        "warn",
        &["click_rate of treatment by country", "BR -0.05", "IN +0.05"],
    );
    // Each difference has variance (0.25 + 0.2475) / 10,000, and they are 0.1 apart.
    close(row.statistic, 0.01 / (2.0 * 0.4975 / 10_000.0), 1e-9);
    let same = segmented(
        "country",
        &[("BR", [(5_000, 10_000), (5_300, 10_000)]), ("IN", [(2_000, 10_000), (2_290, 10_000)])],
    );
    check(&same, "heterogeneity", "pass", &["least likely: click_rate of treatment by country"]);
}

#[test]
fn numbers_that_statistics_cannot_be_made_of_are_told() {
    let health = |stats: [GroupStat; 2]| {
        let case = Case::two_arms("revenue", "mean").exposed(&[100, 100]).with(stats);
        case.check("numeric_health")
    };
    let of = |arm, value, variance| mean("revenue", arm, 100, value, variance);
    let pass = health([of("control", 1.0, 2.0), of("treatment", 1.1, 2.0)]);
    assert_eq!((&*pass.status, pass.statistic), ("pass", Some(0.0)));
    for (stats, words) in [
        ([of("control", 1.0, 0.0), of("treatment", 1.0, 0.0)], "every unit has the same value"),
        ([of("control", 1.0, 2.0), of("treatment", 0.0, 0.0)], "no unit of treatment has anything"),
        ([of("control", 1.0, 2.0), of("treatment", 1e160, 2.0)], "beyond what can be squared"),
        ([of("control", 1.0, 2.0), of("treatment", 1e9, 1e-12)], "rounding alone"),
    ] {
        let row = health(stats);
        assert_eq!(row.status, "warn", "{}", row.message);
        assert!(row.message.contains(words), "{}", row.message);
    }
}

/// Twenty units, one of them 1 and the others 0: variance 0.05 x 0.95, third moment 0.05 x 0.95 x 0.9, so that the skewness is
/// 0.9 / sqrt(0.0475) = 4.1295 and 355 times its square 6,053.7.
#[test]
fn a_skewed_mean_of_few_units_is_told() {
    let of = |arm: &str, n: i64| GroupStat {
        m3_x: Some(n as f64 * 0.05 * 0.95 * 0.9),
        m2_x: Some(n as f64 * 0.05 * 0.95),
        ..mean("revenue", arm, n, 0.05, 0.0475)
    };
    let case = |n: i64| {
        let exposed = Case::two_arms("revenue", "mean").exposed(&[n, 10_000]);
        exposed.with([of("control", n), of("treatment", 10_000)])
    };
    let few = ["revenue in control: a skewness of 4.1 asks for 6,054 units, and there are 6,053"];
    let row = check(&case(6_053), "skewness", "warn", &few);
    close(row.statistic, 6_054.0 / 6_053.0, 1e-12);
    assert!(!row.message.contains("in treatment"), "{}", row.message);
    check(&case(6_054), "skewness", "pass", &[]);
    let unknown = Case::two_arms("revenue", "mean").exposed(&[100, 100]);
    let row = check(&unknown, "skewness", "pass", &[]);
    assert_eq!(row.statistic, None);
}

/// Values 0, 0, 0, 1, 5 against 0, 0, 2, 2: each 0 ties with three, each 2 is above four, so that U is 11 of 20. Placements
/// of the treatment 0.3, 0.3, 0.8, 0.8 (variance 1/12), of the control 1/4, 1/4, 1/4, 1/2, 1 (0.10625): the error is
/// sqrt(1/48 + 0.02125). N = 9, ties of 5 and 2: sigma is sqrt(20/12 (10 - 126/72)), and z = 0.5 / sigma.
#[test]
fn superiority_is_that_of_the_pairs() {
    use verdict_model::rows::Distribution;
    let values = |arm: &str, values: &[f64], counts: &[i64]| GroupStat {
        n: counts.iter().sum(),
        distribution: Some(Distribution {
            lower: values.to_vec(),
            upper: values.to_vec(),
            count: counts.to_vec(),
            ..Distribution::default()
        }),
        ..empty("revenue", "superiority", arm)
    };
    let case = Case::two_arms("revenue", "superiority").exposed(&[5, 4]).with([
        values("control", &[0.0, 1.0, 5.0], &[3, 1, 1]),
        values("treatment", &[0.0, 2.0], &[2, 2]),
    ]);
    let judgement = case.judge();
    let row = &judgement.results[0];
    assert_eq!((&*row.status, row.method.as_deref()), ("ok", Some("mann_whitney")), "{row:?}");
    assert_eq!((row.statistic, row.mean_control), (Some(11.0), Some(0.5)));
    close(row.mean_variant, 0.55, 1e-12);
    close(row.effect_std_error, (1.0_f64 / 48.0 + 0.02125).sqrt(), 1e-12);
    let sigma = (20.0_f64 / 12.0 * (10.0 - 126.0 / 72.0)).sqrt();
    close(row.p_value, 2.0 * crate::methods::special::norm_sf(0.5 / sigma), 1e-12);
    assert_eq!(row.rel_effect_reason.as_deref(), Some("no_lift_of_superiority"));
}

/// 900 and 110 units while shares were 9 to 1, then 2,000 and 1,980 of even ones: 2,909 and 2,081 are expected, so that 2,900 is 9
/// off, and the variance is 1,010 · 0.09 + 3,980 · 0.25. One split of 9 to 1, or an even one, is far from it.
#[test]
fn a_split_is_held_against_the_shares_of_its_days() {
    let on_day = |day: &str, units: [i64; 2]| {
        ["control", "treatment"]
            .into_iter()
            .zip(units)
            .map(move |(arm, n)| {
                in_segment(EXPOSURE_DS, day, GroupStat { n, ..empty(EXPOSED, "count", arm) })
            })
            .collect::<Vec<_>>()
    };
    let of_first = |first: [i64; 2]| {
        let exposed = [first[0] + 2_000, first[1] + 1_980];
        let mut case = Case::two_arms("click_rate", "proportion").exposed(&exposed);
        case = case.with(on_day("2024-03-01", first)).with(on_day("2024-03-02", [2_000, 1_980]));
        case.experiment.design.arms[0].weight = 0.9;
        case.experiment.design.arms[1].weight = 0.1;
        case.experiment.design.phases =
            vec![Phase { from: world::after(1), weights: vec![0.5; 2] }];
        case
    };
    let case = of_first([900, 110]);
    let row = check(&case, "sample_ratio", "pass", &["control 2,900 (expected 2,899.0)"]);
    close(row.statistic, 1.0 / (1_010.0 * 0.09 + 3_980.0 * 0.25), 1e-12);
    check(&case, "sample_ratio_days", "pass", &["2 days"]);
    let lost = of_first([900, 10]);
    check(&lost, "sample_ratio", "fail", &["control 2,900 (expected 2,809.0)"]);
    check(&lost, "sample_ratio_days", "fail", &["2024-03-01 has control 900 (expected 819.0)"]);
    let mut plain = of_first([900, 110]);
    plain.experiment.design.phases.clear();
    check(&plain, "sample_ratio", "fail", &[]);
    let mut unknown = of_first([900, 110]);
    unknown.stats.retain(|row| row.metric != EXPOSED);
    check(&unknown, "sample_ratio", "fail", &["do not tell on which day each exposed unit"]);
}

/// A metric of an arm with what it was before the exposure.
fn with_past(arm: &str, n: i64, mean_pre: f64, variance: f64) -> GroupStat {
    GroupStat {
        n_pre: Some(n),
        covariates: verdict_model::rows::Covariates {
            mean_pre_x: Some(mean_pre),
            m2_pre_x: Some(variance * (n - 1) as f64),
            ..Default::default()
        },
        ..mean("revenue", arm, n, 1.0, 1.0)
    }
}

/// 1,000 units of each arm with a variance of 4: the error is sqrt(0.008), and 0.5 apart is t = 5.59.
#[test]
fn arms_that_differed_before_the_exposure_are_found() {
    let case = |apart: f64| {
        let mut case = Case::two_arms("revenue", "mean").exposed(&[1_000, 1_000]).with([
            with_past("control", 1_000, 2.0, 4.0),
            with_past("treatment", 1_000, 2.0 + apart, 4.0),
        ]);
        case.experiment.primary.pre_period_days = Some(7);
        case
    };
    let far = case(0.5);
    let row = check(
        &far,
        "pre_exposure_imbalance",
        "fail",
        &["revenue over the 7 days before: 2.5 in treatment and 2 in the control (t 5.59"],
    );
    close(row.statistic, 0.5 / 0.008_f64.sqrt(), 1e-12);
    // ln e = z² N r² / (2 (N r² + 1)) - ln(N r² + 1) / 2 with r² = (u + ln(1 + u)) / 10,000, u = -2 ln 0.001.
    let u = -2.0 * 0.001_f64.ln();
    let growth = 2_000.0 * (u + u.ln_1p()) / 10_000.0;
    let ln_e = 31.25 * growth / (2.0 * (growth + 1.0)) - (growth + 1.0).ln() / 2.0;
    close(row.p_value, (-ln_e).exp(), 1e-9);
    assert_eq!(far.decision().decision, "invalid");
    // t = 3.58 is below 0.001 on this day, and not over all days.
    check(&case(0.32), "pre_exposure_imbalance", "warn", &["Only the latter is below 0.001"]);
    check(&case(0.02), "pre_exposure_imbalance", "pass", &["in 1 comparison"]);
    let mut none = case(0.5);
    none.experiment.primary.pre_period_days = None;
    check(&none, "pre_exposure_imbalance", "pass", &["`pre_period_check: {days: 7}`"]);
}

/// 200 experiments in order, of two arms and 28 days with 200 units a day whose past is skewed (squares of normal values), read
/// every night: at 0.1% more than 2 failures have a chance below 1 in 800, and at 1% of warnings on any night more than 7
/// one below 1 in 900 (binomial).
#[test]
fn arms_that_were_alike_before_the_exposure_are_seldom_told_apart() {
    const DAYS: u32 = 28;
    let (mut failed, mut warned) = (0, 0);
    for seed in 0..200_u64 {
        let draws = Draws::named(&format!("past {seed}"));
        let mut case = Case::two_arms("revenue", "mean");
        case.experiment.primary.pre_period_days = Some(7);
        case.experiment.settings.sequential = SequentialMethod::Msprt;
        case.experiment.start = Some(world::after(0));
        for (at, arm) in ["control", "treatment"].into_iter().enumerate() {
            let (mut n, mut sum, mut squares) = (0, 0.0, 0.0);
            for day in 0..DAYS {
                for _ in 0..100 {
                    let z = norm_ppf(draws.unit(n as u64, at as u64));
                    n += 1;
                    sum += z * z;
                    squares += z.powi(4);
                }
                let mean = sum / n as f64;
                let variance = (squares - n as f64 * mean * mean) / (n - 1) as f64;
                let ds = world::after(day);
                case = case.with([
                    GroupStat { ds, ..exposed(arm, n, 0) },
                    GroupStat { ds, ..with_past(arm, n, mean, variance) },
                ]);
            }
        }
        let mut warns = false;
        let mut fails = false;
        for day in 0..DAYS {
            let ds = world::after(day);
            let resamples = crate::judge::Resamples::default();
            let (experiment, stats) = (&case.experiment, &case.stats);
            let history = crate::judge::history::History::of(experiment, ds, stats, &resamples);
            let rows = crate::judge::checks::checks(&case.experiment, ds, &history, None);
            let row = rows.iter().find(|row| row.check == "pre_exposure_imbalance").expect("a row");
            warns |= row.status == "warn";
            fails |= row.status == "fail";
        }
        warned += usize::from(warns);
        failed += usize::from(fails);
    }
    assert!(failed <= 2 && warned <= 7, "{failed} failures and {warned} warnings");
}

fn logged(days: &[(u64, Option<f64>)]) -> Case {
    const HOUR_US: f64 = 3.6e9;
    let mut case = Case::two_arms("click_rate", "proportion");
    let counts = case.counts.as_mut().expect("counts");
    counts.by_day = days
        .iter()
        .zip(world::after(0).iter_days())
        .map(|((events, quiet_hours), day)| {
            let start = (day - NaiveDate::default()).num_days() * 24 * 3_600_000_000;
            let quiet_us = quiet_hours.map(|hours| (hours * HOUR_US) as i64);
            let latest_us = quiet_us.map(|quiet| start + 24 * 3_600_000_000 - quiet);
            (day, DayRows { exposures: *events / 2, events: *events, latest_us, quiet_us })
        })
        .collect();
    case
}

#[test]
fn missing_and_partial_days_are_named_with_the_watermark() {
    let usual = (1000, Some(0.01));
    check(
        &logged(&[usual; 5]),
        "days_complete",
        "pass",
        &["5 days from 2024-03-01 to 2024-03-05", "The latest event is of 2024-03-05 23:59:24 UTC"],
    );
    check(
        &logged(&[usual, usual, (0, None), usual]),
        "days_complete",
        "warn",
        &["no row at all on 2024-03-03"],
    );
    check(
        &logged(&[usual, usual, usual, (100, Some(0.01))]),
        "days_complete",
        "warn",
        &["2024-03-04 has 100 event rows, where 1,000 are usual"],
    );
    check(
        &logged(&[usual, usual, usual, (700, Some(6.5))]),
        "days_complete",
        "warn",
        &["the events of 2024-03-04 end 6.5 hours before the day does", "2024-03-04 17:30:00 UTC"],
    );
}

/// Clean experiments: three platforms and two countries, independent units, no effect or the same effect everywhere. The
/// checks of segments promise at most 0.1% (splits, reversals) and 1% (heterogeneity) of false alarms; of 200 experiments
/// more than 2 and 7 would have a chance below 1 in 900 and 1 in 900 of such rates (binomial).
#[test]
fn clean_experiments_raise_no_alarm_beyond_the_stated_rates() {
    let mut alarms: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..200 {
        let draws = Draws::named(&format!("clean segments {seed}"));
        let mut draw = 0;
        let mut normal = || {
            draw += 1;
            norm_ppf(draws.unit(draw, 0))
        };
        let mut case =
            Case::two_arms("click_rate", "proportion").segment("platform").segment("country");
        let mut units: BTreeMap<(usize, &str, &str), (i64, i64)> = BTreeMap::new();
        for (segment, values) in [
            ("platform", &[("web", 9_000.0), ("ios", 4_000.0), ("android", 2_000.0)][..]),
            ("country", &[("IN", 12_000.0), ("BR", 3_000.0)][..]),
        ] {
            for (value, size) in values {
                for arm in 0..2 {
                    // Counts of random assignment, to the normal approximation.
                    let n = (size / 2.0 + (size / 4.0_f64).sqrt() * normal()).round();
                    let p = 0.2;
                    let successes = (n * p + (n * p * (1.0 - p)).sqrt() * normal()).round();
                    units.insert((arm, segment, value), (successes as i64, n as i64));
                }
            }
        }
        for ((arm, segment, value), (successes, n)) in units {
            let name = ["control", "treatment"][arm];
            case = case.with([
                in_segment(segment, value, exposed(name, n, 0)),
                in_segment(segment, value, proportion("click_rate", name, successes, n)),
            ]);
        }
        for code in ["sample_ratio_segments", "heterogeneity", "simpsons_reversal"] {
            let alarm = case.check(code).status != "pass";
            *alarms.entry(code.to_owned()).or_default() += usize::from(alarm);
        }
    }
    for (code, most) in
        [("sample_ratio_segments", 2), ("heterogeneity", 7), ("simpsons_reversal", 2)]
    {
        assert!(alarms[code] <= most, "{code}: {alarms:?}");
    }
}

/// Units first exposed on the days of March up to the fourteenth: in control and treatment.
fn exposed_daily(days: impl Fn(i64) -> [i64; 2]) -> Case {
    let mut case = Case::two_arms("spend", "mean");
    for day in 1..=14 {
        for (arm, n) in ["control", "treatment"].into_iter().zip(days(day)) {
            let row = GroupStat { n, ..empty(EXPOSED, "count", arm) };
            case = case.with([in_segment(EXPOSURE_DS, &format!("2024-03-{day:02}"), row)]);
        }
    }
    case
}

#[test]
fn the_split_is_held_day_by_day() {
    check(&exposed_daily(|_| [5_000, 5_010]), "sample_ratio_days", "pass", &["14 days"]);
    let row = check(
        &exposed_daily(|day| if day == 5 { [5_000, 4_000] } else { [5_000, 5_010] }),
        "sample_ratio_days",
        "fail",
        &["on 1 of 14 days: 2024-03-05 has control 5,000 (expected 4,500.0) and treatment 4,000"],
    );
    close(row.statistic, 1_000.0 * 1_000.0 / 9_000.0, 1e-12);
    // An arm that was not shown on a day counts.
    let empty_arm = exposed_daily(|day| if day == 9 { [60, 0] } else { [5_000, 5_010] });
    check(&empty_arm, "sample_ratio_days", "fail", &["2024-03-09", "treatment 0"]);
    // The fourteenth day is held against 0.001 / (14 * 15): 500 against 400 has p 0.0009.
    let late = exposed_daily(|day| if day == 14 { [500, 400] } else { [5_000, 5_010] });
    check(&late, "sample_ratio_days", "pass", &["2024-03-14"]);
}

/// One percent of the treatment's iOS users is lost from the fifth day on; the check of the segment says since when.
#[test]
fn the_day_on_which_a_segment_broke_is_named() {
    let mut case = segmented(
        "platform",
        &[
            ("ios", [(100_000, 1_400_000), (99_000, 1_386_000)]),
            ("web", [(100, 1_000), (100, 1_000)]),
        ],
    );
    for day in 1..=14 {
        let treatment = if day >= 5 { 98_600 } else { 100_020 - 10 * day };
        for (arm, n) in [("control", 100_000), ("treatment", treatment)] {
            let row = GroupStat { n, ..empty(EXPOSED, "count", arm) };
            let (segment, value) =
                (format!("{EXPOSURE_DS}*platform"), format!("2024-03-{day:02}*ios"));
            case = case.with([
                in_segment(EXPOSURE_DS, &format!("2024-03-{day:02}"), row.clone()),
                in_segment(&segment, &value, row),
            ]);
        }
    }
    check(
        &case,
        "sample_ratio_segments",
        "fail",
        &["platform = ios is farthest off from 2024-03-05 on"],
    );
}

/// Cohorts of 2,000 units in each arm, of level 10 and variance 100; `lift` is theirs by day of exposure and noise.
fn cohorts(lift: impl Fn(i64) -> f64) -> Case {
    let mut case = Case::two_arms("spend", "mean");
    for day in 1..=14 {
        for (arm, level) in [("control", 10.0), ("treatment", 10.0 * (1.0 + lift(day)))] {
            let row = mean("spend", arm, 2_000, level, 100.0);
            case = case.with([in_segment(EXPOSURE_DS, &format!("2024-03-{day:02}"), row)]);
        }
    }
    case
}

/// A lift of 30% on the day of exposure that fades with age: the oldest cohort, of 13 days, has 4% left on average.
#[test]
fn a_novelty_that_decays_is_found() {
    let decays = cohorts(|day| 0.04 + 0.26 * (-((14 - day) as f64) / 3.0).exp());
    check(
        &decays,
        "novelty",
        "warn",
        &["fades with time since exposure", "(novelty)", "14 days of exposure"],
    );
    let grows = cohorts(|day| 0.02 * (14 - day) as f64);
    check(&grows, "novelty", "warn", &["grows", "(primacy)"]);
    let row = check(&cohorts(|_| 0.1), "novelty", "pass", &["+10.0%"]);
    assert!(row.p_value.is_some_and(|p| p > 0.99), "{row:?}");
    let young = Case::two_arms("spend", "mean");
    check(&young, "novelty", "pass", &["No trend can be tested yet"]);
}

/// By hand: levels of 10 and 11 with variance 100 among 2,000 units, so that the error of the ratio is that of
/// √((100 + 1.1² · 100) / 2,000) / 10 = 0.03324.
#[test]
fn a_cohort_has_its_age_its_lift_and_its_error() {
    let case = cohorts(|day| if day == 3 { 0.1 } else { 0.0 });
    let found = crate::judge::cohorts(&case.experiment, ds(), &case.stats);
    assert_eq!(found.len(), 14);
    let third = &found[2];
    assert_eq!(
        (third.exposed.to_string().as_str(), third.variant.as_str()),
        ("2024-03-03", "treatment")
    );
    assert_eq!(
        (third.age, third.n_control, third.n_variant),
        ((ds() - third.exposed).num_days(), 2_000, 2_000)
    );
    assert!(
        (third.lift - 0.1).abs() < 1e-12 && (third.std_error - 0.03324).abs() < 2e-5,
        "{third:?}"
    );
    assert!(found[13].age == third.age - 11 && found[13].lift.abs() < 1e-12, "{:?}", found[13]);
    // Statistics without rows by day of exposure have none.
    let young = Case::two_arms("spend", "mean");
    assert_eq!(crate::judge::cohorts(&young.experiment, ds(), &young.stats), []);
}

/// A bot of 100,000 among 10,000 units of level 10: the effect of 10 is its own.
#[test]
fn a_bot_is_found() {
    let case = |bot: f64| {
        let n = 10_000;
        // The bot adds its value to the mean, and its square to the variance, over n.
        let (level, variance) = (10.0 + bot / n as f64, 100.0 + bot * bot / n as f64);
        let without = |arm| in_segment(WITHOUT_TOP, "0.001", mean("spend", arm, n - 5, 10.0, 99.0));
        Case::two_arms("spend", "mean").exposed(&[n, n]).with([
            mean("spend", "control", n, 10.0, 100.0),
            mean("spend", "treatment", n, level, variance),
            without("control"),
            without("treatment"),
        ])
    };
    let row = check(
        &case(1e5),
        "outlier_influence",
        "warn",
        &["spend of treatment is +10 over all and 0 without them", "0.1% of units"],
    );
    close(row.statistic, 10.0 / (2.0 * 99.0 / 9_995.0_f64).sqrt(), 1e-9);
    check(&case(100.0), "outlier_influence", "pass", &[]);
}

/// The effect is +2 with the other experiment's control and -2 with its treatment, each with a standard error of 0.2.
#[test]
fn an_interaction_is_found() {
    let case = |with_theirs: [f64; 2]| {
        let mut case = Case::two_arms("spend", "mean");
        for (theirs, effect) in ["off", "on"].into_iter().zip(with_theirs) {
            for (arm, level) in [("control", 10.0), ("treatment", 10.0 + effect)] {
                let row = mean("spend", arm, 5_000, level, 100.0);
                case = case.with([in_segment("experiment:banner", theirs, row)]);
            }
        }
        case
    };
    let row = check(
        &case([2.0, -2.0]),
        "interaction",
        "warn",
        &["spend of treatment by the variant of `banner`: +2 with its off and -2 with its on"],
    );
    // z of the contrast: 4 / (0.2 √2), squared.
    close(row.statistic, 16.0 / 0.08, 1e-9);
    check(&case([2.0, 2.1]), "interaction", "pass", &["least likely"]);
    let alone = Case::two_arms("spend", "mean");
    check(&alone, "interaction", "pass", &["No other experiment shares units"]);
}

/// Clean experiments with a true lift of 5%, fourteen cohorts, another experiment with the same units: the checks of units
/// promise 0.1% (days) and 1% (trend, interaction) of false alarms; of 200 experiments more than 2 and 7 would have a chance
/// below 1 in 900.
#[test]
fn clean_units_raise_no_alarm_beyond_the_stated_rates() {
    let mut alarms: BTreeMap<String, usize> = BTreeMap::new();
    for seed in 0..200 {
        let draws = Draws::named(&format!("clean units {seed}"));
        let mut draw = 0;
        let mut normal = || {
            draw += 1;
            norm_ppf(draws.unit(draw, 0))
        };
        let mut case = Case::two_arms("spend", "mean");
        let places = (1..=14).map(|day| (EXPOSURE_DS.to_owned(), format!("2024-03-{day:02}")));
        let theirs =
            ["off", "on"].map(|theirs| ("experiment:banner".to_owned(), theirs.to_owned()));
        for (segment, value) in places.chain(theirs) {
            for (arm, level) in [("control", 10.0), ("treatment", 10.5)] {
                let n = (1_000.0 + 500_f64.sqrt() * normal()).round();
                let of_units =
                    mean("spend", arm, n as i64, level + 10.0 / n.sqrt() * normal(), 100.0);
                let exposed = GroupStat { n: n as i64, ..empty(EXPOSED, "count", arm) };
                case = case.with([
                    in_segment(&segment, &value, of_units),
                    in_segment(&segment, &value, exposed),
                ]);
            }
        }
        for code in ["sample_ratio_days", "novelty", "interaction"] {
            let alarm = case.check(code).status != "pass";
            *alarms.entry(code.to_owned()).or_default() += usize::from(alarm);
        }
    }
    for (code, most) in [("sample_ratio_days", 2), ("novelty", 7), ("interaction", 7)] {
        assert!(alarms[code] <= most, "{code}: {alarms:?}");
    }
}

/// Six stores, three of each variant (the example of `methods::cluster`): levels 31.4 / 12 and 41.8 / 11 by hand; the delta
/// standard error is that of the method's, from the same totals.
#[test]
fn clusters_are_compared_by_their_totals() {
    use crate::methods::cluster::{Cluster, cluster_robust};
    let stores = [[(6.0, 13.3), (4.0, 11.1), (2.0, 7.0)], [(5.0, 16.2), (4.0, 13.8), (2.0, 11.8)]];
    let mut case = Case::two_arms("spend", "mean").exposed(&[3, 3]);
    case.experiment.design.cluster = Some(located("store"));
    for (arm, stores) in ["control", "treatment"].into_iter().zip(stores) {
        let (y, x): (Vec<f64>, Vec<f64>) = stores.into_iter().unzip();
        let average = |v: &[f64]| v.iter().sum::<f64>() / 3.0;
        let co = |a: &[f64], b: &[f64]| {
            let (of_a, of_b) = (average(a), average(b));
            a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b)).sum::<f64>()
        };
        case = case.with([GroupStat {
            n: 3,
            sum_x: Some(x.iter().sum()),
            mean_x: Some(average(&x)),
            m2_x: Some(co(&x, &x)),
            sum_y: Some(y.iter().sum()),
            mean_y: Some(average(&y)),
            m2_y: Some(co(&y, &y)),
            co_xy: Some(co(&x, &y)),
            ..empty("spend", "clustered_mean", arm)
        }]);
    }
    let row = case.row("spend");
    assert_eq!(
        (&*row.metric_type, row.method.as_deref()),
        ("clustered_mean", Some("cluster_delta_t"))
    );
    close(row.mean_control, 31.4 / 12.0, 1e-12);
    close(row.mean_variant, 41.8 / 11.0, 1e-12);
    let of = |arm: usize| {
        stores[arm].map(|(n, sum)| match arm {
            0 => Cluster { n_c: n as u64, sum_c: sum, ..Cluster::default() },
            _ => Cluster { n_t: n as u64, sum_t: sum, ..Cluster::default() },
        })
    };
    let method = cluster_robust(&[of(0), of(1)].concat()).expect("an estimate");
    close(row.effect, method.effect, 1e-12);
    close(row.effect_std_error, method.se_delta.expect("two arms"), 1e-12);
    // Welch's degrees of freedom of three and three clusters lie between 2 and 4.
    assert!(row.df.is_some_and(|df| (2.0..=4.0).contains(&df)), "{row:?}");
    check(&case, "clusters", "warn", &["`store`: control 3 and treatment 3 of them", "Below 20"]);
    assert_eq!(case.check("conservation_units").status, "pass");
}
