//! Columns, wrapping and colours of a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::state::Tone;

/// Narrower than this nothing is laid out.
pub(super) const LEAST: usize = 40;

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// A text without characters that would command the terminal: names come from logs and files.
pub(super) fn clean(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

/// A text in lines of at most `most` columns; what begins the first line and the others counts. A word that is longer than
/// a line is cut.
pub(super) fn wrapped(text: &str, most: usize, first: &str, rest: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut line = first.to_owned();
    let mut empty = true;
    for word in text.split(' ').filter(|word| !word.is_empty()) {
        if !empty && width(&line) + 1 + width(word) > most {
            lines.push(std::mem::replace(&mut line, rest.to_owned()));
            empty = true;
        }
        if !empty {
            line.push(' ');
        }
        for c in word.chars() {
            if width(&line) + c.width().unwrap_or(0) > most && width(&line) > width(rest) {
                lines.push(std::mem::replace(&mut line, rest.to_owned()));
            }
            line.push(c);
        }
        empty = false;
    }
    if !empty || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// A text with spaces up to a width, on its left.
pub(super) fn right(text: &str, to: usize) -> String {
    format!("{}{text}", " ".repeat(to.saturating_sub(width(text))))
}

/// A text with spaces up to a width, on its right.
pub(super) fn left(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Colours, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Paint(pub(super) bool);

impl Paint {
    pub(super) fn bold(self, text: &str) -> String {
        self.code("1", text)
    }

    pub(super) fn tone(self, tone: Tone, text: &str) -> String {
        match tone {
            Tone::Good => self.code("1;32", text),
            Tone::Bad | Tone::Alarm => self.code("1;31", text),
            Tone::Neutral => self.code("1;33", text),
            Tone::Open => self.code("1;36", text),
        }
    }

    pub(super) fn found(self, tone: &str, text: &str) -> String {
        match tone {
            "good" => self.code("32", text),
            "bad" => self.code("31", text),
            _ => text.to_owned(),
        }
    }

    fn code(self, code: &str, text: &str) -> String {
        if self.0 { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_no_longer_than_they_may_be() {
        let lines = wrapped("one two three four", 9, "• ", "  ");
        assert_eq!(lines, ["• one two", "  three", "  four"]);
        assert_eq!(wrapped("", 10, "• ", "  "), ["• "]);
        assert_eq!(wrapped("abcdefghij k", 4, "", ""), ["abcd", "efgh", "ij k"]);
        // Wide characters take two columns.
        assert_eq!(wrapped("実験 結果", 6, "", ""), ["実験", "結果"]);
    }

    #[test]
    fn nothing_commands_the_terminal() {
        assert_eq!(clean("a\u{1b}[31mb\n"), "a\u{fffd}[31mb\u{fffd}");
    }

    #[test]
    fn colours_are_only_there_where_they_are_wanted() {
        assert_eq!(Paint(false).tone(Tone::Good, "x"), "x");
        assert_eq!(Paint(true).bold("x"), "\u{1b}[1mx\u{1b}[0m");
    }
}
