//! What standard output is: how wide, and whether it shows colours.

use anstream::{AutoStream, ColorChoice};
use console::Term;
use verdict_report::Style;

/// By `COLUMNS`, else the terminal; a file or a pipe has no width. Colours on a terminal only, and not with `NO_COLOR`.
pub(crate) fn style() -> Style {
    let told = std::env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
    let found = || Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
    let color = AutoStream::choice(&std::io::stdout()) != ColorChoice::Never;
    Style { width: told.or_else(found), color }
}
