//! Object stores over a network: servers of other makers, the tables of which are those of a local run.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod bucket;
mod cluster;
mod faults;
mod others;
mod refusals;
mod s3;

use std::path::Path;

use crate::support::{Project, Ran, root};

/// The sample project in a folder of its own, with logs and tables where `logs` and `tables` say.
fn sample(logs: &str, tables: &str, storage: &str) -> Project {
    let project = Project::new();
    copy(&root().join("jobs/sample"), project.path());
    let text = std::fs::read_to_string(project.path().join("project.yaml")).unwrap();
    let text = text
        .replace("../../data", logs)
        .replace("tables: tables ", &format!("tables: \"{tables}\" "));
    project.file("project.yaml", &format!("{text}{storage}"));
    project
}

/// Copies the YAML files of a folder, and of the folders in it.
fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap();
        if path.is_dir() && name != "tables" {
            copy(&path, &to.join(name));
        } else if path.extension().is_some_and(|ending| ending == "yaml") {
            std::fs::copy(&path, to.join(name)).unwrap();
        }
    }
}

/// The logs of the sample, on the local disk.
fn data() -> String {
    root().join("data").display().to_string()
}

/// Runs the command in the project with variables of a store.
fn verdict(project: &Project, variables: &[(&str, String)], args: &[&str]) -> Ran {
    crate::support::verdict_with(project.path(), variables, args)
}

/// The tables that follow from the day tables, with their bytes: all that knows no object of a log.
fn derived(tables: impl IntoIterator<Item = (String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    const DERIVED: [&str; 5] = ["unit_total", "group_stats", "results", "checks", "decisions"];
    let mut kept: Vec<(String, Vec<u8>)> = tables
        .into_iter()
        .filter(|(path, _)| DERIVED.iter().any(|table| path.starts_with(&format!("{table}/"))))
        .collect();
    kept.sort();
    kept
}

/// The derived tables of the sample, made from and on the local disk by a backfill of all its days.
fn local_backfill() -> Vec<(String, Vec<u8>)> {
    let project = sample(&data(), "tables", "");
    let range = ["backfill", "--from", "2019-11-24", "--to", "2019-11-30", "--quiet"];
    project.verdict(&range).exits(0);
    derived(project.files("tables"))
}

/// Says at which partition two sets of tables differ.
#[track_caller]
fn same(one: &[(String, Vec<u8>)], other: &[(String, Vec<u8>)]) {
    let names =
        |tables: &[(String, Vec<u8>)]| tables.iter().map(|(p, _)| p.clone()).collect::<Vec<_>>();
    assert_eq!(names(one), names(other));
    for ((path, one), (_, other)) in one.iter().zip(other) {
        assert!(one == other, "{path} differs");
    }
}
