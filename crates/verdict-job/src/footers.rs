//! The footers of a day's objects: their schema, their rows, and whether they are Parquet at all.

use std::sync::Arc;

use datafusion::arrow::datatypes::{FieldRef, Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use datafusion::datasource::physical_plan::parquet::metadata::DFParquetMetadata;
use datafusion::error::DataFusionError;
use datafusion::parquet::arrow::parquet_to_arrow_schema;
use datafusion::prelude::SessionContext;
use futures::{StreamExt, TryStreamExt, stream};
use object_store::ObjectMeta;

use crate::plain::{root_message, type_name};
use crate::store::Location;
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
        .map_err(|e| broken(root_message(&e)))?;
    let file = footer.file_metadata();
    let schema = parquet_to_arrow_schema(file.schema_descr(), file.key_value_metadata())
        .map_err(|e| broken(root_message(&DataFusionError::from(e))))?;
    // Views group and join faster than offsets, whatever the file's writer chose.
    let schema = Arc::new(transform_schema_to_view(&schema));
    Ok(Footer { rows: file.num_rows().max(0).unsigned_abs(), schema, object })
}

/// The columns of all of a day's objects, each with the type that the first object which has it gives it.
pub(crate) fn merged(first: &SchemaRef, footers: &[Footer]) -> SchemaRef {
    let mut fields: Vec<FieldRef> = first.fields().iter().cloned().collect();
    for field in footers.iter().flat_map(|footer| footer.schema.fields()) {
        if !fields.iter().any(|known| known.name() == field.name()) {
            fields.push(Arc::clone(field));
        }
    }
    Arc::new(Schema::new(fields))
}

/// Checks that every object has the `columns`, with one type.
pub(crate) fn agree<'a>(
    location: &Location,
    footers: &[Footer],
    columns: impl Iterator<Item = &'a String> + Clone,
) -> Result<()> {
    for column in columns {
        let having = footers.iter().find_map(|f| Some((f, f.schema.field_with_name(column).ok()?)));
        let Some((first, expected)) = having else { continue };
        for footer in footers {
            let found = footer.schema.field_with_name(column).ok().map(|field| field.data_type());
            if found != Some(expected.data_type()) {
                return Err(Error::SchemaMismatch {
                    object: location.name(&footer.object.location),
                    column: column.clone(),
                    found: found.map_or_else(
                        || "is missing".to_owned(),
                        |ty| format!("is {}", type_name(ty)),
                    ),
                    other: location.name(&first.object.location),
                    expected: type_name(expected.data_type()),
                });
            }
        }
    }
    Ok(())
}
