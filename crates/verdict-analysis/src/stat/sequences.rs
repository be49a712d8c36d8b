//! `msprt` and `confidence_sequences`.

use serde_json::Value;

use super::StatError;
use super::fields::{Input, Output, bad, to_json};
use super::{means, sums};
use crate::methods::sequential::confidence_sequence::{NormalMixture, asymptotic, bernoulli};
use crate::methods::sequential::msprt::{Look, Sequence, look};
use crate::methods::{Interval, two_proportion::Proportion};

pub(super) fn msprt(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let mixing = input.f64("mixing_variance")?;
    match input.str("kind")? {
        "single" => {
            let look = look(input.f64("diff")?, input.f64("variance_of_diff")?, mixing, alpha)?;
            output.number("log_lambda", look.ln_likelihood_ratio);
            output.number("p", look.p_value);
            output.number("log_p", look.log_p_value);
            output.put("reject", look.p_value <= alpha);
            output.interval("ci", look.interval);
            Ok(())
        }
        "sequence" => {
            let samples =
                input.rows("looks", "a list of looks {n_c, mean_c, var_c, n_t, …}", |l| {
                    means::samples(&Input(l)).ok()
                })?;
            let looks = samples.iter().map(|(c, t)| {
                look(t.mean - c.mean, c.variance_of_mean() + t.variance_of_mean(), mixing, alpha)
            });
            sequence(&looks.collect::<Result<Vec<_>, _>>()?, alpha, output);
            Ok(())
        }
        _ => Err(bad("kind", "`single` or `sequence`")),
    }
}

fn sequence(looks: &[Look], alpha: f64, output: &mut Output) {
    let states: Vec<Sequence> = looks
        .iter()
        .scan(Sequence::default(), |state, look| {
            *state = state.after(look);
            Some(*state)
        })
        .collect();
    let pair = |i: Interval| Value::from(vec![to_json(i.lower), to_json(i.upper)]);
    output.numbers("log_lambda", &looks.iter().map(|l| l.ln_likelihood_ratio).collect::<Vec<_>>());
    output.numbers("p", &looks.iter().map(|l| l.p_value).collect::<Vec<_>>());
    output.numbers("p_always_valid", &states.iter().map(|s| s.p_value).collect::<Vec<_>>());
    output.put("ci", looks.iter().map(|l| pair(l.interval)).collect::<Vec<_>>());
    output.put(
        "ci_running_intersection",
        states.iter().map(|s| pair(s.interval)).collect::<Vec<_>>(),
    );
    output.put("first_rejection_look", states.iter().position(|s| s.p_value <= alpha));
}

pub(super) fn confidence_sequences(
    input: &Input<'_>,
    output: &mut Output,
) -> Result<(), StatError> {
    match input.str("kind")? {
        "asymptotic_cs" => {
            let relative = match input.str_or("difference", "absolute")? {
                "absolute" => false,
                "relative" => true,
                _ => return Err(bad("difference", "`absolute` or `relative`")),
            };
            let effect =
                sums::effect(&input.object("control")?, &input.object("treatment")?, relative)?;
            let alpha = input.f64_or("alpha", 0.05)?;
            let look = asymptotic(
                effect.estimate,
                effect.variance,
                effect.units,
                input.f64("tuning")?,
                alpha,
            )?;
            output.number("point_estimate", effect.estimate);
            output.number("variance", effect.variance);
            output.number("rho", look.rho);
            output.interval("ci", look.interval);
            output.number("log_e_value", look.ln_e_value);
            output.number("p", look.p_value);
            output.number("log_p", look.log_p_value);
        }
        "bernoulli_cs" => {
            let data = Proportion { successes: input.u64("successes")?, n: input.u64("n")? };
            output.interval(
                "ci",
                bernoulli(data, input.f64("t_opt")?, input.f64_or("alpha", 0.05)?)?,
            );
        }
        kind => {
            let (v_opt, alpha_opt) = (input.f64("v_opt")?, input.f64_or("alpha_opt", 0.05)?);
            let two_sided = NormalMixture::two_sided(v_opt, alpha_opt)?;
            let one_sided = NormalMixture::one_sided(v_opt, alpha_opt)?;
            let v = input.f64("v")?;
            match kind {
                "normal_mixture_bound" => {
                    let alpha = input.f64_or("alpha", 0.05)?;
                    output.number("rho", two_sided.rho());
                    output.number("rho_one_sided", one_sided.rho());
                    output.number("bound_two_sided", two_sided.bound(v, alpha)?);
                    output.number("bound_one_sided", one_sided.bound(v, alpha)?);
                }
                "normal_log_mixture" => {
                    let s = input.f64("s")?;
                    output.number("two_sided", two_sided.ln_value(s, v));
                    output.number("one_sided", one_sided.ln_value(s, v));
                }
                _ => {
                    return Err(bad(
                        "kind",
                        "`asymptotic_cs`, `bernoulli_cs`, `normal_mixture_bound` or `normal_log_mixture`",
                    ));
                }
            }
        }
    }
    Ok(())
}
