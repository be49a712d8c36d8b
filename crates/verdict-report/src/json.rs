//! What was found, for programs. `JSON.md` of this crate describes the keys.

use std::io::{self, Write};

use serde_json::{Value, json};
use verdict_analysis::judge::Cohort;
use verdict_model::NaiveDate;
use verdict_model::rows::WHOLE;

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

fn more(page: &Page) -> [(&'static str, Value); 7] {
    let cohorts: Vec<Value> =
        page.cohorts.iter().map(|one| Value::from_iter(cohort(one))).collect();
    let kept = page.spreads.iter().filter(|one| one.segment == WHOLE && one.bucket_count.is_some());
    let distributions: Vec<Value> = kept
        .map(|one| {
            json!({
                "metric": one.metric,
                "variant": one.variant,
                "bucket_lower": one.bucket_lower,
                "bucket_upper": one.bucket_upper,
                "bucket_count": one.bucket_count,
            })
        })
        .collect();
    let changes: Vec<Value> = page
        .changes
        .iter()
        .map(|change| json!({"key": change.key, "was": change.was, "is": change.is}))
        .collect();
    let registered = page.registered.as_ref().map(|registered| &registered.plan.text);
    [
        ("series", json!(page.series)),
        ("exposures", json!(page.exposures)),
        ("cohorts", Value::from(cohorts)),
        ("distributions", Value::from(distributions)),
        ("plan", json!({"now": page.plan_text, "registered": registered, "changes": changes})),
        ("counts", json!(page.counts)),
        ("runs", json!(page.runs)),
    ]
}

/// The units of one day of exposure, by the names of JSON.md.
pub(crate) fn cohort(one: &Cohort) -> [(&'static str, Value); 7] {
    [
        ("exposed_ds", json!(one.exposed.to_string())),
        ("days_since", json!(one.age)),
        ("variant", json!(one.variant)),
        ("n_control", json!(one.n_control)),
        ("n_variant", json!(one.n_variant)),
        ("rel_effect", json!(one.lift)),
        ("rel_effect_std_error", json!(one.std_error)),
    ]
}
