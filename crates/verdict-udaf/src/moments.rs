//! `moments` and its stored states.

use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryBuilder, Float64Array, Int64Array, LargeBinaryBuilder,
    StructArray,
};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err, exec_err, internal_datafusion_err};
use verdict_accum::Moments;

use crate::kernel::{Call, Kernel, each_value, len, validity};

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
    /// Adds rows, or removes them.
    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Moments<K, P>],
        add: bool,
    ) -> Result<()> {
        let rows = places.len();
        match self.input {
            Input::Integers => {
                let weights = &args[0].as_primitive::<Int64Type>().values()[..rows];
                let columns: [&[i64]; K] = std::array::from_fn(|i| {
                    &args[i + 1].as_primitive::<Int64Type>().values()[..rows]
                });
                each_value(places, values, Moments::touch, |row, moments| {
                    // Not `columns.map`: it moves the columns for each row, which costs as much as the sums.
                    let xs = std::array::from_fn(|i| columns[i][row]);
                    match weights[row] {
                        weight if add => moments.push_int(weight, &xs),
                        i64::MIN => opposite_of_least(|weight| moments.push_int(weight, &xs)),
                        weight => moments.push_int(-weight, &xs),
                    }
                    Ok(())
                })
            }
            Input::Doubles => {
                let weights = &args[0].as_primitive::<Int64Type>().values()[..rows];
                let columns: [&[f64]; K] = std::array::from_fn(|i| {
                    &args[i + 1].as_primitive::<Float64Type>().values()[..rows]
                });
                each_value(places, values, Moments::touch, |row, moments| {
                    // Not `columns.map`: it moves the columns for each row, which costs as much as the sums.
                    let xs = std::array::from_fn(|i| columns[i][row]);
                    let pushed = match weights[row] {
                        weight if add => moments.push(weight, &xs),
                        i64::MIN => opposite_of_least(|weight| moments.push(weight, &xs)),
                        weight => moments.push(-weight, &xs),
                    };
                    pushed.map_err(|e| self.call.refusal_of(e, args, row))
                })
            }
            Input::States => self.each_state(&args[0], places, values, add),
        }
    }

    /// Adds states, or removes them.
    fn each_state(
        &self,
        column: &ArrayRef,
        places: &[usize],
        values: &mut [Moments<K, P>],
        add: bool,
    ) -> Result<()> {
        let large = column.as_binary_opt::<i64>();
        let small = column.as_binary_opt::<i32>();
        each_value(places, values, Moments::touch, |row, moments| {
            let bytes = match (large, small) {
                (Some(column), _) => column.value(row),
                (_, Some(column)) => column.value(row),
                _ => {
                    return Err(internal_datafusion_err!("a state of type {}", column.data_type()));
                }
            };
            let state = Moments::from_bytes(bytes).map_err(|e| self.call.refusal(e))?;
            if add {
                moments.merge(&state)
            } else {
                moments.retract(&state)
            }
            Ok(())
        })
    }
}

/// The one weight without an opposite takes two steps.
#[cold]
fn opposite_of_least<T>(mut push: impl FnMut(i64) -> T) -> T {
    push(i64::MAX);
    push(1)
}

impl<const K: usize, const P: usize> Kernel for MomentsKernel<K, P> {
    type Value = Moments<K, P>;

    const COUNTS_NULLS: bool = true;

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
