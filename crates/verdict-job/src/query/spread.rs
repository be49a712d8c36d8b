//! A query in parts, which other processes may make.
//!
//! The engine's plan is cut below its exchanges (where rows of one partition go to another): what lies there reads files, and
//! filters and adds up what it read, partition by partition, each without the others. Those are the *parts*. A process that is
//! given the query plans it again, over the same tables and with the same settings; a digest of the plan and of the objects
//! that it reads tells whether it came to the same plan. So no plan is sent, and a part that nobody made is made here.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::arrow::error::ArrowError;
use datafusion::arrow::ipc::CompressionType;
use datafusion::arrow::ipc::reader::StreamReader;
use datafusion::arrow::ipc::writer::{IpcWriteOptions, StreamWriter};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::physical_plan::FileScanConfig;
use datafusion::datasource::source::DataSourceExec;
use datafusion::error::Result as EngineResult;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::PhysicalExpr;
use datafusion::physical_expr::scalar_subquery::ScalarSubqueryExpr;
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::execution_plan::{ChildrenPropertiesMode, ReplaceChildrenOptions};
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::recursive_query::RecursiveQueryExec;
use datafusion::physical_plan::repartition::RepartitionExec;
use datafusion::physical_plan::scalar_subquery::ScalarSubqueryExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties as _, PlanProperties,
    displayable,
};
use futures::TryStreamExt;
use serde::{Deserialize, Serialize};

use super::{frame, rows_of};
use crate::error::AtStage;
use crate::fingerprint::digest;
use crate::job::Job;
use crate::{Error, Result};

/// What the rows of a step may take, in bytes: more are not sent, but read where they are asked for.
const MOST_BYTES: usize = 32 << 20;

/// How rows are packed on their way. The reader need not be told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Compression {
    /// Not at all.
    None,
    /// Fast.
    #[default]
    Lz4,
    /// Smaller.
    Zstd,
}

/// Parts of a query, for another process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueryStep {
    sql: String,
    /// What `now()` is.
    begun: DateTime<Utc>,
    /// How many partitions the engine makes of the rows.
    partitions: usize,
    /// The digest of the plan.
    plan: String,
    /// The place of a cut in the plan, and a partition of what lies below it.
    parts: Vec<(usize, usize)>,
    compression: Compression,
}

impl fmt::Display for QueryStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} parts of the query", self.parts.len())
    }
}

impl QueryStep {
    /// How many parts it has.
    pub fn parts(&self) -> usize {
        self.parts.len()
    }
}

/// The rows of a step's parts, in their order, as Arrow's IPC streams; `None`: they are too many to be sent.
pub type PartRows = Vec<Option<Vec<u8>>>;

/// A query that is planned and cut.
pub struct SpreadQuery {
    step: QueryStep,
    plan: Arc<dyn ExecutionPlan>,
    /// What lies below the cuts.
    cut: Vec<Arc<dyn ExecutionPlan>>,
    context: Arc<TaskContext>,
    schema: SchemaRef,
}

impl fmt::Debug for SpreadQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpreadQuery").field("step", &self.step).finish_non_exhaustive()
    }
}

impl SpreadQuery {
    /// Plans `sql` over the tables and views of `job`, for at least `partitions` partitions; `begun` is what `now()` is.
    ///
    /// # Errors
    /// As [`crate::query`]: the query is none, or does not plan; a table cannot be read.
    pub async fn new(
        job: &Job,
        sql: &str,
        begun: DateTime<Utc>,
        partitions: usize,
    ) -> Result<SpreadQuery> {
        let partitions = partitions.max(job.ctx.copied_config().target_partitions());
        planned(job, sql, begun, partitions).await
    }

    /// The same, with rows packed in another way.
    #[must_use]
    pub fn packed(mut self, compression: Compression) -> SpreadQuery {
        self.step.compression = compression;
        self
    }

    /// The parts in so many steps, or fewer: none where the query reads no file.
    pub fn steps(&self, shares: usize) -> Vec<QueryStep> {
        let parts = &self.step.parts;
        let shares = shares.clamp(1, parts.len().max(1));
        // Neighbours to different processes: partitions of one cut are of about the same size, those of another are not.
        let share = |first: usize| parts.iter().skip(first).step_by(shares).copied().collect();
        let steps = (0..shares).map(|first| QueryStep { parts: share(first), ..self.step.clone() });
        steps.filter(|step| !step.parts.is_empty()).collect()
    }

    /// The rows of the query: `made` are the rows of steps, in the order of [`SpreadQuery::steps`] or of some of them; what is
    /// not there is made here.
    ///
    /// # Errors
    /// What was made is not what these parts give; the query fails.
    pub async fn finish(
        self,
        job: &Job,
        made: Vec<(QueryStep, PartRows)>,
    ) -> Result<(SchemaRef, Vec<RecordBatch>)> {
        let mut rows: Vec<Vec<Option<Vec<RecordBatch>>>> =
            self.cut.iter().map(|part| vec![None; partitions_of(part)]).collect();
        for (step, parts) in made {
            for ((cut, partition), sent) in step.parts.into_iter().zip(parts) {
                let place = rows.get_mut(cut).and_then(|of_cut| of_cut.get_mut(partition));
                if let (Some(place), Some(sent)) = (place, sent) {
                    let read = read(&sent, &self.cut[cut].schema());
                    *place = Some(read.at(|| "rows that a worker sent".to_owned())?);
                }
            }
        }
        let mut rows = rows.into_iter();
        let plan = exchanged(&self.plan, &mut |input| {
            let rows = rows.next().unwrap_or_default();
            Arc::new(Gathered { input: Arc::clone(input), rows })
        });
        let plan = plan.at(|| "the query".to_owned())?;
        let read = datafusion::physical_plan::collect(plan, self.context).await;
        Ok((self.schema, rows_of(job, read).await?))
    }
}

impl Job {
    /// Makes the rows of a query's parts, for the process that cut it.
    ///
    /// # Errors
    /// The tables are not what that process read, or its engine is not the same; the query fails.
    pub async fn make_query_step(&self, step: &QueryStep) -> Result<PartRows> {
        let QueryStep { sql, begun, partitions, plan, parts, compression } = step;
        let here = planned(self, sql, *begun, *partitions).await?;
        if here.step.plan != *plan {
            return Err(Error::Usage(
                "the query is not planned as where it was asked: the tables have changed since, or are others here; ask again"
                    .into(),
            ));
        }
        let (mut made, mut left) = (Vec::new(), MOST_BYTES);
        for (cut, partition) in parts {
            let input = here.cut.get(*cut).filter(|input| *partition < partitions_of(input));
            let input =
                input.ok_or_else(|| Error::Usage("a part that the query has not".into()))?;
            let stage = || "a part of the query".to_owned();
            let rows = input.execute(*partition, Arc::clone(&here.context)).at(stage)?;
            let sent = written(rows, left, *compression).await.at(stage)?;
            left -= sent.as_ref().map_or(0, Vec::len);
            made.push(sent);
        }
        Ok(made)
    }
}

async fn planned(
    job: &Job,
    sql: &str,
    begun: DateTime<Utc>,
    partitions: usize,
) -> Result<SpreadQuery> {
    let frame = frame(job, sql).await?;
    let schema = Arc::clone(frame.schema().inner());
    let (mut state, logical) = frame.into_parts();
    state.execution_props_mut().query_execution_start_time = Some(begun);
    let options = state.config_mut().options_mut();
    options.execution.target_partitions = partitions;
    // An exchange right above a scan would leave nothing but the scan below it; and what others tell in the middle would be
    // told to nobody.
    options.optimizer.enable_round_robin_repartition = false;
    // A partition that has read its files would go on with those of its neighbours, which are made elsewhere.
    options.execution.enable_file_stream_work_stealing = false;
    options.optimizer.enable_dynamic_filter_pushdown = false;
    let stage = || "the query".to_owned();
    let plan = state.create_physical_plan(&logical).await.at(stage)?;
    let mut cut = Vec::new();
    exchanged(&plan, &mut |input| {
        cut.push(Arc::clone(input));
        Arc::clone(input)
    })
    .at(stage)?;
    let of_cut = |(at, input)| (0..partitions_of(input)).map(move |partition| (at, partition));
    let parts = cut.iter().enumerate().flat_map(of_cut).collect();
    let mut seen = vec![displayable(plan.as_ref()).indent(true).to_string()];
    cut.iter().for_each(|input| objects(input, &mut seen));
    let step = QueryStep {
        sql: sql.to_owned(),
        begun,
        partitions,
        plan: digest(seen),
        parts,
        compression: Compression::default(),
    };
    Ok(SpreadQuery { step, plan, cut, context: state.task_ctx(), schema })
}

fn partitions_of(input: &Arc<dyn ExecutionPlan>) -> usize {
    input.output_partitioning().partition_count()
}

/// What stands for a plan that is cut off.
type Replace<'a> = dyn FnMut(&Arc<dyn ExecutionPlan>) -> Arc<dyn ExecutionPlan> + 'a;

/// The plan with everything that can be cut off replaced; from left to right, so that two walks meet the same.
fn exchanged(
    plan: &Arc<dyn ExecutionPlan>,
    replace: &mut Replace<'_>,
) -> EngineResult<Arc<dyn ExecutionPlan>> {
    match below(plan) {
        Below::Files => return Ok(replace(plan)),
        Below::Other => return Ok(Arc::clone(plan)),
        Below::Exchanges => {}
    }
    let children = plan.children().into_iter().map(|child| exchanged(child, replace));
    let children = children.collect::<EngineResult<Vec<_>>>()?;
    // What replaces a plan has its properties.
    let same = ReplaceChildrenOptions::new(ChildrenPropertiesMode::Keep);
    Arc::clone(plan).replace_children(children, same)
}

/// What a plan is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Below {
    /// Each partition of it reads files, on its own.
    Files,
    /// Some of its partitions need others.
    Exchanges,
    /// Nothing that could be cut off.
    Other,
}

fn below(plan: &Arc<dyn ExecutionPlan>) -> Below {
    if plan.is::<RecursiveQueryExec>() {
        // Its parts are made again and again, each time of other rows.
        return Below::Other;
    }
    let exchange = awaits(plan)
        || plan.is::<ScalarSubqueryExec>()
        || plan.is::<RepartitionExec>()
        || plan.is::<CoalescePartitionsExec>()
        || plan.is::<SortPreservingMergeExec>();
    let children = plan.children();
    if children.is_empty() {
        let whole = scan(plan).is_some() && !awaits(plan);
        return if whole { Below::Files } else { Below::Other };
    }
    let children: Vec<Below> = children.into_iter().map(below).collect();
    let all = |what| children.iter().all(|child| *child == what);
    if all(Below::Other) {
        Below::Other
    } else if all(Below::Files) && !exchange {
        Below::Files
    } else {
        Below::Exchanges
    }
}

/// Whether what a plan computes needs the value of a subquery, which is only known where the whole query is.
fn awaits(plan: &Arc<dyn ExecutionPlan>) -> bool {
    let mut found = false;
    let walked = plan.apply_expressions(&mut |root| {
        found |= root.exists(|part| Ok(part.is::<ScalarSubqueryExpr>()))?;
        Ok(TreeNodeRecursion::Continue)
    });
    found || walked.is_err()
}

/// The files of a plan that reads some.
fn scan(plan: &Arc<dyn ExecutionPlan>) -> Option<&FileScanConfig> {
    plan.downcast_ref::<DataSourceExec>()?.data_source().downcast_ref::<FileScanConfig>()
}

/// Adds what tells the objects apart that a plan reads.
fn objects(plan: &Arc<dyn ExecutionPlan>, seen: &mut Vec<String>) {
    let files = scan(plan).into_iter().flat_map(|scan| &scan.file_groups);
    seen.extend(files.flat_map(|group| group.iter()).map(|file| {
        let object = &file.object_meta;
        format!("{} {} {:?} {}", object.location, object.size, object.e_tag, object.last_modified)
    }));
    plan.children().into_iter().for_each(|child| objects(child, seen));
}

/// Rows as a stream of Arrow's IPC format; `None` where they would take more than `most` bytes.
async fn written(
    mut rows: SendableRecordBatchStream,
    most: usize,
    compression: Compression,
) -> EngineResult<Option<Vec<u8>>> {
    let packed = match compression {
        Compression::None => None,
        Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        Compression::Zstd => Some(CompressionType::ZSTD),
    };
    let options = IpcWriteOptions::default().try_with_compression(packed)?;
    let mut writer = StreamWriter::try_new_with_options(Vec::new(), &rows.schema(), options)?;
    while let Some(batch) = rows.try_next().await? {
        writer.write(&batch)?;
        if writer.get_ref().len() > most {
            return Ok(None);
        }
    }
    writer.finish()?;
    Ok(Some(writer.into_inner()?))
}

fn read(sent: &[u8], schema: &SchemaRef) -> std::result::Result<Vec<RecordBatch>, ArrowError> {
    let batches = StreamReader::try_new(sent, None)?;
    // The plan's own schema; a column of another type is an error here.
    let batch = |batch: std::result::Result<RecordBatch, ArrowError>| {
        RecordBatch::try_new(Arc::clone(schema), batch?.columns().to_vec())
    };
    batches.map(batch).collect()
}

/// What lies below a cut: rows that were made elsewhere, and what makes those that were not.
#[derive(Debug)]
struct Gathered {
    input: Arc<dyn ExecutionPlan>,
    /// By partition.
    rows: Vec<Option<Vec<RecordBatch>>>,
}

impl DisplayAs for Gathered {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let elsewhere = self.rows.iter().flatten().count();
        write!(f, "GatheredExec: {elsewhere} of {} partitions made by workers", self.rows.len())
    }
}

impl ExecutionPlan for Gathered {
    fn name(&self) -> &str {
        "GatheredExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        self.input.properties()
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> EngineResult<TreeNodeRecursion>,
    ) -> EngineResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn replace_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
        _: ReplaceChildrenOptions,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn with_new_children(
        self: Arc<Self>,
        _: Vec<Arc<dyn ExecutionPlan>>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> EngineResult<SendableRecordBatchStream> {
        match self.rows.get(partition) {
            Some(Some(rows)) => {
                Ok(Box::pin(MemoryStream::try_new(rows.clone(), self.schema(), None)?))
            }
            _ => self.input.execute(partition, context),
        }
    }
}

#[cfg(test)]
mod tests;
