//! Score intervals of two proportions: for their difference and for their ratio.
//!
//! Both invert (difference from the hypothesis)² / variance = z², with the variance at the rates that are most likely
//! under the hypothesis and the factor N / (N - 1).
//!
//! Source: O. Miettinen & M. Nurminen, "Comparative analysis of two rates", Statistics in Medicine 4 (1985), 213-226,
//! equations (7)-(10); P. A. R. Koopman, Biometrics 40 (1984), 513-517.

use super::special::{bisect, find_root};
use super::two_proportion::{Proportion, difference as observed_difference};
use super::{Interval, MethodError, error::check_alpha};

/// Miettinen and Nurminen's interval of p_t - p_c.
pub(super) fn difference(control: Proportion, treatment: Proportion, z: f64) -> Interval {
    let d = observed_difference(control, treatment);
    let score = |hypothesis: f64| {
        let (v_c, v_t) = constrained_variances(control, treatment, hypothesis);
        standardised(d - hypothesis, (v_c + v_t) * bessel(control, treatment))
    };
    Interval {
        lower: find_root(|h| squash(score(h)) - squash(z), -1.0, d).unwrap_or(-1.0),
        upper: find_root(|h| squash(score(h)) + squash(z), d, 1.0).unwrap_or(1.0),
    }
}

/// Koopman's interval of p_t / p_c - 1; the upper bound is infinite when the control has no success.
///
/// # Errors
/// [`MethodError::BadAlpha`], counts as for [`interval`](super::two_proportion::interval), and
/// [`MethodError::ZeroDenominator`] when neither variant has a success.
///
/// # Example
/// No success in the control: how much larger the treatment's rate is has no upper end, and no method should give it one.
/// ```
/// use verdict_analysis::methods::{ratio_score_interval, two_proportion::Proportion};
///
/// let control = Proportion { successes: 0, n: 100 };
/// let interval = ratio_score_interval(control, Proportion { successes: 9, n: 100 }, 0.05)?;
/// assert!(interval.lower > 0.0 && interval.upper.is_infinite());
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn ratio_score_interval(
    control: Proportion,
    treatment: Proportion,
    alpha: f64,
) -> Result<Interval, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    check_alpha(alpha)?;
    if control.successes == 0 && treatment.successes == 0 {
        return Err(MethodError::ZeroDenominator {
            what: "the number of successes of both variants",
        });
    }
    let z = super::special::norm_isf(0.5 * alpha);
    let score = |ln_ratio: f64| ratio_score(control, treatment, ln_ratio);
    let lower = if treatment.successes == 0 {
        None
    } else {
        find_root(|r| squash(score(r)) - squash(z), -80.0, 80.0)
    };
    let upper = if control.successes == 0 {
        None
    } else {
        find_root(|r| squash(score(r)) + squash(z), -80.0, 80.0)
    };
    Ok(Interval {
        lower: lower.map_or(-1.0, f64::exp_m1),
        upper: upper.map_or(f64::INFINITY, f64::exp_m1),
    })
}

/// (p_t - R p_c) over its standard error at the most likely rates with p_t = R p_c.
fn ratio_score(control: Proportion, treatment: Proportion, ln_ratio: f64) -> f64 {
    let ratio = ln_ratio.exp();
    let (n_c, n_t) = (control.n as f64, treatment.n as f64);
    let (x_c, x_t) = (control.successes as f64, treatment.successes as f64);
    // The likelihood equation is N R p² - B p + X = 0; its smaller root, without cancellation.
    let b = n_c + x_t + ratio * (n_t + x_c);
    let product = 4.0 * ratio * (n_c + n_t) * (x_c + x_t);
    let p_c = (2.0 * (x_c + x_t) / (b + (b * b - product).max(0.0).sqrt())).min(1.0);
    let p_t = (ratio * p_c).min(1.0);
    let variance = p_t * (1.0 - p_t) / n_t + ratio * ratio * p_c * (1.0 - p_c) / n_c;
    standardised(treatment.rate() - ratio * control.rate(), variance * bessel(control, treatment))
}

/// p q / n of both variants at the most likely rates with p_t - p_c = `d`.
fn constrained_variances(control: Proportion, treatment: Proportion, d: f64) -> (f64, f64) {
    let (n_c, n_t) = (control.n as f64, treatment.n as f64);
    let (x_c, x_t) = (control.successes as f64, treatment.successes as f64);
    let (y_c, y_t) =
        ((control.n - control.successes) as f64, (treatment.n - treatment.successes) as f64);
    let term = |count: f64, rate: f64| if count == 0.0 { 0.0 } else { count / rate };
    // The slope of the log likelihood falls in p_c; its root is the maximum, or the end that it does not reach. The
    // closed form of the cubic loses half of the digits for rare outcomes.
    let rising =
        |p: f64| term(x_c, p) + term(x_t, p + d) > term(y_c, 1.0 - p) + term(y_t, 1.0 - p - d);
    let p_c = bisect(rising, (-d).max(0.0), (1.0 - d).min(1.0));
    let p_t = (p_c + d).clamp(0.0, 1.0);
    (p_c * (1.0 - p_c) / n_c, p_t * (1.0 - p_t) / n_t)
}

/// N / (N - 1).
fn bessel(control: Proportion, treatment: Proportion) -> f64 {
    let n = control.n as f64 + treatment.n as f64;
    n / (n - 1.0)
}

/// A distance in standard errors; infinite where the hypothesis is impossible.
fn standardised(distance: f64, variance: f64) -> f64 {
    if distance == 0.0 { 0.0 } else { (distance / variance.sqrt()).clamp(-1e300, 1e300) }
}

/// The whole line into (-1, 1): the root finder must not see the infinities at impossible hypotheses.
fn squash(score: f64) -> f64 {
    score / (1.0 + score.abs())
}
