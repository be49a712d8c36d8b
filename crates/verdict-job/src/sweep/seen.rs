//! What checks want to know of units beside the totals of their groups, seen while a bucket is swept: who was exposed on
//! which day, how those exposed on a day fare, which units have the largest values, and how units fare that are in
//! another experiment as well.
//!
//! All of it is counts, exact moments and largest values, so that neither buckets nor threads show. Moments are of changes,
//! as those of groups: what a unit's total was leaves at a look, what it is joins.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};
use std::hash::Hash;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use hashbrown::HashMap;
use verdict_accum::Moments2;
use verdict_model::NaiveDate;

use super::Task;
use super::totals::Totals;
use super::walk::{Passed, Path};

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

/// Moments of x and y that change at looks: by look, in order. (A tree's node has room for eleven: of a pair of experiments, of which
/// there are very many, mostly one is there.)
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes(pub(super) Vec<(usize, Box<Moments2>)>);

impl Changes {
    /// What changed at a look.
    pub(crate) fn at(&self, look: usize) -> Option<&Moments2> {
        let place = self.0.binary_search_by_key(&look, |(look, _)| *look).ok()?;
        self.0.get(place).map(|(_, moments)| moments.as_ref())
    }

    fn merge(&mut self, other: Changes) {
        if self.0.is_empty() {
            *self = other;
            return;
        }
        for (look, moments) in other.0 {
            match self.0.binary_search_by_key(&look, |(look, _)| *look) {
                Ok(place) => self.0[place].1.merge(&moments),
                Err(place) => self.0.insert(place, (look, moments)),
            }
        }
    }
}

/// What was seen of a task.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Exposed units by day of first exposure (days since 1970) and group.
    pub(crate) exposed: BTreeMap<(i32, i64), i64>,
    /// The primary metric by day of first exposure and variant.
    pub(crate) cohorts: BTreeMap<(i32, Arc<str>), Changes>,
    /// The primary metric of units that are in another experiment, too, by its task, the own and the other variant.
    pub(crate) pairs: BTreeMap<(usize, Arc<str>, Arc<str>), Changes>,
    /// By metric and look: the units with the largest values.
    pub(crate) large: BTreeMap<(usize, usize), Largest>,
}

impl Seen {
    /// How many units were first exposed up to a day.
    pub(crate) fn exposed_by(&self, day: NaiveDate) -> i64 {
        let day = super::walk::days_since_1970(day);
        self.exposed.iter().filter(|((exposed, _), _)| *exposed <= day).map(|(_, n)| n).sum()
    }

    /// Takes in what another bucket showed.
    pub(super) fn join(&mut self, other: Seen, most: usize) {
        for (key, n) in other.exposed {
            *self.exposed.entry(key).or_default() += n;
        }
        for (key, changes) in other.cohorts {
            self.cohorts.entry(key).or_default().merge(changes);
        }
        for (key, changes) in other.pairs {
            self.pairs.entry(key).or_default().merge(changes);
        }
        for (key, largest) in other.large {
            let own = self.large.entry(key).or_default();
            largest.0.into_iter().for_each(|Reverse(value)| own.push(value, most));
        }
    }
}

impl Seen {
    /// By metric and look, what a value must exceed to be one of the largest of the buckets so far: it only rises.
    pub(super) fn floors(&self, task: &Task) -> Vec<Vec<f64>> {
        let floor = |key| self.large.get(&key).map(|largest| largest.least(task.trust.most));
        let looks = |metric| (0..task.looks.len()).map(move |look| (metric, look));
        let metrics = 0..task.trust.large.len();
        let of_metric = |metric| {
            looks(metric).map(|key| floor(key).unwrap_or(f64::NEG_INFINITY)).collect::<Vec<f64>>()
        };
        metrics.map(of_metric).collect()
    }
}

/// A unit's value: how large it is, its group and what the metric has of it. Ordered by size alone: values as large as the
/// smallest one that is kept are never told, so that it does not matter which of them is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Large {
    pub(super) size: f64,
    /// Its group, as [`super::Found::group`] knows it.
    pub(crate) group: i64,
    pub(crate) x: f64,
    pub(crate) y: f64,
}

impl PartialEq for Large {
    fn eq(&self, other: &Large) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Large {}

impl Ord for Large {
    fn cmp(&self, other: &Large) -> Ordering {
        self.size.total_cmp(&other.size)
    }
}

impl PartialOrd for Large {
    fn partial_cmp(&self, other: &Large) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// The largest values, and one more: the smallest of them is on top.
#[derive(Clone, Debug, Default)]
pub(crate) struct Largest(pub(super) BinaryHeap<Reverse<Large>>);

impl Largest {
    /// The size that a value must exceed to be one of the `most` and one.
    fn least(&self, most: usize) -> f64 {
        let full = self.0.peek().filter(|_| self.0.len() > most);
        full.map_or(f64::NEG_INFINITY, |Reverse(least)| least.size)
    }

    fn push(&mut self, value: Large, most: usize) {
        if value.size <= self.least(most) {
            return;
        }
        if self.0.len() > most {
            self.0.pop();
        }
        self.0.push(Reverse(value));
    }

    /// The values that are larger than the next one after the `most` largest: at most so many, and as many where no two are
    /// equal; in no order.
    pub(crate) fn above(&self, most: usize) -> Vec<Large> {
        let mut values: Vec<Large> = self.0.iter().map(|Reverse(value)| *value).collect();
        values.sort_unstable_by(|a, b| b.cmp(a));
        let Some(next) = values.get(most).map(|next| next.size) else { return Vec::new() };
        values.into_iter().take_while(|value| value.size > next).collect()
    }
}

/// Moments that change at looks, by look.
struct ByLook(Vec<Option<Box<Moments2>>>);

impl ByLook {
    fn of(looks: usize) -> ByLook {
        ByLook(std::iter::repeat_with(|| None).take(looks).collect())
    }

    /// What was leaves at a look, and what is joins.
    fn change(&mut self, look: usize, was: Option<[f64; 2]>, is: Option<[f64; 2]>) -> Result<()> {
        let moments = self.0[look].get_or_insert_default();
        let failed = |e: verdict_accum::AccumError| exec_datafusion_err!("a total: {e}");
        was.map_or(Ok(()), |was| moments.push(-1, &was)).map_err(failed)?;
        is.map_or(Ok(()), |is| moments.push(1, &is)).map_err(failed)
    }

    fn changes(self) -> Changes {
        let looks = self.0.into_iter().enumerate();
        Changes(looks.filter_map(|(look, moments)| Some((look, moments?))).collect())
    }
}

/// Things that were met, each with a place of its own.
struct Places<K>(HashMap<K, usize>);

impl<K: Copy + Eq + Hash> Places<K> {
    /// The place of `key`; `add` makes what is there where it is new.
    fn of(&mut self, key: K, add: impl FnOnce()) -> usize {
        let next = self.0.len();
        *self.0.entry(key).or_insert_with(|| {
            add();
            next
        })
    }

    fn in_order(self) -> Vec<K> {
        let mut keys: Vec<(K, usize)> = self.0.into_iter().collect();
        keys.sort_unstable_by_key(|(_, place)| *place);
        keys.into_iter().map(|(key, _)| key).collect()
    }
}

/// The largest values of a metric by look.
struct Top {
    /// The size that a value must exceed to be one of them; nothing that is as large as the smallest is ever told.
    least: Vec<f64>,
    largest: Vec<Largest>,
}

/// Which tasks each of a bucket's units is in. Of hundreds of tasks a unit is in a few: only those are looked at.
pub(super) struct Meetings {
    /// By ordinal: where its part of `of` ends.
    ends: Vec<u32>,
    /// Task, and the unit's place in its path; by task within a unit.
    of: Vec<(u32, u32)>,
}

impl Meetings {
    pub(super) fn of(paths: &[Path]) -> Meetings {
        let ordinals: Vec<Vec<u32>> =
            paths.iter().map(|path| path.units.iter().map(|unit| unit.ordinal).collect()).collect();
        Meetings::of_ordinals(&ordinals)
    }

    /// Of the ordinals of each task's units.
    fn of_ordinals(tasks: &[Vec<u32>]) -> Meetings {
        let units = tasks.iter().flatten().map(|ordinal| *ordinal as usize + 1).max().unwrap_or(0);
        // First where each unit's part begins, which grows to where it ends.
        let mut ends = vec![0_u32; units + 1];
        for ordinal in tasks.iter().flatten() {
            ends[*ordinal as usize + 1] += 1;
        }
        for unit in 1..ends.len() {
            ends[unit] += ends[unit - 1];
        }
        let mut of = vec![(0, 0); ends[units] as usize];
        ends.pop();
        for (task, ordinals) in (0..).zip(tasks) {
            for (unit, ordinal) in (0..).zip(ordinals) {
                let place = &mut ends[*ordinal as usize];
                of[*place as usize] = (task, unit);
                *place += 1;
            }
        }
        Meetings { ends, of }
    }

    fn of_unit(&self, ordinal: u32) -> &[(u32, u32)] {
        let at = ordinal as usize;
        let from = at.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.of[from as usize..self.ends[at] as usize]
    }
}

/// The names of variants that were met, each with a place of its own.
#[derive(Default)]
struct Variants<'v> {
    names: Vec<&'v str>,
    places: HashMap<&'v str, usize>,
}

impl<'v> Variants<'v> {
    /// How many are looked through before a table of all is asked: mostly there are no more.
    const FEW: usize = 8;

    fn place_of(&mut self, variant: &'v str) -> usize {
        let few = &self.names[..self.names.len().min(Variants::FEW)];
        if let Some(place) = few.iter().position(|met| *met == variant) {
            return place;
        }
        *self.places.entry(variant).or_insert_with(|| {
            self.names.push(variant);
            self.names.len() - 1
        })
    }
}

/// A unit that is in another experiment, too: where their moments are, the first look that knows it, and what was said there.
struct Shared {
    pair: usize,
    joins: usize,
    was: Option<[f64; 2]>,
}

/// What a bucket shows of a task, whose path and totals these are; `paths` are all tasks' ways, `floors` what other
/// buckets showed ([`Seen::floors`]).
///
/// # Errors
/// A value lies beyond what moments hold.
pub(super) fn seen(
    task: &Task,
    (paths, meetings, number): (&[Path], &Meetings, usize),
    totals: &[Totals],
    floors: Vec<Vec<f64>>,
) -> Result<Seen> {
    let (path, watched, looks) = (&paths[number], &task.trust, task.looks.len());
    let columns: Vec<Column<'_>> = totals.iter().map(|t| Column::of(&t.at_points)).collect();
    let values = |of: &[usize], at: usize| -> Option<[f64; 2]> {
        let x = columns.get(*of.first()?)?.value(at)?;
        let y = match of.get(1) {
            Some(second) => columns.get(*second)?.value(at)?,
            None => 0.0,
        };
        Some([x, y])
    };
    let made: Vec<bool> = task.looks.iter().map(|look| task.made.contains(look)).collect();
    let look_of = |exposure_ds: i32| {
        task.looks.partition_point(|look| super::walk::days_since_1970(*look) < exposure_ds)
    };
    let largest = || std::iter::repeat_with(Largest::default).take(looks).collect();
    let mut large: Vec<Top> =
        floors.into_iter().map(|least| Top { least, largest: largest() }).collect();
    let mut variants = Variants::default();
    let mut exposed_on: Places<(i32, i64)> = Places(HashMap::new());
    let mut exposed: Vec<i64> = Vec::new();
    let mut cohorts: Places<(i32, usize)> = Places(HashMap::new());
    let mut of_cohorts: Vec<ByLook> = Vec::new();
    let mut pairs: Places<(usize, usize, usize)> = Places(HashMap::new());
    let mut of_pairs: Vec<ByLook> = Vec::new();
    let mut is_other = vec![false; paths.len()];
    watched.others.iter().for_each(|other| is_other[*other] = true);
    let mut shared: Vec<Shared> = Vec::new();
    let mut from = 0;
    for of_unit in path.points.chunk_by(|a, b| a.unit == b.unit) {
        let unit = &path.units[of_unit[0].unit as usize];
        let day = unit.exposed.exposure_ds;
        let variant = variants.place_of(&unit.exposed.group.variant);
        let group = (day, unit.exposed.group_number);
        let group = exposed_on.of(group, || exposed.push(0));
        exposed[group] += 1;
        let cohort = cohorts.of((day, variant), || of_cohorts.push(ByLook::of(looks)));
        shared.clear();
        for (other, place) in meetings.of_unit(unit.ordinal) {
            let other = *other as usize;
            if !is_other[other] {
                continue;
            }
            let Passed { exposed, .. } = &paths[other].units[*place as usize];
            let theirs = variants.place_of(&exposed.group.variant);
            let pair = (other, variant, theirs);
            let pair = pairs.of(pair, || of_pairs.push(ByLook::of(looks)));
            shared.push(Shared { pair, joins: look_of(exposed.exposure_ds), was: None });
        }
        let mut was: Option<[f64; 2]> = None;
        for (i, point) in of_unit.iter().enumerate() {
            let Some(look) = point.look.map(|look| look as usize) else { continue };
            let next = of_unit.get(i + 1).and_then(|next| next.look);
            let until = next.map_or(looks, |next| next as usize);
            let counts = !(task.exclude && point.several_variants);
            let at = from + i;
            let is = values(&watched.primary, at).filter(|_| counts);
            if was != is {
                of_cohorts[cohort].change(look, was, is)?;
                was = is;
            }
            for both in &mut shared {
                // A value that is another one before the unit is in both experiments is never seen.
                let look = look.max(both.joins);
                if look < until && both.was != is {
                    of_pairs[both.pair].change(look, both.was, is)?;
                    both.was = is;
                }
            }
            for (of, top) in watched.large.iter().zip(&mut large).filter(|_| counts) {
                let Some([x, y]) = values(of, at) else { continue };
                let size = x.abs();
                for look in (look..until).filter(|look| made[*look]) {
                    if size <= top.least[look] {
                        continue;
                    }
                    let largest = &mut top.largest[look];
                    let group = unit.exposed.group_number;
                    largest.push(Large { size, group, x, y }, watched.most);
                    top.least[look] = top.least[look].max(largest.least(watched.most));
                }
            }
        }
        from += of_unit.len();
    }
    let names: Vec<Arc<str>> = variants.names.iter().map(|name| Arc::from(*name)).collect();
    let name = |variant: usize| Arc::clone(&names[variant]);
    let by_look = |(metric, top): (usize, Top)| {
        let looks = top.largest.into_iter().enumerate();
        let some = looks.filter(|(_, largest)| !largest.0.is_empty());
        some.map(move |(look, largest)| ((metric, look), largest))
    };
    let cohorts = cohorts.in_order().into_iter().zip(of_cohorts);
    let pairs = pairs.in_order().into_iter().zip(of_pairs);
    Ok(Seen {
        exposed: exposed_on.in_order().into_iter().zip(exposed).collect(),
        cohorts: cohorts
            .map(|((day, variant), looks)| ((day, name(variant)), looks.changes()))
            .filter(|(_, changes)| !changes.0.is_empty())
            .collect(),
        pairs: pairs
            .map(|((other, own, their), looks)| ((other, name(own), name(their)), looks.changes()))
            .filter(|(_, changes)| !changes.0.is_empty())
            .collect(),
        large: large.into_iter().enumerate().flat_map(by_look).collect(),
    })
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
        Large { size, group: 0, x: size, y: 0.0 }
    }

    #[test]
    fn a_unit_is_met_in_the_tasks_that_it_is_in() {
        let tasks = [vec![0, 2, 3], vec![], vec![2], vec![0, 1, 2]];
        let meetings = Meetings::of_ordinals(&tasks);
        assert_eq!(meetings.of_unit(0), [(0, 0), (3, 0)]);
        assert_eq!(meetings.of_unit(1), [(3, 1)]);
        assert_eq!(meetings.of_unit(2), [(0, 1), (2, 0), (3, 2)]);
        assert_eq!(meetings.of_unit(3), [(0, 2)]);
        assert!(Meetings::of_ordinals(&[vec![], vec![]]).of.is_empty());
    }

    #[test]
    fn changes_merge_look_by_look() {
        let of = |looks: &[(usize, f64)]| {
            let mut by_look = ByLook::of(5);
            for (look, x) in looks {
                by_look.change(*look, None, Some([*x, 0.0])).unwrap();
            }
            by_look.changes()
        };
        let mut changes = Changes::default();
        for other in [&[(1, 2.0), (3, 4.0)][..], &[], &[(0, 1.0), (3, 5.0), (4, 9.0)]] {
            changes.merge(of(other));
        }
        let told = |look| changes.at(look).map(|moments| (moments.n(), moments.sum(0).unwrap()));
        let expected = [Some((1, 1.0)), Some((1, 2.0)), None, Some((2, 9.0)), Some((1, 9.0)), None];
        for (look, expected) in expected.into_iter().enumerate() {
            assert_eq!(told(look), expected, "{look}");
        }
    }

    #[test]
    fn each_of_many_variants_has_one_place() {
        let names: Vec<String> = (0..30).map(|n| format!("v{n}")).collect();
        let mut variants = Variants::default();
        for at in (0..30).chain((0..30).rev()) {
            assert_eq!(variants.place_of(&names[at]), at);
        }
        assert_eq!(variants.names, names);
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
            // Of more than are kept none is lost that is larger than the smallest of those.
            let mut largest = Largest::default();
            order.iter().for_each(|size| largest.push(large(*size), 3));
            let above = |most| largest.above(most).iter().map(|v| v.size).collect::<Vec<f64>>();
            assert_eq!((above(1), above(3)), (vec![9.0], vec![9.0, 7.0, 7.0]));
        }
    }
}
