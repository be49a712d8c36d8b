use super::{PROJECT, check, check_files, good, load_files};
use crate::{MissingDays, OutsideDay};

const EVENTS: &str = "    units: {user_id: user_id}\n";

#[test]
fn an_unknown_key_is_refused_with_the_nearest_and_all() {
    check(
        "timestamp: ts",
        "timestamp: ts\n    pth: x",
        "p.yaml:6: sources.events.pth: unknown key; did you mean `path`? (allowed: path, timestamp, units, \
         filter, outside_day, missing_days, complete)",
    );
    check(
        "project: {name: shop}",
        "project: {name: shop, colour: red}",
        "p.yaml:1: project.colour: unknown key (allowed: name, time_zone, tables, buckets)",
    );
    check(
        "project: {name: shop}",
        "metric: {}",
        "p.yaml:1: metric: unknown key; did you mean `metrics`? (allowed: project, storage, sources, exposures, metrics, \
         experiment)",
    );
}

#[test]
fn every_problem_is_found_in_order() {
    check_files(
        &[("b.yaml", "metrics: {m: {type: mean}}\nsources: {s: {path: p}}"), ("a.yaml", "- 1")],
        "a.yaml:1: the file: expected a mapping, found a list\n\
         b.yaml:2: sources.s: `timestamp` is missing: write the SQL expression of the time of a row\n\
         b.yaml:2: sources.s: `units` is missing: write the SQL expression of each unit, such as \
         {user_id: user_id}",
    );
}

#[test]
fn names_are_unique_over_all_files() {
    check_files(
        &[("p.yaml", PROJECT), ("x.yaml", "\nmetrics:\n  clicks: {type: proportion}")],
        "x.yaml:3: metrics.clicks: `clicks` is defined at p.yaml:14 already; rename or remove one",
    );
    check_files(
        &[("p.yaml", PROJECT), ("x.yaml", "project: {}")],
        "x.yaml:1: project: is at p.yaml:1 already; a project has one",
    );
    let experiment = &PROJECT[PROJECT.find("experiment:\n").unwrap_or_default()..];
    check_files(
        &[("p.yaml", PROJECT), ("x.yaml", experiment)],
        "x.yaml:2: experiment.name: `ranking` is defined at p.yaml:18 already; rename or remove one",
    );
}

#[test]
fn a_key_is_written_once() {
    check(
        "timestamp: ts",
        "timestamp: ts\n    timestamp: x",
        "p.yaml:6:5: not valid YAML: key `timestamp` is written twice in one mapping; remove one",
    );
    check(
        "timestamp: ts",
        "1: ts\n    '1': x",
        "p.yaml:6:5: not valid YAML: key `1` is on line 5 already; remove one",
    );
}

#[test]
fn what_is_not_yaml_is_refused_with_line_and_column() {
    check(
        "project: {name: shop}",
        "project: {name: shop",
        "p.yaml:2:8: not valid YAML: while parsing a flow mapping, did not find expected ',' or '}'",
    );
    check(
        "shop",
        "!money shop",
        "p.yaml:1:17: not valid YAML: the tag `!money` means nothing here; remove it",
    );
    check("project: {name: shop}", "[a]: b", "p.yaml:1:1: not valid YAML: a key must be a word");
}

#[test]
fn empty_files_sections_and_documents_are_nothing() {
    assert!(
        load_files(&[("a.yaml", ""), ("b.yaml", "# nothing\n"), ("c.yaml", "metrics:\n---\n")])
            .is_ok()
    );
    check(
        "timestamp: ts",
        "timestamp:",
        "p.yaml:5: sources.events.timestamp: has no value; give it one, or remove the key",
    );
    check(
        "timestamp: ts",
        "timestamp: ' '",
        "p.yaml:5: sources.events.timestamp: is empty; write a text, or remove the key",
    );
    check(
        "timestamp: ts",
        "timestamp: {}",
        "p.yaml:5: sources.events.timestamp: expected a text, found a mapping",
    );
}

#[test]
fn a_message_is_one_line() {
    check(
        "{name: shop}",
        r#"{"a\nb": "c\td"}"#,
        r"p.yaml:1: project.a\nb: unknown key (allowed: name, time_zone, tables, buckets)",
    );
    check(
        "source: events",
        r#"source: "a\nb""#,
        r"p.yaml:9: exposures.assignments.source: source `a\nb` is not defined (defined: events)",
    );
}

#[test]
fn zero_experiments_are_a_project_until_one_is_needed() {
    let files = [("p.yaml", &PROJECT[..PROJECT.find("experiment:\n").unwrap_or_default()])];
    let project = load_files(&files).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(
        project.some_experiments().map_err(|e| e.to_string()),
        Err("project `shop` defines no experiment: add a file `experiments/<name>.yaml` with the key \
             `experiment`".to_owned())
    );
}

#[test]
fn a_time_zone_has_an_iana_name() {
    assert_eq!(good("{name: shop}", "{time_zone: Asia/Kolkata}").time_zone.name(), "Asia/Kolkata");
    assert_eq!(good("{name: shop}", "{}").time_zone.name(), "UTC");
    check(
        "{name: shop}",
        "{time_zone: Asia/Kolkatta}",
        "p.yaml:1: project.time_zone: `Asia/Kolkatta` is not an IANA time zone such as `Asia/Kolkata`; did you \
         mean `Asia/Kolkata`?",
    );
}

#[test]
fn relative_paths_are_joined_to_the_folder() {
    let tables = |to: &str| good("{name: shop}", to).tables.value;
    assert_eq!(tables("{}"), "/shop/tables");
    assert_eq!(tables("{tables: ../out/./x}"), "/out/x");
    assert_eq!(tables("{tables: ../../../out}"), "/out");
    assert_eq!(tables("{tables: /out}"), "/out");
    assert_eq!(tables("{tables: 's3://bucket/../out'}"), "s3://bucket/../out");
    let path = |to: &str| good("logs/events", to).sources["events"].path.value.clone();
    assert_eq!(path("../../data/events"), "/data/events");
    assert_eq!(path("'gs://b/{yyyy}/{mm}/{dd}'"), "gs://b/{yyyy}/{mm}/{dd}");
    assert_eq!(path("'a/../b/{ds}'"), "/shop/b/{ds}");
}

#[test]
fn a_template_names_whole_days_by_known_placeholders() {
    let check = |path: &str, expect: &str| {
        check(
            "path: logs/events",
            &format!("path: '{path}'"),
            &format!("p.yaml:4: sources.events.path: {expect}"),
        );
    };
    let allowed = "(allowed: {yyyy}, {mm}, {dd}, {ds})";
    check("{day}", &format!("`{{day}}` is not a placeholder {allowed}"));
    check(
        "{ds}/{hh}",
        "`{hh}` is not needed: hours below a day are found by themselves; end the path at the day",
    );
    check("{ds}/{", &format!("a `{{` is not closed; write a placeholder {allowed} or no brace"));
    check("{yyyy}/{mm}", "names no whole day; write {ds}, or {yyyy}, {mm} and {dd}");
}

#[test]
fn a_source_needs_path_timestamp_and_units() {
    check(
        "    path: logs/events\n",
        "",
        "p.yaml:3: sources.events: `path` is missing: write the folder or the URL of the log",
    );
    check(
        "    timestamp: ts\n",
        "",
        "p.yaml:3: sources.events: `timestamp` is missing: write the SQL expression of the time of a row",
    );
    check(
        EVENTS,
        "",
        "p.yaml:3: sources.events: `units` is missing: write the SQL expression of each unit, such as \
         {user_id: user_id}",
    );
    check(
        EVENTS,
        "    units: {}\n",
        "p.yaml:6: sources.events.units: is empty: write the SQL expression of each unit, such as \
         {user_id: user_id}\n\
         p.yaml:19: experiment.design.unit: unit `user_id` is not defined (defined: none) in source `events`, \
         read by exposures `assignments`",
    );
    check(
        EVENTS,
        "    units: {user_id: user_id, user-id: x}\n",
        "p.yaml:6: sources.events.units.user-id: `user-id` is not a name; use letters, digits and _, a letter \
         or _ first",
    );
}

#[test]
fn a_source_says_what_a_whole_day_has() {
    let with = |to: &str| format!("{EVENTS}    complete: {to}\n");
    let complete = |to: &str| good(EVENTS, &with(to)).sources["events"].complete.clone();
    let all = complete("{marker: _SUCCESS, min_rows_share: 0.5, latest: 23:05}");
    assert_eq!(all.marker.map(|marker| marker.value), Some("_SUCCESS".to_owned()));
    assert_eq!(all.min_rows_share, Some(0.5));
    assert_eq!(all.latest.map(|time| time.to_string()), Some("23:05:00".to_owned()));
    let elsewhere = complete("{marker: \"s3://done/events/{ds}.ok\"}").marker;
    assert_eq!(elsewhere.map(|m| m.value), Some("s3://done/events/{ds}.ok".to_owned()));
    for (to, problem) in [
        ("{}", ": is empty: write what a whole day has: marker, min_rows_share or latest"),
        (
            "{markr: x}",
            ".markr: unknown key; did you mean `marker`? (allowed: marker, min_rows_share, latest)",
        ),
        (
            "{marker: \"done/{yyyy}\"}",
            ".marker: names no whole day; write {ds}, or {yyyy}, {mm} and {dd}",
        ),
        (
            "{marker: ../_SUCCESS}",
            ".marker: is to lie in the day's folder, as `_SUCCESS` does; write {ds} in a path that leads elsewhere",
        ),
        (
            "{min_rows_share: 0}",
            ".min_rows_share: expected a share above 0 and at most 1, found `0`",
        ),
        (
            "{min_rows_share: 50}",
            ".min_rows_share: expected a share above 0 and at most 1, found `50`",
        ),
        (
            "{latest: 25:00}",
            ".latest: `25:00` is no time of a day; write hours and minutes, as 23:00",
        ),
    ] {
        check(EVENTS, &with(to), &format!("p.yaml:7: sources.events.complete{problem}"));
    }
}

#[test]
fn a_source_says_what_becomes_of_odd_days_and_rows() {
    let events = |to: &str| good(EVENTS, &format!("{EVENTS}{to}")).sources["events"].clone();
    let source = events("");
    assert_eq!(
        (source.outside_day, source.missing_days, source.filter),
        (OutsideDay::Keep, MissingDays::Error, None)
    );
    let source = events("    outside_day: reject\n    missing_days: allow\n    filter: bot = 0\n");
    assert_eq!((source.outside_day, source.missing_days), (OutsideDay::Reject, MissingDays::Allow));
    assert_eq!(
        source.filter.map(|filter| (filter.value, filter.place.to_string())),
        Some(("bot = 0".to_owned(), "p.yaml:9: sources.events.filter".to_owned()))
    );
    check(
        EVENTS,
        &format!("{EVENTS}    outside_day: rejct\n"),
        "p.yaml:7: sources.events.outside_day: `rejct` is not allowed here; did you mean `reject`? (allowed: \
         keep, reject)",
    );
    check(
        EVENTS,
        &format!("{EVENTS}    missing_days: 3\n"),
        "p.yaml:7: sources.events.missing_days: `3` is not allowed here (allowed: error, allow)",
    );
}

#[test]
fn exposures_need_a_defined_source_and_a_variant() {
    check(
        "source: events",
        "source: event",
        "p.yaml:9: exposures.assignments.source: source `event` is not defined; did you mean `events`? \
         (defined: events)",
    );
    check(
        "    source: events\n",
        "",
        "p.yaml:8: exposures.assignments: `source` is missing: write the name of the source whose rows these are",
    );
    check(
        "    variant: variant\n",
        "",
        "p.yaml:8: exposures.assignments: `variant` is missing: write the SQL expression of the variant",
    );
    check(
        "{country: country}",
        "{all: country}",
        "p.yaml:12: exposures.assignments.segments.all: `all` means every unit; choose another name",
    );
}

#[test]
fn a_broken_definition_causes_no_second_message() {
    check(
        "timestamp: ts",
        "timestamp: []",
        "p.yaml:5: sources.events.timestamp: expected a text, found a list",
    );
    check(
        "{type: proportion, filter: event = 'click'}",
        "7",
        "p.yaml:14: metrics.clicks: expected a mapping, found `7`",
    );
}
