//! Random numbers by address: a seed, an experiment's number, a stream within it.

use std::convert::Infallible;

use rand_distr::{Binomial, ChiSquared, Distribution as _, Poisson, StandardNormal};
use verdict_accum::philox4x32;

/// A stream of random numbers (Philox4x32-10, counted in blocks of two): the same address gives the same numbers,
/// whoever asks, in whatever order and on whatever thread.
#[derive(Clone, Debug)]
pub(crate) struct Draws {
    seed: u64,
    experiment: u64,
    stream: u32,
    block: u32,
    spare: Option<u64>,
}

impl Draws {
    pub(crate) fn new(seed: u64, experiment: u64, stream: u32) -> Draws {
        Draws { seed, experiment, stream, block: 0, spare: None }
    }

    fn bits(&mut self) -> u64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let experiment = self.experiment;
        let counter = [self.block, self.stream, experiment as u32, (experiment >> 32) as u32];
        let [a, b, c, d] = philox4x32(self.seed, counter);
        self.block = self.block.wrapping_add(1);
        self.spare = Some(u64::from(c) | u64::from(d) << 32);
        u64::from(a) | u64::from(b) << 32
    }

    /// A standard normal number.
    pub(crate) fn normal(&mut self) -> f64 {
        StandardNormal.sample(self)
    }

    /// Successes of `n` trials; none for a probability that is none.
    pub(crate) fn binomial(&mut self, n: u64, p: f64) -> u64 {
        Binomial::new(n, p).map_or(0, |law| law.sample(self)).min(n)
    }

    /// A Poisson count; zero for a mean that is not positive.
    pub(crate) fn poisson(&mut self, mean: f64) -> u64 {
        // The conversion of a whole number of its size is exact.
        Poisson::new(mean).map_or(0, |law| law.sample(self) as u64)
    }

    /// A chi-squared number; zero without degrees of freedom.
    pub(crate) fn chi_squared(&mut self, df: f64) -> f64 {
        ChiSquared::new(df).map_or(0.0, |law| law.sample(self))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_numbers_and_neighbours_have_others() {
        let of = |seed, experiment, stream| {
            let mut draws = Draws::new(seed, experiment, stream);
            [0; 5].map(|_| draws.bits())
        };
        assert_eq!(of(1, 2, 3), of(1, 2, 3));
        let all = [of(1, 2, 3), of(2, 2, 3), of(1, 3, 3), of(1, 2, 4), of(1, 2 + (1 << 32), 3)];
        for (i, a) in all.iter().enumerate() {
            assert!(all[..i].iter().all(|b| a.iter().all(|x| !b.contains(x))), "{i}");
        }
    }

    #[test]
    fn moments_are_those_of_the_laws() {
        let mut draws = Draws::new(7, 0, 0);
        let mut check =
            |name: &str, mean: f64, sd: f64, draw: &mut dyn FnMut(&mut Draws) -> f64| {
                let n = 40_000;
                let sum: f64 = (0..n).map(|_| draw(&mut draws)).sum();
                let error = (sum / f64::from(n) - mean) / (sd / f64::from(n).sqrt());
                assert!(error.abs() < 4.5, "{name}: off by {error} standard errors");
            };
        check("normal", 0.0, 1.0, &mut |d| d.normal());
        check("squared normal", 1.0, 2_f64.sqrt(), &mut |d| d.normal().powi(2));
        check("binomial", 30.0, 21_f64.sqrt(), &mut |d| d.binomial(100, 0.3) as f64);
        check("small binomial", 0.5, 0.495_f64.sqrt(), &mut |d| d.binomial(50, 0.01) as f64);
        check("poisson", 40.0, 40_f64.sqrt(), &mut |d| d.poisson(40.0) as f64);
        check("chi-squared", 9.0, 18_f64.sqrt(), &mut |d| d.chi_squared(9.0));
        assert_eq!((draws.binomial(9, 1.0), draws.binomial(0, 0.5), draws.poisson(0.0)), (9, 0, 0));
    }
}
