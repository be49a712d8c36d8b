//! What a file may say and hardly means.

use std::fmt;

use crate::{
    Aggregate, Experiment, ExperimentMetric, GuardrailTest, Margin, Mde, MetricKind, Place,
    Project, Role, SequentialMethod,
};

/// Something that is allowed and will disappoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice {
    /// Where it is written.
    pub place: Place,
    /// The experiment.
    pub experiment: String,
    /// What it leads to, and what to write instead.
    pub words: String,
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.words)
    }
}

/// All of it, experiment by experiment.
///
/// `msprt` tunes its mixture to the effect that is looked for *at the first look*. Of a total that grows with the days an
/// absolute effect is another one every day.
#[must_use]
pub fn advice(project: &Project) -> Vec<Advice> {
    let of = |experiment| growing(project, experiment);
    project.experiments.iter().flat_map(of).collect()
}

fn growing<'a>(
    project: &'a Project,
    experiment: &'a Experiment,
) -> impl Iterator<Item = Advice> + 'a {
    let settings = &experiment.settings;
    let watched = settings.sequential == SequentialMethod::Msprt;
    let metrics = experiment.metrics().filter(move |_| watched);
    metrics.filter_map(|metric| {
        let (key, share) = absolute(metric)?;
        let tuned = metric.role == Role::Primary && settings.tau.is_some();
        // A window that is complete does not grow any more.
        if tuned || metric.window.is_some() || !grows(&project.metrics.get(&metric.name.value)?.kind) {
            return None;
        }
        let name = &metric.name.value;
        let tau = if metric.role == Role::Primary {
            ", or `statistical_settings.tau`, the effect at the first look"
        } else {
            ""
        };
        Some(Advice {
            place: metric.name.place.clone(),
            experiment: experiment.name.value.clone(),
            words: format!(
                "`{key}` of {name}, a total that grows from day to day: `msprt` takes it for the effect at the first look, \
                 and hardly sees the effects that it becomes on later days; write `{share}`, a share of the control's \
                 level{tau}"
            ),
        })
    })
}

/// The key of an effect in the metric's own unit by which the mixture is tuned, and that of the same as a share.
fn absolute(metric: &ExperimentMetric) -> Option<(&'static str, &'static str)> {
    match (metric.test, metric.mde) {
        (GuardrailTest::NonInferiority(Margin::Absolute(_)), _) => {
            Some(("margin_absolute", "margin_relative"))
        }
        (GuardrailTest::Deterioration, Some(Mde::Absolute(_))) => {
            Some(("mde_absolute", "mde_relative"))
        }
        _ => None,
    }
}

/// Whether the mean grows as long as units act.
fn grows(kind: &MetricKind) -> bool {
    let adds = |aggregate| {
        matches!(
            aggregate,
            Aggregate::Sum | Aggregate::Count | Aggregate::DistinctDays | Aggregate::Distinct
        )
    };
    matches!(kind, MetricKind::Mean(component) if adds(component.aggregate))
}
