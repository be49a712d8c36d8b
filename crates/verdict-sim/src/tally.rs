//! Outcomes of many experiments, counted.

use std::collections::BTreeMap;

use verdict_model::Role;

use crate::trial::Outcome;
use crate::world::World;

/// Counts over experiments: whole numbers, so that the order in which they are added cannot show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) experiments: u64,
    /// By treatment variant.
    pub(crate) variants: Vec<VariantTally>,
    /// By metric and treatment variant, metric by metric.
    pub(crate) metrics: Vec<MetricTally>,
    /// By look: experiments that ended for their last variant there.
    pub(crate) ended: Vec<u64>,
    /// By role: experiments in which some test without an effect was significant at some look.
    pub(crate) any_false: BTreeMap<Role, u64>,
}

/// Of a variant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct VariantTally {
    pub(crate) decisions: BTreeMap<String, u64>,
    /// Decision and first reason.
    pub(crate) reasons: BTreeMap<(String, String), u64>,
    /// By look.
    pub(crate) ended: Vec<u64>,
}

/// Of a metric of a variant: by the look at which it was first significant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct MetricTally {
    pub(crate) higher: Vec<u64>,
    pub(crate) lower: Vec<u64>,
}

impl Tally {
    pub(crate) fn new(world: &World) -> Tally {
        let none = vec![0; world.calendar.looks.len()];
        let treatments = world.treatments().len();
        let variant = VariantTally { ended: none.clone(), ..VariantTally::default() };
        let metric = MetricTally { higher: none.clone(), lower: none.clone() };
        Tally {
            experiments: 0,
            variants: vec![variant; treatments],
            metrics: vec![metric; treatments * world.metrics.len()],
            ended: none,
            any_false: world.metrics.iter().map(|metric| (metric.role, 0)).collect(),
        }
    }

    pub(crate) fn add(&mut self, world: &World, outcome: &Outcome) {
        self.experiments += 1;
        let mut latest = 0;
        for (tally, ending) in self.variants.iter_mut().zip(&outcome.variants) {
            *tally.decisions.entry(ending.decision.clone()).or_default() += 1;
            let reason = (ending.decision.clone(), ending.reason.clone());
            *tally.reasons.entry(reason).or_default() += 1;
            tally.ended[ending.look] += 1;
            latest = latest.max(ending.look);
        }
        if !outcome.variants.is_empty() {
            self.ended[latest] += 1;
        }
        let found = outcome.metrics.iter();
        for (tally, found) in self.metrics.iter_mut().zip(found) {
            if let Some(found) = found {
                let side = if found.higher { &mut tally.higher } else { &mut tally.lower };
                side[found.look] += 1;
            }
        }
        for (role, count) in &mut self.any_false {
            let tests = world.metrics.iter().flat_map(|metric| {
                metric.effects.iter().map(move |effect| metric.role == *role && effect.is_none())
            });
            let any = tests.zip(&outcome.metrics).any(|(null, found)| null && found.is_some());
            *count += u64::from(any);
        }
    }

    pub(crate) fn merge(&mut self, other: &Tally) {
        let add = |to: &mut [u64], from: &[u64]| {
            to.iter_mut().zip(from).for_each(|(to, from)| *to += from);
        };
        self.experiments += other.experiments;
        add(&mut self.ended, &other.ended);
        for (to, from) in self.variants.iter_mut().zip(&other.variants) {
            add(&mut to.ended, &from.ended);
            for (decision, count) in &from.decisions {
                *to.decisions.entry(decision.clone()).or_default() += count;
            }
            for (reason, count) in &from.reasons {
                *to.reasons.entry(reason.clone()).or_default() += count;
            }
        }
        for (to, from) in self.metrics.iter_mut().zip(&other.metrics) {
            add(&mut to.higher, &from.higher);
            add(&mut to.lower, &from.lower);
        }
        for (role, count) in &other.any_false {
            *self.any_false.entry(*role).or_default() += count;
        }
    }
}
