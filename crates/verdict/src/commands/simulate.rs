//! `verdict simulate`: an experiment repeated, on units whose truth is stated.

use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::sync::Arc;

use verdict_job::ReadStats;
use verdict_model::rows::{GroupStat, SEVERAL_VARIANTS, WHOLE};
use verdict_model::{
    Experiment, LoadError, NaiveDate, Population, Project, population_file, population_of,
};
use verdict_sim::{Counted, LoggedDay, Runs, World};

use super::{date, job};
use crate::args::{self, Format};
use crate::exit::{Exit, Failure};
use crate::progress::Counter;

/// How often the progress is told.
const STEPS: u64 = 200;

pub(crate) async fn simulate(args: args::Simulate) -> Result<Exit, Failure> {
    let project = verdict_model::load(&args.project.project)?;
    let experiment = chosen(&project, args.experiment.as_deref())?;
    let mut texts = Vec::new();
    let mut logged = BTreeMap::new();
    if args.from_logs {
        let (units_per_day, days) = from_logs(&args, &experiment).await?;
        texts.push(("--from-logs".into(), format!("units_per_day: {units_per_day}")));
        logged = days;
    }
    let population = population(&args, texts)?;
    let types = project.metrics.iter();
    let types = types.map(|(name, metric)| (name.clone(), metric.kind.word().to_owned())).collect();
    let world = World::new(&experiment, &types, &population, &logged, &args.effect, args.days)
        .map_err(Failure::usage)?;
    let runs = Runs {
        experiments: args.experiments,
        seed: args.seed,
        threads: args.project.limits.threads,
        counted: if args.every_look { Counted::EveryLook } else { Counted::Decisions },
    };
    let line = Counter::new(args.quiet);
    let of = args.experiments.max(1);
    let told = (of / STEPS).max(1);
    let step = |done: u64| {
        if done.is_multiple_of(told) || done == of {
            let count = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
            line.told(count(done), count(of), "experiments");
        }
    };
    let simulation = world.simulate(runs, &step);
    line.end();
    let simulation = simulation.map_err(Failure::world)?;
    let mut out = io::stdout().lock();
    match args.project.format {
        Format::Text => writeln!(out, "{}", simulation.text().trim_end())?,
        Format::Json => writeln!(out, "{:#}", simulation.json())?,
    }
    out.flush()?;
    Ok(Exit::Done)
}

/// The experiment that was named, or the only one.
fn chosen(project: &Project, name: Option<&str>) -> Result<Experiment, Failure> {
    let experiments = project.some_experiments()?;
    let names: Vec<&str> = experiments.iter().map(|e| &*e.name.value).collect();
    let usage = |text: String| Failure::usage(verdict_job::Error::Usage(text));
    match (name, experiments) {
        (None, [only]) => Ok(only.clone()),
        (None, _) => Err(usage(format!(
            "the project defines several experiments; name the one to simulate: {}",
            names.join(", ")
        ))),
        (Some(name), _) => project.experiment(name).cloned().ok_or_else(|| {
            let near = verdict_model::nearest(name, names.iter().copied());
            let hint = near.map_or(String::new(), |near| format!("; did you mean `{near}`?"));
            usage(format!("there is no experiment `{name}`{hint} (there are {})", names.join(", ")))
        }),
    }
}

/// What the file and the flags say of units; flags replace what the file says.
fn population(
    args: &args::Simulate,
    mut texts: Vec<(Arc<str>, String)>,
) -> Result<Population, LoadError> {
    if let Some(file) = &args.population {
        texts.push(population_file(file)?);
    }
    if let Some(units) = args.units_per_day {
        texts.push(("--units-per-day".into(), format!("units_per_day: {units}")));
    }
    for (name, behaviour) in &args.metric {
        // A name in quotes may hold anything; a quote within it is doubled.
        let name = name.replace('\'', "''");
        texts.push((
            format!("--metric {name}").into(),
            format!("metrics: {{'{name}': {behaviour}}}"),
        ));
    }
    if texts.is_empty() {
        texts.push(("--units-per-day".into(), "metrics: {}".to_owned()));
    }
    population_of(&texts)
}

/// Units a day, and what the control's group statistics show of each metric, day by day.
async fn from_logs(
    args: &args::Simulate,
    experiment: &Experiment,
) -> Result<(f64, BTreeMap<String, Vec<LoggedDay>>), Failure> {
    let job = job(&args.project)?;
    let usage = |text: String| Failure::usage(verdict_job::Error::Usage(text));
    let name = &experiment.name.value;
    let start = experiment.start.ok_or_else(|| {
        usage(format!(
            "experiment `{name}` has no `start`, so that its first day is not known; write it in its file"
        ))
    })?;
    let scope = args::Scope { date: args.date, experiment: Vec::new() };
    let date = date(&scope, &job);
    let until = experiment.end.map_or(date, |end| end.min(date));
    let control = &experiment.design.control.value;
    let mut days: BTreeMap<String, Vec<GroupStat>> = BTreeMap::new();
    let mut units = 0;
    let mut read = ReadStats::default();
    let dates: Vec<NaiveDate> = start.iter_days().take_while(|day| *day <= until).collect();
    for day in &dates {
        let rows = job.group_stats_history(experiment, *day, &mut read).await?.rows;
        let whole = rows.into_iter().filter(|row| row.ds == *day && row.segment == WHOLE);
        let (exposed, rows): (Vec<GroupStat>, Vec<GroupStat>) =
            whole.partition(|row| row.metric == SEVERAL_VARIANTS);
        units = exposed.iter().map(|row| row.n).sum();
        for row in rows.into_iter().filter(|row| row.variant == *control) {
            days.entry(row.metric.clone()).or_default().push(row);
        }
    }
    if units <= 0 {
        return Err(usage(format!(
            "the group statistics of `{name}` show no unit up to {until}; choose a date after its start, {start}"
        )));
    }
    let logged = days.into_iter().map(|(metric, rows)| (metric, LoggedDay::series(&rows)));
    Ok((units as f64 / dates.len() as f64, logged.collect()))
}
