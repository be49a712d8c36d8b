use super::{changed, check, check_files, good, load_files};
use crate::{Aggregate, Cap, Caps, Component, Cuped, MetricKind, Project, Window};

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
         distinct_days, distinct, first, last)",
    );
    for min_or_max in ["min", "max", "first", "last"] {
        check(
            "numerator: {",
            &format!("numerator: {{value: x, aggregate: {min_or_max}, "),
            &format!(
                "p.yaml:16: metrics.ctr.numerator.aggregate: `{min_or_max}` is not allowed here (allowed: \
             any, count, sum, distinct_days, distinct)"
            ),
        );
    }
    for word in ["sum", "min", "max", "distinct", "first", "last"] {
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
        "p.yaml:14: metrics.clicks: `type` is missing: write proportion, mean, ratio, retention, quantile, superiority or \
         categorical",
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

/// The categorical metric, named where it may be.
fn with_category(definition: &str) -> String {
    changed("  revenue:", &format!("  way: {definition}\n  revenue:"))
        .replace("[{name: ctr}]", "[{name: ctr}, {name: way}]")
}

#[test]
fn a_categorical_metric_has_a_text_of_each_unit() {
    let aggregate = |more: &str| {
        let text = with_category(&format!("{{type: categorical, value: method{more}}}"));
        let project = load_files(&[("p.yaml", &text)]).unwrap_or_else(|e| panic!("{e}"));
        let again = load_files(&[("p.yaml", &project.resolved_text())]);
        let again = again.unwrap_or_else(|e| panic!("{e}"));
        assert_eq!(again.resolved_text(), project.resolved_text());
        component(&project, "way").aggregate
    };
    assert_eq!(aggregate(""), Aggregate::LastCategory);
    assert_eq!(aggregate(", aggregate: first"), Aggregate::FirstCategory);
    assert_eq!(aggregate(", aggregate: most_frequent"), Aggregate::MostFrequent);
    let check = |definition: &str, expect: &str| {
        check_files(&[("p.yaml", &with_category(definition))], expect);
    };
    check(
        "{type: categorical}",
        "p.yaml:15: metrics.way: `value` is missing: write the SQL expression that the category is taken of",
    );
    check(
        "{type: categorical, value: method, aggregate: sum}",
        "p.yaml:15: metrics.way.aggregate: `sum` is not allowed here (allowed: first, last, most_frequent)",
    );
    check(
        "{type: categorical, value: method, winsorize: {upper: 5}}",
        "p.yaml:15: metrics.way.winsorize: does not fit this metric: only the totals of means and ratios have caps",
    );
    check(
        "{type: categorical, value: method, cuped: {lookback_days: 7}}",
        "p.yaml:15: metrics.way.cuped: does not fit this metric: only proportions, means and ratios have a covariate",
    );
    check_files(
        &[(
            "p.yaml",
            &with_category("{type: categorical, value: m}")
                .replace("{name: way}", "{name: way, mde_relative: 0.1}"),
        )],
        "p.yaml:24: experiment.metrics.secondary[1].mde_relative: has no meaning for metric `way`, which is categorical; remove it",
    );
    check_files(
        &[(
            "p.yaml",
            &with_category("{type: categorical, value: m}")
                .replace("[{name: revenue}]", "[{name: way}]")
                .replace(", {name: way}]", "]"),
        )],
        "p.yaml:23: experiment.metrics.guardrails[0]: metric `way` is categorical: its shares differ or not, and no change of them \
         is better; name it under `secondary`, and a proportion of one category here",
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
    check(
        "aggregate: last, cuped: {lookback_days: 7}",
        "p.yaml:15: metrics.revenue.cuped: does not fit this metric: a unit without rows before its exposure has no first or \
         last value to be adjusted by; use sum, count, distinct or distinct_days",
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
