//! Shares of an experiment's totals joined: the bytes of one sweep over all buckets.
//!
//! States are exact, so that adding them up again shows nowhere. The rows of `unit_total` are copied as they lie, column chunk by column
//! chunk, with their places in the file told anew, which is what the writer of the whole would have written: a row group knows
//! nothing of those before it. Where there are so few rows that the whole is one row group ([`FEW`]) they are written anew.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use datafusion::parquet::file::metadata::ParquetMetaData;
use verdict_model::tables::UNIT_TOTAL;

use super::cells::{self, Kept};
use super::fresh::counts_to;
use super::swept::conserved_totals;
use super::telling::Telling;
use super::{Work, unit_type_of};
use crate::group_totals::Cells;
use crate::job::{Job, Outcome, Progress, Tally};
use crate::packed::Unpacker;
use crate::partition::copy::Copy;
use crate::partition::{FEW, Key, Made, Writer};
use crate::plan::{ExperimentTask, Plan};
use crate::shares::{self, Of, Opened, Share, Shares, Unusable, covering};
use crate::sweep::{Found, Part, Seen, read_shown};
use crate::{Error, Result};

/// How often a join begins again because somebody else has taken the shares away.
const AGAIN: usize = 3;

/// What came of an attempt.
enum Joined {
    Whole,
    /// There are not shares of all buckets, or not any more.
    Lacking,
}

impl Job {
    /// Joins the shares of all that `plan` has of totals and group statistics, where all of their buckets are there.
    ///
    /// # Errors
    /// The shares cannot be listed. A failure of one experiment does not keep the others from theirs.
    pub async fn join_shares(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<Outcome> {
        let mut outcome = Outcome::default();
        let shares = Shares::list(&self.tables, None).await?;
        self.forget_days().await;
        for task in &plan.experiments {
            let experiment = &self.project.experiments[task.index];
            match self.join_task(task, &shares, progress, tally).await {
                Ok(true) => outcome.done(experiment, task),
                Ok(false) => {}
                Err(error) => outcome.failed.push((experiment.name.value.clone(), error)),
            }
        }
        Ok(outcome)
    }

    /// Joins an experiment's shares: whether all of it is there now.
    pub(super) async fn join_task(
        &self,
        task: &ExperimentTask,
        shares: &Shares,
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<bool> {
        let name = &self.project.experiments[task.index].name.value;
        if !shares.has_any_of(name) {
            return Ok(false);
        }
        let mut listed: Option<Shares> = None;
        for _ in 0..AGAIN {
            let Some(work) = self.work_cut(task).await? else { return Ok(true) };
            let of = Of::new(name, &self.made_from(&work)?);
            let there = listed.as_ref().unwrap_or(shares).of(&of, self.project.buckets);
            let Some(chosen) = covering(&there, self.project.buckets) else { return Ok(false) };
            if let Joined::Whole = self.join(&work, (&of, &chosen), progress, tally).await? {
                // Those of other cuts, too, and those that came meanwhile.
                shares::remove_of(&self.tables, &of).await?;
                return Ok(true);
            }
            listed = Some(Shares::list(&self.tables, Some(name)).await?);
        }
        Ok(false)
    }

    async fn join(
        &self,
        work: &Work<'_>,
        (of, chosen): (&Of, &[&Share]),
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<Joined> {
        let name = &work.experiment.name.value;
        let what = format!("joining {} shares of {name}", chosen.len());
        progress.within(&what);
        let told = Telling { progress, meters: &self.stores.meters };
        let mut at = None;
        match self.joined(work, (of, chosen), &mut at, &told, tally).await {
            Ok(()) => Ok(Joined::Whole),
            Err(Unusable::Gone) => Ok(Joined::Lacking),
            Err(Unusable::Damaged) => {
                // Nobody can use it: who finds it missing makes it again.
                shares::remove(&self.tables, at).await?;
                Ok(Joined::Lacking)
            }
            Err(Unusable::Failed(error)) => Err(error),
        }
    }

    /// Makes what `work` is to make of its shares, which are all buckets in order; `at` is the one that is read.
    async fn joined<'s>(
        &self,
        work: &Work<'_>,
        (of, chosen): (&Of, &[&'s Share]),
        at: &mut Option<&'s Share>,
        told: &Telling<'_>,
        tally: &mut Tally,
    ) -> std::result::Result<(), Unusable> {
        let failed = Unusable::Failed;
        let works = std::slice::from_ref(work);
        let mut sweep = self.sweep_of(&unit_type_of(&work.days), works);
        let found = Found::new(&sweep);
        let kept = Kept::of(&[work]);
        let (mut cells, mut seen) = (Cells::new(), Seen::default());
        let mut limits = None;
        let mut opened: Vec<(Opened<'_>, Arc<ParquetMetaData>)> = Vec::new();
        for share in chosen {
            *at = Some(share);
            let share = shares::open(&self.tables, of, share).await?;
            let packed = share.found().await?;
            let mut packed = Unpacker::of(&packed);
            let damaged = |_| Unusable::Damaged;
            cells::read(&mut packed, &kept, &mut cells).map_err(damaged)?;
            let own = read_shown(&mut packed, (&sweep, 0), &found, &mut seen).map_err(damaged)?;
            packed.end().map_err(damaged)?;
            if limits.get_or_insert_with(|| own.clone()) != &own {
                let name = &work.experiment.name.value;
                return Err(failed(Error::Internal(format!(
                    "shares of {name} have other caps than one another; remove {} below the tables, and run again",
                    shares::FOLDER
                ))));
            }
            let footer = share.footer().await?;
            opened.push((share, footer));
        }
        sweep.limits = vec![limits.unwrap_or_default()];
        let rows = opened.iter().flat_map(|(share, _)| &share.header.rows).sum();
        let of_groups = conserved_totals((work, &sweep, 0), &kept, cells, (&seen, Some(rows)));
        let of_groups = (of_groups.map_err(failed)?, seen);
        let schema = sweep.tasks[0].totals_schema(&sweep);
        self.write_joined(work, &schema, (&opened, rows), at, chosen).await?;
        tally.made += 1;
        let made = vec![of_groups];
        self.make_statistics((&sweep, &found), works, made, told, tally).await.map_err(failed)
    }

    /// Commits `unit_total`, whose rows are those of all shares.
    async fn write_joined<'s>(
        &self,
        work: &Work<'_>,
        schema: &SchemaRef,
        (opened, rows): (&[(Opened<'_>, Arc<ParquetMetaData>)], u64),
        at: &mut Option<&'s Share>,
        chosen: &[&'s Share],
    ) -> std::result::Result<(), Unusable> {
        let failed = Unusable::Failed;
        let Some(last) = work.task.looks.last() else { return Ok(()) };
        let key = Key::new(&UNIT_TOTAL, &[&work.experiment.name.value, &last.to_string()]);
        let fingerprint = self.total_fingerprint(work.experiment, &work.defs, &work.days, *last);
        let (fingerprint, counts) = (fingerprint.map_err(failed)?, counts_to(&work.days, *last));
        if rows <= FEW {
            let mut writer = Writer::new(&self.tables, &key, schema).map_err(failed)?;
            for ((share, footer), named) in opened.iter().zip(chosen) {
                *at = Some(named);
                for place in 0..share.header.rows.len() {
                    let batches = rows_of(share, footer, place).await?;
                    writer.bucket(&batches).await.map_err(failed)?;
                }
            }
            return match writer.finish(fingerprint, Some(counts)).await {
                Ok(_) => Ok(()),
                Err(error) => Err(failed(error)),
            };
        }
        let mut copy = Copy::new(&self.tables, &key, schema).map_err(failed)?;
        for ((share, footer), named) in opened.iter().zip(chosen) {
            *at = Some(named);
            for (place, rows) in share.header.rows.iter().enumerate() {
                let (start, bytes) = share.bucket(place).await?;
                copy.bucket(*rows, footer, Part::new(start, bytes)).await.map_err(failed)?;
            }
            copy.add(&share.header.content);
        }
        let made = |content, buckets| Made { fingerprint, content, counts: Some(counts), buckets };
        copy.finish(made).await.map_err(failed)
    }
}

/// The rows of a share's bucket, by its place.
async fn rows_of(
    share: &Opened<'_>,
    footer: &Arc<ParquetMetaData>,
    place: usize,
) -> std::result::Result<Vec<RecordBatch>, Unusable> {
    let (start, bytes) = share.bucket(place).await?;
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
    let part = Part::new(start, bytes);
    let groups = part.groups(footer);
    let footer = Arc::clone(footer);
    let read = || {
        let meta = ArrowReaderMetadata::try_new(footer, ArrowReaderOptions::new())?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(part, meta);
        let batches = reader.with_row_groups(groups).build()?;
        Ok::<_, datafusion::error::DataFusionError>(batches.collect::<std::result::Result<_, _>>()?)
    };
    read().map_err(|_| Unusable::Damaged)
}
