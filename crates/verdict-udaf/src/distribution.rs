//! `distribution_state` and its stored states.

use datafusion::arrow::array::{ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::Result;
use verdict_accum::{Distribution, UnitValues};

use crate::kernel::{Call, Kernel, len};
use crate::stored::{self, bytes, each_state};

/// What comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// A weight, and a unit's one value.
    Doubles,
    /// A weight, and a unit's values as they are stored.
    Values,
    /// Stored states.
    States,
}

#[derive(Debug)]
pub(crate) struct DistributionKernel {
    pub(crate) call: Call,
    pub(crate) input: Input,
}

impl DistributionKernel {
    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Distribution],
        add: bool,
    ) -> Result<()> {
        if let Input::States = self.input {
            return each_state(&self.call, &args[0], places, values, add);
        }
        let weights = args[0].as_primitive::<Int64Type>().values();
        let signed = |row: usize| if add { weights[row] } else { weights[row].wrapping_neg() };
        if let Some(xs) = args[1].as_primitive_opt::<Float64Type>() {
            for (row, &place) in places.iter().enumerate() {
                let pushed = values[place].push_one(signed(row), xs.value(row));
                pushed.map_err(|e| self.call.refusal_of(e, args, row))?;
            }
            return Ok(());
        }
        for (row, &place) in places.iter().enumerate() {
            let unit =
                UnitValues::from_bytes(bytes(&args[1], row)).map_err(|e| self.call.refusal(e))?;
            values[place].push(signed(row), &unit);
        }
        Ok(())
    }
}

impl Kernel for DistributionKernel {
    type Value = Distribution;

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
