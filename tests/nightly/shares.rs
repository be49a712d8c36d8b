//! Totals cut by buckets: shares made by slices and by workers, in any order, some twice, some never finished, some damaged, end in
//! the tables of one run.

use std::collections::BTreeMap;
use std::fs;
use std::fs::File;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::arrow::array::{ArrayRef, AsArray as _, BooleanArray, RecordBatch, StringArray};
use datafusion::arrow::compute::{cast, filter_record_batch};
use datafusion::arrow::datatypes::DataType;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::reader::{FileReader, SerializedFileReader};

use super::cluster::{Worker, every_partition_has_its_place};
use super::slices::tables;
use crate::support::{Ran, command, verdict};

/// As many as a project has that does not say.
const BUCKETS: u32 = 16;

/// More of what there are states of: capped by a fixed number, resampled, by rank, of events, of texts, in a window, distinct.
const METRICS: &str = "
  revenue_resampled: {type: mean, source: events, filter: event = 'order', value: amount, bootstrap: {replicates: 1000}}
  revenue_by_rank: {type: superiority, source: events, filter: event = 'order', value: amount}
  large_order: {type: quantile, source: events, filter: event = 'order', value: amount, quantile: 0.9}
  last_event: {type: categorical, source: events, value: event}
  first_day: {type: mean, source: events, filter: event = 'view', aggregate: count, window: {start: 0, end: 0}}
  kinds: {type: mean, source: events, value: event, aggregate: distinct}
  capped: {type: mean, source: events, filter: event = 'order', value: amount, winsorize: {upper: 80}}
";

const MORE: &str = "{name: revenue}, {name: revenue_resampled}, {name: revenue_by_rank}, {name: large_order}, {name: last_event}, \
    {name: first_day}, {name: kinds}, {name: capped}";

/// A metric whose cap is a quantile of all buckets.
const MOVING: &str = "
  moving: {type: mean, source: events, filter: event = 'order', value: amount, winsorize: {upper_percentile: 99}}
";

fn edit(file: &Path, from: &str, to: &str) {
    let text = fs::read_to_string(file).expect("a file");
    assert!(text.contains(from), "{} has no {from}", file.display());
    fs::write(file, text.replace(from, to)).expect("it can be written");
}

/// Three experiments of four days, two of them over more units than are one row group and watched from day to day, one of fewer
/// that is looked at once; of two of them some units meet several variants.
fn generated(at: &Path, moving: bool) {
    generated_of(at, moving, "20000");
}

fn generated_of(at: &Path, moving: bool, users: &str) {
    let log = ["generate", "demo", "--from", "2026-03-02", "--days", "4", "--users", users];
    let more = ["--events-per-visit", "2", "--quiet"];
    verdict(at, &[&log[..], &more].concat()).exits(0);
    some_meet_both(&at.join("demo/exposures/ds=2026-03-04"));
    let file = at.join("demo/metrics.yaml");
    let metrics = fs::read_to_string(&file).expect("metrics");
    let (own, more) = match moving {
        true => (MOVING, format!("{MORE}, {{name: moving}}")),
        false => ("", MORE.to_owned()),
    };
    fs::write(&file, format!("{}\n{METRICS}{own}", metrics.trim_end())).expect("metrics");
    for name in ["new_checkout", "nothing_new"] {
        let file = at.join(format!("demo/experiments/{name}.yaml"));
        edit(&file, "{name: revenue}", &more);
    }
    let file = at.join("demo/experiments/free_shipping.yaml");
    edit(&file, "    sequential_method: obrien_fleming\n", "    sequential_method: none\n");
    edit(&file, "{name: revenue}", "{name: revenue}, {name: large_order}, {name: last_event}");
    edit(&file, "  segments:", "  cuped: {lookback_days: 2}\n  segments:");
}

/// Adds exposures of some units of new_checkout to the other variant than theirs.
fn some_meet_both(folder: &Path) {
    let file = File::open(folder.join("part-0.parquet")).expect("exposures");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|of| of.build());
    let rows = reader.expect("Parquet").next().expect("a batch").expect("rows");
    let text = |name: &str| cast(rows.column_by_name(name).expect("a column"), &DataType::Utf8);
    let (experiments, variants) =
        (text("experiment").expect("texts"), text("variant").expect("texts"));
    let own = experiments.as_string::<i32>().iter().map(|name| name == Some("new_checkout"));
    let own: BooleanArray = own.map(Some).collect();
    let other = variants.as_string::<i32>().iter().map(|variant| match variant {
        Some("control") => Some("treatment"),
        _ => Some("control"),
    });
    let other: ArrayRef = Arc::new(other.collect::<StringArray>());
    let at = rows.schema().index_of("variant").expect("a column");
    let other = cast(&other, rows.column(at).data_type()).expect("the same type");
    let mut columns = rows.columns().to_vec();
    columns[at] = other;
    let rows = RecordBatch::try_new(rows.schema(), columns).expect("rows");
    let rows = filter_record_batch(&rows, &own).expect("rows").slice(0, 100);
    let file = File::create(folder.join("part-1.parquet")).expect("a file");
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).expect("a writer");
    writer.write(&rows).expect("rows");
    writer.close().expect("a footer");
}

/// Waits until a process has computed for so many hundredths of a second, or has ended; gives whether it still goes on.
fn has_computed(process: &mut Child, hundredths: u64) -> bool {
    let stat = format!("/proc/{}/stat", process.id());
    loop {
        if process.try_wait().expect("a process").is_some() {
            return false;
        }
        let told = fs::read_to_string(&stat).unwrap_or_default();
        let after = told.rsplit(')').next().unwrap_or_default();
        let of = |place: usize| after.split_whitespace().nth(place)?.parse::<u64>().ok();
        if of(11).zip(of(12)).is_some_and(|(user, system)| user + system >= hundredths) {
            return true;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn backfill_args<'a>(to: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut args =
        vec!["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-05"];
    args.extend(["--fail-on", "never", "--format", "json", "--tables", to]);
    args.extend(more);
    args
}

fn backfill(at: &Path, to: &str, more: &[&str]) -> Ran {
    verdict(at, &backfill_args(to, more)).exits(0)
}

/// A slice, of which the days are made.
fn slice(at: &Path, to: &str, slice: &str) -> Ran {
    backfill(at, to, &["--slice", slice])
}

/// Tables that have the days of `whole`, and what was found on the way, and nothing that follows.
fn days_of(at: &Path, whole: &str, to: &str) {
    for (name, bytes) in tables(&at.join(whole)) {
        if name.starts_with("unit_day/") || name.starts_with("exposure_day/") {
            let file = at.join(to).join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, bytes).expect("a partition");
        }
    }
}

#[track_caller]
fn same(at: &Path, whole: &str, made: &str) {
    let (whole, made) = (tables(&at.join(whole)), tables(&at.join(made)));
    assert_eq!(whole.keys().collect::<Vec<_>>(), made.keys().collect::<Vec<_>>());
    for (name, bytes) in whole {
        assert!(bytes == made[&name], "{name} differs");
    }
}

/// The shares that are there, below the tables.
fn shares(at: &Path, to: &str) -> BTreeMap<String, Vec<u8>> {
    tables(&at.join(to)).into_iter().filter(|(name, _)| name.starts_with("_shares/")).collect()
}

fn has(at: &Path, to: &str, table: &str) -> bool {
    tables(&at.join(to)).keys().any(|name| name.starts_with(table))
}

/// Numbers below `n` in an order that is no order.
fn shuffled(n: u32, seed: u64) -> Vec<u32> {
    let mut numbers: Vec<u32> = (0..n).collect();
    numbers.sort_by_key(|x| (u64::from(*x) + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed) >> 7);
    numbers
}

#[test]
fn slices_of_buckets_in_disorder_are_one_backfill() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, true);
    backfill(at, "whole", &[]);
    let file = |experiment: &str| {
        let last = "ds=2026-03-05/part-0.parquet";
        let file = File::open(at.join(format!("whole/unit_total/experiment={experiment}/{last}")));
        SerializedFileReader::new(file.expect("a partition")).expect("a Parquet file")
    };
    let groups = ["new_checkout", "free_shipping"].map(|name| file(name).num_row_groups());
    assert_eq!(
        groups,
        [BUCKETS as usize, 1],
        "row groups are copied, and few rows are written anew"
    );
    // Of twenty slices four have no bucket.
    for of in [2, 5, 20] {
        let to = format!("sliced-{of}");
        days_of(at, "whole", &to);
        let mut order = shuffled(of, 17 + u64::from(of));
        // One is made twice.
        order.insert(1, order[0]);
        let (last, before) = order.split_last().expect("slices");
        for index in before {
            let told = slice(at, &to, &format!("{}/{of}", index + 1));
            let said = "shares of other slices are still to be made";
            assert!(told.stderr.contains(said), "{}", told.stderr);
            assert_eq!(told.json()["experiments"].as_array().map(Vec::len), Some(0));
        }
        assert!(!has(at, &to, "unit_total/") && !has(at, &to, "group_stats/"));
        let with_buckets = before.iter().filter(|index| {
            let cut = |index: u32| BUCKETS * index / of;
            cut(**index) < cut(**index + 1)
        });
        let with_buckets: std::collections::BTreeSet<_> = with_buckets.collect();
        assert_eq!(shares(at, &to).len(), 3 * with_buckets.len(), "one each of three experiments");
        let told = slice(at, &to, &format!("{}/{of}", last + 1));
        assert_ne!(told.json()["experiments"].as_array().map(Vec::len), Some(0));
        same(at, "whole", &to);
    }
}

/// All of a backfill by slices: the first wave makes the days, the second one the totals; and a night after it.
#[test]
fn waves_of_slices_make_days_and_then_totals() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, false);
    let night = |to: &str, more: &[&str]| {
        let args = ["run", "--project", "demo", "--date", "2026-03-05", "--fail-on", "never"];
        verdict(at, &[&args[..], &["--quiet", "--tables", to], more].concat()).exits(0)
    };
    let until_the_4th = |to: &str, more: &[&str]| {
        let args = ["backfill", "--project", "demo", "--from", "2026-03-02", "--to", "2026-03-04"];
        let all = ["--fail-on", "never", "--tables", to];
        verdict(at, &[&args[..], &all, more].concat()).exits(0)
    };
    until_the_4th("whole", &[]);
    for index in ["2/2", "1/2"] {
        until_the_4th("sliced", &["--slice", index]);
    }
    assert!(!has(at, "sliced", "group_stats/"));
    until_the_4th("sliced", &["--slice", "2/2"]);
    same(at, "whole", "sliced");
    // A night begins from the totals of the night before, in one process and in two.
    night("whole", &[]);
    for index in ["1/2", "2/2", "1/2"] {
        night("sliced", &["--slice", index]);
    }
    same(at, "whole", "sliced");
    // A last run has nothing left to make, and of something that is lost makes it all.
    let gone = "sliced/group_stats/experiment=new_checkout/ds=2026-03-05/part-0.parquet";
    fs::remove_file(at.join(gone)).expect("a partition");
    night("sliced", &["--slice", "2/2"]);
    assert_eq!(shares(at, "sliced").len(), 1);
    night("sliced", &[]);
    same(at, "whole", "sliced");
}

fn start(at: &Path, to: &str, slice: &str) -> Child {
    let args = backfill_args(to, &["--quiet", "--slice", slice]);
    let mut process = command(at, &[], &args);
    process.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a slice")
}

#[test]
fn slices_of_buckets_may_overlap_repeat_and_die() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, false);
    backfill(at, "whole", &[]);
    days_of(at, "whole", "sliced");
    let mut killed = 0;
    // Killed at moments spread over its sweep and its commits.
    for hundredths in [15, 30, 45, 60, 75, 90, 105] {
        let mut process = start(at, "sliced", "1/2");
        if has_computed(&mut process, hundredths) {
            process.kill().expect("it is there");
            killed += 1;
        }
        process.wait().expect("its end");
    }
    assert!(killed > 1, "{killed} were killed");
    assert!(!has(at, "sliced", "group_stats/"));
    let partial = tables(&at.join("sliced"));
    let of_whole = tables(&at.join("whole"));
    let is_whole = |(name, bytes): (&String, &Vec<u8>)| {
        name.starts_with("_shares/") || of_whole.get(name) == Some(bytes)
    };
    assert!(partial.iter().all(is_whole));
    // Two cuts at once, some slices twice: those that find everything there join it, also side by side.
    for _ in 0..2 {
        let all = ["2/2", "1/3", "1/2", "2/2", "3/3", "2/3"];
        let mut at_once = all.map(|slice| start(at, "sliced", slice));
        for process in &mut at_once {
            assert!(process.wait().expect("its end").success());
        }
    }
    let found = tables(&at.join("sliced"));
    assert!(found.keys().any(|name| name.starts_with("decisions/")), "some slice joined all of it");
    same(at, "whole", "sliced");
    // A last run finds all of it.
    let told = backfill(at, "sliced", &[]);
    assert!(told.stderr.contains("0 partitions made"), "{}", told.stderr);
    same(at, "whole", "sliced");
}

/// Overwrites the rows of all buckets but `own` in partitions of days that have row groups for each bucket; gives how many there were.
fn garble_all_but(own: &Range<u32>, folder: &Path) -> usize {
    let of_days =
        |name: &&String| name.starts_with("unit_day/") || name.starts_with("exposure_day/");
    let mut garbled = 0;
    for name in tables(folder).keys().filter(of_days) {
        let path = folder.join(name);
        let file = File::open(&path).expect("a partition");
        let reader = SerializedFileReader::new(file).expect("a Parquet file");
        let groups = reader.metadata().row_groups();
        if groups.len() != BUCKETS as usize {
            continue;
        }
        let file = File::options().write(true).open(&path).expect("a partition");
        for (_, group) in (0..).zip(groups).filter(|(bucket, _)| !own.contains(bucket)) {
            let (first, last) = (group.column(0), group.columns().last().expect("columns"));
            let (from, to) = (first.byte_range().0, last.byte_range().0 + last.byte_range().1);
            let bytes = vec![0xff; (to - from) as usize];
            file.write_all_at(&bytes, from).expect("it can be written");
            garbled += 1;
        }
    }
    garbled
}

/// A slice reads the row groups of its buckets: those of others may be anything.
#[test]
fn a_slice_reads_the_rows_of_its_own_buckets_alone() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    // More units on a day than are one row group.
    generated_of(at, false, "60000");
    backfill(at, "whole", &[]);
    for (index, own) in [("1/3", 0..5), ("2/3", 5..10), ("3/3", 10..16)] {
        let to = format!("garbled-{}", own.start);
        days_of(at, "whole", &to);
        assert!(garble_all_but(&own, &at.join(&to)) > 50);
        slice(at, &to, index);
        let failed = verdict(at, &backfill_args(&to, &[])).exits(1);
        assert!(failed.stderr.contains("damaged"), "{}", failed.stderr);
        // What failed leaves the shares to those who can join them.
        for (name, bytes) in shares(at, &to) {
            let file = at.join("sliced").join(name);
            fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            fs::write(file, bytes).expect("a share");
        }
    }
    let all = shares(at, "sliced");
    assert_eq!(all.len(), 9);
    days_of(at, "whole", "sliced");
    // Nothing is swept any more where all shares are there: a join reads no day.
    assert!(garble_all_but(&(0..0), &at.join("sliced")) > 50);
    slice(at, "sliced", "3/3");
    assert!(shares(at, "sliced").is_empty(), "they were joined");
    // One that was killed while it joined has committed the last dates first: whoever comes next finds the shares still true,
    // be it a slice or a last run.
    for (lost, more) in [(2, &["--slice", "1/3"][..]), (3, &[])] {
        for (name, bytes) in &all {
            fs::write(at.join("sliced").join(name), bytes).expect("a share");
        }
        for day in 2..2 + lost {
            for name in ["new_checkout", "nothing_new"] {
                let gone = format!("sliced/group_stats/experiment={name}/ds=2026-03-0{day}");
                fs::remove_dir_all(at.join(gone)).expect("a folder");
            }
        }
        for name in ["new_checkout", "nothing_new"] {
            let gone = format!("sliced/unit_total/experiment={name}");
            fs::remove_dir_all(at.join(gone)).expect("a folder");
        }
        backfill(at, "sliced", more);
        let left = shares(at, "sliced");
        assert!(left.keys().all(|name| name.contains("free_shipping")), "{:?}", left.keys());
    }
    for name in shares(at, "sliced").keys() {
        fs::remove_file(at.join("sliced").join(name)).expect("a share");
    }
    days_of(at, "whole", "sliced");
    same(at, "whole", "sliced");
}

#[test]
fn a_share_of_other_definitions_is_not_used_and_gc_removes_it() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, false);
    backfill(at, "before", &[]);
    days_of(at, "before", "sliced");
    slice(at, "sliced", "1/2");
    let old = shares(at, "sliced");
    assert_eq!(old.len(), 3);
    let gc = |more: &[&str]| {
        let args = ["gc", "--project", "demo", "--tables", "sliced", "--older-than", "36500"];
        verdict(at, &[&args[..], more].concat()).exits(0).stdout
    };
    assert!(gc(&["--dry-run"]).contains("0 objects"), "a share that is still to be joined stays");
    // `verify` and queries do not see it.
    let sql = "SELECT count(*) AS n FROM unit_total";
    let query = ["query", sql, "--project", "demo", "--tables", "sliced", "--format", "json"];
    let counted = verdict(at, &query);
    assert!(!counted.stdout.contains("_shares"), "{}", counted.stdout);
    edit(
        &at.join("demo/metrics.yaml"),
        "filter: event = 'order', value: amount, winsorize: {upper: 80}",
        "filter: event = 'click', value: amount, winsorize: {upper: 80}",
    );
    backfill(at, "whole", &[]);
    assert!(tables(&at.join("whole")) != tables(&at.join("before")), "the change shows");
    // Both slices of days, and then of totals; the old share of 1/2 is none of them.
    for index in ["2/2", "1/2", "2/2"] {
        slice(at, "sliced", index);
    }
    let left = shares(at, "sliced");
    assert!(left == old, "the old ones stay as they were: {:?}", left.keys());
    assert!(has(at, "sliced", "decisions/"));
    let told = gc(&["--dry-run"]);
    let why = "a share of totals that are made";
    assert_eq!(told.matches(why).count(), 3, "{told}");
    assert!(told.contains("3 objects"), "{told}");
    // Where the new totals are not made yet it is its inputs that tell.
    fs::remove_dir_all(at.join("sliced/group_stats")).expect("a folder");
    let told = gc(&["--dry-run"]);
    let why = "a share of totals whose inputs or definitions have changed";
    assert_eq!(told.matches(why).count(), 3, "{told}");
    gc(&[]);
    assert!(shares(at, "sliced").is_empty());
    backfill(at, "sliced", &[]);
    same(at, "whole", "sliced");
    // One that nobody joined for a day, whatever it is of.
    fs::remove_dir_all(at.join("sliced/group_stats")).expect("a folder");
    slice(at, "sliced", "1/2");
    for name in shares(at, "sliced").keys() {
        let file = File::options().append(true).open(at.join("sliced").join(name));
        let long_ago = SystemTime::now() - Duration::from_secs(2 * 86_400);
        file.expect("a share").set_modified(long_ago).expect("it can be older");
    }
    let told = gc(&[]);
    assert_eq!(told.matches("nobody has joined for a day").count(), 3, "{told}");
    assert!(shares(at, "sliced").is_empty());
}

/// The share of new_checkout, the only one of so many buckets.
fn share_of_new_checkout(at: &Path, to: &str) -> PathBuf {
    let shares = shares(at, to);
    let own = shares.keys().find(|name| name.contains("experiment=new_checkout/"));
    at.join(to).join(own.expect("a share"))
}

#[test]
fn a_damaged_share_is_never_believed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, false);
    run_one(at, "whole", &[]).exits(0);
    let slice = |at: &Path, to: &str, index: &str| run_one(at, to, &["--slice", index]).exits(0);
    days_of(at, "whole", "sliced");
    slice(at, "sliced", "1/2");
    let path = share_of_new_checkout(at, "sliced");
    let good = fs::read(&path).expect("a share");
    let size = good.len();
    let length = u64::from_le_bytes(good[size - 48..size - 40].try_into().expect("eight bytes"));
    let header = size - 48 - length as usize;
    let changed = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        bytes
    };
    let damages: [(&str, Vec<u8>); 11] = [
        ("nothing", Vec::new()),
        ("few bytes", good[..20].to_vec()),
        ("half of it", good[..size / 2].to_vec()),
        ("without its end", good[..size - 1].to_vec()),
        ("rows", changed(1_000)),
        ("the footer of rows, or states", changed(header - 40_000)),
        ("states", changed(header - 10)),
        ("the header", changed(header + 20)),
        ("its length", changed(size - 48)),
        ("its digest", changed(size - 20)),
        ("another file", fs::read(at.join("demo/metrics.yaml")).expect("a file")),
    ];
    for (what, damaged) in damages {
        fs::write(&path, &damaged).expect("it can be written");
        // The slice that would join finds it out, and the share is made again by whose it is.
        let told = slice(at, "sliced", "2/2");
        let said = "shares of other slices are still to be made";
        assert!(told.stderr.contains(said), "{what}: {}", told.stderr);
        assert!(!path.exists(), "{what}: it is of no use");
        slice(at, "sliced", "1/2");
        same(at, "whole", "sliced");
        // From here on as it was before.
        for table in ["unit_total", "group_stats"] {
            fs::remove_dir_all(at.join("sliced").join(table)).expect("a folder");
        }
        slice(at, "sliced", "1/2");
        let whole_share = fs::read(&path).expect("the same share");
        assert!(whole_share == good, "{what}: a share has the same bytes whenever it is made");
    }
}

fn run_one(at: &Path, to: &str, more: &[&str]) -> Ran {
    let mut args = vec!["backfill", "--project", "demo", "--experiment", "new_checkout"];
    args.extend(["--from", "2026-03-02", "--to", "2026-03-05", "--fail-on", "never"]);
    args.extend(["--format", "json", "--tables", to]);
    args.extend(more);
    verdict(at, &args)
}

#[test]
fn workers_that_outnumber_the_experiments_take_shares_of_their_buckets() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, true);
    run_one(at, "whole", &[]).exits(0);
    let workers = [Worker::start(at), Worker::start(at), Worker::start(at)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    let plan = ["plan", "--project", "demo", "--date", "2026-03-05", "--workers", &addresses];
    let plan = [&plan[..], &["--experiment", "new_checkout"]].concat();
    let told = verdict(at, &plan).exits(0).stdout;
    for said in [
        "send   totals of new_checkout, buckets 0 to 4 of 16\n         sweep         exposure_day and unit_day of their days\n",
        "send   totals of new_checkout, buckets 10 to 15 of 16\n",
        "         share         an object of its own for each experiment, of 6 buckets\n",
        "send   totals of new_checkout\n         join          3 shares\n         unit_total    new_checkout 2026-03-05\n",
    ] {
        assert!(told.contains(said), "no {said} in {told}");
    }
    let told = verdict(at, &[&plan[..], &["--format", "json"]].concat()).exits(0).json();
    every_partition_has_its_place(&told);
    // Each takes one: they are as many as the shares.
    let told = run_one(at, "made", &["--workers", &addresses]).exits(0).stderr;
    assert!(told.contains("3 of 3 shares of totals were made by 3 workers"), "{told}");
    assert!(told.contains("1 of 1 totals were made by 1 worker"), "{told}");
    assert!(!told.contains("made here"), "{told}");
    same(at, "whole", "made");
    // As many experiments as workers are cut as ever.
    let told = backfill(at, "all", &["--workers", &addresses]).stderr;
    assert!(!told.contains("shares of totals") && told.contains("3 of 3 totals"), "{told}");
    // A slice sends its share.
    days_of(at, "made", "sliced");
    let sliced = |index: &str| run_one(at, "sliced", &["--workers", &addresses, "--slice", index]);
    let told = sliced("2/2").exits(0).stderr;
    assert!(told.contains("1 of 1 shares of totals were made by 1 worker"), "{told}");
    sliced("1/2").exits(0);
    same(at, "whole", "sliced");
}

#[test]
fn a_worker_that_is_killed_with_its_share_changes_no_byte() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let at = folder.path();
    generated(at, false);
    run_one(at, "whole", &[]).exits(0);
    days_of(at, "whole", "made");
    let mut workers = [Worker::start(at), Worker::start(at), Worker::start(at)];
    let addresses = workers.each_ref().map(|worker| worker.address.clone()).join(",");
    let killed = workers[0].address.clone();
    let told = std::thread::scope(|scope| {
        let run = scope.spawn(|| run_one(at, "made", &["--workers", &addresses]));
        // The days are there: what a worker computes first is a share.
        assert!(has_computed(&mut workers[0].process, 15));
        workers[0].process.kill().expect("it is there");
        run.join().expect("the run ends")
    });
    let told = told.exits(0).stderr;
    assert_eq!(workers[0].line(), "", "it was killed before it had made anything");
    assert!(told.contains(&format!("{killed} is not used")), "{told}");
    assert!(told.contains("3 of 3 shares of totals were made by 2 workers"), "{told}");
    same(at, "whole", "made");
}
