//! The day tables from a day's exposures and events: each unit's whole day, and the part after each exposure.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Int64Array, ListBuilder, RecordBatch, StringArray, StringBuilder,
    TimestampMicrosecondArray, UInt32Array,
};
use datafusion::arrow::buffer::{Buffer, OffsetBuffer};
use datafusion::arrow::compute::take;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use crate::events::{Events, Names, Span};
use crate::exposed::{Exposed, First};

/// The rows of each bucket, sorted by unit.
pub(crate) type Buckets = Vec<RecordBatch>;

/// `unit_day`: each unit that has a row in a log of events.
///
/// # Errors
/// A total does not fit its type.
pub(crate) fn unit_day(events: &Events, buckets: u32) -> Result<Buckets> {
    let names = events.names();
    let mut by_bucket: Vec<Vec<(u128, u32)>> = vec![Vec::new(); buckets as usize];
    for unit in events.acted() {
        by_bucket[names.bucket(unit, buckets) as usize].push((names.key(unit), unit));
    }
    let odd = events.is_odd();
    by_bucket
        .iter_mut()
        .map(|units| {
            units.sort_unstable_by(|a, b| match odd {
                true => a.0.cmp(&b.0).then_with(|| names.text(a.1).cmp(names.text(b.1))),
                false => a.0.cmp(&b.0),
            });
            let spans: Vec<Span> = units.iter().map(|(_, unit)| events.whole(*unit)).collect();
            let units = names_of(names, units.iter().map(|(_, unit)| *unit))?;
            batch(std::iter::once(("unit".to_owned(), units)).chain(events.over(&spans)?))
        })
        .collect()
}

/// `exposure_day` of an experiment (by its place in [`Exposed::experiments`]): each unit exposed on the day.
///
/// # Errors
/// A total does not fit its type.
pub(crate) fn exposure_day(
    events: &Events,
    exposed: &Exposed,
    experiment: usize,
    dimensions: &[String],
    buckets: u32,
) -> Result<Buckets> {
    let mut first = exposed.first[experiment].as_slice();
    (0..buckets)
        .map(|bucket| {
            let end = first.partition_point(|one| one.bucket <= bucket);
            let (own, rest) = first.split_at(end);
            first = rest;
            exposures(events, exposed, experiment, dimensions, own)
        })
        .collect()
}

fn exposures(
    events: &Events,
    exposed: &Exposed,
    experiment: usize,
    dimensions: &[String],
    first: &[First],
) -> Result<RecordBatch> {
    let arms = &exposed.experiments[experiment];
    let mut variant = StringBuilder::new();
    let mut variants = ListBuilder::new(StringBuilder::new());
    for one in first {
        variant.append_value(&arms.variants[one.variant as usize]);
        for met in exposed.met(one) {
            variants.values().append_value(&arms.variants[*met as usize]);
        }
        variants.append(true);
    }
    let times: TimestampMicrosecondArray = first.iter().map(|one| Some(one.at)).collect();
    let mut table: Vec<(String, ArrayRef)> = vec![
        ("unit".into(), names_of(events.names(), first.iter().map(|one| one.unit))?),
        ("first_exposed".into(), Arc::new(times.with_timezone("UTC"))),
        ("variant".into(), Arc::new(variant.finish())),
        ("variants".into(), Arc::new(variants.finish())),
    ];
    let rows: UInt32Array = first.iter().map(|one| one.row).collect();
    for (dimension, column) in dimensions.iter().zip(exposed.segments(experiment)) {
        table.push((format!("segment_{dimension}"), take(column, &rows, None)?));
    }
    let spans: Vec<Span> = first.iter().map(|one| events.after(one.unit, one.at)).collect();
    batch(table.into_iter().chain(events.over(&spans)?))
}

fn names_of(names: &Names, units: impl ExactSizeIterator<Item = u32>) -> Result<ArrayRef> {
    if let Names::Numbers(numbers) = names {
        let units: Int64Array = units.map(|unit| Some(numbers[unit as usize])).collect();
        return Ok(Arc::new(units));
    }
    let mut bytes = Vec::new();
    let mut lengths = Vec::with_capacity(units.len());
    for unit in units {
        let text = names.text(unit);
        bytes.extend_from_slice(text);
        lengths.push(text.len());
    }
    if i32::try_from(bytes.len()).is_err() {
        return Err(exec_datafusion_err!(
            "the names of one bucket's units have more than 2 GiB; set `buckets` to more"
        ));
    }
    let offsets = OffsetBuffer::from_lengths(lengths);
    Ok(Arc::new(StringArray::try_new(offsets, Buffer::from_vec(bytes), None)?))
}

fn batch(columns: impl Iterator<Item = (String, ArrayRef)>) -> Result<RecordBatch> {
    let columns = columns.map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}
