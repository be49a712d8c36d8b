//! `exact_values_state` and `exact_pairs_state`, and their stored states.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::Result;
use verdict_accum::Exact;

use crate::kernel::{Call, Kernel, len};
use crate::stored::{self, each_state};

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
            return each_state(&self.call, &args[0], places, values, add);
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
        each_state(&self.call, &states[0], places, values, true)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        Ok(stored::states(values))
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        stored::results(&self.call, values)
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.heap_size()
    }
}
