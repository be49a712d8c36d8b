//! What checks want to know of units beside the totals of their groups, seen while a bucket is swept: who was exposed on
//! which day, how those exposed on a day fare, which units have the largest values, and how units fare that are in
//! another experiment as well.
//!
//! All of it is counts, exact moments and largest values, so that neither buckets nor threads show. Moments are of changes,
//! as those of groups: what a unit's total was leaves at a look, what it is joins.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap, HashMap};

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_accum::Moments2;

use super::Task;
use super::totals::Totals;
use super::walk::Path;

/// What of a task's units is looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watched {
    /// The totals of the primary metric, by their place in [`Task::totals`]; none: it is not of a kind that is compared.
    pub(crate) primary: Vec<usize>,
    /// For each metric whose largest values are looked for, its totals likewise, the one that is large first.
    pub(crate) large: Vec<Vec<usize>>,
    /// How many of the largest values may be left out at most.
    pub(crate) most: usize,
    /// Other experiments, by their place in [`super::Sweep::tasks`].
    pub(crate) others: Vec<usize>,
}

/// Moments of x and y that change at looks.
pub(crate) type Changes = BTreeMap<usize, Moments2>;

/// What was seen of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Exposed units by day of first exposure (days since 1970) and group.
    pub(crate) exposed: BTreeMap<(i32, i64), i64>,
    /// The primary metric by day of first exposure and variant.
    pub(crate) cohorts: BTreeMap<(i32, String), Changes>,
    /// The primary metric of units that are in another experiment, too, by its task, the own and the other variant.
    pub(crate) pairs: BTreeMap<(usize, String, String), Changes>,
    /// By metric and look: the units with the largest values.
    pub(crate) large: BTreeMap<(usize, usize), Largest>,
}

impl Seen {
    /// Takes in what another bucket showed.
    pub(super) fn join(&mut self, other: Seen, most: usize) {
        for (key, n) in other.exposed {
            *self.exposed.entry(key).or_default() += n;
        }
        for (key, changes) in other.cohorts {
            merge(self.cohorts.entry(key).or_default(), &changes);
        }
        for (key, changes) in other.pairs {
            merge(self.pairs.entry(key).or_default(), &changes);
        }
        for (key, largest) in other.large {
            let own = self.large.entry(key).or_default();
            largest.0.into_iter().for_each(|Reverse(value)| own.push(value, most));
        }
    }
}

fn merge(own: &mut Changes, other: &Changes) {
    for (look, moments) in other {
        own.entry(*look).or_default().merge(moments);
    }
}

/// A unit's value: how large it is, its variant and what the metric has of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Large {
    size: f64,
    pub(crate) variant: String,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl Eq for Large {}

impl Ord for Large {
    fn cmp(&self, other: &Large) -> Ordering {
        let by_size =
            self.size.total_cmp(&other.size).then_with(|| self.variant.cmp(&other.variant));
        by_size.then_with(|| self.x.total_cmp(&other.x)).then_with(|| self.y.total_cmp(&other.y))
    }
}

impl PartialOrd for Large {
    fn partial_cmp(&self, other: &Large) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The largest values, and one more: the smallest of them is on top.
#[derive(Clone, Debug, Default)]
pub(crate) struct Largest(BinaryHeap<Reverse<Large>>);

impl Largest {
    fn push(&mut self, value: Large, most: usize) {
        let full = self.0.len() > most;
        if full && self.0.peek().is_some_and(|Reverse(least)| *least >= value) {
            return;
        }
        if full {
            self.0.pop();
        }
        self.0.push(Reverse(value));
    }

    /// The values that are larger than the next one after the `most` largest: at most so many, and as many where no two are
    /// equal.
    pub(crate) fn above(&self, most: usize) -> Vec<&Large> {
        let mut values: Vec<&Large> = self.0.iter().map(|Reverse(value)| value).collect();
        values.sort_unstable_by(|a, b| b.cmp(a));
        let Some(next) = values.get(most).map(|next| next.size) else { return Vec::new() };
        values.into_iter().take_while(|value| value.size > next).collect()
    }
}

/// A path's units by the row that has their name, which tasks of one bucket have in common.
type UnitsByName = HashMap<(u32, u32), usize>;

/// What a bucket shows of a task, whose path and totals these are; `paths` are all tasks' ways.
///
/// # Errors
/// A value lies beyond what moments hold.
pub(super) fn seen(task: &Task, paths: &[Path], number: usize, totals: &[Totals]) -> Result<Seen> {
    let (path, watched) = (&paths[number], &task.trust);
    let columns: Vec<Column<'_>> = totals.iter().map(|t| Column::of(&t.at_points)).collect();
    let values = |of: &[usize], at: usize| -> Option<[f64; 2]> {
        let x = columns.get(*of.first()?)?.value(at)?;
        let y = match of.get(1) {
            Some(second) => columns.get(*second)?.value(at)?,
            None => 0.0,
        };
        Some([x, y])
    };
    let others: Vec<(usize, UnitsByName)> = watched
        .others
        .iter()
        .map(|other| {
            let units = paths[*other].units.iter().enumerate();
            (*other, units.map(|(at, unit)| ((unit.name.table, unit.name.row), at)).collect())
        })
        .collect();
    let look_of = |exposure_ds: i32| {
        task.looks.partition_point(|look| super::walk::days_since_1970(*look) < exposure_ds)
    };
    let mut seen = Seen::default();
    let points = &path.points;
    let mut from = 0;
    for of_unit in points.chunk_by(|a, b| a.unit == b.unit) {
        let unit = &path.units[of_unit[0].unit as usize];
        let exposed = &unit.exposed;
        let variant = &exposed.group.variant;
        *seen.exposed.entry((exposed.exposure_ds, exposed.group_number)).or_default() += 1;
        let key = (unit.name.table, unit.name.row);
        let in_others: Vec<(usize, usize, &str)> = others
            .iter()
            .filter_map(|(other, units)| {
                let unit = &paths[*other].units[*units.get(&key)?].exposed;
                Some((*other, look_of(unit.exposure_ds), &*unit.group.variant))
            })
            .collect();
        let mut was: Option<[f64; 2]> = None;
        let mut were: Vec<Option<[f64; 2]>> = vec![None; in_others.len()];
        for (i, point) in of_unit.iter().enumerate() {
            let Some(look) = point.look.map(|look| look as usize) else { continue };
            let next = of_unit.get(i + 1).and_then(|next| next.look);
            let until = next.map_or(task.looks.len(), |next| next as usize);
            let counts = !(task.exclude && point.several_variants);
            let at = from + i;
            let is = values(&watched.primary, at).filter(|_| counts);
            if was != is {
                let cohort = (exposed.exposure_ds, variant.clone());
                change(seen.cohorts.entry(cohort).or_default(), look, was, is)?;
                was = is;
            }
            for ((other, joins, theirs), were) in in_others.iter().zip(&mut were) {
                // A value that is another one before the unit is in both experiments is never seen.
                let look = look.max(*joins);
                if look < until && *were != is {
                    let pair = (*other, variant.clone(), (*theirs).to_owned());
                    change(seen.pairs.entry(pair).or_default(), look, *were, is)?;
                    *were = is;
                }
            }
            for (metric, of) in watched.large.iter().enumerate().filter(|_| counts) {
                let Some([x, y]) = values(of, at) else { continue };
                for look in (look..until).filter(|look| task.made.contains(&task.looks[*look])) {
                    let largest = seen.large.entry((metric, look)).or_default();
                    let size = x.abs();
                    let least = largest.0.peek().map(|Reverse(least)| least.size);
                    if largest.0.len() > watched.most && least.is_some_and(|least| size < least) {
                        continue;
                    }
                    largest.push(Large { size, variant: variant.clone(), x, y }, watched.most);
                }
            }
        }
        from += of_unit.len();
    }
    Ok(seen)
}

fn change(
    changes: &mut Changes,
    look: usize,
    was: Option<[f64; 2]>,
    is: Option<[f64; 2]>,
) -> Result<()> {
    let moments = changes.entry(look).or_default();
    let failed = |e: verdict_accum::AccumError| exec_datafusion_err!("a total: {e}");
    was.map_or(Ok(()), |was| moments.push(-1, &was)).map_err(failed)?;
    is.map_or(Ok(()), |is| moments.push(1, &is)).map_err(failed)
}

/// A component's totals, read as doubles.
enum Column<'a> {
    Booleans(&'a datafusion::arrow::array::BooleanArray),
    Integers(&'a datafusion::arrow::array::Int64Array),
    Doubles(&'a datafusion::arrow::array::Float64Array),
    Other,
}

impl<'a> Column<'a> {
    fn of(column: &'a ArrayRef) -> Column<'a> {
        if let Some(booleans) = column.as_boolean_opt() {
            Column::Booleans(booleans)
        } else if let Some(integers) = column.as_primitive_opt::<Int64Type>() {
            Column::Integers(integers)
        } else if let Some(doubles) = column.as_primitive_opt::<Float64Type>() {
            Column::Doubles(doubles)
        } else {
            Column::Other
        }
    }

    fn value(&self, at: usize) -> Option<f64> {
        match self {
            Column::Booleans(v) => v.is_valid(at).then(|| f64::from(u8::from(v.value(at)))),
            Column::Integers(v) => v.is_valid(at).then(|| v.value(at) as f64),
            Column::Doubles(v) => v.is_valid(at).then(|| v.value(at)),
            Column::Other => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn large(size: f64) -> Large {
        Large { size, variant: "a".to_owned(), x: size, y: 0.0 }
    }

    /// Of 9, 7, 7, 5 and 1: two are left out where the third is smaller, and none of equals that do not all fit.
    #[test]
    fn the_largest_are_those_above_the_next_one() {
        for order in [[9.0, 7.0, 7.0, 5.0, 1.0], [1.0, 7.0, 5.0, 9.0, 7.0]] {
            let sizes = |most: usize| {
                let mut largest = Largest::default();
                order.iter().for_each(|size| largest.push(large(*size), most));
                largest.above(most).iter().map(|value| value.size).collect::<Vec<f64>>()
            };
            assert_eq!(sizes(1), [9.0]);
            assert_eq!(sizes(2), [9.0]);
            assert_eq!(sizes(3), [9.0, 7.0, 7.0]);
            assert_eq!(sizes(0), [0.0; 0]);
            assert_eq!(sizes(5), [0.0; 0]);
        }
    }
}
