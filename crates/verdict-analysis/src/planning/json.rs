//! A plan for machines.

use serde_json::{Map, Value, json};

use super::{Effect, Metric, Objective, Plan, Question};
use crate::methods::guardrail::{Better, Margin};
use crate::methods::power::Sides;

impl Plan {
    /// The plan as JSON: what was asked, `answers` by formula, and both curves as lists of pairs.
    #[must_use]
    pub fn json(&self) -> Value {
        let request = &self.request;
        let mut object = Map::new();
        let mut put = |key: &str, value: Value| object.insert(key.to_owned(), value);
        let (question, units) = match request.question {
            Question::SampleSize => ("sample_size", None),
            Question::Duration => ("duration", None),
            Question::Power { units } => ("power", Some(units)),
            Question::Mde { units } => ("mde", Some(units)),
        };
        put("question", question.into());
        put("units_given", units.into());
        put("metric", metric(&request.metric));
        put("objective", objective(&request.objective));
        put("effect_given", effect(request.effect));
        put("alpha", request.alpha.into());
        put("alpha_per_comparison", self.alpha_per_comparison.into());
        put("comparisons", self.comparisons.into());
        put("power", request.power.into());
        put("power_per_comparison", self.power_per_comparison.into());
        put(
            "sides",
            match (request.sides, request.objective) {
                (Sides::Two, Objective::Difference) => "two-sided",
                _ => "one-sided",
            }
            .into(),
        );
        put("split", request.split.clone().into());
        put("correlation", request.correlation.into());
        put("units_per_day", request.units_per_day.into());
        let answers = self.answers.iter().map(|answer| {
            json!({
                "formula": answer.formula.name(),
                "units": answer.units,
                "units_total": answer.total,
                "power": answer.power,
                "effect_absolute": answer.effect,
                "effect_relative": answer.effect_rel,
                "effect_absolute_down": answer.effect_down,
                "days": answer.days,
            })
        });
        put("answers", answers.collect());
        let pairs = |points: &[(f64, f64)]| points.iter().map(|(x, y)| json!([x, y])).collect();
        put("power_by_units", pairs(&self.power_by_units));
        put("power_by_effect", pairs(&self.power_by_effect));
        Value::Object(object)
    }
}

fn metric(metric: &Metric) -> Value {
    match *metric {
        Metric::Proportion { baseline } => json!({"kind": "proportion", "baseline": baseline}),
        Metric::Mean { mean, sd } => json!({"kind": "mean", "mean": mean, "sd": sd}),
        Metric::Ratio { mean_num, mean_den, var_num, var_den, cov } => json!({
            "kind": "ratio", "mean_num": mean_num, "mean_den": mean_den, "var_num": var_num,
            "var_den": var_den, "cov": cov,
        }),
    }
}

fn objective(objective: &Objective) -> Value {
    match *objective {
        Objective::Difference => json!({"kind": "difference"}),
        Objective::NonInferiority { margin, better, guardrails } => {
            let (scale, margin) = match margin {
                Some(Margin::Absolute(margin)) => (Some("absolute"), Some(margin)),
                Some(Margin::Relative(share)) => (Some("relative"), Some(share)),
                None => (None, None),
            };
            let better = match better {
                Better::Higher => "higher",
                Better::Lower => "lower",
            };
            json!({
                "kind": "non_inferiority", "margin": margin, "margin_scale": scale, "better": better,
                "guardrails": guardrails,
            })
        }
    }
}

fn effect(effect: Option<Effect>) -> Value {
    match effect {
        Some(Effect::Absolute(value)) => json!({"absolute": value}),
        Some(Effect::Relative(share)) => json!({"relative": share}),
        None => Value::Null,
    }
}
