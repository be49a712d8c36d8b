//! Logs that are late, damaged, or not what they were the day before.

use std::path::PathBuf;

use super::{Shop, footer_length, levels, of_day, says};
use crate::support::{booleans, doubles, hours, integers, text};

fn path(shop: &Shop, log: &str, day: i64) -> PathBuf {
    shop.project.path().join(of_day(log, day))
}

#[test]
fn a_day_without_files() {
    let shop = Shop::fails(
        |shop| std::fs::remove_file(path(shop, "events", 2)).unwrap(),
        1,
        &[
            "source `events` has no Parquet objects for ds=2024-01-02 under events/ds=2024-01-02",
            "wait for the log, choose another date, or set `missing_days: allow`",
        ],
    );
    // An object of another kind does not count as one.
    shop.project.file("events/ds=2024-01-02/_SUCCESS", "");
    says(&shop.run(2, &[]).exits(1), &["no Parquet objects for ds=2024-01-02"]);

    shop.edit("project.yaml", "path: events", "path: events\n    missing_days: allow");
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.5, 4.0, 3.5].map(Some));
}

#[test]
fn a_day_missing_in_the_middle() {
    let shop = Shop::new();
    shop.exposures(3, &["c2"], &["control"]);
    shop.events(3, &["c2"], &[4.0]);
    std::fs::remove_dir_all(path(&shop, "exposures", 2).parent().unwrap()).unwrap();
    says(
        &shop.run(3, &[]).exits(1),
        &[
            "source `exposures` has no Parquet objects for ds=2024-01-02",
            "(the log has days from 2024-01-01 to 2024-01-03)",
        ],
    );
    assert!(shop.tables().is_empty(), "a run that cannot be whole is not begun");

    shop.edit("project.yaml", "path: exposures", "path: exposures\n    missing_days: allow");
    let json = shop.json(3).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 3.75, 4.0, 3.75].map(Some));
}

#[test]
fn a_log_without_any_day() {
    let shop = Shop::new();
    std::fs::remove_dir_all(shop.project.path().join("events")).unwrap();
    std::fs::create_dir(shop.project.path().join("events")).unwrap();
    says(
        &shop.run(1, &[]).exits(1),
        &["no Parquet objects for ds=2024-01-01", "no day at all was found"],
    );
    says(
        &shop.project.verdict(&["validate"]).exits(1),
        &["source `events` has no Parquet objects in any day under", "correct its `path`"],
    );
    assert!(shop.tables().is_empty());
}

const NOT_PARQUET: [&str; 2] =
    ["events/ds=2024-01-02/part-0.parquet: not a readable Parquet file", "replace or remove it"];

#[track_caller]
fn damaged(damage: impl Fn(Vec<u8>) -> Vec<u8>) {
    let shop = Shop::after_a_good_day();
    for log in ["events", "exposures"] {
        let whole = std::fs::read(path(&shop, log, 2)).expect("a log");
        std::fs::write(path(&shop, log, 2), damage(whole.clone())).expect("a log");
        let words = NOT_PARQUET.map(|words| words.replace("events/", &format!("{log}/")));
        shop.still_fails(1, &words.each_ref().map(String::as_str));
        std::fs::write(path(&shop, log, 2), whole).expect("a log");
    }
    // The logs are repaired: the next run makes what was missing.
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
}

#[test]
fn a_file_that_is_not_parquet() {
    damaged(|_| b"ts,customer,amount\n2024-01-02,c1,1.0\n".to_vec());
}

#[test]
fn an_empty_file() {
    damaged(|_| Vec::new());
}

#[test]
fn a_file_without_its_end() {
    damaged(|whole| whole[..whole.len() / 2].to_vec());
    damaged(|whole| whole[..whole.len() - 1].to_vec());
    damaged(|whole| whole[..5].to_vec());
}

/// The four bytes before the mark at the end say how long the footer is.
#[test]
fn a_file_whose_footer_claims_more_than_there_is() {
    for claim in [1 << 20, u32::MAX, u32::MAX - 7] {
        damaged(|mut whole| {
            let at = whole.len() - 8;
            whole[at..at + 4].copy_from_slice(&claim.to_le_bytes());
            whole
        });
    }
    // One byte more than lies before it.
    damaged(|mut whole| {
        let at = whole.len() - 8;
        let claim = u32::try_from(at + 1).expect("a small log");
        whole[at..at + 4].copy_from_slice(&claim.to_le_bytes());
        whole
    });
}

#[test]
fn a_file_with_damaged_pages() {
    damaged(|mut whole| {
        let footer = footer_length(&whole);
        let pages = whole.len() - footer;
        whole[4..pages].fill(0);
        whole
    });
}

#[test]
fn a_file_without_its_pages() {
    damaged(|whole| {
        let footer = whole.len() - footer_length(&whole);
        [&whole[..4], &whole[footer..]].concat()
    });
}

#[test]
fn a_day_without_a_used_column() {
    Shop::fails(
        |shop| {
            let columns = [("ts", hours(2, &[2.0])), ("customer", text(["c1"]))];
            shop.project.log(&of_day("events", 2), &columns);
        },
        2,
        &[
            "metrics.yaml:9: metrics.buyers.filter: `amount > 0`: there is no column `amount` (the columns: ts, customer)",
            "checked against /",
            "events/ds=2024-01-02/part-0.parquet",
        ],
    );
}

/// A column that came with a release in the middle of the day: before it, it is null, which is no number.
#[test]
fn a_file_that_lacks_what_another_of_its_day_has() {
    for first in ["part-0", "part-9"] {
        let shop = Shop::new();
        let columns = [("ts", hours(2, &[2.0])), ("customer", text(["c2"]))];
        std::fs::rename(
            path(&shop, "events", 2),
            path(&shop, "events", 2).with_file_name("part-5.parquet"),
        )
        .unwrap();
        shop.project.log(&format!("events/ds=2024-01-02/{first}.parquet"), &columns);
        let json = shop.json(2).exits(0).json();
        assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
    }
}

#[test]
fn files_of_a_day_that_do_not_agree_on_a_type() {
    Shop::fails(
        |shop| {
            let columns =
                [("ts", hours(2, &[2.0])), ("customer", text(["c1"])), ("amount", integers(&[1]))];
            shop.project.log("events/ds=2024-01-02/part-1.parquet", &columns);
        },
        1,
        &[
            "events/ds=2024-01-02/part-1.parquet: column `amount` is Int64, but /",
            "events/ds=2024-01-02/part-0.parquet has it as Float64, and no type holds both without loss",
        ],
    );
}

#[test]
fn a_column_that_nothing_uses_may_differ() {
    let shop = Shop::new();
    let columns = [
        ("ts", hours(2, &[2.0])),
        ("note", booleans(&[true])),
        ("customer", text(["c2"])),
        ("amount", doubles(&[4.0])),
    ];
    shop.project.log("events/ds=2024-01-02/part-1.parquet", &columns);
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 3.75, 4.0, 3.75].map(Some));
}

#[test]
fn days_that_do_not_agree_on_a_type() {
    let shop = Shop::new();
    shop.run(1, &[]).exits(0);
    let first = shop.tables();
    shop.amounts(2, &["c1"], integers(&[1]));
    says(
        &shop.run(2, &[]).exits(2),
        &[
            "metrics.yaml:5: metrics.spend.value: the value is a double on 2024-01-01 and an integer on 2024-01-02",
            "write CAST(… AS DOUBLE) so that every day has the same",
        ],
    );
    let second = shop.tables();
    assert!(first.iter().all(|(path, bytes)| second.get(path) == Some(bytes)));
    shop.edit("metrics.yaml", "value: amount", "value: CAST(amount AS DOUBLE)");
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.5].map(Some));
}

/// What a file's footer promises and its row groups do not have was lost on the way: nothing is made of such a day, whichever log
/// it is of.
#[test]
fn rows_that_are_lost_or_read_twice_stop_the_day() {
    for (log, rows, read) in
        [("events", 3, 2), ("events", 1, 2), ("exposures", 3, 2), ("exposures", 1, 2)]
    {
        let told = format!(
            "source `{log}` on 2024-01-02: its files have {rows} rows, of which {read} were read: 1 were lost or read twice; \
             check whether files were rewritten while they were read, and run again"
        );
        Shop::fails(|shop| promise(&path(shop, log, 2), 2, rows), 1, &[&told]);
    }
}

/// Changes the number of rows in a file's footer (Thrift's compact protocol: the third field, a number of zigzag code, before
/// the list of the one row group) and leaves the rows as they are.
fn promise(path: &PathBuf, has: u8, rows: u8) {
    let mut whole = std::fs::read(path).expect("a file");
    let footer = whole.len() - footer_length(&whole);
    let field = |rows: u8| [0x16, 2 * rows, 0x19, 0x1c];
    let mut places = (footer..whole.len() - 4).filter(|at| whole[*at..*at + 4] == field(has));
    let at = places.next().expect("the number of rows");
    assert_eq!(places.next(), None, "which of them is it?");
    whole[at..at + 4].copy_from_slice(&field(rows));
    std::fs::write(path, whole).expect("a file");
}
