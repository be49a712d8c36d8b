//! The sample in a bucket of an S3 server: logs, tables, two runs at once, many objects, large objects.

use std::thread;

use super::bucket::Bucket;
use super::{data, derived, local_backfill, same, sample, verdict};
use crate::support::proxy::Proxy;
use crate::support::root;
use crate::support::wide::{LARGER_THAN_A_PART, project};

const RANGE: [&str; 6] = ["backfill", "--from", "2019-11-24", "--to", "2019-11-30", "--quiet"];

#[test]
fn a_backfill_in_a_bucket_has_the_bytes_of_a_local_one() {
    let Some(bucket) = Bucket::new("backfill") else { return };
    bucket.put_folder(&root().join("data/events"), "logs/events");
    bucket.put_folder(&root().join("data/exposures"), "logs/exposures");
    let project = sample(&bucket.url("logs"), &bucket.url("tables"), "");
    let variables = bucket.variables();
    let plan = verdict(&project, &variables, &["plan", "--date", "2019-11-30"]).exits(0);
    assert!(
        plan.stdout.contains(&format!("tables are in s3://{}/tables", bucket.name)),
        "{}",
        plan.stdout
    );
    verdict(&project, &variables, &RANGE).exits(0);
    same(&derived(bucket.objects("tables")), &local_backfill());

    // A second run finds everything fresh and reads no log.
    let again = verdict(&project, &variables, &["run", "--date", "2019-11-30"]).exits(0);
    assert!(again.stderr.contains("0 partitions made, 43 fresh; 0 log rows"), "{}", again.stderr);
    let sql = "SELECT decision FROM latest_decisions WHERE experiment = 'men'";
    let asked = verdict(&project, &variables, &["query", sql]).exits(0);
    assert!(asked.stdout.contains("ship"), "{}", asked.stdout);

    // A site that the bucket may serve: the files of one in a folder, as what a browser takes them for.
    let report = |out: &str| {
        let args = ["report", "--date", "2019-11-30", "--out", out];
        verdict(&project, &variables, &args).exits(0).stdout
    };
    let url = bucket.url("site");
    assert_eq!(report(&url), format!("{url}/index.html\n"));
    report("site");
    let put = bucket.objects("site");
    assert!(put.len() > 10, "{}", put.len());
    for (path, bytes) in put {
        let local = std::fs::read(project.path().join("site").join(&path)).expect("the same file");
        assert!(bytes == local, "{path}");
    }
    let page = bucket.content_type("site/experiments/men.html");
    assert_eq!(page.as_deref(), Some("text/html; charset=utf-8"));
    let refused = verdict(&project, &variables, &["report", "--out", "ftp://host/site"]).exits(2);
    assert!(refused.stderr.contains("--out"), "{}", refused.stderr);
}

#[test]
fn slices_in_a_bucket_make_days_and_then_totals() {
    let Some(bucket) = Bucket::new("slices") else { return };
    let project = sample(&data(), &bucket.url("tables"), "");
    let variables = bucket.variables();
    // Two machines, and again: whoever of them finds all days made goes on to its buckets.
    for _ in 0..2 {
        thread::scope(|scope| {
            for slice in ["1/2", "2/2"] {
                let args = [&RANGE[..], &["--slice", slice]].concat();
                let (project, variables) = (&project, &variables);
                scope.spawn(move || verdict(project, variables, &args).exits(0));
            }
        });
    }
    let objects = bucket.objects("tables");
    assert!(!objects.iter().any(|(name, _)| name.starts_with("_shares/")), "they were joined");
    same(&derived(objects), &local_backfill());
}

#[test]
fn two_runs_at_once_make_the_same_tables() {
    let Some(bucket) = Bucket::new("at-once") else { return };
    let project = sample(&data(), &bucket.url("tables"), "");
    let variables = bucket.variables();
    // Nights on one machine, a backfill on another.
    thread::scope(|scope| {
        let run = scope.spawn(|| {
            for date in ["2019-11-24", "2019-11-27", "2019-11-30"] {
                verdict(&project, &variables, &["run", "--date", date, "--quiet"]).exits(0);
            }
        });
        let backfill = scope.spawn(|| verdict(&project, &variables, &RANGE).exits(0));
        run.join().unwrap();
        backfill.join().unwrap();
    });
    let objects = derived(bucket.objects("tables"));
    // The nights left totals of their own dates, which a backfill has no use for.
    let (nights, rest): (Vec<_>, Vec<_>) = objects
        .into_iter()
        .partition(|(path, _)| path.starts_with("unit_total/") && !path.contains("ds=2019-11-30"));
    assert!(nights.len() <= 6, "{nights:?}");
    same(&rest, &local_backfill());
}

#[test]
fn a_day_of_thousands_of_objects_is_listed_in_pages() {
    let Some(bucket) = Bucket::new("pages") else { return };
    bucket.put_folder(&root().join("data/events"), "logs/events");
    // Bookkeeping of other tools lies among the objects; a page of a listing has a thousand.
    for number in 0..2_100 {
        bucket.put(&format!("logs/events/ds=2019-11-25/_a/{number:05}.parquet"), Vec::new());
    }
    let logs = sample(&bucket.url("logs"), "tables", "");
    // Exposures stay on the local disk: any mix will do.
    let text = std::fs::read_to_string(logs.path().join("project.yaml")).unwrap();
    let exposures = format!("path: {}/exposures", bucket.url("logs"));
    logs.file("project.yaml", &text.replace(&exposures, &format!("path: {}/exposures", data())));
    let run = verdict(&logs, &bucket.variables(), &RANGE).exits(0);
    assert!(run.stderr.is_empty(), "{}", run.stderr);
    same(&derived(logs.files("tables")), &local_backfill());
}

#[test]
fn an_endpoint_may_be_an_option_and_a_read_anonymous() {
    let Some(bucket) = Bucket::new("anonymous") else { return };
    bucket.open_to_all();
    bucket.put_folder(&root().join("data/events"), "logs/events");
    bucket.put_folder(&root().join("data/exposures"), "logs/exposures");
    let proxy = Proxy::new(bucket.port);
    let storage = format!(
        "\nstorage:\n  max_requests: 1\n  options:\n    s3://{}: {{aws_endpoint: \"http://127.0.0.1:{}\", \
         aws_allow_http: true, aws_region: us-east-1, aws_skip_signature: true}}\n",
        bucket.name, proxy.port
    );
    let project = sample(&bucket.url("logs"), "tables", &storage);
    verdict(&project, &[], &RANGE).exits(0);
    same(&derived(project.files("tables")), &local_backfill());
    assert!(proxy.seen().0 > 0 && proxy.signed() == 0, "{} were signed", proxy.signed());
}

/// A partition that goes out in parts, each at least as large as the store takes them.
#[test]
fn a_large_partition_goes_out_in_parts() {
    let Some(bucket) = Bucket::new("parts") else { return };
    let wide = project(&bucket.url("tables"), LARGER_THAN_A_PART);
    let proxy = Proxy::new(bucket.port);
    wide.verdict_with(&bucket.through(proxy.port), &["run", "--date", "2024-01-01", "--quiet"])
        .exits(0);
    let requests = proxy.requests();
    let parts =
        requests.iter().filter(|r| r.starts_with("PUT") && r.contains("partNumber=")).count();
    let completed =
        requests.iter().filter(|r| r.starts_with("POST") && r.contains("uploadId=")).count();
    assert!(parts >= 2 && completed >= 1, "{parts} parts, {completed} completed");
    let local = project("tables", LARGER_THAN_A_PART);
    local.verdict(&["run", "--date", "2024-01-01", "--quiet"]).exits(0);
    same(&derived(bucket.objects("tables")), &derived(local.files("tables")));
}
