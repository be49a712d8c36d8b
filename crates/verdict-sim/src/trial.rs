//! One experiment, judged at its looks.

use verdict_analysis::judge::{Judgement, judge};
use verdict_model::rows::WHOLE;

use crate::SimError;
use crate::history::History;
use crate::world::World;

/// The decisions after which an experiment goes on.
const GOES_ON: [&str; 2] = ["continue", "invalid"];

/// What became of one experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    /// By treatment variant.
    pub(crate) variants: Vec<Ending>,
    /// By metric and treatment variant, metric by metric.
    pub(crate) metrics: Vec<Option<Found>>,
}

/// The end of the experiment for a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// The first decision that ends it, or the last one.
    pub(crate) decision: String,
    /// Its first reason.
    pub(crate) reason: String,
    /// The look (from 0) of that decision.
    pub(crate) look: usize,
}

/// The first look (from 0) at which a metric's test was significant, and the sign of its effect there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) look: usize,
    pub(crate) higher: bool,
}

/// How the looks of an experiment are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Search {
    /// Each of them is judged.
    Every,
    /// First ones are found by bisection: what is significant at one look is so at every later one.
    Bisect,
}

/// What is kept of a judgement.
#[derive(Clone, Debug)]
struct Seen {
    /// Decision and first reason, by variant.
    decisions: Vec<(String, String)>,
    /// By metric and variant: whether significant, and the sign.
    significant: Vec<Option<bool>>,
}

/// An experiment's looks, judged when they are asked for.
struct Looks<'a> {
    world: &'a World,
    history: &'a History,
    seen: Vec<Option<Seen>>,
}

impl World {
    /// Experiment `number` of the seed, from its first unit to its decisions.
    pub(crate) fn trial(
        &self,
        seed: u64,
        number: u64,
        search: Search,
    ) -> Result<Outcome, SimError> {
        let history = self.history(seed, number)?;
        let seen = vec![None; self.calendar.looks.len()];
        let mut looks = Looks { world: self, history: &history, seen };
        let variants = (0..self.treatments().len())
            .map(|variant| {
                let look = looks.first(search, |seen| {
                    let decision = &*seen.decisions[variant].0;
                    (decision != "invalid").then_some(!GOES_ON.contains(&decision))
                });
                let look = look.unwrap_or(looks.seen.len() - 1);
                let (decision, reason) = looks.at(look).decisions[variant].clone();
                Ending { decision, reason, look }
            })
            .collect();
        let metrics = (0..self.metrics.len() * self.treatments().len())
            .map(|i| {
                let look = looks.first(search, |seen| Some(seen.significant[i].is_some()))?;
                Some(Found { look, higher: looks.at(look).significant[i] == Some(true) })
            })
            .collect();
        Ok(Outcome { variants, metrics })
    }
}

impl Looks<'_> {
    fn at(&mut self, look: usize) -> &Seen {
        let (world, history) = (self.world, self.history);
        self.seen[look].get_or_insert_with(|| {
            let day = world.calendar.looks[look];
            let judgement = judge(
                &world.experiment,
                &world.metric_types,
                world.calendar.days[day],
                history.up_to(day),
                None,
                &[],
            );
            world.seen(&judgement)
        })
    }

    /// The first look at which something holds; `None` from it where a look cannot tell.
    fn first(&mut self, search: Search, holds: impl Fn(&Seen) -> Option<bool>) -> Option<usize> {
        let looks = self.seen.len();
        let every =
            |looks: &mut Self| (0..looks.seen.len()).find(|k| holds(looks.at(*k)) == Some(true));
        if search == Search::Every {
            return every(self);
        }
        match holds(self.at(looks - 1)) {
            None => return every(self),
            Some(false) => return None,
            Some(true) => {}
        }
        // It holds at `at` and at no look before `from`.
        let (mut from, mut at) = (0, looks - 1);
        while from < at {
            let middle = from + (at - from) / 2;
            match holds(self.at(middle)) {
                None => return every(self),
                Some(true) => at = middle,
                Some(false) => from = middle + 1,
            }
        }
        Some(at)
    }
}

impl World {
    fn seen(&self, judgement: &Judgement) -> Seen {
        let treatments = self.treatments();
        let decisions = treatments
            .iter()
            .map(|variant| {
                let row = judgement.decisions.iter().find(|row| row.variant == *variant);
                row.map_or_else(Default::default, |row| {
                    (row.decision.clone(), row.reason_codes.first().cloned().unwrap_or_default())
                })
            })
            .collect();
        let mut significant = Vec::with_capacity(self.metrics.len() * treatments.len());
        for metric in &self.metrics {
            let alpha = self.alpha(metric.role);
            for variant in &treatments {
                let row = judgement.results.iter().find(|row| {
                    row.metric == metric.name && row.variant == *variant && row.segment == WHOLE
                });
                let row = row.filter(|row| row.p_value_adjusted.is_some_and(|p| p <= alpha));
                significant.push(row.map(|row| row.effect.is_some_and(|effect| effect > 0.0)));
            }
        }
        Seen { decisions, significant }
    }
}
