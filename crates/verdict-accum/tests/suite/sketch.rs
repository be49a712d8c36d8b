//! Quantiles are within the bound, whatever the data.

use proptest::prelude::*;
use verdict_accum::{AccumError, Sketch};

use crate::generators::{splitmix64, unit_interval};

fn sketch(relative_error: f64, xs: &[f64]) -> Sketch {
    let mut s = Sketch::new(relative_error).unwrap();
    xs.iter().for_each(|&x| s.push(1, x).unwrap());
    s
}

/// Every quantile of the values against the value of that rank.
fn check(xs: &[f64], relative_error: f64) {
    let s = sketch(relative_error, xs);
    let mut sorted = xs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let steps = sorted.len().min(1000);
    for i in 0..=steps {
        let q = i as f64 / steps as f64;
        let want = sorted[(q * (sorted.len() - 1) as f64) as usize];
        let got = s.quantile(q).unwrap();
        assert!(
            (got - want).abs() <= relative_error * want.abs() && (want != 0.0 || got == 0.0),
            "quantile {q} is {got:e}, not {want:e}, with {relative_error}"
        );
    }
}

#[test]
fn the_bound_holds_on_adversarial_data() {
    for error in [1e-5, 0.001, Sketch::DEFAULT_RELATIVE_ERROR, 0.01, 0.1, 0.5] {
        // The ends of all binades, where exponents change; and ends of the range.
        let mut ends: Vec<f64> = (-1000..1023)
            .flat_map(|e| [2_f64.powi(e), 2_f64.powi(e).next_down(), 2_f64.powi(e).next_up()])
            .collect();
        ends.extend([f64::MAX, -f64::MAX, 1e-300, -1e-300, 0.0, -0.0]);
        check(&ends, error);
        // The ends of buckets: steps by the greatest ratio that may share one, from many places.
        let gamma = (1.0 + error) / (1.0 - error);
        for start in [1.0, 1.1, 1.4137, 1.9999, 3e-200, -7.77] {
            let steps: Vec<f64> =
                (0..2000).map(|k| start * gamma.powi(k)).take_while(|x| x.is_finite()).collect();
            let nudged = steps.iter().flat_map(|x| [x.next_up(), x.next_down()]);
            check(&nudged.collect::<Vec<_>>(), error);
        }
        // Fine steps across one binade, both signs, many zeros.
        let fine: Vec<f64> = (0..20_000).map(|k| 1.0 + f64::from(k) * 5e-5).collect();
        check(&fine, error);
        check(
            &fine.iter().map(|x| -x).chain([0.0; 5000]).chain(fine.clone()).collect::<Vec<_>>(),
            error,
        );
    }
    // Heavy tails (Pareto, index 1/2), in order of size; two values far apart; one value.
    let mut state = 1;
    let mut pareto: Vec<f64> =
        (0..100_000).map(|_| (1.0 - unit_interval(splitmix64(&mut state))).powi(-2)).collect();
    check(&pareto, 0.005);
    pareto.sort_by(f64::total_cmp);
    check(&pareto, 0.005);
    check(&[1e-300, 1e300, -1e-300, -1e300], 0.005);
    check(&[42.0], 0.005);
}

#[test]
fn subnormal_values_are_near() {
    let s = sketch(0.005, &[5e-324, 1e-310, -5e-324]);
    assert_eq!(s.quantile(0.0), Some(-5e-324));
    assert_eq!(s.quantile(0.5), Some(5e-324));
    assert!((s.quantile(1.0).unwrap() / 1e-310 - 1.0).abs() < 0.0051);
}

#[test]
fn the_smallest_samples() {
    let mut s = Sketch::default();
    assert_eq!((s.n(), s.quantile(0.5)), (0, None));
    s.push(1, 0.0).unwrap();
    assert_eq!((s.n(), s.quantile(0.0), s.quantile(1.0)), (1, Some(0.0), Some(0.0)));
    assert_eq!((s.quantile(-0.1), s.quantile(1.1), s.quantile(f64::NAN)), (None, None, None));
    for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(s.push(1, x), Err(AccumError::NonFinite));
    }
    s.push(-1, 0.0).unwrap();
    assert_eq!(s, Sketch::default());
    assert!(matches!(Sketch::new(0.0), Err(AccumError::Parameter(_))));
    assert!(matches!(Sketch::new(f64::NAN), Err(AccumError::Parameter(_))));
    assert!(s.merge(&Sketch::new(0.01).unwrap()).is_err());
}

#[test]
fn the_state_of_version_1_is_this() {
    let mut s = Sketch::default();
    s.push(3, 1.0).unwrap();
    s.push(1, -2.0).unwrap();
    s.push(2, 0.0).unwrap();
    let mut want = b"D\x01".to_vec();
    want.extend(0.005_f64.to_le_bytes());
    want.extend([4, 1, 0x8a, 1, 2, 1, 0, 6]);
    assert_eq!(s.to_bytes(), want);
}

#[test]
fn a_state_is_compact() {
    let mut state = 3;
    let xs: Vec<f64> =
        (0..100_000).map(|_| 1.0 + 999.0 * unit_interval(splitmix64(&mut state))).collect();
    let s = sketch(0.005, &xs);
    assert!(s.to_bytes().len() < 3 * 700, "{}", s.to_bytes().len());
}

type Rows = Vec<(i64, f64)>;

fn rows() -> impl Strategy<Value = Rows> {
    let value = prop_oneof![
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        -100.0..100.0_f64,
        Just(0.0),
        (-50..50_i64).prop_map(|x| x as f64),
    ];
    let weight = prop_oneof![Just(1), Just(-1), any::<i64>()];
    prop::collection::vec((weight, value), 0..40)
}

fn of(rows: &Rows) -> Sketch {
    let mut s = Sketch::default();
    rows.iter().for_each(|&(w, x)| s.push(w, x).unwrap());
    s
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sketches_do_not_know_order_or_parts(a in rows(), b in rows(), c in rows()) {
        let mut all = [a.clone(), b.clone(), c.clone()].concat();
        let whole = of(&all);
        all.reverse();
        prop_assert_eq!(of(&all).to_bytes(), whole.to_bytes());
        let mut left = of(&a);
        left.merge(&of(&b)).unwrap();
        left.merge(&of(&c)).unwrap();
        prop_assert_eq!(left.to_bytes(), whole.to_bytes());
        prop_assert_eq!(Sketch::from_bytes(&whole.to_bytes()).unwrap(), whole.clone());
        left.retract(&of(&a)).unwrap();
        let mut right = of(&c);
        right.merge(&of(&b)).unwrap();
        prop_assert_eq!(left.to_bytes(), right.to_bytes());
        left.retract(&right).unwrap();
        prop_assert_eq!(left, Sketch::default());
    }

    #[test]
    fn any_values_keep_the_bound(xs in prop::collection::vec(any::<f64>().prop_filter("normal", |x| x.is_normal() && x.abs() > 1e-300), 1..50)) {
        check(&xs, 0.005);
        check(&xs, 0.2);
    }

    #[test]
    fn any_bytes_are_a_sketch_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 11..60)) {
        bytes[..2].copy_from_slice(b"D\x01");
        bytes[2..10].copy_from_slice(&0.005_f64.to_le_bytes());
        if let Ok(s) = Sketch::from_bytes(&bytes) {
            prop_assert_eq!(s.to_bytes(), bytes);
            let _ = s.quantile(0.5);
        }
    }
}
