//! The exact numbers as CSV. Results have the columns of the table `results`, in its order.

use serde_json::Value;
use verdict_analysis::judge::Cohort;
use verdict_model::rows::{ResultRow, WHOLE};
use verdict_model::tables::RESULTS;

use crate::{DayUnits, Spread};

/// The rows, below a line of column names; a null is empty. Numbers are as short as they can be and still be read back the
/// same.
#[must_use]
pub fn results(rows: &[ResultRow]) -> String {
    let columns: Vec<&str> =
        RESULTS.partitions.iter().chain(RESULTS.columns).map(|column| column.name).collect();
    let rows = rows.iter().map(|row| {
        let row = serde_json::to_value(row).unwrap_or_default();
        columns.iter().map(|name| cell(&row[*name])).collect()
    });
    table(&columns, rows)
}

/// New units by day and variant.
pub(crate) fn exposures(days: &[DayUnits]) -> String {
    let row = |one: &DayUnits| vec![one.ds.to_string(), one.variant.clone(), one.units.to_string()];
    table(&["ds", "variant", "units"], days.iter().map(row))
}

/// The primary metric by day of exposure.
pub(crate) fn cohorts(cohorts: &[Cohort]) -> String {
    let row = |one: &Cohort| {
        crate::json::cohort(one).iter().map(|(_, value)| cell(value)).collect::<Vec<String>>()
    };
    let heads: Vec<&str> = cohorts
        .first()
        .map_or(Vec::new(), |one| crate::json::cohort(one).iter().map(|(key, _)| *key).collect());
    table(&heads, cohorts.iter().map(row))
}

/// The buckets of each distribution: how many values lie between two limits.
pub(crate) fn distributions(spreads: &[Spread]) -> String {
    let row = |(spread, lower, upper, count): (&Spread, f64, f64, i64)| {
        let numbers = [cell(&Value::from(lower)), cell(&Value::from(upper)), count.to_string()];
        [spread.metric.clone(), spread.variant.clone()].into_iter().chain(numbers).collect()
    };
    table(&["metric", "variant", "lower", "upper", "values"], kept(spreads).map(row))
}

/// The buckets of the distributions over every unit.
pub(crate) fn kept(spreads: &[Spread]) -> impl Iterator<Item = (&Spread, f64, f64, i64)> {
    spreads.iter().filter(|spread| spread.segment == WHOLE).flat_map(|spread| {
        let of = |limits: &Option<Vec<f64>>| limits.clone().unwrap_or_default();
        let counts = spread.bucket_count.clone().unwrap_or_default();
        let limits = of(&spread.bucket_lower).into_iter().zip(of(&spread.bucket_upper));
        limits.zip(counts).map(move |((lower, upper), count)| (spread, lower, upper, count))
    })
}

fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn table(heads: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut writer = csv::Writer::from_writer(Vec::new());
    // Writing to memory cannot fail.
    let _ = writer.write_record(heads);
    for row in rows {
        let _ = writer.write_record(row);
    }
    String::from_utf8(writer.into_inner().unwrap_or_default()).unwrap_or_default()
}
