//! What every page has: head, styles, sections.

use maud::{DOCTYPE, Markup, PreEscaped, html};

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
