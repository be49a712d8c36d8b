//! No input makes a method panic, and no answer contains a NaN.

#![expect(
    clippy::needless_pass_by_value,
    reason = "the checks take results fresh from the methods"
)]

use proptest::collection::vec;
use proptest::prelude::*;
use verdict_analysis::methods::bayes::{beta_binomial, gaussian};
use verdict_analysis::methods::cluster::{Cluster, cluster_robust};
use verdict_analysis::methods::cuped::{CupedSample, ancova_effect, cuped, lin, lin_effect};
use verdict_analysis::methods::cuped_ratio::{CupedRatioSample, cuped_ratio};
use verdict_analysis::methods::guardrail::{self, Better, Margin};
use verdict_analysis::methods::power::{self, Design, Sides};
use verdict_analysis::methods::quantile::{QuantileMethod, quantile_sorted, sorted};
use verdict_analysis::methods::ratio::{RatioSample, ratio};
use verdict_analysis::methods::relative::{self, RelativeMethod};
use verdict_analysis::methods::resample::Draws;
use verdict_analysis::methods::sequential::{confidence_sequence as cs, msprt};
use verdict_analysis::methods::two_proportion::{self as two, Proportion, ProportionInterval};
use verdict_analysis::methods::welch::{cohens_d, hedges_g, welch};
use verdict_analysis::methods::{
    Alternative, Estimate, Interval, MethodError, Reference, Sample, bootstrap, contingency,
    families, mann_whitney as mw, permutation, proportion, quantile_interval as qi,
    ratio_score_interval, sample_ratio as sr, special, winsorize as w,
};
use verdict_analysis::{planning, stat};

/// Any bits at all, the values at which formulas break, and ordinary sizes.
fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        3 => any::<u64>().prop_map(f64::from_bits),
        2 => prop::sample::select(vec![
            0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 0.05, 1e-300, 1e300, 5e-324, f64::MAX, f64::MIN, f64::INFINITY, f64::NEG_INFINITY,
            f64::NAN, f64::EPSILON, 1e-9, 1e9, 1e17,
        ]),
        4 => -10.0..10.0,
        3 => 0.0..1.0,
    ]
}

fn count() -> impl Strategy<Value = u64> {
    prop_oneof![
        any::<u64>(),
        prop::sample::select(vec![0, 1, 2, 3, 10, 1_000_000_000_000, u64::MAX - 1, u64::MAX]),
        0_u64..200,
        0_u64..100_000,
    ]
}

fn numbers() -> impl Strategy<Value = Vec<f64>> {
    vec(number(), 0..8)
}

fn few_finite() -> impl Strategy<Value = Vec<f64>> {
    vec(-3.0..3.0_f64, 0..8)
}

const ALTERNATIVES: [Alternative; 3] =
    [Alternative::TwoSided, Alternative::Greater, Alternative::Less];

fn defined(result: Result<Estimate, MethodError>) {
    if let Ok(e) = &result {
        for x in
            [e.effect, e.std_error, e.statistic, e.p_value, e.log_p_value, e.ci_lower, e.ci_upper]
        {
            assert!(!x.is_nan(), "{e:?}");
        }
        assert!((0.0..=1.0).contains(&e.p_value) && e.log_p_value <= 0.0, "{e:?}");
        assert!(e.df.is_none_or(|df| df > 0.0), "{e:?}");
    }
}

fn bounds(result: Result<Interval, MethodError>) {
    if let Ok(i) = &result {
        assert!(!i.lower.is_nan() && !i.upper.is_nan(), "{i:?}");
    }
}

fn value(result: Result<f64, MethodError>) {
    if let Ok(x) = &result {
        assert!(!x.is_nan(), "{x}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn means(n in [count(), count()], x in [number(), number(), number(), number()], alpha in number(), margin in number()) {
        let control = Sample { n: n[0], mean: x[0], variance: x[1] };
        let treatment = Sample { n: n[1], mean: x[2], variance: x[3] };
        let _ = Sample::from_m2(n[0], x[0], x[1]);
        for alternative in ALTERNATIVES {
            defined(welch(&control, &treatment, alpha, alternative));
            for method in [RelativeMethod::Fieller, RelativeMethod::Delta, RelativeMethod::Log] {
                if let Ok(r) = relative::relative(&control, &treatment, alpha, alternative, method) {
                    bounds(Ok(Interval { lower: r.ci_lower, upper: r.ci_upper }));
                    value(Ok(r.lift));
                    value(Ok(r.std_error));
                }
            }
            bounds(relative::delta(&control, &treatment, alpha, alternative, Reference::Normal));
            bounds(relative::log(&control, &treatment, alpha, alternative));
            let _ = relative::fieller(&control, &treatment, alpha, alternative, Reference::Normal);
            let _ = Estimate::new(x[0], x[1], Reference::StudentT(x[2]), alpha, alternative);
            for reference in [Reference::Normal, Reference::StudentT(x[0])] {
                let _ = reference.critical(alternative.tail_alpha(alpha));
                let _ = reference.p_value(x[1], alternative);
            }
            let _ = alternative.open(Interval { lower: x[0], upper: x[1] });
            let both = relative::welch_with_relative(&control, &treatment, alpha, alternative, RelativeMethod::Fieller);
            defined(both.map(|both| both.0));
        }
        let _ = (control.variance_of_mean(), control.std_error());
        value(relative::lift(&control, &treatment));
        value(relative::delta_std_error(&control, &treatment));
        value(cohens_d(&control, &treatment));
        value(hedges_g(&control, &treatment));
        for better in [Better::Higher, Better::Lower] {
            for margin in [Margin::Absolute(margin), Margin::Relative(margin)] {
                defined(guardrail::non_inferiority(&control, &treatment, margin, better, alpha));
            }
            defined(guardrail::harm(&control, &treatment, better, alpha));
        }
        let _ = guardrail::equivalence(&control, &treatment, margin, alpha);
    }

    #[test]
    fn proportions(c in [count(), count(), count(), count()], alpha in number(), margin in number()) {
        let control = Proportion { successes: c[0], n: c[1] };
        let treatment = Proportion { successes: c[2], n: c[3] };
        let methods = [
            ProportionInterval::Wald,
            ProportionInterval::Newcombe,
            ProportionInterval::AgrestiCaffo,
            ProportionInterval::MiettinenNurminen,
        ];
        for method in methods {
            for alternative in ALTERNATIVES {
                defined(two::two_proportion(control, treatment, alpha, alternative, method));
                bounds(two::interval(control, treatment, alpha, alternative, method));
            }
        }
        let _ = (two::summary(control, treatment), control.rate(), control.failure_rate());
        value(two::relative_lift(control, treatment));
        bounds(two::relative_delta(control, treatment, alpha, Alternative::TwoSided).map(|d| d.1));
        bounds(two::relative_log(control, treatment, alpha, Alternative::Less));
        bounds(ratio_score_interval(control, treatment, alpha));
        for method in [
            proportion::OneProportionInterval::Wald,
            proportion::OneProportionInterval::Wilson,
            proportion::OneProportionInterval::AgrestiCoull,
            proportion::OneProportionInterval::ClopperPearson,
            proportion::OneProportionInterval::Jeffreys,
        ] {
            bounds(proportion::proportion_interval(control, alpha, method));
        }
        for margin in [Margin::Absolute(margin), Margin::Relative(margin)] {
            defined(guardrail::non_inferiority_proportion(control, treatment, margin, Better::Lower, alpha));
        }
        bounds(cs::bernoulli(control, margin, alpha));
    }

    #[test]
    fn tables(c in [count(), count(), count(), count()], weights in numbers(), rows in vec(vec(count(), 0..4), 0..4)) {
        let _ = contingency::contingency(&rows);
        if let Ok(f) = contingency::fisher_exact([[c[0], c[1]], [c[2], c[3]]]) {
            prop_assert!([f.two_sided, f.greater, f.less].iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", f);
        }
        if let Ok(r) = sr::sample_ratio(&c, &weights) {
            prop_assert!(!r.p_value.is_nan());
        }
        if let [a, b, ..] = weights[..] {
            value(sr::exact_sample_ratio([c[0], c[1]], [a, b]));
        }
    }

    #[test]
    fn ratios(n in [count(), count()], x in vec(number(), 42), alpha in number()) {
        let at = |i: usize| RatioSample {
            n: n[i], mean_num: x[5 * i], mean_den: x[5 * i + 1], var_num: x[5 * i + 2], var_den: x[5 * i + 3], cov: x[5 * i + 4],
        };
        let _ = at(0).linearised();
        defined(ratio(&at(0), &at(1), alpha, Alternative::TwoSided));
        let at = |i: usize| CupedSample {
            n: n[i], mean_y: x[5 * i], mean_x: x[5 * i + 1], var_y: x[5 * i + 2], var_x: x[5 * i + 3], cov: x[5 * i + 4],
        };
        if let Ok(adjusted) = cuped(&at(0), &at(1)) {
            defined(adjusted.estimate(alpha, Alternative::Greater));
        }
        value(ancova_effect(&at(0), &at(1)));
        value(lin_effect(&at(0), &at(1)));
        let at = |i: usize| CupedRatioSample {
            n: n[i],
            mean: std::array::from_fn(|j| x[20 * i + j]),
            cov: std::array::from_fn(|j| std::array::from_fn(|k| x[20 * i + 4 + 4 * j + k])),
        };
        if let Ok(adjusted) = cuped_ratio(&at(0), &at(1)) {
            defined(adjusted.estimate(alpha, Alternative::Less));
        }
        let cells = [0, 1, 2].map(|i| Cluster { n_c: n[0] % 5, sum_c: x[i], n_t: n[1].rotate_left(i as u32), sum_t: x[i + 3] });
        if let Ok(r) = cluster_robust(&cells) {
            defined(r.estimate(alpha, Alternative::TwoSided));
        }
    }

    #[test]
    fn raw_values(a in numbers(), b in numbers(), c in few_finite(), d in few_finite(), x in [number(), number()]) {
        for (a, b) in [(&a, &b), (&c, &d)] {
            if let Ok(r) = mw::mann_whitney(a, b) {
                for alternative in ALTERNATIVES {
                    prop_assert!(!r.p_value(alternative, true).0.is_nan() && !r.p_value(alternative, false).0.is_nan());
                    value(r.exact_p_value(alternative));
                }
                let _ = (r.z(), r.z_corrected());
            }
            let _ = mw::brunner_munzel(a, b, Alternative::TwoSided);
            if let Ok(q) = qi::quantile_difference(a, b, x[0], x[1]) {
                bounds(Ok(q.interval));
            }
            let mean = |c: &[f64], t: &[f64]| t.iter().sum::<f64>() - c.iter().sum::<f64>();
            let _ = permutation::exact(a, b, mean);
            let _ = permutation::monte_carlo(a, b, permutation::welch_statistic, Draws::new(7), 20);
            bounds(qi::quantile_interval(a, x[0], x[1]));
            let mean = |s: &[&[f64]]| s[0].iter().sum::<f64>() / s[0].len() as f64;
            if let Ok(r) = bootstrap::replicates(&[a, b], mean, Draws::named("x"), 20) {
                bounds(bootstrap::percentile_interval(&r, x[0]));
                bounds(bootstrap::bca_interval(&r, x[0], x[1], 0.05));
            }
            value(bootstrap::acceleration(&[a, b], mean));
            let _ = bootstrap::bias_correction(a, x[0]);
            let pairs: Vec<(f64, f64)> = a.iter().copied().zip(b.iter().copied()).collect();
            let _ = lin(&pairs, &pairs);
            let _ = Sample::from_values(a);
            if let Ok(cap) = w::thresholds(a, x[0], x[1]) {
                let _ = w::winsorize(b, cap);
            }
            let _ = w::winsorize(b, Interval { lower: x[0], upper: x[1] });
            if let Ok(sorted) = sorted(a) {
                for method in [
                    QuantileMethod::InvertedCdf, QuantileMethod::AveragedInvertedCdf, QuantileMethod::ClosestObservation,
                    QuantileMethod::Weibull, QuantileMethod::Linear, QuantileMethod::Nearest, QuantileMethod::Midpoint,
                ] {
                    value(quantile_sorted(&sorted, x[0], method));
                }
            }
            for correction in [
                families::Correction::Bonferroni, families::Correction::Holm, families::Correction::Hochberg,
                families::Correction::Hommel, families::Correction::BenjaminiHochberg,
                families::Correction::BenjaminiYekutieli, families::Correction::Sidak, families::Correction::HolmSidak,
            ] {
                if let Ok(p) = families::adjust(a, correction) {
                    prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
                }
                let _ = families::simultaneous_alpha(x[0], a.len() as u64, correction);
            }
            let _ = families::adjust_weighted(a, b);
        }
    }

    #[test]
    fn plans(x in [number(), number(), number(), number(), number()], one in any::<bool>(), n in count(), m in count()) {
        let sides = if one { Sides::One } else { Sides::Two };
        let design = Design { alpha: x[0], sides, ratio: x[1] };
        let _ = power::proportions::sample_size(x[2], x[3], x[4], &design);
        let _ = power::proportions::power(x[2], x[3], x[4], &design);
        value(power::proportions::detectable_rate(x[2], x[3], x[4], one, &design));
        let _ = power::means::sample_size(x[2], x[3], x[4], &design);
        let _ = power::means::power(x[2], x[3], x[4], &design);
        let _ = power::means::detectable_difference(x[2], x[3], x[4], &design);
        value(power::duration_days(x[0], x[1]));
        let _ = (power::adjusted_sd(x[0], x[1]), power::alpha_per_comparison(x[0], 0), power::power_per_guardrail(x[0], 0));
        let _ = qi::bootstrap_ranks(n, x[0], x[1]);
        let _ = qi::exact_ranks(n, x[0], x[1]);
        let _ = qi::quantile_as_sample(n, x[0], x[1], x[2], Interval { lower: x[3], upper: x[4] }, x[0]);
        let _ = permutation::p_from_exceedances(n, m);
        let draws = Draws::new(n);
        prop_assert!(draws.below(n, m, 7) < 7 && draws.below(n, m, 0) == 0 && (0.0..1.0).contains(&draws.unit(n, m)));
        let _ = families::selected_alpha(x[0], n, m);
        let _ = msprt::look(x[0], x[1], x[2], x[3]).map(|l| msprt::Sequence::default().after(&l));
        let _ = cs::asymptotic(x[0], x[1], x[2], x[3], x[4]);
        let mixtures = [cs::NormalMixture::two_sided(x[0], x[1]), cs::NormalMixture::one_sided(x[0], x[1])];
        for mixture in mixtures.into_iter().flatten() {
            let _ = (mixture.bound(x[2], x[3]), mixture.rho());
            let _ = mixture.ln_value(x[2], x[3]);
        }
    }

    #[test]
    fn special_functions(x in [number(), number(), number()], n in count(), k in count()) {
        use special::*;
        let _ = (norm_pdf(x[0]), norm_sf(x[0]), norm_cdf(x[0]), norm_ln_sf(x[0]), norm_isf(x[0]), norm_ppf(x[0]));
        let _ = (t_sf(x[0], x[1]), t_ln_sf(x[0], x[1]), t_isf(x[0], x[1]), noncentral_t_sf(x[0], x[1], x[2]));
        let _ = (chi2_sf(x[0], x[1]), chi2_ln_sf(x[0], x[1]), gamma_tails(x[0], x[1]), ln_gamma(x[0]), ln_beta(x[0], x[1]));
        let _ = (beta_cdf(x[0], x[1], x[2]), beta_ppf(x[0], x[1], x[2]), beta_tails(x[0], x[1], x[2], x[0]));
        let _ = (binomial_cdf(k, n, x[0]), binomial_ppf(x[0], n, x[1]), binomial_tails(k, n, x[0]));
    }
}

proptest! {
    // Quadratures: slower.
    #![proptest_config(ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn posteriors(c in [count(), count(), count(), count()], x in [number(), number(), number(), number()]) {
        let prior = beta_binomial::Beta { alpha: x[0], beta: x[1] };
        for prior in [prior, beta_binomial::Beta::FLAT] {
            let control = prior.updated(Proportion { successes: c[0], n: c[1] });
            let treatment = prior.updated(Proportion { successes: c[2], n: c[3] });
            if let (Ok(control), Ok(treatment)) = (control, treatment) {
                if let Ok(r) = beta_binomial::compare(&control, &treatment) {
                    prop_assert!((0.0..=1.0).contains(&r.treatment_better) && r.loss_of_control >= 0.0, "{:?}", r);
                }
                value(beta_binomial::chance_beyond(&control, &treatment, x[2]));
                bounds(beta_binomial::credible_difference(&control, &treatment, x[3]));
                bounds(control.credible_interval(x[3]));
            }
        }
        for prior in [gaussian::Prior::Flat, gaussian::Prior::Normal { mean: x[2], variance: x[3] }] {
            if let Ok(p) = gaussian::posterior(x[0], x[1], prior) {
                for better in [Better::Higher, Better::Lower] {
                    value(Ok(p.chance_to_win(better)));
                    value(Ok(p.loss_of_shipping(better)));
                    value(Ok(p.loss_of_staying(better)));
                }
                bounds(p.credible_interval(0.05));
            }
        }
    }

    #[test]
    fn requests(line in ".{0,80}", method in 0..22_usize, x in vec(number(), 12), n in [count(), count()]) {
        let _ = stat::answer(&line);
        let method = stat::methods().nth(method).unwrap_or("welch_t");
        let keys = ["mean_c", "var_c", "mean_t", "var_t", "alpha", "p_control", "power", "mde_relative", "sd", "v", "v_opt", "q"];
        let mut input: serde_json::Map<String, serde_json::Value> =
            keys.iter().zip(&x).map(|(k, v)| ((*k).to_owned(), serde_json::json!(v))).collect();
        for (key, value) in [("n_c", n[0]), ("n_t", n[1]), ("x_c", n[0]), ("x_t", n[1]), ("n", n[0]), ("x", n[1])] {
            input.insert(key.to_owned(), value.into());
        }
        for (kind, task) in [("means", "power"), ("single", "mde"), ("ranks", "sample_size")] {
            input.insert("kind".to_owned(), kind.into());
            input.insert("task".to_owned(), task.into());
            let answer = stat::answer(&serde_json::json!({"method": method, "input": input}).to_string());
            prop_assert!(!answer.contains("NaN"));
        }
    }
}

/// What people might type as a value.
fn typed() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec![
            "4820/50000", "5140/50000", "0/0", "1/0", "5/2", "mean=1,sd=2,n=30", "mean=nan,sd=-1,n=2", "n=1,mean=1e308,var=1e308",
            "1,2,3,4", "3 4 5 6", "@file", "", "@", "/", "=", ",", "%", "-", "5%", "0.9", "-1", "1e400", "1e-320", "two-sided",
            "less", "higher", "lower", "median", "p90", "p", "norm_sf", "18446744073709551615", "18446744073709551615/18446744073709551615",
            "n=10,num=1,den=2,var_num=1,var_den=1,cov=0.5", "1,0,6,13.3", "é", "1,é", "n=10,mean_y=1,mean_x=1,var_y=2,var_x=2,cov=1",
        ]).prop_map(str::to_owned),
        1 => ".{0,12}",
        1 => number().prop_map(|x| x.to_string()),
        1 => count().prop_map(|x| x.to_string()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn flags(which in any::<prop::sample::Index>(), picks in vec((any::<prop::sample::Index>(), typed()), 0..6), words in vec(typed(), 0..5)) {
        let read = |path: &str| if path == "file" { Ok("1 2 3\n4,5".to_owned()) } else { Err("no".to_owned()) };
        let all: Vec<_> = stat::flags::methods().collect();
        let method = which.get(&all);
        // Large counts of replicates are slow, not wrong.
        let slow = ["resamples"];
        let given: Vec<String> = picks
            .iter()
            .map(|(index, value)| (index.get(method.flags).name, value))
            .filter(|(name, _)| !slow.contains(name))
            .flat_map(|(name, value)| [format!("--{name}"), value.clone()])
            .collect();
        for words in [&given, &words] {
            match stat::flags::ask(method.name, words, &read) {
                Ok(answer) => prop_assert!(!answer.text().contains("NaN") && answer.json().is_object()),
                Err(error) => prop_assert!(!error.to_string().is_empty()),
            }
        }
        prop_assert!(stat::flags::method(&words.concat()).is_err() && !method.help().is_empty());
    }

    #[test]
    fn planned_by_flags(picks in vec((any::<prop::sample::Index>(), typed()), 0..8)) {
        let words: Vec<String> = picks
            .iter()
            .flat_map(|(index, value)| [format!("--{}", index.get(planning::flags::FLAGS).name), value.clone()])
            .collect();
        if let Ok(plan) = planning::flags::planned(&words) {
            prop_assert!(!plan.text(planning::Chars::Unicode).contains("NaN"));
        }
    }

    #[test]
    fn planned(x in vec(number(), 12), split in vec(number(), 0..5), units in count(), kind in 0..3_usize, question in 0..4_usize, objective in 0..4_usize, n in any::<u32>()) {
        let metric = match kind {
            0 => planning::Metric::Proportion { baseline: x[0] },
            1 => planning::Metric::Mean { mean: Some(x[0]), sd: x[1] },
            _ => planning::Metric::Ratio { mean_num: x[0], mean_den: x[1], var_num: x[2], var_den: x[3], cov: x[4] },
        };
        let question = match question {
            0 => planning::Question::SampleSize,
            1 => planning::Question::Duration,
            2 => planning::Question::Power { units },
            _ => planning::Question::Mde { units },
        };
        let objective = match objective {
            0 | 1 => planning::Objective::Difference,
            2 => planning::Objective::NonInferiority { margin: Some(Margin::Relative(x[5])), better: Better::Lower, guardrails: n },
            _ => planning::Objective::NonInferiority { margin: Some(Margin::Absolute(x[5])), better: Better::Higher, guardrails: 0 },
        };
        let usual = planning::Request::new(metric, question);
        for request in [
            planning::Request { objective, effect: Some(planning::Effect::Absolute(x[6])), ..usual.clone() },
            planning::Request {
                objective,
                effect: Some(planning::Effect::Relative(x[6])),
                alpha: x[7],
                power: x[8],
                split: split.clone(),
                correction: planning::Correction::Sidak,
                metrics: n,
                correlation: x[9],
                units_per_day: Some(x[10]),
                ..usual
            },
        ] {
            if let Ok(plan) = planning::plan(&request) {
                for answer in &plan.answers {
                    prop_assert!((0.0..=1.0).contains(&answer.power) && !answer.effect.is_nan(), "{:?}", plan);
                }
                prop_assert!(!plan.text(planning::Chars::Ascii).contains("NaN"), "{}", plan.text(planning::Chars::Ascii));
                prop_assert!(plan.json().is_object());
            }
        }
        let points: Vec<(f64, f64)> = x.iter().copied().zip(split.iter().copied()).collect();
        let _ = planning::curve_text(&points, x[0], "x", planning::Chars::Unicode);
        let _ = planning::flags::help();
    }

    #[test]
    fn weights_and_counted_power(a in numbers(), b in numbers(), x in [number(), number(), number()], n in [count(), count()], one in any::<bool>()) {
        if let Ok(p) = families::adjust_weighted_bonferroni(&a, &b) {
            prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)), "{:?}", p);
        }
        if let Ok(levels) = families::weighted_alpha(x[0], &a) {
            prop_assert!(levels.iter().all(|level| (0.0..=1.0).contains(level)), "{:?}", levels);
        }
        let sides = if one { Sides::One } else { Sides::Two };
        let n = [n[0] % 3_000, n[1] % 3_000];
        value(power::binomial::exact_power([x[1], x[2]], n, &Design::even(x[0], sides)));
    }
}
