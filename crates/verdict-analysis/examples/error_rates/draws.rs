//! Random values addressed by run and index, so that a case repeats, and what a case claims.

use verdict_analysis::methods::Sample;
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::special::norm_ppf;
use verdict_analysis::methods::two_proportion::Proportion;

/// One claim about a method at one kind of data.
#[derive(Debug)]
pub(crate) struct Case {
    /// The method.
    pub(crate) what: &'static str,
    /// The data.
    pub(crate) data: &'static str,
    /// What is claimed of the share of runs for which `holds` is true.
    pub(crate) claim: Claim,
    /// How many runs the test makes; the long table makes more.
    pub(crate) runs: u64,
    /// Whether the interval covers, or the test rejects.
    pub(crate) holds: fn(&Run) -> bool,
}

/// The nominal share and how far the method is known to stay from it.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Claim {
    /// The interval covers in 95% of runs, give or take this much.
    Covers(f64),
    /// The interval covers in 95% of runs or more.
    CoversAtLeast,
    /// The test rejects a true hypothesis in 5% of runs, give or take this much.
    Rejects(f64),
    /// The test rejects a true hypothesis in 5% of runs or fewer.
    RejectsAtMost,
    /// A common mistake, shown beside the right way: the share lies between these two.
    Errs(f64, f64),
}

impl Case {
    /// The runs for which the case holds, out of `runs`.
    pub(crate) fn count(&self, runs: u64) -> u64 {
        let draws = Draws::named(&format!("{}/{}", self.what, self.data));
        (0..runs).filter(|run| (self.holds)(&Run { draws, run: *run })).count() as u64
    }

    /// The shares that would not contradict the claim: four binomial standard errors around what is claimed.
    pub(crate) fn allowed(&self, runs: u64) -> (f64, f64) {
        let four = |share: f64| 4.0 * (share * (1.0 - share) / runs as f64).sqrt();
        match self.claim {
            Claim::Covers(bias) => (0.95 - bias - four(0.95), 0.95 + bias + four(0.95)),
            Claim::CoversAtLeast => (0.95 - four(0.95), 1.0),
            Claim::Rejects(bias) => (0.05 - bias - four(0.05), 0.05 + bias + four(0.05)),
            Claim::RejectsAtMost => (0.0, 0.05 + four(0.05)),
            Claim::Errs(low, high) => (low - four(low), high + four(high)),
        }
    }
}

/// One run of a case.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Run {
    draws: Draws,
    /// Its number.
    pub(crate) run: u64,
}

impl Run {
    /// A number between 0 and 1.
    pub(crate) fn unit(&self, stream: u64, i: u64) -> f64 {
        self.draws.unit(self.run, stream * 1_000_000 + i)
    }

    /// A standard normal value.
    pub(crate) fn normal(&self, stream: u64, i: u64) -> f64 {
        norm_ppf(self.unit(stream, i))
    }

    /// `n` normal values of one stream.
    pub(crate) fn normals(&self, stream: u64, n: u64, mean: f64, sd: f64) -> Vec<f64> {
        (0..n).map(|i| mean + sd * self.normal(stream, i)).collect()
    }

    /// `n` exponential values of mean 1, whose skewness is 2.
    pub(crate) fn exponentials(&self, stream: u64, n: u64) -> Vec<f64> {
        (0..n).map(|i| -self.unit(stream, i).ln()).collect()
    }

    /// How many of `n` units have an outcome of this rate.
    pub(crate) fn successes(&self, stream: u64, n: u64, rate: f64) -> Proportion {
        let successes = (0..n).filter(|i| self.unit(stream, *i) < rate).count() as u64;
        Proportion { successes, n }
    }
}

/// The summary of some values.
pub(crate) fn sample(values: &[f64]) -> Sample {
    Sample::from_values(values).expect("two values or more")
}

/// Whether a value lies within bounds.
pub(crate) fn within(value: f64, lower: f64, upper: f64) -> bool {
    lower <= value && value <= upper
}
