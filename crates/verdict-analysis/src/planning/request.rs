//! What a plan rests on.

use crate::methods::guardrail::{Better, Margin};
use crate::methods::power::Sides;

/// The metric to plan for, in the control.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Metric {
    /// A share of units.
    Proportion {
        /// The control's rate.
        baseline: f64,
    },
    /// A mean over units.
    Mean {
        /// The control's mean; needed for relative effects only.
        mean: Option<f64>,
        /// The standard deviation between units.
        sd: f64,
    },
    /// A ratio of means over units, such as clicks per view, by the delta method.
    Ratio {
        /// The mean of the numerator.
        mean_num: f64,
        /// The mean of the denominator.
        mean_den: f64,
        /// The variance of the numerator between units.
        var_num: f64,
        /// The variance of the denominator.
        var_den: f64,
        /// Their covariance.
        cov: f64,
    },
}

/// An effect: treatment minus control, or over it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Effect {
    /// In the metric's unit; 0.005 of a proportion is half a point.
    Absolute(f64),
    /// As a share of the control: 0.1 is +10%.
    Relative(f64),
}

/// What is to be found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// The units that detect the effect with the wanted power.
    SampleSize,
    /// The days until so many have come.
    Duration,
    /// The power of an experiment of so many units, all variants together.
    Power {
        /// All units.
        units: u64,
    },
    /// The smallest effect (or margin) for which an experiment of so many units has the wanted power.
    Mde {
        /// All units.
        units: u64,
    },
}

/// What the experiment is to show.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Objective {
    /// That there is an effect.
    Difference,
    /// That the treatment is not worse by more than a margin: a guardrail. One-sided always.
    NonInferiority {
        /// The margin; `None` only where it is what is asked for ([`Question::Mde`]).
        margin: Option<Margin>,
        /// Which way the metric improves.
        better: Better,
        /// The number of guardrails that must all pass: each is then planned with a higher power, none with a smaller
        /// alpha.
        guardrails: u32,
    },
}

/// How alpha is shared by several comparisons.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Correction {
    /// Not at all.
    None,
    /// alpha / m. Holm's first step is the same, so that a plan for Holm is this one.
    #[default]
    Bonferroni,
    /// 1 - (1 - alpha)^(1/m), for independent comparisons.
    Sidak,
}

/// Everything a plan rests on.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// The metric.
    pub metric: Metric,
    /// What is to be found.
    pub question: Question,
    /// What is to be shown.
    pub objective: Objective,
    /// The effect to detect; for a guardrail the true effect that is feared or hoped for, none by default. Not used where
    /// the effect is what is asked for.
    pub effect: Option<Effect>,
    /// The chance of a false alarm in the whole family.
    pub alpha: f64,
    /// The wanted power.
    pub power: f64,
    /// Two-sided or one-sided; guardrails are one-sided whatever stands here.
    pub sides: Sides,
    /// The shares of the variants in any unit, the control first.
    pub split: Vec<f64>,
    /// How alpha is shared by the comparisons.
    pub correction: Correction,
    /// The number of metrics in the family; each is compared for each treatment.
    pub metrics: u32,
    /// The correlation with a covariate from before the experiment (CUPED); 0 without one.
    pub correlation: f64,
    /// New units a day, all variants together.
    pub units_per_day: Option<f64>,
}

impl Request {
    /// A request with the usual settings: alpha 5%, power 80%, two-sided, an even split of two variants.
    #[must_use]
    pub fn new(metric: Metric, question: Question) -> Self {
        Self {
            metric,
            question,
            objective: Objective::Difference,
            effect: None,
            alpha: 0.05,
            power: 0.8,
            sides: Sides::Two,
            split: vec![1.0, 1.0],
            correction: Correction::Bonferroni,
            metrics: 1,
            correlation: 0.0,
            units_per_day: None,
        }
    }
}
