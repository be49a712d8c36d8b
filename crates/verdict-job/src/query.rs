//! SQL over the tables as they stand, and over the views.

mod spread;

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::prelude::{DataFrame, SessionContext};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;
use verdict_model::tables::{ALL, ColumnType, REGISTRATIONS, Table, UNIT_TOTAL};
use verdict_model::{NaiveDate, nearest};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::Partition;
use crate::plain::{meant, message_in};
use crate::render::MetricSql;
use crate::snapshot::Snapshot;
use crate::store::Location;
use crate::totals::{date, number_of};
use crate::{Error, Result, arrow_types, partition, registrations, render};

pub use spread::{Compression, PartRows, QueryStep, SpreadQuery};

/// How many footers are read at once.
const CONCURRENT: usize = 16;

/// Runs a query over the tables and views of `job`: its schema and rows.
///
/// # Errors
/// The query is not a query (nothing may be changed by one), does not plan, or fails; a table cannot be read.
pub async fn query(job: &Job, sql: &str) -> Result<(SchemaRef, Vec<RecordBatch>)> {
    let frame = frame(job, sql).await?;
    let schema = Arc::clone(frame.schema().inner());
    let rows = rows_of(job, frame.collect().await).await?;
    Ok((schema, rows))
}

/// The query over the tables and views of `job`, not yet planned.
async fn frame(job: &Job, sql: &str) -> Result<DataFrame> {
    let mut unit_total = None;
    for table in ALL {
        let schema = register(&job.ctx, &job.tables, table).await?;
        if table.name == UNIT_TOTAL.name {
            unit_total = Some(schema);
        }
    }
    for (name, text) in render::views(&metrics(job, unit_total.as_ref())?)? {
        let view = job.ctx.sql(&text).await.at(|| format!("view {name}"))?.into_view();
        job.ctx.register_table(name, view).at(|| format!("view {name}"))?;
    }
    let only_queries =
        SQLOptions::new().with_allow_ddl(false).with_allow_dml(false).with_allow_statements(false);
    job.ctx.sql_with_options(sql, only_queries).await.map_err(|e| refused(&job.ctx, &e))
}

/// What the engine read; where it failed, with the partition that is damaged, if one is.
async fn rows_of(
    job: &Job,
    read: std::result::Result<Vec<RecordBatch>, DataFusionError>,
) -> Result<Vec<RecordBatch>> {
    let Err(error) = read.as_ref() else { return read.at(|| "the query".into()) };
    let parquet = matches!(
        error.find_root(),
        DataFusionError::ParquetError(_)
            | DataFusionError::ArrowError(_, _)
            | DataFusionError::External(_)
    );
    if parquet {
        find_damage(&job.tables).await?;
    }
    read.at(|| "the query".into())
}

/// After a failed query: reads every partition, and names the first that cannot be.
async fn find_damage(root: &Location) -> Result<()> {
    for table in ALL {
        for object in objects(&root.join(table.name)).await? {
            partition::read(root, &object).await.map_err(|e| of_table(table, e))?;
        }
    }
    Ok(())
}

/// Why a query is not run.
fn refused(ctx: &SessionContext, error: &DataFusionError) -> Error {
    let text = message_in(&ctx.state(), error);
    let changes = ["DDL not supported", "DML not supported", "Statement not supported"];
    if changes.iter().any(|what| text.starts_with(what)) {
        return Error::Usage(format!(
            "the query: only SELECT is allowed, nothing may be changed ({text})"
        ));
    }
    if text.ends_with("only supports a single SQL statement") {
        return Error::Usage("the query: one statement at a time".into());
    }
    let missing = text.strip_prefix("table '").and_then(|rest| rest.strip_suffix("' not found"));
    let Some(missing) = missing else { return Error::Usage(format!("the query: {text}")) };
    let missing = missing.strip_prefix("datafusion.public.").unwrap_or(missing);
    let mut known = ctx
        .catalog("datafusion")
        .and_then(|catalog| catalog.schema("public"))
        .map_or(Vec::new(), |schema| schema.table_names());
    known.sort();
    let near = meant(nearest(missing, known.iter().map(String::as_str)));
    Error::Usage(format!(
        "the query: there is no table `{missing}`{near} (tables and views: {})",
        known.join(", ")
    ))
}

/// The metrics whose totals `unit_total` has. Where experiments take one over different windows it comes once for each of
/// these, of their experiments.
fn metrics(job: &Job, unit_total: Option<&SchemaRef>) -> Result<Vec<MetricSql>> {
    let Some(schema) = unit_total else { return Ok(Vec::new()) };
    let mut seen: BTreeMap<String, Vec<(MetricSql, Vec<String>)>> = BTreeMap::new();
    for experiment in &job.project.experiments {
        let columns = experiment.metrics().filter_map(|m| job.components.of_metric(m)).flatten();
        if !columns.into_iter().all(|column| schema.index_of(&column).is_ok()) {
            continue;
        }
        let number = |column: &str| number_of(schema, column);
        for metric in job.metrics_of(experiment, &number)? {
            if !metric.is_one_number() {
                continue;
            }
            let ways = seen.entry(metric.label().to_owned()).or_default();
            let name = experiment.name.value.clone();
            match ways.iter_mut().find(|(way, _)| way.is_over_the_same(&metric)) {
                Some((_, experiments)) => experiments.push(name),
                None => ways.push((metric, vec![name])),
            }
        }
    }
    let each = |ways: Vec<(MetricSql, Vec<String>)>| {
        let only = ways.len() > 1;
        ways.into_iter().map(move |(metric, of)| if only { metric.only_of(&of) } else { metric })
    };
    Ok(seen.into_values().flat_map(each).collect())
}

/// The Parquet objects of a table, in order.
async fn objects(folder: &Location) -> Result<Vec<ObjectMeta>> {
    let listed: Vec<ObjectMeta> = folder
        .store
        .list(Some(&folder.prefix))
        .try_collect()
        .await
        .map_err(|source| Error::Store { object: folder.display.clone(), source })?;
    let mut objects: Vec<ObjectMeta> = listed
        .into_iter()
        .filter(|object| object.location.as_ref().ends_with(".parquet"))
        .collect();
    objects.sort_by(|a, b| a.location.cmp(&b.location));
    Ok(objects)
}

/// Registers a table over all its partitions; the columns of its schema are those of all of them.
async fn register(
    ctx: &SessionContext,
    root: &Location,
    table: &'static Table,
) -> Result<SchemaRef> {
    let folder = root.join(table.name);
    let opened: Vec<_> = stream::iter(objects(&folder).await?)
        .map(|object| whole(root, table, &folder, object))
        .buffered(CONCURRENT)
        .try_collect()
        .await?;
    let mut fields: Vec<Field> = table.columns.iter().map(arrow_types::field).collect();
    let mut files = Vec::new();
    let mut of_files: BTreeMap<String, DataType> = BTreeMap::new();
    for (partition, values) in opened.into_iter().flatten() {
        for field in partition.schema.fields() {
            let name = field.name();
            match of_files.get(name) {
                // Units of several types: as text they stand side by side.
                Some(ty) if ty != field.data_type() => {
                    of_files.insert(name.clone(), DataType::Utf8);
                }
                Some(_) => {}
                None => {
                    of_files.insert(name.clone(), field.data_type().clone());
                    if !fields.iter().any(|f| f.name() == name) {
                        fields.push(field.as_ref().clone().with_nullable(true));
                    }
                }
            }
        }
        files.push((partition.object.as_ref().clone(), values));
    }
    for field in &mut fields {
        if let Some(ty) = of_files.get(field.name()) {
            *field = field.clone().with_data_type(ty.clone());
        }
    }
    let schema = Arc::new(transform_schema_to_view(&Schema::new(fields)));
    let columns = table.partitions.iter().map(|c| Arc::new(arrow_types::field(c))).collect();
    let snapshot = Snapshot::of_partitions(root, Arc::clone(&schema), columns, files);
    ctx.register_table(table.name, Arc::new(snapshot)).at(|| table.name.to_owned())?;
    Ok(schema)
}

/// A partition with its folders' values; `None`: the object is not one of the table's.
///
/// # Errors
/// It is one, and cannot be read: an answer without its rows would be wrong and not look it.
async fn whole(
    root: &Location,
    table: &Table,
    folder: &Location,
    object: ObjectMeta,
) -> Result<Option<(Partition, Vec<ScalarValue>)>> {
    let Some(values) = folder_values(table, folder, &object) else { return Ok(None) };
    let name = root.name(&object.location);
    match partition::current(root, object).await? {
        Some(partition) => Ok(Some((partition, values))),
        None => Err(of_table(table, Error::damaged(name, "not a Parquet file"))),
    }
}

fn of_table(table: &Table, error: Error) -> Error {
    if table.name == REGISTRATIONS.name { registrations::not_derived(error) } else { error }
}

/// The values that an object's folders give to the table's partition columns; `None`: not a partition.
fn folder_values(
    table: &Table,
    folder: &Location,
    object: &ObjectMeta,
) -> Option<Vec<ScalarValue>> {
    let below =
        object.location.as_ref().strip_prefix(folder.prefix.as_ref())?.trim_start_matches('/');
    let mut parts = below.split('/');
    table
        .partitions
        .iter()
        .map(|column| {
            let value = parts.next()?.strip_prefix(column.name)?.strip_prefix('=')?;
            match column.ty {
                ColumnType::Date => value.parse::<NaiveDate>().ok().map(date),
                _ => Some(ScalarValue::from(value)),
            }
        })
        .collect()
}
