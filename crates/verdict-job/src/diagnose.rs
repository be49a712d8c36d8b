//! After a failed scan: which object, which expression, which values. Costs another scan, of a day that has
//! failed anyway.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type, SchemaRef};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use futures::TryStreamExt;
use object_store::ObjectMeta;
use verdict_model::{Aggregate, Exposures, Located, NaiveDate, Source};

use crate::Error;
use crate::bind::{BoundComponent, BoundExposures, BoundLog, Number};
use crate::component::ComponentDef;
use crate::plain::root_message;
use crate::render::ident;
use crate::snapshot::Snapshot;
use crate::store::Location;
use crate::store_words::{store_error_in, store_message};

/// A failed scan of one day of one log.
pub(crate) struct Suspects<'a> {
    pub(crate) ctx: &'a SessionContext,
    pub(crate) location: &'a Location,
    pub(crate) schema: &'a SchemaRef,
    pub(crate) objects: &'a [ObjectMeta],
    pub(crate) ds: NaiveDate,
    pub(crate) source: &'a Source,
    pub(crate) unit_type: &'a str,
    pub(crate) log: &'a BoundLog,
    pub(crate) exposures: Option<(&'a Exposures, &'a BoundExposures)>,
    pub(crate) components: &'a [BoundComponent],
}

impl Suspects<'_> {
    /// What made the scan fail; `None` when nothing here did.
    pub(crate) async fn culprit(&self) -> Option<Error> {
        for object in self.objects {
            if let Some(error) = self.in_object(object).await {
                return Some(error);
            }
        }
        self.register(self.objects)?;
        for component in self.components {
            if let Some(error) = self.too_large(component).await {
                return Some(error);
            }
        }
        None
    }

    async fn in_object(&self, object: &ObjectMeta) -> Option<Error> {
        self.register(std::slice::from_ref(object))?;
        let name = || self.location.name(&object.location);
        if let Err(e) = self.read(self.log.columns.iter().map(|c| ident(c)), "").await {
            return Some(match store_error_in(&e) {
                Some(store) => Error::Unread { object: name(), reason: store_message(store) },
                None => Error::NotParquet { object: name(), reason: root_message(&e) },
            });
        }
        for (written, sql) in self.expressions() {
            // The filter of the log itself sees every row.
            let all = self.log.filter.as_deref() == Some(sql);
            let rows = if all { String::new() } else { self.rows_that_count(None) };
            if let Err(e) = self.read(std::iter::once(sql.to_owned()), &rows).await {
                return Some(Error::Evaluation {
                    place: Box::new(written.place.clone()),
                    text: written.value.clone(),
                    object: name(),
                    reason: root_message(&e),
                });
            }
        }
        for component in self.components {
            if let Some(error) = self.not_finite(component, &name()).await {
                return Some(error);
            }
        }
        None
    }

    fn register(&self, objects: &[ObjectMeta]) -> Option<()> {
        let table = Snapshot::of_objects(self.location, Arc::clone(self.schema), objects);
        self.ctx.deregister_table("suspect").ok()?;
        self.ctx.register_table("suspect", Arc::new(table)).ok()?;
        Some(())
    }

    /// Every expression that the scan evaluates, as it is written and as it is run; the log's filter first.
    fn expressions(&self) -> Vec<(&Located<String>, &str)> {
        let mut all = Vec::new();
        let filter = self.log.filter.as_deref();
        let own = self.exposures.and_then(|(written, _)| written.filter.as_ref());
        all.extend(own.or(self.source.filter.as_ref()).zip(filter));
        all.push((&self.source.units[self.unit_type], self.log.unit.as_str()));
        all.push((&self.source.timestamp, self.log.timestamp.as_str()));
        if let Some((written, bound)) = self.exposures {
            all.extend(written.experiment.as_ref().zip(Some(bound.experiment.as_str())));
            all.push((&written.variant, &bound.variant));
            let segments = bound.segments.iter();
            all.extend(segments.map(|(name, sql)| (&written.segments[name], sql.as_str())));
        }
        for component in self.components {
            let def = &component.def;
            all.extend(def.filter.as_ref().zip(component.filter.as_deref()));
            all.extend(def.value.as_ref().zip(component.value.as_deref()));
        }
        all
    }

    /// Reads every row, to see whether it can be.
    async fn read(
        &self,
        columns: impl Iterator<Item = String>,
        rows: &str,
    ) -> Result<(), DataFusionError> {
        let distinct: BTreeSet<String> = columns.collect();
        if distinct.is_empty() {
            return Ok(());
        }
        let numbered: Vec<String> =
            distinct.iter().enumerate().map(|(i, column)| format!("{column} AS c{i}")).collect();
        let sql = format!("SELECT {} FROM suspect{rows}", numbered.join(", "));
        let mut batches = self.ctx.sql(&sql).await?.execute_stream().await?;
        while batches.try_next().await?.is_some() {}
        Ok(())
    }

    /// The condition for the rows of the log, or of a component.
    fn rows_that_count(&self, component: Option<&BoundComponent>) -> String {
        let own = component.and_then(|c| c.filter.as_deref());
        let conditions: Vec<String> =
            self.log.filter.as_deref().into_iter().chain(own).map(|c| format!("({c})")).collect();
        match conditions.is_empty() {
            true => String::new(),
            false => format!(" WHERE {}", conditions.join(" AND ")),
        }
    }

    async fn first_row(&self, sql: &str) -> Option<RecordBatch> {
        let batches = self.ctx.sql(sql).await.ok()?.collect().await.ok()?;
        batches.into_iter().find(|batch| batch.num_rows() > 0)
    }

    async fn not_finite(&self, component: &BoundComponent, object: &str) -> Option<Error> {
        let (value, written) = (component.value.as_ref()?, component.def.value.as_ref()?);
        let aggregate = component.def.aggregate;
        let of_texts = aggregate.is_category() || aggregate == Aggregate::Distinct;
        if of_texts || !matches!(component.number, Number::Float | Number::Values) {
            return None;
        }
        let sql = format!(
            "SELECT count(*), CAST(min(unit) AS VARCHAR) FROM \
             (SELECT {} AS unit, {value} AS x FROM suspect{}) AS s \
             WHERE isnan(x) OR abs(x) = CAST('Infinity' AS DOUBLE)",
            self.log.unit,
            self.rows_that_count(Some(component))
        );
        let found = self.first_row(&sql).await?;
        let rows = found.column(0).as_primitive::<Int64Type>().value(0).unsigned_abs();
        (rows > 0).then_some(())?;
        Some(Error::NotFinite {
            place: Box::new(written.place.clone()),
            text: written.value.clone(),
            rows,
            object: object.to_owned(),
            unit: text(&found, 1)?,
        })
    }

    async fn too_large(&self, component: &BoundComponent) -> Option<Error> {
        let (value, written) = (component.value.as_ref()?, component.def.value.as_ref()?);
        if component.number != Number::Integer || component.def.aggregate != Aggregate::Sum {
            return None;
        }
        let literal = |limit: i64| format!("CAST('{limit}' AS DECIMAL(38, 0))");
        let sql = format!(
            "SELECT CAST(unit AS VARCHAR) AS of_unit, CAST(sum(x) AS VARCHAR) AS total FROM \
             (SELECT {} AS unit, CAST({value} AS DECIMAL(38, 0)) AS x FROM suspect{}) AS s GROUP BY unit \
             HAVING sum(x) > {} OR sum(x) < {} ORDER BY unit LIMIT 1",
            self.log.unit,
            self.rows_that_count(Some(component)),
            literal(i64::MAX),
            literal(i64::MIN)
        );
        let found = self.first_row(&sql).await?;
        let (unit, total) = (text(&found, 0)?, text(&found, 1)?);
        Some(integer_sum(written, &format!("of unit {unit} on {} ({total})", self.ds)))
    }
}

fn integer_sum(written: &Located<String>, of: &str) -> Error {
    let text = written.value.clone();
    let reason = format!(
        "the sum {of} does not fit in a 64-bit integer; correct the log, or sum doubles: `CAST({text} AS DOUBLE)`"
    );
    Error::TooLarge { place: Box::new(written.place.clone()), text, reason }
}

/// `error`, or in its place one that names the component whose sums it says are too large.
pub(crate) fn too_large<'a>(
    error: Error,
    components: impl IntoIterator<Item = &'a ComponentDef>,
) -> Error {
    let Error::Engine { engine, .. } = &error else { return error };
    let message = root_message(engine);
    let named = components.into_iter().filter(|def| message.contains(&def.column));
    let Some(written) = named.filter_map(|def| def.value.as_ref()).next() else { return error };
    let limit = match &message {
        m if m.contains("does not fit in BIGINT") => {
            return integer_sum(written, "over a unit's rows");
        }
        m if m.contains("a moment lies beyond the largest DOUBLE") => {
            ("the squares of the units' values, which the variance needs, lie", "1e100")
        }
        m if m.contains("lies beyond the largest DOUBLE") => {
            ("the sum over a unit's rows lies", "1e300")
        }
        _ => return error,
    };
    let (text, (what, bound)) = (written.value.clone(), limit);
    let reason = format!(
        "{what} beyond the largest double; correct the log, or leave such rows out with a filter: \
         `filter: \"abs({text}) < {bound}\"`"
    );
    Error::TooLarge { place: Box::new(written.place.clone()), text, reason }
}

/// The text in a column of the first row.
fn text(batch: &RecordBatch, column: usize) -> Option<String> {
    let texts = cast(batch.column(column), &DataType::Utf8).ok()?;
    let text = texts.as_string::<i32>().iter().next()?;
    Some(text.unwrap_or("(null)").to_owned())
}
