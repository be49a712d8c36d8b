//! The relative effect of the treatment: m_t / m_c - 1, with intervals that count the control's own uncertainty.
//!
//! Dividing the absolute interval by the control mean, as many guides do, treats that mean as known: at a true lift of
//! +100% such a "95%" interval covers 78%. Three right ways:
//!
//! - **Fieller** (the default): the values r that Welch's test would not reject as the ratio m_t / m_c. It leaves out a
//!   lift of zero exactly when Welch's p < alpha, and it is the only one of the three that needs no expansion; when the
//!   control mean is not significantly different from zero the set is unbounded, and it says so.
//! - **delta**: variance V_t / m_c² + V_c m_t² / m_c⁴, symmetric around the lift; good when the control mean exceeds about
//!   ten of its standard errors.
//! - **log**: ln(m_t / m_c) ± q sqrt(V_t / m_t² + V_c / m_c²), exponentiated; both means must be positive.
//!
//! Sources: E. C. Fieller, "Some problems in interval estimation", J. R. Statist. Soc. B 16 (1954), 175-185;
//! V. H. Franz, "Ratios: a short guide to confidence limits and proper use" (2007).

use super::error::{check_alpha, check_finite};
use super::welch::{welch_and_critical, welch_df};
use super::{Alternative, Estimate, Interval, MethodError, Reference, Sample};

/// How the interval of the relative effect is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum RelativeMethod {
    /// Fieller's theorem with Welch's t: dual to Welch's test.
    #[default]
    Fieller,
    /// The delta method with Welch's t.
    Delta,
    /// The delta method for the logarithm of the ratio, with Welch's t of the scaled variances.
    Log,
}

/// A relative effect and its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RelativeEffect {
    /// m_t / m_c - 1: 0.05 is +5%.
    pub lift: f64,
    /// The delta-method standard error of the lift.
    pub std_error: f64,
    /// The lower bound; minus infinity for [`Alternative::Less`].
    pub ci_lower: f64,
    /// The upper bound; infinity for [`Alternative::Greater`].
    pub ci_upper: f64,
}

/// How many standard errors the control mean must exceed before the delta method is trusted.
pub const DELTA_SAFE_RATIO: f64 = 10.0;

/// The relative effect with its interval, refused where it would mislead.
///
/// # Errors
/// [`MethodError::ControlNotPositive`] when the control mean is not safely positive: for Fieller and log when it does not
/// exceed as many standard errors as the interval is wide, for delta when it does not exceed [`DELTA_SAFE_RATIO`].
/// [`MethodError::NotPositive`] for log when the treatment mean is not positive; otherwise as for
/// [`welch`](super::welch::welch).
///
/// # Example
/// ```
/// use verdict_analysis::methods::{Alternative, Sample, relative::{RelativeMethod, relative}};
///
/// let control = Sample { n: 10_000, mean: 32.48, variance: 67.7 };
/// let treatment = Sample { n: 10_000, mean: 31.91, variance: 62.5 };
/// let effect = relative(&control, &treatment, 0.05, Alternative::TwoSided, RelativeMethod::Fieller)?;
/// assert_eq!(format!("{:.2}%", 100.0 * effect.lift), "-1.75%");
/// assert_eq!(format!("{:.2}% to {:.2}%", 100.0 * effect.ci_lower, 100.0 * effect.ci_upper), "-2.43% to -1.07%");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn relative(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
    method: RelativeMethod,
) -> Result<RelativeEffect, MethodError> {
    let welch = Reference::StudentT(checked_df(control, treatment)?);
    check_alpha(alpha)?;
    let q = welch.critical(alternative.tail_alpha(alpha));
    with_critical(control, treatment, alpha, alternative, method, q)
}

/// Welch's estimate with the relative effect beside it: [`welch`](super::welch::welch) and [`relative`] in one, which looks up
/// Student's t once.
///
/// # Errors
/// As for [`welch`](super::welch::welch); the relative effect may be refused on its own, as by [`relative`].
pub fn welch_with_relative(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
    method: RelativeMethod,
) -> Result<(Estimate, Result<RelativeEffect, MethodError>), MethodError> {
    let (estimate, q) = welch_and_critical(control, treatment, alpha, alternative)?;
    Ok((estimate, with_critical(control, treatment, alpha, alternative, method, q)))
}

/// The relative effect with the critical value `q` of Welch's t for the difference.
fn with_critical(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
    method: RelativeMethod,
    q: f64,
) -> Result<RelativeEffect, MethodError> {
    let needed = match method {
        RelativeMethod::Delta => DELTA_SAFE_RATIO,
        RelativeMethod::Fieller | RelativeMethod::Log => q,
    };
    let std_error = control.std_error();
    let refused = MethodError::ControlNotPositive { mean: control.mean, std_error, needed };
    // A one-sided alpha above one half would ask for less than nothing.
    if control.mean <= needed.max(0.0) * std_error {
        return Err(refused);
    }
    let lift = lift(control, treatment)?;
    let std_error = delta_std_error(control, treatment)?;
    let interval = match method {
        RelativeMethod::Fieller => match fieller_at(control, treatment, alternative, q)? {
            FiellerSet::Bounded(interval) => interval,
            FiellerSet::Complement(_) | FiellerSet::WholeLine => return Err(refused),
        },
        RelativeMethod::Delta => alternative.open(Interval::around(lift, in_range(q * std_error)?)),
        RelativeMethod::Log => log(control, treatment, alpha, alternative)?,
    };
    Ok(RelativeEffect { lift, std_error, ci_lower: interval.lower, ci_upper: interval.upper })
}

/// The lift (m_t - m_c) / m_c. With a negative control mean its sign is the opposite of the difference's.
///
/// # Errors
/// [`MethodError::ZeroDenominator`] when the control mean is zero, [`MethodError::Overflow`] beyond the range of `f64`.
pub fn lift(control: &Sample, treatment: &Sample) -> Result<f64, MethodError> {
    check_finite("the control mean", control.mean)?;
    check_finite("the treatment mean", treatment.mean)?;
    if control.mean == 0.0 {
        return Err(MethodError::ZeroDenominator { what: "the control mean" });
    }
    in_range((treatment.mean - control.mean) / control.mean)
}

/// The delta-method standard error of the lift: sqrt(V_t / m_c² + V_c m_t² / m_c⁴), independent variants.
///
/// # Errors
/// As for [`lift`].
pub fn delta_std_error(control: &Sample, treatment: &Sample) -> Result<f64, MethodError> {
    control.check()?;
    treatment.check()?;
    let ratio = 1.0 + lift(control, treatment)?;
    // Relative errors are squared, not the variances: their squares neither over- nor underflow for sensible metrics.
    let (own, of_control) =
        (treatment.std_error() / control.mean, ratio * (control.std_error() / control.mean));
    in_range((own * own + of_control * of_control).sqrt())
}

/// The delta-method interval of the lift, with the quantiles of `reference`; defined for any control mean but zero.
///
/// # Errors
/// As for [`lift`], and [`MethodError::BadAlpha`].
pub fn delta(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
    reference: Reference,
) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    let half_width =
        reference.critical(alternative.tail_alpha(alpha)) * delta_std_error(control, treatment)?;
    Ok(alternative.open(Interval::around(lift(control, treatment)?, in_range(half_width)?)))
}

/// The interval of the lift from the t interval of ln(m_t / m_c).
///
/// # Errors
/// [`MethodError::NotPositive`] unless both means are positive; otherwise as for [`delta`].
pub fn log(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    control.check()?;
    treatment.check()?;
    super::error::check_positive("the control mean", control.mean)?;
    super::error::check_positive("the treatment mean", treatment.mean)?;
    let scaled = |s: &Sample| s.std_error() / s.mean * (s.std_error() / s.mean);
    let (v_c, v_t) = (scaled(control), scaled(treatment));
    let lift = lift(control, treatment)?;
    if v_c + v_t == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric in both variants" });
    }
    let reference = Reference::StudentT(welch_df(v_c, control.n, v_t, treatment.n));
    let half_width =
        in_range(reference.critical(alternative.tail_alpha(alpha)) * (v_c + v_t).sqrt())?;
    Ok(alternative
        .open(Interval::around(ln_ratio(lift, control.mean, treatment.mean), half_width))
        .map(f64::exp_m1))
}

/// The set of lifts that Fieller's theorem does not reject.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum FiellerSet {
    /// An interval: the control mean differs significantly from zero.
    Bounded(Interval),
    /// All lifts but those strictly inside this interval.
    Complement(Interval),
    /// Every lift: neither the control mean nor the ratio is known from zero.
    WholeLine,
}

/// Fieller's confidence set of the lift: all r - 1 with (m_t - r m_c)² <= q² (V_t + r² V_c).
///
/// # Errors
/// As for [`delta`]; a control mean of zero is no error here, the set is then not bounded.
pub fn fieller(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    alternative: Alternative,
    reference: Reference,
) -> Result<FiellerSet, MethodError> {
    check_alpha(alpha)?;
    control.check()?;
    treatment.check()?;
    fieller_at(control, treatment, alternative, reference.critical(alternative.tail_alpha(alpha)))
}

/// Fieller's set at the critical value `q`, for samples that were checked.
pub(crate) fn fieller_at(
    control: &Sample,
    treatment: &Sample,
    alternative: Alternative,
    q: f64,
) -> Result<FiellerSet, MethodError> {
    let (m_c, m_t) = (control.mean, treatment.mean);
    let (e_c, e_t) = (q * control.std_error(), q * treatment.std_error());
    // In R = r - 1 the quadratic is a R² - 2 b R + c <= 0 with the difference in place of the treatment mean: no
    // cancellation when the lift is small. In factors, no square overflows before its difference is taken.
    let difference = m_t - m_c;
    let a = (m_c - e_c) * (m_c + e_c);
    let b = m_c * difference + e_c * e_c;
    let c = difference * difference - e_c * e_c - e_t * e_t;
    // b² - a c, expanded so that the large squares are gone.
    let discriminant = m_t * m_t * e_c * e_c + (m_c - e_c) * (m_c + e_c) * e_t * e_t;
    fieller_roots(a, b, c, discriminant, alternative)
}

/// The values R with a R² - 2 b R + c <= 0; `discriminant` is b² - a c.
fn fieller_roots(
    a: f64,
    b: f64,
    c: f64,
    discriminant: f64,
    alternative: Alternative,
) -> Result<FiellerSet, MethodError> {
    if !(a.is_finite() && b.is_finite() && c.is_finite() && discriminant.is_finite()) {
        return Err(MethodError::Overflow { what: "Fieller's quadratic" });
    }
    if a == 0.0 || discriminant < 0.0 {
        return Ok(FiellerSet::WholeLine);
    }
    let root = discriminant.sqrt();
    let larger = if b >= 0.0 { b + root } else { b - root };
    let (first, second) = (larger / a, if larger == 0.0 { 0.0 } else { c / larger });
    let set = Interval { lower: first.min(second), upper: first.max(second) };
    if !(set.lower.is_finite() && set.upper.is_finite()) {
        return Err(MethodError::Overflow { what: "Fieller's bounds" });
    }
    Ok(if a > 0.0 {
        FiellerSet::Bounded(alternative.open(set))
    } else {
        FiellerSet::Complement(set)
    })
}

/// Fieller's set at the critical value `q` for levels that are not independent: `joint` has the variances of the control's
/// and the treatment's level, and their covariance.
pub(crate) fn fieller_joint(
    control: f64,
    treatment: f64,
    joint: [f64; 3],
    alternative: Alternative,
    q: f64,
) -> Result<FiellerSet, MethodError> {
    let [v_c, v_t, both] = joint;
    let q2 = q * q;
    // (D - R m_c)² <= q² Var(D - R m_c), with R = r - 1 and D the difference.
    let difference = treatment - control;
    let of_difference = (v_t - both) + (v_c - both);
    let apart = v_c - both;
    let a = control * control - q2 * v_c;
    let b = control * difference + q2 * apart;
    let c = difference * difference - q2 * of_difference;
    // b² - a c, expanded so that the large squares are gone.
    let discriminant = q2
        * (2.0 * control * difference * apart
            + q2 * apart * apart
            + control * control * of_difference
            + v_c * difference * difference
            - q2 * v_c * of_difference);
    fieller_roots(a, b, c, discriminant, alternative)
}

/// ln(m_t / m_c): from the lift where that is exact, from the means where one plus the lift has lost its digits.
pub(super) fn ln_ratio(lift: f64, mean_c: f64, mean_t: f64) -> f64 {
    if lift > -0.5 { lift.ln_1p() } else { mean_t.ln() - mean_c.ln() }
}

/// Welch's degrees of freedom of the absolute difference.
fn checked_df(control: &Sample, treatment: &Sample) -> Result<f64, MethodError> {
    control.check()?;
    treatment.check()?;
    let (v_c, v_t) = (control.variance_of_mean(), treatment.variance_of_mean());
    if v_c + v_t == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric in both variants" });
    }
    Ok(welch_df(v_c, control.n, v_t, treatment.n))
}

fn in_range(value: f64) -> Result<f64, MethodError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(MethodError::Overflow { what: "the relative effect" })
    }
}
