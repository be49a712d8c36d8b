//! Names, expressions and files that somebody made to do harm: none leaves the tables' folder, none reads what is not the log's
//! row, none takes the process down.

use super::{Shop, footer_length, of_day, says, texts};
use crate::support::hours;

/// Names that are paths, statements, or more than a file system takes.
const NAMES: [&str; 9] = [
    "../../x",
    "/etc/passwd",
    "a/b",
    "..",
    "x\\y",
    "'; DROP TABLE results; --",
    "\"; DROP",
    "a=b",
    "x\u{202e}y",
];

/// What lies outside the tables' folder: paths, sorted.
fn beside(shop: &Shop) -> Vec<String> {
    let files = shop.project.files(".").into_iter().map(|(path, _)| path);
    files.filter(|path| !path.starts_with("tables/")).collect()
}

#[test]
fn the_name_of_an_experiment_leaves_no_folder() {
    let long = "n".repeat(10_000);
    for name in NAMES.into_iter().chain([long.as_str(), "two\\nlines", "\\0"]) {
        let shop = Shop::new();
        let quoted = format!("name: \"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""));
        shop.edit("experiments/prices.yaml", "name: prices", &quoted);
        shop.edit(
            "project.yaml",
            "variant: variant\n",
            "variant: variant\n    experiment: \"'prices'\"\n",
        );
        let before = beside(&shop);
        let ran = shop.run(1, &[]);
        assert!([0, 2, 3].contains(&ran.code), "{name:.40}: {}\n{:.2000}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{:.2000}", ran.stderr);
        assert_eq!(beside(&shop), before, "{name:.40}");
    }
}

/// Variants of the log may be any text: they are counted, told, and no part of a statement.
#[test]
fn a_variant_of_the_log_may_be_any_text() {
    let long = "v".repeat(10_000);
    let names: Vec<&str> = NAMES.into_iter().chain(["two\nlines", "\0", long.as_str()]).collect();
    let shop = Shop::new();
    let customers: Vec<String> = (0..names.len()).map(|n| format!("x{n}")).collect();
    let customers: Vec<&str> = customers.iter().map(String::as_str).collect();
    shop.exposures(2, &customers, &names);
    let ran = shop.json(2);
    assert!([0, 3].contains(&ran.code), "{}", ran.stderr);
    let json = ran.json();
    let (status, rows, message) = super::check(&json, "unknown_variants");
    assert_eq!((status, rows), ("warn", Some(names.len() as f64)), "{message:.500}");
    assert_eq!(super::levels(&json, "spend"), [Some(4.0), Some(2.75), Some(4.0), Some(3.75)]);
    shop.project.verdict(&["query", "SELECT count(*) FROM results"]).exits(0);
}

/// A variant of the configuration may be any text, too, and the tables have it as it is.
#[test]
fn a_variant_of_the_definition_may_be_any_text() {
    let name = "'; DROP TABLE results; --";
    let shop = Shop::new();
    shop.edit("experiments/prices.yaml", "treatment]", &format!("\"{name}\"]"));
    let customers = ["c1", "c2", "c3", "c4", "t1", "t2", "t3", "t4"];
    shop.exposures(
        1,
        &customers,
        &["control", "control", "control", "control", name, name, name, name],
    );
    let json = shop.json(1).exits(0).json();
    assert_eq!(super::levels(&json, "spend"), [Some(4.0), Some(2.5), Some(4.0), Some(3.5)]);
    assert_eq!(super::result(&json, "spend")["variant"], name);
}

#[test]
fn units_may_be_any_text() {
    let long = "u".repeat(10_000);
    let names: Vec<&str> =
        NAMES.into_iter().chain(["", "\0", "two\nlines", long.as_str()]).collect();
    let shop = Shop::new();
    let arms: Vec<&str> =
        (0..names.len()).map(|n| if n % 2 == 0 { "control" } else { "treatment" }).collect();
    shop.exposures(1, &names, &arms);
    shop.events(1, &names, &vec![1.0; names.len()]);
    let json = shop.json(1).exits(0).json();
    assert_eq!(super::levels(&json, "spend"), [Some(7.0), Some(1.0), Some(6.0), Some(1.0)]);
}

/// An expression is a function of its row: no other table, no file, no statement, and no depth that ends the process.
#[test]
fn an_expression_reads_nothing_but_its_row() {
    let deep = format!("{}amount{}", "(".repeat(3_000), ")".repeat(3_000));
    let long = format!("amount{}", " + 1".repeat(20_000));
    let not = format!("{}true", "NOT ".repeat(20_000));
    let (deep_enough, not_enough) =
        (format!("{}amount{}", "(".repeat(1_900), ")".repeat(1_900)), "NOT ".repeat(990) + "true");
    for value in [
        "(SELECT max(amount) FROM exposure_log)",
        "(SELECT count(*) FROM '/etc/passwd')",
        "(SELECT 1 FROM read_parquet('/etc/passwd'))",
        "EXISTS (SELECT 1 FROM information_schema.tables)",
        "amount; DROP TABLE event_log",
        "amount FROM event_log --",
        "amount IN (SELECT amount FROM event_log)",
        "CAST(@@version AS DOUBLE)",
        deep.as_str(),
        long.as_str(),
        not.as_str(),
        deep_enough.as_str(),
        not_enough.as_str(),
    ] {
        let shop = Shop::new();
        shop.edit("metrics.yaml", "value: amount", &format!("value: \"{value}\""));
        let ran = shop.run(1, &[]);
        assert_eq!(ran.code, 2, "{value:.60}: {:.2000}", ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{:.2000}", ran.stderr);
        assert!(ran.stderr.contains("metrics.yaml:5: metrics.spend.value"), "{:.2000}", ran.stderr);
        assert!(shop.tables().is_empty());
    }
}

/// A text that would be billions of times as long as it is written.
#[test]
fn a_file_of_aliases_is_refused() {
    let shop = Shop::new();
    let bomb = (1..40).fold("a0: &a0 [x]\n".to_owned(), |text, i| {
        format!("{text}a{i}: &a{i} [*a{0}, *a{0}, *a{0}]\n", i - 1)
    });
    shop.project.file("bomb.yaml", &bomb);
    says(&shop.run(1, &[]).exits(2), &["bomb.yaml:"]);
}

/// Every byte of a small log's file, one after the other with a step, is another one: each run ends with a message or a number.
#[test]
fn a_file_may_have_any_byte_wrong() {
    let shop = Shop::new();
    let path = shop.project.path().join(of_day("events", 1));
    let whole = std::fs::read(&path).unwrap_or_default();
    let footer = whole.len() - footer_length(&whole);
    assert!(footer > 100 && whole.len() > footer + 100, "{} {footer}", whole.len());
    // Of pages a few, of the footer more: that is where sizes are claimed.
    let places = (4..footer).step_by(footer / 8).chain((footer..whole.len()).step_by(41));
    for (n, at) in places.enumerate() {
        let mut bytes = whole.clone();
        bytes[at] = if n % 2 == 0 { 0xff } else { bytes[at] ^ 0x10 };
        std::fs::write(&path, &bytes).unwrap_or_default();
        let tables = format!("tables-{n}");
        let ran = shop.run(1, &["--tables", &tables, "--quiet", "--memory", "256MB"]);
        assert!([0, 1, 2, 3].contains(&ran.code), "byte {at}: {}\n{}", ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "byte {at}: {}", ran.stderr);
        if [1, 2].contains(&ran.code) {
            assert!(ran.stderr.starts_with("error: "), "byte {at}: {}", ran.stderr);
        }
    }
}

/// Columns of the log may have any name.
#[test]
fn a_column_may_have_any_name() {
    let shop = Shop::new();
    let odd = "a\"; DROP TABLE x; --";
    shop.project.log(
        &of_day("events", 1),
        &[
            ("ts", hours(1, &[2.0; 2])),
            ("customer", texts(&["c1", "t1"])),
            (odd, crate::support::doubles(&[1.0, 2.0])),
        ],
    );
    shop.edit("metrics.yaml", "value: amount", "value: '\"a\"\"; DROP TABLE x; --\"'");
    shop.edit("metrics.yaml", "filter: amount > 0", "filter: '\"a\"\"; DROP TABLE x; --\" > 0'");
    let json = shop.json(1).exits(0).json();
    assert_eq!(super::levels(&json, "spend"), [Some(4.0), Some(0.25), Some(4.0), Some(0.5)]);
}
