//! Means, relative effects, ratios, adjusted metrics, clusters and guardrails.

use verdict_analysis::methods::cluster::{Cluster, cluster_robust};
use verdict_analysis::methods::cuped::{CupedSample, cuped};
use verdict_analysis::methods::cuped_ratio::{CupedRatioSample, cuped_ratio};
use verdict_analysis::methods::guardrail::{Better, Margin, equivalence, harm, non_inferiority};
use verdict_analysis::methods::ratio::{RatioSample, ratio};
use verdict_analysis::methods::relative::{RelativeMethod, relative};
use verdict_analysis::methods::special::norm_isf;
use verdict_analysis::methods::welch::welch;
use verdict_analysis::methods::{Alternative, Sample};

use super::draws::{Case, Claim, Run, sample, within};

const TWO: Alternative = Alternative::TwoSided;

/// Welch's interval of a difference of 0.4; that p and interval agree on zero is asserted on the way.
fn welch_covers(run: &Run, n: [u64; 2], sd: f64, alternative: Alternative) -> bool {
    let c = sample(&run.normals(0, n[0], 5.0, 1.0));
    let t = sample(&run.normals(1, n[1], 5.4, sd));
    let e = welch(&c, &t, 0.05, alternative).expect("an estimate");
    assert_eq!(e.p_value < 0.05, e.ci_lower > 0.0 || e.ci_upper < 0.0, "p and interval agree");
    within(0.4, e.ci_lower, e.ci_upper)
}

fn relative_covers(run: &Run, method: RelativeMethod, lift: f64) -> bool {
    let c = sample(&run.normals(0, 100, 2.0, 1.0));
    let t = sample(&run.normals(1, 100, 2.0 * (1.0 + lift), 1.0));
    let r = relative(&c, &t, 0.05, TWO, method).expect("a positive control");
    within(lift, r.ci_lower, r.ci_upper)
}

/// Two arms of exponential values of mean 1, `n` and 3 `n` of them: a skewness that unequal sizes do not cancel.
fn skewed(run: &Run, n: u64) -> (Sample, Sample) {
    (sample(&run.exponentials(0, n)), sample(&run.exponentials(1, 3 * n)))
}

/// Users with a rate of their own, so that the clicks of one user are alike; the true ratio is 0.3.
fn clicks_and_views(run: &Run, stream: u64, n: u64) -> Vec<(f64, f64)> {
    (0..n)
        .map(|i| {
            let views = 1.0 + (9.0 * run.unit(stream, 2 * i)).floor();
            (views * (0.1 + 0.4 * run.unit(stream, 2 * i + 1)), views)
        })
        .collect()
}

fn ratio_sample(pairs: &[(f64, f64)]) -> RatioSample {
    let n = pairs.len() as f64;
    let mean = |f: &dyn Fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
    let (x, y) = (mean(&|u| u.0), mean(&|u| u.1));
    let cov = |f: &dyn Fn(&(f64, f64)) -> f64| mean(f) * n / (n - 1.0);
    RatioSample {
        n: pairs.len() as u64,
        mean_num: x,
        mean_den: y,
        var_num: cov(&|u| (u.0 - x) * (u.0 - x)),
        var_den: cov(&|u| (u.1 - y) * (u.1 - y)),
        cov: cov(&|u| (u.0 - x) * (u.1 - y)),
    }
}

/// y = effect + 0.8 x + 0.6 noise: a correlation of 0.8.
fn adjusted_arm(run: &Run, stream: u64, n: u64, effect: f64) -> CupedSample {
    let x = run.normals(2 * stream, n, 10.0, 1.0);
    let noise = run.normals(2 * stream + 1, n, 0.0, 1.0);
    let y: Vec<f64> = x.iter().zip(&noise).map(|(x, e)| effect + 0.8 * x + 0.6 * e).collect();
    let (sx, sy) = (sample(&x), sample(&y));
    let products = x.iter().zip(&y).map(|(x, y)| (x - sx.mean) * (y - sy.mean)).sum::<f64>();
    CupedSample {
        n,
        mean_y: sy.mean,
        mean_x: sx.mean,
        var_y: sy.variance,
        var_x: sx.variance,
        cov: products / (n as f64 - 1.0),
    }
}

fn clusters(run: &Run, g: u64) -> Vec<Cluster> {
    (0..g)
        .map(|j| {
            let rows = 5 + (10.0 * run.unit(j, 0)) as u64;
            let own: f64 = (0..rows).map(|i| run.normal(j, 2 + i)).sum();
            let sum = rows as f64 * run.normal(j, 1) + own;
            if j % 2 == 0 {
                Cluster { n_c: rows, sum_c: sum, ..Cluster::default() }
            } else {
                Cluster { n_t: rows, sum_t: sum, ..Cluster::default() }
            }
        })
        .collect()
}

fn cluster_covers(run: &Run, g: u64) -> bool {
    let result = cluster_robust(&clusters(run, g)).expect("clusters");
    let e = result.estimate(0.05, TWO).expect("an estimate");
    within(0.0, e.ci_lower, e.ci_upper)
}

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "Welch t, two-sided",
        data: "normal, 5 against 5",
        claim: Claim::Covers(0.006),
        runs: 8_000,
        holds: |run| welch_covers(run, [5, 5], 1.0, TWO),
    },
    Case {
        what: "z interval beside a t test (a mistake)",
        data: "normal, 5 against 5",
        claim: Claim::Errs(0.91, 0.92),
        runs: 8_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 5, 5.0, 1.0)), sample(&run.normals(1, 5, 5.4, 1.0)));
            let e = welch(&c, &t, 0.05, TWO).expect("an estimate");
            (e.effect - 0.4).abs() <= norm_isf(0.025) * e.std_error
        },
    },
    Case {
        what: "Welch t, two-sided",
        data: "normal, 10 against 40 of three times the spread",
        claim: Claim::Covers(0.002),
        runs: 8_000,
        holds: |run| welch_covers(run, [10, 40], 3.0, TWO),
    },
    Case {
        what: "Welch t, greater",
        data: "normal, 30 against 30",
        claim: Claim::Covers(0.002),
        runs: 8_000,
        holds: |run| welch_covers(run, [30, 30], 1.0, Alternative::Greater),
    },
    Case {
        what: "Welch t, two-sided",
        data: "exponential, 1,420 against 4,260 (355 skewness²)",
        claim: Claim::Rejects(0.004),
        runs: 400,
        holds: |run| {
            let (c, t) = skewed(run, 1_420);
            welch(&c, &t, 0.05, TWO).expect("an estimate").p_value <= 0.05
        },
    },
    Case {
        what: "Welch t, two-sided, below the rule of thumb",
        data: "exponential, 20 against 60",
        claim: Claim::Errs(0.055, 0.065),
        runs: 4_000,
        holds: |run| {
            let (c, t) = skewed(run, 20);
            welch(&c, &t, 0.05, TWO).expect("an estimate").p_value <= 0.05
        },
    },
    Case {
        what: "relative effect, Fieller",
        data: "normal, 100 against 100, control mean of 20 standard errors, lift +100%",
        claim: Claim::Covers(0.002),
        runs: 6_000,
        holds: |run| relative_covers(run, RelativeMethod::Fieller, 1.0),
    },
    Case {
        what: "relative effect, delta",
        data: "normal, 100 against 100, control mean of 20 standard errors, lift +50%",
        claim: Claim::Covers(0.002),
        runs: 6_000,
        holds: |run| relative_covers(run, RelativeMethod::Delta, 0.5),
    },
    Case {
        what: "relative effect, log",
        data: "normal, 100 against 100, control mean of 20 standard errors, lift +50%",
        claim: Claim::Covers(0.002),
        runs: 6_000,
        holds: |run| relative_covers(run, RelativeMethod::Log, 0.5),
    },
    Case {
        what: "absolute interval over the control mean (a mistake)",
        data: "normal, 60 against 60, lift +100%",
        claim: Claim::Errs(0.78, 0.79),
        runs: 6_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 60, 2.0, 1.0)), sample(&run.normals(1, 60, 4.0, 1.0)));
            let e = welch(&c, &t, 0.05, TWO).expect("an estimate");
            within(1.0, e.ci_lower / c.mean, e.ci_upper / c.mean)
        },
    },
    Case {
        what: "ratio of means, delta method",
        data: "150 users a variant, 1 to 9 views each",
        claim: Claim::Covers(0.002),
        runs: 4_000,
        holds: |run| {
            let arm = |stream| ratio_sample(&clicks_and_views(run, stream, 150));
            let e = ratio(&arm(0), &arm(1), 0.05, TWO).expect("an estimate");
            within(0.0, e.ci_lower, e.ci_upper)
        },
    },
    Case {
        what: "CUPED",
        data: "100 against 100, correlation 0.8",
        claim: Claim::Covers(0.002),
        runs: 3_000,
        holds: |run| {
            let (c, t) = (adjusted_arm(run, 0, 100, 0.0), adjusted_arm(run, 1, 100, 0.25));
            let adjusted = cuped(&c, &t).expect("an adjustment");
            let e = adjusted.estimate(0.05, TWO).expect("an estimate");
            within(0.25, e.ci_lower, e.ci_upper)
        },
    },
    Case {
        what: "CUPED of a ratio",
        data: "200 users a variant, views and clicks before and during",
        claim: Claim::Covers(0.003),
        runs: 2_000,
        holds: |run| {
            let arm = |stream: u64| {
                let units: Vec<[f64; 4]> = clicks_and_views(run, 2 * stream, 200)
                    .iter()
                    .zip(clicks_and_views(run, 2 * stream + 1, 200))
                    .map(|((clicks, views), (pre_clicks, pre_views))| {
                        // Half of what a user does was so before.
                        let (num, den) = (clicks + pre_clicks, views + pre_views);
                        [num, den, pre_clicks, pre_views]
                    })
                    .collect();
                CupedRatioSample::from_values(&units).expect("users")
            };
            let adjusted = cuped_ratio(&arm(0), &arm(1)).expect("an adjustment");
            let e = adjusted.estimate(0.05, TWO).expect("an estimate");
            within(0.0, e.ci_lower, e.ci_upper)
        },
    },
    Case {
        what: "cluster-robust t (CR1, G - 1)",
        data: "40 clusters of 5 to 14 rows",
        claim: Claim::Covers(0.008),
        runs: 3_000,
        holds: |run| cluster_covers(run, 40),
    },
    Case {
        what: "rows taken as independent (a mistake)",
        data: "40 clusters of 5 to 14 rows",
        claim: Claim::Errs(0.57, 0.59),
        runs: 3_000,
        holds: |run| {
            let arm = |control: bool| {
                let mut values = Vec::new();
                for j in (0..40).filter(|j| (j % 2 == 0) == control) {
                    let rows = 5 + (10.0 * run.unit(j, 0)) as u64;
                    values.extend((0..rows).map(|i| run.normal(j, 1) + run.normal(j, 2 + i)));
                }
                sample(&values)
            };
            let e = welch(&arm(true), &arm(false), 0.05, TWO).expect("an estimate");
            within(0.0, e.ci_lower, e.ci_upper)
        },
    },
    Case {
        what: "non-inferiority, at the margin",
        data: "normal, 50 against 50",
        claim: Claim::Rejects(0.003),
        runs: 6_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 50, 5.0, 1.0)), sample(&run.normals(1, 50, 4.5, 1.0)));
            non_inferiority(&c, &t, Margin::Absolute(0.5), Better::Higher, 0.05)
                .is_ok_and(|e| e.p_value <= 0.05)
        },
    },
    Case {
        what: "non-inferiority, at a relative margin",
        data: "normal, 50 against 50, 10% of the control",
        claim: Claim::Rejects(0.003),
        runs: 6_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 50, 5.0, 1.0)), sample(&run.normals(1, 50, 5.5, 1.0)));
            non_inferiority(&c, &t, Margin::Relative(0.1), Better::Lower, 0.05)
                .is_ok_and(|e| e.p_value <= 0.05)
        },
    },
    Case {
        what: "harm alarm",
        data: "normal, 50 against 50, no effect",
        claim: Claim::Rejects(0.003),
        runs: 6_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 50, 5.0, 1.0)), sample(&run.normals(1, 50, 5.0, 1.0)));
            harm(&c, &t, Better::Higher, 0.05).is_ok_and(|e| e.p_value <= 0.05)
        },
    },
    Case {
        what: "equivalence, at a limit",
        data: "normal, 200 against 200, limits ±0.5",
        claim: Claim::RejectsAtMost,
        runs: 3_000,
        holds: |run| {
            let (c, t) =
                (sample(&run.normals(0, 200, 5.0, 1.0)), sample(&run.normals(1, 200, 5.5, 1.0)));
            equivalence(&c, &t, -0.5, 0.5).is_ok_and(|e| e.p_value <= 0.05)
        },
    },
];
