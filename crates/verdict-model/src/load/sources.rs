//! The sections `sources` and `exposures`.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::NaiveTime;

use super::definitions::{Definitions, check_name};
use super::files;
use crate::yaml::{Item, Map};
use crate::{Complete, Exposures, Located, MissingDays, OutsideDay, Source, rows};

/// A log.
pub(super) fn source(name: Located<String>, item: &Item<'_>, root: &Path) -> Option<Source> {
    let mut map = item.map()?;
    let path = map.require("path", "write the folder or the URL of the log").and_then(|item| {
        let path = item.text()?;
        check_template(&item, &path.value);
        Some(Located { value: files::join(root, &path.value), place: path.place })
    });
    let timestamp = map.require("timestamp", "write the SQL expression of the time of a row");
    let timestamp = timestamp.and_then(|item| item.text());
    let example = "write the SQL expression of each unit, such as {user_id: user_id}";
    let units = map.require("units", example).and_then(|item| {
        let map = item.map()?;
        let units = expressions(&map);
        if map.entries().is_empty() {
            map.refuse(format!("is empty: {example}"));
        }
        Some(units)
    });
    let filter = map.text("filter");
    let outside_day = map
        .get("outside_day")
        .and_then(|item| item.word(&[("keep", OutsideDay::Keep), ("reject", OutsideDay::Reject)]));
    let missing_days = map.get("missing_days").and_then(|item| {
        item.word(&[("error", MissingDays::Error), ("allow", MissingDays::Allow)])
    });
    let one_object = path.as_ref().is_some_and(|path| path.value.ends_with(".parquet"));
    let complete = map.get("complete").map(|item| complete(&item, root, one_object));
    map.finish();
    Some(Source {
        name,
        path: path?,
        timestamp: timestamp?,
        units: units?,
        filter,
        outside_day: outside_day.unwrap_or_default(),
        missing_days: missing_days.unwrap_or_default(),
        complete: complete.unwrap_or_default(),
    })
}

/// What a day must have to be whole; `one_object` says that a day is no folder.
fn complete(item: &Item<'_>, root: &Path, one_object: bool) -> Complete {
    let mut complete = Complete::default();
    let Some(mut map) = item.map() else { return complete };
    if let Some((item, mut marker)) = map.get("marker").and_then(|i| i.text().map(|text| (i, text)))
    {
        if marker.value.contains('{') {
            check_template(&item, &marker.value);
            marker.value = files::join(root, &marker.value);
        } else if one_object {
            item.refuse(
                "lies in no folder, since the path names one object a day; write a path with {ds}",
            );
        } else if marker.value.split('/').any(|part| part == "..") || marker.value.contains("://") {
            item.refuse("is to lie in the day's folder, as `_SUCCESS` does; write {ds} in a path that leads elsewhere");
        }
        complete.marker = Some(marker);
    }
    if let Some(item) = map.get("min_rows_share") {
        let fits = |share: f64| share > 0.0 && share <= 1.0;
        complete.min_rows_share = item.number("a share above 0 and at most 1", fits);
    }
    if let Some((item, latest)) = map.get("latest").and_then(|i| i.text().map(|text| (i, text))) {
        complete.latest = NaiveTime::parse_from_str(&latest.value, Complete::TIME).ok();
        if complete.latest.is_none() {
            item.refuse(format!(
                "`{}` is no time of a day; write hours and minutes, as 23:00",
                latest.value
            ));
        }
    }
    if map.entries().is_empty() {
        map.refuse("is empty: write what a whole day has: marker, min_rows_share or latest");
    }
    map.finish();
    complete
}

/// How a log tells of exposures.
pub(super) fn exposures(
    name: Located<String>,
    item: &Item<'_>,
    sources: &Definitions<Source>,
) -> Option<Exposures> {
    let mut map = item.map()?;
    let source = map.require("source", "write the name of the source whose rows these are");
    let source = source.and_then(|item| sources.refer(&item));
    let filter = map.text("filter");
    let experiment = map.text("experiment");
    let variant = map.require("variant", "write the SQL expression of the variant");
    let variant = variant.and_then(|item| item.text());
    let segments = map.get("segments").and_then(|item| item.map());
    for (name, item) in segments.iter().flat_map(|map| map.entries()) {
        if name.value == rows::WHOLE {
            item.refuse(format!("`{name}` means every unit; choose another name"));
        }
    }
    map.finish();
    Some(Exposures {
        name,
        source: source?,
        filter,
        experiment,
        variant: variant?,
        segments: segments.as_ref().map(expressions).unwrap_or_default(),
    })
}

/// SQL expressions by name.
fn expressions(map: &Map<'_>) -> BTreeMap<String, Located<String>> {
    map.entries()
        .into_iter()
        .filter(|(name, item)| check_name(item, &name.value))
        .filter_map(|(name, item)| Some((name.value, item.text()?)))
        .collect()
}

/// Checks the placeholders of a path: known ones, which together name a day.
fn check_template(item: &Item<'_>, path: &str) {
    const KNOWN: [&str; 4] = ["yyyy", "mm", "dd", "ds"];
    let allowed = "(allowed: {yyyy}, {mm}, {dd}, {ds})";
    let mut found = Vec::new();
    let mut rest = path;
    while let Some((_, after)) = rest.split_once('{') {
        let Some((word, after)) = after.split_once('}') else {
            item.refuse(format!("a `{{` is not closed; write a placeholder {allowed} or no brace"));
            return;
        };
        if word == "hh" {
            item.refuse("`{hh}` is not needed: hours below a day are found by themselves; end the path at the day");
        } else if !KNOWN.contains(&word) {
            item.refuse(format!("`{{{word}}}` is not a placeholder {allowed}"));
        } else {
            found.push(word);
        }
        rest = after;
    }
    let whole_day = found.contains(&"ds") || KNOWN[..3].iter().all(|part| found.contains(part));
    if !found.is_empty() && !whole_day {
        item.refuse("names no whole day; write {ds}, or {yyyy}, {mm} and {dd}");
    }
}
