//! Posterior probabilities and expected losses.

use serde_json::{Map, Value, json};

use super::Method;
use super::read::{
    ALPHA, Build, CONTROL_ANY, CONTROL_RATE, TREATMENT_ANY, TREATMENT_RATE, summary,
};
use super::say::{Said, Unit};
use super::text::significant;
use crate::flags::{FlagError, Given, flag};

pub(super) const METHODS: &[Method] = &[
    Method {
        name: "bayes_beta_binomial",
        title: "How probable is it that the treatment's rate is higher? Beta priors, exact.",
        flags: &[
            CONTROL_RATE,
            TREATMENT_RATE,
            flag("prior", "A,B", "the beta prior of both rates; 1,1 (flat) by default"),
            flag("mde", "D", "adds the probability of being better by more than D"),
        ],
        example: &["--control", "4820/50000", "--treatment", "5140/50000"],
        build: beta,
        conclude: |input, output| {
            let said = Said::new(input, output);
            let prior = |key: &str| input.get(key).and_then(Value::as_f64).unwrap_or(1.0);
            Some(format!(
                "P(treatment better) = {}, expected loss of choosing it {} points, of the control {} points \
                 (prior Beta({}, {}))",
                significant(said.number("prob_treatment_better")?, 4),
                significant(100.0 * said.number("expected_loss_choose_treatment")?, 3),
                significant(100.0 * said.number("expected_loss_choose_control")?, 3),
                prior("prior_alpha"),
                prior("prior_beta")
            ))
        },
    },
    Method {
        name: "bayes_gaussian",
        title: "How probable is it that the treatment is better? A normal posterior of the effect.",
        flags: &[
            CONTROL_ANY,
            TREATMENT_ANY,
            flag("effect", "E", "instead of both variants: an effect that was estimated"),
            flag("std-error", "SE", "and its standard error"),
            flag("scale", "WORD", "of the variants' effect: relative (the default) or absolute"),
            flag(
                "prior-mean",
                "M",
                "the normal prior's mean on the scale of the effect, 0 by default",
            ),
            flag("prior-sd", "S", "the prior's standard deviation; without it the prior is flat"),
            flag("better", "WORD", "higher (the default) or lower"),
            flag("mde", "D", "adds the probability of being better by more than D"),
            ALPHA,
        ],
        example: &["--effect", "0.0664", "--std-error", "0.0203", "--prior-sd", "0.05"],
        build: gaussian,
        conclude: posterior,
    },
];

fn beta(given: &Given<'_>) -> Result<Value, FlagError> {
    let mut build = Build::default().rates(given)?.number(given, "mde", "mde")?;
    if let Some(prior) = given.get("prior") {
        let numbers = prior.numbers()?;
        let &[a, b] = numbers.as_slice() else {
            return Err(prior.malformed(prior.text, "two numbers, such as 1,1,"));
        };
        build = build.with("prior_alpha", a).with("prior_beta", b);
    }
    build.done()
}

fn gaussian(given: &Given<'_>) -> Result<Value, FlagError> {
    let mut build = Build::default().level(given)?.number(given, "mde", "mde")?;
    if given.has("effect") {
        given.without("effect", &["control", "treatment", "scale"])?;
        build = build
            .with("effect", given.need("effect")?.number()?)
            .with("std_error", given.need("std-error")?.number()?);
    } else if given.has("control") {
        let scale = given.get("scale").map_or(Ok("relative"), |word| {
            word.one_of(&[("relative", "relative"), ("absolute", "absolute")])
        })?;
        build = build
            .with("diff", scale)
            .with("prior_type", scale)
            .with("control", summary(given.need("control")?)?)
            .with("treatment", summary(given.need("treatment")?)?);
    } else {
        let flags = "--control with --treatment, or --effect with --std-error,".to_owned();
        return Err(FlagError::Missing { flags });
    }
    if let Some(sd) = given.get("prior-sd") {
        let mean = given.get("prior-mean").map_or(Ok(0.0), |mean| mean.number())?;
        let sd = sd.number()?;
        build = build.with("prior", json!({"mean": mean, "variance": sd * sd}));
    } else if given.has("prior-mean") {
        return Err(FlagError::Missing { flags: "--prior-sd, beside --prior-mean,".to_owned() });
    }
    let better = given
        .get("better")
        .map_or(Ok(false), |word| word.one_of(&[("higher", false), ("lower", true)]))?;
    build.with("inverse", better).done()
}

fn posterior(input: &Value, output: &Map<String, Value>) -> Option<String> {
    let said = Said::new(input, output);
    let unit = match said.asked("diff") {
        Some("relative") => Unit::Percent,
        _ => Unit::Own,
    };
    let (low, high) = said.pair("ci")?;
    let prior = if input.get("prior").is_some() { "normal prior" } else { "flat prior" };
    Some(format!(
        "P(treatment better) = {}, effect {}, {} credible interval {} to {} ({prior})",
        significant(said.number("chance_to_win")?, 4),
        unit.signed(said.number("posterior_mean")?),
        said.confidence(),
        unit.signed(low),
        unit.signed(high)
    ))
}
