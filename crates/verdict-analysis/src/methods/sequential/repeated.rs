//! Repeated p-values and intervals: valid at any look, whether or not one stops there.
//!
//! The repeated interval is estimate ± c_k / sqrt(I_k), with c_k the bound of look k; all of them hold at once
//! with probability 1 - alpha. The repeated p-value is the smallest level at which the same family of bounds
//! would have crossed at that look. One half (one-sided) or one (two-sided) is the largest level there is.
//!
//! Source: C. Jennison & B. W. Turnbull, JRSS B 51 (1989), 305-361; Group Sequential Methods (2000), chapter 9.

use super::boundary::{Sides, spending_bounds};
use super::spending::Spending;
use crate::methods::error::{check_finite, check_positive};
use crate::methods::special::{find_root_between, norm_sf};
use crate::methods::{Interval, MethodError};

/// The interval at one look from its estimate, its information and its bound.
///
/// # Errors
/// [`MethodError::NotFinite`] for the estimate, [`MethodError::NotPositive`] for the information.
///
/// # Example
/// ```
/// use verdict_analysis::methods::sequential::repeated::repeated_interval;
///
/// let interval = repeated_interval(0.2, 400.0, 2.5)?;
/// assert_eq!(format!("{:.3} to {:.3}", interval.lower, interval.upper), "0.075 to 0.325");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn repeated_interval(
    estimate: f64,
    information: f64,
    bound: f64,
) -> Result<Interval, MethodError> {
    check_finite("the estimate", estimate)?;
    check_positive("the information", information)?;
    Ok(Interval::around(estimate, bound / information.sqrt()))
}

/// The repeated p-value of the last of `fractions`, where Z was observed.
///
/// # Errors
/// As for [`spending_bounds`]; [`MethodError::NotFinite`] for z.
///
/// # Example
/// The estimate of the third of five looks was 2.9 standard errors below zero.
/// ```
/// use verdict_analysis::methods::sequential::boundary::Sides;
/// use verdict_analysis::methods::sequential::{repeated::repeated_p, spending::Spending};
///
/// let p = repeated_p(&[0.2, 0.4, 0.6], -2.9, Sides::Two, Spending::ObrienFleming)?;
/// assert_eq!(format!("{p:.4}"), "0.0325");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn repeated_p(
    fractions: &[f64],
    z: f64,
    sides: Sides,
    spending: Spending,
) -> Result<f64, MethodError> {
    check_finite("the statistic", z)?;
    let evidence = sides.evidence(z);
    // By how much the look misses its bound at a level.
    let short_by = |level: f64| {
        let bounds = spending_bounds(fractions, level, sides, spending)?;
        Ok::<f64, MethodError>(bounds.z[fractions.len() - 1] - evidence)
    };
    // Nothing is known of the level but what the look would be alone.
    let alone = (sides.count() * norm_sf(evidence)).clamp(1e-250, 0.4);
    let near = (alone, short_by(alone)?);
    smallest_level(short_by, sides, -600.0, near, 0.0)
}

/// The level at which `short_by` turns from positive (not crossed) to negative, its logarithm at least `ln_least` and
/// right to `distance`; the largest level there is when it never does. It is looked for outwards from `near`, a level
/// and what `short_by` is there.
pub(crate) fn smallest_level(
    short_by: impl Fn(f64) -> Result<f64, MethodError>,
    sides: Sides,
    ln_least: f64,
    near: (f64, f64),
    distance: f64,
) -> Result<f64, MethodError> {
    let largest: f64 = match sides {
        Sides::One => 0.5,
        Sides::Two => 1.0 - 1e-9,
    };
    // In logarithms: levels of 1e-100 are as possible as of 0.1. Infinite bounds become a large finite distance.
    let gap = |ln_level: f64| short_by(ln_level.exp()).map_or(f64::NAN, |gap| gap.min(1e3));
    let (lowest, highest) = (ln_least.max(-600.0), largest.ln());
    if lowest >= highest {
        return Ok(lowest.exp());
    }
    let start = near.0.ln();
    let mut inside = (start.clamp(lowest, highest), near.1.min(1e3));
    if inside.0 != start {
        inside.1 = gap(inside.0);
    }
    let lost = || MethodError::Overflow { what: "the repeated p-value" };
    // A look exactly on its bound has crossed.
    let crossed = inside.1 <= 0.0;
    // Bounds of c move by about 1/c where the logarithm of the level moves by one.
    let mut reach = 4.0 * inside.1.abs().clamp(1e-6, 50.0);
    let outside = loop {
        let at = if crossed { inside.0 - reach } else { inside.0 + reach };
        let at = at.clamp(lowest, highest);
        let there = (at, gap(at));
        if there.1.is_nan() {
            return Err(lost());
        }
        if (there.1 <= 0.0) != crossed {
            break there;
        }
        if at == lowest {
            return Ok(lowest.exp());
        }
        if at == highest {
            return Ok(if sides == Sides::One { 0.5 } else { 1.0 });
        }
        inside = there;
        reach *= 3.0;
    };
    let (low, high) = if crossed { (outside, inside) } else { (inside, outside) };
    find_root_between(gap, low, high, distance).map(f64::exp).ok_or_else(lost)
}
