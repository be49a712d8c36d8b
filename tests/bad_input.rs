//! Whatever is wrong with a project, its logs or its tables: a clear message, the right exit code, and nothing that
//! was written is lost or half written.

mod arguments;
mod arms;
mod complete;
mod definitions;
mod drift;
mod expressions;
mod files;
mod hostile;
mod tables;
mod values;

use std::collections::BTreeMap;

use datafusion::arrow::array::{ArrayRef, StringArray};
use serde_json::Value;

use crate::support::{Project, Ran, doubles, hours};

const PROJECT: &str = "\
project: {name: shop, tables: tables}
sources:
  events:
    path: events
    timestamp: ts
    units: {customer: customer}
  exposures:
    path: exposures
    timestamp: ts
    units: {customer: customer}
exposures:
  assignments:
    source: exposures
    variant: variant
";

const METRICS: &str = "\
metrics:
  spend:
    type: mean
    source: events
    value: amount
  buyers:
    type: proportion
    source: events
    filter: amount > 0
";

const EXPERIMENT: &str = "\
experiment:
  name: prices
  start: 2024-01-01
  design:
    unit: customer
    variants: [control, treatment]
  metrics:
    primary: {name: spend}
    secondary: [{name: buyers}]
";

/// Words of the engine or of the language that no message for a user should have.
const JARGON: [&str; 8] = [
    "ParserError(",
    "Some(",
    "panicked",
    "Utf8",
    "DataFusion error",
    "Arrow error",
    "Parquet error",
    "Error {",
];

/// A shop with an experiment of two arms over eight customers and two days, which nothing is wrong with.
///
/// Day 1: everybody is exposed; the control's customers spend 1, 2, 3, 4, the treatment's 2, 3, 4, 5. Day 2: `c1` and
/// `t1` come back and spend 1 each. Up to day 2 the means are 11/4 and 15/4.
struct Shop {
    project: Project,
}

const CUSTOMERS: [&str; 8] = ["c1", "c2", "c3", "c4", "t1", "t2", "t3", "t4"];
const AMOUNTS: [f64; 8] = [1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0];

impl Shop {
    fn new() -> Shop {
        let shop = Shop { project: Project::new() };
        shop.project
            .file("project.yaml", PROJECT)
            .file("metrics.yaml", METRICS)
            .file("experiments/prices.yaml", EXPERIMENT);
        shop.exposures(1, &CUSTOMERS, &arms(&CUSTOMERS));
        shop.events(1, &CUSTOMERS, &AMOUNTS);
        shop.exposures(2, &["c1", "t1"], &["control", "treatment"]);
        shop.events(2, &["c1", "t1"], &[1.0, 1.0]);
        shop
    }

    /// Writes the exposures of a day, all at one o'clock.
    fn exposures(&self, day: i64, customers: &[&str], variants: &[&str]) -> &Shop {
        let columns = [
            ("ts", hours(day, &vec![1.0; customers.len()])),
            ("customer", texts(customers)),
            ("variant", texts(variants)),
        ];
        self.project.log(&of_day("exposures", day), &columns);
        self
    }

    /// Writes the events of a day, all at two o'clock.
    fn events(&self, day: i64, customers: &[&str], amounts: &[f64]) -> &Shop {
        self.amounts(day, customers, doubles(amounts))
    }

    /// Writes the events of a day with amounts of any type.
    fn amounts(&self, day: i64, customers: &[&str], amounts: ArrayRef) -> &Shop {
        let columns = [
            ("ts", hours(day, &vec![2.0; customers.len()])),
            ("customer", texts(customers)),
            ("amount", amounts),
        ];
        self.project.log(&of_day("events", day), &columns);
        self
    }

    /// Replaces a text in one of the project's files.
    #[track_caller]
    fn edit(&self, file: &str, from: &str, to: &str) -> &Shop {
        let text =
            std::fs::read_to_string(self.project.path().join(file)).expect("a file of the project");
        assert!(text.contains(from), "no `{from}` in {file}:\n{text}");
        self.project.file(file, &text.replacen(from, to, 1));
        self
    }

    fn run(&self, day: i64, more: &[&str]) -> Ran {
        let date = format!("2024-01-0{day}");
        self.project.verdict(&[&["run", "--date", &date], more].concat())
    }

    fn json(&self, day: i64) -> Ran {
        self.run(day, &["--format", "json"])
    }

    /// The partitions, with their bytes.
    fn tables(&self) -> BTreeMap<String, Vec<u8>> {
        let read = |path: String| {
            let bytes =
                std::fs::read(self.project.path().join("tables").join(&path)).expect("a partition");
            (path, bytes)
        };
        self.project.partitions().into_iter().map(read).collect()
    }

    /// After a good first day: what `wrong` does makes the second day fail, and leaves every table as it was.
    #[track_caller]
    fn fails(wrong: impl FnOnce(&Shop), code: i32, words: &[&str]) -> Shop {
        let shop = Shop::after_a_good_day();
        wrong(&shop);
        shop.still_fails(code, words);
        shop
    }

    fn after_a_good_day() -> Shop {
        let shop = Shop::new();
        shop.run(1, &[]).exits(0);
        assert_eq!(shop.tables().len(), 8, "{:?}", shop.tables().keys());
        shop
    }

    /// The second day fails, and leaves every table as it was.
    #[track_caller]
    fn still_fails(&self, code: i32, words: &[&str]) {
        let before = self.tables();
        says(&self.run(2, &[]).exits(code), words);
        assert!(self.tables().keys().eq(before.keys()), "a partition was made");
        assert!(self.tables() == before, "a partition was rewritten");
    }

    /// As [`Shop::fails`], for a definition: exit code 2, and `validate` says it, too.
    #[track_caller]
    fn refuses(wrong: impl FnOnce(&Shop), words: &[&str]) -> Shop {
        let shop = Shop::fails(wrong, 2, words);
        shop.is_not_valid(words);
        shop
    }

    #[track_caller]
    fn is_not_valid(&self, words: &[&str]) {
        says(&self.project.verdict(&["validate"]).exits(2), words);
    }
}

fn of_day(log: &str, day: i64) -> String {
    format!("{log}/ds=2024-01-0{day}/part-0.parquet")
}

fn arms<'a>(customers: &[&str]) -> Vec<&'a str> {
    let arm = |name: &&str| if name.starts_with('c') { "control" } else { "treatment" };
    customers.iter().map(arm).collect()
}

fn texts(values: &[&str]) -> ArrayRef {
    std::sync::Arc::new(StringArray::from(values.to_vec()))
}

/// Bytes of the footer, with its length and the closing magic.
fn footer_length(whole: &[u8]) -> usize {
    let length: [u8; 4] = whole[whole.len() - 8..whole.len() - 4].try_into().expect("four bytes");
    u32::from_le_bytes(length) as usize + 8
}

/// Asserts that standard error has all the words, that every line is a message, and that none is jargon.
#[track_caller]
fn says(ran: &Ran, words: &[&str]) {
    let text = &ran.stderr;
    for word in words {
        assert!(text.contains(word), "no `{word}` in:\n{text}");
    }
    for word in JARGON {
        assert!(!text.contains(word), "`{word}` in:\n{text}");
    }
    for line in text.lines() {
        let message = ["error: ", "warning: "].iter().any(|start| line.starts_with(start));
        // A run of which a part failed says what became of the rest.
        let message = message || line.contains(" partitions made, ");
        assert!(message, "not a message: `{line}` in:\n{text}");
    }
}

/// The result of a metric over all units.
#[track_caller]
fn result<'a>(json: &'a Value, metric: &str) -> &'a Value {
    let rows = json["experiments"][0]["results"].as_array().expect("results");
    rows.iter().find(|row| row["metric"] == metric && row["segment"] == "all").expect("the metric")
}

/// Units and mean of both arms.
#[track_caller]
fn levels(json: &Value, metric: &str) -> [Option<f64>; 4] {
    let row = result(json, metric);
    ["n_control", "mean_control", "n_variant", "mean_variant"].map(|key| row[key].as_f64())
}

/// A check's status, the number it looks at, and its message.
#[track_caller]
fn check<'a>(json: &'a Value, name: &str) -> (&'a str, Option<f64>, &'a str) {
    let rows = json["experiments"][0]["checks"].as_array().expect("checks");
    let row = rows.iter().find(|row| row["check"] == name).expect("the check");
    let text = |key: &str| row[key].as_str().expect("text");
    (text("status"), row["statistic"].as_f64(), text("message"))
}

#[test]
fn nothing_is_wrong_with_the_shop() {
    let shop = Shop::new();
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
    assert_eq!(levels(&json, "buyers"), [4.0, 1.0, 4.0, 1.0].map(Some));
    shop.project.verdict(&["validate"]).exits(0);
}
