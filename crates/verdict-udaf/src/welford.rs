//! `welford`.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, Float64Array, Int64Array, StructArray};
use datafusion::arrow::buffer::NullBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type};
use datafusion::common::{Result, exec_err};
use verdict_accum::{AccumError, Welford};

use crate::kernel::{Call, Kernel, each_value, len, validity};

/// The parts of the double-doubles, in the order of [`Welford::to_state`].
pub(crate) const STATE_NAMES: [&str; Welford::STATE_LEN] =
    ["weight", "weight_low", "mean", "mean_low", "m2", "m2_low"];

#[derive(Debug)]
pub(crate) struct WelfordKernel {
    pub(crate) call: Call,
}

pub(crate) fn welford_fields() -> Fields {
    ["n", "mean", "m2"]
        .into_iter()
        .map(|name| Field::new(name, DataType::Float64, true))
        .chain([Field::new("nulls", DataType::Int64, true)])
        .collect()
}

impl WelfordKernel {
    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Welford],
        sign: f64,
    ) -> Result<()> {
        let rows = places.len();
        let xs = &args[0].as_primitive::<Float64Type>().values()[..rows];
        let refusal = |e, row| self.call.refusal_of(e, args, row);
        let weights = args.get(1).map(|weights| weights.as_primitive::<Float64Type>().values());
        match weights.map(|weights| &weights[..rows]) {
            None if sign == 1.0 => each_value(places, values, Welford::touch, |row, welford| {
                welford.push_one(xs[row]).map_err(|e| refusal(e, row))
            }),
            None => each_value(places, values, Welford::touch, |row, welford| {
                welford.push(xs[row], sign).map_err(|e| refusal(e, row))
            }),
            Some(weights) => each_value(places, values, Welford::touch, |row, welford| {
                welford.push(xs[row], sign * weights[row]).map_err(|e| refusal(e, row))
            }),
        }
    }
}

impl Kernel for WelfordKernel {
    type Value = Welford;

    const COUNTS_NULLS: bool = true;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each(args, places, values, 1.0)
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        self.each(args, &vec![0; len(args)], std::slice::from_mut(value), -1.0)
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        let columns: [&[f64]; Welford::STATE_LEN] = std::array::from_fn(|i| {
            &states[i].as_primitive::<Float64Type>().values()[..places.len()]
        });
        each_value(places, values, Welford::touch, |row, welford| {
            welford.merge_state(std::array::from_fn(|i| columns[i][row]));
            Ok(())
        })
    }

    fn convert(&self, args: &[ArrayRef], taken: Option<&NullBuffer>) -> Result<Vec<ArrayRef>> {
        let xs = args[0].as_primitive::<Float64Type>().values();
        let weights = args.get(1).map(|weights| weights.as_primitive::<Float64Type>().values());
        // A row that is not taken weighs nothing, whatever lies beneath its NULL.
        let row = |row: usize| {
            if taken.is_some_and(|mask| mask.is_null(row)) {
                return Ok((0.0, 0.0));
            }
            let (x, weight) = (xs[row], weights.map_or(1.0, |weights| weights[row]));
            if x.is_finite() && weight.is_finite() {
                Ok((weight, x))
            } else {
                Err(self.call.refusal_of(AccumError::NonFinite, args, row))
            }
        };
        let (weights, means): (Vec<f64>, Vec<f64>) =
            (0..xs.len()).map(row).collect::<Result<Vec<_>>>()?.into_iter().unzip();
        let zeros: ArrayRef = Arc::new(Float64Array::from(vec![0.0; xs.len()]));
        let mut columns = vec![zeros; Welford::STATE_LEN];
        columns[0] = Arc::new(Float64Array::from(weights));
        columns[2] = Arc::new(Float64Array::from(means));
        Ok(columns)
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut columns: [Vec<f64>; Welford::STATE_LEN] =
            std::array::from_fn(|_| Vec::with_capacity(values.len()));
        for value in values {
            columns.iter_mut().zip(value.to_state()).for_each(|(column, part)| column.push(part));
        }
        Ok(columns
            .into_iter()
            .map(|column| Arc::new(Float64Array::new(column.into(), None)) as ArrayRef)
            .collect())
    }

    fn evaluate(&self, values: &[Self::Value], ignored: &[i64]) -> Result<ArrayRef> {
        let nulls = validity(values.iter().map(|v| v.weight() != 0.0));
        let column = |what: fn(&Welford) -> Option<f64>| -> Result<ArrayRef> {
            let numbers = values.iter().map(|v| match what(v) {
                Some(x) => Ok(x),
                None if v.weight() == 0.0 => Ok(0.0),
                None => exec_err!(
                    "`{}`: a moment lies beyond the largest DOUBLE; rescale its argument",
                    self.call
                ),
            });
            Ok(Arc::new(Float64Array::new(
                numbers.collect::<Result<Vec<_>>>()?.into(),
                nulls.clone(),
            )))
        };
        let n: Vec<f64> = values.iter().map(Welford::weight).collect();
        let columns = vec![
            Arc::new(Float64Array::from(n)) as ArrayRef,
            column(Welford::mean)?,
            column(Welford::m2)?,
            Arc::new(Int64Array::from(ignored.to_vec())),
        ];
        Ok(Arc::new(StructArray::new(welford_fields(), columns, None)))
    }

    fn heap_size(_: &Self::Value) -> usize {
        0
    }
}
