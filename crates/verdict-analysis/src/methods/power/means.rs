//! Planning two means.
//!
//! Normal: n_c = (z_a + z_b)² sd² (1 + 1/k) / delta², k = n_t / n_c. Exact for normal data of one standard deviation: T is
//! noncentral t with n_c + n_t - 2 degrees of freedom and noncentrality delta / (sd sqrt(1/n_c + 1/n_t)). The normal formula
//! falls one or two units a variant short of it. What decides is (sd / delta)²: a "noisy" metric with a large relative effect
//! may need fewer units than a quiet one.
//!
//! Source: J. Cohen, Statistical Power Analysis for the Behavioral Sciences, 2nd ed. (1988), section 2.4.

use super::{Design, Sides, check_power, in_range};
use crate::methods::MethodError;
use crate::methods::error::{check_finite, check_positive};
use crate::methods::special::{find_root, noncentral_t_sf, norm_isf, norm_sf, t_isf};

/// Units in the control, before rounding up.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SampleSize {
    /// By the normal formula, which counts rejections in the direction of the effect.
    pub normal: f64,
    /// By the normal law, counting both tails of a two-sided test.
    pub normal_both_tails: f64,
    /// By the noncentral t.
    pub exact: f64,
}

/// The sample size that detects a difference `delta` of metrics with standard deviation `sd`.
///
/// # Errors
/// [`MethodError::Unreachable`] for a difference of zero, [`MethodError::NotPositive`] for sd or ratio,
/// [`MethodError::BadAlpha`], [`MethodError::BadProbability`] for the power, [`MethodError::NotFinite`],
/// [`MethodError::Overflow`].
///
/// # Example
/// ```
/// use verdict_analysis::methods::power::{Design, Sides, means::sample_size};
///
/// let plan = sample_size(13.5, 280.0, 0.8, &Design::even(0.05, Sides::Two))?;
/// assert_eq!((plan.normal.ceil(), plan.exact.ceil()), (6_753.0, 6_754.0));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn sample_size(
    delta: f64,
    sd: f64,
    wanted: f64,
    design: &Design,
) -> Result<SampleSize, MethodError> {
    design.check()?;
    check_power(wanted)?;
    check_finite("the difference", delta)?;
    check_positive("the standard deviation", sd)?;
    if delta == 0.0 {
        return Err(MethodError::Unreachable { what: "the power", why: "the difference is zero" });
    }
    let d = in_range(delta.abs() / sd)?;
    let k = design.ratio;
    let (z_a, z_b) = (norm_isf(design.sides.tail_alpha(design.alpha)), norm_isf(1.0 - wanted));
    let normal = in_range(((z_a + z_b) / d).powi(2) * (1.0 + 1.0 / k))?;
    // The smallest control that leaves the t test one degree of freedom.
    let smallest = 3.0 / (1.0 + k);
    let solve = |power: &dyn Fn(f64) -> f64, low: f64| {
        let mut high = 2.0 * normal.max(low) + 10.0;
        while power(high) < wanted && high < 1e300 {
            high *= 2.0;
        }
        // Already enough at the smallest size that has a test.
        if power(low) >= wanted {
            low
        } else {
            find_root(|n| power(n) - wanted, low, high).unwrap_or(high)
        }
    };
    Ok(SampleSize {
        normal,
        normal_both_tails: in_range(solve(
            &|n| normal_power(d, n, design).total,
            f64::MIN_POSITIVE,
        ))?,
        exact: in_range(solve(&|n| exact_power(d, n, design), smallest))?,
    })
}

/// The smallest size from `low` on with the wanted power, near `guess`.
pub(super) fn size_with_power(
    power: impl Fn(f64) -> f64,
    wanted: f64,
    low: f64,
    guess: f64,
) -> f64 {
    let mut high = 2.0 * guess.max(low) + 10.0;
    while power(high) < wanted && high < 1e300 {
        high *= 2.0;
    }
    // Already enough at the smallest size that has a test.
    if power(low) >= wanted {
        low
    } else {
        find_root(|n| power(n) - wanted, low, high).unwrap_or(high)
    }
}

/// The chance to reject, by three counts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Power {
    /// By the noncentral t, all rejections; `None` with less than one degree of freedom.
    pub exact: Option<f64>,
    /// By the normal law, rejections in the direction of the effect.
    pub normal_one_tail: f64,
    /// By the normal law, all rejections.
    pub normal: f64,
}

/// The power to detect `delta` with `n_control` units in the control.
///
/// # Errors
/// As for [`sample_size`], where a difference of zero is allowed; [`MethodError::NotPositive`] without units.
pub fn power(delta: f64, sd: f64, n_control: f64, design: &Design) -> Result<Power, MethodError> {
    design.check()?;
    check_finite("the difference", delta)?;
    check_positive("the standard deviation", sd)?;
    check_positive("units in the control", n_control)?;
    let d = in_range(delta.abs() / sd)?;
    let normal = normal_power(d, n_control, design);
    let exact = exact_power(d, n_control, design);
    Ok(Power {
        exact: (!exact.is_nan()).then_some(exact),
        normal_one_tail: normal.one_tail,
        normal: normal.total,
    })
}

/// The smallest difference that is detected with the wanted power.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detectable {
    /// By the normal formula, in the metric's unit.
    pub normal: f64,
    /// By the noncentral t; `None` with less than one degree of freedom.
    pub exact: Option<f64>,
}

/// The minimum detectable difference with `n_control` units in the control.
///
/// # Errors
/// As for [`power`], and [`MethodError::Unreachable`] when the wanted power is below what alpha alone gives.
pub fn detectable_difference(
    sd: f64,
    n_control: f64,
    wanted: f64,
    design: &Design,
) -> Result<Detectable, MethodError> {
    check_power(wanted)?;
    design.check()?;
    check_positive("the standard deviation", sd)?;
    check_positive("units in the control", n_control)?;
    let tail = design.sides.tail_alpha(design.alpha);
    if wanted <= design.alpha {
        return Err(MethodError::Unreachable {
            what: "so low a power",
            why: "alpha alone gives more",
        });
    }
    let spread = ((1.0 + 1.0 / design.ratio) / n_control).sqrt();
    let normal = (norm_isf(tail) + norm_isf(1.0 - wanted)) * spread;
    let gap = |d: f64| exact_power(d, n_control, design) - wanted;
    let mut high = normal.abs().max(spread);
    for _ in 0..60 {
        if gap(high) > 0.0 {
            break;
        }
        high *= 2.0;
    }
    let exact = find_root(gap, 0.0, high).map(|d| d * sd).filter(|d| d.is_finite());
    Ok(Detectable { normal: in_range(normal * sd)?, exact })
}

/// Rejections by the normal law.
pub(super) struct Normal {
    pub(super) one_tail: f64,
    pub(super) total: f64,
}

/// The normal power for a difference of `d` standard deviations.
pub(super) fn normal_power(d: f64, n_control: f64, design: &Design) -> Normal {
    let shift = d * (n_control / (1.0 + 1.0 / design.ratio)).sqrt();
    let z = norm_isf(design.sides.tail_alpha(design.alpha));
    let one_tail = norm_sf(z - shift);
    match design.sides {
        Sides::Two => Normal { one_tail, total: one_tail + norm_sf(z + shift) },
        Sides::One => Normal { one_tail, total: one_tail },
    }
}

/// NaN with less than one degree of freedom.
fn exact_power(d: f64, n_control: f64, design: &Design) -> f64 {
    let df = n_control * (1.0 + design.ratio) - 2.0;
    if df.is_nan() || df < 1.0 {
        return f64::NAN;
    }
    let shift = d * (n_control / (1.0 + 1.0 / design.ratio)).sqrt();
    let t = t_isf(design.sides.tail_alpha(design.alpha), df);
    match design.sides {
        Sides::Two => noncentral_t_sf(t, df, shift) + noncentral_t_sf(t, df, -shift),
        Sides::One => noncentral_t_sf(t, df, shift),
    }
}
