//! What was said of each experiment before a run: what its changes are measured from, until somebody has been told of them.

use std::collections::{BTreeMap, BTreeSet};

use verdict_job::{Job, Told, Untold};
use verdict_model::NaiveDate;
use verdict_report::Judged;

use super::changes;
use crate::exit::Failure;

/// By experiment what was said before; of none where nobody wants to know of changes.
#[derive(Debug, Default)]
pub(crate) struct Before {
    said: BTreeMap<String, Option<Told>>,
    /// Those of which it is put down in the store.
    put_down: BTreeSet<String>,
    /// Those of which that is of a later date: it stays as it is.
    later: BTreeSet<String>,
}

impl Before {
    /// What was said of experiments before a run up to `date`: by an earlier run that nobody may have heard of, or by the tables.
    pub(crate) async fn of(
        job: &Job,
        date: NaiveDate,
        experiments: &[String],
    ) -> Result<Before, Failure> {
        let mut untold = job.untold().await?;
        let mut before = Before::default();
        for experiment in job.experiments(experiments)? {
            let name = &experiment.name.value;
            // A run for an earlier date says nothing of what came later.
            let said = match untold.remove(name) {
                Some(untold) if untold.ds <= date => {
                    before.put_down.insert(name.clone());
                    untold.before
                }
                later => {
                    before.later.extend(later.map(|_| name.clone()));
                    job.told(experiment, date).await?
                }
            };
            before.said.insert(name.clone(), said);
        }
        Ok(before)
    }

    /// What was said of an experiment.
    pub(crate) fn said(&self, experiment: &str) -> Option<&Told> {
        self.said.get(experiment).and_then(Option::as_ref)
    }

    /// Puts down what was said, where what is judged now is a change of it: before it is written.
    pub(crate) async fn put_down(&mut self, job: &Job, now: &Judged) -> Result<(), Failure> {
        let name = &now.experiment.name.value;
        let is_there = self.put_down.contains(name) || self.later.contains(name);
        let Some(before) = self.said.get(name).filter(|_| !is_there) else {
            return Ok(());
        };
        if !changes(before.as_ref(), now).is_empty() {
            let untold = Untold { ds: now.as_of, before: before.clone() };
            job.keep_untold(&now.experiment, &untold).await?;
            self.put_down.insert(name.clone());
        }
        Ok(())
    }

    /// Takes away what was put down of these experiments: everybody who wants to know has been told.
    pub(crate) async fn told<'e>(
        &self,
        job: &Job,
        experiments: impl Iterator<Item = &'e str>,
    ) -> Result<(), Failure> {
        for name in experiments.filter(|name| self.put_down.contains(*name)) {
            job.forget_untold(name).await?;
        }
        Ok(())
    }
}
