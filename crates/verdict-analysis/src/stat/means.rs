//! `welch_t` and `ratio_delta`.

use super::StatError;
use super::fields::{Input, Output};
use crate::methods::ratio::RatioSample;
use crate::methods::relative::{self, FiellerSet};
use crate::methods::welch::{cohens_d, hedges_g, welch};
use crate::methods::{Alternative, Estimate, Interval, MethodError, Reference, Sample};

pub(super) fn welch_t(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let (control, treatment) = samples(input)?;
    let alpha = input.f64_or("alpha", 0.05)?;
    match test(&control, &treatment, alpha, output) {
        Ok(_) => {}
        // Equal constants: the difference stands, and nothing is claimed of it. Unequal ones are refused: the t of a
        // standard error of zero is infinite, and its p of 0 would be a certainty that two constants do not give.
        Err(MethodError::ZeroVariance { .. }) if control.mean == treatment.mean => {
            output.number("diff", 0.0);
            output.number("se", 0.0);
            for key in ["t", "df", "p_two_sided", "p_greater", "p_less"] {
                output.number(key, f64::NAN);
            }
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    }
    output.number("cohens_d", cohens_d(&control, &treatment)?);
    output.number("hedges_g", hedges_g(&control, &treatment)?);
    relative_effects(&control, &treatment, alpha, output);
    let lift = relative::lift(&control, &treatment);
    output.try_number(
        "rel_lift_over_abs_control",
        lift.map(|l| if control.mean < 0.0 { -l } else { l }),
    );
    for (name, reference) in references(&control, &treatment, alpha) {
        let set = relative::fieller(&control, &treatment, alpha, Alternative::TwoSided, reference);
        let (kind, interval) = match set {
            Ok(FiellerSet::Bounded(interval)) => ("bounded", interval),
            Ok(FiellerSet::Complement(interval)) => ("complement", interval),
            Ok(FiellerSet::WholeLine) => {
                ("all", Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY })
            }
            Err(_) => continue,
        };
        output.put(&format!("rel_fieller_{name}_kind"), kind);
        output.interval(&format!("rel_ci_fieller_{name}"), interval);
    }
    Ok(())
}

pub(super) fn ratio_delta(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let alpha = input.f64_or("alpha", 0.05)?;
    let control = ratio_sample(&input.object("control")?)?.linearised()?;
    let treatment = ratio_sample(&input.object("treatment")?)?.linearised()?;
    for (name, sample) in [("control", &control), ("treatment", &treatment)] {
        output.number(&format!("ratio_{name}"), sample.mean);
        output.number(&format!("var_{name}"), sample.variance);
        output.number(&format!("se_{name}"), sample.std_error());
    }
    output.number("diff", treatment.mean - control.mean);
    output.number("se", control.std_error().hypot(treatment.std_error()));
    match test(&control, &treatment, alpha, output) {
        // Without variance there is no test, but the ratios stand.
        Ok(_) | Err(MethodError::ZeroVariance { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    relative_effects(&control, &treatment, alpha, output);
    Ok(())
}

/// The two samples under the keys `mean_c`, `var_c`, `n_c` and so on.
pub(super) fn samples(input: &Input<'_>) -> Result<(Sample, Sample), StatError> {
    let control =
        Sample { n: input.u64("n_c")?, mean: input.f64("mean_c")?, variance: input.f64("var_c")? };
    let treatment =
        Sample { n: input.u64("n_t")?, mean: input.f64("mean_t")?, variance: input.f64("var_t")? };
    Ok((control, treatment))
}

fn ratio_sample(input: &Input<'_>) -> Result<RatioSample, StatError> {
    Ok(RatioSample {
        n: input.u64("n")?,
        mean_num: input.f64("mean_num")?,
        mean_den: input.f64("mean_den")?,
        var_num: input.f64("var_num")?,
        var_den: input.f64("var_den")?,
        cov: input.f64("cov")?,
    })
}

/// Welch's test with all its p-values and intervals.
pub(super) fn test(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    output: &mut Output,
) -> Result<Estimate, MethodError> {
    let estimate = welch(control, treatment, alpha, Alternative::TwoSided)?;
    let greater = welch(control, treatment, alpha, Alternative::Greater)?;
    let less = welch(control, treatment, alpha, Alternative::Less)?;
    output.number("diff", estimate.effect);
    output.number("se", estimate.std_error);
    output.number("t", estimate.statistic);
    let df = estimate.df.unwrap_or(f64::INFINITY);
    output.number("df", df);
    output.number("t_crit", Reference::StudentT(df).critical(0.5 * alpha));
    output.interval("ci", estimate.interval());
    output.number("ci_greater_lower", greater.ci_lower);
    output.number("ci_less_upper", less.ci_upper);
    for (name, e) in [("two_sided", &estimate), ("greater", &greater), ("less", &less)] {
        output.number(&format!("p_{name}"), e.p_value);
        output.number(&format!("log_p_{name}"), e.log_p_value);
    }
    Ok(estimate)
}

/// The lift with its delta and log intervals; what is undefined is left null.
pub(super) fn relative_effects(
    control: &Sample,
    treatment: &Sample,
    alpha: f64,
    output: &mut Output,
) {
    let two_sided = Alternative::TwoSided;
    let lift = relative::lift(control, treatment);
    let std_error = relative::delta_std_error(control, treatment);
    output.try_number("rel_lift", lift.clone());
    output.try_number("rel_se_delta", std_error.clone());
    let z = Reference::Normal;
    output.try_interval("rel_ci_delta_z", relative::delta(control, treatment, alpha, two_sided, z));
    output.try_interval("rel_ci_log_t", relative::log(control, treatment, alpha, two_sided));
    if let Some((_, t)) =
        references(control, treatment, alpha).into_iter().find(|(name, _)| *name == "t")
    {
        output.try_interval(
            "rel_ci_delta_t",
            relative::delta(control, treatment, alpha, two_sided, t),
        );
        if let (Ok(lift), Ok(std_error)) = (lift, std_error) {
            output.number("rel_delta_t_p_two_sided", t.p_value(lift / std_error, two_sided).0);
        }
    }
}

/// The normal law and Welch's t, as far as they are defined.
fn references(control: &Sample, treatment: &Sample, alpha: f64) -> Vec<(&'static str, Reference)> {
    let t = welch(control, treatment, alpha, Alternative::TwoSided)
        .ok()
        .and_then(|e| e.df)
        .map(Reference::StudentT);
    [("z", Some(Reference::Normal)), ("t", t)]
        .into_iter()
        .filter_map(|(name, r)| Some((name, r?)))
        .collect()
}
