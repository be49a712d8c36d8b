//! `bootstrap` and `bootstrap_pooled`.

use std::fmt::Debug;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Float64Array, Int64Array, LargeBinaryBuilder, ListArray, StructArray,
};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field, Fields, Float64Type, Int64Type};
use datafusion::common::{Result, exec_datafusion_err};
use verdict_accum::{AccumError, Bootstrap, BootstrapPooled, Replicates, unit_hash};

use crate::kernel::{Call, Kernel, len};

/// The two ways of weighting, as one interface.
pub(crate) trait Resample: Debug + Send + Sync + Sized + 'static {
    /// Whether the first argument is the unit.
    const BY_UNIT: bool;
    fn new(replicates: u32, seed: u64, variables: usize) -> Result<Self, AccumError>;
    fn push(&mut self, unit: u64, weight: i64, xs: &[f64]) -> Result<(), AccumError>;
    fn merge(&mut self, other: &Self) -> Result<(), AccumError>;
    fn to_bytes(&self) -> Vec<u8>;
    fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError>;
    fn replicates(&self) -> Result<Replicates, AccumError>;
    fn heap_size(&self) -> usize;
}

macro_rules! resample {
    ($type:ident, $by_unit:literal, |$self:ident, $unit:ident, $weight:ident, $xs:ident| $push:expr) => {
        impl Resample for $type {
            const BY_UNIT: bool = $by_unit;
            fn new(replicates: u32, seed: u64, variables: usize) -> Result<Self, AccumError> {
                $type::new(replicates, seed, variables)
            }
            fn push(
                &mut $self,
                $unit: u64,
                $weight: i64,
                $xs: &[f64],
            ) -> Result<(), AccumError> {
                $push
            }
            fn merge(&mut self, other: &Self) -> Result<(), AccumError> {
                $type::merge(self, other)
            }
            fn to_bytes(&self) -> Vec<u8> {
                $type::to_bytes(self)
            }
            fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
                $type::from_bytes(bytes)
            }
            fn replicates(&self) -> Result<Replicates, AccumError> {
                $type::replicates(self)
            }
            fn heap_size(&self) -> usize {
                $type::heap_size(self)
            }
        }
    };
}

resample!(Bootstrap, true, |self, unit, weight, xs| Bootstrap::push(self, unit, weight, xs));
resample!(BootstrapPooled, false, |self, _unit, weight, xs| BootstrapPooled::push(
    self, weight, xs
));

#[derive(Debug)]
pub(crate) struct BootstrapKernel {
    pub(crate) call: Call,
    pub(crate) replicates: u32,
    pub(crate) seed: u64,
    pub(crate) variables: usize,
}

/// The kernel with its way of weighting.
#[derive(Debug)]
pub(crate) struct By<B> {
    pub(crate) kernel: BootstrapKernel,
    pub(crate) way: std::marker::PhantomData<B>,
}

/// A list for each of `n`, the sum of the weights of each replicate, and the variables, numbered from 1.
pub(crate) fn bootstrap_fields(variables: usize) -> Fields {
    let list = |item| DataType::List(Arc::new(Field::new_list_field(item, true)));
    [Field::new("units", DataType::Int64, true), Field::new("n", list(DataType::Int64), true)]
        .into_iter()
        .chain(
            (1..=variables).map(|i| Field::new(format!("sum_{i}"), list(DataType::Float64), true)),
        )
        .chain([Field::new("nulls", DataType::Int64, true)])
        .collect()
}

impl<B: Resample> By<B> {
    fn new_value(&self) -> Result<B> {
        let BootstrapKernel { call, replicates, seed, variables } = &self.kernel;
        B::new(*replicates, *seed, *variables).map_err(|e| call.refusal(e))
    }

    fn each(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Option<B>],
        weight: i64,
    ) -> Result<()> {
        let first = args.len() - self.kernel.variables;
        let columns: Vec<_> =
            args[first..].iter().map(|x| x.as_primitive::<Float64Type>().values()).collect();
        let names = args[0].as_string_opt::<i32>();
        let numbers = args[0].as_primitive_opt::<Int64Type>();
        let mut xs = vec![0.0; columns.len()];
        for (row, &place) in places.iter().enumerate() {
            xs.iter_mut().zip(&columns).for_each(|(x, column)| *x = column[row]);
            let unit = match (names, numbers) {
                _ if !B::BY_UNIT => 0,
                (Some(names), _) => unit_hash(names.value(row).as_bytes()),
                (_, Some(numbers)) => numbers.value(row) as u64,
                _ => 0,
            };
            let value = match &mut values[place] {
                Some(value) => value,
                none => none.insert(self.new_value()?),
            };
            value.push(unit, weight, &xs).map_err(|e| self.kernel.call.refusal_of(e, args, row))?;
        }
        Ok(())
    }
}

impl<B: Resample> Kernel for By<B> {
    type Value = Option<B>;

    const COUNTS_NULLS: bool = true;

    fn update(
        &self,
        args: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        self.each(args, places, values, 1)
    }

    fn retract_all(&self, args: &[ArrayRef], value: &mut Self::Value) -> Result<()> {
        self.each(args, &vec![0; len(args)], std::slice::from_mut(value), -1)
    }

    fn merge(
        &self,
        states: &[ArrayRef],
        places: &[usize],
        values: &mut [Self::Value],
    ) -> Result<()> {
        let complaint = |e| self.kernel.call.refusal(e);
        let column = states[0].as_binary::<i64>();
        for (row, &place) in places.iter().enumerate().filter(|&(row, _)| column.is_valid(row)) {
            let state = B::from_bytes(column.value(row)).map_err(complaint)?;
            match &mut values[place] {
                Some(value) => value.merge(&state).map_err(complaint)?,
                none => *none = Some(state),
            }
        }
        Ok(())
    }

    fn state(&self, values: &[Self::Value]) -> Result<Vec<ArrayRef>> {
        let mut column = LargeBinaryBuilder::new();
        values.iter().for_each(|value| column.append_option(value.as_ref().map(B::to_bytes)));
        Ok(vec![Arc::new(column.finish())])
    }

    fn evaluate(&self, values: &[Self::Value], nulls: &[i64]) -> Result<ArrayRef> {
        let nothing = self.new_value()?;
        let mut units = Vec::with_capacity(values.len());
        let mut n: Vec<i64> = Vec::new();
        let mut sums: Vec<Vec<f64>> = vec![Vec::new(); self.kernel.variables];
        for value in values {
            let value = value.as_ref().unwrap_or(&nothing);
            let replicates = value.replicates().map_err(|e| self.kernel.call.refusal(e))?;
            units.push(replicates.units);
            n.extend(replicates.n);
            sums.iter_mut().zip(&replicates.sums).for_each(|(all, one)| all.extend(one));
        }
        if i32::try_from(n.len()).is_err() {
            return Err(exec_datafusion_err!(
                "`{}`: more than 2^31 replicates of groups in one batch; use fewer groups",
                self.kernel.call
            ));
        }
        let lists = |items: ArrayRef| -> Result<ArrayRef> {
            let field = Arc::new(Field::new_list_field(items.data_type().clone(), true));
            let lengths = vec![self.kernel.replicates as usize; values.len()];
            let offsets = OffsetBuffer::from_lengths(lengths);
            Ok(Arc::new(ListArray::try_new(field, offsets, items, None)?))
        };
        let mut columns: Vec<ArrayRef> =
            vec![Arc::new(Int64Array::from(units)), lists(Arc::new(Int64Array::from(n)))?];
        for sums in sums {
            columns.push(lists(Arc::new(Float64Array::from(sums)))?);
        }
        columns.push(Arc::new(Int64Array::from(nulls.to_vec())));
        let fields = bootstrap_fields(self.kernel.variables);
        Ok(Arc::new(StructArray::try_new(fields, columns, None)?))
    }

    fn heap_size(value: &Self::Value) -> usize {
        value.as_ref().map_or(0, B::heap_size)
    }
}
