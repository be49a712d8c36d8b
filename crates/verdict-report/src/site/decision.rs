//! The decision on each variant, its reasons, and what would change it.

use maud::{Markup, html};
use verdict_model::rows::DecisionRow;

use super::layout::{badge, prose};
use crate::Judged;
use crate::outlook::outlook;
use crate::state::{Tone, rank, word};

/// The badge of a decision; an unknown one is shown as it is.
pub(crate) fn decision_badge(decision: &str) -> Markup {
    match word(decision) {
        Some(word) => badge(word.tone.class(), word.tone.mark(), word.headline),
        None => badge(Tone::Neutral.class(), Tone::Neutral.mark(), decision),
    }
}

/// Of so many variants all reasons are read at once; of more they are unfolded one by one.
const MANY: usize = 6;

/// What asks for attention first, then what is decided; else in the order of the plan.
pub(crate) fn decisions(judged: &Judged) -> Markup {
    let mut sorted: Vec<&DecisionRow> = judged.decisions.iter().collect();
    sorted.sort_by_key(|decision| rank(&decision.decision));
    html! {
        div class="decisions" {
            @for decision in &sorted { (one(judged, decision, sorted.len() > MANY)) }
        }
        @for sentence in judged.decisions.first().map_or(&[][..], |d| &d.not_in_effect) {
            p class="note" { strong { "Not yet in effect: " } (sentence) }
        }
        @if let [first, rest @ ..] = &judged.missing_days[..] {
            p class="note" {
                strong { "Days without statistics: " } (first)
                @if !rest.is_empty() { " and " (rest.len()) " more" }
                ". " code { "verdict run" } " makes them."
            }
        }
    }
}

fn one(judged: &Judged, decision: &DecisionRow, folded: bool) -> Markup {
    let known = word(&decision.decision);
    let class = known.map_or("neutral", |word| word.tone.class());
    let outlook = outlook(judged, decision);
    let why = html! {
        @if !decision.reasons.is_empty() {
            h4 { "Why" }
            ul { @for reason in &decision.reasons { li { (prose(reason)) } } }
        }
        @if !outlook.is_empty() {
            h4 { "What would change it" }
            ul { @for sentence in &outlook { li { (prose(sentence)) } } }
        }
    };
    html! {
        article class={ "decision " (class) } {
            h3 { span class="name" { (decision.variant) } span class="against" { " against " } span class="name" { (decision.control) } }
            p class="headline" { (decision_badge(&decision.decision)) }
            @if let Some(word) = known { p class="meaning" { (word.meaning) } }
            @if folded {
                details { summary { "Why, and what would change it" } (why) }
            } @else { (why) }
        }
    }
}
