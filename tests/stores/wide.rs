//! A day whose tables are larger than a part of an upload: many units, many sums of digits that nothing compresses.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use crate::support::{Project, hours};

const UNITS: usize = 130_000;
const SUMS: usize = 10;

/// A number in [0, 1) that is always the same for the same two (the finaliser of splitmix64).
fn chance(unit: usize, salt: usize) -> f64 {
    let mut z = (unit as u64 * 1_000_003 + salt as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// The project, with its tables at `tables`.
pub(super) fn project(tables: &str) -> Project {
    let mut metrics = String::from("metrics:\n");
    for sum in 0..SUMS {
        writeln!(metrics, "  m{sum}: {{type: mean, source: events, value: v{sum}}}").unwrap();
    }
    let project = Project::new();
    project.file("metrics.yaml", &metrics).file(
        "project.yaml",
        &format!(
            "project: {{name: wide, tables: \"{tables}\"}}\nsources:\n  events: {{path: events, timestamp: ts, units: {{u: u}}}}\n\
             exposures:\n  a: {{source: events, variant: variant}}\n---\nexperiment:\n  name: wide\n  start: 2024-01-01\n  \
             design: {{unit: u, variants: [control, treatment]}}\n  metrics: {{primary: {{name: m0}}, secondary: [{}]}}\n",
            (1..SUMS).map(|sum| format!("{{name: m{sum}}}")).collect::<Vec<_>>().join(", ")
        ),
    );
    let units =
        Int64Array::from_iter_values((0..UNITS).map(|unit| (chance(unit, 99) * 1e15) as i64));
    let arms = (0..UNITS).map(|unit| ["control", "treatment"][usize::from(chance(unit, 98) < 0.5)]);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("ts".into(), hours(1, &vec![2.0; UNITS])),
        ("u".into(), Arc::new(units)),
        ("variant".into(), Arc::new(StringArray::from_iter_values(arms))),
    ];
    for sum in 0..SUMS {
        let values = Float64Array::from_iter_values((0..UNITS).map(|unit| chance(unit, sum)));
        columns.push((format!("v{sum}"), Arc::new(values)));
    }
    let columns: Vec<(&str, ArrayRef)> =
        columns.iter().map(|(n, c)| (n.as_str(), Arc::clone(c))).collect();
    project.log("events/ds=2024-01-01/part-0.parquet", &columns);
    project
}
