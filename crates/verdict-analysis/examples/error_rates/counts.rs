//! Proportions, tables of counts and sample ratios.

use verdict_analysis::methods::contingency::{contingency, fisher_exact};
use verdict_analysis::methods::guardrail::{Better, Margin, non_inferiority_proportion};
use verdict_analysis::methods::proportion::{OneProportionInterval, proportion_interval};
use verdict_analysis::methods::sample_ratio::sample_ratio;
use verdict_analysis::methods::two_proportion::{
    ProportionInterval, interval, relative_delta, relative_log, two_proportion,
};
use verdict_analysis::methods::{Alternative, ratio_score_interval};

use super::draws::{Case, Claim, Run, within};

const TWO: Alternative = Alternative::TwoSided;

/// A p-value at most 5%, where there is a test.
fn z_rejects(run: &Run, n: [u64; 2], rate: f64, alternative: Alternative) -> bool {
    let (c, t) = (run.successes(0, n[0], rate), run.successes(1, n[1], rate));
    two_proportion(c, t, 0.05, alternative, ProportionInterval::Newcombe)
        .is_ok_and(|e| e.p_value <= 0.05)
}

/// The interval of 0.2 - 0.1 from 60 and 80 units.
fn difference_covered(run: &Run, method: ProportionInterval) -> bool {
    let (c, t) = (run.successes(0, 80, 0.1), run.successes(1, 60, 0.2));
    let i = interval(c, t, 0.05, TWO, method).expect("an interval");
    within(0.1, i.lower, i.upper)
}

/// The interval of a rate of 0.1 from 50 units.
fn rate_covered(run: &Run, method: OneProportionInterval) -> bool {
    let i = proportion_interval(run.successes(0, 50, 0.1), 0.05, method).expect("an interval");
    within(0.1, i.lower, i.upper)
}

pub(crate) const CASES: &[Case] = &[
    Case {
        what: "pooled z, two-sided",
        data: "400 against 300 units, rate 10%",
        claim: Claim::Rejects(0.001),
        runs: 6_000,
        holds: |run| z_rejects(run, [400, 300], 0.1, TWO),
    },
    Case {
        what: "pooled z, greater",
        data: "400 against 300 units, rate 10%",
        claim: Claim::Rejects(0.003),
        runs: 6_000,
        holds: |run| z_rejects(run, [400, 300], 0.1, Alternative::Greater),
    },
    Case {
        what: "pooled z, two-sided",
        data: "50 against 50 units, rate 10% (5 expected)",
        claim: Claim::Rejects(0.002),
        runs: 10_000,
        holds: |run| z_rejects(run, [50, 50], 0.1, TWO),
    },
    Case {
        what: "Fisher's exact test",
        data: "30 against 25 units, rate 20%",
        claim: Claim::RejectsAtMost,
        runs: 6_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 30, 0.2), run.successes(1, 25, 0.2));
            let table = [[t.successes, t.n - t.successes], [c.successes, c.n - c.successes]];
            fisher_exact(table).is_ok_and(|p| p.two_sided <= 0.05)
        },
    },
    Case {
        what: "interval of a difference, Wald",
        data: "10% of 80, 20% of 60",
        claim: Claim::Covers(0.003),
        runs: 5_000,
        holds: |run| difference_covered(run, ProportionInterval::Wald),
    },
    Case {
        what: "interval of a difference, Newcombe",
        data: "10% of 80, 20% of 60",
        claim: Claim::Covers(0.007),
        runs: 5_000,
        holds: |run| difference_covered(run, ProportionInterval::Newcombe),
    },
    Case {
        what: "interval of a difference, Miettinen-Nurminen",
        data: "10% of 80, 20% of 60",
        claim: Claim::Covers(0.002),
        runs: 2_000,
        holds: |run| difference_covered(run, ProportionInterval::MiettinenNurminen),
    },
    Case {
        what: "interval of a difference, Agresti-Caffo",
        data: "10% of 80, 20% of 60",
        claim: Claim::Covers(0.005),
        runs: 5_000,
        holds: |run| difference_covered(run, ProportionInterval::AgrestiCaffo),
    },
    Case {
        what: "interval of a difference, Newcombe",
        data: "1% of 100 in both variants",
        claim: Claim::CoversAtLeast,
        runs: 5_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 100, 0.01), run.successes(1, 100, 0.01));
            let i = interval(c, t, 0.05, TWO, ProportionInterval::Newcombe).expect("an interval");
            within(0.0, i.lower, i.upper)
        },
    },
    Case {
        what: "interval of a rate, Wilson",
        data: "10% of 50",
        claim: Claim::Covers(0.021),
        runs: 5_000,
        holds: |run| rate_covered(run, OneProportionInterval::Wilson),
    },
    Case {
        what: "interval of a rate, Agresti-Coull",
        data: "10% of 50",
        claim: Claim::Covers(0.022),
        runs: 5_000,
        holds: |run| rate_covered(run, OneProportionInterval::AgrestiCoull),
    },
    Case {
        what: "interval of a rate, Clopper-Pearson",
        data: "10% of 50",
        claim: Claim::CoversAtLeast,
        runs: 5_000,
        holds: |run| rate_covered(run, OneProportionInterval::ClopperPearson),
    },
    Case {
        what: "interval of a rate, Jeffreys",
        data: "10% of 50",
        claim: Claim::Covers(0.009),
        runs: 5_000,
        holds: |run| rate_covered(run, OneProportionInterval::Jeffreys),
    },
    Case {
        what: "interval of a rate, Wald (for comparison)",
        data: "10% of 50",
        claim: Claim::Errs(0.875, 0.885),
        runs: 5_000,
        holds: |run| rate_covered(run, OneProportionInterval::Wald),
    },
    Case {
        what: "relative interval of rates, log (Katz)",
        data: "10% of 300, 20% of 300",
        claim: Claim::Covers(0.004),
        runs: 5_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 300, 0.1), run.successes(1, 300, 0.2));
            relative_log(c, t, 0.05, TWO).is_ok_and(|i| within(1.0, i.lower, i.upper))
        },
    },
    Case {
        what: "relative interval of rates, delta",
        data: "10% of 3,000, 12% of 3,000",
        claim: Claim::Covers(0.003),
        runs: 2_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 3_000, 0.1), run.successes(1, 3_000, 0.12));
            relative_delta(c, t, 0.05, TWO).is_ok_and(|(_, i)| within(0.2, i.lower, i.upper))
        },
    },
    Case {
        what: "relative interval of rates, score (Koopman)",
        data: "10% of 100, 20% of 100",
        claim: Claim::Covers(0.005),
        runs: 2_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 100, 0.1), run.successes(1, 100, 0.2));
            ratio_score_interval(c, t, 0.05).is_ok_and(|i| within(1.0, i.lower, i.upper))
        },
    },
    Case {
        what: "chi-squared, 3 x 2",
        data: "100, 150 and 200 units, rate 20%",
        claim: Claim::Rejects(0.002),
        runs: 4_000,
        holds: |run| {
            let row = |stream: u64, n: u64| {
                let p = run.successes(stream, n, 0.2);
                vec![p.successes, p.n - p.successes]
            };
            contingency(&[row(0, 100), row(1, 150), row(2, 200)]).is_ok_and(|c| c.p_value <= 0.05)
        },
    },
    Case {
        what: "sample ratio",
        data: "1,000 units, 50 : 50 (discrete: 5.4% exactly)",
        claim: Claim::Rejects(0.005),
        runs: 6_000,
        holds: |run| {
            let control = run.successes(0, 1_000, 0.5).successes;
            sample_ratio(&[control, 1_000 - control], &[1.0, 1.0]).is_ok_and(|s| s.p_value <= 0.05)
        },
    },
    Case {
        what: "non-inferiority of rates, at the margin",
        data: "20% against 15% of 500, margin 5 points",
        claim: Claim::Rejects(0.003),
        runs: 5_000,
        holds: |run| {
            let (c, t) = (run.successes(0, 500, 0.2), run.successes(1, 500, 0.15));
            non_inferiority_proportion(c, t, Margin::Absolute(0.05), Better::Higher, 0.05)
                .is_ok_and(|e| e.p_value <= 0.05)
        },
    },
];
