//! `exact_values_state` and `exact_pairs_state`, and their stored states.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeBinaryBuilder};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::Result;
use verdict_accum::Exact;

use crate::distribution::bytes;
use crate::kernel::{Call, Kernel, len};
use crate::moments::binary;

/// Of `K` values a unit.
#[derive(Debug)]
pub(crate) struct ExactKernel<const K: usize> {
    pub(crate) call: Call,
    /// Whether stored states come in, not a weight and values.
    pub(crate) states: bool,
}

impl<const K: usize> ExactKernel<K> {
    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Exact<K>],
        add: bool,
    ) -> Result<()> {
        if self.states {
            return self.each_state(&args[0], places, values, add);
        }
        let weights = args[0].as_primitive::<Int64Type>().values();
        let xs: [_; K] = std::array::from_fn(|i| args[1 + i].as_primitive::<Float64Type>());
        for (row, &place) in places.iter().enumerate() {
            let weight = if add { weights[row] } else { weights[row].wrapping_neg() };
            let pushed = values[place].push(weight, xs.map(|x| x.value(row)));
            pushed.map_err(|e| self.call.refusal_of(e, args, row))?;
        }
        Ok(())
    }

    fn each_state(
        &self,
        states: &ArrayRef,
        places: &[usize],
        values: &mut [Exact<K>],
        add: bool,
    ) -> Result<()> {
        for (row, &place) in places.iter().enumerate().filter(|(row, _)| states.is_valid(*row)) {
            let state = Exact::from_bytes(bytes(states, row));
            let state = state.map_err(|e| self.call.refusal(e))?;
            if add { values[place].merge(&state) } else { values[place].retract(&state) }
        }
        Ok(())
    }
}

impl<const K: usize> Kernel for ExactKernel<K> {
    type Value = Exact<K>;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each(args, places, values, true)
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        self.each(args, &vec![0; len(args)], std::slice::from_mut(value), false)
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each_state(&states[0], places, values, true)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut column = LargeBinaryBuilder::new();
        values.iter().for_each(|value| column.append_value(value.to_bytes()));
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        binary(&self.call, values.iter().map(|value| Some(value.to_bytes())))
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.heap_size()
    }
}
