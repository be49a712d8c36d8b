//! `two_proportion_z` and `one_proportion_ci`.

use super::StatError;
use super::fields::{Input, Output};
use crate::methods::proportion::{OneProportionInterval, proportion_interval};
use crate::methods::two_proportion::{self as two, Proportion, ProportionInterval, two_proportion};
use crate::methods::{Alternative, Interval, MethodError, ratio_score_interval};

pub(super) fn two_proportion_z(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let control = Proportion { successes: input.u64("x_c")?, n: input.u64("n_c")? };
    let treatment = Proportion { successes: input.u64("x_t")?, n: input.u64("n_t")? };
    let alpha = input.f64_or("alpha", 0.05)?;
    let interval =
        |method, alternative| two::interval(control, treatment, alpha, alternative, method);
    output.interval("ci_wald", interval(ProportionInterval::Wald, Alternative::TwoSided)?);
    let summary = two::summary(control, treatment)?;
    output.number("p_control", control.rate());
    output.number("p_treatment", treatment.rate());
    output.number("diff", summary.difference);
    output.number("p_pooled", summary.pooled_rate);
    output.number("se_pooled", summary.pooled_std_error);
    output.number("se_unpooled", summary.unpooled_std_error);
    output.number("cohens_h", summary.cohens_h);
    let test = |alternative| {
        two_proportion(control, treatment, alpha, alternative, ProportionInterval::Wald)
    };
    for (name, alternative) in [
        ("two_sided", Alternative::TwoSided),
        ("greater", Alternative::Greater),
        ("less", Alternative::Less),
    ] {
        let estimate = test(alternative);
        output.try_number("z", estimate.clone().map(|e| e.statistic));
        output.try_number(&format!("p_{name}"), estimate.clone().map(|e| e.p_value));
        output.try_number(&format!("log_p_{name}"), estimate.map(|e| e.log_p_value));
    }
    output.number(
        "ci_wald_greater_lower",
        interval(ProportionInterval::Wald, Alternative::Greater)?.lower,
    );
    output
        .number("ci_wald_less_upper", interval(ProportionInterval::Wald, Alternative::Less)?.upper);
    let newcombe = |alternative| interval(ProportionInterval::Newcombe, alternative);
    output.interval("ci_newcombe", newcombe(Alternative::TwoSided)?);
    output.number("ci_newcombe_greater_lower", newcombe(Alternative::Greater)?.lower);
    output.number("ci_newcombe_less_upper", newcombe(Alternative::Less)?.upper);
    output.interval(
        "ci_agresti_caffo",
        interval(ProportionInterval::AgrestiCaffo, Alternative::TwoSided)?,
    );
    output.interval(
        "ci_miettinen_nurminen",
        interval(ProportionInterval::MiettinenNurminen, Alternative::TwoSided)?,
    );
    relative(control, treatment, alpha, output);
    Ok(())
}

fn relative(control: Proportion, treatment: Proportion, alpha: f64, output: &mut Output) {
    let lift = two::relative_lift(control, treatment);
    // An infinite lift (no success in the control, some in the treatment) is not undefined.
    let unbounded = control.successes == 0 && treatment.successes > 0;
    match lift {
        Err(MethodError::ZeroDenominator { .. }) if unbounded => {
            output.number("rel_lift", f64::INFINITY)
        }
        lift => output.try_number("rel_lift", lift),
    }
    let delta: Result<(f64, Interval), _> =
        two::relative_delta(control, treatment, alpha, Alternative::TwoSided);
    output.try_number("rel_se_delta", delta.clone().map(|d| d.0));
    output.try_interval("rel_ci_delta", delta.map(|d| d.1));
    output.try_interval(
        "rel_ci_log",
        two::relative_log(control, treatment, alpha, Alternative::TwoSided),
    );
    output.try_interval("rel_ci_score", ratio_score_interval(control, treatment, alpha));
}

pub(super) fn one_proportion_ci(input: &Input<'_>, output: &mut Output) -> Result<(), StatError> {
    let proportion = Proportion { successes: input.u64("x")?, n: input.u64("n")? };
    let alpha = input.f64_or("alpha", 0.05)?;
    for (key, method) in [
        ("wald", OneProportionInterval::Wald),
        ("wilson", OneProportionInterval::Wilson),
        ("agresti_coull", OneProportionInterval::AgrestiCoull),
        ("clopper_pearson", OneProportionInterval::ClopperPearson),
        ("jeffreys", OneProportionInterval::Jeffreys),
    ] {
        output.interval(key, proportion_interval(proportion, alpha, method)?);
    }
    Ok(())
}
