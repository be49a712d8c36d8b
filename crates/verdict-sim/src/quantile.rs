//! From a normal score to a value.

use verdict_analysis::methods::special::{norm_isf, norm_ppf, norm_sf};
use verdict_model::Distribution;

/// The quantile function of a distribution, of normal scores.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Quantile {
    /// mean + sd z.
    Linear { mean: f64, sd: f64 },
    /// `first` plus the number of thresholds below z.
    Steps { first: f64, thresholds: Vec<f64> },
    /// Nothing up to a score, log-normal above it.
    Inflated { zero: f64, above: f64, mean_log: f64, sd_log: f64 },
}

impl Quantile {
    pub(crate) fn of(distribution: Distribution) -> Quantile {
        match distribution {
            Distribution::Gaussian { mean, sd } => Quantile::Linear { mean, sd },
            Distribution::Bernoulli { p } => {
                Quantile::Steps { first: 0.0, thresholds: vec![norm_isf(p)] }
            }
            Distribution::ZeroInflatedLogNormal { zero, mean_log, sd_log } => {
                Quantile::Inflated { zero: norm_ppf(zero), above: 1.0 - zero, mean_log, sd_log }
            }
            Distribution::Poisson { mean } => steps(mean.floor(), |k| mean / (k + 1.0)),
            Distribution::NegativeBinomial { mean, dispersion } => {
                let r = 1.0 / dispersion;
                let q = mean / (mean + r);
                let mode = ((r - 1.0).max(0.0) * mean * dispersion).floor();
                steps(mode, |k| (k + r) / (k + 1.0) * q)
            }
        }
    }

    pub(crate) fn value(&self, score: f64) -> f64 {
        match self {
            Quantile::Linear { mean, sd } => mean + sd * score,
            Quantile::Steps { first, thresholds } => {
                first + thresholds.partition_point(|threshold| *threshold < score) as f64
            }
            Quantile::Inflated { zero, above, mean_log, sd_log } => {
                if score <= *zero {
                    return 0.0;
                }
                // Of those that are not zero, the share above: in the upper tail, where it is precise.
                let tail = (norm_sf(score) / above).min(1.0 - f64::EPSILON);
                (mean_log + sd_log * norm_isf(tail)).exp()
            }
        }
    }
}

/// Counts by the ratio P(k + 1) / P(k), outwards from a mode.
fn steps(mode: f64, ratio: impl Fn(f64) -> f64) -> Quantile {
    // What is left out of either tail is below a probability that no score of a double reaches in practice.
    const LEAST: f64 = 1e-20;
    let (mut below, mut above) = (Vec::new(), vec![1.0]);
    let (mut k, mut p) = (mode, 1.0);
    while k > 0.0 && p > LEAST {
        k -= 1.0;
        p /= ratio(k);
        below.push(p);
    }
    let first = k;
    (k, p) = (mode, 1.0);
    while p > LEAST {
        p *= ratio(k);
        k += 1.0;
        above.push(p);
    }
    let masses: Vec<f64> = below.into_iter().rev().chain(above).collect();
    let total: f64 = masses.iter().sum();
    let mut tails: Vec<f64> = masses
        .iter()
        .rev()
        .scan(0.0, |sum, p| {
            *sum += p / total;
            Some(*sum)
        })
        .collect();
    tails.reverse();
    let mut up_to = 0.0;
    let thresholds = masses.iter().zip(tails.iter().skip(1)).map(|(p, tail)| {
        up_to += p / total;
        // Either tail by its own sum, so that neither is a difference.
        if up_to < 0.5 { norm_ppf(up_to) } else { norm_isf(*tail) }
    });
    Quantile::Steps { first, thresholds: thresholds.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draws::Draws;

    #[test]
    fn values_have_the_stated_means_and_variances() {
        let log_normal =
            Distribution::ZeroInflatedLogNormal { zero: 0.9, mean_log: 1.0, sd_log: 0.5 };
        let second = 0.1 * (2.0_f64 + 2.0 * 0.25).exp();
        let cases = [
            (Distribution::Gaussian { mean: 3.0, sd: 2.0 }, 4.0),
            (Distribution::Bernoulli { p: 0.03 }, 0.03 * 0.97),
            (log_normal, second - log_normal.mean().powi(2)),
            (Distribution::Poisson { mean: 0.4 }, 0.4),
            (Distribution::Poisson { mean: 1234.5 }, 1234.5),
            (Distribution::NegativeBinomial { mean: 3.0, dispersion: 0.5 }, 3.0 + 0.5 * 9.0),
            (Distribution::NegativeBinomial { mean: 0.5, dispersion: 4.0 }, 0.5 + 4.0 * 0.25),
        ];
        for (i, (distribution, variance)) in cases.into_iter().enumerate() {
            let quantile = Quantile::of(distribution);
            let mut draws = Draws::new(3, i as u64, 0);
            let n = 60_000;
            let values: Vec<f64> = (0..n).map(|_| quantile.value(draws.normal())).collect();
            let mean = values.iter().sum::<f64>() / f64::from(n);
            let of_squares =
                |power| values.iter().map(|x| (x - mean).powi(power)).sum::<f64>() / f64::from(n);
            let (m2, m4) = (of_squares(2), of_squares(4));
            let errors = [
                (mean - distribution.mean()) / (variance / f64::from(n)).sqrt(),
                (m2 - variance) / ((m4 - m2 * m2) / f64::from(n)).sqrt(),
            ];
            assert!(errors.iter().all(|e| e.abs() < 4.5), "{distribution:?}: {errors:?}");
        }
    }

    #[test]
    fn counts_have_the_probabilities_of_poisson() {
        let Quantile::Steps { first, thresholds } =
            Quantile::of(Distribution::Poisson { mean: 2.0 })
        else {
            panic!("counts are steps")
        };
        assert_eq!(first, 0.0);
        // P(more than k) for k = 0, 1, 2, 3.
        let tails = [
            0.864_664_716_763_387_3,
            0.593_994_150_290_161_9,
            0.323_323_583_816_936_5,
            0.142_876_539_501_452_95,
        ];
        for (threshold, tail) in thresholds.iter().zip(tails) {
            assert!((norm_sf(*threshold) - tail).abs() < 1e-12);
        }
    }
}
