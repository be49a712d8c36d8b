//! What a simulation found.

use verdict_model::Role;

use crate::effect::Size;
use crate::rate::Rate;
use crate::run::Runs;
use crate::tally::{Tally, VariantTally};
use crate::world::World;

/// What became of the experiments of a simulation.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// The experiment.
    pub experiment: String,
    /// The word for its sequential method.
    pub method: &'static str,
    /// How many experiments were simulated, and how.
    pub runs: Runs,
    /// How many days each look closes.
    pub looks: Vec<u32>,
    /// Units that enter on a day, over all variants.
    pub units_per_day: f64,
    /// How long the experiments took: until the last of their variants was decided.
    pub duration: Duration,
    /// By treatment variant, in the order of the file.
    pub variants: Vec<Variant>,
    /// Metric by metric in the order of the file, and variant by variant.
    pub tests: Vec<Test>,
    /// By role: how often some test without an effect was significant at some look.
    pub families: Vec<Family>,
}

/// How many days experiments took.
#[derive(Clone, Debug, PartialEq)]
pub struct Duration {
    /// The mean.
    pub mean_days: f64,
    /// The smallest number of days that half of the experiments did not exceed.
    pub median_days: u32,
    /// Experiments that ended at each look.
    pub ended: Vec<u64>,
}

/// What was decided of a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Variant {
    /// The variant.
    pub variant: String,
    /// How often each decision was the one that ended the experiment (or stood at its last look).
    pub decisions: Vec<Decided>,
    /// How long it took.
    pub duration: Duration,
}

/// A decision.
#[derive(Clone, Debug, PartialEq)]
pub struct Decided {
    /// The decision.
    pub decision: String,
    /// How often.
    pub rate: Rate,
    /// How often for which first reason; reasons as codes.
    pub reasons: Vec<(String, Rate)>,
}

/// What a metric's test found in a variant.
#[derive(Clone, Debug, PartialEq)]
pub struct Test {
    /// The metric.
    pub metric: String,
    /// Its role.
    pub role: Role,
    /// The variant.
    pub variant: String,
    /// The effect that it has; without one, what is significant is false.
    pub effect: Option<Size>,
    /// The level of its family.
    pub alpha: f64,
    /// Significant (corrected within its family) at some look up to the last, whether or not the experiment had
    /// ended by then: a false positive rate without an effect, power with one.
    pub significant: Rate,
    /// The same, with the variant above the control at that look.
    pub higher: Rate,
    /// The same, with the variant below.
    pub lower: Rate,
    /// Share that was significant by each look.
    pub by_look: Vec<f64>,
    /// Mean days to the first such look; experiments without any count with the last.
    pub mean_days: f64,
}

/// Tests that are corrected together.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    /// Their role.
    pub role: Role,
    /// Their level.
    pub alpha: f64,
    /// How many of them have no effect.
    pub without_effect: usize,
    /// How often one of those was significant at some look; `None` when all have an effect.
    pub any_false: Option<Rate>,
}

impl Simulation {
    pub(crate) fn new(world: &World, runs: Runs, tally: &Tally) -> Simulation {
        let looks = world.calendar.looks();
        let treatments = world.treatments();
        let runs = Runs { experiments: tally.experiments, ..runs };
        let variants = treatments.iter().zip(&tally.variants);
        let variants =
            variants.map(|(variant, tally)| Variant::new(variant, tally, &looks, runs)).collect();
        let tests = world.metrics.iter().flat_map(|metric| {
            treatments
                .iter()
                .zip(&metric.effects)
                .map(move |(variant, effect)| (metric, *variant, *effect))
        });
        let tests = tests
            .zip(&tally.metrics)
            .map(|((metric, variant, effect), tally)| {
                let at: Vec<u64> =
                    tally.higher.iter().zip(&tally.lower).map(|(a, b)| a + b).collect();
                let [higher, lower] = [&tally.higher, &tally.lower].map(|at| at.iter().sum());
                let share = |count| Rate::new(count, runs.experiments);
                let by_look = at.iter().scan(0, |sum, count| {
                    *sum += count;
                    Some(share(*sum).rate)
                });
                let by_look = by_look.collect();
                let mut until = at.clone();
                if let Some(last) = until.last_mut() {
                    *last += runs.experiments - higher - lower;
                }
                Test {
                    metric: metric.name.clone(),
                    role: metric.role,
                    variant: variant.to_owned(),
                    effect,
                    alpha: world.alpha(metric.role),
                    significant: share(higher + lower),
                    higher: share(higher),
                    lower: share(lower),
                    by_look,
                    mean_days: Duration::of(&until, &looks).mean_days,
                }
            })
            .collect();
        let families = tally.any_false.iter().map(|(role, count)| {
            let metrics = world.metrics.iter().filter(|metric| metric.role == *role);
            let without = metrics
                .flat_map(|metric| &metric.effects)
                .filter(|effect| effect.is_none())
                .count();
            Family {
                role: *role,
                alpha: world.alpha(*role),
                without_effect: without,
                any_false: (without > 0).then(|| Rate::new(*count, runs.experiments)),
            }
        });
        Simulation {
            experiment: world.experiment.name.value.clone(),
            method: world.experiment.settings.sequential.word(),
            runs,
            units_per_day: world.population.units_per_day,
            duration: Duration::of(&tally.ended, &looks),
            variants,
            tests,
            families: families.collect(),
            looks,
        }
    }

    /// The tests of a metric, by variant.
    pub fn tests_of<'a>(&'a self, metric: &'a str) -> impl Iterator<Item = &'a Test> {
        self.tests.iter().filter(move |test| test.metric == metric)
    }
}

impl Variant {
    fn new(variant: &str, tally: &VariantTally, looks: &[u32], runs: Runs) -> Variant {
        let share = |count| Rate::new(count, runs.experiments);
        let decisions = tally.decisions.iter().map(|(decision, count)| Decided {
            decision: decision.clone(),
            rate: share(*count),
            reasons: tally
                .reasons
                .iter()
                .filter(|((of, _), _)| of == decision)
                .map(|((_, reason), count)| (reason.clone(), share(*count)))
                .collect(),
        });
        Variant {
            variant: variant.to_owned(),
            decisions: decisions.collect(),
            duration: Duration::of(&tally.ended, looks),
        }
    }

    /// How often a decision was made of it.
    #[must_use]
    pub fn rate(&self, decision: &str) -> Rate {
        let of = self.decisions.iter().find(|decided| decided.decision == decision);
        let experiments = self.duration.ended.iter().sum();
        of.map_or_else(|| Rate::new(0, experiments), |decided| decided.rate)
    }
}

impl Duration {
    fn of(ended: &[u64], looks: &[u32]) -> Duration {
        let total: u64 = ended.iter().sum();
        let days = |(count, days): (&u64, &u32)| count * u64::from(*days);
        let sum: u64 = ended.iter().zip(looks).map(days).sum();
        let mut by_then = 0;
        let median = ended.iter().zip(looks).find(|(count, _)| {
            by_then += **count;
            2 * by_then >= total
        });
        Duration {
            mean_days: sum as f64 / total.max(1) as f64,
            median_days: median.map_or(0, |(_, days)| *days),
            ended: ended.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_counted_in_days_of_looks() {
        let duration = Duration::of(&[1, 0, 2, 1], &[7, 14, 21, 28]);
        assert_eq!((duration.mean_days, duration.median_days), (19.25, 21));
    }
}
