//! The totals that a sweep keeps: written bucket after bucket while the sweep goes on, seen when all of it is done.

use std::collections::BTreeMap;

use datafusion::arrow::array::RecordBatch;
use tokio::sync::Mutex;
use verdict_model::DataCounts;

use crate::fingerprint::Fingerprint;
use crate::partition::{Partition, Writer};
use crate::{Error, Result};

/// Writes the buckets of a task's `unit_total` in their order, whatever the order in which they come.
#[derive(Debug)]
pub(crate) struct Keeper {
    /// The task's place in [`super::Sweep::tasks`].
    pub(crate) task: usize,
    state: Mutex<State>,
    fingerprint: Fingerprint,
    counts: DataCounts,
}

#[derive(Debug)]
struct State {
    writer: Writer,
    next: u32,
    early: BTreeMap<u32, RecordBatch>,
}

impl Keeper {
    pub(crate) fn new(
        task: usize,
        writer: Writer,
        fingerprint: Fingerprint,
        counts: DataCounts,
        first: u32,
    ) -> Keeper {
        let state = Mutex::new(State { writer, next: first, early: BTreeMap::new() });
        Keeper { task, state, fingerprint, counts }
    }

    /// Takes the rows of a bucket.
    pub(super) async fn bucket(&self, bucket: u32, rows: RecordBatch) -> Result<()> {
        let mut state = self.state.lock().await;
        state.early.insert(bucket, rows);
        loop {
            let next = state.next;
            let Some(rows) = state.early.remove(&next) else { return Ok(()) };
            let rows = if rows.num_rows() == 0 { Vec::new() } else { vec![rows] };
            state.writer.bucket(&rows).await?;
            state.next += 1;
        }
    }

    /// How many rows it has taken so far.
    pub(crate) async fn rows(&self) -> u64 {
        self.state.lock().await.writer.bucketed()
    }

    /// Commits the partition, which must have got the buckets before `end`.
    pub(crate) async fn finish(self, end: u32) -> Result<Partition> {
        let writer = self.state.into_inner().whole(end)?;
        writer.finish(self.fingerprint, Some(self.counts)).await
    }

    /// The writer, which must have got the buckets before `end`.
    pub(crate) fn written(self, end: u32) -> Result<Writer> {
        self.state.into_inner().whole(end)
    }
}

impl State {
    fn whole(self, end: u32) -> Result<Writer> {
        let next = self.next;
        match next == end {
            true => Ok(self.writer),
            false => Err(Error::Internal(format!("{next} of {end} buckets were kept"))),
        }
    }
}
