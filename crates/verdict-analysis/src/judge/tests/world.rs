//! Experiments whose units keep acting after they have entered, as the group statistics of every day.

use super::*;
use crate::methods::resample::Draws;
use crate::methods::special::norm_ppf;

/// What units do.
#[derive(Clone, Copy)]
pub(super) struct World {
    pub(super) days: u32,
    /// Units that enter each arm each day.
    pub(super) units_a_day: usize,
    /// Standard deviation of the units' own means; their days have one of 1 around them.
    pub(super) own: f64,
    /// Whether units act every day from their entry on, or at their entry only.
    pub(super) keep_acting: bool,
    /// What the treatment adds to each action.
    pub(super) effect: f64,
    /// What every action is worth without it.
    pub(super) level: f64,
}

impl World {
    pub(super) const PLAIN: World =
        World { days: 28, units_a_day: 20, own: 0.0, keep_acting: true, effect: 0.0, level: 0.0 };

    /// The statistics of the metric `value` on every day, for the arms `control` and `treatment`, and of the units
    /// that were exposed.
    pub(super) fn stats(self, name: &str, number: u64) -> Vec<GroupStat> {
        let mut stats = Vec::new();
        for (arm, variant) in ["control", "treatment"].into_iter().enumerate() {
            let draws = Draws::named(&format!("{name} {number} {variant}"));
            let added = self.level + if arm == 1 { self.effect } else { 0.0 };
            let mut totals: Vec<f64> = Vec::new();
            for day in 0..self.days {
                let before = totals.clone();
                totals.resize(before.len() + self.units_a_day, 0.0);
                for (unit, total) in totals.iter_mut().enumerate() {
                    if self.keep_acting || unit >= before.len() {
                        let normal = |draw| norm_ppf(draws.unit(unit as u64, draw));
                        let own = if self.own > 0.0 { self.own * normal(0) } else { 0.0 };
                        *total += added + own + normal(1 + u64::from(day));
                    }
                }
                let ds = after(day);
                stats.push(of_two_days(ds, variant, &totals, &before));
                let n = totals.len() as i64;
                stats.push(GroupStat { ds, ..exposed(variant, n, 0) });
            }
        }
        stats
    }
}

/// The first day of a world, and those after it.
pub(super) fn after(days: u32) -> NaiveDate {
    let first = NaiveDate::from_ymd_opt(2024, 3, 1).expect("a date");
    first.iter_days().nth(days as usize).expect("a date")
}

/// The statistics of a day whose first units were there the day before.
fn of_two_days(ds: NaiveDate, variant: &str, now: &[f64], before: &[f64]) -> GroupStat {
    let average = |x: &[f64]| x.iter().sum::<f64>() / x.len().max(1) as f64;
    let co_moment = |x: &[f64], y: &[f64]| {
        let (mean_x, mean_y) = (average(x), average(y));
        x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>()
    };
    GroupStat {
        ds,
        sum_x: Some(now.iter().sum()),
        mean_x: Some(average(now)),
        m2_x: Some(co_moment(now, now)),
        n: now.len() as i64,
        n_before: Some(before.len() as i64),
        co_x_before: Some(co_moment(&now[..before.len()], before)),
        ..empty("value", "mean", variant)
    }
}
