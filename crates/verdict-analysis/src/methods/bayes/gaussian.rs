//! The normal posterior of an effect.
//!
//! Estimate e with variance v, prior N(m0, v0): the posterior is normal with precision 1/v + 1/v0 and the
//! precision-weighted mean. Chance to win Φ(mu/s); expected loss of shipping E[max(-effect, 0)] = s φ(mu/s) - mu Φ(-mu/s), of
//! staying with the control E[max(effect, 0)].
//!
//! Assumes a nearly normal estimate. Source: A. Gelman et al., Bayesian Data Analysis, 3rd ed. (2013), equation (2.10).

use crate::methods::error::{check_alpha, check_finite, check_positive};
use crate::methods::guardrail::Better;
use crate::methods::special::{mills_ratio, norm_cdf, norm_isf, norm_pdf, norm_sf};
use crate::methods::{Interval, MethodError};

/// What was believed of the effect before.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Prior {
    /// Every effect alike (improper).
    #[default]
    Flat,
    /// A normal belief on the scale of the effect.
    Normal {
        /// Its mean.
        mean: f64,
        /// Its variance.
        variance: f64,
    },
}

/// The posterior of an effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Posterior {
    /// The posterior mean.
    pub mean: f64,
    /// The posterior standard deviation.
    pub sd: f64,
}

/// The posterior of an effect estimated as `effect` with the given standard error.
///
/// # Errors
/// [`MethodError::ZeroVariance`] without a standard error, [`MethodError::NotPositive`] for a prior variance that is not
/// positive, [`MethodError::NotFinite`], [`MethodError::Overflow`].
///
/// # Example
/// ```
/// use verdict_analysis::methods::bayes::gaussian::{Prior, posterior};
/// use verdict_analysis::methods::guardrail::Better;
///
/// let posterior = posterior(0.0664, 0.0203, Prior::Normal { mean: 0.0, variance: 0.05 * 0.05 })?;
/// assert_eq!(format!("{:.4} ± {:.4}", posterior.mean, posterior.sd), "0.0570 ± 0.0188");
/// assert_eq!(format!("{:.4}", posterior.chance_to_win(Better::Higher)), "0.9988");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn posterior(effect: f64, std_error: f64, prior: Prior) -> Result<Posterior, MethodError> {
    check_finite("the effect", effect)?;
    check_finite("the standard error", std_error)?;
    if std_error == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric in both variants" });
    }
    check_positive("the standard error", std_error)?;
    let posterior = match prior {
        Prior::Flat => Posterior { mean: effect, sd: std_error },
        Prior::Normal { mean, variance } => {
            check_finite("the prior mean", mean)?;
            check_positive("the prior variance", variance)?;
            // Weights instead of precisions: neither square of a tiny number nor its inverse is formed.
            let prior_sd = variance.sqrt();
            let total = std_error.hypot(prior_sd);
            let (own, of_prior) = (prior_sd / total, std_error / total);
            Posterior { mean: effect * own * own + mean * of_prior * of_prior, sd: std_error * own }
        }
    };
    if posterior.mean.is_finite()
        && posterior.sd > 0.0
        && (posterior.mean / posterior.sd).is_finite()
    {
        Ok(posterior)
    } else {
        Err(MethodError::Overflow { what: "the posterior" })
    }
}

impl Posterior {
    /// The probability that the treatment is better.
    #[must_use]
    pub fn chance_to_win(&self, better: Better) -> f64 {
        self.chance_beyond(0.0, better)
    }

    /// The probability that the treatment is better by more than `threshold` (zero or more), on the scale of the effect.
    #[must_use]
    pub fn chance_beyond(&self, threshold: f64, better: Better) -> f64 {
        match better {
            Better::Higher => norm_sf((threshold - self.mean) / self.sd),
            Better::Lower => norm_cdf((-threshold - self.mean) / self.sd),
        }
    }

    /// The equal-tailed credible interval of probability 1 - alpha.
    ///
    /// # Errors
    /// [`MethodError::BadAlpha`].
    pub fn credible_interval(&self, alpha: f64) -> Result<Interval, MethodError> {
        check_alpha(alpha)?;
        Ok(Interval::around(self.mean, norm_isf(0.5 * alpha) * self.sd))
    }

    /// The expected loss of shipping the treatment: how much worse than the control it is on average, counting zero where
    /// it is better.
    #[must_use]
    pub fn loss_of_shipping(&self, better: Better) -> f64 {
        self.sd * mean_above_zero(-self.gain(better))
    }

    /// The expected loss of staying with the control.
    #[must_use]
    pub fn loss_of_staying(&self, better: Better) -> f64 {
        self.sd * mean_above_zero(self.gain(better))
    }

    /// The mean in standard deviations, positive when the treatment is better.
    fn gain(&self, better: Better) -> f64 {
        match better {
            Better::Higher => self.mean / self.sd,
            Better::Lower => -self.mean / self.sd,
        }
    }
}

/// E[max(Z + z, 0)] for a standard normal Z: φ(z) + z Φ(z).
fn mean_above_zero(z: f64) -> f64 {
    if z >= 0.0 {
        return norm_pdf(z) + z * norm_cdf(z);
    }
    // φ(x) - x sf(x) = φ(x) (1 - x mills(x)), which cancels like x^-2; from 20 on by its asymptotic series.
    let x = -z;
    let rest = if x < 20.0 {
        1.0 - x * mills_ratio(x)
    } else {
        let y = 1.0 / (x * x);
        y * (1.0 - 3.0 * y * (1.0 - 5.0 * y * (1.0 - 7.0 * y * (1.0 - 9.0 * y * (1.0 - 11.0 * y)))))
    };
    norm_pdf(x) * rest
}
