//! Units: who they are, when they come, what they are assigned to.

use crate::draws::{Draws, Purpose};
use crate::{Plant, Spec};

/// The platforms, with the share of units on each.
pub(crate) const PLATFORMS: [(&str, f64); 3] = [("android", 0.45), ("ios", 0.30), ("web", 0.25)];
/// The countries, with the share of units in each.
pub(crate) const COUNTRIES: [(&str, f64); 5] =
    [("ES", 0.30), ("FR", 0.25), ("DE", 0.20), ("IT", 0.15), ("BR", 0.10)];

pub(crate) const ANDROID: u8 = 0;
pub(crate) const WEB: u8 = 2;

/// A day's first 20 hours, in which sessions begin, in microseconds.
const SESSION_BEGINS_US: f64 = 20.0 * 3.6e9;
/// Standard deviation of the logarithm of a unit's mean number of events.
const SD_LOG_EVENTS: f64 = 0.8;
/// Standard deviation of the logarithm of how much a unit orders.
const SD_LOG_BUYER: f64 = 0.6;

/// Who a unit is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unit {
    /// 16 hexadecimal digits.
    pub(crate) id: u64,
    /// By place in [`PLATFORMS`].
    pub(crate) platform: u8,
    /// By place in [`COUNTRIES`].
    pub(crate) country: u8,
    /// The chance to come on a day.
    visits: f64,
    /// Mean number of events of a visit beyond the first.
    pub(crate) events: f64,
    /// By what its chance to order is multiplied; 1 on average.
    pub(crate) buyer: f64,
}

impl Unit {
    pub(crate) fn new(spec: &Spec, number: u32) -> Unit {
        let mut draws = Draws::new(spec.seed, number, 0, Purpose::Unit);
        let id = draws.bits();
        let platform = one_of(&PLATFORMS, draws.uniform());
        let country = one_of(&COUNTRIES, draws.uniform());
        let visits = 0.03 + 0.57 * draws.uniform().powi(2);
        // exp(sd Z - sd²/2) has the mean 1.
        let mut factor = |sd: f64| (sd * draws.normal() - sd * sd / 2.0).exp();
        let events = (spec.events_per_visit - 1.0) * factor(SD_LOG_EVENTS);
        Unit { id, platform, country, visits, events, buyer: factor(SD_LOG_BUYER) }
    }

    /// When its session of a day begins, in microseconds after midnight, where it comes.
    pub(crate) fn visit(&self, seed: u64, number: u32, day: u32) -> Option<i64> {
        let mut draws = Draws::new(seed, number, day, Purpose::Visit);
        (draws.uniform() < self.visits).then(|| (draws.uniform() * SESSION_BEGINS_US) as i64)
    }
}

fn one_of(shares: &[(&str, f64)], draw: f64) -> u8 {
    let mut below = 0.0;
    let at = shares.iter().position(|(_, share)| {
        below += share;
        draw < below
    });
    at.unwrap_or(shares.len() - 1) as u8
}

/// Which arm each unit is in, and since when.
#[derive(Debug)]
pub(crate) struct Assignments {
    experiments: usize,
    /// Unit by unit, then experiment by experiment: the arm, and the day of the first exposure.
    of: Vec<Option<Assigned>>,
    /// The unit that is planted as a bot.
    pub(crate) bot: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Assigned {
    pub(crate) arm: u8,
    pub(crate) first_day: u16,
    /// Whether its exposures are missing from the log.
    pub(crate) lost: bool,
}

impl Assignments {
    pub(crate) fn new(spec: &Spec) -> Assignments {
        let mut of = Vec::with_capacity(spec.users as usize * spec.experiments.len());
        let mut bot = None;
        let wants_bot = spec.plants.iter().any(|plant| matches!(plant, Plant::Bot(_)));
        for number in 0..spec.users {
            let unit = Unit::new(spec, number);
            for experiment in 0..spec.experiments.len() {
                let assigned = assign(spec, &unit, number, experiment);
                let last = spec.experiments[experiment].arms.len() as u8 - 1;
                if wants_bot
                    && bot.is_none()
                    && experiment == 0
                    && assigned.is_some_and(|a| a.arm == last)
                {
                    bot = Some(number);
                }
                of.push(assigned);
            }
        }
        Assignments { experiments: spec.experiments.len(), of, bot }
    }

    /// A unit's assignments, experiment by experiment.
    pub(crate) fn of(&self, number: u32) -> &[Option<Assigned>] {
        let from = number as usize * self.experiments;
        &self.of[from..from + self.experiments]
    }
}

fn assign(spec: &Spec, unit: &Unit, number: u32, experiment: usize) -> Option<Assigned> {
    let planned = &spec.experiments[experiment];
    let mut draws = Draws::of_experiment(spec.seed, number, 0, experiment);
    if draws.uniform() >= planned.share {
        return None;
    }
    let draw = draws.uniform();
    let simpson = spec.plants.iter().any(|plant| matches!(plant, Plant::Simpson(_)));
    let arms = planned.arms.len();
    let arm = if simpson && experiment == 0 && arms > 1 {
        let control = if unit.platform == WEB { 0.8 } else { 0.2 };
        if draw < control {
            0
        } else {
            1 + ((draw - control) / (1.0 - control) * (arms - 1) as f64) as usize
        }
    } else {
        (draw * arms as f64) as usize
    };
    let arm = arm.min(arms - 1);
    let first_day =
        (planned.start..spec.days).find(|day| unit.visit(spec.seed, number, *day).is_some())?;
    let share = spec.plants.iter().find_map(|plant| match plant {
        Plant::LostUnits(share) => Some(*share),
        _ => None,
    });
    let lost = share.is_some_and(|share| {
        unit.platform == ANDROID
            && arm == arms - 1
            && first_day >= planned.start + 5
            && draws.uniform() < share
    });
    Some(Assigned { arm: arm as u8, first_day: first_day as u16, lost })
}
