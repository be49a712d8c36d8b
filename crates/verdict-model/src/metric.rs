//! Metrics, and the components that they are built from.

use crate::{Bootstrap, Cuped, Located, Winsorize};

/// A metric: a number per unit, defined once and referred to by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// The name that experiments refer to.
    pub name: Located<String>,
    /// What kind of number it is, and from what.
    pub kind: MetricKind,
    /// The days after exposure that count; `None`: the experiment's, or without one all up to the as-of date.
    pub window: Option<Window>,
    /// By what of its past it is adjusted, where an experiment does not say otherwise.
    pub cuped: Option<Cuped>,
    /// The caps of its totals, where an experiment does not say otherwise.
    pub winsorize: Option<Winsorize>,
    /// How it is resampled, where an experiment does not say otherwise.
    pub bootstrap: Option<Bootstrap>,
    /// What it means, for people.
    pub description: Option<String>,
}

/// The days after a unit's exposure over which a metric is taken, both ends included; the exposure day is day 0, of which
/// only what came at or after the exposure counts.
///
/// A unit is mature when its window is complete at the as-of date. Windowed metrics are computed over mature units.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Window {
    /// The first day that counts.
    pub start: u32,
    /// The last day that counts, at least `start`.
    pub end: u32,
}

impl Window {
    /// The last day that a window may end on: longer ones are slips of the pen.
    pub const LAST: u32 = 3650;
}

/// The metric types, each with its components.
#[derive(Clone, Debug, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a project has few metrics, and boxes would hide the shape"
)]
pub enum MetricKind {
    /// Share of units with at least one row (`any`).
    Proportion(Component),
    /// Share of units whose total reaches a threshold.
    Reaches {
        /// What is added up.
        component: Component,
        /// The total from which on a unit counts.
        at_least: f64,
    },
    /// Share of units with at least one row in a window after exposure, which the metric has.
    Retention(Component),
    /// Mean over units of one component (`sum`, `count`, `min`, `max`, `distinct_days`, `distinct`, `first`, `last`).
    Mean(Component),
    /// Sum of one component over the sum of another, over all units.
    Ratio {
        /// The numerator.
        numerator: Component,
        /// The denominator.
        denominator: Component,
    },
    /// A quantile of the units' totals, or of the values of all their rows.
    Quantile {
        /// What is added up for a unit, or with [`Aggregate::Values`] all values of its rows: the rows of a unit are alike, and
        /// the standard error knows it.
        component: Component,
        /// Which quantile, above 0 and below 1.
        quantile: f64,
    },
    /// How often a unit of the variant has a larger total than one of the control, ties half: P(T > C) + P(T = C)/2, the
    /// Mann-Whitney test's estimate.
    Superiority(Component),
    /// The category of each unit: shares of several that add up to one.
    Categorical(Component),
}

impl MetricKind {
    /// Whether it is a level of units: a share, a mean or a ratio, which can be weighted and resampled.
    pub fn is_level(&self) -> bool {
        match self {
            MetricKind::Proportion(_)
            | MetricKind::Reaches { .. }
            | MetricKind::Retention(_)
            | MetricKind::Mean(_)
            | MetricKind::Ratio { .. } => true,
            MetricKind::Quantile { .. }
            | MetricKind::Superiority(_)
            | MetricKind::Categorical(_) => false,
        }
    }

    /// The word for the type: `proportion`, `mean`, `ratio`, `retention`, `quantile`, `superiority` or `categorical`.
    pub fn word(&self) -> &'static str {
        match self {
            MetricKind::Proportion(_) | MetricKind::Reaches { .. } => "proportion",
            MetricKind::Retention(_) => "retention",
            MetricKind::Quantile { .. } => "quantile",
            MetricKind::Superiority(_) => "superiority",
            MetricKind::Mean(_) => "mean",
            MetricKind::Ratio { .. } => "ratio",
            MetricKind::Categorical(_) => "categorical",
        }
    }

    /// The components, numerator first.
    pub fn components(&self) -> Vec<&Component> {
        match self {
            MetricKind::Proportion(c)
            | MetricKind::Retention(c)
            | MetricKind::Mean(c)
            | MetricKind::Superiority(c)
            | MetricKind::Categorical(c) => vec![c],
            MetricKind::Reaches { component, .. } | MetricKind::Quantile { component, .. } => {
                vec![component]
            }
            MetricKind::Ratio { numerator, denominator } => vec![numerator, denominator],
        }
    }
}

/// An elementary aggregate of one unit's rows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The source whose rows it reads.
    pub source: Located<String>,
    /// SQL condition: which rows count; all without one.
    pub filter: Option<Located<String>>,
    /// SQL expression of the value; `any`, `count` and `distinct_days` may do without.
    pub value: Option<Located<String>>,
    /// How a unit's rows become one number.
    pub aggregate: Aggregate,
}

/// How a unit's rows become one number, and how days are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aggregate {
    /// 1 when there is at least one row (with a value that is not null, where a value is given).
    Any,
    /// The number of rows (with a value that is not null, where a value is given); 0 without any.
    Count,
    /// The sum of the values; 0 without any.
    Sum,
    /// The smallest value; null without any, and the unit is then left out of the metric.
    Min,
    /// The largest value; null without any, and the unit is then left out of the metric.
    Max,
    /// The number of days with at least one row; 0 without any.
    DistinctDays,
    /// The number of distinct values over all rows; 0 without any. Values are told apart as texts.
    Distinct,
    /// The value of the row with the earliest time, and of several the smallest; null without any, and the unit is then left
    /// out of the metric.
    First,
    /// The value of the row with the latest time, and of several the largest; null without any.
    Last,
    /// The text of the row with the earliest time, and of several the first in the order of their bytes; null without any.
    FirstCategory,
    /// The text of the row with the latest time, and of several the last in the order of their bytes; null without any.
    LastCategory,
    /// The text that most rows have, and of several the first in the order of their bytes; null without any.
    MostFrequent,
    /// All values, by the buckets of a sketch: what a quantile of rows is made of. No word names it.
    Values,
}

impl Aggregate {
    /// Every aggregate that a file may name, with its word; those of categories have words of others.
    pub const WORDS: [(&'static str, Aggregate); 12] = [
        ("any", Aggregate::Any),
        ("count", Aggregate::Count),
        ("sum", Aggregate::Sum),
        ("min", Aggregate::Min),
        ("max", Aggregate::Max),
        ("distinct_days", Aggregate::DistinctDays),
        ("distinct", Aggregate::Distinct),
        ("first", Aggregate::First),
        ("last", Aggregate::Last),
        ("first", Aggregate::FirstCategory),
        ("last", Aggregate::LastCategory),
        ("most_frequent", Aggregate::MostFrequent),
    ];

    /// The word that a file names it by.
    pub fn word(self) -> &'static str {
        match self {
            Aggregate::Any => "any",
            Aggregate::Count => "count",
            Aggregate::Sum => "sum",
            Aggregate::Min => "min",
            Aggregate::Max => "max",
            Aggregate::DistinctDays => "distinct_days",
            Aggregate::Distinct => "distinct",
            Aggregate::First | Aggregate::FirstCategory => "first",
            Aggregate::Last | Aggregate::LastCategory => "last",
            Aggregate::MostFrequent => "most_frequent",
            Aggregate::Values => "values",
        }
    }

    /// The word that columns of it are named by: categories and numbers of the same rows are two columns.
    pub fn label(self) -> &'static str {
        match self {
            Aggregate::FirstCategory => "first_category",
            Aggregate::LastCategory => "last_category",
            other => other.word(),
        }
    }

    /// Whether a unit without rows has no value, rather than 0.
    pub fn may_be_absent(self) -> bool {
        match self {
            Aggregate::Any
            | Aggregate::Count
            | Aggregate::Sum
            | Aggregate::DistinctDays
            | Aggregate::Distinct => false,
            Aggregate::Min
            | Aggregate::Max
            | Aggregate::First
            | Aggregate::Last
            | Aggregate::FirstCategory
            | Aggregate::LastCategory
            | Aggregate::MostFrequent
            | Aggregate::Values => true,
        }
    }

    /// Whether it is a category.
    pub fn is_category(self) -> bool {
        matches!(self, Aggregate::FirstCategory | Aggregate::LastCategory | Aggregate::MostFrequent)
    }
}
