//! What is true of a generated log.

use serde_json::{Value, json};

use crate::Spec;

/// What was planted, and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Truth {
    /// The spec.
    pub spec: Spec,
    /// Rows of the event log.
    pub events: u64,
    /// Rows of the exposure log.
    pub exposures: u64,
    /// Units exposed, by experiment and arm, as the log has them.
    pub exposed: Vec<Vec<u64>>,
    /// Size of the files, in bytes.
    pub bytes: u64,
}

impl Truth {
    /// As JSON, with the effects by experiment and arm.
    pub fn json(&self) -> Value {
        let spec = &self.spec;
        let experiments = spec.experiments.iter().zip(&self.exposed).map(|(planned, exposed)| {
            let arms = planned.arms.iter().zip(exposed).map(|(arm, exposed)| {
                let effects: serde_json::Map<String, Value> = arm
                    .effects
                    .iter()
                    .map(|(quantity, share)| (quantity.to_string(), json!(share)))
                    .collect();
                json!({"variant": arm.name, "effects": effects, "units_exposed": exposed})
            });
            json!({
                "experiment": planned.name,
                "start": spec.date(planned.start).to_string(),
                "share_of_units": planned.share,
                "variants": arms.collect::<Vec<_>>(),
            })
        });
        json!({
            "from": spec.from.to_string(),
            "days": spec.days,
            "users": spec.users,
            "events_per_visit": spec.events_per_visit,
            "seed": spec.seed,
            "plants": spec.plants.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "events": self.events,
            "exposures": self.exposures,
            "experiments": experiments.collect::<Vec<_>>(),
        })
    }
}
