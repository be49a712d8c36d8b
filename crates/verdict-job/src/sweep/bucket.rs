//! One bucket's sweep: the changes of its units' totals, and the totals that are kept.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryArray, BooleanArray, Date32Array, Int64Array, RecordBatch, StringBuilder,
    TimestampMicrosecondArray, UInt32Array, new_null_array,
};
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use super::entries::Entries;
use super::input::Bucket;
use super::rows::Found;
use super::seen::{Meetings, seen};
use super::span::{Dates, Span};
use super::totals::{InTable, Totals};
use super::walk::{Path, Table, paths, tables_of};
use super::{Sweep, Task};
use crate::units::Units;

/// Rows in a batch of changes.
const BATCH: usize = 8192;

/// Everything that is needed to sweep one bucket.
pub(super) struct Pass<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) found: &'a Found,
    /// Whether the totals of each task are kept.
    pub(super) keep: &'a [bool],
    pub(super) schema: SchemaRef,
}

impl Pass<'_> {
    /// Sweeps a bucket: gives batches of changes to `send`, and returns the totals of each task that keeps them.
    ///
    /// # Errors
    /// A total does not fit its type; `send` says that nobody listens any more.
    pub(super) fn bucket(
        &self,
        bucket: &Bucket,
        mut send: impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<Vec<Option<RecordBatch>>> {
        let mut kept = Vec::new();
        let mut several = Vec::new();
        let mut paths = paths(self.sweep, self.found, bucket);
        for path in &mut paths {
            several.push(std::mem::take(&mut path.several_found));
        }
        let meetings = Meetings::of(&paths);
        for (number, path) in paths.iter().enumerate() {
            let task = &self.sweep.tasks[number];
            let keep = self.keep[number];
            let totals = totals_along(self.sweep, bucket, number, path, keep)?;
            if !task.made.is_empty() {
                let floors = self.found.floors(number, task);
                let seen = seen(task, (&paths, &meetings, number), &totals, floors)?;
                self.found.add_seen(number, seen, task.trust.most);
            }
            let covariates = match &path.lookback {
                Some(lookback) => lookback.covariates(self.sweep, bucket, number)?,
                None => Vec::new(),
            };
            let limits = self.sweep.limits.get(number);
            let entries = Entries::of(self.sweep, task, path, (&totals, &covariates), limits)?;
            self.changes((task, path), &entries, &mut send)?;
            let values = (totals, covariates);
            let rows = keep.then(|| kept_rows(self.sweep, bucket, task, path, values));
            kept.push(rows.transpose()?);
            self.found.pass(1);
        }
        self.found.add_several(several);
        Ok(kept)
    }

    /// Takes each unit's old total out of its group and puts the new one in, at each look where they differ.
    fn changes(
        &self,
        (task, path): (&Task, &Path),
        entries: &Entries<'_>,
        send: &mut impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<()> {
        let counts = |several_variants: bool| !(task.exclude && several_variants);
        let stride = self.sweep.stride();
        let mut rows = Rows::default();
        for (at, (point, look)) in entries.at.iter().enumerate() {
            let unit = path.points[*point as usize].unit as usize;
            let cell = path.units[unit].exposed.group_number * stride + i64::from(*look);
            if entries.is_first(at) {
                rows.push(cell, 1, at, None);
            } else if !entries.is_same(at) {
                let counted = [at - 1, at].map(|at| counts(entries.several_variants(at)));
                // What leaves is told apart: what stays is what was there without it.
                let leaves = task.watched && counted == [true, false];
                let from = if leaves { cell + task.looks.len() as i64 } else { cell };
                let stays = task.watched && counted == [true, true];
                rows.push(from, -1, at - 1, None);
                rows.push(cell, 1, at, stays.then_some(at - 1));
            }
            if rows.entries.len() >= BATCH {
                send(self.batch(task, entries, std::mem::take(&mut rows))?)?;
            }
        }
        if rows.entries.is_empty() {
            return Ok(());
        }
        send(self.batch(task, entries, rows)?)
    }

    fn batch(&self, task: &Task, entries: &Entries<'_>, rows: Rows) -> Result<RecordBatch> {
        let several: Vec<bool> = rows
            .entries
            .iter()
            .map(|at| at.is_some_and(|at| entries.several_variants(at as usize)))
            .collect();
        let counted: Vec<bool> =
            several.iter().map(|several| !(task.exclude && *several)).collect();
        let (points, before) = (entries.points(&rows.entries), entries.points(&rows.before));
        let mut columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(rows.cell)),
            Arc::new(Int64Array::from(rows.weight)),
            Arc::new(BooleanArray::from(several)),
            Arc::new(BooleanArray::from(counted)),
        ];
        let fields = self.schema.fields();
        let mut add = |column: Option<ArrayRef>| {
            let other = || new_null_array(fields[columns.len()].data_type(), points.len());
            columns.push(column.unwrap_or_else(other));
        };
        let own = |of: &[usize], column: usize| of.iter().position(|own| *own == column);
        let total = |total: usize, at: &UInt32Array| {
            own(&task.totals, total).map(|own| entries.total(own, at)).transpose()
        };
        for of_all in 0..self.sweep.totals.len() {
            add(total(of_all, &points)?);
        }
        for covariate in 0..self.sweep.covariates.len() {
            let own = own(&task.covariates, covariate);
            add(own.map(|own| entries.covariate(own, &points)).transpose()?);
        }
        for compared in self.sweep.compared() {
            add(total(compared, &before)?);
        }
        let clipped = |capped: usize, at: &[Option<u32>]| {
            own(&task.capped, capped).map(|own| entries.clipped(own, at)).transpose()
        };
        for capped in 0..self.sweep.capped.len() {
            add(clipped(capped, &rows.entries)?);
        }
        for capped in self.sweep.compared_capped() {
            add(clipped(capped, &rows.before)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
    }
}

/// Rows of `unit_changes` in the making.
#[derive(Debug, Default)]
struct Rows {
    cell: Vec<i64>,
    weight: Vec<i64>,
    /// The entry whose totals the row has, and the one that had what they were, of a unit that counts at both looks.
    entries: Vec<Option<u32>>,
    before: Vec<Option<u32>>,
}

impl Rows {
    fn push(&mut self, cell: i64, weight: i64, entry: usize, before: Option<usize>) {
        self.cell.push(cell);
        self.weight.push(weight);
        self.entries.push(Some(entry as u32));
        self.before.push(before.map(|before| before as u32));
    }
}

/// The totals of a task along a path, in the order of [`Task::totals`].
///
/// # Errors
/// A total does not fit its type.
pub(super) fn totals_along(
    sweep: &Sweep,
    bucket: &Bucket,
    number: usize,
    path: &Path,
    keep: bool,
) -> Result<Vec<Totals>> {
    let task = &sweep.tasks[number];
    let dates = Dates::of(bucket, task);
    let mut kept_before = 0;
    let mut totals = Vec::with_capacity(task.totals.len());
    for total in task.totals.iter().map(|total| &sweep.totals[*total]) {
        let span = total.window.map(|window| Span { window, dates: &dates });
        totals.push(match (total.component, span) {
            (Some(component), span) => {
                let tables = in_tables(bucket, number, task, component, kept_before);
                kept_before += 1;
                Totals::along(path, &sweep.components[component], &tables, span, keep)?
            }
            (None, Some(span)) => Totals::complete(path, span),
            (None, None) => {
                return Err(exec_datafusion_err!("the total {} is of nothing", total.name));
            }
        });
    }
    Ok(totals)
}

/// A component (by its place in the sweep's) in each of the bucket's tables; `kept` is the place of its total among those
/// that the task begins from.
fn in_tables<'a>(
    bucket: &'a Bucket,
    number: usize,
    task: &Task,
    component: usize,
    kept: usize,
) -> Vec<InTable<'a>> {
    let own = &bucket.tasks[number];
    let of_task = task.components.iter().position(|own| *own == component);
    tables_of(bucket)
        .into_iter()
        .map(|(table, _)| match table {
            Table::UnitDay(day) => Some((&bucket.unit_days[day].values[component], None)),
            Table::Base(of) if of == number => {
                own.base.as_ref().map(|base| (&base.values[kept], base.rests[kept].as_ref()))
            }
            Table::ExposureDay(of, day) if of == number => {
                of_task.map(|at| (&own.exposure_days[day].values[at], None))
            }
            Table::Base(_) | Table::ExposureDay(..) => None,
        })
        .collect()
}

/// The rows of a task's `unit_total`.
fn kept_rows(
    sweep: &Sweep,
    bucket: &Bucket,
    task: &Task,
    path: &Path,
    (totals, covariates): (Vec<Totals>, Vec<ArrayRef>),
) -> Result<RecordBatch> {
    let units = &path.units;
    let schema = task.totals_schema(sweep);
    let ends: Vec<u32> = path
        .points
        .iter()
        .enumerate()
        .filter(|(at, point)| path.points.get(at + 1).is_none_or(|next| next.unit != point.unit))
        .map(|(at, _)| at as u32)
        .collect();
    let several: Vec<bool> =
        ends.iter().map(|at| path.points[*at as usize].several_variants).collect();
    let counted: Vec<bool> = several.iter().map(|several| !(task.exclude && *several)).collect();
    let times: TimestampMicrosecondArray =
        units.iter().map(|unit| Some(unit.exposed.first_exposed)).collect();
    let dates: Date32Array = units.iter().map(|unit| Some(unit.exposed.exposure_ds)).collect();
    let mut variant = StringBuilder::new();
    units.iter().for_each(|unit| variant.append_value(&unit.exposed.group.variant));
    let mut columns: Vec<ArrayRef> = vec![
        names(bucket, path)?,
        Arc::new(times.with_timezone("UTC")),
        Arc::new(dates),
        Arc::new(variant.finish()),
        Arc::new(BooleanArray::from(several)),
        Arc::new(BooleanArray::from(counted)),
    ];
    for segment in 0..task.segments.len() {
        let mut values = StringBuilder::new();
        let of = units.iter().map(|unit| unit.exposed.group.segments[segment].as_deref());
        of.for_each(|value| values.append_option(value));
        columns.push(Arc::new(values.finish()));
    }
    let ends = UInt32Array::from(ends);
    for (totals, total) in totals.into_iter().zip(&task.totals) {
        let total = &sweep.totals[*total];
        if total.component.is_none() {
            continue;
        }
        columns.push(totals.so_far(&ends)?);
        if sweep.rest(total).is_some() {
            let rests: BinaryArray = totals
                .rests
                .ok_or_else(|| exec_datafusion_err!("what a total does not tell was not kept"))?;
            columns.push(Arc::new(rests));
        }
    }
    columns.extend(covariates);
    Ok(RecordBatch::try_new(schema, columns)?)
}

fn names(bucket: &Bucket, path: &Path) -> Result<ArrayRef> {
    let tables = tables_of(bucket);
    let mut texts = StringBuilder::new();
    let mut numbers: Vec<i64> = Vec::new();
    for unit in &path.units {
        match tables[unit.name.table as usize].1 {
            Units::Texts(v) => texts.append_value(v.value(unit.name.row as usize)),
            Units::Numbers(v) => numbers.push(v.value(unit.name.row as usize)),
        }
    }
    let are_numbers = tables.iter().any(|(_, units)| matches!(units, Units::Numbers(_)));
    Ok(if are_numbers { Arc::new(Int64Array::from(numbers)) } else { Arc::new(texts.finish()) })
}
