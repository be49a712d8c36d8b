//! A log that is still being written: a warning, or with `--require-complete` the end of the run before anything is made.

use std::sync::Arc;

use datafusion::arrow::array::StringArray;

use super::{EXPERIMENT, METRICS, PROJECT};
use crate::support::{Project, doubles, hours, text};

/// Five days of a shop with eight events each, the last at eleven in the evening of UTC; `complete` is of the events.
fn shop(complete: &str) -> Project {
    let project = Project::new();
    let source = "    path: events\n";
    let files = PROJECT.replace(source, &format!("{source}    complete: {complete}\n"));
    project.file("project.yaml", &format!("{files}{METRICS}{EXPERIMENT}"));
    for day in 1..=5 {
        events(&project, day, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 23.0]);
        project.log(
            &format!("exposures/ds=2024-01-0{day}/part-0.parquet"),
            &[
                ("ts", hours(day, &[0.5; 8])),
                ("customer", text(["a", "b", "c", "d", "e", "f", "g", "h"])),
                ("variant", text(ARMS)),
            ],
        );
    }
    project
}

const ARMS: [&str; 8] = [
    "control",
    "control",
    "control",
    "control",
    "treatment",
    "treatment",
    "treatment",
    "treatment",
];

fn events(project: &Project, day: i64, at: &[f64]) {
    let customers = ["a", "b", "c", "d", "e", "f", "g", "h"];
    let customers = customers[..at.len()].iter().copied().map(Some);
    let customers = Arc::new(customers.collect::<StringArray>());
    let amounts: Vec<f64> = (0..at.len()).map(|n| n as f64).collect();
    project.log(
        &format!("events/ds=2024-01-0{day}/part-0.parquet"),
        &[("ts", hours(day, at)), ("customer", customers), ("amount", doubles(&amounts))],
    );
}

const NIGHT: [&str; 4] = ["run", "--date", "2024-01-05", "--quiet"];
const STRICT: [&str; 5] = ["run", "--date", "2024-01-05", "--quiet", "--require-complete"];

/// The status and the message of the check as of the fifth.
fn told(project: &Project) -> (String, String) {
    let sql = "SELECT status, message FROM checks WHERE \"check\" = 'days_complete' AND ds = '2024-01-05'";
    let rows = project.verdict(&["query", sql, "--format", "json"]).exits(0).json();
    let word = |key: &str| rows[0][key].as_str().unwrap_or_default().to_owned();
    (word("status"), word("message"))
}

/// With the flag nothing is made and `lacks` is said; without it the check warns of it.
#[track_caller]
fn check_incomplete(project: &Project, lacks: &str) {
    let refused = project.verdict(&STRICT).exits(1);
    assert!(refused.stderr.contains(&format!("error: {lacks}\n")), "{}", refused.stderr);
    assert!(refused.stderr.contains("--require-complete"), "{}", refused.stderr);
    assert_eq!(project.partitions(), [""; 0], "nothing is made");
    let planned = ["plan", "--date", "2024-01-05"];
    let plan = project.verdict(&planned).exits(0).stdout;
    assert!(plan.contains(&format!("late   {lacks}\n")), "{plan}");
    project.verdict(&["plan", "--date", "2024-01-05", "--require-complete"]).exits(1);
    project.verdict(&NIGHT).exits(0);
    let (status, message) = told(project);
    assert!(status == "warn" && message.contains(lacks), "{status}: {message}");
}

#[track_caller]
fn check_complete(project: &Project) {
    project.verdict(&STRICT).exits(0);
    assert_eq!(told(project).0, "pass");
}

#[test]
fn a_day_without_its_marker_is_not_complete() {
    let project = shop("{marker: _SUCCESS}");
    for day in 1..=4 {
        project.file(&format!("events/ds=2024-01-0{day}/_SUCCESS"), "");
    }
    check_incomplete(
        &project,
        "source `events` is not complete on 2024-01-05: expected the marker events/ds=2024-01-05/_SUCCESS, found no such \
         object",
    );
    project.file("events/ds=2024-01-05/_SUCCESS", "");
    check_complete(&project);
}

#[test]
fn a_marker_may_lie_in_another_place() {
    let project = shop("{marker: \"done/{yyyy}{mm}{dd}.ok\"}");
    for day in 1..=4 {
        project.file(&format!("done/2024010{day}.ok"), "");
    }
    project.verdict(&STRICT).exits(1);
    project.file("done/20240105.ok", "");
    check_complete(&project);
}

/// Eight rows on the days before: four are half of them, three are less.
#[test]
fn a_day_with_few_rows_is_not_complete() {
    let project = shop("{min_rows_share: 0.5}");
    events(&project, 5, &[1.0, 2.0, 3.0]);
    check_incomplete(
        &project,
        "source `events` is not complete on 2024-01-05: expected 4 rows at least (0.5 of 8, the median of the days before), \
         found 3",
    );
    events(&project, 5, &[1.0, 2.0, 3.0, 23.0]);
    check_complete(&project);
}

/// The day of Kolkata ends at half past six in the evening of UTC; events that the log has after it are of the next day.
#[test]
fn a_day_whose_events_end_early_is_not_complete() {
    let project = shop("{latest: 22:00}");
    let zone = "project: {name: shop, time_zone: Asia/Kolkata, ";
    let path = project.path().join("project.yaml");
    let files = std::fs::read_to_string(&path).unwrap_or_default();
    project.file("project.yaml", &files.replace("project: {name: shop, ", zone));
    for day in 1..=4 {
        events(&project, day, &[1.0, 2.0, 16.5, 23.0]);
    }
    events(&project, 5, &[1.0, 2.0, 16.25, 23.0]);
    check_incomplete(
        &project,
        "source `events` is not complete on 2024-01-05: expected an event at or after 22:00 (Asia/Kolkata), found the latest \
         at 21:45:00",
    );
    // Half past four in the afternoon of UTC is ten in the evening there.
    events(&project, 5, &[1.0, 2.0, 16.5, 23.0]);
    project.verdict(&STRICT).exits(0);
}

/// A quiet day whose tables are there is no reason to hold up the nights after it.
#[test]
fn a_quiet_day_that_was_made_holds_up_nothing() {
    let project = shop("{min_rows_share: 0.5}");
    events(&project, 4, &[1.0, 23.0]);
    project.verdict(&["run", "--date", "2024-01-04", "--quiet"]).exits(0);
    project.verdict(&STRICT).exits(0);
    let (status, message) = told(&project);
    assert!(status == "warn" && message.contains("on 2024-01-04"), "{status}: {message}");
    // And a backfill of the same date tells the same.
    let night = project.files("tables/checks");
    std::fs::remove_dir_all(project.path().join("tables")).unwrap_or_default();
    project
        .verdict(&["backfill", "--from", "2024-01-04", "--to", "2024-01-05", "--quiet"])
        .exits(0);
    assert_eq!(night, project.files("tables/checks"));
}
