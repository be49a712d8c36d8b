//! A comparison by the Poisson bootstrap: interval and p-value from the totals of the units, the normal law's beside them.
//!
//! Once at the level of the test, or over looks ([`at_look`]) at each look's bound, where the statistic is that of the replicates
//! ([`crate::methods::spread`]).

use verdict_model::rows::{GroupStat, NormalLaw, ResultRow, Totals};
use verdict_model::{Bootstrap, BootstrapInterval};

use super::resamples::Resamples;
use super::samples::{Gap, INVALID, Kind, proportion};
use super::watch::Contrast;
use crate::methods::poisson_bootstrap::{
    BootstrapEstimate, Reading, Resampled, UnitTotals, compare, spread,
};
use crate::methods::resample::Draws;
use crate::methods::spread::Spread;
use crate::methods::{Alternative, Interval, MethodError};

/// What is resampled, and how its effect is tested.
pub(super) struct Question<'q> {
    pub(super) bootstrap: Bootstrap,
    pub(super) kind: Kind,
    pub(super) control: &'q GroupStat,
    pub(super) variant: &'q GroupStat,
    /// What is tested against zero.
    pub(super) contrast: Contrast,
    pub(super) alternative: Alternative,
    pub(super) alpha: f64,
}

/// A row that has its numbers by the normal law, by the bootstrap; or why there are none.
///
/// Against a share of the control's level the interval of the effect is at the same level as the test, and is not the test
/// itself: that is the p-value, and the relative interval, which excludes the margin when it is significant.
pub(super) fn resampled(
    row: ResultRow,
    question: &Question<'_>,
    resamples: &Resamples<'_>,
) -> Result<ResultRow, Gap> {
    let Question { bootstrap, kind, control, variant, contrast, alternative, alpha } = *question;
    let Replicates { control, variant, reading } =
        Replicates::of_groups((bootstrap, resamples), kind, control, variant)?;
    let ask = |of: &dyn Fn(f64, f64) -> Option<f64>| -> Result<BootstrapEstimate, Gap> {
        compare(&control, &variant, of, alpha, alternative, reading).map_err(gap)
    };
    let effect = ask(&|c, t| Some(t - c))?;
    let test = match contrast {
        Contrast::DIFFERENCE => effect,
        Contrast { factor, shift } => ask(&|c, t| Some(t - factor * c + shift))?,
    };
    // There is one where there is one by the normal law: where the control lies safely above zero.
    let of_lift = match row.rel_effect {
        Some(_) => Some(ask(&lift)?.interval),
        None => None,
    };
    let end = |interval: Option<Interval>, of: fn(Interval) -> f64| {
        interval.map(of).filter(|end| end.is_finite())
    };
    let (lower, upper) = (|i: Interval| i.lower, |i: Interval| i.upper);
    let normal = beside(&row, effect.replicates);
    Ok(ResultRow {
        method: Some(word(bootstrap)),
        effect_std_error: Some(effect.std_error),
        effect_ci_lower: end(Some(effect.interval), lower),
        effect_ci_upper: end(Some(effect.interval), upper),
        rel_effect_ci_lower: end(of_lift, lower),
        rel_effect_ci_upper: end(of_lift, upper),
        p_value: Some(test.p_value),
        log_p_value: None,
        // Those of the normal law; the bootstrap has none.
        statistic: None,
        df: None,
        z: None,
        boundary: None,
        alpha_spent: None,
        crossed: None,
        crossed_ds: None,
        normal,
        ..row
    })
}

/// What is known over looks: the row by the normal law's boundary, and the same question asked of replicates.
pub(super) struct OverLooks<'q> {
    pub(super) bootstrap: Bootstrap,
    pub(super) replicates: &'q Replicates,
    /// The bound of this look as a normal value.
    pub(super) critical: f64,
    pub(super) alternative: Alternative,
}

/// The intervals of the difference and, where the row has one, of the lift at a look's bound, and what stands beside them.
pub(super) struct AtLook {
    pub(super) method: String,
    pub(super) std_error: f64,
    pub(super) difference: Interval,
    pub(super) lift: Option<Interval>,
    pub(super) normal: NormalLaw,
}

/// What the replicates of a look say of difference and lift at its bound; `row` is that of the normal law over the same looks.
pub(super) fn at_look(row: &ResultRow, asked: &OverLooks<'_>) -> Result<AtLook, Gap> {
    let OverLooks { bootstrap, replicates, critical, alternative } = *asked;
    let difference = replicates.of_contrast(Contrast::DIFFERENCE)?;
    let interval = |of: &Spread| Ok::<_, Gap>(alternative.open(of.interval(critical)?));
    Ok(AtLook {
        method: word(bootstrap),
        std_error: difference.std_error(),
        difference: interval(&difference)?,
        lift: match row.rel_effect {
            Some(_) => Some(interval(&replicates.of(lift)?)?),
            None => None,
        },
        normal: beside(row, difference.replicates()),
    })
}

/// The method's word.
fn word(bootstrap: Bootstrap) -> String {
    format!("bootstrap_{}", bootstrap.interval.word())
}

/// What the normal law says, from a row that has its numbers by it.
fn beside(row: &ResultRow, replicates: u64) -> NormalLaw {
    NormalLaw {
        bootstrap_replicates: i32::try_from(replicates).ok(),
        normal_method: row.method.clone(),
        normal_std_error: row.effect_std_error,
        normal_ci_lower: row.effect_ci_lower,
        normal_ci_upper: row.effect_ci_upper,
        normal_rel_ci_lower: row.rel_effect_ci_lower,
        normal_rel_ci_upper: row.rel_effect_ci_upper,
        normal_p_value: row.p_value,
    }
}

/// Of the levels of control and variant; there is none where the control does not lie above zero.
fn lift(control: f64, variant: f64) -> Option<f64> {
    (control > 0.0).then(|| variant / control - 1.0)
}

/// The levels of two groups in all replicates.
pub(super) struct Replicates {
    control: Resampled,
    variant: Resampled,
    reading: Reading,
}

impl Replicates {
    pub(super) fn of_groups(
        (bootstrap, resamples): (Bootstrap, &Resamples<'_>),
        kind: Kind,
        control: &GroupStat,
        variant: &GroupStat,
    ) -> Result<Replicates, Gap> {
        let reading = match bootstrap.interval {
            BootstrapInterval::Bca => Reading::Bca,
            BootstrapInterval::Percentile => Reading::Percentile,
        };
        let [control, variant] =
            [control, variant].map(|group| levels(kind, group, (bootstrap, resamples)));
        Ok(Replicates { control: control?, variant: variant?, reading })
    }

    /// m_t - f m_c + s.
    pub(super) fn of_contrast(&self, contrast: Contrast) -> Result<Spread, Gap> {
        let Contrast { factor, shift } = contrast;
        self.of(|c, t| Some(t - factor * c + shift))
    }

    fn of(&self, statistic: impl Fn(f64, f64) -> Option<f64>) -> Result<Spread, Gap> {
        spread(&self.control, &self.variant, statistic, self.reading).map_err(gap)
    }
}

/// A group's levels in all replicates. Draws are those of the group and the seed, whatever the date: what changes from day to
/// day are the units.
fn levels(
    kind: Kind,
    group: &GroupStat,
    (bootstrap, resamples): (Bootstrap, &Resamples<'_>),
) -> Result<Resampled, Gap> {
    let GroupStat { experiment, metric, variant, segment, segment_value, .. } = group;
    let name = [experiment, metric, variant, segment, segment_value].map(String::as_str).join("\n");
    let draws = Draws::named(&name).of(u64::from(bootstrap.seed));
    let of = |x: &[f64], y: Option<&[f64]>, counts: &[u64]| {
        resamples.of(UnitTotals { x, y, counts }, draws, bootstrap.replicates).map_err(gap)
    };
    if let Kind::Proportion = kind {
        let p = proportion(group)?;
        return of(&[0.0, 1.0], None, &[p.n - p.successes, p.successes]);
    }
    let Totals { x, y, count } = group.totals.as_ref().ok_or(Gap::Failed("totals_missing"))?;
    let counts = count.iter().map(|n| u64::try_from(*n).map_err(|_| INVALID));
    let counts = counts.collect::<Result<Vec<u64>, Gap>>()?;
    let complete = counts.iter().sum::<u64>() == u64::try_from(group.n).map_err(|_| INVALID)?;
    let fits = match kind {
        Kind::Mean => y.is_none(),
        Kind::Ratio => y.is_some(),
        // The loader lets none of these be resampled.
        _ => false,
    };
    if complete && fits { of(x, y.as_deref(), &counts) } else { Err(INVALID) }
}

fn gap(error: MethodError) -> Gap {
    match error {
        MethodError::Unreachable { .. } => Gap::Insufficient("too_skewed_for_bca"),
        other => Gap::from(other),
    }
}
