//! The mixture sequential probability ratio test (mSPRT) of a difference.
//!
//! With D the difference, V its variance and tau² the variance of the mixture of alternatives, ln L = (ln V -
//! ln(V + tau²))/2 + tau² D² / (2 V (V + tau²)). The always-valid p-value is the smallest 1/L so far, at most 1;
//! the interval D ± sqrt(V (V + tau²)/tau² [2 ln(1/alpha) + ln((V + tau²)/V)]), intersected over the looks, holds
//! at all of them at once.
//!
//! Everything is in logarithms: L itself overflows for strong effects, ln L for none. Any tau² > 0 keeps the
//! error rate; power is best with tau near the effect, so take the minimum effect of interest, in the metric's
//! unit. With the variance estimated the guarantee is asymptotic: skip the first looks (some hundred units). A
//! fixed-horizon sample size does not give this test the stated power.
//!
//! The level is that of looks with independent increments. For totals that keep growing the time of the mixture
//! is not 1/V: [`super::monitor`] takes the correlations between looks into account, by [`super::clock`].
//!
//! Sources: H. Robbins, Ann. Math. Statist. 41 (1970), 1397-1409; R. Johari, P. Koomen, L. Pekelis & D. Walsh,
//! "Peeking at A/B tests", KDD 2017, equation (11), and Operations Research 70 (2022), 1806-1821.

use super::boundary::Sides;
use super::mixture::Mixture;
use crate::methods::error::{check_alpha, check_finite, check_positive};
use crate::methods::{Interval, MethodError};

/// One look of the test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// ln L: the logarithm of the mixture likelihood ratio.
    pub ln_likelihood_ratio: f64,
    /// min(1, 1/L).
    pub p_value: f64,
    /// The natural logarithm of the p-value.
    pub log_p_value: f64,
    /// The interval at this look.
    pub interval: Interval,
}

/// The test at one look, from the difference and its variance.
///
/// # Errors
/// [`MethodError::NotPositive`] for a variance, of the difference or of the mixture, that is not positive,
/// [`MethodError::NotFinite`], [`MethodError::BadAlpha`], [`MethodError::Overflow`].
///
/// # Example
/// ```
/// use verdict_analysis::methods::sequential::msprt::look;
///
/// let look = look(0.0054, 4.3e-6, 0.0005, 0.05)?;
/// assert_eq!(format!("{:.4}", look.p_value), "0.3755");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn look(
    difference: f64,
    variance: f64,
    mixing_variance: f64,
    alpha: f64,
) -> Result<Look, MethodError> {
    check_alpha(alpha)?;
    check_finite("the difference", difference)?;
    check_positive("the variance of the difference", variance)?;
    check_positive("the mixing variance", mixing_variance)?;
    // tau²/V: everything depends on it and on the standardised difference alone.
    let mixture = Mixture::new(mixing_variance / variance, Sides::Two)?;
    let ln_likelihood_ratio = mixture.ln_ratio(difference / variance.sqrt());
    let half_width = mixture.bound(alpha)? * variance.sqrt();
    let log_p_value = (-ln_likelihood_ratio).min(0.0);
    let interval = Interval { lower: difference - half_width, upper: difference + half_width };
    if !(interval.lower.is_finite() && interval.upper.is_finite()) {
        return Err(MethodError::Overflow { what: "the interval" });
    }
    Ok(Look { ln_likelihood_ratio, p_value: log_p_value.exp(), log_p_value, interval })
}

/// The test up to some look: what the looks before it add.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sequence {
    /// The smallest p-value so far: it never rises.
    pub p_value: f64,
    /// Its natural logarithm.
    pub log_p_value: f64,
    /// The intersection of the intervals so far; empty (lower above upper) when looks contradict each other.
    pub interval: Interval,
}

impl Default for Sequence {
    fn default() -> Self {
        let interval = Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
        Self { p_value: 1.0, log_p_value: 0.0, interval }
    }
}

impl Sequence {
    /// The sequence after one more look.
    #[must_use]
    pub fn after(&self, look: &Look) -> Self {
        Self {
            p_value: self.p_value.min(look.p_value),
            log_p_value: self.log_p_value.min(look.log_p_value),
            interval: Interval {
                lower: self.interval.lower.max(look.interval.lower),
                upper: self.interval.upper.min(look.interval.upper),
            },
        }
    }
}
