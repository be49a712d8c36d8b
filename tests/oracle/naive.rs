//! The day tables, unit totals and group statistics once more: plain loops over rows.

use std::collections::{BTreeMap, BTreeSet};

use super::log::{Logs, Row, Unit};

/// How a unit's rows become a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Aggregate {
    Any,
    Count,
    Sum,
    Min,
    Max,
    DistinctDays,
}

/// An expression's text (or a dimension's name), and the same in Rust.
pub(crate) type Of<T> = (&'static str, fn(&Row) -> T);

/// A component: its SQL for the project, and the same in Rust.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Component {
    pub(crate) source: &'static str,
    pub(crate) aggregate: Aggregate,
    pub(crate) value: Option<Of<Option<f64>>>,
    pub(crate) filter: Option<Of<bool>>,
    /// Whether its values have a fraction.
    pub(crate) float: bool,
}

impl Component {
    /// The number of some rows of one day; nothing where there is no extreme.
    fn of_rows<'a>(&self, rows: impl IntoIterator<Item = &'a Row>) -> Option<f64> {
        let rows = rows.into_iter().filter(|row| self.filter.is_none_or(|(_, keep)| keep(row)));
        let values: Vec<f64> = match self.value {
            Some((_, value)) => rows.filter_map(value).collect(),
            None => rows.map(|_| 1.0).collect(),
        };
        match self.aggregate {
            Aggregate::Any | Aggregate::DistinctDays => Some(f64::from(!values.is_empty())),
            Aggregate::Count => Some(values.len() as f64),
            Aggregate::Sum => Some(sum(&values)),
            Aggregate::Min => values.into_iter().reduce(f64::min),
            Aggregate::Max => values.into_iter().reduce(f64::max),
        }
    }

    fn of_days(&self, days: &[Option<f64>]) -> Option<f64> {
        let days: Vec<f64> = days.iter().copied().flatten().collect();
        match self.aggregate {
            Aggregate::Any => Some(f64::from(days.contains(&1.0))),
            Aggregate::Count | Aggregate::Sum | Aggregate::DistinctDays => Some(sum(&days)),
            Aggregate::Min => days.into_iter().reduce(f64::min),
            Aggregate::Max => days.into_iter().reduce(f64::max),
        }
    }
}

/// The sum, rounded once (Shewchuk 1997, as in Python's `math.fsum`).
pub(crate) fn sum(values: &[f64]) -> f64 {
    let mut partials: Vec<f64> = Vec::new();
    for &value in values {
        let (mut x, mut kept) = (value, 0);
        for i in 0..partials.len() {
            let (large, small) =
                if x.abs() < partials[i].abs() { (partials[i], x) } else { (x, partials[i]) };
            let high = large + small;
            let low = small - (high - large);
            if low != 0.0 {
                partials[kept] = low;
                kept += 1;
            }
            x = high;
        }
        partials.truncate(kept);
        partials.push(x);
    }
    let Some(mut high) = partials.pop() else { return 0.0 };
    let mut low = 0.0;
    while let Some(next) = partials.pop() {
        let x = high;
        high = x + next;
        low = next - (high - x);
        if low != 0.0 {
            break;
        }
    }
    // Half-way cases go by what is left.
    if let Some(&next) = partials.last()
        && ((low < 0.0 && next < 0.0) || (low > 0.0 && next > 0.0))
    {
        let twice = low * 2.0;
        let x = high + twice;
        if twice == x - high {
            high = x;
        }
    }
    high
}

/// Where exposures are read from, as the project says it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposures {
    pub(crate) source: &'static str,
    pub(crate) filter: Option<fn(&Row) -> bool>,
    /// Whether rows name their experiment; all are the experiment's otherwise.
    pub(crate) keyed: bool,
    pub(crate) segments: &'static [Of<Option<String>>],
}

/// The part of an experiment that its data follow from.
#[derive(Clone, Debug)]
pub(crate) struct Experiment {
    pub(crate) name: &'static str,
    pub(crate) unit_type: &'static str,
    pub(crate) exposures: Exposures,
    pub(crate) key: &'static str,
    pub(crate) arms: Vec<(&'static str, f64)>,
    /// First and last day; the latter is the last one that counts.
    pub(crate) days: (usize, usize),
    pub(crate) exclude: bool,
    pub(crate) segments: &'static [&'static str],
    /// How many values of each are told apart.
    pub(crate) values: usize,
    /// The days before its first exposure that a unit's covariates are of; 0: metrics are not adjusted.
    pub(crate) lookback: usize,
    /// The days before it over which metrics are compared that are not adjusted; 0: they are not.
    pub(crate) compared: usize,
    /// The metrics whose totals are clipped, with the caps of x and y.
    pub(crate) caps: &'static [(&'static str, [Caps; 2])],
    /// The metrics that are resampled, with how their intervals are read.
    pub(crate) resampled: &'static [(&'static str, &'static str)],
    /// The metrics that are post-stratified, by one of the segments.
    pub(crate) stratified: &'static [(&'static str, &'static str)],
}

/// Caps of a component.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Caps {
    pub(crate) lower: Option<Cap>,
    pub(crate) upper: Option<Cap>,
}

/// A cap: at a value, or at a percentile of the totals of all units that count.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Cap {
    At(f64),
    Percentile(f64),
}

impl Caps {
    pub(crate) const NONE: Caps = Caps { lower: None, upper: None };

    /// The two ends, over these totals.
    pub(crate) fn ends(self, totals: &[f64]) -> [Option<f64>; 2] {
        [self.lower, self.upper].map(|cap| match cap? {
            Cap::At(x) => Some(x),
            Cap::Percentile(_) if totals.is_empty() => None,
            Cap::Percentile(p) => {
                let mut sorted = totals.to_vec();
                sorted.sort_by(f64::total_cmp);
                // Type 7: between the two nearest of n values, counted from 0.
                let place = (totals.len() - 1) as f64 * (p / 100.0);
                let below = place.floor();
                let (low, rest) = (sorted[below as usize], place - below);
                let high = sorted[(below as usize + 1).min(sorted.len() - 1)];
                Some(if rest == 0.0 { low } else { low + rest * (high - low) })
            }
        })
    }
}

/// A value between the ends.
pub(crate) fn clipped(x: f64, [lower, upper]: [Option<f64>; 2]) -> f64 {
    let x = lower.map_or(x, |lower| if x < lower { lower } else { x });
    upper.map_or(x, |upper| if x > upper { upper } else { x })
}

/// Whether a row counts on the day of its folder.
fn usable(logs: &Logs, source: &str, row: &Row) -> bool {
    let reject = match source {
        "events" => logs.setting.reject[0],
        "pages" => logs.setting.reject[1],
        _ => logs.setting.reject[2],
    };
    row.at.is_some() && !(reject && outside(logs, row))
}

fn outside(logs: &Logs, row: &Row) -> bool {
    row.at.is_some_and(|at| at < logs.midnights[row.folder] || at >= logs.midnights[row.folder + 1])
}

/// The rows of a source that its own filter lets in: pages have no bots, nor rows that do not tell.
fn read<'a>(logs: &'a Logs, source: &str, day: usize) -> impl Iterator<Item = &'a Row> {
    let pages = source == "pages";
    let own = move |row: &&Row| !pages || row.event.as_deref().is_some_and(|kind| kind != "bot");
    logs.log(source).iter().filter(move |row| row.folder == day).filter(own)
}

/// The event logs that know a unit type.
fn event_sources(unit_type: &str) -> &'static [&'static str] {
    if unit_type == "user" { &["events", "pages"] } else { &["events"] }
}

/// The components of a unit, in the order of the definitions.
pub(crate) type Values = Vec<Option<f64>>;

/// `unit_day`: every unit that any row names.
pub(crate) fn unit_day(
    logs: &Logs,
    components: &[Component],
    unit_type: &str,
    day: usize,
) -> BTreeMap<Unit, Values> {
    let mut units: BTreeSet<Unit> = BTreeSet::new();
    for source in event_sources(unit_type) {
        units.extend(read(logs, source, day).filter_map(|row| row.unit(unit_type).cloned()));
    }
    let of = |unit: &Unit| from(logs, components, unit_type, day, unit, i64::MIN);
    units.into_iter().map(|unit| (unit.clone(), of(&unit))).collect()
}

/// A unit's components of one day, from a moment on.
fn from(
    logs: &Logs,
    components: &[Component],
    unit_type: &str,
    day: usize,
    unit: &Unit,
    moment: i64,
) -> Values {
    let counts = |source: &str, row: &Row| {
        usable(logs, source, row)
            && row.unit(unit_type) == Some(unit)
            && row.at.is_some_and(|at| at >= moment)
    };
    let rows_of = |source: &&'static str| -> (&str, Vec<&Row>) {
        (*source, read(logs, source, day).filter(|row| counts(source, row)).collect())
    };
    let rows: BTreeMap<&str, Vec<&Row>> = event_sources(unit_type).iter().map(rows_of).collect();
    let of = |c: &Component| Some(c.of_rows(rows.get(c.source)?.iter().copied()));
    components.iter().filter_map(of).collect()
}

/// A unit exposed on a day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Exposed {
    pub(crate) at: i64,
    pub(crate) variant: String,
    pub(crate) variants: BTreeSet<String>,
    pub(crate) segments: Vec<Option<String>>,
    pub(crate) values: Values,
}

fn exposure_rows(logs: &Logs, exposures: Exposures, day: usize) -> impl Iterator<Item = &Row> {
    read(logs, exposures.source, day)
        .filter(move |row| exposures.filter.is_none_or(|keep| keep(row)))
}

fn is_of(experiment: &Experiment, row: &Row) -> bool {
    !experiment.exposures.keyed || row.experiment.as_deref() == Some(experiment.key)
}

/// `exposure_day`.
pub(crate) fn exposure_day(
    logs: &Logs,
    components: &[Component],
    experiment: &Experiment,
    day: usize,
) -> BTreeMap<Unit, Exposed> {
    let mut found: BTreeMap<Unit, Exposed> = BTreeMap::new();
    for row in exposure_rows(logs, experiment.exposures, day) {
        let (Some(unit), Some(at), Some(variant)) =
            (row.unit(experiment.unit_type), row.at, row.variant.as_ref())
        else {
            continue;
        };
        let known = experiment.arms.iter().any(|(arm, _)| arm == variant);
        if !known || !is_of(experiment, row) || !usable(logs, experiment.exposures.source, row) {
            continue;
        }
        let seen = Exposed {
            at,
            variant: variant.clone(),
            variants: BTreeSet::from([variant.clone()]),
            segments: experiment.exposures.segments.iter().map(|(_, of)| of(row)).collect(),
            values: Vec::new(),
        };
        match found.get_mut(unit) {
            None => {
                found.insert(unit.clone(), seen);
            }
            Some(known) => {
                let mut variants = known.variants.clone();
                variants.insert(variant.clone());
                if order(&seen) < order(known) {
                    *known = seen;
                }
                known.variants = variants;
            }
        }
    }
    for (unit, exposed) in &mut found {
        exposed.values = from(logs, components, experiment.unit_type, day, unit, exposed.at);
    }
    found
}

/// The first exposure is the first in time; then by variant, then by segments, those that are not known last.
fn order(exposed: &Exposed) -> (i64, String, Vec<(bool, String)>) {
    let segments = exposed.segments.iter();
    let segments = segments.map(|s| (s.is_none(), s.clone().unwrap_or_default())).collect();
    (exposed.at, exposed.variant.clone(), segments)
}

/// A unit's total.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Total {
    pub(crate) at: i64,
    pub(crate) day: usize,
    pub(crate) variant: String,
    pub(crate) several: bool,
    pub(crate) counted: bool,
    pub(crate) segments: Vec<Option<String>>,
    pub(crate) values: Values,
    /// The components of each day since exposure: of day 0 what came after it; none where the unit did nothing.
    pub(crate) by_age: Vec<Option<Values>>,
    /// The components over the days before the first exposure.
    pub(crate) past: Values,
    /// The same over the days that are only compared.
    pub(crate) compared: Values,
    /// The events of each of these days.
    pub(crate) events: Vec<Vec<Row>>,
    /// The events of the days before the first exposure, the day before it first.
    pub(crate) events_before: Vec<Vec<Row>>,
}

/// What some of a unit's events come to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    Number(f64),
    Category(String),
}

/// What a unit's events tell.
type OfEvents = fn(&[&Row]) -> Option<Told>;

/// A metric: its components by position among those of the unit type, and its window.
pub(crate) struct Metric {
    pub(crate) name: &'static str,
    /// What it is of all events that count, where no component of a day says it.
    pub(crate) of_events: Option<OfEvents>,
    pub(crate) components: Vec<Component>,
    pub(crate) places: Vec<usize>,
    pub(crate) window: Option<(usize, usize)>,
    pub(crate) at_least: Option<f64>,
    /// Whether it is kept by its values, as quantiles are: those of the totals of its component, or without one of the amounts
    /// of all events.
    pub(crate) by_value: bool,
    /// Whether its past is compared, where an experiment's metrics are.
    pub(crate) comparable: bool,
}

impl Metric {
    /// Whether it can be adjusted by its past: there is none of smallest and largest, first and last values.
    pub(crate) fn has_past(&self) -> bool {
        let extreme = |c: &Component| matches!(c.aggregate, Aggregate::Min | Aggregate::Max);
        match self.of_events {
            Some(_) => self.comparable,
            None => !self.components.iter().any(extreme),
        }
    }
}

impl Total {
    /// The values of a metric that is kept by them; nothing while its window is not complete, or where there is none.
    pub(crate) fn values_of(&self, metric: &Metric) -> Option<Vec<f64>> {
        if !metric.places.is_empty() || metric.of_events.is_some() {
            return self.of(metric);
        }
        let values: Vec<f64> =
            self.events_of(metric)?.into_iter().filter_map(|row| row.amount).collect();
        (!values.is_empty()).then_some(values)
    }

    /// The events that count for a metric; nothing while its window is not complete.
    fn events_of(&self, metric: &Metric) -> Option<Vec<&Row>> {
        let (from, to) = metric.window.unwrap_or((0, usize::MAX - 1));
        if metric.window.is_some() && !self.is_past(to) {
            return None;
        }
        let days = self.events.iter().enumerate().filter(|(age, _)| (from..=to).contains(age));
        Some(days.flat_map(|(_, rows)| rows).collect())
    }

    /// What a metric's events come to.
    pub(crate) fn told(&self, metric: &Metric) -> Option<Told> {
        metric.of_events?(&self.events_of(metric)?)
    }

    /// What a metric came to over so many days before the exposure; `values` are its components' over these days.
    pub(crate) fn before(&self, metric: &Metric, values: &Values, days: usize) -> Vec<f64> {
        let Some(of_events) = metric.of_events else {
            return metric.places.iter().filter_map(|at| values[*at]).collect();
        };
        let rows: Vec<&Row> = self.events_before.iter().take(days).flatten().collect();
        match of_events(&rows) {
            Some(Told::Number(x)) => vec![x],
            other => panic!("{} has no past: {other:?}", metric.name),
        }
    }

    /// A component over a window, as far as days have passed.
    pub(crate) fn over(
        &self,
        component: &Component,
        at: usize,
        (from, to): (usize, usize),
    ) -> Option<f64> {
        let days = self.by_age.iter().enumerate().filter(|(age, _)| (from..=to).contains(age));
        let days: Vec<Option<f64>> = days.filter_map(|(_, day)| Some(day.as_ref()?[at])).collect();
        component.of_days(&days)
    }

    /// Whether so many days have passed since the exposure.
    pub(crate) fn is_past(&self, end: usize) -> bool {
        self.by_age.len() > end
    }

    /// The values of a metric's components; nothing while its window is not complete, or where there is no extreme.
    pub(crate) fn of(&self, metric: &Metric) -> Option<Vec<f64>> {
        if metric.of_events.is_some() {
            return match self.told(metric)? {
                Told::Number(x) => Some(vec![x]),
                Told::Category(_) => None,
            };
        }
        let values: Option<Vec<f64>> = match metric.window {
            None => metric.places.iter().map(|at| self.values[*at]).collect(),
            Some((_, to)) if !self.is_past(to) => None,
            Some(window) => {
                let parts = metric.components.iter().zip(&metric.places);
                parts.map(|(component, at)| self.over(component, *at, window)).collect()
            }
        };
        let Some(least) = metric.at_least else { return values };
        values.map(|values| values.into_iter().map(|x| f64::from(x >= least)).collect())
    }
}

/// `unit_total` as of a day.
pub(crate) fn unit_total(
    logs: &Logs,
    components: &[Component],
    experiment: &Experiment,
    as_of: usize,
) -> BTreeMap<Unit, Total> {
    let days: Vec<usize> = (experiment.days.0..=as_of).collect();
    let exposed: Vec<BTreeMap<Unit, Exposed>> =
        days.iter().map(|day| exposure_day(logs, components, experiment, *day)).collect();
    let day_of = |day: usize| unit_day(logs, components, experiment.unit_type, day);
    let by_day: Vec<BTreeMap<Unit, Values>> = days.iter().map(|day| day_of(*day)).collect();
    let looked_at = match experiment.lookback {
        0 => 0..0,
        lookback => experiment.days.0.saturating_sub(lookback)..as_of,
    };
    let compared_at = match experiment.compared {
        0 => 0..0,
        compared => experiment.days.0.saturating_sub(compared)..as_of,
    };
    let before: BTreeMap<usize, BTreeMap<Unit, Values>> =
        looked_at.chain(compared_at).map(|day| (day, day_of(day))).collect();
    let known = |c: &&Component| event_sources(experiment.unit_type).contains(&c.source);
    let components: Vec<&Component> = components.iter().filter(known).collect();
    let units: BTreeSet<&Unit> = exposed.iter().flat_map(BTreeMap::keys).collect();
    let mut totals = BTreeMap::new();
    for unit in units {
        let met: BTreeSet<&String> =
            exposed.iter().filter_map(|day| day.get(unit)).flat_map(|e| &e.variants).collect();
        let first = exposed.iter().position(|day| day.contains_key(unit)).unwrap();
        let start = &exposed[first][unit];
        let values = components.iter().enumerate().map(|(i, component)| {
            let later = by_day[first + 1..].iter().filter_map(|day| Some(day.get(unit)?[i]));
            component.of_days(&[start.values[i]].into_iter().chain(later).collect::<Vec<_>>())
        });
        let over_days_before = |back: usize| -> Values {
            let past_days = days[first].saturating_sub(back)..days[first];
            let past_days: Vec<&BTreeMap<Unit, Values>> =
                before.range(past_days).map(|(_, day)| day).collect();
            let of = |(i, component): (usize, &&Component)| {
                let days = past_days.iter().filter_map(|day| Some(day.get(unit)?[i]));
                component.of_days(&days.collect::<Vec<_>>())
            };
            components.iter().enumerate().map(of).collect()
        };
        let events_of = |day: usize, from: i64| -> Vec<Row> {
            let counts = |row: &&Row| {
                usable(logs, "events", row)
                    && row.unit(experiment.unit_type) == Some(unit)
                    && row.at.is_some_and(|at| at >= from)
            };
            read(logs, "events", day).filter(counts).cloned().collect()
        };
        let most = experiment.lookback.max(experiment.compared);
        let total = Total {
            events_before: (days[first].saturating_sub(most)..days[first])
                .rev()
                .map(|day| events_of(day, i64::MIN))
                .collect(),
            past: over_days_before(experiment.lookback),
            compared: over_days_before(experiment.compared),
            at: start.at,
            day: days[first],
            variant: start.variant.clone(),
            several: met.len() > 1,
            counted: !(experiment.exclude && met.len() > 1),
            segments: start.segments.clone(),
            values: values.collect(),
            by_age: std::iter::once(Some(start.values.clone()))
                .chain(by_day[first + 1..].iter().map(|day| day.get(unit).cloned()))
                .collect(),
            events: days[first..]
                .iter()
                .map(|day| events_of(*day, if *day == days[first] { start.at } else { i64::MIN }))
                .collect(),
        };
        totals.insert(unit.clone(), total);
    }
    totals
}

/// What became of the rows of the logs.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Counts {
    pub(crate) without_unit: usize,
    pub(crate) without_time: usize,
    pub(crate) outside_day: usize,
    /// Rows of the experiment that name no configured variant.
    pub(crate) unknown_variants: usize,
}

pub(crate) fn counts(logs: &Logs, experiment: &Experiment, as_of: usize) -> Counts {
    let mut counts = Counts::default();
    for day in experiment.days.0..=as_of {
        let exposures: Vec<&Row> = exposure_rows(logs, experiment.exposures, day).collect();
        for row in &exposures {
            let arm = |v: &String| experiment.arms.iter().any(|(arm, _)| arm == v);
            let known = row.variant.as_ref().is_some_and(arm);
            counts.unknown_variants += usize::from(is_of(experiment, row) && !known);
        }
        let events = event_sources(experiment.unit_type).iter();
        let events = events.flat_map(|source| read(logs, source, day));
        for row in exposures.into_iter().chain(events) {
            let unit = row.unit(experiment.unit_type).is_some();
            counts.without_unit += usize::from(!unit);
            counts.without_time += usize::from(unit && row.at.is_none());
            counts.outside_day += usize::from(outside(logs, row));
        }
    }
    counts
}
