//! What an output says, in one sentence.

use serde_json::{Map, Value};

use super::super::fields::number;
use super::text::significant;
use crate::words::percent;

/// The question that was asked and what came out.
#[derive(Clone, Copy)]
pub(super) struct Said<'a> {
    pub(super) input: &'a Value,
    pub(super) output: &'a Map<String, Value>,
}

impl<'a> Said<'a> {
    pub(super) fn new(input: &'a Value, output: &'a Map<String, Value>) -> Self {
        Self { input, output }
    }

    pub(super) fn number(self, key: &str) -> Option<f64> {
        self.output.get(key).and_then(number).filter(|x| !x.is_nan())
    }

    pub(super) fn pair(self, key: &str) -> Option<(f64, f64)> {
        match self.output.get(key)?.as_array()?.as_slice() {
            [low, high] => Some((number(low)?, number(high)?)),
            _ => None,
        }
    }

    pub(super) fn is(self, key: &str) -> Option<bool> {
        self.output.get(key)?.as_bool()
    }

    pub(super) fn alpha(self) -> f64 {
        self.input.get("alpha").and_then(number).unwrap_or(0.05)
    }

    pub(super) fn asked(self, key: &str) -> Option<&'a str> {
        self.input.get(key).and_then(Value::as_str)
    }

    /// `95%`.
    pub(super) fn confidence(self) -> String {
        percent(1.0 - self.alpha())
    }

    /// `two-sided`, `greater` or `less`.
    pub(super) fn alternative(self) -> &'a str {
        self.asked("alternative").unwrap_or("two-sided")
    }

    /// `p = 0.000727 (two-sided)`, of the alternative that was asked for; the keys are `p_two_sided` and so on.
    pub(super) fn p(self) -> Option<String> {
        let stem = self.alternative().replace('-', "_");
        let p = self.number(&format!("p_{stem}"))?;
        let log_p = self.number(&format!("log_p_{stem}"));
        Some(format!("{} ({})", p_value(p, log_p), self.alternative()))
    }

    /// `, 95% interval a to b`, or the bound of a one-sided question; the keys are `stem`, `stem_greater_lower` and
    /// `stem_less_upper`.
    pub(super) fn interval(self, stem: &str, unit: Unit) -> Option<String> {
        let confidence = self.confidence();
        Some(match self.alternative() {
            "greater" => {
                let bound = self.number(&format!("{stem}_greater_lower"))?;
                format!("at least {} ({confidence} bound)", unit.signed(bound))
            }
            "less" => {
                let bound = self.number(&format!("{stem}_less_upper"))?;
                format!("at most {} ({confidence} bound)", unit.signed(bound))
            }
            _ => {
                let (low, high) = self.pair(stem)?;
                format!("{confidence} interval {} to {}", unit.signed(low), unit.signed(high))
            }
        })
    }

    /// `treatment − control = …, 95% interval …, p = …`.
    pub(super) fn difference(self, interval: &str, unit: Unit) -> Option<String> {
        let effect = unit.signed(self.number("diff")?);
        let parts = [
            Some(format!("treatment − control = {effect}")),
            self.interval(interval, unit),
            self.p(),
        ];
        Some(parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
    }
}

/// How effects are shown.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    /// The metric's own unit.
    Own,
    /// Percentage points of a rate.
    Points,
    /// Percent of the control.
    Percent,
}

impl Unit {
    /// A number with its sign and three significant digits.
    pub(super) fn signed(self, value: f64) -> String {
        let (factor, unit) = match self {
            Unit::Own => (1.0, ""),
            Unit::Points => (100.0, " points"),
            Unit::Percent => (100.0, "%"),
        };
        if value.is_infinite() {
            return if value > 0.0 { "infinity" } else { "minus infinity" }.to_owned();
        }
        let sign = if value > 0.0 { "+" } else { "" };
        format!("{sign}{}{unit}", significant(value * factor, 3))
    }
}

/// `p = 0.0315`, and a power of ten where p is beyond the range of a float.
pub(super) fn p_value(p: f64, log_p: Option<f64>) -> String {
    match log_p {
        Some(log_p) if p < 1e-300 => {
            format!("p = 10^{:.1}", log_p / std::f64::consts::LN_10)
        }
        _ if p == 0.0 => "p < 1e-307".to_owned(),
        _ => format!("p = {}", significant(p, 3)),
    }
}
