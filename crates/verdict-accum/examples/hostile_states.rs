//! Stored states with anything wrong in them, for so many seconds: each is an error, or a state that is written as it was read and
//! that merges. A panic, an allocation beyond memory or another text ends it with the input.
//!
//! ```text
//! cargo run -p verdict-accum --example hostile_states -- SECONDS [SEED]
//! ```
#![expect(clippy::unwrap_used, reason = "a panic is how a fuzzer says what it found")]
#![expect(clippy::print_stdout, reason = "the counts are what it is run for")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use verdict_accum::{
    Bootstrap, BootstrapPooled, Categories, Distribution, ExactSum, ExactValues, Moments1,
    Moments2, Moments4, Sketch, UnitEdge, UnitSet, UnitTally, UnitValues,
};

/// A stateless mix of 64 bits, counted on: inputs depend on the seed alone.
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
}

/// What reads a state: whether it took the bytes.
type Read = fn(&[u8]) -> bool;

macro_rules! reads {
    ($kind:ty, $state:ident, $then:expr) => {
        |bytes| match <$kind>::from_bytes(bytes) {
            Err(_) => false,
            Ok($state) => {
                assert_eq!($state.to_bytes(), bytes, "{bytes:?} is written otherwise");
                $then;
                true
            }
        }
    };
}

fn main() {
    let mut args = std::env::args().skip(1).map(|arg| arg.parse::<u64>().unwrap());
    let (seconds, seed) = (args.next().unwrap_or(10), args.next().unwrap_or(1));
    let mut draws = Draws(seed);
    let seeds = states();
    let readers: [(&str, Read); 14] = [
        ("ExactSum", reads!(ExactSum, s, black_box(s.to_f64()))),
        ("Moments1", reads!(Moments1, m, m.clone().merge(&m))),
        ("Moments2", reads!(Moments2, m, m.clone().merge(&m))),
        ("Moments4", reads!(Moments4, m, m.clone().merge(&m))),
        ("Bootstrap", reads!(Bootstrap, b, black_box(b.replicates().is_ok()))),
        ("BootstrapPooled", reads!(BootstrapPooled, b, black_box(b.replicates().is_ok()))),
        ("Sketch", reads!(Sketch, s, black_box(s.quantile(0.5)))),
        ("UnitValues", reads!(UnitValues, u, Distribution::default().push(1, &u))),
        ("Distribution", reads!(Distribution, d, black_box(d.buckets()))),
        ("ExactValues", reads!(ExactValues, v, v.clone().merge(&v))),
        ("Categories", reads!(Categories, c, c.clone().merge(&c))),
        ("UnitSet", reads!(UnitSet, s, s.clone().merge(&s))),
        ("UnitEdge", reads!(UnitEdge, e, black_box((e.number(), e.text().is_some())))),
        ("UnitTally", reads!(UnitTally, t, t.clone().merge(&t))),
    ];
    let mut counts = [(0_u64, 0_u64); 14];
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(seconds) {
        for _ in 0..1_000 {
            let mut bytes = seeds[draws.below(seeds.len())].clone();
            for _ in 0..draws.below(8) {
                harm(&mut bytes, &seeds, &mut draws);
            }
            for ((_, read), (tried, taken)) in readers.iter().zip(&mut counts) {
                *tried += 1;
                *taken += u64::from(read(&bytes));
            }
        }
    }
    for ((name, _), (tried, taken)) in readers.iter().zip(counts) {
        println!("{name}: {tried} inputs, {taken} of them states");
    }
}

/// A state of each kind, empty and with rows of every size.
fn states() -> Vec<Vec<u8>> {
    let (mut sum, mut sketch, mut all) =
        (ExactSum::default(), Sketch::default(), Distribution::default());
    let (mut one, mut two, mut four) =
        (Moments1::default(), Moments2::default(), Moments4::default());
    let mut bootstrap = Bootstrap::new(5, 7, 2).unwrap();
    let mut pooled = BootstrapPooled::new(5, 7, 2).unwrap();
    let mut unit = UnitValues::default();
    let (mut values, mut categories) = (ExactValues::default(), Categories::default());
    let (mut set, mut tally) = (UnitSet::default(), UnitTally::default());
    let mut found = Vec::new();
    for (n, x) in [0.0, 1.5, -2.0, 1e300, -5e-324, 12.34].into_iter().enumerate() {
        found.extend([sum.to_bytes(), one.to_bytes(), two.to_bytes(), four.to_bytes()]);
        found.extend([bootstrap.to_bytes(), pooled.to_bytes(), sketch.to_bytes()]);
        found.extend([unit.to_bytes(), all.to_bytes()]);
        found.extend([values.to_bytes(), categories.to_bytes(), set.to_bytes(), tally.to_bytes()]);
        found.push(UnitEdge::of_number(n as i64 - 3, x).unwrap().to_bytes());
        sum.push(x).unwrap();
        one.push(1, &[x]).unwrap();
        two.push(-3, &[x, 2.0]).unwrap();
        four.push(1, &[x, 1.0, x, 7.0]).unwrap();
        bootstrap.push(n as u64, 1, &[x, 1.0]).unwrap();
        pooled.push(1, &[x, 1.0]).unwrap();
        sketch.push(1, x).unwrap();
        unit.push(x).unwrap();
        all.push(1, &unit);
        values.push(1, [x]).unwrap();
        categories.push(-2, &x.to_string());
        set.insert(&x.to_le_bytes());
        tally.push(&x.to_string());
    }
    found
}

/// Changes the bytes in one place.
fn harm(bytes: &mut Vec<u8>, seeds: &[Vec<u8>], draws: &mut Draws) {
    let at = draws.below(bytes.len());
    match draws.below(7) {
        0 if !bytes.is_empty() => bytes[at] ^= 1 << draws.below(8),
        1 if !bytes.is_empty() => bytes[at] = draws.next() as u8,
        2 if !bytes.is_empty() => bytes[at] = [0, 0x7f, 0x80, 0xff][draws.below(4)],
        3 => bytes.insert(at, draws.next() as u8),
        4 if !bytes.is_empty() => {
            bytes.remove(at);
        }
        5 => bytes.truncate(at),
        _ => {
            let other = &seeds[draws.below(seeds.len())];
            bytes.truncate(at);
            bytes.extend(&other[draws.below(other.len())..]);
        }
    }
}
