//! The footers of a day's objects: their schema, their rows, and whether they are Parquet at all.

use std::sync::Arc;

use datafusion::arrow::datatypes::SchemaRef;
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;

use crate::plain::root_message;
use crate::store::Location;
use crate::store_words::{store_error_in, store_message};
use crate::{Error, Result};

/// How many footers are read at once.
const CONCURRENT: usize = 16;

/// What an object's footer says.
#[derive(Clone, Debug)]
pub(crate) struct Footer {
    pub(crate) object: ObjectMeta,
    pub(crate) schema: SchemaRef,
    pub(crate) rows: u64,
}

/// Reads the footers of `objects`, in their order. They go through the engine's cache, so that the scan
/// that follows does not read them again.
pub(crate) async fn read(
    ctx: &SessionContext,
    location: &Location,
    objects: &[ObjectMeta],
) -> Result<Vec<Footer>> {
    stream::iter(objects.to_vec())
        .map(|object| read_one(ctx, location, object))
        .buffered(CONCURRENT)
        .try_collect()
        .await
}

async fn read_one(ctx: &SessionContext, location: &Location, object: ObjectMeta) -> Result<Footer> {
    let broken =
        |reason: String| Error::NotParquet { object: location.name(&object.location), reason };
    if object.size < 12 {
        return Err(broken(format!("it has {} bytes", object.size)));
    }
    let cache = ctx.runtime_env().cache_manager.get_file_metadata_cache();
    let footer = DFParquetMetadata::new(location.store.as_ref(), &object)
        .with_file_metadata_cache(Some(cache))
        .fetch_metadata()
        .await
        .map_err(|e| unread(location, &object, &e))?;
    let file = footer.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|e| broken(root_message(&DataFusionError::from(e))))?;
    // Views group and join faster than offsets, whatever the file's writer chose.
    let schema = Arc::new(transform_schema_to_view(&schema));
    Ok(Footer { rows: file.num_rows().max(0).unsigned_abs(), schema, object })
}

/// Why a footer could not be read: the store failed, or the object is no Parquet file.
fn unread(location: &Location, object: &ObjectMeta, error: &DataFusionError) -> Error {
    let object = location.name(&object.location);
    match store_error_in(error) {
        Some(store) => Error::Unread { object, reason: store_message(store) },
        None => Error::NotParquet { object, reason: root_message(error) },
    }
}
