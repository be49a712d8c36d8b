//! The plan that was registered before anybody saw a number, and what is no longer as it was.

use maud::{Markup, html};
use verdict_analysis::words;

use super::layout::badge;
use super::table;
use crate::Page;
use crate::plot::dates::long;
use crate::state::word;

/// The keys that tell a plan in short, with their words.
const MAIN: [(&str, &str); 13] = [
    ("experiment.hypothesis", "hypothesis"),
    ("experiment.start", "start"),
    ("experiment.end", "end"),
    ("experiment.design.unit", "unit of randomisation"),
    ("experiment.metrics.primary.name", "primary metric"),
    ("experiment.metrics.primary.direction", "good direction"),
    ("experiment.metrics.primary.mde_relative", "smallest effect of interest (share)"),
    ("experiment.metrics.primary.mde_absolute", "smallest effect of interest"),
    ("experiment.statistical_settings.alpha", "alpha"),
    ("experiment.statistical_settings.power", "power"),
    ("experiment.statistical_settings.sequential_method", "method over looks"),
    ("experiment.statistical_settings.min_duration_days", "shortest duration in days"),
    ("experiment.statistical_settings.max_duration_days", "planned duration in days"),
];

pub(crate) fn plan(page: &Page) -> Markup {
    let registered = page.registered.as_ref();
    html! {
        @match registered {
            None => p class="absent" { "No plan is registered: the first " code { "verdict run" } " registers it." },
            Some(plan) => p { "Registered as of " strong { (long(plan.as_of)) } ", at the experiment's first run." },
        }
        @if registered.is_some() {
            @if page.changes.is_empty() {
                p { (badge("good", "✓", "as registered")) " The plan has not been changed since." }
            } @else {
                p { (badge("warn", "!", "changed")) " " (words::counted(page.changes.len() as u64, "key")) " of the plan are not as registered:" }
                (changes(page))
                (as_registered(page))
            }
        }
        @let keys = main_keys(page);
        @if !keys.is_empty() { (table::texts("The plan in short", &["key", "value"], &keys)) }
        details {
            summary { "The whole plan as it is now, every default filled in" }
            pre tabindex="0" { (page.plan_text) }
        }
        @if let Some(plan) = registered.filter(|_| !page.changes.is_empty()) {
            details {
                summary { "The plan as it was registered" }
                pre tabindex="0" { (plan.plan.text) }
            }
        }
    }
}

fn changes(page: &Page) -> Markup {
    let none = || "not given".to_owned();
    let rows: Vec<Vec<String>> = page
        .changes
        .iter()
        .map(|c| {
            vec![
                c.key.clone(),
                c.was.clone().unwrap_or_else(none),
                c.is.clone().unwrap_or_else(none),
            ]
        })
        .collect();
    table::texts("Deviations from the registered plan", &["key", "registered", "now"], &rows)
}

/// What the decisions are under the registered plan.
fn as_registered(page: &Page) -> Markup {
    html! {
        ul {
            @for decision in &page.judged.decisions {
                li {
                    span class="name" { (decision.variant) } ": "
                    @match (decision.decision_as_registered.as_deref(), decision.as_registered_reason.as_deref()) {
                        (Some(same), _) if same == decision.decision => "the same decision under the registered plan.",
                        (Some(other), _) => { "under the registered plan: " strong { (word(other).map_or(other, |word| word.headline)) } "." },
                        (None, Some(reason)) => { "what the registered plan says cannot be told. " (reason) },
                        (None, None) => "not compared.",
                    }
                }
            }
        }
    }
}

/// The plan's main keys: of the registered plan where there is one.
fn main_keys(page: &Page) -> Vec<Vec<String>> {
    let Some(plan) = &page.registered else { return Vec::new() };
    let of = |(key, words): &(&str, &str)| {
        Some(vec![(*words).to_owned(), plan.plan.keys.get(*key)?.clone()])
    };
    MAIN.iter().filter_map(of).collect()
}
