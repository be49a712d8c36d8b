//! How many units enter each variant on a day.

use verdict_model::{Arm, Arrivals, Population, Split};

use crate::draws::Draws;

/// Units by variant, of one experiment.
#[derive(Debug)]
pub(crate) struct Entering<'a> {
    population: &'a Population,
    arms: &'a [Arm],
    draws: Draws,
    day: u32,
    total: u64,
    so_far: Vec<u64>,
}

impl<'a> Entering<'a> {
    pub(crate) fn new(population: &'a Population, arms: &'a [Arm], draws: Draws) -> Entering<'a> {
        Entering { population, arms, draws, day: 0, total: 0, so_far: vec![0; arms.len()] }
    }

    /// The units that enter on the next day, by variant.
    pub(crate) fn day(&mut self) -> Vec<u64> {
        let population = self.population;
        let day = f64::from(self.day);
        self.day += 1;
        let closed = population.entry_days.is_some_and(|days| self.day > days);
        let new = match population.arrivals {
            _ if closed => 0,
            // Whole units, whose fractions add up over the days.
            Arrivals::Fixed => {
                let until = |days: f64| (population.units_per_day * days).floor() as u64;
                until(day + 1.0) - until(day)
            }
            Arrivals::Poisson => self.draws.poisson(population.units_per_day),
        };
        self.total += new;
        let entering = match population.split {
            Split::Random => self.at_random(new),
            Split::Planned => self.as_planned(new),
        };
        self.so_far.iter_mut().zip(&entering).for_each(|(sum, new)| *sum += new);
        entering
    }

    /// A multinomial split, one variant after the other.
    fn at_random(&mut self, new: u64) -> Vec<u64> {
        let (mut left, mut weight) = (new, 1.0);
        let last = self.arms.len() - 1;
        let draws = &mut self.draws;
        let split = self.arms.iter().enumerate().map(|(i, arm)| {
            let p = if i == last { 1.0 } else { (arm.weight / weight).clamp(0.0, 1.0) };
            let entering = draws.binomial(left, p);
            left -= entering;
            weight -= arm.weight;
            entering
        });
        split.collect()
    }

    /// So that each variant is within a unit or so of its weight, on every day.
    fn as_planned(&self, new: u64) -> Vec<u64> {
        let missing: Vec<f64> = self
            .arms
            .iter()
            .zip(&self.so_far)
            .map(|(arm, so_far)| arm.weight * self.total as f64 - *so_far as f64)
            .collect();
        let mut left = new;
        let mut entering: Vec<u64> = missing
            .iter()
            .map(|missing| {
                let whole = (missing.max(0.0) as u64).min(left);
                left -= whole;
                whole
            })
            .collect();
        while left > 0 {
            let short = |i: &usize| missing[*i] - entering[*i] as f64;
            let shortest = (0..missing.len()).max_by(|a, b| short(a).total_cmp(&short(b)));
            let Some(shortest) = shortest else { break };
            entering[shortest] += 1;
            left -= 1;
        }
        entering
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arms(weights: &[f64]) -> Vec<Arm> {
        let arm = |weight: &f64| Arm { name: String::new(), weight: *weight };
        weights.iter().map(arm).collect()
    }

    fn population(units_per_day: f64, arrivals: Arrivals, split: Split) -> Population {
        Population { units_per_day, arrivals, entry_days: None, split, metrics: Default::default() }
    }

    #[test]
    fn a_planned_split_is_within_a_unit_of_its_weights_and_loses_nobody() {
        let arms = arms(&[0.5, 0.3, 0.15, 0.05]);
        let population = population(7.25, Arrivals::Fixed, Split::Planned);
        let mut entering = Entering::new(&population, &arms, Draws::new(1, 0, 0));
        for day in 1..=40 {
            entering.day();
            let total: u64 = entering.so_far.iter().sum();
            assert_eq!(total, (7.25 * f64::from(day)).floor() as u64);
            for (arm, n) in arms.iter().zip(&entering.so_far) {
                assert!((arm.weight * total as f64 - *n as f64).abs() < 1.5, "day {day}: {n}");
            }
        }
    }

    #[test]
    fn a_random_split_has_the_weights_as_probabilities() {
        let arms = arms(&[0.6, 0.3, 0.1]);
        let population = population(50.0, Arrivals::Poisson, Split::Random);
        let days = 4_000;
        let mut entering = Entering::new(&population, &arms, Draws::new(1, 0, 0));
        (0..days).for_each(|_| {
            entering.day();
        });
        for (arm, n) in arms.iter().zip(&entering.so_far) {
            // Poisson arrivals, split at random, are Poisson in each arm.
            let expected = arm.weight * 50.0 * f64::from(days);
            assert!((*n as f64 - expected).abs() < 4.5 * expected.sqrt(), "{n}, not {expected}");
        }
    }

    #[test]
    fn nobody_enters_after_the_days_of_entry() {
        let arms = arms(&[0.5, 0.5]);
        let population =
            Population { entry_days: Some(2), ..population(10.0, Arrivals::Fixed, Split::Random) };
        let mut entering = Entering::new(&population, &arms, Draws::new(1, 0, 0));
        let days = [(); 4].map(|()| entering.day().iter().sum::<u64>());
        assert_eq!(days, [10, 10, 0, 0]);
    }
}
