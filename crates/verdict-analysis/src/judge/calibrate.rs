//! Experiments in which nothing was done, judged as real ones are: how often is something found?
//!
//! Of units divided at random again and again the truth is known. Each split is compared by the method that results use;
//! a metric can be trusted at this size where false positives come as often as alpha says, intervals contain zero as
//! often as they promise, and p-values are uniform. A heavy tail, a unit that is not what was randomised, or too few units
//! show here before an experiment begins.

use verdict_model::rows::GroupStat;

use super::compare::compare;
use crate::methods::Alternative;
use crate::methods::kolmogorov::{Uniformity, uniformity};
use crate::methods::proportion::{OneProportionInterval, proportion_interval};
use crate::methods::sample_ratio::{exact_sample_ratio, sample_ratio};
use crate::methods::two_proportion::Proportion;

/// Below this a count of false positives, or of p-values, is no chance.
const SUSPECT: f64 = 0.001;

/// A share of splits with its exact bounds (Clopper & Pearson 1934, 95%).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Share {
    /// Splits that count.
    pub count: u64,
    /// Splits in all.
    pub of: u64,
    /// Lower bound of what the share estimates.
    pub lower: f64,
    /// Upper bound of it.
    pub upper: f64,
}

impl Share {
    fn new(count: u64, of: u64) -> Share {
        let share = Proportion { successes: count, n: of };
        match proportion_interval(share, 0.05, OneProportionInterval::ClopperPearson) {
            Ok(bounds) => Share { count, of, lower: bounds.lower, upper: bounds.upper },
            Err(_) => Share { count, of, lower: 0.0, upper: 1.0 },
        }
    }

    /// The share; `None` of no splits.
    #[must_use]
    pub fn rate(&self) -> Option<f64> {
        (self.of > 0).then(|| self.count as f64 / self.of as f64)
    }

    /// The chance of a count no likelier than this one, were the share `p`.
    fn p_value(&self, p: f64) -> f64 {
        exact_sample_ratio([self.count, self.of - self.count], [p, 1.0 - p]).unwrap_or(1.0)
    }
}

/// What the splits say of a metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricCalibration {
    /// The metric.
    pub metric: String,
    /// Its type.
    pub metric_type: String,
    /// The method that compared its halves; `None`: no split could be compared.
    pub method: Option<&'static str>,
    /// Splits whose p-value is below alpha, of those with a p-value.
    pub false_positives: Share,
    /// Splits whose interval contains no effect.
    pub covered: Share,
    /// The p-values against the uniform law.
    pub uniformity: Option<Uniformity>,
    /// The middle standard error of an effect between halves, in the metric's unit.
    pub std_error: Option<f64>,
    /// The same over the level of all units, where that is above zero.
    pub std_error_rel: Option<f64>,
    /// Whether anything speaks against trusting the metric at this size.
    pub trusted: bool,
    /// Why not, or that nothing does, as a code: `ok`, `no_test`, `too_many_false_positives`, `too_few_false_positives`,
    /// `p_values_not_uniform`.
    pub reason: &'static str,
}

/// What the splits say of an experiment's units.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// The level of the tests.
    pub alpha: f64,
    /// The level of the sample-ratio test.
    pub sample_ratio_alpha: f64,
    /// Splits whose halves the sample-ratio test finds uneven.
    pub sample_ratio: Share,
    /// One a metric.
    pub metrics: Vec<MetricCalibration>,
}

/// Both halves of a split: their units, and their statistics by metric.
#[derive(Clone, Debug)]
pub struct Halves<'a> {
    /// The units of each half.
    pub units: [u64; 2],
    /// The statistics of each half, by metric.
    pub stats: &'a [[GroupStat; 2]],
}

/// Judges splits of units: `metrics` are names and types, in the order of each split's statistics.
#[must_use]
pub fn calibrate(
    metrics: &[(String, String)],
    splits: &[Halves<'_>],
    (alpha, sample_ratio_alpha): (f64, f64),
) -> Calibration {
    let uneven = splits.iter().filter(|split| {
        let test = sample_ratio(&split.units, &[0.5, 0.5]);
        test.is_ok_and(|test| test.p_value < sample_ratio_alpha)
    });
    Calibration {
        alpha,
        sample_ratio_alpha,
        sample_ratio: Share::new(uneven.count() as u64, splits.len() as u64),
        metrics: metrics
            .iter()
            .enumerate()
            .map(|(at, metric)| of_metric(metric, splits, at, alpha))
            .collect(),
    }
}

fn of_metric(
    (metric, metric_type): &(String, String),
    splits: &[Halves<'_>],
    at: usize,
    alpha: f64,
) -> MetricCalibration {
    let (mut p_values, mut std_errors, mut levels) = (Vec::new(), Vec::new(), Vec::new());
    let (mut covered, mut method) = (0, None);
    for split in splits {
        let Some([a, b]) = split.stats.get(at) else { continue };
        let found = compare(metric_type, false, Some(a), Some(b), alpha, Alternative::TwoSided);
        let Ok(evidence) = &found.outcome else { continue };
        method = Some(evidence.method);
        p_values.push(evidence.test.p_value);
        std_errors.push(evidence.interval_std_error);
        levels.extend(found.levels.0);
        covered += u64::from(evidence.test.ci_lower <= 0.0 && evidence.test.ci_upper >= 0.0);
    }
    let tested = p_values.len() as u64;
    let positives = p_values.iter().filter(|p| **p < alpha).count() as u64;
    let false_positives = Share::new(positives, tested);
    let uniformity = uniformity(&p_values).ok();
    let std_error = median(std_errors);
    let level = median(levels).filter(|level| *level > 0.0);
    let unlikely = false_positives.p_value(alpha) < SUSPECT;
    let many = positives as f64 > alpha * tested as f64;
    let reason = match (tested, unlikely, many) {
        (0, ..) => "no_test",
        (_, true, true) => "too_many_false_positives",
        (_, true, false) => "too_few_false_positives",
        _ if uniformity.is_some_and(|of| of.p_value < SUSPECT) => "p_values_not_uniform",
        _ => "ok",
    };
    MetricCalibration {
        metric: metric.clone(),
        metric_type: metric_type.clone(),
        method,
        false_positives,
        covered: Share::new(covered, tested),
        uniformity,
        std_error,
        std_error_rel: std_error.zip(level).map(|(error, level)| error / level),
        trusted: reason == "ok",
        reason,
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

impl MetricCalibration {
    /// The reason as a sentence.
    #[must_use]
    pub fn words(&self) -> &'static str {
        match self.reason {
            "ok" => "Nothing speaks against it.",
            "no_test" => "No split has a test: the metric does not vary, or has too few units.",
            "too_many_false_positives" => {
                "Effects are found where there are none: its tail is too heavy for so many units, or units are not \
                 independent. Cap it, or test it by a method for skewed metrics."
            }
            "too_few_false_positives" => {
                "Effects are found more seldom than they should be: a few units carry most of the metric, so that real \
                 effects are missed. Cap it, or choose a metric that more units have."
            }
            _ => {
                "Its p-values are not uniform: the test is approximate at this size, or the metric takes few values."
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::resample::Draws;
    use crate::methods::special::norm_ppf;
    use verdict_model::NaiveDate;

    fn stat(values: &[f64]) -> GroupStat {
        let n = values.len() as f64;
        let mean = values.iter().sum::<f64>() / n;
        GroupStat {
            experiment: "aa".to_owned(),
            ds: NaiveDate::default(),
            metric: "x".to_owned(),
            metric_type: "mean".to_owned(),
            variant: "a".to_owned(),
            segment: "all".to_owned(),
            segment_value: "all".to_owned(),
            n: values.len() as i64,
            sum_x: Some(values.iter().sum()),
            mean_x: Some(mean),
            m2_x: Some(values.iter().map(|x| (x - mean).powi(2)).sum()),
            sum_y: None,
            mean_y: None,
            m2_y: None,
            co_xy: None,
            ..GroupStat::default()
        }
    }

    /// A thousand halves of 200 values each, drawn anew.
    fn calibrated(of: impl Fn(f64) -> f64) -> MetricCalibration {
        let draws = Draws::named("calibrate");
        let stats: Vec<[[GroupStat; 2]; 1]> = (0..1000)
            .map(|split| {
                [[0, 1].map(|half| {
                    let values: Vec<f64> =
                        (0..200).map(|unit| of(draws.unit(unit, 2 * split + half))).collect();
                    stat(&values)
                })]
            })
            .collect();
        let halves: Vec<Halves<'_>> =
            stats.iter().map(|stats| Halves { units: [200, 200], stats }).collect();
        let metrics = [("x".to_owned(), "mean".to_owned())];
        calibrate(&metrics, &halves, (0.05, 0.001)).metrics.remove(0)
    }

    #[test]
    fn a_normal_metric_is_trusted() {
        let of = calibrated(norm_ppf);
        assert!(of.trusted, "{of:?}");
        assert!(of.false_positives.lower < 0.05 && of.false_positives.upper > 0.05, "{of:?}");
        assert_eq!(of.covered.count + of.false_positives.count, 1000);
        assert!((of.std_error.unwrap() - 0.1).abs() < 0.01, "{of:?}");
    }

    /// A tail whose variance is infinite (Pareto of shape 1.2): the t test finds next to nothing.
    #[test]
    fn a_heavy_tail_is_not_trusted() {
        let of = calibrated(|u| (1.0 - u).powf(-1.0 / 1.2));
        assert_eq!((of.trusted, of.reason), (false, "too_few_false_positives"), "{of:?}");
    }

    #[test]
    fn a_constant_has_no_test() {
        let of = calibrated(|_| 1.0);
        assert_eq!((of.reason, of.false_positives.of), ("no_test", 0));
        assert_eq!(of.false_positives.rate(), None);
    }

    /// 90 of 1000 at 5%: the exact bounds of Clopper and Pearson are 0.0730 and 0.1095.
    #[test]
    fn bounds_are_exact() {
        let share = Share::new(90, 1000);
        assert!(
            (share.lower - 0.0730).abs() < 5e-4 && (share.upper - 0.1095).abs() < 5e-4,
            "{share:?}"
        );
        assert!(share.p_value(0.05) < 1e-6 && share.p_value(0.09) > 0.9);
    }
}
