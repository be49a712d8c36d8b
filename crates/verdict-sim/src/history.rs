//! The group statistics of one experiment, day after day.

use verdict_model::NaiveDate;
use verdict_model::rows::{GroupStat, SEVERAL_VARIANTS, WHOLE};

use crate::SimError;
use crate::arrivals::Entering;
use crate::draws::Draws;
use crate::group::{Group, Statistics};
use crate::world::World;

/// The rows of every day, and how many there are up to each.
#[derive(Clone, Debug)]
pub(crate) struct History {
    rows: Vec<GroupStat>,
    a_day: usize,
}

impl History {
    /// The rows of all days up to one (from 0).
    pub(crate) fn up_to(&self, day: usize) -> &[GroupStat] {
        &self.rows[..(self.a_day * (day + 1)).min(self.rows.len())]
    }

    /// The rows of one day.
    pub(crate) fn on(&self, day: usize) -> &[GroupStat] {
        let to = self.up_to(day);
        &to[(self.a_day * day).min(to.len())..]
    }
}

/// Streams of an experiment's random numbers.
const ARRIVALS: u32 = 0;
/// Of what a unit has in common over its metrics: one a variant, from here on.
const SHARED: u32 = 1;
/// Of metrics: `METRICS + metric · ARMS + variant`.
const METRICS: u32 = 1 << 16;
const ARMS: u32 = 1 << 8;

impl World {
    /// Experiment `number` of the seed.
    pub(crate) fn history(&self, seed: u64, number: u64) -> Result<History, SimError> {
        let arms = &self.experiment.design.arms;
        let draws = |stream| Draws::new(seed, number, stream);
        let mut entering = Entering::new(&self.population, arms, draws(ARRIVALS));
        let mut shared: Vec<(Vec<f64>, Draws)> =
            (SHARED..).take(arms.len()).map(|stream| (Vec::new(), draws(stream))).collect();
        let mut groups: Vec<(Group, Draws)> = (METRICS..)
            .step_by(ARMS as usize)
            .zip(&self.metrics)
            .flat_map(|(stream, metric)| (stream..).zip(&metric.laws))
            .map(|(stream, law)| (Group::new(law), draws(stream)))
            .collect();
        let a_day = arms.len() * (1 + self.metrics.len());
        let mut rows = Vec::with_capacity(a_day * self.calendar.days.len());
        let mut exposed = vec![0; arms.len()];
        for day in &self.calendar.days {
            let new = entering.day();
            for (i, arm) in arms.iter().enumerate() {
                let now = exposed[i] + new[i];
                rows.push(self.row(
                    *day,
                    SEVERAL_VARIANTS,
                    "proportion",
                    &arm.name,
                    &nobody_in_several(now, exposed[i]),
                ));
                exposed[i] = now;
                if self.shares() {
                    let (scores, draws) = &mut shared[i];
                    scores.extend((0..new[i]).map(|_| draws.normal()));
                }
            }
            let mut groups = groups.iter_mut();
            for metric in &self.metrics {
                for (((i, arm), law), (group, draws)) in
                    arms.iter().enumerate().zip(&metric.laws).zip(&mut groups)
                {
                    let found = group
                        .day(law, new[i], &shared[i].0, draws)
                        .map_err(|error| SimError::Numbers { number, reason: error.to_string() })?;
                    rows.push(self.row(*day, &metric.name, &metric.kind, &arm.name, &found));
                }
            }
        }
        Ok(History { rows, a_day })
    }

    fn row(
        &self,
        ds: NaiveDate,
        metric: &str,
        metric_type: &str,
        variant: &str,
        found: &Statistics,
    ) -> GroupStat {
        // Counts of simulated units are far below the largest integer.
        let count = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        GroupStat {
            experiment: self.experiment.name.value.clone(),
            ds,
            metric: metric.to_owned(),
            metric_type: metric_type.to_owned(),
            variant: variant.to_owned(),
            segment: WHOLE.to_owned(),
            segment_value: WHOLE.to_owned(),
            n: count(found.n),
            n_not_mature: None,
            sum_x: found.sum_x,
            mean_x: found.mean_x,
            m2_x: found.m2_x,
            m3_x: None,
            sum_y: found.sum_y,
            mean_y: found.mean_y,
            m2_y: found.m2_y,
            co_xy: found.co_xy,
            n_before: Some(count(found.n_before)),
            co_x_before: found.co_x_before,
            co_y_before: found.co_y_before,
            co_xy_before: found.co_xy_before,
            n_pre: None,
            covariates: Default::default(),
            winsorized: Default::default(),
            quantile: None,
            distribution: None,
            totals: None,
            categories: None,
        }
    }
}

/// The built-in metric of exposed units, none of which met several variants.
fn nobody_in_several(n: u64, n_before: u64) -> Statistics {
    let zero = |n: u64| (n > 0).then_some(0.0);
    Statistics {
        n,
        sum_x: zero(n),
        mean_x: zero(n),
        m2_x: zero(n),
        n_before,
        co_x_before: zero(n_before),
        ..Statistics::default()
    }
}
