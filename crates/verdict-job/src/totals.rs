//! From day tables to group statistics: what an experiment's totals depend on, what of them is stale, and the sweep
//! that makes it.

mod beside;
mod cells;
mod conserved;
mod cut;
mod fresh;
mod join;
mod statistics;
mod swept;
mod tasks;
mod telling;
mod unused;
mod works;

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use verdict_model::tables::{EXPOSURE_DAY, UNIT_DAY, UNIT_TOTAL};
use verdict_model::{Aggregate, Experiment, NaiveDate, Project};

use crate::bind::Number;
use crate::component::TotalDef;
use crate::day::exposures_of;
use crate::diagnose::too_large;
use crate::job::{Job, Outcome, Progress, Tally};
use crate::partition::{self, Key, Partition};
use crate::plan::{ExperimentTask, Plan};
use crate::render::MetricSql;
use crate::room::{allowed, mib};
use crate::shares::Shares;
use crate::sweep::{Base, Found, Seen, Sweep, least_bytes};
use crate::{Error, Result};
pub(crate) use beside::FoundDays;
use beside::Other;
use fresh::because;
use works::Made;

/// An experiment's day partitions, from its first day to its last look.
#[derive(Debug)]
pub(crate) struct Days {
    exposure: Vec<(NaiveDate, Partition)>,
    unit: Vec<(NaiveDate, Partition)>,
    /// The days before the first one that covariates look back to: `unit_day` alone.
    before: Vec<(NaiveDate, Partition)>,
}

/// What of an experiment's totals is stale.
#[derive(Debug)]
pub(crate) struct Stale {
    /// Why `unit_total` of the last look is to be made; `None`: it is fresh.
    pub(crate) total: Option<String>,
    /// The same of `group_stats`, by look.
    pub(crate) looks: Vec<(NaiveDate, Option<String>)>,
}

impl Stale {
    fn stale_looks(&self) -> impl Iterator<Item = NaiveDate> {
        self.looks.iter().filter(|(_, reason)| reason.is_some()).map(|(look, _)| *look)
    }

    fn anything(&self) -> bool {
        self.total.is_some() || self.looks.iter().any(|(_, reason)| reason.is_some())
    }
}

/// An experiment that a sweep makes something for.
struct Work<'a> {
    experiment: &'a Experiment,
    task: &'a ExperimentTask,
    defs: Vec<TotalDef>,
    numbers: Vec<Number>,
    metrics: Vec<MetricSql>,
    days: Days,
    stale: Stale,
    base: Option<Base>,
    others: Vec<Arc<Other>>,
}

impl Job {
    /// Makes what is stale of the totals and group statistics of `tasks`: of the shares that others have made, where they have made
    /// all of an experiment's, and else by one sweep for each type of unit.
    ///
    /// A failure of one experiment does not keep the others from theirs.
    pub(crate) async fn make_totals(
        &self,
        tasks: &[ExperimentTask],
        (progress, (done, of)): (&dyn Progress, (usize, usize)),
        tally: &mut Tally,
        outcome: &mut Outcome,
    ) {
        let mut works = Vec::new();
        self.forget_days().await;
        let mut shares: Option<Shares> = None;
        for task in tasks {
            let experiment = &self.project.experiments[task.index];
            let name = &experiment.name.value;
            let work = match self.work(experiment, task, tally).await {
                Ok(Some(work)) => work,
                Ok(None) => {
                    outcome.done(experiment, task);
                    continue;
                }
                Err(error) => {
                    outcome.failed.push((name.clone(), error));
                    continue;
                }
            };
            if shares.is_none() {
                match Shares::list(&self.tables, None).await {
                    Ok(listed) => shares = Some(listed),
                    Err(error) => {
                        outcome.failed.push((name.clone(), error));
                        continue;
                    }
                }
            }
            let listed = shares.get_or_insert_default();
            match self.join_task(task, listed, progress, tally).await {
                Ok(true) => outcome.done(experiment, task),
                Ok(false) => works.push(work),
                Err(error) => outcome.failed.push((name.clone(), error)),
            }
        }
        if works.is_empty() {
            return;
        }
        let swept: Vec<&str> = works.iter().map(|w| w.experiment.name.value.as_str()).collect();
        self.make_works(works, Made::All, (progress, (done, of)), tally, outcome).await;
        // Shares that were too few to be joined, or came meanwhile: nobody needs them any more. What stays is removed by `gc`.
        let _ = self.remove_joined(&swept).await;
    }

    /// What there is to do for an experiment; `None`: nothing.
    async fn work<'a>(
        &'a self,
        experiment: &'a Experiment,
        task: &'a ExperimentTask,
        tally: &mut Tally,
    ) -> Result<Option<Work<'a>>> {
        let days = self.days(experiment, task).await?;
        let (defs, numbers, metrics) = self.defined(experiment, &days)?;
        let others = self.others(task).await?;
        let stale = self.stale(experiment, task, &defs, &metrics, (&days, &others)).await?;
        tally.fresh += u64::from(stale.total.is_none());
        tally.fresh += (stale.looks.len() - stale.stale_looks().count()) as u64;
        if !stale.anything() {
            return Ok(None);
        }
        let last = task.looks.last().copied();
        let Some(no_later) = stale.stale_looks().next().or(last) else { return Ok(None) };
        // What a date has in common with the day before is seen by a sweep that passes both.
        let no_later = task.before(no_later).unwrap_or(no_later);
        let base = self.base(experiment, &defs, &days, no_later).await?;
        Ok(Some(Work { experiment, task, defs, numbers, metrics, days, stale, base, others }))
    }

    /// The experiment's totals, what their components are in its days, and its metrics.
    fn defined(
        &self,
        experiment: &Experiment,
        days: &Days,
    ) -> Result<(Vec<TotalDef>, Vec<Number>, Vec<MetricSql>)> {
        let defs = self.components.of_experiment(experiment);
        let numbers = one_type_each(self, &defs, days)?;
        let metrics = self.metrics_of(experiment, &|column| {
            let found = defs.iter().position(|def| def.column == column);
            let number = found.map(|at| total_number(defs[at].component.aggregate, numbers[at]));
            number.ok_or_else(|| Error::Internal(format!("{column} is no total")))
        })?;
        Ok((defs, numbers, metrics))
    }

    /// What of an experiment's totals is stale, given that its days are not.
    pub(crate) async fn totals_stale(
        &self,
        experiment: &Experiment,
        task: &ExperimentTask,
    ) -> Result<Stale> {
        let days = self.days(experiment, task).await?;
        let (defs, _, metrics) = self.defined(experiment, &days)?;
        let others = self.others(task).await?;
        self.stale(experiment, task, &defs, &metrics, (&days, &others)).await
    }

    async fn days(&self, experiment: &Experiment, task: &ExperimentTask) -> Result<Days> {
        let (name, unit_type) = (&experiment.name.value, &experiment.design.unit.value);
        let mut read = Days { exposure: Vec::new(), unit: Vec::new(), before: Vec::new() };
        for (table, value, days, into) in [
            (&EXPOSURE_DAY, name, &task.days, &mut read.exposure),
            (&UNIT_DAY, unit_type, &task.days, &mut read.unit),
            (&UNIT_DAY, unit_type, &task.days_before, &mut read.before),
        ] {
            let keys = days.iter().map(|day| Key::new(table, &[value, &day.to_string()]));
            let keys: Vec<Key> = keys.collect();
            let found = self.find_days(&keys).await?;
            for ((day, key), partition) in days.iter().zip(keys).zip(found) {
                let gone = || Error::Table {
                    object: key.to_string(),
                    reason: "it was there and is not any more: run again, and it will be made"
                        .into(),
                };
                into.push((*day, partition.ok_or_else(gone)?));
            }
        }
        Ok(read)
    }

    /// The latest totals from which a sweep for looks from `no_later` on may begin.
    async fn base(
        &self,
        experiment: &Experiment,
        defs: &[TotalDef],
        days: &Days,
        no_later: NaiveDate,
    ) -> Result<Option<Base>> {
        let name = &experiment.name.value;
        let dates = partition::dates(&self.tables, &UNIT_TOTAL, name).await?;
        let dates = dates
            .into_iter()
            .filter(|ds| *ds <= no_later && days.exposure.iter().any(|(day, _)| day == ds));
        for ds in dates.rev() {
            let key = Key::new(&UNIT_TOTAL, &[name, &ds.to_string()]);
            let wanted = self.total_fingerprint(experiment, defs, days, ds)?;
            let found = partition::find(&self.tables, &key).await?;
            if let Some(totals) = found.filter(|found| because(&wanted, Some(found)).is_none()) {
                return Ok(Some(Base { ds, totals }));
            }
        }
        Ok(None)
    }

    /// Whether the sweeps of `plan` fit in memory, as far as that is known: before the days are made it is not.
    ///
    /// # Errors
    /// One does not fit; a table cannot be read.
    pub async fn fits(&self, plan: &Plan) -> Result<()> {
        if plan.makes_days() {
            return Ok(());
        }
        for task in &plan.experiments {
            let experiment = &self.project.experiments[task.index];
            if let Some(work) = self.work(experiment, task, &mut Tally::default()).await? {
                let unit = unit_type_of(&work.days);
                let works = std::slice::from_ref(&work);
                self.threads_with_room(&self.sweep_of(&unit, works), works)?;
            }
        }
        Ok(())
    }

    /// How many threads can hold a bucket each.
    ///
    /// # Errors
    /// Not even one can.
    fn threads_with_room(&self, sweep: &Sweep, works: &[Work<'_>]) -> Result<usize> {
        let threads = self.ctx.copied_config().target_partitions().max(1);
        let (least, allowed) = (least_bytes(sweep).max(1), allowed(&self.ctx));
        if least <= allowed {
            let with_room = usize::try_from(allowed / least).unwrap_or(usize::MAX);
            return Ok(threads.min(with_room));
        }
        let names: Vec<&str> =
            works.iter().map(|work| work.experiment.name.value.as_str()).collect();
        let buckets = u64::from(sweep.buckets);
        let enough = least.saturating_mul(buckets).div_ceil(allowed.max(1)).next_power_of_two();
        let remedy = match u32::try_from(enough).ok().filter(|n| *n <= Project::MOST_BUCKETS) {
            Some(enough) => format!(
                "allow more, or write `buckets: {enough}` or more under `project` in project.yaml: the days are then made \
                 again, and the results stay the same"
            ),
            None => "allow more".to_owned(),
        };
        Err(Error::Memory {
            what: format!("one of {buckets} buckets of the totals of {}", names.join(", ")),
            needed: mib(least),
            allowed: mib(allowed),
            remedy,
        })
    }

    /// What made a sweep fail: a damaged partition, or a sum that grew too large.
    async fn explained(&self, error: Error, work: &Work<'_>) -> Error {
        let base = work.base.iter().map(|base| &base.totals);
        let days = work.days.exposure.iter().chain(&work.days.unit).chain(&work.days.before);
        let days = days.map(|(_, p)| p);
        for partition in days.chain(base) {
            if let Err(damaged) = partition::read(&self.tables, &partition.object).await {
                return damaged;
            }
        }
        too_large(error, work.defs.iter().map(|def| &def.component))
    }

    /// The experiment's metrics that are computed; `number` tells what a total is.
    pub(crate) fn metrics_of(
        &self,
        experiment: &Experiment,
        number: &dyn Fn(&str) -> Result<Number>,
    ) -> Result<Vec<MetricSql>> {
        experiment
            .metrics()
            .filter_map(|m| {
                let definition = self.project.metrics.get(&m.name.value)?;
                Some((m, definition, self.components.of_metric(m)?))
            })
            .map(|(m, definition, columns)| {
                let columns = columns
                    .into_iter()
                    .map(|column| Ok((column.clone(), number(&column)?)))
                    .collect::<Result<Vec<_>>>()?;
                // A covariate is what its total is, in the same order.
                let past = self.components.past_of(m).into_iter().zip(&columns);
                let past: Vec<(String, Number)> =
                    past.map(|(column, (_, number))| (column, *number)).collect();
                let kind = &definition.kind;
                let covariates: &[(String, Number)] = if m.cuped.is_some() { &past } else { &[] };
                let sql = MetricSql::new(&m.name.value, kind, &columns, covariates, m.window);
                let sql = match m.winsorize {
                    None => sql,
                    Some(caps) => sql.winsorized([caps.x, caps.y]),
                };
                let sql = if m.bootstrap.is_some() { sql.resampled() } else { sql };
                Ok(if m.pre_period_days.is_some() { sql.compared_by(&past) } else { sql })
            })
            .collect()
    }
}

/// What a component's totals are.
pub(crate) fn total_number(aggregate: Aggregate, of_days: Number) -> Number {
    match aggregate {
        Aggregate::DistinctDays | Aggregate::Distinct => Number::Integer,
        Aggregate::First | Aggregate::Last => Number::Float,
        Aggregate::FirstCategory | Aggregate::LastCategory | Aggregate::MostFrequent => {
            Number::Text
        }
        _ => of_days,
    }
}

/// The type of each component, the same on all days.
fn one_type_each(job: &Job, defs: &[TotalDef], days: &Days) -> Result<Vec<Number>> {
    let of_days = days.exposure.iter().chain(&days.unit).chain(&days.before);
    let of_days: Vec<&(NaiveDate, Partition)> = of_days.collect();
    defs.iter()
        .map(|def| {
            let mut seen: Option<(NaiveDate, Number)> = None;
            for (day, partition) in &of_days {
                let number = number_of(&partition.schema, &def.component.column)?;
                match seen {
                    Some((other, first)) if first != number => {
                        let value = def.component.value.as_ref().or(def.component.filter.as_ref());
                        let place = value.map_or(&job.project.tables.place, |v| &v.place);
                        return Err(Error::Definition {
                            place: Box::new(place.clone()),
                            reason: format!(
                                "the value is {} on {other} and {} on {day}: the log's column changed its type; write \
                                 CAST(… AS DOUBLE) so that every day has the same",
                                first.words(),
                                number.words()
                            ),
                        });
                    }
                    _ => seen = Some((*day, number)),
                }
            }
            seen.map(|(_, number)| number)
                .ok_or_else(|| Error::Internal("an experiment without days".into()))
        })
        .collect()
}

pub(crate) fn number_of(schema: &SchemaRef, column: &str) -> Result<Number> {
    let found = schema.field_with_name(column).ok().map(|field| field.data_type());
    found.and_then(Number::of).ok_or_else(|| {
        Error::Internal(format!("component {column} is not in the table (found {found:?})"))
    })
}

fn unit_type_of(days: &Days) -> DataType {
    days.exposure
        .first()
        .and_then(|(_, partition)| partition.schema.field_with_name("unit").ok())
        .map_or(DataType::Utf8, |field| field.data_type().clone())
}

/// A date as the engine has it.
pub(crate) fn date(day: NaiveDate) -> ScalarValue {
    let epoch = NaiveDate::default();
    ScalarValue::Date32(Some(i32::try_from((day - epoch).num_days()).unwrap_or(i32::MAX)))
}

/// Whether an experiment can be read at all: it needs exposures.
pub(crate) fn needs_exposures(experiment: &Experiment) -> Result<&str> {
    exposures_of(experiment).ok_or_else(|| Error::Definition {
        place: Box::new(experiment.name.place.clone()),
        reason: "no exposures are defined: add `exposures:` to the project, naming the source and the columns that \
                 tell which unit met which variant"
            .into(),
    })
}
