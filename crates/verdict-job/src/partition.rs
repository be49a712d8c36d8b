//! Partitions of the tables: one object each, whose PUT is its commit.
//!
//! A partition's file carries, in its key-value metadata, the [`Fingerprint`] of what it was made from and
//! a digest of its content. What is made from a partition depends on that digest, not on the fingerprint:
//! a day that was restated without a change of content makes nothing else stale.
//!
//! The tables of units are cut into buckets ([`crate::units`]): the rows of one bucket are row groups of
//! their own, so that one bucket can be read without the others, and one object stays one commit. Where there are few rows in
//! all ([`FEW`]), all buckets are one row group: each column of a row group costs its writer, its reader and the footer something,
//! however few its rows are.

pub(crate) mod copy;
mod properties;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::concat_batches;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::metadata::{KeyValue, PageIndexPolicy, ParquetMetaData};
use futures::{StreamExt, TryStreamExt, stream};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStoreExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use verdict_model::tables::Table;
use verdict_model::{DataCounts, NaiveDate};

use crate::arrow_types::conform;
use crate::content::Content;
use crate::error::AtStage;
use crate::fingerprint::{Fingerprint, hex};
use crate::footers::{self, fetch};
use crate::plain::root_message;
use crate::store::Location;
use crate::upload::Upload;
use crate::{Error, Result};
pub(crate) use properties::properties;

/// The metadata key that everything of [`Made`] is kept under.
const KEY: &str = "verdict";

/// The name of a partition's only object.
pub(crate) const OBJECT: &str = "part-0.parquet";

/// How many footers are read at once.
const CONCURRENT: usize = 16;

/// As many rows are no more than one row group, whatever buckets they are of.
pub(crate) const FEW: u64 = 8192;

/// How often a partition may be replaced by other runs while its footer is read.
const REPLACED: usize = 100;

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
    /// The rows of each bucket, in the order of the file; empty where the table has no buckets.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) buckets: Vec<u64>,
}

impl Made {
    /// As it is kept in a file's metadata.
    pub(crate) fn words(&self) -> Result<KeyValue> {
        let text = serde_json::to_string(self).map_err(|e| Error::Internal(e.to_string()))?;
        Ok(KeyValue::new(KEY.to_owned(), text))
    }
}

/// A partition that is there. Clones share all of it: where many experiments go on at once, each knows of the partitions of all.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) object: Arc<ObjectMeta>,
    pub(crate) schema: SchemaRef,
    pub(crate) made: Option<Arc<Made>>,
    pub(crate) footer: Arc<ParquetMetaData>,
}

impl Partition {
    /// How many rows it has.
    pub(crate) fn rows(&self) -> u64 {
        self.footer.file_metadata().num_rows().unsigned_abs()
    }
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

    /// What is no partition of a table, at a place of its own.
    pub(crate) fn beside_tables(folder: &'static str, folders: String, object: String) -> Key {
        Key { table: folder, folders, object }
    }

    pub(crate) fn object(&self, root: &Location) -> Location {
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
    match head(root, &at.prefix).await? {
        Some(object) => current(root, object).await,
        None => Ok(None),
    }
}

/// The partition in `object`, or in what it was replaced by; `None` when it is not one, or has gone.
///
/// Another run may replace an object after its size was told, and its footer is then looked for in the wrong place.
///
/// # Errors
/// As [`find`].
pub(crate) async fn current(root: &Location, mut object: ObjectMeta) -> Result<Option<Partition>> {
    for _ in 0..REPLACED {
        let found = open(root, object.clone()).await;
        if let Ok(Some(_)) = found {
            return found;
        }
        match head(root, &object.location).await? {
            None => return Ok(None),
            Some(now) if now == object => return found,
            Some(now) => object = now,
        }
    }
    let name = root.name(&object.location);
    Err(Error::Internal(format!("{name} was replaced {REPLACED} times while it was looked at")))
}

async fn head(root: &Location, object: &Path) -> Result<Option<ObjectMeta>> {
    match root.store.head(object).await {
        Ok(object) => Ok(Some(object)),
        Err(object_store::Error::NotFound { .. }) => Ok(None),
        Err(source) => Err(Error::Store { object: root.name(object), source }),
    }
}

/// The partitions at `keys`, in their order.
///
/// # Errors
/// As [`find`].
pub(crate) async fn find_all(root: &Location, keys: Vec<Key>) -> Result<Vec<Option<Partition>>> {
    stream::iter(keys)
        .map(|key| async move { find(root, &key).await })
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

/// The dates of an experiment's (or a unit type's) partitions of a table that has a folder for each, in order.
///
/// # Errors
/// The store fails.
pub(crate) async fn dates(
    root: &Location,
    table: &'static Table,
    value: &str,
) -> Result<Vec<NaiveDate>> {
    let column = table.partitions.first().map_or("experiment", |column| column.name);
    let folder = root.join(table.name).join(&format!("{column}={value}"));
    let listed: Vec<_> = folder
        .store
        .list(Some(&folder.prefix))
        .try_collect()
        .await
        .map_err(|source| Error::Store { object: folder.display.clone(), source })?;
    let date = |object: &ObjectMeta| {
        let mut parts = object.location.parts();
        parts.find_map(|part| part.as_ref().strip_prefix("ds=")?.parse().ok())
    };
    let mut dates: Vec<NaiveDate> = listed.iter().filter_map(date).collect();
    dates.sort_unstable();
    dates.dedup();
    Ok(dates)
}

/// The partition in `object`; `None` when it is not one.
async fn open(root: &Location, object: ObjectMeta) -> Result<Option<Partition>> {
    // The footer is read past the engine's cache, which could not tell a partition that has just been
    // replaced from its predecessor on a store whose clock ticks in seconds.
    let footer = match fetch(root.store.as_ref(), &object, PageIndexPolicy::Skip).await {
        Ok(footer) => Arc::new(footer),
        Err(e) if matches!(e.find_root(), DataFusionError::ObjectStore(_)) => {
            return Err(e).at(|| format!("reading {}", root.name(&object.location)));
        }
        Err(_) => return Ok(None),
    };
    let file = footer.file_metadata();
    let Ok(schema) = footers::schema(&footer) else { return Ok(None) };
    let made = file
        .key_value_metadata()
        .into_iter()
        .flatten()
        .find(|pair| pair.key == KEY)
        .and_then(|pair| serde_json::from_str(pair.value.as_deref()?).ok())
        .map(Arc::new);
    // The writer's own metadata is not part of the schema.
    let schema = Arc::new(schema.with_metadata(Default::default()));
    Ok(Some(Partition { object: Arc::new(object), schema, made, footer }))
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
    let mut writer = Writer::new(root, key, schema)?;
    writer.rows(batches).await?;
    writer.finish(fingerprint, counts).await
}

/// Writes a partition of a table of units: the rows of each bucket.
///
/// # Errors
/// As [`write`].
pub(crate) async fn write_buckets(
    root: &Location,
    key: &Key,
    schema: &SchemaRef,
    buckets: Vec<RecordBatch>,
    fingerprint: Fingerprint,
    counts: Option<DataCounts>,
) -> Result<Partition> {
    let mut writer = Writer::new(root, key, schema)?;
    for rows in buckets {
        let rows = if rows.num_rows() == 0 { Vec::new() } else { vec![rows] };
        writer.bucket(&rows).await?;
    }
    writer.finish(fingerprint, counts).await
}

/// A partition that is being written: nothing of it can be seen before [`Writer::finish`].
pub(crate) struct Writer {
    root: Location,
    key: Key,
    schema: SchemaRef,
    rows: ArrowWriter<Vec<u8>>,
    object: Upload,
    content: Content,
    buckets: Vec<u64>,
    /// The rows of each bucket so far, as long as they are few.
    few: Option<Vec<Vec<RecordBatch>>>,
    /// What was sent so far, where it is told.
    told: Option<Vec<Chunk>>,
}

/// A part of an object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Chunk {
    /// How many bytes.
    pub(crate) length: u64,
    /// Their SHA-256.
    pub(crate) digest: String,
}

impl Chunk {
    pub(crate) fn of(bytes: &[u8]) -> Chunk {
        Chunk { length: bytes.len() as u64, digest: hex(&Sha256::digest(bytes)) }
    }
}

/// What was written of a partition whose commit is still to come.
pub(crate) struct Unfinished {
    pub(crate) object: Upload,
    pub(crate) content: Content,
    /// The rows of each bucket.
    pub(crate) buckets: Vec<u64>,
    /// Those of each bucket, and the footer.
    pub(crate) chunks: Vec<Chunk>,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(root: &Location, key: &Key, schema: &SchemaRef) -> Result<Writer> {
        let rows = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties(schema)));
        let at = key.object(root);
        Ok(Writer {
            root: root.clone(),
            key: key.clone(),
            schema: Arc::clone(schema),
            rows: rows.at(|| format!("writing {key}"))?,
            object: Upload::new(Arc::clone(&at.store), at.prefix),
            content: Content::default(),
            buckets: Vec::new(),
            few: Some(Vec::new()),
            told: None,
        })
    }

    /// The same with row groups of its own for each bucket, however few rows there are, and with the bytes of each bucket told.
    pub(crate) fn with_buckets_apart(
        root: &Location,
        key: &Key,
        schema: &SchemaRef,
    ) -> Result<Writer> {
        Ok(Writer { few: None, told: Some(Vec::new()), ..Writer::new(root, key, schema)? })
    }

    /// Adds rows as row groups of their own, where there are any.
    async fn row_group(&mut self, batches: &[RecordBatch]) -> Result<()> {
        if batches.is_empty() {
            return Ok(());
        }
        self.rows(batches).await
    }

    /// Adds rows as row groups of their own.
    async fn rows(&mut self, batches: &[RecordBatch]) -> Result<()> {
        let stage = || format!("writing {}", self.key);
        let batches =
            batches.iter().map(|b| conform(b, &self.schema)).collect::<Result<Vec<_>>>()?;
        // One batch: where batches begin and end must not show in the file.
        let rows = concat_batches(&self.schema, &batches).at(stage)?;
        self.content.push(&rows)?;
        self.rows.write(&rows).at(stage)?;
        self.rows.flush().at(stage)?;
        self.send().await
    }

    /// Adds the rows of the next bucket.
    pub(crate) async fn bucket(&mut self, batches: &[RecordBatch]) -> Result<()> {
        self.buckets.push(batches.iter().map(|batch| batch.num_rows() as u64).sum());
        let few = self.bucketed() <= FEW;
        match &mut self.few {
            Some(all) => {
                all.push(batches.to_vec());
                if !few {
                    for own in self.few.take().unwrap_or_default() {
                        self.row_group(&own).await?;
                    }
                }
                Ok(())
            }
            None => {
                self.row_group(batches).await?;
                if let Some(told) = self.told.as_mut().filter(|_| batches.is_empty()) {
                    told.push(Chunk::of(&[]));
                }
                Ok(())
            }
        }
    }

    /// The rows of all buckets so far.
    pub(crate) fn bucketed(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Hands on what the file has so far; a large object goes out in parts while it is made.
    async fn send(&mut self) -> Result<()> {
        // The file's writer counts bytes by itself, so that what is sent need not be kept.
        self.rows
            .sync()
            .map_err(DataFusionError::IoError)
            .at(|| format!("writing {}", self.key))?;
        let bytes = std::mem::take(self.rows.inner_mut());
        if let Some(told) = &mut self.told {
            told.push(Chunk::of(&bytes));
        }
        send((&self.root, &self.key), &mut self.object, bytes).await
    }

    /// Writes the footer and commits.
    pub(crate) async fn finish(
        mut self,
        fingerprint: Fingerprint,
        counts: Option<DataCounts>,
    ) -> Result<Partition> {
        if let Some(few) = self.few.take() {
            self.row_group(&few.concat()).await?;
        }
        let content = self.content.digest(&self.schema);
        let made = Made { fingerprint, content, counts, buckets: self.buckets.clone() };
        self.rows.append_key_value_metadata(made.words()?);
        self.rows.finish().at(|| format!("writing {}", self.key))?;
        self.send().await?;
        commit((&self.root, &self.key), self.object).await?;
        let found = find(&self.root, &self.key).await?;
        found.ok_or_else(|| Error::Internal(format!("{} was written and is not there", self.key)))
    }

    /// Writes the footer, of a file that tells nothing about itself, and leaves the commit to the caller.
    pub(crate) async fn end(mut self) -> Result<Unfinished> {
        if let Some(few) = self.few.take() {
            self.row_group(&few.concat()).await?;
        }
        self.rows.finish().at(|| format!("writing {}", self.key))?;
        self.send().await?;
        let Writer { object, content, buckets, told, .. } = self;
        Ok(Unfinished { object, content, buckets, chunks: told.unwrap_or_default() })
    }
}

/// Hands on some bytes of a partition, and counts them.
async fn send((root, key): (&Location, &Key), object: &mut Upload, bytes: Vec<u8>) -> Result<()> {
    let size = bytes.len() as u64;
    object.put(bytes.into()).await.map_err(|source| failed(root, key, source))?;
    root.meters.written.fetch_add(size, Ordering::Relaxed);
    Ok(())
}

/// Commits a partition, and counts it.
async fn commit((root, key): (&Location, &Key), object: Upload) -> Result<()> {
    object.finish().await.map_err(|source| failed(root, key, source))?;
    root.meters.write.add(1);
    Ok(())
}

pub(crate) fn failed(root: &Location, key: &Key, source: object_store::Error) -> Error {
    Error::Store { object: key.object(root).display, source }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array};

    use super::*;

    /// A file of these numbers.
    fn parquet(numbers: std::ops::Range<i64>) -> Vec<u8> {
        let column: ArrayRef = Arc::new(Int64Array::from_iter_values(numbers));
        let rows = RecordBatch::try_from_iter([("x", column)]).unwrap();
        let mut bytes = Vec::new();
        let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), None).unwrap();
        writer.write(&rows).unwrap();
        writer.close().unwrap();
        bytes
    }

    #[tokio::test]
    async fn what_an_object_was_replaced_by_is_read_instead() {
        let root = Location::in_memory();
        let at = Path::from("part-0.parquet");
        let put = async |bytes: Vec<u8>| {
            root.store.put(&at, bytes.into()).await.unwrap();
            root.store.head(&at).await.unwrap()
        };
        for (before, after) in [(1000, 3), (3, 1000)] {
            let seen = put(parquet(0..before)).await;
            put(parquet(0..after)).await;
            // The footer is not where the size says.
            assert!(!matches!(open(&root, seen.clone()).await, Ok(Some(_))));
            let found = current(&root, seen).await.unwrap().unwrap();
            assert_eq!(found.rows(), after as u64);
        }
        let damaged = put(b"no Parquet file, whoever looks".to_vec()).await;
        assert!(current(&root, damaged.clone()).await.unwrap().is_none());
        root.store.delete(&at).await.unwrap();
        assert!(current(&root, damaged).await.unwrap().is_none());
    }
}
