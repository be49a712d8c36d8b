//! The data of a page, exactly: what lies beside it, and what it carries inside.

use crate::Page;
use crate::csv;

/// A file that a page offers.
#[derive(Clone, Debug)]
pub(crate) struct DataFile {
    /// Its name, with its ending.
    pub(crate) name: String,
    /// What the link says.
    pub(crate) words: &'static str,
    /// Its media type.
    pub(crate) media: &'static str,
    /// How many rows a table has.
    pub(crate) rows: Option<usize>,
    /// What is in it.
    pub(crate) text: String,
}

/// The files of a page that is called so, the results first; what there is nothing of has no file.
pub(crate) fn of(page: &Page, name: &str) -> Vec<DataFile> {
    let table = |ending: &str, words, rows: usize, text: String| DataFile {
        name: format!("{name}.{ending}"),
        words,
        media: "text/csv",
        rows: Some(rows),
        text,
    };
    let results = &page.judged.results;
    let mut files = vec![
        table("csv", "Results as CSV", results.len(), csv::results(results)),
        DataFile {
            name: format!("{name}.json"),
            words: "All of this page as JSON",
            media: "application/json",
            rows: None,
            text: crate::json::page(page),
        },
    ];
    let more = [
        (
            "series.csv",
            "Results of every date as CSV",
            page.series.len(),
            csv::results(&page.series),
        ),
        (
            "exposures.csv",
            "New units by day as CSV",
            page.exposures.len(),
            csv::exposures(&page.exposures),
        ),
        (
            "cohorts.csv",
            "Effect by days since exposure as CSV",
            page.cohorts.len(),
            csv::cohorts(&page.cohorts),
        ),
        (
            "distributions.csv",
            "Distributions as CSV",
            csv::kept(&page.spreads).count(),
            csv::distributions(&page.spreads),
        ),
    ];
    let more = more.into_iter().filter(|(.., rows, _)| *rows > 0);
    files.extend(more.map(|(ending, words, rows, text)| table(ending, words, rows, text)));
    files
}
