//! The levels of two groups whose difference is the effect: as they are, adjusted by their past (CUPED), or post-stratified.
//!
//! An adjusted level is e + theta x̄, with e the mean of y - theta x in the group and x̄ the mean covariate of both groups
//! together. In the difference x̄ cancels, so that its variance is that of e alone; in a ratio of levels, and in anything
//! else but the difference, it does not: what both levels share is kept beside the samples. Post-stratified levels share the
//! shares of the strata, which do not cancel where strata differ in their effect.

use verdict_model::rows::GroupStat;

use super::samples::{Gap, Kind, by_rank, missing, sample, units};
use crate::methods::Sample;
use crate::methods::cuped::{Cuped, CupedSample, cuped};
use crate::methods::cuped_ratio::{CupedRatioSample, cuped_ratio};
use crate::methods::post_stratify::PostStratified;

/// Two groups as samples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Levels {
    /// The control; of an adjusted level the variance is that of y - theta x.
    pub(super) control: Sample,
    pub(super) variant: Sample,
    /// The slope that they are adjusted by.
    pub(super) theta: Option<f64>,
    /// How many strata they are made of, and the degrees of freedom of their difference.
    pub(super) strata: Option<(usize, f64)>,
    common: Common,
}

/// What the common mean covariate adds, or the common shares of the strata: to the variance of each level, and to their covariance.
#[derive(Clone, Copy, Debug, Default)]
struct Common {
    control: f64,
    variant: f64,
    both: f64,
}

impl Levels {
    /// The groups as they are.
    pub(super) fn plain(
        kind: Kind,
        control: &GroupStat,
        variant: &GroupStat,
    ) -> Result<Levels, Gap> {
        if let Kind::Superiority = kind {
            let ranks = by_rank(control, variant)?;
            return Ok(Levels::of_samples(ranks.control, ranks.treatment));
        }
        let (control, variant) = (sample(kind, control)?, sample(kind, variant)?);
        Ok(Levels::of_samples(control, variant))
    }

    /// Samples that have nothing in common.
    pub(super) fn of_samples(control: Sample, variant: Sample) -> Levels {
        Levels { control, variant, theta: None, strata: None, common: Common::default() }
    }

    /// The groups, post-stratified; the samples have the variances within strata.
    pub(super) fn post_stratified(
        (n_control, n_variant): (u64, u64),
        found: &PostStratified,
    ) -> Levels {
        let sample = |n: u64, mean, variance_of_mean: f64| Sample {
            n,
            mean,
            variance: variance_of_mean * n as f64,
        };
        let [control, variant, both] = found.between;
        Levels {
            control: sample(n_control, found.control, found.within_control),
            variant: sample(n_variant, found.treatment, found.within_treatment),
            theta: None,
            strata: Some((found.strata, found.df)),
            common: Common { control, variant, both },
        }
    }

    /// The groups adjusted by their past, with the slope of both together.
    ///
    /// Where no unit of a group has a past that a ratio could be taken of, there is nothing to adjust by: theta is 0.
    pub(super) fn adjusted(
        kind: Kind,
        control: &GroupStat,
        variant: &GroupStat,
    ) -> Result<Levels, Gap> {
        let (of_control, of_variant, found) = match kind {
            Kind::Proportion | Kind::Mean => {
                let (c, t) = (of_units(control)?, of_units(variant)?);
                (c, t, cuped(&c, &t)?)
            }
            Kind::Ratio | Kind::Clustered => {
                let (c, t) = (of_parts(control)?, of_parts(variant)?);
                if c.mean[PRE_DEN] == 0.0 || t.mean[PRE_DEN] == 0.0 {
                    let plain = Levels::plain(kind, control, variant)?;
                    return Ok(Levels { theta: Some(0.0), ..plain });
                }
                (c.linearised()?, t.linearised()?, cuped_ratio(&c, &t)?)
            }
            // The loader lets none be adjusted.
            Kind::Quantile | Kind::Superiority => return Err(Gap::Failed("quantile_adjusted")),
        };
        let Cuped { theta, control, treatment: variant, .. } = found;
        let n = control.n as f64 + variant.n as f64;
        // The mean covariate varies with its variance over all units, and with e as far as theta is not the group's slope.
        let weighted = |s: &CupedSample| s.n as f64 / n * s.var_x;
        let of_mean = theta * theta * (weighted(&of_control) + weighted(&of_variant)) / n;
        let with = |s: &CupedSample| theta * (s.cov - theta * s.var_x) / n;
        let (c, t) = (with(&of_control), with(&of_variant));
        let common = Common {
            control: 2.0 * c + of_mean,
            variant: 2.0 * t + of_mean,
            both: c + t + of_mean,
        };
        Ok(Levels { control, variant, theta: Some(theta), strata: None, common })
    }

    /// By the plan: adjusted or not.
    pub(super) fn of(
        kind: Kind,
        adjusted: bool,
        control: &GroupStat,
        variant: &GroupStat,
    ) -> Result<Levels, Gap> {
        match adjusted {
            true => Levels::adjusted(kind, control, variant),
            false => Levels::plain(kind, control, variant),
        }
    }

    /// The variance of m_t - f m_c.
    pub(super) fn variance(&self, factor: f64) -> f64 {
        let apart =
            self.variant.variance_of_mean() + factor * factor * self.control.variance_of_mean();
        // The common mean covariate is no part of a difference, whatever it would round to.
        let cancels = factor == 1.0 && self.theta.is_some();
        if cancels || !self.is_shared() {
            return apart;
        }
        let Common { control, variant, both } = self.common;
        (apart + variant + factor * factor * control - 2.0 * factor * both).max(0.0)
    }

    /// Whether the levels have something in common.
    fn is_shared(&self) -> bool {
        self.theta.is_some() || self.strata.is_some()
    }

    /// The variances of the control's and the variant's level, and their covariance; `None` where they are independent.
    pub(super) fn joint(&self) -> Option<[f64; 3]> {
        if !self.is_shared() {
            return None;
        }
        let Common { control, variant, both } = self.common;
        let (v_c, v_t) = (self.control.variance_of_mean(), self.variant.variance_of_mean());
        Some([(v_c + control).max(0.0), (v_t + variant).max(0.0), both])
    }
}

/// The place of a ratio's denominator before the exposure.
const PRE_DEN: usize = 3;

fn of_units(group: &GroupStat) -> Result<CupedSample, Gap> {
    let n = units(group)?;
    let past = &group.covariates;
    let per_unit = |moment: Option<f64>| moment.map(|m| over_free(n, m));
    Ok(CupedSample {
        n,
        mean_y: group.mean_x.ok_or(super::samples::INVALID)?,
        mean_x: past.mean_pre_x.ok_or_else(missing)?,
        var_y: per_unit(group.m2_x).ok_or(super::samples::INVALID)?,
        var_x: per_unit(past.m2_pre_x).ok_or_else(missing)?,
        cov: per_unit(past.co_x_pre_x).ok_or_else(missing)?,
    })
}

fn of_parts(group: &GroupStat) -> Result<CupedRatioSample, Gap> {
    let n = units(group)?;
    let past = &group.covariates;
    let invalid = super::samples::INVALID;
    let own = |moment: Option<f64>| moment.map(|m| over_free(n, m)).ok_or(invalid);
    let of_past = |moment: Option<f64>| moment.map(|m| over_free(n, m)).ok_or_else(missing);
    let (xy, ab) = (own(group.co_xy)?, of_past(past.co_pre_xy)?);
    let (xa, xb) = (of_past(past.co_x_pre_x)?, of_past(past.co_x_pre_y)?);
    let (ya, yb) = (of_past(past.co_y_pre_x)?, of_past(past.co_y_pre_y)?);
    Ok(CupedRatioSample {
        n,
        mean: [
            group.mean_x.ok_or(invalid)?,
            group.mean_y.ok_or(invalid)?,
            past.mean_pre_x.ok_or_else(missing)?,
            past.mean_pre_y.ok_or_else(missing)?,
        ],
        cov: [
            [own(group.m2_x)?, xy, xa, xb],
            [xy, own(group.m2_y)?, ya, yb],
            [xa, ya, of_past(past.m2_pre_x)?, ab],
            [xb, yb, ab, of_past(past.m2_pre_y)?],
        ],
    })
}

fn over_free(n: u64, moment: f64) -> f64 {
    if n > 1 { moment / (n - 1) as f64 } else { 0.0 }
}
