//! The primary metric by segment; the other metrics are in the files beside the page.

use std::collections::BTreeMap;

use maud::{Markup, html};
use verdict_model::Role;
use verdict_model::rows::{ResultRow, WHOLE};

use super::layout::absent;
use super::metrics::{Named, forest};
use crate::Judged;

/// A dimension with more values than this is cut on the page.
const MOST: usize = 40;

pub(crate) fn segments(judged: &Judged) -> Markup {
    let mut dimensions: BTreeMap<&str, Vec<&ResultRow>> = BTreeMap::new();
    for row in judged.results.iter().filter(|row| row.segment != WHOLE && row.role == Role::Primary)
    {
        dimensions.entry(&row.segment).or_default().push(row);
    }
    if dimensions.is_empty() {
        return absent(match judged.experiment.segments.is_empty() {
            true => "The experiment names no segments.",
            false => "There are no results by segment yet.",
        });
    }
    html! {
        p {
            "Segments inform and never decide: of many of them some stand out by chance. All other metrics by segment are in \
             the CSV below."
        }
        @for (dimension, mut rows) in dimensions {
            @let left = rows.len().saturating_sub(MOST);
            @let () = largest_first(&mut rows);
            (forest(judged, &rows[..rows.len().min(MOST)], &format!("{} by {dimension}", judged.experiment.primary.name.value), &Named::Segments))
            @if left > 0 { p class="fine" { (left) " more rows, of smaller segments, are in the CSV below." } }
        }
    }
}

fn largest_first(rows: &mut [&ResultRow]) {
    rows.sort_by(|a, b| {
        let units = |row: &ResultRow| row.n_control + row.n_variant;
        units(b)
            .cmp(&units(a))
            .then_with(|| (&a.segment_value, &a.variant).cmp(&(&b.segment_value, &b.variant)))
    });
}
