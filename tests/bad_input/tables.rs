//! Tables that were damaged, or cannot be written.

use super::{Shop, footer_length, levels, says};

/// Every partition of a two-day run but the registration, which nothing is made from again: damaged, the run after it
/// repairs each, and gives the same bytes again.
#[test]
fn partitions_that_are_garbage_are_made_again() {
    let shop = Shop::new();
    shop.run(2, &[]).exits(0);
    let whole = shop.tables();
    assert_eq!(whole.len(), 2 * 2 + 5 + 1);
    let derived = || whole.keys().filter(|path| !path.starts_with("registrations/"));
    let damage = |path: &str, garbage: &str| {
        std::fs::write(shop.project.path().join("tables").join(path), garbage).unwrap();
    };
    for path in derived() {
        damage(path, "garbage, and more than twelve bytes of it");
        shop.run(2, &[]).exits(0);
        assert!(shop.tables() == whole, "{path}");
    }
    // The four bytes before the mark at the end say how long the footer is: longer than the file.
    for garbage in ["", "PAR1", "PAR1 and more than twelve bytes ~~~~PAR1"] {
        derived().for_each(|path| damage(path, garbage));
        shop.run(2, &[]).exits(0);
        assert!(shop.tables() == whole, "{garbage}");
    }
    derived().for_each(|path| damage(path, "garbage everywhere"));
    let ran = shop.project.verdict(&["query", "SELECT count(*) FROM results"]).exits(1);
    says(
        &ran,
        &[
            "part-0.parquet: this partition is damaged",
            "remove it, and `verdict run` makes it again",
        ],
    );
    shop.run(2, &[]).exits(0);
    assert!(shop.tables() == whole);
}

/// A damage that the footer does not show: the run says which file, and what to do.
#[test]
fn partitions_with_damaged_pages_are_named() {
    let shop = Shop::new();
    shop.run(2, &[]).exits(0);
    let whole = shop.tables();
    let cases = [
        ("unit_day/unit_type=customer/ds=2024-01-01", "unit_total/experiment=prices/ds=2024-01-02"),
        (
            "exposure_day/experiment=prices/ds=2024-01-02",
            "unit_total/experiment=prices/ds=2024-01-02",
        ),
        (
            "unit_total/experiment=prices/ds=2024-01-02",
            "group_stats/experiment=prices/ds=2024-01-02",
        ),
        ("group_stats/experiment=prices/ds=2024-01-02", "results/experiment=prices/ds=2024-01-02"),
    ];
    for (damaged, made_from_it) in cases {
        let tables = shop.project.path().join("tables");
        let file = tables.join(damaged).join("part-0.parquet");
        let mut bytes = std::fs::read(&file).unwrap();
        let pages = bytes.len() - footer_length(&bytes);
        bytes[4..pages].fill(0xff);
        std::fs::write(&file, bytes).unwrap();
        let words = format!("{damaged}/part-0.parquet: this partition is damaged");
        let table = damaged.split('/').next().unwrap();
        let query = format!("SELECT * FROM {table}");
        says(&shop.project.verdict(&["query", &query]).exits(1), &[&words]);
        std::fs::remove_file(tables.join(made_from_it).join("part-0.parquet")).unwrap();
        says(&shop.run(2, &[]).exits(1), &[&words, "remove it, and `verdict run` makes it again"]);
        std::fs::remove_file(&file).unwrap();
        shop.run(2, &[]).exits(0);
        assert!(shop.tables() == whole, "{damaged}");
    }
}

#[test]
fn tables_that_cannot_be_written() {
    let shop = Shop::new();
    shop.project.file("tables", "a file where the folder should be");
    says(
        &shop.run(2, &[]).exits(1),
        &[
            "tables/unit_day/",
            "Not a directory",
            "check the path, and that it may be read and written",
        ],
    );
    let shop = Shop::new();
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    shop.project.file("tables/unit_day/unit_type=customer/ds=2024-01-02", "a file");
    says(&shop.run(2, &[]).exits(1), &["unit_day/unit_type=customer/ds=2024-01-02"]);
    std::fs::remove_file(
        shop.project.path().join("tables/unit_day/unit_type=customer/ds=2024-01-02"),
    )
    .unwrap();
    assert!(shop.tables() == before);
    let json = shop.json(2).exits(0).json();
    assert_eq!(levels(&json, "spend"), [4.0, 2.75, 4.0, 3.75].map(Some));
}

#[test]
fn a_root_of_the_tables_that_is_no_place() {
    let shop = Shop::new();
    says(
        &shop.run(2, &["--tables", "gopher://x/y"]).exits(2),
        &[
            "the command line:1: --tables: `gopher://x/y` is not a path or URL",
            "use a path, file://, s3://, gs://, az://, abfss://, http:// or https://",
        ],
    );
    assert!(shop.tables().is_empty());
}
