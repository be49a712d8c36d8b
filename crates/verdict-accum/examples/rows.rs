//! Each accumulator over 8192 rows, a function each, so that a simulator can count the instructions of a row: they are the
//! same on a busy machine.
//!
//! ```text
//! cargo build --release -p verdict-accum --example rows
//! valgrind --tool=callgrind --callgrind-out-file=rows.callgrind target/release/examples/rows
//! callgrind_annotate --inclusive=yes rows.callgrind | grep 'rows::'
//! ```
#![expect(clippy::unwrap_used, reason = "finite numbers are never refused")]

use std::hint::black_box;

use verdict_accum::{Bootstrap, ExactSum, Moments1, Moments2, Moments4, Welford};

const ROWS: u64 = 8192;

fn main() {
    let xs: Vec<f64> = (0..ROWS).map(|i| 1.0 + 999.0 * unit_interval(i)).collect();
    let ys: Vec<f64> = (0..ROWS).map(|i| 1.0 + 9.0 * unit_interval(i ^ 1234)).collect();
    let whole: Vec<i64> = xs.iter().map(|&x| x as i64).collect();
    let (xs, ys, whole) = black_box((xs, ys, whole));
    black_box((sum(&xs), sum_all(&xs), welford(&xs)));
    black_box((moments_1(&xs), moments_1_whole(&whole), moments_2(&xs, &ys), moments_4(&xs, &ys)));
    black_box(bootstrap(&xs[..64]));
}

#[inline(never)]
fn sum(xs: &[f64]) -> ExactSum {
    let mut sum = ExactSum::default();
    xs.iter().for_each(|&x| sum.push(x).unwrap());
    sum
}

#[inline(never)]
fn sum_all(xs: &[f64]) -> ExactSum {
    let mut sum = ExactSum::default();
    sum.push_all(xs).unwrap();
    sum
}

#[inline(never)]
fn welford(xs: &[f64]) -> Welford {
    let mut welford = Welford::default();
    xs.iter().for_each(|&x| welford.push_one(x).unwrap());
    welford
}

#[inline(never)]
fn moments_1(xs: &[f64]) -> Moments1 {
    let mut moments = Moments1::default();
    xs.iter().for_each(|&x| moments.push(1, &[x]).unwrap());
    moments
}

#[inline(never)]
fn moments_1_whole(xs: &[i64]) -> Moments1 {
    let mut moments = Moments1::default();
    xs.iter().for_each(|&x| moments.push_int(1, &[x]));
    moments
}

#[inline(never)]
fn moments_2(xs: &[f64], ys: &[f64]) -> Moments2 {
    let mut moments = Moments2::default();
    xs.iter().zip(ys).for_each(|(&x, &y)| moments.push(1, &[x, y]).unwrap());
    moments
}

#[inline(never)]
fn moments_4(xs: &[f64], ys: &[f64]) -> Moments4 {
    let mut moments = Moments4::default();
    xs.iter().zip(ys).for_each(|(&x, &y)| moments.push(1, &[x, y, x, y]).unwrap());
    moments
}

/// A count and a sum of amounts in 1024 replicates: 1024 weights a row.
#[inline(never)]
fn bootstrap(xs: &[f64]) -> Bootstrap {
    let mut bootstrap = Bootstrap::new(1024, 7, 1).unwrap();
    (0..).zip(xs).for_each(|(unit, &x)| bootstrap.push(unit, 1, &[x]).unwrap());
    bootstrap
}

fn unit_interval(i: u64) -> f64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / 9007199254740992.0
}
