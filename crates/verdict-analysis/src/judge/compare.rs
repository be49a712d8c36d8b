//! One comparison: what the statistics of two groups say, or why they say nothing.

use verdict_model::rows::GroupStat;

use crate::methods::ratio::RatioSample;
use crate::methods::relative::FiellerSet;
use crate::methods::two_proportion::{
    Proportion, ProportionInterval, two_proportion, unpooled_std_error,
};
use crate::methods::welch::{welch, welch_and_critical};
use crate::methods::{Alternative, Estimate, Interval, MethodError, Reference, Sample, relative};

/// How many standard errors the control's level must lie above zero for a relative effect.
///
/// Fieller's interval is bounded only when that is more than the quantile of the test: 1.96 at 95%, 4.9 at a level
/// of 1e-6. At five (25 successes in the control) it is bounded at every level in use.
pub(super) const SAFE_STD_ERRORS: f64 = 5.0;

/// Compares a variant with the control by the method of the metric's type; a missing group has no units.
pub(super) fn compare(
    metric_type: &str,
    control: Option<&GroupStat>,
    variant: Option<&GroupStat>,
    alpha: f64,
    alternative: Alternative,
) -> Comparison {
    let Some(kind) = Kind::of(metric_type) else {
        let gap = Gap::Failed(if metric_type == UNKNOWN_TYPE {
            "metric_type_unknown"
        } else {
            "method_not_in_effect"
        });
        return Comparison { levels: (None, None), outcome: Err(gap) };
    };
    let level = |group: Option<&GroupStat>| {
        group.filter(|group| group.metric_type == metric_type).and_then(|g| kind.level(g))
    };
    let outcome = usable(metric_type, control, "no_units_in_control").and_then(|control| {
        let variant = usable(metric_type, variant, "no_units_in_variant")?;
        match kind {
            Kind::Proportion => proportions(control, variant, alpha, alternative),
            Kind::Mean => means(control, variant, alpha, alternative),
            Kind::Ratio => ratios(control, variant, alpha, alternative),
        }
    });
    Comparison { levels: (level(control), level(variant)), outcome }
}

/// The word for the type of a metric that nothing defines.
pub(super) const UNKNOWN_TYPE: &str = "unknown";

/// The metric types that have a method.
#[derive(Clone, Copy)]
enum Kind {
    Proportion,
    Mean,
    Ratio,
}

impl Kind {
    fn of(metric_type: &str) -> Option<Kind> {
        match metric_type {
            "proportion" => Some(Kind::Proportion),
            "mean" => Some(Kind::Mean),
            "ratio" => Some(Kind::Ratio),
            _ => None,
        }
    }

    /// The metric's level in a group, where it is defined.
    fn level(self, group: &GroupStat) -> Option<f64> {
        if group.n <= 0 {
            return None;
        }
        let level = match self {
            Kind::Proportion => group.sum_x? / group.n as f64,
            Kind::Mean => group.mean_x?,
            Kind::Ratio => group.mean_x? / group.mean_y?,
        };
        level.is_finite().then_some(level)
    }
}

/// A group with units, of the right type.
fn usable<'a>(
    metric_type: &str,
    group: Option<&'a GroupStat>,
    empty: &'static str,
) -> Result<&'a GroupStat, Gap> {
    match group {
        None => Err(Gap::Insufficient(empty)),
        Some(group) if group.metric_type != metric_type => Err(Gap::Failed("metric_type_differs")),
        Some(group) if group.n < 0 => Err(INVALID),
        Some(group) if group.n == 0 => Err(Gap::Insufficient(empty)),
        Some(group) => Ok(group),
    }
}

fn proportions(
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let (control, variant) = (proportion(control)?, proportion(variant)?);
    let test = two_proportion(control, variant, alpha, alternative, ProportionInterval::Wald)?;
    // Unpooled, as the interval: the variance of one unit is that of its rate times n.
    let sample =
        |p: Proportion| Sample { n: p.n, mean: p.rate(), variance: p.rate() * p.failure_rate() };
    Ok(Evidence {
        method: "two_proportion_z",
        test,
        interval_std_error: unpooled_std_error(control, variant),
        relative: relative_effect(
            &sample(control),
            &sample(variant),
            alternative,
            normal_critical(alpha, alternative),
        ),
    })
}

fn means(
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let (control, variant) = (mean(control)?, mean(variant)?);
    let (test, critical) = welch_and_critical(&control, &variant, alpha, alternative)?;
    Ok(Evidence {
        method: "welch_t",
        test,
        interval_std_error: test.std_error,
        relative: relative_effect(&control, &variant, alternative, critical),
    })
}

fn ratios(
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let (control, variant) = (ratio(control)?.linearised()?, ratio(variant)?.linearised()?);
    let of_means = welch(&control, &variant, alpha, alternative)?;
    let test =
        Estimate::new(of_means.effect, of_means.std_error, Reference::Normal, alpha, alternative)?;
    Ok(Evidence {
        method: "ratio_delta_z",
        test,
        interval_std_error: test.std_error,
        relative: relative_effect(
            &control,
            &variant,
            alternative,
            normal_critical(alpha, alternative),
        ),
    })
}

fn normal_critical(alpha: f64, alternative: Alternative) -> f64 {
    Reference::Normal.critical(alternative.tail_alpha(alpha))
}

/// The lift with Fieller's interval at the critical value of the test.
fn relative_effect(
    control: &Sample,
    variant: &Sample,
    alternative: Alternative,
    critical: f64,
) -> Result<Relative, &'static str> {
    if control.mean <= 0.0 {
        return Err("control_mean_not_positive");
    }
    if control.mean <= SAFE_STD_ERRORS * control.std_error() {
        return Err("control_mean_near_zero");
    }
    let reason = |error| Gap::from(error).reason();
    let effect = relative::lift(control, variant).map_err(reason)?;
    // One unit has a test of a proportion, and no variance for the lift.
    control.check().and_then(|()| variant.check()).map_err(reason)?;
    // Fieller's interval and the absolute one are one test: the former contains a lift of zero exactly when the
    // latter contains a difference of zero.
    match relative::fieller_at(control, variant, alternative, critical).map_err(reason)? {
        FiellerSet::Bounded(interval) => Ok(Relative { effect, interval }),
        FiellerSet::Complement(_) | FiellerSet::WholeLine => Err("control_mean_near_zero"),
    }
}

const INVALID: Gap = Gap::Failed("statistics_invalid");

/// The successes of a group, where they are a count.
fn proportion(group: &GroupStat) -> Result<Proportion, Gap> {
    let n = units(group)?;
    let successes = group.sum_x.filter(|x| *x >= 0.0 && *x <= group.n as f64 && x.fract() == 0.0);
    Ok(Proportion { successes: successes.ok_or(INVALID)? as u64, n })
}

fn mean(group: &GroupStat) -> Result<Sample, Gap> {
    Ok(Sample::from_m2(units(group)?, group.mean_x.ok_or(INVALID)?, group.m2_x.ok_or(INVALID)?))
}

fn ratio(group: &GroupStat) -> Result<RatioSample, Gap> {
    let n = units(group)?;
    let per_unit =
        |moment: Option<f64>| moment.map(|m2| Sample::from_m2(n, 0.0, m2).variance).ok_or(INVALID);
    Ok(RatioSample {
        n,
        mean_num: group.mean_x.ok_or(INVALID)?,
        mean_den: group.mean_y.ok_or(INVALID)?,
        var_num: per_unit(group.m2_x)?,
        var_den: per_unit(group.m2_y)?,
        cov: per_unit(group.co_xy)?,
    })
}

fn units(group: &GroupStat) -> Result<u64, Gap> {
    u64::try_from(group.n).map_err(|_| INVALID)
}

/// What two groups' statistics say.
pub(super) struct Comparison {
    /// The metric's level in the control and in the variant, where it is defined.
    pub(super) levels: (Option<f64>, Option<f64>),
    /// The test, or why there is none.
    pub(super) outcome: Result<Evidence, Gap>,
}

impl Comparison {
    /// Variant minus control, where both levels are defined.
    pub(super) fn effect(&self) -> Option<f64> {
        let (control, variant) = self.levels;
        control
            .zip(variant)
            .map(|(control, variant)| variant - control)
            .filter(|effect| effect.is_finite())
    }
}

/// A test with its interval (in the estimate), and the relative effect or the code of why there is none.
pub(super) struct Evidence {
    pub(super) method: &'static str,
    pub(super) test: Estimate,
    /// The standard error that the interval is made of; it differs from the test's where that is pooled.
    pub(super) interval_std_error: f64,
    pub(super) relative: Result<Relative, &'static str>,
}

/// An effect over the control's level.
#[derive(Clone, Copy)]
pub(super) struct Relative {
    pub(super) effect: f64,
    pub(super) interval: Interval,
}

/// Why a comparison has no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gap {
    /// The data do not suffice.
    Insufficient(&'static str),
    /// Verdict, or whoever made the statistics, is at fault.
    Failed(&'static str),
}

impl Gap {
    pub(super) fn status(self) -> &'static str {
        match self {
            Gap::Insufficient(_) => "insufficient",
            Gap::Failed(_) => "failed",
        }
    }

    pub(super) fn reason(self) -> &'static str {
        match self {
            Gap::Insufficient(reason) | Gap::Failed(reason) => reason,
        }
    }
}

impl From<MethodError> for Gap {
    fn from(error: MethodError) -> Gap {
        match error {
            MethodError::TooFew { .. } => Gap::Insufficient("too_few_units"),
            MethodError::ZeroVariance { .. } => Gap::Insufficient("zero_variance"),
            MethodError::ZeroDenominator { .. } => Gap::Insufficient("zero_denominator"),
            MethodError::NotFinite { .. }
            | MethodError::Negative { .. }
            | MethodError::CountExceedsTotal { .. } => INVALID,
            _ => Gap::Failed("method_failed"),
        }
    }
}

/// What is wrong with a result row, in words for people.
pub(super) fn reason_in_words(code: &str) -> &str {
    match code {
        "no_units_in_control" => "the control has no units",
        "no_units_in_variant" => "the variant has no units",
        "too_few_units" => {
            "there are too few units for a test; at least two in each arm are needed"
        }
        "zero_variance" => {
            "the metric has the same value for every unit, so that there is nothing to test"
        }
        "zero_denominator" => "the denominator is zero, so that the ratio is not defined",
        "method_not_in_effect" => "no method is in effect for metrics of its type",
        "metric_type_unknown" => {
            "its type is not known: neither the project nor the statistics define it"
        }
        "metric_type_differs" => {
            "the statistics were made for another type of metric than the project defines"
        }
        "statistics_invalid" => "its statistics are incomplete or contradict themselves",
        "method_failed" => "the method has no answer for these statistics",
        "control_mean_not_positive" => "the control's level is not above zero",
        "control_mean_near_zero" => {
            "the control's level is too close to zero for its standard error"
        }
        other => other,
    }
}
