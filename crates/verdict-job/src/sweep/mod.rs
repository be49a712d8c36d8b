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
mod input;
mod keep;
mod rows;
mod table;
mod totals;
mod walk;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use verdict_model::tables::UNIT_TOTAL;
use verdict_model::{Aggregate, NaiveDate};

use crate::bind::Number;
use crate::day::{component_field, fixed_fields};
use crate::partition::Partition;
use crate::store::Location;

pub(crate) use keep::Keeper;
pub(crate) use rows::Found;
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
        match self.aggregate {
            Aggregate::DistinctDays => Number::Integer,
            _ => self.number,
        }
    }

    /// The column of `unit_total` that holds what rounding took from the total; sums of doubles have one.
    pub(crate) fn rest(&self) -> Option<String> {
        let rounds = self.aggregate == Aggregate::Sum && self.number == Number::Float;
        rounds.then(|| format!("{}_rest", self.name))
    }

    /// Its columns in `unit_total`.
    fn fields(&self) -> impl Iterator<Item = Field> {
        let rest = self.rest().map(|rest| Field::new(rest, DataType::Binary, true));
        std::iter::once(component_field(&self.name, self.total())).chain(rest)
    }
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
    /// Whether a unit in several variants leaves the groups.
    pub(crate) exclude: bool,
    /// The names of its segment dimensions.
    pub(crate) segments: Vec<String>,
    /// Its components, by their place in [`Sweep::columns`], ascending.
    pub(crate) columns: Vec<usize>,
    pub(crate) base: Option<Base>,
    /// The days after the base, in order, up to the last one.
    pub(crate) exposure_days: Vec<(NaiveDate, Partition)>,
    /// The as-of dates at which totals are settled, in order.
    pub(crate) looks: Vec<NaiveDate>,
    /// Those of them whose group statistics are made.
    pub(crate) made: BTreeSet<NaiveDate>,
    /// Whether it is told what each date has in common with the day before, which is then one of `looks`.
    pub(crate) watched: bool,
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
        fields.extend(self.columns.iter().flat_map(|c| sweep.columns[*c].fields()));
        Arc::new(Schema::new(fields))
    }
}

/// What a sweep reads, and what it is to make.
#[derive(Clone, Debug)]
pub(crate) struct Sweep {
    pub(crate) tables: Location,
    pub(crate) buckets: u32,
    /// `Utf8` or `Int64`.
    pub(crate) unit: DataType,
    /// The components of all tasks, each once.
    pub(crate) columns: Vec<Column>,
    /// The days that any task needs, in order.
    pub(crate) unit_days: Vec<(NaiveDate, Partition)>,
    pub(crate) tasks: Vec<Task>,
}

impl Sweep {
    /// More cells than any task's group has: the number of a cell is its group's times this, plus its own.
    pub(crate) fn stride(&self) -> i64 {
        self.tasks.iter().map(Task::cells).max().unwrap_or(0).max(1) as i64
    }

    /// The components that some task wants to have beside what they were the day before.
    pub(crate) fn compared(&self) -> BTreeSet<usize> {
        self.tasks
            .iter()
            .filter(|task| task.watched)
            .flat_map(|task| task.columns.clone())
            .collect()
    }
}
