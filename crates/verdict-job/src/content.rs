//! A digest of rows that does not depend on their order, nor on how they lie in row groups and buckets.
//!
//! What is made from a partition depends on what the partition says, so its digest must not change with the number of
//! buckets. Each row is hashed to 128 bits, and those are added: equal multisets of rows give equal sums. It tells
//! accidents apart (two different contents agree with probability 2⁻¹²⁸ or so), it is no defence against forgery.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int32Type, Int64Type, Schema, TimeUnit,
    TimestampMicrosecondType,
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fingerprint::hex;
use crate::{Error, Result};

/// One odd constant a lane: the fractional parts of the golden ratio and of √3.
const LANES: [u64; 2] = [0x9e37_79b9_7f4a_7c15, 0xbb67_ae85_84ca_a73b];

/// Stands for a null, and for the border between the items of a list.
const NULL: u64 = 0x6e75_6c6c;
const ITEM: u64 = 0x6974_656d;

type Lanes = [u64; 2];

/// The digest of a table's rows, as far as they have been pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    rows: u64,
    sum: Lanes,
}

impl Content {
    /// Adds rows.
    ///
    /// # Errors
    /// A column of a type that no table has.
    pub(crate) fn push(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rows = vec![LANES; batch.num_rows()];
        for (index, column) in batch.columns().iter().enumerate() {
            fold_column(&mut rows, column, finish(LANES[0].wrapping_mul(index as u64 + 1)))?;
        }
        self.rows += rows.len() as u64;
        for row in rows {
            for (sum, lane) in self.sum.iter_mut().zip(row) {
                *sum = sum.wrapping_add(finish(lane));
            }
        }
        Ok(())
    }

    /// Adds rows that were pushed elsewhere.
    pub(crate) fn add(&mut self, other: &Content) {
        self.rows += other.rows;
        for (sum, own) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(own);
        }
    }

    /// The digest, with the names and types of the columns.
    pub(crate) fn digest(&self, schema: &Schema) -> String {
        let mut hash = Sha256::new();
        for field in schema.fields() {
            hash.update(format!("{} {} {};", field.name(), field.data_type(), field.is_nullable()));
        }
        hash.update(format!("{} {:016x} {:016x}", self.rows, self.sum[0], self.sum[1]));
        hex(&hash.finalize())
    }
}

/// Takes a word into a row's lanes: a multiplication to 128 bits, folded.
fn fold(row: &mut Lanes, word: u64) {
    for (lane, constant) in row.iter_mut().zip(LANES) {
        let product = u128::from(*lane ^ word.wrapping_add(constant)) * u128::from(constant);
        *lane = (product as u64) ^ ((product >> 64) as u64).rotate_left(29);
    }
}

/// The finaliser of splitmix64.
fn finish(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn fold_bytes(row: &mut Lanes, bytes: &[u8]) {
    fold(row, bytes.len() as u64);
    let (words, tail) = bytes.as_chunks::<8>();
    for word in words {
        fold(row, u64::from_le_bytes(*word));
    }
    if !tail.is_empty() {
        let mut last = [0; 8];
        last[..tail.len()].copy_from_slice(tail);
        fold(row, u64::from_le_bytes(last));
    }
}

/// Each row with the word that the column has there.
fn words(rows: &mut [Lanes], column: &ArrayRef, own: u64, words: impl Iterator<Item = u64>) {
    match column.nulls() {
        None => rows.iter_mut().zip(words).for_each(|(row, word)| fold(row, word ^ own)),
        Some(nulls) => {
            for ((row, word), valid) in rows.iter_mut().zip(words).zip(nulls) {
                fold(row, if valid { word ^ own } else { NULL ^ own.rotate_left(32) });
            }
        }
    }
}

/// Each row with what the column has there.
fn each<T>(
    rows: &mut [Lanes],
    own: u64,
    values: impl Iterator<Item = Option<T>>,
    mut of: impl FnMut(&mut Lanes, T),
) {
    for (row, value) in rows.iter_mut().zip(values) {
        match value {
            Some(value) => {
                fold(row, own);
                of(row, value);
            }
            None => fold(row, NULL ^ own.rotate_left(32)),
        }
    }
}

/// `own` is the column's: equal values of two columns are not the same.
fn fold_column(rows: &mut [Lanes], column: &ArrayRef, own: u64) -> Result<()> {
    match column.data_type() {
        DataType::Utf8 => {
            each(rows, own, column.as_string::<i32>().iter(), |r, v| fold_bytes(r, v.as_bytes()));
        }
        DataType::Binary => each(rows, own, column.as_binary::<i32>().iter(), fold_bytes),
        DataType::Boolean => {
            words(rows, column, own, column.as_boolean().values().iter().map(u64::from));
        }
        DataType::Int32 => {
            let values = column.as_primitive::<Int32Type>().values();
            words(rows, column, own, values.iter().map(|v| i64::from(*v) as u64));
        }
        DataType::Date32 => {
            let values = column.as_primitive::<Date32Type>().values();
            words(rows, column, own, values.iter().map(|v| i64::from(*v) as u64));
        }
        DataType::Int64 => {
            let values = column.as_primitive::<Int64Type>().values();
            words(rows, column, own, values.iter().map(|v| *v as u64));
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let values = column.as_primitive::<TimestampMicrosecondType>().values();
            words(rows, column, own, values.iter().map(|v| *v as u64));
        }
        DataType::Float64 => {
            let values = column.as_primitive::<Float64Type>().values();
            words(rows, column, own, values.iter().map(|v| v.to_bits()));
        }
        DataType::List(item) if *item.data_type() == DataType::Utf8 => {
            let lists = column.as_list::<i32>();
            let (offsets, items) = (lists.value_offsets(), lists.values().as_string::<i32>());
            for (at, row) in rows.iter_mut().enumerate() {
                fold(row, if lists.is_null(at) { NULL ^ own.rotate_left(32) } else { own });
                for item in offsets[at] as usize..offsets[at + 1] as usize {
                    fold(row, ITEM);
                    let text = if items.is_null(item) { "" } else { items.value(item) };
                    fold_bytes(row, text.as_bytes());
                }
            }
        }
        DataType::List(item) if matches!(item.data_type(), DataType::Int64 | DataType::Float64) => {
            let lists = column.as_list::<i32>();
            let (offsets, items) = (lists.value_offsets(), lists.values());
            let words: Vec<u64> = match items.as_primitive_opt::<Int64Type>() {
                Some(items) => items.values().iter().map(|v| *v as u64).collect(),
                None => items
                    .as_primitive::<Float64Type>()
                    .values()
                    .iter()
                    .map(|v| v.to_bits())
                    .collect(),
            };
            for (at, row) in rows.iter_mut().enumerate() {
                fold(row, if lists.is_null(at) { NULL ^ own.rotate_left(32) } else { own });
                let from = offsets[at] as usize;
                let own = &words[from..offsets[at + 1] as usize];
                for (item, word) in (from..).zip(own) {
                    fold(row, ITEM);
                    fold(row, if items.is_null(item) { NULL } else { *word });
                }
            }
        }
        other => {
            return Err(Error::Internal(format!("no table has a column of the type {other}")));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Float64Array, Int64Array, StringArray};

    use super::*;

    fn batch(units: &[&str], x: &[Option<i64>], y: &[f64]) -> RecordBatch {
        RecordBatch::try_from_iter_with_nullable([
            ("unit", Arc::new(StringArray::from(units.to_vec())) as ArrayRef, false),
            ("x", Arc::new(Int64Array::from(x.to_vec())), true),
            ("y", Arc::new(Float64Array::from(y.to_vec())), true),
        ])
        .unwrap()
    }

    fn digest(batches: &[RecordBatch]) -> String {
        let mut content = Content::default();
        batches.iter().for_each(|batch| content.push(batch).unwrap());
        content.digest(&batches[0].schema())
    }

    #[test]
    fn order_and_batches_do_not_show() {
        let whole = batch(&["a", "b", "c"], &[Some(1), None, Some(3)], &[0.5, 1.5, -0.0]);
        let first = batch(&["c", "a"], &[Some(3), Some(1)], &[-0.0, 0.5]);
        let second = batch(&["b"], &[None], &[1.5]);
        assert_eq!(digest(&[whole]), digest(&[first, second]));
    }

    #[test]
    fn every_difference_shows() {
        let digests = [
            digest(&[batch(&["a", "b"], &[Some(1), Some(2)], &[0.0, 0.0])]),
            digest(&[batch(&["a", "b"], &[Some(2), Some(1)], &[0.0, 0.0])]),
            digest(&[batch(&["b", "a"], &[Some(1), None], &[0.0, 0.0])]),
            digest(&[batch(&["a", "b"], &[Some(1), Some(2)], &[0.0, -0.0])]),
            digest(&[batch(&["a", "b\0"], &[Some(1), Some(2)], &[0.0, 0.0])]),
            digest(&[batch(&["a"], &[Some(1)], &[0.0])]),
            digest(&[batch(&["a", "a"], &[Some(1), Some(1)], &[0.0, 0.0])]),
        ];
        let distinct: std::collections::BTreeSet<&String> = digests.iter().collect();
        assert_eq!(distinct.len(), digests.len());
    }
}
