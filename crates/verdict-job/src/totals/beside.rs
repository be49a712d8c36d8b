//! The experiments on the same units at the same time: their exposures are a part of what an experiment's checks are made of.
//!
//! Of a thousand experiments each is beside all others, so that what is known of one is shared by all, and told in one digest a day.
//! Partitions of days are looked for once, whoever asks.

use std::collections::BTreeMap;
use std::sync::Arc;

use verdict_model::NaiveDate;
use verdict_model::tables::EXPOSURE_DAY;

use super::fresh::made;
use crate::Result;
use crate::fingerprint::digest;
use crate::job::Job;
use crate::partition::{self, Key, Partition};
use crate::plan::ExperimentTask;

/// What was found of `unit_day` and `exposure_day`.
#[derive(Debug, Default)]
pub(crate) struct FoundDays {
    partitions: BTreeMap<Key, Option<Partition>>,
    /// By place in the project and the last day; nothing of an experiment that lacks a day.
    others: BTreeMap<(usize, NaiveDate), Option<Arc<Other>>>,
}

/// An experiment on the same units at the same time, with its exposures.
#[derive(Debug)]
pub(crate) struct Other {
    pub(super) name: String,
    pub(super) exposure: Vec<(NaiveDate, Partition)>,
    /// A digest of what the days up to each one contain.
    contents: Vec<String>,
}

impl Other {
    fn new(name: &str, exposure: Vec<(NaiveDate, Partition)>) -> Result<Other> {
        let mut contents: Vec<String> = Vec::new();
        for (day, partition) in &exposure {
            let content = &made(partition, EXPOSURE_DAY.name)?.content;
            let before = contents.last().map_or("", String::as_str);
            contents.push(digest([before, &day.to_string(), content]));
        }
        Ok(Other { name: name.to_owned(), exposure, contents })
    }

    /// What its exposures up to a date are; `None`: it begins after that.
    pub(super) fn up_to(&self, date: NaiveDate) -> Option<String> {
        let days = self.exposure.partition_point(|(day, _)| *day <= date);
        let contents = self.contents.get(days.checked_sub(1)?)?;
        Some(format!("{} {contents}", self.name))
    }
}

impl Job {
    /// The experiments beside a task ([`Job::concurrent`]), as far as all of their exposures up to its last date are there.
    pub(super) async fn others(&self, task: &ExperimentTask) -> Result<Vec<Arc<Other>>> {
        let mut others = Vec::new();
        for (index, start, end) in self.concurrent(task) {
            let known = self.found.lock().await.others.get(&(index, end)).cloned();
            let other = match known {
                Some(other) => other,
                None => {
                    let other = self.other(index, (start, end)).await?;
                    self.found.lock().await.others.insert((index, end), other.clone());
                    other
                }
            };
            others.extend(other);
        }
        Ok(others)
    }

    /// Looks for everything again: something may have been written since.
    pub(crate) async fn forget_days(&self) {
        *self.found.lock().await = FoundDays::default();
    }

    /// The partitions of days at `keys`, in their order.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn find_days(&self, keys: &[Key]) -> Result<Vec<Option<Partition>>> {
        let mut known = self.found.lock().await;
        let known = &mut known.partitions;
        let unknown: Vec<Key> =
            keys.iter().filter(|key| !known.contains_key(*key)).cloned().collect();
        let found = partition::find_all(&self.tables, unknown.clone()).await?;
        known.extend(unknown.into_iter().zip(found));
        Ok(keys.iter().map(|key| known.get(key).cloned().flatten()).collect())
    }

    /// An experiment with its exposures of these days, where all of them are there.
    async fn other(
        &self,
        index: usize,
        (start, end): (NaiveDate, NaiveDate),
    ) -> Result<Option<Arc<Other>>> {
        let name = &self.project.experiments[index].name.value;
        let days: Vec<NaiveDate> = start.iter_days().take_while(|day| *day <= end).collect();
        let key = |day: &NaiveDate| Key::new(&EXPOSURE_DAY, &[name, &day.to_string()]);
        let found = self.find_days(&days.iter().map(key).collect::<Vec<_>>()).await?;
        // What another number of buckets made cannot be read beside the rest.
        let fits = |found: &Partition| {
            let buckets = found.made.as_ref().map_or(0, |made| made.buckets.len());
            buckets as u32 == self.project.buckets
        };
        let found = found.into_iter().map(|found| found.filter(fits));
        let whole: Option<Vec<(NaiveDate, Partition)>> =
            days.into_iter().zip(found).map(|(day, found)| Some((day, found?))).collect();
        let whole = whole.filter(|days| !days.is_empty());
        whole.map(|days| Ok(Arc::new(Other::new(name, days)?))).transpose()
    }
}
