//! `unit_changes`: the sweep as a table of the engine, a stream for each thread, bucket after bucket.

use std::fmt;
use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::streaming::StreamingTable;
use datafusion::common::exec_datafusion_err;
use datafusion::error::{DataFusionError, Result};
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::streaming::PartitionStream;

use super::bucket::Pass;
use super::input::Kept;
use super::rows::changes_schema;
use super::{Found, Keeper, Sweep, input};

/// The table of the changes of every group at every look: `cell` (a group and a look, see [`Found::cell`]), `weight`,
/// `several_variants`, `counted`, a column for each component, and of what is watched another for what it was the
/// day before. Reading it once also fills `found` and `keepers`.
///
/// # Errors
/// None that is known of; the engine's table may refuse its own schema.
pub(crate) fn unit_changes(
    sweep: &Arc<Sweep>,
    found: &Arc<Found>,
    keepers: &Arc<Vec<Keeper>>,
    threads: usize,
) -> Result<StreamingTable> {
    let schema = changes_schema(sweep);
    let threads = threads.clamp(1, sweep.swept.len().max(1));
    let kept = Arc::new(Kept::of(sweep));
    let stream = |first: usize| {
        Arc::new(Stream {
            schema: Arc::clone(&schema),
            sweep: Arc::clone(sweep),
            kept: Arc::clone(&kept),
            found: Arc::clone(found),
            keepers: Arc::clone(keepers),
            buckets: sweep.swept.clone().skip(first).step_by(threads).collect(),
        }) as Arc<dyn PartitionStream>
    };
    StreamingTable::try_new(Arc::clone(&schema), (0..threads).map(stream).collect())
}

struct Stream {
    schema: SchemaRef,
    sweep: Arc<Sweep>,
    kept: Arc<Kept>,
    found: Arc<Found>,
    keepers: Arc<Vec<Keeper>>,
    buckets: Vec<u32>,
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UnitChanges").field("buckets", &self.buckets).finish_non_exhaustive()
    }
}

impl PartitionStream for Stream {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let mut builder = RecordBatchReceiverStreamBuilder::new(Arc::clone(&self.schema), 2);
        let (sweep, found) = (Arc::clone(&self.sweep), Arc::clone(&self.found));
        let (keepers, schema) = (Arc::clone(&self.keepers), Arc::clone(&self.schema));
        let (tx, buckets, kept) = (builder.tx(), self.buckets.clone(), Arc::clone(&self.kept));
        builder.spawn(async move {
            for bucket in buckets {
                let rows = input::read(&sweep, &kept, bucket).await?;
                found.pass(sweep.tasks.len());
                let (sweep, found, schema) =
                    (Arc::clone(&sweep), Arc::clone(&found), Arc::clone(&schema));
                let (tx, keep) = (tx.clone(), keeps(&sweep, &keepers));
                let swept = tokio::task::spawn_blocking(move || {
                    let pass = Pass { sweep: &sweep, found: &found, keep: &keep, schema };
                    pass.bucket(&rows, |batch| {
                        let sent = tx.blocking_send(Ok(batch));
                        sent.map_err(|_| exec_datafusion_err!("nobody reads the changes any more"))
                    })
                });
                let kept =
                    swept.await.map_err(|e| exec_datafusion_err!("a sweep ended: {e}"))??;
                for keeper in keepers.iter() {
                    let Some(Some(rows)) = kept.get(keeper.task) else { continue };
                    let written = keeper.bucket(bucket, rows.clone()).await;
                    written.map_err(|e| DataFusionError::External(Box::new(e)))?;
                }
            }
            Ok(())
        });
        builder.build()
    }
}

fn keeps(sweep: &Sweep, keepers: &[Keeper]) -> Vec<bool> {
    (0..sweep.tasks.len()).map(|task| keepers.iter().any(|k| k.task == task)).collect()
}
