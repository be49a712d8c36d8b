//! Two proportions: the pooled z test, and intervals of the difference that hold near 0 and 1.
//!
//! z = (p_t - p_c) / sqrt(p q (1/n_c + 1/n_t)) with p the pooled rate. The interval is another matter: under the
//! alternative the variances are not pooled, and the textbook (Wald) interval undercovers for small counts and has no
//! width at 0 of n. Newcombe's is the default: closed form, near nominal coverage from small counts on, never outside
//! [-1, 1]. Test and interval come from different variance estimates here, so that near the threshold they may differ
//! (2/20 against 7/20: p = 0.058, Wald's interval leaves out zero).
//!
//! Assumes independent units and, for the test, expected counts of five to ten or more in each cell; below that use
//! [Fisher's exact test](super::contingency::fisher_exact). Not for rates over rows (clicks over views): see
//! [`ratio`](super::ratio).
//!
//! Sources: NIST/SEMATECH e-Handbook of Statistical Methods, section 7.3.3 (the test); R. G. Newcombe, "Interval estimation
//! for the difference between independent proportions: comparison of eleven methods", Statistics in Medicine 17 (1998),
//! 873-890, methods 1 (Wald) and 10; A. Agresti & B. Caffo, Am. Statistician 54 (2000), 280-288.

use super::error::{MethodError, check_alpha, check_at_least};
use super::proportion::wilson_arms;
use super::relative::ln_ratio;
use super::{Alternative, Estimate, Interval, Reference, score_interval, special::norm_isf};

/// Successes among trials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proportion {
    /// The units with the outcome.
    pub successes: u64,
    /// All units.
    pub n: u64,
}

impl Proportion {
    /// The observed rate; NaN for no units.
    #[must_use]
    pub fn rate(&self) -> f64 {
        self.successes as f64 / self.n as f64
    }

    /// The observed rate of failures, without rounding at rates near 1.
    #[must_use]
    pub fn failure_rate(&self) -> f64 {
        (self.n - self.successes.min(self.n)) as f64 / self.n as f64
    }

    /// The estimated variance of the rate: p q / n.
    pub(crate) fn variance_of_rate(&self) -> f64 {
        self.rate() * self.failure_rate() / self.n as f64
    }

    pub(crate) fn check(&self, what: &'static str) -> Result<(), MethodError> {
        check_at_least(what, self.n, 1)?;
        if self.successes > self.n {
            return Err(MethodError::CountExceedsTotal {
                what,
                count: self.successes,
                total: self.n,
            });
        }
        Ok(())
    }
}

/// How the interval of the difference of two proportions is built.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProportionInterval {
    /// The unpooled normal interval; for large counts only.
    Wald,
    /// Newcombe's hybrid score interval (1998, method 10).
    #[default]
    Newcombe,
    /// Wald's interval after adding one success and one failure to each variant (Agresti & Caffo 2000).
    AgrestiCaffo,
    /// Miettinen and Nurminen's score interval (1985): all differences that their test does not reject.
    MiettinenNurminen,
}

/// The pooled z test with an interval of the difference, treatment minus control.
///
/// The standard error is the test's, the pooled one.
///
/// # Errors
/// [`MethodError::TooFew`] without units, [`MethodError::CountExceedsTotal`], [`MethodError::BadAlpha`], and
/// [`MethodError::ZeroVariance`] when every unit of both variants has the outcome or none has: there is no test then, but
/// [`interval`] still answers.
///
/// # Example
/// ```
/// use verdict_analysis::methods::Alternative;
/// use verdict_analysis::methods::two_proportion::{Proportion, ProportionInterval, two_proportion};
///
/// let control = Proportion { successes: 4_820, n: 50_000 };
/// let treatment = Proportion { successes: 5_140, n: 50_000 };
/// let estimate =
///     two_proportion(control, treatment, 0.05, Alternative::TwoSided, ProportionInterval::Newcombe)?;
/// assert_eq!(format!("{:.4}", estimate.effect), "0.0064");
/// assert_eq!(format!("{:.5}", estimate.p_value), "0.00073");
/// assert_eq!(format!("{:.5} to {:.5}", estimate.ci_lower, estimate.ci_upper), "0.00269 to 0.01011");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn two_proportion(
    control: Proportion,
    treatment: Proportion,
    alpha: f64,
    alternative: Alternative,
    method: ProportionInterval,
) -> Result<Estimate, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    let mut estimate = Estimate::new(
        difference(control, treatment),
        pooled_std_error(control, treatment),
        Reference::Normal,
        alpha,
        alternative,
    )?;
    let interval = interval(control, treatment, alpha, alternative, method)?;
    (estimate.ci_lower, estimate.ci_upper) = (interval.lower, interval.upper);
    Ok(estimate)
}

/// The interval of the difference alone; defined also when no unit or every unit has the outcome.
///
/// # Errors
/// [`MethodError::TooFew`] without units, [`MethodError::CountExceedsTotal`] and [`MethodError::BadAlpha`].
pub fn interval(
    control: Proportion,
    treatment: Proportion,
    alpha: f64,
    alternative: Alternative,
    method: ProportionInterval,
) -> Result<Interval, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    check_alpha(alpha)?;
    let z = norm_isf(alternative.tail_alpha(alpha));
    let interval = match method {
        ProportionInterval::Wald => Interval::around(
            difference(control, treatment),
            z * unpooled_std_error(control, treatment),
        ),
        ProportionInterval::Newcombe => newcombe(control, treatment, z),
        ProportionInterval::AgrestiCaffo => agresti_caffo(control, treatment, z),
        ProportionInterval::MiettinenNurminen => score_interval::difference(control, treatment, z),
    };
    Ok(alternative.open(interval))
}

/// What the tests and intervals of two proportions are made of.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Summary {
    /// p_t - p_c.
    pub difference: f64,
    /// The rate of both variants together.
    pub pooled_rate: f64,
    /// The standard error of the difference if both variants share the pooled rate: the test's.
    pub pooled_std_error: f64,
    /// The standard error of the difference with each variant's own rate: Wald's.
    pub unpooled_std_error: f64,
    /// Cohen's h: 2 asin(sqrt(p_t)) - 2 asin(sqrt(p_c)).
    pub cohens_h: f64,
}

/// The difference, the pooled rate, both standard errors and Cohen's h.
///
/// # Errors
/// [`MethodError::TooFew`] without units and [`MethodError::CountExceedsTotal`].
pub fn summary(control: Proportion, treatment: Proportion) -> Result<Summary, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    // The angle from both legs: exact near 0 and near 1.
    let angle = |p: Proportion| 2.0 * p.rate().sqrt().atan2(p.failure_rate().sqrt());
    Ok(Summary {
        difference: difference(control, treatment),
        pooled_rate: pooled_rates(control, treatment).0,
        pooled_std_error: pooled_std_error(control, treatment),
        unpooled_std_error: unpooled_std_error(control, treatment),
        cohens_h: angle(treatment) - angle(control),
    })
}

/// The relative effect p_t / p_c - 1.
///
/// # Errors
/// As for [`summary`]; [`MethodError::ZeroDenominator`] when the control has no success.
pub fn relative_lift(control: Proportion, treatment: Proportion) -> Result<f64, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    if control.successes == 0 {
        return Err(MethodError::ZeroDenominator { what: "the control rate" });
    }
    Ok(difference(control, treatment) / control.rate())
}

/// The delta-method standard error of the relative effect, and its normal interval.
///
/// # Errors
/// As for [`relative_lift`], and [`MethodError::BadAlpha`].
pub fn relative_delta(
    control: Proportion,
    treatment: Proportion,
    alpha: f64,
    alternative: Alternative,
) -> Result<(f64, Interval), MethodError> {
    check_alpha(alpha)?;
    let lift = relative_lift(control, treatment)?;
    let ratio = treatment.rate() / control.rate();
    let std_error =
        treatment.variance_of_rate().sqrt().hypot(ratio * control.variance_of_rate().sqrt())
            / control.rate();
    let half_width = norm_isf(alternative.tail_alpha(alpha)) * std_error;
    Ok((std_error, alternative.open(Interval::around(lift, half_width))))
}

/// Katz's interval of the relative effect: normal for ln(p_t / p_c), variance q_t / x_t + q_c / x_c, exponentiated.
///
/// Source: D. Katz et al., "Obtaining confidence intervals for the risk ratio", Biometrics 34 (1978), 469-474.
///
/// # Errors
/// As for [`summary`]; [`MethodError::ZeroDenominator`] unless both variants have successes, and
/// [`MethodError::BadAlpha`]. [`ratio_score_interval`](super::ratio_score_interval) answers there too.
pub fn relative_log(
    control: Proportion,
    treatment: Proportion,
    alpha: f64,
    alternative: Alternative,
) -> Result<Interval, MethodError> {
    check_alpha(alpha)?;
    let lift = relative_lift(control, treatment)?;
    if treatment.successes == 0 {
        return Err(MethodError::ZeroDenominator { what: "the treatment rate" });
    }
    let variance = |p: Proportion| p.failure_rate() / p.successes as f64;
    let half_width =
        norm_isf(alternative.tail_alpha(alpha)) * (variance(control) + variance(treatment)).sqrt();
    Ok(alternative
        .open(Interval::around(ln_ratio(lift, control.rate(), treatment.rate()), half_width))
        .map(f64::exp_m1))
}

/// p_t - p_c from exact integers: equal rates give zero, and close ones keep their digits.
pub(crate) fn difference(control: Proportion, treatment: Proportion) -> f64 {
    let left = u128::from(treatment.successes) * u128::from(control.n);
    let right = u128::from(control.successes) * u128::from(treatment.n);
    let scale = control.n as f64 * treatment.n as f64;
    if left >= right { (left - right) as f64 / scale } else { -((right - left) as f64 / scale) }
}

/// The standard error of the difference when both variants share one rate.
pub(crate) fn pooled_std_error(control: Proportion, treatment: Proportion) -> f64 {
    let (p, q) = pooled_rates(control, treatment);
    (p * q * (1.0 / control.n as f64 + 1.0 / treatment.n as f64)).sqrt()
}

/// The pooled rate and one minus it.
pub(crate) fn pooled_rates(control: Proportion, treatment: Proportion) -> (f64, f64) {
    let n = u128::from(control.n) + u128::from(treatment.n);
    let successes = u128::from(control.successes) + u128::from(treatment.successes);
    (successes as f64 / n as f64, (n - successes) as f64 / n as f64)
}

/// The standard error of the difference when each variant has its own rate.
pub(crate) fn unpooled_std_error(control: Proportion, treatment: Proportion) -> f64 {
    (control.variance_of_rate() + treatment.variance_of_rate()).sqrt()
}

fn newcombe(control: Proportion, treatment: Proportion, z: f64) -> Interval {
    let d = difference(control, treatment);
    let (below_c, above_c) = wilson_arms(control, z);
    let (below_t, above_t) = wilson_arms(treatment, z);
    Interval { lower: d - below_t.hypot(above_c), upper: d + above_t.hypot(below_c) }
}

fn agresti_caffo(control: Proportion, treatment: Proportion, z: f64) -> Interval {
    let adjusted = |p: Proportion| {
        let n = p.n as f64 + 2.0;
        let rate = (p.successes as f64 + 1.0) / n;
        (rate, rate * ((p.n - p.successes) as f64 + 1.0) / n / n)
    };
    let ((rate_c, v_c), (rate_t, v_t)) = (adjusted(control), adjusted(treatment));
    Interval::around(rate_t - rate_c, z * (v_c + v_t).sqrt())
}
