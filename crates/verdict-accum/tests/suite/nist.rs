//! Univariate data sets of the NIST Statistical Reference Datasets that are defined by a formula, to their 15 certified digits.
//!
//! PiDigits is none of them: its file differs from the digits of pi (they add to 22,679, its certified mean says 22,674).

use verdict_accum::{Moments1, Welford};

#[test]
fn num_acc1() {
    check(vec![10_000_001.0, 10_000_003.0, 10_000_002.0], 10_000_002.0, 1.0);
}

#[test]
fn num_acc2() {
    check(alternating(1.2, 1.1, 1.3), 1.2, 0.1);
}

#[test]
fn num_acc3() {
    check(alternating(1_000_000.2, 1_000_000.1, 1_000_000.3), 1_000_000.2, 0.1);
}

#[test]
fn num_acc4() {
    check(alternating(10_000_000.2, 10_000_000.1, 10_000_000.3), 10_000_000.2, 0.1);
}

/// One value, then two others in turn, 1001 in all.
fn alternating(first: f64, low: f64, high: f64) -> Vec<f64> {
    std::iter::once(first).chain((0..1000).map(|i| if i % 2 == 0 { low } else { high })).collect()
}

/// Certified are the mean and standard deviation of the decimals; what is summed are the doubles nearest to them,
/// whose differences from 0.1 are of the size of the last place of the largest.
fn check(xs: Vec<f64>, mean: f64, sd: f64) {
    let decimals = xs.iter().fold(0.0_f64, |a, x| a.max(x.abs())) * f64::EPSILON;
    let (mut m, mut w) = (Moments1::default(), Welford::default());
    for x in xs {
        m.push(1, &[x]).unwrap();
        w.push(x, 1.0).unwrap();
    }
    for (got_mean, got_var) in [(m.mean(0), m.var_samp(0)), (w.mean(), w.var_samp())] {
        assert!((got_mean.unwrap() - mean).abs() <= 1e-15 * mean, "{got_mean:?}");
        // Certified to 15 digits.
        assert!((got_var.unwrap().sqrt() - sd).abs() <= 5e-15 * sd + decimals, "{got_var:?}");
    }
}
