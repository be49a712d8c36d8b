//! What was found, for programs. `JSON.md` of this crate describes the keys.

use std::io::{self, Write};

use serde_json::{Value, json};
use verdict_model::NaiveDate;

use crate::{Judged, Page};

/// The version of this format: it changes when a key goes or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

/// One object: the date, and each experiment with its rows, as the tables have them.
///
/// # Errors
/// Writing fails.
pub fn judged(out: &mut impl Write, date: NaiveDate, judged: &[&Judged]) -> io::Result<()> {
    let experiments: Vec<Value> = judged.iter().map(|one| Value::from_iter(of(one))).collect();
    let value = json!({"schema_version": SCHEMA_VERSION, "date": date.to_string(), "experiments": experiments});
    writeln!(out, "{value:#}")
}

/// The same with all that pages show of the experiments.
///
/// # Errors
/// Writing fails.
pub fn json_of_pages(out: &mut impl Write, date: NaiveDate, pages: &[Page]) -> io::Result<()> {
    writeln!(out, "{:#}", of_pages(date, pages))
}

/// All that a page shows of an experiment.
pub(crate) fn page(page: &Page) -> String {
    format!("{:#}\n", of_pages(page.judged.as_of, std::slice::from_ref(page)))
}

fn of_pages(date: NaiveDate, pages: &[Page]) -> Value {
    let whole = |page: &Page| Value::from_iter(of(&page.judged).into_iter().chain(more(page)));
    let experiments: Vec<Value> = pages.iter().map(whole).collect();
    json!({"schema_version": SCHEMA_VERSION, "date": date.to_string(), "experiments": experiments})
}

fn of(judged: &Judged) -> [(&'static str, Value); 8] {
    let missing: Vec<String> = judged.missing_days.iter().map(ToString::to_string).collect();
    [
        ("experiment", json!(judged.experiment.name.value)),
        ("ds", json!(judged.as_of.to_string())),
        ("hypothesis", json!(judged.experiment.hypothesis)),
        ("registered_ds", json!(judged.registered.map(|ds| ds.to_string()))),
        ("missing_days", json!(missing)),
        ("decisions", json!(judged.decisions)),
        ("checks", json!(judged.checks)),
        ("results", json!(judged.results)),
    ]
}

fn more(page: &Page) -> [(&'static str, Value); 4] {
    [
        ("series", json!(page.series)),
        ("exposures", json!(page.exposures)),
        ("counts", json!(page.counts)),
        ("runs", json!(page.runs)),
    ]
}
