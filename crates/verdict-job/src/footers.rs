//! The footers of objects: their schema, their rows, and whether they are Parquet at all.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use datafusion::arrow::datatypes::{Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::physical_plan::parquet::CachedParquetMetaData;
use datafusion::error::DataFusionError;
use datafusion::execution::cache::cache_manager::CachedFileMetadataEntry;
use datafusion::parquet::DecodeResult;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::parquet::errors::ParquetError;
use datafusion::parquet::file::FOOTER_SIZE;
use datafusion::parquet::file::metadata::{
    FooterTail, PageIndexPolicy, ParquetMetaData, ParquetMetaDataPushDecoder,
};
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};

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
    let cache = ctx.runtime_env().cache_manager.get_file_metadata_cache();
    let known = cache.get(&object.location).filter(|entry| entry.is_valid_for(&object));
    let known = known.and_then(|entry| {
        let footer = entry.file_metadata.as_any().downcast_ref::<CachedParquetMetaData>()?;
        Some(Arc::clone(footer.parquet_metadata()))
    });
    let footer = match known {
        Some(footer) => footer,
        None => {
            let store = location.store.as_ref();
            let footer = fetch(store, &object, PageIndexPolicy::Optional).await;
            let footer = Arc::new(footer.map_err(|e| unread(location, &object, &e))?);
            let cached = Arc::new(CachedParquetMetaData::new(Arc::clone(&footer)));
            cache.put(&object.location, CachedFileMetadataEntry::new(object.clone(), cached));
            footer
        }
    };
    let file = footer.file_metadata();
    let schema = schema(&footer).map_err(|e| broken(root_message(&DataFusionError::from(e))))?;
    // Views group and join faster than offsets, whatever the file's writer chose.
    let schema = Arc::new(transform_schema_to_view(&schema));
    Ok(Footer { rows: file.num_rows().max(0).unsigned_abs(), schema, object })
}

/// The columns that a footer tells of.
///
/// # Errors
/// They are of types that there are not.
pub(crate) fn schema(footer: &ParquetMetaData) -> std::result::Result<Schema, ParquetError> {
    let file = footer.file_metadata();
    let read = || parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata());
    // The writer's own description of its types goes through a decoder that panics where a number in it stands for no type
    // (arrow-ipc 59.3, `get_data_type`). It only reads, so that nothing is left half done.
    std::panic::catch_unwind(AssertUnwindSafe(read)).unwrap_or_else(|_| {
        Err(ParquetError::General("its ARROW:schema has a type that does not exist".into()))
    })
}

/// Reads the footer of an object. Whatever it claims is held against the object's size first: the decoder takes a length for true.
///
/// # Errors
/// The store fails ([`DataFusionError::ObjectStore`]); the object is no Parquet file.
pub(crate) async fn fetch(
    store: &dyn ObjectStore,
    object: &ObjectMeta,
    index: PageIndexPolicy,
) -> std::result::Result<ParquetMetaData, DataFusionError> {
    let broken = |reason: String| DataFusionError::from(ParquetError::General(reason));
    let size = object.size;
    // The mark at its beginning, and what its end says.
    let Some(end) = size.checked_sub(FOOTER_SIZE as u64).filter(|end| *end >= 4) else {
        return Err(broken(format!("it has {size} bytes")));
    };
    let tail = store.get_range(&object.location, end..size).await?;
    let claimed = FooterTail::try_from(tail.as_ref())?.metadata_length() as u64;
    if claimed > end {
        return Err(broken(format!("its footer claims {claimed} bytes of the object's {size}")));
    }
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size)?.with_page_index_policy(index);
    decoder.push_range(end..size, tail)?;
    loop {
        match decoder.try_decode()? {
            DecodeResult::Data(footer) => return Ok(footer),
            DecodeResult::NeedsData(ranges) => {
                if let Some(range) = ranges.iter().find(|r| r.end > size || r.start >= r.end) {
                    return Err(broken(format!(
                        "its footer points at the bytes {} to {}, and the object has {size}",
                        range.start, range.end
                    )));
                }
                let bytes = store.get_ranges(&object.location, &ranges).await?;
                decoder.push_ranges(ranges, bytes)?;
            }
            DecodeResult::Finished => return Err(broken("its footer is empty".into())),
        }
    }
}

/// Why a footer could not be read: the store failed, or the object is no Parquet file.
fn unread(location: &Location, object: &ObjectMeta, error: &DataFusionError) -> Error {
    let object = location.name(&object.location);
    match store_error_in(error) {
        Some(store) => Error::Unread { object, reason: store_message(store) },
        None => Error::NotParquet { object, reason: root_message(error) },
    }
}
