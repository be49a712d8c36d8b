//! The tables, read back as they stand.

use std::collections::BTreeMap;
use std::path::Path;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// A value of a table.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Cell {
    Null,
    Bool(bool),
    /// Integers, dates (days since 1970) and timestamps (microseconds since 1970).
    Int(i64),
    Float(f64),
    Text(String),
    Texts(Vec<String>),
    Numbers(Vec<f64>),
}

/// A row by column.
pub(crate) type Record = BTreeMap<String, Cell>;

/// The rows of one partition: of a table of units sorted by unit (a file has them by bucket), of others as they come.
pub(crate) fn read(project: &Path, partition: &str) -> Vec<Record> {
    let path = project.join("tables").join(partition).join("part-0.parquet");
    let file = std::fs::File::open(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut records: Vec<Record> = reader.flat_map(|batch| rows(&batch.unwrap())).collect();
    records.sort_by_key(|record| match record.get("unit") {
        Some(Cell::Int(number)) => (*number, String::new()),
        Some(Cell::Text(name)) => (0, name.clone()),
        _ => (0, String::new()),
    });
    records
}

fn rows(batch: &RecordBatch) -> Vec<Record> {
    let schema = batch.schema();
    let record = |row| {
        let cells = schema.fields().iter().zip(batch.columns());
        cells.map(|(field, column)| (field.name().clone(), cell(column, row))).collect()
    };
    (0..batch.num_rows()).map(record).collect()
}

fn cell(column: &ArrayRef, row: usize) -> Cell {
    if column.is_null(row) {
        return Cell::Null;
    }
    let as_type = |ty| cast(&column.slice(row, 1), ty).unwrap();
    match column.data_type() {
        DataType::Boolean => Cell::Bool(column.as_boolean().value(row)),
        DataType::Float64 => Cell::Float(column.as_primitive::<Float64Type>().value(row)),
        DataType::Int32 | DataType::Int64 | DataType::Timestamp(_, _) => {
            Cell::Int(as_type(&DataType::Int64).as_primitive::<Int64Type>().value(0))
        }
        DataType::Date32 => {
            let days = cast(&as_type(&DataType::Int32), &DataType::Int64).unwrap();
            Cell::Int(days.as_primitive::<Int64Type>().value(0))
        }
        DataType::Utf8 => Cell::Text(column.as_string::<i32>().value(row).to_owned()),
        DataType::Binary => Cell::Text(format!("{:?}", column.as_binary::<i32>().value(row))),
        DataType::List(item) if item.data_type().is_numeric() => {
            let items = cast(&column.as_list::<i32>().value(row), &DataType::Float64).unwrap();
            Cell::Numbers(items.as_primitive::<Float64Type>().values().to_vec())
        }
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            Cell::Texts(items.as_string::<i32>().iter().map(|s| s.unwrap().to_owned()).collect())
        }
        other => panic!("a column of {other}"),
    }
}

impl Cell {
    pub(crate) fn text(&self) -> &str {
        match self {
            Cell::Text(text) => text,
            other => panic!("{other:?} is no text"),
        }
    }

    /// Any number, truth as 1; nothing where it is null.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Cell::Null => None,
            Cell::Bool(yes) => Some(f64::from(*yes)),
            Cell::Int(n) => Some(*n as f64),
            Cell::Float(x) => Some(*x),
            other => panic!("{other:?} is no number"),
        }
    }
}
