//! An experiment file, and what is true of its units.

use std::collections::BTreeMap;

use verdict_model::{Population, Project, load, population_of};
use verdict_sim::{Counted, Effect, Runs, SimError, Simulation, World};

/// A project of one experiment, `e`: metrics `m` (a mean), `p` (a proportion), `r` (a ratio), and more of the first.
pub(crate) fn project(metrics: &str, settings: &str) -> Project {
    let folder = tempfile::tempdir().expect("a folder");
    let file = format!(
        "project: {{name: simulated}}
sources:
  events: {{path: events, timestamp: t, units: {{user: u}}}}
metrics:
  m: {{type: mean, source: events, value: x, aggregate: sum}}
  m2: {{type: mean, source: events, value: x, aggregate: sum}}
  m3: {{type: mean, source: events, value: x, aggregate: sum}}
  p: {{type: proportion, source: events, filter: x > 0}}
  r:
    type: ratio
    numerator: {{source: events, value: x, aggregate: sum}}
    denominator: {{source: events, value: y, aggregate: sum}}
---
experiment:
  name: e
  design: {{unit: user, variants: [control, treatment]}}
  metrics:
{metrics}
{settings}
"
    );
    std::fs::write(folder.path().join("project.yaml"), file).expect("a file");
    load(folder.path()).expect("a project")
}

pub(crate) fn types(project: &Project) -> BTreeMap<String, String> {
    let metrics = project.metrics.iter();
    metrics.map(|(name, metric)| (name.clone(), metric.kind.word().to_owned())).collect()
}

pub(crate) fn population(text: &str) -> Population {
    population_of(&[("population.yaml".into(), text.to_owned())]).expect("a population")
}

pub(crate) fn world(project: &Project, units: &str, effects: &[&str]) -> Result<World, SimError> {
    let effects: Vec<Effect> = effects.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let experiment = project.experiment("e").expect("the experiment");
    let none = BTreeMap::new();
    World::new(experiment, &types(project), &population(units), &none, &effects, None)
}

pub(crate) fn simulate(world: &World, experiments: u64) -> Simulation {
    let runs = Runs { experiments, seed: 1, threads: None, counted: Counted::Decisions };
    world.simulate(runs, &|_| ()).expect("a simulation")
}

/// Whether a share of `of` runs is within four standard errors (and a slack) of what it should be.
#[track_caller]
pub(crate) fn near(share: f64, expected: f64, of: u64, slack: f64) {
    let allowed = 4.0 * (expected * (1.0 - expected) / of as f64).sqrt() + slack;
    assert!((share - expected).abs() <= allowed, "{share} is not {expected} ± {allowed}");
}
