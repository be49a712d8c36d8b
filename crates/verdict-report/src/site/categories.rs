//! The shares of categorical metrics in both arms.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::ResultRow;

use super::table;
use crate::format::with_signs;

/// More categories than this are in the files beside the page.
const MOST: usize = 40;

const HEADS: [&str; 6] =
    ["category", "control", "units", "variant", "units", "variant's less the control's"];

/// Nothing, where no metric is categorical.
pub(crate) fn categories(rows: &[&ResultRow]) -> Markup {
    let compared = rows.iter().map(|row| (row, words::shares(row)));
    let compared: Vec<_> = compared.filter(|(_, shares)| !shares.is_empty()).collect();
    html! {
        @for (row, shares) in &compared {
            (table::plain(
                &format!("Shares of {}: {} against {}", row.metric, row.variant, row.control),
                &HEADS,
                &shares.iter().take(MOST).map(line).collect::<Vec<_>>(),
            ))
            @if shares.len() > MOST {
                p class="fine" { (shares.len() - MOST) " more categories are in the CSV below." }
            }
        }
        @if !compared.is_empty() {
            p class="fine" {
                "One test compares all shares of a metric at once (chi-squared): it says that they differ, not which. Cramér's V \
                 is how far, from 0 (the same shares) to 1 (no category in common). Categories that fewer than 5 units of an arm \
                 are expected to have are compared together, as (other)."
            }
        }
    }
}

fn line(share: &words::Share) -> Vec<String> {
    vec![
        share.category.clone(),
        share.control.clone(),
        share.control_units.clone(),
        share.variant.clone(),
        share.variant_units.clone(),
        with_signs(&share.difference),
    ]
}
