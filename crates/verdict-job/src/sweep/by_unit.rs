//! The rows of a bucket's tables, brought together by unit.

use std::cmp::Ordering;
use std::hash::BuildHasher as _;

use hashbrown::hash_table::Entry;
use hashbrown::{DefaultHashBuilder, HashTable};

use super::walk::Step;
use crate::units::Units;

/// The rows of each unit, in the order of the tables; the units in order.
///
/// Units are far fewer than rows: they are told apart by a table of hashes and sorted on their own, and rows are only counted into
/// their places. (With rows of 32 bytes that were sorted, a backfill took 4% more time: `jobs/bench/README.md`.)
pub(super) struct ByUnit {
    rows: Vec<Step>,
    /// By unit: where its rows end.
    ends: Vec<u32>,
}

/// A unit: what it is sorted by, and a row that has its name.
#[derive(Clone, Copy)]
struct Known {
    key: u128,
    row: Step,
}

impl ByUnit {
    pub(super) fn of(tables: &[&Units]) -> ByUnit {
        // Whether there are units of one key that differ.
        let odd = tables.iter().any(|units| units.are_odd());
        let names = |a: &Known, b: &Known| {
            let (units, others) = (tables[a.row.table as usize], tables[b.row.table as usize]);
            units.compare(a.row.row as usize, others, b.row.row as usize)
        };
        let order = |a: &Known, b: &Known| match a.key.cmp(&b.key) {
            Ordering::Equal if odd => names(a, b),
            order => order,
        };
        let hasher = DefaultHashBuilder::default();
        let mut known: Vec<Known> = Vec::new();
        let mut numbers: HashTable<(u128, u32)> = HashTable::new();
        let all = tables.iter().map(|units| units.len()).sum();
        let mut unit_of: Vec<u32> = Vec::with_capacity(all);
        for (table, units) in (0..).zip(tables) {
            for row in 0..units.len() {
                let one = Known { key: units.key(row), row: Step { table, row: row as u32 } };
                let same = |(key, number): &(u128, u32)| {
                    *key == one.key && (!odd || names(&known[*number as usize], &one).is_eq())
                };
                let again = |(key, _): &(u128, u32)| hasher.hash_one(key);
                match numbers.entry(hasher.hash_one(one.key), same, again) {
                    Entry::Occupied(met) => unit_of.push(met.get().1),
                    Entry::Vacant(place) => {
                        let number = known.len() as u32;
                        place.insert((one.key, number));
                        known.push(one);
                        unit_of.push(number);
                    }
                }
            }
        }
        drop(numbers);
        let mut in_order: Vec<u32> = (0..known.len() as u32).collect();
        in_order.sort_unstable_by(|a, b| order(&known[*a as usize], &known[*b as usize]));
        let mut rank = vec![0; known.len()];
        for (at, number) in (0..).zip(&in_order) {
            rank[*number as usize] = at;
        }
        // First where each unit's rows begin, which grows to where they end.
        let mut ends: Vec<u32> = vec![0; known.len() + 1];
        for number in &mut unit_of {
            *number = rank[*number as usize];
            ends[*number as usize + 1] += 1;
        }
        for unit in 1..ends.len() {
            ends[unit] += ends[unit - 1];
        }
        ends.pop();
        let mut rows = vec![Step { table: 0, row: 0 }; unit_of.len()];
        let mut of_row = unit_of.into_iter();
        for (table, units) in (0..).zip(tables) {
            for (row, unit) in (0..units.len()).zip(&mut of_row) {
                let place = &mut ends[unit as usize];
                rows[*place as usize] = Step { table, row: row as u32 };
                *place += 1;
            }
        }
        ByUnit { rows, ends }
    }

    /// The rows of each unit.
    pub(super) fn units(&self) -> impl Iterator<Item = &[Step]> {
        let mut from = 0;
        self.ends.iter().map(move |end| {
            let rows = &self.rows[from..*end as usize];
            from = *end as usize;
            rows
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array, StringArray};

    use super::*;

    /// By unit: table and row.
    fn told(tables: &[&Units]) -> Vec<Vec<(u32, u32)>> {
        let by_unit = ByUnit::of(tables);
        by_unit.units().map(|rows| rows.iter().map(|row| (row.table, row.row)).collect()).collect()
    }

    #[test]
    fn rows_of_a_unit_come_together_in_the_order_of_tables_and_units_in_theirs() {
        // Names of one key, which share sixteen bytes or end in zeros, and others.
        let names =
            ["", "a", "a\u{0}", "b", "sixteen bytes, and more", "sixteen bytes, and most", "z"];
        for names in [&names[..], &["a", "b", "c", "d", "e"]] {
            for seed in 0..200_usize {
                let mut expected: BTreeMap<&str, Vec<(u32, u32)>> = BTreeMap::new();
                let mut tables = Vec::new();
                for table in 0..4 {
                    let own: Vec<&str> = (0..names.len())
                        .filter(|at| (seed * 7919 + at * 31 + table * 104_729) / 3 % 3 != 0)
                        .map(|at| names[at])
                        .collect();
                    for (row, name) in (0..).zip(&own) {
                        expected.entry(name).or_default().push((table as u32, row));
                    }
                    let column: ArrayRef = Arc::new(StringArray::from(own));
                    tables.push(Units::of(&column).unwrap());
                }
                let tables: Vec<&Units> = tables.iter().collect();
                assert_eq!(told(&tables), expected.into_values().collect::<Vec<_>>(), "{seed}");
            }
        }
    }

    #[test]
    fn units_that_are_numbers_are_in_the_order_of_numbers() {
        let of = |numbers: Vec<i64>| -> Units {
            let column: ArrayRef = Arc::new(Int64Array::from(numbers));
            Units::of(&column).unwrap()
        };
        let (one, other) = (of(vec![-5, 0, 7]), of(vec![i64::MIN, 7, 8]));
        let rows = told(&[&one, &other]);
        assert_eq!(
            rows,
            [vec![(1, 0)], vec![(0, 0)], vec![(0, 1)], vec![(0, 2), (1, 1)], vec![(1, 2)]]
        );
        assert!(told(&[]).is_empty());
    }
}
