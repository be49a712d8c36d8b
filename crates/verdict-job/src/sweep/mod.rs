//! The sweep: from day tables to totals, for every unit once, in order of the days.
//!
//! A unit's rows of all days, of `unit_day` and of every experiment's `exposure_day`, come together (they are sorted by
//! unit within a bucket), and its totals run through the days. Wherever a total is not what it was at the experiment's
//! look before, the old total leaves its group with weight −1 and the new one joins with +1: that is the table
//! `unit_changes`, whose signed `moments`, cumulated over the looks, are the group statistics of every look (West 1979
//! has the weights; they are exact here, so that nothing is lost by taking away). So a series of as-of dates costs one
//! pass over the days, and a night costs its own day and the totals of the night before ([`Base`](Base)), from which a sweep
//! may begin as well as from nothing: totals are exact, so both give the same bytes.
//!
//! Buckets know nothing of each other: one is in memory for each thread that works.

mod bucket;
mod by_unit;
mod caps;
mod entries;
mod input;
mod keep;
mod lookback;
mod room;
mod rows;
mod seen;
mod shown;
mod span;
mod states;
mod table;
mod totals;
mod walk;

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use verdict_model::tables::UNIT_TOTAL;
use verdict_model::{Aggregate, Caps, NaiveDate, Window};

use crate::bind::Number;
use crate::day::{component_field, fixed_fields};
use crate::partition::Partition;
use crate::store::Location;
use crate::totals::total_number;

pub(crate) use caps::{Limits, TaskLimits, limits};
pub(crate) use input::Part;
pub(crate) use keep::Keeper;
pub(crate) use room::least_bytes;
pub(crate) use rows::{Found, Group};
pub(crate) use seen::{Changes, Large, Seen, Watched};
pub(crate) use shown::{read_shown, write_shown};
pub(crate) use states::edge_of;
pub(crate) use table::unit_changes;

/// A component, as the days have it.
#[derive(Clone, Debug)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) aggregate: Aggregate,
    /// What its values are in the day tables.
    pub(crate) number: Number,
}

impl Column {
    /// What its totals are.
    pub(crate) fn total(&self) -> Number {
        total_number(self.aggregate, self.number)
    }

    /// Whether its totals follow from states that the days have, and that go on from day to day.
    pub(crate) fn is_of_states(&self) -> bool {
        self.aggregate.is_category()
            || matches!(self.aggregate, Aggregate::Distinct | Aggregate::First | Aggregate::Last)
    }
}

/// What is added up for each unit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Total {
    /// Its column in `unit_total` and in `unit_changes`.
    pub(crate) name: String,
    /// The component, by its place in [`Sweep::components`]; `None`: nothing is added up, and it tells whether the window
    /// is complete.
    pub(crate) component: Option<usize>,
    /// The days since exposure that count; a unit whose window is not complete has no value yet.
    pub(crate) window: Option<Window>,
}

/// A component over the days before a unit's first exposure.
#[derive(Clone, Debug)]
pub(crate) struct Covariate {
    /// Its column in `unit_total` ([`crate::component::covariate_column`]).
    pub(crate) name: String,
    /// The component, by its place in [`Sweep::components`].
    pub(crate) component: usize,
    pub(crate) lookback_days: u32,
}

/// A total that is clipped at caps before it counts.
#[derive(Clone, Debug)]
pub(crate) struct Capped {
    /// Its column in `unit_changes` ([`crate::component::capped_column`]).
    pub(crate) name: String,
    /// The total, by its place in [`Sweep::totals`].
    pub(crate) total: usize,
    pub(crate) caps: Caps,
}

/// The totals that an experiment's sweep begins from.
#[derive(Clone, Debug)]
pub(crate) struct Base {
    pub(crate) ds: NaiveDate,
    pub(crate) totals: Partition,
}

/// An experiment's part of a sweep.
#[derive(Clone, Debug)]
pub(crate) struct Task {
    /// The experiment.
    pub(crate) name: String,
    /// Whether a unit in several variants leaves the groups.
    pub(crate) exclude: bool,
    /// The names of its segment dimensions.
    pub(crate) segments: Vec<String>,
    /// Its components, by their place in [`Sweep::components`], ascending.
    pub(crate) components: Vec<usize>,
    /// Its totals, by their place in [`Sweep::totals`], ascending.
    pub(crate) totals: Vec<usize>,
    /// What they are adjusted by, by the place in [`Sweep::covariates`], ascending.
    pub(crate) covariates: Vec<usize>,
    /// What of them is clipped, by the place in [`Sweep::capped`], ascending.
    pub(crate) capped: Vec<usize>,
    pub(crate) base: Option<Base>,
    /// The days after the base, in order, up to the last one.
    pub(crate) exposure_days: Vec<(NaiveDate, Partition)>,
    /// The as-of dates at which totals are settled, in order.
    pub(crate) looks: Vec<NaiveDate>,
    /// Those of them whose group statistics are made.
    pub(crate) made: BTreeSet<NaiveDate>,
    /// Whether it is told what each date has in common with the day before, which is then one of `looks`.
    pub(crate) watched: bool,
    /// What checks want to know of its units.
    pub(crate) trust: Watched,
}

impl Task {
    /// How many cells a group has: one for each look, and where it is watched another for what leaves at it.
    pub(crate) fn cells(&self) -> usize {
        self.looks.len() * if self.watched { 2 } else { 1 }
    }

    /// The schema of its `unit_total`.
    pub(crate) fn totals_schema(&self, sweep: &Sweep) -> SchemaRef {
        let mut fields = fixed_fields(&UNIT_TOTAL, &sweep.unit);
        fields.extend(
            self.segments.iter().map(|s| Field::new(format!("segment_{s}"), DataType::Utf8, true)),
        );
        fields.extend(self.kept(sweep).flat_map(|total| sweep.fields(total)));
        fields.extend(self.covariates.iter().map(|c| sweep.covariate_field(*c)));
        Arc::new(Schema::new(fields))
    }

    /// Those of its totals that `unit_total` has.
    pub(crate) fn kept<'a>(&'a self, sweep: &'a Sweep) -> impl Iterator<Item = &'a Total> {
        self.totals.iter().map(|total| &sweep.totals[*total]).filter(|t| t.component.is_some())
    }

    /// The last days of its windows, in order, each once.
    pub(crate) fn window_ends(&self, sweep: &Sweep) -> Vec<u32> {
        let windows = self.totals.iter().filter_map(|total| sweep.totals[*total].window);
        let ends: BTreeSet<u32> = windows.map(|window| window.end).collect();
        ends.into_iter().collect()
    }
}

/// What a sweep reads, and what it is to make.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) tables: Location,
    pub(crate) buckets: u32,
    /// The buckets that are swept: all of them, or those of a share. Caps that move are found over all of them.
    pub(crate) swept: Range<u32>,
    /// `Utf8` or `Int64`.
    pub(crate) unit: DataType,
    /// The components of all tasks, each once.
    pub(crate) components: Vec<Column>,
    /// The totals of all tasks, each once, sorted by name.
    pub(crate) totals: Vec<Total>,
    /// The covariates of all tasks, each once.
    pub(crate) covariates: Vec<Covariate>,
    /// The clipped totals of all tasks, each once.
    pub(crate) capped: Vec<Capped>,
    /// Where their caps lie, by task, place in [`Task::capped`], and look; found by [`limits`].
    pub(crate) limits: Vec<TaskLimits>,
    /// The days that any task needs, in order.
    pub(crate) unit_days: Vec<(NaiveDate, Partition)>,
    pub(crate) tasks: Vec<Task>,
    /// How many bytes of partitions with few rows are kept from bucket to bucket.
    pub(crate) room_for_few: usize,
}

impl Sweep {
    fn covariate_field(&self, covariate: usize) -> Field {
        let covariate = &self.covariates[covariate];
        component_field(&covariate.name, self.components[covariate.component].total())
    }

    /// More cells than any task's group has: the number of a cell is its group's times this, plus its own.
    pub(crate) fn stride(&self) -> i64 {
        self.tasks.iter().map(Task::cells).max().unwrap_or(0).max(1) as i64
    }

    /// The totals that some task wants to have beside what they were the day before.
    pub(crate) fn compared(&self) -> BTreeSet<usize> {
        self.tasks
            .iter()
            .filter(|task| task.watched)
            .flat_map(|task| task.totals.iter().copied())
            .filter(|total| self.totals[*total].component.is_some())
            .collect()
    }

    /// The component of a total; none of one that only tells whether a window is complete.
    pub(crate) fn component(&self, total: &Total) -> Option<&Column> {
        total.component.map(|component| &self.components[component])
    }

    /// What a total is.
    pub(crate) fn number(&self, total: &Total) -> Number {
        self.component(total).map_or(Number::Boolean, Column::total)
    }

    /// The column of `unit_total` that holds what the total alone does not tell: what rounding took from a sum of doubles, or
    /// the state that it follows from.
    pub(crate) fn rest(&self, total: &Total) -> Option<String> {
        let column = self.component(total)?;
        if column.is_of_states() {
            return Some(format!("{}_state", total.name));
        }
        let rounds = column.aggregate == Aggregate::Sum && column.number == Number::Float;
        rounds.then(|| format!("{}_rest", total.name))
    }

    /// The column of `unit_total` that a sweep goes on from, where that is not the total itself.
    pub(crate) fn state(&self, total: &Total) -> Option<String> {
        self.component(total).filter(|column| column.is_of_states())?;
        self.rest(total)
    }

    /// The columns of a total in `unit_total`.
    fn fields(&self, total: &Total) -> impl Iterator<Item = Field> + use<> {
        let rest = self.rest(total).map(|rest| Field::new(rest, DataType::Binary, true));
        std::iter::once(component_field(&total.name, self.number(total))).chain(rest)
    }

    /// The same of clipped totals.
    pub(crate) fn compared_capped(&self) -> BTreeSet<usize> {
        let watched = self.tasks.iter().filter(|task| task.watched);
        watched.flat_map(|task| task.capped.clone()).collect()
    }
}
