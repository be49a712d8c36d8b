//! `exact_sum` of doubles, and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Float64Array, new_null_array};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::{Result, exec_err};
use verdict_accum::ExactSum;

use crate::kernel::{Call, Kernel, each_value, validity};
use crate::moments::binary;

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

/// A sum, and whether it has rows: without any it is NULL, as SUM is. Two fit a line of the cache, and none lies across two.
#[derive(Debug, Default)]
#[repr(align(32))]
pub(crate) struct MaybeSum {
    sum: ExactSum,
    seen: bool,
}

impl MaybeSum {
    fn touch(&self) -> u64 {
        u64::from(self.seen)
    }
}

impl DoubleSum {
    /// Adds stored states, or takes them away.
    fn each_state(
        &self,
        column: &ArrayRef,
        places: &[usize],
        values: &mut [MaybeSum],
        add: bool,
    ) -> Result<()> {
        let column = column.as_binary::<i32>();
        each_value(places, values, MaybeSum::touch, |row, value| {
            if column.is_valid(row) {
                let state = ExactSum::from_bytes(column.value(row));
                let state = state.map_err(|e| self.call.refusal(e))?;
                if add {
                    value.sum.merge(&state)
                } else {
                    value.sum.retract(&state)
                }
                value.seen = true;
            }
            Ok(())
        })
    }
}

impl Kernel for DoubleSum {
    type Value = MaybeSum;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        if let Input::States = self.input {
            return self.each_state(&args[0], places, values, true);
        }
        let column = &args[0].as_primitive::<Float64Type>().values()[..places.len()];
        each_value(places, values, MaybeSum::touch, |row, value| {
            value.seen = true;
            value.sum.push(column[row]).map_err(|e| self.call.refusal_of(e, args, row))
        })
    }

    fn update_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        if let Input::States = self.input {
            let places = vec![0; args[0].len()];
            return self.each_state(&args[0], &places, std::slice::from_mut(value), true);
        }
        let column = args[0].as_primitive::<Float64Type>().values();
        value.seen |= !column.is_empty();
        value.sum.push_all(column).map_err(|e| {
            let culprit = column.iter().position(|x| !x.is_finite()).unwrap_or(0);
            self.call.refusal_of(e, args, culprit)
        })
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        if let Input::States = self.input {
            let places = vec![0; args[0].len()];
            return self.each_state(&args[0], &places, std::slice::from_mut(value), false);
        }
        let column = args[0].as_primitive::<Float64Type>().values();
        for (row, &x) in column.iter().enumerate() {
            value.sum.push(-x).map_err(|e| self.call.refusal_of(e, args, row))?;
        }
        Ok(())
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        let [high, low] = [&states[0], &states[1]].map(|c| c.as_primitive::<Float64Type>());
        let bytes = states[2].as_binary::<i32>();
        each_value(places, values, MaybeSum::touch, |row, value| {
            if high.is_valid(row) {
                value.seen = true;
                value.sum.push_pair([high.value(row), low.value(row)])
            } else if bytes.is_valid(row) {
                value.seen = true;
                ExactSum::from_bytes(bytes.value(row)).map(|other| value.sum.merge(&other))
            } else {
                Ok(())
            }
            .map_err(|e| self.call.refusal(e))
        })
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
        self.convert_each(args, taken)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let pairs: Vec<Option<[f64; 2]>> =
            values.iter().map(|v| v.seen.then(|| v.sum.to_pair()).flatten()).collect();
        let nulls = validity(pairs.iter().map(Option::is_some));
        let bytes: ArrayRef = if nulls.is_none() {
            new_null_array(&DataType::Binary, values.len())
        } else {
            let others =
                values.iter().zip(&pairs).map(|(v, pair)| (v.seen && pair.is_none()).then_some(v));
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
            return binary(&self.call, values.iter().map(|v| (v.seen).then(|| v.sum.to_bytes())));
        }
        let nulls = validity(values.iter().map(|v| v.seen));
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
