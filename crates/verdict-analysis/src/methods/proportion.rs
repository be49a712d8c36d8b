//! Intervals of one proportion.
//!
//! Wilson's is the default: the rates that the score test does not reject, near nominal coverage for any n. Wald's
//! has no width at 0 of n and covers poorly for small counts; Clopper and Pearson's never covers less than stated, and
//! therefore mostly more; Jeffreys' is the equal-tailed Bayesian interval under the prior Beta(1/2, 1/2).
//!
//! Source: L. D. Brown, T. T. Cai & A. DasGupta, "Interval estimation for a binomial proportion", Statistical Science 16
//! (2001), 101-133, equations (4) and (5) for Wilson and Agresti-Coull; E. B. Wilson, J. Am. Statist. Assoc. 22 (1927),
//! 209-212.

use super::error::{MethodError, check_alpha};
use super::special::{beta_ppf, norm_isf};
use super::{Interval, two_proportion::Proportion};

/// How the interval of one proportion is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OneProportionInterval {
    /// p ± z sqrt(p q / n), cut to [0, 1].
    Wald,
    /// The score interval.
    #[default]
    Wilson,
    /// Wald's interval around Wilson's centre, cut to [0, 1].
    AgrestiCoull,
    /// The "exact" interval from binomial tails.
    ClopperPearson,
    /// The equal-tailed credible interval under Beta(1/2, 1/2).
    Jeffreys,
}

/// The two-sided interval of one proportion at confidence 1 - alpha.
///
/// # Errors
/// [`MethodError::TooFew`] without units, [`MethodError::CountExceedsTotal`] and [`MethodError::BadAlpha`].
///
/// # Example
/// None of ten: Wilson still bounds the rate.
/// ```
/// use verdict_analysis::methods::{proportion::{OneProportionInterval, proportion_interval}, two_proportion::Proportion};
///
/// let interval =
///     proportion_interval(Proportion { successes: 0, n: 10 }, 0.05, OneProportionInterval::Wilson)?;
/// assert_eq!(format!("{:.3} to {:.3}", interval.lower, interval.upper), "0.000 to 0.278");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn proportion_interval(
    proportion: Proportion,
    alpha: f64,
    method: OneProportionInterval,
) -> Result<Interval, MethodError> {
    proportion.check("the group")?;
    check_alpha(alpha)?;
    let z = norm_isf(0.5 * alpha);
    let (x, n) = (proportion.successes as f64, proportion.n as f64);
    let failures = (proportion.n - proportion.successes) as f64;
    Ok(match method {
        OneProportionInterval::Wald => {
            clipped(proportion.rate(), z * proportion.variance_of_rate().sqrt())
        }
        OneProportionInterval::Wilson => {
            let (below, above) = wilson_arms(proportion, z);
            let rate = proportion.rate();
            // Near 0 and 1 the bound itself, not its distance from the rate, must be exact.
            Interval {
                lower: if proportion.successes == 0 {
                    0.0
                } else {
                    (rate - below).max(wilson_floor(x, n, z))
                },
                upper: if failures == 0.0 { 1.0 } else { rate + above },
            }
        }
        OneProportionInterval::AgrestiCoull => {
            let n_tilde = n + z * z;
            let p = (x + 0.5 * z * z) / n_tilde;
            let q = (failures + 0.5 * z * z) / n_tilde;
            clipped(p, z * (p * q / n_tilde).sqrt())
        }
        OneProportionInterval::ClopperPearson => Interval {
            lower: if proportion.successes == 0 {
                0.0
            } else {
                beta_ppf(0.5 * alpha, x, failures + 1.0)
            },
            upper: if failures == 0.0 {
                1.0
            } else {
                beta_ppf(1.0 - 0.5 * alpha, x + 1.0, failures)
            },
        },
        OneProportionInterval::Jeffreys => Interval {
            lower: beta_ppf(0.5 * alpha, x + 0.5, failures + 0.5),
            upper: beta_ppf(1.0 - 0.5 * alpha, x + 0.5, failures + 0.5),
        },
    })
}

/// The distances from the observed rate down and up to Wilson's limits, each without cancellation.
pub(crate) fn wilson_arms(proportion: Proportion, z: f64) -> (f64, f64) {
    let n = proportion.n as f64;
    let (p, q) = (proportion.rate(), proportion.failure_rate());
    let w = z * z / n;
    let root = z * (p * q / n + w / (4.0 * n)).sqrt();
    // rate - limit = (root + (p - 1/2) w) / (1 + w), and the mirror image for the upper limit.
    let lean = 0.5 * (p - q) * w;
    (((root + lean) / (1.0 + w)).max(0.0), ((root - lean) / (1.0 + w)).max(0.0))
}

/// Wilson's lower limit as the quotient p² / (...) of its quadratic's roots: exact for small rates.
fn wilson_floor(x: f64, n: f64, z: f64) -> f64 {
    let p = x / n;
    let w = z * z / n;
    let upper = (p + 0.5 * w + z * (p * (1.0 - p) / n + w / (4.0 * n)).sqrt()) / (1.0 + w);
    p * p / (upper * (1.0 + w))
}

fn clipped(centre: f64, half_width: f64) -> Interval {
    Interval { lower: (centre - half_width).max(0.0), upper: (centre + half_width).min(1.0) }
}
