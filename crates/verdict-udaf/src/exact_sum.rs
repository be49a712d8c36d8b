//! `exact_sum` of doubles, and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewArray, BinaryViewBuilder, Float64Array,
};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::Float64Type;
use datafusion::common::{Result, exec_err};
use verdict_accum::{AccumError, ExactSum};

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
/// The state is one column of bytes, NULL without rows: a double of eight bytes where it holds the sum; the two doubles that
/// hold nearly every other; or, after as many zeros, the bytes of [`ExactSum`]. Eight bytes lie in the view itself: where
/// groups are so many that rows go to the last aggregation one by one, they are a column of fixed width, as SUM's are.
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

/// Bytes of the two doubles of a state.
const PAIR: usize = 16;

/// A view of the eight bytes of a double: their number in the lowest 32 bits, and then they.
fn view_of(x: f64) -> u128 {
    8 | u128::from(x.to_bits()) << 32
}

/// The double of a view of eight bytes.
#[inline]
fn double_of(view: u128) -> Option<f64> {
    (view as u32 == 8).then(|| f64::from_bits((view >> 32) as u64))
}

/// Adds a state of more than a double.
fn push_bytes(sum: &mut ExactSum, bytes: &[u8]) -> Result<(), AccumError> {
    match bytes.split_at_checked(PAIR) {
        Some((pair, [])) => {
            let (high, low) = pair.split_at(PAIR / 2);
            let double = |bytes: &[u8]| {
                bytes.try_into().map_or(f64::NAN, |bytes| f64::from_bits(u64::from_le_bytes(bytes)))
            };
            sum.push_pair([double(high), double(low)])
        }
        Some((_, bytes)) => {
            sum.merge(&ExactSum::from_bytes(bytes)?);
            Ok(())
        }
        None => Err(AccumError::State("a sum of fewer than sixteen bytes")),
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
        let column = states[0].as_binary_view();
        let views = column.views();
        each_value(places, values, MaybeSum::touch, |row, value| {
            if !column.is_valid(row) {
                return Ok(());
            }
            value.seen = true;
            match double_of(views[row]) {
                Some(x) => value.sum.push(x),
                None => push_bytes(&mut value.sum, column.value(row)),
            }
            .map_err(|e| self.call.refusal(e))
        })
    }

    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        if let (Input::Doubles, None) = (self.input, taken) {
            let column = args[0].as_primitive::<Float64Type>().values();
            if column.iter().all(|x| x.is_finite()) {
                let views: Vec<u128> = column.iter().map(|&x| view_of(x)).collect();
                return Ok(vec![Arc::new(BinaryViewArray::try_new(views.into(), [], None)?)]);
            }
        }
        // Not all rows, or one to be refused.
        self.convert_each(args, taken)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut column = BinaryViewBuilder::with_capacity(values.len());
        for value in values {
            if !value.seen {
                column.append_null();
                continue;
            }
            match value.sum.to_pair() {
                Some([high, 0.0]) => column.append_value(high.to_le_bytes()),
                Some(pair) => column.append_value(pair.map(f64::to_le_bytes).as_flattened()),
                None => column.append_value([&[0; PAIR], value.sum.to_bytes().as_slice()].concat()),
            }
        }
        Ok(vec![Arc::new(column.finish())])
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

#[cfg(test)]
mod tests {
    use super::*;

    fn kernel() -> DoubleSum {
        let call = Call { text: "exact_sum(x)".into(), arguments: Arc::new([]) };
        DoubleSum { call, input: Input::Doubles, output: Output::Double }
    }

    /// No rows; a double; two; what two do not hold; what lies beyond the largest double.
    #[test]
    fn a_state_holds_every_sum() {
        let rows: [(&[f64], usize); 5] = [
            (&[], 0),
            (&[0.5, 0.25], 8),
            (&[1e16, 0.1], PAIR),
            (&[1e300, 1.0, 1e-300], PAIR + 1),
            (&[f64::MAX, f64::MAX], PAIR + 1),
        ];
        let kernel = kernel();
        let mut values: Vec<MaybeSum> = rows.iter().map(|_| MaybeSum::default()).collect();
        for ((xs, _), value) in rows.iter().zip(&mut values) {
            let column: ArrayRef = Arc::new(Float64Array::from(xs.to_vec()));
            kernel.update_all(&[column], value).unwrap();
        }
        let states = kernel.state(&values).unwrap();
        let column = states[0].as_binary_view();
        for (row, (_, least)) in rows.iter().enumerate() {
            assert_eq!(column.is_valid(row), *least > 0);
            let bytes = if column.is_valid(row) { column.value(row).len() } else { 0 };
            assert!(bytes == *least || bytes >= *least && *least > PAIR, "{row}: {bytes} bytes");
        }
        let mut merged: Vec<MaybeSum> = rows.iter().map(|_| MaybeSum::default()).collect();
        let places: Vec<usize> = (0..rows.len()).collect();
        for _ in 0..2 {
            kernel.merge(&states, &places, &mut merged).unwrap();
        }
        for (merged, once) in merged.iter().zip(&values) {
            let mut twice = once.sum.clone();
            twice.merge(&once.sum);
            assert_eq!((&merged.sum, merged.seen), (&twice, once.seen));
        }
    }

    /// Rows that go on one by one have the states that they have as groups.
    #[test]
    fn rows_convert_to_their_states() {
        let xs = vec![0.1, -2.5, 0.0, 1e300];
        let column: ArrayRef = Arc::new(Float64Array::from(xs));
        let fast = kernel().convert(&[Arc::clone(&column)], None).unwrap();
        let slow = kernel().convert_each(&[column], None).unwrap();
        assert_eq!(fast[0].as_binary_view(), slow[0].as_binary_view());
    }
}
