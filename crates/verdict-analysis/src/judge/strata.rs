//! A comparison of post-stratified levels, from the statistics of each value of a segment.

use verdict_model::rows::GroupStat;

use super::compare::{Comparison, Evidence, relative_effect};
use super::groups::Groups;
use super::levels::Levels;
use super::samples::{Gap, INVALID, Kind, proportion, units, usable};
use super::watch::Contrast;
use crate::methods::post_stratify::{Moments, Stratum, Variance, post_stratify};
use crate::methods::{Alternative, Estimate, Reference};

/// What is compared, and how its effect is tested.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) of: Stratified<'q>,
    /// What is tested against zero.
    pub(super) contrast: Contrast,
    pub(super) alternative: Alternative,
    pub(super) alpha: f64,
}

/// Compares post-stratified levels by Welch's t, or of rates and ratios by the normal law; against a margin the p-value is the
/// margin's, and the interval that of the difference, at the same level.
pub(super) fn compare_by_strata(groups: &Groups<'_>, question: &Question<'_>) -> Comparison {
    match evidence(groups, question) {
        Ok((levels, evidence)) => Comparison {
            levels: (Some(levels.control.mean), Some(levels.variant.mean)),
            outcome: Ok(evidence),
        },
        Err(gap) => Comparison { levels: (None, None), outcome: Err(gap) },
    }
}

/// What is post-stratified: a metric's levels in two variants, by a segment.
#[derive(Clone, Copy)]
pub(super) struct Stratified<'q> {
    pub(super) metric: &'q str,
    pub(super) metric_type: &'q str,
    pub(super) segment: &'q str,
    pub(super) control: &'q str,
    pub(super) variant: &'q str,
}

/// Strata of one day, in the order of the segment's values.
pub(super) struct Strata {
    pub(super) kind: Kind,
    pub(super) of: Vec<Stratum>,
    pub(super) units: (u64, u64),
}

impl Strata {
    pub(super) fn variance(&self) -> Variance {
        match self.kind {
            Kind::Proportion => Variance::OfRate,
            _ => Variance::OfSample,
        }
    }

    /// The levels, and the degrees of freedom of their difference where its law is Student's.
    pub(super) fn levels(&self) -> Result<(Levels, Option<f64>), Gap> {
        let found = post_stratify(&self.of, self.variance())?;
        let df = matches!(self.kind, Kind::Mean).then_some(found.df);
        Ok((Levels::post_stratified(self.units, &found), df))
    }
}

/// The strata of these values of the segment; every unit is in one of them.
pub(super) fn strata(
    groups: &Groups<'_>,
    asked: &Stratified<'_>,
    values: &[&str],
) -> Result<Strata, Gap> {
    let Stratified { metric, metric_type, segment, control, variant } = *asked;
    let kind = Kind::of(metric_type)?;
    let whole = |variant, empty| usable(metric_type, groups.whole(metric, variant), empty);
    let n_control = units(whole(control, "no_units_in_control")?)?;
    let n_variant = units(whole(variant, "no_units_in_variant")?)?;
    let mut strata = Vec::with_capacity(values.len());
    for value in values {
        let of = |variant| moments(kind, metric_type, groups.get(metric, variant, segment, value));
        strata.push(Stratum { control: of(control)?, treatment: of(variant)? });
    }
    // Every unit is in one of the strata, or there are none at all.
    let counted = |of: fn(&Stratum) -> u64| strata.iter().map(of).sum::<u64>();
    if counted(|s| s.control.n) != n_control || counted(|s| s.treatment.n) != n_variant {
        return Err(if strata.is_empty() { Gap::Failed("strata_missing") } else { INVALID });
    }
    Ok(Strata { kind, of: strata, units: (n_control, n_variant) })
}

/// The word for the test of a post-stratified metric.
pub(super) fn by_strata_word(kind: Kind) -> &'static str {
    match kind {
        Kind::Mean => "post_stratified_t",
        _ => "post_stratified_z",
    }
}

fn evidence(groups: &Groups<'_>, question: &Question<'_>) -> Result<(Levels, Evidence), Gap> {
    let Question { of, contrast, alternative, alpha } = *question;
    let strata = strata(groups, &of, &groups.values(of.metric, of.segment))?;
    let (levels, df) = strata.levels()?;
    let law = df.map_or(Reference::Normal, Reference::StudentT);
    let std_error = levels.variance(1.0).sqrt();
    let effect = levels.variant.mean - levels.control.mean;
    let difference = Estimate::new(effect, std_error, law, alpha, alternative)?;
    let test = match contrast {
        Contrast::DIFFERENCE => difference,
        Contrast { factor, shift } => {
            let estimate = levels.variant.mean - factor * levels.control.mean + shift;
            let of_margin =
                Estimate::new(estimate, levels.variance(factor).sqrt(), law, alpha, alternative)?;
            let Estimate { statistic, p_value, log_p_value, .. } = of_margin;
            Estimate { statistic, p_value, log_p_value, ..difference }
        }
    };
    let critical = law.critical(alternative.tail_alpha(alpha));
    let evidence = Evidence {
        method: by_strata_word(strata.kind),
        test,
        interval_std_error: std_error,
        relative: relative_effect(&levels, alternative, critical),
        adjusted: Some(levels),
    };
    Ok((levels, evidence))
}

/// A variant's units in a stratum; nobody where it has no row.
fn moments(kind: Kind, metric_type: &str, group: Option<&GroupStat>) -> Result<Moments, Gap> {
    let nobody = Moments { n: 0, mean_x: 0.0, mean_y: 1.0, m2_x: 0.0, m2_y: 0.0, co_xy: 0.0 };
    let Some(group) = group.filter(|group| group.n != 0) else { return Ok(nobody) };
    let group = usable(metric_type, Some(group), "no_units_in_variant")?;
    let n = units(group)?;
    let given = |moment: Option<f64>| moment.filter(|m| m.is_finite()).ok_or(INVALID);
    match kind {
        Kind::Proportion => Ok(Moments { n, mean_x: proportion(group)?.rate(), ..nobody }),
        Kind::Mean => {
            Ok(Moments { n, mean_x: given(group.mean_x)?, m2_x: given(group.m2_x)?, ..nobody })
        }
        Kind::Ratio => Ok(Moments {
            n,
            mean_x: given(group.mean_x)?,
            mean_y: given(group.mean_y)?,
            m2_x: given(group.m2_x)?,
            m2_y: given(group.m2_y)?,
            co_xy: given(group.co_xy)?,
        }),
        // The loader lets none of these be post-stratified.
        _ => Err(Gap::Failed("method_not_in_effect")),
    }
}
