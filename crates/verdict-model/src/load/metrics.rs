//! The section `metrics`.

use super::adjust;
use super::definitions::Definitions;
use super::window::window;
use super::winsorize;
use crate::yaml::{Item, Map};
use crate::{Aggregate, Component, Later, Located, Metric, MetricKind, Source, rows};

/// What `type` may say in a definition.
#[derive(Clone, Copy)]
enum Type {
    Proportion,
    Mean,
    Ratio,
    Later(&'static str),
}

const TYPES: [(&str, Type); 7] = [
    ("proportion", Type::Proportion),
    ("mean", Type::Mean),
    ("continuous", Type::Mean),
    ("ratio", Type::Ratio),
    ("quantile", Type::Later("quantile")),
    ("retention", Type::Later("retention")),
    ("categorical", Type::Later("categorical")),
];

/// Keys that a metric of a later type may have.
const LATER_TYPE_KEYS: [&str; 10] = [
    "source",
    "filter",
    "value",
    "aggregate",
    "quantile",
    "of",
    "days",
    "values",
    "levels",
    "categories",
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
    let ty = map.require("type", "write proportion, mean or ratio")?;
    let place = ty.place.clone();
    let ty = ty.word(&TYPES)?;
    let description = map.text("description").map(|text| text.value);
    let window = map.get("window").and_then(|item| window(&item));
    let kind = match ty {
        Type::Proportion => {
            component(&mut map, sources, Use::Proportion).map(MetricKind::Proportion)
        }
        Type::Mean => component(&mut map, sources, Use::Mean).map(MetricKind::Mean),
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
        Type::Later(word) => {
            if let Some(item) = map.get("source") {
                sources.refer(&item);
            }
            for key in LATER_TYPE_KEYS {
                map.get(key);
            }
            let consequence = format!(
                "no method computes a {word} yet: the results of `{name}` say so instead of a number"
            );
            later.push(Later { experiment: None, place, consequence });
            Some(MetricKind::Later(word.to_owned()))
        }
    };
    for (key, consequence) in LATER_KEYS {
        let part_of_type = matches!(ty, Type::Later(_)) && LATER_TYPE_KEYS.contains(&key);
        if let Some(item) = map.get(key).filter(|_| !part_of_type) {
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
    map.finish();
    Some(Metric { name, kind: kind?, window, cuped, winsorize, description })
}

/// What a component is used for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Proportion,
    Mean,
    Ratio,
}

impl Use {
    fn allows(self, aggregate: Aggregate) -> bool {
        match self {
            Use::Proportion => aggregate == Aggregate::Any,
            Use::Mean => aggregate != Aggregate::Any,
            // A unit without rows has no smallest value, and could be in neither sum.
            Use::Ratio => !matches!(aggregate, Aggregate::Min | Aggregate::Max),
        }
    }

    fn default(self, has_value: bool) -> Aggregate {
        match self {
            Use::Proportion => Aggregate::Any,
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
    let aggregate = match map.get("aggregate") {
        Some(item) => item.word(&words),
        None => Some(used.default(value_item.is_some())),
    }?;
    let needs_value = matches!(aggregate, Aggregate::Sum | Aggregate::Min | Aggregate::Max);
    if needs_value && value_item.is_none() {
        let word = aggregate.word();
        map.refuse(format!(
            "`value` is missing: write the SQL expression that `{word}` is taken of"
        ));
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
