//! The names of units, as they are sorted: by bucket, then by name.
//!
//! A bucket is a hash of the name: units are spread over buckets, so that work on them can be cut into parts that know
//! nothing of each other.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Int64Array, StringArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

/// A column of units: text or 64-bit integers.
#[derive(Clone, Debug)]
pub(crate) enum Units {
    Texts(StringArray),
    Numbers(Int64Array),
}

impl Units {
    /// # Errors
    /// Units of another type.
    pub(crate) fn of(column: &ArrayRef) -> Result<Units> {
        match column.data_type() {
            DataType::Int64 => Ok(Units::Numbers(column.as_primitive::<Int64Type>().clone())),
            ty if ty.is_string() => {
                Ok(Units::Texts(cast(column, &DataType::Utf8)?.as_string::<i32>().clone()))
            }
            other => Err(exec_datafusion_err!("units are {other}")),
        }
    }

    pub(crate) fn len(&self) -> usize {
        match self {
            Units::Texts(v) => v.len(),
            Units::Numbers(v) => v.len(),
        }
    }

    /// A number that is sorted as the unit is: the first sixteen bytes of its name, or the number itself.
    pub(crate) fn key(&self, row: usize) -> u128 {
        match self {
            Units::Numbers(numbers) => u128::from((numbers.value(row) as u64) ^ (1 << 63)),
            Units::Texts(texts) => key_of(texts.value(row).as_bytes()),
        }
    }

    /// Whether two units of one key may differ: a long name, or one that ends in a zero byte.
    pub(crate) fn are_odd(&self) -> bool {
        match self {
            Units::Numbers(_) => false,
            Units::Texts(texts) => {
                texts.iter().flatten().any(|t| t.len() > 16 || t.as_bytes().last() == Some(&0))
            }
        }
    }

    /// The order of two units of one key.
    pub(crate) fn compare(&self, row: usize, other: &Units, other_row: usize) -> Ordering {
        match (self, other) {
            (Units::Texts(a), Units::Texts(b)) => a.value(row).cmp(b.value(other_row)),
            (Units::Numbers(a), Units::Numbers(b)) => a.value(row).cmp(&b.value(other_row)),
            // One table's units are of one type; where they were not, an error has said so before.
            (Units::Numbers(_), Units::Texts(_)) => Ordering::Less,
            (Units::Texts(_), Units::Numbers(_)) => Ordering::Greater,
        }
    }
}

/// The first sixteen bytes as a number that is sorted as they are; zeros stand for those that are not there.
///
/// Whole words are read where there are any, the last of them up to the name's end: a copy of so few bytes whose number is
/// not known is a call.
pub(crate) fn key_of(bytes: &[u8]) -> u128 {
    if let Some(all) = bytes.first_chunk::<16>() {
        return u128::from_be_bytes(*all);
    }
    let missing = 8 * (16 - bytes.len());
    if let (Some(first), Some(last)) = (bytes.first_chunk::<8>(), bytes.last_chunk::<8>()) {
        let (first, last) = (u64::from_be_bytes(*first), u64::from_be_bytes(*last));
        // The last word begins within the first, unless there is nothing behind that.
        let rest = if missing == 64 { 0 } else { last << missing };
        return u128::from(first) << 64 | u128::from(rest);
    }
    let joined = bytes.iter().fold(0, |key: u128, byte| key << 8 | u128::from(*byte));
    if bytes.is_empty() { 0 } else { joined << missing }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[test]
    fn a_key_is_the_first_sixteen_bytes() {
        let bytes: Vec<u8> = (0..40_u8).map(|i| 0xf1 ^ i.wrapping_mul(37)).collect();
        for length in 0..bytes.len() {
            let mut padded = [0; 16];
            padded[..length.min(16)].copy_from_slice(&bytes[..length.min(16)]);
            assert_eq!(key_of(&bytes[..length]), u128::from_be_bytes(padded), "{length} bytes");
        }
    }

    #[test]
    fn keys_are_sorted_as_units_are() {
        let names =
            ["", "a", "a\u{0}", "aa", "b", "sixteen bytes, and more", "sixteen bytes, and most"];
        let column: ArrayRef = Arc::new(StringArray::from(names.to_vec()));
        let units = Units::of(&column).unwrap();
        assert!(units.are_odd());
        for row in 1..names.len() {
            let by_key = units.key(row - 1).cmp(&units.key(row));
            assert!(by_key.then_with(|| units.compare(row - 1, &units, row)).is_lt(), "{row}");
        }
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![i64::MIN, -1, 0, 1, i64::MAX]));
        let units = Units::of(&numbers).unwrap();
        assert!((1..5).all(|row| units.key(row - 1) < units.key(row)));
    }
}
