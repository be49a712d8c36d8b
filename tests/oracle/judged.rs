//! Results, checks and decisions against the naive ones.

use std::collections::{BTreeMap, BTreeSet};

use super::groups::{self, Group, GroupKey};
use super::log::{Logs, Unit};
use super::metrics::components;
use super::naive::{self, Experiment, Total};
use super::project::{Mde, Plan};
use super::resampled;
use super::statistics::{count, group_stats, key, shared};
use super::stats::{self, Expected};
use super::strata;
use super::tables::{self, Cell, Record};
use super::trust;
use crate::support::Project;

/// Compares everything that follows from the unit totals.
pub(crate) fn judged(
    project: &Project,
    logs: &Logs,
    experiment: &Experiment,
    plan: &Plan,
    as_of: usize,
    totals: &BTreeMap<Unit, Total>,
) {
    let at =
        |table: &str| format!("{table}/experiment={}/ds={}", experiment.name, logs.days[as_of]);
    let read = |table: &str| tables::read(project.path(), &at(table));
    let all = components();
    let metrics: Vec<naive::Metric> = plan
        .metrics()
        .into_iter()
        .map(|(_, m, _, _)| naive::Metric {
            name: m.name,
            components: m.components.iter().map(|at| all[*at]).collect(),
            places: m.components.to_vec(),
            window: m.window,
            at_least: m.at_least,
            of_events: m.own.map(|(_, of)| of),
            by_value: m.by_value(),
            comparable: m.comparable(),
        })
        .collect();
    let mut groups = groups::groups(experiment, &metrics, totals);
    let (of_units, stats): (Vec<Record>, Vec<Record>) =
        read("group_stats").into_iter().partition(|row| is_of_units(row["segment"].text()));
    let primary = metrics.iter().find(|metric| metric.name == plan.primary.0);
    trust::of_units(&of_units, experiment, primary, logs, (as_of, totals), &at("group_stats"));
    for record in &stats {
        if let Cell::Numbers(lower) = &record["bucket_lower"] {
            let Cell::Numbers(upper) = &record["bucket_upper"] else { panic!("no upper ends") };
            let group = groups.get_mut(&key(record)).unwrap();
            group.buckets = lower.iter().copied().zip(upper.iter().copied()).collect();
        }
    }
    group_stats(&stats, &groups, &at("group_stats"));
    for record in &stats {
        let key = key(record);
        let counts = experiment.resampled.iter().any(|(metric, _)| *metric == key.0);
        let kind = record["metric_type"].text();
        resampled::totals(record, kind, counts.then(|| &groups[&key]), &format!("{key:?}"));
    }
    let before = plan.before(experiment.days.0, as_of).map(|day| {
        let was = naive::unit_total(logs, &all, experiment, day);
        groups::shared(experiment, &metrics, totals, &was)
    });
    // Of a handful of users hardly anyone comes twice.
    shared(&stats, before.as_ref(), logs.setting.users < 20, &at("group_stats"));
    if plan.every.is_some() {
        // What is said of looks that are watched is not what one test says.
        return;
    }
    let rows = results(&read("results"), experiment, plan, &groups, &at("results"));
    let failed = checks(&read("checks"), logs, experiment, as_of, totals, &at("checks"));
    decisions(&read("decisions"), experiment, plan, &rows, &failed, &at("decisions"));
}

/// Rows that checks look at: by day of exposure, of other experiments' units, without the largest values.
fn is_of_units(segment: &str) -> bool {
    segment == "without_top"
        || segment.starts_with("exposure_ds")
        || segment.starts_with("experiment:")
}

/// A row of results that a decision is made of.
struct Row {
    role: &'static str,
    variant: String,
    whole: bool,
    adjusted: Option<f64>,
    expected: Expected,
}

fn results(
    found: &[Record],
    experiment: &Experiment,
    plan: &Plan,
    groups: &BTreeMap<GroupKey, Group>,
    at: &str,
) -> Vec<Row> {
    let mut places = vec![("all".to_owned(), "all".to_owned())];
    let values: BTreeSet<(String, String)> = groups
        .keys()
        .filter(|key| key.0 != "several_variants" && key.1 != "all")
        .map(|key| (key.1.clone(), key.2.clone()))
        .collect();
    places.extend(values);
    let (control, treated) = (experiment.arms[0].0, &experiment.arms[1..]);
    let mut rows: Vec<Row> = Vec::new();
    let mut records = found.iter();
    for (role, metric, more, sided) in plan.metrics() {
        for (variant, _) in treated {
            for (segment, value) in &places {
                let record = records.next().unwrap_or_else(|| panic!("{at}: too few rows"));
                let at = format!("{at} {} {variant} {segment}={value}", metric.name);
                for (column, wanted) in [
                    ("metric", metric.name),
                    ("role", role),
                    ("metric_type", metric.kind),
                    ("direction", if more { "increase" } else { "decrease" }),
                    ("control", control),
                    ("variant", variant),
                    ("segment", segment),
                    ("segment_value", value),
                    ("alternative", ["two-sided", "greater", "less"][sided as usize]),
                ] {
                    assert_eq!(record[column].text(), wanted, "{at} {column}");
                }
                let group = |arm: &str| {
                    let key =
                        (metric.name.to_owned(), segment.clone(), value.clone(), arm.to_owned());
                    groups.get(&key).cloned().unwrap_or_default()
                };
                let alpha = if role == "guardrail" { plan.guardrail_alpha } else { plan.alpha };
                let (c, t) = (group(control), group(variant));
                assert_eq!(record["n_control"], Cell::Int(c.n() as i64), "{at}");
                assert_eq!(record["n_variant"], Cell::Int(t.n() as i64), "{at}");
                let start = metric.window.map_or(0, |(start, _)| start);
                assert_eq!(record["window_start"], count(Some(start)), "{at}");
                assert_eq!(record["window_end"], count(metric.window.map(|(_, end)| end)), "{at}");
                for (column, group) in [("control", &c), ("variant", &t)] {
                    let column = format!("n_not_mature_{column}");
                    assert_eq!(record[&column], count(group.not_mature), "{at} {column}");
                }
                near(&record["confidence_level"], Some(1.0 - alpha), 1e-15, &at);
                if metric.kind == "categorical" {
                    compared_categories(record, &c, &t, &at);
                }
                let expected = stats::compare((metric.kind, metric.quantile), &c, &t, alpha, sided);
                let own = |of: &'static [(&'static str, &'static str)]| {
                    of.iter().find(|(name, _)| *name == metric.name).map(|(_, how)| *how)
                };
                let by = own(experiment.stratified).filter(|_| segment == "all");
                let expected = match (own(experiment.resampled), by) {
                    (None, Some(by)) => {
                        let of = |value: &str| {
                            [control, *variant].map(|arm| {
                                let key = [metric.name, by, value, arm].map(str::to_owned);
                                let [metric, by, value, arm] = key;
                                let key: GroupKey = (metric, by, value, arm);
                                groups.get(&key).cloned().unwrap_or_default()
                            })
                        };
                        let strata =
                            places.iter().filter(|(s, _)| s == by).map(|(_, value)| of(value));
                        let strata = (strata.collect(), [&c, &t]);
                        let how = (metric.kind, by);
                        strata::row(record, &expected, how, strata, (alpha, sided), &at)
                    }
                    (None, None) => {
                        row(record, &expected, &at);
                        expected
                    }
                    (Some(interval), _) => {
                        let read = (interval, metric.kind);
                        resampled::row(record, expected, read, [&c, &t], (alpha, sided), &at)
                    }
                };
                let adjusted = record["p_value_adjusted"].number();
                let whole = segment == "all";
                rows.push(Row { role, variant: (*variant).to_owned(), whole, adjusted, expected });
            }
        }
    }
    assert_eq!(records.count(), 0, "{at}: too many rows");

    // Families: what is corrected together.
    for (i, record) in found.iter().enumerate() {
        let of = |other: &&Row| (other.role, other.whole) == (rows[i].role, rows[i].whole);
        let tests: Vec<f64> = rows.iter().filter(of).filter_map(|row| row.expected.p).collect();
        let name = if rows[i].whole { "" } else { "segment:" };
        assert_eq!(record["family"].text(), format!("{name}{}", rows[i].role), "{at}");
        assert_eq!(record["family_size"], Cell::Int(tests.len() as i64), "{at}");
        let own = rows[i].role == "guardrail" && rows[i].whole;
        // One false finding over the variants of the primary metric is a wrong decision.
        let any = rows[i].role == "primary" && rows[i].whole;
        let correction = match plan.correction {
            _ if own => plan.guardrail_correction,
            "benjamini_hochberg" if any => "holm",
            other => other,
        };
        assert_eq!(record["correction"].text(), correction, "{at}");
        let adjusted = stats::adjust(correction, &tests);
        let wanted =
            rows[i].expected.p.map(|p| adjusted[tests.iter().position(|q| *q == p).unwrap()]);
        near(
            &record["p_value_adjusted"],
            wanted,
            rounding(&rows[i].expected) * wanted.unwrap_or(0.0),
            &format!("{at} {i} adjusted"),
        );
    }
    rows
}

/// The categories that are compared, with the units of both arms, and how far they differ.
fn compared_categories(record: &Record, c: &Group, t: &Group, at: &str) {
    let compared = if c.n() > 0 && t.n() > 0 { stats::categories(c, t) } else { Vec::new() };
    if compared.is_empty() {
        assert_eq!(record["category"], Cell::Null, "{at}");
        return;
    }
    let names = compared.iter().map(|(name, _)| name.clone()).collect();
    assert_eq!(record["category"], Cell::Texts(names), "{at}");
    for (arm, column) in ["category_count_control", "category_count_variant"].iter().enumerate() {
        let counts = compared.iter().map(|(_, n)| n[arm] as f64).collect();
        assert_eq!(record[*column], Cell::Numbers(counts), "{at} {column}");
    }
    let v = (compared.len() > 1).then(|| {
        let n = (c.n() + t.n()) as f64;
        (stats::homogeneity(&compared).0 / n).sqrt()
    });
    near(&record["cramers_v"], v, 1e-9 * v.unwrap_or(0.0), at);
}

/// How far numbers may be off for rounding. The variance of a distribution function is a difference of sums, which here are other
/// sums, and far out in the tail a p-value is off by many times as much as its statistic.
fn rounding(expected: &Expected) -> f64 {
    if expected.method == Some("quantile_woodruff_z") { 1e-7 } else { 1e-9 }
}

/// Compares what of a row follows from its groups.
pub(crate) fn row(record: &Record, expected: &Expected, at: &str) {
    let (status, reason) =
        expected.gap.map_or(("ok", None), |(status, reason)| (status, Some(reason)));
    assert_eq!(record["status"].text(), status, "{at}: {record:?}");
    let text = |word: Option<&str>| word.map_or(Cell::Null, |word| Cell::Text(word.to_owned()));
    assert_eq!(record["reason"], text(reason), "{at}");
    assert_eq!(record["rel_effect_reason"], text(expected.relative_reason), "{at}");
    assert_eq!(record["method"], text(expected.method), "{at}");
    // Differences of means lose what the means have in common.
    let level = expected.means.iter().flatten().fold(0.0, |most: f64, x| most.max(x.abs()));
    let lost = 1e-14 * level;
    let end = lost + 1e-10 * expected.error.unwrap_or(0.0);
    let relative = lost / expected.means[0].map_or(1.0, f64::abs);
    let relative_end = end / expected.means[0].map_or(1.0, f64::abs);
    let of_test = expected.error.map_or(0.0, |error| lost / error);
    let of = expected.unadjusted;
    for (column, wanted, floor) in [
        ("mean_control", expected.means[0], lost),
        ("mean_variant", expected.means[1], lost),
        ("effect", expected.effect, lost),
        ("effect_std_error", expected.error, 0.0),
        ("effect_ci_lower", expected.interval[0], end),
        ("effect_ci_upper", expected.interval[1], end),
        ("rel_effect", expected.relative, relative),
        ("rel_effect_ci_lower", expected.relative_interval[0], relative_end),
        ("rel_effect_ci_upper", expected.relative_interval[1], relative_end),
        ("statistic", expected.statistic, of_test),
        ("df", expected.df, 0.0),
        ("p_value", expected.p, 0.0),
        ("theta", of.and_then(|of| of.theta), 1e-12),
        ("unadjusted_mean_control", of.and_then(|of| of.means[0]), lost),
        ("unadjusted_mean_variant", of.and_then(|of| of.means[1]), lost),
        ("unadjusted_effect", of.and_then(|of| Some(of.means[1]? - of.means[0]?)), lost),
        ("unadjusted_std_error", of.and_then(|of| of.error), 0.0),
        ("variance_ratio", of.and_then(|of| of.ratio), 1e-9),
        ("cap_lower", of.and_then(|of| of.ends[0][0]), 0.0),
        ("cap_upper", of.and_then(|of| of.ends[0][1]), 0.0),
        ("cap_lower_denominator", of.and_then(|of| of.ends[1][0]), 0.0),
        ("cap_upper_denominator", of.and_then(|of| of.ends[1][1]), 0.0),
        ("share_clipped", of.and_then(|of| of.shares[0]), 1e-12),
        ("share_clipped_denominator", of.and_then(|of| of.shares[1]), 1e-12),
    ] {
        let tolerance = rounding(expected) * wanted.map_or(0.0, f64::abs) + floor;
        near(&record[column], wanted, tolerance, &format!("{at} {column}"));
    }
}

/// Compares the checks and returns the names of those that failed.
fn checks(
    found: &[Record],
    logs: &Logs,
    experiment: &Experiment,
    as_of: usize,
    totals: &BTreeMap<Unit, Total>,
    at: &str,
) -> Vec<String> {
    let counts = naive::counts(logs, experiment, as_of);
    let exposed: Vec<usize> = experiment
        .arms
        .iter()
        .map(|(arm, _)| totals.values().filter(|total| total.variant == *arm).count())
        .collect();
    let shares: Vec<f64> = experiment.arms.iter().map(|(_, share)| *share).collect();
    let (chi_squared, once) = stats::chi_squared(&exposed, &shares);
    let p = stats::split_p(&exposed, &shares);
    let missing = exposed.iter().filter(|n| **n == 0).count();
    let several = totals.values().filter(|total| total.several).count();
    let most = 0.01 * totals.len() as f64;
    let warns = |n: usize| if n > 0 { "warn" } else { "pass" };
    let of_several = if several as f64 > most { "fail" } else { warns(several) };
    let wanted = [
        (
            "sample_ratio",
            match (p < 0.001, once < 0.001) {
                (true, _) => "fail",
                (false, true) => "warn",
                (false, false) => "pass",
            },
            chi_squared,
            Some(p),
            Some(0.001),
        ),
        ("variants_present", if missing > 0 { "fail" } else { "pass" }, missing as f64, None, None),
        (
            "unknown_variants",
            warns(counts.unknown_variants),
            counts.unknown_variants as f64,
            None,
            None,
        ),
        ("several_variants", of_several, several as f64, None, Some(most)),
        ("rows_without_unit", warns(counts.without_unit), counts.without_unit as f64, None, None),
        ("rows_without_time", warns(counts.without_time), counts.without_time as f64, None, None),
        ("rows_outside_day", warns(counts.outside_day), counts.outside_day as f64, None, None),
        ("conservation_rows", "pass", 0.0, None, None),
        ("conservation_units", "pass", 0.0, None, None),
        ("conservation_segments", "pass", 0.0, None, None),
        ("registered_plan", "pass", 0.0, None, None),
    ];
    let is_of_trust = |record: &&Record| OF_TRUST.contains(&record["check"].text());
    let (of_trust, others): (Vec<&Record>, Vec<&Record>) = found.iter().partition(is_of_trust);
    assert_eq!(of_trust.iter().map(|r| r["check"].text()).collect::<Vec<_>>(), OF_TRUST, "{at}");
    assert_eq!(others.len(), wanted.len(), "{at}");
    for (record, (check, status, statistic, p, threshold)) in others.into_iter().zip(wanted) {
        let at = format!("{at} {check}: {record:?}");
        assert_eq!(record["check"].text(), check, "{at}");
        assert_eq!(record["status"].text(), status, "{at}");
        near(&record["statistic"], Some(statistic), 1e-9 * statistic, &at);
        near(&record["p_value"], p, 1e-9, &at);
        near(&record["threshold"], threshold, 1e-12, &at);
    }
    let failed = found.iter().filter(|record| record["status"].text() == "fail");
    failed.map(|record| record["check"].text().to_owned()).collect()
}

/// Checks whose numbers are compared elsewhere: what they say of given statistics is another test.
const OF_TRUST: [&str; 12] = [
    "sample_ratio_segments",
    "sample_ratio_days",
    "pre_exposure_imbalance",
    "days_complete",
    "numeric_health",
    "skewness",
    "heterogeneity",
    "simpsons_reversal",
    "outlier_influence",
    "novelty",
    "interaction",
    "clusters",
];

fn decisions(
    found: &[Record],
    experiment: &Experiment,
    plan: &Plan,
    rows: &[Row],
    failed: &[String],
    at: &str,
) {
    assert_eq!(found.len(), experiment.arms.len() - 1, "{at}");
    let own = |variant: &str| -> Vec<&Row> {
        rows.iter().filter(|row| row.whole && row.variant == variant).collect()
    };
    let arms = &experiment.arms[1..];
    let winners =
        arms.iter().filter(|(arm, _)| decide(plan, &own(arm), failed).0 == "ship").count();
    for (record, (variant, _)) in found.iter().zip(&experiment.arms[1..]) {
        assert_eq!(record["variant"].text(), *variant, "{at}");
        assert_eq!(record["control"].text(), experiment.arms[0].0, "{at}");
        assert_eq!(record["primary_metric"].text(), plan.primary.0, "{at}");
        let (decision, mut codes) = decide(plan, &own(variant), failed);
        if decision == "ship" && winners > 1 {
            // Which of them is the best is a test of its own.
            let Cell::Texts(found) = &record["reason_codes"] else { panic!("{at}: no codes") };
            let told = ["best_variant", "another_variant_is_better", "best_not_told_apart"];
            let last = found.last().filter(|code| told.contains(&code.as_str()));
            codes.extend(last.cloned());
            assert!(last.is_some(), "{at} {variant}: {record:?}");
        }
        assert_eq!(record["decision"].text(), decision, "{at} {variant}: {record:?}");
        assert_eq!(
            record["reason_codes"],
            Cell::Texts(codes.clone()),
            "{at} {variant}: {record:?}"
        );
        let Cell::Texts(words) = &record["reasons"] else { panic!("{at}: no reasons") };
        assert!(
            words.len() == codes.len() && words.iter().all(|text| text.ends_with('.')),
            "{words:?}"
        );
    }
}

/// The decision and its codes: failed checks before harm, harm before the primary metric.
fn decide(plan: &Plan, rows: &[&Row], failed: &[String]) -> (&'static str, Vec<String>) {
    if !failed.is_empty() {
        return ("invalid", failed.to_vec());
    }
    let guardrails = || rows.iter().filter(|row| row.role == "guardrail");
    let harm =
        guardrails().filter(|row| row.adjusted.is_some_and(|p| p <= plan.guardrail_alpha)).count();
    let (decision, mut codes) = if harm > 0 {
        ("dont_ship", vec!["guardrail_violated"; harm].into_iter().map(str::to_owned).collect())
    } else {
        let (decision, mut codes) = by_primary(plan, rows);
        if guardrails().any(|row| row.adjusted.is_some()) {
            codes.push("guardrails_not_violated".to_owned());
        }
        (decision, codes)
    };
    if guardrails().any(|row| row.adjusted.is_none()) {
        codes.push("guardrail_not_tested".to_owned());
    }
    (decision, codes)
}

fn by_primary(plan: &Plan, rows: &[&Row]) -> (&'static str, Vec<String>) {
    let row = rows.iter().find(|row| row.role == "primary").unwrap();
    let codes = |codes: &[&str]| codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>();
    let Some(p) = row.adjusted else {
        let (status, reason) = row.expected.gap.unwrap();
        // There will be a number when windows are complete.
        let decision = if status == "not_mature" { "continue" } else { "inconclusive" };
        return (decision, vec![format!("primary_{reason}")]);
    };
    let (target, interval) = match plan.mde {
        Mde::None => (None, [None, None]),
        Mde::Relative(target) => (Some(target), row.expected.relative_interval),
        Mde::Absolute(target) => (Some(target), row.expected.interval),
    };
    // Least and largest gain.
    let gain = match (interval, plan.primary.1) {
        ([Some(lower), Some(upper)], true) => Some((lower, upper)),
        ([Some(lower), Some(upper)], false) => Some((-upper, -lower)),
        _ => None,
    };
    let better = (row.expected.effect.unwrap() > 0.0) == plan.primary.1;
    // The pooled test of a proportion and its unpooled interval have to agree.
    let [lower, upper] = row.expected.interval;
    let excludes_zero = lower.is_some_and(|x| x > 0.0) || upper.is_some_and(|x| x < 0.0);
    let estimate = match plan.mde {
        Mde::Relative(_) => row.expected.relative,
        Mde::None | Mde::Absolute(_) => row.expected.effect,
    };
    let reached = |target: f64| estimate.is_some_and(|effect| effect.abs() >= target);
    match (p <= plan.alpha && excludes_zero, better, target, gain) {
        (true, false, ..) => ("dont_ship", codes(&["primary_worse"])),
        (true, true, None, _) => ("ship", codes(&["primary_better"])),
        (true, true, Some(_), None) => ("ship", codes(&["primary_better", "mde_not_comparable"])),
        (true, true, Some(target), Some(_)) if !reached(target) => {
            ("stat_sig_not_practical", codes(&["significant_below_mde", "primary_better"]))
        }
        (true, true, Some(target), Some((least, _))) => {
            let code = if least >= target { "above_mde" } else { "mde_within_interval" };
            ("ship", codes(&["primary_better", code]))
        }
        (false, _, None, _) => ("inconclusive", codes(&["not_significant"])),
        (false, _, Some(_), None) => {
            ("inconclusive", codes(&["not_significant", "mde_not_comparable"]))
        }
        (false, _, Some(target), Some((_, most))) => {
            let code = if most < target { "mde_excluded" } else { "mde_not_excluded" };
            ("inconclusive", codes(&["not_significant", code]))
        }
    }
}

pub(super) fn near(found: &Cell, wanted: Option<f64>, tolerance: f64, at: &str) {
    match (found.number(), wanted) {
        (None, None) => {}
        (Some(found), Some(wanted)) if (found - wanted).abs() <= tolerance => {}
        (found, wanted) => panic!("{at}: {found:?}, not {wanted:?} (within {tolerance:e})"),
    }
}
