//! Shares that nobody will join: for `verdict gc`, and for who has made what they are shares of.

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;
use verdict_model::NaiveDate;

use super::{Stale, Work};
use crate::Result;
use crate::job::Job;
use crate::shares::{self, Header, Of, Share, Shares, Unusable};

/// Whoever makes shares joins them within this time, in seconds, or makes all of it again.
const JOINED_WITHIN_S: i64 = 86_400;

impl Job {
    /// The shares that may go, and why.
    ///
    /// # Errors
    /// A store fails.
    pub(crate) async fn unused_shares(
        &self,
        now: DateTime<Utc>,
    ) -> Result<Vec<(ObjectMeta, String)>> {
        let found = Shares::list(&self.tables, None).await?;
        let mut unused: Vec<(ObjectMeta, String)> = found
            .others
            .into_iter()
            .map(|object| (object, "nothing in this folder has such a name but shares".to_owned()))
            .collect();
        for (of, shares) in found.shares {
            for share in shares {
                if let Some(why) = self.unused(&of, &share, now).await? {
                    unused.push((share.object, why));
                }
            }
        }
        Ok(unused)
    }

    /// Removes shares of these experiments whose totals and statistics are there.
    ///
    /// # Errors
    /// A store fails.
    pub(super) async fn remove_joined(&self, experiments: &[&str]) -> Result<()> {
        let found = Shares::list(&self.tables, None).await?;
        for (of, there) in &found.shares {
            if !experiments.contains(&of.experiment.as_str()) {
                continue;
            }
            let experiments = &self.project.experiments;
            let index = experiments.iter().position(|e| e.name.value == of.experiment);
            for share in there {
                let opened = shares::open(&self.tables, of, share).await;
                let (Some(index), Ok(opened)) = (index, opened) else { continue };
                if matches!(self.wanted(index, &opened.header).await, Ok(None)) {
                    shares::remove(&self.tables, [share]).await?;
                }
            }
        }
        Ok(())
    }

    async fn unused(&self, of: &Of, share: &Share, now: DateTime<Utc>) -> Result<Option<String>> {
        let age = now.signed_duration_since(share.object.last_modified).num_seconds();
        if age > JOINED_WITHIN_S {
            return Ok(Some("a share of totals that nobody has joined for a day".into()));
        }
        if share.buckets != self.project.buckets {
            let (own, now) = (share.buckets, self.project.buckets);
            return Ok(Some(format!("a share of {own} buckets, and there are {now} now")));
        }
        let experiments = &self.project.experiments;
        let Some(index) = experiments.iter().position(|e| e.name.value == of.experiment) else {
            return Ok(Some(format!("there is no experiment `{}` any more", of.experiment)));
        };
        let header = match shares::open(&self.tables, of, share).await {
            Ok(opened) => opened.header,
            Err(Unusable::Gone) => return Ok(None),
            Err(Unusable::Damaged) => return Ok(Some("a share of totals that is damaged".into())),
            Err(Unusable::Failed(error)) => return Err(error),
        };
        // Where what it follows from is not there, nobody can tell yet.
        Ok(match self.wanted(index, &header).await {
            Ok(None) => Some("a share of totals that are made".into()),
            Ok(Some(wanted)) if wanted != *of => {
                Some("a share of totals whose inputs or definitions have changed".into())
            }
            Ok(Some(_)) | Err(_) => None,
        })
    }

    /// What shares of the same dates as one with this header are of by now; `None`: all of it is there.
    async fn wanted(&self, index: usize, header: &Header) -> Result<Option<Of>> {
        let (looks, last) = (&header.looks, header.last);
        let experiment = &self.project.experiments[index];
        let start = self.start_of(experiment).await?;
        let first = looks.first().copied().unwrap_or(last);
        let task = &self.task_of(index, start, (first, last));
        self.forget_days().await;
        let days = self.days(experiment, task).await?;
        let (defs, numbers, metrics) = self.defined(experiment, &days)?;
        let others = self.others(task).await?;
        let now = self.stale(experiment, task, &defs, &metrics, (&days, &others)).await?;
        let missing = now.stale_looks().any(|look| looks.contains(&look));
        if !missing && now.total.is_none() {
            return Ok(None);
        }
        let look = |look: &NaiveDate| (*look, Some("it is a share's".to_owned()));
        let stale = Stale { total: None, looks: looks.iter().map(look).collect() };
        let base = None;
        let work = Work { experiment, task, defs, numbers, metrics, days, stale, base, others };
        Ok(Some(Of::new(&experiment.name.value, &self.made_from(&work)?)))
    }
}
