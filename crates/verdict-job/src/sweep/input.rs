//! What a sweep reads of one bucket.

use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BooleanArray, Date32Array, ListArray, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::{Date32Type, TimestampMicrosecondType};
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::parquet::arrow::ProjectionMask;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::errors::{ParquetError, Result as ParquetResult};
use datafusion::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};
use datafusion::parquet::file::reader::{ChunkReader, Length};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectStoreExt;
use verdict_model::NaiveDate;

use super::totals::Values;
use super::{Sweep, Task, Total};
use crate::partition::Partition;
use crate::store::Location;
use crate::units::Units;

/// How many objects are read at once, by each thread.
const CONCURRENT: usize = 8;

/// `unit_day` of a day.
#[derive(Debug)]
pub(super) struct UnitDay {
    pub(super) ds: NaiveDate,
    pub(super) units: Units,
    /// By the place in [`Sweep::components`].
    pub(super) values: Vec<Values>,
}

/// `exposure_day` of a task's day.
#[derive(Debug)]
pub(super) struct ExposureDay {
    pub(super) ds: NaiveDate,
    pub(super) units: Units,
    pub(super) first_exposed: TimestampMicrosecondArray,
    pub(super) variant: StringArray,
    pub(super) variants: ListArray,
    pub(super) segments: Vec<StringArray>,
    /// By the place in [`Task::components`].
    pub(super) values: Vec<Values>,
}

/// The totals that a task begins from.
#[derive(Debug)]
pub(super) struct Totals {
    pub(super) units: Units,
    pub(super) first_exposed: TimestampMicrosecondArray,
    pub(super) exposure_ds: Date32Array,
    pub(super) variant: StringArray,
    pub(super) several_variants: BooleanArray,
    pub(super) segments: Vec<StringArray>,
    /// Of those of [`Task::totals`] that are kept, in their order.
    pub(super) values: Vec<Values>,
    /// What rounding took, where a component has that; a state is among the values.
    pub(super) rests: Vec<Option<BinaryArray>>,
    /// By the place in [`Task::covariates`].
    pub(super) covariates: Vec<Values>,
}

/// A task's rows of one bucket.
#[derive(Debug, Default)]
pub(super) struct TaskRows {
    pub(super) base: Option<Totals>,
    pub(super) exposure_days: Vec<ExposureDay>,
}

/// Everything that a sweep needs of one bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) unit_days: Vec<UnitDay>,
    pub(super) tasks: Vec<TaskRows>,
}

/// What is read of each partition, in the order in which [`read`] takes it: its columns.
pub(super) fn wanted(sweep: &Sweep) -> Vec<(&Partition, Vec<String>)> {
    let all: Vec<usize> = (0..sweep.components.len()).collect();
    let mut wanted: Vec<(&Partition, Vec<String>)> = Vec::new();
    for (_, partition) in &sweep.unit_days {
        wanted.push((partition, names(sweep, &all).chain(["unit".into()]).collect()));
    }
    for task in &sweep.tasks {
        let segments = || task.segments.iter().map(|s| format!("segment_{s}"));
        for (_, partition) in &task.exposure_days {
            let own = ["unit", "first_exposed", "variant", "variants"].map(String::from);
            let all = names(sweep, &task.components).chain(own).chain(segments());
            wanted.push((partition, all.collect()));
        }
        if let Some(base) = &task.base {
            let own = ["unit", "first_exposed", "exposure_ds", "variant", "several_variants"]
                .map(String::from);
            let rests = task.kept(sweep).filter_map(|total| sweep.rest(total));
            let totals = task.kept(sweep).map(|total| total.name.clone());
            let covariates = task.covariates.iter().map(|c| sweep.covariates[*c].name.clone());
            let all = totals.chain(own).chain(segments()).chain(rests).chain(covariates);
            wanted.push((&base.totals, all.collect()));
        }
    }
    wanted
}

/// Reads a bucket.
///
/// # Errors
/// A store fails; an object is damaged, or is not what was found when the sweep was planned.
pub(super) async fn read(sweep: &Arc<Sweep>, kept: &Arc<Kept>, bucket: u32) -> Result<Bucket> {
    // Owned requests: the stream must not borrow the sweep beyond this call.
    let requests: Vec<_> = wanted(sweep)
        .into_iter()
        .enumerate()
        .map(|(place, (partition, columns))| {
            (sweep.tables.clone(), partition.clone(), columns, (Arc::clone(kept), place))
        })
        .collect();
    let tables: Vec<RecordBatch> = stream::iter(requests)
        .map(|(tables, partition, columns, (kept, place))| async move {
            rows_of_bucket(&tables, &partition, bucket, &columns, (&kept, place)).await
        })
        .buffered(CONCURRENT)
        .try_collect()
        .await?;

    let mut tables = tables.into_iter();
    let mut next = || tables.next().ok_or_else(|| exec_datafusion_err!("a table was not read"));
    let mut unit_days = Vec::new();
    for (ds, _) in &sweep.unit_days {
        let rows = next()?;
        let values = sweep.components.iter().map(|c| Values::of(&rows, &c.name));
        let values = values.collect::<Result<_>>()?;
        unit_days.push(UnitDay { ds: *ds, units: Units::of(&unit(&rows)?)?, values });
    }
    let mut tasks = Vec::new();
    for task in &sweep.tasks {
        let mut rows_of_task = TaskRows::default();
        for (ds, _) in &task.exposure_days {
            rows_of_task.exposure_days.push(exposure_day(sweep, task, *ds, &next()?)?);
        }
        if task.base.is_some() {
            rows_of_task.base = Some(totals(sweep, task, &next()?)?);
        }
        tasks.push(rows_of_task);
    }
    Ok(Bucket { unit_days, tasks })
}

fn names<'a>(sweep: &'a Sweep, columns: &'a [usize]) -> impl Iterator<Item = String> + 'a {
    columns.iter().map(|c| sweep.components[*c].name.clone())
}

fn exposure_day(
    sweep: &Sweep,
    task: &Task,
    ds: NaiveDate,
    rows: &RecordBatch,
) -> Result<ExposureDay> {
    Ok(ExposureDay {
        ds,
        units: Units::of(&unit(rows)?)?,
        first_exposed: instants(rows)?,
        variant: texts(rows, "variant")?,
        variants: named(rows, "variants")?.as_list::<i32>().clone(),
        segments: segments(task, rows)?,
        values: values(sweep, task, rows)?,
    })
}

fn totals(sweep: &Sweep, task: &Task, rows: &RecordBatch) -> Result<Totals> {
    // A state is what the total is taken from.
    let goes_on_from = |total: &Total| {
        let state = sweep.state(total);
        Values::of(rows, state.as_deref().unwrap_or(&total.name))
    };
    let rest = |total: &Total| {
        let rest = sweep.rest(total).filter(|_| sweep.state(total).is_none());
        rest.map(|rest| Ok(named(rows, &rest)?.as_binary::<i32>().clone())).transpose()
    };
    Ok(Totals {
        units: Units::of(&unit(rows)?)?,
        first_exposed: instants(rows)?,
        exposure_ds: named(rows, "exposure_ds")?.as_primitive::<Date32Type>().clone(),
        variant: texts(rows, "variant")?,
        several_variants: named(rows, "several_variants")?.as_boolean().clone(),
        segments: segments(task, rows)?,
        values: task.kept(sweep).map(goes_on_from).collect::<Result<_>>()?,
        rests: task.kept(sweep).map(rest).collect::<Result<_>>()?,
        covariates: task
            .covariates
            .iter()
            .map(|c| Values::of(rows, &sweep.covariates[*c].name))
            .collect::<Result<_>>()?,
    })
}

fn named<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a dyn Array> {
    let column = rows.column_by_name(name).map(AsRef::as_ref);
    column.ok_or_else(|| exec_datafusion_err!("there is no column {name}"))
}

fn unit(rows: &RecordBatch) -> Result<ArrayRef> {
    let column = rows.column_by_name("unit").map(Arc::clone);
    column.ok_or_else(|| exec_datafusion_err!("there is no column unit"))
}

fn texts(rows: &RecordBatch, name: &str) -> Result<StringArray> {
    Ok(named(rows, name)?.as_string::<i32>().clone())
}

fn instants(rows: &RecordBatch) -> Result<TimestampMicrosecondArray> {
    Ok(named(rows, "first_exposed")?.as_primitive::<TimestampMicrosecondType>().clone())
}

fn segments(task: &Task, rows: &RecordBatch) -> Result<Vec<StringArray>> {
    task.segments.iter().map(|s| texts(rows, &format!("segment_{s}"))).collect()
}

fn values(sweep: &Sweep, task: &Task, rows: &RecordBatch) -> Result<Vec<Values>> {
    task.components.iter().map(|c| Values::of(rows, &sweep.components[*c].name)).collect()
}

/// The rows of one bucket of a partition, as one batch.
async fn rows_of_bucket(
    tables: &Location,
    partition: &Partition,
    bucket: u32,
    columns: &[String],
    kept: (&Kept, usize),
) -> Result<RecordBatch> {
    let name = tables.name(&partition.object.location);
    let own = rows_in(partition, bucket)
        .ok_or_else(|| exec_datafusion_err!("{name} has no bucket {bucket}"))?;
    let (kept, place) = kept;
    let slice = |all: &RecordBatch| {
        let inside = own.skip.checked_add(own.rows).is_some_and(|end| end <= all.num_rows());
        let gone = || exec_datafusion_err!("{name} has fewer rows than its footer says");
        inside.then(|| all.slice(own.skip, own.rows)).ok_or_else(gone)
    };
    if let Some(all) = kept.rows[place].get() {
        return slice(all);
    }
    let all = rows_of_groups(tables, partition, own.groups.clone(), columns).await?;
    if all.num_rows() > own.rows {
        kept.keep(place, &all);
    }
    slice(&all)
}

/// The rows of some row groups of a partition, as one batch.
async fn rows_of_groups(
    tables: &Location,
    partition: &Partition,
    groups: Range<usize>,
    columns: &[String],
) -> Result<RecordBatch> {
    let name = tables.name(&partition.object.location);
    let damaged = |e: ParquetError| damaged(&name, &e);
    let footer = Arc::clone(&partition.footer);
    let options = ArrowReaderOptions::new();
    let meta = ArrowReaderMetadata::try_new(footer, options).map_err(damaged)?;
    let roots: Vec<usize> = meta
        .schema()
        .fields()
        .iter()
        .enumerate()
        .filter(|(_, field)| columns.contains(field.name()))
        .map(|(index, _)| index)
        .collect();
    let mask = ProjectionMask::roots(meta.parquet_schema(), roots);
    let bytes = byte_range(partition, groups.clone());
    let data = match bytes.is_empty() {
        true => Default::default(),
        false => tables
            .store
            .get_range(&partition.object.location, bytes.clone())
            .await
            .map_err(|e| DataFusionError::ObjectStore(Box::new(e)))?,
    };
    let part = Part { start: bytes.start, whole: partition.object.size, data };
    let rows = partition.footer.row_groups()[groups.clone()].iter().map(|group| group.num_rows());
    let rows = rows.sum::<i64>().unsigned_abs() as usize;
    let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(part, meta)
        // One batch: nothing is put together afterwards.
        .with_batch_size(rows.max(1))
        .with_row_groups(groups.collect())
        .with_projection(mask)
        .build()
        .map_err(damaged)?;
    let schema = datafusion::arrow::array::RecordBatchReader::schema(&reader);
    let batches: Vec<RecordBatch> = reader.collect::<std::result::Result<_, _>>()?;
    Ok(concat_batches(&schema, &batches)?)
}

fn damaged(name: &str, error: &ParquetError) -> DataFusionError {
    exec_datafusion_err!("{name} cannot be read: {error}")
}

/// Rows of partitions whose buckets share a row group ([`crate::partition::FEW`]): read once for all buckets, as far as there is
/// room. Without room they are read again for each bucket.
#[derive(Debug)]
pub(super) struct Kept {
    /// In the order of [`wanted`].
    rows: Vec<OnceLock<RecordBatch>>,
    /// How many bytes more may be kept.
    room: AtomicUsize,
}

impl Kept {
    pub(super) fn of(sweep: &Sweep) -> Kept {
        let rows = std::iter::repeat_with(OnceLock::new).take(wanted(sweep).len()).collect();
        Kept { rows, room: AtomicUsize::new(sweep.room_for_few) }
    }

    fn keep(&self, place: usize, rows: &RecordBatch) {
        let bytes = rows.get_array_memory_size();
        let taken = self.room.fetch_update(Relaxed, Relaxed, |room| room.checked_sub(bytes));
        if taken.is_ok() && self.rows[place].set(rows.clone()).is_err() {
            // Another thread was faster, and its rows are the same.
            self.room.fetch_add(bytes, Relaxed);
        }
    }
}

/// Where a bucket's rows are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RowsIn {
    /// The row groups that they are in.
    pub(super) groups: Range<usize>,
    /// How many rows of those are of buckets before.
    pub(super) skip: usize,
    pub(super) rows: usize,
}

/// The rows of a bucket: in row groups of its own, or in one with all others.
pub(super) fn rows_in(partition: &Partition, bucket: u32) -> Option<RowsIn> {
    let buckets = &partition.made.as_ref()?.buckets;
    let sizes = partition.footer.row_groups().iter().map(|group| group.num_rows().unsigned_abs());
    place_of(buckets, bucket, sizes)
}

fn place_of(buckets: &[u64], bucket: u32, sizes: impl Iterator<Item = u64>) -> Option<RowsIn> {
    let own = *buckets.get(bucket as usize)?;
    let before: u64 = buckets[..bucket as usize].iter().sum();
    let ends: Vec<u64> = sizes
        .scan(0, |end, size| {
            *end += size;
            Some(*end)
        })
        .collect();
    let first = ends.partition_point(|end| *end <= before);
    let last = ends.partition_point(|end| *end < before + own);
    let groups = if own == 0 { first..first } else { first..(last + 1).min(ends.len()) };
    let begin = if groups.is_empty() || first == 0 { 0 } else { ends[first - 1] };
    let skip = if groups.is_empty() { 0 } else { before - begin };
    Some(RowsIn { groups, skip: usize::try_from(skip).ok()?, rows: usize::try_from(own).ok()? })
}

/// Where the row groups lie in the file.
fn byte_range(partition: &Partition, groups: Range<usize>) -> Range<u64> {
    let of_columns = partition.footer.row_groups()[groups].iter().flat_map(|group| group.columns());
    let ranges = of_columns.map(|column| column.byte_range());
    ranges.map(|(start, length)| start..start + length).fold(0..0, |all, one| {
        if all.is_empty() { one } else { all.start.min(one.start)..all.end.max(one.end) }
    })
}

/// A part of a file that stands for the whole: nothing else of it is read.
#[derive(Debug)]
pub(crate) struct Part {
    start: u64,
    whole: u64,
    data: bytes::Bytes,
}

impl Part {
    /// What begins at `start`, of a file whose end nobody asks for.
    pub(crate) fn new(start: u64, data: bytes::Bytes) -> Part {
        Part { start, whole: start + data.len() as u64, data }
    }

    /// The row groups that lie in it, of those in the footer.
    pub(crate) fn groups(&self, footer: &ParquetMetaData) -> Vec<usize> {
        let own = self.start..self.start + self.data.len() as u64;
        let begins = |group: &RowGroupMetaData| {
            let first = group.columns().first().map(|column| column.byte_range().0);
            first.is_some_and(|first| own.contains(&first))
        };
        let groups = footer.row_groups().iter().enumerate();
        groups.filter(|(_, group)| begins(group)).map(|(at, _)| at).collect()
    }
}

impl Length for Part {
    fn len(&self) -> u64 {
        self.whole
    }
}

impl Part {
    fn slice(&self, from: u64, length: Option<usize>) -> ParquetResult<bytes::Bytes> {
        let outside = || ParquetError::EOF("a read outside the bucket's bytes".into());
        let from = from.checked_sub(self.start).and_then(|f| usize::try_from(f).ok());
        let from = from.filter(|from| *from <= self.data.len()).ok_or_else(outside)?;
        let end = length.map_or(Some(self.data.len()), |length| from.checked_add(length));
        let end = end.filter(|end| *end <= self.data.len()).ok_or_else(outside)?;
        Ok(self.data.slice(from..end))
    }
}

impl ChunkReader for Part {
    type T = std::io::Cursor<bytes::Bytes>;

    fn get_read(&self, start: u64) -> ParquetResult<Self::T> {
        Ok(std::io::Cursor::new(self.slice(start, None)?))
    }

    fn get_bytes(&self, start: u64, length: usize) -> ParquetResult<bytes::Bytes> {
        self.slice(start, Some(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_found_in_row_groups_of_its_own_and_in_one_with_others() {
        let at = |groups, skip, rows| Some(RowsIn { groups, skip, rows });
        let place = |bucket, sizes: &[u64]| place_of(&[3, 0, 5, 2], bucket, sizes.iter().copied());
        for (bucket, own, shared) in [
            (0, at(0..1, 0, 3), at(0..1, 0, 3)),
            (1, at(1..1, 0, 0), at(0..0, 0, 0)),
            (2, at(1..2, 0, 5), at(0..1, 3, 5)),
            (3, at(2..3, 0, 2), at(0..1, 8, 2)),
            (4, None, None),
        ] {
            assert_eq!(place(bucket, &[3, 5, 2]), own, "{bucket}");
            assert_eq!(place(bucket, &[10]), shared, "{bucket}");
        }
        // Of several row groups each, and of none at all.
        assert_eq!(place(2, &[1, 2, 4, 1, 2]), at(2..4, 0, 5));
        assert_eq!(place_of(&[0, 0], 1, std::iter::empty()), at(0..0, 0, 0));
        // A footer that has fewer rows than it says: no place outside.
        assert_eq!(place(3, &[3, 5]), at(2..2, 0, 2));
    }
}
