//! A day of many units, many sums of digits that nothing compresses, and as many groups as wanted.

use std::fmt::Write as _;
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

use super::{Project, hours};

/// How large a day is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wide {
    pub(crate) units: usize,
    pub(crate) sums: usize,
    /// The values of the segment `shop`; 0: there is none.
    pub(crate) shops: usize,
    /// Into how many buckets its tables are cut.
    pub(crate) buckets: usize,
}

/// A day whose tables are larger than a part of an upload.
pub(crate) const LARGER_THAN_A_PART: Wide =
    Wide { units: 130_000, sums: 10, shops: 0, buckets: 16 };

/// A number in [0, 1) that is always the same for the same two (the finaliser of splitmix64).
fn chance(unit: usize, salt: usize) -> f64 {
    let mut z = (unit as u64 * 1_000_003 + salt as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
}

/// The project, with its tables at `tables`.
pub(crate) fn project(tables: &str, wide: Wide) -> Project {
    let Wide { units, sums, shops, buckets } = wide;
    let mut metrics = String::from("metrics:\n");
    for sum in 0..sums {
        writeln!(metrics, "  m{sum}: {{type: mean, source: events, value: v{sum}}}").expect("text");
    }
    let (of_log, of_experiment) = match shops {
        0 => ("", ""),
        _ => (", segments: {shop: shop}", "  segments: [shop]\n"),
    };
    let secondary: Vec<String> = (1..sums).map(|sum| format!("{{name: m{sum}}}")).collect();
    let secondary = secondary.join(", ");
    let project = Project::new();
    project.file("metrics.yaml", &metrics).file(
        "project.yaml",
        &format!(
            "project: {{name: wide, tables: \"{tables}\", buckets: {buckets}}}\nsources:\n  events: {{path: events, \
             timestamp: ts, units: {{u: u}}}}\nexposures:\n  a: {{source: events, variant: variant{of_log}}}\n---\n\
             experiment:\n  name: wide\n  start: 2024-01-01\n  design: {{unit: u, variants: [control, treatment]}}\n\
             {of_experiment}  metrics: {{primary: {{name: m0}}, secondary: [{secondary}]}}\n"
        ),
    );
    let arms = (0..units).map(|unit| ["control", "treatment"][usize::from(chance(unit, 98) < 0.5)]);
    let names = (0..units).map(|unit| (chance(unit, 99) * 1e15) as i64);
    let mut columns: Vec<(String, ArrayRef)> = vec![
        ("ts".into(), hours(1, &vec![2.0; units])),
        ("u".into(), Arc::new(Int64Array::from_iter_values(names))),
        ("variant".into(), Arc::new(StringArray::from_iter_values(arms))),
    ];
    if shops > 0 {
        let shop = (0..units).map(|unit| format!("shop-{}", unit % shops));
        columns.push(("shop".into(), Arc::new(StringArray::from_iter_values(shop))));
    }
    for sum in 0..sums {
        let values = Float64Array::from_iter_values((0..units).map(|unit| chance(unit, sum)));
        columns.push((format!("v{sum}"), Arc::new(values)));
    }
    let columns: Vec<(&str, ArrayRef)> =
        columns.iter().map(|(n, c)| (n.as_str(), Arc::clone(c))).collect();
    project.log("events/ds=2024-01-01/part-0.parquet", &columns);
    project
}
