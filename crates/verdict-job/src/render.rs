//! The stage queries, rendered: the one place where SQL text is put together.
//!
//! What varies is rendered by kind: values are `$parameters`; identifiers go through [`ident`], text
//! through [`text`]; configured expressions have been parsed and printed back.

mod group_fields;
mod group_stats;

use minijinja::value::Value;
use minijinja::{Environment, UndefinedBehavior, context};
use serde::Serialize;
use verdict_model::{Aggregate, Caps, MetricKind, Window};

use crate::bind::{BoundComponent, BoundExposures, BoundLog, Number};
use crate::component::capped_column;
use crate::{Error, Result};
pub(crate) use group_stats::{GroupsSql, group_stats};

const STAGES: [(&str, &str); 4] = [
    ("exposures_logged", include_str!("../../../sql/exposures_logged.sql")),
    ("events_logged", include_str!("../../../sql/events_logged.sql")),
    ("group_changes", include_str!("../../../sql/group_changes.sql")),
    ("group_stats", include_str!("../../../sql/group_stats.sql")),
];

const VIEWS: [(&str, &str); 9] = [
    ("latest_results", include_str!("../../../sql/views/latest_results.sql")),
    ("latest_decisions", include_str!("../../../sql/views/latest_decisions.sql")),
    ("failed_checks", include_str!("../../../sql/views/failed_checks.sql")),
    ("registered_plans", include_str!("../../../sql/views/registered_plans.sql")),
    ("changed_plans", include_str!("../../../sql/views/changed_plans.sql")),
    ("metric_series", include_str!("../../../sql/views/metric_series.sql")),
    ("guardrail_violations", include_str!("../../../sql/views/guardrail_violations.sql")),
    ("shared_units", include_str!("../../../sql/views/shared_units.sql")),
    ("unit_metrics", include_str!("../../../sql/views/unit_metrics.sql")),
];

/// `name` as an SQL identifier.
pub(crate) fn ident(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// `value` as an SQL text literal.
pub(crate) fn text(value: &str) -> String {
    format!("'{}'", value.replace('\'', "''"))
}

/// A time, or any other configured instant, in UTC and microseconds.
pub(crate) fn instant(expression: &str) -> String {
    format!("arrow_cast({expression}, 'Timestamp(Microsecond, Some(\"UTC\"))')")
}

/// The latest of the times from `$begin` to before `$end`; of the first `among` of them, where not all are wanted.
pub(crate) fn latest_time(table: &str, time: &str, among: Option<u32>) -> String {
    let limit = among.map_or(String::new(), |rows| format!(" LIMIT {rows}"));
    let table = ident(table);
    format!(
        "SELECT max(ts) AS ts FROM (SELECT {time} AS ts FROM {table} WHERE {time} >= $begin AND {time} < $end{limit})"
    )
}

/// A component as the stage files see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ComponentSql {
    value: Option<String>,
    value_column: String,
    filter: Option<String>,
    filter_column: String,
}

impl ComponentSql {
    pub(crate) fn new(component: &BoundComponent) -> ComponentSql {
        let value = component.value.as_ref().map(|value| match component.def.aggregate {
            // Of what is counted, only whether it is there.
            Aggregate::Any | Aggregate::DistinctDays | Aggregate::Count => {
                format!("({value}) IS NOT NULL")
            }
            _ => value.clone(),
        });
        ComponentSql {
            value,
            value_column: ident(&component.value_column()),
            filter: component.filter.clone(),
            filter_column: ident(&component.filter_column()),
        }
    }
}

/// A segment dimension as the stage files see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SegmentSql {
    #[serde(skip)]
    dimension: String,
    column: String,
    /// The column of the same name where it is what was randomised.
    cluster_column: String,
    label: String,
    expression: String,
}

impl SegmentSql {
    pub(crate) fn new(dimension: &str, expression: &str) -> SegmentSql {
        SegmentSql {
            dimension: dimension.to_owned(),
            column: ident(&format!("segment_{dimension}")),
            cluster_column: ident(&format!("cluster_{dimension}")),
            label: text(dimension),
            expression: expression.to_owned(),
        }
    }
}

/// A metric as `group_stats` and the views see it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct MetricSql {
    label: String,
    type_label: String,
    /// The totals (x, and a ratio's y), and after them their covariates.
    arguments: Vec<String>,
    /// How many of them are totals.
    totals: usize,
    /// The totals as `unit_total` has them.
    raw: Vec<String>,
    /// Which of the distinct moments are its own, counted from 1.
    moments: usize,
    /// The window's last day.
    window_end: Option<u32>,
    /// The experiments that the views have it of; all where none is named.
    experiments: Vec<String>,
    /// What is clipped; `None`: nothing.
    winsorized: Option<WinsorizedSql>,
    /// What `group_stats` has of it: columns and their values.
    fields: Vec<group_fields::FieldSql>,
    /// Which quantile it is of its distribution.
    quantile: Option<f64>,
    /// What groups keep of it.
    #[serde(skip)]
    kept: Held,
    /// The moments that its skewness follows from; `None`: it is not looked at.
    #[serde(skip)]
    squared: Option<MomentsSql>,
    /// Which of the distinct moments these are, counted from 1.
    #[serde(skip)]
    squared_at: Option<usize>,
    /// How many units have which totals, as they count: what is resampled; `None`: nothing is.
    #[serde(skip)]
    counted: Option<MomentsSql>,
    /// Which of the distinct moments these are, counted from 1.
    #[serde(skip)]
    counted_at: Option<usize>,
    /// The moments of what it was before the exposure, where it is compared and not adjusted by that.
    #[serde(skip)]
    past: Option<MomentsSql>,
    /// Which of the distinct moments these are, counted from 1.
    #[serde(skip)]
    past_at: Option<usize>,
    #[serde(skip)]
    window: Option<Window>,
    /// What it is adjusted by.
    #[serde(skip)]
    covariates: Vec<(String, Number)>,
    #[serde(skip)]
    columns: Vec<(String, Number)>,
}

/// The column of `unit_changes` that tells whether a unit's window is complete; no component's name begins like this.
pub(crate) fn complete_column(window: Window) -> String {
    format!("complete d{}", window.end)
}

/// A component as an argument of the moments.
fn argument(column: &str, number: Number) -> String {
    match number {
        Number::Boolean => format!("CAST({} AS BIGINT)", ident(column)),
        Number::Integer | Number::Float | Number::Values | Number::Text => ident(column),
        Number::Reaches(least) => {
            format!("CAST({} >= {:?} AS BIGINT)", ident(column), f64::from_bits(least))
        }
    }
}

impl MetricSql {
    /// `columns` are the totals that it is made of, `covariates` what it is adjusted by: none, or one for each of them.
    pub(crate) fn new(
        metric: &str,
        kind: &MetricKind,
        columns: &[(String, Number)],
        covariates: &[(String, Number)],
        window: Option<Window>,
    ) -> MetricSql {
        let reaches = |(column, number): &(String, Number)| match kind {
            MetricKind::Reaches { at_least, .. } => {
                (column.clone(), Number::Reaches(at_least.to_bits()))
            }
            _ => (column.clone(), *number),
        };
        let columns: Vec<(String, Number)> = columns.iter().map(reaches).collect();
        let quantile = match kind {
            MetricKind::Quantile { quantile, .. } => Some(*quantile),
            _ => None,
        };
        let kept = match kind {
            MetricKind::Quantile { .. } => Held::Buckets,
            MetricKind::Superiority(_) => Held::Values(1),
            MetricKind::Categorical(_) => Held::Categories,
            _ => Held::Moments(columns.len() + covariates.len()),
        };
        let of_mean = matches!(kind, MetricKind::Mean(_)).then(|| columns.first()).flatten();
        let squared = of_mean.map(|(column, number)| MomentsSql::squared(column, *number));
        let all = columns.iter().chain(covariates);
        MetricSql {
            label: text(metric),
            type_label: text(kind.word()),
            arguments: all.map(|(column, number)| argument(column, *number)).collect(),
            totals: columns.len(),
            raw: columns.iter().map(|(column, number)| argument(column, *number)).collect(),
            moments: 0,
            window_end: window.map(|window| window.end),
            experiments: Vec::new(),
            winsorized: None,
            fields: Vec::new(),
            window,
            covariates: covariates.to_vec(),
            quantile,
            kept,
            squared,
            squared_at: None,
            counted: None,
            counted_at: None,
            past: None,
            past_at: None,
            columns,
        }
    }

    /// The same with how many units have which totals, where those do not follow from its moments, as a count of
    /// successes does.
    pub(crate) fn resampled(self) -> MetricSql {
        let is_rate = self.squared.is_none() && self.columns.len() == 1;
        let counted = (!is_rate).then(|| MomentsSql::exact_values(&self.columns));
        MetricSql { counted, ..self }
    }

    /// The same, compared by these covariates without being adjusted by them.
    pub(crate) fn compared_by(self, covariates: &[(String, Number)]) -> MetricSql {
        MetricSql { past: Some(MomentsSql::of(covariates, &[])), ..self }
    }

    /// Whether a unit has one number.
    pub(crate) fn is_one_number(&self) -> bool {
        self.columns.iter().all(|(_, number)| !matches!(number, Number::Values | Number::Text))
    }

    /// Whether it is computed from the same totals.
    pub(crate) fn is_over_the_same(&self, other: &MetricSql) -> bool {
        self.columns == other.columns && self.window == other.window
    }

    /// The same, of these experiments alone.
    pub(crate) fn only_of(self, experiments: &[String]) -> MetricSql {
        MetricSql { experiments: experiments.iter().map(|name| text(name)).collect(), ..self }
    }

    /// The name of the metric, as a text literal.
    pub(crate) fn label(&self) -> &str {
        &self.label
    }

    /// The moments of its variables.
    fn own_moments(&self) -> MomentsSql {
        match self.kept {
            Held::Buckets => MomentsSql::distribution(&self.columns),
            Held::Values(_) => MomentsSql::exact_values(&self.columns),
            Held::Categories => MomentsSql::categories(&self.columns),
            Held::Moments(_) => MomentsSql::of(&self.columns, &self.covariates),
        }
    }

    /// The moments that tell how many units are past its window.
    fn complete_moments(&self) -> Option<MomentsSql> {
        let column = complete_column(self.window?);
        Some(MomentsSql::of(&[(column, Number::Boolean)], &[]))
    }

    /// The same of totals that are clipped, by the caps of each of them.
    pub(crate) fn winsorized(self, caps: [Caps; 2]) -> MetricSql {
        let clip = |((column, number), caps): (&(String, Number), Caps)| match caps.any() {
            true => (capped_column(column, caps), Number::Float),
            false => (column.clone(), *number),
        };
        let columns: Vec<(String, Number)> = self.columns.iter().zip(caps).map(clip).collect();
        // How many are beyond a cap: 1 for a unit whose total is not what it counts as.
        let beyond = |(raw, clipped): (&(String, Number), &(String, Number))| {
            let [raw, clipped] = [raw, clipped].map(|(column, number)| argument(column, *number));
            format!("CAST({raw} <> {clipped} AS BIGINT)")
        };
        let own = MomentsSql::of(&columns, &[]);
        let name = format!("clipped {}", own.name);
        let arguments = self.columns.iter().zip(&columns).map(beyond).collect();
        let clipped = MomentsSql::moments(arguments, name, Vec::new());
        let limits = columns.iter().zip(caps).map(|((column, _), caps)| {
            let both = [lower_cap_column(column), upper_cap_column(column)];
            caps.any().then(|| both.map(|column| ident(&column)))
        });
        let limits = limits.collect();
        let names = columns.iter().zip(caps).filter(|(_, caps)| caps.any());
        let names =
            names.flat_map(|((column, _), _)| [lower_cap_column(column), upper_cap_column(column)]);
        let names = names.collect();
        let raw = MomentsSql::of(&self.columns, &[]);
        let squared = self.squared.as_ref().and_then(|_| columns.first());
        let squared = squared.map(|(column, number)| MomentsSql::squared(column, *number));
        let all = columns.iter().chain(&self.covariates);
        MetricSql {
            squared,
            arguments: all.map(|(column, number)| argument(column, *number)).collect(),
            winsorized: Some(WinsorizedSql { limits, names, raw, clipped, at: [0; 2] }),
            columns,
            ..self
        }
    }
}

impl MetricSql {
    /// The column of its moments' states, as a name.
    pub(crate) fn moments_name(&self) -> String {
        self.own_moments().name
    }
}

/// Moments that are kept once for every metric of the same components: the engine need not plan them twice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct MomentsSql {
    arguments: Vec<String>,
    /// The column of their states, as an identifier.
    state: String,
    /// The functions that make states of values, and the result of states.
    make: &'static str,
    merge: String,
    /// The same column, as a name.
    #[serde(skip)]
    pub(crate) name: String,
    /// The totals among them, which come first, and what they are.
    #[serde(skip)]
    columns: Vec<(String, Number)>,
}

impl MomentsSql {
    /// Of totals, and of covariates that stay as they are from day to day.
    fn of(columns: &[(String, Number)], covariates: &[(String, Number)]) -> MomentsSql {
        let all = || columns.iter().chain(covariates);
        let arguments = all().map(|(column, number)| argument(column, *number)).collect();
        let names: Vec<String> = all().map(|(column, number)| variable(column, *number)).collect();
        MomentsSql::moments(arguments, names.join(" and "), columns.to_vec())
    }

    fn moments(arguments: Vec<String>, name: String, columns: Vec<(String, Number)>) -> MomentsSql {
        let merge = format!("moments_merge_{}", arguments.len());
        MomentsSql { state: ident(&name), make: "moments_state", merge, arguments, name, columns }
    }

    /// The distribution of one total.
    fn distribution(columns: &[(String, Number)]) -> MomentsSql {
        let arguments: Vec<String> =
            columns.iter().map(|(c, number)| argument(c, *number)).collect();
        let names: Vec<&str> = columns.iter().map(|(column, _)| column.as_str()).collect();
        MomentsSql {
            make: DISTRIBUTION,
            merge: "distribution_merge".to_owned(),
            ..MomentsSql::moments(
                arguments,
                format!("{} by value", names.join(" ")),
                columns.to_vec(),
            )
        }
    }

    /// How many units have each value of one total, or each pair of two.
    fn exact_values(columns: &[(String, Number)]) -> MomentsSql {
        let of = MomentsSql::distribution(columns);
        let name = format!("{} and exact", of.name);
        let (make, merge) = match columns.len() {
            1 => (EXACT_VALUES, "exact_values_merge"),
            _ => (EXACT_PAIRS, "exact_pairs_merge"),
        };
        MomentsSql { make, merge: merge.to_owned(), state: ident(&name), name, ..of }
    }

    /// How many units are in each category.
    fn categories(columns: &[(String, Number)]) -> MomentsSql {
        MomentsSql {
            make: CATEGORIES,
            merge: "categories_merge".to_owned(),
            ..MomentsSql::distribution(columns)
        }
    }

    /// A total beside its square: its third moment follows from what these share. Squares whose own squares would leave
    /// the range of doubles are left out.
    fn squared(column: &str, number: Number) -> MomentsSql {
        let x = format!("CAST({} AS DOUBLE)", argument(column, number));
        let square = format!("CASE WHEN abs({x}) < {LARGEST_CUBED:?} THEN {x} * {x} END");
        let name = format!("{} and its square", variable(column, number));
        MomentsSql::moments(vec![x, square], name, Vec::new())
    }

    fn is_distribution(&self) -> bool {
        !matches!(self.held(), Held::Moments(_))
    }

    /// How many of the variables are totals, which may differ from day to day.
    pub(crate) fn totals(&self) -> usize {
        self.columns.len()
    }

    /// What their states are.
    pub(crate) fn held(&self) -> Held {
        match self.make {
            DISTRIBUTION => Held::Buckets,
            EXACT_VALUES => Held::Values(1),
            EXACT_PAIRS => Held::Values(2),
            CATEGORIES => Held::Categories,
            _ => Held::Moments(self.arguments.len()),
        }
    }
}

/// What is kept of a group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Held {
    /// Moments of so many variables.
    Moments(usize),
    /// A distribution by buckets.
    Buckets,
    /// A distribution by values, or by pairs of them.
    Values(usize),
    /// How many units are in each category.
    Categories,
}

const DISTRIBUTION: &str = "distribution_state";
const EXACT_VALUES: &str = "exact_values_state";
const EXACT_PAIRS: &str = "exact_pairs_state";
const CATEGORIES: &str = "categories_state";

/// The fourth power of smaller values can be added up in doubles.
const LARGEST_CUBED: f64 = 1e70;

/// The name of a variable.
fn variable(column: &str, number: Number) -> String {
    match number {
        Number::Reaches(least) => format!("{column} from {:?}", f64::from_bits(least)),
        _ => column.to_owned(),
    }
}

/// The column of the states that count units in several variants.
pub(crate) const SEVERAL_VARIANTS: &str = "several_variants";

/// What a winsorised metric has besides.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct WinsorizedSql {
    /// For each total that is clipped, the columns of its lower and its upper cap.
    limits: Vec<Option<[String; 2]>>,
    /// The same columns, as names.
    #[serde(skip)]
    names: Vec<String>,
    /// The moments of the totals as they are.
    raw: MomentsSql,
    /// The moments of whether a total is beyond a cap.
    clipped: MomentsSql,
    /// Which of the distinct moments these two are, counted from 1.
    at: [usize; 2],
}

/// The column of `group_totals` that has the lower cap of a clipped component.
pub(crate) fn lower_cap_column(capped: &str) -> String {
    format!("lower cap of {capped}")
}

/// The same of the upper one.
pub(crate) fn upper_cap_column(capped: &str) -> String {
    format!("upper cap of {capped}")
}

/// The distinct moments of `metrics`, in order of their first use.
pub(crate) fn distinct_moments<'a>(
    metrics: impl IntoIterator<Item = &'a MetricSql>,
) -> Vec<MomentsSql> {
    let of = |metric: &'a MetricSql| {
        let besides = metric.winsorized.iter().flat_map(|w| [w.raw.clone(), w.clipped.clone()]);
        let own = std::iter::once(metric.own_moments()).chain(metric.complete_moments());
        let whole = own.chain(besides).chain(metric.squared.clone());
        whole.chain(metric.counted.clone()).chain(metric.past.clone())
    };
    distinct(metrics.into_iter().flat_map(of))
}

fn distinct(moments: impl IntoIterator<Item = MomentsSql>) -> Vec<MomentsSql> {
    let mut distinct: Vec<MomentsSql> = Vec::new();
    for moments in moments {
        if !distinct.contains(&moments) {
            distinct.push(moments);
        }
    }
    distinct
}

/// Moments of variables and of what the totals among them were the day before, in this order.
#[derive(Clone, Debug)]
pub(crate) struct PairSql {
    /// The place of the moments of the variables alone.
    pub(crate) of: usize,
    pub(crate) moments: MomentsSql,
}

/// The pairs of what `metrics` need; their own moments are among `all`.
pub(crate) fn pairs<'a>(
    all: &[MomentsSql],
    metrics: impl IntoIterator<Item = &'a MetricSql>,
) -> Vec<PairSql> {
    let pair = |moments: MomentsSql| {
        let of = all.iter().position(|own| *own == moments)?;
        let before = moments.columns.iter().map(|(c, number)| argument(&before_column(c), *number));
        let name = format!("{} and before", moments.name);
        let arguments = moments.arguments.iter().cloned().chain(before).collect();
        Some(PairSql { of, moments: MomentsSql::moments(arguments, name, moments.columns) })
    };
    // What two days share is not kept of distributions.
    let own = metrics.into_iter().map(MetricSql::own_moments).filter(|m| !m.is_distribution());
    distinct(own).into_iter().filter_map(pair).collect()
}

/// The column of `unit_changes` that has a component's value of the day before; no component has a blank in its name.
pub(crate) fn before_column(column: &str) -> String {
    format!("{column} before")
}

fn render(name: &str, values: Value) -> Result<String> {
    let text = STAGES.iter().chain(&VIEWS).find(|(stage, _)| *stage == name).map(|(_, text)| *text);
    let failed =
        |e: minijinja::Error| Error::Internal(format!("sql/{name}.sql does not render: {e:#}"));
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment
        .add_template(
            name,
            text.ok_or_else(|| Error::Internal(format!("there is no sql/{name}.sql")))?,
        )
        .map_err(failed)?;
    environment.get_template(name).and_then(|t| t.render(values)).map_err(failed)
}

pub(crate) fn exposures_logged(bound: &BoundExposures) -> Result<String> {
    let segments: Vec<SegmentSql> =
        bound.segments.iter().map(|(d, e)| SegmentSql::new(d, e)).collect();
    let log = &bound.log;
    render(
        "exposures_logged",
        context! {
            unit => log.unit, timestamp => log.timestamp, filter => log.filter,
            experiment => bound.experiment, variant => bound.variant, segments,
        },
    )
}

pub(crate) fn events_logged(log: &BoundLog, components: &[ComponentSql]) -> Result<String> {
    render(
        "events_logged",
        context! {
            unit => log.unit, timestamp => log.timestamp, filter => log.filter, components,
        },
    )
}

pub(crate) fn group_changes(distinct: &[MomentsSql], pairs: &[PairSql]) -> Result<String> {
    // A pair is only there of units that count.
    let distinct: Vec<&MomentsSql> =
        distinct.iter().chain(pairs.iter().map(|pair| &pair.moments)).collect();
    render("group_changes", context! { distinct, several_variants => ident(SEVERAL_VARIANTS) })
}

/// The views, rendered, by name. `unit_metrics` needs to know the metrics and is left out without any.
pub(crate) fn views(metrics: &[MetricSql]) -> Result<Vec<(&'static str, String)>> {
    VIEWS
        .iter()
        .filter(|(name, _)| *name != "unit_metrics" || !metrics.is_empty())
        .map(|(name, _)| Ok((*name, render(name, context! { metrics })?)))
        .collect()
}
