//! A partition of row groups that were written elsewhere, by the writer that would have written them here.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::column::writer::ColumnCloseResult;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::metadata::ParquetMetaData;
use datafusion::parquet::file::writer::SerializedFileWriter;

use super::{Key, Made, commit, properties, send};
use crate::Result;
use crate::content::Content;
use crate::error::AtStage;
use crate::store::Location;
use crate::sweep::Part;
use crate::upload::Upload;

/// A partition whose column chunks are copied: nothing of it can be seen before [`Copy::finish`].
pub(crate) struct Copy {
    root: Location,
    key: Key,
    schema: SchemaRef,
    rows: SerializedFileWriter<Vec<u8>>,
    object: Upload,
    content: Content,
    buckets: Vec<u64>,
}

impl Copy {
    pub(crate) fn new(root: &Location, key: &Key, schema: &SchemaRef) -> Result<Copy> {
        let writer = ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties(schema)));
        let rows = writer.and_then(ArrowWriter::into_serialized_writer);
        let (rows, _) = rows.at(|| format!("writing {key}"))?;
        let at = key.object(root);
        Ok(Copy {
            root: root.clone(),
            key: key.clone(),
            schema: Arc::clone(schema),
            rows,
            object: Upload::new(Arc::clone(&at.store), at.prefix),
            content: Content::default(),
            buckets: Vec::new(),
        })
    }

    /// Adds the next bucket, of so many rows: its row groups, which lie in `part` of a file with this footer.
    pub(crate) async fn bucket(
        &mut self,
        rows: u64,
        footer: &ParquetMetaData,
        part: Part,
    ) -> Result<()> {
        self.buckets.push(rows);
        self.row_groups(footer, &part).at(|| format!("writing {}", self.key))?;
        self.send().await
    }

    fn row_groups(
        &mut self,
        footer: &ParquetMetaData,
        part: &Part,
    ) -> std::result::Result<(), ParquetError> {
        for group in part.groups(footer) {
            let group = footer.row_group(group);
            let mut writer = self.rows.next_row_group()?;
            for column in group.columns() {
                let close = ColumnCloseResult {
                    bytes_written: column.compressed_size().unsigned_abs(),
                    rows_written: group.num_rows().unsigned_abs(),
                    metadata: column.clone(),
                    bloom_filter: None,
                    // Tables of units have no indexes of pages.
                    column_index: None,
                    offset_index: None,
                };
                writer.append_column(part, close)?;
            }
            writer.close()?;
        }
        Ok(())
    }

    /// Adds what the rows of some buckets are.
    pub(crate) fn add(&mut self, content: &Content) {
        self.content.add(content);
    }

    async fn send(&mut self) -> Result<()> {
        self.rows
            .flush()
            .map_err(DataFusionError::IoError)
            .at(|| format!("writing {}", self.key))?;
        let bytes = std::mem::take(self.rows.inner_mut());
        send((&self.root, &self.key), &mut self.object, bytes).await
    }

    /// Writes the footer, with what is `made` of the content and the rows of each bucket, and commits.
    pub(crate) async fn finish(
        mut self,
        made: impl FnOnce(String, Vec<u64>) -> Made,
    ) -> Result<()> {
        let made = made(self.content.digest(&self.schema), std::mem::take(&mut self.buckets));
        self.rows.append_key_value_metadata(made.words()?);
        self.rows.finish().at(|| format!("writing {}", self.key))?;
        self.send().await?;
        commit((&self.root, &self.key), self.object).await
    }
}
