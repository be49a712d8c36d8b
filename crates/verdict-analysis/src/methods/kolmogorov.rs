//! Whether p-values are uniform: the one-sample test of Kolmogorov and Smirnov against the uniform law.
//!
//! D = max |F_n(x) - x| over the sorted values, and P(D > d) = 2 Σ_k (-1)^(k-1) exp(-2 k² λ²) with λ = d (√n + 0.12 + 0.11/√n),
//! Stephens' form of Kolmogorov's limit, good to about 1% of p for n of 20 and more.
//!
//! Assumes independent values of a continuous law: p-values of counts take few values and are told apart from uniform
//! ones when there are many of them.
//!
//! Source: M. A. Stephens, "Use of the Kolmogorov-Smirnov, Cramér-von Mises and related statistics without extensive
//! tables", J. R. Stat. Soc. B 32 (1970), 115-122.

use super::MethodError;
use super::error::{check_at_least, check_probability};

/// The distance of values from the uniform law.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Uniformity {
    /// The largest distance between their distribution function and the uniform one.
    pub d: f64,
    /// How many values.
    pub n: u64,
    /// P(a distance at least as large | uniform).
    pub p_value: f64,
}

/// Tests values in [0, 1] for uniformity.
///
/// # Errors
/// [`MethodError::TooFew`] below five values, [`MethodError::BadProbability`] for one outside [0, 1].
///
/// # Example
/// ```
/// use verdict_analysis::methods::kolmogorov::uniformity;
///
/// let even: Vec<f64> = (0..100).map(|i| (f64::from(i) + 0.5) / 100.0).collect();
/// assert!((uniformity(&even)?.d - 0.005).abs() < 1e-12);
/// assert!(uniformity(&even.iter().map(|p| p * p).collect::<Vec<_>>())?.p_value < 1e-4);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn uniformity(values: &[f64]) -> Result<Uniformity, MethodError> {
    check_at_least("values", values.len() as u64, 5)?;
    values.iter().try_for_each(|value| check_probability("a value", *value))?;
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len() as f64;
    let distance = |(i, x): (usize, &f64)| ((i + 1) as f64 / n - x).max(x - i as f64 / n);
    let d = sorted.iter().enumerate().map(distance).fold(0.0, f64::max);
    let root = n.sqrt();
    Ok(Uniformity { d, n: values.len() as u64, p_value: upper(d * (root + 0.12 + 0.11 / root)) })
}

/// The upper tail of Kolmogorov's law.
fn upper(lambda: f64) -> f64 {
    if lambda < 0.3 {
        // Above 0.99999 the alternating series is of no use.
        return 1.0;
    }
    let term = |k: i32| {
        let sign = if k % 2 == 1 { 2.0 } else { -2.0 };
        sign * (-2.0 * f64::from(k * k) * lambda * lambda).exp()
    };
    (1..=20).map(term).sum::<f64>().clamp(0.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Smirnov's table of the limiting law: 10%, 5% and 1% at 1.2238, 1.3581 and 1.6276.
    #[test]
    fn the_limiting_law_is_the_tabulated_one() {
        for (lambda, p) in [(1.2238, 0.1), (1.3581, 0.05), (1.6276, 0.01), (0.8276, 0.5)] {
            assert!((upper(lambda) - p).abs() < 2e-4, "{lambda}: {}", upper(lambda));
        }
        assert_eq!((upper(0.0), upper(40.0)), (1.0, 0.0));
    }

    /// Of n = 20 the exact 5% point is 0.29408 (Miller 1956).
    #[test]
    fn few_values_are_near_the_exact_table() {
        let root = 20_f64.sqrt();
        let p = upper(0.29408 * (root + 0.12 + 0.11 / root));
        assert!((p - 0.05).abs() < 0.001, "{p}");
    }

    #[test]
    fn the_distance_is_the_largest_on_either_side() {
        let of = |values: &[f64]| uniformity(values).unwrap().d;
        assert!((of(&[0.0, 0.1, 0.2, 0.3, 0.4]) - 0.6).abs() < 1e-15);
        assert!((of(&[0.6, 0.7, 0.8, 0.9, 1.0]) - 0.6).abs() < 1e-15);
        assert!(uniformity(&[0.5; 4]).is_err() && uniformity(&[1.5; 6]).is_err());
    }
}
