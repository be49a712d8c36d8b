//! How the numbers were made: dates, versions, what became of the logs' rows, the runs.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::{Metric, RowCounts};

use super::table;
use crate::Page;
use crate::format::{bytes, exact};

/// Runs of one date that a page lists; the rest are in the table `runs`.
const MOST_RUNS: usize = 10;

pub(crate) fn made(page: &Page) -> Markup {
    html! {
        @if !page.sources.is_empty() { (logs(page)) }
        @match &page.counts {
            None => p class="absent" { "What became of the logs' rows is not known: the statistics were made elsewhere, or are not there." },
            Some(counts) => {
                p { "Of " (words::counted(counts.days, "day")) " of logs:" }
                (table::plain(
                    "What became of the rows of the logs",
                    &["log", "rows in files", "read", "without unit", "without time", "outside their day"],
                    &[of_log("exposures", &counts.exposures), of_log("events", &counts.events)],
                ))
                @if counts.exposures.filtered || counts.events.filtered {
                    p class="fine" { "Rows that were not read were left out by configured filters." }
                }
            }
        }
        @if page.runs.is_empty() {
            p class="absent" { "The log of runs has none for this date: a backfill is logged under its last one." }
        } @else {
            (runs(page))
        }
        p class="fine" {
            "The results are a function of logs, definitions and the registered plan: the same inputs give the same bytes, \
             whenever and however they were run."
        }
    }
}

/// The logs, where they lie, and what reads them.
fn logs(page: &Page) -> Markup {
    let rows: Vec<Vec<String>> = page
        .sources
        .values()
        .map(|source| {
            let name = &source.name.value;
            let exposures = page.exposure_source.as_ref() == Some(name);
            let reads = |metric: &&Metric| {
                metric.kind.components().iter().any(|component| component.source.value == *name)
            };
            let metrics = page.metrics.values().filter(reads).map(|m| m.name.value.clone());
            let read: Vec<String> =
                exposures.then(|| "exposures".to_owned()).into_iter().chain(metrics).collect();
            let filter = source.filter.as_ref().map_or("all rows", |filter| filter.value.as_str());
            vec![name.clone(), source.path.value.clone(), filter.to_owned(), words::list(&read)]
        })
        .collect();
    table::texts("The logs", &["log", "where", "rows that count", "read for"], &rows)
}

fn of_log(name: &str, counts: &RowCounts) -> Vec<String> {
    let numbers = [
        counts.in_files,
        counts.read,
        counts.without_unit,
        counts.without_time,
        counts.outside_day,
    ];
    std::iter::once(name.to_owned()).chain(numbers.map(words::count)).collect()
}

fn runs(page: &Page) -> Markup {
    let from = page.runs.len().saturating_sub(MOST_RUNS);
    let rows: Vec<Vec<String>> = page.runs[from..]
        .iter()
        .map(|run| {
            let status = run
                .error
                .as_ref()
                .map_or_else(|| run.status.clone(), |error| format!("{}: {error}", run.status));
            vec![
                run.run_id.clone(),
                run.command.clone(),
                format!("{} (format {})", run.version, run.format_version),
                words::count(run.objects_read),
                words::count(run.rows_read),
                run.bytes_scanned.map_or_else(
                    || bytes(run.bytes_read),
                    |scanned| format!("{} of {}", bytes(scanned), bytes(run.bytes_read)),
                ),
                format!(
                    "{} of {}",
                    run.partitions_made,
                    run.partitions_made + run.partitions_fresh
                ),
                format!("{} s", exact(run.seconds)),
                status,
            ]
        })
        .collect();
    let heads = [
        "run",
        "command",
        "version",
        "objects read",
        "rows read",
        "bytes read",
        "made",
        "took",
        "status",
    ];
    html! {
        (table::plain("Runs of this date", &heads, &rows))
        @if from > 0 { p class="fine" { (from) " earlier runs of this date are in the table " code { "runs" } "." } }
    }
}
