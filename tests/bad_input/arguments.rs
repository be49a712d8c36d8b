//! Arguments that name nothing, or cannot be read.

use super::{Shop, says};

#[test]
fn a_date_that_is_none() {
    let shop = Shop::new();
    for date in ["2024-13-01", "yesterday", "2024-1-1x"] {
        let ran = shop.project.verdict(&["run", "--date", date]).exits(2);
        assert!(
            ran.stderr.contains(&format!("invalid value '{date}' for '--date")),
            "{}",
            ran.stderr
        );
    }
    assert!(shop.tables().is_empty());
}

#[test]
fn an_experiment_that_is_not_there() {
    let shop = Shop::new();
    for command in ["run", "plan", "analyze"] {
        let ran = shop.project.verdict(&[command, "--date", "2024-01-02", "-e", "pirces"]).exits(2);
        says(&ran, &["there is no experiment `pirces`; did you mean `prices`?"]);
    }
    assert!(shop.tables().is_empty());
}

#[test]
fn a_setting_that_the_engine_does_not_have() {
    let shop = Shop::new();
    let with = |setting: &str| shop.run(2, &["--set", setting]).exits(2);
    says(
        &with("datafusion.execution.batch_sise=1"),
        &[
            "--set datafusion.execution.batch_sise=1",
            "no such setting; did you mean `datafusion.execution.batch_size`?",
        ],
    );
    says(&with("colour=red"), &["--set colour=red: the engine has no such setting"]);
    says(
        &with("datafusion.execution.batch_size=many"),
        &["--set datafusion.execution.batch_size=many: invalid digit"],
    );
    assert!(with("batch_size").stderr.contains("expected KEY=VALUE"));
    assert!(shop.tables().is_empty());
}

#[test]
fn a_date_before_the_experiment() {
    let shop = Shop::new();
    let ran = shop.project.verdict(&["run", "--date", "2023-12-31"]).exits(0);
    assert!(
        ran.stderr.contains("prices is left out of 2023-12-31: it starts on 2024-01-01"),
        "{}",
        ran.stderr
    );
    assert!(shop.tables().is_empty());
}

#[test]
fn statistics_that_have_not_been_made() {
    let shop = Shop::new();
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    let ran = shop.project.verdict(&["analyze", "--date", "2024-01-02"]).exits(2);
    says(
        &ran,
        &[
            "no group statistics at tables/group_stats/experiment=prices/ds=2024-01-02",
            "run `verdict run --date 2024-01-02` first",
        ],
    );
    assert!(shop.tables() == before);
}

#[test]
fn queries_that_are_none_or_would_change_something() {
    let shop = Shop::new();
    shop.run(1, &[]).exits(0);
    let before = shop.tables();
    let refused = "the query: only SELECT is allowed";
    let cases = [
        ("SELEC 1", "the query: Expected: an SQL statement, found: SELEC at character 1"),
        ("SELECT n FROM group_stat", "there is no table `group_stat`; did you mean `group_stats`?"),
        ("SELECT metrik FROM results", "there is no column `metrik`; did you mean `metric`?"),
        (
            "SELECT sum(metric) FROM results",
            "the query: no function fits `sum(text)`; CAST the arguments",
        ),
        ("SELECT foor(1.5)", "there is no function `foor`; did you mean `floor`?"),
        ("SELECT 1; DROP TABLE results", "the query: one statement at a time"),
        ("DROP TABLE results", refused),
        ("DELETE FROM results", refused),
        ("INSERT INTO results SELECT * FROM results", refused),
        ("CREATE TABLE t AS SELECT 1", refused),
        ("COPY results TO 'out.parquet'", refused),
        ("COPY (SELECT 1) TO 'out.parquet'", refused),
        ("CREATE EXTERNAL TABLE t STORED AS PARQUET LOCATION 'events'", refused),
        ("SET datafusion.execution.batch_size = 1", refused),
        ("SELECT * FROM 'events'", "there is no table `events`"),
    ];
    for (sql, words) in cases {
        says(&shop.project.verdict(&["query", sql]).exits(2), &[words]);
    }
    says(
        &shop.project.verdict(&["query", "SELECT 1 / 0"]).exits(1),
        &["the query: Divide by zero"],
    );
    assert!(shop.tables() == before);
    assert!(!shop.project.path().join("out.parquet").exists());
}
