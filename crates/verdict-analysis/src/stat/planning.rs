//! `power_proportions` and `power_means`.

use super::StatError;
use super::fields::{Input, Output, bad};
use crate::methods::power::{Design, Sides, means, proportions};

fn design(input: &Input<'_>) -> Result<Design, StatError> {
    let sides = match input.str_or("alternative", "two-sided")? {
        "two-sided" => Sides::Two,
        "one-sided" => Sides::One,
        _ => return Err(bad("alternative", "`two-sided` or `one-sided`")),
    };
    Ok(Design { alpha: input.f64_or("alpha", 0.05)?, sides, ratio: input.f64_or("ratio", 1.0)? })
}

pub(super) fn power_proportions(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let design = design(input)?;
    let p_control = input.f64("p_control")?;
    match input.str("task")? {
        "sample_size" => {
            let p_treatment = p_control * (1.0 + input.f64("mde_relative")?);
            let n = proportions::sample_size(p_control, p_treatment, input.f64("power")?, &design)?;
            output.number("p_treatment", p_treatment);
            output.number("n_control_raw", n.control);
            output.number("n_treatment_raw", n.treatment);
            output.number("n_control", n.control.ceil());
            output.number("n_treatment", n.treatment.ceil());
            output.number("n_control_unpooled_raw", n.control_unpooled);
            output.number("n_control_cohen_h_raw", n.control_arcsine);
            if design.ratio == 1.0 {
                output.number("seed_n_per_group", n.control.ceil());
            }
        }
        "power" => {
            let (p_treatment, n) = (input.f64("p_treatment")?, input.f64("n_control")?);
            let power = proportions::power(p_control, p_treatment, n, &design)?;
            output.number("power_one_tail", power.one_tail);
            output.number("power", power.total);
        }
        "mde" => {
            let (n, wanted) = (input.f64("n_control")?, input.f64("power")?);
            for (name, up) in [("up", true), ("down", false)] {
                let p = proportions::detectable_rate(p_control, n, wanted, up, &design);
                output.try_number(&format!("p_treatment_{name}"), p.clone());
                output
                    .try_number(&format!("mde_absolute_{name}"), p.clone().map(|p| p - p_control));
                output.try_number(
                    &format!("mde_relative_{name}"),
                    p.map(|p| (p - p_control) / p_control),
                );
            }
        }
        _ => return Err(bad("task", "`sample_size`, `power` or `mde`")),
    }
    Ok(())
}

pub(super) fn power_means(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let design = design(input)?;
    let sd = input.f64("sd")?;
    match input.str("task")? {
        "sample_size" => {
            let delta = input.f64("mean_control")? * input.f64("mde_relative")?;
            let n = means::sample_size(delta, sd, input.f64("power")?, &design)?;
            output.number("mde_absolute", delta);
            output.number("cohens_d", delta.abs() / sd);
            output.number("n_control_z_raw", n.normal);
            output.number("n_control_z", n.normal.ceil());
            output.number("n_control_t_raw", n.exact);
            output.number("n_control_t", n.exact.ceil());
            output.number("n_control_z_both_tails_raw", n.normal_both_tails);
            if design.ratio == 1.0 {
                output.number("seed_n_per_group", n.normal.ceil());
            }
        }
        "power" => {
            let power = means::power(input.f64("delta")?, sd, input.f64("n_control")?, &design)?;
            if let Some(exact) = power.exact {
                output.number("power_t", exact);
            }
            output.number("power_z_one_tail", power.normal_one_tail);
            output.number("power_z", power.normal);
        }
        "mde" => {
            let n = input.f64("n_control")?;
            let mde = means::detectable_difference(sd, n, input.f64("power")?, &design)?;
            output.number("mde_absolute_z", mde.normal);
            if let Some(exact) = mde.exact {
                output.number("mde_absolute_t", exact);
            }
            if input.has("mean_control") {
                let mean = input.f64("mean_control")?;
                output.number("mde_relative_z", mde.normal / mean);
                if let Some(exact) = mde.exact {
                    output.number("mde_relative_t", exact / mean);
                }
            }
        }
        _ => return Err(bad("task", "`sample_size`, `power` or `mde`")),
    }
    Ok(())
}
