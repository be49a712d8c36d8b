//! Whether independent estimates rise or fall along an ordered quantity: a weighted line.
//!
//! With estimates e_i at x_i of known standard errors, weights w_i = 1 / se_i² and x̄ their weighted mean, the slope is
//! Σ w_i (x_i - x̄) e_i / S with S = Σ w_i (x_i - x̄)², of standard error 1 / √S; its ratio is a standard normal where no line
//! but a level one is true.
//!
//! Assumes independent estimates. Effects on successive days of the same units are not: their errors are shared, and a
//! line through them is tested too often. Cohorts of different units are.
//!
//! Source: S. Weisberg, Applied Linear Regression, 4th ed. (2014), section 7.1.

use super::MethodError;
use super::error::{check_at_least, check_finite};
use super::heterogeneity::EffectOf;
use super::{Alternative, Reference};

/// A line through estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Trend {
    /// How much the estimate changes where x grows by one.
    pub slope: f64,
    /// Its standard error.
    pub std_error: f64,
    /// Their ratio.
    pub z: f64,
    /// Its two-sided p-value.
    pub p_value: f64,
    /// The weighted means of x and of the estimates: the line goes through them.
    pub centre: (f64, f64),
}

impl Trend {
    /// The line's value at `x`.
    #[must_use]
    pub fn at(&self, x: f64) -> f64 {
        self.centre.1 + self.slope * (x - self.centre.0)
    }
}

/// The line through estimates at each x, and the test that it is level.
///
/// # Errors
/// [`MethodError::TooFew`] below three estimates, [`MethodError::NotFinite`] or [`MethodError::ZeroVariance`] for one that is
/// none, and where all x are the same.
///
/// # Example
/// Estimates 3, 2 and 1 at 0, 1 and 2, each with a standard error of 1: S = 2, slope -1, z = -√2.
/// ```
/// use verdict_analysis::methods::{heterogeneity::EffectOf, trend::trend};
///
/// let of = |effect| EffectOf { effect, std_error: 1.0 };
/// let line = trend(&[(0.0, of(3.0)), (1.0, of(2.0)), (2.0, of(1.0))])?;
/// assert!((line.slope + 1.0).abs() < 1e-15 && (line.z + 2_f64.sqrt()).abs() < 1e-14);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn trend(estimates: &[(f64, EffectOf)]) -> Result<Trend, MethodError> {
    check_at_least("estimates", estimates.len() as u64, 3)?;
    for (x, of) in estimates {
        check_finite("x", *x)?;
        check_finite("an estimate", of.effect)?;
        check_finite("a standard error", of.std_error)?;
        if of.std_error <= 0.0 {
            return Err(MethodError::ZeroVariance { what: "an estimate" });
        }
    }
    let smallest = estimates.iter().map(|(_, of)| of.std_error).fold(f64::INFINITY, f64::min);
    let weight = |of: &EffectOf| (smallest / of.std_error).powi(2);
    let total: f64 = estimates.iter().map(|(_, of)| weight(of)).sum();
    let mean = |f: &dyn Fn(&(f64, EffectOf)) -> f64| {
        estimates.iter().map(|one| weight(&one.1) / total * f(one)).sum::<f64>()
    };
    let (mean_x, mean_e) = (mean(&|(x, _)| *x), mean(&|(_, of)| of.effect));
    let spread: f64 = estimates.iter().map(|(x, of)| weight(of) * (x - mean_x).powi(2)).sum();
    if spread <= 0.0 {
        return Err(MethodError::ZeroVariance { what: "x" });
    }
    let co: f64 =
        estimates.iter().map(|(x, of)| weight(of) * (x - mean_x) * (of.effect - mean_e)).sum();
    let (slope, std_error) = (co / spread, smallest / spread.sqrt());
    let z = slope / std_error;
    check_finite("the slope", z)?;
    let (p_value, _) = Reference::Normal.p_value(z, Alternative::TwoSided);
    Ok(Trend { slope, std_error, z, p_value, centre: (mean_x, mean_e) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(effect: f64, std_error: f64) -> EffectOf {
        EffectOf { effect, std_error }
    }

    /// Weights 1, 1/4 and 1 at 0, 1 and 3: x̄ = 13/9 and, of 1, 4 and 3, ē = 20/9.
    #[test]
    fn three_estimates_by_hand() {
        let line = trend(&[(0.0, of(1.0, 1.0)), (1.0, of(4.0, 2.0)), (3.0, of(3.0, 1.0))]).unwrap();
        let (x, e) = (3.25 / 2.25, 5.0 / 2.25);
        let spread = x * x + 0.25 * (1.0 - x) * (1.0 - x) + (3.0 - x) * (3.0 - x);
        let co = -x * (1.0 - e) + 0.25 * (1.0 - x) * (4.0 - e) + (3.0 - x) * (3.0 - e);
        assert!((line.slope - co / spread).abs() < 1e-14, "{line:?}");
        assert!((line.std_error - spread.sqrt().recip()).abs() < 1e-14, "{line:?}");
        assert!((line.at(x) - e).abs() < 1e-14, "{line:?}");
    }

    #[test]
    fn a_level_line_has_no_slope() {
        let line = trend(&[(0.0, of(2.0, 1.0)), (5.0, of(2.0, 3.0)), (9.0, of(2.0, 2.0))]).unwrap();
        assert!(line.slope.abs() < 1e-15 && line.p_value > 0.999, "{line:?}");
    }

    #[test]
    fn what_makes_no_line_is_refused() {
        let one = of(1.0, 1.0);
        assert!(trend(&[(0.0, one), (1.0, one)]).is_err());
        assert!(trend(&[(1.0, one), (1.0, one), (1.0, one)]).is_err());
        assert!(trend(&[(0.0, one), (1.0, of(1.0, 0.0)), (2.0, one)]).is_err());
        assert!(trend(&[(0.0, one), (f64::NAN, one), (2.0, one)]).is_err());
    }
}
