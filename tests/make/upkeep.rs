//! `verdict verify` and `verdict gc`: what is there is what its inputs give, and what nobody needs goes.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use datafusion::arrow::array::{AsArray as _, Float64Array, RecordBatch};
use datafusion::arrow::datatypes::Float64Type;
use datafusion::parquet::arrow::ArrowWriter;
use datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use datafusion::parquet::file::properties::WriterProperties;

use super::Shop;
use crate::support::Ran;

const STATS: &str = "group_stats/experiment=prices/ds=2024-01-03";

impl Shop {
    fn verify(&self) -> Ran {
        let range = ["verify", "--from", "2024-01-01", "--date", "2024-01-04", "--quiet"];
        self.project.verdict(&range)
    }

    fn object(&self, partition: &str) -> PathBuf {
        self.path().join("tables").join(partition).join("part-0.parquet")
    }

    fn count(&self, table: &str) -> usize {
        self.project.partitions().iter().filter(|path| path.starts_with(table)).count()
    }
}

fn nights() -> Shop {
    let shop = Shop::new();
    for day in 1..=4 {
        shop.night(day);
    }
    shop
}

#[test]
fn what_nights_made_is_what_their_inputs_give() {
    let shop = nights();
    let before = shop.project.files("tables");
    let ran = shop.verify().exits(0);
    let made = shop.project.partitions().len() - shop.count("registrations/");
    assert_eq!(ran.stdout, format!("{made} partitions made again: {made} identical\n"));
    assert!(shop.project.files("tables") == before, "nothing is written beside the tables");
}

/// The rows of a partition with another number in them, and its fingerprint as it was.
fn with_another_sum(whole: &[u8]) -> (Vec<u8>, f64) {
    let file = bytes::Bytes::copy_from_slice(whole);
    let builder = ParquetRecordBatchReaderBuilder::try_new(file).unwrap();
    let kept = builder.metadata().file_metadata().key_value_metadata().cloned();
    let kept = kept.map(|all| all.into_iter().filter(|pair| pair.key == "verdict").collect());
    let rows: Vec<RecordBatch> = builder.build().unwrap().map(Result::unwrap).collect();
    let [rows] = &rows[..] else { panic!("one batch") };
    let at = rows.schema().index_of("sum_x").unwrap();
    let mut columns = rows.columns().to_vec();
    let sums: Vec<Option<f64>> = columns[at].as_primitive::<Float64Type>().iter().collect();
    let was = sums[0].unwrap();
    let first = std::iter::once(Some(was + 1.0));
    columns[at] = Arc::new(Float64Array::from_iter(first.chain(sums[1..].iter().copied())));
    let changed = RecordBatch::try_new(rows.schema(), columns).unwrap();
    let properties = WriterProperties::builder().set_key_value_metadata(kept).build();
    let mut written = Vec::new();
    let mut writer =
        ArrowWriter::try_new(&mut written, changed.schema(), Some(properties)).unwrap();
    writer.write(&changed).unwrap();
    writer.close().unwrap();
    (written, was)
}

#[test]
fn a_partition_that_is_not_what_its_inputs_give() {
    let shop = nights();
    let path = shop.object(STATS);
    let whole = fs::read(&path).unwrap();
    let (other, was) = with_another_sum(&whole);
    fs::write(&path, other).unwrap();
    let ran = shop.verify().exits(1);
    let said = format!(
        "different {STATS}  (row 0: `sum_x` is {:?}, and its inputs give {was:?})",
        was + 1.0
    );
    assert!(ran.stdout.contains(&said), "no `{said}` in {}", ran.stdout);

    let mut damaged = whole.clone();
    damaged[4..60].fill(0xff);
    fs::write(&path, damaged).unwrap();
    let ran = shop.verify().exits(1);
    assert!(ran.stdout.contains(&format!("different {STATS}  (")), "{}", ran.stdout);
    assert!(ran.stdout.contains("this partition is damaged"), "{}", ran.stdout);

    // Totals that a backfill leaves out, and `gc` removes, are no loss; the last ones are.
    fs::write(&path, &whole).unwrap();
    let totals = |ds: &str| shop.object(&format!("unit_total/experiment=prices/ds={ds}"));
    fs::remove_file(totals("2024-01-02")).unwrap();
    let ran = shop.verify().exits(0);
    assert!(ran.stdout.ends_with(" identical, 1 not_kept\n"), "{}", ran.stdout);
    assert_eq!(ran.stdout.lines().count(), 1, "{}", ran.stdout);
    let last = fs::read(totals("2024-01-04")).unwrap();
    fs::remove_file(totals("2024-01-04")).unwrap();
    let ran = shop.verify().exits(3);
    let missing = "missing   unit_total/experiment=prices/ds=2024-01-04\n";
    assert!(ran.stdout.contains(missing), "{}", ran.stdout);
    fs::write(totals("2024-01-04"), last).unwrap();

    // Missing, and mended by the next run.
    fs::remove_file(&path).unwrap();
    let ran = shop.verify().exits(3);
    assert!(ran.stdout.contains(&format!("missing   {STATS}\n")), "{}", ran.stdout);
    shop.night(3);
    assert!(fs::read(&path).unwrap() == whole);
}

#[test]
fn definitions_that_changed_since() {
    let shop = nights();
    shop.edit("metrics.yaml", "value: amount", "value: amount * 2");
    let ran = shop.verify().exits(3);
    let stats = ran.stdout.lines().find(|line| line.contains(STATS)).unwrap();
    assert!(stats.starts_with("stale     "), "{stats}");
    assert!(stats.ends_with("`verdict run` makes it again)"), "{stats}");
}

#[test]
fn what_nobody_needs_goes() {
    let shop = nights();
    let answers = shop.answers();
    let folder = shop.path().join("tables").join(STATS);
    let (staged, foreign) = (folder.join("part-0.parquet#1"), folder.join("part-1.parquet"));
    fs::write(&staged, "half of it").unwrap();
    fs::write(&foreign, "something").unwrap();
    let dry = ["gc", "--dry-run", "--older-than", "36500"];
    // What was written a moment ago may still be on its way.
    let ran = shop.project.verdict(&dry).exits(0);
    let said = "part-1.parquet  9 bytes  (no partition has an object of this name";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(
        ran.stdout.contains("1 objects, 0.00 MB would go; nothing was removed"),
        "{}",
        ran.stdout
    );
    let file = fs::File::options().append(true).open(&staged).unwrap();
    file.set_modified(SystemTime::now() - Duration::from_secs(2 * 86_400)).unwrap();
    let ran = shop.project.verdict(&dry).exits(0);
    let said = "part-0.parquet#1  10 bytes  (a process that was killed left it unfinished)";
    assert!(ran.stdout.contains(said), "{}", ran.stdout);
    assert!(staged.exists() && foreign.exists());
    shop.project.verdict(&["gc", "--older-than", "36500"]).exits(0);
    assert!(!staged.exists() && !foreign.exists());

    // Partials of long ago: those that a run would read stay.
    let prices = "exposure_day/experiment=prices/";
    assert_eq!((shop.count(prices), shop.count("exposure_day/experiment=banner/")), (4, 2));
    shop.project.verdict(&["gc", "--older-than", "1"]).exits(0);
    assert_eq!(shop.count("exposure_day/experiment=banner/"), 0, "it is over");
    assert_eq!((shop.count(prices), shop.count("unit_day/")), (4, 4), "it goes on");
    assert!(shop.answers() == answers, "what was found stays");
    shop.backfill();
    assert!(shop.answers() == answers, "and is the same when it is asked for again");
}
