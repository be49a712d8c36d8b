//! A series of as-of dates is the same, byte for byte, however it came to be: one backfill, nights in any order, runs
//! that were killed, runs side by side, any number of buckets, threads and rows in a batch; and at every date it is
//! what the naive recomputation says.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::files::written;
use super::log::{DAYS, Logs, Random, Setting, Zone};
use super::metrics::components;
use super::naive::{self, Experiment};
use super::project::experiments;
use super::{ANSWERS, CLEAN, SEVERAL, bytes, day_tables, judged, same_bytes, totals};
use crate::support::Project;

/// A project with its logs.
fn project(logs: &Logs, files: usize, seed: u64) -> Project {
    let project = Project::new();
    written(&project, logs);
    logs.write(project.path(), files, seed);
    project
}

fn backfill(project: &Project, logs: &Logs, from: usize, to: usize, more: &[&str]) {
    let (from, to) = (logs.days[from].to_string(), logs.days[to].to_string());
    let args = ["backfill", "--quiet", "--fail-on", "never", "--from", &from, "--to", &to];
    project.verdict(&[&args, more].concat()).exits(0);
}

fn night(project: &Project, logs: &Logs, day: usize, more: &[&str]) {
    let date = logs.days[day].to_string();
    let args = ["run", "--quiet", "--fail-on", "never", "--date", &date];
    project.verdict(&[&args, more].concat()).exits(0);
}

/// The answers of one backfill of all days.
fn wanted(logs: &Logs) -> BTreeMap<String, Vec<u8>> {
    let project = project(logs, 1, 1);
    backfill(&project, logs, 0, DAYS - 1, &[]);
    bytes(&project, &ANSWERS)
}

#[test]
fn every_date_of_a_backfill_agrees_with_the_naive_recomputation() {
    for setting in [
        Setting { seed: 31, users: 130, numbers: true, astray: 0.1, zone: Zone::Kolkata, ..CLEAN },
        Setting { seed: 32, users: 90, exclude: false, astray: 0.05, ..CLEAN },
    ] {
        let logs = Logs::random(setting);
        let project = project(&logs, 3, setting.seed);
        backfill(&project, &logs, 0, DAYS - 1, &[]);
        let columns = day_tables(&project, &logs, DAYS - 1);
        for day in 0..DAYS {
            for (experiment, plan) in experiments(&logs) {
                let Experiment { days: (first, last), .. } = experiment;
                if first > day || last < day {
                    continue;
                }
                let naive = match last.min(DAYS - 1) == day {
                    true => totals(&project, &logs, &experiment, day, &columns),
                    false => naive::unit_total(&logs, &components(), &experiment, day),
                };
                judged::judged(&project, &logs, &experiment, &plan, day, &naive);
            }
        }
    }
}

#[test]
fn nights_in_any_order_are_one_backfill() {
    let logs = Logs::random(Setting { seed: 33, ..SEVERAL });
    let wanted = wanted(&logs);
    let mut random = Random(33);
    let project = project(&logs, 2, 5);
    let mut days: Vec<usize> = (0..DAYS).collect();
    random.shuffle(&mut days);
    for day in &days {
        night(&project, &logs, *day, &[]);
    }
    same_bytes(&bytes(&project, &ANSWERS), &wanted, &format!("nights {days:?}"));
}

#[test]
fn ranges_that_overlap_are_one_backfill() {
    let logs = Logs::random(Setting { seed: 34, ..SEVERAL });
    let wanted = wanted(&logs);
    let project = project(&logs, 2, 6);
    for (from, to) in [(2, 3), (0, 1), (3, DAYS - 1), (0, DAYS - 1)] {
        backfill(&project, &logs, from, to, &[]);
    }
    same_bytes(&bytes(&project, &ANSWERS), &wanted, "ranges that overlap");
}

#[test]
fn buckets_threads_batches_and_files_show_nowhere() {
    let logs = Logs::random(Setting { seed: 35, users: 90, ..SEVERAL });
    let wanted = wanted(&logs);
    for (buckets, partitions, batch, files) in [(1, 1, 8192, 4), (4, 2, 1, 1), (64, 7, 100, 2)] {
        let project = project(&logs, files, buckets);
        let file = project.path().join("project.yaml");
        let text = std::fs::read_to_string(&file).unwrap();
        let with = text.replacen("project: {", &format!("project: {{buckets: {buckets}, "), 1);
        assert_ne!(with, text);
        std::fs::write(&file, with).unwrap();
        let partitions = format!("datafusion.execution.target_partitions={partitions}");
        let batch = format!("datafusion.execution.batch_size={batch}");
        let set = ["--set", &partitions, "--set", &batch];
        // One by a backfill, the other nights from the totals of the night before.
        match buckets {
            4 => (0..DAYS).for_each(|day| night(&project, &logs, day, &set)),
            _ => backfill(&project, &logs, 0, DAYS - 1, &set),
        }
        let what = format!("{buckets} buckets, {set:?}, {files} files");
        same_bytes(&bytes(&project, &ANSWERS), &wanted, &what);
    }
}

fn start(project: &Project, logs: &Logs) -> std::process::Child {
    let (from, to) = (logs.days[0].to_string(), logs.days[DAYS - 1].to_string());
    Command::new(env!("CARGO_BIN_EXE_verdict"))
        .args(["backfill", "--quiet", "--fail-on", "never", "--from", &from, "--to", &to])
        .current_dir(project.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_run_that_is_killed_leaves_tables_that_can_be_read_and_completed() {
    let logs = Logs::random(Setting { seed: 36, users: 60, ..SEVERAL });
    let wanted = wanted(&logs);
    let project = project(&logs, 2, 7);
    let mut random = Random(36);
    let mut killed = 0;
    // Later and later, so that runs die in every stage; what one has made the next need not make.
    for attempt in 0..12 {
        let mut child = start(&project, &logs);
        std::thread::sleep(Duration::from_millis(60 + random.below(150 + 80 * attempt) as u64));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        let count = "SELECT count(*) AS n FROM unit_day, group_stats, results";
        project.verdict(&["query", count]).exits(0);
    }
    assert!(killed > 3, "{killed} of 12 runs died: too few to show anything");
    backfill(&project, &logs, 0, DAYS - 1, &[]);
    same_bytes(&bytes(&project, &ANSWERS), &wanted, "after kills");
}

#[test]
fn two_runs_at_once_end_in_the_same_tables() {
    let logs = Logs::random(Setting { seed: 37, users: 60, ..SEVERAL });
    let wanted = wanted(&logs);
    let project = project(&logs, 2, 8);
    let mut both = [start(&project, &logs), start(&project, &logs)];
    for child in &mut both {
        assert!(child.wait().unwrap().success());
    }
    same_bytes(&bytes(&project, &ANSWERS), &wanted, "two runs at once");
}
