//! A plan's request from flags: `verdict power --baseline 3.2% --lift 10% --units-per-day 10000`.

use super::{Correction, Effect, Metric, Objective, Plan, Question, Request, plan};
use crate::flags::{Flag, FlagError, Given, flag, help_lines, pairs};
use crate::methods::MethodError;
use crate::methods::guardrail::{Better, Margin};
use crate::methods::power::Sides;

/// The flags of `verdict power`.
pub const FLAGS: &[Flag] = &[
    flag("baseline", "RATE", "a proportion: the control's rate, such as 3.2%"),
    flag("mean", "M", "a mean: the control's mean, for relative effects"),
    flag("sd", "S", "a mean: the standard deviation between units"),
    flag(
        "ratio",
        "num=…,den=…,var_num=…,var_den=…,cov=…",
        "a ratio of means: means, variances and covariance of numerator and denominator",
    ),
    flag("lift", "SHARE", "the effect to detect as a share of the control, such as 10%"),
    flag("difference", "D", "the same in the metric's unit: 0.005 of a proportion is half a point"),
    flag("solve", "WORD", "sample-size, duration, power or mde; follows from the rest by default"),
    flag(
        "units",
        "N",
        "the units of the whole experiment: asks for the power, without effect for the MDE",
    ),
    flag("days", "N", "the same as days, with --units-per-day"),
    flag("units-per-day", "N", "new units a day, all variants together"),
    flag("alpha", "A", "the chance of a false alarm in the family, 5% by default"),
    flag("power", "P", "the wanted power, 80% by default"),
    flag("alternative", "WORD", "two-sided (the default) or one-sided"),
    flag("variants", "N", "the number of variants with the control, 2 by default, evenly split"),
    flag("split", "A,B,…", "the shares of the variants instead, the control first: 80,10,10"),
    flag("metrics", "N", "the metrics that share alpha, 1 by default"),
    flag("correction", "WORD", "bonferroni (the default), holm, sidak or none"),
    flag("margin", "M", "a guardrail: how much worse is acceptable, in the metric's unit"),
    flag("relative-margin", "SHARE", "the same as a share of the control, such as 1%"),
    flag("better", "WORD", "a guardrail: which way the metric improves, higher or lower"),
    flag("guardrails", "N", "the guardrails that must all pass, 1 by default"),
    flag("correlation", "R", "with a covariate from before the experiment (CUPED), 0 by default"),
];

/// The help of `verdict power`.
#[must_use]
pub fn help() -> String {
    format!(
        "How many units, how long, which effect, what power.\n\nUsage: verdict power FLAGS\n\nFlags:\n{}\n\
         Examples:\n  verdict power --baseline 3.2% --lift 10% --units-per-day 10000\n  \
         verdict power --mean 450 --sd 280 --lift 3% --correlation 0.6\n  \
         verdict power --baseline 3.2% --units 40000 --variants 3\n  \
         verdict power --baseline 3.2% --relative-margin 2% --better higher --guardrails 4\n",
        help_lines(FLAGS)
    )
}

/// Why there is no plan.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The flags make no request.
    #[error(transparent)]
    Flags(#[from] FlagError),
    /// No plan answers the request.
    #[error(transparent)]
    Method(#[from] MethodError),
}

/// Plans by the words of a command line.
///
/// # Errors
/// [`PlanError`] when the flags make no request, or when nothing answers it.
///
/// ```
/// use verdict_analysis::planning::{Chars, flags::planned};
///
/// let words = ["--baseline", "3.2%", "--lift", "10%"].map(str::to_owned);
/// let plan = planned(&words)?;
/// assert_eq!(plan.answers[0].units, [49_777, 49_777]);
/// assert!(plan.text(Chars::Unicode).starts_with(
///     "A proportion of 3.2%, to detect an effect of +10% (+0.32 points) with power 80% (alpha 5%, two-sided)"
/// ));
/// # Ok::<(), verdict_analysis::planning::flags::PlanError>(())
/// ```
pub fn planned(words: &[String]) -> Result<Plan, PlanError> {
    Ok(plan(&request(&pairs(words)?)?)?)
}

/// The request that the words of a command line make.
///
/// # Errors
/// As for [`request`].
pub fn requested(words: &[String]) -> Result<Request, FlagError> {
    request(&pairs(words)?)
}

/// The request of flags and their values.
///
/// # Errors
/// [`FlagError`] for a flag that is unknown, missing, given twice or malformed.
pub fn request(pairs: &[(String, String)]) -> Result<Request, FlagError> {
    let given =
        Given::new("power", FLAGS, pairs, &|_| Err("no value of a plan is a file".to_owned()))?;
    let mut request = Request::new(metric(&given)?, Question::SampleSize);
    request.objective = objective(&given)?;
    given.without("lift", &["difference"])?;
    request.effect = match (given.get("lift"), given.get("difference")) {
        (Some(lift), _) => Some(Effect::Relative(lift.number()?)),
        (None, Some(difference)) => Some(Effect::Absolute(difference.number()?)),
        (None, None) => None,
    };
    let number = |flag: &str| given.get(flag).map(|value| value.number()).transpose();
    request.alpha = number("alpha")?.unwrap_or(request.alpha);
    request.power = number("power")?.unwrap_or(request.power);
    request.correlation = number("correlation")?.unwrap_or(0.0);
    request.units_per_day = number("units-per-day")?;
    if let Some(word) = given.get("alternative") {
        request.sides = word.one_of(&[("two-sided", Sides::Two), ("one-sided", Sides::One)])?;
    }
    given.without("variants", &["split"])?;
    if let Some(variants) = given.get("variants") {
        let n = variants.whole()?;
        if !(2..=1_000).contains(&n) {
            return Err(variants.malformed(variants.text, "a number from 2 to 1000"));
        }
        request.split = vec![1.0; n as usize];
    } else if let Some(split) = given.get("split") {
        request.split = split.numbers()?;
    }
    request.metrics = small(&given, "metrics")?;
    if let Some(word) = given.get("correction") {
        request.correction = word.one_of(&[
            ("bonferroni", Correction::Bonferroni),
            ("holm", Correction::Bonferroni),
            ("sidak", Correction::Sidak),
            ("none", Correction::None),
        ])?;
    } else if request.objective != Objective::Difference {
        // Shipping needs every guardrail to pass: an intersection, whose level no correction guards.
        request.correction = Correction::None;
    }
    request.question = question(&given, &request)?;
    Ok(request)
}

fn metric(given: &Given<'_>) -> Result<Metric, FlagError> {
    given.without("baseline", &["mean", "sd", "ratio"])?;
    given.without("ratio", &["mean", "sd"])?;
    if let Some(baseline) = given.get("baseline") {
        return Ok(Metric::Proportion { baseline: baseline.number()? });
    }
    if let Some(ratio) = given.get("ratio") {
        const EXAMPLE: &str = "num=0.4,den=8,var_num=0.6,var_den=40,cov=2.5";
        let names = ["num", "den", "var_num", "var_den", "cov"];
        return match ratio.named(names, EXAMPLE)? {
            [Some(mean_num), Some(mean_den), Some(var_num), Some(var_den), Some(cov)] => {
                Ok(Metric::Ratio { mean_num, mean_den, var_num, var_den, cov })
            }
            _ => Err(ratio.malformed(ratio.text, &format!("all of {EXAMPLE}"))),
        };
    }
    match given.get("sd") {
        Some(sd) => {
            let mean = given.get("mean").map(|mean| mean.number()).transpose()?;
            Ok(Metric::Mean { mean, sd: sd.number()? })
        }
        None if given.has("mean") => Err(FlagError::Missing { flags: "--sd".to_owned() }),
        None => Err(FlagError::Missing { flags: "--baseline, --sd or --ratio".to_owned() }),
    }
}

fn objective(given: &Given<'_>) -> Result<Objective, FlagError> {
    given.without("margin", &["relative-margin"])?;
    let margin = match (given.get("margin"), given.get("relative-margin")) {
        (Some(margin), _) => Some(Margin::Absolute(margin.number()?)),
        (None, Some(share)) => Some(Margin::Relative(share.number()?)),
        (None, None) => None,
    };
    let Some(word) = given.get("better") else {
        return if margin.is_some() || given.has("guardrails") {
            Err(FlagError::Missing { flags: "--better, beside a margin,".to_owned() })
        } else {
            Ok(Objective::Difference)
        };
    };
    let better = word.one_of(&[("higher", Better::Higher), ("lower", Better::Lower)])?;
    Ok(Objective::NonInferiority { margin, better, guardrails: small(given, "guardrails")? })
}

/// A whole number from 1 on, 1 by default.
fn small(given: &Given<'_>, flag: &str) -> Result<u32, FlagError> {
    let Some(value) = given.get(flag) else { return Ok(1) };
    u32::try_from(value.whole()?)
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| value.malformed(value.text, "a whole number from 1 on"))
}

/// What is asked: what `--solve` says, or what the other flags leave open.
fn question(given: &Given<'_>, request: &Request) -> Result<Question, FlagError> {
    given.without("units", &["days"])?;
    let units = match (given.get("units"), given.get("days")) {
        (Some(units), _) => Some(units.whole()?),
        (None, Some(days)) => {
            let per_day = request
                .units_per_day
                .ok_or_else(|| FlagError::Missing { flags: "--units-per-day".to_owned() })?;
            let units = (days.number()? * per_day).floor();
            if !(0.0..1e15).contains(&units) {
                return Err(days.malformed(days.text, "a number of days, zero or more,"));
            }
            Some(units as u64)
        }
        (None, None) => None,
    };
    let has_aim = match request.objective {
        Objective::Difference => request.effect.is_some(),
        Objective::NonInferiority { margin, .. } => margin.is_some(),
    };
    let asked = match given.get("solve") {
        Some(word) => word.one_of(&[
            ("sample-size", Asked::SampleSize),
            ("duration", Asked::Duration),
            ("power", Asked::Power),
            ("mde", Asked::Mde),
        ])?,
        None if units.is_none() && request.units_per_day.is_some() => Asked::Duration,
        None if units.is_none() => Asked::SampleSize,
        None if has_aim => Asked::Power,
        None => Asked::Mde,
    };
    let needed =
        || FlagError::Missing { flags: "--units, or --days with --units-per-day,".to_owned() };
    if asked != Asked::Mde && !has_aim {
        let flags = match request.objective {
            Objective::Difference => "--lift or --difference",
            Objective::NonInferiority { .. } => "--margin or --relative-margin",
        };
        return Err(FlagError::Missing { flags: flags.to_owned() });
    }
    Ok(match asked {
        Asked::SampleSize => Question::SampleSize,
        Asked::Duration if request.units_per_day.is_none() => {
            return Err(FlagError::Missing { flags: "--units-per-day".to_owned() });
        }
        Asked::Duration => Question::Duration,
        Asked::Power => Question::Power { units: units.ok_or_else(needed)? },
        Asked::Mde => Question::Mde { units: units.ok_or_else(needed)? },
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Asked {
    SampleSize,
    Duration,
    Power,
    Mde,
}
