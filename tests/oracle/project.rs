//! The project of the random logs, each definition in YAML and SQL and once more in Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::log::{Layout, Logs, Row};
use super::naive::{Aggregate, Cap, Caps, Component, Experiment, Exposures, Of, Told};
use super::resampled::REPLICATES;
use super::stats::Sided;
use crate::support::Project;

/// A metric: its type and the components by position; none for a quantile of the amounts of events.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    pub(crate) kind: &'static str,
    pub(crate) components: &'static [usize],
    /// The first and the last day after exposure that count.
    pub(crate) window: Option<(usize, usize)>,
    /// The total from which on a unit counts.
    pub(crate) at_least: Option<f64>,
    pub(crate) quantile: Option<f64>,
    /// Of a metric of events that no component says: its keys, and the same in Rust.
    pub(crate) own: Option<Own>,
}

/// Keys of a metric's file, and what they say of some events of a unit.
type Own = (&'static str, fn(&[&Row]) -> Option<Told>);

const fn of_events(name: &'static str, kind: &'static str, own: Own) -> Metric {
    Metric { own: Some(own), ..metric(name, kind, &[]) }
}

const DISTINCT_ITEMS: Own = ("value: items, aggregate: distinct", |rows| {
    let items: BTreeSet<i64> = rows.iter().filter_map(|row| row.items).collect();
    Some(Told::Number(items.len() as f64))
});
const DISTINCT_PLACES: Own =
    ("value: country, aggregate: distinct, filter: \"event <> 'expose'\"", |rows| {
        let actions = rows.iter().filter(|row| is_action(row));
        let places: BTreeSet<&String> = actions.filter_map(|row| row.place.as_ref()).collect();
        Some(Told::Number(places.len() as f64))
    });
const FIRST_AMOUNT: Own = ("value: amount, aggregate: first", |rows| {
    edge(rows, false, |row| row.amount).map(Told::Number)
});
const LAST_AMOUNT: Own =
    ("value: amount, aggregate: last", |rows| edge(rows, true, |row| row.amount).map(Told::Number));
const LAST_ITEMS: Own = ("value: items, aggregate: last", |rows| {
    edge(rows, true, |row| whole(row.items)).map(Told::Number)
});
const LAST_PLACE: Own = ("value: country", |rows| place_at(rows, true));
const FIRST_PLACE: Own = ("value: country, aggregate: first", |rows| place_at(rows, false));
const USUAL_EVENT: Own = ("value: event, aggregate: most_frequent", |rows| {
    let mut counts: BTreeMap<&String, i64> = BTreeMap::new();
    rows.iter()
        .filter_map(|row| row.event.as_ref())
        .for_each(|e| *counts.entry(e).or_default() += 1);
    // Of equal counts the first by name.
    let usual = counts.into_iter().min_by_key(|(name, n)| (-n, *name))?;
    Some(Told::Category(usual.0.clone()))
});

/// The value of the latest row that has one, or the earliest; of one time the largest, or the smallest.
fn edge(rows: &[&Row], last: bool, of: fn(&Row) -> Option<f64>) -> Option<f64> {
    let mut known: Vec<(i64, f64)> =
        rows.iter().filter_map(|row| Some((row.at?, of(row)? + 0.0))).collect();
    known.sort_by(|a, b| a.0.cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let known = if last { known.last() } else { known.first() };
    known.map(|(_, x)| *x)
}

fn place_at(rows: &[&Row], last: bool) -> Option<Told> {
    let mut known: Vec<(i64, &String)> =
        rows.iter().filter_map(|row| Some((row.at?, row.place.as_ref()?))).collect();
    known.sort();
    let known = if last { known.last() } else { known.first() };
    known.map(|(_, place)| Told::Category((*place).clone()))
}

const fn metric(name: &'static str, kind: &'static str, components: &'static [usize]) -> Metric {
    Metric { name, kind, components, window: None, at_least: None, quantile: None, own: None }
}

const fn quantile(q: f64, name: &'static str, components: &'static [usize]) -> Metric {
    Metric { quantile: Some(q), ..metric(name, "quantile", components) }
}

const fn over(from: usize, to: usize, metric: Metric) -> Metric {
    Metric { window: Some((from, to)), ..metric }
}

/// Every metric; components are numbered as in [`components`].
pub(crate) const METRICS: [Metric; 41] = [
    metric("clicked", "proportion", &[0]),
    metric("gave_amount", "proportion", &[1]),
    metric("revenue", "mean", &[2]),
    metric("items", "mean", &[3]),
    metric("balance", "mean", &[4]),
    metric("events", "mean", &[5]),
    metric("amounts", "mean", &[6]),
    metric("smallest", "mean", &[7]),
    metric("most_items", "mean", &[8]),
    metric("active_days", "mean", &[9]),
    metric("revenue_per_click", "ratio", &[2, 10]),
    metric("clicks_per_active_day", "ratio", &[10, 9]),
    metric("worth", "mean", &[11]),
    metric("saw_a_page", "proportion", &[12]),
    metric("oks", "mean", &[13]),
    metric("longest", "mean", &[14]),
    metric("pages_per_event", "ratio", &[15, 5]),
    quantile(0.95, "p95", &[]),
    over(0, 1, quantile(0.5, "early_median", &[])),
    quantile(0.5, "median_worth", &[11]),
    quantile(0.6, "most_items_q60", &[8]),
    Metric { at_least: Some(2.0), ..metric("two_clicks", "proportion", &[10]) },
    over(1, 3, metric("returned", "retention", &[0])),
    over(0, 0, metric("first_day_revenue", "mean", &[2])),
    over(1, 2, metric("came_back", "proportion", &[0])),
    over(0, 1, metric("early_smallest", "mean", &[7])),
    over(1, 3, metric("later_per_click", "ratio", &[2, 10])),
    over(0, 2, metric("early_days", "mean", &[9])),
    metric("more_revenue", "superiority", &[2]),
    metric("smaller", "superiority", &[7]),
    over(0, 1, metric("more_early_clicks", "superiority", &[10])),
    of_events("distinct_items", "mean", DISTINCT_ITEMS),
    over(1, 3, of_events("later_places", "mean", DISTINCT_PLACES)),
    of_events("first_amount", "mean", FIRST_AMOUNT),
    of_events("last_amount", "mean", LAST_AMOUNT),
    over(0, 1, of_events("early_last_items", "mean", LAST_ITEMS)),
    of_events("more_kinds", "superiority", DISTINCT_ITEMS),
    of_events("last_place", "categorical", LAST_PLACE),
    of_events("first_place", "categorical", FIRST_PLACE),
    of_events("usual_event", "categorical", USUAL_EVENT),
    over(0, 1, of_events("early_usual_event", "categorical", USUAL_EVENT)),
];

/// The components; those of pages come last, because sessions do not have them.
pub(crate) fn components() -> Vec<Component> {
    let of = |source, aggregate, value, filter, float| Component {
        source,
        aggregate,
        value,
        filter,
        float,
    };
    use Aggregate::{Any, Count, DistinctDays, Max, Min, Sum};
    vec![
        of("events", Any, None, Some(("event = 'click'", is_click)), false),
        of("events", Any, Some(("amount", |row| row.amount)), None, false),
        of(
            "events",
            Sum,
            Some(("amount", |row| row.amount)),
            Some(("event = 'buy'", is_buy)),
            true,
        ),
        of("events", Sum, Some(("items", |row| whole(row.items))), None, false),
        of("events", Sum, Some(("balance", |row| row.balance)), None, true),
        of("events", Count, None, None, false),
        of(
            "events",
            Count,
            Some(("amount", |row| row.amount)),
            Some(("items > 0 OR country = 'IN'", |row| row.items > Some(0) || is_in(row))),
            false,
        ),
        of("events", Min, Some(("amount", |row| row.amount)), None, true),
        of(
            "events",
            Max,
            Some(("items", |row| whole(row.items))),
            Some(("event = 'buy'", is_buy)),
            false,
        ),
        of("events", DistinctDays, None, Some(("event <> 'expose'", is_action)), false),
        of("events", Count, None, Some(("event = 'click'", is_click)), false),
        of(
            "events",
            Sum,
            Some(("CASE WHEN amount > 0 THEN amount * 2 - items ELSE 0.5 END", |row| {
                match row.amount {
                    Some(amount) if amount > 0.0 => Some(amount * 2.0 - whole(row.items)?),
                    _ => Some(0.5),
                }
            })),
            None,
            true,
        ),
        of("pages", Any, None, None, false),
        of("pages", Sum, Some(("ok", |row| row.ok.map(f64::from))), None, false),
        of("pages", Max, Some(("seconds", |row| row.amount)), None, true),
        of("pages", Count, None, None, false),
    ]
}

fn is_click(row: &Row) -> bool {
    row.event.as_deref() == Some("click")
}

fn is_buy(row: &Row) -> bool {
    row.event.as_deref() == Some("buy")
}

/// A row that does not say what it is, is none.
fn is_action(row: &Row) -> bool {
    row.event.as_deref().is_some_and(|event| event != "expose")
}

fn is_in(row: &Row) -> bool {
    row.place.as_deref() == Some("IN")
}

fn whole(n: Option<i64>) -> Option<f64> {
    n.map(|n| n as f64)
}

pub(crate) fn aggregate_word(aggregate: Aggregate) -> &'static str {
    match aggregate {
        Aggregate::Any => "any",
        Aggregate::Count => "count",
        Aggregate::Sum => "sum",
        Aggregate::Min => "min",
        Aggregate::Max => "max",
        Aggregate::DistinctDays => "distinct_days",
    }
}

/// The smallest effect of interest.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Mde {
    None,
    Relative(f64),
    Absolute(f64),
}

/// How an experiment is judged.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// Metric, and whether more of it is good: the primary one, guardrails, secondary ones.
    pub(crate) primary: (&'static str, bool),
    pub(crate) guardrails: &'static [(&'static str, bool)],
    pub(crate) secondary: &'static [(&'static str, bool)],
    pub(crate) mde: Mde,
    pub(crate) alpha: f64,
    pub(crate) correction: &'static str,
    pub(crate) guardrail_alpha: f64,
    pub(crate) guardrail_correction: &'static str,
    /// The window of metrics that have none of their own.
    pub(crate) window: Option<(usize, usize)>,
    /// Days from look to look of an experiment that is watched sequentially.
    pub(crate) every: Option<usize>,
}

impl Metric {
    /// Whether it is kept by its values.
    pub(crate) fn by_value(&self) -> bool {
        ["quantile", "superiority", "categorical"].contains(&self.kind)
    }

    /// Whether it has a past to be compared: there is none of smallest and largest, first and last values, nor of what is no
    /// total.
    pub(crate) fn comparable(&self) -> bool {
        let all = components();
        let extreme = |at: &usize| matches!(all[*at].aggregate, Aggregate::Min | Aggregate::Max);
        let edge = self.own.is_some_and(|(keys, _)| !keys.contains("aggregate: distinct"));
        let total = ["proportion", "mean", "ratio"].contains(&self.kind) && self.at_least.is_none();
        total && !edge && !self.components.iter().any(extreme)
    }
}

impl Plan {
    /// The day before, of an experiment that is watched; its first day has none.
    pub(crate) fn before(&self, first: usize, day: usize) -> Option<usize> {
        self.every.and_then(|_| day.checked_sub(1)).filter(|before| first <= *before)
    }

    /// Role, metric, whether more is good, sidedness: in the order of the file.
    pub(crate) fn metrics(&self) -> Vec<(&'static str, Metric, bool, Sided)> {
        let guard = |more| if more { Sided::Less } else { Sided::Greater };
        let primary = [("primary", self.primary, Sided::Two)];
        let guardrails = self.guardrails.iter().map(|m| ("guardrail", *m, guard(m.1)));
        let secondary = self.secondary.iter().map(|m| ("secondary", *m, Sided::Two));
        let all = primary.into_iter().chain(guardrails).chain(secondary);
        let of = |name| {
            let metric = *METRICS.iter().find(|m| m.name == name).unwrap();
            Metric { window: metric.window.or(self.window), ..metric }
        };
        all.map(|(role, (name, more), sided)| (role, of(name), more, sided)).collect()
    }
}

/// What is clipped: at one side and at both, where it stays and where it moves, parts of ratios alone and together.
const CAPS: &[(&str, [Caps; 2])] = &[
    ("revenue", [Caps { upper: Some(Cap::Percentile(90.0)), ..Caps::NONE }, Caps::NONE]),
    ("items", [Caps { lower: Some(Cap::At(1.0)), upper: Some(Cap::At(6.0)) }, Caps::NONE]),
    (
        "worth",
        [
            Caps { lower: Some(Cap::Percentile(10.0)), upper: Some(Cap::Percentile(75.0)) },
            Caps::NONE,
        ],
    ),
    ("smallest", [Caps { upper: Some(Cap::Percentile(60.0)), ..Caps::NONE }, Caps::NONE]),
    (
        "revenue_per_click",
        [
            Caps { upper: Some(Cap::Percentile(80.0)), ..Caps::NONE },
            Caps { upper: Some(Cap::Percentile(95.0)), ..Caps::NONE },
        ],
    ),
    ("later_per_click", [Caps { upper: Some(Cap::Percentile(70.0)), ..Caps::NONE }, Caps::NONE]),
    ("pages_per_event", [Caps::NONE, Caps { upper: Some(Cap::At(4.0)), ..Caps::NONE }]),
    ("distinct_items", [Caps { upper: Some(Cap::Percentile(75.0)), ..Caps::NONE }, Caps::NONE]),
    ("first_amount", [Caps { lower: Some(Cap::Percentile(20.0)), ..Caps::NONE }, Caps::NONE]),
];

/// The key of a metric's caps in an experiment's file.
fn caps_of(experiment: &Experiment, metric: &str) -> String {
    let Some((_, [x, y])) = experiment.caps.iter().find(|(name, _)| *name == metric) else {
        return String::new();
    };
    let side = |key: &str, cap: Option<Cap>| match cap {
        None => None,
        Some(Cap::At(at)) => Some(format!("{key}: {at}")),
        Some(Cap::Percentile(p)) => Some(format!("{key}_percentile: {p}")),
    };
    let both = |caps: &Caps| {
        let sides = [side("lower", caps.lower), side("upper", caps.upper)];
        sides.into_iter().flatten().collect::<Vec<_>>().join(", ")
    };
    let ratio = METRICS.iter().any(|m| m.name == metric && m.kind == "ratio");
    match ratio {
        true => {
            format!(", winsorize: {{numerator: {{{}}}, denominator: {{{}}}}}", both(x), both(y))
        }
        false => format!(", winsorize: {{{}}}", both(x)),
    }
}

/// The key of a metric's bootstrap in an experiment's file.
fn bootstrap_of(experiment: &Experiment, metric: &str) -> String {
    match experiment.resampled.iter().find(|(name, _)| *name == metric) {
        None => String::new(),
        Some((_, interval)) => {
            format!(", bootstrap: {{interval: {interval}, replicates: {REPLICATES}, seed: 3}}")
        }
    }
}

const ASSIGNMENT_SEGMENTS: &[Of<Option<String>>] =
    &[("device", |row| row.place.clone()), ("tier", |row| row.tier.map(|n| n.to_string()))];

const ASSIGNMENTS: Exposures =
    Exposures { source: "assignments", filter: None, keyed: true, segments: ASSIGNMENT_SEGMENTS };
const SHOWN: Exposures = Exposures {
    source: "events",
    filter: Some(|row| row.event.as_deref() == Some("expose")),
    keyed: true,
    segments: &[("country", |row| row.place.clone())],
};
const EVERYONE: Exposures = Exposures {
    source: "assignments",
    filter: Some(|row| row.tier >= Some(1)),
    keyed: false,
    segments: &[],
};

/// The experiments: exposures in a log of their own and in the event log, two and three arms, two unit types, other
/// first and last days.
pub(crate) fn experiments(logs: &Logs) -> Vec<(Experiment, Plan)> {
    let exclude = logs.setting.exclude;
    let two = || vec![("control", 0.5), ("treatment", 0.5)];
    let alpha = Experiment {
        name: "alpha",
        unit_type: "user",
        exposures: ASSIGNMENTS,
        key: "alpha-key",
        arms: two(),
        days: (0, 4),
        exclude,
        segments: &["device", "tier", "device*tier"],
        values: 20,
        lookback: 0,
        compared: 0,
        caps: &[],
        resampled: &[],
        stratified: &[],
    };
    let beta = Experiment {
        name: "beta",
        exposures: SHOWN,
        key: "beta",
        arms: vec![("a", 0.5), ("b", 0.3), ("c", 0.2)],
        days: (1, 3),
        exclude: !exclude,
        segments: &["country"],
        stratified: &[
            ("clicked", "country"),
            ("balance", "country"),
            ("revenue_per_click", "country"),
        ],
        compared: 1,
        ..alpha.clone()
    };
    let gamma = Experiment {
        name: "gamma",
        unit_type: "session",
        key: "gamma",
        segments: &["tier"],
        values: 1,
        resampled: &[
            ("gave_amount", "percentile"),
            ("most_items", "bca"),
            ("clicks_per_active_day", "bca"),
            ("last_amount", "percentile"),
        ],
        ..alpha.clone()
    };
    let delta = Experiment {
        name: "delta",
        exposures: EVERYONE,
        key: "delta",
        days: (2, 4),
        exclude: !exclude,
        segments: &[],
        caps: &CAPS[..1],
        resampled: &[("saw_a_page", "bca"), ("revenue", "percentile")],
        compared: 2,
        ..alpha.clone()
    };
    let plan = Plan {
        primary: ("clicked", true),
        guardrails: &[("revenue", true), ("longest", false), ("p95", false)],
        secondary: &[
            ("items", true),
            ("amounts", true),
            ("active_days", true),
            ("smallest", false),
            ("pages_per_event", true),
            ("events", true),
            ("first_day_revenue", true),
            ("came_back", true),
            ("later_per_click", true),
            ("two_clicks", true),
            ("median_worth", true),
            ("more_revenue", true),
            ("more_early_clicks", false),
            ("distinct_items", true),
            ("later_places", true),
            ("first_amount", true),
            ("early_last_items", false),
            ("last_place", true),
            ("usual_event", true),
        ],
        mde: Mde::Relative(0.1),
        alpha: 0.05,
        correction: "benjamini_hochberg",
        guardrail_alpha: 0.05,
        guardrail_correction: "bonferroni",
        window: None,
        every: None,
    };
    let of_beta = Plan {
        primary: ("events", true),
        guardrails: &[("saw_a_page", true)],
        secondary: &[
            ("clicked", true),
            ("balance", true),
            ("oks", true),
            ("revenue_per_click", true),
            ("early_smallest", false),
            ("early_days", true),
            ("early_median", true),
        ],
        mde: Mde::Absolute(0.2),
        correction: "holm",
        guardrail_alpha: 0.2,
        guardrail_correction: "none",
        ..plan.clone()
    };
    let of_gamma = Plan {
        primary: ("revenue_per_click", true),
        guardrails: &[("events", false)],
        secondary: &[
            ("gave_amount", true),
            ("most_items", true),
            ("clicks_per_active_day", true),
            ("most_items_q60", true),
            ("smaller", false),
            ("last_amount", true),
            ("more_kinds", true),
            ("first_place", true),
            ("early_usual_event", true),
        ],
        mde: Mde::Relative(0.01),
        alpha: 0.1,
        correction: "bonferroni",
        ..plan.clone()
    };
    let of_delta = Plan {
        primary: ("worth", false),
        guardrails: &[],
        secondary: &[
            ("saw_a_page", true),
            ("revenue", true),
            ("came_back", false),
            ("returned", true),
            ("p95", false),
            ("distinct_items", true),
            ("last_amount", false),
        ],
        mde: Mde::None,
        correction: "none",
        window: Some((0, 1)),
        ..plan.clone()
    };
    // Two that are watched: alpha's units, looked at every day, and beta's with three arms, at every other day.
    let epsilon = Experiment { name: "epsilon", exclude: true, ..alpha.clone() };
    let of_epsilon = Plan { every: Some(1), ..plan.clone() };
    let zeta = Experiment {
        name: "zeta",
        days: (0, 4),
        exclude: true,
        compared: 0,
        stratified: &[],
        ..beta.clone()
    };
    let of_zeta = Plan { every: Some(2), ..of_beta.clone() };
    // Two that are adjusted by two days before: one is tested, one is watched, and has units of any day after the first.
    let eta = Experiment {
        name: "eta",
        days: (2, 4),
        segments: &["device", "tier"],
        lookback: 2,
        caps: CAPS,
        ..alpha.clone()
    };
    let of_eta = Plan {
        guardrails: &[("revenue", true), ("longest", false)],
        secondary: &[
            ("items", true),
            ("active_days", true),
            ("smallest", false),
            ("pages_per_event", true),
            ("revenue_per_click", true),
            ("came_back", true),
            ("later_per_click", true),
            ("worth", true),
            ("distinct_items", true),
            ("later_places", true),
            ("first_amount", true),
        ],
        ..plan.clone()
    };
    let iota = Experiment { name: "iota", days: (2, 4), exclude: true, ..eta.clone() };
    let of_iota = Plan { every: Some(1), ..of_eta.clone() };
    vec![
        (alpha, plan),
        (beta, of_beta),
        (gamma, of_gamma),
        (delta, of_delta),
        (epsilon, of_epsilon),
        (zeta, of_zeta),
        (eta, of_eta),
        (iota, of_iota),
    ]
}

/// Writes the project's files.
pub(crate) fn written(project: &Project, logs: &Logs) {
    let setting = logs.setting;
    let outside = |reject| if reject { "reject" } else { "keep" };
    let events = match setting.layout {
        Layout::Template => "events/{yyyy}/{mm}/{dd}",
        Layout::Hive | Layout::Hours => "events",
    };
    let [of_events, of_pages, of_assignments] = setting.reject.map(outside);
    project.file(
        "project.yaml",
        &format!(
            "project: {{time_zone: {}}}
sources:
  events:
    path: '{events}'
    timestamp: at
    units: {{user: '\"user\"', session: session}}
    outside_day: {of_events}
  pages:
    path: pages
    timestamp: to_timestamp_millis(ms)
    units: {{user: visitor}}
    filter: kind <> 'bot'
    outside_day: {of_pages}
    missing_days: allow
  assignments:
    path: assignments
    timestamp: at
    units: {{user: '\"user\"', session: session}}
    outside_day: {of_assignments}
exposures:
  assignments:
    source: assignments
    experiment: experiment
    variant: variant
    segments: {{device: device, tier: tier}}
  shown:
    source: events
    filter: event = 'expose'
    experiment: experiment
    variant: variant
    segments: {{country: country}}
  everyone: {{source: assignments, filter: tier >= 1, variant: variant}}
",
            setting.zone.name()
        ),
    );
    project.file("metrics.yaml", &metrics());
    for (experiment, plan) in experiments(logs) {
        let file = format!("experiments/{}.yaml", experiment.name);
        project.file(&file, &experiment_file(logs, &experiment, &plan));
    }
}

fn metrics() -> String {
    let components = components();
    let part = |i: usize| {
        let component = components[i];
        let mut text = format!(
            "source: {}, aggregate: {}",
            component.source,
            aggregate_word(component.aggregate)
        );
        if let Some((value, _)) = component.value {
            write!(text, ", value: \"{value}\"").unwrap();
        }
        if let Some((filter, _)) = component.filter {
            write!(text, ", filter: \"{filter}\"").unwrap();
        }
        text
    };
    let mut text = "metrics:\n".to_owned();
    for Metric { name, kind, components, window, at_least, quantile, own } in METRICS {
        let days = |(from, to)| match kind {
            "retention" => format!(", days: [{from}, {to}]"),
            _ => format!(", {}", window_text((from, to))),
        };
        let window = [
            window.map(days),
            at_least.map(|least| format!(", at_least: {least}")),
            quantile.map(|q| format!(", quantile: {q}")),
        ];
        let window: String = window.into_iter().flatten().collect();
        match *components {
            [one] => writeln!(text, "  {name}: {{type: {kind}, {}{window}}}", part(one)),
            [x, y] => {
                let (x, y) = (part(x), part(y));
                writeln!(
                    text,
                    "  {name}: {{type: {kind}, numerator: {{{x}}}, denominator: {{{y}}}{window}}}"
                )
            }
            _ => {
                let keys = own.map_or("value: amount", |(keys, _)| keys);
                writeln!(text, "  {name}: {{type: {kind}, source: events, {keys}{window}}}")
            }
        }
        .unwrap();
    }
    text
}

fn window_text((start, end): (usize, usize)) -> String {
    format!("window: {{start: {start}, end: {end}}}")
}

fn experiment_file(logs: &Logs, experiment: &Experiment, plan: &Plan) -> String {
    let from = if experiment.exposures.source == "events" {
        "shown"
    } else if experiment.exposures.keyed {
        "assignments"
    } else {
        "everyone"
    };
    let key = if experiment.exposures.keyed {
        format!(", key: {}", experiment.key)
    } else {
        String::new()
    };
    let weights: Vec<String> =
        experiment.arms.iter().map(|(arm, w)| format!("{arm}: {w}")).collect();
    let metrics = |of: &[(&str, bool)]| -> String {
        let of = of.iter().map(|(name, more)| {
            let caps = caps_of(experiment, name);
            let direction = if *more { "increase" } else { "decrease" };
            let bootstrap = bootstrap_of(experiment, name);
            let by = experiment.stratified.iter().find(|(metric, _)| metric == name);
            let by = by.map_or(String::new(), |(_, by)| format!(", post_stratify: {by}"));
            format!("{{name: {name}, direction: {direction}{caps}{bootstrap}{by}}}")
        });
        of.collect::<Vec<_>>().join(", ")
    };
    let (name, more) = plan.primary;
    let mde = match plan.mde {
        Mde::None => String::new(),
        Mde::Relative(x) => format!(", mde_relative: {x}"),
        Mde::Absolute(x) => format!(", mde_absolute: {x}"),
    };
    let window = plan.window.map_or(String::new(), |window| format!("  {}\n", window_text(window)));
    let watched = match plan.every {
        Some(days) => format!(", sequential_method: msprt, look_every_days: {days}"),
        None => String::new(),
    };
    format!(
        "experiment:
  name: {}
  start: {}
  end: {}
  design:
    unit: {}
    control: {}
    variants: {{{}}}
    several_variants: {}
  exposures: {{from: {from}{key}}}
  segments: [{}]{}
  segment_values: {}
{window}  metrics:
    primary: {{name: {name}, direction: {}{mde}}}
    guardrails: [{}]
    secondary: [{}]
  statistical_settings: {{alpha: {}, correction: {}{watched}}}
  guardrail_settings: {{alpha: {}, correction: {}}}
",
        experiment.name,
        logs.days[experiment.days.0],
        logs.days[experiment.days.1],
        experiment.unit_type,
        experiment.arms[0].0,
        weights.join(", "),
        if experiment.exclude { "exclude" } else { "first" },
        experiment.segments.iter().map(|s| segment(s)).collect::<Vec<_>>().join(", "),
        match experiment.lookback {
            0 => String::new(),
            days => format!("\n  cuped: {{lookback_days: {days}}}"),
        } + &match experiment.compared {
            0 => String::new(),
            days => format!("\n  pre_period_check: {{days: {days}}}"),
        },
        experiment.values,
        if more { "increase" } else { "decrease" },
        metrics(plan.guardrails),
        metrics(plan.secondary),
        plan.alpha,
        plan.correction,
        plan.guardrail_alpha,
        plan.guardrail_correction,
    )
}

/// A segment as a file names it: a cross is a list.
fn segment(name: &str) -> String {
    if name.contains('*') { format!("[{}]", name.replace('*', ", ")) } else { name.to_owned() }
}
