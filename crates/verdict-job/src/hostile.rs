//! Expressions, footers and fingerprints with anything wrong in them: each is refused, or is what it says it is.
//!
//! `VERDICT_HOSTILE_SECONDS=180 cargo test --workspace --lib -- hostile --nocapture` tries each kind for so long; otherwise for a second.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use datafusion::arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use datafusion::arrow::datatypes::{DataType, Field, Fields, Schema, SchemaRef, TimeUnit};
use object_store::ObjectStoreExt;
use object_store::path::Path;
use verdict_model::tables::UNIT_DAY;
use verdict_model::{DataCounts, Located, Place};

use crate::fingerprint::Fingerprint;
use crate::partition::{Key, Made, current, write_buckets};
use crate::store::Location;
use crate::{Limits, expression, session};

/// A stateless mix of 64 bits, counted on: inputs depend on where it begins alone.
struct Draws(u64);

impl Draws {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }
}

/// Counts inputs and those that were taken, until the time is over.
fn try_for(what: &str, mut one: impl FnMut(&mut Draws) -> bool) {
    let seconds = std::env::var("VERDICT_HOSTILE_SECONDS").ok().and_then(|s| s.parse().ok());
    let (mut draws, mut tried, mut taken) = (Draws(1), 0_u64, 0_u64);
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds.unwrap_or(1)) {
        tried += 1;
        taken += u64::from(one(&mut draws));
    }
    println!("{what}: {tried} tried, {taken} of them taken");
    assert!(tried > taken && taken > 0, "{what}: {tried} tried, {taken} taken");
}

/// Bytes with one place changed.
fn harm(bytes: &mut Vec<u8>, draws: &mut Draws) {
    let at = draws.below(bytes.len());
    match draws.below(6) {
        _ if bytes.is_empty() => bytes.push(draws.next() as u8),
        0 => bytes[at] ^= 1 << draws.below(8),
        1 => bytes[at] = draws.next() as u8,
        2 => bytes[at] = [0, 0x7f, 0x80, 0xff][draws.below(4)],
        3 => bytes.insert(at, draws.next() as u8),
        4 => {
            bytes.remove(at);
        }
        _ => {
            let to = (at + draws.below(16)).min(bytes.len());
            let again = bytes[at..to].to_vec();
            let place = draws.below(bytes.len());
            bytes.splice(place..place, again);
        }
    }
}

const EXPRESSIONS: [&str; 16] = [
    "amount",
    "amount > 0 AND kind = 'order'",
    "CASE WHEN kind IN ('a', 'b') THEN amount ELSE -amount / 2 END",
    "CAST(kind AS BIGINT) % 7",
    "TRY_CAST(props['amount'] AS DOUBLE)",
    "COALESCE(amount, 0.0) * 100",
    "date_trunc('hour', ts) = TIMESTAMP '2024-01-01T00:00:00Z'",
    "extract(dow FROM ts) BETWEEN 1 AND 5",
    "lower(trim(kind)) LIKE '%x\\_y' ESCAPE '\\'",
    "regexp_like(kind, '^(a|b)+$')",
    "array_length(tags) > 2 AND array_has(tags, 'x')",
    "kind || '-' || CAST(amount AS VARCHAR)",
    "nullif(amount, 0) IS NOT NULL",
    "amount::decimal(38, 10) + INTERVAL '1 day' * 2",
    "abs(power(amount, 2)) < 1e300",
    "\"amount\" IS DISTINCT FROM NULL",
];

/// What means something to a parser.
const WORDS: [&str; 40] = [
    "(",
    ")",
    ",",
    ";",
    "'",
    "\"",
    "--",
    "/*",
    "*/",
    "$1",
    "@@x",
    ".",
    "::",
    "[",
    "]",
    "{",
    "}",
    "NOT ",
    "SELECT 1",
    "(SELECT 1)",
    "FROM event_log",
    "OVER ()",
    "sum(",
    "now()",
    "random()",
    "CAST(",
    "AS BIGINT",
    "INTERVAL '1' YEAR",
    "NULL",
    "1e309",
    "9223372036854775808",
    "-0.0",
    "X'ff'",
    "\u{0}",
    "é",
    "*",
    "EXISTS",
    "x -> x",
    "'a' 'b'",
    "AT TIME ZONE",
];

fn columns() -> SchemaRef {
    let props = Fields::from(vec![Field::new("amount", DataType::Utf8, true)]);
    let tags = Field::new_list_field(DataType::Utf8, true);
    Arc::new(Schema::new(vec![
        Field::new("amount", DataType::Float64, true),
        Field::new("kind", DataType::Utf8View, true),
        Field::new("ts", DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())), true),
        Field::new("tags", DataType::List(Arc::new(tags)), true),
        Field::new("props", DataType::Struct(props), true),
    ]))
}

#[test]
fn hostile_expressions_are_refused_or_read_their_row() {
    let try_all = || {
        let ctx = session::context(&[], &Limits::default()).unwrap();
        let schema = columns();
        let known: BTreeSet<String> = schema.fields().iter().map(|f| f.name().clone()).collect();
        try_for("expressions", |draws| {
            let mut text = draws.of(&EXPRESSIONS).as_bytes().to_vec();
            for _ in 0..draws.below(5) {
                let at = draws.below(text.len() + 1);
                match draws.below(4) {
                    0 => harm(&mut text, draws),
                    1 => drop(text.splice(at..at, draws.of(&WORDS).bytes())),
                    2 => {
                        let other = draws.of(&EXPRESSIONS).as_bytes();
                        let from = draws.below(other.len());
                        text.splice(at.., other[from..].iter().copied());
                    }
                    _ => {
                        let deep = draws
                            .of(&["(", "NOT ", "-", "[", "CASE WHEN "])
                            .repeat(1 << draws.below(9));
                        text.splice(at..at, deep.bytes());
                    }
                }
            }
            let value = String::from_utf8_lossy(&text).into_owned();
            let place =
                Place { file: "metrics.yaml".into(), line: 1, key: "metrics.x.value".into() };
            let located = Located { value, place };
            match expression::check(&ctx, &schema, &located, "a log") {
                Ok(checked) => {
                    assert!(checked.columns.is_subset(&known), "{:?}", located.value);
                    true
                }
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    false
                }
            }
        });
    };
    // As the command's threads: a plan that is too deep for it would end the process.
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(try_all);
    thread.unwrap().join().unwrap();
}

/// A partition of two buckets, as it is written.
async fn partition(root: &Location) -> (Fingerprint, Vec<u8>, Path) {
    let bucket = |units: [&str; 2]| {
        let sums: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
        let units: ArrayRef = Arc::new(StringArray::from(units.to_vec()));
        RecordBatch::try_from_iter_with_nullable([("unit", units, false), ("sum_x", sums, true)])
            .unwrap()
    };
    let buckets = vec![bucket(["a", "b"]), bucket(["c", "d"])];
    let schema = buckets[0].schema();
    let made_from = Fingerprint::new().with("day", ["0", "86400"]).with("buckets", ["2"]);
    let key = Key::new(&UNIT_DAY, &["u", "2024-01-01"]);
    let counts = Some(DataCounts::default());
    let written =
        write_buckets(root, &key, &schema, buckets, made_from.clone(), counts).await.unwrap();
    let at = written.object.location.clone();
    let bytes = root.store.get(&at).await.unwrap().bytes().await.unwrap().to_vec();
    (made_from, bytes, at)
}

#[test]
fn hostile_footers_are_no_partitions_or_say_what_they_are_made_of() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let root = Location::in_memory();
    let (wanted, whole, at) = runtime.block_on(partition(&root));
    let length = u32::from_le_bytes(whole[whole.len() - 8..whole.len() - 4].try_into().unwrap());
    let footer = whole.len() - 8 - length as usize;
    try_for("footers", |draws| {
        let mut end = whole[footer..whole.len() - 8].to_vec();
        for _ in 0..draws.below(5) {
            harm(&mut end, draws);
        }
        // Mostly the length that it has, so that something is left to be read.
        let claimed = if draws.below(10) == 0 { draws.next() as u32 } else { end.len() as u32 };
        let bytes = [&whole[..footer], &end, &claimed.to_le_bytes()[..], b"PAR1"].concat();
        runtime.block_on(async {
            root.store.put(&at, bytes.into()).await.unwrap();
            let object = root.store.head(&at).await.unwrap();
            match current(&root, object).await {
                Ok(Some(found)) => {
                    std::hint::black_box(found.rows());
                    found
                        .made
                        .is_some_and(|made| wanted.changed_since(&made.fingerprint).is_empty())
                }
                Ok(None) => false,
                Err(error) => {
                    assert!(!error.to_string().is_empty());
                    false
                }
            }
        })
    });
}

#[test]
fn hostile_fingerprints_are_none_or_differ_where_they_say() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let root = Location::in_memory();
    let (wanted, _, at) = runtime.block_on(partition(&root));
    let object = runtime.block_on(root.store.head(&at)).unwrap();
    let made = runtime.block_on(current(&root, object)).unwrap().unwrap().made.unwrap();
    let whole = serde_json::to_vec(&made).unwrap();
    try_for("fingerprints", |draws| {
        let mut text = whole.clone();
        for _ in 0..draws.below(4) {
            harm(&mut text, draws);
        }
        let Ok(read) = serde_json::from_slice::<Made>(&text) else { return false };
        let again = serde_json::to_vec(&read).unwrap();
        assert_eq!(serde_json::from_slice::<Made>(&again).unwrap(), read);
        let fresh = wanted.changed_since(&read.fingerprint).is_empty();
        assert_eq!(fresh, read.fingerprint == wanted, "{}", String::from_utf8_lossy(&text));
        true
    });
}
