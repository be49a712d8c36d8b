//! Confidence sequences: intervals that hold at every look at once.
//!
//! The asymptotic sequence of a difference with N units and s² = N V: D ± s sqrt(2 (N r² + 1)/(N² r²) ln(sqrt(N
//! r² + 1)/alpha)), r² = (-2 ln alpha + ln(1 - 2 ln alpha))/N* tight at N* units. It is the mSPRT interval with
//! mixing variance r² s².
//!
//! The tuning is stated as the number of units N* at which the sequence is tightest in standard errors (of a
//! fixed-horizon interval it is 1.55 times as wide there, at 5%). The formula for r² takes the first step of an
//! iteration, so that the exact place is 3% later; the width is the same to 0.05%. Any tuning fixed beforehand is
//! valid.
//!
//! Valid for large samples; skip the first looks. Wider than a fixed-horizon interval by half or more: the price of
//! unlimited looks. With few planned looks a group-sequential design is cheaper.
//!
//! Sources: I. Waudby-Smith, D. Arbour, R. Sinha, E. H. Kennedy & A. Ramdas, Ann. Statist. 52 (2024), 2613-2640,
//! equation (12); S. R. Howard, A. Ramdas, J. McAuliffe & J. Sekhon, Ann. Statist. 49 (2021), 1055-1080,
//! equations (14) and (3.7).

use super::boundary::Sides;
use super::mixture::Mixture;
use crate::methods::error::{check_alpha, check_finite, check_not_negative, check_positive};
use crate::methods::special::{find_root, ln_beta, norm_ln_sf};
use crate::methods::two_proportion::Proportion;
use crate::methods::{Interval, MethodError};

/// One look at a confidence sequence of a difference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct AsymptoticLook {
    /// The tuning parameter r.
    pub rho: f64,
    /// The interval.
    pub interval: Interval,
    /// The logarithm of the e-value against no difference.
    pub ln_e_value: f64,
    /// min(1, 1/e).
    pub p_value: f64,
    /// The natural logarithm of the p-value.
    pub log_p_value: f64,
}

/// The asymptotic confidence sequence of an effect with variance V from N units, tight at `tuning` units.
///
/// # Errors
/// [`MethodError::NotPositive`] for variance, units or tuning that are not, [`MethodError::NotFinite`],
/// [`MethodError::BadAlpha`], [`MethodError::Overflow`].
///
/// # Example
/// ```
/// use verdict_analysis::methods::sequential::confidence_sequence::asymptotic;
///
/// let look = asymptotic(0.47, 0.08336, 4_100.0, 5_000.0, 0.05)?;
/// assert_eq!(format!("{:.3} to {:.3}", look.interval.lower, look.interval.upper), "-0.408 to 1.348");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn asymptotic(
    effect: f64,
    variance: f64,
    units: f64,
    tuning: f64,
    alpha: f64,
) -> Result<AsymptoticLook, MethodError> {
    check_alpha(alpha)?;
    check_finite("the effect", effect)?;
    check_positive("the variance of the effect", variance)?;
    check_positive("the number of units", units)?;
    check_positive("the number of units to be tight at", tuning)?;
    let rho_squared = rho_squared(tuning, alpha);
    let mixture = Mixture::new(units * rho_squared, Sides::Two)?;
    let ln_e_value = mixture.ln_ratio(effect / variance.sqrt());
    let half_width = mixture.bound(alpha)? * variance.sqrt();
    let interval = Interval { lower: effect - half_width, upper: effect + half_width };
    if !(interval.lower.is_finite() && interval.upper.is_finite()) {
        return Err(MethodError::Overflow { what: "the confidence sequence" });
    }
    let log_p_value = (-ln_e_value).min(0.0);
    Ok(AsymptoticLook {
        rho: rho_squared.sqrt(),
        interval,
        ln_e_value,
        p_value: log_p_value.exp(),
        log_p_value,
    })
}

/// r²: the growth a unit brings when the sequence is to be tight at `tuning` units.
pub(crate) fn rho_squared(tuning: f64, alpha: f64) -> f64 {
    let u = -2.0 * alpha.ln();
    (u + u.ln_1p()) / tuning
}

/// A normal mixture: the supermartingale whose level sets are the bounds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum NormalMixture {
    /// For |S_t|, with this precision rho.
    TwoSided(f64),
    /// For S_t upwards.
    OneSided(f64),
}

impl NormalMixture {
    /// The two-sided mixture whose bound at level `alpha` is tightest at intrinsic time `v`.
    ///
    /// # Errors
    /// [`MethodError::NotPositive`] for the time, [`MethodError::BadAlpha`].
    pub fn two_sided(v: f64, alpha: f64) -> Result<Self, MethodError> {
        check_positive("the intrinsic time", v)?;
        check_alpha(alpha)?;
        let u = -2.0 * alpha.ln();
        Ok(Self::TwoSided(v / (u + u.ln_1p())))
    }

    /// The one-sided mixture whose bound at level `alpha` is tightest at intrinsic time `v`: tuned as for twice alpha.
    ///
    /// # Errors
    /// As for [`NormalMixture::two_sided`], with alpha below one half.
    pub fn one_sided(v: f64, alpha: f64) -> Result<Self, MethodError> {
        match Self::two_sided(v, 2.0 * alpha)? {
            Self::TwoSided(rho) | Self::OneSided(rho) => Ok(Self::OneSided(rho)),
        }
    }

    /// rho: the prior precision of the mixture.
    #[must_use]
    pub fn rho(&self) -> f64 {
        let (Self::TwoSided(rho) | Self::OneSided(rho)) = self;
        *rho
    }

    /// The logarithm of the mixture at sum s and intrinsic time v.
    #[must_use]
    pub fn ln_value(&self, s: f64, v: f64) -> f64 {
        let spread = v + self.rho();
        let two_sided = 0.5 * ((self.rho() / spread).ln() + s * s / spread);
        match self {
            Self::TwoSided(_) => two_sided,
            Self::OneSided(_) => {
                two_sided + std::f64::consts::LN_2 + norm_ln_sf(-s / spread.sqrt())
            }
        }
    }

    /// The bound that |S_t|, or S_t, stays below at all times with probability 1 - alpha.
    ///
    /// # Errors
    /// [`MethodError::Negative`] for the time, [`MethodError::BadAlpha`].
    pub fn bound(&self, v: f64, alpha: f64) -> Result<f64, MethodError> {
        check_alpha(alpha)?;
        check_not_negative("the intrinsic time", v)?;
        let spread = v + self.rho();
        let two_sided = (spread * ((spread / self.rho()).ln() - 2.0 * alpha.ln())).sqrt();
        match self {
            Self::TwoSided(_) => Ok(two_sided),
            Self::OneSided(_) => {
                // ln 2 more than the two-sided mixture at most, and never less than -infinity at large negative sums.
                let gap = |s: f64| self.ln_value(s, v) + alpha.ln();
                find_root(gap, -two_sided - 1.0, two_sided + 1.0)
                    .ok_or(MethodError::Overflow { what: "the bound" })
            }
        }
    }
}

/// The confidence sequence of one rate from a beta-binomial mixture, tuned for `t_opt` units.
///
/// # Errors
/// Those of the counts, [`MethodError::NotPositive`] for `t_opt`, [`MethodError::BadAlpha`].
pub fn bernoulli(data: Proportion, t_opt: f64, alpha: f64) -> Result<Interval, MethodError> {
    data.check("the group")?;
    check_alpha(alpha)?;
    check_positive("the number of units to be tight at", t_opt)?;
    let (k, n) = (data.successes as f64, data.n as f64);
    // The logarithm of the mixture against the rate p, less its limit.
    let excess = |p: f64| {
        let (g, h) = (p, 1.0 - p);
        let v_opt = t_opt * g * h;
        // Tuned at 5%, whatever the level of the interval.
        let u = -2.0 * 0.05_f64.ln();
        let rho = v_opt / (u + u.ln_1p());
        let r = (rho - g * h).max(1e-3 * g * h);
        // With g + h = 1 the posterior is beta around p with r/(g h) prior units.
        let (a, b) = (r / h, r / g);
        let ln_ratio = ln_beta(a + k, b + n - k) - ln_beta(a, b);
        ln_ratio - k * g.ln() - (n - k) * h.ln() + alpha.ln()
    };
    let mean = data.rate();
    let bounded = |x: f64| x / (1.0 + x.abs());
    let edge = 1e-12_f64;
    let lower = if data.successes == 0 {
        None
    } else {
        find_root(|p| bounded(excess(p)), edge, mean.min(1.0 - edge))
    };
    let upper = if data.successes == data.n {
        None
    } else {
        find_root(|p| bounded(excess(p)), mean.max(edge), 1.0 - edge)
    };
    Ok(Interval { lower: lower.unwrap_or(0.0), upper: upper.unwrap_or(1.0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_is_tightest_where_it_is_tuned() {
        // In units of the standard error the width is least where g = ln(1 + g) - 2 ln alpha (its derivative in
        // g is zero), which is g = 8.2 at 5%. The formula for r² starts that iteration at ln(1 - 2 ln alpha): 3%
        // below.
        let width = |n: f64| {
            let look = asymptotic(0.0, 1.0, n, 5_000.0, 0.05).expect("a look");
            look.interval.upper
        };
        let tightest =
            (1..=400).map(|i| f64::from(i) * 50.0).min_by(|a, b| width(*a).total_cmp(&width(*b)));
        let tightest = tightest.expect("a number of units");
        assert!((5_000.0..=5_250.0).contains(&tightest), "{tightest}");
        assert!(width(5_000.0) / width(tightest) < 1.000_5);
        assert!(width(500.0) > 1.1 * width(tightest) && width(50_000.0) > 1.04 * width(tightest));
    }
}
