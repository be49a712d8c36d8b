//! Arms that are empty, unknown or too small, and units in two of them.

use super::{Shop, check, levels, result};

#[test]
fn a_control_that_the_log_never_shows() {
    let shop = Shop::new();
    shop.edit("experiments/prices.yaml", "unit: customer", "unit: customer\n    control: contrl");
    shop.edit("experiments/prices.yaml", "[control, treatment]", "[contrl, treatment]");
    let json = shop.json(2).exits(3).json();
    assert_eq!(json["experiments"][0]["decisions"][0]["decision"], "invalid");
    let (status, missing, message) = check(&json, "variants_present");
    assert_eq!((status, missing), ("fail", Some(1.0)));
    for words in [
        "No unit was exposed to the control `contrl` (did you mean `control`?)",
        "The log shows `control` (5 rows) and `treatment` (5 rows)",
        "Correct `design.control` or `design.variants`",
    ] {
        assert!(message.contains(words), "no `{words}` in {message}");
    }
    assert_eq!(check(&json, "unknown_variants").0, "warn");
    assert_eq!(result(&json, "spend")["status"], "insufficient");

    let text = shop.run(2, &[]).exits(3).stdout;
    assert!(text.contains("CHECK FAILED  variants_present: No unit was exposed"), "{text}");
    assert!(text.contains("treatment against contrl: INVALID"), "{text}");
    shop.run(2, &["--fail-on", "never"]).exits(0);
}

#[test]
fn an_arm_without_units() {
    let shop = Shop::new();
    let control = ["c1", "c2", "c3", "c4"];
    shop.exposures(1, &control, &["control"; 4]);
    shop.exposures(2, &["c1"], &["control"]);
    let json = shop.json(2).exits(3).json();
    assert_eq!(json["experiments"][0]["decisions"][0]["decision"], "invalid");
    assert!(
        check(&json, "variants_present")
            .2
            .contains("No unit was exposed to the variant `treatment`")
    );
    assert_eq!(levels(&json, "spend"), [Some(4.0), Some(2.75), Some(0.0), None]);
    let row = result(&json, "spend");
    assert_eq!((row["status"].as_str(), row["p_value"].as_f64()), (Some("insufficient"), None));
}

#[test]
fn nobody_at_all() {
    let shop = Shop::new();
    shop.exposures(1, &[], &[]).exposures(2, &[], &[]);
    let json = shop.json(2).exits(3).json();
    assert!(check(&json, "sample_ratio").2.contains("There are no exposed units at all"));
    assert_eq!(levels(&json, "spend"), [Some(0.0), None, Some(0.0), None]);
}

#[test]
fn another_key_than_the_log_has() {
    let shop = Shop::new();
    shop.edit(
        "project.yaml",
        "    variant: variant",
        "    variant: variant\n    experiment: \"'price_test'\"",
    );
    let json = shop.json(2).exits(3).json();
    let message = check(&json, "sample_ratio").2;
    assert!(
        message.contains("No row of the exposure log (10 rows read) belongs to this experiment"),
        "{message}"
    );
    assert!(message.contains("whose key there is `prices`: correct `exposures.key`"), "{message}");
}

#[test]
fn one_unit_an_arm() {
    let shop = Shop::new();
    shop.exposures(1, &["c1", "t1"], &["control", "treatment"]);
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [1.0, 2.0, 1.0, 3.0].map(Some));
    let row = result(&json, "spend");
    assert_eq!(row["status"], "insufficient", "{row}");
    assert_eq!(row["p_value"].as_f64(), None);
    assert_eq!(json["experiments"][0]["decisions"][0]["decision"], "inconclusive");
}

#[test]
fn no_variance() {
    let shop = Shop::new();
    shop.events(1, &super::CUSTOMERS, &[2.0; 8]);
    shop.events(2, &[], &[]);
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.0, 4.0, 2.0].map(Some));
    let row = result(&json, "spend");
    assert_eq!(
        (row["status"].as_str(), row["effect"].as_f64()),
        (Some("insufficient"), Some(0.0)),
        "{row}"
    );
    assert!(row["reason"].is_string(), "{row}");
    assert_eq!(json["experiments"][0]["decisions"][0]["decision"], "inconclusive");
}

#[test]
fn a_ratio_over_nothing() {
    let shop = Shop::new();
    let ratio = "\
metrics:
  per_return:
    type: ratio
    numerator: {source: events, value: amount}
    denominator: {source: events, filter: amount < 0, aggregate: count}
";
    shop.project.file("ratio.yaml", ratio);
    shop.edit("experiments/prices.yaml", "{name: buyers}", "{name: per_return}");
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "per_return"), [Some(4.0), None, Some(4.0), None]);
    let row = result(&json, "per_return");
    assert_ne!(row["status"], "ok", "{row}");
    assert!(row["reason"].is_string(), "{row}");
    // One bad metric does not sink the others.
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
}

/// Day 2: `c1` meets the treatment, too; `day` is where.
fn in_two_arms(day: i64, configured: &str) -> serde_json::Value {
    let shop = Shop::new();
    match day {
        1 => {
            let (mut who, mut what) = (super::CUSTOMERS.to_vec(), super::arms(&super::CUSTOMERS));
            who.push("c1");
            what.push("treatment");
            let mut when = vec![1.0; 8];
            when.push(1.5);
            let columns = [
                ("ts", crate::support::hours(1, &when)),
                ("customer", super::texts(&who)),
                ("variant", super::texts(&what)),
            ];
            shop.project.log(&super::of_day("exposures", 1), &columns);
        }
        _ => {
            shop.exposures(2, &["c1", "t1"], &["treatment", "treatment"]);
        }
    }
    shop.edit(
        "experiments/prices.yaml",
        "unit: customer",
        &format!("unit: customer\n    several_variants: {configured}"),
    );
    shop.json(2).exits(3).json()
}

#[test]
fn a_unit_in_two_arms_is_excluded() {
    for day in [1, 2] {
        let json = in_two_arms(day, "exclude");
        // c2, c3, c4 spent 2, 3, 4.
        assert_eq!(levels(&json, "spend"), [3.0, 3.0, 4.0, 3.75].map(Some), "day {day}");
        let (status, units, message) = check(&json, "several_variants");
        assert_eq!((status, units), ("fail", Some(1.0)));
        assert!(
            message
                .contains("1 of 8 exposed units (12.50%) met several variants, for example `c1`"),
            "{message}"
        );
        assert!(message.contains("left out of every metric"), "{message}");
        assert_eq!(check(&json, "sample_ratio").0, "pass");
        assert_eq!(check(&json, "conservation_units").0, "pass");
    }
}

#[test]
fn a_unit_in_two_arms_counts_by_its_first() {
    for day in [1, 2] {
        let json = in_two_arms(day, "first");
        assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some), "day {day}");
        let (status, units, message) = check(&json, "several_variants");
        assert_eq!((status, units), ("fail", Some(1.0)));
        assert!(message.contains("They count with the variant that they met first"), "{message}");
    }
}

#[test]
fn a_small_share_in_two_arms_is_a_warning() {
    let shop = Shop::new();
    let names: Vec<String> =
        (0..200).map(|i| format!("{}{i}", if i < 100 { "c" } else { "t" })).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    shop.exposures(1, &names, &super::arms(&names));
    shop.exposures(2, &["c0", "c1"], &["treatment", "treatment"]);
    shop.events(1, &names, &vec![1.0; 200]);
    shop.events(2, &["c1", "c2"], &[1.0, 1.0]);
    let json = shop.json(2).exits(0).json();
    let (status, units, message) = check(&json, "several_variants");
    assert_eq!((status, units), ("warn", Some(2.0)), "{message}");
    // Of c2 to c99, one spent 2 and the others 1.
    assert_eq!(levels(&json, "spend"), [98.0, 99.0 / 98.0, 100.0, 1.0].map(Some));
    shop.run(2, &["--fail-on", "warnings"]).exits(3);
}
