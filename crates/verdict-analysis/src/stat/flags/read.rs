//! Flags that several methods share, and how they are read.

use serde_json::{Map, Value, json};

use crate::flags::{self, Flag, FlagError, Given, flag};
use crate::methods::Sample;

pub(super) const ALPHA: Flag =
    flag("alpha", "A", "the level, 0.05 by default: intervals hold with 1 - A");
pub(super) const ALTERNATIVE: Flag = flag(
    "alternative",
    "WORD",
    "two-sided (the default), greater (the treatment is larger) or less",
);
pub(super) const CONTROL_RATE: Flag =
    flag("control", "X/N", "the control: X units of N have the outcome");
pub(super) const TREATMENT_RATE: Flag = flag("treatment", "X/N", "the treatment, likewise");
pub(super) const CONTROL_MEAN: Flag = flag(
    "control",
    "mean=M,sd=S,n=N",
    "the control's mean, standard deviation (or var=) and units; or its values: 1,2,3 or @file",
);
pub(super) const TREATMENT_MEAN: Flag =
    flag("treatment", "mean=M,sd=S,n=N", "the treatment, likewise");
pub(super) const CONTROL_ANY: Flag = flag(
    "control",
    "X/N | mean=M,sd=S,n=N",
    "the control: a rate, or mean, standard deviation and units; or values: 1,2,3 or @file",
);
pub(super) const TREATMENT_ANY: Flag =
    flag("treatment", "X/N | mean=M,sd=S,n=N", "the treatment, likewise");
pub(super) const CONTROL_LIST: Flag =
    flag("control", "1,2,3 | @file", "the control's values, one a unit");
pub(super) const TREATMENT_LIST: Flag =
    flag("treatment", "1,2,3 | @file", "the treatment's values, one a unit");

/// An input that grows key by key.
#[derive(Default)]
pub(super) struct Build(Map<String, Value>);

impl Build {
    pub(super) fn with(mut self, key: &str, value: impl Into<Value>) -> Self {
        self.0.insert(key.to_owned(), value.into());
        self
    }

    /// The number of an optional flag, under a key.
    pub(super) fn number(
        self,
        given: &Given<'_>,
        flag: &str,
        key: &str,
    ) -> Result<Self, FlagError> {
        Ok(match given.get(flag) {
            Some(value) => self.with(key, value.number()?),
            None => self,
        })
    }

    /// `alpha`, and the alternative that the sentence speaks of.
    pub(super) fn level(self, given: &Given<'_>) -> Result<Self, FlagError> {
        let build = self.number(given, "alpha", "alpha")?;
        Ok(match given.get("alternative") {
            Some(word) => build.with(
                "alternative",
                word.one_of(&[
                    ("two-sided", "two-sided"),
                    ("greater", "greater"),
                    ("less", "less"),
                ])?,
            ),
            None => build,
        })
    }

    /// Successes and trials of both variants: `x_c`, `n_c`, `x_t`, `n_t`.
    pub(super) fn rates(self, given: &Given<'_>) -> Result<Self, FlagError> {
        let ((x_c, n_c), (x_t, n_t)) =
            (given.need("control")?.rate()?, given.need("treatment")?.rate()?);
        Ok(self.with("x_c", x_c).with("n_c", n_c).with("x_t", x_t).with("n_t", n_t))
    }

    /// Means, variances and units of both variants: `mean_c`, `var_c`, `n_c` and so on.
    pub(super) fn means(self, given: &Given<'_>) -> Result<Self, FlagError> {
        let (c, t) = (sample(given.need("control")?)?, sample(given.need("treatment")?)?);
        Ok(self
            .with("mean_c", c.mean)
            .with("var_c", c.variance)
            .with("n_c", c.n)
            .with("mean_t", t.mean)
            .with("var_t", t.variance)
            .with("n_t", t.n))
    }

    pub(super) fn done(self) -> Result<Value, FlagError> {
        Ok(Value::Object(self.0))
    }
}

/// Mean, variance and units, given as such or as the values.
pub(super) fn sample(value: flags::Value<'_>) -> Result<Sample, FlagError> {
    const EXAMPLE: &str = "mean=32.48,sd=8.23,n=10000";
    if !value.is_named() {
        let values = value.numbers()?;
        return Sample::from_values(&values)
            .map_err(|error| value.malformed(value.text, &format!("{error}; two values or more")));
    }
    let [mean, sd, variance, n] = value.named(["mean", "sd", "var", "n"], EXAMPLE)?;
    let variance = match (sd, variance) {
        (Some(sd), None) if sd >= 0.0 => Some(sd * sd),
        (None, variance) => variance,
        _ => None,
    };
    match (mean, variance, n.and_then(whole)) {
        (Some(mean), Some(variance), Some(n)) => Ok(Sample { n, mean, variance }),
        _ => Err(value.malformed(
            value.text,
            &format!("mean, sd (or var) and a whole n, such as {EXAMPLE},"),
        )),
    }
}

/// A variant's rate, or mean, variance and units, as the methods of summaries take it.
pub(super) fn summary(value: flags::Value<'_>) -> Result<Value, FlagError> {
    if value.is_rate() {
        let (x, n) = value.rate()?;
        return Ok(json!({"kind": "proportion", "n": n, "sum": x}));
    }
    let sample = sample(value)?;
    Ok(json!({"kind": "moments", "n": sample.n, "mean": sample.mean, "var": sample.variance}))
}

/// A whole number that came among others that need not be whole.
pub(super) fn whole(value: f64) -> Option<u64> {
    (value.fract() == 0.0 && (0.0..1.8e19).contains(&value)).then_some(value as u64)
}
