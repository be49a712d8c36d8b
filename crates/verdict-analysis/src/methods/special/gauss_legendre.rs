//! Gauss-Legendre rules of any order up to [`MOST_NODES`].

use std::f64::consts::PI;
use std::sync::OnceLock;

/// The largest rule there is.
pub(crate) const MOST_NODES: usize = 64;

/// The nodes of the rule with `n` points on [-1, 1], ascending, with their weights: exact for polynomials of degree 2n -
/// 1. `n` is taken to lie between 1 and [`MOST_NODES`].
///
/// The nodes are the roots of the Legendre polynomial P_n, by Newton's method from Tricomi's approximation; weights 2 /
/// ((1 - x²) P_n'(x)²).
pub(crate) fn gauss_legendre(n: usize) -> &'static [(f64, f64)] {
    static RULES: OnceLock<Vec<Vec<(f64, f64)>>> = OnceLock::new();
    let rules = RULES.get_or_init(|| (1..=MOST_NODES).map(rule).collect());
    &rules[n.clamp(1, MOST_NODES) - 1]
}

fn rule(n: usize) -> Vec<(f64, f64)> {
    let order = n as f64;
    let node = |i: usize| {
        let mut x = -(PI * (i as f64 + 0.75) / (order + 0.5)).cos();
        for _ in 0..10 {
            let (value, slope) = legendre(n, x);
            let step = value / slope;
            x -= step;
            if step.abs() < 1e-16 {
                break;
            }
        }
        let (_, slope) = legendre(n, x);
        (x, 2.0 / ((1.0 - x * x) * slope * slope))
    };
    // The rule is symmetric; the middle of an odd one is zero exactly.
    let half: Vec<(f64, f64)> = (0..n / 2).map(node).collect();
    let middle = (n % 2 == 1).then(|| (0.0, node(n / 2).1));
    let mirrored = half.iter().rev().map(|(x, weight)| (-x, *weight));
    half.iter().copied().chain(middle).chain(mirrored).collect()
}

/// P_n(x) and its derivative.
fn legendre(n: usize, x: f64) -> (f64, f64) {
    let (mut before, mut value) = (1.0, x);
    for k in 2..=n {
        let k = k as f64;
        (before, value) = (value, ((2.0 * k - 1.0) * x * value - (k - 1.0) * before) / k);
    }
    (value, n as f64 * (x * value - before) / (x * x - 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_exact_for_the_polynomials_that_they_promise() {
        for n in 1..=MOST_NODES {
            let rule = gauss_legendre(n);
            assert_eq!(rule.len(), n);
            assert!(rule.windows(2).all(|pair| pair[0].0 < pair[1].0), "{n}");
            for degree in 0..2 * n {
                let sum: f64 = rule.iter().map(|(x, w)| w * x.powi(degree as i32)).sum();
                let integral = if degree % 2 == 1 { 0.0 } else { 2.0 / (degree as f64 + 1.0) };
                assert!((sum - integral).abs() < 1e-14, "{n} nodes, x^{degree}: {sum}");
            }
        }
        // Abramowitz & Stegun (1964), table 25.4: n = 3.
        assert!((gauss_legendre(3)[2].0 - 0.774_596_669_241_483).abs() < 1e-15);
        assert!((gauss_legendre(3)[1].1 - 0.888_888_888_888_889).abs() < 1e-15);
    }
}
