//! The methods by name, over JSON: one request a line, one answer a line.
//!
//! A request is `{"method": "welch_t", "input": {…}}`; its answer `{"method": "welch_t", "output": {…}}` or
//! `{"method": "welch_t", "error": "…"}`. The methods and their keys are those of the reference values in
//! `tests/golden`, whose README states the conventions: infinities are the strings `"inf"` and `"-inf"`, a value that is
//! undefined is `null`.
//!
//! [`flags`] asks the same methods with flags for people.

mod adjusted;
mod bayesian;
mod counts;
mod families;
mod fields;
pub mod flags;
mod group_sequential;
mod guardrails;
mod means;
mod planning;
mod proportions;
mod quantiles;
mod ranks;
mod sequences;
mod special_functions;
mod sums;

use serde_json::{Map, Value, json};

use crate::methods::MethodError;
use fields::{Input, Output};

/// Why a request has no answer.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatError {
    /// The line is not a request.
    #[error("not a request {{\"method\": …, \"input\": {{…}}}}: {0}")]
    NotARequest(String),
    /// There is no such method.
    #[error("unknown method `{0}`; the methods are {known}", known = known_methods())]
    UnknownMethod(String),
    /// A key is missing, or its value is of another kind than the method needs.
    #[error("input `{key}`: {expected} expected")]
    BadInput {
        /// The key.
        key: String,
        /// What the method needs there.
        expected: &'static str,
    },
    /// The method refuses the input.
    #[error(transparent)]
    Refused(#[from] MethodError),
}

/// Answers one line of JSON with one line of JSON. Never fails: what goes wrong is the answer's `error`.
///
/// ```
/// let line = r#"{"method": "srm", "input": {"counts": [821588, 815482], "weights": [1, 1]}}"#;
/// assert!(verdict_analysis::stat::answer(line).contains(r#""mismatch_at_0.001":true"#));
/// ```
#[must_use]
pub fn answer(line: &str) -> String {
    let request: Value = match serde_json::from_str(line) {
        Ok(request) => request,
        Err(error) => {
            return json!({"error": StatError::NotARequest(error.to_string()).to_string()})
                .to_string();
        }
    };
    let Some(method) = request.get("method").and_then(Value::as_str) else {
        return json!({"error": StatError::NotARequest("no method".to_owned()).to_string()})
            .to_string();
    };
    match evaluate(method, request.get("input").unwrap_or(&Value::Null)) {
        Ok(output) => json!({"method": method, "output": output}).to_string(),
        Err(error) => json!({"method": method, "error": error.to_string()}).to_string(),
    }
}

/// The output of one method.
///
/// # Errors
/// [`StatError`] when there is no such method, when a key is missing, or when the method refuses the input.
pub fn evaluate(method: &str, input: &Value) -> Result<Map<String, Value>, StatError> {
    let Some((_, run)) = METHODS.iter().find(|(name, _)| *name == method) else {
        return Err(StatError::UnknownMethod(method.to_owned()));
    };
    let mut output = Output::default();
    run(&Input(input), &mut output)?;
    Ok(output.0)
}

/// The names that [`evaluate`] knows.
pub fn methods() -> impl Iterator<Item = &'static str> {
    METHODS.iter().map(|(name, _)| *name)
}

type Run = fn(&Input<'_>, &mut Output) -> Result<(), StatError>;

const METHODS: &[(&str, Run)] = &[
    ("bayes_beta_binomial", bayesian::bayes_beta_binomial),
    ("bayes_gaussian", bayesian::bayes_gaussian),
    ("bootstrap_ci", ranks::bootstrap_ci),
    ("chi2_tables", counts::chi2_tables),
    ("cluster_robust", adjusted::cluster_robust),
    ("confidence_sequences", sequences::confidence_sequences),
    ("cuped", adjusted::cuped),
    ("group_sequential_bounds", group_sequential::bounds),
    ("group_sequential_crossing", group_sequential::crossings),
    ("group_sequential_inference", group_sequential::inference),
    ("mann_whitney", ranks::mann_whitney),
    ("msprt", sequences::msprt),
    ("multiple_testing", families::multiple_testing),
    ("noninferiority", guardrails::noninferiority),
    ("one_proportion_ci", proportions::one_proportion_ci),
    ("permutation", ranks::permutation),
    ("power_means", planning::power_means),
    ("power_proportions", planning::power_proportions),
    ("quantile_ci", quantiles::quantile_ci),
    ("ratio_delta", means::ratio_delta),
    ("special_functions", special_functions::run),
    ("srm", counts::srm),
    ("two_proportion_z", proportions::two_proportion_z),
    ("welch_t", means::welch_t),
    ("winsorize_quantiles", quantiles::winsorize_quantiles),
];

fn known_methods() -> String {
    methods().collect::<Vec<_>>().join(", ")
}
