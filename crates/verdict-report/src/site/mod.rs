//! The static site: an index, and a page for each experiment that is one file: styles and plots inside, nothing loaded from
//! anywhere, so that it works from a bucket, a folder or an attachment.

mod adjusted;
mod categories;
mod checks;
mod cohorts;
mod decision;
mod definitions;
mod distributions;
mod exposures;
mod files;
mod index;
mod layout;
mod looks;
mod made;
mod metrics;
mod page;
mod plan;
mod power;
mod segments;
mod table;

use std::collections::BTreeSet;

use verdict_model::NaiveDate;

pub use index::Entry;

use crate::Page;

/// What all pages of a site have in common.
#[derive(Clone, Debug)]
pub struct Site {
    /// The project's name.
    pub project: String,
    /// The date that was asked for; an experiment's own as-of date may lie before it.
    pub as_of: NaiveDate,
    /// The version of Verdict that writes the pages.
    pub version: String,
}

/// A file of the site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SiteFile {
    /// Its path below the site's folder, with `/`.
    pub path: String,
    /// What is in it.
    pub text: String,
}

impl Site {
    /// The files of one experiment: its page, and beside it the exact numbers as JSON and CSV.
    ///
    /// `name` is the file name without an ending that [`FileNames`] gave.
    #[must_use]
    pub fn experiment(&self, page: &Page, name: &str) -> Vec<SiteFile> {
        let data = files::of(page, name);
        let html = page::html(self, page, &data);
        let file = |name: &str, text: String| SiteFile { path: format!("{FOLDER}/{name}"), text };
        let page = file(&format!("{name}.html"), html);
        std::iter::once(page).chain(data.into_iter().map(|one| file(&one.name, one.text))).collect()
    }

    /// The index of the experiments; `unread` are those whose tables could not be read.
    #[must_use]
    pub fn index(&self, entries: &[Entry], unread: &[String]) -> SiteFile {
        SiteFile { path: "index.html".to_owned(), text: index::html(self, entries, unread) }
    }
}

/// The folder of the experiments' pages.
const FOLDER: &str = "experiments";

/// File names for experiments: their own names where these are file names everywhere, and distinct in any case.
#[derive(Clone, Debug, Default)]
pub struct FileNames {
    taken: BTreeSet<String>,
}

impl FileNames {
    /// The file name of the next experiment, without an ending. The same experiments in the same order have the same names.
    pub fn next(&mut self, experiment: &str) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        let cut: String =
            experiment.chars().take(LONGEST).map(|c| if plain(c) { c } else { '_' }).collect();
        let cut = if cut.is_empty() { "_".to_owned() } else { cut };
        let mut name = cut.clone();
        let mut nth = 1;
        // File systems that do not tell capitals apart would lay one page over another.
        while !self.taken.insert(name.to_ascii_lowercase()) {
            nth += 1;
            name = format!("{cut}-{nth}");
        }
        name
    }
}

const LONGEST: usize = 80;

#[cfg(test)]
mod tests {
    use super::FileNames;

    #[test]
    fn file_names_are_safe_and_distinct() {
        let mut names = FileNames::default();
        let mut next = |name: &str| names.next(name);
        assert_eq!(next("men"), "men");
        assert_eq!(next("Men"), "Men-2");
        assert_eq!(next("../a<b>\"'&"), "___a_b____");
        assert_eq!(next("../a[b]\"'&"), "___a_b____-2");
        assert_eq!(next(""), "_");
        let long = "x".repeat(500);
        assert_eq!((next(&long).len(), next(&long)), (80, format!("{}-2", "x".repeat(80))));
    }
}
