//! `moments` and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Float64Array, Int64Array, LargeBinaryBuilder,
    StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, internal_datafusion_err};
use verdict_accum::Moments;

use crate::kernel::{Call, Kernel, validity};

/// What comes in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Input {
    /// A weight, and variables as integers.
    Integers,
    /// A weight, and variables as doubles.
    Doubles,
    /// Stored states.
    States,
}

/// What goes out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Output {
    Struct,
    State,
}

#[derive(Debug)]
pub(crate) struct MomentsKernel<const K: usize, const P: usize> {
    pub(crate) call: Call,
    pub(crate) input: Input,
    pub(crate) output: Output,
}

/// The fields of the result for `k` variables, numbered from 1.
pub(crate) fn moments_fields(k: usize) -> Fields {
    let float = |name: String| Field::new(name, DataType::Float64, true);
    let pairs = (1..=k).flat_map(|i| (i + 1..=k).map(move |j| format!("co_{i}{j}")));
    std::iter::once(Field::new("n", DataType::Int64, true))
        .chain((1..=k).map(|i| float(format!("sum_{i}"))))
        .chain((1..=k).map(|i| float(format!("mean_{i}"))))
        .chain((1..=k).map(|i| float(format!("m2_{i}"))))
        .chain(pairs.map(float))
        .chain([Field::new("nulls", DataType::Int64, true)])
        .collect()
}

impl<const K: usize, const P: usize> MomentsKernel<K, P> {
    fn each(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Moments<K, P>],
        signed: impl Fn(i64) -> Option<i64>,
    ) -> Result<()> {
        let weights = args[0].as_primitive::<Int64Type>().values();
        // The one weight without an opposite takes two steps.
        let steps = |weight: i64| match signed(weight) {
            Some(weight) => [weight, 0],
            None => [i64::MAX, 1],
        };
        match self.input {
            Input::Integers => {
                let columns: [&[i64]; K] =
                    std::array::from_fn(|i| &**args[i + 1].as_primitive::<Int64Type>().values());
                for (row, place) in rows {
                    // Not `columns.map`: it moves the columns for each row, which costs as much as the sums.
                    let xs = std::array::from_fn(|i| columns[i][row]);
                    let [weight, again] = steps(weights[row]);
                    values[place].push_int(weight, &xs);
                    if again != 0 {
                        values[place].push_int(again, &xs);
                    }
                }
            }
            Input::Doubles => {
                let columns: [&[f64]; K] =
                    std::array::from_fn(|i| &**args[i + 1].as_primitive::<Float64Type>().values());
                for (row, place) in rows {
                    // Not `columns.map`: it moves the columns for each row, which costs as much as the sums.
                    let xs = std::array::from_fn(|i| columns[i][row]);
                    let [weight, again] = steps(weights[row]);
                    values[place]
                        .push(weight, &xs)
                        .map_err(|e| self.call.refusal_of(e, args, row))?;
                    if again != 0 {
                        values[place]
                            .push(again, &xs)
                            .map_err(|e| self.call.refusal_of(e, args, row))?;
                    }
                }
            }
            Input::States => return Err(internal_datafusion_err!("a state has no weight")),
        }
        Ok(())
    }

    fn each_state(
        &self,
        column: &ArrayRef,
        rows: impl Iterator<Item = (usize, usize)>,
        mut each: impl FnMut(usize, Moments<K, P>),
    ) -> Result<()> {
        let large = column.as_binary_opt::<i64>();
        let small = column.as_binary_opt::<i32>();
        for (row, place) in rows {
            let bytes = match (large, small) {
                (Some(column), _) => column.value(row),
                (_, Some(column)) => column.value(row),
                _ => {
                    return Err(internal_datafusion_err!("a state of type {}", column.data_type()));
                }
            };
            each(place, Moments::from_bytes(bytes).map_err(|e| self.call.refusal(e))?);
        }
        Ok(())
    }
}

impl<const K: usize, const P: usize> Kernel for MomentsKernel<K, P> {
    type Value = Moments<K, P>;

    const COUNTS_NULLS: bool = true;

    fn update(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        match self.input {
            Input::States => {
                self.each_state(&args[0], rows, |place, state| values[place].merge(&state))
            }
            _ => self.each(args, rows, values, Some),
        }
    }

    fn retract(
        &self,
        args: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        match self.input {
            Input::States => {
                self.each_state(&args[0], rows, |place, state| values[place].retract(&state))
            }
            _ => self.each(args, rows, values, i64::checked_neg),
        }
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        rows: impl Iterator<Item = (usize, usize)>,
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each_state(&states[0], rows, |place, state| values[place].merge(&state))
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut bytes = Vec::new();
        let mut column = LargeBinaryBuilder::with_capacity(values.len(), values.len() * 32);
        for value in values {
            bytes.clear();
            value.write_bytes(&mut bytes);
            column.append_value(&bytes);
        }
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&self, values: &[Self::Value], nulls: &[i64]) -> Result<ArrayRef> {
        match self.output {
            Output::Struct => self.structs(values, nulls),
            Output::State => binary(&self.call, values.iter().map(|value| Some(value.to_bytes()))),
        }
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.heap_size()
    }
}

impl<const K: usize, const P: usize> MomentsKernel<K, P> {
    fn structs(&self, values: &[Moments<K, P>], ignored: &[i64]) -> Result<ArrayRef> {
        let n = values.iter().map(|m| match i64::try_from(m.n()) {
            Ok(n) => Ok(n),
            Err(_) => exec_err!(
                "`{}`: the sum of the weights, {}, does not fit in BIGINT",
                self.call,
                m.n()
            ),
        });
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(n.collect::<Result<Vec<_>>>()?))];
        let nulls = validity(values.iter().map(|m| m.n() != 0));
        let mut column = |what: &dyn Fn(&Moments<K, P>) -> Option<f64>| -> Result<()> {
            let numbers = values.iter().map(|m| match what(m) {
                Some(x) => Ok(x),
                None if m.n() == 0 => Ok(0.0),
                None => exec_err!(
                    "`{}`: a moment lies beyond the largest DOUBLE; rescale its argument",
                    self.call
                ),
            });
            let numbers = numbers.collect::<Result<Vec<_>>>()?;
            columns.push(Arc::new(Float64Array::new(numbers.into(), nulls.clone())));
            Ok(())
        };
        for i in 0..K {
            column(&|m| m.sum(i))?;
        }
        for i in 0..K {
            column(&|m| m.mean(i))?;
        }
        for i in 0..K {
            column(&|m| m.m2(i))?;
        }
        for i in 0..K {
            for j in i + 1..K {
                column(&|m| m.co(i, j))?;
            }
        }
        columns.push(Arc::new(Int64Array::from(ignored.to_vec())));
        Ok(Arc::new(StructArray::new(moments_fields(K), columns, None)))
    }
}

/// A column of states; the engine's BINARY holds two gigabytes.
pub(crate) fn binary(
    call: &Call,
    states: impl Iterator<Item = Option<Vec<u8>>>,
) -> Result<ArrayRef> {
    let mut column = BinaryBuilder::new();
    let mut total = 0_usize;
    for state in states {
        total += state.as_ref().map_or(0, Vec::len);
        if total > i32::MAX as usize {
            return Err(exec_datafusion_err!(
                "`{call}`: more than 2 GiB of states in one batch; use fewer groups"
            ));
        }
        column.append_option(state);
    }
    Ok(Arc::new(column.finish()))
}
