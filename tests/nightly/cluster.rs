//! `--workers`: days and totals made by other processes, some of which are killed or frozen, end in the tables of one process.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use super::slices::tables;
use crate::support::{Ran, command, verdict};

/// A worker process, which ends with the test.
pub(super) struct Worker {
    pub(super) process: Child,
    said: BufReader<ChildStderr>,
    pub(super) address: String,
}

impl Worker {
    pub(super) fn start(folder: &Path) -> Worker {
        Worker::start_with(folder, &[])
    }

    fn start_with(folder: &Path, more: &[&str]) -> Worker {
        Worker::start_at(folder, "127.0.0.1:0", more)
    }

    fn start_at(folder: &Path, listen: &str, more: &[&str]) -> Worker {
        let args = ["cluster", "worker", "--listen", listen, "--threads", "1"];
        let args = [&args[..], more].concat();
        let mut process = command(folder, &[], &args);
        let mut process = process.stderr(Stdio::piped()).spawn().expect("a worker");
        let said = BufReader::new(process.stderr.take().expect("standard error"));
        let mut worker = Worker { process, said, address: String::new() };
        let line = worker.line();
        let rest = line.strip_prefix("listening on ").expect("where it listens");
        worker.address = rest.split(',').next().expect("an address").to_owned();
        worker
    }

    /// The next line that it says.
    pub(super) fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("a line");
        line
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A worker that was killed has ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A log of 28 days, and the tables that one process makes of it in `local`.
fn generated(folder: &Path) {
    let args = ["generate", "demo", "--from", "2026-03-02", "--days", "28", "--users", "300"];
    verdict(folder, &args).exits(0);
    backfill(folder, &["--tables", "local"]).exits(0);
}

fn backfill(folder: &Path, more: &[&str]) -> Ran {
    let mut args =
        vec!["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-29"];
    args.extend(["--fail-on", "never", "--format", "json"]);
    args.extend(more);
    verdict(folder, &args)
}

#[track_caller]
fn same(folder: &Path, made: &str) {
    let (local, made) = (tables(&folder.join("local")), tables(&folder.join(made)));
    assert_eq!(local.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    for (name, bytes) in local {
        assert!(bytes == made[&name], "{name} differs");
    }
}

#[test]
fn a_worker_killed_and_one_frozen_in_the_middle_change_no_byte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at);
    let mut workers = [Worker::start(at), Worker::start(at), Worker::start(at)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    let told = std::thread::scope(|scope| {
        let run = scope.spawn(|| {
            backfill(at, &["--tables", "made", "--workers", &addresses, "--worker-silence", "3"])
        });
        // Each has made something, and the next step is its own already or soon will be.
        assert!(workers[0].line().starts_with("made day "));
        workers[0].process.kill().expect("it is there");
        assert!(workers[1].line().starts_with("made day "));
        let frozen = workers[1].process.id().to_string();
        assert!(Command::new("kill").args(["-STOP", &frozen]).status().expect("kill").success());
        run.join().expect("the run ends")
    });
    let told = told.exits(0);
    assert!(told.stderr.contains("28 of 28 days were made by"), "{}", told.stderr);
    let frozen = format!("{} is not used: it said nothing for 3s", workers[1].address);
    assert!(told.stderr.contains(&frozen), "{}", told.stderr);
    let killed = format!("{} is not used: the connection ended", workers[0].address);
    assert!(told.stderr.contains(&killed), "{}", told.stderr);
    assert!(!told.stderr.contains("made here"), "{}", told.stderr);
    same(at, "made");
}

#[test]
fn without_any_worker_a_run_makes_all_itself_or_fails_as_it_is_told() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    super::generated(at, &[]);
    // A port that was free a moment ago, and that nobody listens on.
    let free = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let nobody = free.expect("a port").to_string();
    let run = |more: &[&str]| {
        let mut args = vec!["run", "--project", "demo", "--date", "2026-03-04"];
        args.extend(["--fail-on", "never", "--format", "json"]);
        args.extend(more);
        verdict(at, &args)
    };
    let sent = ["--workers", &nobody, "--worker-attempts", "1"];
    let failed = [&sent[..], &["--tables", "failed", "--workers-lost", "fail"]].concat();
    let failed = run(&failed).exits(1);
    let said = "3 of 3 days were made by no worker, the first of them day 2026-03-02 of";
    assert!(failed.stderr.contains(said), "{}", failed.stderr);
    let local = run(&["--tables", "local"]).exits(0);
    assert!(local.stderr.contains(" partitions made, "), "JSON or not: {}", local.stderr);
    let told = run(&[&sent[..], &["--tables", "made"]].concat()).exits(0);
    assert!(told.stderr.contains("3 of 3 days are made here"), "{}", told.stderr);
    same(at, "made");
}

/// Of what a plan makes each partition is made by one stage of one step, or here; and here are judgements alone.
pub(super) fn every_partition_has_its_place(plan: &serde_json::Value) {
    let list = |value: &serde_json::Value| value.as_array().expect("a list").clone();
    let text = |value: &serde_json::Value| value.as_str().expect("a text").to_owned();
    let items = list(&plan["items"]).into_iter().filter(|item| item["action"] == "make");
    let mut planned: Vec<String> = items
        .map(|item| format!("{}/{}", text(&item["table"]), text(&item["partition"])))
        .collect();
    let here: Vec<String> = list(&plan["here"]).iter().map(text).collect();
    for partition in &here {
        let table = partition.split('/').next().unwrap_or_default();
        assert!(["results", "checks", "decisions"].contains(&table), "{partition} is made here");
    }
    let mut placed = here;
    let mut bytes = 0;
    for stage in list(&plan["sent"]).iter().flat_map(|step| list(&step["stages"])) {
        bytes += stage["bytes"].as_u64().expect("bytes");
        let made = list(&stage["partitions"]);
        placed.extend(made.iter().map(|p| format!("{}/{}", text(&stage["stage"]), text(p))));
    }
    planned.sort();
    placed.sort();
    assert_eq!(placed, planned);
    assert_eq!(Some(bytes), plan["bytes"].as_u64());
}

#[test]
fn over_encrypted_connections_a_plan_says_what_is_sent_and_a_run_sends_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    super::generated(at, &[]);
    let file = |name: &str| {
        format!("{}/../verdict-cluster/src/tls/certificates/{name}", env!("CARGO_MANIFEST_DIR"))
    };
    let (certificate, key, authority) =
        (file("worker.pem"), file("worker.key"), file("authority.pem"));
    let encrypted = ["--tls-cert", &certificate, "--tls-key", &key];
    let workers = [Worker::start_with(at, &encrypted), Worker::start_with(at, &encrypted)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    let with = |command: &str, more: &[&str]| {
        let mut args = vec![command, "--project", "demo", "--date", "2026-03-04"];
        args.extend(["--workers", &addresses]);
        args.extend(more);
        verdict(at, &args)
    };
    let told = with("plan", &["--workers-ca", &authority]).exits(0).stdout;
    let sent = told.lines().filter(|line| line.starts_with("send   ")).count();
    assert!(told.contains("send   day 2026-03-02 of user_id"), "{told}");
    assert!(told.contains("send   totals of "), "{told}");
    assert!(told.contains(&format!("worker {}  (1 step at once)", workers[0].address)), "{told}");
    let json = with("plan", &["--workers-ca", &authority, "--format", "json"]).exits(0);
    let json: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(json["sent"].as_array().map(Vec::len), Some(sent));
    assert_eq!(json["workers"][1]["steps_at_once"], 1);
    every_partition_has_its_place(&json);
    let day = "send   day 2026-03-02 of user_id\n         scan          rows of the logs, added up by unit, 0.";
    assert!(told.contains(day), "{told}");
    for stage in [
        "         unit_day      user_id 2026-03-02\n",
        "         exposure_day  new_checkout 2026-03-02, nothing_new 2026-03-02\n",
        "         sweep         exposure_day and unit_day of their days\n",
        "         unit_total    ",
        "new_checkout 3 dates to 2026-03-04",
        "here   decisions  (3 of them)\nhere   results  (3 of them)\n",
    ] {
        assert!(told.contains(stage), "no {stage} in {told}");
    }
    assert!(!told.contains("no worker can be used"), "{told}");
    // Nothing goes to a worker in the clear.
    let refused = with("plan", &[]).exits(0).stdout;
    assert!(refused.contains("(not used: the other side speaks TLS"), "{refused}");
    assert!(!refused.contains("send   ") && refused.contains("no worker can be used"), "{refused}");
    let quiet = ["--fail-on", "never", "--format", "json"];
    let run = [&quiet[..], &["--workers-ca", &authority, "--tables", "made"]].concat();
    let ran = with("run", &run).exits(0);
    assert!(ran.stderr.contains("3 of 3 days were made by"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("made here"), "{}", ran.stderr);
    let local = [&["run", "--project", "demo", "--date", "2026-03-04"][..], &quiet].concat();
    verdict(at, &[&local[..], &["--tables", "local"]].concat()).exits(0);
    same(at, "made");
}

/// The one worker is asked to stop in the middle of a day: it ends that day and then itself, well; a worker that was not there when the
/// run began makes days after it, though the run knew of its place alone.
#[test]
fn a_worker_that_is_stopped_ends_its_step_and_one_that_joins_late_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at);
    let mut first = Worker::start(at);
    let place = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let later = place.expect("a port").to_string();
    let addresses = format!("{},{later}", first.address);
    let (told, days) = std::thread::scope(|scope| {
        let attempts = ["--worker-attempts", "6", "--worker-silence", "10"];
        let more = [&["--tables", "made", "--workers", &addresses], &attempts[..]].concat();
        let run = scope.spawn(move || backfill(at, &more));
        assert!(first.line().starts_with("made day "));
        let id = first.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().expect("kill").success());
        let mut said = Vec::new();
        while let Some(line) = Some(first.line()).filter(|line| !line.is_empty()) {
            said.push(line);
        }
        assert!(
            said.iter().any(|line| line.starts_with("stopping when the steps under way")),
            "{said:?}"
        );
        assert_eq!(first.process.wait().expect("its end").code(), Some(0), "{said:?}");
        let mut second = Worker::start_at(at, &later, &[]);
        let mut days = 0;
        let told = run.join().expect("the run ends");
        second.process.kill().expect("it is there");
        while second.line().starts_with("made day ") {
            days += 1;
        }
        (told, days)
    });
    let told = told.exits(0);
    assert!(told.stderr.contains("28 of 28 days were made by 2 workers"), "{}", told.stderr);
    assert!(days > 0 && days < 28, "{days} days\n{}", told.stderr);
    same(at, "made");
}

/// The coordinator is killed in the middle: its workers let go of its steps and serve the next run, which makes the rest.
#[test]
fn a_coordinator_may_be_killed_and_the_next_run_goes_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at);
    let mut workers = [Worker::start(at), Worker::start(at)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    let mut args =
        vec!["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-29"];
    args.extend(["--quiet", "--tables", "made", "--workers", &addresses]);
    let mut killed = command(at, &[], &args).stderr(Stdio::null()).spawn().expect("a run");
    assert!(workers[0].line().starts_with("made day "));
    killed.kill().expect("it is there");
    killed.wait().expect("its end");
    let (local, made) = (tables(&at.join("local")), tables(&at.join("made")));
    assert!(made.len() < local.len(), "it was killed before its end");
    assert!(
        made.iter().all(|(name, bytes)| local.get(name) == Some(bytes)),
        "what is there is whole"
    );
    let told = backfill(at, &["--tables", "made", "--workers", &addresses]).exits(0);
    assert!(told.stderr.contains("days were made by 2 workers"), "{}", told.stderr);
    assert!(!told.stderr.contains("28 of 28 days"), "{}", told.stderr);
    same(at, "made");
}
