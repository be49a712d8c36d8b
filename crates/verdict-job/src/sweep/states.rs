//! Totals that follow from states of the days: distinct values, first and last ones, the most frequent category.
//!
//! The days have the states, and so has `unit_total` beside the total itself, so that a later night goes on from there: a
//! number of distinct values does not tell which they were, a last value not when.

use std::cmp::Ordering;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BinaryArray, BinaryBuilder, Float64Array, Int64Array, StringArray,
};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_accum::{AccumError, UnitEdge, UnitSet, UnitTally};
use verdict_model::Aggregate;

use super::Column;
use super::span::Span;
use super::totals::{InTable, of_tables, walk};
use super::walk::Path;

/// A column's totals at the points of a path, and with `keep` each unit's state at its end.
///
/// # Errors
/// A state is damaged.
pub(super) fn along(
    path: &Path,
    column: &Column,
    tables: &[InTable<'_>],
    span: Option<Span<'_>>,
    keep: bool,
) -> Result<(ArrayRef, Option<BinaryArray>)> {
    let of = Along { path, column, tables, span, keep };
    let edge = |state: &Option<UnitEdge>| state.as_ref().map(UnitEdge::to_bytes);
    match column.aggregate {
        Aggregate::Distinct => distinct(&of),
        Aggregate::MostFrequent => {
            let (totals, states) = of.states(
                |tally: &mut UnitTally, bytes| tally.merge_bytes(bytes),
                |tally| tally.most_frequent().map(str::to_owned),
                |tally| (!tally.is_empty()).then(|| tally.to_bytes()),
            )?;
            Ok((Arc::new(StringArray::from(totals)), states))
        }
        Aggregate::First | Aggregate::Last => {
            let number = |state: &Option<UnitEdge>| state.as_ref().and_then(UnitEdge::number);
            let (totals, states) = of.states(keeper(column.aggregate), number, edge)?;
            Ok((Arc::new(Float64Array::from(totals)), states))
        }
        _ => {
            let text = |state: &Option<UnitEdge>| {
                state.as_ref().and_then(|edge| edge.text().map(str::to_owned))
            };
            let (totals, states) = of.states(keeper(column.aggregate), text, edge)?;
            Ok((Arc::new(StringArray::from(totals)), states))
        }
    }
}

/// Keeps the first or the last of what was so far and a state.
fn keeper(
    aggregate: Aggregate,
) -> impl Fn(&mut Option<UnitEdge>, &[u8]) -> std::result::Result<(), AccumError> {
    let which = edge_of(aggregate);
    move |kept, bytes| {
        let other = UnitEdge::from_bytes(bytes)?;
        match kept {
            Some(kept) => kept.keep(which, other),
            None => *kept = Some(other),
        }
        Ok(())
    }
}

/// Which of two an aggregate keeps.
pub(crate) fn edge_of(aggregate: Aggregate) -> Ordering {
    match aggregate {
        Aggregate::First | Aggregate::FirstCategory => Ordering::Less,
        _ => Ordering::Greater,
    }
}

/// How many distinct values there are. What a unit had before its exposure is settled in `unit_total`, and is the number.
fn distinct(of: &Along<'_, '_>) -> Result<(ArrayRef, Option<BinaryArray>)> {
    let told = of_tables(of.column, of.tables, |v| {
        v.values().map(Told::States).or_else(|| v.integers().map(Told::Numbers))
    })?;
    let mut totals = Vec::with_capacity(of.path.points.len());
    let mut states = BinaryBuilder::new();
    walk(
        of.path,
        of.span,
        (0_i64, UnitSet::default()),
        |(settled, set), table, row| match told[table] {
            Some(Told::States(v)) if v.is_valid(row) => {
                set.merge_bytes(v.value(row)).map_err(|e| of.damaged(e))
            }
            Some(Told::Numbers(v)) if v.is_valid(row) => {
                *settled += v.value(row);
                Ok(())
            }
            _ => Ok(()),
        },
        |(settled, set), end| {
            totals.push(*settled + i64::try_from(set.len()).unwrap_or(i64::MAX));
            if of.keep && end {
                states.append_option((!set.is_empty()).then(|| set.to_bytes()));
            }
            Ok(())
        },
    )?;
    Ok((Arc::new(Int64Array::from(totals)), of.keep.then(|| states.finish())))
}

/// What a component of distinct values is in a table.
#[derive(Clone, Copy)]
enum Told<'a> {
    States(&'a BinaryArray),
    Numbers(&'a Int64Array),
}

/// What there is to go along.
struct Along<'a, 'b> {
    path: &'a Path,
    column: &'a Column,
    tables: &'a [InTable<'b>],
    span: Option<Span<'a>>,
    keep: bool,
}

impl Along<'_, '_> {
    fn damaged(&self, error: AccumError) -> datafusion::error::DataFusionError {
        exec_datafusion_err!("{}: {error}", self.column.name)
    }

    /// Adds the states up: `total` is what is told at each point, `state` what is kept.
    fn states<S: Clone + Default, T>(
        &self,
        add: impl Fn(&mut S, &[u8]) -> std::result::Result<(), AccumError>,
        total: impl Fn(&S) -> Option<T>,
        state: impl Fn(&S) -> Option<Vec<u8>>,
    ) -> Result<(Vec<Option<T>>, Option<BinaryArray>)> {
        let stored = of_tables(self.column, self.tables, super::totals::Values::values)?;
        let mut totals = Vec::with_capacity(self.path.points.len());
        let mut states = BinaryBuilder::new();
        walk(
            self.path,
            self.span,
            S::default(),
            |so_far, table, row| match stored[table].filter(|v| v.is_valid(row)) {
                Some(v) => add(so_far, v.value(row)).map_err(|e| self.damaged(e)),
                None => Ok(()),
            },
            |so_far, end| {
                totals.push(total(so_far));
                if self.keep && end {
                    states.append_option(state(so_far));
                }
                Ok(())
            },
        )?;
        Ok((totals, self.keep.then(|| states.finish())))
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::AsArray;
    use datafusion::arrow::datatypes::{Float64Type, Int64Type};

    use super::*;
    use crate::bind::Number;
    use crate::sweep::totals::Values;
    use crate::sweep::walk::{Point, Step};

    fn column(aggregate: Aggregate) -> Column {
        Column { name: "x".into(), aggregate, number: Number::Values }
    }

    /// One unit that takes all rows of table 0, and is asked after each.
    fn path(rows: u32) -> Path {
        let point = |end| Point { end, look: Some(0), several_variants: false, unit: 0 };
        Path {
            steps: (0..rows).map(|row| Step { table: 0, row }).collect(),
            points: (1..=rows).map(point).collect(),
            ..Path::default()
        }
    }

    fn told(aggregate: Aggregate, days: &[Option<Vec<u8>>]) -> (ArrayRef, BinaryArray) {
        let days: BinaryArray = days.iter().map(Option::as_deref).collect();
        let values = Values::Many(days);
        let path = path(values.values().unwrap().len() as u32);
        let table = [Some((&values, None))];
        let (totals, states) = along(&path, &column(aggregate), &table, None, true).unwrap();
        (totals, states.unwrap())
    }

    /// What was kept after some days, and the days after it, are all of the days.
    #[test]
    fn a_state_goes_on() {
        let set = |values: &[&str]| {
            let mut set = UnitSet::default();
            values.iter().for_each(|x| set.insert(x.as_bytes()));
            Some(set.to_bytes())
        };
        let days = [set(&["a", "b"]), None, set(&["b", "c"]), set(&["a"])];
        let (totals, _) = told(Aggregate::Distinct, &days);
        assert_eq!(totals.as_primitive::<Int64Type>().values(), &[2, 2, 3, 3]);
        let (_, kept) = told(Aggregate::Distinct, &days[..3]);
        let (on, _) = told(Aggregate::Distinct, &[Some(kept.value(0).to_vec()), days[3].clone()]);
        assert_eq!(on.as_primitive::<Int64Type>().values(), &[3, 3]);
        let settled = Values::Integers(Int64Array::from(vec![7]));
        let (before, _) =
            along(&path(1), &column(Aggregate::Distinct), &[Some((&settled, None))], None, false)
                .unwrap();
        assert_eq!(before.as_primitive::<Int64Type>().values(), &[7]);
    }

    #[test]
    fn the_first_and_the_last_are_by_time_and_not_by_day() {
        let at = |time, x| Some(UnitEdge::of_number(time, x).unwrap().to_bytes());
        let days = [None, at(5, 1.0), at(3, 2.0), at(5, 7.0)];
        let numbers = |aggregate| {
            let (totals, _) = told(aggregate, &days);
            totals.as_primitive::<Float64Type>().iter().collect::<Vec<_>>()
        };
        assert_eq!(numbers(Aggregate::First), [None, Some(1.0), Some(2.0), Some(2.0)]);
        assert_eq!(numbers(Aggregate::Last), [None, Some(1.0), Some(1.0), Some(7.0)]);
        let text = |time, x: &str| Some(UnitEdge::of_text(time, x).to_bytes());
        let (totals, _) = told(Aggregate::FirstCategory, &[text(9, "z"), text(9, "b"), None]);
        let totals: Vec<_> = totals.as_string::<i32>().iter().collect();
        assert_eq!(totals, [Some("z"), Some("b"), Some("b")]);
        assert!(
            along(
                &path(1),
                &column(Aggregate::Last),
                &[Some((&Values::Many(BinaryArray::from(vec![&b"?"[..]])), None))],
                None,
                false
            )
            .is_err()
        );
    }
}
