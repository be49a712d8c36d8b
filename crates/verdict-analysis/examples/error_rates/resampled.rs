//! Skewed and heavy-tailed metrics, resampled, capped and as they are; strata, and many clusters.

use verdict_analysis::methods::poisson_bootstrap::{
    Reading, Resampled, UnitTotals, compare, resample,
};
use verdict_analysis::methods::post_stratify::{Moments, Stratum, Variance, post_stratify};
use verdict_analysis::methods::ratio::{RatioSample, ratio};
use verdict_analysis::methods::relative::{RelativeMethod, relative};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::welch::welch;
use verdict_analysis::methods::{Alternative, Estimate, Reference};

use super::draws::{Case, Claim, Run, sample, within};

const TWO: Alternative = Alternative::TwoSided;

/// Replicates of each run: enough for intervals of 95%.
const REPLICATES: u32 = 1_000;

/// `n` units of which a share spends a log-normal amount, whose logarithm has the standard deviation `sd`; the others nothing.
fn spend(run: &Run, stream: u64, n: u64, share: f64, sd: f64) -> Vec<f64> {
    let one = |i: u64| match run.unit(stream, 2 * i) < share {
        true => (sd * run.normal(stream, 2 * i + 1)).exp(),
        false => 0.0,
    };
    (0..n).map(one).collect()
}

/// Units by their distinct values, of which most are nothing or all differ.
fn resampled(run: &Run, arm: &str, x: &[f64], y: Option<&[f64]>) -> Resampled {
    let draws = Draws::named(arm).of(run.run);
    if y.is_some() {
        let counts = vec![1; x.len()];
        return resample(UnitTotals { x, y, counts: &counts }, draws, REPLICATES).expect("units");
    }
    let nothing = x.iter().filter(|x| **x == 0.0).count() as u64;
    let mut values: Vec<f64> = x.iter().copied().filter(|x| *x != 0.0).collect();
    let mut counts = vec![1; values.len()];
    values.push(0.0);
    counts.push(nothing);
    resample(UnitTotals { x: &values, y: None, counts: &counts }, draws, REPLICATES).expect("units")
}

/// Whether the interval of the difference has no difference; one that cannot be made has not.
fn resampled_covers(run: &Run, reading: Reading, [c, t]: [&[f64]; 2]) -> bool {
    let (c, t) = (resampled(run, "control", c, None), resampled(run, "treatment", t, None));
    let found = compare(&c, &t, |c, t| Some(t - c), 0.05, TWO, reading);
    found.is_ok_and(|found| within(0.0, found.interval.lower, found.interval.upper))
}

fn lift_covers(run: &Run, reading: Reading, [c, t]: [&[f64]; 2]) -> bool {
    let (c, t) = (resampled(run, "control", c, None), resampled(run, "treatment", t, None));
    let found = compare(&c, &t, |c, t| (c > 0.0).then(|| t / c - 1.0), 0.05, TWO, reading);
    found.is_ok_and(|found| within(0.0, found.interval.lower, found.interval.upper))
}

fn welch_covers(c: &[f64], t: &[f64]) -> bool {
    let found = welch(&sample(c), &sample(t), 0.05, TWO);
    found.is_ok_and(|found| within(0.0, found.ci_lower, found.ci_upper))
}

/// Few units, of unequal number: exponential values, whose skewness is 2.
fn few(run: &Run) -> [Vec<f64>; 2] {
    [run.exponentials(0, 20), run.exponentials(1, 60)]
}

/// Many units of which few spend anything: a skewness of some 14.
fn spenders(run: &Run) -> [Vec<f64>; 2] {
    [spend(run, 0, 1_000, 0.05, 1.0), spend(run, 1, 3_000, 0.05, 1.0)]
}

/// A heavy tail: log-normal, the logarithm with a standard deviation of 2 (a skewness of 414).
fn heavy(run: &Run) -> [Vec<f64>; 2] {
    [spend(run, 0, 100, 1.0, 2.0), spend(run, 1, 300, 1.0, 2.0)]
}

/// Clicks of users with a rate of their own, by views: the true ratio is 0.3.
fn clicks(run: &Run, stream: u64, n: u64) -> [Vec<f64>; 2] {
    let of = |i: u64| {
        let views = 1.0 + (9.0 * run.unit(stream, 2 * i)).floor();
        (views * (0.1 + 0.4 * run.unit(stream, 2 * i + 1)), views)
    };
    let (x, y) = (0..n).map(of).unzip();
    [x, y]
}

fn of_pairs(x: &[f64], y: &[f64]) -> Moments {
    let n = x.len() as f64;
    let mean = |of: &[f64]| of.iter().sum::<f64>() / n;
    let (mean_x, mean_y) = (mean(x), mean(y));
    let co = |a: &[f64], of_a: f64, b: &[f64], of_b: f64| {
        a.iter().zip(b).map(|(a, b)| (a - of_a) * (b - of_b)).sum::<f64>()
    };
    Moments {
        n: x.len() as u64,
        mean_x,
        mean_y,
        m2_x: co(x, mean_x, x, mean_x),
        m2_y: co(y, mean_y, y, mean_y),
        co_xy: co(x, mean_x, y, mean_y),
    }
}

/// Units of two kinds, three in ten of the one, which has two more; the treatment adds one to it and nothing to the other.
fn strata_cover(run: &Run, n: u64) -> bool {
    let arm = |stream: u64, effect: f64| {
        let mut kinds = [Vec::new(), Vec::new()];
        for i in 0..n {
            let rich = run.unit(stream, 2 * i) < 0.3;
            let level = if rich { 2.0 + effect } else { 0.0 };
            kinds[usize::from(rich)].push(level + run.normal(stream, 2 * i + 1));
        }
        kinds.map(|x| of_pairs(&x, &vec![1.0; x.len()]))
    };
    let ([c_0, c_1], [t_0, t_1]) = (arm(0, 0.0), arm(1, 1.0));
    let strata =
        [Stratum { control: c_0, treatment: t_0 }, Stratum { control: c_1, treatment: t_1 }];
    let found = post_stratify(&strata, Variance::OfSample).expect("strata");
    let [v_c, v_t, both] = found.between;
    let variance = found.within_control + found.within_treatment + v_c + v_t - 2.0 * both;
    let effect = found.treatment - found.control;
    let e = Estimate::new(effect, variance.sqrt(), Reference::StudentT(found.df), 0.05, TWO);
    e.is_ok_and(|e| within(0.3, e.ci_lower, e.ci_upper))
}

/// Totals of clusters of 5 to 14 units over their units, by Welch's t of the linearised totals.
fn clusters_cover(run: &Run, of_each: u64) -> bool {
    let arm = |first: u64| {
        let of = |j: u64| {
            let units = 5 + (10.0 * run.unit(first + j, 0)) as u64;
            let own: f64 = (0..units).map(|i| run.normal(first + j, 2 + i)).sum();
            (units as f64 * (3.0 + run.normal(first + j, 1)) + own, units as f64)
        };
        let (x, y): (Vec<f64>, Vec<f64>) = (0..of_each).map(of).unzip();
        let m = of_pairs(&x, &y);
        let free = (m.n - 1) as f64;
        RatioSample {
            n: m.n,
            mean_num: m.mean_x,
            mean_den: m.mean_y,
            var_num: m.m2_x / free,
            var_den: m.m2_y / free,
            cov: m.co_xy / free,
        }
    };
    let e = ratio(&arm(0), &arm(of_each), 0.05, TWO).expect("clusters");
    within(0.0, e.ci_lower, e.ci_upper)
}

/// The lift of 10% by Fieller's interval.
fn fieller_covers(run: &Run, n: u64) -> bool {
    let c = sample(&run.exponentials(0, n));
    let treated: Vec<f64> = run.exponentials(1, n).into_iter().map(|x| 1.1 * x).collect();
    let e = relative(&c, &sample(&treated), 0.05, TWO, RelativeMethod::Fieller);
    e.is_ok_and(|e| within(0.1, e.ci_lower, e.ci_upper))
}

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "Welch t, beside the bootstraps below",
        data: "exponential, 20 against 60",
        claim: Claim::Errs(0.93, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = few(run);
            welch_covers(&c, &t)
        },
    },
    Case {
        what: "Poisson bootstrap of a difference, percentile",
        data: "exponential, 20 against 60",
        claim: Claim::Errs(0.91, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = few(run);
            resampled_covers(run, Reading::Percentile, [&c, &t])
        },
    },
    Case {
        what: "Poisson bootstrap of a difference, BCa",
        data: "exponential, 20 against 60",
        claim: Claim::Errs(0.90, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = few(run);
            resampled_covers(run, Reading::Bca, [&c, &t])
        },
    },
    Case {
        what: "Welch t, beside the bootstraps below",
        data: "5% of units spend log-normal amounts, 1,000 against 3,000",
        claim: Claim::Errs(0.93, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = spenders(run);
            welch_covers(&c, &t)
        },
    },
    Case {
        what: "Poisson bootstrap of a difference, percentile",
        data: "5% of units spend log-normal amounts, 1,000 against 3,000",
        claim: Claim::Errs(0.92, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = spenders(run);
            resampled_covers(run, Reading::Percentile, [&c, &t])
        },
    },
    Case {
        what: "Poisson bootstrap of a difference, BCa",
        data: "5% of units spend log-normal amounts, 1,000 against 3,000",
        claim: Claim::Errs(0.90, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = spenders(run);
            resampled_covers(run, Reading::Bca, [&c, &t])
        },
    },
    Case {
        what: "Poisson bootstrap of a lift, BCa",
        data: "5% of units spend log-normal amounts, 1,000 against 3,000",
        claim: Claim::Errs(0.92, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = spenders(run);
            lift_covers(run, Reading::Bca, [&c, &t])
        },
    },
    Case {
        what: "Poisson bootstrap of a ratio, BCa",
        data: "75 users a variant, 1 to 9 views each",
        claim: Claim::Covers(0.005),
        runs: 800,
        holds: |run| {
            let ([x_c, y_c], [x_t, y_t]) = (clicks(run, 0, 75), clicks(run, 1, 75));
            let c = resampled(run, "control", &x_c, Some(&y_c));
            let t = resampled(run, "treatment", &x_t, Some(&y_t));
            let found = compare(&c, &t, |c, t| Some(t - c), 0.05, TWO, Reading::Bca);
            found.is_ok_and(|found| within(0.0, found.interval.lower, found.interval.upper))
        },
    },
    Case {
        what: "Welch t, beside what follows",
        data: "log-normal, skewness 414, 100 against 300",
        claim: Claim::Errs(0.85, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = heavy(run);
            welch_covers(&c, &t)
        },
    },
    Case {
        what: "Poisson bootstrap of a difference, BCa",
        data: "log-normal, skewness 414, 100 against 300",
        claim: Claim::Errs(0.80, 0.95),
        runs: 800,
        holds: |run| {
            let [c, t] = heavy(run);
            resampled_covers(run, Reading::Bca, [&c, &t])
        },
    },
    Case {
        what: "Welch t of totals capped at their 99th percentile",
        data: "log-normal, skewness 414, 100 against 300",
        claim: Claim::Errs(0.92, 0.95),
        runs: 800,
        holds: |run| {
            let [mut c, mut t] = heavy(run);
            let mut all = [c.clone(), t.clone()].concat();
            all.sort_by(f64::total_cmp);
            // Type 7 of 400 values: 0.01 of the way from the 396th to the next.
            let cap = 0.99 * all[395] + 0.01 * all[396];
            c.iter_mut().chain(&mut t).for_each(|x| *x = x.min(cap));
            welch_covers(&c, &t)
        },
    },
    Case {
        what: "post-stratified means",
        data: "200 against 200 in two strata, an effect in one",
        claim: Claim::Covers(0.003),
        runs: 4_000,
        holds: |run| strata_cover(run, 200),
    },
    Case {
        what: "relative effect, Fieller",
        data: "exponential, 2,000 against 2,000, lift +10%",
        claim: Claim::Covers(0.002),
        runs: 800,
        holds: |run| fieller_covers(run, 2_000),
    },
    Case {
        what: "ratio of cluster totals, Welch t",
        data: "200 clusters of 5 to 14 units a variant",
        claim: Claim::Covers(0.002),
        runs: 800,
        holds: |run| clusters_cover(run, 200),
    },
    Case {
        what: "ratio of cluster totals, Welch t",
        data: "10 clusters of 5 to 14 units a variant",
        claim: Claim::Covers(0.02),
        runs: 4_000,
        holds: |run| clusters_cover(run, 10),
    },
];
