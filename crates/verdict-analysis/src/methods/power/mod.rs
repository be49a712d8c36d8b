//! Planning: sample size, power and minimum detectable effect, before the experiment.
//!
//! - [`proportions`]: two rates, by the textbook normal formula (pooled variance under the null hypothesis).
//! - [`binomial`]: the exact power of the test of two rates, by counting.
//! - [`means`]: two means, by the normal formula and exactly, by the noncentral t.
//!
//! Ratios and CUPED-adjusted means are planned as means, with the standard deviation of the linearised or adjusted metric
//! ([`adjusted_sd`]). Several variants against one control: plan each comparison with [`alpha_per_comparison`]. A
//! guardrail: the effect is the margin, one-sided, and the power is raised with [`power_per_guardrail`].
//!
//! The power of the *observed* effect is no planning and no explanation of a result: it is a function of the p-value
//! (J. M. Hoenig & D. M. Heisey, Am. Statistician 55 (2001), 19-24). Look at the interval.

pub mod binomial;
pub mod means;
pub mod proportions;

use super::MethodError;
use super::error::{check_alpha, check_not_negative, check_positive};

/// Whether the planned test looks for an effect both ways or one way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Sides {
    /// Either direction; alpha is split.
    #[default]
    Two,
    /// The direction of the effect.
    One,
}

impl Sides {
    pub(crate) fn tail_alpha(self, alpha: f64) -> f64 {
        match self {
            Self::Two => 0.5 * alpha,
            Self::One => alpha,
        }
    }
}

/// What every plan fixes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Design {
    /// The chance of a false alarm, such as 0.05.
    pub alpha: f64,
    /// One-sided or two-sided.
    pub sides: Sides,
    /// Units in the treatment for each unit in the control; 1 for an even split.
    pub ratio: f64,
}

impl Design {
    /// An even split.
    #[must_use]
    pub fn even(alpha: f64, sides: Sides) -> Self {
        Self { alpha, sides, ratio: 1.0 }
    }

    fn check(&self) -> Result<(), MethodError> {
        check_alpha(self.alpha)?;
        check_positive("the ratio of treatment to control", self.ratio)
    }
}

/// The alpha of each of several comparisons with one control (Bonferroni).
#[must_use]
pub fn alpha_per_comparison(alpha: f64, comparisons: u32) -> f64 {
    alpha / f64::from(comparisons.max(1))
}

/// The power that each of several guardrails needs so that all pass with the wanted power, when there is no harm.
#[must_use]
pub fn power_per_guardrail(power: f64, guardrails: u32) -> f64 {
    1.0 - (1.0 - power) / f64::from(guardrails.max(1))
}

/// The standard deviation that is left after adjustment for a covariate of this correlation: sd sqrt(1 - rho²).
#[must_use]
pub fn adjusted_sd(sd: f64, correlation: f64) -> f64 {
    sd * ((1.0 - correlation) * (1.0 + correlation)).max(0.0).sqrt()
}

/// The days until `units` units have entered, when `units_per_day` new ones do (both variants together).
///
/// Round up to whole weeks: weekdays differ. Sequential designs need their inflation factor on top.
///
/// # Errors
/// [`MethodError::NotPositive`] for no units a day, [`MethodError::Negative`] for a negative number of units.
pub fn duration_days(units: f64, units_per_day: f64) -> Result<f64, MethodError> {
    check_not_negative("the number of units", units)?;
    check_positive("units per day", units_per_day)?;
    Ok((units / units_per_day).ceil())
}

fn check_power(power: f64) -> Result<(), MethodError> {
    if power > 0.0 && power < 1.0 {
        Ok(())
    } else {
        Err(MethodError::BadProbability { what: "the wanted power", value: power })
    }
}

fn in_range(value: f64) -> Result<f64, MethodError> {
    if value.is_finite() { Ok(value) } else { Err(MethodError::Overflow { what: "the plan" }) }
}
