//! What is fixed before a comparison's first look: the method, and what mixtures are tuned by.

use verdict_model::{
    ExperimentMetric, GuardrailTest, Margin, Mde, Role, SequentialMethod, StatisticalSettings,
};

use super::samples::Gap;
use crate::methods::sequential::confidence_sequence::rho_squared;
use crate::methods::sequential::monitor::Method;
use crate::methods::sequential::spending::Spending;

/// Days that an experiment without a planned end is taken to last, for tuning only.
const USUAL_DAYS: i64 = 28;

/// What the first look that counts says besides the effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct FirstLook {
    /// The units of both variants.
    pub(super) units: f64,
    /// The variance of the effect.
    pub(super) variance: f64,
    /// The control's level.
    pub(super) control_level: f64,
    /// Days from the start; `None` where no schedule is known.
    pub(super) days: Option<i64>,
    /// The planned days.
    pub(super) planned_days: Option<i64>,
}

impl FirstLook {
    /// The units that are to be expected at the planned end, if as many come each day as came until now.
    fn units_at_the_end(&self) -> f64 {
        let days = self.days.unwrap_or(1).max(1);
        let planned = self.planned_days.unwrap_or(USUAL_DAYS).max(days);
        self.units * planned as f64 / days as f64
    }

    /// The standard deviation of effects that makes a mixture tightest at the planned end.
    fn tau_for_the_end(&self, alpha: f64) -> f64 {
        (rho_squared(self.units_at_the_end(), alpha) * self.units * self.variance).sqrt()
    }

    /// A share of the control's level, where that is positive.
    fn of_level(&self, share: f64) -> Option<f64> {
        let effect = share * self.control_level;
        (effect.is_finite() && effect > 0.0).then_some(effect)
    }
}

/// The method of a comparison. Nothing of it depends on the effect that was seen.
pub(super) fn method(
    settings: &StatisticalSettings,
    metric: &ExperimentMetric,
    first: &FirstLook,
    alpha: f64,
) -> Result<Method, Gap> {
    let planned = |spending| match first.planned_days {
        Some(_) => Ok(Method::GroupSequential(spending)),
        None => Err(Gap::Failed("no_planned_end")),
    };
    match settings.sequential {
        SequentialMethod::None => Ok(Method::FixedHorizon),
        SequentialMethod::Msprt => Ok(Method::Msprt { tau: tau(settings, metric, first, alpha) }),
        SequentialMethod::ConfidenceSequence => {
            let units = settings.confidence_sequence_tuning;
            Ok(Method::ConfidenceSequence {
                tuning: units.unwrap_or_else(|| first.units_at_the_end()),
            })
        }
        SequentialMethod::ObrienFleming => planned(Spending::ObrienFleming),
        SequentialMethod::Pocock => planned(Spending::Pocock),
    }
}

/// The configured one for the primary metric; then the effect that the metric is tested for, its smallest effect of
/// interest or its margin; without one the value that is best at the planned end.
fn tau(
    settings: &StatisticalSettings,
    metric: &ExperimentMetric,
    first: &FirstLook,
    alpha: f64,
) -> f64 {
    let configured = settings.tau.filter(|_| metric.role == Role::Primary);
    let effect = match (metric.test, metric.mde) {
        (GuardrailTest::NonInferiority(Margin::Absolute(margin)), _) => Some(margin),
        (GuardrailTest::NonInferiority(Margin::Relative(margin)), _) => first.of_level(margin),
        (GuardrailTest::Deterioration, Some(Mde::Absolute(mde))) => Some(mde),
        (GuardrailTest::Deterioration, Some(Mde::Relative(mde))) => first.of_level(mde),
        (GuardrailTest::Deterioration, None) => None,
    };
    configured.or(effect).unwrap_or_else(|| first.tau_for_the_end(alpha))
}
