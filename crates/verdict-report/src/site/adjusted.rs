//! What was done to metrics before they were compared: both estimates, with and without it.

use maud::{Markup, html};
use verdict_analysis::words;
use verdict_model::rows::ResultRow;

use super::table;
use crate::format::with_signs;

/// Nothing, where nothing was adjusted.
pub(crate) fn adjusted(rows: &[&ResultRow]) -> Markup {
    let told: Vec<Vec<String>> = rows
        .iter()
        .filter_map(|row| Some((row, words::adjustment(row)?)))
        .map(|(row, told)| {
            let caps = match (&told.caps, &told.clipped) {
                (Some(caps), Some(clipped)) => format!("{caps}: {clipped} of units"),
                (caps, _) => caps.clone().unwrap_or_default(),
            };
            vec![
                format!("{} · {}", row.metric, row.variant),
                told.what,
                caps,
                with_signs(&told.effect),
                told.std_error,
                with_signs(&told.plain_effect),
                told.plain_std_error,
                told.variance.unwrap_or_default(),
            ]
        })
        .collect();
    let heads = [
        "metric",
        "what was done",
        "totals count as, clipped",
        "effect as tested",
        "its standard error",
        "effect without",
        "its standard error",
        "variance",
    ];
    html! {
        @if !told.is_empty() {
            (table::plain("What was adjusted, and what the estimates are without", &heads, &told))
            p class="fine" {
                "CUPED takes out of a metric what its units did before their exposure, which no variant can have changed: the \
                 estimate is of the same effect, with less noise. Caps replace totals beyond them, so that a few units do not \
                 decide: the estimate is of the effect on capped totals. Post-stratification weights the levels of both arms by the \
                 same shares of a segment's values, so that chance differences of their make-up are no effect. The plan says which is tested; the other is for comparison."
            }
        }
    }
}
