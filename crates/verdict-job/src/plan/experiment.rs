//! What of an experiment a run would make: its totals, the group statistics of every date that it is judged by, and what
//! is said of the dates that are asked for.

use std::collections::{BTreeMap, BTreeSet};

use verdict_model::NaiveDate;
use verdict_model::tables::{CHECKS, DECISIONS, GROUP_STATS, RESULTS, UNIT_TOTAL};

use super::{Action, Item, Plan};
use crate::group_stats::judged_fingerprint;
use crate::job::Job;
use crate::partition::{self, Key, Partition};
use crate::{Error, Result, registrations};

/// An experiment's part of a plan.
#[derive(Clone, Debug)]
pub(crate) struct ExperimentTask {
    /// The experiment, by its place in the project.
    pub(crate) index: usize,
    /// The as-of dates that are asked for, in order: they are judged.
    pub(crate) asked: Vec<NaiveDate>,
    /// These, and the dates that they are judged by besides, in order.
    pub(crate) looks: Vec<NaiveDate>,
    /// Its first day, where it is watched from day to day.
    pub(crate) watched_from: Option<NaiveDate>,
    /// Its days, from its first to its last look.
    pub(crate) days: Vec<NaiveDate>,
    /// The days before its first one that covariates look back to.
    pub(crate) days_before: Vec<NaiveDate>,
}

impl ExperimentTask {
    /// The day that a date's statistics are compared with.
    pub(crate) fn before(&self, look: NaiveDate) -> Option<NaiveDate> {
        look.pred_opt().filter(|before| self.watched_from.is_some_and(|first| first <= *before))
    }

    /// The same with the days and dates before `day` only.
    fn until(&self, day: NaiveDate) -> ExperimentTask {
        let before = |days: &[NaiveDate]| days.iter().copied().filter(|d| *d < day).collect();
        ExperimentTask {
            asked: before(&self.asked),
            looks: before(&self.looks),
            days: before(&self.days),
            ..self.clone()
        }
    }
}

impl Job {
    pub(super) async fn plan_experiment(
        &self,
        plan: &mut Plan,
        task: &ExperimentTask,
    ) -> Result<()> {
        let experiment = &self.project.experiments[task.index];
        let name = &experiment.name.value;
        // The first day that is made: from it on everything is made that follows from the days.
        let unit_type = &experiment.design.unit.value;
        let beside: BTreeSet<usize> =
            self.concurrent(task).iter().map(|(index, ..)| *index).collect();
        let made_from = plan
            .days
            .iter()
            .filter(|day| {
                (day.unit_type == *unit_type
                    && day.unit_day.is_some()
                    && (task.days.contains(&day.ds) || task.days_before.contains(&day.ds)))
                    || day
                        .exposure_days
                        .iter()
                        .any(|(index, _)| *index == task.index || beside.contains(index))
            })
            .map(|day| day.ds)
            .min();
        let upstream = || Action::Make("what it is made from is made".into());
        let of_reason = |reason: Option<String>| reason.map_or(Action::Fresh, Action::Make);
        let (total, looks) = match made_from {
            // What the days will contain is not known, and so not what is stale after them.
            Some(day) => {
                let earlier = task.until(day);
                let mut looks = Vec::new();
                if !earlier.looks.is_empty() {
                    let stale = self.totals_stale(experiment, &earlier).await?;
                    looks.extend(stale.looks.into_iter().map(|(l, reason)| (l, of_reason(reason))));
                }
                let later = task.looks.iter().filter(|look| **look >= day);
                looks.extend(later.map(|look| (*look, upstream())));
                (upstream(), looks)
            }
            None => {
                let stale = self.totals_stale(experiment, task).await?;
                let looks = stale.looks.into_iter().map(|(look, reason)| (look, of_reason(reason)));
                (of_reason(stale.total), looks.collect())
            }
        };
        let lacks = |look: &NaiveDate| (*look, self.incomplete_of(plan, experiment, *look));
        let incomplete: BTreeMap<NaiveDate, Vec<String>> = task.asked.iter().map(lacks).collect();
        let mut push = |key: Key, action| {
            plan.items.push(Item { table: key.table, partition: key.folders, action, bytes: 0 });
        };
        if let Some(last) = task.looks.last() {
            push(Key::new(&UNIT_TOTAL, &[name, &last.to_string()]), total);
        }
        let keys: Vec<Key> = looks
            .iter()
            .map(|(look, _)| Key::new(&GROUP_STATS, &[name, &look.to_string()]))
            .collect();
        let stats = partition::find_all(&self.tables, keys.clone()).await?;
        // What is there and true, by look.
        let mut fresh: BTreeMap<NaiveDate, Partition> = BTreeMap::new();
        for ((look, action), found) in looks.iter().zip(stats) {
            if let (Action::Fresh, Some(found)) = (action, found) {
                fresh.insert(*look, found);
            }
        }
        let later = self.later_of(experiment);
        // A run registers a plan that is not registered yet.
        let current = self.plan_of(experiment);
        let registered = match self.registered_plan(experiment).await {
            Ok(Some(registered)) => Some(registrations::aspect(&current, Some(&registered))),
            Ok(None) => Some(registrations::current()),
            // The run says so of this experiment, and judges the others.
            Err(Error::Table { .. }) => None,
            Err(error) => return Err(error),
        };
        for ((look, action), key) in looks.into_iter().zip(keys) {
            let asked = task.asked.contains(&look);
            let why = |reason: String| match task.looks.last() {
                Some(last) if !asked => format!("{reason}; {last} is judged by it, too"),
                _ => reason,
            };
            push(
                key,
                match action {
                    Action::Make(reason) => Action::Make(why(reason)),
                    Action::Fresh => Action::Fresh,
                },
            );
            if !asked {
                continue;
            }
            let first = task.days.first().copied().unwrap_or(look);
            let dates = experiment.judged_by(first, look).into_iter();
            let stats: Option<Vec<(NaiveDate, &Partition)>> =
                dates.map(|date| Some((date, fresh.get(&date)?))).collect();
            let keys = [&RESULTS, &CHECKS, &DECISIONS]
                .map(|table| Key::new(table, &[name, &look.to_string()]));
            let found = partition::find_all(&self.tables, keys.to_vec()).await?;
            for (key, found) in keys.into_iter().zip(found) {
                let action = match (&registered, &stats) {
                    (None, _) => Action::Make("the registered plan cannot be read".into()),
                    (Some(registered), Some(stats)) => {
                        let wanted = judged_fingerprint(experiment, &later, registered, stats);
                        let lacks = incomplete.get(&look).into_iter().flatten();
                        let wanted = wanted.with_any("incomplete days", lacks);
                        super::action(found.as_ref(), &wanted, &[])
                    }
                    (Some(_), None) => upstream(),
                };
                push(key, action);
            }
        }
        Ok(())
    }
}
