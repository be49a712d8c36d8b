//! A component's running total over a unit's days.

use std::cmp::Ordering;

use datafusion::arrow::array::{Array, AsArray, BinaryArray, RecordBatch};
use datafusion::arrow::array::{BooleanArray, Float64Array, Int64Array};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_accum::ExactSum;
use verdict_model::Aggregate;

use super::Column;
use crate::bind::Number;

/// A component's values in a table.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Booleans(BooleanArray),
    Integers(Int64Array),
    Doubles(Float64Array),
    /// Exact sums of doubles, stored.
    States(BinaryArray),
}

impl Values {
    /// The column `name` of `rows`.
    pub(crate) fn of(rows: &RecordBatch, name: &str) -> Result<Values> {
        let column = rows
            .column_by_name(name)
            .ok_or_else(|| exec_datafusion_err!("there is no column {name}"))?;
        match column.data_type() {
            DataType::Boolean => Ok(Values::Booleans(column.as_boolean().clone())),
            DataType::Int64 => Ok(Values::Integers(column.as_primitive::<Int64Type>().clone())),
            DataType::Float64 => Ok(Values::Doubles(column.as_primitive::<Float64Type>().clone())),
            DataType::Binary => Ok(Values::States(column.as_binary::<i32>().clone())),
            other => Err(exec_datafusion_err!("the column {name} is {other}")),
        }
    }
}

/// A total, rounded to what a table holds.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Value {
    Null,
    Boolean(bool),
    Integer(i64),
    Double(f64),
}

impl PartialEq for Value {
    /// Doubles are compared by their bits: what is equal here is the same in the table.
    fn eq(&self, other: &Value) -> bool {
        match (self, other) {
            (Value::Null, Value::Null) => true,
            (Value::Boolean(a), Value::Boolean(b)) => a == b,
            (Value::Integer(a), Value::Integer(b)) => a == b,
            (Value::Double(a), Value::Double(b)) => a.to_bits() == b.to_bits(),
            _ => false,
        }
    }
}

/// A running total: it does not depend on the order of the days.
#[derive(Clone, Debug)]
pub(crate) enum Total {
    Any(bool),
    /// Counts, sums of integers, numbers of days: too wide to overflow.
    Integer(i128),
    Sum(ExactSum),
    IntegerExtreme(Option<i64>, Ordering),
    DoubleExtreme(Option<f64>, Ordering),
}

impl Total {
    /// The total of no day.
    pub(crate) fn nothing(column: &Column) -> Total {
        match (column.aggregate, column.number) {
            (Aggregate::Any, _) => Total::Any(false),
            (Aggregate::Min, Number::Float) => Total::DoubleExtreme(None, Ordering::Less),
            (Aggregate::Max, Number::Float) => Total::DoubleExtreme(None, Ordering::Greater),
            (Aggregate::Min, _) => Total::IntegerExtreme(None, Ordering::Less),
            (Aggregate::Max, _) => Total::IntegerExtreme(None, Ordering::Greater),
            (Aggregate::Sum, Number::Float) => Total::Sum(ExactSum::default()),
            (Aggregate::Count | Aggregate::Sum | Aggregate::DistinctDays, _) => Total::Integer(0),
        }
    }

    /// Adds a day's value, or a total so far: null adds nothing.
    pub(crate) fn add(&mut self, values: &Values, row: usize) -> Result<()> {
        match (self, values) {
            (Total::Any(any), Values::Booleans(v)) => *any |= v.is_valid(row) && v.value(row),
            (Total::Integer(sum), Values::Integers(v)) if v.is_valid(row) => {
                *sum += i128::from(v.value(row));
            }
            // A day on which there was a row counts one.
            (Total::Integer(days), Values::Booleans(v)) if v.is_valid(row) => {
                *days += i128::from(v.value(row));
            }
            (Total::Sum(sum), Values::Doubles(v)) if v.is_valid(row) && v.value(row) != 0.0 => {
                sum.push(v.value(row)).map_err(|e| exec_datafusion_err!("{e}"))?;
            }
            (Total::Sum(sum), Values::States(v)) if v.is_valid(row) => {
                let state = ExactSum::from_bytes(v.value(row));
                sum.merge(&state.map_err(|e| exec_datafusion_err!("{e}"))?);
            }
            (Total::IntegerExtreme(extreme, wins), Values::Integers(v)) if v.is_valid(row) => {
                let x = v.value(row);
                if extreme.is_none_or(|e| x.cmp(&e) == *wins) {
                    *extreme = Some(x);
                }
            }
            (Total::DoubleExtreme(extreme, wins), Values::Doubles(v)) if v.is_valid(row) => {
                let x = v.value(row);
                if extreme.is_none_or(|e| x.total_cmp(&e) == *wins) {
                    *extreme = Some(x);
                }
            }
            (_, values) if values_len(values) > row => {}
            (total, values) => {
                return Err(exec_datafusion_err!("{values:?} cannot be added to {total:?}"));
            }
        }
        Ok(())
    }

    /// Adds what rounding took from a stored total.
    pub(crate) fn add_rest(&mut self, rests: &BinaryArray, row: usize) -> Result<()> {
        let Total::Sum(sum) = self else { return Ok(()) };
        if rests.is_null(row) {
            return Ok(());
        }
        let (terms, tail) = rests.value(row).as_chunks::<8>();
        if !tail.is_empty() {
            return Err(exec_datafusion_err!("a stored remainder is not a list of doubles"));
        }
        for term in terms {
            sum.push(f64::from_le_bytes(*term)).map_err(|e| exec_datafusion_err!("{e}"))?;
        }
        Ok(())
    }

    /// The total as a table holds it.
    ///
    /// # Errors
    /// It does not fit the table's type.
    pub(crate) fn value(&self, column: &Column) -> Result<Value> {
        Ok(match self {
            Total::Any(any) => Value::Boolean(*any),
            Total::Integer(sum) => match i64::try_from(*sum) {
                Ok(sum) => Value::Integer(sum),
                Err(_) => {
                    let name = &column.name;
                    return Err(exec_datafusion_err!("the sum of {name} does not fit in BIGINT"));
                }
            },
            Total::Sum(sum) => Value::Double(rounded(sum, column)?),
            Total::IntegerExtreme(extreme, _) => extreme.map_or(Value::Null, Value::Integer),
            Total::DoubleExtreme(extreme, _) => extreme.map_or(Value::Null, Value::Double),
        })
    }

    /// What rounding takes from the total: the doubles that must be added to the rounded one, the largest first, each
    /// the rounding of what is left. Empty: nothing.
    pub(crate) fn rest(&self, column: &Column) -> Result<Vec<u8>> {
        let mut terms = Vec::new();
        let Total::Sum(sum) = self else { return Ok(terms) };
        let mut left = sum.clone();
        loop {
            let term = rounded(&left, column)?;
            left.push(-term).map_err(|e| exec_datafusion_err!("{e}"))?;
            if left.is_zero() {
                return Ok(terms);
            }
            terms.extend(rounded(&left, column)?.to_le_bytes());
        }
    }
}

fn rounded(sum: &ExactSum, column: &Column) -> Result<f64> {
    sum.to_f64().ok_or_else(|| {
        exec_datafusion_err!("the sum of {} lies beyond the largest DOUBLE", column.name)
    })
}

fn values_len(values: &Values) -> usize {
    match values {
        Values::Booleans(v) => v.len(),
        Values::Integers(v) => v.len(),
        Values::Doubles(v) => v.len(),
        Values::States(v) => v.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum() -> Column {
        Column { name: "x".into(), aggregate: Aggregate::Sum, number: Number::Float }
    }

    /// 1 + 2⁻⁶⁰ + 2⁻¹²⁰ rounds to 1 and loses both terms, which the remainder keeps.
    #[test]
    fn a_stored_sum_and_its_remainder_are_the_sum() {
        let column = sum();
        let terms = [1.0, 2f64.powi(-60), 2f64.powi(-120)];
        let mut total = Total::nothing(&column);
        let values = Values::Doubles(Float64Array::from(terms.to_vec()));
        (0..3).for_each(|row| total.add(&values, row).unwrap());
        assert_eq!(total.value(&column).unwrap(), Value::Double(1.0));
        let rest = total.rest(&column).unwrap();
        assert_eq!(rest.len(), 16);
        assert_eq!(rest[..8], terms[1].to_le_bytes());
        assert_eq!(rest[8..], terms[2].to_le_bytes());

        let mut again = Total::nothing(&column);
        again.add(&Values::Doubles(Float64Array::from(vec![1.0])), 0).unwrap();
        again.add_rest(&BinaryArray::from(vec![rest.as_slice()]), 0).unwrap();
        again.add(&Values::Doubles(Float64Array::from(vec![-1.0])), 0).unwrap();
        let left = 2f64.powi(-60) + 2f64.powi(-120);
        assert_eq!(again.value(&column).unwrap(), Value::Double(left));
    }

    #[test]
    fn nothing_is_left_of_a_sum_that_is_a_double() {
        let column = sum();
        let mut total = Total::nothing(&column);
        total.add(&Values::Doubles(Float64Array::from(vec![0.1])), 0).unwrap();
        assert!(total.rest(&column).unwrap().is_empty());
    }

    #[test]
    fn an_integer_sum_overflows_with_its_name_and_not_before() {
        let column = Column { number: Number::Integer, ..sum() };
        let mut total = Total::nothing(&column);
        let values = Values::Integers(Int64Array::from(vec![i64::MAX, i64::MAX, -i64::MAX]));
        total.add(&values, 0).unwrap();
        total.add(&values, 1).unwrap();
        let error = total.value(&column).unwrap_err().to_string();
        assert!(error.contains("the sum of x does not fit in BIGINT"), "{error}");
        total.add(&values, 2).unwrap();
        assert_eq!(total.value(&column).unwrap(), Value::Integer(i64::MAX));
    }
}
