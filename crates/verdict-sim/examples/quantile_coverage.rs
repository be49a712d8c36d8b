//! How often 95% intervals of quantiles of clustered values contain the truth, and how often two equal arms differ
//! significantly: `cargo run --release -p verdict-sim --example quantile_coverage`.
//!
//! Units have several values each, which are alike: exp(4 + u + e), u of the unit and e of the value, both normal with a
//! standard deviation of a half, so that all values together are log-normal and the truth is known. Their number is one
//! more than a Poisson number with mean four. Every line is 20,000 experiments of two arms.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::thread;

use verdict_accum::{Distribution, UnitValues};
use verdict_analysis::methods::quantile_clustered::{Buckets, quantile_sample};
use verdict_analysis::methods::special::norm_isf;
use verdict_analysis::methods::{MethodError, Sample};

const EXPERIMENTS: u64 = 20_000;
const THREADS: u64 = 2;

fn main() {
    println!(
        "values of a unit alike: units, quantile: level covered, difference covered, share without a number"
    );
    for (units, q, clustered) in [
        (1_000, 0.5, true),
        (1_000, 0.9, true),
        (1_000, 0.99, true),
        (4_000, 0.99, true),
        (200, 0.5, true),
        (200, 0.9, true),
        (1_000, 0.5, false),
    ] {
        let count = move |first: u64| run(first, units, q, clustered);
        let parts: Vec<_> = (0..THREADS).map(|first| thread::spawn(move || count(first))).collect();
        let mut all = [0_u64; 4];
        for part in parts {
            let Ok(part) = part.join() else { return };
            all.iter_mut().zip(part).for_each(|(all, own)| *all += own);
        }
        let [levels, of_levels, differences, of_differences] = all.map(|n| n as f64);
        println!(
            "{:>9} | {units:>5} | {q:<4} | {:.2}% | {:.2}% | {:.2}%",
            if clustered { "clustered" } else { "one each" },
            100.0 * levels / of_levels,
            100.0 * differences / of_differences,
            100.0 * (1.0 - of_differences / EXPERIMENTS as f64)
        );
    }
}

/// Levels covered, of how many, differences covered, of how many.
fn run(first: u64, units: u64, q: f64, clustered: bool) -> [u64; 4] {
    let sd = if clustered { 0.5_f64.sqrt() } else { 0.5 };
    let truth = (4.0 + sd * -norm_isf(q)).exp();
    let z = norm_isf(0.025);
    let mut counts = [0; 4];
    for experiment in (first..EXPERIMENTS).step_by(THREADS as usize) {
        let mut random = Random(experiment.wrapping_mul(0xd134_2543_de82_ef95) ^ units << 40);
        let arms = [arm(&mut random, units, q, clustered), arm(&mut random, units, q, clustered)];
        for sample in arms.iter().flatten() {
            counts[0] += u64::from((sample.mean - truth).abs() <= z * sample.std_error());
            counts[1] += 1;
        }
        if let [Ok(a), Ok(b)] = arms {
            let std_error = (a.variance_of_mean() + b.variance_of_mean()).sqrt();
            counts[2] += u64::from((b.mean - a.mean).abs() <= z * std_error);
            counts[3] += 1;
        }
    }
    counts
}

fn arm(random: &mut Random, units: u64, q: f64, clustered: bool) -> Result<Sample, MethodError> {
    let mut all = Distribution::default();
    for _ in 0..units {
        let own = if clustered { 0.5 * random.normal() } else { 0.0 };
        let n = if clustered { 1 + random.poisson(4.0) } else { 1 };
        let mut values = UnitValues::default();
        for _ in 0..n {
            // Finite by construction.
            let _ = values.push((4.0 + own + 0.5 * random.normal()).exp());
        }
        all.push(1, &values);
    }
    let buckets = all.buckets();
    let of = |value: fn(&verdict_accum::Bucket) -> f64| -> Vec<f64> {
        buckets.iter().map(value).collect()
    };
    let (lower, upper) = (of(|b| b.lower), of(|b| b.upper));
    let (square, product) = (of(|b| b.square as f64), of(|b| b.product as f64));
    let count: Vec<i64> = buckets.iter().map(|b| b.count as i64).collect();
    let buckets =
        Buckets { lower: &lower, upper: &upper, count: &count, square: &square, product: &product };
    quantile_sample(buckets, units, q)
}

/// splitmix64.
struct Random(u64);

impl Random {
    /// Above 0 and below 1.
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 12) as f64 / (1_u64 << 52) as f64 + 1.0 / (1_u64 << 54) as f64
    }

    /// Box and Muller's.
    fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    fn poisson(&mut self, mean: f64) -> u64 {
        let (least, mut product, mut n) = ((-mean).exp(), self.uniform(), 0);
        while product > least {
            product *= self.uniform();
            n += 1;
        }
        n
    }
}
