//! Whether several estimates of one effect agree: Cochran's Q.
//!
//! With effects e_i of variances v_i, weights w_i = 1 / v_i and the weighted mean ē, Q = Σ w_i (e_i - ē)² follows chi-squared
//! with k - 1 degrees of freedom where all effects are the same. I² = max(0, 1 - (k - 1) / Q) is the share of their spread
//! that sampling does not explain.
//!
//! Assumes independent estimates (segments of different units) whose variances are known, so that each needs a hundred
//! units or so behind it. That effects differ does not say where, nor that the overall effect is wrong.
//!
//! Sources: W. G. Cochran, Biometrics 10 (1954), 101-129; J. P. T. Higgins & S. G. Thompson, Statistics in Medicine 21 (2002),
//! 1539-1558.

use super::MethodError;
use super::error::{check_at_least, check_finite, check_positive};
use super::special::{chi2_ln_sf, chi2_sf};

/// An estimate of an effect, with its standard error.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct EffectOf {
    /// The effect, in any unit.
    pub effect: f64,
    /// Its standard error, in the same unit; positive.
    pub std_error: f64,
}

/// The result of Cochran's test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heterogeneity {
    /// The statistic.
    pub q: f64,
    /// Its degrees of freedom: estimates - 1.
    pub df: u64,
    /// The p-value.
    pub p_value: f64,
    /// The natural logarithm of the p-value.
    pub log_p_value: f64,
    /// The mean of the effects, weighted by 1 / variance.
    pub pooled: f64,
    /// Its standard error, where all effects are the same.
    pub pooled_std_error: f64,
    /// The share of the spread that sampling does not explain, in [0, 1).
    pub i_squared: f64,
}

/// Tests whether all effects are the same.
///
/// # Errors
/// [`MethodError::TooFew`] below two effects, [`MethodError::NotFinite`] or [`MethodError::NotPositive`] for an effect or a
/// standard error that is none, [`MethodError::Overflow`].
///
/// # Example
/// Effects of 1, 2 and 4 with standard errors 1, 1 and 2: weights 1, 1 and 1/4, mean 16/9, Q = 17/9.
/// ```
/// use verdict_analysis::methods::heterogeneity::{EffectOf, cochran_q};
///
/// let of = |effect, std_error| EffectOf { effect, std_error };
/// let test = cochran_q(&[of(1.0, 1.0), of(2.0, 1.0), of(4.0, 2.0)])?;
/// assert!((test.pooled - 16.0 / 9.0).abs() < 1e-15);
/// assert!((test.q - 17.0 / 9.0).abs() < 1e-14);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn cochran_q(effects: &[EffectOf]) -> Result<Heterogeneity, MethodError> {
    check_at_least("effects", effects.len() as u64, 2)?;
    for of in effects {
        check_finite("an effect", of.effect)?;
        check_positive("the standard error of an effect", of.std_error)?;
    }
    // Weights by the smallest standard error, so that none overflows.
    let smallest = effects.iter().map(|of| of.std_error).fold(f64::INFINITY, f64::min);
    let weight = |of: &EffectOf| (smallest / of.std_error).powi(2);
    let total: f64 = effects.iter().map(weight).sum();
    let pooled = effects.iter().map(|of| weight(of) / total * of.effect).sum::<f64>();
    let q = effects.iter().map(|of| ((of.effect - pooled) / of.std_error).powi(2)).sum::<f64>();
    if !(q.is_finite() && pooled.is_finite()) {
        return Err(MethodError::Overflow { what: "the spread of the effects" });
    }
    let df = effects.len() as u64 - 1;
    let i_squared = if q > df as f64 { 1.0 - df as f64 / q } else { 0.0 };
    Ok(Heterogeneity {
        q,
        df,
        p_value: chi2_sf(q, df as f64),
        log_p_value: chi2_ln_sf(q, df as f64),
        pooled,
        pooled_std_error: smallest / total.sqrt(),
        i_squared,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(effect: f64, std_error: f64) -> EffectOf {
        EffectOf { effect, std_error }
    }

    /// Q = 17/9 on two degrees of freedom: p = exp(-17/18).
    #[test]
    fn three_effects_by_hand() {
        let test = cochran_q(&[of(1.0, 1.0), of(2.0, 1.0), of(4.0, 2.0)]).unwrap();
        assert!((test.p_value - (-17.0_f64 / 18.0).exp()).abs() < 1e-14, "{test:?}");
        assert!((test.pooled_std_error - 1.5_f64.recip()).abs() < 1e-15, "{test:?}");
        assert_eq!((test.df, test.i_squared), (2, 0.0));
    }

    /// Two effects: Q is the square of z of their difference.
    #[test]
    fn two_effects_are_a_z_test_of_their_difference() {
        let test = cochran_q(&[of(0.3, 0.1), of(-0.2, 0.2)]).unwrap();
        let z2 = 0.5 * 0.5 / (0.01 + 0.04);
        assert!((test.q - z2).abs() < 1e-12 && (test.i_squared - 0.8).abs() < 1e-12, "{test:?}");
    }

    #[test]
    fn what_is_no_estimate_is_refused() {
        assert!(cochran_q(&[of(1.0, 1.0)]).is_err());
        assert!(cochran_q(&[of(1.0, 1.0), of(1.0, 0.0)]).is_err());
        assert!(cochran_q(&[of(1.0, 1.0), of(f64::NAN, 1.0)]).is_err());
        assert!(cochran_q(&[of(1e300, 1e-300), of(-1e300, 1e-300)]).is_err());
    }
}
