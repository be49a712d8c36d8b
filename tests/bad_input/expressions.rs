//! SQL expressions that cannot be used: refused by `validate` and by `run` before anything is read.

use super::{Shop, says};
use crate::support::{doubles, hours, integers, text};

/// Puts each expression in the place of a metric's value: `validate` and `run` refuse it in the same words.
#[track_caller]
fn values(cases: &[(&str, &[&str])]) {
    let shop = Shop::after_a_good_day();
    let mut now = "value: amount".to_owned();
    for (expression, words) in cases {
        let next = format!("value: '{}'", expression.replace('\'', "''"));
        shop.edit("metrics.yaml", &now, &next);
        now = next;
        let words = [&["error: metrics.yaml:5: metrics.spend.value: `"], *words].concat();
        shop.still_fails(2, &words);
        shop.is_not_valid(&words);
    }
}

#[test]
fn an_expression_that_does_not_parse() {
    values(&[
        ("amount +", &["`amount +`: not an SQL expression: Expected: an expression"]),
        ("amount b", &["`amount b`: not", "found: b at character 8"]),
        ("amount AS b", &["`amount AS b`: not"]),
        ("*", &["not an SQL expression"]),
    ]);
}

#[test]
fn an_expression_that_tries_to_be_more() {
    values(&[
        ("1) FROM x; DROP TABLE y --", &["not an SQL expression", "found: ) at character 2"]),
        ("1; DROP TABLE events", &["not an SQL expression", "found: ; at character 2"]),
        ("amount, ts", &["not an SQL expression", "found: , at character 7"]),
        ("amount) + (1", &["not an SQL expression", "found: ) at character 7"]),
        ("$day_start", &["a parameter cannot be used here"]),
    ]);
}

#[test]
fn names_that_are_not_known() {
    let near =
        "there is no column `amuont`; did you mean `amount`? (the columns: ts, customer, amount)";
    values(&[
        ("amuont", &[near, "checked against /", "part-0.parquet"]),
        ("\"Amount\"", &["there is no column `Amount`; did you mean `amount`?"]),
        ("foor(amount)", &["there is no function `foor`; did you mean `floor`?"]),
        ("unlike_any(amount)", &["there is no function `unlike_any`; checked against"]),
    ]);
}

#[test]
fn what_does_not_follow_from_the_row() {
    let remedy = "the value must follow from its row alone";
    values(&[
        ("sum(amount)", &["the aggregate `sum` cannot be used here", remedy]),
        ("row_number() OVER ()", &["a window function cannot be used here", remedy]),
        ("(SELECT max(amount) FROM event_log)", &["a subquery cannot be used here", remedy]),
        ("(SELECT 1)", &["a subquery cannot be used here", remedy]),
        ("extract(epoch FROM now())", &["`now()` cannot be used here", remedy]),
        ("amount * random()", &["`random()` cannot be used here", remedy]),
    ]);
}

#[test]
fn types_that_do_not_fit() {
    values(&[
        ("customer", &["its type is text; a number is needed: write CAST(… AS DOUBLE)"]),
        ("ts", &["its type is Timestamp", "a number is needed"]),
        ("amount + ts", &["checked against /"]),
        ("amount + customer", &["`amount + customer`: ", "text", "checked against /"]),
        ("sqrt(customer)", &["`sqrt(customer)`: ", "checked against /"]),
    ]);
    Shop::refuses(
        |shop| {
            shop.edit("metrics.yaml", "filter: amount > 0", "filter: amount + 1");
        },
        &[
            "metrics.yaml:9: metrics.buyers.filter: `amount + 1`",
            "a filter must be true or false, this is Float64; write a comparison",
        ],
    );
}

#[test]
fn times_and_units_of_the_wrong_type() {
    Shop::refuses(
        |shop| {
            let columns = [
                ("ts", text(["2024-01-02 02:00"])),
                ("customer", doubles(&[1.5])),
                ("amount", integers(&[1])),
            ];
            shop.project.log(&super::of_day("events", 2), &columns);
        },
        // The run stops at the first of them.
        &[
            "project.yaml:6: sources.events.units.customer: `customer`: its type is Float64; a unit must be text or an integer",
        ],
    );
}

#[test]
fn a_time_that_is_text() {
    Shop::refuses(
        |shop| {
            let columns = [
                ("ts", text(["2024-01-02 01:00"])),
                ("customer", text(["c1"])),
                ("variant", text(["control"])),
            ];
            shop.project.log(&super::of_day("exposures", 2), &columns);
        },
        &[
            "project.yaml:9: sources.exposures.timestamp: `ts`: its type is text; a timestamp is needed: write",
        ],
    );
}

#[test]
fn validate_reports_all_problems_at_once() {
    let shop = Shop::new();
    let columns = [
        ("ts", text(["2024-01-02 02:00"])),
        ("customer", doubles(&[1.5])),
        ("amount", integers(&[1])),
    ];
    shop.project.log(&super::of_day("events", 2), &columns);
    shop.edit("project.yaml", "    variant: variant", "    variant: varient\n    filter: ts");
    shop.edit("project.yaml", "    timestamp: ts", "    timestamp: ts\n    filter: amount");
    shop.edit("metrics.yaml", "value: amount", "value: amount amount\n    filter: 1");
    shop.edit("metrics.yaml", "filter: amount > 0", "filter: amuont > 0");
    let ran = shop.project.verdict(&["validate"]).exits(2);
    says(
        &ran,
        &[
            "metrics.spend.value: `amount amount`: not an SQL expression",
            "metrics.buyers.filter: `amuont > 0`: there is no column `amuont`",
            "sources.events.units.customer: `customer`: its type is Float64",
            "sources.events.timestamp: `ts`: its type is text; a timestamp is needed: write",
            "to_timestamp(…) for text",
            "sources.events.filter: `amount`: a filter must be true or false",
            "exposures.assignments.variant: `varient`: there is no column `varient`; did you mean `variant`?",
            "exposures.assignments.filter: `ts`: a filter must be true or false",
        ],
    );
    assert_eq!(ran.stderr.lines().count(), 7, "{}", ran.stderr);
}

#[test]
fn units_of_two_types() {
    Shop::fails(
        |shop| {
            let columns = [
                ("ts", hours(2, &[2.0])),
                ("customer", integers(&[1])),
                ("amount", doubles(&[1.0])),
            ];
            shop.project.log(&super::of_day("events", 2), &columns);
        },
        2,
        &[
            "project.yaml:6: sources.events.units.customer: the unit is an integer here and text in source `exposures`",
            "write CAST(customer AS VARCHAR) in both",
        ],
    );
}

#[test]
fn two_metrics_of_one_expression() {
    let shop = Shop::new();
    shop.edit(
        "metrics.yaml",
        "  buyers:\n",
        "  again: {type: mean, source: events, value: amount}\n  buyers:\n",
    );
    shop.edit("experiments/prices.yaml", "[{name: buyers}]", "[{name: buyers}, {name: again}]");
    let json = shop.json(2).exits(0).json();
    assert_eq!(super::levels(&json, "again"), [4.0, 2.75, 4.0, 3.75].map(Some));
    assert_eq!(super::levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
}
