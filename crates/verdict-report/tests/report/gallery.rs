//! Experiments in every state that a page can be in, judged as real ones are, from made-up group statistics.

use std::collections::BTreeMap;

use verdict_analysis::judge::{self, judge};
use verdict_model::rows::{
    Categories, Covariates, EXPOSURE_DS, GroupStat, SEVERAL_VARIANTS, WHOLE, Winsorized,
};
use verdict_model::{DataCounts, ExperimentPlan, NaiveDate, RegisteredPlan, RowCounts};
use verdict_report::{DayUnits, Judged, Page, RunLine, Spread};

/// What an experiment is like.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) hypothesis: String,
    /// The variants, the control first, each with what it does to the rate of the primary metric (0.1: +10%) and to
    /// latency.
    pub(crate) variants: Vec<(String, f64, f64)>,
    pub(crate) days: u32,
    pub(crate) units_a_day: i64,
    /// How many of its dates have been judged.
    pub(crate) looks: u32,
    /// Lines of `statistical_settings`.
    pub(crate) settings: String,
    /// A variant gets this many times its planned share.
    pub(crate) imbalance: f64,
    /// The level of the primary metric in the control.
    pub(crate) rate: f64,
    pub(crate) segments: Vec<(String, f64)>,
    /// Whether revenue is capped and adjusted by its past, and the order value taken over a week.
    pub(crate) adjusted: bool,
    /// Whether the last payment method of each unit is compared.
    pub(crate) methods: bool,
    /// A change of the plan after it was registered: text in the file, and what it was.
    pub(crate) changed: Option<(&'static str, &'static str)>,
}

impl Default for Case {
    fn default() -> Case {
        Case {
            name: "new_checkout".into(),
            hypothesis: "A shorter checkout raises conversion".into(),
            variants: vec![("off".into(), 0.0, 0.0), ("on".into(), 0.06, 0.0)],
            days: 14,
            units_a_day: 6000,
            looks: 14,
            settings:
                "max_duration_days: 28, sequential_method: obrien_fleming, min_duration_days: 7"
                    .into(),
            imbalance: 1.0,
            rate: 0.12,
            segments: vec![("de".into(), 0.4), ("fr".into(), 0.35), ("it".into(), 0.25)],
            adjusted: false,
            methods: false,
            changed: None,
        }
    }
}

/// One page for each state.
pub(crate) fn gallery() -> Vec<Page> {
    let base = Case::default;
    let arms = |arms: &[(&str, f64, f64)]| -> Vec<(String, f64, f64)> {
        arms.iter().map(|(name, rate, slow)| ((*name).to_owned(), *rate, *slow)).collect()
    };
    let once = || "max_duration_days: 14".to_owned();
    let long = "a_name_that_goes_on_and_on_because_somebody_put_the_whole_quarter_s_plan_into_it_"
        .repeat(2);
    let cases = [
        Case { name: "significant".into(), days: 28, ..base() },
        Case {
            name: "not_significant".into(),
            variants: arms(&[("off", 0.0, 0.0), ("on", 0.004, 0.0)]),
            settings: once(),
            ..base()
        },
        Case {
            name: "worse".into(),
            variants: arms(&[("off", 0.0, 0.0), ("on", -0.08, 0.0)]),
            settings: once(),
            ..base()
        },
        Case {
            name: "guardrail_violated".into(),
            variants: arms(&[("off", 0.0, 0.0), ("on", 0.05, 0.2)]),
            ..base()
        },
        Case { name: "invalid".into(), imbalance: 1.08, ..base() },
        Case { name: "too_early".into(), days: 3, ..base() },
        Case {
            name: "first_day".into(),
            days: 1,
            units_a_day: 40,
            settings: "sequential_method: msprt".into(),
            ..base()
        },
        Case {
            name: "watched_by_a_confidence_sequence".into(),
            days: 20,
            settings: "sequential_method: confidence_sequence, max_duration_days: 28".into(),
            ..base()
        },
        Case {
            name: "not_practical".into(),
            variants: arms(&[("off", 0.0, 0.0), ("on", 0.013, 0.0)]),
            units_a_day: 80_000,
            settings: once(),
            ..base()
        },
        Case {
            name: "five_variants".into(),
            variants: arms(&[
                ("off", 0.0, 0.0),
                ("red", 0.01, 0.0),
                ("green", 0.05, 0.0),
                ("blue", -0.02, 0.0),
                ("gold", 0.03, 0.0),
                ("grey", 0.0, 0.0),
            ]),
            days: 28,
            looks: 4,
            ..base()
        },
        Case {
            name: "twenty_variants".into(),
            variants: (0..21)
                .map(|i| (format!("arm_{i:02}"), 0.005 * f64::from(i % 7) - 0.01, 0.0))
                .collect(),
            units_a_day: 20_000,
            looks: 1,
            ..base()
        },
        Case {
            name: long.clone(),
            hypothesis: long.clone(),
            variants: vec![
                (format!("control_{long}"), 0.0, 0.0),
                (format!("treatment_{long}"), 0.06, 0.0),
            ],
            segments: vec![(long, 0.7), ("短い".into(), 0.3)],
            ..base()
        },
        Case {
            name: "markup".into(),
            hypothesis: "</title><img src=x onerror=alert(1)> & \"quotes\" 'single'".into(),
            variants: arms(&[("<off>", 0.0, 0.0), ("\"on\"&'x'", 0.06, 0.0)]),
            segments: vec![("<i>de</i>".into(), 0.6), ("a\"b".into(), 0.4)],
            ..base()
        },
        Case {
            name: "no_relative_effect".into(),
            rate: 0.0,
            variants: arms(&[("off", 0.0, 0.0), ("on", 0.0, 0.0)]),
            settings: once(),
            ..base()
        },
        Case {
            name: "plan_changed".into(),
            settings: "max_duration_days: 14, alpha: 0.1".into(),
            changed: Some((", alpha: 0.1", "")),
            ..base()
        },
        Case { name: "adjusted".into(), adjusted: true, settings: once(), ..base() },
        Case { name: "categories".into(), methods: true, settings: once(), ..base() },
        Case {
            name: "many_segments".into(),
            segments: (0..60).map(|i| (format!("city {i}"), 1.0 / 60.0)).collect(),
            ..base()
        },
    ];
    let mut pages: Vec<Page> = cases.iter().map(page).collect();
    pages.push(no_data());
    pages
}

/// So many small experiments, for the index: a few that are judged, by many names.
pub(crate) fn thousand() -> Vec<Page> {
    let judged: Vec<Page> = (0..12)
        .map(|i| {
            page(&Case {
                name: "one".into(),
                hypothesis: "A hypothesis of the quarter".into(),
                variants: vec![
                    ("off".into(), 0.0, 0.0),
                    ("on".into(), 0.02 * (f64::from(i) - 5.0), if i == 7 { 0.2 } else { 0.0 }),
                ],
                units_a_day: 3000 + 500 * i64::from(i),
                looks: 1,
                settings: if i % 3 == 0 {
                    "max_duration_days: 28".into()
                } else {
                    "max_duration_days: 14".into()
                },
                imbalance: if i == 4 { 1.1 } else { 1.0 },
                segments: vec![("everywhere".into(), 1.0)],
                ..Case::default()
            })
        })
        .collect();
    (0..1000)
        .map(|i| {
            let mut page = judged[i * i % 12].clone();
            page.judged.experiment.name.value = format!("experiment_{i:04}");
            page
        })
        .collect()
}

/// An experiment that has never been run.
fn no_data() -> Page {
    let mut page = page(&Case { name: "never_run".into(), days: 1, ..Case::default() });
    let judged = &mut page.judged;
    (judged.results, judged.checks, judged.decisions) = (vec![], vec![], vec![]);
    judged.registered = None;
    (page.series, page.exposures, page.runs) = (vec![], vec![], vec![]);
    page.cohorts = vec![];
    (page.counts, page.registered) = (None, None);
    page
}

/// The page of a case, judged on every one of its days.
pub(crate) fn page(case: &Case) -> Page {
    let text = file(case);
    let project = ExperimentPlan::load(&text).unwrap_or_else(|e| panic!("{e}\n{text}"));
    let experiment = project.experiments[0].clone();
    let plan = ExperimentPlan::of(&project, &experiment);
    let registered = case.changed.map(|(now, then)| {
        let before = ExperimentPlan::load(&text.replace(now, then)).unwrap();
        let plan = ExperimentPlan::of(&before, &before.experiments[0]);
        RegisteredPlan { as_of: day(0), file: String::new(), plan }
    });
    let registered = registered.unwrap_or_else(|| RegisteredPlan {
        as_of: day(0),
        file: text.clone(),
        plan: plan.clone(),
    });
    let types: BTreeMap<String, String> = project
        .metrics
        .iter()
        .map(|(name, metric)| (name.clone(), metric.kind.word().to_owned()))
        .collect();
    let (stats, exposures) = stats(case);
    let counts = counts(case);
    let mut series = Vec::new();
    let mut last = None;
    // Every date of what is watched has results; of the others a few are enough.
    let step = if case.looks < case.days { case.days.div_ceil(case.looks.max(1)) } else { 1 };
    for n in (0..case.days).filter(|n| (n + 1) % step == 0 || n + 1 == case.days) {
        let ds = day(n);
        let so_far: Vec<GroupStat> = stats.iter().filter(|row| row.ds <= ds).cloned().collect();
        let mut judgement = judge(&experiment, &types, ds, &so_far, Some(&counts), &[]);
        let whole = judge::Judged {
            experiment: &experiment,
            plan: &plan,
            ds,
            stats: &so_far,
            counts: Some(&counts),
            resamples: &judge::Resamples::default(),
        };
        judge::hold_to_registered(&mut judgement, &whole, Some(&registered));
        series.extend(judgement.results.iter().filter(|row| row.segment == WHOLE).cloned());
        last = Some((ds, judgement));
    }
    let (as_of, judgement) = last.expect("at least one day");
    let cohorts = judge::cohorts(&experiment, as_of, &stats);
    Page {
        judged: Judged {
            experiment,
            as_of,
            results: judgement.results,
            checks: judgement.checks,
            decisions: judgement.decisions,
            missing_days: Vec::new(),
            registered: Some(registered.as_of),
        },
        series,
        exposures,
        cohorts,
        spreads: spreads(case),
        counts: Some(counts),
        changes: registered.changes(&plan),
        registered: Some(registered),
        runs: vec![RunLine {
            ds: as_of,
            run_id: "20260301T020000.000000Z-42".into(),
            command: "run".into(),
            version: "0.1.0".into(),
            format_version: 3,
            seconds: 12.34,
            status: "done".into(),
            error: None,
            partitions_made: 14,
            partitions_fresh: 3,
            objects_read: 24,
            rows_read: 18_234_112,
            bytes_read: 1_234_567_890,
            bytes_scanned: Some(345_678_901),
        }],
        metrics: project.metrics,
        sources: project.sources,
        exposure_source: Some("events".into()),
        plan_text: plan.text,
    }
}

fn day(n: u32) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a date");
    first.iter_days().nth(n as usize).expect("a date")
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn file(case: &Case) -> String {
    let variants: Vec<String> = case.variants.iter().map(|(name, ..)| quoted(name)).collect();
    format!(
        "sources:
  events: {{path: 's3://bucket/events', timestamp: to_timestamp_millis(ts), units: {{user_id: user_id}}, filter: NOT bot}}
exposures:
  shown: {{source: events, variant: arm, segments: {{country: c}}}}
metrics:
  converted: {{type: proportion, source: events, filter: type = 'order', description: ordered at least once}}
  latency: {{type: mean, source: events, value: ms, aggregate: sum}}
  revenue: {{type: mean, source: events, filter: type = 'order', value: amount / 100.0, aggregate: sum{}}}
  order_value:
    type: ratio
{}    numerator: {{source: events, filter: type = 'order', value: amount, aggregate: sum}}
    denominator: {{source: events, filter: type = 'order', aggregate: count}}
{}---
experiment:
  name: {}
  hypothesis: {}
  owner: checkout team
  start: 2026-03-02
  design: {{unit: user_id, control: {}, variants: [{}]}}
  segments: [country]
  metrics:
    primary: {{name: converted, mde_relative: 0.03, direction: increase}}
    guardrails:
      - {{name: latency, direction: decrease}}
      - {{name: revenue, direction: increase, test: non_inferiority, margin_relative: 0.05}}
    secondary: [{{name: order_value, direction: increase}}{}]
  statistical_settings: {{{}}}
",
        if case.adjusted { ", winsorize: {upper: 120}, cuped: {lookback_days: 14}" } else { "" },
        if case.adjusted { "    window: {start: 0, end: 6}\n" } else { "" },
        if case.methods { "  method: {type: categorical, source: events, value: method}\n" } else { "" },
        quoted(&case.name),
        quoted(&case.hypothesis),
        variants[0],
        variants.join(", "),
        if case.methods { ", {name: method}" } else { "" },
        case.settings
    )
}

/// A number in -1 to 1 that follows from its arguments alone, for days that are not all alike.
fn wobble(a: u64, b: u64) -> f64 {
    let mut x = a.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ b.wrapping_mul(0xd1b5_4a32_d192_ed03);
    for _ in 0..3 {
        x = (x ^ (x >> 31)).wrapping_mul(0x94d0_49bb_1331_11eb);
    }
    (x >> 11) as f64 / (1u64 << 52) as f64 - 1.0
}

/// The group statistics of every day, and the units by day.
fn stats(case: &Case) -> (Vec<GroupStat>, Vec<DayUnits>) {
    let (mut rows, mut exposures) = (Vec::new(), Vec::new());
    let arms = case.variants.len() as f64;
    for (arm, (variant, lift, slow)) in case.variants.iter().enumerate() {
        let mut units = 0;
        for n in 0..case.days {
            let share = if arm == 1 { case.imbalance } else { 1.0 };
            let drift =
                1.0 + 0.04 * wobble(u64::from(n), 99) - 0.25 * f64::from(u8::from(n % 7 >= 5));
            let own = 1.0
                + 0.4 * wobble(u64::from(n), arm as u64) / (case.units_a_day as f64 / arms).sqrt();
            let new = (case.units_a_day as f64 / arms * share * drift * own).round() as i64;
            units += new;
            // As of the last day, the units of each day of exposure; the lift fades by half from the youngest to the oldest.
            let age = f64::from(case.days - 1 - n) / f64::from(case.days.max(2) - 1);
            let (exposed, last) = (day(n).to_string(), day(case.days - 1));
            let of = Of { case, ds: last, variant, segment: EXPOSURE_DS, value: &exposed, n: new };
            let noise = wobble(u64::from(n), 500 + arm as u64) * (0.8 / (new as f64).sqrt());
            rows.extend(of.rows(lift * (1.5 - age), *slow, noise).into_iter().take(1));
            exposures.push(DayUnits { ds: day(n), variant: variant.clone(), units: new });
            let whole = (WHOLE, WHOLE, 1.0);
            let segments =
                case.segments.iter().map(|(value, share)| ("country", value.as_str(), *share));
            for (nth, (segment, value, share)) in std::iter::once(whole).chain(segments).enumerate()
            {
                let n_units = cut(units, share, nth, case);
                if n_units == 0 {
                    continue;
                }
                let noise = wobble(u64::from(n) + nth as u64, 1000 + arm as u64)
                    * (0.4 / (n_units as f64).sqrt());
                let of = Of { case, ds: day(n), variant, segment, value, n: n_units };
                rows.extend(of.rows(*lift, *slow, noise));
                if nth == 0 {
                    rows.push(GroupStat {
                        mean_x: Some(0.0),
                        m2_x: Some(0.0),
                        sum_x: Some(0.0),
                        ..of.row(SEVERAL_VARIANTS, "proportion")
                    });
                }
            }
        }
    }
    (rows, exposures)
}

/// The units of a segment; the last one has the rest, so that they add up.
fn cut(units: i64, share: f64, nth: usize, case: &Case) -> i64 {
    if nth == 0 || nth < case.segments.len() {
        return (units as f64 * share).floor() as i64;
    }
    units
        - case.segments[..nth - 1]
            .iter()
            .map(|(_, share)| (units as f64 * share).floor() as i64)
            .sum::<i64>()
}

struct Of<'a> {
    case: &'a Case,
    ds: NaiveDate,
    variant: &'a str,
    segment: &'a str,
    value: &'a str,
    n: i64,
}

impl Of<'_> {
    fn row(&self, metric: &str, metric_type: &str) -> GroupStat {
        GroupStat {
            experiment: self.case.name.clone(),
            ds: self.ds,
            metric: metric.into(),
            metric_type: metric_type.into(),
            variant: self.variant.into(),
            segment: self.segment.into(),
            segment_value: self.value.into(),
            n: self.n,
            ..GroupStat::default()
        }
    }

    fn rows(&self, lift: f64, slow: f64, noise: f64) -> Vec<GroupStat> {
        let n = self.n as f64;
        let successes = (n * self.case.rate * (1.0 + lift + 2.0 * noise)).round().max(0.0);
        let p = successes / n;
        let moment = |mean: f64, sd: f64| (Some(mean * n), Some(mean), Some(sd * sd * n));
        let (sum, mean, m2) = (Some(successes), Some(p), Some(n * p * (1.0 - p)));
        let converted =
            GroupStat { sum_x: sum, mean_x: mean, m2_x: m2, ..self.row("converted", "proportion") };
        let (sum, mean, m2) = moment(420.0 * (1.0 + 0.1 * slow + 0.5 * noise), 260.0);
        let latency =
            GroupStat { sum_x: sum, mean_x: mean, m2_x: m2, ..self.row("latency", "mean") };
        let (sum, mean, m2) = moment(3.2 * (1.0 + 0.8 * lift + noise), 11.5);
        let revenue =
            GroupStat { sum_x: sum, mean_x: mean, m2_x: m2, ..self.row("revenue", "mean") };
        let (sum_x, mean_x, m2_x) = moment(320.0 * (1.0 + 0.8 * lift + noise), 1150.0);
        let (sum_y, mean_y, m2_y) = moment(0.15 * (1.0 + lift), 0.42);
        let ratio = GroupStat {
            sum_x,
            mean_x,
            m2_x,
            sum_y,
            mean_y,
            m2_y,
            co_xy: Some(0.8 * 1150.0 * 0.42 * n),
            ..self.row("order_value", "ratio")
        };
        if self.case.adjusted {
            let raw = GroupStat { winsorized: clipped(&revenue, n), ..revenue };
            let revenue = GroupStat { covariates: past(n), ..raw };
            // A third of the units came too late for a whole week.
            let late = self.n / 3;
            let share = |sum: Option<f64>| sum.map(|sum| sum * (self.n - late) as f64 / n);
            let ratio = GroupStat {
                n: self.n - late,
                n_not_mature: Some(late),
                sum_x: share(ratio.sum_x),
                m2_x: share(ratio.m2_x),
                sum_y: share(ratio.sum_y),
                m2_y: share(ratio.m2_y),
                co_xy: share(ratio.co_xy),
                ..ratio
            };
            return vec![converted, latency, revenue, ratio];
        }
        let mut rows = vec![converted, latency, revenue, ratio];
        rows.extend(self.case.methods.then(|| self.method(lift)));
        rows
    }

    /// A method that gains what the lift is, and one with markup for a name that loses it; a rare one that none has.
    fn method(&self, lift: f64) -> GroupStat {
        let [card, bank] = [0.5 + 0.5 * lift, 0.2].map(|share| (share * self.n as f64) as i64);
        let cash = self.n - card - bank;
        let category = ["<b>cash|bar</b>", "bank", "card"].map(str::to_owned).to_vec();
        let categories = Some(Categories { category, count: vec![cash, bank, card] });
        GroupStat { categories, ..self.row("method", "categorical") }
    }
}

/// A cap of 120 that few units reach, without which the spread is 20 instead of 11.5.
fn clipped(capped: &GroupStat, n: f64) -> Winsorized {
    Winsorized {
        cap_upper_x: Some(120.0),
        clipped_x: Some((0.004 * n).floor()),
        raw_sum_x: capped.mean_x.map(|mean| 1.05 * mean * n),
        raw_mean_x: capped.mean_x.map(|mean| 1.05 * mean),
        raw_m2_x: Some(20.0 * 20.0 * n),
        ..Winsorized::default()
    }
}

/// What units bought before their exposure, with a correlation of 0.6 with what they buy after it.
fn past(n: f64) -> Covariates {
    Covariates {
        mean_pre_x: Some(6.0),
        m2_pre_x: Some(14.0 * 14.0 * n),
        co_x_pre_x: Some(0.6 * 11.5 * 14.0 * n),
        ..Covariates::default()
    }
}

/// Distributions of latency: of a logarithm that is roughly normal, in buckets.
fn spreads(case: &Case) -> Vec<Spread> {
    let of = |(variant, _, slow): &(String, f64, f64)| {
        let edges: Vec<f64> = (0..=400).map(|i| 20.0 * 1.015f64.powi(i)).collect();
        let count = |x: f64| {
            let z = (x / (380.0 * (1.0 + slow))).ln() / 0.6;
            (20_000.0 * (-0.5 * z * z).exp()) as i64
        };
        Spread {
            metric: "latency".into(),
            variant: variant.clone(),
            segment: WHOLE.into(),
            bucket_lower: Some(edges[..400].to_vec()),
            bucket_upper: Some(edges[1..].to_vec()),
            bucket_count: Some(edges[..400].iter().map(|x| count(*x)).collect()),
        }
    };
    if case.name == "guardrail_violated" || case.name == "five_variants" {
        case.variants.iter().map(of).collect()
    } else {
        Vec::new()
    }
}

fn counts(case: &Case) -> DataCounts {
    let rows = RowCounts { in_files: 18_234_112, read: 18_234_112, ..RowCounts::default() };
    DataCounts {
        days: u64::from(case.days),
        exposures: rows,
        variants: case.variants.iter().map(|(name, ..)| (name.clone(), 1000)).collect(),
        events: rows,
        several_variants_examples: Vec::new(),
        ..DataCounts::default()
    }
}
