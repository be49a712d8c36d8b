//! The section `metrics`.

use super::adjust;
use super::bootstrap;
use super::definitions::Definitions;
use super::window;
use super::winsorize;
use crate::yaml::{Item, Map};
use crate::{Aggregate, Component, Later, Located, Metric, MetricKind, Source, Window, rows};

/// What `type` may say in a definition.
#[derive(Clone, Copy)]
enum Type {
    Proportion,
    Mean,
    Ratio,
    Retention,
    Quantile,
    Superiority,
    Categorical,
}

const TYPES: [(&str, Type); 8] = [
    ("proportion", Type::Proportion),
    ("mean", Type::Mean),
    ("continuous", Type::Mean),
    ("ratio", Type::Ratio),
    ("quantile", Type::Quantile),
    ("retention", Type::Retention),
    ("superiority", Type::Superiority),
    ("categorical", Type::Categorical),
];

/// Keys that a metric of any type may have, and what happens without their methods.
const LATER_KEYS: [(&str, &str); 2] = [
    ("bot_filter", "bot filters are not in effect yet: every unit counts"),
    ("threshold", "thresholds of metrics are not in effect yet: no level is held against a limit"),
];

/// A metric.
pub(super) fn metric(
    name: Located<String>,
    item: &Item<'_>,
    sources: &Definitions<Source>,
    later: &mut Vec<Later>,
) -> Option<Metric> {
    if name.value == rows::SEVERAL_VARIANTS {
        item.refuse(format!("`{name}` is built in; choose another name"));
    }
    let mut map = item.map()?;
    let words = "write proportion, mean, ratio, retention, quantile, superiority or categorical";
    let ty = map.require("type", words)?.word(&TYPES)?;
    let description = map.text("description").map(|text| text.value);
    let mut window = map.get("window").and_then(|item| window::window(&item));
    let kind = match ty {
        Type::Proportion => proportion(&mut map, sources),
        Type::Mean => component(&mut map, sources, Use::Mean).map(MetricKind::Mean),
        Type::Superiority => component(&mut map, sources, Use::Mean).map(MetricKind::Superiority),
        Type::Retention => {
            window = retention_window(&mut map, window);
            component(&mut map, sources, Use::Proportion).map(MetricKind::Retention)
        }
        Type::Quantile => quantile(&mut map, sources),
        Type::Ratio => {
            let numerator = part(&mut map, "numerator", sources);
            let denominator = part(&mut map, "denominator", sources);
            match (numerator, denominator) {
                (Some(numerator), Some(denominator)) => {
                    Some(MetricKind::Ratio { numerator, denominator })
                }
                _ => None,
            }
        }
        Type::Categorical => {
            component(&mut map, sources, Use::Category).map(MetricKind::Categorical)
        }
    };
    for (key, consequence) in LATER_KEYS {
        if let Some(item) = map.get(key) {
            later.push(Later {
                experiment: None,
                place: item.place,
                consequence: consequence.to_owned(),
            });
        }
    }
    let cuped = adjust::cuped(&mut map).and_then(|(item, cuped)| {
        if let (Some(_), Some(why)) = (cuped, kind.as_ref().and_then(adjust::no_past)) {
            item.refuse(format!("does not fit this metric: {why}"));
        }
        cuped
    });
    let winsorize = winsorize::winsorize(&mut map, kind.as_ref()).flatten();
    let bootstrap = bootstrap::bootstrap(&mut map, kind.as_ref()).flatten();
    map.finish();
    Some(Metric { name, kind: kind?, window, cuped, winsorize, bootstrap, description })
}

/// Share of units with a row, or with a total that reaches a threshold.
fn proportion(map: &mut Map<'_>, sources: &Definitions<Source>) -> Option<MetricKind> {
    let Some(at_least) = map.get("at_least") else {
        return component(map, sources, Use::Proportion).map(MetricKind::Proportion);
    };
    let at_least = at_least.number("a number that the total of a unit is to reach", |_| true);
    let component = component(map, sources, Use::Mean)?;
    Some(MetricKind::Reaches { component, at_least: at_least? })
}

/// A retention's window: `days: [7, 13]`, or `window`.
fn retention_window(map: &mut Map<'_>, window: Option<Window>) -> Option<Window> {
    let days = map.get("days");
    match (&days, window) {
        (Some(item), Some(_)) => item.refuse("`window` is given as well; keep one of the two"),
        (None, None) => map.refuse(
            "`days` is missing: write the days after exposure on which a unit is to come back, such as [7, 13]",
        ),
        _ => {}
    }
    days.and_then(|item| window::days(&item)).or(window)
}

/// A quantile of the values of all rows, or of the units' totals.
fn quantile(map: &mut Map<'_>, sources: &Definitions<Source>) -> Option<MetricKind> {
    let within = |q: f64| q > 0.0 && q < 1.0;
    let quantile = map.require("quantile", "write which one, such as 0.5 for the median");
    let quantile = quantile.and_then(|item| item.number("a number above 0 and below 1", within));
    let of_rows = map.get("of").and_then(|item| item.word(&[("events", true), ("units", false)]));
    let aggregate = map.get("aggregate");
    let of_rows = of_rows.unwrap_or_else(|| aggregate.is_none());
    if let Some(item) = aggregate.filter(|_| of_rows) {
        item.refuse("a quantile of events takes every value as it is; remove `aggregate`, or write `of: units`");
    }
    let component = component(map, sources, if of_rows { Use::Values } else { Use::Mean })?;
    Some(MetricKind::Quantile { component, quantile: quantile? })
}

/// What a component is used for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Proportion,
    Mean,
    Ratio,
    Values,
    Category,
}

impl Use {
    fn allows(self, aggregate: Aggregate) -> bool {
        match self {
            Use::Proportion => aggregate == Aggregate::Any,
            Use::Mean => {
                !matches!(aggregate, Aggregate::Any | Aggregate::Values) && !aggregate.is_category()
            }
            Use::Values => aggregate == Aggregate::Values,
            Use::Category => aggregate.is_category(),
            // A unit without rows has no smallest value, and could be in neither sum.
            Use::Ratio => !aggregate.may_be_absent(),
        }
    }

    fn default(self, has_value: bool) -> Aggregate {
        match self {
            Use::Proportion => Aggregate::Any,
            Use::Values => Aggregate::Values,
            Use::Category => Aggregate::LastCategory,
            Use::Mean | Use::Ratio if has_value => Aggregate::Sum,
            Use::Mean | Use::Ratio => Aggregate::Count,
        }
    }
}

/// A part of a ratio.
fn part(map: &mut Map<'_>, key: &str, sources: &Definitions<Source>) -> Option<Component> {
    let mut part = map.require(key, "a ratio is a numerator over a denominator")?.map()?;
    let component = component(&mut part, sources, Use::Ratio);
    part.finish();
    component
}

fn component(map: &mut Map<'_>, sources: &Definitions<Source>, used: Use) -> Option<Component> {
    let source = match map.get("source") {
        Some(item) => sources.refer(&item),
        None => only_source(map, sources),
    };
    let filter = map.text("filter");
    let value_item = map.get("value");
    let value = value_item.as_ref().and_then(|item| item.text());
    let words: Vec<_> =
        Aggregate::WORDS.into_iter().filter(|(_, aggregate)| used.allows(*aggregate)).collect();
    let aggregate = match map.get("aggregate").filter(|_| used != Use::Values) {
        Some(item) => item.word(&words),
        None => Some(used.default(value_item.is_some())),
    }?;
    let needs_value =
        aggregate.may_be_absent() || matches!(aggregate, Aggregate::Sum | Aggregate::Distinct);
    if needs_value && value_item.is_none() {
        let what = match aggregate {
            Aggregate::Values => "the quantile",
            category if category.is_category() => "the category",
            _ => &format!("`{}`", aggregate.word()),
        };
        map.refuse(format!("`value` is missing: write the SQL expression that {what} is taken of"));
        return None;
    }
    if value_item.is_some() && value.is_none() {
        return None;
    }
    Some(Component { source: source?, filter, value, aggregate })
}

fn only_source(map: &Map<'_>, sources: &Definitions<Source>) -> Option<Located<String>> {
    match sources.names()[..] {
        [only] => Some(Located { value: only.to_owned(), place: map.place.clone() }),
        [] => {
            map.refuse("`source` is missing and no source is defined; define one under `sources`");
            None
        }
        ref several => {
            map.refuse(format!("`source` is missing: name one of {}", several.join(", ")));
            None
        }
    }
}
