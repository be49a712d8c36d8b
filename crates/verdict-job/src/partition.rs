//! Partitions of the tables: one object each, whose PUT is its commit.
//!
//! A partition's file carries, in its key-value metadata, the [`Fingerprint`] of what it was made from and
//! a digest of its content. What is made from a partition depends on that digest, not on the fingerprint:
//! a day that was restated without a change of content makes nothing else stale.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::arrow::{ArrowWriter, parquet_to_arrow_schema};
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::metadata::KeyValue;
use datafusion::parquet::file::properties::WriterProperties;
use object_store::{ObjectMeta, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use verdict_model::DataCounts;
use verdict_model::tables::Table;

use crate::arrow_types::conform;
use crate::error::AtStage;
use crate::fingerprint::{Fingerprint, hex};
use crate::plain::root_message;
use crate::store::Location;
use crate::{Error, Result};

/// The metadata key that everything of [`Made`] is kept under.
const KEY: &str = "verdict";

/// The name of a partition's only object.
const OBJECT: &str = "part-0.parquet";

/// What a partition's file says about itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    /// What it was made from.
    pub(crate) fingerprint: Fingerprint,
    /// Digest of its rows.
    pub(crate) content: String,
    /// What became of the logs' rows, where the table is about them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) counts: Option<DataCounts>,
}

/// A partition that is there.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) object: ObjectMeta,
    pub(crate) schema: SchemaRef,
    pub(crate) made: Option<Made>,
}

/// A partition's place: its table, and its folders' values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) table: &'static str,
    /// `experiment=men/ds=2019-11-30`.
    pub(crate) folders: String,
    object: String,
}

impl Key {
    pub(crate) fn new(table: &'static Table, values: &[&str]) -> Key {
        let folders: Vec<String> = table
            .partitions
            .iter()
            .zip(values)
            .map(|(column, value)| format!("{}={value}", column.name))
            .collect();
        Key { table: table.name, folders: folders.join("/"), object: OBJECT.to_owned() }
    }

    /// The same with an object of its own name: `runs` is a log, and each run adds to it.
    pub(crate) fn with_object(self, object: &str) -> Key {
        Key { object: object.to_owned(), ..self }
    }

    fn object(&self, root: &Location) -> Location {
        root.join(self.table).join(&self.folders).join(&self.object)
    }
}

impl std::fmt::Display for Key {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.table, self.folders)
    }
}

/// The partition at `key`, when there is one.
///
/// # Errors
/// The store fails. A file that is not Parquet counts as absent: it is made again.
pub(crate) async fn find(root: &Location, key: &Key) -> Result<Option<Partition>> {
    let at = key.object(root);
    let object = match at.store.head(&at.prefix).await {
        Ok(object) => object,
        Err(object_store::Error::NotFound { .. }) => return Ok(None),
        Err(source) => return Err(Error::Store { object: at.display, source }),
    };
    open(root, object).await
}

/// The partition in `object`; `None` when it is not one.
pub(crate) async fn open(root: &Location, object: ObjectMeta) -> Result<Option<Partition>> {
    // The footer is read past the engine's cache, which could not tell a partition that has just been
    // replaced from its predecessor on a store whose clock ticks in seconds.
    let footer = match DFParquetMetadata::new(root.store.as_ref(), &object).fetch_metadata().await {
        Ok(footer) => footer,
        Err(e) if matches!(e.find_root(), DataFusionError::ObjectStore(_)) => {
            return Err(e).at(|| format!("reading {}", root.name(&object.location)));
        }
        Err(_) => return Ok(None),
    };
    let file = footer.file_metadata();
    let Ok(schema) = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata()) else {
        return Ok(None);
    };
    let made = file
        .key_value_metadata()
        .into_iter()
        .flatten()
        .find(|pair| pair.key == KEY)
        .and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok());
    // The writer's own metadata is not part of the schema.
    let schema = Arc::new(schema.with_metadata(Default::default()));
    Ok(Some(Partition { object, schema, made }))
}

/// Every row of the partition in `object`.
///
/// # Errors
/// The store fails; the object is damaged.
pub(crate) async fn read(root: &Location, object: &ObjectMeta) -> Result<Vec<RecordBatch>> {
    let name = root.name(&object.location);
    let failed = |source| Error::Store { object: name.clone(), source };
    let bytes =
        root.store.get(&object.location).await.map_err(failed)?.bytes().await.map_err(failed)?;
    let damaged = |e: DataFusionError| Error::damaged(name.clone(), root_message(&e));
    ParquetRecordBatchReaderBuilder::try_new(bytes)
        .and_then(|builder| builder.build())
        .map_err(|e| damaged(e.into()))?
        .map(|batch| batch.map_err(|e| damaged(e.into())))
        .collect()
}

/// Writes a partition: all of it or nothing.
///
/// # Errors
/// The rows do not fit the schema; the store fails.
pub(crate) async fn write(
    root: &Location,
    key: &Key,
    schema: &SchemaRef,
    batches: &[RecordBatch],
    fingerprint: Fingerprint,
    counts: Option<DataCounts>,
) -> Result<Partition> {
    let stage = || format!("writing {key}");
    let batches = batches.iter().map(|batch| conform(batch, schema)).collect::<Result<Vec<_>>>()?;
    // One batch: where batches begin and end must not show in the file.
    let rows = concat_batches(schema, &batches).at(stage)?;
    let mut writer =
        ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties())).at(stage)?;
    writer.write(&rows).at(stage)?;
    writer.flush().at(stage)?;
    let mut hash = Sha256::new();
    hash.update(format!("{schema:?}"));
    hash.update(writer.inner());
    let made = Made { fingerprint, content: hex(&hash.finalize()), counts };
    let text = serde_json::to_string(&made).map_err(|e| Error::Internal(e.to_string()))?;
    writer.append_key_value_metadata(KeyValue::new(KEY.to_owned(), text));
    let bytes = writer.into_inner().at(stage)?;

    let at = key.object(root);
    let failed = |source| Error::Store { object: at.display.clone(), source };
    at.store.put(&at.prefix, bytes.into()).await.map_err(failed)?;
    let object = at.store.head(&at.prefix).await.map_err(failed)?;
    Ok(Partition { object, schema: Arc::clone(schema), made: Some(made) })
}

/// One policy for every table. The writer's name is fixed: a table's bytes do not tell who built it.
fn properties() -> WriterProperties {
    WriterProperties::builder()
        .set_created_by("verdict".to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .build()
}
