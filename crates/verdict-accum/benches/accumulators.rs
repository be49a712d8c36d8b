//! Rows per second of each accumulator, case by case.
#![expect(clippy::unwrap_used, reason = "a bench that fails is a bug in the bench")]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use verdict_accum::{
    Bootstrap, BootstrapPooled, ExactSum, Moments1, Moments2, Moments4, Sketch, Welford,
};

const ROWS: usize = 8192;

fn unit_interval(i: u64) -> f64 {
    let mut z = i.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((z ^ (z >> 31)) >> 11) as f64 / 9007199254740992.0
}

/// Doubles on the fixed grid: amounts up to 1000, with all their digits.
fn amounts() -> Vec<f64> {
    (0..ROWS as u64).map(|i| 1.0 + 999.0 * unit_interval(i)).collect()
}

/// Doubles off it: shares of about a millionth.
fn shares() -> Vec<f64> {
    amounts().into_iter().map(|x| x * 1.1e-9).collect()
}

fn rows(c: &mut Criterion) {
    let (amounts, shares) = (amounts(), shares());
    let integers: Vec<i64> = amounts.iter().map(|&x| x as i64).collect();
    let mut group = c.benchmark_group("rows");
    group.throughput(Throughput::Elements(ROWS as u64));

    group.bench_function("plain sum", |b| {
        b.iter(|| black_box(&amounts).iter().fold(0.0, |s, x| s + x))
    });
    group.bench_function("plain Welford", |b| {
        b.iter(|| {
            let (mut n, mut mean, mut m2) = (0.0, 0.0, 0.0);
            for x in black_box(&amounts) {
                n += 1.0;
                let delta = x - mean;
                mean += delta / n;
                m2 += delta * (x - mean);
            }
            (mean, m2)
        });
    });
    for (name, values) in [("amounts", &amounts), ("shares", &shares)] {
        group.bench_function(format!("ExactSum, {name}"), |b| {
            b.iter(|| {
                let mut sum = ExactSum::default();
                black_box(values).iter().for_each(|&x| sum.push(x).unwrap());
                sum
            });
        });
        group.bench_function(format!("ExactSum, {name}, all at once"), |b| {
            b.iter(|| {
                let mut sum = ExactSum::default();
                sum.push_all(black_box(values)).unwrap();
                sum
            });
        });
        group.bench_function(format!("Welford, {name}"), |b| {
            b.iter(|| {
                let mut w = Welford::default();
                black_box(values).iter().for_each(|&x| w.push(x, 1.0).unwrap());
                w
            });
        });
        group.bench_function(format!("Moments1, {name}"), |b| {
            b.iter(|| {
                let mut m = Moments1::default();
                black_box(values).iter().for_each(|&x| m.push(1, &[x]).unwrap());
                m
            });
        });
        group.bench_function(format!("Moments2, {name}"), |b| {
            b.iter(|| {
                let mut m = Moments2::default();
                black_box(values).iter().for_each(|&x| m.push(1, &[x, x]).unwrap());
                m
            });
        });
        group.bench_function(format!("Moments4, {name}"), |b| {
            b.iter(|| {
                let mut m = Moments4::default();
                black_box(values).iter().for_each(|&x| m.push(1, &[x, x, x, x]).unwrap());
                m
            });
        });
    }
    group.bench_function("Moments1, integers", |b| {
        b.iter(|| {
            let mut m = Moments1::default();
            black_box(&integers).iter().for_each(|&x| m.push_int(1, &[x]));
            m
        });
    });
    group.bench_function("Moments1, amounts, weights of either sign", |b| {
        b.iter(|| {
            let mut m = Moments1::default();
            let rows = black_box(&amounts).iter().zip(&integers);
            rows.for_each(|(&x, i)| m.push(1 - 2 * (i & 1), &[x]).unwrap());
            m
        });
    });
    group.finish();
}

fn groups(c: &mut Criterion) {
    let mut m = Moments1::default();
    amounts().iter().for_each(|&x| m.push(1, &[x]).unwrap());
    let mut sum = ExactSum::default();
    amounts().iter().for_each(|&x| sum.push(x).unwrap());
    let bytes = m.to_bytes();
    let mut group = c.benchmark_group("once a group");
    group.bench_function("Moments1: mean and m2", |b| {
        b.iter(|| (black_box(&m).mean(0), black_box(&m).m2(0)))
    });
    group.bench_function("Moments1: to_bytes", |b| b.iter(|| black_box(&m).to_bytes()));
    group.bench_function("Moments1: from_bytes", |b| {
        b.iter(|| Moments1::from_bytes(black_box(&bytes)))
    });
    group.bench_function("ExactSum: to_f64", |b| b.iter(|| black_box(&sum).to_f64()));
    group.finish();
}

/// Weights drawn and added per second: a thousand replicates of each unit.
fn bootstrap(c: &mut Criterion) {
    const UNITS: u64 = 1_000;
    const REPLICATES: u32 = 1_024;
    let amounts = amounts();
    let cents: Vec<f64> = amounts.iter().map(|x| (100.0 * x).floor()).collect();
    let mut group = c.benchmark_group("bootstrap");
    group.sample_size(20);
    group.throughput(Throughput::Elements(UNITS * u64::from(REPLICATES)));
    for (name, values) in [
        ("counts", None),
        ("counts and whole numbers", Some(&cents)),
        ("counts and amounts", Some(&amounts)),
    ] {
        let mut b = Bootstrap::new(REPLICATES, 7, usize::from(values.is_some())).unwrap();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for unit in 0..UNITS {
                    let x = values.map(|values| values[unit as usize]);
                    b.push(unit, 1, x.as_slice()).unwrap();
                }
            });
        });
    }
    group.finish();

    let mut group = c.benchmark_group("bootstrap, pooled");
    group.sample_size(10);
    // Ten million units, one in twenty of which bought something: at 2,500 prices, or each at its own.
    group.throughput(Throughput::Elements(10_000_000));
    for (name, steps) in [("2500 prices", 100.0), ("prices all different", 1e300)] {
        group.bench_function(format!("1000 replicates of zero-inflated revenue, {name}"), |b| {
            b.iter(|| {
                let mut pooled = BootstrapPooled::new(1_000, 7, 1).unwrap();
                for unit in 0..10_000_000_u64 {
                    let x = match unit % 20 {
                        0 => (unit_interval(unit) * 25.0 * steps).floor() / steps,
                        _ => 0.0,
                    };
                    pooled.push(1, &[x]).unwrap();
                }
                pooled.replicates().unwrap()
            });
        });
    }
    group.finish();
}

fn sketch(c: &mut Criterion) {
    let amounts = amounts();
    let mut group = c.benchmark_group("sketch");
    group.throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("amounts", |b| {
        b.iter(|| {
            let mut sketch = Sketch::default();
            black_box(&amounts).iter().for_each(|&x| sketch.push(1, x).unwrap());
            sketch
        });
    });
    group.finish();
}

criterion_group!(benches, rows, groups, bootstrap, sketch);
criterion_main!(benches);
