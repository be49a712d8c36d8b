//! Tables of numbers: what stands below a plot, and what is too long for the page.

use maud::{Markup, html};

/// A table that scrolls by itself where it is too wide; the first column names the row, the others are numbers.
pub(crate) fn plain(caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    of_class("plain", caption, heads, rows)
}

/// The same of texts, which begin where the column does.
pub(crate) fn texts(caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    of_class("plain texts", caption, heads, rows)
}

fn of_class(class: &str, caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! {
        div class="scroll" tabindex="0" role="region" aria-label=(caption) {
            table class=(class) {
                caption { (caption) }
                thead { tr { @for head in heads { th scope="col" { (head) } } } }
                tbody {
                    @for row in rows {
                        tr {
                            @for (i, cell) in row.iter().enumerate() {
                                @if i == 0 { th scope="row" { (cell) } } @else { td { (cell) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The same, folded until somebody asks for it.
pub(crate) fn folded(summary: &str, caption: &str, heads: &[&str], rows: &[Vec<String>]) -> Markup {
    html! { details { summary { (summary) } (plain(caption, heads, rows)) } }
}
