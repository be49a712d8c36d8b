//! Exact tests of counts: two-sided binomial and hypergeometric p-values by the probabilities of single outcomes.

use super::special::{binomial_tails, deviance, stirling_error};

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// The probability, under Binomial(n, p), of all counts no likelier than `k`.
pub(super) fn binomial_two_sided(k: u64, n: u64, p: f64) -> f64 {
    // A relative slack lets outcomes tie that differ in rounding only.
    let limit = ln_binomial(k, n, p) + 1e-7;
    let mean = n as f64 * p;
    let unlikely = |j: u64| ln_binomial(j, n, p) <= limit;
    let at = |tails: super::special::Tails| (tails.lower(), tails.upper());
    if (k as f64) < mean {
        // The first count above the mean that is no likelier.
        let other = first(mean.ceil() as u64, n + 1, unlikely);
        let upper = if other > n { 0.0 } else { at(binomial_tails(other - 1, n, p)).1 };
        (at(binomial_tails(k, n, p)).0 + upper).min(1.0)
    } else if k as f64 > mean {
        // One past the last count below the mean that is no likelier.
        let past = first(0, mean.floor() as u64 + 1, |j| !unlikely(j));
        let lower = if past == 0 { 0.0 } else { at(binomial_tails(past - 1, n, p)).0 };
        (at(binomial_tails(k - 1, n, p)).1 + lower).min(1.0)
    } else {
        1.0
    }
}

/// The p-values of Fisher's exact test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct FisherExact {
    /// The probability of all tables no likelier than the observed one.
    pub two_sided: f64,
    /// The probability of a first cell at least as large.
    pub greater: f64,
    /// The probability of a first cell at most as large.
    pub less: f64,
}

/// Fisher's test of a table [[k, row - k], [column - k, …]] with `total` units: k is hypergeometric given the margins.
pub(super) fn hypergeometric(k: u64, row: u64, column: u64, total: u64) -> FisherExact {
    let lowest = (row + column).saturating_sub(total);
    let highest = row.min(column);
    let mode = (((row as f64 + 1.0) * (column as f64 + 1.0) / (total as f64 + 2.0)) as u64)
        .clamp(lowest, highest);
    let ln_p = |k: u64| ln_hypergeometric(k, row, column, total);
    let here = ln_p(k);
    // P(K = j+1) / P(K = j).
    let up = |j: u64| {
        (row - j) as f64 * (column - j) as f64
            / ((j + 1) as f64 * (total + j + 1 - row - column) as f64)
    };
    // Each tail is summed outwards from its largest term; towards the mode it is the complement.
    let upper_from = |start: u64| {
        let mut sum = 1.0;
        let mut term = 1.0;
        for j in start..highest {
            term *= up(j);
            sum += term;
            if term < sum * 1e-18 {
                break;
            }
        }
        ln_p(start).exp() * sum
    };
    let lower_from = |start: u64| {
        let mut sum = 1.0;
        let mut term = 1.0;
        for j in (lowest..start).rev() {
            term /= up(j);
            sum += term;
            if term < sum * 1e-18 {
                break;
            }
        }
        ln_p(start).exp() * sum
    };
    let limit = here + 1e-13 * here.abs().max(1.0);
    let (greater, less, two_sided);
    if k >= mode {
        greater = upper_from(k);
        less = 1.0 - greater + here.exp();
        let past = first(lowest, mode, |j| ln_p(j) > limit);
        two_sided = greater + if past == lowest { 0.0 } else { lower_from(past - 1) };
    } else {
        less = lower_from(k);
        greater = 1.0 - less + here.exp();
        let other = first(mode, highest + 1, |j| ln_p(j) <= limit);
        two_sided = less + if other > highest { 0.0 } else { upper_from(other) };
    }
    // At the mode every table is no likelier.
    let two_sided = if limit >= ln_p(mode) { 1.0 } else { two_sided };
    FisherExact {
        two_sided: two_sided.min(1.0),
        greater: greater.clamp(0.0, 1.0),
        less: less.clamp(0.0, 1.0),
    }
}

/// The first j in low..high at which `holds` turns true; `high` when it never does.
fn first(low: u64, high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (low, high);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    low
}

fn ln_hypergeometric(k: u64, row: u64, column: u64, total: u64) -> f64 {
    let p = column as f64 / total as f64;
    let q = (total - column) as f64 / total as f64;
    ln_binomial_raw(k as f64, row as f64, p, q)
        + ln_binomial_raw((column - k) as f64, (total - row) as f64, p, q)
        - ln_binomial_raw(column as f64, total as f64, p, q)
}

/// ln P(K = k) for K ~ Binomial(n, p).
fn ln_binomial(k: u64, n: u64, p: f64) -> f64 {
    ln_binomial_raw(k as f64, n as f64, p, 1.0 - p)
}

/// Loader's form of the binomial probability: no factorial is ever computed.
fn ln_binomial_raw(k: f64, n: f64, p: f64, q: f64) -> f64 {
    let power = |n: f64, rate: f64, other: f64| {
        if n == 0.0 {
            0.0
        } else if other < 0.1 {
            n * (-other).ln_1p()
        } else {
            n * rate.ln()
        }
    };
    if k == 0.0 {
        return power(n, q, p);
    }
    if k == n {
        return power(n, p, q);
    }
    let rest = n - k;
    stirling_error(n)
        - stirling_error(k)
        - stirling_error(rest)
        - deviance(k, n * p)
        - deviance(rest, n * q)
        + 0.5 * (n / k / rest).ln()
        - LN_SQRT_2PI
}
