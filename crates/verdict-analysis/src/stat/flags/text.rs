//! The values of an answer as aligned text.

use serde_json::{Map, Value};

use crate::words::{count, number};

/// `key  value` lines, keys in their own order, an object's keys below its name.
pub(super) fn table(output: &Map<String, Value>) -> String {
    let mut rows = Vec::new();
    push_rows("", output, &mut rows);
    let width = rows.iter().map(|(key, _)| key.chars().count()).max().unwrap_or(0);
    rows.iter().map(|(key, value)| format!("{key:width$}  {value}\n")).collect()
}

fn push_rows(prefix: &str, output: &Map<String, Value>, rows: &mut Vec<(String, String)>) {
    for (key, value) in output {
        let key = format!("{prefix}{key}");
        match value {
            Value::Object(inner) => push_rows(&format!("{key}."), inner, rows),
            value => rows.push((key.clone(), shown(&key, value))),
        }
    }
}

/// More values of a list than this are not shown.
const MOST: usize = 12;

fn shown(key: &str, value: &Value) -> String {
    match value {
        Value::Null => "not defined".to_owned(),
        Value::Bool(yes) => if *yes { "yes" } else { "no" }.to_owned(),
        Value::Number(n) => n
            .as_u64()
            .map_or_else(|| n.as_f64().map_or_else(|| n.to_string(), |x| quantity(key, x)), count),
        Value::String(text) => match text.as_str() {
            "inf" => "unbounded".to_owned(),
            "-inf" => "unbounded below".to_owned(),
            text => text.to_owned(),
        },
        Value::Array(items) => {
            let is_interval = items.len() == 2
                && ["ci", "credible", "wald", "wilson", "agresti", "clopper", "jeffreys"]
                    .iter()
                    .any(|stem| key.split(['_', '.']).any(|part| part == *stem));
            let shown_items: Vec<String> =
                items.iter().take(MOST).map(|item| shown("", item)).collect();
            let more = items.len().saturating_sub(MOST);
            let rest = if more > 0 { format!(" … and {more} more") } else { String::new() };
            format!("{}{rest}", shown_items.join(if is_interval { " to " } else { ", " }))
        }
        Value::Object(inner) => inner
            .iter()
            .map(|(key, value)| format!("{key} {}", shown(key, value)))
            .collect::<Vec<_>>()
            .join(", "),
    }
}

/// A number that is not a count; a p-value is never shown as zero.
fn quantity(key: &str, value: f64) -> String {
    if value == 0.0 && key.split('_').any(|part| part == "p") && !key.starts_with("log") {
        return "< 1e-307".to_owned();
    }
    significant(value, 6)
}

/// A number with this many significant digits, without zeros at its end.
pub(super) fn significant(value: f64, digits: i32) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let magnitude = value.abs().log10().floor() as i32;
    if !(-5..12).contains(&magnitude) {
        let text = format!("{value:.*e}", digits as usize - 1);
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        return format!("{}e{exponent}", trimmed(mantissa));
    }
    let decimals = (digits - 1 - magnitude).clamp(0, 9);
    trimmed(&number(value, decimals as usize)).to_owned()
}

/// Without the zeros after a decimal point that say nothing.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn numbers_keep_the_digits_that_say_something() {
        for (value, text) in [
            (0.0964, "0.0964"),
            (1_234_567.891, "1,234,568"),
            (-0.5, "-0.5"),
            (4.614_736e-7, "4.61474e-7"),
            (1e300, "1e300"),
            (0.0, "0"),
            (100.0, "100"),
        ] {
            assert_eq!(significant(value, 6), text);
        }
    }

    #[test]
    fn values_stand_in_one_column() {
        let output = json!({
            "a": 5, "ci_wald": [-0.5, 0.25], "p_less": 0.0, "long": vec![1; 14], "no": null,
            "of": {"x": true}, "open": ["-inf", "inf"]
        });
        assert_eq!(
            table(output.as_object().expect("an object")),
            "a        5\n\
             ci_wald  -0.5 to 0.25\n\
             long     1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1 … and 2 more\n\
             no       not defined\n\
             of.x     yes\n\
             open     unbounded below, unbounded\n\
             p_less   < 1e-307\n"
        );
    }
}
