//! `exact_sum` and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float64Array, Int64Array, new_null_array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Decimal128Type, Float64Type, Int64Type};
use datafusion::common::{Result, exec_err};
use verdict_accum::ExactSum;

use crate::kernel::{Call, Kernel, validity};
use crate::moments::binary;

/// A 128-bit integer; every sum of BIGINTs has fewer digits.
pub(crate) const INTEGER_STATE: DataType = DataType::Decimal128(38, 0);

/// Sums of BIGINT.
#[derive(Debug)]
pub(crate) struct IntegerSum {
    pub(crate) call: Call,
}

/// A sum that knows whether it has rows: without any it is NULL, as SUM is.
#[derive(Debug, Default)]
pub(crate) struct Seen<T> {
    sum: T,
    rows: i64,
}

impl Kernel for IntegerSum {
    type Value = Seen<i128>;

    fn update(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        let column = args[0].as_primitive::<Int64Type>().values();
        for (row, place) in rows {
            values[place].sum += i128::from(column[row]);
            values[place].rows += 1;
        }
        Ok(())
    }

    fn update_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        let column = args[0].as_primitive::<Int64Type>().values();
        value.sum += column.chunks(CHUNK).map(sum_of_chunk).sum::<i128>();
        value.rows += column.len() as i64;
        Ok(())
    }

    fn retract(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        let column = args[0].as_primitive::<Int64Type>().values();
        for (row, place) in rows {
            values[place].sum -= i128::from(column[row]);
            values[place].rows -= 1;
        }
        Ok(())
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        let column = states[0].as_primitive::<Decimal128Type>();
        for (row, place) in rows.filter(|&(row, _)| column.is_valid(row)) {
            values[place].sum += column.value(row);
            values[place].rows += 1;
        }
        Ok(())
    }

    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        let column = args[0].as_primitive::<Int64Type>().values();
        let sums: Vec<i128> = column.iter().map(|&x| i128::from(x)).collect();
        let sums = Decimal128Array::new(sums.into(), taken.cloned());
        Ok(vec![Arc::new(sums.with_data_type(INTEGER_STATE))])
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let nulls = validity(values.iter().map(|v| v.rows != 0));
        let sums: Vec<i128> = values.iter().map(|v| v.sum).collect();
        Ok(vec![Arc::new(Decimal128Array::new(sums.into(), nulls).with_data_type(INTEGER_STATE))])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        let nulls = validity(values.iter().map(|v| v.rows != 0));
        let sums = values.iter().map(|v| match i64::try_from(v.sum) {
            Ok(sum) => Ok(sum),
            Err(_) => {
                exec_err!(
                    "`{}`: the total {} does not fit in BIGINT; sum the argument as DOUBLE",
                    self.call,
                    v.sum
                )
            }
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

/// What comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    Doubles,
    States,
}

/// What goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    Double,
    State,
}

/// Sums of DOUBLE.
///
/// The state is three columns: the sum as two doubles, and, where those do not hold it, its bytes. All are
/// NULL without rows. Nearly every sum is two doubles, and columns of fixed width are as fast as SUM's.
#[derive(Debug)]
pub(crate) struct DoubleSum {
    pub(crate) call: Call,
    pub(crate) input: Input,
    pub(crate) output: Output,
}

impl DoubleSum {
    fn each_state(
        &self,
        column: &ArrayRef,
        rows: impl Iterator<Item = (usize, usize)>,
        mut each: impl FnMut(usize, ExactSum),
    ) -> Result<()> {
        let column = column.as_binary::<i32>();
        for (row, place) in rows.filter(|&(row, _)| column.is_valid(row)) {
            each(place, ExactSum::from_bytes(column.value(row)).map_err(|e| self.call.refusal(e))?);
        }
        Ok(())
    }
}

impl Kernel for DoubleSum {
    type Value = Seen<ExactSum>;

    fn update(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        match self.input {
            Input::Doubles => {
                let column = args[0].as_primitive::<Float64Type>().values();
                for (row, place) in rows {
                    let value = &mut values[place];
                    value.sum.push(column[row]).map_err(|e| self.call.refusal_of(e, args, row))?;
                    value.rows += 1;
                }
                Ok(())
            }
            Input::States => self.each_state(&args[0], rows, |place, sum| {
                values[place].sum.merge(&sum);
                values[place].rows += 1;
            }),
        }
    }

    fn update_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        let rows = 0..args[0].len();
        if let Input::States = self.input {
            return self.update(args, rows.map(|row| (row, 0)), std::slice::from_mut(value));
        }
        let column = args[0].as_primitive::<Float64Type>().values();
        value.rows += column.len() as i64;
        value.sum.push_all(column).map_err(|e| {
            let culprit = column.iter().position(|x| !x.is_finite()).unwrap_or(0);
            self.call.refusal_of(e, args, culprit)
        })
    }

    fn retract(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        match self.input {
            Input::Doubles => {
                let column = args[0].as_primitive::<Float64Type>().values();
                for (row, place) in rows {
                    let value = &mut values[place];
                    value
                        .sum
                        .push_weighted(-1, column[row])
                        .map_err(|e| self.call.refusal_of(e, args, row))?;
                    value.rows -= 1;
                }
                Ok(())
            }
            Input::States => self.each_state(&args[0], rows, |place, sum| {
                values[place].sum.retract(&sum);
                values[place].rows -= 1;
            }),
        }
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        let [high, low] = [&states[0], &states[1]].map(|c| c.as_primitive::<Float64Type>());
        let bytes = states[2].as_binary::<i32>();
        for (row, place) in rows {
            let sum = &mut values[place].sum;
            if high.is_valid(row) {
                sum.push_pair([high.value(row), low.value(row)])
                    .map_err(|e| self.call.refusal(e))?;
            } else if bytes.is_valid(row) {
                let other = ExactSum::from_bytes(bytes.value(row));
                sum.merge(&other.map_err(|e| self.call.refusal(e))?);
            } else {
                continue;
            }
            values[place].rows += 1;
        }
        Ok(())
    }

    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        if let (Input::Doubles, None) = (self.input, taken) {
            let column = args[0].as_primitive::<Float64Type>().values();
            if column.iter().all(|x| x.is_finite()) {
                let low = Float64Array::from(vec![0.0; column.len()]);
                let bytes = new_null_array(&DataType::Binary, column.len());
                return Ok(vec![Arc::clone(&args[0]), Arc::new(low), bytes]);
            }
        }
        // Not all rows, or one to be refused.
        let mut values = Vec::new();
        values.resize_with(args[0].len(), Self::Value::default);
        let rows = 0..args[0].len();
        let taken = rows.filter(|&row| taken.is_none_or(|mask| mask.is_valid(row)));
        self.update(args, taken.map(|row| (row, row)), &mut values)?;
        self.state(&values)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let pairs: Vec<Option<[f64; 2]>> =
            values.iter().map(|v| if v.rows == 0 { None } else { v.sum.to_pair() }).collect();
        let nulls = validity(pairs.iter().map(Option::is_some));
        let bytes: ArrayRef = if nulls.is_none() {
            new_null_array(&DataType::Binary, values.len())
        } else {
            let others = values
                .iter()
                .zip(&pairs)
                .map(|(v, pair)| (v.rows != 0 && pair.is_none()).then_some(v));
            binary(&self.call, others.map(|v| v.map(|v| v.sum.to_bytes())))?
        };
        let column = |of: usize| -> ArrayRef {
            let doubles: Vec<f64> = pairs.iter().map(|pair| pair.unwrap_or_default()[of]).collect();
            Arc::new(Float64Array::new(doubles.into(), nulls.clone()))
        };
        Ok(vec![column(0), column(1), bytes])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        if let Output::State = self.output {
            return binary(
                &self.call,
                values.iter().map(|v| (v.rows != 0).then(|| v.sum.to_bytes())),
            );
        }
        let nulls = validity(values.iter().map(|v| v.rows != 0));
        let sums = values.iter().map(|v| match v.sum.to_f64() {
            Some(sum) => Ok(sum),
            None => exec_err!("`{}`: the total lies beyond the largest DOUBLE", self.call),
        });
        Ok(Arc::new(Float64Array::new(sums.collect::<Result<Vec<_>>>()?.into(), nulls)))
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.sum.heap_size()
    }
}
