//! A component's totals along a path: added up over a unit's rows, told at its points.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, BooleanArray, Float64Array, Int64Array,
    RecordBatch, UInt32Array,
};
use datafusion::arrow::compute::{not, nullif, take};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_accum::{ExactSum, UnitValues};
use verdict_model::Aggregate;

use super::span::Span;
use super::walk::{Path, Step};
use super::{Column, states};
use crate::bind::Number;

/// A component's values in a table.
#[derive(Clone, Debug)]
pub(crate) enum Values {
    Booleans(BooleanArray),
    Integers(Int64Array),
    Doubles(Float64Array),
    /// Several values of a unit each.
    Many(BinaryArray),
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
            DataType::Binary => Ok(Values::Many(column.as_binary::<i32>().clone())),
            other => Err(exec_datafusion_err!("the column {name} is {other}")),
        }
    }
}

/// A component in one table, where the table has it: its values, and what rounding took from them.
pub(super) type InTable<'a> = Option<(&'a Values, Option<&'a BinaryArray>)>;

/// A component's totals at the points of a path, as a table holds them.
#[derive(Debug)]
pub(super) struct Totals {
    /// What counts: of a window that is not complete nothing does.
    pub(super) at_points: ArrayRef,
    /// What came in a window so far, where that differs.
    in_window: Option<ArrayRef>,
    /// Of what follows from states, for each unit its state at its end; null: it has none. Of sums of doubles: the doubles that must be added to the rounded total, the largest
    /// first, each the rounding of what is left; null: nothing.
    pub(super) rests: Option<BinaryArray>,
}

impl Totals {
    /// Goes along `path`; `tables` has the component by the tables of the path's steps. With `keep`, what rounding
    /// takes is told.
    ///
    /// # Errors
    /// A total does not fit the table's type.
    pub(super) fn along(
        path: &Path,
        column: &Column,
        tables: &[InTable<'_>],
        span: Option<Span<'_>>,
        keep: bool,
    ) -> Result<Totals> {
        let mut rests = None;
        let at_points: ArrayRef = match (column.aggregate, column.number) {
            _ if column.is_of_states() => {
                let (totals, of_units) = states::along(path, column, tables, span, keep)?;
                rests = of_units;
                totals
            }
            (Aggregate::Any, _) => {
                let booleans = of_tables(column, tables, Values::booleans)?;
                let mut all = Vec::with_capacity(path.points.len());
                walk(
                    path,
                    span,
                    false,
                    |any, table, row| {
                        let v = booleans[table];
                        *any |= v.is_some_and(|v| v.is_valid(row) && v.value(row));
                        Ok(())
                    },
                    |any, _| {
                        all.push(*any);
                        Ok(())
                    },
                )?;
                Arc::new(BooleanArray::from(all))
            }
            // A day on which there was a row counts one; a total so far is a number already.
            (Aggregate::DistinctDays, _) => {
                let days = of_tables(column, tables, |v| {
                    v.booleans().map(Days::Flags).or_else(|| v.integers().map(Days::Counts))
                })?;
                let mut all = Vec::with_capacity(path.points.len());
                walk(
                    path,
                    span,
                    0_i64,
                    |sum, table, row| {
                        *sum += match days[table] {
                            Some(Days::Flags(v)) if v.is_valid(row) => i64::from(v.value(row)),
                            Some(Days::Counts(v)) if v.is_valid(row) => v.value(row),
                            _ => 0,
                        };
                        Ok(())
                    },
                    |sum, _| {
                        all.push(*sum);
                        Ok(())
                    },
                )?;
                Arc::new(Int64Array::from(all))
            }
            (Aggregate::Sum, Number::Float) => {
                let (sums, of_units) = sums(path, column, tables, span, keep)?;
                rests = of_units;
                sums
            }
            (Aggregate::Count | Aggregate::Sum, _) => {
                let integers = of_tables(column, tables, Values::integers)?;
                let mut all = Vec::with_capacity(path.points.len());
                // Too wide to overflow.
                walk(
                    path,
                    span,
                    0_i128,
                    |sum, table, row| {
                        if let Some(v) = integers[table].filter(|v| v.is_valid(row)) {
                            *sum += i128::from(v.values()[row]);
                        }
                        Ok(())
                    },
                    |sum, _| {
                        all.push(i64::try_from(*sum).map_err(|_| {
                            exec_datafusion_err!(
                                "the sum of {} does not fit in BIGINT",
                                column.name
                            )
                        })?);
                        Ok(())
                    },
                )?;
                Arc::new(Int64Array::from(all))
            }
            (Aggregate::Values, _) => Arc::new(values(path, column, tables, span)?),
            (Aggregate::Min | Aggregate::Max, Number::Float) => {
                let doubles = of_tables(column, tables, Values::doubles)?;
                let wins = wins(column.aggregate);
                let mut all = Vec::with_capacity(path.points.len());
                walk(
                    path,
                    span,
                    None,
                    |extreme: &mut Option<f64>, table, row| {
                        if let Some(v) = doubles[table].filter(|v| v.is_valid(row)) {
                            let x = v.values()[row];
                            if extreme.is_none_or(|e| x.total_cmp(&e) == wins) {
                                *extreme = Some(x);
                            }
                        }
                        Ok(())
                    },
                    |extreme, _| {
                        all.push(*extreme);
                        Ok(())
                    },
                )?;
                Arc::new(Float64Array::from(all))
            }
            _ => {
                let integers = of_tables(column, tables, Values::integers)?;
                let wins = wins(column.aggregate);
                let mut all = Vec::with_capacity(path.points.len());
                walk(
                    path,
                    span,
                    None,
                    |extreme: &mut Option<i64>, table, row| {
                        if let Some(v) = integers[table].filter(|v| v.is_valid(row)) {
                            let x = v.values()[row];
                            if extreme.is_none_or(|e| x.cmp(&e) == wins) {
                                *extreme = Some(x);
                            }
                        }
                        Ok(())
                    },
                    |extreme, _| {
                        all.push(*extreme);
                        Ok(())
                    },
                )?;
                Arc::new(Int64Array::from(all))
            }
        };
        let Some(span) = span else { return Ok(Totals { at_points, in_window: None, rests }) };
        let counts = nullif(&at_points, &not(&span.complete(path))?)?;
        Ok(Totals { at_points: counts, in_window: Some(at_points), rests })
    }

    /// Whether the window is complete, as true or false.
    pub(super) fn complete(path: &Path, span: Span<'_>) -> Totals {
        Totals { at_points: Arc::new(span.complete(path)), in_window: None, rests: None }
    }

    /// The totals at some of the points, also of windows that are not complete.
    pub(super) fn so_far(&self, points: &UInt32Array) -> Result<ArrayRef> {
        Ok(take(self.in_window.as_ref().unwrap_or(&self.at_points), points, None)?)
    }

    /// The totals at some of the points; null where there is none.
    pub(super) fn at(&self, points: &UInt32Array) -> Result<ArrayRef> {
        Ok(take(&self.at_points, points, None)?)
    }

    /// Notes in `same`, for each point but the first, whether the total is what it was at the point before. Doubles are
    /// compared by their bits: what is equal here is the same in the table.
    pub(super) fn compare(&self, same: &mut [bool]) {
        let column = &self.at_points;
        let nulls = column.nulls();
        let mut note = |equal: &dyn Fn(usize) -> bool| {
            for (at, same) in same.iter_mut().enumerate().skip(1) {
                *same = *same
                    && match nulls {
                        None => equal(at),
                        Some(n) => match (n.is_valid(at - 1), n.is_valid(at)) {
                            (true, true) => equal(at),
                            (before, now) => before == now,
                        },
                    };
            }
        };
        if let Some(v) = column.as_primitive_opt::<Int64Type>() {
            note(&|at| v.values()[at - 1] == v.values()[at]);
        } else if let Some(v) = column.as_primitive_opt::<Float64Type>() {
            note(&|at| v.values()[at - 1].to_bits() == v.values()[at].to_bits());
        } else if let Some(v) = column.as_boolean_opt() {
            note(&|at| v.value(at - 1) == v.value(at));
        } else if let Some(v) = column.as_binary_opt::<i32>() {
            note(&|at| v.value(at - 1) == v.value(at));
        } else if let Some(v) = column.as_string_opt::<i32>() {
            note(&|at| v.value(at - 1) == v.value(at));
        }
    }
}

/// What a component of distinct days is in a table.
#[derive(Clone, Copy)]
enum Days<'a> {
    Flags(&'a BooleanArray),
    Counts(&'a Int64Array),
}

impl Values {
    fn booleans(&self) -> Option<&BooleanArray> {
        if let Values::Booleans(v) = self { Some(v) } else { None }
    }

    pub(super) fn integers(&self) -> Option<&Int64Array> {
        if let Values::Integers(v) = self { Some(v) } else { None }
    }

    pub(super) fn values(&self) -> Option<&BinaryArray> {
        if let Values::Many(v) = self { Some(v) } else { None }
    }

    fn doubles(&self) -> Option<&Float64Array> {
        if let Values::Doubles(v) = self { Some(v) } else { None }
    }
}

/// The component in each table, as what it must be there.
pub(super) fn of_tables<'a, T>(
    column: &Column,
    tables: &[InTable<'a>],
    of: impl Fn(&'a Values) -> Option<T>,
) -> Result<Vec<Option<T>>> {
    let one = |table: &InTable<'a>| match table {
        None => Ok(None),
        Some((values, _)) => match of(values) {
            Some(own) => Ok(Some(own)),
            None => Err(exec_datafusion_err!("{} is of another type in a table", column.name)),
        },
    };
    tables.iter().map(one).collect()
}

/// Begins each unit with `nothing`, adds its rows (of a span those in it), and tells the total at each point, with whether it is the unit's end.
pub(super) fn walk<T: Clone>(
    path: &Path,
    span: Option<Span<'_>>,
    nothing: T,
    mut add: impl FnMut(&mut T, usize, usize) -> Result<()>,
    mut tell: impl FnMut(&mut T, bool) -> Result<()>,
) -> Result<()> {
    let mut total = nothing.clone();
    let mut from = 0;
    for (at, point) in path.points.iter().enumerate() {
        let counts = |step: &&Step| {
            let exposed = || path.units[point.unit as usize].exposed.exposure_ds;
            span.is_none_or(|span| span.takes(step.table, exposed()))
        };
        for step in path.steps[from..point.end as usize].iter().filter(counts) {
            add(&mut total, step.table as usize, step.row as usize)?;
        }
        from = point.end as usize;
        let end = path.points.get(at + 1).is_none_or(|next| next.unit != point.unit);
        tell(&mut total, end)?;
        if end {
            total = nothing.clone();
        }
    }
    Ok(())
}

/// Sums of doubles: exact, rounded at each point.
fn sums(
    path: &Path,
    column: &Column,
    tables: &[InTable<'_>],
    span: Option<Span<'_>>,
    keep: bool,
) -> Result<(ArrayRef, Option<BinaryArray>)> {
    let doubles = of_tables(column, tables, Values::doubles)?;
    let rests_of: Vec<Option<&BinaryArray>> =
        tables.iter().map(|table| table.and_then(|(_, rests)| rests)).collect();
    let mut all = Vec::with_capacity(path.points.len());
    let mut rests = BinaryBuilder::new();
    let failed = |e: verdict_accum::AccumError| exec_datafusion_err!("{}: {e}", column.name);
    walk(
        path,
        span,
        ExactSum::default(),
        |sum, table, row| {
            if let Some(v) = doubles[table].filter(|v| v.is_valid(row)) {
                sum.push(v.values()[row]).map_err(failed)?;
            }
            match rests_of[table] {
                Some(rests) if rests.is_valid(row) => add_rest(sum, rests.value(row)),
                _ => Ok(()),
            }
        },
        |sum, end| {
            all.push(rounded(sum, column)?);
            if keep && end {
                let rest = rest(sum, column)?;
                rests.append_option((!rest.is_empty()).then_some(rest));
            }
            Ok(())
        },
    )?;
    Ok((Arc::new(Float64Array::from(all)), keep.then(|| rests.finish())))
}

/// All values of a unit; none where it has none.
fn values(
    path: &Path,
    column: &Column,
    tables: &[InTable<'_>],
    span: Option<Span<'_>>,
) -> Result<BinaryArray> {
    let stored = of_tables(column, tables, Values::values)?;
    let mut all = BinaryBuilder::new();
    let mut bytes = 0_usize;
    walk(
        path,
        span,
        UnitValues::default(),
        |values, table, row| {
            let Some(v) = stored[table].filter(|v| v.is_valid(row)) else { return Ok(()) };
            let merged = values.merge_bytes(v.value(row));
            merged.map_err(|e| exec_datafusion_err!("{}: {e}", column.name))
        },
        |values, _| {
            let state = (!values.is_empty()).then(|| values.to_bytes());
            bytes += state.as_ref().map_or(0, Vec::len);
            if i32::try_from(bytes).is_err() {
                return Err(exec_datafusion_err!(
                    "{}: the values of one bucket's units take more than 2 GiB; set `buckets` to more",
                    column.name
                ));
            }
            all.append_option(state);
            Ok(())
        },
    )?;
    Ok(all.finish())
}

/// Adds what rounding took from a stored total.
fn add_rest(sum: &mut ExactSum, rest: &[u8]) -> Result<()> {
    let (terms, tail) = rest.as_chunks::<8>();
    if !tail.is_empty() {
        return Err(exec_datafusion_err!("a stored remainder is not a list of doubles"));
    }
    for term in terms {
        sum.push(f64::from_le_bytes(*term)).map_err(|e| exec_datafusion_err!("{e}"))?;
    }
    Ok(())
}

/// What rounding takes from a sum: the doubles that must be added to the rounded one, the largest first, each the
/// rounding of what is left. Empty: nothing.
fn rest(sum: &ExactSum, column: &Column) -> Result<Vec<u8>> {
    let mut terms = Vec::new();
    if let Some([_, low]) = sum.to_pair() {
        if low != 0.0 {
            terms.extend(low.to_le_bytes());
        }
        return Ok(terms);
    }
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

fn rounded(sum: &ExactSum, column: &Column) -> Result<f64> {
    sum.to_f64().ok_or_else(|| {
        exec_datafusion_err!("the sum of {} lies beyond the largest DOUBLE", column.name)
    })
}

fn wins(aggregate: Aggregate) -> Ordering {
    if aggregate == Aggregate::Min { Ordering::Less } else { Ordering::Greater }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sweep::walk::Point;

    fn column() -> Column {
        Column { name: "x".into(), aggregate: Aggregate::Sum, number: Number::Float }
    }

    /// One unit that takes the given rows of table 0, and is asked at its end.
    fn path(rows: std::ops::Range<u32>) -> Path {
        let end = rows.len() as u32;
        Path {
            steps: rows.map(|row| Step { table: 0, row }).collect(),
            points: vec![Point { end, look: Some(0), several_variants: false, unit: 0 }],
            ..Path::default()
        }
    }

    fn along(
        column: &Column,
        values: &Values,
        rests: Option<&BinaryArray>,
        n: u32,
    ) -> Result<Totals> {
        Totals::along(&path(0..n), column, &[Some((values, rests))], None, true)
    }

    fn double(totals: &Totals) -> f64 {
        totals.at_points.as_primitive::<Float64Type>().value(0)
    }

    /// 1 + 2⁻⁶⁰ + 2⁻¹²⁰ rounds to 1 and loses both terms, which the remainder keeps.
    #[test]
    fn a_stored_sum_and_its_remainder_are_the_sum() {
        let terms = [1.0, 2f64.powi(-60), 2f64.powi(-120)];
        let values = Values::Doubles(Float64Array::from(terms.to_vec()));
        let totals = along(&column(), &values, None, 3).unwrap();
        assert_eq!(double(&totals), 1.0);
        let rests = totals.rests.unwrap();
        let rest = rests.value(0);
        assert_eq!(rest.len(), 16);
        assert_eq!(rest[..8], terms[1].to_le_bytes());
        assert_eq!(rest[8..], terms[2].to_le_bytes());

        let values = Values::Doubles(Float64Array::from(vec![1.0, -1.0]));
        let rests = BinaryArray::from_opt_vec(vec![Some(rest), None]);
        let again = along(&column(), &values, Some(&rests), 2).unwrap();
        assert_eq!(double(&again), 2f64.powi(-60) + 2f64.powi(-120));
    }

    #[test]
    fn nothing_is_left_of_a_sum_that_is_a_double() {
        let values = Values::Doubles(Float64Array::from(vec![0.1]));
        let totals = along(&column(), &values, None, 1).unwrap();
        assert!(totals.rests.unwrap().is_null(0));
    }

    #[test]
    fn an_integer_sum_overflows_with_its_name_and_not_before() {
        let column = Column { number: Number::Integer, ..column() };
        let values = Values::Integers(Int64Array::from(vec![i64::MAX, i64::MAX, -i64::MAX]));
        let error = along(&column, &values, None, 2).unwrap_err().to_string();
        assert!(error.contains("the sum of x does not fit in BIGINT"), "{error}");
        let totals = along(&column, &values, None, 3).unwrap();
        assert_eq!(totals.at_points.as_primitive::<Int64Type>().value(0), i64::MAX);
    }

    /// Each unit begins with nothing, and a point tells what came before it.
    #[test]
    fn units_do_not_know_each_other() {
        let column = Column { aggregate: Aggregate::Max, number: Number::Integer, ..column() };
        let values = Values::Integers(Int64Array::from(vec![Some(5), None, Some(3), Some(9)]));
        let point = |end, unit| Point { end, look: Some(0), several_variants: false, unit };
        let path = Path {
            steps: (0..4).map(|row| Step { table: 0, row }).collect(),
            points: vec![point(1, 0), point(2, 1), point(3, 1), point(4, 1)],
            ..Path::default()
        };
        let totals = Totals::along(&path, &column, &[Some((&values, None))], None, false).unwrap();
        let told: Vec<Option<i64>> = totals.at_points.as_primitive::<Int64Type>().iter().collect();
        assert_eq!(told, [Some(5), None, Some(3), Some(9)]);
        let mut same = [true; 4];
        totals.compare(&mut same);
        assert_eq!(same, [true, false, false, false]);
    }
}
