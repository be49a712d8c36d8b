//! The exact numbers as CSV: the columns of the table `results`, in its order.

use verdict_model::rows::ResultRow;
use verdict_model::tables::RESULTS;

/// The rows, below a line of column names; a null is empty. Numbers are as short as they can be and still be read back the
/// same.
#[must_use]
pub fn results(rows: &[ResultRow]) -> String {
    let columns = || RESULTS.partitions.iter().chain(RESULTS.columns).map(|column| column.name);
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(columns());
    for row in rows {
        let row = serde_json::to_value(row).unwrap_or_default();
        let _ = writer.write_record(columns().map(|name| match &row[name] {
            serde_json::Value::Null => String::new(),
            serde_json::Value::String(text) => text.clone(),
            other => other.to_string(),
        }));
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
