//! Methods that may be looked at again and again.

use serde_json::{Map, Value};

use super::Method;
use super::read::{ALPHA, Build, CONTROL_ANY, TREATMENT_ANY, sample, summary};
use super::say::{Said, Unit, p_value};
use crate::flags::{self, FlagError, Given, flag};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "msprt",
        title: "Is there an effect, however often one has looked? The normal-mixture SPRT, at one look.",
        flags: &[
            CONTROL_ANY,
            TREATMENT_ANY,
            flag("difference", "D", "instead of both variants: treatment − control"),
            flag("std-error", "SE", "and its standard error"),
            flag(
                "tau",
                "T",
                "the mixing standard deviation, about the effect that was planned for",
            ),
            flag("mixing-variance", "V", "the same as a variance, T²"),
            ALPHA,
        ],
        example: &["--control", "4820/50000", "--treatment", "5140/50000", "--tau", "0.005"],
        build: msprt,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let (low, high) = said.pair("ci")?;
            Some(format!(
                "always valid {}, {} interval {} to {}",
                p_value(said.number("p")?, said.number("log_p")),
                said.confidence(),
                Unit::Own.signed(low),
                Unit::Own.signed(high)
            ))
        },
    },
    Method {
        name: "confidence_sequences",
        title: "An interval that holds at every look: asymptotic, or exact for one rate.",
        flags: &[
            CONTROL_ANY,
            TREATMENT_ANY,
            flag("tuning", "N", "the number of units at which the sequence is to be tightest"),
            flag("scale", "WORD", "of the effect: absolute (the default) or relative"),
            flag("rate", "X/N", "instead of two variants: one rate"),
            flag("t-opt", "N", "and the number of units at which its sequence is to be tightest"),
            ALPHA,
        ],
        example: &["--control", "4820/50000", "--treatment", "5140/50000", "--tuning", "100000"],
        build: sequence,
        conclude: held,
    },
];

fn msprt(given: &Given<'_>) -> Result<Value, FlagError> {
    let (difference, variance) = if given.has("difference") {
        given.without("difference", &["control", "treatment"])?;
        let std_error = given.need("std-error")?.number()?;
        (given.need("difference")?.number()?, std_error * std_error)
    } else if given.has("control") {
        let (c, t) = (moments(given.need("control")?)?, moments(given.need("treatment")?)?);
        (t.0 - c.0, c.1 + t.1)
    } else {
        let flags = "--control with --treatment, or --difference with --std-error,".to_owned();
        return Err(FlagError::Missing { flags });
    };
    given.without("tau", &["mixing-variance"])?;
    let mixing = match (given.get("tau"), given.get("mixing-variance")) {
        (Some(tau), _) => tau.number().map(|tau| tau * tau)?,
        (None, Some(variance)) => variance.number()?,
        (None, None) => {
            return Err(FlagError::Missing { flags: "--tau or --mixing-variance".to_owned() });
        }
    };
    Build::default()
        .with("kind", "single")
        .with("diff", difference)
        .with("variance_of_diff", variance)
        .with("mixing_variance", mixing)
        .level(given)?
        .done()
}

/// A variant's mean and the variance of that mean.
fn moments(value: flags::Value<'_>) -> Result<(f64, f64), FlagError> {
    if value.is_rate() {
        let (x, n) = value.rate()?;
        if x > n || n == 0 {
            return Err(
                value.malformed(value.text, "no more successes than units, such as 4820/50000,")
            );
        }
        let rate = x as f64 / n as f64;
        return Ok((rate, rate * ((n - x) as f64 / n as f64) / n as f64));
    }
    let sample = sample(value)?;
    Ok((sample.mean, sample.variance_of_mean()))
}

fn sequence(given: &Given<'_>) -> Result<Value, FlagError> {
    let build = Build::default().level(given)?;
    if let Some(rate) = given.get("rate") {
        given.without("rate", &["control", "treatment", "tuning", "scale"])?;
        let (successes, n) = rate.rate()?;
        return build
            .with("kind", "bernoulli_cs")
            .with("successes", successes)
            .with("n", n)
            .with("t_opt", given.need("t-opt")?.number()?)
            .done();
    }
    let scale = given.get("scale").map_or(Ok("absolute"), |word| {
        word.one_of(&[("absolute", "absolute"), ("relative", "relative")])
    })?;
    build
        .with("kind", "asymptotic_cs")
        .with("difference", scale)
        .with("control", summary(given.need("control")?)?)
        .with("treatment", summary(given.need("treatment")?)?)
        .with("tuning", given.need("tuning")?.number()?)
        .done()
}

fn held(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let (low, high) = said.pair("ci")?;
    let confidence = said.confidence();
    let Some(effect) = said.number("point_estimate") else {
        let shown = |rate: f64| format!("{}%", super::text::significant(100.0 * rate, 4));
        return Some(format!(
            "the rate lies between {} and {} at every look, with {confidence}",
            shown(low),
            shown(high)
        ));
    };
    let unit = if said.asked("difference")? == "relative" { Unit::Percent } else { Unit::Own };
    Some(format!(
        "effect {}, {confidence} interval {} to {}, {}, at every look",
        unit.signed(effect),
        unit.signed(low),
        unit.signed(high),
        p_value(said.number("p")?, said.number("log_p"))
    ))
}
