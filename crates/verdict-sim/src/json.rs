//! A simulation as JSON.

use serde_json::{Map, Value, json};

use crate::effect::Size;
use crate::rate::{RATE_ALPHA, Rate};
use crate::simulation::{Duration, Simulation};

/// The version of this format: it changes when a key goes or changes its meaning.
pub const SCHEMA_VERSION: u32 = 1;

impl Simulation {
    /// The simulation as one JSON object.
    ///
    /// | key | meaning |
    /// | --- | --- |
    /// | `schema_version` | 1 |
    /// | `experiment`, `sequential_method`, `units_per_day` | what was simulated |
    /// | `experiments`, `seed` | how many experiments, and of which seed |
    /// | `confidence_level` | of the intervals of all rates (Wilson) |
    /// | `looks` | how many days each look closes |
    /// | `duration` | days until the last variant was decided: `mean_days`, `median_days`, `ended` (experiments by look) |
    /// | `variants[]` | `variant`, its own `duration`, and `decisions` by word: a rate with `reasons` by code |
    /// | `tests[]` | `metric`, `role`, `variant`, `effect` (null, or `relative` or `absolute`), `alpha`; the rates `significant` (at some look), `higher`, `lower`; `by_look` (share significant by then), `mean_days` to it |
    /// | `families[]` | `role`, `alpha`, `tests_without_effect`, and the rate `any_false` of one of them significant at some look |
    ///
    /// A rate has `count`, `rate`, `lower` and `upper`.
    #[must_use]
    pub fn json(&self) -> Value {
        let variants = self.variants.iter().map(|variant| {
            let decisions = variant.decisions.iter().map(|decided| {
                let reasons = decided.reasons.iter();
                let reasons: Map<String, Value> =
                    reasons.map(|(code, of)| (code.clone(), rate(of))).collect();
                let mut value = rate(&decided.rate);
                value["reasons"] = Value::Object(reasons);
                (decided.decision.clone(), value)
            });
            json!({
                "variant": variant.variant,
                "decisions": decisions.collect::<Map<String, Value>>(),
                "duration": duration(&variant.duration),
            })
        });
        let tests = self.tests.iter().map(|test| {
            json!({
                "metric": test.metric,
                "role": test.role,
                "variant": test.variant,
                "effect": test.effect.map(|size| match size {
                    Size::Relative(by) => json!({"relative": by}),
                    Size::Absolute(by) => json!({"absolute": by}),
                }),
                "alpha": test.alpha,
                "significant": rate(&test.significant),
                "higher": rate(&test.higher),
                "lower": rate(&test.lower),
                "by_look": test.by_look,
                "mean_days": test.mean_days,
            })
        });
        let families = self.families.iter().map(|family| {
            json!({
                "role": family.role,
                "alpha": family.alpha,
                "tests_without_effect": family.without_effect,
                "any_false": family.any_false.as_ref().map(rate),
            })
        });
        json!({
            "schema_version": SCHEMA_VERSION,
            "experiment": self.experiment,
            "sequential_method": self.method,
            "units_per_day": self.units_per_day,
            "experiments": self.runs.experiments,
            "seed": self.runs.seed,
            "confidence_level": 1.0 - RATE_ALPHA,
            "looks": self.looks,
            "duration": duration(&self.duration),
            "variants": variants.collect::<Vec<_>>(),
            "tests": tests.collect::<Vec<_>>(),
            "families": families.collect::<Vec<_>>(),
        })
    }
}

fn rate(rate: &Rate) -> Value {
    json!({"count": rate.count, "rate": rate.rate, "lower": rate.lower, "upper": rate.upper})
}

fn duration(duration: &Duration) -> Value {
    json!({
        "mean_days": duration.mean_days,
        "median_days": duration.median_days,
        "ended": duration.ended,
    })
}
