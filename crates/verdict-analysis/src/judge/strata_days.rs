//! What post-stratified estimates of two days share.
//!
//! A post-stratified difference is asymptotically linear: a unit of variant a in stratum k moves it by w_k/n_ak times what its value
//! differs from the stratum's mean by, and, by the shares, by 1/N times what the stratum's own difference d_k is off the
//! whole one. So the covariance of two days is the sum over strata and variants of w_k w_k′/(n_ak n_ak′) times the co-moment of
//! the stratum's units on both days, and of the shares' part: exactly what [`Days`] adds up over arms, with every stratum of a
//! variant for an arm of its own, and the shares for one more. For values that are complete when units enter it is the variance
//! of the later day: independent increments, as of every efficient estimator (Scharfstein, Tsiatis & Robins 1997; Jennison &
//! Turnbull 2000, chapter 11). Time, boundaries and mixtures follow as for means, and the asymptotic confidence sequence is
//! that of an asymptotically linear estimator (Waudby-Smith et al. 2024, section 3).
//!
//! Weights are those of each day, with the strata that were large enough on it. Of strata that are taken together, what their
//! means differ by is left out of the correlation: some tens of units.

use verdict_model::NaiveDate;
use verdict_model::rows::GroupStat;

use super::day_to_day::{Day, Days, Shared};
use super::groups::Groups;
use super::history::History;
use super::samples::{Kind, proportion};
use super::strata::{Stratified, strata};
use crate::methods::post_stratify::{Influence, influence};
use crate::methods::ratio::variance_of_difference;

/// The days up to `last`, as far back as both variants have units enough, of m_t - `factor` m_c; `None` where co-moments are
/// missing.
pub(super) fn days(
    last: NaiveDate,
    asked: &Stratified<'_>,
    factor: f64,
    history: &History<'_>,
) -> Option<Days> {
    let values = history.days().flat_map(|(_, day)| day.values(asked.metric, asked.segment));
    let values: Vec<&str> = values.collect::<std::collections::BTreeSet<_>>().into_iter().collect();
    let mut known = Vec::new();
    let mut date = Some(last);
    while let Some((date_known, found)) =
        date.and_then(|date| Some((date, on(date, asked, &values, history)?)))
    {
        known.push(found);
        date = date_known.pred_opt();
    }
    known.reverse();
    let first = known.first()?.date;
    // A variant's units of each value, and the shares.
    let mut arms: Vec<Vec<Day>> = vec![Vec::with_capacity(known.len()); 2 * values.len() + 1];
    let mut before: Option<&Known<'_>> = None;
    for now in &known {
        let (shares, strata) = arms.split_last_mut()?;
        for (k, arms) in strata.chunks_mut(2).enumerate() {
            for (arm, (days, factor)) in arms.iter_mut().zip([factor, 1.0]).enumerate() {
                let ages = days.last().map_or(0.0, |day| day.ages);
                days.push(now.of_stratum(before, (k, arm), factor, ages)?);
            }
        }
        shares.push(now.of_shares(before, factor, shares.last().map_or(0.0, |day| day.ages)));
        before = Some(now);
    }
    Some(Days::of_arms(first, arms))
}

/// One day: control first.
struct Known<'a> {
    date: NaiveDate,
    kind: Kind,
    groups: Vec<[Option<&'a GroupStat>; 2]>,
    influence: Vec<Influence>,
    /// The levels, by which ratios are linearised.
    levels: [f64; 2],
}

fn on<'a>(
    date: NaiveDate,
    asked: &Stratified<'_>,
    values: &[&str],
    history: &History<'a>,
) -> Option<Known<'a>> {
    let groups: &Groups<'a> = history.on(date);
    let strata = strata(groups, asked, values).ok()?;
    let (levels, _) = strata.levels().ok()?;
    let of = |variant: &str, value: &str| {
        groups.get(asked.metric, variant, asked.segment, value).filter(|group| group.n > 0)
    };
    Some(Known {
        date,
        kind: strata.kind,
        groups: values.iter().map(|v| [of(asked.control, v), of(asked.variant, v)]).collect(),
        influence: influence(&strata.of, strata.variance()).ok()?,
        levels: [levels.control.mean, levels.variant.mean],
    })
}

impl Known<'_> {
    fn group(&self, (stratum, arm): (usize, usize)) -> Option<&GroupStat> {
        self.groups.get(stratum)?[arm]
    }

    fn weight(&self, (stratum, arm): (usize, usize)) -> f64 {
        let of = |i: &Influence| if arm == 0 { i.weight_control } else { i.weight_treatment };
        self.influence.get(stratum).map_or(0.0, of)
    }

    /// The units of a variant in a stratum.
    fn of_stratum(
        &self,
        before: Option<&Known<'_>>,
        place: (usize, usize),
        factor: f64,
        ages: f64,
    ) -> Option<Day> {
        let r = self.levels[place.1];
        let m2 = |group: Option<&GroupStat>| match group {
            None => Some(0.0),
            Some(group) => moment(self.kind, group, r),
        };
        let now = self.group(place);
        let shared = match before {
            None => None,
            Some(before) => {
                let then = before.group(place);
                let co = match now.zip(then) {
                    None => 0.0,
                    Some((now, then)) => shared(self.kind, now, then, r)?,
                };
                Some(Shared { weight: factor * before.weight(place), m2: m2(then)?, co })
            }
        };
        let n = now.map_or(0.0, |group| group.n as f64);
        Some(Day { weight: factor * self.weight(place), m2: m2(now)?, shared, ages: ages + n })
    }

    /// What the shares add: a unit counts for how far its stratum's difference is off the whole one.
    fn of_shares(&self, before: Option<&Known<'_>>, factor: f64, ages: f64) -> Day {
        let n = |known: &Known<'_>| -> Vec<f64> {
            let of = |group: &Option<&GroupStat>| group.map_or(0.0, |group| group.n as f64);
            known.groups.iter().map(|arms| arms.iter().map(of).sum()).collect()
        };
        let off = |i: &Influence| i.from_treatment - factor * i.from_control;
        let moment = |n: &[f64]| {
            let all: f64 = n.iter().sum();
            let each = || n.iter().zip(self.influence.iter().map(off));
            let mean = each().map(|(n, d)| n * d).sum::<f64>() / all;
            (all, each().map(|(n, d)| n * (d - mean) * (d - mean)).sum::<f64>())
        };
        let (all, m2) = moment(&n(self));
        let shared = before.map(|before| {
            // By today's differences, which a unit keeps.
            let (all, m2) = moment(&n(before));
            Shared { weight: 1.0 / all, m2, co: m2 }
        });
        Day { weight: 1.0 / all, m2, shared, ages: ages + all }
    }
}

/// The centred second moment of x - r y.
fn moment(kind: Kind, group: &GroupStat, r: f64) -> Option<f64> {
    match kind {
        Kind::Proportion => {
            let p = proportion(group).ok()?;
            Some(p.rate() * p.failure_rate() * p.n as f64)
        }
        Kind::Mean => group.m2_x,
        _ => Some(variance_of_difference(group.m2_x?, group.m2_y?, group.co_xy?, r)),
    }
}

/// Its co-moment with the day before.
fn shared(kind: Kind, now: &GroupStat, then: &GroupStat, r: f64) -> Option<f64> {
    let both = now.n_before?;
    if both < 2 {
        return (0..=now.n.min(then.n)).contains(&both).then_some(0.0);
    }
    (both <= now.n.min(then.n)).then_some(())?;
    match kind {
        Kind::Proportion | Kind::Mean => now.co_x_before,
        _ => Some(now.co_x_before? - 2.0 * r * now.co_xy_before? + r * r * now.co_y_before?),
    }
}
