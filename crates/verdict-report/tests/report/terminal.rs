//! What a terminal shows, and what chat does.

use verdict_report::{Style, markdown, text};

use crate::site::{PAGES, named};

fn shown(name: &str, width: usize, color: bool) -> String {
    let mut out = Vec::new();
    text(&mut out, &[&named(name).judged], Style { width: Some(width), color }).unwrap();
    String::from_utf8(out).unwrap()
}

/// Not in any state, and not with any name.
#[test]
fn no_line_is_wider_than_the_terminal() {
    for page in PAGES.iter() {
        for width in [60, 80, 100, 160, 200] {
            let mut out = Vec::new();
            text(&mut out, &[&page.judged], Style { width: Some(width), color: false }).unwrap();
            for line in String::from_utf8(out).unwrap().lines() {
                let columns = unicode_width::UnicodeWidthStr::width(line);
                assert!(columns <= width, "{columns} of {width} columns: {line}");
            }
        }
    }
}

#[test]
fn a_wide_terminal_has_drawings_and_a_narrow_one_has_the_same_numbers() {
    let (narrow, wide) = (shown("significant", 80, false), shown("significant", 160, false));
    assert!(wide.contains("●") && wide.contains("┤"), "{wide}");
    assert!(!narrow.contains("●"), "{narrow}");
    for text in ["SHIP (ship)", "11.98%", "12.73%", "+6.3%", "78,045"] {
        assert!(narrow.contains(text) && wide.contains(text), "no {text} in\n{narrow}\n{wide}");
    }
}

/// What is searched for in a log stands on one line.
#[test]
fn a_file_has_whole_lines() {
    let judged = &named("significant").judged;
    let mut out = Vec::new();
    text(&mut out, &[judged], Style { width: None, color: false }).unwrap();
    let text = String::from_utf8(out).unwrap();
    for reason in &judged.decisions[0].reasons {
        assert!(text.lines().any(|line| line == format!("  • {reason}")), "{text}");
    }
}

#[test]
fn colours_only_repeat_what_is_said() {
    let (plain, coloured) =
        (shown("guardrail_violated", 120, false), shown("guardrail_violated", 120, true));
    assert!(!plain.contains('\u{1b}') && coloured.contains("\u{1b}[1;31m"));
    let mut bare = String::new();
    for (nth, part) in coloured.split('\u{1b}').enumerate() {
        bare.push_str(if nth == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert_eq!(bare, plain);
}

/// Terminal and chat have a line for each category, whatever its name.
#[test]
fn categories_have_a_line_each() {
    for width in [60, 160] {
        let shown = shown("categories", width, false);
        assert!(shown.contains("shares of method"), "{shown}");
        let share =
            |name: &str| shown.lines().any(|line| line.contains(" → ") && line.ends_with(name));
        assert!(["card", "<b>cash|bar</b>", "bank"].into_iter().all(share), "{shown}");
    }
    let mut out = Vec::new();
    markdown(&mut out, &[&named("categories").judged]).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.contains("\nShares of method, on against off (chi-squared "), "{text}");
    let row = text.lines().find(|line| line.contains("bar&lt;/b&gt;")).unwrap();
    assert!(
        row.starts_with("| &lt;b&gt;cash\\|bar&lt;/b&gt; | ") && row.ends_with(" points |"),
        "{row}"
    );
}

#[test]
fn markdown_is_a_table_whatever_the_names() {
    let mut out = Vec::new();
    markdown(&mut out, &[&named("markup").judged]).unwrap();
    let text = String::from_utf8(out).unwrap();
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), 2 + 4, "{text}");
    for row in rows {
        let bare = row.replace("\\|", "");
        assert_eq!(bare.matches('|').count(), 10, "{row}");
    }
    assert!(text.contains("&lt;off&gt;") && !text.contains("<off>"), "{text}");
}
