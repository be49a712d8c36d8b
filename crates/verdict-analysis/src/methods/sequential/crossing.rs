//! What a set of bounds does: where paths cross, with what power, after how much information.
//!
//! With theta the effect and E Z_k = theta sqrt(I_k), the drift is theta sqrt(I_max), so that E Z_k = drift
//! sqrt(t_k). A drift of 2.8 is 80% power of a fixed two-sided 5% test.
//!
//! Sources: P. Armitage, C. K. McPherson & B. C. Rowe, JRSS A 132 (1969), 235-244 (the cost of peeking: 2 looks
//! 8.3%, 5 looks 14.2%, 10 looks 19.3%, 20 looks 24.8%, 50 looks 32.0%); C. Jennison & B. W. Turnbull, Group
//! Sequential Methods (2000), equations (19.1) to (19.9).

use super::boundary::{Sides, check_fractions, check_increasing};
use super::walk::Walk;
use crate::methods::MethodError;
use crate::methods::error::{check_alpha, check_finite, check_probability};
use crate::methods::special::{find_root, norm_isf};

/// The probabilities of stopping at each look, and what follows from them.
#[derive(Clone, Debug, PartialEq)]
pub struct Crossing {
    /// P(the first crossing is at this look, through the upper bound).
    pub upper: Vec<f64>,
    /// P(the first crossing is at this look, through the lower bound).
    pub lower: Vec<f64>,
    /// The expected information at which the design ends, as a fraction of the plan; without a crossing it ends
    /// at the last look.
    pub expected_fraction: f64,
}

impl Crossing {
    /// P(the upper bound is crossed first): the power of a test for an increase.
    #[must_use]
    pub fn total_upper(&self) -> f64 {
        self.upper.iter().sum()
    }

    /// P(the lower bound is crossed first).
    #[must_use]
    pub fn total_lower(&self) -> f64 {
        self.lower.iter().sum()
    }

    /// P(any crossing).
    #[must_use]
    pub fn total(&self) -> f64 {
        self.total_upper() + self.total_lower()
    }
}

/// Where paths with this drift cross the bounds of Z. A bound that a look does not have is infinite.
///
/// # Errors
/// [`MethodError::BadShape`] when the lists differ in length or the fractions do not increase,
/// [`MethodError::NotFinite`] for a drift or a bound that is NaN, and those of
/// [`super::boundary::spending_bounds`] for the fractions.
///
/// # Example
/// Five looks at the nominal 5%.
/// ```
/// use verdict_analysis::methods::sequential::crossing::crossing;
///
/// let bound = [1.959964; 5];
/// let peeking = crossing(&[0.2, 0.4, 0.6, 0.8, 1.0], &bound.map(|z| -z), &bound, 0.0)?;
/// assert_eq!(format!("{:.3}", peeking.total()), "0.142");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn crossing(
    fractions: &[f64],
    lower_z: &[f64],
    upper_z: &[f64],
    drift: f64,
) -> Result<Crossing, MethodError> {
    check_fractions(fractions)?;
    check_increasing(fractions)?;
    check_finite("the drift", drift)?;
    for bounds in [lower_z, upper_z] {
        if bounds.len() != fractions.len() {
            return Err(MethodError::BadShape {
                what: "bounds",
                expected: format!("{} (one a look)", fractions.len()),
                got: bounds.len(),
            });
        }
        if let Some(value) = bounds.iter().find(|z| z.is_nan()) {
            return Err(MethodError::NotFinite { what: "a bound", value: *value });
        }
    }
    let mut walk: Option<Walk> = None;
    let (mut upper, mut lower) = (Vec::new(), Vec::new());
    for ((t, a), b) in fractions.iter().zip(lower_z).zip(upper_z) {
        if a.is_infinite() && b.is_infinite() {
            upper.push(0.0);
            lower.push(0.0);
            continue;
        }
        let mut here = match walk.take() {
            None => Walk::new(*t, drift),
            Some(mut walk) => {
                walk.advance(*t);
                walk
            }
        };
        let root = t.sqrt();
        upper.push(here.above(b * root));
        // Bounds that meet leave nothing between them; bounds that cross would count paths twice.
        lower.push(here.below(a.min(*b) * root));
        here.keep(a * root, b * root);
        walk = Some(here);
    }
    let last = fractions[fractions.len() - 1];
    let early = |(k, t): (usize, &f64)| (upper[k] + lower[k]) * (last - t);
    let saved: f64 = fractions.iter().enumerate().map(early).sum();
    Ok(Crossing { upper, lower, expected_fraction: last - saved })
}

/// The drift at which bounds have this power: the probability of crossing upwards.
///
/// # Errors
/// As for [`crossing`]; [`MethodError::BadProbability`] for a power outside (0, 1), [`MethodError::Unreachable`]
/// when no drift has it.
///
/// # Example
/// A fixed test needs a drift of 1.96 + 0.84.
/// ```
/// use verdict_analysis::methods::sequential::{boundary::Sides, crossing::drift_for_power};
///
/// let drift = drift_for_power(&[1.0], &[1.959963985], Sides::Two, 0.8)?;
/// assert_eq!(format!("{drift:.4}"), "2.8016");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn drift_for_power(
    fractions: &[f64],
    upper_z: &[f64],
    sides: Sides,
    power: f64,
) -> Result<f64, MethodError> {
    check_probability("the power", power)?;
    let lower_z: Vec<f64> = upper_z.iter().map(|z| sides.lower(*z)).collect();
    crossing(fractions, &lower_z, upper_z, 0.0)?;
    let gap = |drift: f64| {
        crossing(fractions, &lower_z, upper_z, drift).map_or(f64::NAN, |c| c.total_upper() - power)
    };
    find_root(gap, -20.0, 40.0)
        .ok_or(MethodError::Unreachable { what: "the power", why: "the bounds are too wide" })
}

/// By how much the information of a fixed design must be multiplied for the same power: (drift / (z(a) + z(b)))².
///
/// # Errors
/// As for [`drift_for_power`].
///
/// # Example
/// Looking five times costs 2.5% with the O'Brien-Fleming type.
/// ```
/// use verdict_analysis::methods::sequential::boundary::{Sides, spending_bounds};
/// use verdict_analysis::methods::sequential::{crossing::inflation, spending::Spending};
///
/// let looks = [0.2, 0.4, 0.6, 0.8, 1.0];
/// let bounds = spending_bounds(&looks, 0.05, Sides::Two, Spending::ObrienFleming)?;
/// assert_eq!(format!("{:.3}", inflation(&looks, &bounds.z, Sides::Two, 0.05, 0.8)?), "1.025");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn inflation(
    fractions: &[f64],
    upper_z: &[f64],
    sides: Sides,
    alpha: f64,
    power: f64,
) -> Result<f64, MethodError> {
    check_alpha(alpha)?;
    let drift = drift_for_power(fractions, upper_z, sides, power)?;
    Ok((drift / (norm_isf(sides.tail_alpha(alpha)) + norm_isf(1.0 - power))).powi(2))
}

#[cfg(test)]
mod tests {
    use super::super::boundary::{Shape, classical_bounds, spending_bounds};
    use super::super::spending::Spending;
    use super::*;

    fn daily(looks: usize) -> Vec<f64> {
        (1..=looks).map(|k| k as f64 / looks as f64).collect()
    }

    #[test]
    fn the_cost_of_peeking_is_the_published_one() {
        // Armitage, McPherson & Rowe (1969), 5%.
        for (looks, level) in [(2, 0.083), (5, 0.142), (10, 0.193), (20, 0.248), (50, 0.320)] {
            let bound = vec![norm_isf(0.025); looks];
            let lower: Vec<f64> = bound.iter().map(|z| -z).collect();
            let peeking = crossing(&daily(looks), &lower, &bound, 0.0).expect("a level");
            assert!((peeking.total() - level).abs() < 5e-4, "{looks}: {}", peeking.total());
        }
    }

    #[test]
    fn inflation_is_the_published_one() {
        // Five looks, 80% power: rpact for the spending functions, Jennison & Turnbull (2000), table 2.2, for
        // Pocock's test.
        let looks = daily(5);
        let of = |z: &[f64]| inflation(&looks, z, Sides::Two, 0.05, 0.8).expect("a factor");
        let spending = |s| spending_bounds(&looks, 0.05, Sides::Two, s).expect("bounds").z;
        assert!((of(&spending(Spending::ObrienFleming)) - 1.025).abs() < 1e-3);
        assert!((of(&spending(Spending::Pocock)) - 1.213).abs() < 1e-3);
        let pocock = classical_bounds(&looks, 0.05, Sides::Two, Shape::Pocock).expect("bounds");
        assert!((of(&pocock.z) - 1.228).abs() < 1.5e-3, "{}", of(&pocock.z));
    }

    #[test]
    fn sides_mirror_each_other() {
        let (t, up) = ([0.3, 0.7, 1.0], [3.4, 2.6, 1.96]);
        let low = [-0.5, 0.6, 1.5];
        let minus = |z: [f64; 3]| z.map(|z| -z);
        let one = crossing(&t, &low, &up, 2.5).expect("probabilities");
        let other = crossing(&t, &minus(up), &minus(low), -2.5).expect("probabilities");
        for k in 0..3 {
            assert!((one.upper[k] - other.lower[k]).abs() < 1e-15);
            assert!((one.lower[k] - other.upper[k]).abs() < 1e-15);
        }
    }

    #[test]
    fn a_look_without_bounds_changes_nothing() {
        let inf = f64::INFINITY;
        let with = crossing(&[0.2, 0.5, 1.0], &[-inf, -2.5, -2.0], &[inf, 2.5, 2.0], 1.0);
        let without = crossing(&[0.5, 1.0], &[-2.5, -2.0], &[2.5, 2.0], 1.0);
        let (with, without) = (with.expect("probabilities"), without.expect("probabilities"));
        assert_eq!(with.upper[1..], without.upper[..]);
        assert_eq!(with.expected_fraction, without.expected_fraction);
    }
}
