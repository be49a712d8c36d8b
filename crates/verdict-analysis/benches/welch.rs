//! Welch comparisons per second on one core: from n, mean and m2 of two variants to p-value, interval and relative interval.
//!
//! `cargo bench -p verdict-analysis` reports elements per second; one element is one comparison.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use std::hint::black_box;
use verdict_analysis::methods::families::{Correction, adjust};
use verdict_analysis::methods::relative::{RelativeMethod, welch_with_relative};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::{Alternative, Sample};

/// Rows of group statistics: sizes from `smallest` over three decades, effects of a few standard errors.
fn rows(smallest: f64, count: u64) -> Vec<(Sample, Sample)> {
    let draws = Draws::named("bench");
    (0..count)
        .map(|i| {
            let n = (smallest * 10_f64.powf(3.0 * draws.unit(i, 0))) as u64;
            let (sd, mean) = (1.0 + 4.0 * draws.unit(i, 1), 5.0 + 10.0 * draws.unit(i, 2));
            let se = sd * (2.0 / n as f64).sqrt();
            let shift = se * (8.0 * draws.unit(i, 3) - 4.0);
            let m2 = |spread: f64| sd * sd * spread * (n - 1) as f64;
            (Sample::from_m2(n, mean, m2(1.0)), Sample::from_m2(n + 17, mean + shift, m2(1.1)))
        })
        .collect()
}

fn comparisons(rows: &[(Sample, Sample)]) -> f64 {
    let mut checksum = 0.0;
    for (control, treatment) in rows {
        checksum += comparison(control, treatment).map_or(0.0, |p| p);
    }
    checksum
}

/// The p-value of one comparison, with everything else computed.
fn comparison(control: &Sample, treatment: &Sample) -> Option<f64> {
    let method = RelativeMethod::Fieller;
    let result =
        welch_with_relative(black_box(control), treatment, 0.05, Alternative::TwoSided, method);
    let (absolute, lift) = black_box(result).ok()?;
    black_box(lift).ok()?;
    Some(absolute.p_value)
}

fn bench(c: &mut Criterion) {
    for (name, smallest) in [("n from 1e3 to 1e6", 1e3), ("n from 20 to 2e4", 20.0)] {
        let rows = rows(smallest, 100_000);
        let mut group = c.benchmark_group("welch with relative interval");
        group.throughput(Throughput::Elements(rows.len() as u64)).sample_size(20);
        group.bench_function(name, |b| b.iter(|| comparisons(black_box(&rows))));
        group.finish();
    }
    // 10,000 experiments of 10 metrics and 3 variants: two comparisons a metric, corrected within the experiment.
    let rows = rows(1e3, 200_000);
    let mut group = c.benchmark_group("10,000 experiments x 10 metrics x 3 variants");
    group.throughput(Throughput::Elements(rows.len() as u64)).sample_size(10);
    group.bench_function("with Holm", |b| {
        b.iter(|| {
            rows.chunks(20)
                .map(|experiment| {
                    let p: Vec<f64> =
                        experiment.iter().filter_map(|(c, t)| comparison(c, t)).collect();
                    adjust(&p, Correction::Holm).map_or(0.0, |p| p.iter().sum::<f64>())
                })
                .sum::<f64>()
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
