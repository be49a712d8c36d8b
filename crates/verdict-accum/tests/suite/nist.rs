//! The univariate data sets of the NIST Statistical Reference Datasets, to their 15 certified digits.
//!
//! Five are files (data in the public domain), four a formula. `pi_digits.txt` is as NIST has it: the 957th of the 5000
//! digits is a 3, where pi has an 8; the certified mean, standard deviation and autocorrelation are those of the file.

use verdict_accum::{Moments1, Welford};

#[test]
fn pi_digits() {
    check(include_str!("../nist/pi_digits.txt"), "4.53480000000000", "2.86733906028871");
}

#[test]
fn lottery() {
    check(include_str!("../nist/lottery.txt"), "518.958715596330", "291.699727470969");
}

#[test]
fn lew() {
    check(include_str!("../nist/lew.txt"), "-177.435000000000", "277.332168044316");
}

#[test]
fn mavro() {
    check(include_str!("../nist/mavro.txt"), "2.00185600000000", "0.000429123454003053");
}

#[test]
fn michelso() {
    check(include_str!("../nist/michelso.txt"), "299.852400000000", "0.0790105478190518");
}

#[test]
fn num_acc1() {
    check("10000001 10000003 10000002", "10000002", "1");
}

#[test]
fn num_acc2() {
    check(&alternating("1.2", "1.1", "1.3"), "1.2", "0.1");
}

#[test]
fn num_acc3() {
    check(&alternating("1000000.2", "1000000.1", "1000000.3"), "1000000.2", "0.1");
}

#[test]
fn num_acc4() {
    check(&alternating("10000000.2", "10000000.1", "10000000.3"), "10000000.2", "0.1");
}

/// One value, then two others in turn, 1001 in all.
fn alternating(first: &str, low: &str, high: &str) -> String {
    first.to_owned() + &format!(" {low} {high}").repeat(500)
}

/// Half a unit of the 15th digit: the certified values are rounded there.
const CERTIFIED: f64 = 5e-15;

/// Decimals as whole numbers of their last place are exact, and so are all digits of the answer. Doubles nearest to the
/// decimals have another mean and spread, by half a last place of the largest at most: no sum of them does better.
fn check(decimals: &str, mean: &str, sd: &str) {
    let (mean, sd): (f64, f64) = (mean.parse().unwrap(), sd.parse().unwrap());
    let words: Vec<&str> = decimals.split_whitespace().collect();
    let places = words[0].split_once('.').map_or(0, |(_, fraction)| fraction.len());
    let scale = 10_f64.powi(places as i32);

    let (mut whole, mut m, mut w) = (Moments1::default(), Moments1::default(), Welford::default());
    let mut largest = 0.0_f64;
    for word in words {
        whole.push_int(1, &[word.replace('.', "").parse().unwrap()]);
        let x: f64 = word.parse().unwrap();
        largest = largest.max(x.abs());
        m.push(1, &[x]).unwrap();
        w.push(x, 1.0).unwrap();
    }
    let near = |what: &str, got: f64, want: f64, rounding: f64| {
        assert!(
            (got - want).abs() <= CERTIFIED * want.abs() + rounding,
            "{what}: {got} is not {want}"
        );
    };
    near("mean of integers", whole.mean(0).unwrap() / scale, mean, 0.0);
    near("sd of integers", whole.var_samp(0).unwrap().sqrt() / scale, sd, 0.0);
    let rounding = if places > 0 { largest * f64::EPSILON / 2.0 } else { 0.0 };
    near("mean of doubles", m.mean(0).unwrap(), mean, rounding);
    near("sd of doubles", m.var_samp(0).unwrap().sqrt(), sd, rounding);
    near("mean by Welford", w.mean().unwrap(), mean, rounding);
    near("sd by Welford", w.var_samp().unwrap().sqrt(), sd, rounding);
}
