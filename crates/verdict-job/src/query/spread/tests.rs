use std::path::Path;

use datafusion::arrow::array::{ArrayRef, AsArray, StringArray};
use datafusion::arrow::datatypes::Int64Type;
use verdict_model::tables::UNIT_DAY;

use super::*;
use crate::Limits;
use crate::fingerprint::Fingerprint;
use crate::partition::{Key, write_buckets};

const COUNT: &str = "SELECT count(*) AS n FROM unit_day";

/// The sample project with tables in `folder`.
fn job(folder: &Path) -> Job {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../jobs/sample");
    let project = verdict_model::load(&sample).unwrap();
    let limits = Limits { threads: Some(1), ..Limits::default() };
    Job::new(project, folder.to_str(), &[], &limits).unwrap().0
}

/// Adds a day of so many units.
async fn add(job: &Job, ds: &str, units: usize) {
    let units = (0..units).map(|unit| Some(format!("u{unit}")));
    let units: ArrayRef = Arc::new(units.collect::<StringArray>());
    let rows = RecordBatch::try_from_iter([("unit", units)]).unwrap();
    let key = Key::new(&UNIT_DAY, &["user_id", ds]);
    let schema = rows.schema();
    let made_from = Fingerprint::new().with("day", [ds]);
    write_buckets(&job.tables, &key, &schema, vec![rows], made_from, None).await.unwrap();
}

async fn count(query: SpreadQuery, made: Vec<(QueryStep, PartRows)>, folder: &Path) -> i64 {
    let (_, rows) = query.finish(&job(folder), made).await.unwrap();
    rows[0].column(0).as_primitive::<Int64Type>().value(0)
}

#[tokio::test]
async fn each_process_reads_its_own_parts_and_what_nobody_made_is_read_here() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    for (ds, units) in [("2024-01-01", 1), ("2024-01-02", 2), ("2024-01-03", 3)] {
        add(&job(at), ds, units).await;
    }
    let begun = Utc::now();
    let planned = async || SpreadQuery::new(&job(at), COUNT, begun, 3).await.unwrap();
    let steps = planned().await.steps(2);
    assert_eq!(steps.iter().map(QueryStep::parts).collect::<Vec<_>>(), [2, 1]);
    let mut made = Vec::new();
    for step in steps {
        let rows = job(at).make_query_step(&step).await.unwrap();
        assert!(rows.iter().all(Option::is_some));
        made.push((step, rows));
    }
    assert_eq!(count(planned().await, made.clone(), at).await, 6);
    assert_eq!(count(planned().await, Vec::new(), at).await, 6);
    // What was not sent is read here, and what was is taken for what it is said to be: the first day's unit for the second's two.
    made[1].1 = vec![None];
    assert_eq!(count(planned().await, made.clone(), at).await, 6);
    made[1].1 = vec![made[0].1[0].clone()];
    made[0].1 = vec![None, None];
    assert_eq!(count(planned().await, made, at).await, 5);
}

#[tokio::test]
async fn parts_of_tables_that_have_changed_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path();
    add(&job(at), "2024-01-01", 2).await;
    let steps = SpreadQuery::new(&job(at), COUNT, Utc::now(), 2).await.unwrap().steps(1);
    let [step] = steps.as_slice() else { panic!("{steps:?}") };
    assert!(job(at).make_query_step(step).await.is_ok());
    let another = QueryStep { parts: vec![(7, 0)], ..step.clone() };
    let refused = job(at).make_query_step(&another).await.unwrap_err().to_string();
    assert!(refused.contains("a part that the query has not"), "{refused}");
    add(&job(at), "2024-01-02", 2).await;
    let refused = job(at).make_query_step(step).await.unwrap_err().to_string();
    assert!(refused.contains("the tables have changed since"), "{refused}");
}

#[tokio::test]
async fn rows_that_are_too_many_are_not_sent() {
    let folder = tempfile::tempdir().unwrap();
    add(&job(folder.path()), "2024-01-01", 2).await;
    let units = "SELECT unit FROM unit_day";
    let query = SpreadQuery::new(&job(folder.path()), units, Utc::now(), 1).await.unwrap();
    let rows = || query.cut[0].execute(0, Arc::clone(&query.context)).unwrap();
    assert_eq!(written(rows(), 100, Compression::None).await.unwrap(), None);
    let sent = written(rows(), MOST_BYTES, Compression::None).await.unwrap().unwrap();
    let units = read(&sent, &query.cut[0].schema()).unwrap();
    assert_eq!(units.iter().map(RecordBatch::num_rows).sum::<usize>(), 2);
    let other =
        RecordBatch::try_from_iter([("n", Arc::new(StringArray::from(vec!["a"])) as ArrayRef)]);
    assert!(read(&sent[..20], &other.unwrap().schema()).is_err());
}

/// Rows are the same however they are packed, and take less where they are alike.
#[tokio::test]
async fn packed_rows_are_the_same_and_fewer_bytes() {
    let column: ArrayRef =
        Arc::new((0..10_000).map(|n| Some(format!("u-{:05}", n / 3))).collect::<StringArray>());
    let batch = RecordBatch::try_from_iter([("unit", column)]).unwrap();
    let mut sizes = Vec::new();
    for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
        let rows = MemoryStream::try_new(vec![batch.clone()], batch.schema(), None).unwrap();
        let sent = written(Box::pin(rows), MOST_BYTES, compression).await.unwrap().unwrap();
        assert_eq!(read(&sent, &batch.schema()).unwrap(), std::slice::from_ref(&batch));
        sizes.push(sent.len());
    }
    assert!(sizes.is_sorted_by(|a, b| a > b), "{sizes:?}");
}
