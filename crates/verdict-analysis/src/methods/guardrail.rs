//! Guardrails: non-inferiority within a margin, harm, and equivalence.
//!
//! "Not significantly worse" proves nothing: a small experiment is never significantly worse. The question for shipping
//! is whether harm beyond a margin M is ruled out. With higher better, H0: m_t <= m_c - M, and T = (D + M) / SE; with
//! lower better the mirror image. A relative margin e tests m_t - (1 ∓ e) m_c, whose variance V_t + (1 ∓ e)² V_c is exact: no
//! delta method. Shipping needs *every* guardrail to reject, and then no correction of alpha (intersection-union);
//! it is the power that suffers, so plan with beta / number of guardrails.
//!
//! Separately [`harm`] is the alarm: a one-sided test that the treatment is worse at all. A *smaller* alpha there makes
//! harm harder to see.
//!
//! Sources: R. L. Berger & J. C. Hsu, Statistical Science 11 (1996), 283-319; M. Schultzberg, S. Ankargren & M. Frånberg,
//! "Risk-aware product decisions in A/B tests with multiple metrics" (2024); D. J. Schuirmann (1987) for equivalence.

use super::error::{check_alpha, check_finite, check_not_negative};
use super::two_proportion::Proportion;
use super::{
    Alternative, Estimate, MethodError, Reference, Sample,
    welch::{welch, welch_df},
};

/// Which way a metric improves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Better {
    /// More is better, as for revenue.
    Higher,
    /// Less is better, as for latency.
    Lower,
}

/// How much worse is still acceptable; zero or more.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Margin {
    /// In the metric's unit.
    Absolute(f64),
    /// As a share of the control mean: 0.01 is 1%.
    Relative(f64),
}

/// Tests that the treatment is not worse than the margin allows.
///
/// The estimate's effect is D in the metric's unit for an absolute margin, and m_t - (1 ∓ e) m_c, the slack that is left,
/// for a relative one; statistic and p-value are of the test against the margin (small p: non-inferior); the interval is
/// one-sided, its finite bound the worst case, so that non-inferiority means that it lies within the margin.
///
/// # Errors
/// As for [`welch`]; [`MethodError::Negative`] for a negative margin.
///
/// # Example
/// Latency may rise by 5 ms at most.
/// ```
/// use verdict_analysis::methods::{Sample, guardrail::{Better, Margin, non_inferiority}};
///
/// let control = Sample { n: 5_000, mean: 250.0, variance: 4_900.0 };
/// let treatment = Sample { n: 5_000, mean: 251.0, variance: 5_100.0 };
/// let guardrail = non_inferiority(&control, &treatment, Margin::Absolute(5.0), Better::Lower, 0.05)?;
/// assert_eq!(format!("{:.4}, worst case +{:.2} ms", guardrail.p_value, guardrail.ci_upper), "0.0023, worst case +3.33 ms");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn non_inferiority(
    control: &Sample,
    treatment: &Sample,
    margin: Margin,
    better: Better,
    alpha: f64,
) -> Result<Estimate, MethodError> {
    control.check()?;
    treatment.check()?;
    let shifted = Shifted::new(control, margin, better)?;
    let (v_c, v_t) = (shifted.control.variance_of_mean(), treatment.variance_of_mean());
    let reference = Reference::StudentT(welch_df(v_c, control.n, v_t, treatment.n));
    against_margin(
        treatment.mean - shifted.control.mean,
        (v_c + v_t).sqrt(),
        shifted.margin,
        better,
        reference,
        alpha,
    )
}

/// The same for proportions: a z test with the unpooled variance, since the rates differ under this null hypothesis.
///
/// # Errors
/// As for [`non_inferiority`], and those of the counts.
pub fn non_inferiority_proportion(
    control: Proportion,
    treatment: Proportion,
    margin: Margin,
    better: Better,
    alpha: f64,
) -> Result<Estimate, MethodError> {
    control.check("the control")?;
    treatment.check("the treatment")?;
    let rate =
        |p: Proportion| Sample { n: p.n, mean: p.rate(), variance: p.rate() * p.failure_rate() };
    let shifted = Shifted::new(&rate(control), margin, better)?;
    let std_error = (shifted.control.variance_of_mean() + treatment.variance_of_rate()).sqrt();
    let effect = match margin {
        Margin::Absolute(_) => super::two_proportion::difference(control, treatment),
        Margin::Relative(_) => treatment.rate() - shifted.control.mean,
    };
    against_margin(effect, std_error, shifted.margin, better, Reference::Normal, alpha)
}

/// The harm alarm: the one-sided test that the treatment is worse, without a margin. Small p: harm.
///
/// # Errors
/// As for [`welch`].
pub fn harm(
    control: &Sample,
    treatment: &Sample,
    better: Better,
    alpha: f64,
) -> Result<Estimate, MethodError> {
    let worse = match better {
        Better::Higher => Alternative::Less,
        Better::Lower => Alternative::Greater,
    };
    welch(control, treatment, alpha, worse)
}

/// Two one-sided tests of low < m_t - m_c < high.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Equivalence {
    /// The t statistic against the lower limit.
    pub t_low: f64,
    /// P under m_t - m_c = low of a statistic at least as large.
    pub p_low: f64,
    /// The t statistic against the upper limit.
    pub t_high: f64,
    /// P under m_t - m_c = high of a statistic at most as large.
    pub p_high: f64,
    /// The larger of both: equivalent when it is at most alpha.
    pub p_value: f64,
}

/// Tests that the difference lies between two limits (TOST).
///
/// # Errors
/// As for [`welch`]; [`MethodError::Negative`] when `high` is below `low`.
///
/// # Example
/// Three units a variant, no difference, limits of ±9: t = ±9 / sqrt(2/3) with four degrees of freedom.
/// ```
/// use verdict_analysis::methods::{Sample, guardrail::equivalence};
///
/// let same = Sample { n: 3, mean: 2.0, variance: 1.0 };
/// let result = equivalence(&same, &same, -9.0, 9.0)?;
/// assert_eq!(format!("{:.3} {:.3} {:.5}", result.t_low, result.t_high, result.p_value), "11.023 -11.023 0.00019");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn equivalence(
    control: &Sample,
    treatment: &Sample,
    low: f64,
    high: f64,
) -> Result<Equivalence, MethodError> {
    check_finite("the lower limit", low)?;
    check_finite("the upper limit", high)?;
    check_not_negative("the upper limit less the lower", high - low)?;
    let estimate = welch(control, treatment, 0.05, Alternative::TwoSided)?;
    let reference = Reference::StudentT(estimate.df.unwrap_or(f64::INFINITY));
    let t_low = in_range((estimate.effect - low) / estimate.std_error)?;
    let t_high = in_range((estimate.effect - high) / estimate.std_error)?;
    let p_low = reference.p_value(t_low, Alternative::Greater).0;
    let p_high = reference.p_value(t_high, Alternative::Less).0;
    Ok(Equivalence { t_low, p_low, t_high, p_high, p_value: p_low.max(p_high) })
}

/// The control as the hypothesis sees it: scaled by a relative margin, which then is used up.
struct Shifted {
    control: Sample,
    margin: f64,
}

impl Shifted {
    fn new(control: &Sample, margin: Margin, better: Better) -> Result<Self, MethodError> {
        match margin {
            Margin::Absolute(margin) => {
                check_not_negative("the margin", margin)?;
                Ok(Self { control: *control, margin })
            }
            Margin::Relative(share) => {
                check_not_negative("the margin", share)?;
                let factor = match better {
                    Better::Higher => 1.0 - share,
                    Better::Lower => 1.0 + share,
                };
                let (mean, variance) = (factor * control.mean, factor * factor * control.variance);
                Ok(Self { control: Sample { n: control.n, mean, variance }, margin: 0.0 })
            }
        }
    }
}

fn against_margin(
    effect: f64,
    std_error: f64,
    margin: f64,
    better: Better,
    reference: Reference,
    alpha: f64,
) -> Result<Estimate, MethodError> {
    check_alpha(alpha)?;
    let (shift, alternative) = match better {
        Better::Higher => (margin, Alternative::Greater),
        Better::Lower => (-margin, Alternative::Less),
    };
    let mut estimate = Estimate::new(effect + shift, std_error, reference, alpha, alternative)?;
    // The test is of the shifted effect; effect and bound are reported on the metric's own scale.
    estimate.effect = in_range(effect)?;
    estimate.ci_lower -= shift;
    estimate.ci_upper -= shift;
    Ok(estimate)
}

fn in_range(value: f64) -> Result<f64, MethodError> {
    if value.is_finite() {
        Ok(value)
    } else {
        Err(MethodError::Overflow { what: "the distance from the margin" })
    }
}
