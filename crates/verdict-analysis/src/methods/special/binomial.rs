//! The binomial distribution.

use super::{Tails, beta_tails, norm_ppf};

/// P(K <= k) for K ~ Binomial(n, p); NaN when p is outside [0, 1].
#[must_use]
pub fn binomial_cdf(k: u64, n: u64, p: f64) -> f64 {
    binomial_tails(k, n, p).lower()
}

/// P(K <= k) and P(K > k) for K ~ Binomial(n, p), as logarithms.
#[must_use]
pub fn binomial_tails(k: u64, n: u64, p: f64) -> Tails {
    if !(0.0..=1.0).contains(&p) {
        return Tails::NAN;
    }
    if k >= n {
        return Tails::ALL_LOWER;
    }
    // P(K > k) is the chance that the (k+1)-th smallest of n uniforms lies below p.
    beta_tails(p, 1.0 - p, k as f64 + 1.0, (n - k) as f64).swapped()
}

/// The smallest k with P(K <= k) >= q for K ~ Binomial(n, p); `None` when q or p is outside [0, 1].
#[must_use]
pub fn binomial_ppf(q: f64, n: u64, p: f64) -> Option<u64> {
    if !(0.0..=1.0).contains(&p) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    if q == 0.0 {
        return Some(0);
    }
    if q == 1.0 {
        return Some(if p == 0.0 { 0 } else { n });
    }
    let reaches = |k: u64| {
        let tails = binomial_tails(k, n, p);
        if q <= 0.5 { tails.lower() >= q } else { tails.upper() <= 1.0 - q }
    };
    let (mean, sd) = (n as f64 * p, (n as f64 * p * (1.0 - p)).sqrt());
    let guess = (mean + sd * norm_ppf(q)).max(0.0) as u64;
    let guess = guess.min(n);
    let mut reach = 1 + (0.1 * sd) as u64;
    let (mut low, mut high) = (guess, guess);
    // The answer lies in (low, high] unless it is 0.
    while reaches(low) {
        if low == 0 {
            return Some(0);
        }
        high = low;
        low = low.saturating_sub(reach);
        reach = reach.saturating_mul(2);
    }
    while !reaches(high) {
        low = high;
        high = high.saturating_add(reach).min(n);
        reach = reach.saturating_mul(2);
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if reaches(middle) { high = middle } else { low = middle }
    }
    Some(high)
}
