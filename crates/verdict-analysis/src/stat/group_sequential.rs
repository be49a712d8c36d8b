//! `group_sequential_bounds`, `group_sequential_crossing` and `group_sequential_inference`.

use serde_json::Value;

use super::StatError;
use super::fields::{Input, Output, bad, to_json};
use crate::methods::Interval;
use crate::methods::sequential::boundary::{
    Bounds, Shape, Sides, bounds_for_spent, classical_bounds, nominal_p, spending_bounds,
};
use crate::methods::sequential::crossing::crossing;
use crate::methods::sequential::repeated::{repeated_interval, repeated_p};
use crate::methods::sequential::spending::Spending;
use crate::methods::sequential::stagewise::stagewise;

pub(super) fn bounds(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let sides = sides(input)?;
    let bounds = design(input, &input.f64s("information_fractions")?, sides)?;
    output.numbers("z", &bounds.z);
    output.numbers("cumulative_alpha_spent", &bounds.alpha_spent);
    let nominal: Vec<f64> = bounds.z.iter().map(|z| nominal_p(*z, sides)).collect();
    output.numbers("nominal_p", &nominal);
    Ok(())
}

pub(super) fn crossings(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let crossing = crossing(
        &input.f64s("information_fractions")?,
        &input.f64s("lower_z")?,
        &input.f64s("upper_z")?,
        input.f64_or("drift", 0.0)?,
    )?;
    output.numbers("upper", &crossing.upper);
    output.numbers("lower", &crossing.lower);
    output.number("total_upper", crossing.total_upper());
    output.number("total_lower", crossing.total_lower());
    output.number("total", crossing.total());
    output.number("expected_information_fraction", crossing.expected_fraction);
    Ok(())
}

pub(super) fn inference(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let sides = sides(input)?;
    let alpha = input.f64_or("alpha", 0.05)?;
    let (information, z) = (input.f64s("information")?, input.f64s("z_observed")?);
    let spending = spending(input)?;
    if z.is_empty() || z.len() > information.len() {
        return Err(bad("z_observed", "one to as many numbers as `information` has"));
    }
    let planned = information.last().copied().unwrap_or(1.0);
    let fractions: Vec<f64> = information.iter().map(|i| i / planned).collect();
    let bounds = spending_bounds(&fractions, alpha, sides, spending)?;
    let crossed = z.iter().zip(&bounds.z).position(|(z, bound)| sides.evidence(*z) >= *bound);
    let last = z.len() - 1;
    output.numbers("bounds", &bounds.z);
    output.put("crossed_at", crossed.map(|k| k + 1));
    output.number("estimate_naive", z[last] / information[last].sqrt());
    let mut intervals = Vec::new();
    let mut p_values = Vec::new();
    for (k, z) in z.iter().enumerate() {
        let estimate = z / information[k].sqrt();
        intervals.push(pair(repeated_interval(estimate, information[k], bounds.z[k])?));
        p_values.push(repeated_p(&fractions[..=k], *z, sides, spending)?);
    }
    output.put("repeated_ci", intervals);
    output.numbers("repeated_p", &p_values);
    // The test has ended by a crossing or by its last look.
    if let Some(end) = crossed.or_else(|| (z.len() == information.len()).then_some(last)) {
        let after = stagewise(&information[..=end], &bounds.z[..end], z[end], sides, alpha)?;
        output.number("p_stagewise_upper", after.p_upper);
        output.number("p_stagewise", after.p_value);
        output.interval("ci_stagewise", after.interval);
        output.number("estimate_median_unbiased", after.estimate);
    }
    Ok(())
}

fn pair(interval: Interval) -> Value {
    Value::from(vec![to_json(interval.lower), to_json(interval.upper)])
}

fn sides(input: &Input<'_>) -> Result<Sides, StatError> {
    match input.f64_or("sides", 2.0)? {
        1.0 => Ok(Sides::One),
        2.0 => Ok(Sides::Two),
        _ => Err(bad("sides", "1 or 2")),
    }
}

fn design(input: &Input<'_>, fractions: &[f64], sides: Sides) -> Result<Bounds, StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let shape = match input.str("type")? {
        "obf" => Shape::ObrienFleming,
        "pocock" => Shape::Pocock,
        "wang_tsiatis" => Shape::WangTsiatis(input.f64("param")?),
        "user" => {
            return Ok(bounds_for_spent(fractions, &input.f64s("cumulative_alpha")?, sides)?);
        }
        _ => return Ok(spending_bounds(fractions, alpha, sides, spending(input)?)?),
    };
    Ok(classical_bounds(fractions, alpha, sides, shape)?)
}

fn spending(input: &Input<'_>) -> Result<Spending, StatError> {
    match input.str("type")? {
        "lan_demets_obf" => Ok(Spending::ObrienFleming),
        "lan_demets_pocock" => Ok(Spending::Pocock),
        "kim_demets" => Ok(Spending::Power(input.f64("param")?)),
        "hwang_shih_decani" => Ok(Spending::HwangShihDeCani(input.f64("param")?)),
        _ => Err(bad(
            "type",
            "`lan_demets_obf`, `lan_demets_pocock`, `kim_demets` or `hwang_shih_decani`, or for bounds also `obf`, `pocock`, \
             `wang_tsiatis` or `user`",
        )),
    }
}
