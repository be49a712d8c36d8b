//! One comparison: what the statistics of two groups say, or why they say nothing.

use verdict_model::rows::GroupStat;

use super::levels::Levels;
use super::samples::{Gap, Kind, by_rank, mean, of_rate, proportion, quantile, ratio, usable};
use crate::methods::relative::FiellerSet;
use crate::methods::two_proportion::{ProportionInterval, two_proportion, unpooled_std_error};
use crate::methods::welch::{welch, welch_and_critical};
use crate::methods::{Alternative, Estimate, Interval, Reference, Sample, relative};

/// How many standard errors the control's level must lie above zero for a relative effect.
///
/// Fieller's interval is bounded only when that is more than the quantile of the test: 1.96 at 95%, 4.9 at a level
/// of 1e-6. At five (25 successes in the control) it is bounded at every level in use.
pub(super) const SAFE_STD_ERRORS: f64 = 5.0;

/// Compares a variant with the control by the method of the metric's type, where it is `adjusted` after both were adjusted
/// by their past; a missing group has no units.
pub(super) fn compare(
    metric_type: &str,
    adjusted: bool,
    control: Option<&GroupStat>,
    variant: Option<&GroupStat>,
    alpha: f64,
    alternative: Alternative,
) -> Comparison {
    let kind = match Kind::of(metric_type) {
        Ok(kind) => kind,
        Err(gap) => return Comparison { levels: (None, None), outcome: Err(gap) },
    };
    let level = |group: Option<&GroupStat>| {
        group.filter(|group| group.metric_type == metric_type).and_then(|g| kind.level(g))
    };
    let outcome = usable(metric_type, control, "no_units_in_control").and_then(|control| {
        let variant = usable(metric_type, variant, "no_units_in_variant")?;
        match kind {
            _ if adjusted => by_past(kind, control, variant, alpha, alternative),
            Kind::Proportion => proportions(control, variant, alpha, alternative),
            Kind::Mean => means(control, variant, alpha, alternative),
            Kind::Ratio => {
                let samples = (ratio(control)?.linearised()?, ratio(variant)?.linearised()?);
                by_normal_law("ratio_delta_z", samples, alpha, alternative)
            }
            Kind::Clustered => clusters(control, variant, alpha, alternative),
            Kind::Quantile => {
                let samples = (quantile(control)?, quantile(variant)?);
                by_normal_law("quantile_woodruff_z", samples, alpha, alternative)
            }
            Kind::Superiority => ranks(control, variant, alpha, alternative),
        }
    });
    let levels = match &outcome {
        Ok(Evidence { adjusted: Some(levels), .. }) => {
            (Some(levels.control.mean), Some(levels.variant.mean))
        }
        _ => (level(control), level(variant)),
    };
    Comparison { levels, outcome }
}

/// Welch's t of adjusted means; of adjusted rates and ratios a normal statistic.
fn by_past(
    kind: Kind,
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let levels = Levels::adjusted(kind, control, variant)?;
    let Levels { control, variant, .. } = levels;
    let (of_means, critical) = welch_and_critical(&control, &variant, alpha, alternative)?;
    let (test, critical) = match kind {
        Kind::Mean | Kind::Clustered => (of_means, critical),
        Kind::Proportion | Kind::Ratio | Kind::Quantile | Kind::Superiority => {
            let Estimate { effect, std_error, .. } = of_means;
            let normal = Estimate::new(effect, std_error, Reference::Normal, alpha, alternative)?;
            (normal, normal_critical(alpha, alternative))
        }
    };
    Ok(Evidence {
        method: by_past_word(kind),
        test,
        interval_std_error: test.std_error,
        relative: relative_effect(&levels, alternative, critical),
        adjusted: Some(levels),
    })
}

/// The word for the test of a metric that was adjusted by its past.
pub(super) fn by_past_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Proportion => "cuped_z",
        Kind::Mean => "cuped_welch_t",
        Kind::Ratio | Kind::Clustered => "cuped_ratio_delta_z",
        // The loader lets neither of these be adjusted.
        Kind::Quantile => "quantile_woodruff_z",
        Kind::Superiority => "mann_whitney",
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
    Ok(Evidence {
        method: "two_proportion_z",
        test,
        interval_std_error: unpooled_std_error(control, variant),
        relative: relative_effect(
            // Unpooled, as the interval.
            &Levels::of_samples(of_rate(control), of_rate(variant)),
            alternative,
            normal_critical(alpha, alternative),
        ),
        adjusted: None,
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
        relative: relative_effect(&Levels::of_samples(control, variant), alternative, critical),
        adjusted: None,
    })
}

/// What behaves as a mean, of so many units that it is normal.
fn by_normal_law(
    method: &'static str,
    (control, variant): (Sample, Sample),
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let of_means = welch(&control, &variant, alpha, alternative)?;
    let test =
        Estimate::new(of_means.effect, of_means.std_error, Reference::Normal, alpha, alternative)?;
    Ok(Evidence {
        method,
        test,
        interval_std_error: test.std_error,
        relative: relative_effect(
            &Levels::of_samples(control, variant),
            alternative,
            normal_critical(alpha, alternative),
        ),
        adjusted: None,
    })
}

/// Ratios of cluster totals by the delta method, the clusters being the units: Welch's t of the linearised totals, whose
/// degrees of freedom count clusters (Cameron & Miller 2015, section VI, for why few of them need a t).
fn clusters(
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let (control, variant) = (ratio(control)?.linearised()?, ratio(variant)?.linearised()?);
    let (test, critical) = welch_and_critical(&control, &variant, alpha, alternative)?;
    Ok(Evidence {
        method: "cluster_delta_t",
        test,
        interval_std_error: test.std_error,
        relative: relative_effect(&Levels::of_samples(control, variant), alternative, critical),
        adjusted: None,
    })
}

/// Mann and Whitney's test, which assumes no difference, beside the interval of Brunner and Munzel, which does not.
fn ranks(
    control: &GroupStat,
    variant: &GroupStat,
    alpha: f64,
    alternative: Alternative,
) -> Result<Evidence, Gap> {
    let found = by_rank(control, variant)?;
    let levels = Levels::of_samples(found.control, found.treatment);
    let (effect, std_error) = (found.treatment.mean - 0.5, levels.variance(1.0).sqrt());
    let of_placements = Estimate::new(effect, std_error, Reference::Normal, alpha, alternative)?;
    let (p_value, log_p_value) = found.ranks.p_value(alternative, true);
    let statistic = found.ranks.u_treatment;
    Ok(Evidence {
        method: "mann_whitney",
        test: Estimate { statistic, p_value, log_p_value, ..of_placements },
        interval_std_error: std_error,
        relative: Err(NO_LIFT),
        adjusted: Some(levels),
    })
}

/// Why a probability of superiority has no relative effect.
pub(super) const NO_LIFT: &str = "no_lift_of_superiority";

fn normal_critical(alpha: f64, alternative: Alternative) -> f64 {
    Reference::Normal.critical(alternative.tail_alpha(alpha))
}

/// The lift with Fieller's interval at the critical value of the test.
pub(super) fn relative_effect(
    levels: &Levels,
    alternative: Alternative,
    critical: f64,
) -> Result<Relative, &'static str> {
    let Levels { control, variant, .. } = levels;
    let joint = levels.joint();
    let std_error = joint.map_or_else(|| control.std_error(), |[v_c, ..]| v_c.sqrt());
    if control.mean <= 0.0 {
        return Err("control_mean_not_positive");
    }
    if control.mean <= SAFE_STD_ERRORS * std_error {
        return Err("control_mean_near_zero");
    }
    let reason = |error| Gap::from(error).reason();
    let effect = relative::lift(control, variant).map_err(reason)?;
    // One unit has a test of a proportion, and no variance for the lift.
    control.check().and_then(|()| variant.check()).map_err(reason)?;
    // Fieller's interval and the absolute one are one test: the former contains a lift of zero exactly when the
    // latter contains a difference of zero.
    let set = match joint {
        None => relative::fieller_at(control, variant, alternative, critical),
        Some(joint) => {
            relative::fieller_joint(control.mean, variant.mean, joint, alternative, critical)
        }
    };
    match set.map_err(reason)? {
        FiellerSet::Bounded(interval) => Ok(Relative { effect, interval }),
        FiellerSet::Complement(_) | FiellerSet::WholeLine => Err("control_mean_near_zero"),
    }
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
    /// The levels, where they are not those of the groups as they are: adjusted by their past, or by rank.
    pub(super) adjusted: Option<Levels>,
}

/// An effect over the control's level.
#[derive(Clone, Copy)]
pub(super) struct Relative {
    pub(super) effect: f64,
    pub(super) interval: Interval,
}
