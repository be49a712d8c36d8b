//! From the changes of groups to their totals: states added up over the looks.
//!
//! A sweep gives, for each cell (a look and a group), what joined and what left since the look before, as an exact
//! state of moments. The group as of a look is the sum of its states up to there.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, BinaryBuilder, Date32Builder, RecordBatch, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use verdict_accum::{AccumError, Moments1, Moments2, Moments4};
use verdict_model::NaiveDate;

use crate::error::AtStage;
use crate::render::{MomentsSql, SEVERAL_VARIANTS};
use crate::sweep::{Found, Sweep, Task};
use crate::{Error, Result};

/// A group's states at its looks: by variant and segment values, by look, one for each of the moments.
pub(crate) type Cells = BTreeMap<(String, Vec<Option<String>>), BTreeMap<usize, Vec<Vec<u8>>>>;

/// The states of the rows of `group_changes`, by task.
pub(crate) fn by_task(
    sweep: &Sweep,
    found: &Found,
    distinct: &[MomentsSql],
    changes: &[RecordBatch],
) -> Result<BTreeMap<usize, Cells>> {
    let stage = || "group_changes".to_owned();
    let mut tasks: BTreeMap<usize, Cells> = BTreeMap::new();
    for batch in changes {
        let column = |name: &str, ty: &DataType| {
            let column = batch.column_by_name(name);
            let column = column.ok_or_else(|| Error::Internal(format!("no column {name}")))?;
            cast(column, ty).at(stage)
        };
        let cells = column("cell", &DataType::Int64)?;
        let names = std::iter::once(SEVERAL_VARIANTS).chain(distinct.iter().map(|m| &*m.name));
        let states: Vec<ArrayRef> =
            names.map(|name| column(name, &DataType::Binary)).collect::<Result<_>>()?;
        for (row, cell) in cells.as_primitive::<Int64Type>().values().iter().enumerate() {
            let (group, look) = found
                .cell(*cell, sweep.stride())
                .ok_or_else(|| Error::Internal(format!("there is no cell {cell}")))?;
            let states = states.iter().map(|s| s.as_binary::<i32>().value(row).to_vec()).collect();
            tasks
                .entry(group.task)
                .or_default()
                .entry((group.variant.clone(), group.segments.clone()))
                .or_default()
                .insert(look, states);
        }
    }
    Ok(tasks)
}

/// The table `group_totals` of a task: each group at each look from its first one on.
pub(crate) fn rows(task: &Task, distinct: &[MomentsSql], cells: Cells) -> Result<RecordBatch> {
    let mut ds = Date32Builder::new();
    let mut variants = StringBuilder::new();
    let mut segments: Vec<StringBuilder> =
        task.segments.iter().map(|_| StringBuilder::new()).collect();
    let variables: Vec<usize> =
        std::iter::once(1).chain(distinct.iter().map(MomentsSql::variables)).collect();
    let mut states: Vec<BinaryBuilder> = variables.iter().map(|_| BinaryBuilder::new()).collect();
    for ((variant, values), mut changes) in cells {
        let mut totals: Option<Vec<Running>> = None;
        for (at, look) in task.looks.iter().enumerate() {
            if let Some(change) = changes.remove(&at) {
                let totals = totals
                    .get_or_insert_with(|| variables.iter().map(|k| Running::new(*k)).collect());
                for (total, state) in totals.iter_mut().zip(change) {
                    total.merge(&state).map_err(|e| Error::Internal(format!("a state: {e}")))?;
                }
            }
            let Some(totals) = &totals else { continue };
            ds.append_value(Date32Type::from_naive_date(*look));
            variants.append_value(&variant);
            for (builder, value) in segments.iter_mut().zip(&values) {
                builder.append_option(value.as_deref());
            }
            for (builder, total) in states.iter_mut().zip(totals) {
                builder.append_value(total.to_bytes());
            }
        }
    }
    let mut columns: Vec<(String, ArrayRef)> =
        vec![("ds".into(), Arc::new(ds.finish())), ("variant".into(), Arc::new(variants.finish()))];
    for (name, mut builder) in task.segments.iter().zip(segments) {
        columns.push((format!("segment_{name}"), Arc::new(builder.finish())));
    }
    let names = std::iter::once(SEVERAL_VARIANTS).chain(distinct.iter().map(|m| &*m.name));
    for (name, mut builder) in names.zip(states) {
        columns.push((name.to_owned(), Arc::new(builder.finish())));
    }
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    RecordBatch::try_from_iter_with_nullable(columns).at(|| "group_totals".into())
}

/// The rows of `group_stats`, by look; they come sorted by it.
pub(crate) fn split(rows: &[RecordBatch]) -> Result<BTreeMap<NaiveDate, Vec<RecordBatch>>> {
    let mut looks: BTreeMap<NaiveDate, Vec<RecordBatch>> = BTreeMap::new();
    for batch in rows {
        let ds = batch
            .column_by_name("ds")
            .and_then(|column| column.as_primitive_opt::<Date32Type>())
            .ok_or_else(|| Error::Internal("group_stats has no column `ds`".into()))?;
        let mut from = 0;
        for run in ds.values().chunk_by(|a, b| a == b) {
            let look = Date32Type::to_naive_date_opt(run[0])
                .ok_or_else(|| Error::Internal(format!("{} is no date", run[0])))?;
            looks.entry(look).or_default().push(batch.slice(from, run.len()));
            from += run.len();
        }
    }
    Ok(looks)
}

/// Moments of one, two or four variables that take in stored states.
#[derive(Debug)]
enum Running {
    One(Box<Moments1>),
    Two(Box<Moments2>),
    Four(Box<Moments4>),
}

impl Running {
    fn new(variables: usize) -> Running {
        match variables {
            1 => Running::One(Box::default()),
            2 => Running::Two(Box::default()),
            _ => Running::Four(Box::default()),
        }
    }

    fn merge(&mut self, state: &[u8]) -> std::result::Result<(), AccumError> {
        match self {
            Running::One(m) => m.merge_bytes(state),
            Running::Two(m) => m.merge_bytes(state),
            Running::Four(m) => m.merge_bytes(state),
        }
    }

    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Running::One(m) => m.to_bytes(),
            Running::Two(m) => m.to_bytes(),
            Running::Four(m) => m.to_bytes(),
        }
    }
}
