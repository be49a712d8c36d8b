//! A store that fails, a process that dies, a log that changes while it is read, a wrong clock, a full disk: after each, readers
//! see whole partitions only, and the next run makes what is missing, with the bytes of a run that nothing disturbed.
//!
//! `VERDICT_FAULTS=all` makes every request of a run go wrong in its turn; otherwise a share of them does. `VERDICT_FAULTS=all:503,429` does so
//! with the kinds of requests' faults whose names have one of these parts, and with no others; `VERDICT_FAULTS_SHARE=2/8` with every eighth
//! request from the second on: kinds, and shares of a slow kind, may be run side by side. Each test prints its rows of the table of
//! docs/storage.md.

mod clocks;
mod disk;
mod processes;
mod requests;
mod sources;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use crate::support::proxy::Proxy;
use crate::support::{Project, Ran, doubles, hours, text, verdict_with};

const PROJECT: &str = "\
project: {name: shop}
storage: {retries: 2, retry_timeout_s: 60, request_timeout_s: 15}
sources:
  events: {path: \"LOGS/events\", timestamp: ts, units: {customer: customer}}
  exposures: {path: \"LOGS/exposures\", timestamp: ts, units: {customer: customer}}
exposures:
  assignments: {source: exposures, variant: variant}
metrics:
  spend: {type: mean, source: events, value: amount}
experiment:
  name: prices
  start: 2024-01-01
  design: {unit: customer, variants: [control, treatment]}
  metrics: {primary: {name: spend}}
";

const CUSTOMERS: [&str; 8] = ["c1", "c2", "c3", "c4", "t1", "t2", "t3", "t4"];

/// Partitions, by their paths, with their bytes; but for the log of runs.
type Tables = BTreeMap<String, Vec<u8>>;

fn write_logs(project: &Project, day: i64, amounts: &[f64; 8]) {
    let arms = CUSTOMERS.map(|name| if name.starts_with('c') { "control" } else { "treatment" });
    project
        .log(
            &format!("logs/exposures/ds=2024-01-0{day}/part-0.parquet"),
            &[
                ("ts", hours(day, &[1.0; 8])),
                ("customer", text(CUSTOMERS)),
                ("variant", text(arms)),
            ],
        )
        .log(
            &format!("logs/events/ds=2024-01-0{day}/part-0.parquet"),
            &[
                ("ts", hours(day, &[2.0; 8])),
                ("customer", text(CUSTOMERS)),
                ("amount", doubles(amounts)),
            ],
        );
}

/// Two days of a shop on the local disk.
fn shop() -> Project {
    let project = Project::new();
    write_logs(&project, 1, &[1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0]);
    write_logs(&project, 2, &[0.5; 8]);
    project.file("project.yaml", &PROJECT.replace("LOGS", "logs"));
    project
}

/// What makes the second day, with tables at `at`.
fn of_second_day(at: &str) -> [&str; 6] {
    ["run", "--date", "2024-01-02", "--quiet", "--tables", at]
}

fn but_runs(files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Tables {
    files.into_iter().filter(|(path, _)| !path.starts_with("runs/")).collect()
}

/// The shop with its logs in a bucket, behind a proxy.
struct World {
    bucket: Bucket,
    proxy: Proxy,
    project: Project,
}

impl World {
    fn new(name: &str) -> Option<World> {
        let bucket = Bucket::new(name)?;
        let proxy = Proxy::new(bucket.port);
        let project = shop();
        project.file("project.yaml", &PROJECT.replace("LOGS", &bucket.url("logs")));
        bucket.put_folder(&project.path().join("logs"), "logs");
        Some(World { bucket, proxy, project })
    }

    /// Makes the second day, with tables of their own.
    fn run(&self, tables: &str) -> Ran {
        let variables = self.bucket.through(self.proxy.port);
        verdict_with(self.project.path(), &variables, &of_second_day(&self.bucket.url(tables)))
    }

    /// The partitions that are there.
    fn tables(&self, tables: &str) -> Tables {
        but_runs(self.bucket.objects(tables))
    }

    /// The tables that nothing disturbed, and how many requests they took.
    fn undisturbed(&self, tables: &str) -> (Tables, usize) {
        self.proxy.begin(None);
        self.run(tables).exits(0);
        (self.tables(tables), self.proxy.seen().0)
    }

    /// Looks at what a disturbed run left, and makes the second day again: that must leave `whole`, and what was there before be of it
    /// or of `or`.
    fn repairs(&self, row: &mut Row, tables: &str, whole: &Tables, or: &Tables) {
        self.proxy.begin(None);
        let found = self.tables(tables);
        row.repairs(&found, [whole, or], || {
            self.run(tables).exits(0);
            self.tables(tables)
        });
    }
}

/// A line of the table.
#[derive(Debug, Default)]
struct Row {
    fault: String,
    tried: usize,
    /// Runs that ended well all the same.
    went_on: usize,
    /// Partitions that a reader would have found half-made or wrong.
    wrong: usize,
    /// Partitions that the next run did not make again, or not with the same bytes.
    lost: usize,
    repair: Duration,
}

impl Row {
    fn new(fault: impl Into<String>) -> Row {
        Row { fault: fault.into(), ..Row::default() }
    }

    /// Counts a disturbed run, which may have ended well or with a message.
    #[track_caller]
    fn ended(&mut self, ran: &Ran) {
        assert!([0, 1].contains(&ran.code), "{}: {}\n{}", self.fault, ran.code, ran.stderr);
        assert!(!ran.stderr.contains("panicked"), "{}: {}", self.fault, ran.stderr);
        if ran.code == 1 {
            let told = ran.stderr.lines().any(|line| line.starts_with("error: "));
            assert!(told, "{}: {}", self.fault, ran.stderr);
        }
        self.went_on += usize::from(ran.code == 0);
    }

    /// Compares what was `found` after a disturbed run with what may be there, and what `again`, the next run, leaves with the
    /// first of that.
    fn repairs(&mut self, found: &Tables, may_be: [&Tables; 2], again: impl FnOnce() -> Tables) {
        let [whole, _] = may_be;
        let is_whole = |(path, bytes): (&String, &Vec<u8>)| {
            may_be.iter().any(|tables| tables.get(path) == Some(bytes))
        };
        self.wrong += found.iter().filter(|partition| !is_whole(*partition)).count();
        let begun = Instant::now();
        let repaired = again();
        self.repair = self.repair.max(begun.elapsed());
        let differs = |(path, bytes): &(&String, &Vec<u8>)| repaired.get(*path) != Some(*bytes);
        self.lost += whole.iter().filter(differs).count();
        self.lost += repaired.keys().filter(|path| !whole.contains_key(*path)).count();
    }

    /// Prints the line, and asserts that nothing was lost or wrong, and that something was tried.
    #[track_caller]
    fn account(&self) {
        let Row { fault, tried, went_on, wrong, lost, repair } = self;
        let seconds = repair.as_secs_f64();
        #[expect(clippy::print_stdout, reason = "the table is what the test is run for")]
        {
            println!("| {fault} | {tried} | {went_on} | {lost} | {wrong} | {seconds:.1} s |");
        }
        assert_eq!((*lost, *wrong), (0, 0), "{self:?}");
        assert!(*tried > 0, "{self:?}");
    }
}

fn all() -> bool {
    std::env::var("VERDICT_FAULTS").is_ok_and(|share| share == "all" || share.starts_with("all:"))
}

/// The share of the requests that is asked for: the first one, and how many of them make a step.
fn share() -> (usize, usize) {
    let share = std::env::var("VERDICT_FAULTS_SHARE").unwrap_or_else(|_| "1/1".into());
    let parts = share.split_once('/').expect("VERDICT_FAULTS_SHARE is I/N");
    (parts.0.parse().expect("I is a number"), parts.1.parse().expect("N is a number"))
}

/// Whether a kind of fault is asked for.
fn asked(kind: &str) -> bool {
    let parts = std::env::var("VERDICT_FAULTS").unwrap_or_default();
    parts.strip_prefix("all:").is_none_or(|parts| parts.split(',').any(|part| kind.contains(part)))
}
