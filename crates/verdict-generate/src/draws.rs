//! Random numbers by address: a seed, a unit, a day, a purpose.

use std::convert::Infallible;

use rand_distr::{Distribution as _, Poisson, StandardNormal};
use verdict_accum::philox4x32;

/// What numbers are drawn for; numbers of one purpose do not move when another takes more of its own.
#[derive(Clone, Copy, Debug)]
#[repr(u32)]
pub(crate) enum Purpose {
    /// Who the unit is.
    Unit = 0,
    /// Whether it comes on a day, and when.
    Visit = 1,
    /// Its events on a day.
    Events = 2,
    /// Whether it is in an experiment, and in which arm: one for each experiment, from here on.
    Assignment = 16,
}

/// A stream of random numbers (Philox4x32-10): the same address gives the same numbers, on whatever thread.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    seed: u64,
    unit: u32,
    day: u32,
    purpose: u32,
    block: u32,
    spare: Option<u64>,
}

impl Draws {
    pub(crate) fn new(seed: u64, unit: u32, day: u32, purpose: Purpose) -> Draws {
        Draws { seed, unit, day, purpose: purpose as u32, block: 0, spare: None }
    }

    /// The draws of one of several experiments.
    pub(crate) fn of_experiment(seed: u64, unit: u32, day: u32, experiment: usize) -> Draws {
        let purpose = Purpose::Assignment as u32 + experiment as u32;
        Draws { seed, unit, day, purpose, block: 0, spare: None }
    }

    pub(crate) fn bits(&mut self) -> u64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let counter = [self.block, self.unit, self.day, self.purpose];
        let [a, b, c, d] = philox4x32(self.seed, counter);
        self.block = self.block.wrapping_add(1);
        self.spare = Some(u64::from(c) | u64::from(d) << 32);
        u64::from(a) | u64::from(b) << 32
    }

    /// Uniform in [0, 1).
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits: every such double is exact.
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// A standard normal number.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(self)
    }

    /// A Poisson count; zero for a mean that is not positive.
    pub(crate) fn poisson(&mut self, mean: f64) -> u32 {
        // A count that large does not come of the means that a spec may state.
        Poisson::new(mean).map_or(0, |law| law.sample(self).min(f64::from(u32::MAX)) as u32)
    }
}

impl rand::TryRng for Draws {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(self.bits() as u32)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.bits())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            let bits = self.bits().to_le_bytes();
            chunk.iter_mut().zip(bits).for_each(|(to, from)| *to = from);
        }
        Ok(())
    }
}
