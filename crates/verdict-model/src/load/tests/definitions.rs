use super::{PROJECT, changed, check, check_files, good, load_files};
use crate::{
    Aggregate, Cap, Caps, Component, Cuped, MetricKind, MissingDays, OutsideDay, Project, Window,
};

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

fn component<'a>(project: &'a Project, name: &str) -> &'a Component {
    project.metrics[name].kind.components()[0]
}

#[test]
fn aggregates_have_defaults() {
    let aggregate = |from, to, name| component(&good(from, to), name).aggregate;
    assert_eq!(aggregate("shop", "shop", "clicks"), Aggregate::Any);
    assert_eq!(aggregate("shop", "shop", "revenue"), Aggregate::Sum);
    assert_eq!(aggregate("shop", "shop", "ctr"), Aggregate::Count);
    let revenue = "{type: mean, value: amount}";
    assert_eq!(aggregate(revenue, "{type: continuous}", "revenue"), Aggregate::Count);
    assert_eq!(
        aggregate(revenue, "{type: mean, value: x, aggregate: max}", "revenue"),
        Aggregate::Max
    );
    assert_eq!(
        aggregate(revenue, "{type: mean, aggregate: distinct_days}", "revenue"),
        Aggregate::DistinctDays
    );
    assert_eq!(aggregate("numerator: {", "numerator: {value: x, ", "ctr"), Aggregate::Sum);
    // YAML would make other values of these.
    assert_eq!(
        component(&good("value: amount", "value: 1.50"), "revenue")
            .value
            .as_ref()
            .map(|v| &*v.value),
        Some("1.50")
    );
}

#[test]
fn aggregates_fit_the_type() {
    check(
        "type: proportion",
        "type: proportion, aggregate: count",
        "p.yaml:14: metrics.clicks.aggregate: `count` is not allowed here (allowed: any)",
    );
    check(
        "type: mean",
        "type: mean, aggregate: any",
        "p.yaml:15: metrics.revenue.aggregate: `any` is not allowed here (allowed: count, sum, min, max, \
         distinct_days)",
    );
    for min_or_max in ["min", "max"] {
        check(
            "numerator: {",
            &format!("numerator: {{value: x, aggregate: {min_or_max}, "),
            &format!(
                "p.yaml:16: metrics.ctr.numerator.aggregate: `{min_or_max}` is not allowed here (allowed: \
             any, count, sum, distinct_days)"
            ),
        );
    }
    for word in ["sum", "min", "max"] {
        check(
            "{type: mean, value: amount}",
            &format!("{{type: mean, aggregate: {word}}}"),
            &format!(
                "p.yaml:15: metrics.revenue: `value` is missing: write the SQL expression that `{word}` is \
             taken of"
            ),
        );
    }
}

#[test]
fn a_metric_reads_the_only_source_or_names_one() {
    let project = good("shop", "shop");
    assert_eq!(component(&project, "revenue").source.value, "events");
    let text =
        changed("sources:\n", "sources:\n  other: {path: o, timestamp: ts, units: {user_id: u}}\n");
    check_files(
        &[("p.yaml", &text)],
        "p.yaml:15: metrics.clicks: `source` is missing: name one of events, other\n\
         p.yaml:16: metrics.revenue: `source` is missing: name one of events, other\n\
         p.yaml:17: metrics.ctr.denominator: `source` is missing: name one of events, other\n\
         p.yaml:17: metrics.ctr.numerator: `source` is missing: name one of events, other",
    );
    check_files(
        &[("p.yaml", "metrics: {n: {type: mean}, m: {type: mean, source: logs}}")],
        "p.yaml:1: metrics.m.source: source `logs` is not defined (defined: none)\n\
         p.yaml:1: metrics.n: `source` is missing and no source is defined; define one under `sources`",
    );
}

#[test]
fn a_metric_has_a_type() {
    check(
        "type: proportion, ",
        "",
        "p.yaml:14: metrics.clicks: `type` is missing: write proportion, mean, ratio, retention, quantile or superiority",
    );
    check(
        "type: proportion",
        "type: proportoin",
        "p.yaml:14: metrics.clicks.type: `proportoin` is not allowed here; did you mean `proportion`? (allowed: \
         proportion, mean, continuous, ratio, quantile, retention, superiority, categorical)",
    );
    check(
        "numerator: {filter: event = 'click'}, ",
        "",
        "p.yaml:16: metrics.ctr: `numerator` is missing: a ratio is a numerator over a denominator",
    );
    check(
        "type: ratio",
        "type: ratio, value: x",
        "p.yaml:16: metrics.ctr.value: unknown key (allowed: type, description, window, numerator, denominator, \
         bot_filter, threshold, cuped, winsorize, bootstrap)",
    );
    check(
        "{filter: event = 'view'}",
        "{flter: event = 'view'}",
        "p.yaml:16: metrics.ctr.denominator.flter: unknown key; did you mean `filter`? (allowed: source, filter, \
         value, aggregate)",
    );
}

#[test]
fn metric_names_are_identifiers_and_not_reserved() {
    check(
        "  clicks:",
        "  several_variants: {type: mean}\n  clicks:",
        "p.yaml:14: metrics.several_variants: `several_variants` is built in; choose another name",
    );
    check(
        "  clicks:",
        "  9-lives: {type: mean}\n  clicks:",
        "p.yaml:14: metrics.9-lives: `9-lives` is not a name; use letters, digits and _, a letter or _ first",
    );
}

#[test]
fn later_types_are_read_and_said() {
    let revenue = "{type: mean, value: amount}";
    let (ty, rest) = ("categorical", "levels: [a]");
    let project = good(revenue, &format!("{{type: {ty}, source: events, value: x, {rest}}}"));
    assert_eq!(project.metrics["revenue"].kind, MetricKind::Later(ty.to_owned()));
    let [later] = &project.later[..] else { panic!("one remark: {:?}", project.later) };
    assert_eq!(later.experiment, None);
    assert_eq!(
        format!("{}: {}", later.place, later.consequence),
        format!(
            "p.yaml:15: metrics.revenue.type: no method computes a {ty} yet: the results of `revenue` say \
         so instead of a number"
        )
    );
    check(
        revenue,
        "{type: categorical, source: evnts}",
        "p.yaml:15: metrics.revenue.source: source `evnts` is not defined; did you mean `events`? (defined: events)",
    );
}

#[test]
fn later_keys_are_read_and_said() {
    let check = |key: &str, expect: &str| {
        let project = good(
            "{type: mean, value: amount}",
            &format!("{{type: mean, value: amount, {key}: [1]}}"),
        );
        let said: Vec<_> =
            project.later.iter().map(|l| format!("{}: {}", l.place, l.consequence)).collect();
        assert_eq!(said, [format!("p.yaml:15: metrics.revenue.{key}: {expect}")]);
    };
    check("bot_filter", "bot filters are not in effect yet: every unit counts");
    check(
        "threshold",
        "thresholds of metrics are not in effect yet: no level is held against a limit",
    );
}

const REVENUE: &str = "{type: mean, value: amount}";

fn with_window(window: &str) -> String {
    format!("{{type: mean, value: amount, window: {window}}}")
}

#[test]
fn a_metric_has_its_window_or_the_one_of_the_experiment() {
    let window = |start, end| Some(Window { start, end });
    let both = changed(REVENUE, &with_window("{start: 1, end: 7}"))
        .replace("  name: ranking\n", "  name: ranking\n  window: {end: 3}\n");
    let project = load_files(&[("p.yaml", &both)]).unwrap_or_else(|e| panic!("{e}"));
    assert!(project.later.is_empty());
    assert_eq!(project.metrics["revenue"].window, window(1, 7));
    assert_eq!(project.metrics["clicks"].window, None);
    let experiment = project.experiment("ranking").unwrap_or_else(|| panic!("no experiment"));
    assert_eq!(experiment.window, window(0, 3));
    let of_metrics: Vec<_> =
        experiment.metrics().map(|m| (m.name.value.as_str(), m.window)).collect();
    let wanted = [("clicks", window(0, 3)), ("revenue", window(1, 7)), ("ctr", window(0, 3))];
    assert_eq!(of_metrics, wanted);
}

#[test]
fn windows_are_whole_days_in_order() {
    let why = "windows are whole days, because what a unit does is stored by day and never read from the log again; \
               write `{start: 0, end: 6}` for the exposure day and the six days after it";
    let at = "p.yaml:15: metrics.revenue.window";
    let check = |window: &str, expect: &str| check(REVENUE, &with_window(window), expect);
    check("{hours: 24, end: 1}", &format!("{at}.hours: {why}"));
    check("24h", &format!("{at}: is not a mapping: {why}"));
    check(
        "{start: 5, end: 2}",
        &format!("{at}.end: 2 is before `start`, 5: a window ends on a later day or the same"),
    );
    check(
        "{start: 1}",
        &format!(
            "{at}: `end` is missing: write the last day that counts, such as {{start: 0, end: 6}}"
        ),
    );
    for wrong in ["36h", "1.5", "-1", "3651"] {
        check(
            &format!("{{end: {wrong}}}"),
            &format!(
                "{at}.end: expected a whole number of days from 0 to 3650 ({why}), found `{wrong}`"
            ),
        );
    }
}

#[test]
fn cuped_is_read_where_it_can_be() {
    let project = good(
        "{type: mean, value: amount}",
        "{type: mean, value: amount, cuped: {lookback_days: 14}}",
    );
    assert_eq!(project.metrics["revenue"].cuped, Some(Cuped { lookback_days: 14 }));
    let check = |key: &str, expect: &str| {
        check(
            "{type: mean, value: amount}",
            &format!("{{type: mean, value: amount, {key}}}"),
            expect,
        );
    };
    check("cuped: yes", "p.yaml:15: metrics.revenue.cuped: write {lookback_days: 14}, or none");
    check(
        "cuped: {lookback_days: 0.5}",
        "p.yaml:15: metrics.revenue.cuped.lookback_days: expected a whole number of days, at least 1, found \
         `0.5`",
    );
    check(
        "cuped: {lookback_days: 1000}",
        "p.yaml:15: metrics.revenue.cuped.lookback_days: 1000 days are too many; look back 366 at most",
    );
    check(
        "aggregate: max, cuped: {lookback_days: 7}",
        "p.yaml:15: metrics.revenue.cuped: does not fit this metric: a unit without rows before its exposure has no smallest \
         or largest value to be adjusted by; use sum, count or distinct_days",
    );
}

#[test]
fn caps_are_fixed_or_percentiles_of_what_has_totals() {
    let caps = |text: &str| {
        let to = format!("{{type: mean, value: amount, winsorize: {text}}}");
        good("{type: mean, value: amount}", &to).metrics["revenue"].winsorize.map(|w| w.x)
    };
    let (fixed, percentile) = (|x| Some(Cap::Fixed(x)), |p| Some(Cap::Percentile(p)));
    assert_eq!(
        caps("{upper: 500, lower: 0}"),
        Some(Caps { lower: fixed(0.0), upper: fixed(500.0) })
    );
    assert_eq!(
        caps("{upper_percentile: 99.5}"),
        Some(Caps { lower: None, upper: percentile(99.5) })
    );
    let mixed = Caps { lower: fixed(-1.5), upper: percentile(99.0) };
    assert_eq!(caps("{lower: -1.5, upper_percentile: 99}"), Some(mixed));
    assert_eq!(caps("none"), None);
    let ratio = |text: &str| {
        let to = format!("{{filter: event = 'view'}}, winsorize: {text}");
        let caps = good("{filter: event = 'view'}", &to).metrics["ctr"].winsorize.expect("caps");
        (caps.x, caps.y)
    };
    let both = Caps { lower: None, upper: percentile(99.0) };
    assert_eq!(ratio("{upper_percentile: 99}"), (both, both));
    let one = Caps { lower: None, upper: fixed(20.0) };
    assert_eq!(ratio("{numerator: {upper: 20}, denominator: {}}"), (one, Caps::default()));
    let check = |text: &str, expect: &str| {
        let to = format!("{{type: mean, value: amount, winsorize: {text}}}");
        check(
            "{type: mean, value: amount}",
            &to,
            &format!("p.yaml:15: metrics.revenue.winsorize{expect}"),
        );
    };
    check("99", ": write {upper_percentile: 99.5} or {upper: 500}, or none");
    check("{}", ": has no cap; write {upper_percentile: 99.5}, {upper: 500}, or both sides");
    check("{upper: 1, lower: 2}", ": the lower cap is not below the upper one");
    check(
        "{upper: 1, upper_percentile: 2}",
        ".upper_percentile: `upper` is given as well; keep one of the two",
    );
    check(
        "{upper_percentile: 100}",
        ".upper_percentile: expected a number between 0 and 100, found `100`",
    );
}

#[test]
fn shares_of_totals_retentions_and_quantiles() {
    let kind = |text: &str| {
        let project = good(REVENUE, text);
        assert!(project.later.is_empty(), "{text}");
        // What is understood is understood again.
        let again = load_files(&[("p.yaml", &project.resolved_text())]);
        let again = again.unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(again.resolved_text(), project.resolved_text());
        (project.metrics["revenue"].kind.clone(), project.metrics["revenue"].window)
    };
    let (reaches, _) = kind("{type: proportion, value: amount, at_least: 100}");
    let MetricKind::Reaches { component, at_least } = reaches else { panic!("{reaches:?}") };
    assert_eq!((component.aggregate, at_least), (Aggregate::Sum, 100.0));
    let (retention, window) = kind("{type: retention, filter: event = 'click', days: [7, 13]}");
    let MetricKind::Retention(component) = retention else { panic!("{retention:?}") };
    assert_eq!(component.aggregate, Aggregate::Any);
    assert_eq!(window, Some(Window { start: 7, end: 13 }));
    let (events, _) = kind("{type: quantile, value: amount, quantile: 0.99}");
    let MetricKind::Quantile { component, quantile } = events else { panic!("{events:?}") };
    assert_eq!((component.aggregate, quantile), (Aggregate::Values, 0.99));
    let (units, _) =
        kind("{type: quantile, value: amount, quantile: 0.5, of: units, window: {end: 6}}");
    let MetricKind::Quantile { component, .. } = units else { panic!("{units:?}") };
    assert_eq!(component.aggregate, Aggregate::Sum);
    let (count, _) = kind("{type: quantile, aggregate: count, quantile: 0.5}");
    let MetricKind::Quantile { component, .. } = count else { panic!("{count:?}") };
    assert_eq!(component.aggregate, Aggregate::Count);
    let (ranks, _) = kind("{type: superiority, value: amount}");
    let MetricKind::Superiority(component) = ranks else { panic!("{ranks:?}") };
    assert_eq!(component.aggregate, Aggregate::Sum);
}

#[test]
fn what_does_not_go_together_is_refused() {
    let check = |metric: &str, expect: &str| {
        check(REVENUE, metric, &format!("p.yaml:15: metrics.revenue{expect}"));
    };
    check(
        "{type: retention}",
        ": `days` is missing: write the days after exposure on which a unit is to come back, such as [7, 13]",
    );
    check(
        "{type: superiority, value: amount, winsorize: {upper: 5}}",
        ".winsorize: does not fit this metric: only the totals of means and ratios have caps",
    );
    check(
        "{type: superiority, value: amount, cuped: {lookback_days: 7}}",
        ".cuped: does not fit this metric: only proportions, means and ratios have a covariate",
    );
    check(
        "{type: retention, days: [1, 7], window: {end: 7}}",
        ".days: `window` is given as well; keep one of the two",
    );
    check(
        "{type: retention, days: [9, 7]}",
        ".days[1]: 7 is before `start`, 9: a window ends on a later day or the same",
    );
    check("{type: retention, days: 7}", ".days: expected a list, found `7`");
    check(
        "{type: quantile, value: amount}",
        ": `quantile` is missing: write which one, such as 0.5 for the median",
    );
    check(
        "{type: quantile, value: amount, quantile: 99}",
        ".quantile: expected a number above 0 and below 1, found `99`",
    );
    check(
        "{type: quantile, quantile: 0.5}",
        ": `value` is missing: write the SQL expression that the quantile is taken of",
    );
    check(
        "{type: quantile, value: amount, quantile: 0.5, of: events, aggregate: max}",
        ".aggregate: a quantile of events takes every value as it is; remove `aggregate`, or write `of: units`",
    );
    check(
        "{type: quantile, value: amount, quantile: 0.5, winsorize: {upper: 5}}",
        ".winsorize: does not fit this metric: only the totals of means and ratios have caps",
    );
    check(
        "{type: quantile, value: amount, quantile: 0.5, cuped: {lookback_days: 7}}",
        ".cuped: does not fit this metric: only proportions, means and ratios have a covariate",
    );
    check(
        "{type: proportion, value: amount, at_least: many}",
        ".at_least: expected a number that the total of a unit is to reach, found `many`",
    );
}
