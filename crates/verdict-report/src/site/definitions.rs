//! What each metric is: in words, and as the SQL that a unit's number is.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::{
    Aggregate, Cap, Component, Cuped, ExperimentMetric, Metric, MetricKind, Source, Window,
    Winsorize,
};

use crate::Page;

pub(crate) fn definitions(page: &Page) -> Markup {
    let unit = &page.judged.experiment.design.unit.value;
    html! {
        p {
            "A unit's rows count from its first exposure on, in whole days after that day; a unit without rows has 0 in sums \
             and counts. The queries below are what is computed for each unit."
        }
        dl class="definitions" {
            @for role_metric in page.judged.experiment.metrics() {
                @let name = &role_metric.name.value;
                dt { span class="name" { (name) } " " span class="fine" { (role_metric.role.word()) ", better: " (role_metric.direction.word()) } }
                dd {
                    @match page.metrics.get(name) {
                        None => p class="absent" { "The project defines no such metric." },
                        Some(metric) => (one(metric, role_metric, page, unit)),
                    }
                }
            }
        }
    }
}

fn one(metric: &Metric, here: &ExperimentMetric, page: &Page, unit: &str) -> Markup {
    html! {
        @if let Some(description) = &metric.description { p { (description) } }
        p class="fine" { (of_kind(&metric.kind)) " " (adjustments(here)) }
        @for component in metric.kind.components() {
            pre tabindex="0" { (sql(component, page.sources.get(&component.source.value), unit)) }
        }
    }
}

/// Which days count, what is capped, and what is taken out of it, in this experiment.
fn adjustments(metric: &ExperimentMetric) -> String {
    let mut said = vec![match metric.window {
        None => "Over all days from the exposure to the as-of date.".to_owned(),
        Some(Window { start, end }) if start == end => {
            format!("Over day {end} after the exposure, of units for which it is over.")
        }
        Some(Window { start, end }) => {
            format!(
                "Over days {start} to {end} after the exposure, of units for which they are over."
            )
        }
    }];
    if let Some(Winsorize { x, y, ratio }) = metric.winsorize {
        let parts = if ratio { ["numerators", "denominators"] } else { ["totals", ""] };
        for (caps, of) in [x, y].into_iter().zip(parts) {
            said.extend(beyond(caps.upper, of, "above"));
            said.extend(beyond(caps.lower, of, "below"));
        }
    }
    if let Some(Cuped { lookback_days }) = metric.cuped {
        said.push(format!(
            "Adjusted by the same number over the {} before the day of exposure (CUPED).",
            words::counted(lookback_days, "day")
        ));
    }
    said.join(" ")
}

fn beyond(cap: Option<Cap>, of: &str, side: &str) -> Option<String> {
    Some(match cap? {
        Cap::Fixed(at) => {
            let at = words::short(at);
            format!("Units' {of} {side} {at} count as {at}.")
        }
        Cap::Percentile(at) => {
            let at = words::short(at);
            format!(
                "Units' {of} {side} percentile {at} of all arms together count as that percentile."
            )
        }
    })
}

fn of_kind(kind: &MetricKind) -> String {
    match kind {
        MetricKind::Proportion(_) => "Proportion: the share of units with at least one row.".to_owned(),
        MetricKind::Reaches { at_least, .. } => {
            format!("Proportion: the share of units whose total is at least {at_least}.")
        }
        MetricKind::Retention(_) => {
            "Retention: the share of units with at least one row in the window after exposure.".to_owned()
        }
        MetricKind::Quantile { component, quantile } => {
            let of = if component.aggregate == Aggregate::Values { "all rows" } else { "units' totals" };
            format!("Quantile {quantile} of {of}; the standard error takes rows of a unit for alike.")
        }
        MetricKind::Superiority(_) => {
            "Superiority: how often a unit of the variant has a larger total than one of the control, ties half; 50% where \
             they are alike (Mann-Whitney).".to_owned()
        }
        MetricKind::Mean(_) => "Mean over units.".to_owned(),
        MetricKind::Ratio { .. } => {
            "Ratio: the sum of the first over the sum of the second, over all units; tested by the delta method.".to_owned()
        }
        MetricKind::Categorical(_) => {
            "Categorical: the shares of units by category; compared by chi-squared, units without one left out.".to_owned()
        }
    }
}

/// The first or the last value that is not null, by time and of one time by value.
fn edge(value: &str, order: &str, component: &Component, source: Option<&Source>) -> String {
    let time = source.map_or(&*component.source.value, |source| &*source.timestamp.value);
    format!(
        "first_value({value} ORDER BY {time} {order}, {value} {order}) FILTER (WHERE {value} IS NOT NULL)"
    )
}

/// A component as a query over its log; expressions as the project's files have them.
fn sql(component: &Component, source: Option<&Source>, unit_type: &str) -> String {
    let value = component.value.as_ref().map(|value| value.value.as_str());
    let aggregate = match (component.aggregate, value) {
        (Aggregate::Any, None) => "CASE WHEN count(*) > 0 THEN 1 ELSE 0 END".to_owned(),
        (Aggregate::Any, Some(value)) => format!("CASE WHEN count({value}) > 0 THEN 1 ELSE 0 END"),
        (Aggregate::Count, None) => "count(*)".to_owned(),
        (Aggregate::Count, Some(value)) => format!("count({value})"),
        (Aggregate::DistinctDays, _) => "count(DISTINCT ds)".to_owned(),
        (Aggregate::Distinct, value) => format!("count(DISTINCT {})", value.unwrap_or("*")),
        (Aggregate::First | Aggregate::FirstCategory, Some(value)) => {
            edge(value, "ASC", component, source)
        }
        (Aggregate::Last | Aggregate::LastCategory, Some(value)) => {
            edge(value, "DESC", component, source)
        }
        (Aggregate::MostFrequent, value) => format!("mode({})", value.unwrap_or("*")),
        (other, value) => format!("{}({})", other.word(), value.unwrap_or("*")),
    };
    let unit =
        source.and_then(|s| s.units.get(unit_type)).map_or(unit_type, |unit| unit.value.as_str());
    let name = &component.source.value;
    let path = source.map_or(String::new(), |source| format!("  -- {}", source.path.value));
    let mut text = format!("SELECT {unit} AS unit, {aggregate} AS value\nFROM {name}{path}");
    let filters: Vec<&str> = [source.and_then(|s| s.filter.as_ref()), component.filter.as_ref()]
        .into_iter()
        .flatten()
        .map(|filter| filter.value.as_str())
        .collect();
    match &filters[..] {
        [] => {}
        [one] => text.push_str(&format!("\nWHERE {one}")),
        several => {
            let all: Vec<String> = several.iter().map(|one| format!("({one})")).collect();
            text.push_str(&format!("\nWHERE {}", all.join(" AND ")));
        }
    }
    text.push_str(&format!("\nGROUP BY {unit}"));
    text
}
