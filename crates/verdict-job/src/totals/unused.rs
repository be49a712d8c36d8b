//! Shares that nobody will join: for `verdict gc`.

use chrono::{DateTime, Utc};
use object_store::ObjectMeta;
use verdict_model::NaiveDate;

use super::{Stale, Work};
use crate::Result;
use crate::job::Job;
use crate::shares::{self, Of, Share, Shares, Unusable};

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
        let first = header.looks.first().copied().unwrap_or(header.last);
        // Where what it follows from is not there, nobody can tell yet.
        let wanted = self.wanted(index, (first, header.last), &header.looks).await;
        Ok(match wanted {
            Ok(None) => Some("a share of totals that are made".into()),
            Ok(Some(wanted)) if wanted != *of => {
                Some("a share of totals whose inputs or definitions have changed".into())
            }
            Ok(Some(_)) | Err(_) => None,
        })
    }

    /// What shares of these dates are of by now; `None`: all of it is there.
    async fn wanted(
        &self,
        index: usize,
        dates: (NaiveDate, NaiveDate),
        looks: &[NaiveDate],
    ) -> Result<Option<Of>> {
        let experiment = &self.project.experiments[index];
        let start = self.start_of(experiment).await?;
        let task = &self.task_of(index, start, dates);
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
