//! Whether the partitions that are there are those that their inputs give: each compared with one that was made again.

use datafusion::arrow::array::{Array, ArrayRef, RecordBatch};
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use verdict_model::tables::{ALL, REGISTRATIONS, RUNS, UNIT_TOTAL};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Partition};
use crate::store::Location;
use crate::{Error, Result};

/// How many partitions are compared at once.
const CONCURRENT: usize = 4;

/// What a partition is, held against the one that was made again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verified {
    /// The same bytes.
    Identical,
    /// The same rows in other bytes, and why: it has columns of metrics that are not asked for any more.
    SameRows(String),
    /// It was made from other inputs, which ones: `verdict run` makes it again.
    Stale(String),
    /// It is not there.
    Missing,
    /// Totals that are not there, and that nobody needs: those of a later date are, which nights begin from. Backfills make
    /// the last ones alone, and `gc` removes the others.
    NotKept,
    /// Its inputs are the same and its content is not: where they part.
    Different(String),
}

/// A partition and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifiedPartition {
    /// Table and folders: `group_stats/experiment=men/ds=2019-11-30`.
    pub partition: String,
    /// What it is.
    pub verified: Verified,
}

impl Job {
    /// Copies what is registered to `scratch`, so that it judges by the same plans.
    ///
    /// # Errors
    /// A store fails.
    pub async fn copy_registrations(&self, scratch: &Job) -> Result<()> {
        for object in objects(&self.tables.join(REGISTRATIONS.name)).await? {
            let failed = |at: &Location| {
                let object = at.display.clone();
                move |source| Error::Store { object, source }
            };
            let got = self.tables.store.get(&object).await.map_err(failed(&self.tables))?;
            let bytes = got.bytes().await.map_err(failed(&self.tables))?;
            let to = scratch.tables.join(below(&self.tables, &object));
            let create = PutOptions::from(PutMode::Overwrite);
            to.store.put_opts(&to.prefix, bytes.into(), create).await.map_err(failed(&to))?;
        }
        Ok(())
    }

    /// Compares every partition of `again`, in which the same dates were made from nothing, with the one of this job.
    ///
    /// # Errors
    /// A store fails; a partition of `again` cannot be read.
    pub async fn compare(&self, again: &Job) -> Result<Vec<VerifiedPartition>> {
        let mut made = Vec::new();
        for table in
            ALL.iter().filter(|table| ![RUNS.name, REGISTRATIONS.name].contains(&table.name))
        {
            made.extend(objects(&again.tables.join(table.name)).await?);
        }
        let kept = objects(&self.tables.join(UNIT_TOTAL.name)).await?;
        let kept: &Vec<&str> = &kept.iter().map(|object| below(&self.tables, object)).collect();
        stream::iter(made)
            .map(|object| async move {
                let name = below(&again.tables, &object).to_owned();
                let verified = match self.compare_one(again, &object, &name).await? {
                    Verified::Missing if begun_later(kept, &name) => Verified::NotKept,
                    verified => verified,
                };
                let partition = name.rsplit_once('/').map_or(name.as_str(), |(folders, _)| folders);
                Ok(VerifiedPartition { partition: partition.to_owned(), verified })
            })
            .buffered(CONCURRENT)
            .try_collect()
            .await
    }

    async fn compare_one(&self, again: &Job, object: &Path, name: &str) -> Result<Verified> {
        let at = self.tables.join(name);
        let Some(found) = bytes(&at).await? else { return Ok(Verified::Missing) };
        let other = again.tables.join(name);
        let wanted = bytes(&other).await?;
        if wanted.as_ref() == Some(&found) {
            return Ok(Verified::Identical);
        }
        let (Some(is), Some(should)) = (opened(&at).await?, opened(&other).await?) else {
            return Ok(Verified::Different("it is no Parquet file: remove it".into()));
        };
        let (Some(made), Some(made_again)) = (&is.made, &should.made) else {
            return Ok(Verified::Different("it was not written by Verdict".into()));
        };
        let changed = made_again.fingerprint.changed_since(&made.fingerprint);
        if !changed.is_empty() {
            return Ok(Verified::Stale(changed.join(", ")));
        }
        // A day keeps the components that it was made with; a new one makes it stale, as in a plan.
        let names = should.schema.fields().iter().map(|field| field.name().as_str());
        let lacking: Vec<&str> = names.filter(|name| is.schema.index_of(name).is_err()).collect();
        if !lacking.is_empty() {
            return Ok(Verified::Stale(format!("lacks {}", lacking.join(", "))));
        }
        let rows = match partition::read(&self.tables, &is.object).await {
            Ok(rows) => rows,
            Err(error) => return Ok(Verified::Different(error.to_string())),
        };
        let again = partition::read(&again.tables, &should.object).await?;
        let stage = || format!("comparing {object}");
        let rows = concat_batches(&is.schema, &rows).at(stage)?;
        let again = concat_batches(&should.schema, &again).at(stage)?;
        Ok(difference(&rows, &again))
    }
}

/// Whether `kept` has totals of the same experiment, of a later date than those of `name`.
fn begun_later(kept: &[&str], name: &str) -> bool {
    let experiment = |name: &str| name.split_once("/ds=").map(|(of, _)| of.to_owned());
    let of = experiment(name);
    // Dates sort as texts.
    of.is_some() && kept.iter().any(|other| experiment(other) == of && *other > name)
}

/// How the rows of a partition differ from those that its inputs give.
fn difference(is: &RecordBatch, should: &RecordBatch) -> Verified {
    if is.num_rows() != should.num_rows() {
        let (is, should) = (is.num_rows(), should.num_rows());
        return Verified::Different(format!("it has {is} rows, and its inputs give {should}"));
    }
    for (field, wanted) in should.schema_ref().fields().iter().zip(should.columns()) {
        let name = field.name();
        let Some(column) = is.column_by_name(name) else {
            return Verified::Different(format!("it has no column `{name}`"));
        };
        if column.data_type() != wanted.data_type() {
            return Verified::Different(format!(
                "its column `{name}` is {}, and its inputs give {}",
                column.data_type(),
                wanted.data_type()
            ));
        }
        if column.to_data() != wanted.to_data() {
            let row = first_difference(column, wanted);
            return Verified::Different(format!(
                "row {row}: `{name}` is {}, and its inputs give {}",
                value(column, row),
                value(wanted, row)
            ));
        }
    }
    let more: Vec<&str> = is
        .schema_ref()
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .filter(|name| should.column_by_name(name).is_none())
        .collect();
    match more.is_empty() {
        true => Verified::Different("its rows are the same and its bytes are not".into()),
        false => Verified::SameRows(format!("it has besides {}", more.join(", "))),
    }
}

fn first_difference(one: &ArrayRef, other: &ArrayRef) -> usize {
    let differs = |row: &usize| one.slice(*row, 1).to_data() != other.slice(*row, 1).to_data();
    (0..one.len()).find(differs).unwrap_or(0)
}

fn value(column: &ArrayRef, row: usize) -> String {
    let options = FormatOptions::default().with_null("null");
    match ArrayFormatter::try_new(column.as_ref(), &options) {
        Ok(shown) => shown.value(row).to_string(),
        Err(_) => "a value that cannot be shown".to_owned(),
    }
}

/// The partitions' objects below a folder, sorted.
async fn objects(folder: &Location) -> Result<Vec<Path>> {
    let listed: Vec<_> = folder
        .store
        .list(Some(&folder.prefix))
        .try_collect()
        .await
        .map_err(|source| Error::Store { object: folder.display.clone(), source })?;
    let mut paths: Vec<Path> = listed.into_iter().map(|object| object.location).collect();
    paths.sort();
    Ok(paths)
}

/// The path of an object below a root.
fn below<'a>(root: &Location, object: &'a Path) -> &'a str {
    let full = object.as_ref();
    full.strip_prefix(root.prefix.as_ref()).unwrap_or(full).trim_start_matches('/')
}

async fn bytes(at: &Location) -> Result<Option<bytes::Bytes>> {
    let failed = |source| Error::Store { object: at.display.clone(), source };
    match at.store.get(&at.prefix).await {
        Ok(found) => Ok(Some(found.bytes().await.map_err(failed)?)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(failed(source)),
    }
}

async fn opened(at: &Location) -> Result<Option<Partition>> {
    let failed = |source| Error::Store { object: at.display.clone(), source };
    let object = at.store.head(&at.prefix).await.map_err(failed)?;
    partition::current(at, object).await
}
