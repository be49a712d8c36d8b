//! Columns of totals in the making.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, BooleanBuilder, Float64Builder, Int64Builder};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;

use super::total::Value;
use crate::bind::Number;

/// A column of totals that grows.
#[derive(Debug)]
pub(crate) enum TotalsBuilder {
    Booleans(BooleanBuilder),
    Integers(Int64Builder),
    Doubles(Float64Builder),
}

impl TotalsBuilder {
    pub(crate) fn new(number: Number) -> TotalsBuilder {
        match number {
            Number::Boolean => TotalsBuilder::Booleans(BooleanBuilder::new()),
            Number::Integer => TotalsBuilder::Integers(Int64Builder::new()),
            Number::Float => TotalsBuilder::Doubles(Float64Builder::new()),
        }
    }

    pub(crate) fn push(&mut self, value: Value) -> Result<()> {
        match (self, value) {
            (TotalsBuilder::Booleans(b), Value::Boolean(v)) => b.append_value(v),
            (TotalsBuilder::Integers(b), Value::Integer(v)) => b.append_value(v),
            (TotalsBuilder::Doubles(b), Value::Double(v)) => b.append_value(v),
            (TotalsBuilder::Booleans(b), Value::Null) => b.append_null(),
            (TotalsBuilder::Integers(b), Value::Null) => b.append_null(),
            (TotalsBuilder::Doubles(b), Value::Null) => b.append_null(),
            (totals, value) => {
                return Err(exec_datafusion_err!("{value:?} is no total of {totals:?}"));
            }
        }
        Ok(())
    }

    pub(crate) fn finish(&mut self) -> ArrayRef {
        match self {
            TotalsBuilder::Booleans(b) => Arc::new(b.finish()),
            TotalsBuilder::Integers(b) => Arc::new(b.finish()),
            TotalsBuilder::Doubles(b) => Arc::new(b.finish()),
        }
    }
}
