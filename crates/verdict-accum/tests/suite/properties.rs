//! The algebra, to the bit, on doubles of every size and sign.

use num_bigint::BigInt;
use proptest::prelude::*;
use verdict_accum::{AccumError, ExactSum, Moments, Moments1, Moments2, Moments4, Welford};

use crate::generators::{splitmix64, unit_interval};
use crate::oracle::{assert_nearest, big};

/// Doubles as they come: ordinary, whole, subnormal, enormous, alike.
fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        any::<f64>().prop_filter("finite", |x| x.is_finite()),
        -1e6..1e6_f64,
        (-1_000_000..1_000_000_i64).prop_map(|x| x as f64),
        (-1000..1000_i64).prop_map(|x| x as f64 / 100.0),
        (0..3_i32, 990..1023_i32).prop_map(|(a, e)| (f64::from(a) - 1.0) * 2_f64.powi(e)),
        (-1000..1000_i64).prop_map(|x| x as f64 * 5e-324),
        prop::sample::select(vec![
            0.0,
            -0.0,
            0.1,
            1e16,
            1.0,
            -1e16,
            f64::MAX,
            f64::MIN,
            5e-324,
            1e9
        ]),
    ]
}

fn weight() -> impl Strategy<Value = i64> {
    prop_oneof![Just(1), Just(-1), -1000..1000_i64, any::<i64>()]
}

fn sum(rows: &[(i64, f64)]) -> ExactSum {
    let mut sum = ExactSum::default();
    rows.iter().for_each(|&(w, x)| sum.push_weighted(w, x).unwrap());
    sum
}

fn moments<const K: usize, const P: usize>(rows: &[(i64, [f64; K])]) -> Moments<K, P> {
    let mut m = Moments::default();
    rows.iter().for_each(|(w, xs)| m.push(*w, xs).unwrap());
    m
}

fn rows1() -> impl Strategy<Value = Vec<(i64, f64)>> {
    prop::collection::vec((weight(), value()), 0..30)
}

fn rows<const K: usize>() -> impl Strategy<Value = Vec<(i64, [f64; K])>> {
    prop::collection::vec((weight(), std::array::from_fn::<_, K, _>(|_| value())), 0..16)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_sum_is_the_nearest_double(rows in rows1()) {
        let exact: BigInt = rows.iter().map(|&(w, x)| big(x) * w).sum();
        let got = sum(&rows);
        assert_nearest(got.to_f64(), &exact, 1074, 1);
        prop_assert_eq!(got.is_zero(), exact == BigInt::ZERO);
    }

    #[test]
    fn sums_do_not_know_order_or_parts(a in rows1(), b in rows1(), c in rows1(), by in any::<u64>()) {
        let mut all = [a.clone(), b.clone(), c.clone()].concat();
        let whole = sum(&all);
        shuffle(&mut all, by);
        prop_assert_eq!(sum(&all).to_bytes(), whole.to_bytes());
        let (a, b, c) = (sum(&a), sum(&b), sum(&c));
        let mut left = a.clone();
        left.merge(&b);
        left.merge(&c);
        let mut right = c.clone();
        right.merge(&b);
        let mut outer = right.clone();
        outer.merge(&a);
        prop_assert_eq!(left.to_bytes(), whole.to_bytes());
        prop_assert_eq!(outer.to_bytes(), whole.to_bytes());
        left.retract(&a);
        prop_assert_eq!(&left, &right);
        prop_assert_eq!(left.to_bytes(), right.to_bytes());
        left.retract(&right);
        prop_assert_eq!(&left, &ExactSum::default());
        prop_assert_eq!(left.to_bytes(), ExactSum::default().to_bytes());
    }

    #[test]
    fn sums_come_back_from_their_bytes(rows in rows1()) {
        let s = sum(&rows);
        let bytes = s.to_bytes();
        let back = ExactSum::from_bytes(&bytes).unwrap();
        prop_assert_eq!(&back, &s);
        prop_assert_eq!(back.to_bytes(), bytes.clone());
        prop_assert!(ExactSum::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        if let Some(pair) = s.to_pair() {
            let mut again = ExactSum::default();
            again.push_pair(pair).unwrap();
            prop_assert_eq!(again, s);
        }
    }

    #[test]
    fn moments_are_the_nearest_doubles(rows in rows::<2>()) {
        let m: Moments2 = moments(&rows);
        let n: i128 = rows.iter().map(|&(w, _)| i128::from(w)).sum();
        prop_assert_eq!(m.n(), n);
        let s = |i: usize| rows.iter().map(|(w, xs)| big(xs[i]) * *w).sum::<BigInt>();
        let p = |i: usize, j: usize| rows.iter().map(|(w, xs)| big(xs[i]) * big(xs[j]) * *w).sum::<BigInt>();
        for i in 0..2 {
            assert_nearest(m.sum(i), &s(i), 1074, 1);
            if n == 0 || i64::try_from(n).is_err() || n == i128::from(i64::MIN) {
                prop_assert_eq!((m.mean(i), m.m2(i)), (None, None));
                continue;
            }
            assert_nearest(m.mean(i), &s(i), 1074, n);
            for j in 0..2 {
                assert_nearest(m.co(i, j), &(p(i, j) * n - s(i) * s(j)), 2148, n);
            }
        }
    }

    #[test]
    fn moments_do_not_know_order_or_parts(a in rows::<2>(), b in rows::<2>(), c in rows::<2>(), by in any::<u64>()) {
        check_algebra::<2, 3>(&a, &b, &c, by)?;
    }

    #[test]
    fn nor_with_one_variable(a in rows::<1>(), b in rows::<1>(), c in rows::<1>(), by in any::<u64>()) {
        check_algebra::<1, 1>(&a, &b, &c, by)?;
    }

    #[test]
    fn nor_with_four(a in rows::<4>(), b in rows::<4>(), c in rows::<4>(), by in any::<u64>()) {
        check_algebra::<4, 10>(&a, &b, &c, by)?;
    }

    #[test]
    fn integers_and_doubles_are_the_same_numbers(rows in prop::collection::vec((weight(), any::<[i32; 4]>()), 0..20)) {
        let (mut a, mut b) = (Moments4::default(), Moments4::default());
        for (w, xs) in rows {
            a.push_int(w, &xs.map(i64::from));
            b.push(w, &xs.map(f64::from)).unwrap();
        }
        prop_assert_eq!(a.to_bytes(), b.to_bytes());
    }

    #[test]
    fn long_integers_are_exact(rows in prop::collection::vec((weight(), any::<i64>()), 0..20)) {
        let mut m = Moments1::default();
        let mut s = ExactSum::default();
        rows.iter().for_each(|&(w, x)| m.push_int(w, &[x]));
        rows.iter().for_each(|&(_, x)| s.push_int(x));
        let sum: BigInt = rows.iter().map(|&(w, x)| BigInt::from(x) * w).sum();
        assert_nearest(m.sum(0), &(sum << 1074), 1074, 1);
        let sum: BigInt = rows.iter().map(|&(_, x)| BigInt::from(x)).sum();
        assert_nearest(s.to_f64(), &(sum << 1074), 1074, 1);
    }

    #[test]
    fn any_bytes_are_a_state_or_an_error(mut bytes in prop::collection::vec(any::<u8>(), 0..60), known in any::<bool>()) {
        if known && bytes.len() > 3 {
            bytes[..3].copy_from_slice(b"M\x01\x01");
        }
        if let Ok(m) = Moments1::from_bytes(&bytes) {
            prop_assert_eq!(m.to_bytes(), bytes.clone());
            let mut twice = m.clone();
            twice.merge(&m);
            twice.retract(&m);
            prop_assert_eq!(twice, m);
        }
        if known && bytes.len() > 2 {
            bytes[..2].copy_from_slice(b"S\x01");
        }
        if let Ok(s) = ExactSum::from_bytes(&bytes) {
            prop_assert_eq!(s.to_bytes(), bytes);
        }
    }

    #[test]
    fn welford_agrees_with_moments(xs in prop::collection::vec(-1e9..1e9_f64, 2..50), cut in 0..50_usize) {
        let mut exact = Moments1::default();
        xs.iter().for_each(|&x| exact.push(1, &[x]).unwrap());
        let (mut w, mut rest) = (Welford::default(), Welford::default());
        for (i, &x) in xs.iter().enumerate() {
            if i < cut { w.push(x, 1.0).unwrap() } else { rest.push(x, 1.0).unwrap() }
        }
        let before = w;
        w.merge(&rest);
        let close = |a: f64, b: f64| (a - b).abs() <= 1e-15 * b.abs().max(1.0);
        prop_assert!(close(w.m2().unwrap(), exact.m2(0).unwrap()));
        prop_assert!(close(w.mean().unwrap(), exact.mean(0).unwrap()));
        w.retract(&rest);
        prop_assert_eq!(w.weight(), before.weight());
        prop_assert!(close(w.mean().unwrap_or(0.0), before.mean().unwrap_or(0.0)));
        for &x in xs.iter().take(cut) {
            w.push(x, -1.0).unwrap();
        }
        prop_assert_eq!(w, Welford::default());
    }
}

fn check_algebra<const K: usize, const P: usize>(
    a: &[(i64, [f64; K])],
    b: &[(i64, [f64; K])],
    c: &[(i64, [f64; K])],
    by: u64,
) -> Result<(), TestCaseError> {
    let mut all = [a, b, c].concat();
    let whole: Moments<K, P> = moments(&all);
    shuffle(&mut all, by);
    prop_assert_eq!(moments::<K, P>(&all).to_bytes(), whole.to_bytes());
    let [a, b, c] = [a, b, c].map(moments::<K, P>);
    let mut left = a.clone();
    left.merge(&b);
    left.merge(&c);
    let mut right = c.clone();
    right.merge_bytes(&b.to_bytes()).unwrap();
    let mut outer = right.clone();
    outer.merge(&a);
    prop_assert_eq!(left.to_bytes(), whole.to_bytes());
    prop_assert_eq!(outer.to_bytes(), whole.to_bytes());
    let back = Moments::<K, P>::from_bytes(&whole.to_bytes()).unwrap();
    prop_assert_eq!(&back, &whole);
    prop_assert_eq!(back.to_bytes(), whole.to_bytes());
    left.retract(&a);
    prop_assert_eq!(&left, &right);
    prop_assert_eq!(left.to_bytes(), right.to_bytes());
    for (w, xs) in all {
        // The weight whose opposite is no i64 in two steps.
        outer.push(-(w / 2), &xs).unwrap();
        outer.push(-(w - w / 2), &xs).unwrap();
    }
    prop_assert_eq!(&outer, &Moments::default());
    prop_assert_eq!(outer.to_bytes(), Moments::<K, P>::default().to_bytes());
    Ok(())
}

#[test]
fn ten_million_adds_and_removes_end_where_a_fresh_pass_ends() {
    let mut state = 7;
    let mut m = Moments1::default();
    let mut left: Vec<f64> = Vec::new();
    for _ in 0..10_000_000 {
        let z = splitmix64(&mut state);
        if left.len() > 100_000 || (z.is_multiple_of(3) && !left.is_empty()) {
            let x = left.swap_remove((z >> 20) as usize % left.len());
            m.push(-1, &[x]).unwrap();
        } else {
            // Over sixty orders of magnitude.
            let x = unit_interval(splitmix64(&mut state)) * 10_f64.powi((z % 61) as i32 - 30);
            left.push(x);
            m.push(1, &[x]).unwrap();
        }
    }
    let mut fresh = Moments1::default();
    left.iter().for_each(|&x| fresh.push(1, &[x]).unwrap());
    assert_eq!(m.to_bytes(), fresh.to_bytes());
    left.iter().for_each(|&x| m.push(-1, &[x]).unwrap());
    assert_eq!(m, Moments1::default());
}

#[test]
fn the_states_of_version_1_are_these() {
    let mut s = ExactSum::default();
    s.push(-0.75).unwrap();
    assert_eq!(s.to_bytes(), [b'S', 1, 1, 2, 0x40, 0xff]);
    let mut m = Moments1::default();
    m.push(2, &[3.0]).unwrap();
    assert_eq!(m.to_bytes(), [b'M', 1, 1, 4, 0, 1, 6, 0, 1, 18]);
    assert_eq!(
        Moments2::from_bytes(&m.to_bytes()),
        Err(AccumError::State("another kind, shape or version"))
    );
}

#[test]
fn welford_refuses_what_is_not_finite_and_forgets_at_zero() {
    let mut w = Welford::default();
    w.push(0.1, 0.5).unwrap();
    let before = w;
    for (x, weight) in
        [(f64::NAN, 1.0), (1.0, f64::NAN), (f64::INFINITY, 1.0), (1.0, f64::INFINITY)]
    {
        assert_eq!(w.push(x, weight), Err(AccumError::NonFinite));
    }
    assert_eq!(w, before);
    assert_eq!((w.mean(), w.m2(), w.var_samp()), (Some(0.1), Some(0.0), None));
    w.push(7.0, -0.5).unwrap();
    assert_eq!(w, Welford::default());
    assert_eq!((w.mean(), w.m2()), (None, None));
    assert_eq!(Welford::from_state(before.to_state()), before);
}

#[test]
fn a_state_of_equal_values_is_added_as_a_row() {
    let (mut rows, mut states) = (Welford::default(), Welford::default());
    for (x, weight) in [(0.1, 1.0), (1e9, 2.5), (7.0, 1.0), (1e9, -2.5), (3.0, 0.0)] {
        rows.push(x, weight).unwrap();
        let mut one = Welford::default();
        one.push(x, weight).unwrap();
        states.merge_state(one.to_state());
        assert_eq!(states, rows);
    }
    let (mut merged, mut from_state) = (states, states);
    merged.merge(&Welford::from_state(rows.to_state()));
    from_state.merge_state(rows.to_state());
    assert_eq!(merged, from_state);
    assert_eq!((from_state.weight(), from_state.mean()), (4.0, rows.mean()));
}

#[test]
fn welford_follows_a_window_that_drifts() {
    // A window of a hundred values that climbs by its own spread with each: the first is left a million behind.
    let x = |i: i64| i as f64 + 0.1 * (i % 7) as f64;
    let (mut w, mut exact) = (Welford::default(), Moments1::default());
    for i in 0..1_000_000 {
        w.push(x(i), 1.0).unwrap();
        exact.push(1, &[x(i)]).unwrap();
        if i >= 100 {
            w.push(x(i - 100), -1.0).unwrap();
            exact.push(-1, &[x(i - 100)]).unwrap();
        }
        if i % 10_000 == 0 && i > 0 {
            let (got, want) = (w.m2().unwrap(), exact.m2(0).unwrap());
            assert!((got / want - 1.0).abs() < 1e-14, "{i}: {got} and not {want}");
            assert!((w.mean().unwrap() / exact.mean(0).unwrap() - 1.0).abs() < 1e-15);
        }
    }
}

#[test]
fn welford_takes_an_outlier_for_its_first_value() {
    let (mut w, mut exact) = (Welford::default(), Moments1::default());
    for x in std::iter::once(1e12).chain((0..1_000_000).map(|i| f64::from(i % 1000) * 0.001)) {
        w.push(x, 1.0).unwrap();
        exact.push(1, &[x]).unwrap();
    }
    assert!((w.m2().unwrap() / exact.m2(0).unwrap() - 1.0).abs() < 1e-15);
    assert!((w.mean().unwrap() / exact.mean(0).unwrap() - 1.0).abs() < 1e-15);
}

#[test]
fn welford_forgets_when_rows_come_back() {
    let mut w = Welford::default();
    w.push(0.1, -1.0).unwrap();
    w.push(0.1, 1.0).unwrap();
    assert_eq!(w, Welford::default());
}

/// Fisher and Yates.
fn shuffle<T>(items: &mut [T], mut state: u64) {
    for i in (1..items.len()).rev() {
        items.swap(i, (splitmix64(&mut state) % (i as u64 + 1)) as usize);
    }
}
