//! Reasons to trust the numbers, or not to.

use maud::{Markup, html};
use verdict_model::rows::CheckRow;

use super::layout::{absent, badge, prose};
use crate::format::exact;

/// The badge of a check's status.
pub(crate) fn status_badge(status: &str) -> Markup {
    match status {
        "pass" => badge("good", "✓", "passed"),
        "warn" => badge("warn", "!", "warning"),
        "fail" => badge("alarm", "✕", "failed"),
        other => badge("neutral", "·", other),
    }
}

/// A check's code as words: `sample_ratio` is "Sample ratio".
pub(crate) fn name(code: &str) -> String {
    let mut words = code.replace('_', " ");
    if let Some(first) = words.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    words
}

pub(crate) fn checks(checks: &[CheckRow]) -> Markup {
    if checks.is_empty() {
        return absent("No checks are there for this date.");
    }
    let (passed, mut attention): (Vec<&CheckRow>, Vec<&CheckRow>) =
        checks.iter().partition(|check| check.status == "pass");
    attention.sort_by_key(|check| check.status != "fail");
    html! {
        p { (passed.len()) " of " (checks.len()) " checks passed." }
        @if !attention.is_empty() { (list(&attention)) }
        @if !passed.is_empty() {
            details {
                summary { "The checks that passed" }
                (list(&passed))
            }
        }
    }
}

fn list(checks: &[&CheckRow]) -> Markup {
    html! {
        ul class="checks" {
            @for check in checks {
                li class=(check.status) {
                    p { (status_badge(&check.status)) " " strong { (name(&check.check)) } }
                    p { (prose(&check.message)) }
                    @if check.p_value.is_some() || check.threshold.is_some() {
                        p class="fine" {
                            @if let Some(statistic) = check.statistic { "statistic " (exact(statistic)) }
                            @if let Some(p) = check.p_value { " · p " (exact(p)) }
                            @if let Some(threshold) = check.threshold { " · held against " (exact(threshold)) }
                        }
                    }
                }
            }
        }
    }
}
