//! A store that fails, a process that dies, a log that changes while it is read: after each, readers see whole partitions
//! only, and the next run makes what is missing, with the bytes of a run that nothing disturbed.
//!
//! `VERDICT_FAULTS=all` makes every request of a run go wrong in its turn, and prints the table of
//! docs/storage.md; otherwise a share of them does.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::process::Stdio;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use crate::support::proxy::{Fault, Plan, Proxy};
use crate::support::{Project, command, doubles, hours, text};

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

type Tables = BTreeMap<String, Vec<u8>>;

/// Two days of a shop, in a bucket or on the local disk, and its tables as an undisturbed run makes them.
struct World {
    bucket: Bucket,
    proxy: Proxy,
    project: Project,
}

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

impl World {
    fn new(name: &str) -> Option<World> {
        let bucket = Bucket::new(name)?;
        let proxy = Proxy::new(bucket.port);
        let project = Project::new();
        write_logs(&project, 1, &[1.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0]);
        write_logs(&project, 2, &[0.5; 8]);
        project.file("project.yaml", &PROJECT.replace("LOGS", &bucket.url("logs")));
        bucket.put_folder(&project.path().join("logs"), "logs");
        Some(World { bucket, proxy, project })
    }

    /// Runs the second day, with tables of their own; the exit code, what was said, and how long it took.
    fn run(&self, tables: &str) -> (i32, String, Duration) {
        let at = self.bucket.url(tables);
        let begun = Instant::now();
        let args = ["run", "--date", "2024-01-02", "--quiet", "--tables", &at];
        let ran = self.project.verdict_with(&self.bucket.through(self.proxy.port), &args);
        (ran.code, ran.stderr, begun.elapsed())
    }

    /// The partitions that are there.
    fn tables(&self, tables: &str) -> Tables {
        let objects = self.bucket.objects(tables).into_iter();
        objects.filter(|(path, _)| !path.starts_with("runs/")).collect()
    }

    /// The tables that nothing disturbed, and how many requests they took.
    fn undisturbed(&self, tables: &str) -> (Tables, usize) {
        self.proxy.begin(None);
        let (code, stderr, _) = self.run(tables);
        assert_eq!(code, 0, "{stderr}");
        (self.tables(tables), self.proxy.seen().0)
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

fn print(rows: &[Row]) {
    let mut out = String::from(
        "| fault | injections | run ended well | partitions lost | wrong bytes | longest repair |\n| --- | --- | --- | --- | --- | --- |\n",
    );
    for row in rows {
        let Row { fault, tried, went_on, wrong, lost, repair } = row;
        writeln!(
            out,
            "| {fault} | {tried} | {went_on} | {lost} | {wrong} | {:.1} s |",
            repair.as_secs_f64()
        )
        .unwrap();
    }
    #[expect(clippy::print_stdout, reason = "the table is what the test is run for")]
    {
        println!("{out}");
    }
}

fn all() -> bool {
    std::env::var("VERDICT_FAULTS").is_ok_and(|share| share == "all")
}

/// Compares what is there after a disturbed run, and after the next one.
fn account(row: &mut Row, after: &Tables, repaired: &Tables, whole: &Tables) {
    row.wrong += after.iter().filter(|(path, bytes)| whole.get(*path) != Some(*bytes)).count();
    row.lost += whole.iter().filter(|(path, bytes)| repaired.get(*path) != Some(*bytes)).count();
    row.lost += repaired.keys().filter(|path| !whole.contains_key(*path)).count();
}

/// What was said of a failure is a message, and no panic.
#[track_caller]
fn is_told(stderr: &str) {
    assert!(stderr.lines().any(|line| line.starts_with("error: ")), "{stderr}");
    assert!(!stderr.contains("panicked"), "{stderr}");
}

#[test]
fn every_request_may_fail() {
    let Some(world) = World::new("faults") else { return };
    let (whole, requests) = world.undisturbed("whole");
    assert!(requests > 20 && whole.len() >= 9, "{requests} requests, {:?}", whole.keys());
    let once = 1;
    let always = usize::MAX;
    let late = Duration::from_secs(16);
    let kinds = [
        ("503 Slow Down, once", Fault::Status(503, "SlowDown"), once),
        ("503 Slow Down, from then on", Fault::Status(503, "SlowDown"), always),
        ("429 Too Many Requests, from then on", Fault::Status(429, "TooManyRequests"), always),
        ("500 Internal Error, from then on", Fault::Status(500, "InternalError"), always),
        ("403 Access Denied, once", Fault::Status(403, "AccessDenied"), once),
        ("connection lost before the request, from then on", Fault::Unasked, always),
        ("connection lost after the request, once", Fault::Unanswered, once),
        ("answer cut in its middle, once", Fault::Truncated, once),
        ("answer cut in its middle, from then on", Fault::Truncated, always),
        ("answer later than the timeout, once", Fault::Slow(late), once),
    ];
    let mut rows = Vec::new();
    for (kind, (name, fault, times)) in kinds.into_iter().enumerate() {
        let mut row = Row { fault: name.to_owned(), ..Row::default() };
        // Of a share each kind takes other requests.
        let step = if all() { 1 } else { requests / 3 };
        let first = if all() { 1 } else { 1 + kind * 5 % step };
        for n in (first..=requests).step_by(step) {
            let tables = format!("faulty/{kind}-{n}");
            world.proxy.begin(Some(Plan { fault, first: n, times }));
            let (code, stderr, _) = world.run(&tables);
            let (_, injected) = world.proxy.seen();
            assert!([0, 1].contains(&code), "{name} at {n}: {code}\n{stderr}");
            if code == 1 {
                is_told(&stderr);
            }
            row.tried += injected.min(1);
            row.went_on += usize::from(code == 0);
            world.proxy.begin(None);
            let after = world.tables(&tables);
            let (code, stderr, took) = world.run(&tables);
            assert_eq!(code, 0, "after {name} at {n}: {stderr}");
            row.repair = row.repair.max(took);
            account(&mut row, &after, &world.tables(&tables), &whole);
        }
        rows.push(row);
    }
    print(&rows);
    for row in rows {
        assert_eq!((row.lost, row.wrong), (0, 0), "{row:?}");
        assert!(row.tried > 0, "{row:?}");
    }
}

#[test]
fn a_process_may_die_at_any_moment() {
    let Some(world) = World::new("killed") else { return };
    let (whole, _) = world.undisturbed("whole");
    let (_, _, length) = world.run("length");
    let moments = if all() { 40 } else { 4 };
    let mut rows = Vec::new();
    for signal in ["KILL", "TERM"] {
        let mut row = Row { fault: format!("SIG{signal} at {moments} moments"), ..Row::default() };
        for moment in 0..moments {
            let tables = format!("{signal}-{moment}");
            let at = world.bucket.url(&tables);
            let args = ["run", "--date", "2024-01-02", "--quiet", "--tables", &at];
            let variables = world.bucket.variables();
            let mut command = command(world.project.path(), &variables, &args);
            let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
            thread::sleep(length.mul_f64((f64::from(moment) + 0.5) / f64::from(moments)));
            let sent = Instant::now();
            let kill = std::process::Command::new("kill")
                .args([&format!("-{signal}"), &child.id().to_string()])
                .status();
            assert!(kill.is_ok());
            let ended = child.wait_with_output().unwrap();
            let stderr = String::from_utf8_lossy(&ended.stderr).into_owned();
            assert!(
                sent.elapsed() < Duration::from_secs(20),
                "it took {:?} to stop",
                sent.elapsed()
            );
            row.tried += 1;
            match (signal, ended.status.code()) {
                // It had ended by itself.
                (_, Some(0)) => row.went_on += 1,
                ("KILL", None) => {}
                ("TERM", Some(143)) => {
                    assert!(stderr.contains("every partition that is there is whole"), "{stderr}");
                }
                // Before the command listens, the signal ends it as it ends any process.
                ("TERM", None) => {}
                (_, code) => panic!("SIG{signal}: {code:?}\n{stderr}"),
            }
            let after = world.tables(&tables);
            let (code, stderr, took) = world.run(&tables);
            assert_eq!(code, 0, "{stderr}");
            row.repair = row.repair.max(took);
            account(&mut row, &after, &world.tables(&tables), &whole);
        }
        rows.push(row);
    }
    print(&rows);
    for row in rows {
        assert_eq!((row.lost, row.wrong), (0, 0), "{row:?}");
    }
}

/// At the n-th request the log of the first day is another one, of the same length.
#[test]
fn a_log_may_change_while_it_is_read() {
    let Some(world) = World::new("changed") else { return };
    let (old, requests) = world.undisturbed("old");
    let key = "logs/events/ds=2024-01-01/part-0.parquet";
    let local = world.project.path().join(key);
    let was = std::fs::read(&local).unwrap();
    write_logs(&world.project, 1, &[9.0, 2.0, 3.0, 4.0, 2.0, 3.0, 4.0, 5.0]);
    let is = std::fs::read(&local).unwrap();
    assert_eq!(was.len(), is.len(), "only the version tells them apart");
    world.bucket.put(key, is.clone());
    let (new, _) = world.undisturbed("new");
    assert!(old != new);
    let changed = Arc::new(Bucket::again(&world.bucket));
    let mut rows = Vec::new();
    for (what, bytes) in [("source replaced", Some(is.clone())), ("source deleted", None)] {
        let mut row = Row { fault: format!("{what} at the n-th request"), ..Row::default() };
        let step = if all() { 1 } else { requests / 5 };
        for n in (1..=requests).step_by(step) {
            world.bucket.put(key, was.clone());
            let (changed, bytes) = (Arc::clone(&changed), bytes.clone());
            world.proxy.begin(None);
            world.proxy.at(n, move || match &bytes {
                Some(bytes) => changed.put(key, bytes.clone()),
                None => changed.delete(key),
            });
            let tables = format!("changed/{what}-{n}").replace(' ', "-");
            let (code, stderr, _) = world.run(&tables);
            assert!([0, 1].contains(&code), "{what} at {n}: {code}\n{stderr}");
            if code == 1 {
                is_told(&stderr);
            }
            row.tried += 1;
            row.went_on += usize::from(code == 0);
            let after = world.tables(&tables);
            // Whatever is there was made of one version of the log, not of both.
            let whole = |path: &String, bytes: &Vec<u8>| {
                old.get(path) == Some(bytes) || new.get(path) == Some(bytes)
            };
            row.wrong += after.iter().filter(|(path, bytes)| !whole(path, bytes)).count();
            world.proxy.begin(None);
            world.bucket.put(key, is.clone());
            let (code, stderr, took) = world.run(&tables);
            assert_eq!(code, 0, "{stderr}");
            row.repair = row.repair.max(took);
            account(&mut row, &Tables::new(), &world.tables(&tables), &new);
        }
        rows.push(row);
    }
    print(&rows);
    for row in rows {
        assert_eq!((row.lost, row.wrong), (0, 0), "{row:?}");
    }
}

/// What a request of a wrong clock is answered, and logs whose times lie in the future and in the past.
#[test]
fn a_clock_may_be_wrong() {
    let Some(world) = World::new("skew") else { return };
    let (whole, _) = world.undisturbed("whole");
    world.proxy.begin(Some(Plan {
        fault: Fault::Status(403, "RequestTimeTooSkewed"),
        first: 1,
        times: 1,
    }));
    let (code, stderr, _) = world.run("skewed");
    assert_eq!(code, 1, "{stderr}");
    assert!(stderr.contains("this machine's clock is wrong; set it"), "{stderr}");
    world.proxy.begin(None);
    // On the local disk the times of files are those of whatever machine wrote them.
    let local = PROJECT.replace("LOGS", "logs");
    world.project.file("project.yaml", &local);
    for (tables, years) in [("past", -30.0), ("future", 80.0)] {
        let at = std::time::SystemTime::UNIX_EPOCH
            + Duration::from_secs_f64((54.0 + years) * 31_557_600.0);
        for (path, _) in world.project.files("logs") {
            let file = std::fs::File::options()
                .append(true)
                .open(world.project.path().join("logs").join(path));
            file.unwrap().set_modified(at).unwrap();
        }
        let at = world.bucket.url(tables);
        let args = ["run", "--date", "2024-01-02", "--quiet", "--tables", &at];
        world.project.verdict_with(&world.bucket.variables(), &args).exits(0);
        // The day tables know their objects; all that follows from them does not.
        super::same(&super::derived(world.tables(tables)), &super::derived(whole.clone()));
    }
}
