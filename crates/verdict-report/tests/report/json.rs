//! The JSON, against the file that describes it.

use serde_json::Value;
use verdict_model::NaiveDate;
use verdict_model::tables::{CHECKS, DECISIONS, RESULTS, RUNS, Table};
use verdict_report::{json, json_of_pages};

use crate::site::named;

/// The keys that JSON.md describes, table by table.
fn described() -> Vec<Vec<String>> {
    let text = include_str!("../../JSON.md");
    let mut tables = Vec::new();
    for line in text.lines() {
        match line.strip_prefix("| `").and_then(|rest| rest.split('`').next()) {
            Some(key) => {
                let last: &mut Vec<String> = tables.last_mut().unwrap();
                last.push(key.to_owned());
            }
            None if line.starts_with("| key") => tables.push(Vec::new()),
            None => {}
        }
    }
    tables
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

fn sorted(mut keys: Vec<String>) -> Vec<String> {
    keys.sort();
    keys
}

fn columns(table: &Table) -> Vec<String> {
    let columns = table.partitions.iter().chain(table.columns);
    sorted(columns.map(|column| column.name.to_owned()).collect())
}

#[test]
fn every_key_is_described_and_every_described_key_is_there() {
    let page = named("significant");
    let date = NaiveDate::from_ymd_opt(2026, 3, 29).unwrap();
    let mut text = Vec::new();
    json(&mut text, date, &[&page.judged]).unwrap();
    let short: Value = serde_json::from_slice(&text).unwrap();
    text.clear();
    json_of_pages(&mut text, date, std::slice::from_ref(page)).unwrap();
    let long: Value = serde_json::from_slice(&text).unwrap();

    let [top, own, more] = &described()[..] else { panic!("three tables are expected") };
    assert_eq!(sorted(keys(&short)), sorted(top.clone()));
    assert_eq!(sorted(keys(&short["experiments"][0])), sorted(own.clone()));
    assert_eq!(sorted(keys(&long["experiments"][0])), sorted([&own[..], &more[..]].concat()));
    assert_eq!(short["schema_version"], 1);

    let one = &long["experiments"][0];
    for (rows, table) in [
        ("results", &RESULTS),
        ("series", &RESULTS),
        ("checks", &CHECKS),
        ("decisions", &DECISIONS),
    ] {
        assert_eq!(sorted(keys(&one[rows][0])), columns(table), "{rows}");
    }
    // What a cohort is made of is named in its key's line.
    let line = include_str!("../../JSON.md").lines().find(|line| line.starts_with("| `cohorts`"));
    for key in keys(&one["cohorts"][0]) {
        assert!(line.unwrap().contains(&format!("`{key}`")), "{key}");
    }
    let runs = columns(&RUNS);
    assert!(keys(&one["runs"][0]).iter().all(|key| runs.contains(key)));
}

/// What is read back from the tables' JSON is what was written, to the last digit.
#[test]
fn rows_are_read_back_the_same() {
    for page in crate::site::PAGES.iter() {
        let text = serde_json::to_string(&page.judged.results).unwrap();
        let again: Vec<verdict_model::rows::ResultRow> = serde_json::from_str(&text).unwrap();
        assert_eq!(again, page.judged.results);
    }
}
