//! The engine's complaints in plain words, on one line.

use datafusion::arrow::datatypes::DataType;
use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use verdict_model::nearest;

use crate::room;
use crate::store_words::{disk_is_full, store_error_in, store_message};

/// What the engine puts before a message for its own developers.
const CLASSES: [&str; 15] = [
    "Error during planning: ",
    "Schema error: ",
    "SQL error: ",
    "sql parser error: ",
    "Execution error: ",
    "Arrow error: ",
    "Cast error: ",
    "Parquet error: ",
    "Parquet argument error: ",
    "External error: ",
    "External: ",
    "Io error: ",
    "IO error: ",
    "Invalid or Unsupported Configuration: ",
    "This feature is not implemented: ",
];

/// How many columns a message spells out.
const SPELLED_OUT: usize = 24;

/// The innermost message, without the engine's class names and hints for its own developers.
pub(crate) fn root_message(error: &DataFusionError) -> String {
    if let Some(store) = store_error_in(error) {
        return store_message(store);
    }
    let root = error.find_root();
    match root {
        DataFusionError::SchemaError(e, _) => {
            if let SchemaError::FieldNotFound { field, valid_fields } = e.as_ref() {
                return no_column(&field.name, valid_fields);
            }
        }
        DataFusionError::SQL(e, _) => return at_character(bare(&e.to_string())),
        DataFusionError::ResourcesExhausted(text) => return one_line(&room::told(text)),
        _ => {}
    }
    let text = one_line(bare(&root.strip_backtrace()));
    match disk_is_full(&text) {
        true => format!(
            "the disk that is spilled to is full ({text}): free space there, or name another folder (--spill-dir)"
        ),
        false => text,
    }
}

/// As [`root_message`], and of a function that is not known, the nearest one that is.
pub(crate) fn message_in(state: &SessionState, error: &DataFusionError) -> String {
    let text = root_message(error);
    let Some((name, _)) =
        text.strip_prefix("Invalid function '").and_then(|rest| rest.split_once('\''))
    else {
        return text;
    };
    let mut known: Vec<&str> = state
        .scalar_functions()
        .keys()
        .chain(state.aggregate_functions().keys())
        .map(String::as_str)
        .collect();
    known.sort_unstable();
    format!("there is no function `{name}`{}", meant(nearest(name, known)))
}

/// A type, as a person would call it.
pub(crate) fn type_name(data_type: &DataType) -> String {
    match data_type {
        ty if ty.is_string() => "text".to_owned(),
        DataType::Boolean => "true or false".to_owned(),
        other => other.to_string(),
    }
}

/// `; did you mean …?`, where there is something near.
pub(crate) fn meant(near: Option<&str>) -> String {
    near.map_or(String::new(), |near| format!("; did you mean `{near}`?"))
}

fn no_column(name: &str, valid: &[Column]) -> String {
    let mut names: Vec<&str> = valid.iter().map(|column| column.name.as_str()).collect();
    // A table may come twice in a query.
    names.dedup();
    let same = names.iter().find(|other| other.eq_ignore_ascii_case(name));
    let hint = match same {
        Some(same) if same.contains(|c: char| c.is_uppercase()) => format!(
            "; did you mean `\"{same}\"`, with the double quotes? (without them capitals are read as small letters)"
        ),
        Some(same) => meant(Some(same)),
        None => meant(nearest(name, names.iter().copied())),
    };
    let more = match names.len().saturating_sub(SPELLED_OUT) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    names.truncate(SPELLED_OUT);
    format!("there is no column `{name}`{hint} (the columns: {}{more})", names.join(", "))
}

fn bare(text: &str) -> &str {
    let mut text = text.trim();
    while let Some(rest) = CLASSES.iter().find_map(|class| text.strip_prefix(class)) {
        text = rest.trim_start();
    }
    text.trim_end_matches('.')
}

fn one_line(text: &str) -> String {
    const NO_SUCH_CALL: &str = "No function matches the given name and argument types '";
    let call = text.split_once(NO_SUCH_CALL).and_then(|(_, rest)| rest.split_once('\''));
    if let Some((call, _)) = call {
        let call = in_plain_types(call);
        return format!("no function fits `{call}`; CAST the arguments to types that it takes");
    }
    let text = text.split(" This issue was likely caused by a bug").next().unwrap_or(text);
    in_plain_types(&text.split_whitespace().collect::<Vec<_>>().join(" "))
}

fn in_plain_types(text: &str) -> String {
    ["Utf8View", "LargeUtf8", "Utf8"]
        .iter()
        .fold(text.to_owned(), |text, ty| text.replace(ty, "text"))
}

/// The parser's message with its position as a person would count it.
fn at_character(text: &str) -> String {
    let text = one_line(text);
    let place = text.rsplit_once(" at Line: ").and_then(|(message, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some(match line {
            "1" => format!("{message} at character {column}"),
            _ => format!("{message} at line {line}, character {column}"),
        })
    });
    place.unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_go_however_many_there_are() {
        assert_eq!(bare("Parquet error: Parquet error: Invalid footer."), "Invalid footer");
        assert_eq!(bare("nothing to strip"), "nothing to strip");
    }

    #[test]
    fn a_position_is_counted_as_people_do() {
        let first = "Expected: end of expression, found: b at Line: 1, Column: 12";
        assert_eq!(at_character(first), "Expected: end of expression, found: b at character 12");
        assert_eq!(at_character("x at Line: 2, Column: 3"), "x at line 2, character 3");
        assert_eq!(
            at_character("Expected: an expression, found: EOF"),
            "Expected: an expression, found: EOF"
        );
    }

    #[test]
    fn a_column_in_capitals_needs_quotes() {
        let columns = [Column::from_name("userId"), Column::from_name("ts")];
        let message = no_column("userid", &columns);
        assert!(message.contains("did you mean `\"userId\"`"), "{message}");
        let message = no_column("tss", &columns);
        assert_eq!(
            message,
            "there is no column `tss`; did you mean `ts`? (the columns: userId, ts)"
        );
    }
}
