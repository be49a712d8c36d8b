//! A table over an explicit list of objects: what was listed is what is read.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::{FieldRef, SchemaRef};
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::ScalarValue;
use datafusion::config::TableParquetOptions;
use datafusion::datasource::TableType;
use datafusion::datasource::listing::PartitionedFile;
use datafusion::datasource::physical_plan::parquet::CachedParquetFileReaderFactory;
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::source::DataSourceExec;
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;
use object_store::ObjectMeta;

use crate::store::Location;

/// Objects of one schema, with the values of their folders' columns.
pub(crate) struct Snapshot {
    location: Location,
    schema: TableSchema,
    files: Vec<PartitionedFile>,
}

impl Snapshot {
    /// The objects of a log's day.
    pub(crate) fn of_objects(
        location: &Location,
        file_schema: SchemaRef,
        objects: &[ObjectMeta],
    ) -> Snapshot {
        let files = objects.iter().cloned().map(PartitionedFile::new_from_meta).collect();
        Snapshot { location: location.clone(), schema: TableSchema::from(file_schema), files }
    }

    /// Partitions of a table: objects with the values of `columns`, which follow the files' own.
    pub(crate) fn of_partitions(
        location: &Location,
        file_schema: SchemaRef,
        columns: Vec<FieldRef>,
        objects: Vec<(ObjectMeta, Vec<ScalarValue>)>,
    ) -> Snapshot {
        let files = objects
            .into_iter()
            .map(|(object, values)| {
                PartitionedFile::new_from_meta(object).with_partition_values(values)
            })
            .collect();
        let schema = TableSchema::builder(file_schema).with_table_partition_cols(columns).build();
        Snapshot { location: location.clone(), schema, files }
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot")
            .field("location", &self.location)
            .field("files", &self.files.len())
            .finish()
    }
}

#[async_trait]
impl TableProvider for Snapshot {
    fn schema(&self) -> SchemaRef {
        Arc::clone(self.schema.table_schema())
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    /// Filters prune row groups and pages; the engine applies them again to the rows.
    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        if self.files.is_empty() {
            let schema = match projection {
                Some(columns) => Arc::new(self.schema().project(columns)?),
                None => self.schema(),
            };
            return Ok(Arc::new(EmptyExec::new(schema)));
        }
        let options = TableParquetOptions {
            global: state.config_options().execution.parquet.clone(),
            ..TableParquetOptions::default()
        };
        let cache = state.runtime_env().cache_manager.get_file_metadata_cache();
        let readers = CachedParquetFileReaderFactory::new(Arc::clone(&self.location.store), cache);
        let source = ParquetSource::new(self.schema.clone())
            .with_table_parquet_options(options)
            .with_parquet_file_reader_factory(Arc::new(readers));
        let groups =
            FileGroup::new(self.files.clone()).split_files(state.config().target_partitions());
        let config = FileScanConfigBuilder::new(self.location.url.clone(), Arc::new(source))
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        Ok(DataSourceExec::from_data_source(config))
    }
}
