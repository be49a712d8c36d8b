//! What every page has: head, styles, sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::format::with_signs;

const STYLE: &str = include_str!("style.css");

/// A whole document. Nothing may be loaded from anywhere: the policy says so, and browsers hold pages to it.
pub(crate) fn document(title: &str, body: &Markup, script: Option<&str>) -> String {
    let policy =
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:";
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(STYLE)) }
            }
            body {
                a class="skip" href="#main" { "Skip to the content" }
                (body)
                @if let Some(script) = script { script { (PreEscaped(script)) } }
            }
        }
    };
    page.into_string()
}

/// A section of a page, with its heading.
pub(crate) fn section(id: &str, title: &str, body: &Markup) -> Markup {
    html! {
        section id=(id) aria-labelledby={ (id) "-h" } {
            h2 id={ (id) "-h" } { (title) }
            (body)
        }
    }
}

/// Sentences of the tables, which terminals and chats show as well: with minus signs, with what stands between backticks as
/// code, and with methods by their names.
pub(crate) fn prose(text: &str) -> Markup {
    let text = with_signs(text);
    let quoted: Vec<&str> = text.split('`').collect();
    html! {
        // A backtick without its other half is one.
        @if quoted.len().is_multiple_of(2) { (named(&text)) } @else {
            @for (nth, part) in quoted.iter().enumerate() {
                @if nth % 2 == 1 { code { (part) } } @else { (named(part)) }
            }
        }
    }
}

/// Methods as people write them.
fn named(text: &str) -> String {
    text.replace("The obrien_fleming boundary", "The O'Brien–Fleming boundary")
        .replace("The pocock boundary", "The Pocock boundary")
}

/// A section that has nothing to show, and why; what stands between backticks is code.
pub(crate) fn absent(why: &str) -> Markup {
    html! {
        p class="absent" {
            @for (nth, part) in why.split('`').enumerate() {
                @if nth % 2 == 1 { code { (part) } } @else { (part) }
            }
        }
    }
}

/// A mark and words with a tone.
pub(crate) fn badge(class: &str, mark: &str, words: &str) -> Markup {
    html! { span class={ "badge " (class) } { span class="glyph" aria-hidden="true" { (mark) } " " (words) } }
}
