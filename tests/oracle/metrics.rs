//! The metrics of the random logs' project and the components of days that they are made of, in YAML and SQL and once more in Rust.

use std::collections::{BTreeMap, BTreeSet};

use super::log::Row;
use super::naive::{Aggregate, Component, Told};

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
