//! Values that are null, not finite, too large, or of another day.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, Float64Array, StringArray, TimestampMicrosecondArray, UInt64Array,
};

use super::{CUSTOMERS, Shop, check, levels, of_day, says};
use crate::support::{doubles, hours, integers, text};

fn some_texts(values: &[Option<&str>]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

#[test]
fn nulls_are_left_out_and_counted() {
    let shop = Shop::new();
    let noon = 1_704_196_800_000_000;
    let times = |known: &[bool]| -> ArrayRef {
        let times = known.iter().map(|known| known.then_some(noon));
        Arc::new(TimestampMicrosecondArray::from(times.collect::<Vec<_>>()).with_timezone("UTC"))
    };
    // A new customer without a name, one without a variant, one without a time.
    let exposures = [
        ("ts", times(&[true, true, false])),
        ("customer", some_texts(&[None, Some("n1"), Some("n2")])),
        ("variant", some_texts(&[Some("control"), None, Some("control")])),
    ];
    shop.project.log(&of_day("exposures", 2), &exposures);
    // Of five events only the last counts, and its neighbour is there without an amount.
    let amounts: ArrayRef =
        Arc::new(Float64Array::from(vec![Some(10.0), Some(10.0), Some(10.0), None, Some(1.0)]));
    let events = [
        ("ts", times(&[true, false, false, true, true])),
        ("customer", some_texts(&[None, None, Some("c1"), Some("c1"), Some("c1")])),
        ("amount", amounts),
    ];
    shop.project.log(&of_day("events", 2), &events);
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.5].map(Some));
    assert_eq!(levels(&json, "buyers"), [4.0, 1.0, 4.0, 1.0].map(Some));
    assert_eq!(check(&json, "rows_without_unit").1, Some(3.0));
    assert_eq!(check(&json, "rows_without_time").1, Some(2.0));
    let (status, rows, message) = check(&json, "unknown_variants");
    assert_eq!((status, rows), ("warn", Some(1.0)));
    assert!(message.contains("no variant (1 row)"), "{message}");
    assert_eq!(check(&json, "conservation_rows").0, "pass");
    let message = check(&json, "rows_without_unit").2;
    assert!(
        message.contains("1 of 11 rows of the exposure log and 2 of 13 rows of the event logs"),
        "{message}"
    );
    assert!(message.contains("Correct the source's `units` expression"), "{message}");
}

fn not_finite(aggregate: &str, value: f64) {
    let shop = Shop::new();
    let sum = "value: amount";
    shop.edit("metrics.yaml", sum, &format!("{sum}\n    aggregate: {aggregate}"));
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    shop.events(2, &["c1", "t1", "c2"], &[1.0, value, value]);
    let ran = shop.run(2, &[]).exits(1);
    says(
        &ran,
        &[
            "error: metrics.yaml:5: metrics.spend.value: `amount` is NaN or infinite in 2 of the rows that count, in /",
            "events/ds=2024-01-02/part-0.parquet (for example unit c2)",
            "correct the log, or leave such rows out with a filter: `filter: \"abs(amount) < 1e300\"`",
        ],
    );
    assert!(shop.tables() == before);
    // The remedy of the message does what it says.
    let filter = format!("{sum}\n    filter: \"abs(amount) < 1e300\"");
    shop.edit("metrics.yaml", sum, &filter);
    let wanted = match aggregate {
        "sum" => [4.0, 2.75, 4.0, 3.5],
        "min" => [4.0, 2.5, 4.0, 3.5],
        _ => [4.0, 2.5, 4.0, 3.5],
    };
    assert_eq!(levels(&shop.json(2).exits(0).json(), "spend"), wanted.map(Some), "{aggregate}");
}

#[test]
fn nan_and_infinity_in_a_sum() {
    not_finite("sum", f64::NAN);
    not_finite("sum", f64::NEG_INFINITY);
}

#[test]
fn nan_and_infinity_in_an_extreme() {
    not_finite("min", f64::NAN);
    not_finite("max", f64::NAN);
    not_finite("max", f64::INFINITY);
}

#[test]
fn values_that_an_expression_fails_on() {
    let wrong = |shop: &Shop| {
        shop.amounts(1, &CUSTOMERS, text(["1", "2", "3", "4", "2", "3", "4", "5"]));
        shop.amounts(2, &["c1", "t1"], text(["1", "one"]));
        shop.edit("metrics.yaml", "value: amount", "value: CAST(amount AS DOUBLE)");
        shop.edit("metrics.yaml", "filter: amount > 0", "filter: amount <> ''");
    };
    let shop = Shop::new();
    wrong(&shop);
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    says(
        &shop.run(2, &[]).exits(1),
        &[
            "metrics.yaml:5: metrics.spend.value: `CAST(amount AS DOUBLE)` fails on values of /",
            "events/ds=2024-01-02/part-0.parquet: Cannot cast string 'one' to value of Float64 type",
            "TRY_CAST",
        ],
    );
    assert!(shop.tables() == before);
    shop.edit("metrics.yaml", "CAST(amount", "TRY_CAST(amount");
    assert_eq!(levels(&shop.json(2).exits(0).json(), "spend"), [4.0, 2.75, 4.0, 3.5].map(Some));

    Shop::fails(
        |shop| {
            shop.edit(
                "project.yaml",
                "    variant: variant",
                "    variant: CAST(variant AS BIGINT)",
            );
        },
        1,
        &[
            "project.yaml:14: exposures.assignments.variant: `CAST(variant AS BIGINT)` fails on values of /",
        ],
    );
    Shop::fails(
        |shop| {
            shop.edit(
                "project.yaml",
                "    timestamp: ts",
                "    timestamp: ts\n    filter: 1 / (CAST(amount AS BIGINT) - 1) > 0",
            );
        },
        1,
        &[
            "project.yaml:6: sources.events.filter: `1 / (CAST(amount AS BIGINT) - 1) > 0` fails on",
            "Divide by zero",
        ],
    );
}

#[test]
fn integers_that_overflow() {
    let whole = |shop: &Shop| {
        shop.amounts(1, &CUSTOMERS, integers(&[1, 2, 3, 4, 2, 3, 4, i64::MAX]));
        shop.amounts(2, &["c1", "t1"], integers(&[1, 1]));
    };
    // Within a day.
    let shop = Shop::new();
    whole(&shop);
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    shop.amounts(2, &["c1", "c1", "t1"], integers(&[i64::MAX, 1, 1]));
    says(
        &shop.run(2, &[]).exits(1),
        &[
            "metrics.yaml:5: metrics.spend.value: `amount`: the sum of unit c1 on 2024-01-02 (9223372036854775808)",
            "does not fit in a 64-bit integer; correct the log, or sum doubles: `CAST(amount AS DOUBLE)`",
        ],
    );
    assert!(shop.tables() == before);
    // Over days.
    shop.amounts(2, &["c1", "t4"], integers(&[1, 1]));
    says(
        &shop.run(2, &[]).exits(1),
        &[
            "metrics.spend.value: `amount`: the sum over a unit's rows does not fit in a 64-bit integer",
        ],
    );
    let after = shop.tables();
    assert!(before.iter().all(|(path, bytes)| after.get(path) == Some(bytes)));
    assert!(!after.contains_key("unit_total/experiment=prices/ds=2024-01-02/part-0.parquet"));
    // The remedy.
    shop.edit("metrics.yaml", "value: amount", "value: CAST(amount AS DOUBLE)");
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, (9.0 + 2f64.powi(63)) / 4.0].map(Some));
}

#[test]
fn integers_that_only_their_own_type_holds() {
    Shop::fails(
        |shop| {
            shop.amounts(2, &["c1"], Arc::new(UInt64Array::from(vec![u64::MAX])));
        },
        1,
        &["metrics.spend.value: `amount` fails on values of /", "18446744073709551615"],
    );
}

#[test]
fn doubles_whose_sum_no_double_holds() {
    let shop = Shop::after_a_good_day();
    shop.events(2, &["c1", "c1", "t1"], &[1.5e308, 1.5e308, 1.0]);
    let words =
        "metrics.spend.value: `amount`: the sum over a unit's rows lies beyond the largest double";
    shop.still_fails(
        1,
        &[words, "leave such rows out with a filter: `filter: \"abs(amount) < 1e300\"`"],
    );
}

#[test]
fn doubles_whose_squares_no_double_holds() {
    let shop = Shop::new();
    shop.events(2, &["c1", "t1"], &[1e200, 1.0]);
    let words = "metrics.spend.value: `amount`: the squares of the units' values, which the variance needs, lie";
    says(
        &shop.run(2, &[]).exits(1),
        &[words, "leave such rows out with a filter: `filter: \"abs(amount) < 1e100\"`"],
    );
    assert!(
        !shop.tables().contains_key("group_stats/experiment=prices/ds=2024-01-02/part-0.parquet")
    );
    shop.edit(
        "metrics.yaml",
        "value: amount",
        "value: amount\n    filter: \"abs(amount) < 1e100\"",
    );
    assert_eq!(levels(&shop.json(2).exits(0).json(), "spend"), [4.0, 2.5, 4.0, 3.75].map(Some));
}

#[test]
fn rows_of_another_day() {
    let late = |configured: &str| {
        let shop = Shop::new();
        shop.edit(
            "project.yaml",
            "path: events",
            &format!("path: events\n    outside_day: {configured}"),
        );
        // In the folder of day 2: an event of day 1 before the exposure, one of day 3, one of day 2.
        let mut times = vec![];
        for (day, hour) in [(1, 0.5), (3, 0.0), (2, 0.0), (2, 23.999)] {
            times.push(hours(day, &[hour]));
        }
        let times: Vec<&dyn datafusion::arrow::array::Array> =
            times.iter().map(AsRef::as_ref).collect();
        let columns = [
            ("ts", datafusion::arrow::compute::concat(&times).unwrap()),
            ("customer", text(["c1", "c1", "c1", "c1"])),
            ("amount", doubles(&[10.0, 20.0, 1.0, 3.0])),
        ];
        shop.project.log(&of_day("events", 2), &columns);
        let json = shop.json(2).exits(0).json();
        let (status, rows, message) = check(&json, "rows_outside_day");
        assert_eq!((status, rows), ("warn", Some(2.0)));
        assert!(
            message.contains("0 of 10 rows of the exposure log and 2 of 12 rows of the event logs"),
            "{message}"
        );
        levels(&json, "spend")
    };
    assert_eq!(late("keep"), [4.0, 44.0 / 4.0, 4.0, 3.5].map(Some));
    assert_eq!(late("reject"), [4.0, 14.0 / 4.0, 4.0, 3.5].map(Some));
}

#[test]
fn exposures_of_another_day() {
    let late = |configured: &str| {
        let shop = Shop::new();
        shop.edit(
            "project.yaml",
            "path: exposures",
            &format!("path: exposures\n    outside_day: {configured}"),
        );
        let columns = [
            ("ts", hours(1, &[1.0, 30.0])),
            ("customer", text(["c9", "c8"])),
            ("variant", text(["control", "control"])),
        ];
        shop.project.log(&of_day("exposures", 2), &columns);
        let json = shop.json(2).exits(0).json();
        assert_eq!(check(&json, "rows_outside_day").1, Some(1.0));
        levels(&json, "spend")
    };
    assert_eq!(late("keep"), [6.0, 11.0 / 6.0, 4.0, 3.75].map(Some));
    assert_eq!(late("reject"), [5.0, 11.0 / 5.0, 4.0, 3.75].map(Some));
}
