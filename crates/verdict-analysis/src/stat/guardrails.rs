//! `noninferiority`: guardrails with a margin, and equivalence.

use super::StatError;
use super::fields::{Input, Output, bad};
use super::means::samples;
use crate::methods::guardrail::{
    Better, Margin, equivalence, harm, non_inferiority, non_inferiority_proportion,
};
use crate::methods::{Estimate, two_proportion::Proportion};

pub(super) fn noninferiority(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let kind = input.str("kind")?;
    if kind == "tost_means" {
        let (control, treatment) = samples(input)?;
        let result = equivalence(&control, &treatment, input.f64("low")?, input.f64("upp")?)?;
        output.number("t_low", result.t_low);
        output.number("p_low", result.p_low);
        output.number("t_upp", result.t_high);
        output.number("p_upp", result.p_high);
        output.number("p", result.p_value);
        output.put("equivalent", result.p_value <= alpha);
        return Ok(());
    }
    let better = match input.str("better")? {
        "higher" => Better::Higher,
        "lower" => Better::Lower,
        _ => return Err(bad("better", "`higher` or `lower`")),
    };
    let margin = match input.str_or("margin_scale", "absolute")? {
        "absolute" => Margin::Absolute(input.f64("margin")?),
        "relative" => Margin::Relative(input.f64("margin")?),
        _ => return Err(bad("margin_scale", "`absolute` or `relative`")),
    };
    let (estimate, statistic) = match kind {
        "means" => {
            let (control, treatment) = samples(input)?;
            output.number("harm_p", harm(&control, &treatment, better, alpha)?.p_value);
            (non_inferiority(&control, &treatment, margin, better, alpha)?, "t")
        }
        "proportions" => {
            let control = Proportion { successes: input.u64("x_c")?, n: input.u64("n_c")? };
            let treatment = Proportion { successes: input.u64("x_t")?, n: input.u64("n_t")? };
            (non_inferiority_proportion(control, treatment, margin, better, alpha)?, "z")
        }
        _ => return Err(bad("kind", "`means`, `proportions` or `tost_means`")),
    };
    write(&estimate, statistic, better, margin, alpha, output);
    Ok(())
}

fn write(
    estimate: &Estimate,
    statistic: &str,
    better: Better,
    margin: Margin,
    alpha: f64,
    output: &mut Output,
) {
    // The distance from the margin, positive on the good side.
    let (sign, worst) = match better {
        Better::Higher => (1.0, estimate.ci_lower),
        Better::Lower => (-1.0, estimate.ci_upper),
    };
    output.number(statistic, sign * estimate.statistic);
    if let Some(df) = estimate.df {
        output.number("df", df);
    }
    output.number("p", estimate.p_value);
    output.number("log_p", estimate.log_p_value);
    output.put("non_inferior", estimate.p_value <= alpha);
    if matches!(margin, Margin::Absolute(_)) {
        output.number("diff", estimate.effect);
        output.number("worst_case_bound", worst);
    }
}
