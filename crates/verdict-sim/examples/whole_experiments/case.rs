//! Experiment files and populations of the table, and of the short test.

use std::collections::BTreeMap;
use std::error::Error;

use verdict_model::{Experiment, load, population_of};
use verdict_sim::{Counted, Effect, Runs, Simulation, World};

/// Daily looks.
pub(crate) const DAYS: u32 = 28;

/// What the units of an experiment do, and the effect that power is shown at: about three standard errors at the end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Units {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// The population.
    pub(crate) population: &'static str,
    /// The metric of the experiment file.
    pub(crate) metric: &'static str,
    /// Its smallest effect of interest, which is the effect.
    pub(crate) mde: &'static str,
    /// The effect.
    pub(crate) effect: &'static str,
}

/// The worlds of the table.
pub(crate) const UNITS: [Units; 7] = [
    Units {
        name: "Gaussian",
        population: "units_per_day: 80\nmetrics: {m: {distribution: gaussian, mean: 10, sd: 1}}",
        metric: "m",
        mde: "mde_absolute: 0.127",
        effect: "m=+0.127",
    },
    Units {
        name: "Bernoulli(0.01)",
        population: "units_per_day: 2000\nmetrics: {p: {distribution: bernoulli, p: 0.01}}",
        metric: "p",
        mde: "mde_absolute: 0.0025",
        effect: "p=+0.0025",
    },
    Units {
        name: "zero-inflated log-normal",
        population: "units_per_day: 800\nmetrics:\n  \
            m: {distribution: zero_inflated_log_normal, zero: 0.95, mean_log: 0, sd_log: 1}",
        metric: "m",
        mde: "mde_relative: 0.3",
        effect: "m=+30%",
    },
    Units {
        name: "acting daily",
        population: "units_per_day: 40\nmetrics:\n  \
            m: {distribution: gaussian, mean: 1, sd: 1, cumulative: true, persistence: 0}",
        metric: "m",
        mde: "mde_relative: 0.11",
        effect: "m=+11%",
    },
    Units {
        name: "acting daily, half persistent",
        population: "units_per_day: 40\nmetrics:\n  \
            m: {distribution: gaussian, mean: 1, sd: 1.4142135623730951, cumulative: true, persistence: 0.5}",
        metric: "m",
        mde: "mde_relative: 0.233",
        effect: "m=+23.3%",
    },
    Units {
        name: "acting daily, all persistent",
        population: "units_per_day: 40\nmetrics:\n  \
            m: {distribution: gaussian, mean: 1, sd: 1, cumulative: true, persistence: 1}",
        metric: "m",
        mde: "mde_relative: 0.228",
        effect: "m=+22.8%",
    },
    Units {
        name: "skewed, acting daily, half persistent",
        population: "units_per_day: 100\nmetrics:\n  \
            m: {distribution: zero_inflated_log_normal, zero: 0.9, mean_log: 0, sd_log: 1, cumulative: true, \
            persistence: 0.5}",
        metric: "m",
        mde: "mde_relative: 0.35",
        effect: "m=+35%",
    },
];

/// Who looks, and when.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looks {
    /// Its name in the table.
    pub(crate) name: &'static str,
    /// Of `statistical_settings`.
    pub(crate) settings: &'static str,
    /// Whether it claims to be valid.
    pub(crate) valid: bool,
}

/// The methods of the table.
pub(crate) const LOOKS: [Looks; 6] = [
    // Without a planned end a fixed-horizon test is made on every day that is asked for.
    Looks { name: "naive: the fixed-horizon test every day", settings: "", valid: false },
    Looks {
        name: "`msprt`",
        settings: ", sequential_method: msprt, max_duration_days: 28",
        valid: true,
    },
    Looks {
        name: "`confidence_sequence`",
        settings: ", sequential_method: confidence_sequence, max_duration_days: 28",
        valid: true,
    },
    Looks {
        name: "`obrien_fleming`",
        settings: ", sequential_method: obrien_fleming, max_duration_days: 28",
        valid: true,
    },
    Looks {
        name: "`pocock`",
        settings: ", sequential_method: pocock, max_duration_days: 28",
        valid: true,
    },
    Looks { name: "`none`: the last day only", settings: ", max_duration_days: 28", valid: true },
];

/// The seed of the tables.
pub(crate) const SEED: u64 = 2026;

/// One metric, two variants, looked at in several ways: this many experiments of a seed.
pub(crate) fn together(
    units: &Units,
    looks: &[Looks],
    with_effect: bool,
    (experiments, seed): (u64, u64),
) -> Result<Vec<Simulation>, Box<dyn Error>> {
    let metrics = format!("primary: {{name: {}, {}}}", units.metric, units.mde);
    let effects: &[&str] = if with_effect { &[units.effect] } else { &[] };
    let variants = "[control, treatment]";
    let worlds = looks
        .iter()
        .map(|looks| world(&metrics, variants, looks, "", units.population, effects))
        .collect::<Result<Vec<World>, _>>()?;
    let runs = Runs { experiments, seed, threads: None, counted: Counted::TestsOnly };
    let worlds: Vec<&World> = worlds.iter().collect();
    Ok(World::simulate_together(&worlds, runs, &|_| ())?)
}

/// An experiment file of these metrics, variants and settings, repeated.
pub(crate) fn simulate(
    metrics: &str,
    variants: &str,
    looks: &Looks,
    guardrails: &str,
    population: &str,
    effects: &[&str],
    (experiments, counted): (u64, Counted),
) -> Result<Simulation, Box<dyn Error>> {
    let world = world(metrics, variants, looks, guardrails, population, effects)?;
    let runs = Runs { experiments, seed: SEED, threads: None, counted };
    Ok(world.simulate(runs, &|_| ())?)
}

fn world(
    metrics: &str,
    variants: &str,
    looks: &Looks,
    guardrails: &str,
    population: &str,
    effects: &[&str],
) -> Result<World, Box<dyn Error>> {
    let (experiment, types) = experiment(metrics, variants, looks, guardrails)?;
    let effects: Vec<Effect> = effects.iter().map(|text| text.parse()).collect::<Result<_, _>>()?;
    let population = population_of(&[("population".into(), population.to_owned())])?;
    let logged = BTreeMap::new();
    Ok(World::new(&experiment, &types, &population, &logged, &effects, Some(DAYS))?)
}

/// An experiment of these metrics, variants and settings, and the types of its project's metrics.
pub(crate) fn experiment(
    metrics: &str,
    variants: &str,
    looks: &Looks,
    guardrails: &str,
) -> Result<(Experiment, BTreeMap<String, String>), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let definitions = ["m", "m2", "m3", "g1", "g2", "g3"].map(|name| {
        format!("  {name}: {{type: mean, source: events, value: x, aggregate: sum}}\n")
    });
    let settings = looks.settings;
    let file = format!(
        "project: {{name: simulated}}
sources:
  events: {{path: events, timestamp: t, units: {{user: u}}}}
metrics:
  p: {{type: proportion, source: events, filter: x > 0}}
{}---
experiment:
  name: e
  design: {{unit: user, variants: {variants}}}
  metrics:
    {metrics}
  statistical_settings: {{alpha: 0.05{settings}}}
  guardrail_settings: {{alpha: 0.05{guardrails}}}
",
        definitions.concat()
    );
    std::fs::write(folder.path().join("project.yaml"), file)?;
    let project = load(folder.path())?;
    let experiment = project.experiment("e").ok_or("the file defines it")?;
    let metrics = project.metrics.iter();
    let types = metrics.map(|(name, metric)| (name.clone(), metric.kind.word().to_owned()));
    Ok((experiment.clone(), types.collect()))
}
