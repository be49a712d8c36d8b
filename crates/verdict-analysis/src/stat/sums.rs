//! Samples given as counts and sums, as the platforms' own engines take them.

use super::StatError;
use super::fields::{Input, bad};
use crate::methods::ratio::RatioSample;
use crate::methods::{MethodError, Sample, relative};

/// An effect with its variance.
pub(super) struct Effect {
    pub(super) estimate: f64,
    pub(super) variance: f64,
    pub(super) control_mean: f64,
    pub(super) units: f64,
}

pub(super) fn effect(
    control: &Input<'_>,
    treatment: &Input<'_>,
    relative: bool,
) -> Result<Effect, StatError> {
    let (c, t) = (sample(control)?, sample(treatment)?);
    let (estimate, variance) = if relative {
        let std_error = relative::delta_std_error(&c, &t)?;
        (relative::lift(&c, &t)?, std_error * std_error)
    } else {
        (t.mean - c.mean, c.variance_of_mean() + t.variance_of_mean())
    };
    if variance == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the metric in both variants" }.into());
    }
    Ok(Effect { estimate, variance, control_mean: c.mean, units: c.n as f64 + t.n as f64 })
}

fn sample(input: &Input<'_>) -> Result<Sample, StatError> {
    let n = input.u64("n")?;
    let size = n as f64;
    match input.str("kind")? {
        "mean" => {
            let (mean, variance) = mean_and_variance(input)?;
            Ok(Sample { n, mean, variance })
        }
        "moments" => Ok(Sample { n, mean: input.f64("mean")?, variance: input.f64("var")? }),
        "proportion" => {
            let rate = input.f64("sum")? / size;
            // A rate's variance is p q, without the divisor n - 1.
            Ok(Sample { n, mean: rate, variance: (rate * (1.0 - rate)).max(0.0) })
        }
        "ratio" => {
            let (num, den) = (input.object("m")?, input.object("d")?);
            let ((mean_num, var_num), (mean_den, var_den)) =
                (mean_and_variance(&num)?, mean_and_variance(&den)?);
            let cov = (input.f64("md")? - size * mean_num * mean_den) / (size - 1.0);
            Ok(RatioSample { n, mean_num, mean_den, var_num, var_den, cov }.linearised()?)
        }
        _ => Err(bad("kind", "`mean`, `moments`, `proportion` or `ratio`")),
    }
}

fn mean_and_variance(input: &Input<'_>) -> Result<(f64, f64), StatError> {
    let (n, sum, squares) = (input.u64("n")? as f64, input.f64("sum")?, input.f64("sum_squares")?);
    // Sums of squares are what was given; the subtraction loses the digits that they had lost before.
    Ok((sum / n, ((squares - sum / n * sum) / (n - 1.0)).max(0.0)))
}
