//! `bayes_beta_binomial` and `bayes_gaussian`.

use super::StatError;
use super::fields::{Input, Output, bad};
use super::sums;
use crate::methods::bayes::beta_binomial::{Beta, chance_beyond, compare, credible_difference};
use crate::methods::bayes::gaussian::{Prior, posterior};
use crate::methods::guardrail::Better;
use crate::methods::two_proportion::Proportion;

pub(super) fn bayes_beta_binomial(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let prior =
        Beta { alpha: input.f64_or("prior_alpha", 1.0)?, beta: input.f64_or("prior_beta", 1.0)? };
    let control =
        prior.updated(Proportion { successes: input.u64("x_c")?, n: input.u64("n_c")? })?;
    let treatment =
        prior.updated(Proportion { successes: input.u64("x_t")?, n: input.u64("n_t")? })?;
    let comparison = compare(&control, &treatment)?;
    for (name, posterior) in [("control", &control), ("treatment", &treatment)] {
        output.numbers(&format!("posterior_{name}"), &[posterior.alpha, posterior.beta]);
        output.number(&format!("posterior_mean_{name}"), posterior.mean());
        output.interval(&format!("credible_{name}_95"), posterior.credible_interval(0.05)?);
    }
    output.number("posterior_mean_diff", treatment.mean() - control.mean());
    output.number("prob_treatment_better", comparison.treatment_better);
    output.number("prob_control_better", comparison.control_better);
    output.number("expected_loss_choose_treatment", comparison.loss_of_treatment);
    output.number("expected_loss_choose_control", comparison.loss_of_control);
    output.interval("credible_diff_95", credible_difference(&control, &treatment, 0.05)?);
    if input.has("mde") {
        let beyond = chance_beyond(&control, &treatment, input.f64("mde")?)?;
        output.number("prob_treatment_better_by_mde", beyond);
    }
    Ok(())
}

pub(super) fn bayes_gaussian(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let relative = match input.str_or("diff", "relative")? {
        "relative" => true,
        "absolute" => false,
        _ => return Err(bad("diff", "`relative` or `absolute`")),
    };
    // The effect itself, or the variants that it is the effect of.
    let (effect, std_error, control_mean) = if input.has("effect") {
        (input.f64("effect")?, input.f64("std_error")?, 1.0)
    } else {
        let e = sums::effect(&input.object("control")?, &input.object("treatment")?, relative)?;
        (e.estimate, e.variance.sqrt(), e.control_mean)
    };
    let prior = if input.has("prior") {
        let prior = input.object("prior")?;
        // A prior stated on the other scale is carried over by the control mean.
        let scale = match (input.str_or("prior_type", "relative")?, relative) {
            _ if input.has("effect") => 1.0,
            ("relative", true) | ("absolute", false) => 1.0,
            ("relative", false) => control_mean.abs(),
            ("absolute", true) => 1.0 / control_mean.abs(),
            _ => return Err(bad("prior_type", "`relative` or `absolute`")),
        };
        Prior::Normal {
            mean: prior.f64("mean")? * scale,
            variance: prior.f64("variance")? * scale * scale,
        }
    } else {
        Prior::Flat
    };
    let better = if input.flag("inverse") { Better::Lower } else { Better::Higher };
    let posterior = posterior(effect, std_error, prior)?;
    output.number("chance_to_win", posterior.chance_to_win(better));
    if input.has("mde") {
        let beyond = posterior.chance_beyond(input.f64("mde")?, better);
        output.number("chance_to_win_by_mde", beyond);
    }
    output.number("posterior_mean", posterior.mean);
    output.number("posterior_sd", posterior.sd);
    output.interval("ci", posterior.credible_interval(alpha)?);
    output.number("risk_control", posterior.loss_of_staying(better));
    output.number("risk_treatment", posterior.loss_of_shipping(better));
    Ok(())
}
