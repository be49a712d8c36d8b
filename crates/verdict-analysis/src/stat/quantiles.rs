//! `quantile_ci` and `winsorize_quantiles`.

use serde_json::Value;

use super::StatError;
use super::fields::{Input, Output, bad, to_json};
use crate::methods::quantile::{QuantileMethod, quantile_sorted, sorted};
use crate::methods::quantile_interval::{
    bootstrap_ranks, exact_ranks, quantile_as_sample, quantile_difference, quantile_interval,
};
use crate::methods::welch::welch;
use crate::methods::winsorize::{thresholds, winsorize};
use crate::methods::{Alternative, Interval, Reference, Sample, relative};

pub(super) fn quantile_ci(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    match input.str("kind")? {
        "ranks" => ranks(input.u64("n")?, input.f64("q")?, alpha, output),
        "one_sample" => one_sample(&input.f64s("x")?, input.f64("q")?, alpha, output),
        "two_sample" => two_sample(input, alpha, output),
        "gbstats_quantile" => by_normal_approximation(input, alpha, output),
        _ => Err(bad("kind", "`ranks`, `one_sample`, `two_sample` or `gbstats_quantile`")),
    }
}

fn ranks(n: u64, q: f64, alpha: f64, output: &mut Output) -> Result<(), StatError> {
    let ranks = bootstrap_ranks(n, q, alpha)?;
    output.put("lower_binom", ranks.lower_raw);
    output.put("upper_binom", ranks.upper_raw);
    output.put("lower_rank", ranks.lower);
    output.put("upper_rank", ranks.upper);
    let exact = exact_ranks(n, q, alpha)?;
    output.put("exact_lower_rank", exact.lower);
    output.put("exact_upper_rank", exact.upper);
    output.number("exact_coverage", exact.coverage);
    Ok(())
}

fn one_sample(values: &[f64], q: f64, alpha: f64, output: &mut Output) -> Result<(), StatError> {
    let sorted = sorted(values)?;
    ranks(values.len() as u64, q, alpha, output)?;
    output.interval("ci_bootstrap_closed_form", quantile_interval(values, q, alpha)?);
    output.number("quantile_linear", quantile_sorted(&sorted, q, QuantileMethod::Linear)?);
    let exact = exact_ranks(values.len() as u64, q, alpha)?;
    let value = |rank: Option<u64>| rank.map_or(Value::Null, |r| to_json(sorted[r as usize - 1]));
    output.put("ci_exact_distribution_free", vec![value(exact.lower), value(exact.upper)]);
    Ok(())
}

fn two_sample(input: &Input<'_>, alpha: f64, output: &mut Output) -> Result<(), StatError> {
    let (control, treatment, q) =
        (input.f64s("control")?, input.f64s("treatment")?, input.f64("q")?);
    let difference = quantile_difference(&control, &treatment, q, alpha)?;
    output.interval("ci", difference.interval);
    output.number("ci_lower", difference.interval.lower);
    output.number("ci_upper", difference.interval.upper);
    output.number("p_le_zero", difference.p_le_zero);
    output.number("p_ge_zero", difference.p_ge_zero);
    output.number("p_two_sided", difference.p_value);
    let linear = |values: &[f64]| quantile_sorted(&sorted(values)?, q, QuantileMethod::Linear);
    output.number("diff_quantile_linear", linear(&treatment)? - linear(&control)?);
    Ok(())
}

fn by_normal_approximation(
    input: &Input<'_>,
    alpha: f64,
    output: &mut Output,
) -> Result<(), StatError> {
    let sample = |name: &str| -> Result<Sample, StatError> {
        let s = input.object(name)?;
        let interval =
            Interval { lower: s.f64("quantile_lower")?, upper: s.f64("quantile_upper")? };
        let (n, q) = (s.u64("n")?, s.f64("nu")?);
        Ok(quantile_as_sample(n, s.f64("n_star")?, q, s.f64("quantile_hat")?, interval, 0.05)?)
    };
    let (control, treatment) = (sample("control")?, sample("treatment")?);
    output.number("var_control", control.variance);
    output.number("var_treatment", treatment.variance);
    let estimate = welch(&control, &treatment, alpha, Alternative::TwoSided)?;
    let (effect, std_error) = match input.str_or("difference", "absolute")? {
        "absolute" => (estimate.effect, estimate.std_error),
        "relative" => (
            relative::lift(&control, &treatment)?,
            relative::delta_std_error(&control, &treatment)?,
        ),
        _ => return Err(bad("difference", "`absolute` or `relative`")),
    };
    let t = Reference::StudentT(estimate.df.unwrap_or(f64::INFINITY));
    let half_width = t.critical(0.5 * alpha) * std_error;
    output.number("diff", effect);
    output.interval("ci", Interval { lower: effect - half_width, upper: effect + half_width });
    output.number("p_two_sided", t.p_value(effect / std_error, Alternative::TwoSided).0);
    Ok(())
}

const DEFINITIONS: [(&str, QuantileMethod); 13] = [
    ("inverted_cdf", QuantileMethod::InvertedCdf),
    ("averaged_inverted_cdf", QuantileMethod::AveragedInvertedCdf),
    ("closest_observation", QuantileMethod::ClosestObservation),
    ("interpolated_inverted_cdf", QuantileMethod::InterpolatedInvertedCdf),
    ("hazen", QuantileMethod::Hazen),
    ("weibull", QuantileMethod::Weibull),
    ("linear", QuantileMethod::Linear),
    ("median_unbiased", QuantileMethod::MedianUnbiased),
    ("normal_unbiased", QuantileMethod::NormalUnbiased),
    ("lower", QuantileMethod::Lower),
    ("higher", QuantileMethod::Higher),
    ("midpoint", QuantileMethod::Midpoint),
    ("nearest", QuantileMethod::Nearest),
];

pub(super) fn winsorize_quantiles(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let x = input.f64s("x")?;
    let (lower, upper) = (input.f64("lower")?, input.f64("upper")?);
    let ascending = sorted(&x)?;
    let mut quantiles = serde_json::Map::new();
    for (name, method) in DEFINITIONS {
        let pair = [
            quantile_sorted(&ascending, lower, method)?,
            quantile_sorted(&ascending, upper, method)?,
        ];
        quantiles.insert(name.to_owned(), pair.map(to_json).to_vec().into());
    }
    output.put("quantiles", Value::Object(quantiles));
    let clipped = winsorize(&x, thresholds(&x, lower, upper)?)?;
    output.numbers("winsorized_linear", &clipped.values);
    let n = clipped.values.len() as f64;
    output.number("winsorized_mean", clipped.values.iter().sum::<f64>() / n);
    output.try_number(
        "winsorized_variance",
        Sample::from_values(&clipped.values).map(|s| s.variance),
    );
    output.put("n_clipped_low", clipped.clipped_low);
    output.put("n_clipped_high", clipped.clipped_high);
    Ok(())
}
