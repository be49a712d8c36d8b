//! What was found, for programs.

use std::io::{self, Write};

use serde_json::json;
use verdict_model::NaiveDate;

use crate::commands::Judged;

/// The version of this format: it changes when a key goes or changes its meaning.
const SCHEMA_VERSION: u32 = 1;

/// One object: the date, and each experiment with its rows, as the tables have them.
pub(crate) fn judged(out: &mut impl Write, date: NaiveDate, judged: &[Judged]) -> io::Result<()> {
    let experiments: Vec<_> = judged
        .iter()
        .map(|j| {
            json!({
                "experiment": j.experiment.name.value,
                "ds": j.as_of.to_string(),
                "hypothesis": j.experiment.hypothesis,
                "registered_ds": j.registered.map(|ds| ds.to_string()),
                "missing_days": j.missing_days.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "decisions": j.judgement.decisions,
                "checks": j.judgement.checks,
                "results": j.judgement.results,
            })
        })
        .collect();
    let value = json!({"schema_version": SCHEMA_VERSION, "date": date.to_string(), "experiments": experiments});
    writeln!(out, "{value:#}")
}
