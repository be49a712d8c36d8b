//! `query --workers`: the parts of a query that other processes made, and the rows of one process.

use std::path::Path;

use super::cluster::Worker;
use crate::support::{Ran, verdict};

/// Queries whose rows are in an order: over partitions, joins, views, subqueries, the day that it is.
const QUERIES: [&str; 7] = [
    "SELECT ds, unit_type, count(*) AS units FROM unit_day GROUP BY ds, unit_type ORDER BY ds, unit_type",
    "SELECT e.variant, count(*) AS n, count(DISTINCT u.unit) AS units FROM exposure_day e \
     JOIN unit_day u ON CAST(u.unit AS VARCHAR) = CAST(e.unit AS VARCHAR) AND u.ds = e.ds GROUP BY e.variant ORDER BY e.variant",
    "SELECT * FROM latest_decisions ORDER BY experiment",
    "SELECT metric, variant, count(*) FILTER (WHERE n > (SELECT avg(n) FROM group_stats)) AS large, sum(n) AS n \
     FROM group_stats GROUP BY metric, variant ORDER BY metric, variant",
    "SELECT count(*) AS before_now FROM unit_day WHERE ds < now()",
    "SELECT * FROM unit_total ORDER BY experiment, ds, unit",
    "SELECT unit FROM unit_total WHERE ds = (SELECT max(ds) FROM unit_total) ORDER BY unit LIMIT 5",
];

fn query(folder: &Path, more: &[&str]) -> Ran {
    verdict(folder, &[&["query", "--project", "demo"], more].concat())
}

/// A generated project in `folder` with the tables of its first three days.
fn made(folder: &Path) {
    super::generated(folder, &[]);
    let args = ["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-04"];
    verdict(folder, &[&args[..], &["--fail-on", "never", "--quiet"]].concat()).exits(0);
}

/// How many parts workers made, and how many there are.
fn parts(ran: &Ran) -> (usize, usize) {
    let line = ran.stderr.lines().find(|line| line.contains("parts of the query were made by"));
    let mut words = line.expect("what workers made").split(' ');
    let mut number = || words.find_map(|word| word.parse().ok()).expect("a number");
    (number(), number())
}

#[test]
fn workers_make_the_parts_of_queries_and_their_rows_are_those_of_one_process() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    made(at);
    let mut workers = [Worker::start(at), Worker::start(at)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    for sql in QUERIES {
        let local = query(at, &["--output", "json", sql]).exits(0);
        assert!(local.stdout.contains("{\""), "{sql}: no row");
        let sent = ["--workers", &addresses, "--workers-lost", "fail", "--output", "json", sql];
        let spread = query(at, &sent).exits(0);
        assert_eq!(spread.stdout, local.stdout, "{sql}");
        let (by_workers, of) = parts(&spread);
        assert!(by_workers > 0 && by_workers == of, "{sql}: {}", spread.stderr);
    }
    // Both had parts of the first query.
    for worker in &mut workers {
        let line = worker.line();
        assert!(line.starts_with("made ") && line.contains(" parts of the query"), "{line}");
    }
    // Packed rows are fewer bytes, and the same rows.
    let [plain, lz4, zstd] = ["none", "lz4", "zstd"].map(|how| {
        let sent = ["--workers", &addresses, "--compression", how, "--output", "csv", QUERIES[5]];
        let ran = query(at, &sent).exits(0);
        let line = ran.stderr.lines().find(|line| line.contains("who sent")).expect("what came");
        let words: Vec<&str> = line.split(' ').collect();
        let bytes: u64 = words[words.len() - 2].replace(',', "").parse().expect("bytes");
        (ran.stdout, bytes)
    });
    assert!(plain.0 == lz4.0 && plain.0 == zstd.0);
    assert!(plain.1 > lz4.1 && lz4.1 > zstd.1, "{} {} {}", plain.1, lz4.1, zstd.1);
    let plan = query(at, &["--workers", &addresses, "SELECT 1 AS one"]).exits(0);
    assert_eq!(parts(&plan), (0, 0), "nothing is read, and nothing is sent");
}

#[test]
fn a_query_whose_workers_are_lost_is_made_here_or_fails_as_it_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    made(at);
    let mut worker = Worker::start(at);
    worker.process.kill().expect("it is there");
    worker.process.wait().expect("its end");
    let sent = ["--workers", &worker.address, "--worker-attempts", "1", "--output", "csv"];
    let lost = |more: &[&str]| query(at, &[&sent, more].concat());
    let failed = lost(&["--workers-lost", "fail", QUERIES[0]]).exits(1);
    assert!(failed.stderr.contains("no worker was left to make it"), "{}", failed.stderr);
    let here = lost(&[QUERIES[0]]).exits(0);
    assert_eq!(here.stdout, query(at, &["--output", "csv", QUERIES[0]]).exits(0).stdout);
    assert_eq!(parts(&here).0, 0);
    assert!(here.stderr.contains("parts are made here"), "{}", here.stderr);
    // What is wrong with a query is said as it is without workers.
    let wrong = "SELECT units FROM unit_day";
    let (with, without) = (lost(&[wrong]), query(at, &[wrong]));
    assert_eq!((with.code, without.code), (2, 2), "{}", with.stderr);
}
