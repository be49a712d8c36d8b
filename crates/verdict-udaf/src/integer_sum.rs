//! `exact_sum` of integers.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Decimal128Array, Int64Array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Int64Type};
use datafusion::common::{Result, exec_err};

use crate::kernel::{Call, Kernel, each_value, validity};

/// A 128-bit integer; every sum of BIGINTs has fewer digits.
pub(crate) const INTEGER_STATE: DataType = DataType::Decimal128(38, 0);

/// Sums of BIGINT.
#[derive(Debug)]
pub(crate) struct IntegerSum {
    pub(crate) call: Call,
}

/// A sum of BIGINTs, or none yet: without rows it is NULL, as SUM is. No sum of fewer than 2^63 of them is as low as
/// the number that stands for none, so that four fit a line of the cache.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaybeInteger(i128);

impl Default for MaybeInteger {
    fn default() -> Self {
        Self(i128::MIN)
    }
}

impl MaybeInteger {
    fn get(self) -> Option<i128> {
        (self.0 != i128::MIN).then_some(self.0)
    }

    #[inline]
    fn add(&mut self, x: i128) {
        self.0 = self.get().unwrap_or(0) + x;
    }

    fn touch(&self) -> u64 {
        self.0 as u64
    }
}

impl Kernel for IntegerSum {
    type Value = MaybeInteger;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        let column = &args[0].as_primitive::<Int64Type>().values()[..places.len()];
        each_value(places, values, MaybeInteger::touch, |row, sum| {
            sum.add(column[row].into());
            Ok(())
        })
    }

    fn update_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        let column = args[0].as_primitive::<Int64Type>().values();
        column.chunks(CHUNK).for_each(|chunk| value.add(sum_of_chunk(chunk)));
        Ok(())
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        let column = args[0].as_primitive::<Int64Type>().values();
        column.chunks(CHUNK).for_each(|chunk| value.add(-sum_of_chunk(chunk)));
        Ok(())
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        let column = states[0].as_primitive::<Decimal128Type>();
        each_value(places, values, MaybeInteger::touch, |row, sum| {
            if column.is_valid(row) {
                sum.add(column.value(row));
            }
            Ok(())
        })
    }

    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        let column = args[0].as_primitive::<Int64Type>().values();
        let sums: Vec<i128> = column.iter().map(|&x| i128::from(x)).collect();
        let sums = Decimal128Array::new(sums.into(), taken.cloned());
        Ok(vec![Arc::new(sums.with_data_type(INTEGER_STATE))])
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let nulls = validity(values.iter().map(|sum| sum.get().is_some()));
        let sums: Vec<i128> = values.iter().map(|sum| sum.get().unwrap_or(0)).collect();
        Ok(vec![Arc::new(Decimal128Array::new(sums.into(), nulls).with_data_type(INTEGER_STATE))])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        let nulls = validity(values.iter().map(|sum| sum.get().is_some()));
        let sums = values.iter().map(|sum| {
            let sum = sum.get().unwrap_or(0);
            i64::try_from(sum).or_else(|_| {
                exec_err!(
                    "`{}`: the total {sum} does not fit in BIGINT; sum the argument as DOUBLE",
                    self.call
                )
            })
        });
        Ok(Arc::new(Int64Array::new(sums.collect::<Result<Vec<_>>>()?.into(), nulls)))
    }

    fn heap_size(_: &Self::Value) -> usize {
        0
    }
}

/// As many halves of integers as fit 64 bits together, and more than a batch has.
const CHUNK: usize = 1 << 31;

/// Halves are added on their own, in vectors. The sign bit is flipped so that both are unsigned.
fn sum_of_chunk(xs: &[i64]) -> i128 {
    let (mut low, mut high) = (0_u64, 0_u64);
    for &x in xs {
        let x = x as u64 ^ 1 << 63;
        low += x & 0xffff_ffff;
        high += x >> 32;
    }
    i128::from(low) + (i128::from(high) << 32) - ((xs.len() as i128) << 63)
}
