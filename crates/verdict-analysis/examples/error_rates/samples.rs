//! Methods of the values themselves, posteriors, families and sequences.

use verdict_analysis::methods::bayes::beta_binomial::Beta;
use verdict_analysis::methods::bayes::gaussian::{Prior, posterior};
use verdict_analysis::methods::bootstrap::{
    acceleration, bca_interval, percentile_interval, replicates,
};
use verdict_analysis::methods::families::{Correction, adjust, adjust_weighted};
use verdict_analysis::methods::mann_whitney::{brunner_munzel, mann_whitney};
use verdict_analysis::methods::quantile_interval::{
    exact_ranks, quantile_difference, quantile_interval,
};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::sequential::confidence_sequence::asymptotic;
use verdict_analysis::methods::sequential::msprt::{Sequence, look};
use verdict_analysis::methods::special::norm_sf;
use verdict_analysis::methods::{Alternative, permutation};

use super::draws::{Case, Claim, Run, within};

const TWO: Alternative = Alternative::TwoSided;

fn ranks_reject(run: &Run, rounded: bool, corrected: bool) -> bool {
    let round = |values: Vec<f64>| -> Vec<f64> {
        if rounded { values.into_iter().map(|x| (2.0 * x).round()).collect() } else { values }
    };
    let c = round(run.normals(0, 15, 0.0, 1.0));
    let t = round(run.normals(1, 20, 0.0, 1.0));
    mann_whitney(&c, &t).expect("ranks").p_value(TWO, corrected).0 <= 0.05
}

/// A test of 60 against 12 values, the fewer with five times the spread, by random labellings.
fn permutation_rejects(run: &Run, statistic: fn(&[f64], &[f64]) -> f64) -> bool {
    let (c, t) = (run.normals(0, 60, 0.0, 1.0), run.normals(1, 12, 0.0, 5.0));
    let draws = Draws::named(&format!("permutation/{}", run.run));
    permutation::monte_carlo(&c, &t, statistic, draws, 199).expect("a test").two_sided_abs <= 0.05
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// The bootstrap interval of the mean of 100 exponential values.
fn bootstrap_covers(run: &Run, bca: bool) -> bool {
    let values = run.exponentials(0, 100);
    let statistic = |s: &[&[f64]]| mean(s[0]);
    let draws = Draws::named(&format!("bootstrap/{}", run.run));
    let replicates = replicates(&[&values], statistic, draws, 999).expect("replicates");
    let interval = if bca {
        let a = acceleration(&[&values], statistic).expect("an acceleration");
        bca_interval(&replicates, mean(&values), a, 0.05)
    } else {
        percentile_interval(&replicates, 0.05)
    };
    interval.is_ok_and(|i| within(1.0, i.lower, i.upper))
}

/// 20 two-sided p-values, the first five of them of effects of three standard errors.
fn family(run: &Run) -> Vec<f64> {
    let shift = |i: u64| if i < 5 { 3.0 } else { 0.0 };
    (0..20).map(|i| 2.0 * norm_sf((run.normal(0, i) + shift(i)).abs())).collect()
}

/// Whether any of the 15 true hypotheses is rejected.
fn any_false(run: &Run, correction: Correction) -> bool {
    adjust(&family(run), correction).expect("p-values")[5..].iter().any(|p| *p <= 0.05)
}

/// 20 p-values of which none has an effect: any rejection is false.
fn any_of_null(run: &Run, correction: Correction) -> bool {
    let p: Vec<f64> = (0..20).map(|i| run.unit(0, i)).collect();
    adjust(&p, correction).expect("p-values").iter().any(|p| *p <= 0.05)
}

/// A look after each of 100 blocks without an effect.
fn looks(run: &Run) -> impl Iterator<Item = (f64, f64, f64)> {
    let mut sum = 0.0;
    let run = *run;
    (1..=100_u64).map(move |k| {
        sum += run.normal(0, k);
        (sum / k as f64, 1.0 / k as f64, k as f64)
    })
}

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "Mann-Whitney, exact",
        data: "normal, 15 against 20",
        claim: Claim::Rejects(0.003),
        runs: 4_000,
        holds: |run| {
            let (c, t) = (run.normals(0, 15, 0.0, 1.0), run.normals(1, 20, 0.0, 1.0));
            let ranks = mann_whitney(&c, &t).expect("ranks");
            ranks.exact_p_value(TWO).expect("no ties") <= 0.05
        },
    },
    Case {
        what: "Mann-Whitney, continuity correction",
        data: "normal, 15 against 20",
        claim: Claim::Rejects(0.003),
        runs: 4_000,
        holds: |run| ranks_reject(run, false, true),
    },
    Case {
        what: "Mann-Whitney, no continuity correction",
        data: "normal, 15 against 20",
        claim: Claim::Rejects(0.003),
        runs: 4_000,
        holds: |run| ranks_reject(run, false, false),
    },
    Case {
        what: "Mann-Whitney with ties, continuity correction",
        data: "normal in halves, 15 against 20",
        claim: Claim::Rejects(0.004),
        runs: 4_000,
        holds: |run| ranks_reject(run, true, true),
    },
    Case {
        what: "Brunner-Munzel",
        data: "normal, 30 against 30 of three times the spread",
        claim: Claim::Rejects(0.002),
        runs: 4_000,
        holds: |run| {
            let (c, t) = (run.normals(0, 30, 0.0, 1.0), run.normals(1, 30, 0.0, 3.0));
            brunner_munzel(&c, &t, TWO).is_ok_and(|test| test.p_value <= 0.05)
        },
    },
    Case {
        what: "permutation of a mean",
        data: "one distribution, exponential, 12 against 12",
        claim: Claim::Rejects(0.002),
        runs: 1_500,
        holds: |run| {
            let (c, t) = (run.exponentials(0, 12), run.exponentials(1, 12));
            let draws = Draws::named(&format!("one distribution/{}", run.run));
            let statistic = |c: &[f64], t: &[f64]| mean(t) - mean(c);
            permutation::monte_carlo(&c, &t, statistic, draws, 199)
                .is_ok_and(|p| p.two_sided_abs <= 0.05)
        },
    },
    Case {
        what: "permutation of Welch's statistic",
        data: "normal, 60 against 12 of five times the spread",
        claim: Claim::Rejects(0.004),
        runs: 1_000,
        holds: |run| permutation_rejects(run, permutation::welch_statistic),
    },
    Case {
        what: "permutation of a mean, unequal spread (a mistake)",
        data: "normal, 60 against 12 of five times the spread",
        claim: Claim::Errs(0.33, 0.36),
        runs: 1_000,
        holds: |run| permutation_rejects(run, |c, t| mean(t) - mean(c)),
    },
    Case {
        what: "bootstrap of a mean, percentile",
        data: "exponential, 100 values, 999 replicates",
        claim: Claim::Covers(0.02),
        runs: 300,
        holds: |run| bootstrap_covers(run, false),
    },
    Case {
        what: "bootstrap of a mean, BCa",
        data: "exponential, 100 values, 999 replicates",
        claim: Claim::Covers(0.015),
        runs: 300,
        holds: |run| bootstrap_covers(run, true),
    },
    Case {
        what: "quantile, closed-form bootstrap",
        data: "median of 201 exponential values",
        claim: Claim::Covers(0.003),
        runs: 4_000,
        holds: |run| {
            let i = quantile_interval(&run.exponentials(0, 201), 0.5, 0.05).expect("an interval");
            within(std::f64::consts::LN_2, i.lower, i.upper)
        },
    },
    Case {
        what: "quantile, exact ranks",
        data: "90% quantile of 120 exponential values",
        claim: Claim::CoversAtLeast,
        runs: 4_000,
        holds: |run| {
            let mut values = run.exponentials(0, 120);
            values.sort_by(f64::total_cmp);
            let ranks = exact_ranks(120, 0.9, 0.05).expect("ranks");
            let at = |rank: Option<u64>| values[rank.expect("a bounded side") as usize - 1];
            within(std::f64::consts::LN_10, at(ranks.lower), at(ranks.upper))
        },
    },
    Case {
        what: "difference of medians",
        data: "exponential, 200 against 200",
        claim: Claim::Covers(0.014),
        runs: 1_500,
        holds: |run| {
            let (c, t) = (run.exponentials(0, 200), run.exponentials(1, 200));
            let d = quantile_difference(&c, &t, 0.5, 0.05).expect("a difference");
            within(0.0, d.interval.lower, d.interval.upper)
        },
    },
    Case {
        what: "beta posterior of a rate",
        data: "rate drawn from the flat prior, 40 units",
        claim: Claim::Covers(0.001),
        runs: 4_000,
        holds: |run| {
            let rate = run.unit(1, 0);
            let posterior = Beta::FLAT.updated(run.successes(0, 40, rate)).expect("a posterior");
            let i = posterior.credible_interval(0.05).expect("an interval");
            within(rate, i.lower, i.upper)
        },
    },
    Case {
        what: "normal posterior of an effect",
        data: "effect drawn from the prior, half as wide as the standard error",
        claim: Claim::Covers(0.001),
        runs: 8_000,
        holds: |run| {
            let effect = 0.5 * run.normal(0, 0);
            let observed = effect + run.normal(0, 1);
            let prior = Prior::Normal { mean: 0.0, variance: 0.25 };
            let i = posterior(observed, 1.0, prior).expect("a posterior").credible_interval(0.05);
            i.is_ok_and(|i| within(effect, i.lower, i.upper))
        },
    },
    Case {
        what: "Bonferroni, any false rejection",
        data: "20 hypotheses, none with an effect",
        claim: Claim::Rejects(0.002),
        runs: 8_000,
        holds: |run| any_of_null(run, Correction::Bonferroni),
    },
    Case {
        what: "Šidák, any false rejection",
        data: "20 hypotheses, none with an effect",
        claim: Claim::Rejects(0.0),
        runs: 8_000,
        holds: |run| any_of_null(run, Correction::Sidak),
    },
    Case {
        what: "Holm, any false rejection",
        data: "20 hypotheses, 5 with an effect",
        claim: Claim::RejectsAtMost,
        runs: 6_000,
        holds: |run| any_false(run, Correction::Holm),
    },
    Case {
        what: "Hochberg, any false rejection",
        data: "20 hypotheses, 5 with an effect",
        claim: Claim::RejectsAtMost,
        runs: 6_000,
        holds: |run| any_false(run, Correction::Hochberg),
    },
    Case {
        what: "weighted Holm, any false rejection",
        data: "20 hypotheses, none with an effect, weights 10 and 1",
        claim: Claim::RejectsAtMost,
        runs: 6_000,
        holds: |run| {
            let p: Vec<f64> = (0..20).map(|i| run.unit(0, i)).collect();
            let weights: Vec<f64> = (0..20).map(|i| if i == 0 { 10.0 } else { 1.0 }).collect();
            adjust_weighted(&p, &weights).expect("weights").iter().any(|p| *p <= 0.05)
        },
    },
    Case {
        what: "Benjamini-Hochberg, any false rejection",
        data: "20 hypotheses, none with an effect",
        claim: Claim::Rejects(0.002),
        runs: 8_000,
        holds: |run| any_of_null(run, Correction::BenjaminiHochberg),
    },
    Case {
        what: "mSPRT, any of 100 looks",
        data: "no effect, mixing variance 0.05",
        claim: Claim::RejectsAtMost,
        runs: 3_000,
        holds: |run| {
            let mut sequence = Sequence::default();
            for (mean, variance, _) in looks(run) {
                sequence = sequence.after(&look(mean, variance, 0.05, 0.05).expect("a look"));
            }
            sequence.p_value <= 0.05
        },
    },
    Case {
        what: "asymptotic confidence sequence, any of 100 looks",
        data: "no effect, tightest at 50",
        claim: Claim::RejectsAtMost,
        runs: 3_000,
        holds: |run| {
            looks(run).any(|(mean, variance, n)| {
                asymptotic(mean, variance, n, 50.0, 0.05).is_ok_and(|l| l.p_value <= 0.05)
            })
        },
    },
    Case {
        what: "z test at each of 100 looks (a mistake)",
        data: "no effect",
        claim: Claim::Errs(0.36, 0.38),
        runs: 3_000,
        holds: |run| looks(run).any(|(mean, variance, _)| (mean / variance.sqrt()).abs() > 1.96),
    },
];
