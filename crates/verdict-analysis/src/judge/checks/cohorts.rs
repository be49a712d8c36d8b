//! The primary metric's lift among the units of each day of exposure: different units, so that the lifts are independent.

use verdict_model::NaiveDate;
use verdict_model::rows::EXPOSURE_DS;

use super::super::samples::{Kind, sample};
use super::Subject;
use super::segments::{EffectOf, effect_in};

/// How many standard errors the control of a cohort must lie above zero for its lift.
const SAFE_STD_ERRORS: f64 = 5.0;

/// The units that were first exposed on one day, a variant's against the control's.
#[derive(Clone, Debug, PartialEq)]
pub struct Cohort {
    /// The variant.
    pub variant: String,
    /// The day of first exposure.
    pub exposed: NaiveDate,
    /// Whole days from then to the as-of date.
    pub age: i64,
    /// Units of the control.
    pub n_control: i64,
    /// Units of the variant.
    pub n_variant: i64,
    /// The change of the primary metric as a share of the control's level in the cohort; totals are those up to the as-of date.
    pub lift: f64,
    /// The standard error of the lift, by the delta method.
    pub std_error: f64,
}

impl Cohort {
    pub(super) fn effect(&self) -> EffectOf {
        EffectOf { effect: self.lift, std_error: self.std_error }
    }
}

/// The cohorts of an arm that are large enough and whose control lies safely above zero, by day of exposure.
pub(super) fn of_arm(subject: &Subject<'_>, arm: &str) -> Vec<Cohort> {
    let days = subject.groups.values(&subject.experiment.primary.name.value, EXPOSURE_DS);
    let mut cohorts: Vec<Cohort> =
        days.into_iter().filter_map(|day| cohort(subject, arm, day)).collect();
    cohorts.sort_by_key(|one| one.exposed);
    cohorts
}

fn cohort(subject: &Subject<'_>, arm: &str, day: &str) -> Option<Cohort> {
    let metric = &*subject.experiment.primary.name.value;
    let effect = effect_in(subject, (metric, arm), EXPOSURE_DS, day)?;
    let group = |arm: &str| subject.groups.get(metric, arm, EXPOSURE_DS, day);
    let of = |arm: &str| {
        let group = group(arm)?;
        sample(Kind::of(&group.metric_type).ok()?, group).ok()
    };
    let name_of_control = &subject.experiment.design.control.value;
    let (control, variant) = (of(name_of_control)?, of(arm)?);
    if control.mean <= SAFE_STD_ERRORS * control.std_error() {
        return None;
    }
    let ratio = variant.mean / control.mean;
    let variance = variant.variance_of_mean() + ratio * ratio * control.variance_of_mean();
    let exposed: NaiveDate = day.parse().ok()?;
    let cohort = Cohort {
        variant: arm.to_owned(),
        exposed,
        age: (subject.ds - exposed).num_days(),
        n_control: group(name_of_control)?.n,
        n_variant: group(arm)?.n,
        lift: effect.effect / control.mean,
        std_error: variance.sqrt() / control.mean,
    };
    (cohort.lift.is_finite() && cohort.std_error > 0.0 && cohort.std_error.is_finite())
        .then_some(cohort)
}
