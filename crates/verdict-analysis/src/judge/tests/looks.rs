//! Resampled and post-stratified rows over several looks.

use super::branches::last_row;
use super::world::{World, after};
use super::*;
use verdict_model::rows::{NormalLaw, Totals};
use verdict_model::{Bootstrap, BootstrapInterval};

use SequentialMethod::{ConfidenceSequence, Msprt, ObrienFleming, Pocock};

/// A thousand units a day in each variant, complete when they enter: half of them have 0 and half 2 (mean 1, variance 1 over n),
/// of the treatment `more` a thousand more have 2 by each day.
fn halves(more: [i64; 3]) -> Case {
    let mut case = Case::two_arms("spend", "mean");
    for (day, more) in more.into_iter().enumerate() {
        let ds = after(day as u32);
        let n = 1_000 * (day as i64 + 1);
        for (variant, more) in [("control", 0), ("treatment", more)] {
            let twos = n / 2 + more;
            let share = twos as f64 / n as f64;
            let m2 = |n: i64| 4.0 * n as f64 * share * (1.0 - share);
            let count = vec![n - twos, twos];
            let stat = GroupStat {
                ds,
                n,
                sum_x: Some(2.0 * twos as f64),
                mean_x: Some(2.0 * share),
                m2_x: Some(m2(n)),
                n_before: Some(n - 1_000),
                co_x_before: Some(m2(n - 1_000)),
                totals: Some(Totals { x: vec![0.0, 2.0], y: None, count }),
                ..empty("spend", "mean", variant)
            };
            case = case.with([stat, GroupStat { ds, ..exposed(variant, n, 0) }]);
        }
    }
    case
}

fn resampled(mut case: Case, interval: BootstrapInterval) -> Case {
    case.experiment.primary.bootstrap = Some(Bootstrap { interval, ..Bootstrap::default() });
    case
}

/// Sums of so many units are normal, so that by the replicates everything is as it is by the normal law, to within what 10,000 of
/// them tell: the statistic 2 · 75/3000 / √(2/3000) = 1.94, or twice or three times that, and the interval ± the bound in standard errors.
#[test]
fn replicates_of_a_normal_estimate_say_what_the_normal_law_says() {
    for method in [Msprt, ConfidenceSequence, ObrienFleming, Pocock] {
        for interval in [BootstrapInterval::Bca, BootstrapInterval::Percentile] {
            for more in [75, 150, 225] {
                let case = halves([0, more / 3, more]).watched(method, 3);
                let plain = last_row(&case, "spend");
                let row = last_row(&resampled(case, interval), "spend");
                let at = format!("{method:?} {interval:?} {more}");
                assert_eq!(row.method, Some(format!("bootstrap_{}", interval.word())), "{at}");
                assert_eq!((row.status.as_str(), row.looks_used), ("ok", Some(3)), "{at}");
                let std_error = (2.0_f64 / 3_000.0).sqrt();
                let z = 2.0 * more as f64 / 3_000.0 / std_error;
                close(row.z, z, 0.03);
                close(row.effect_std_error, std_error, 0.03);
                // Bounds are those of the estimate's times, which replicates do not change.
                close(row.boundary, plain.boundary.expect("a bound"), 1e-9);
                let reach = row.boundary.expect("a bound") * std_error;
                let (lower, upper) = (row.effect_ci_lower, row.effect_ci_upper);
                let effect = row.effect.expect("an effect");
                if row.crossed_ds.is_none() || row.crossed_ds == Some(after(2)) {
                    close(lower.map(|lower| effect - lower), reach, 0.04);
                }
                close(upper.map(|upper| upper - effect), reach, 0.04);
                assert_eq!(row.crossed, Some(z > row.boundary.expect("a bound")), "{at}");
                assert_eq!(row.p_value.map(|p| p <= 0.05), row.crossed, "{at}");
                assert_eq!(lower.is_some_and(|lower| lower > 0.0), row.crossed == Some(true));
                assert_eq!((row.statistic, row.df), (None, None), "{at}");
                assert_eq!(row.increments.as_deref(), Some("units"), "{at}");
                let NormalLaw { normal_method, normal_p_value, normal_ci_lower, .. } = &row.normal;
                assert_eq!(normal_method.as_deref(), Some("welch_t"));
                assert_eq!(
                    (*normal_p_value, *normal_ci_lower),
                    (plain.p_value, plain.effect_ci_lower)
                );
                // ln p moves by about z for each standard error: 0.03 z² is what the tolerance of z leaves.
                let ln_p = |p: Option<f64>| p.expect("a p-value").ln();
                let gap = (ln_p(row.p_value) - ln_p(plain.p_value)).abs();
                assert!(gap < 0.05 + 0.05 * z * z, "{at}: {gap}");
            }
        }
    }
}

/// The first bound of O'Brien and Fleming's plan is beyond what 10,000 replicates tell: the interval goes on beyond them.
#[test]
fn an_early_bound_is_further_out_than_replicates() {
    let case = resampled(halves([0, 0, 0]), BootstrapInterval::Bca).watched(ObrienFleming, 28);
    let rows = case.judge_on(after(0)).results;
    let row = rows.iter().find(|row| row.metric == "spend").expect("a row");
    let bound = row.boundary.expect("a bound");
    assert!(bound > 8.0, "{bound}");
    close(row.effect_ci_upper, bound * (2.0_f64 / 1_000.0).sqrt(), 0.05);
    close(row.effect_ci_lower, -bound * (2.0_f64 / 1_000.0).sqrt(), 0.05);
    assert_eq!(row.crossed, Some(false));
}

/// A guardrail that may lose 0.1, and has lost 160/3000: 1.81 standard errors are left, one-sided and over looks.
#[test]
fn margins_are_watched_by_replicates_too() {
    let mut case = halves([-30, -50, -80]).guardrail("kept", "mean", Direction::Increase);
    let copies: Vec<GroupStat> =
        case.stats.iter().filter(|s| s.metric == "spend").cloned().collect();
    case = case.with(copies.into_iter().map(|s| GroupStat { metric: "kept".to_owned(), ..s }));
    case.experiment.guardrails[0].bootstrap = Some(Bootstrap::default());
    let (std_error, loss) = ((2.0_f64 / 3_000.0).sqrt(), 160.0 / 3_000.0);
    for (margin, z) in [
        (Margin::Absolute(0.1), (0.1 - loss) / std_error),
        // A tenth of the control's level of 1: m_t - 0.9 m_c, of variance (1 + 0.81)/3000.
        (Margin::Relative(0.1), (0.1 - loss) / (1.81_f64 / 3_000.0).sqrt()),
    ] {
        case.experiment.guardrails[0].test = GuardrailTest::NonInferiority(margin);
        let row = last_row(&watched_by(&case, Pocock), "kept");
        close(row.z, z, 0.04);
        let bound = row.boundary.expect("a bound");
        close(row.effect_ci_lower, -loss - bound * std_error, 0.04);
        assert_eq!((row.effect_ci_upper, row.crossed), (None, Some(z > bound)));
    }
}

fn watched_by(case: &Case, method: SequentialMethod) -> Case {
    let mut watched = Case::two_arms("spend", "mean").watched(method, 3);
    watched.experiment.guardrails = case.experiment.guardrails.clone();
    watched.types = case.types.clone();
    watched.stats = case.stats.clone();
    watched
}

/// The statistics of one value of a segment as those of everybody.
fn one_stratum(name: &str, number: u64, world: World) -> Case {
    let stats = world.stats(name, number);
    let copies: Vec<GroupStat> = stats
        .iter()
        .filter(|stat| stat.metric == "value")
        .map(|stat| in_segment("country", "A", stat.clone()))
        .collect();
    Case::two_arms("value", "mean").segment("country").with(stats).with(copies)
}

/// With one stratum the estimate is the plain one, at every look, and what looks share as well.
#[test]
fn one_stratum_is_watched_as_none() {
    for method in [Msprt, ConfidenceSequence, ObrienFleming, Pocock] {
        for own in [0.0, 1.0] {
            let world = World { days: 9, own, level: 1.0, effect: 0.4, ..World::PLAIN };
            let mut case = one_stratum("one stratum", 3, world).watched(method, 9);
            let plain = last_row(&case, "value");
            case.experiment.primary.post_stratify = Some("country".to_owned());
            let row = last_row(&case, "value");
            assert_eq!(row.method.as_deref(), Some("post_stratified_t"));
            assert_eq!(row.increments.as_deref(), Some("units"));
            assert_eq!((row.crossed, row.looks_used), (plain.crossed, plain.looks_used));
            for (got, want) in [
                (row.z, plain.z),
                (row.boundary, plain.boundary),
                (row.effect_ci_lower, plain.effect_ci_lower),
                (row.effect_ci_upper, plain.effect_ci_upper),
                (row.p_value, plain.p_value),
            ] {
                close(got, want.expect("a number"), 1e-6);
            }
        }
    }
}

/// Five days of as many units, complete when they enter, of two countries that differ by ten and in their effect. The
/// information grows evenly, so that the bounds are the published ones of a Pocock-type plan of five looks (Reboussin, DeMets, Kim
/// & Lan 2000, two-sided 5%: 2.4380, 2.4268, 2.4101, 2.3966, 2.3859).
fn countries(days: u32) -> Case {
    let mut case = Case::two_arms("spend", "mean").segment("country");
    for day in 0..days {
        let (ds, days) = (after(day), i64::from(day) + 1);
        for (variant, levels) in [("control", [0.0, 10.0]), ("treatment", [0.1, 10.02])] {
            let of = |n: i64, n_before: i64, mean_x: f64, m2: f64, co: f64| GroupStat {
                ds,
                m2_x: Some(m2),
                n_before: Some(n_before),
                co_x_before: Some(co),
                ..mean("spend", variant, n, mean_x, 1.0)
            };
            let (n, share) = (1_000 * days, [0.6, 0.4]);
            let each = share.map(|share| (share * n as f64) as i64);
            let level = share[0] * levels[0] + share[1] * levels[1];
            let between = |n: f64| n * share[0] * share[1] * (levels[1] - levels[0]).powi(2);
            let m2 = |n: i64| (n - n / 1_000) as f64;
            case = case.with([
                of(
                    n,
                    n - 1_000,
                    level,
                    m2(n) + between(n as f64),
                    m2(n - 1_000) + between(n as f64 - 1_000.0),
                ),
                GroupStat { ds, ..exposed(variant, n, 0) },
            ]);
            for (value, (n, level)) in ["A", "B"].iter().zip(each.into_iter().zip(levels)) {
                let before = n / days * (days - 1);
                case = case.with([in_segment(
                    "country",
                    value,
                    of(n, before, level, m2(n), m2(before)),
                )]);
            }
        }
    }
    case.experiment.primary.post_stratify = Some("country".to_owned());
    case
}

#[test]
fn strata_of_values_complete_at_entry_have_independent_increments() {
    let case = countries(5).watched(Pocock, 5);
    for (day, bound) in [2.4380, 2.4268, 2.4101, 2.3966, 2.3859].into_iter().enumerate() {
        let rows = case.judge_on(after(day as u32)).results;
        let row = rows.iter().find(|row| row.segment == WHOLE).expect("a row");
        // Correlations are of moments with divisors n and n - 1 here: a thousandth.
        close(row.boundary, bound, 1e-3);
        // By hand: 0.6 · 0.1 + 0.4 · 0.02, variances within of 2/n, of the shares (0.24 · 0.08²)/(2 n).
        let n = 1_000.0 * (day as f64 + 1.0);
        let std_error =
            (0.999 / (1.0 - 1.0 / (0.6 * n)) * 2.0 / n + 0.24 * 0.0064 / (2.0 * n)).sqrt();
        close(row.effect, 0.068, 1e-9);
        close(row.effect_std_error, std_error, 2e-3);
        close(row.z, 0.068 / std_error, 5e-3);
    }
    // Without what the days share the times are the same here, and it is told.
    let mut unknown = countries(5).watched(Pocock, 5);
    let known = last_row(&unknown, "spend");
    unknown.stats.iter_mut().for_each(|stat| stat.co_x_before = None);
    let row = last_row(&unknown, "spend");
    assert_eq!(row.increments.as_deref(), Some("independent"));
    close(row.boundary, known.boundary.expect("a bound"), 1e-3);
}

/// A value that nobody of one variant has until the third day is taken together with another one until then.
#[test]
fn a_stratum_may_come_later() {
    let mut case = countries(5).watched(Msprt, 5);
    let late = |stat: &GroupStat| stat.segment == "country" && stat.segment_value == "B";
    let of_late: Vec<GroupStat> = case.stats.iter().filter(|stat| late(stat)).cloned().collect();
    case = case.with(of_late.into_iter().filter(|stat| stat.ds >= after(2)).map(|stat| {
        let n = 5 * ((stat.ds - after(2)).num_days() + 1);
        let before = n - 5;
        GroupStat {
            segment_value: "C".to_owned(),
            n,
            sum_x: None,
            m2_x: Some(n as f64),
            n_before: Some(before),
            co_x_before: Some(before as f64),
            ..stat
        }
    }));
    // Those units are a part of the whole.
    for stat in case.stats.iter_mut().filter(|stat| stat.segment == WHOLE && stat.ds >= after(2)) {
        let n = 5 * ((stat.ds - after(2)).num_days() + 1);
        stat.n += n;
        stat.n_before = stat.n_before.map(|before| before + n - 5);
    }
    let row = last_row(&case, "spend");
    assert_eq!((row.status.as_str(), row.increments.as_deref()), ("ok", Some("units")));
    assert_eq!((row.looks_used, row.adjusted.strata), (Some(5), Some(3)));
}
