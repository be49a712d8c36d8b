//! A log whose files change over time: types that one type holds are read as if they had always been that one.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, DictionaryArray, Float32Array, Int32Array, LargeStringArray, StringViewArray,
    TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
};
use datafusion::arrow::datatypes::Int32Type;

use super::{Shop, levels};
use crate::support::{doubles, hours, integers, text};

/// 14:00 UTC on 2 January 2024, in seconds.
const TWO_O_CLOCK_S: i64 = 1_704_204_000;

/// Of each customer the amount of the second day: `c2` 4, `c3` 0.5, `t2` 3, `t3` 0.25.
fn parts() -> [[(&'static str, ArrayRef); 3]; 4] {
    let dictionary: DictionaryArray<Int32Type> = ["c3"].into_iter().collect();
    let at = TWO_O_CLOCK_S;
    [
        [
            ("ts", Arc::new(TimestampSecondArray::from(vec![at]))),
            ("customer", Arc::new(LargeStringArray::from(vec!["c2"]))),
            ("amount", Arc::new(Int32Array::from(vec![4]))),
        ],
        // In another order.
        [
            ("amount", Arc::new(Float32Array::from(vec![0.5]))),
            ("customer", Arc::new(dictionary)),
            (
                "ts",
                Arc::new(TimestampMillisecondArray::from(vec![at * 1000]).with_timezone("+05:30")),
            ),
        ],
        [
            ("customer", Arc::new(StringViewArray::from(vec!["t2"]))),
            ("ts", Arc::new(TimestampNanosecondArray::from(vec![at * 1_000_000_000]))),
            ("amount", doubles(&[3.0])),
        ],
        [("ts", hours(2, &[14.0])), ("customer", text(["t3"])), ("amount", doubles(&[0.25]))],
    ]
}

#[test]
fn files_of_a_day_in_every_encoding() {
    let plain = Shop::new();
    plain.events(2, &["c2", "c3", "t2", "t3"], &[4.0, 0.5, 3.0, 0.25]);
    let expected = plain.json(2).exits(0).json();
    assert_eq!(levels(&expected, "spend"), [4.0, 3.625, 4.0, 4.3125].map(Some));

    let shop = Shop::new();
    std::fs::remove_file(shop.project.path().join("events/ds=2024-01-02/part-0.parquet")).unwrap();
    for (number, columns) in parts().iter().enumerate() {
        shop.project.log(&format!("events/ds=2024-01-02/part-{number}.parquet"), columns);
    }
    let found = shop.json(2).exits(0).json();
    // Checks tell of the latest event, whose time is another in these files.
    let told = |json: &serde_json::Value| {
        let experiments = json["experiments"].as_array().expect("experiments").clone();
        let of = |e: &serde_json::Value| {
            (e["experiment"].clone(), e["results"].clone(), e["decisions"].clone())
        };
        experiments.iter().map(of).collect::<Vec<_>>()
    };
    assert_eq!(told(&found), told(&expected));
}

/// A column that days before do not have is refused where it is a value, by the name of the object, and has a remedy.
#[test]
fn integers_beside_texts_name_both_files() {
    Shop::fails(
        |shop| {
            let columns = [
                ("ts", hours(2, &[2.0])),
                ("customer", integers(&[7])),
                ("amount", doubles(&[1.0])),
            ];
            shop.project.log("events/ds=2024-01-02/part-1.parquet", &columns);
        },
        1,
        &[
            "events/ds=2024-01-02/part-1.parquet: column `customer` is Int64, but /",
            "events/ds=2024-01-02/part-0.parquet has it as text, and no type holds both without loss",
        ],
    );
}
