//! The exact power of the pooled z test of two proportions, by counting.
//!
//! P(reject) = Σ over x_c of P(x_c) P(x_t rejects | x_c): the test as it is run, with no approximation of its distribution.
//! It moves up and down as units are added one by one, since counts are whole; a sample size is therefore planned by the
//! formula, and this is what it then gives.
//!
//! Source: S. Suissa & J. J. Shuster, "Exact unconditional sample sizes for the 2 × 2 binomial trial", J. R. Statist. Soc. A
//! 148 (1985), 317-327, where the rejection region is that of the pooled z test.

use super::{Design, Sides};
use crate::methods::MethodError;
use crate::methods::error::{check_alpha, check_at_least, check_probability};
use crate::methods::special::{binomial_ppf, binomial_tails, norm_isf};
use crate::methods::two_proportion::{Proportion, difference, pooled_std_error};

/// The chance that the pooled z test rejects, both tails counted for a two-sided one; of `design`, the ratio is not used.
///
/// # Errors
/// [`MethodError::BadAlpha`], [`MethodError::BadProbability`], [`MethodError::TooFew`] without units, and
/// [`MethodError::TooLarge`] beyond about 20,000 likely counts in the control (then the normal formula is exact enough).
///
/// # Example
/// The 49,777 units a variant of a published plan for 3.2% against 3.52%.
/// ```
/// use verdict_analysis::methods::power::{Design, Sides, binomial::exact_power};
///
/// let power = exact_power([0.032, 0.0352], [49_777, 49_777], &Design::even(0.05, Sides::Two))?;
/// assert_eq!(format!("{power:.3}"), "0.800");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn exact_power(rates: [f64; 2], n: [u64; 2], design: &Design) -> Result<f64, MethodError> {
    const LIMIT: u64 = 20_000;
    check_alpha(design.alpha)?;
    let ([p_c, p_t], [n_c, n_t]) = (rates, n);
    check_probability("the control rate", p_c)?;
    check_probability("the treatment rate", p_t)?;
    check_at_least("units in the control", n_c, 1)?;
    check_at_least("units in the treatment", n_t, 1)?;
    // Counts less likely than this in all add nothing that shows.
    let first = binomial_ppf(1e-13, n_c, p_c).unwrap_or(0);
    let last = binomial_ppf(1.0 - 1e-13, n_c, p_c).unwrap_or(n_c).min(n_c);
    if last - first > LIMIT {
        let (what, size) = ("the number of likely counts", last - first);
        return Err(MethodError::TooLarge { what, size, limit: LIMIT });
    }
    let critical = norm_isf(design.sides.tail_alpha(design.alpha));
    let (up, down) = match design.sides {
        Sides::Two => (true, true),
        Sides::One => (p_t >= p_c, p_t < p_c),
    };
    let mut power = 0.0;
    let mut before = if first == 0 { 0.0 } else { binomial_tails(first - 1, n_c, p_c).lower() };
    for x_c in first..=last {
        let control = Proportion { successes: x_c, n: n_c };
        let z = |x_t: u64| {
            let treatment = Proportion { successes: x_t, n: n_t };
            let std_error = pooled_std_error(control, treatment);
            // No outcome anywhere, or all of them: there is no test, and no rejection.
            if std_error > 0.0 { difference(control, treatment) / std_error } else { 0.0 }
        };
        let mut rejects = 0.0;
        // z rises with the successes of the treatment: rejections are the counts beyond one threshold each way.
        if up {
            let least = first_true(n_t, |x_t| z(x_t) >= critical);
            rejects += match least {
                Some(0) => 1.0,
                Some(x) => binomial_tails(x - 1, n_t, p_t).upper(),
                None => 0.0,
            };
        }
        if down {
            let beyond = first_true(n_t, |x_t| z(x_t) > -critical);
            rejects += match beyond {
                Some(0) => 0.0,
                Some(x) => binomial_tails(x - 1, n_t, p_t).lower(),
                None => 1.0,
            };
        }
        let up_to_here = binomial_tails(x_c, n_c, p_c).lower();
        power += (up_to_here - before).max(0.0) * rejects;
        before = up_to_here;
    }
    Ok(power.clamp(0.0, 1.0))
}

/// The smallest count up to `n` for which a condition holds that, once true, stays true.
fn first_true(n: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    if !holds(n) {
        return None;
    }
    let (mut low, mut high) = (0, n);
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) { high = middle } else { low = middle + 1 }
    }
    Some(low)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every table of two small groups, with the test spelled out.
    fn by_tables(p: [f64; 2], n: [u64; 2], critical: f64, up: bool, down: bool) -> f64 {
        let mass = |k: u64, n: u64, p: f64| {
            let ways: f64 = (0..k).map(|i| (n - i) as f64 / (i + 1) as f64).product();
            ways * p.powi(k as i32) * (1.0 - p).powi((n - k) as i32)
        };
        let mut power = 0.0;
        for c in 0..=n[0] {
            for t in 0..=n[1] {
                let (n_c, n_t) = (n[0] as f64, n[1] as f64);
                let pooled = (c + t) as f64 / (n_c + n_t);
                let se = (pooled * (1.0 - pooled) * (1.0 / n_c + 1.0 / n_t)).sqrt();
                let z = if se > 0.0 { (t as f64 / n_t - c as f64 / n_c) / se } else { 0.0 };
                if (up && z >= critical) || (down && z <= -critical) {
                    power += mass(c, n[0], p[0]) * mass(t, n[1], p[1]);
                }
            }
        }
        power
    }

    #[test]
    fn it_is_the_sum_over_all_tables() {
        for (p, n) in [
            ([0.2, 0.5], [12, 17]),
            ([0.5, 0.5], [30, 30]),
            ([0.9, 0.4], [8, 25]),
            ([0.0, 1.0], [5, 5]),
        ] {
            let two = exact_power(p, n, &Design::even(0.05, Sides::Two)).expect("a power");
            assert!(
                (two - by_tables(p, n, 1.959_963_984_540_054, true, true)).abs() < 1e-11,
                "{p:?}"
            );
            let one = exact_power(p, n, &Design::even(0.05, Sides::One)).expect("a power");
            let up = p[1] >= p[0];
            assert!(
                (one - by_tables(p, n, 1.644_853_626_951_472_2, up, !up)).abs() < 1e-11,
                "{p:?}"
            );
        }
    }

    #[test]
    fn without_an_effect_it_is_the_size_of_the_test() {
        // Close to alpha for large groups; for 10 against 10 whole counts keep it below.
        let size =
            |n| exact_power([0.5, 0.5], [n, n], &Design::even(0.05, Sides::Two)).expect("a size");
        assert!((size(2_000) - 0.05).abs() < 0.002, "{}", size(2_000));
        assert!(size(10) < 0.05, "{}", size(10));
    }

    #[test]
    fn too_many_counts_are_refused() {
        let huge = exact_power([0.5, 0.5], [1 << 40, 1 << 40], &Design::even(0.05, Sides::Two));
        assert!(matches!(huge, Err(MethodError::TooLarge { .. })), "{huge:?}");
    }
}
