//! The tables' columns as the engine types them; asserted before writing and after reading.

use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::compute::{CastOptions, cast_with_options};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use verdict_model::tables::{Column, ColumnType, Table};

use crate::error::AtStage;
use crate::{Error, Result};

/// The type of a column.
pub(crate) fn data_type(ty: ColumnType) -> DataType {
    match ty {
        ColumnType::Text => DataType::Utf8,
        ColumnType::Date => DataType::Date32,
        ColumnType::TimestampUs => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        ColumnType::Int32 => DataType::Int32,
        ColumnType::Int64 => DataType::Int64,
        ColumnType::Float64 => DataType::Float64,
        ColumnType::Boolean => DataType::Boolean,
        ColumnType::TextList => {
            DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true)))
        }
        ColumnType::Int64List => {
            DataType::List(Arc::new(Field::new_list_field(DataType::Int64, true)))
        }
        ColumnType::Float64List => {
            DataType::List(Arc::new(Field::new_list_field(DataType::Float64, true)))
        }
    }
}

/// A column as a field.
pub(crate) fn field(column: &Column) -> Field {
    Field::new(column.name, data_type(column.ty), column.nullable)
}

/// The schema of a table's files.
pub(crate) fn schema(table: &Table) -> SchemaRef {
    Arc::new(Schema::new(table.columns.iter().map(field).collect::<Vec<_>>()))
}

/// `batch` with the columns of `schema`, by name and in its order, and with its types.
///
/// # Errors
/// A column is missing, does not fit its type without loss, or holds nulls that the schema forbids: the
/// stage's query and the schema disagree.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema
        .fields()
        .iter()
        .map(|field| {
            let column = batch.column_by_name(field.name()).ok_or_else(|| {
                Error::Internal(format!("the query gives no column `{}`", field.name()))
            })?;
            cast_with_options(column, field.data_type(), &strict)
                .at(|| format!("column `{}`", field.name()))
        })
        .collect::<Result<Vec<_>>>()?;
    RecordBatch::try_new(Arc::clone(schema), columns)
        .at(|| "writing rows that break their schema".into())
}
