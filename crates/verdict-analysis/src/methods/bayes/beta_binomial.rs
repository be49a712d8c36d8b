//! Two rates with beta priors: exact posterior comparisons.
//!
//! The posterior of a rate is Beta(a0 + x, b0 + n - x). P(p_t > p_c) = ∫ f_c(x) S_t(x) dx; the expected loss of choosing the
//! treatment is E[max(p_c - p_t, 0)] = ∫ F_t(x) S_c(x) dx, and loss of the control less loss of the treatment is the
//! difference of the means. The integrals run over log odds, adaptively, with the panels laid along both posteriors, so that
//! they are as good for a billion units as for none.
//!
//! Assumes independent units and a prior stated beforehand: Beta(1, 1) is flat. Source: E. Miller, "Formulas for Bayesian
//! A/B testing" (2015), whose closed sums these integrals agree with; C. Stucchio, "Bayesian A/B testing at VWO" (2015).

use crate::methods::error::{check_alpha, check_positive};
use crate::methods::special::{Tails, beta_ppf, beta_tails, find_root, integrate, ln_beta_kernel};
use crate::methods::two_proportion::Proportion;
use crate::methods::{Interval, MethodError};

/// A beta distribution of a rate: prior or posterior.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Beta {
    /// The first parameter: successes plus those of the prior.
    pub alpha: f64,
    /// The second parameter: failures plus those of the prior.
    pub beta: f64,
}

impl Beta {
    /// The flat prior, Beta(1, 1).
    pub const FLAT: Self = Self { alpha: 1.0, beta: 1.0 };

    /// The posterior after `data`, with `self` as the prior.
    ///
    /// # Errors
    /// [`MethodError::NotPositive`] for a parameter of the prior that is not, [`MethodError::CountExceedsTotal`].
    pub fn updated(&self, data: Proportion) -> Result<Self, MethodError> {
        self.check()?;
        if data.successes > data.n {
            let (count, total) = (data.successes, data.n);
            return Err(MethodError::CountExceedsTotal { what: "the group", count, total });
        }
        Ok(Self {
            alpha: self.alpha + data.successes as f64,
            beta: self.beta + (data.n - data.successes) as f64,
        })
    }

    /// The mean rate.
    #[must_use]
    pub fn mean(&self) -> f64 {
        self.alpha / (self.alpha + self.beta)
    }

    /// The equal-tailed credible interval of the rate.
    ///
    /// # Errors
    /// [`MethodError::BadAlpha`], [`MethodError::NotPositive`].
    pub fn credible_interval(&self, alpha: f64) -> Result<Interval, MethodError> {
        check_alpha(alpha)?;
        self.check()?;
        Ok(Interval {
            lower: beta_ppf(0.5 * alpha, self.alpha, self.beta),
            upper: beta_ppf(1.0 - 0.5 * alpha, self.alpha, self.beta),
        })
    }

    fn check(&self) -> Result<(), MethodError> {
        check_positive("the first parameter of the beta distribution", self.alpha)?;
        check_positive("the second parameter of the beta distribution", self.beta)?;
        // Beyond this the posterior is narrower than the spacing of the numbers it would be computed with.
        if self.alpha + self.beta > 1e20 || self.alpha.min(self.beta) < 1e-3 {
            return Err(MethodError::Overflow {
                what: "a parameter of the beta distribution (1e-3 to 1e20)",
            });
        }
        Ok(())
    }

    fn tails(&self, at: Odds) -> Tails {
        beta_tails(at.x, at.y, self.alpha, self.beta)
    }

    /// The density over log odds.
    fn density(&self, at: Odds) -> f64 {
        ln_beta_kernel(at.x, at.y, self.alpha, self.beta).exp()
    }

    /// Points along the distribution in log odds: its centre and steps of its width on either side.
    fn landmarks(&self) -> impl Iterator<Item = f64> {
        let centre = (self.alpha / self.beta).ln();
        let width = (1.0 / self.alpha + 1.0 / self.beta).sqrt();
        let (a, b) = (self.alpha, self.beta);
        [-39.0, -20.0, -12.0, -8.0, -5.0, -3.0, -1.5, 0.0, 1.5, 3.0, 5.0, 8.0, 12.0, 20.0, 39.0]
            .into_iter()
            .map(move |k: f64| {
                // A few successes only: the tail falls like e^(a u), not like a normal one.
                let reach = if k < 0.0 { (40.0 / a).min(700.0) } else { (40.0 / b).min(700.0) };
                let step = if k.abs() > 10.0 {
                    (k * width).abs().max(reach * k.abs() / 39.0)
                } else {
                    (k * width).abs()
                };
                (centre + step.copysign(k)).clamp(-740.0, 740.0)
            })
    }
}

/// The comparison of two posteriors.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Comparison {
    /// P(p_t > p_c).
    pub treatment_better: f64,
    /// P(p_c > p_t).
    pub control_better: f64,
    /// E[max(p_c - p_t, 0)].
    pub loss_of_treatment: f64,
    /// E[max(p_t - p_c, 0)].
    pub loss_of_control: f64,
}

/// Compares two posteriors.
///
/// # Errors
/// [`MethodError::NotPositive`] or [`MethodError::NotFinite`] for parameters that are not, [`MethodError::Overflow`] for those
/// beyond 1e20 or below 1e-3.
///
/// # Example
/// ```
/// use verdict_analysis::methods::bayes::beta_binomial::{Beta, compare};
/// use verdict_analysis::methods::two_proportion::Proportion;
///
/// let control = Beta::FLAT.updated(Proportion { successes: 4_820, n: 50_000 })?;
/// let treatment = Beta::FLAT.updated(Proportion { successes: 5_140, n: 50_000 })?;
/// let comparison = compare(&control, &treatment)?;
/// assert_eq!(format!("{:.5}", comparison.treatment_better), "0.99964");
/// assert_eq!(format!("{:.2e}", comparison.loss_of_treatment), "1.78e-7");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn compare(control: &Beta, treatment: &Beta) -> Result<Comparison, MethodError> {
    control.check()?;
    treatment.check()?;
    // The probability and the loss of the lesser side are integrated; the greater side follows without cancellation.
    let treatment_leads = treatment.mean() >= control.mean();
    let (lesser, greater) =
        if treatment_leads { (control, treatment) } else { (treatment, control) };
    let edges = edges([control, treatment]);
    let upset = integrate(
        &|u| lesser.density(Odds::at(u)) * greater.tails(Odds::at(u)).lower(),
        &edges,
        1e-12,
    );
    let upset = upset.clamp(0.0, 1.0);
    let loss = |u: f64| {
        let at = Odds::at(u);
        (greater.tails(at).ln_lower + lesser.tails(at).ln_upper).exp() * at.x * at.y
    };
    let small_loss = integrate(&loss, &edges, 1e-12).max(0.0);
    let large_loss = small_loss + (greater.mean() - lesser.mean());
    let (treatment_better, control_better) =
        if treatment_leads { (1.0 - upset, upset) } else { (upset, 1.0 - upset) };
    let (loss_of_treatment, loss_of_control) =
        if treatment_leads { (small_loss, large_loss) } else { (large_loss, small_loss) };
    Ok(Comparison { treatment_better, control_better, loss_of_treatment, loss_of_control })
}

/// P(p_t - p_c > threshold): the chance to be better by more than a minimum effect.
///
/// # Errors
/// As for [`compare`]; [`MethodError::NotFinite`] for the threshold.
///
/// # Example
/// Two rates of which nothing is known differ by more than a half, one way, with probability 1/8.
/// ```
/// use verdict_analysis::methods::bayes::beta_binomial::{Beta, chance_beyond};
///
/// assert!((chance_beyond(&Beta::FLAT, &Beta::FLAT, 0.5)? - 0.125).abs() < 1e-9);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn chance_beyond(control: &Beta, treatment: &Beta, threshold: f64) -> Result<f64, MethodError> {
    control.check()?;
    treatment.check()?;
    crate::methods::error::check_finite("the threshold", threshold)?;
    Ok(difference_tails(control, treatment, threshold).1)
}

/// The equal-tailed credible interval of p_t - p_c.
///
/// # Errors
/// As for [`compare`], and [`MethodError::BadAlpha`].
pub fn credible_difference(
    control: &Beta,
    treatment: &Beta,
    alpha: f64,
) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    control.check()?;
    treatment.check()?;
    let sd = |b: &Beta| (b.mean() * (1.0 - b.mean()) / (b.alpha + b.beta + 1.0)).sqrt();
    let (centre, width) = (treatment.mean() - control.mean(), sd(control).hypot(sd(treatment)));
    // Chebyshev: beyond this many standard deviations lies less than half of alpha.
    let reach = width * (2.0 / alpha).sqrt() * 1.01;
    let (low, high) = ((centre - reach).max(-1.0), (centre + reach).min(1.0));
    let lower = find_root(|d| difference_tails(control, treatment, d).0 - 0.5 * alpha, low, high);
    let upper = find_root(|d| 0.5 * alpha - difference_tails(control, treatment, d).1, low, high);
    Ok(Interval { lower: lower.unwrap_or(low), upper: upper.unwrap_or(high) })
}

/// P(p_t - p_c <= d) and P(p_t - p_c > d).
fn difference_tails(control: &Beta, treatment: &Beta, d: f64) -> (f64, f64) {
    if d <= -1.0 {
        return (0.0, 1.0);
    }
    if d >= 1.0 {
        return (1.0, 0.0);
    }
    let mut edges = edges([control, treatment]);
    // Where p_c + d leaves (0, 1), and the treatment's landmarks as seen from the control.
    let seen = treatment.landmarks().map(Odds::at).map(|o| (o.x - d, o.y + d));
    edges.extend(
        seen.chain([(-d, 1.0 + d), (1.0 - d, d)])
            .filter(|(x, y)| *x > 0.0 && *y > 0.0)
            .map(|(x, y)| (x.ln() - y.ln()).clamp(-740.0, 740.0)),
    );
    edges.sort_by(f64::total_cmp);
    let tail = |pick: fn(Tails) -> f64| {
        let integrand = |u: f64| {
            let at = Odds::at(u);
            control.density(at) * pick(treatment.tails(Odds { x: at.x + d, y: at.y - d }))
        };
        integrate(&integrand, &edges, 1e-10).clamp(0.0, 1.0)
    };
    (tail(Tails::lower), tail(Tails::upper))
}

fn edges(posteriors: [&Beta; 2]) -> Vec<f64> {
    let mut edges: Vec<f64> = posteriors.into_iter().flat_map(Beta::landmarks).collect();
    edges.sort_by(f64::total_cmp);
    edges
}

/// A rate x and y = 1 - x, neither rounded against the other.
#[derive(Clone, Copy)]
struct Odds {
    x: f64,
    y: f64,
}

impl Odds {
    fn at(logit: f64) -> Self {
        Self { x: 1.0 / (1.0 + (-logit).exp()), y: 1.0 / (1.0 + logit.exp()) }
    }
}
