//! Writing the logs, a day a file, several days at a time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use datafusion::arrow::array::{
    ArrayRef, Float64Array, RecordBatch, StringArray, TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::basic::{Compression, ZstdLevel};
use datafusion::parquet::file::properties::WriterProperties;

use crate::day::{Day, Event, Exposure, KINDS, day};
use crate::unit::{Assignments, COUNTRIES, PLATFORMS};
use crate::{GenerateError, Spec, Truth, project};

/// Rows of a batch that is handed to the writer, so that the columns of a large day are not all there at once.
const BATCH: usize = 1 << 17;

/// Writes the logs of `spec` below `folder`: `events/ds=…`, `exposures/ds=…`, `truth.json`, and a project over them
/// (`project.yaml`, `metrics.yaml`, `experiments/…`). `told` hears how many days are written.
///
/// # Errors
/// The spec asks for something that cannot be; the folder is there and not empty; a file cannot be written.
pub fn generate(
    spec: &Spec,
    folder: &Path,
    threads: usize,
    told: &(dyn Fn(u32) + Sync),
) -> Result<Truth, GenerateError> {
    spec.check()?;
    let empty = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
    if !empty {
        return Err(GenerateError::Exists { path: folder.to_owned() });
    }
    let assignments = Assignments::new(spec);
    let none = spec.experiments.iter().map(|e| vec![0; e.arms.len()]).collect();
    let truth = Truth { spec: spec.clone(), events: 0, exposures: 0, exposed: none, bytes: 0 };
    let shared = Mutex::new(Ok(truth));
    let (next, done) = (AtomicU32::new(0), AtomicU32::new(0));
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, spec.days as usize) {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    if at >= spec.days {
                        return;
                    }
                    let written = write_day(spec, &assignments, at, folder);
                    let mut truth = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    match (&mut *truth, written) {
                        (Ok(truth), Ok((rows, bytes))) => count(truth, &rows, bytes),
                        (_, Err(error)) => {
                            *truth = Err(error);
                            return;
                        }
                        (Err(_), _) => return,
                    }
                    told(done.fetch_add(1, Ordering::Relaxed) + 1);
                }
            });
        }
    });
    let truth = shared.into_inner().unwrap_or_else(PoisonError::into_inner)?;
    project::write(spec, folder)?;
    let json = format!("{:#}\n", truth.json());
    put(&folder.join("truth.json"), &json)?;
    Ok(truth)
}

fn count(truth: &mut Truth, rows: &Day, bytes: u64) {
    truth.events += rows.events.len() as u64;
    truth.exposures += rows.exposures.len() as u64;
    truth.bytes += bytes;
    for exposure in rows.exposures.iter().filter(|exposure| exposure.first) {
        truth.exposed[exposure.experiment as usize][exposure.arm as usize] += 1;
    }
}

/// Writes a text file, and the folders above it.
pub(crate) fn put(path: &Path, text: &str) -> Result<(), GenerateError> {
    let wrong = |source| GenerateError::Write { path: path.to_owned(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(wrong)?;
    }
    fs::write(path, text).map_err(wrong)
}

fn write_day(
    spec: &Spec,
    assignments: &Assignments,
    at: u32,
    folder: &Path,
) -> Result<(Day, u64), GenerateError> {
    let rows = day(spec, assignments, at);
    let ds = format!("ds={}", spec.date(at));
    let path = |log: &str| folder.join(log).join(&ds).join("part-0.parquet");
    let mut bytes = parquet(&path("events"), &rows.events, events)?;
    bytes += parquet(&path("exposures"), &rows.exposures, |rows| exposures(spec, rows))?;
    Ok((rows, bytes))
}

/// Writes rows as one Parquet file: its size in bytes.
fn parquet<T>(
    path: &PathBuf,
    rows: &[T],
    batch: impl Fn(&[T]) -> Vec<(&'static str, ArrayRef)>,
) -> Result<u64, GenerateError> {
    let io = |source: io::Error| GenerateError::Write { path: path.clone(), source };
    let parquet = |source| GenerateError::Parquet { path: path.clone(), source };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(io)?;
    }
    let file = File::create(path).map_err(io)?;
    let compression = Compression::ZSTD(ZstdLevel::default());
    let properties = WriterProperties::builder().set_compression(compression).build();
    let of = |rows: &[T]| RecordBatch::try_from_iter(batch(rows)).map_err(|e| parquet(e.into()));
    let schema = of(&[])?.schema();
    let mut writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(parquet)?;
    for rows in rows.chunks(BATCH) {
        writer.write(&of(rows)?).map_err(parquet)?;
    }
    writer.finish().map_err(parquet)?;
    drop(writer);
    Ok(fs::metadata(path).map_err(io)?.len())
}

fn events(rows: &[Event]) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("ts", times(rows.iter().map(|row| row.ts))),
        ("user_id", units(rows.iter().map(|row| row.unit))),
        ("event", words(rows.iter().map(|row| KINDS[row.kind as usize]))),
        ("amount", Arc::new(rows.iter().map(|row| row.amount).collect::<Float64Array>())),
        ("platform", words(rows.iter().map(|row| PLATFORMS[row.platform as usize].0))),
        ("country", words(rows.iter().map(|row| COUNTRIES[row.country as usize].0))),
    ]
}

fn exposures(spec: &Spec, rows: &[Exposure]) -> Vec<(&'static str, ArrayRef)> {
    let planned = |row: &Exposure| &spec.experiments[row.experiment as usize];
    vec![
        ("ts", times(rows.iter().map(|row| row.ts))),
        ("user_id", units(rows.iter().map(|row| row.unit))),
        ("experiment", words(rows.iter().map(|row| planned(row).name.as_str()))),
        (
            "variant",
            words(rows.iter().map(|row| planned(row).arms[row.arm as usize].name.as_str())),
        ),
        ("platform", words(rows.iter().map(|row| PLATFORMS[row.platform as usize].0))),
        ("country", words(rows.iter().map(|row| COUNTRIES[row.country as usize].0))),
    ]
}

fn times(us: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(us).with_timezone("UTC"))
}

fn units(ids: impl Iterator<Item = u64>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(ids.map(|id| format!("{id:016x}"))))
}

fn words<'a>(words: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(words))
}
