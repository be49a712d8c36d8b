//! `sketch` and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, LargeBinaryBuilder};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::Result;
use verdict_accum::{AccumError, Sketch};

use crate::kernel::{Call, Kernel, bytes, len};
use crate::moments::binary;

/// Sketches of values, or of stored states, which know their relative error themselves.
#[derive(Debug)]
pub(crate) struct SketchKernel {
    pub(crate) call: Call,
    /// `None` where states come in.
    pub(crate) relative_error: Option<f64>,
}

impl SketchKernel {
    fn refusal(&self, error: AccumError) -> datafusion::common::DataFusionError {
        self.call.refusal(error)
    }

    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Option<Sketch>],
        add: bool,
    ) -> Result<()> {
        let Some(relative_error) = self.relative_error else {
            return self.each_state(&args[0], places, values, add);
        };
        let weights = args[0].as_primitive::<Int64Type>().values();
        let xs = args[1].as_primitive::<Float64Type>().values();
        for (row, &place) in places.iter().enumerate() {
            let sketch = match &mut values[place] {
                Some(sketch) => sketch,
                none => none.insert(Sketch::new(relative_error).map_err(|e| self.refusal(e))?),
            };
            // The one weight without an opposite takes two steps.
            let steps = match weights[row] {
                weight if add => [weight, 0],
                i64::MIN => [i64::MAX, 1],
                weight => [-weight, 0],
            };
            for weight in steps {
                sketch.push(weight, xs[row]).map_err(|e| self.call.refusal_of(e, args, row))?;
            }
        }
        Ok(())
    }

    fn each_state(
        &self,
        states: &ArrayRef,
        places: &[usize],
        values: &mut [Option<Sketch>],
        add: bool,
    ) -> Result<()> {
        for (row, &place) in places.iter().enumerate().filter(|&(row, _)| states.is_valid(row)) {
            let state = Sketch::from_bytes(bytes(states, row)).map_err(|e| self.refusal(e))?;
            let sketch = match &mut values[place] {
                Some(sketch) => sketch,
                none => {
                    let new = Sketch::new(state.relative_error()).map_err(|e| self.refusal(e))?;
                    none.insert(new)
                }
            };
            let done = if add { sketch.merge(&state) } else { sketch.retract(&state) };
            done.map_err(|e| self.refusal(e))?;
        }
        Ok(())
    }
}

impl Kernel for SketchKernel {
    type Value = Option<Sketch>;

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
        values.iter().for_each(|value| column.append_option(value.as_ref().map(Sketch::to_bytes)));
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&self, values: &[Self::Value], _: &[i64]) -> Result<ArrayRef> {
        let nothing = match self.relative_error {
            Some(error) => Some(Sketch::new(error).map_err(|e| self.refusal(e))?.to_bytes()),
            None => None,
        };
        let states = values.iter().map(|value| match value {
            Some(sketch) => Some(sketch.to_bytes()),
            None => nothing.clone(),
        });
        binary(&self.call, states)
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.as_ref().map_or(0, Sketch::heap_size)
    }
}
