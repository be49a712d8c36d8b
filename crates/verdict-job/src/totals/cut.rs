//! Totals cut by buckets: shares of an experiment's sweep, made by whoever has time, anywhere and in any order.
//!
//! A share follows from what is made of it, the totals and the statistics of its dates, and from nothing else: not from which
//! earlier totals its sweep began from (from any and from none the states are the same), nor from what others have made by
//! now. So all that cut the same work look for the same shares, also while one of them joins: statistics are committed from the last
//! date to the first, and what is to be made, every date from the first one that is missing on, stays what it was until the
//! last commit.

use std::ops::Range;

use verdict_model::NaiveDate;

use super::works::Made;
use super::{Stale, Work};
use crate::fingerprint::Fingerprint;
use crate::job::{Job, Outcome, Progress, Tally};
use crate::plan::{ExperimentTask, Plan};
use crate::shares::{self, Of, Shares};
use crate::{Error, Result};

/// What came of making shares.
#[derive(Debug, Default)]
pub(crate) struct MadeShares<'p> {
    /// What was made.
    of: Vec<(&'p ExperimentTask, Of)>,
    /// Experiments that failed, and why.
    pub(crate) failed: Vec<(String, Error)>,
}

impl Stale {
    /// The same as it is cut: totals, and every date from the first stale one on.
    fn cut(&self) -> Stale {
        let why = || Some("its shares are of all dates from the first on that is made".to_owned());
        let first = self.stale_looks().next();
        let looks = self.looks.iter().map(|(look, _)| {
            let made = first.is_some_and(|first| *look >= first);
            (*look, if made { why() } else { None })
        });
        Stale { total: why(), looks: looks.collect() }
    }
}

impl Work<'_> {
    /// The same as it is cut.
    pub(super) fn cut(self) -> Self {
        let stale = self.stale.cut();
        Work { stale, ..self }
    }
}

impl Job {
    /// What the shares of a work follow from, whether it is cut already or not.
    pub(super) fn made_from(&self, work: &Work<'_>) -> Result<Fingerprint> {
        let text = |made: &Fingerprint| made.name();
        let last: Option<&NaiveDate> = work.task.looks.last();
        let total = last.map(|last| {
            let made = self.total_fingerprint(work.experiment, &work.defs, &work.days, *last)?;
            Ok(format!("{last} {}", text(&made)))
        });
        let stale = work.stale.cut();
        let looks = stale.stale_looks().map(|look| {
            let made = self.group_fingerprint(
                (work.experiment, work.task),
                &work.defs,
                &work.metrics,
                (&work.days, &work.others),
                look,
            )?;
            Ok(format!("{look} {}", text(&made)))
        });
        Ok(Fingerprint::new()
            .with("unit_total", total.into_iter().collect::<Result<Vec<_>>>()?)
            .with("group_stats", looks.collect::<Result<Vec<_>>>()?)
            .with("buckets", [self.project.buckets.to_string()]))
    }

    /// Makes the shares of some buckets of all that `plan` has of totals and group statistics, whose days are there; what is there
    /// already is not made again. Then joins what shares there are of all buckets.
    ///
    /// # Errors
    /// The shares cannot be listed. A failure of one experiment does not keep the others from theirs.
    pub async fn share_and_join(
        &self,
        plan: &Plan,
        own: &Range<u32>,
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<Outcome> {
        let made = self.make_shares(plan, own, progress, tally).await?;
        let mut outcome = self.join_shares(plan, progress, tally).await?;
        // A share that was committed after somebody had joined without it is of no use.
        for (task, of) in &made.of {
            if self.work_cut(task).await.is_ok_and(|work| work.is_none()) {
                shares::remove_of(&self.tables, of).await?;
            }
        }
        outcome.failed.extend(made.failed);
        Ok(outcome)
    }

    /// Makes shares, and says which.
    pub(crate) async fn make_shares<'p>(
        &self,
        plan: &'p Plan,
        own: &Range<u32>,
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<MadeShares<'p>> {
        let mut made = MadeShares::default();
        if own.is_empty() {
            return Ok(made);
        }
        let mut outcome = Outcome::default();
        let shares = Shares::list(&self.tables, None).await?;
        let mut works = Vec::new();
        self.forget_days().await;
        for task in &plan.experiments {
            let name = &self.project.experiments[task.index].name.value;
            let work = match self.work_cut(task).await {
                Ok(Some(work)) => work,
                Ok(None) => continue,
                Err(error) => {
                    outcome.failed.push((name.clone(), error));
                    continue;
                }
            };
            let of = Of::new(name, &self.made_from(&work)?);
            if !shares.of(&of, self.project.buckets).iter().any(|share| share.own == *own) {
                works.push(work);
                made.of.push((task, of));
            }
        }
        let what = Made::Share(own);
        self.make_works(works, what, (progress, (0, 1)), tally, &mut outcome).await;
        made.failed = outcome.failed;
        Ok(made)
    }

    /// What there is to do for an experiment, as it is cut; `None`: nothing.
    pub(super) async fn work_cut<'a>(
        &'a self,
        task: &'a ExperimentTask,
    ) -> Result<Option<Work<'a>>> {
        let experiment = &self.project.experiments[task.index];
        let work = self.work(experiment, task, &mut Tally::default()).await?;
        Ok(work.map(Work::cut))
    }
}
