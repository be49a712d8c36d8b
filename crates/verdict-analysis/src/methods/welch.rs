//! Welch's t test for a difference of means with unequal variances.
//!
//! T = (m_t - m_c) / sqrt(V_t + V_c), V = s²/n, against Student's t with
//! (V_c + V_t)² / (V_c²/(n_c - 1) + V_t²/(n_t - 1)) degrees of freedom; the interval uses the same t, so that it leaves
//! out zero exactly when p < alpha. A z interval beside a t test, a common mistake, covers 91% instead of 95% at five
//! units a variant.
//!
//! Assumes independent units (the unit of randomisation, not its rows) and means near normal: as a rule of thumb more
//! than 355 skewness² units a variant (Kohavi, Deng, Longbotham & Xu 2014). Not for medians or quantiles, for rows
//! clustered in units ([`cluster`](super::cluster)) or for ratios of sums ([`ratio`](super::ratio)).
//!
//! Source: B. L. Welch, "The generalization of 'Student's' problem when several different population variances are
//! involved", Biometrika 34 (1947), 28-35.

use super::{
    Alternative, Estimate, MethodError, Reference, Sample,
    error::{check_alpha, check_finite},
};

/// Welch's t test and interval of the difference of two means, treatment minus control.
///
/// # Errors
/// [`MethodError::TooFew`] below two units a variant, [`MethodError::ZeroVariance`] when neither variant varies,
/// [`MethodError::NotFinite`], [`MethodError::Negative`] and [`MethodError::BadAlpha`] for such inputs.
///
/// # Example
/// Delivery times of two variants of 10,000 orders, in minutes.
/// ```
/// use verdict_analysis::methods::{Alternative, Sample, welch::welch};
///
/// let control = Sample { n: 10_000, mean: 32.48, variance: 67.7 };
/// let treatment = Sample { n: 10_000, mean: 31.91, variance: 62.5 };
/// let estimate = welch(&control, &treatment, 0.05, Alternative::TwoSided)?;
/// assert_eq!(format!("{:.2}", estimate.effect), "-0.57");
/// assert_eq!(format!("{:.2} to {:.2}", estimate.ci_lower, estimate.ci_upper), "-0.79 to -0.35");
/// assert_eq!(format!("{:.1e}", estimate.p_value), "5.9e-7");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn welch(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
) -> Result<Estimate, MethodError> {
    welch_and_critical(control, treatment, alpha, alternative).map(|(estimate, _)| estimate)
}

/// The estimate, and the critical value of its t.
pub(crate) fn welch_and_critical(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
) -> Result<(Estimate, f64), MethodError> {
    control.check()?;
    treatment.check()?;
    check_alpha(alpha)?;
    let (v_c, v_t) = (control.variance_of_mean(), treatment.variance_of_mean());
    let effect = treatment.mean - control.mean;
    check_finite("the difference of the means", effect)?;
    let reference = Reference::StudentT(welch_df(v_c, control.n, v_t, treatment.n));
    let critical = reference.critical(alternative.tail_alpha(alpha));
    Ok((
        Estimate::at_critical(effect, (v_c + v_t).sqrt(), reference, alternative, critical)?,
        critical,
    ))
}

/// Satterthwaite's degrees of freedom of a sum of two estimated variances; never below the smaller n - 1.
pub(crate) fn welch_df(v_c: f64, n_c: u64, v_t: f64, n_t: u64) -> f64 {
    // Shares of the variance instead of the variances: no square over- or underflows.
    let sum = v_c + v_t;
    let (share_c, share_t) = (v_c / sum, v_t / sum);
    1.0 / (share_c * share_c / (n_c.max(2) - 1) as f64
        + share_t * share_t / (n_t.max(2) - 1) as f64)
}

/// Cohen's d: the difference of the means in units of the pooled standard deviation.
///
/// A size for planning and for comparing metrics; the usual labels (0.2 small, 0.5 medium) come from psychology and are
/// far above what product experiments find.
///
/// # Errors
/// As for [`welch`].
pub fn cohens_d(control: &Sample, treatment: &Sample) -> Result<f64, MethodError> {
    control.check()?;
    treatment.check()?;
    let (f_c, f_t) = ((control.n - 1) as f64, (treatment.n - 1) as f64);
    let sd =
        (control.variance * (f_c / (f_c + f_t)) + treatment.variance * (f_t / (f_c + f_t))).sqrt();
    if sd == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric in both variants" });
    }
    let d = (treatment.mean - control.mean) / sd;
    if d.is_finite() { Ok(d) } else { Err(MethodError::Overflow { what: "Cohen's d" }) }
}

/// Hedges' g: Cohen's d times 1 - 3 / (4 (n_c + n_t) - 9), nearly unbiased in small samples (Hedges 1981).
///
/// # Errors
/// As for [`welch`].
pub fn hedges_g(control: &Sample, treatment: &Sample) -> Result<f64, MethodError> {
    let d = cohens_d(control, treatment)?;
    Ok(d * (1.0 - 3.0 / (4.0 * (control.n as f64 + treatment.n as f64) - 9.0)))
}
