//! What a sweep finds: groups of units, and a few units to name.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use verdict_model::DataCounts;

use super::seen::Seen;
use super::{Sweep, Task};
use crate::day::component_field;
use crate::render::before_column;

/// A group of units of an experiment: its variant, and the values of its segment dimensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// The task's place in [`Sweep::tasks`].
    pub(crate) task: usize,
    pub(crate) variant: String,
    pub(crate) segments: Vec<Option<String>>,
}

/// A unit, as it is sorted and as it is printed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Named {
    Number(i64),
    Text(String),
}

/// What a sweep finds beside its changes, over all buckets.
#[derive(Debug)]
pub(crate) struct Found {
    groups: Mutex<Groups>,
    /// By task and look: the smallest of the units that were found in several variants since the look before.
    several: Mutex<Vec<Vec<Vec<Named>>>>,
    /// By task: what checks want to know.
    seen: Mutex<Vec<Seen>>,
    /// How many times a bucket was read, or swept for a task; reading counts as much as all tasks.
    passed: AtomicUsize,
    of: usize,
}

#[derive(Debug, Default)]
struct Groups {
    by_name: HashMap<Vec<u8>, i64>,
    all: Vec<Arc<Group>>,
}

impl Found {
    pub(crate) fn new(sweep: &Sweep) -> Found {
        let several = sweep.tasks.iter().map(|task| vec![Vec::new(); task.looks.len()]).collect();
        let seen = Mutex::new(vec![Seen::default(); sweep.tasks.len()]);
        let of = 2 * sweep.swept.len() * sweep.tasks.len();
        Found {
            groups: Mutex::default(),
            several: Mutex::new(several),
            seen,
            passed: AtomicUsize::new(0),
            of,
        }
    }

    /// Counts buckets that are read (as much as all tasks), or swept for a task (one).
    pub(super) fn pass(&self, tasks: usize) {
        self.passed.fetch_add(tasks, Ordering::Relaxed);
    }

    /// How much of the sweep is done, from 0 to 1.
    pub(crate) fn part(&self) -> f64 {
        self.passed.load(Ordering::Relaxed) as f64 / self.of.max(1) as f64
    }

    /// Takes in what a bucket showed of a task.
    pub(super) fn add_seen(&self, task: usize, seen: Seen, most: usize) {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all[task].join(seen, most);
    }

    /// How large a value must be to matter after the buckets so far.
    pub(super) fn floors(&self, number: usize, task: &Task) -> Vec<Vec<f64>> {
        let all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        all[number].floors(task)
    }

    /// What was seen of a task; nothing is left of it.
    pub(crate) fn take_seen(&self, task: usize) -> Seen {
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut all[task])
    }

    /// A group by its number.
    pub(crate) fn group(&self, number: i64) -> Option<Arc<Group>> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        groups.all.get(usize::try_from(number).ok()?).map(Arc::clone)
    }

    /// The group of a cell, and which of the group's cells it is: a look, or a look after all looks for what leaves.
    pub(crate) fn cell(&self, cell: i64, stride: i64) -> Option<(Arc<Group>, usize)> {
        let groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let group = groups.all.get(usize::try_from(cell / stride).ok()?)?;
        Some((Arc::clone(group), usize::try_from(cell % stride).ok()?))
    }

    /// The smallest units in several variants as of a look.
    pub(crate) fn several_variants(&self, task: usize, look: usize) -> Vec<String> {
        let several = self.several.lock().unwrap_or_else(PoisonError::into_inner);
        let mut units: Vec<&Named> = several[task][..=look].iter().flatten().collect();
        units.sort_unstable();
        units.truncate(DataCounts::EXAMPLES);
        units
            .into_iter()
            .map(|unit| match unit {
                Named::Number(number) => number.to_string(),
                Named::Text(text) => text.clone(),
            })
            .collect()
    }

    /// By look: the smallest of a task's units that were found in several variants.
    pub(super) fn several(&self, task: usize) -> Vec<Vec<Named>> {
        let several = self.several.lock().unwrap_or_else(PoisonError::into_inner);
        several.get(task).cloned().unwrap_or_default()
    }

    /// Takes in what a bucket found.
    pub(super) fn add_several(&self, of_bucket: Vec<Vec<Vec<Named>>>) {
        let mut several = self.several.lock().unwrap_or_else(PoisonError::into_inner);
        for (all, own) in several.iter_mut().flatten().zip(of_bucket.into_iter().flatten()) {
            all.extend(own);
            all.sort_unstable();
            all.truncate(DataCounts::EXAMPLES);
        }
    }

    fn number(&self, name: &[u8], group: impl FnOnce() -> Group) -> (i64, Arc<Group>) {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = groups.by_name.get(name) {
            let number = *number;
            return (number, Arc::clone(&groups.all[number as usize]));
        }
        let number = groups.all.len() as i64;
        let group = Arc::new(group());
        groups.all.push(Arc::clone(&group));
        groups.by_name.insert(name.to_owned(), number);
        (number, group)
    }
}

/// How many groups are looked through before a table of all is asked.
const FEW: usize = 12;

/// The groups that a bucket has met: a lookup without a lock.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// The first ones, to be found by looking at each.
    few: Vec<(i64, Arc<Group>)>,
    name: Vec<u8>,
    groups: HashMap<Vec<u8>, (i64, Arc<Group>)>,
}

impl Known {
    pub(super) fn group<'a>(
        &mut self,
        found: &Found,
        task: usize,
        variant: &'a str,
        segments: impl Iterator<Item = Option<&'a str>> + Clone,
    ) -> (i64, Arc<Group>) {
        // Units that come one after another are of few groups.
        let same = |(_, group): &&(i64, Arc<Group>)| {
            group.task == task
                && group.variant == variant
                && group.segments.iter().zip(segments.clone()).all(|(a, b)| a.as_deref() == b)
        };
        if let Some(group) = self.few.iter().find(same) {
            return group.clone();
        }
        self.name.clear();
        self.name.extend((task as u64).to_le_bytes());
        for part in std::iter::once(Some(variant)).chain(segments.clone()) {
            // The length keeps (ab, c) and (a, bc) apart, and no length is a null's.
            let length = part.map_or(u64::MAX, |part| part.len() as u64);
            self.name.extend(length.to_le_bytes());
            self.name.extend(part.unwrap_or_default().as_bytes());
        }
        if let Some((number, group)) = self.groups.get(&self.name) {
            return (*number, Arc::clone(group));
        }
        let of_all = found.number(&self.name, || Group {
            task,
            variant: variant.to_owned(),
            segments: segments.map(|s| s.map(str::to_owned)).collect(),
        });
        self.groups.insert(self.name.clone(), of_all.clone());
        if self.few.len() < FEW {
            self.few.push(of_all.clone());
        }
        of_all
    }
}

/// The schema of `unit_changes`.
pub(super) fn changes_schema(sweep: &Sweep) -> SchemaRef {
    let mut fields = vec![
        Field::new("cell", DataType::Int64, false),
        Field::new("weight", DataType::Int64, false),
        Field::new("several_variants", DataType::Boolean, false),
        Field::new("counted", DataType::Boolean, false),
    ];
    fields.extend(sweep.totals.iter().map(|t| component_field(&t.name, sweep.number(t))));
    fields.extend((0..sweep.covariates.len()).map(|covariate| sweep.covariate_field(covariate)));
    fields.extend(sweep.compared().into_iter().map(|total| {
        let total = &sweep.totals[total];
        component_field(&before_column(&total.name), sweep.number(total))
    }));
    let capped = |name| Field::new(name, DataType::Float64, true);
    fields.extend(sweep.capped.iter().map(|c| capped(c.name.clone())));
    let before = sweep.compared_capped().into_iter().map(|c| before_column(&sweep.capped[c].name));
    fields.extend(before.map(capped));
    Arc::new(Schema::new(fields))
}

/// What does not change about a unit after its first exposure.
#[derive(Clone, Debug)]
pub(super) struct Exposed {
    pub(super) first_exposed: i64,
    /// Days since 1970.
    pub(super) exposure_ds: i32,
    pub(super) group_number: i64,
    pub(super) group: Arc<Group>,
}
