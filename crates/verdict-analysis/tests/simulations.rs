//! Error rates and coverage by simulation, at sizes where each method is offered.
//!
//! Every limit is binomial: the observed share of N runs may leave the nominal one by four standard errors, plus the bias that
//! the method is known to have there. Draws are addressed by run and index, so that a failure repeats.

use verdict_analysis::methods::cluster::{Cluster, cluster_robust};
use verdict_analysis::methods::cuped::{CupedSample, cuped};
use verdict_analysis::methods::families::{Correction, adjust};
use verdict_analysis::methods::mann_whitney::mann_whitney;
use verdict_analysis::methods::quantile_interval::quantile_difference;
use verdict_analysis::methods::ratio::{RatioSample, ratio};
use verdict_analysis::methods::relative::{RelativeMethod, relative};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::sample_ratio::sample_ratio;
use verdict_analysis::methods::sequential::msprt::{Sequence, look};
use verdict_analysis::methods::special::norm_ppf;
use verdict_analysis::methods::two_proportion::{
    Proportion, ProportionInterval, interval, two_proportion,
};
use verdict_analysis::methods::welch::welch;
use verdict_analysis::methods::{Alternative, Sample, permutation};

/// Fails unless `hits` of `runs` is within four standard errors, and a known bias, of the nominal share.
fn check(what: &str, hits: u64, runs: u64, nominal: f64, bias: f64) {
    let share = hits as f64 / runs as f64;
    let allowed = 4.0 * (nominal * (1.0 - nominal) / runs as f64).sqrt() + bias;
    assert!((share - nominal).abs() <= allowed, "{what}: {share} instead of {nominal} ± {allowed}");
}

/// The runs for which `holds` is true.
fn count(name: &str, runs: u64, holds: impl Fn(&Run) -> bool) -> u64 {
    let draws = Draws::named(name);
    (0..runs).filter(|run| holds(&Run { draws, run: *run })).count() as u64
}

struct Run {
    draws: Draws,
    run: u64,
}

impl Run {
    fn unit(&self, i: u64) -> f64 {
        self.draws.unit(self.run, i)
    }

    fn normal(&self, i: u64) -> f64 {
        norm_ppf(self.unit(i))
    }

    /// `n` normal values of one stream.
    fn normals(&self, stream: u64, n: u64, mean: f64, sd: f64) -> Vec<f64> {
        (0..n).map(|i| mean + sd * self.normal(stream * 1_000_000 + i)).collect()
    }

    /// How many of `n` units have an outcome of this rate.
    fn successes(&self, stream: u64, n: u64, rate: f64) -> Proportion {
        let successes = (0..n).filter(|i| self.unit(stream * 1_000_000 + i) < rate).count() as u64;
        Proportion { successes, n }
    }
}

fn sample(values: &[f64]) -> Sample {
    Sample::from_values(values).expect("two values or more")
}

#[test]
fn welch_covers_and_rejects_at_its_level_from_five_units_on() {
    for (n_c, n_t, sd_t, alternative) in [
        (5, 5, 1.0, Alternative::TwoSided),
        (10, 40, 3.0, Alternative::TwoSided),
        (30, 30, 1.0, Alternative::Greater),
    ] {
        let name = format!("welch/{n_c}/{n_t}/{alternative:?}");
        let covered = count(&name, 8_000, |run| {
            let (c, t) =
                (sample(&run.normals(0, n_c, 5.0, 1.0)), sample(&run.normals(1, n_t, 5.4, sd_t)));
            let e = welch(&c, &t, 0.05, alternative).expect("an estimate");
            // p and interval agree on zero.
            assert_eq!(e.p_value < 0.05, e.ci_lower > 0.0 || e.ci_upper < 0.0);
            e.ci_lower <= 0.4 && 0.4 <= e.ci_upper
        });
        check(&name, covered, 8_000, 0.95, 0.006);
    }
}

#[test]
fn relative_intervals_count_the_control() {
    for (method, lift) in
        [(RelativeMethod::Fieller, 1.0), (RelativeMethod::Delta, 0.5), (RelativeMethod::Log, 0.5)]
    {
        let covered = count(&format!("relative/{method:?}"), 6_000, |run| {
            let c = sample(&run.normals(0, 60, 2.0, 1.0));
            let t = sample(&run.normals(1, 60, 2.0 * (1.0 + lift), 1.0));
            let r =
                relative(&c, &t, 0.05, Alternative::TwoSided, method).expect("a positive control");
            r.ci_lower <= lift && lift <= r.ci_upper
        });
        check(&format!("{method:?}"), covered, 6_000, 0.95, 0.006);
    }
}

#[test]
fn proportion_intervals_cover_from_small_counts_on() {
    for (method, bias) in [
        (ProportionInterval::Newcombe, 0.02),
        (ProportionInterval::MiettinenNurminen, 0.015),
        (ProportionInterval::AgrestiCaffo, 0.025),
    ] {
        let covered = count(&format!("proportions/{method:?}"), 5_000, |run| {
            let (c, t) = (run.successes(0, 80, 0.1), run.successes(1, 60, 0.2));
            let i = interval(c, t, 0.05, Alternative::TwoSided, method).expect("an interval");
            i.lower <= 0.1 && 0.1 <= i.upper
        });
        check(&format!("{method:?}"), covered, 5_000, 0.95, bias);
    }
}

#[test]
fn the_pooled_z_test_keeps_its_level() {
    let rejected = count("z", 6_000, |run| {
        let (c, t) = (run.successes(0, 400, 0.1), run.successes(1, 300, 0.1));
        two_proportion(c, t, 0.05, Alternative::TwoSided, ProportionInterval::Newcombe)
            .is_ok_and(|e| e.p_value <= 0.05)
    });
    check("pooled z", rejected, 6_000, 0.05, 0.006);
}

#[test]
fn ratios_by_the_delta_method_cover_where_rows_would_not() {
    let covered = count("ratio", 4_000, |run| {
        let arm = |stream: u64| {
            // A user's own rate makes clicks of one user alike; the true ratio is 0.3 in both variants.
            let users: Vec<(f64, f64)> = (0..150)
                .map(|i| {
                    let at = stream * 10_000 + i * 10;
                    let views = 1.0 + (9.0 * run.unit(at)).floor();
                    (views * (0.1 + 0.4 * run.unit(at + 1)), views)
                })
                .collect();
            let n = users.len() as f64;
            let mean = |f: &dyn Fn(&(f64, f64)) -> f64| users.iter().map(f).sum::<f64>() / n;
            let (x, y) = (mean(&|u| u.0), mean(&|u| u.1));
            let cov = |f: &dyn Fn(&(f64, f64)) -> f64| mean(f) * n / (n - 1.0);
            RatioSample {
                n: 150,
                mean_num: x,
                mean_den: y,
                var_num: cov(&|u| (u.0 - x) * (u.0 - x)),
                var_den: cov(&|u| (u.1 - y) * (u.1 - y)),
                cov: cov(&|u| (u.0 - x) * (u.1 - y)),
            }
        };
        let e = ratio(&arm(0), &arm(1), 0.05, Alternative::TwoSided).expect("an estimate");
        e.ci_lower <= 0.0 && 0.0 <= e.ci_upper
    });
    check("ratio", covered, 4_000, 0.95, 0.006);
}

#[test]
fn cuped_covers_and_reduces_the_variance_by_the_squared_correlation() {
    let mut reductions = Vec::new();
    let draws = Draws::named("cuped");
    let mut covered = 0;
    for run in 0..3_000 {
        let run = Run { draws, run };
        let arm = |stream: u64, effect: f64| {
            let x = run.normals(2 * stream, 100, 10.0, 1.0);
            let noise = run.normals(2 * stream + 1, 100, 0.0, 1.0);
            let y: Vec<f64> =
                x.iter().zip(&noise).map(|(x, e)| effect + 0.8 * x + 0.6 * e).collect();
            let (sx, sy) = (sample(&x), sample(&y));
            let cov =
                x.iter().zip(&y).map(|(x, y)| (x - sx.mean) * (y - sy.mean)).sum::<f64>() / 99.0;
            CupedSample {
                n: 100,
                mean_y: sy.mean,
                mean_x: sx.mean,
                var_y: sy.variance,
                var_x: sx.variance,
                cov,
            }
        };
        let adjusted = cuped(&arm(0, 0.0), &arm(1, 0.25)).expect("an adjustment");
        let e = adjusted.estimate(0.05, Alternative::TwoSided).expect("an estimate");
        covered += u64::from(e.ci_lower <= 0.25 && 0.25 <= e.ci_upper);
        reductions.extend(adjusted.variance_reduction);
    }
    check("cuped", covered, 3_000, 0.95, 0.008);
    let mean = reductions.iter().sum::<f64>() / reductions.len() as f64;
    assert!((mean - 0.64).abs() < 0.01, "{mean}");
}

#[test]
fn clustered_rows_need_the_robust_standard_error() {
    let covered = count("cluster", 3_000, |run| {
        let clusters: Vec<Cluster> = (0..60)
            .map(|j| {
                // A cluster's own level, and 5 to 14 rows around it.
                let rows = 5 + (10.0 * run.unit(j * 100)) as u64;
                let sum = rows as f64 * run.normal(j * 100 + 1)
                    + (0..rows).map(|i| run.normal(j * 100 + 2 + i)).sum::<f64>();
                if j % 2 == 0 {
                    Cluster { n_c: rows, sum_c: sum, ..Cluster::default() }
                } else {
                    Cluster { n_t: rows, sum_t: sum, ..Cluster::default() }
                }
            })
            .collect();
        let result = cluster_robust(&clusters).expect("clusters");
        let e = result.estimate(0.05, Alternative::TwoSided).expect("an estimate");
        e.ci_lower <= 0.0 && 0.0 <= e.ci_upper
    });
    check("cluster", covered, 3_000, 0.95, 0.01);
}

#[test]
fn rank_and_permutation_tests_keep_their_level() {
    let rejected = count("ranks", 4_000, |run| {
        let (c, t) = (run.normals(0, 15, 0.0, 1.0), run.normals(1, 20, 0.0, 1.0));
        let ranks = mann_whitney(&c, &t).expect("ranks");
        ranks.exact_p_value(Alternative::TwoSided).expect("no ties") <= 0.05
    });
    check("Mann-Whitney, exact", rejected, 4_000, 0.05, 0.003);
    // Unequal spread and sizes: the studentised statistic holds, where the plain difference of means would reject 34%.
    let rejected = count("permutation", 1_000, |run| {
        let (c, t) = (run.normals(0, 60, 0.0, 1.0), run.normals(1, 12, 0.0, 5.0));
        let draws = Draws::named(&format!("permutation/{}", run.run));
        let p = permutation::monte_carlo(&c, &t, permutation::welch_statistic, draws, 199)
            .expect("a test");
        p.two_sided_abs <= 0.05
    });
    check("studentised permutation", rejected, 1_000, 0.05, 0.03);
}

#[test]
fn quantile_differences_cover() {
    let covered = count("quantiles", 3_000, |run| {
        let exponential = |stream: u64| -> Vec<f64> {
            (0..200).map(|i| -run.unit(stream * 1_000_000 + i).ln()).collect()
        };
        let d =
            quantile_difference(&exponential(0), &exponential(1), 0.5, 0.05).expect("a difference");
        d.interval.lower <= 0.0 && 0.0 <= d.interval.upper
    });
    check("median difference", covered, 3_000, 0.95, 0.015);
}

#[test]
fn sample_ratio_alarms_as_often_as_it_says() {
    let alarms = count("srm", 6_000, |run| {
        let control = run.successes(0, 1_000, 0.5).successes;
        sample_ratio(&[control, 1_000 - control], &[1.0, 1.0]).is_ok_and(|s| s.p_value < 0.05)
    });
    // Two counts of 1,000 units are discrete: 5.4% exactly.
    check("sample ratio", alarms, 6_000, 0.05, 0.008);
}

#[test]
fn families_keep_their_promise() {
    // 20 metrics, 5 with an effect. Family-wise error: any null rejected; discovery rate: nulls among the rejected.
    let draws = Draws::named("families");
    let (mut any, mut false_share, runs) = (0, 0.0, 3_000);
    for run in 0..runs {
        let run = Run { draws, run };
        let p: Vec<f64> = (0..20)
            .map(|i| {
                2.0 * verdict_analysis::methods::special::norm_sf(
                    (run.normal(i) + if i < 5 { 3.0 } else { 0.0 }).abs(),
                )
            })
            .collect();
        let holm = adjust(&p, Correction::Holm).expect("p-values");
        any += u64::from(holm[5..].iter().any(|p| *p <= 0.05));
        let bh = adjust(&p, Correction::BenjaminiHochberg).expect("p-values");
        let rejected = bh.iter().filter(|p| **p <= 0.05).count();
        let falsely = bh[5..].iter().filter(|p| **p <= 0.05).count();
        false_share += if rejected == 0 { 0.0 } else { falsely as f64 / rejected as f64 };
    }
    // Holm: between Bonferroni's 15/20 of alpha and alpha; BH: exactly alpha times the share of nulls.
    check("Holm", any, runs, 0.042, 0.01);
    let rate = false_share / runs as f64;
    assert!((rate - 0.0375).abs() < 0.01, "false discovery rate {rate}");
}

#[test]
fn the_sequential_test_survives_peeking_where_the_fixed_one_does_not() {
    let walk = |run: &Run| {
        let mut sum = 0.0;
        let (mut sequence, mut fixed) = (Sequence::default(), false);
        for k in 1..=100_u64 {
            sum += run.normal(k);
            let (mean, variance) = (sum / k as f64, 1.0 / k as f64);
            sequence = sequence.after(&look(mean, variance, 0.05, 0.05).expect("a look"));
            fixed |= (mean / variance.sqrt()).abs() > 1.96;
        }
        (sequence.p_value <= 0.05, fixed)
    };
    let runs = 3_000;
    let sequential = count("peeking", runs, |run| walk(run).0);
    let fixed = count("peeking", runs, |run| walk(run).1);
    assert!(
        (sequential as f64) < 0.05 * runs as f64 + 4.0 * (0.0475 * runs as f64).sqrt(),
        "{sequential}"
    );
    assert!(fixed as f64 > 0.3 * runs as f64, "100 looks reject about 37% of true nulls: {fixed}");
}
