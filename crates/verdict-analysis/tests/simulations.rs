//! Error rates and coverage by simulation, at sizes where each method is offered: the cases of the `error_rates` example,
//! whose long table is `ERROR_RATES.md`, in short.
//!
//! Every limit is binomial: the observed share of N runs may leave the nominal one by four standard errors, plus the bias that
//! the method is known to have there. Draws are addressed by run and index, so that a failure repeats.

#[path = "../examples/error_rates/counts.rs"]
mod counts;
#[path = "../examples/error_rates/draws.rs"]
mod draws;
#[path = "../examples/error_rates/means.rs"]
mod means;
#[path = "../examples/error_rates/resampled.rs"]
mod resampled;
#[path = "../examples/error_rates/samples.rs"]
mod samples;

use draws::Case;
use verdict_analysis::methods::cuped::{CupedSample, cuped};
use verdict_analysis::methods::families::{Correction, adjust};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::special::{norm_ppf, norm_sf};

/// Fails for each case whose share leaves what it claims.
fn check(cases: &[Case]) {
    let faults: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let share = case.count(case.runs) as f64 / case.runs as f64;
            let (low, high) = case.allowed(case.runs);
            let text = || format!("{}, {}: {share}, not {low} to {high}", case.what, case.data);
            (!(low <= share && share <= high)).then(text)
        })
        .collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn methods_of_counts_keep_their_promises() {
    check(counts::CASES);
}

#[test]
fn methods_of_means_keep_their_promises() {
    check(means::CASES);
}

#[test]
fn methods_of_samples_keep_their_promises() {
    check(samples::CASES);
}

#[test]
fn skewed_metrics_strata_and_clusters_keep_their_promises() {
    check(resampled::CASES);
}

#[test]
fn a_claim_that_is_false_fails() {
    // The interval that takes the rows of clusters as independent does not cover 95%.
    let wrong = means::CASES.iter().find(|case| case.what.starts_with("rows taken")).expect("it");
    let share = wrong.count(wrong.runs) as f64 / wrong.runs as f64;
    let claim = Case { claim: draws::Claim::Covers(0.01), ..*wrong };
    let (low, high) = claim.allowed(wrong.runs);
    assert!(!(low <= share && share <= high), "{share} within {low} to {high}");
}

#[test]
fn cuped_reduces_the_variance_by_the_squared_correlation() {
    let draws = Draws::named("reduction");
    let normal = |run: u64, i: u64| norm_ppf(draws.unit(run, i));
    let runs = 500;
    let total: f64 = (0..runs)
        .map(|run| {
            let arm = |stream: u64| {
                let at = |i: u64| stream * 1_000 + 2 * i;
                let pairs: Vec<(f64, f64)> = (0..100)
                    .map(|i| {
                        let x = normal(run, at(i));
                        (0.8 * x + 0.6 * normal(run, at(i) + 1), x)
                    })
                    .collect();
                let mean = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / 100.0;
                let (mean_y, mean_x) = (mean(|p| p.0), mean(|p| p.1));
                let moment =
                    |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / 99.0;
                CupedSample {
                    n: 100,
                    mean_y,
                    mean_x,
                    var_y: moment(&|p| (p.0 - mean_y).powi(2)),
                    var_x: moment(&|p| (p.1 - mean_x).powi(2)),
                    cov: moment(&|p| (p.0 - mean_y) * (p.1 - mean_x)),
                }
            };
            let adjusted = cuped(&arm(0), &arm(1)).expect("an adjustment");
            adjusted.variance_reduction.expect("a reduction")
        })
        .sum();
    let mean = total / runs as f64;
    // One reduction has a standard error of about 2 · 0.8 · 0.36 / sqrt(200) = 0.041.
    assert!((mean - 0.64).abs() < 4.0 * 0.041 / (runs as f64).sqrt() + 0.002, "{mean}");
}

#[test]
fn benjamini_hochberg_keeps_the_share_of_false_discoveries() {
    // 20 metrics, 5 with an effect: exactly alpha times the share of true hypotheses, 0.05 · 15 / 20.
    let draws = Draws::named("families");
    let runs = 3_000;
    let shares: Vec<f64> = (0..runs)
        .map(|run| {
            let shift = |i: u64| if i < 5 { 3.0 } else { 0.0 };
            let z = |i: u64| norm_ppf(draws.unit(run, i)) + shift(i);
            let p: Vec<f64> = (0..20).map(|i| 2.0 * norm_sf(z(i).abs())).collect();
            let adjusted = adjust(&p, Correction::BenjaminiHochberg).expect("p-values");
            let rejected = adjusted.iter().filter(|p| **p <= 0.05).count();
            let falsely = adjusted[5..].iter().filter(|p| **p <= 0.05).count();
            if rejected == 0 { 0.0 } else { falsely as f64 / rejected as f64 }
        })
        .collect();
    let mean = shares.iter().sum::<f64>() / runs as f64;
    let variance = shares.iter().map(|s| (s - mean).powi(2)).sum::<f64>() / (runs as f64 - 1.0);
    let allowed = 4.0 * (variance / runs as f64).sqrt();
    assert!((mean - 0.0375).abs() < allowed, "false discovery rate {mean} ± {allowed}");
}
