//! Sessions and answers.

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::arrow::util::pretty::pretty_format_batches;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};

pub(crate) fn session() -> SessionContext {
    with(SessionConfig::new())
}

pub(crate) fn with(config: SessionConfig) -> SessionContext {
    let ctx = SessionContext::new_with_config(config);
    verdict_udaf::register_all(&ctx).unwrap();
    ctx
}

/// The rows of an answer, as printed; doubles print in full.
pub(crate) async fn answer(ctx: &SessionContext, sql: &str) -> Vec<String> {
    match ctx.sql(sql).await {
        Ok(frame) => {
            let batches = frame.collect().await.unwrap_or_else(|e| panic!("{sql}: {e}"));
            let text = pretty_format_batches(&batches).unwrap().to_string();
            let rows = text.lines().filter(|line| line.starts_with('|')).skip(1);
            rows.map(|row| row.trim_matches('|').split_whitespace().collect::<Vec<_>>().join(" "))
                .collect()
        }
        Err(e) => panic!("{sql}: {e}"),
    }
}

pub(crate) async fn check(sql: &str, want: &[&str]) {
    assert_eq!(answer(&session(), sql).await, want, "{sql}");
}

pub(crate) async fn refused(sql: &str, because: &str) {
    let ctx = session();
    let error = match ctx.sql(sql).await {
        Ok(frame) => frame.collect().await.map(|_| ()).unwrap_err(),
        Err(e) => e,
    };
    let error = error.to_string();
    assert!(error.contains(because), "{sql}: {error}");
}

/// A table `t(g, w, i, x, y)` in the given batches: `groups` groups, doubles over many magnitudes, NULLs.
pub(crate) fn table(
    ctx: &SessionContext,
    rows: u64,
    groups: u64,
    batch: usize,
    partitions: usize,
    reverse: bool,
) {
    let mut numbers: Vec<u64> = (0..rows).collect();
    if reverse {
        numbers.reverse();
    }
    let batches: Vec<RecordBatch> =
        numbers.chunks(batch).map(|chunk| rows_of(chunk, groups)).collect();
    let schema = batches[0].schema();
    let mut parts = vec![Vec::new(); partitions];
    for (i, batch) in batches.into_iter().enumerate() {
        parts[i % partitions].push(batch);
    }
    ctx.register_table("t", Arc::new(MemTable::try_new(schema, parts).unwrap())).unwrap();
}

fn rows_of(numbers: &[u64], groups: u64) -> RecordBatch {
    let column = |f: &dyn Fn(u64) -> Option<f64>| -> ArrayRef {
        Arc::new(numbers.iter().map(|&i| f(mix(i))).collect::<Float64Array>())
    };
    let integers = |f: &dyn Fn(u64) -> Option<i64>| -> ArrayRef {
        Arc::new(numbers.iter().map(|&i| f(i)).collect::<Int64Array>())
    };
    let scale =
        |z: u64| if z.is_multiple_of(50) { 1e-30 } else { [1.0, 1e3, 1e-3, 1e9][(z % 4) as usize] };
    let unit = |z: u64| (z >> 11) as f64 / 9007199254740992.0;
    RecordBatch::try_from_iter_with_nullable([
        ("g", integers(&|i| Some((i % groups) as i64)), true),
        ("w", integers(&|i| Some(if mix(i).is_multiple_of(7) { -1 } else { 1 })), true),
        (
            "i",
            integers(&|i| {
                (!mix(i).is_multiple_of(11)).then_some((mix(i) >> 40) as i64 - 5_000_000)
            }),
            true,
        ),
        ("x", column(&|z| (!z.is_multiple_of(13)).then_some(unit(z) * scale(z))), true),
        ("y", column(&|z| Some(unit(mix(z)) - 0.5)), true),
    ])
    .unwrap()
}

/// The finaliser of splitmix64.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
