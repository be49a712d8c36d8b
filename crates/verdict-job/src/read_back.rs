//! Tables read back as rows, for whoever reports them: nothing is made.

use std::sync::Arc;

use datafusion::arrow::array::{AsArray, BooleanArray, RecordBatch};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::{DataType, Date32Type, Int64Type};
use datafusion::arrow::json::ArrayWriter;
use futures::{StreamExt, TryStreamExt, stream};
use serde::de::DeserializeOwned;
use serde_json::Value;
use verdict_model::tables::{GROUP_STATS, RUNS, Table, UNIT_TOTAL};
use verdict_model::{DataCounts, Experiment, NaiveDate};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Key};
use crate::snapshot::Snapshot;
use crate::{Error, Result};

/// How many partitions are read at once.
const CONCURRENT: usize = 8;

impl Job {
    /// The dates up to `until` for which a table has something of an experiment, in order.
    ///
    /// # Errors
    /// The store fails.
    pub async fn dates_of(
        &self,
        table: &'static Table,
        experiment: &Experiment,
        until: NaiveDate,
    ) -> Result<Vec<NaiveDate>> {
        let mut dates = partition::dates(&self.tables, table, &experiment.name.value).await?;
        dates.retain(|ds| *ds <= until);
        Ok(dates)
    }

    /// The rows of an experiment in a table, of these dates and in their order; dates without a partition have none.
    /// `only` keeps the rows with a value in a column of text.
    ///
    /// # Errors
    /// The store fails; a partition is damaged, or not what its description says (another version wrote it).
    pub async fn rows_of<T: DeserializeOwned>(
        &self,
        table: &'static Table,
        experiment: &Experiment,
        dates: &[NaiveDate],
        only: Option<(&str, &str)>,
    ) -> Result<Vec<T>> {
        let name = experiment.name.value.as_str();
        let key = |ds: &NaiveDate| Key::new(table, &[name, &ds.to_string()]);
        let found = partition::find_all(&self.tables, dates.iter().map(key).collect()).await?;
        let there = found.into_iter().zip(dates).filter_map(|(found, ds)| Some((found?, *ds)));
        let rows: Vec<Vec<T>> = stream::iter(there.collect::<Vec<_>>())
            .map(|(partition, ds)| async move {
                let batches = partition::read(&self.tables, &partition.object).await?;
                let folders = [("experiment", name.to_owned()), ("ds", ds.to_string())];
                let object = self.tables.name(&partition.object.location);
                rows(&batches, only, &folders, &object)
            })
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        Ok(rows.into_iter().flatten().collect())
    }

    /// The runs that are logged under a date, by their names, which begin with when they started.
    ///
    /// # Errors
    /// As [`Job::rows_of`].
    pub async fn runs_of<T: DeserializeOwned>(&self, ds: NaiveDate) -> Result<Vec<T>> {
        let folder = self.tables.join(RUNS.name).join(&format!("ds={ds}"));
        let failed = |source| Error::Store { object: folder.display.clone(), source };
        let mut objects: Vec<_> =
            folder.store.list(Some(&folder.prefix)).try_collect().await.map_err(failed)?;
        objects.retain(|object| object.location.as_ref().ends_with(".parquet"));
        objects.sort_by(|a, b| a.location.cmp(&b.location));
        let mut all = Vec::new();
        for object in objects {
            let batches = partition::read(&self.tables, &object).await?;
            let folders = [("ds", ds.to_string())];
            all.extend(rows(&batches, None, &folders, &self.tables.name(&object.location))?);
        }
        Ok(all)
    }

    /// What became of the logs' rows up to an as-of date; `None` where nobody knows.
    ///
    /// # Errors
    /// The store fails.
    pub async fn counts_of(
        &self,
        experiment: &Experiment,
        ds: NaiveDate,
    ) -> Result<Option<DataCounts>> {
        let key = Key::new(&GROUP_STATS, &[&experiment.name.value, &ds.to_string()]);
        let found = partition::find(&self.tables, &key).await?;
        Ok(found.and_then(|partition| partition.made.as_ref()?.counts.clone()))
    }

    /// Exposed units by the day and variant of their first exposure, before any exclusion, in that order; `None` where the
    /// totals of the as-of date are not kept.
    ///
    /// # Errors
    /// The store or the engine fails.
    pub async fn units_by_day(
        &self,
        experiment: &Experiment,
        ds: NaiveDate,
    ) -> Result<Option<Vec<(NaiveDate, String, i64)>>> {
        let key = Key::new(&UNIT_TOTAL, &[&experiment.name.value, &ds.to_string()]);
        let Some(partition) = partition::find(&self.tables, &key).await? else { return Ok(None) };
        if ["exposure_ds", "variant"].iter().any(|name| partition.schema.index_of(name).is_err()) {
            return Ok(None);
        }
        let stage = || format!("units by day of {key}");
        let files = vec![(partition.object.as_ref().clone(), Vec::new())];
        let table = Snapshot::of_partitions(&self.tables, partition.schema, Vec::new(), files);
        let frame = self.ctx.read_table(Arc::new(table)).at(stage)?;
        let sorted =
            "SELECT exposure_ds, variant, count(*) AS units FROM units GROUP BY 1, 2 ORDER BY 1, 2";
        self.ctx.register_table("units", frame.into_view()).at(stage)?;
        let counted = async { self.ctx.sql(sorted).await?.collect().await }.await;
        // A name that is taken only here; whether it is dropped changes nothing.
        let _ = self.ctx.deregister_table("units");
        let mut units = Vec::new();
        for batch in counted.at(stage)? {
            let day = cast(batch.column(0), &DataType::Date32).at(stage)?;
            let variant = cast(batch.column(1), &DataType::Utf8).at(stage)?;
            let count = cast(batch.column(2), &DataType::Int64).at(stage)?;
            let days = day.as_primitive::<Date32Type>().iter();
            let rows = days.zip(variant.as_string::<i32>()).zip(count.as_primitive::<Int64Type>());
            units.extend(rows.filter_map(|((day, variant), n)| {
                Some((Date32Type::to_naive_date_opt(day?)?, variant?.to_owned(), n?))
            }));
        }
        Ok(Some(units))
    }
}

/// The rows of batches as `T`, with the values of their folders.
fn rows<T: DeserializeOwned>(
    batches: &[RecordBatch],
    only: Option<(&str, &str)>,
    folders: &[(&str, String)],
    object: &str,
) -> Result<Vec<T>> {
    let wrong = |reason: String| Error::Table {
        object: object.to_owned(),
        reason: format!("{reason}; remove it, and the next run makes it again"),
    };
    let mut json = ArrayWriter::new(Vec::new());
    for batch in batches {
        let kept = match only {
            Some(only) => kept(batch, only).at(|| object.to_owned())?,
            None => batch.clone(),
        };
        json.write(&kept).at(|| object.to_owned())?;
    }
    json.finish().at(|| object.to_owned())?;
    let text = json.into_inner();
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let values: Vec<Value> = serde_json::from_slice(&text).map_err(|e| wrong(e.to_string()))?;
    let row = |mut value: Value| {
        for (name, folder) in folders {
            value[*name] = Value::from(folder.as_str());
        }
        serde_json::from_value(value).map_err(|e| wrong(format!("another version wrote it: {e}")))
    };
    values.into_iter().map(row).collect()
}

/// The rows whose column of text has this value.
fn kept(
    batch: &RecordBatch,
    (column, value): (&str, &str),
) -> datafusion::error::Result<RecordBatch> {
    let Some(column) = batch.column_by_name(column) else { return Ok(batch.clone()) };
    let texts = cast(column, &DataType::Utf8)?;
    let same: BooleanArray =
        texts.as_string::<i32>().iter().map(|text| Some(text == Some(value))).collect();
    Ok(filter_record_batch(batch, &same)?)
}
