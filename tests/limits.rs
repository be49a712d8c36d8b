//! Less memory than a run wants: it says so, names the setting that helps, and makes nothing that is not whole.

use crate::support::wide::{Wide, project};
use crate::support::{Project, Ran};

/// Runs the day of a wide project.
fn run(project: &Project, more: &[&str]) -> Ran {
    project.verdict(&[&["run", "--date", "2024-01-01", "--quiet", "--threads", "2"], more].concat())
}

/// The partitions but for the log of runs, with their bytes.
fn tables(project: &Project) -> Vec<(String, Vec<u8>)> {
    let files = project.files("tables").into_iter();
    files.filter(|(path, _)| !path.starts_with("runs/")).collect()
}

#[track_caller]
fn says(ran: &Ran, words: &[&str]) {
    for word in words {
        assert!(ran.stderr.contains(word), "no `{word}` in:\n{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
}

/// 100,000 units with 40 sums take 24 bytes a sum while their day is added up, so 96 MB; their rows 8 bytes a sum in each of
/// two day tables, so 64 MB, and 69 with names and times.
#[test]
fn a_plan_that_does_not_fit_in_memory_says_so() {
    let wide = project("tables", Wide { units: 100_000, sums: 40, shops: 0, buckets: 1 });
    let little = ["--memory", "64MiB"];
    says(
        &run(&wide, &little).exits(1),
        &[
            "error: events of source `events` on 2024-01-01: the units of 2024-01-01 and what they did take ",
            "more than --memory allows (64MiB): allow more, or make fewer of them at once (--threads 1)",
        ],
    );
    assert_eq!(tables(&wide), []);

    run(&wide, &[]).exits(0);
    let whole = tables(&wide);
    for table in ["unit_total", "group_stats"] {
        std::fs::remove_dir_all(wide.path().join("tables").join(table)).unwrap();
    }
    let before = tables(&wide);
    let words = [
        "one of 1 buckets of the totals of wide takes ",
        " of memory at the least, and --memory allows 64MiB: allow more, or write `buckets: 2` or more",
    ];
    let plan = [&["plan", "--date", "2024-01-01"], &little[..]].concat();
    says(&wide.verdict(&plan).exits(1), &words);
    says(&run(&wide, &little).exits(1), &words);
    assert!(tables(&wide) == before, "nothing is made");
    run(&wide, &["--memory", "1GiB"]).exits(0);
    assert!(tables(&wide) == whole);
}

#[test]
fn memory_that_is_too_little_for_anything_is_refused() {
    let project = Project::new();
    let ran = project.verdict(&["run", "--memory", "1MiB"]).exits(2);
    says(&ran, &["`1MiB` is too little for one batch of a wide log: allow 64MiB or more"]);
}
