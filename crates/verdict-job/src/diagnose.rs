//! After a failed scan: which values, of which metric, in which object. Costs another scan, of a day that
//! has failed anyway.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::prelude::SessionContext;
use object_store::ObjectMeta;

use crate::Error;
use crate::bind::{BoundComponent, BoundLog, Number};
use crate::snapshot::Snapshot;
use crate::store::Location;

/// A failed scan.
pub(crate) struct Suspects<'a> {
    pub(crate) location: &'a Location,
    pub(crate) schema: &'a SchemaRef,
    pub(crate) objects: &'a [ObjectMeta],
    pub(crate) log: &'a BoundLog,
    pub(crate) components: &'a [BoundComponent],
}

/// The first component, by column and object, whose values are NaN or infinite; `None` when that is not
/// what failed.
pub(crate) async fn not_finite(ctx: &SessionContext, suspects: &Suspects<'_>) -> Option<Error> {
    for component in suspects.components.iter().filter(|c| c.number == Number::Float) {
        let (Some(value), Some(written)) = (&component.value, &component.def.value) else {
            continue;
        };
        for object in suspects.objects {
            let one = Snapshot::of_objects(
                suspects.location,
                Arc::clone(suspects.schema),
                std::slice::from_ref(object),
            );
            let conditions: Vec<&str> =
                suspects.log.filter.iter().chain(&component.filter).map(String::as_str).collect();
            let counts: String = conditions.iter().map(|c| format!(" AND ({c})")).collect();
            let sql = format!(
                "SELECT count(*) AS rows, CAST(min({}) AS VARCHAR) AS unit FROM suspect \
                 WHERE (isnan({value}) OR abs({value}) = CAST('Infinity' AS DOUBLE)){counts}",
                suspects.log.unit
            );
            ctx.deregister_table("suspect").ok()?;
            ctx.register_table("suspect", Arc::new(one)).ok()?;
            let found = ctx.sql(&sql).await.ok()?.collect().await.ok()?;
            let batch = found.first()?;
            let rows = batch.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs();
            if rows > 0 {
                let units = cast(batch.column(1), &DataType::Utf8).ok()?;
                let unit =
                    units.as_string::<i32>().iter().next().flatten().unwrap_or("(null)").to_owned();
                return Some(Error::NotFinite {
                    place: Box::new(written.place.clone()),
                    text: written.value.clone(),
                    rows,
                    object: suspects.location.name(&object.location),
                    unit,
                });
            }
        }
    }
    None
}
