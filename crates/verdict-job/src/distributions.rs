//! Distributions as any engine reads them: states become lists of buckets, in the rows of `group_stats`.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, Float64Builder, Int64Array, Int64Builder, ListBuilder,
    RecordBatch, StringBuilder,
};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use verdict_accum::{Bucket, Categories, Distribution, ExactPairs, ExactValues};

use crate::error::AtStage;
use crate::{Error, Result};

/// Rows of `group_stats` whose column `distribution` has become `n` and the lists `bucket_lower`, `bucket_upper`,
/// `bucket_count`, `bucket_square` and `bucket_product`, or of categories `category` and `category_count`; and `totals` the
/// lists `total_x`, `total_y` and `total_count`.
///
/// # Errors
/// A state is none; a count does not fit in BIGINT.
pub(crate) fn spelled_out(batch: &RecordBatch) -> Result<RecordBatch> {
    let stage = || "group_stats".to_owned();
    let column = |name: &str, ty: &DataType| {
        let column = batch.column_by_name(name);
        let column =
            column.ok_or_else(|| Error::Internal(format!("group_stats has no column `{name}`")))?;
        cast(column, ty).at(stage)
    };
    let states = column("distribution", &DataType::Binary)?;
    let states = states.as_binary::<i32>();
    let counted = column("n", &DataType::Int64)?;
    let counted = counted.as_primitive::<Int64Type>();
    let mut n: Vec<Option<i64>> = counted.iter().collect();
    let mut counts = ListBuilder::new(Int64Builder::new());
    let mut categories = ListBuilder::new(StringBuilder::new());
    let mut of_categories = ListBuilder::new(Int64Builder::new());
    let mut lists: [ListBuilder<Float64Builder>; 4] =
        std::array::from_fn(|_| ListBuilder::new(Float64Builder::new()));
    for (row, n) in n.iter_mut().enumerate() {
        let state = states.is_valid(row).then(|| states.value(row));
        let units_of = state.and_then(|state| Categories::from_bytes(state).ok());
        if let Some(units_of) = &units_of {
            *n = Some(wide(units_of.units())?);
            for (category, count) in units_of.counts() {
                categories.values().append_value(category);
                of_categories.values().append_value(wide(count)?);
            }
        }
        categories.append(units_of.is_some());
        of_categories.append(units_of.is_some());
        let Some(state) = state.filter(|_| units_of.is_none()) else {
            counts.append(false);
            lists.iter_mut().for_each(|list| list.append(false));
            continue;
        };
        let (units, buckets) = buckets(state)?;
        *n = Some(wide(units)?);
        for bucket in buckets {
            counts.values().append_value(wide(bucket.count)?);
            let of = [bucket.lower, bucket.upper, bucket.square as f64, bucket.product as f64];
            for (list, x) in lists.iter_mut().zip(of) {
                list.values().append_value(x);
            }
        }
        counts.append(true);
        lists.iter_mut().for_each(|list| list.append(true));
    }
    let [lower, upper, square, product] = lists.map(|mut list| Arc::new(list.finish()) as ArrayRef);
    let totals = column("totals", &DataType::Binary)?;
    let [total_x, total_y, total_count] = totals_of(totals.as_binary::<i32>())?;
    let more: [(&str, ArrayRef); 11] = [
        ("n", Arc::new(Int64Array::from(n))),
        ("bucket_lower", lower),
        ("bucket_upper", upper),
        ("bucket_count", Arc::new(counts.finish())),
        ("bucket_square", square),
        ("bucket_product", product),
        ("total_x", total_x),
        ("total_y", total_y),
        ("total_count", total_count),
        ("category", Arc::new(categories.finish())),
        ("category_count", Arc::new(of_categories.finish())),
    ];
    let schema = batch.schema();
    let own = schema.fields().iter().map(|field| field.name().as_str()).zip(batch.columns().iter());
    let own = own.filter(|(name, _)| !["n", "distribution", "totals"].contains(name));
    let columns = own.map(|(name, column)| (name, Arc::clone(column))).chain(more);
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, column)| (name, column, true)))
        .at(stage)
}

fn wide(count: i128) -> Result<i64> {
    i64::try_from(count)
        .map_err(|_| Error::Internal(format!("a count of {count} does not fit in BIGINT")))
}

/// The lists of x, of y where totals are pairs, and of how many units have each.
fn totals_of(states: &BinaryArray) -> Result<[ArrayRef; 3]> {
    let mut x = ListBuilder::new(Float64Builder::new());
    let mut y = ListBuilder::new(Float64Builder::new());
    let mut counts = ListBuilder::new(Int64Builder::new());
    for state in states {
        let mut pairs = false;
        if let Some(Ok(values)) = state.map(ExactValues::from_bytes) {
            for ([total], count) in values.values() {
                x.values().append_value(total);
                counts.values().append_value(wide(count)?);
            }
        } else if let Some(state) = state {
            let values = ExactPairs::from_bytes(state);
            let values = values.map_err(|e| Error::Internal(format!("a state: {e}")))?;
            for ([total, of], count) in values.values() {
                x.values().append_value(total);
                y.values().append_value(of);
                counts.values().append_value(wide(count)?);
            }
            pairs = true;
        }
        x.append(state.is_some());
        y.append(pairs);
        counts.append(state.is_some());
    }
    Ok([Arc::new(x.finish()), Arc::new(y.finish()), Arc::new(counts.finish())])
}

/// The units of a state and its buckets; of one by values each is a bucket of its own, and every unit has one.
fn buckets(state: &[u8]) -> Result<(i128, Vec<Bucket>)> {
    if let Ok(values) = ExactValues::from_bytes(state) {
        let bucket = |([x], n): ([f64; 1], i128)| Bucket {
            lower: x,
            upper: x,
            count: n,
            square: n,
            product: n,
        };
        return Ok((values.units(), values.values().map(bucket).collect()));
    }
    let distribution =
        Distribution::from_bytes(state).map_err(|e| Error::Internal(format!("a state: {e}")))?;
    Ok((distribution.units(), distribution.buckets()))
}
