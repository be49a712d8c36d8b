//! The sample in a bucket, made by three workers.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Stdio};

use super::bucket::Bucket;
use super::{derived, local_backfill, same, sample, verdict};
use crate::support::{command, root};

#[test]
fn three_workers_make_the_bytes_of_a_local_run_in_a_bucket() {
    let Some(bucket) = Bucket::new("cluster") else { return };
    bucket.put_folder(&root().join("data/events"), "logs/events");
    bucket.put_folder(&root().join("data/exposures"), "logs/exposures");
    let project = sample(&bucket.url("logs"), &bucket.url("tables"), "");
    let mut variables = bucket.variables();
    variables.push(("VERDICT_CLUSTER_SECRET", "the tests'".into()));
    let args = ["cluster", "worker", "--listen", "127.0.0.1:0", "--threads", "1"];
    let mut workers: Vec<(Child, String)> = Vec::new();
    for _ in 0..3 {
        let mut worker = command(project.path(), &variables, &args);
        let mut worker = worker.stderr(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(worker.stderr.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line["listening on ".len()..].split(',').next().unwrap().to_owned();
        // What it says later has a reader for as long as it lives.
        std::thread::spawn(move || said.lines().count());
        workers.push((worker, address));
    }
    let addresses: Vec<&str> = workers.iter().map(|(_, address)| address.as_str()).collect();
    let addresses = addresses.join(",");
    let range = ["backfill", "--from", "2019-11-24", "--to", "2019-11-30", "--fail-on", "never"];
    let sent = [&range[..], &["--workers", &addresses]].concat();
    // Without the secret no worker does anything.
    let mut stranger = bucket.variables();
    stranger.push(("VERDICT_CLUSTER_SECRET", "another".into()));
    let fail = [&sent[..], &["--workers-lost", "fail", "--worker-attempts", "1"]].concat();
    let refused = verdict(&project, &stranger, &fail);
    let ran = verdict(&project, &variables, &sent);
    for (worker, _) in &mut workers {
        worker.kill().unwrap();
        worker.wait().unwrap();
    }
    let refused = refused.exits(1);
    assert!(refused.stderr.contains("the secrets differ"), "{}", refused.stderr);
    let ran = ran.exits(0);
    assert!(ran.stderr.contains("7 of 7 days were made by"), "{}", ran.stderr);
    assert!(ran.stderr.contains("3 of 3 totals were made by"), "{}", ran.stderr);
    same(&derived(bucket.objects("tables")), &local_backfill());
}
