//! Numbers for people.

use verdict_analysis::words;
use verdict_model::rows::ResultRow;

/// A number with up to four significant digits: `0.0007164`, `12,340`.
pub(crate) fn exact(x: f64) -> String {
    if x != 0.0 && (x.abs() < 1e-6 || x.abs() >= 1e12) {
        return format!("{x:.3e}");
    }
    words::short(words::significant_digits(x, 4))
}

/// A change as a share: `+5.2%`, `−0.3%`, with three digits.
pub(crate) fn change(share: f64) -> String {
    let text = words::percent(words::significant_digits(share.abs(), 3));
    match share {
        x if x > 0.0 => format!("+{text}"),
        x if x < 0.0 => format!("−{text}"),
        _ => text,
    }
}

/// The change of a row and its interval, apart: `+6.3%` and `+3.3% to +9.4%`, or `at least −0.5%` where it is open.
pub(crate) fn lift(row: &ResultRow) -> (String, String) {
    let text = words::lift(row).replace('-', "−");
    let Some((change, ends)) = text.split_once(" (") else { return (text, String::new()) };
    let ends = ends.trim_end_matches(')');
    let ends = match ends.split_once(" to ") {
        Some((lower, "…")) => format!("at least {lower}"),
        Some(("…", upper)) => format!("at most {upper}"),
        _ => ends.to_owned(),
    };
    (change.to_owned(), ends)
}

/// A text as it is set: the hyphen before a number is its sign, those of dates and names are hyphens.
pub(crate) fn with_signs(text: &str) -> String {
    let (mut out, mut before) = (String::with_capacity(text.len()), ' ');
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        let begins = matches!(before, ' ' | '(');
        let sign = c == '-' && begins && rest.peek().is_some_and(char::is_ascii_digit);
        out.push(if sign { '−' } else { c });
        before = c;
    }
    out
}

/// Bytes in the largest unit that leaves at least 1: `1.5 GB`.
pub(crate) fn bytes(n: i64) -> String {
    let units = ["bytes", "kB", "MB", "GB", "TB", "PB"];
    let mut x = n as f64;
    let mut unit = 0;
    while x >= 999.5 && unit + 1 < units.len() {
        x /= 1000.0;
        unit += 1;
    }
    let decimals = if unit == 0 || x >= 99.95 { 0 } else { 1 };
    format!("{x:.decimals$} {}", units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        assert_eq!(exact(0.000716412), "0.0007164");
        assert_eq!(exact(12_340.0), "12,340");
        assert_eq!(exact(4.2e-11), "4.200e-11");
        assert_eq!(exact(0.0), "0");
        assert_eq!((change(0.05213), change(-0.003)), ("+5.21%".into(), "−0.3%".into()));
    }

    #[test]
    fn hyphens_before_numbers_are_signs() {
        assert_eq!(
            with_signs("-1.5% (-3 to 2026-03-15) of a-2 --x -y"),
            "−1.5% (−3 to 2026-03-15) of a-2 --x -y"
        );
    }

    #[test]
    fn bytes_have_a_unit() {
        let shown = [0, 999, 1000, 1_500_000, 250_000_000, 999_950_000_000].map(bytes);
        assert_eq!(shown, ["0 bytes", "999 bytes", "1.0 kB", "1.5 MB", "250 MB", "1.0 TB"]);
    }
}
