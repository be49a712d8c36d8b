//! `mann_whitney`, `permutation` and `bootstrap_ci`: methods of raw values.

use super::StatError;
use super::fields::{Input, Output, bad, numbers};
use crate::methods::mann_whitney::{brunner_munzel, mann_whitney as rank_sum};
use crate::methods::quantile::{QuantileMethod, quantile_sorted, sorted};
use crate::methods::resample::Draws;
use crate::methods::{Alternative, MethodError, bootstrap, permutation as permute};

const ALTERNATIVES: [(&str, Alternative); 3] = [
    ("two_sided", Alternative::TwoSided),
    ("greater", Alternative::Greater),
    ("less", Alternative::Less),
];

pub(super) fn mann_whitney(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let (control, treatment) = (input.f64s("control")?, input.f64s("treatment")?);
    let ranks = rank_sum(&control, &treatment)?;
    output.number("u_treatment", ranks.u_treatment);
    output.number("u_control", ranks.u_control);
    output.number("tie_sum", ranks.tie_sum);
    output.number("sigma_u", ranks.sigma);
    output.number("common_language", ranks.superiority);
    output.number("rank_biserial", ranks.rank_biserial);
    for (name, alternative) in ALTERNATIVES {
        output.number(&format!("p_{name}_cc"), ranks.p_value(alternative, true).0);
        if let Some(z) = ranks.z() {
            output.number("z_nocc", z);
            output.number("z_cc_two_sided", ranks.z_corrected());
            output.number(&format!("p_{name}_nocc"), ranks.p_value(alternative, false).0);
            output.number(&format!("log_p_{name}_nocc"), ranks.p_value(alternative, false).1);
        }
        if let Ok(p) = ranks.exact_p_value(alternative) {
            output.number(&format!("p_{name}_exact"), p);
        }
    }
    if let Ok(test) = brunner_munzel(&control, &treatment, Alternative::TwoSided) {
        output.number("brunner_munzel_stat", test.statistic);
        output.number("brunner_munzel_p_two_sided", test.p_value);
    }
    Ok(())
}

pub(super) fn permutation(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    if input.str("kind")? == "rule" {
        let p = permute::p_from_exceedances(input.u64("exceedances")?, input.u64("resamples")?)?;
        output.number("p", p);
        return Ok(());
    }
    let (control, treatment) = (input.f64s("control")?, input.f64s("treatment")?);
    let statistic: fn(&[f64], &[f64]) -> f64 = match input.str_or("statistic", "mean")? {
        "mean" => |c, t| mean(t) - mean(c),
        "median" => |c, t| quantile(t, 0.5) - quantile(c, 0.5),
        "welch" => permute::welch_statistic,
        _ => return Err(bad("statistic", "`mean`, `median` or `welch`")),
    };
    match permute::exact(&control, &treatment, statistic) {
        Ok(exact) => {
            output.put("n_permutations", exact.permutations);
            output.number("p_greater", exact.greater);
            output.number("p_less", exact.less);
            output.number("p_two_sided_abs", exact.two_sided_abs);
            output.number("p_two_sided_doubled", exact.two_sided_doubled);
        }
        // Too many to count them all: random ones answer.
        Err(MethodError::TooLarge { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    let count = if input.has("resamples") { input.u64("resamples")? } else { 9_999 };
    let draws = Draws::named("permutation");
    let random = permute::monte_carlo(&control, &treatment, statistic, draws, count)?;
    output.number("observed", random.observed);
    output.number("p_greater_mc", random.greater);
    output.number("p_less_mc", random.less);
    output.number("p_two_sided_abs_mc", random.two_sided_abs);
    Ok(())
}

pub(super) fn bootstrap_ci(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let samples = input.rows("samples", "a list of lists of numbers", numbers)?;
    let samples: Vec<&[f64]> = samples.iter().map(Vec::as_slice).collect();
    let alpha = input.f64_or("alpha", 0.05)?;
    let count = if input.has("resamples") { input.u64("resamples")? } else { 10_000 };
    let name = input.str("statistic")?;
    let (statistic, arity) = statistic(name)?;
    if samples.len() != arity {
        let expected = format!("{arity} for this statistic");
        return Err(MethodError::BadShape { what: "samples", expected, got: samples.len() }.into());
    }
    let replicates = bootstrap::replicates(&samples, &statistic, Draws::named(name), count)?;
    let observed = statistic(&samples);
    output.number("statistic", observed);
    output.interval("ci_percentile", bootstrap::percentile_interval(&replicates, alpha)?);
    let centre = mean(&replicates);
    let squares: f64 = replicates.iter().map(|r| (r - centre) * (r - centre)).sum();
    output.number("standard_error", (squares / (replicates.len() as f64 - 1.0).max(1.0)).sqrt());
    output.try_number("bca_z0", bootstrap::bias_correction(&replicates, observed));
    let acceleration = bootstrap::acceleration(&samples, &statistic);
    output.try_number("bca_acceleration", acceleration.clone());
    if let Ok(a) = acceleration {
        output.try_interval("ci_bca", bootstrap::bca_interval(&replicates, observed, a, alpha));
    }
    Ok(())
}

type Statistic = Box<dyn Fn(&[&[f64]]) -> f64>;

/// A statistic by name, with the number of samples it takes.
fn statistic(name: &str) -> Result<(Statistic, usize), StatError> {
    Ok(match name {
        "mean" => (Box::new(|s| mean(s[0])), 1),
        "median" => (Box::new(|s| quantile(s[0], 0.5)), 1),
        "mean(treatment)-mean(control)" => (Box::new(|s| mean(s[1]) - mean(s[0])), 2),
        "median(treatment)-median(control)" => {
            (Box::new(|s| quantile(s[1], 0.5) - quantile(s[0], 0.5)), 2)
        }
        "mean(treatment)/mean(control)-1" => (Box::new(|s| mean(s[1]) / mean(s[0]) - 1.0), 2),
        _ => match name.strip_prefix("quantile_linear_").and_then(|q| q.parse::<f64>().ok()) {
            Some(q) => (Box::new(move |s| quantile(s[0], q)), 1),
            None => {
                return Err(bad(
                    "statistic",
                    "a known statistic, such as `mean` or `quantile_linear_0.9`,",
                ));
            }
        },
    })
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

/// NaN where the quantile is undefined; the bootstrap refuses such a replicate.
fn quantile(values: &[f64], q: f64) -> f64 {
    sorted(values).and_then(|s| quantile_sorted(&s, q, QuantileMethod::Linear)).unwrap_or(f64::NAN)
}
