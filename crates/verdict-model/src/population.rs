//! What the units of a simulated experiment do: stated, not measured.

use std::collections::BTreeMap;

/// Who arrives, and how each metric is distributed.
#[derive(Clone, Debug, PartialEq)]
pub struct Population {
    /// Units that enter the experiment on a day, over all variants; positive.
    pub units_per_day: f64,
    /// Whether that number is the same every day.
    pub arrivals: Arrivals,
    /// Units enter on these first days only; `None`: on every day of the experiment.
    pub entry_days: Option<u32>,
    /// How units find their variant.
    pub split: Split,
    /// What units do, by metric.
    pub metrics: BTreeMap<String, Behaviour>,
}

/// How many units enter on a day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// The stated number; fractions add up over the days.
    #[default]
    Fixed,
    /// A Poisson number with the stated mean.
    Poisson,
}

/// How units find their variant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Split {
    /// Each by itself, with the variants' weights as probabilities.
    #[default]
    Random,
    /// As the weights say, to a unit.
    Planned,
}

/// What units do on one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct Behaviour {
    /// One number a unit, or two.
    pub values: Values,
    /// Whether units keep acting: a draw a day from the day of entry on, added up (for a proportion: whether
    /// any was a success). Otherwise one draw, complete at entry.
    pub cumulative: bool,
}

/// The numbers of a unit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Values {
    /// The value of a mean or a proportion.
    One(Draw),
    /// The two parts of a ratio.
    Ratio {
        /// The numerator.
        numerator: Draw,
        /// The denominator.
        denominator: Draw,
    },
}

/// One number of a unit on a day.
///
/// Its normal score is made of three independent parts: what the unit shares over its metrics, what it has of
/// its own in this one, and the day. The score becomes a value by the quantile function of the distribution (a
/// Gaussian copula; Nelsen 2006, section 2.3), so that the distribution of a day's value is the stated one,
/// whatever the shares.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// The distribution of a day's value.
    pub distribution: Distribution,
    /// The share of the score's variance that belongs to the unit and persists over its days, in [0, 1]; 1 for
    /// what is complete at entry.
    pub persistence: f64,
    /// The share of the unit's part that all its metrics have in common, in [0, 1]: the scores of two metrics
    /// with shares a and b have the correlation sqrt(a b) within a unit's part.
    pub shared: f64,
}

/// A distribution of values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Normal.
    Gaussian {
        /// Mean.
        mean: f64,
        /// Standard deviation; positive.
        sd: f64,
    },
    /// 1 with probability p, otherwise 0.
    Bernoulli {
        /// Between 0 and 1.
        p: f64,
    },
    /// 0 for a share of the units, log-normal for the others.
    ZeroInflatedLogNormal {
        /// The share of zeros, in [0, 1).
        zero: f64,
        /// Mean of the logarithm of the others.
        mean_log: f64,
        /// Standard deviation of it; positive.
        sd_log: f64,
    },
    /// Poisson counts.
    Poisson {
        /// Mean; positive.
        mean: f64,
    },
    /// Negative binomial counts: Poisson counts whose means are gamma distributed.
    NegativeBinomial {
        /// Mean; positive.
        mean: f64,
        /// The variance is mean + dispersion · mean²; positive.
        dispersion: f64,
    },
}

impl Distribution {
    /// Its mean.
    #[must_use]
    pub fn mean(self) -> f64 {
        match self {
            Distribution::Gaussian { mean, .. }
            | Distribution::Poisson { mean }
            | Distribution::NegativeBinomial { mean, .. } => mean,
            Distribution::Bernoulli { p } => p,
            Distribution::ZeroInflatedLogNormal { zero, mean_log, sd_log } => {
                (1.0 - zero) * (mean_log + 0.5 * sd_log * sd_log).exp()
            }
        }
    }

    /// The same with another mean: a Gaussian shifts, amounts are multiplied, a rate or a count's mean changes.
    /// `None` where there is none of that mean (a rate outside 0 to 1, a negative amount).
    #[must_use]
    pub fn with_mean(self, mean: f64) -> Option<Distribution> {
        let positive = mean > 0.0 && mean.is_finite();
        match self {
            Distribution::Gaussian { sd, .. } => {
                mean.is_finite().then_some(Distribution::Gaussian { mean, sd })
            }
            Distribution::Bernoulli { .. } => {
                (mean > 0.0 && mean < 1.0).then_some(Distribution::Bernoulli { p: mean })
            }
            Distribution::ZeroInflatedLogNormal { zero, mean_log, sd_log } => {
                positive.then(|| Distribution::ZeroInflatedLogNormal {
                    zero,
                    mean_log: mean_log + (mean / self.mean()).ln(),
                    sd_log,
                })
            }
            Distribution::Poisson { .. } => positive.then_some(Distribution::Poisson { mean }),
            Distribution::NegativeBinomial { dispersion, .. } => {
                positive.then_some(Distribution::NegativeBinomial { mean, dispersion })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Distribution::{self, *};

    #[test]
    fn another_mean_is_the_one_that_was_asked_for() {
        let all: [Distribution; 5] = [
            Gaussian { mean: -2.0, sd: 3.0 },
            Bernoulli { p: 0.2 },
            ZeroInflatedLogNormal { zero: 0.9, mean_log: 1.5, sd_log: 0.7 },
            Poisson { mean: 4.0 },
            NegativeBinomial { mean: 0.5, dispersion: 2.0 },
        ];
        for distribution in all {
            let other = distribution.with_mean(0.37).expect("a mean that all of them can have");
            assert!((other.mean() - 0.37).abs() < 1e-12, "{other:?}");
            assert_eq!(distribution.with_mean(f64::NAN), None);
        }
        assert_eq!(Bernoulli { p: 0.2 }.with_mean(1.2), None);
        assert_eq!(Poisson { mean: 1.0 }.with_mean(-0.1), None);
    }
}
