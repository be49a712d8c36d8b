//! Planning two proportions.
//!
//! n_c = [z_a sqrt((1 + 1/k) p̄ q̄) + z_b sqrt(p_c q_c + p_t q_t / k)]² / (p_t - p_c)², p̄ = (p_c + k p_t) / (1 + k), k = n_t / n_c.
//! Source: J. L. Fleiss, B. Levin & M. C. Paik, Statistical Methods for Rates and Proportions, 3rd ed. (2003), equations
//! (4.14) and (4.19), without continuity correction.

use super::means::{normal_power, size_with_power};
use super::{Design, Sides, check_power, in_range};
use crate::methods::MethodError;
use crate::methods::error::check_positive;
use crate::methods::special::{find_root, norm_isf, norm_sf};

/// The units that a plan needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleSize {
    /// Units in the control before rounding up.
    pub control: f64,
    /// Units in the treatment before rounding up: the ratio times those in the control.
    pub treatment: f64,
    /// The same with each variant's own variance in both terms (no pooling).
    pub control_unpooled: f64,
    /// By Cohen's h, the difference of the arcsine-transformed rates, counting both tails of a two-sided test.
    pub control_arcsine: f64,
}

/// The sample size that detects `p_treatment` against `p_control` with the wanted power.
///
/// # Errors
/// [`MethodError::BadProbability`] unless both rates lie strictly between 0 and 1 and power between 0 and 1,
/// [`MethodError::BadAlpha`], [`MethodError::NotPositive`] for the ratio, and [`MethodError::Unreachable`] for equal rates.
///
/// # Example
/// ```
/// use verdict_analysis::methods::power::{Design, Sides, proportions::sample_size};
///
/// let plan = sample_size(0.032, 0.0352, 0.8, &Design::even(0.05, Sides::Two))?;
/// assert_eq!(plan.control.ceil(), 49_777.0);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn sample_size(
    p_control: f64,
    p_treatment: f64,
    power: f64,
    design: &Design,
) -> Result<SampleSize, MethodError> {
    design.check()?;
    check_power(power)?;
    check_rate("the control rate", p_control)?;
    check_rate("the treatment rate", p_treatment)?;
    if p_control == p_treatment {
        return Err(MethodError::Unreachable { what: "the power", why: "both rates are equal" });
    }
    let k = design.ratio;
    let (z_a, z_b) = (norm_isf(design.sides.tail_alpha(design.alpha)), norm_isf(1.0 - power));
    let spread = Spread::of(p_control, p_treatment, k);
    let gap = p_treatment - p_control;
    let control = ((z_a * spread.null + z_b * spread.own) / gap).powi(2);
    let control_unpooled = ((z_a + z_b) * spread.own / gap).powi(2);
    let angle = |p: f64| 2.0 * p.sqrt().atan2((1.0 - p).sqrt());
    let h = angle(p_treatment) - angle(p_control);
    let guess = ((z_a + z_b) / h).powi(2) * (1.0 + 1.0 / k);
    let arcsine_power = |n: f64| normal_power(h.abs(), n, design).total;
    let control_arcsine = size_with_power(arcsine_power, power, f64::MIN_POSITIVE, guess);
    Ok(SampleSize {
        control: in_range(control)?,
        treatment: in_range(k * control)?,
        control_unpooled: in_range(control_unpooled)?,
        control_arcsine: in_range(control_arcsine)?,
    })
}

/// The chance to reject, with the effect's own tail alone and with both.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// Rejections in the direction of the effect: what the sample-size formula inverts.
    pub one_tail: f64,
    /// All rejections; equal to `one_tail` for a one-sided test.
    pub total: f64,
}

/// The power of the pooled z test with `n_control` units in the control.
///
/// # Errors
/// As for [`sample_size`], and [`MethodError::NotPositive`] without units.
pub fn power(
    p_control: f64,
    p_treatment: f64,
    n_control: f64,
    design: &Design,
) -> Result<Power, MethodError> {
    design.check()?;
    check_rate("the control rate", p_control)?;
    check_rate("the treatment rate", p_treatment)?;
    check_positive("units in the control", n_control)?;
    Ok(power_at(p_control, p_treatment, n_control, design))
}

/// The nearest treatment rate above (`up`) or below that is detected with the wanted power.
///
/// # Errors
/// As for [`power`]; [`MethodError::Unreachable`] when no rate that far exists.
pub fn detectable_rate(
    p_control: f64,
    n_control: f64,
    wanted: f64,
    up: bool,
    design: &Design,
) -> Result<f64, MethodError> {
    design.check()?;
    check_power(wanted)?;
    check_rate("the control rate", p_control)?;
    check_positive("units in the control", n_control)?;
    let end = if up { 1.0 } else { 0.0 };
    let gap = |p: f64| power_at(p_control, p, n_control, design).one_tail - wanted;
    find_root(gap, p_control, end).filter(|p| *p != p_control && *p > 0.0 && *p < 1.0).ok_or(
        MethodError::Unreachable {
            what: "the wanted power",
            why: "rates end at 0 and 1; add units",
        },
    )
}

fn power_at(p_control: f64, p_treatment: f64, n_control: f64, design: &Design) -> Power {
    let spread = Spread::of(p_control, p_treatment, design.ratio);
    let z = norm_isf(design.sides.tail_alpha(design.alpha));
    let gap = (p_treatment - p_control).abs() * n_control.sqrt();
    let one_tail = norm_sf((z * spread.null - gap) / spread.own);
    let far_tail = match design.sides {
        Sides::Two => norm_sf((z * spread.null + gap) / spread.own),
        Sides::One => 0.0,
    };
    Power { one_tail, total: one_tail + far_tail }
}

/// The standard error of the difference times sqrt(n_c): under equal rates, and under the planned ones.
struct Spread {
    null: f64,
    own: f64,
}

impl Spread {
    fn of(p_c: f64, p_t: f64, k: f64) -> Self {
        let pooled = p_c / (1.0 + k) + p_t * (k / (1.0 + k));
        Self {
            null: ((1.0 + 1.0 / k) * pooled * (1.0 - pooled)).sqrt(),
            own: (p_c * (1.0 - p_c) + p_t * (1.0 - p_t) / k).sqrt(),
        }
    }
}

fn check_rate(what: &'static str, value: f64) -> Result<(), MethodError> {
    if value > 0.0 && value < 1.0 {
        Ok(())
    } else {
        Err(MethodError::BadProbability { what, value })
    }
}
