//! SQL expressions that cannot be used: refused by `validate` and by `run` before anything is read.

use super::{Shop, says};
use crate::support::{doubles, hours, integers, text};

#[track_caller]
fn value(expression: &str, words: &[&str]) {
    let quoted = format!("value: '{}'", expression.replace('\'', "''"));
    let words = [&["error: metrics.yaml:5: metrics.spend.value: `"], words].concat();
    Shop::refuses(|shop| drop(shop.edit("metrics.yaml", "value: amount", &quoted)), &words);
}

#[test]
fn an_expression_that_does_not_parse() {
    value("amount +", &["`amount +`: not an SQL expression: Expected: an expression"]);
    value("amount b", &["`amount b`: not", "found: b at character 8"]);
    value("amount AS b", &["`amount AS b`: not"]);
    value("*", &["not an SQL expression"]);
}

#[test]
fn an_expression_that_tries_to_be_more() {
    value("1) FROM x; DROP TABLE y --", &["not an SQL expression", "found: ) at character 2"]);
    value("1; DROP TABLE events", &["not an SQL expression", "found: ; at character 2"]);
    value("amount, ts", &["not an SQL expression", "found: , at character 7"]);
    value("amount) + (1", &["not an SQL expression", "found: ) at character 7"]);
    value("$day_start", &["a parameter cannot be used here"]);
}

#[test]
fn names_that_are_not_known() {
    value(
        "amuont",
        &[
            "there is no column `amuont`; did you mean `amount`? (the columns: ts, customer, amount)",
            "checked against /",
            "part-0.parquet",
        ],
    );
    value("\"Amount\"", &["there is no column `Amount`; did you mean `amount`?"]);
    value("foor(amount)", &["there is no function `foor`; did you mean `floor`?"]);
    value("nothing_like_it(amount)", &["there is no function `nothing_like_it`; checked against"]);
}

#[test]
fn what_does_not_follow_from_the_row() {
    let remedy = "the value must follow from its row alone";
    value("sum(amount)", &["the aggregate `sum` cannot be used here", remedy]);
    value("row_number() OVER ()", &["a window function cannot be used here", remedy]);
    value("(SELECT max(amount) FROM event_log)", &["a subquery cannot be used here", remedy]);
    value("extract(epoch FROM now())", &["`now()` cannot be used here", remedy]);
    value("amount * random()", &["`random()` cannot be used here", remedy]);
}

#[test]
fn types_that_do_not_fit() {
    value("customer", &["its type is text; a number is needed: write CAST(… AS DOUBLE)"]);
    value("ts", &["its type is Timestamp", "a number is needed"]);
    value("amount + ts", &["checked against /"]);
    Shop::refuses(
        |shop| drop(shop.edit("metrics.yaml", "filter: amount > 0", "filter: amount + 1")),
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
            shop.edit("project.yaml", "    timestamp: ts", "    timestamp: ts\n    filter: amount");
        },
        // The run stops at the first of them.
        &["project.yaml:7: sources.events.units.customer: `customer`: its type is Float64; a unit must be text or an integer"],
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
