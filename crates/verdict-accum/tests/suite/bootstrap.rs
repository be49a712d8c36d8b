//! Weights are Poisson and independent, sums are exact, and standard errors are those of the closed form.

use num_bigint::BigInt;
use proptest::prelude::*;
use verdict_accum::{AccumError, Bootstrap, BootstrapPooled, Replicates, unit_hash};

use crate::generators::{splitmix64, unit_interval};

/// `P(w = k)` of Poisson(1), k = 0 … 5, and 6 or more.
fn probabilities() -> [f64; 7] {
    let mut p = [0.0; 7];
    p[0] = (-1_f64).exp();
    for k in 1..6 {
        p[k] = p[k - 1] / k as f64;
    }
    p[6] = 1.0 - p[..6].iter().sum::<f64>();
    p
}

/// The weights of one unit, as the counts of a bootstrap of it.
fn weights(seed: u64, unit: u64, replicates: u32) -> Vec<i64> {
    let mut b = Bootstrap::new(replicates, seed, 0).unwrap();
    b.push(unit, 1, &[]).unwrap();
    b.replicates().unwrap().n
}

/// Asserts that a chi-squared statistic is within 4.5 standard deviations of its mean: false about once in 100,000.
fn assert_chi_squared(what: &str, statistic: f64, freedom: f64) {
    let z = (statistic - freedom) / (2.0 * freedom).sqrt();
    assert!(z.abs() < 4.5 + 3.0 / freedom.sqrt(), "{what}: {statistic} with {freedom} degrees");
}

fn chi_squared(seen: &[f64], expected: &[f64]) -> f64 {
    seen.iter().zip(expected).map(|(s, e)| (s - e) * (s - e) / e).sum()
}

#[test]
fn weights_are_poisson_1() {
    // Two million weights each: sequential units, names, sparse units; three seeds.
    type Units = fn(u64) -> u64;
    let kinds: [(&str, Units); 3] = [
        ("sequential", |i| i),
        ("named", |i| unit_hash(format!("user-{i}").as_bytes())),
        ("multiples of 2^32", |i| i << 32),
    ];
    for (name, unit) in kinds {
        for seed in [0, 1, 0xdead_beef_0000_0001] {
            let mut seen = [0.0; 7];
            let (mut n, mut first, mut second, mut third) = (0.0, 0.0, 0.0, 0.0);
            for i in 0..2_000 {
                for w in weights(seed, unit(i), 1_000) {
                    seen[(w as usize).min(6)] += 1.0;
                    let d = w as f64 - 1.0;
                    n += 1.0;
                    first += d;
                    second += d * d;
                    third += d * d * d;
                }
            }
            assert_chi_squared(name, chi_squared(&seen, &probabilities().map(|p| p * n)), 6.0);
            // Central moments 0, 1, 1 whose terms have variances 1, 3, 40.
            for (what, sum, mean, var) in [
                ("mean", first, 0.0, 1.0),
                ("variance", second, 1.0, 3.0),
                ("skew", third, 1.0, 40.0_f64),
            ] {
                let z = (sum - n * mean) / (n * var).sqrt();
                assert!(z.abs() < 4.5, "{name}, seed {seed}: {what} is off by {z} standard errors");
            }
        }
    }
}

/// Tables of pairs of weights: chi-squared against the product of the margins, and the correlation.
fn check_pairs(what: &str, pairs: impl Iterator<Item = (i64, i64)>) {
    let p = probabilities();
    let p = [p[0], p[1], p[2], p[3] + p[4] + p[5] + p[6]];
    let mut seen = [0.0; 16];
    let (mut n, mut product) = (0.0, 0.0);
    for (a, b) in pairs {
        seen[4 * (a as usize).min(3) + (b as usize).min(3)] += 1.0;
        n += 1.0;
        product += (a - 1) as f64 * (b - 1) as f64;
    }
    let expected: Vec<f64> = (0..16).map(|i| n * p[i / 4] * p[i % 4]).collect();
    assert_chi_squared(what, chi_squared(&seen, &expected), 15.0);
    let z = product / n.sqrt();
    assert!(z.abs() < 4.5, "{what}: correlation off by {z} standard errors");
}

#[test]
fn replicates_units_and_seeds_are_independent() {
    const UNITS: u64 = 1_000;
    let table: Vec<Vec<i64>> = (0..UNITS + 64).map(|unit| weights(7, unit, 1_024)).collect();
    for lag in [1, 2, 4, 15, 16, 17, 32, 48, 63, 64, 65, 512] {
        let pairs = table.iter().flat_map(|w| w.iter().copied().zip(w[lag..].iter().copied()));
        check_pairs(&format!("replicates {lag} apart"), pairs);
    }
    for lag in [1, 2, 3, 8, 16, 64] {
        let pairs = table
            .iter()
            .zip(&table[lag..])
            .flat_map(|(a, b)| a.iter().copied().zip(b.iter().copied()));
        check_pairs(&format!("units {lag} apart"), pairs);
    }
    for flipped in [1, 1 << 20, 1 << 32, 1 << 63] {
        let others = (0..UNITS).map(|unit| weights(7, unit ^ flipped, 512));
        let pairs = table.iter().zip(others).flat_map(|(a, b)| a.clone().into_iter().zip(b));
        // A flip of a low bit pairs each unit with another one, twice.
        if flipped > 1 << 10 {
            check_pairs(&format!("units that differ by {flipped:#x}"), pairs);
        }
    }
    for seed in [6, 8, 7 | 1 << 32, 7 | 1 << 63] {
        let others = (0..UNITS).map(|unit| weights(seed, unit, 512));
        let pairs = table.iter().zip(others).flat_map(|(a, b)| a.clone().into_iter().zip(b));
        check_pairs(&format!("seeds 7 and {seed:#x}"), pairs);
    }
}

#[test]
fn a_unit_has_the_same_weights_however_many_replicates() {
    for unit in [0, 1, u64::MAX, unit_hash(b"anna")] {
        let most = weights(3, unit, 10_000);
        for replicates in [1, 63, 64, 65, 1_000] {
            assert_eq!(weights(3, unit, replicates), most[..replicates as usize]);
        }
    }
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-1000..100_000_i64).prop_map(|x| x as f64 / 100.0),
        2 => Just(0.0),
        1 => any::<f64>().prop_filter("finite", |x| x.is_finite()),
        1 => (-1000..1000_i64).prop_map(|x| x as f64 * 5e-324),
    ]
}

type Rows = Vec<(u64, i64, [f64; 2])>;

fn rows() -> impl Strategy<Value = Rows> {
    let weight = prop_oneof![4 => Just(1), 2 => Just(-1), 1 => any::<i64>()];
    prop::collection::vec((any::<u64>(), weight, [value(), value()]), 0..8)
}

fn bootstrap(rows: &Rows) -> Bootstrap {
    let mut b = Bootstrap::new(70, 11, 2).unwrap();
    rows.iter().for_each(|(unit, w, xs)| b.push(*unit, *w, xs).unwrap());
    b
}

fn pooled(rows: &Rows) -> BootstrapPooled {
    let mut b = BootstrapPooled::new(70, 11, 2).unwrap();
    rows.iter().for_each(|(_, w, xs)| b.push(*w, xs).unwrap());
    b
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn bootstraps_do_not_know_order_or_parts(a in rows(), b in rows(), c in rows()) {
        let all = [a.clone(), b.clone(), c.clone()].concat();
        let mut reversed = all.clone();
        reversed.reverse();
        let whole = bootstrap(&all);
        prop_assert_eq!(bootstrap(&reversed).to_bytes(), whole.to_bytes());
        let (a, b, c) = (bootstrap(&a), bootstrap(&b), bootstrap(&c));
        let mut left = a.clone();
        left.merge(&b).unwrap();
        left.merge(&c).unwrap();
        let mut right = c;
        right.merge(&b).unwrap();
        prop_assert_eq!(left.to_bytes(), whole.to_bytes());
        let back = Bootstrap::from_bytes(&whole.to_bytes()).unwrap();
        prop_assert_eq!(back.to_bytes(), whole.to_bytes());
        left.retract(&a).unwrap();
        prop_assert_eq!(&left, &right);
        left.retract(&right).unwrap();
        prop_assert_eq!(left, Bootstrap::new(70, 11, 2).unwrap());
    }

    #[test]
    fn pools_do_not_know_order_or_parts(a in rows(), b in rows()) {
        let mut all = [a.clone(), b.clone()].concat();
        let whole = pooled(&all);
        all.reverse();
        prop_assert_eq!(pooled(&all).to_bytes(), whole.to_bytes());
        let mut left = pooled(&a);
        left.merge(&pooled(&b)).unwrap();
        prop_assert_eq!(&left, &whole);
        let back = BootstrapPooled::from_bytes(&whole.to_bytes()).unwrap();
        prop_assert_eq!(back.to_bytes(), whole.to_bytes());
        left.retract(&pooled(&a)).unwrap();
        prop_assert_eq!(left, pooled(&b));
    }

    #[test]
    fn sums_are_the_nearest_doubles(rows in rows()) {
        let sums: Vec<Vec<i64>> = rows.iter().map(|&(unit, ..)| weights(11, unit, 70)).collect();
        let Ok(got) = bootstrap(&rows).replicates() else { return Ok(()) };
        for r in 0..70 {
            let mut n = 0_i128;
            for i in 0..2 {
                let mut sum = BigInt::ZERO;
                for ((_, weight, xs), drawn) in rows.iter().zip(&sums) {
                    sum += crate::oracle::big(xs[i]) * *weight * drawn[r];
                    if i == 0 {
                        n += i128::from(*weight) * i128::from(drawn[r]);
                    }
                }
                crate::oracle::assert_nearest(Some(got.sums[i][r]), &sum, 1074, 1);
                if i == 0 {
                    prop_assert_eq!(i128::from(got.n[r]), n);
                }
            }
        }
    }

    #[test]
    fn any_bytes_are_a_bootstrap_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 12..60), kind in any::<bool>()) {
        bytes[..2].copy_from_slice(if kind { b"B\x01" } else { b"P\x01" });
        bytes[10] %= 8;
        bytes[11] %= 4;
        if let Ok(b) = Bootstrap::from_bytes(&bytes) {
            prop_assert_eq!(b.to_bytes(), bytes.clone());
        }
        if let Ok(b) = BootstrapPooled::from_bytes(&bytes) {
            prop_assert_eq!(b.to_bytes(), bytes);
        }
    }
}

#[test]
fn carries_are_settled() {
    let mut b = Bootstrap::new(3, 1, 1).unwrap();
    for _ in 0..100 {
        b.push(9, i64::MAX, &[-f64::MAX]).unwrap();
        b.push(9, i64::MIN, &[f64::MAX]).unwrap();
        let twice = b.clone();
        b.merge(&twice).unwrap();
    }
    assert_eq!(b.replicates(), Err(AccumError::Overflow));
    let all = b.clone();
    b.retract(&all).unwrap();
    assert_eq!(b, Bootstrap::new(3, 1, 1).unwrap());
}

#[test]
fn what_is_out_of_range_is_refused_and_changes_nothing() {
    assert!(matches!(Bootstrap::new(0, 1, 1), Err(AccumError::Parameter(_))));
    assert!(matches!(Bootstrap::new(10_001, 1, 1), Err(AccumError::Parameter(_))));
    let mut b = Bootstrap::new(5, 1, 1).unwrap();
    let mut p = BootstrapPooled::new(5, 1, 1).unwrap();
    for x in [f64::NAN, f64::INFINITY] {
        assert_eq!(b.push(1, 1, &[x]), Err(AccumError::NonFinite));
        assert_eq!(p.push(1, &[x]), Err(AccumError::NonFinite));
    }
    assert!(b.push(1, 1, &[]).is_err() && p.push(1, &[1.0, 2.0]).is_err());
    assert!(b.merge(&Bootstrap::new(5, 2, 1).unwrap()).is_err());
    assert!(b.merge(&Bootstrap::new(6, 1, 1).unwrap()).is_err());
    assert!(p.retract(&BootstrapPooled::new(5, 1, 2).unwrap()).is_err());
    assert_eq!(b, Bootstrap::new(5, 1, 1).unwrap());
    assert_eq!(b.replicates().unwrap().means(0), [None; 5]);
}

fn sd(xs: &[f64]) -> f64 {
    let n = xs.len() as f64;
    let mean = xs.iter().sum::<f64>() / n;
    (xs.iter().map(|x| (x - mean) * (x - mean)).sum::<f64>() / (n - 1.0)).sqrt()
}

/// Revenue of a shop: nineteen units in twenty buy nothing.
fn revenue(i: u64) -> f64 {
    let mut state = i;
    let z = splitmix64(&mut state);
    if z.is_multiple_of(20) {
        (1.0 - unit_interval(splitmix64(&mut state))).ln().abs() * 40.0
    } else {
        0.0
    }
}

#[test]
fn standard_errors_agree_with_the_closed_form() {
    const UNITS: u64 = 20_000;
    const REPLICATES: u32 = 1_000;
    let xs: Vec<f64> = (0..UNITS).map(revenue).collect();
    let closed = sd(&xs) / (UNITS as f64).sqrt();
    let mean = xs.iter().sum::<f64>() / UNITS as f64;
    let (mut by_unit, mut pooled) = (
        Bootstrap::new(REPLICATES, 5, 1).unwrap(),
        BootstrapPooled::new(REPLICATES, 5, 1).unwrap(),
    );
    for (unit, &x) in (0..).zip(&xs) {
        by_unit.push(unit, 1, &[x]).unwrap();
        pooled.push(1, &[x]).unwrap();
    }
    for r in [by_unit.replicates().unwrap(), pooled.replicates().unwrap()] {
        assert_eq!(r.units, UNITS as i64);
        check_error(&r, mean, closed);
    }
}

fn check_error(r: &Replicates, mean: f64, closed: f64) {
    let means: Vec<f64> = r.means(0).into_iter().flatten().collect();
    let n = means.len() as f64;
    // The relative error of a standard deviation of n replicates is 1 / sqrt(2 n).
    let z = (sd(&means) / closed - 1.0) * (2.0 * n).sqrt();
    assert!(z.abs() < 4.0, "the standard error is {} and not {closed}", sd(&means));
    let z = (means.iter().sum::<f64>() / n - mean) / (closed / n.sqrt());
    assert!(z.abs() < 4.0, "the mean of the replicates is off by {z} standard errors");
}

#[test]
fn pools_of_any_size_are_poisson() {
    // At either side of what is drawn one by one, and beyond what one table holds.
    for m in [1, 2, 16, 17, 1_000, (1 << 24) + 5, 3 << 24] {
        let mut pool = BootstrapPooled::new(4_000, 3, 1).unwrap();
        pool.push(m, &[2.0]).unwrap();
        let r = pool.replicates().unwrap();
        assert_eq!(r.units, m);
        let n: Vec<f64> = r.n.iter().map(|&n| (n - m) as f64).collect();
        let mean = n.iter().sum::<f64>() / 4_000.0 / (m as f64 / 4_000.0).sqrt();
        assert!(mean.abs() < 4.0, "{m}: mean off by {mean} standard errors");
        // The variance of a sample variance has the kurtosis 3 + 1 / m.
        let spread = (2.0 + 1.0 / m as f64).sqrt();
        let z = (sd(&n).powi(2) / m as f64 - 1.0) * 4_000_f64.sqrt() / spread;
        assert!(z.abs() < 4.0, "{m}: variance off by {z} standard errors");
        assert!(r.sums[0].iter().zip(&r.n).all(|(&s, &n)| s == 2.0 * n as f64));
    }
}
