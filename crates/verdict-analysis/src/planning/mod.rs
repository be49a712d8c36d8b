//! A plan in one go: how many units, how long, which effect, what power.
//!
//! [`plan`] answers one [`Question`] of one [`Request`], by every formula that fits: the normal approximation, which is
//! what most guides and calculators use, and the exact law beside it (the noncentral t for means and ratios, the binomial
//! for proportions). The formulas are in [`crate::methods::power`]; here they meet unequal splits, several variants,
//! corrected levels, covariates, margins and days. [`text`](Plan::text) says a plan to people, [`json`](Plan::json) to machines,
//! and [`flags`] reads a request from a command line.
//!
//! Several treatments share one control: the smallest of them decides, and each has at least the stated power.
//!
//! The power of an effect that was *observed* is no plan and explains no result: it is a function of the p-value. Plan
//! for the effect that would matter.

pub mod flags;

mod comparison;
mod curve;
mod json;
mod request;
mod shares;
mod text;

#[cfg(test)]
mod tests;

pub use curve::{Chars, curve_text};
pub use request::{Correction, Effect, Metric, Objective, Question, Request};

use crate::methods::MethodError;
use crate::methods::error::check_positive;
use comparison::Comparison;
use shares::Shares;

/// The law behind a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Formula {
    /// The normal approximation of the test statistic: the formula of most guides and calculators.
    NormalApproximation,
    /// The noncentral t: exact for normal data of equal spread.
    NoncentralT,
    /// The binomial: exact for the pooled z test.
    ExactBinomial,
}

impl Formula {
    /// The name in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NormalApproximation => "normal_approximation",
            Self::NoncentralT => "noncentral_t",
            Self::ExactBinomial => "exact_binomial",
        }
    }
}

/// The answer by one formula. What was not asked for is what was given.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// The formula.
    pub formula: Formula,
    /// The units of each variant, the control first.
    pub units: Vec<u64>,
    /// All units.
    pub total: u64,
    /// The power with these units, rounding up included, for the smallest treatment.
    pub power: f64,
    /// The effect, in the metric's unit; for a guardrail whose margin was asked for, the margin.
    pub effect: f64,
    /// The same as a share of the control, where that is defined.
    pub effect_rel: Option<f64>,
    /// The detectable effect downwards, where it is not the mirror image: for proportions.
    pub effect_down: Option<f64>,
    /// The days until all units have come, where their number a day is known.
    pub days: Option<f64>,
}

/// A plan.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// What was asked.
    pub request: Request,
    /// The alpha of each comparison.
    pub alpha_per_comparison: f64,
    /// The power that each comparison is planned with.
    pub power_per_comparison: f64,
    /// The number of comparisons that share alpha.
    pub comparisons: u32,
    /// The answer by each formula: the normal approximation first.
    pub answers: Vec<Answer>,
    /// Power by the number of units, at the planned effect: (all units, power), ascending.
    pub power_by_units: Vec<(f64, f64)>,
    /// Power by effect, at the planned units: (effect in the metric's unit, power), ascending.
    pub power_by_effect: Vec<(f64, f64)>,
}

/// Answers a request.
///
/// # Errors
/// [`MethodError`] that names the part at fault: a rate or power outside (0, 1), no effect or no margin where one is needed,
/// units that leave a variant without two, a split without two positive shares, a correlation beyond ±1, or an
/// effect that no number of units detects.
///
/// # Example
/// ```
/// use verdict_analysis::planning::{Effect, Metric, Question, Request, plan};
///
/// let mut request = Request::new(Metric::Proportion { baseline: 0.032 }, Question::SampleSize);
/// request.effect = Some(Effect::Relative(0.1));
/// request.units_per_day = Some(10_000.0);
/// let plan = plan(&request)?;
/// assert_eq!((plan.answers[0].total, plan.answers[0].days), (99_554, Some(10.0)));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn plan(request: &Request) -> Result<Plan, MethodError> {
    let shares = Shares::of(&request.split)?;
    if let Some(per_day) = request.units_per_day {
        check_positive("units per day", per_day)?;
    } else if request.question == Question::Duration {
        return Err(MethodError::NotPositive { what: "units per day", value: 0.0 });
    }
    let treatments = u32::try_from(request.split.len() - 1).unwrap_or(u32::MAX);
    let comparisons = treatments.saturating_mul(request.metrics.max(1));
    let comparison = Comparison::of(request, comparisons, shares.smallest_ratio)?;
    let answers = match request.question {
        Question::SampleSize | Question::Duration => comparison
            .sample_sizes()?
            .into_iter()
            .map(|(formula, n_control)| {
                let units = shares.for_control(n_control)?;
                let power = comparison.power(formula, comparison.effect, &shares, &units)?;
                comparison.answer(formula, units, power, comparison.effect, None)
            })
            .collect::<Result<Vec<_>, MethodError>>()?,
        Question::Power { units } => {
            let units = shares.of_total(units)?;
            comparison
                .formulas()
                .iter()
                .map(|formula| {
                    let power = comparison.power(*formula, comparison.effect, &shares, &units)?;
                    comparison.answer(*formula, units.clone(), power, comparison.effect, None)
                })
                .collect::<Result<Vec<_>, MethodError>>()?
        }
        Question::Mde { units } => {
            let units = shares.of_total(units)?;
            comparison
                .detectable(units[0] as f64)?
                .into_iter()
                .map(|(formula, effect, down)| {
                    let power = comparison.power(formula, effect, &shares, &units)?;
                    comparison.answer(formula, units.clone(), power, effect, down)
                })
                .collect::<Result<Vec<_>, MethodError>>()?
        }
    };
    // Where a law is too long to count it is left out; the others stand.
    let answers: Vec<Answer> = answers.into_iter().flatten().collect();
    let (power_by_units, power_by_effect) = curve::curves(&comparison, &shares, &answers);
    Ok(Plan {
        request: request.clone(),
        alpha_per_comparison: comparison.design.alpha,
        power_per_comparison: comparison.wanted,
        comparisons,
        answers,
        power_by_units,
        power_by_effect,
    })
}
