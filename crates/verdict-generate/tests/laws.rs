//! What a generated log promises: the same bytes whatever the threads, the laws of the crate's documentation, and what was
//! planted.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use datafusion::arrow::array::{AsArray, RecordBatch};
use datafusion::arrow::datatypes::{Float64Type, TimestampMicrosecondType};
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use verdict_generate::{GenerateError, Plant, Spec, Truth, generate};

fn spec() -> Spec {
    let from = NaiveDate::from_ymd_opt(2026, 3, 2).expect("a date");
    Spec { days: 8, users: 6_000, ..Spec::shop(from) }
}

fn made(spec: &Spec, threads: usize) -> (tempfile::TempDir, Truth) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let truth = generate(spec, folder.path(), threads, &|_| {}).expect("a log");
    (folder, truth)
}

fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(at) = folders.pop() {
        for entry in fs::read_dir(&at).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let below = path.strip_prefix(folder).expect("below").to_owned();
                found.insert(below, fs::read(&path).expect("a file"));
            }
        }
    }
    found
}

fn rows(folder: &Path, log: &str) -> Vec<RecordBatch> {
    let mut days: Vec<_> = fs::read_dir(folder.join(log))
        .expect("days")
        .map(|day| day.expect("a day").path())
        .collect();
    days.sort();
    let read = |day: &PathBuf| {
        let file = File::open(day.join("part-0.parquet")).expect("a file");
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("Parquet");
        // A day is one batch.
        let reader = reader.with_batch_size(1 << 20).build().expect("a reader");
        reader.map(|batch| batch.expect("rows")).collect::<Vec<_>>()
    };
    days.iter().flat_map(read).collect()
}

fn texts(batch: &RecordBatch, name: &str) -> Vec<String> {
    let column = batch.column_by_name(name).expect("the column").as_string::<i32>();
    column.iter().map(|text| text.expect("no null").to_owned()).collect()
}

fn times(batch: &RecordBatch) -> Vec<i64> {
    batch
        .column_by_name("ts")
        .expect("ts")
        .as_primitive::<TimestampMicrosecondType>()
        .values()
        .to_vec()
}

#[test]
fn threads_change_no_byte() {
    let (one, truth) = made(&spec(), 1);
    let (three, same) = made(&spec(), 3);
    assert_eq!(truth, same);
    assert_eq!(files(one.path()), files(three.path()));
    let (other, _) = made(&Spec { seed: 2, ..spec() }, 2);
    assert_ne!(files(one.path()), files(other.path()));
}

#[test]
fn rows_lie_within_their_day_in_order_of_time_and_are_counted() {
    let (folder, truth) = made(&spec(), 2);
    let mut counted = 0;
    for (day, batch) in rows(folder.path(), "events").iter().enumerate() {
        let midnight = spec().from.and_time(chrono::NaiveTime::MIN).and_utc().timestamp_micros();
        let begin = midnight + day as i64 * 86_400_000_000;
        let ts = times(batch);
        assert!(
            ts.is_sorted() && ts[0] >= begin && ts[ts.len() - 1] < begin + 86_400_000_000,
            "day {day}"
        );
        counted += batch.num_rows() as u64;
    }
    assert_eq!(counted, truth.events);
    let logged: u64 = rows(folder.path(), "exposures").iter().map(|b| b.num_rows() as u64).sum();
    assert_eq!(logged, truth.exposures);
    let mut first: HashMap<(String, String), HashSet<String>> = HashMap::new();
    for batch in rows(folder.path(), "exposures") {
        let (units, experiments, variants) =
            (texts(&batch, "user_id"), texts(&batch, "experiment"), texts(&batch, "variant"));
        for ((unit, experiment), variant) in units.into_iter().zip(experiments).zip(variants) {
            first.entry((experiment, variant)).or_default().insert(unit);
        }
    }
    for (planned, exposed) in truth.spec.experiments.iter().zip(&truth.exposed) {
        for (arm, exposed) in planned.arms.iter().zip(exposed) {
            let logged = &first[&(planned.name.clone(), arm.name.clone())];
            assert_eq!(logged.len() as u64, *exposed, "{} {}", planned.name, arm.name);
        }
    }
}

/// Chances of the documentation's table, each within 4.5 standard errors. Visits: 0.03 + 0.57 / 3 on average.
#[test]
fn the_laws_are_those_that_are_documented() {
    let (folder, truth) = made(&Spec { plants: Vec::new(), ..spec() }, 2);
    let visits: usize = rows(folder.path(), "events")
        .iter()
        .map(|batch| texts(batch, "user_id").into_iter().collect::<HashSet<_>>().len())
        .sum();
    let n = f64::from(spec().days) * f64::from(spec().users);
    // A unit's visits are as variable as its own chance makes them: Var(p) = 0.57² (1/5 - 1/9).
    let sd = (f64::from(spec().days) * 0.22 * 0.78
        + f64::from(spec().days).powi(2) * 0.57_f64.powi(2) * (0.2 - 1.0 / 9.0))
        .sqrt();
    let error =
        (visits as f64 / n - 0.22) * f64::from(spec().days) / (sd / f64::from(spec().users).sqrt());
    assert!(error.abs() < 4.5, "visits: {error} standard errors");

    let mut kinds: HashMap<String, f64> = HashMap::new();
    for batch in rows(folder.path(), "events") {
        for kind in texts(&batch, "event") {
            *kinds.entry(kind).or_default() += 1.0;
        }
    }
    let n = truth.events as f64;
    for (kind, p) in [("search", 0.15), ("click", 0.12), ("latency", 0.09)] {
        let error = (kinds[kind] / n - p) / (p * (1.0 - p) / n).sqrt();
        // Orders come first, and take a little of what is left when there are many: none of these.
        assert!(error.abs() < 4.5, "{kind}: {error} standard errors");
    }

    let amounts: Vec<f64> = rows(folder.path(), "events")
        .iter()
        .flat_map(|batch| {
            let amounts = batch
                .column_by_name("amount")
                .expect("amount")
                .as_primitive::<Float64Type>()
                .clone();
            let kinds = texts(batch, "event");
            let of = |row: usize| (kinds[row] == "latency").then(|| amounts.value(row).ln());
            (0..batch.num_rows()).filter_map(of).collect::<Vec<_>>()
        })
        .collect();
    let n = amounts.len() as f64;
    let mean = amounts.iter().sum::<f64>() / n;
    assert!(((mean - 4.8) / (0.6 / n.sqrt())).abs() < 4.5, "mean of the log of latencies: {mean}");
}

/// Orders of a unit in the arm over those in the control, before and after exposure.
#[test]
fn an_effect_is_there_after_the_exposure_and_not_before() {
    let mut spec = Spec { users: 20_000, days: 6, ..spec() };
    spec.experiments.truncate(1);
    spec.experiments[0].start = 3;
    spec.plant_effect(&"new_checkout:treatment:orders=+60%".parse().expect("an effect"))
        .expect("planted");
    let (folder, _) = made(&spec, 2);
    let mut arms: HashMap<String, String> = HashMap::new();
    let mut since: HashMap<String, i64> = HashMap::new();
    for batch in rows(folder.path(), "exposures") {
        let (units, variants, ts) =
            (texts(&batch, "user_id"), texts(&batch, "variant"), times(&batch));
        for ((unit, variant), ts) in units.into_iter().zip(variants).zip(ts) {
            since.entry(unit.clone()).or_insert(ts);
            arms.entry(unit).or_insert(variant);
        }
    }
    // (orders, events), by whether it is after the exposure, and by arm.
    let mut counts: HashMap<(bool, String), (f64, f64)> = HashMap::new();
    for batch in rows(folder.path(), "events") {
        let (units, kinds, ts) = (texts(&batch, "user_id"), texts(&batch, "event"), times(&batch));
        for ((unit, kind), ts) in units.into_iter().zip(kinds).zip(ts) {
            let Some(arm) = arms.get(&unit) else { continue };
            let of = counts.entry((ts >= since[&unit], arm.clone())).or_default();
            of.0 += f64::from(u8::from(kind == "order"));
            of.1 += 1.0;
        }
    }
    let ratio = |after: bool| {
        let rate = |arm: &str| {
            let (orders, events) = counts[&(after, arm.to_owned())];
            (orders / events, orders)
        };
        let ((control, a), (treatment, b)) = (rate("control"), rate("treatment"));
        // Clustered by unit, so that counts vary more than Poisson's: a factor of 1.5 is generous.
        (treatment / control, 1.5 * (1.0 / a + 1.0 / b).sqrt() * treatment / control)
    };
    let (after, error) = ratio(true);
    assert!((after - 1.6).abs() < 4.0 * error && error < 0.15, "after: {after} ± {error}");
    let (before, error) = ratio(false);
    assert!((before - 1.0).abs() < 4.0 * error && error < 0.15, "before: {before} ± {error}");
}

#[test]
fn lost_units_are_missing_from_the_exposures_alone() {
    let whole = spec();
    let lost = Spec { plants: vec![Plant::LostUnits(0.5)], ..spec() };
    let ((_, all), (_, fewer)) = (made(&whole, 2), made(&lost, 2));
    assert_eq!(all.events, fewer.events);
    let (before, after) = (&all.exposed[0], &fewer.exposed[0]);
    assert_eq!(before[0], after[0]);
    assert!(before[1] > after[1], "{before:?} {after:?}");
}

#[test]
fn a_bot_orders_as_often_as_it_was_told_to() {
    let (folder, _) = made(&Spec { plants: vec![Plant::Bot(500)], ..spec() }, 2);
    let mut orders: HashMap<String, u32> = HashMap::new();
    for batch in rows(folder.path(), "events") {
        for (unit, kind) in texts(&batch, "user_id").into_iter().zip(texts(&batch, "event")) {
            *orders.entry(unit).or_default() += u32::from(kind == "order");
        }
    }
    let most = orders.values().max().copied().unwrap_or_default();
    assert!((500 * spec().days..=500 * spec().days + 200).contains(&most), "{most}");
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    let refused = |text: &str| text.parse::<verdict_generate::Effect>().expect_err("refused");
    assert!(
        refused("new_checkout:treatment:sales=+5%").contains("orders, clicks, amount, latency")
    );
    assert!(refused("new_checkout:treatment:orders=5").contains("=+5%"));
    let mut spec = spec();
    let unknown = spec.plant_effect(&"checkout:treatment:orders=+5%".parse().expect("an effect"));
    assert!(
        unknown
            .expect_err("refused")
            .to_string()
            .contains("new_checkout, free_shipping, nothing_new")
    );
    let control = spec.plant_effect(&"new_checkout:control:orders=+5%".parse().expect("an effect"));
    assert!(control.expect_err("refused").to_string().contains("it has: treatment"));
    assert!("lost_units=2".parse::<Plant>().expect_err("refused").contains("between 0 and 1"));
    let folder = tempfile::tempdir().expect("a temporary folder");
    fs::write(folder.path().join("mine"), "x").expect("a file");
    let there = generate(&spec, folder.path(), 1, &|_| {}).expect_err("refused");
    assert!(matches!(there, GenerateError::Exists { .. }), "{there}");
}
