//! What each aggregate costs beside the engine's own, as CPU seconds of whole queries over one generated table.
//!
//! `cargo bench -p verdict-udaf --bench against_engine -- [rows] [rounds] [filter] [groups]`
//!
//! Queries are interleaved: each round runs all of them once, and the least CPU time of a query counts, since
//! whatever else the machine does only adds to it. CPU time is that of all threads of the process, in nanoseconds,
//! from `/proc`.
#![expect(clippy::print_stdout, reason = "a table on stdout is what this program is for")]
#![expect(clippy::unwrap_used, reason = "a bench that fails is a bug in the bench")]

use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionConfig, SessionContext};
use verdict_accum::{ExactSum, Moments1, Moments2, Moments4, Sketch, Welford};

/// Ours, the engine's, the goal for the ratio, and the numbers of groups it is set for.
const PAIRS: [(&str, &str, f64, [u64; 3]); 6] = [
    ("welford(x)", "var_samp(x)", 2.0, [1, 100, 1_000_000]),
    ("exact_sum(x)", "sum(x)", 1.5, [1, 100, 1_000_000]),
    ("exact_sum(i)", "sum(i)", 1.5, [1, 100, 1_000_000]),
    ("moments(1, x)", "var_samp(x)", 2.5, [1, 100, 10_000]),
    ("moments(1, i)", "var_samp(i)", 1.2, [1, 100, 10_000]),
    ("moments(1, x, y)", "var_samp(x)", 4.0, [1, 100, 10_000]),
];

#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|a| a != "--bench").collect();
    let rows = args.first().map_or(20_000_000, |a| a.parse().unwrap());
    let rounds = args.get(1).map_or(5, |a| a.parse().unwrap());
    let filter = args.get(2).map_or("", String::as_str);
    // Of a query that takes some hundredths of a second, many rounds tell more than a few.
    let only: Option<u64> = args.get(3).map(|a| a.parse().unwrap());

    let mut queries: Vec<(String, u64)> = Vec::new();
    for (ours, engine, _, groups) in PAIRS {
        for groups in groups {
            for call in [ours, engine] {
                let query = (call.to_owned(), groups);
                let asked = ours.contains(filter) && only.is_none_or(|only| only == groups);
                if asked && !queries.contains(&query) {
                    queries.push(query);
                }
            }
        }
    }
    let ctx = SessionContext::new_with_config(SessionConfig::new());
    verdict_udaf::register_all(&ctx).unwrap();
    table(&ctx, rows);
    let mut least = vec![f64::INFINITY; queries.len()];
    for _ in 0..rounds {
        for ((call, groups), least) in queries.iter().zip(&mut least) {
            let sql = match groups {
                1 => format!("SELECT {call} FROM t"),
                _ => format!("SELECT {call} FROM t GROUP BY g{groups}"),
            };
            let before = cpu_seconds();
            let batches = ctx.sql(&sql).await.unwrap().collect().await.unwrap();
            let spent = cpu_seconds() - before;
            assert_eq!(batches.iter().map(|b| b.num_rows() as u64).sum::<u64>(), *groups);
            *least = least.min(spent);
        }
    }

    println!("{rows} rows, least CPU seconds of {rounds} rounds\n");
    println!("| ours | engine's | groups | ours, s | engine's, s | ratio | goal |");
    println!("| --- | --- | --- | --- | --- | --- | --- |");
    for (ours, engine, goal, groups) in PAIRS {
        for groups in groups {
            let of = |call: &str| {
                queries.iter().position(|q| q.0 == call && q.1 == groups).map(|i| least[i])
            };
            if let (Some(a), Some(b)) = (of(ours), of(engine)) {
                println!(
                    "| `{ours}` | `{engine}` | {groups} | {a:.2} | {b:.2} | {:.2} | {goal} |",
                    a / b
                );
            }
        }
    }
    state_sizes();
}

/// What a group of two thousand amounts takes in memory and stored.
fn state_sizes() {
    let (mut one, mut two, mut four) =
        (Moments1::default(), Moments2::default(), Moments4::default());
    let mut sum = ExactSum::default();
    let mut sketch = Sketch::default();
    for i in 0..2000 {
        let x = 1.0 + 999.0 * unit_interval(mix(i));
        one.push(1, &[x]).unwrap();
        two.push(1, &[x, x]).unwrap();
        four.push(1, &[x; 4]).unwrap();
        sum.push(x).unwrap();
        sketch.push(1, x).unwrap();
    }
    println!("\n| state of a group | bytes in memory | bytes stored |");
    println!("| --- | --- | --- |");
    for (name, memory, stored) in [
        ("`moments`, one variable", size_of_val(&one) + one.heap_size(), one.to_bytes().len()),
        ("`moments`, two variables", size_of_val(&two) + two.heap_size(), two.to_bytes().len()),
        ("`moments`, four variables", size_of_val(&four) + four.heap_size(), four.to_bytes().len()),
        ("`exact_sum` of doubles", size_of_val(&sum) + sum.heap_size() + 8, sum.to_bytes().len()),
        ("`welford`", size_of::<Welford>(), 8 * Welford::STATE_LEN),
        ("`sketch`", size_of_val(&sketch) + sketch.heap_size(), sketch.to_bytes().len()),
    ] {
        println!("| {name} | {memory} | {stored} |");
    }
}

/// `t(g100, g10000, g1000000, i, x, y)`: amounts of up to 1000, with all their digits, and whole ones.
fn table(ctx: &SessionContext, rows: u64) {
    let partitions = std::thread::available_parallelism().map_or(1, usize::from) as u64;
    let mut parts = vec![Vec::new(); partitions as usize];
    let numbers: Vec<u64> = (0..rows).collect();
    for (k, chunk) in numbers.chunks(8192).enumerate() {
        let integers = |f: &dyn Fn(u64) -> u64| -> ArrayRef {
            Arc::new(chunk.iter().map(|&i| f(i) as i64).collect::<Int64Array>())
        };
        let doubles = |f: &dyn Fn(u64) -> f64| -> ArrayRef {
            Arc::new(chunk.iter().map(|&i| f(i)).collect::<Float64Array>())
        };
        let batch = RecordBatch::try_from_iter([
            ("g100", integers(&|i| mix(i ^ 1 << 40) % 100)),
            ("g10000", integers(&|i| mix(i ^ 1 << 40) % 10_000)),
            ("g1000000", integers(&|i| mix(i ^ 1 << 40) % 1_000_000)),
            ("i", integers(&|i| mix(i) % 100_000)),
            ("x", doubles(&|i| 1.0 + 999.0 * unit_interval(mix(i)))),
            ("y", doubles(&|i| 1.0 + 9.0 * unit_interval(mix(mix(i))))),
        ]);
        parts[k % partitions as usize].push(batch.unwrap());
    }
    let schema = parts[0][0].schema();
    ctx.register_table("t", Arc::new(MemTable::try_new(schema, parts).unwrap())).unwrap();
}

/// What the threads of this process have spent on a processor.
fn cpu_seconds() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").unwrap();
    let nanoseconds = |path: std::path::PathBuf| -> f64 {
        // A thread may end before it is read.
        let stat = std::fs::read_to_string(path.join("schedstat")).unwrap_or_default();
        stat.split_whitespace().next().map_or(0.0, |ns| ns.parse().unwrap())
    };
    threads.map(|thread| nanoseconds(thread.unwrap().path())).sum::<f64>() * 1e-9
}

fn unit_interval(bits: u64) -> f64 {
    (bits >> 11) as f64 / 9007199254740992.0
}

/// The finaliser of splitmix64.
fn mix(i: u64) -> u64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
