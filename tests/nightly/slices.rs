//! `--slice`: shares of a backfill, in any order, some twice, end in the tables of one backfill.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use super::generated;
use crate::support::{command, verdict};

/// The objects of a folder of tables, without the rows of `runs`, as a reader of the store lists them: a file `….parquet#1` is
/// what a process that was killed had not finished (docs/storage.md, step 3 of the commit), and no object.
pub(super) fn tables(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let unfinished = |name: &str| {
        let number = name.rsplit_once('#').map(|(_, number)| number);
        number.is_some_and(|number| number.parse::<u32>().is_ok())
    };
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in std::fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            let below = path.strip_prefix(folder).expect("below").display().to_string();
            if path.is_dir() {
                folders.push(path);
            } else if !below.starts_with("runs/") && !unfinished(&below) {
                found.insert(below, std::fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn slices_in_disorder_make_the_tables_of_one_backfill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    generated(folder.path(), &[]);
    let backfill = |more: &[&str]| {
        let mut args =
            vec!["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-07"];
        args.extend(["--fail-on", "never", "--format", "json"]);
        args.extend(more);
        verdict(folder.path(), &args).exits(0)
    };
    backfill(&["--tables", "whole"]);
    for slice in ["3/3", "1/3", "3/3"] {
        let told = backfill(&["--tables", "sliced", "--slice", slice]);
        assert!(
            told.stderr.contains("days of other slices are still to be made"),
            "{}",
            told.stderr
        );
        assert_eq!(told.json()["experiments"].as_array().map(Vec::len), Some(0));
    }
    // The one that finds all days made goes on to its buckets of the totals, and those of the others are made by a second wave.
    for slice in ["2/3", "1/3", "2/3"] {
        let told = backfill(&["--tables", "sliced", "--slice", slice]);
        assert!(
            told.stderr.contains("shares of other slices are still to be made"),
            "{}",
            told.stderr
        );
        assert_eq!(told.json()["experiments"].as_array().map(Vec::len), Some(0));
    }
    assert!(!folder.path().join("sliced/results").exists());
    // The last one finds all shares made.
    let last = backfill(&["--tables", "sliced", "--slice", "3/3"]);
    assert_ne!(last.json()["experiments"].as_array().map(Vec::len), Some(0));
    let (whole, sliced) =
        (tables(&folder.path().join("whole")), tables(&folder.path().join("sliced")));
    assert_eq!(whole.keys().collect::<Vec<_>>(), sliced.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(bytes == sliced[&name], "{name} differs");
    }
}

/// Slices of which some are run twice at the same time and some are killed on the way.
#[test]
fn slices_may_overlap_repeat_and_die() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, &[]);
    let args = ["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-07"];
    let args = [&args[..], &["--fail-on", "never", "--quiet"]].concat();
    let to = |tables: &'static str| [&args[..], &["--tables", tables]].concat();
    verdict(at, &to("whole")).exits(0);
    let slice = |slice: &'static str| {
        let args = [&to("sliced")[..], &["--slice", slice]].concat();
        let mut process = command(at, &[], &args);
        process.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a slice")
    };
    // One is killed once it has written something, if it is not faster than that.
    let mut killed = slice("1/2");
    let begun = Instant::now();
    while !at.join("sliced").exists() && begun.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    killed.kill().expect("it is there, or was");
    killed.wait().expect("its end");
    // Days of 1/2 are days of 1/1, too.
    let mut at_once = ["2/2", "1/1", "1/1", "2/2"].map(slice);
    for process in &mut at_once {
        assert!(process.wait().expect("its end").success());
    }
    // A last run without a slice finds what is there.
    verdict(at, &to("sliced")).exits(0);
    let (whole, sliced) = (tables(&at.join("whole")), tables(&at.join("sliced")));
    assert_eq!(whole.keys().collect::<Vec<_>>(), sliced.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(bytes == sliced[&name], "{name} differs");
    }
}

#[test]
fn a_share_that_cannot_be_is_refused() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for wrong in ["0/3", "4/3", "1", "a/b"] {
        let refused = verdict(folder.path(), &["run", "--slice", wrong]).exits(2);
        assert!(refused.stderr.contains("expected I/N with I from 1 to N"), "{}", refused.stderr);
    }
}
