//! From day tables to group statistics: what an experiment's totals depend on, what of them is stale, and the sweep
//! that makes it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Days as Days64;
use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, SchemaRef};
use datafusion::common::ScalarValue;
use verdict_model::rows::TOP_SHARE;
use verdict_model::tables::{EXPOSURE_DAY, GROUP_STATS, UNIT_DAY, UNIT_TOTAL};
use verdict_model::{
    Aggregate, DataCounts, DayRows, Experiment, MetricKind, NaiveDate, SeveralVariants,
};

use crate::bind::Number;
use crate::component::{TotalDef, capped_column, covariate_column};
use crate::day::exposures_of;
use crate::diagnose::too_large;
use crate::distributions;
use crate::error::AtStage;
use crate::fingerprint::Fingerprint;
use crate::group_totals::{self, Segments};
use crate::job::{Job, Outcome, Tally};
use crate::partition::{self, Key, Made, Partition, Writer};
use crate::plan::ExperimentTask;
use crate::render::{self, MetricSql, SegmentSql};
use crate::sweep::{
    Base, Capped, Column, Covariate, Found, Keeper, Sweep, Task, Total, Watched, limits,
    unit_changes,
};
use crate::trust_rows::{self, WatchedMetric, Watching};
use crate::{Error, Result};

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
    others: Vec<Other>,
}

/// An experiment on the same units at the same time, with its exposures.
#[derive(Clone, Debug)]
struct Other {
    name: String,
    exposure: Vec<(NaiveDate, Partition)>,
}

impl Job {
    /// Makes what is stale of the totals and group statistics of `tasks`: one sweep for each type of unit.
    ///
    /// A failure of one experiment does not keep the others from theirs.
    pub(crate) async fn make_totals(
        &self,
        tasks: &[ExperimentTask],
        mut step: impl FnMut(&str),
        tally: &mut Tally,
        outcome: &mut Outcome,
    ) {
        let mut works: BTreeMap<(&str, DataType), Vec<Work<'_>>> = BTreeMap::new();
        self.exposures_of_others.lock().await.clear();
        for task in tasks {
            let experiment = &self.project.experiments[task.index];
            match self.work(experiment, task, tally).await {
                Ok(Some(work)) => {
                    let unit_type = experiment.design.unit.value.as_str();
                    let unit = unit_type_of(&work.days);
                    works.entry((unit_type, unit)).or_default().push(work);
                }
                Ok(None) => outcome.done(experiment, task),
                Err(error) => outcome.failed.push((experiment.name.value.clone(), error)),
            }
        }
        for ((unit_type, unit), works) in works {
            step(unit_type);
            let Err(error) = self.sweep(&unit, &works, tally).await else {
                works.iter().for_each(|work| outcome.done(work.experiment, work.task));
                continue;
            };
            // Whose fault it was is seen when each goes alone.
            let alone = works.len() == 1;
            let mut first = Some(error);
            for work in &works {
                let name = &work.experiment.name.value;
                let made = match alone {
                    true => first.take().map_or(Ok(()), Err),
                    false => self.sweep(&unit, std::slice::from_ref(work), tally).await,
                };
                match made {
                    Ok(()) => outcome.done(work.experiment, work.task),
                    Err(error) => {
                        let error = self.explained(error, work).await;
                        outcome.failed.push((name.clone(), error));
                    }
                }
            }
        }
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

    /// The experiments beside a task ([`Job::concurrent`]), as far as all of their exposures up to its last date are there.
    async fn others(&self, task: &ExperimentTask) -> Result<Vec<Other>> {
        let mut others = Vec::new();
        for (index, start, end) in self.concurrent(task) {
            let name = &self.project.experiments[index].name.value;
            let mut known = self.exposures_of_others.lock().await;
            let mut exposure = Vec::new();
            for day in start.iter_days().take_while(|day| *day <= end) {
                let found = match known.get(&(name.clone(), day)) {
                    Some(found) => found.clone(),
                    None => {
                        let key = Key::new(&EXPOSURE_DAY, &[name, &day.to_string()]);
                        let found = partition::find(&self.tables, &key).await?;
                        known.insert((name.clone(), day), found.clone());
                        found
                    }
                };
                // What another number of buckets made cannot be read beside the rest.
                let buckets = |found: &Partition| {
                    found.made.as_ref().map_or(0, |made| made.buckets.len()) as u32
                };
                let Some(found) = found.filter(|f| buckets(f) == self.project.buckets) else {
                    break;
                };
                exposure.push((day, found));
            }
            let whole = exposure.last().is_some_and(|(day, _)| *day == end);
            if whole {
                others.push(Other { name: name.clone(), exposure });
            }
        }
        Ok(others)
    }

    async fn stale(
        &self,
        experiment: &Experiment,
        task: &ExperimentTask,
        defs: &[TotalDef],
        metrics: &[MetricSql],
        (days, others): (&Days, &[Other]),
    ) -> Result<Stale> {
        let looks = &task.looks;
        let name = experiment.name.value.as_str();
        let key = |table, look: &NaiveDate| Key::new(table, &[name, &look.to_string()]);
        let mut keys: Vec<Key> = looks.iter().map(|look| key(&GROUP_STATS, look)).collect();
        keys.extend(looks.last().map(|last| key(&UNIT_TOTAL, last)));
        let mut found = partition::find_all(&self.tables, keys).await?.into_iter();
        let mut of_looks = Vec::new();
        for look in looks {
            let wanted =
                self.group_fingerprint((experiment, task), defs, metrics, (days, others), *look)?;
            of_looks.push((*look, because(&wanted, found.next().flatten().as_ref())));
        }
        let total = match looks.last() {
            Some(last) => {
                let wanted = self.total_fingerprint(experiment, defs, days, *last)?;
                because(&wanted, found.next().flatten().as_ref())
            }
            None => None,
        };
        Ok(Stale { total, looks: of_looks })
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
            let found = partition::find_all(&self.tables, keys.clone()).await?;
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

    fn total_fingerprint(
        &self,
        experiment: &Experiment,
        defs: &[TotalDef],
        days: &Days,
        as_of: NaiveDate,
    ) -> Result<Fingerprint> {
        let buckets = self.project.buckets.to_string();
        Ok(self.inputs_fingerprint(experiment, defs, days, as_of)?.with("buckets", [buckets]))
    }

    /// One sweep for all of `works`, whose units are of one type: what is stale of them is made.
    async fn sweep(&self, unit: &DataType, works: &[Work<'_>], tally: &mut Tally) -> Result<()> {
        let threads = self.ctx.copied_config().target_partitions();
        let mut sweep = self.sweep_of(unit, works);
        sweep.limits = limits(&sweep, threads).await.at(|| "caps of totals".to_owned())?;
        let sweep = Arc::new(sweep);
        let found = Arc::new(Found::new(&sweep));
        let mut keepers = Vec::new();
        for (number, work) in works.iter().enumerate() {
            let (Some(_), Some(last)) = (&work.stale.total, work.task.looks.last()) else {
                continue;
            };
            let key = Key::new(&UNIT_TOTAL, &[&work.experiment.name.value, &last.to_string()]);
            let schema = sweep.tasks[number].totals_schema(&sweep);
            let writer = Writer::new(&self.tables, &key, &schema)?;
            let wanted = self.total_fingerprint(work.experiment, &work.defs, &work.days, *last)?;
            let counts = counts_to(&work.days, *last);
            keepers.push(Keeper::new(number, writer, wanted, counts));
        }
        let keepers = Arc::new(keepers);
        let stage = || "unit_changes".to_owned();
        let table = unit_changes(&sweep, &found, &keepers, threads).at(stage)?;
        self.ctx.deregister_table("unit_changes").at(stage)?;
        self.ctx.register_table("unit_changes", Arc::new(table)).at(stage)?;
        let distinct = render::distinct_moments(works.iter().flat_map(|work| &work.metrics));
        let watched = works.iter().filter(|work| work.experiment.is_sequential());
        let pairs = render::pairs(&distinct, watched.flat_map(|work| &work.metrics));
        let sql = render::group_changes(&distinct, &pairs)?;
        let changes = self.collect(&sql, &[], || "group_changes".into()).await?;
        self.forget();

        let keepers = Arc::into_inner(keepers)
            .ok_or_else(|| Error::Internal("a sweep still writes after its end".into()))?;
        for keeper in keepers {
            keeper.finish(sweep.buckets).await?;
            tally.made += 1;
        }
        let mut cells = group_totals::by_task(&sweep, &found, &distinct, &pairs, &changes)?;
        for (number, work) in works.iter().enumerate() {
            let cells = cells.remove(&number).unwrap_or_default();
            let segments = Segments::of(work.experiment);
            let totals = group_totals::rows(&sweep, number, &segments, &distinct, &pairs, cells)?;
            self.make_group_stats(&sweep, &found, (number, work), totals, tally).await?;
        }
        Ok(())
    }

    fn sweep_of(&self, unit: &DataType, works: &[Work<'_>]) -> Sweep {
        let mut components: BTreeMap<&str, Column> = BTreeMap::new();
        for work in works {
            for (def, number) in work.defs.iter().zip(&work.numbers) {
                let component = &def.component;
                components.entry(&component.column).or_insert_with(|| Column {
                    name: component.column.clone(),
                    aggregate: component.aggregate,
                    number: *number,
                });
            }
        }
        let place =
            |def: &TotalDef| components.keys().position(|name| *name == def.component.column);
        // The totals of a work, and whether each of its windows is complete.
        let totals_of = |work: &Work<'_>| -> Vec<Total> {
            let of_components = work.defs.iter().map(|def| Total {
                name: def.column.clone(),
                component: place(def),
                window: def.window,
            });
            let windows = work.defs.iter().filter_map(|def| def.window).map(|window| Total {
                name: render::complete_column(window),
                component: None,
                window: Some(window),
            });
            of_components.chain(windows).collect()
        };
        let totals: BTreeMap<String, Total> =
            works.iter().flat_map(totals_of).map(|total| (total.name.clone(), total)).collect();
        let mut covariates: BTreeMap<(&str, u32), Covariate> = BTreeMap::new();
        for work in works {
            for (column, lookback_days) in self.components.covariates_of(work.experiment) {
                let Some(component) = components.keys().position(|name| *name == column) else {
                    continue;
                };
                let name = covariate_column(column, lookback_days);
                let covariate = Covariate { name, component, lookback_days };
                covariates.insert((column, lookback_days), covariate);
            }
        }
        let mut capped: BTreeMap<String, Capped> = BTreeMap::new();
        for work in works {
            for (column, caps) in self.components.capped_of(work.experiment) {
                let Some(total) = totals.keys().position(|name| *name == column) else { continue };
                let name = capped_column(&column, caps);
                capped.insert(name.clone(), Capped { name, total, caps });
            }
        }
        let mut unit_days: BTreeMap<NaiveDate, Partition> = BTreeMap::new();
        let mut tasks = Vec::new();
        for work in works {
            let made: BTreeSet<NaiveDate> = work.stale.stale_looks().collect();
            // The day before each is settled, so that it can be compared with, and not made again.
            let before = made.iter().filter_map(|look| work.task.before(*look));
            let looks: BTreeSet<NaiveDate> = before.chain(made.iter().copied()).collect();
            let looks: Vec<NaiveDate> = looks.into_iter().collect();
            let keep = work.task.looks.last().filter(|_| work.stale.total.is_some());
            let last = looks.last().into_iter().chain(keep).max().copied();
            let needed = |day: &NaiveDate| {
                work.base.as_ref().is_none_or(|base| *day > base.ds)
                    && last.is_some_and(|last| *day <= last)
            };
            let exposure_days = work.days.exposure.iter().filter(|(day, _)| needed(day));
            unit_days.extend(work.days.unit.iter().filter(|(day, _)| needed(day)).cloned());
            // Who is first met on a day after the base was somebody before.
            let lookback = Days64::new(u64::from(work.experiment.lookback_days()));
            let first = work.days.exposure.iter().map(|(day, _)| *day).find(|day| needed(day));
            let looked_at = |day: &NaiveDate| {
                let from = first.and_then(|first| first.checked_sub_days(lookback));
                from.is_some_and(|from| *day >= from) && last.is_some_and(|last| *day < last)
            };
            if work.experiment.lookback_days() > 0 {
                let known = work.days.before.iter().chain(&work.days.unit);
                unit_days.extend(known.filter(|(day, _)| looked_at(day)).cloned());
            }
            let own: BTreeSet<String> =
                totals_of(work).into_iter().map(|total| total.name).collect();
            let own = own.iter().filter_map(|name| totals.keys().position(|total| total == name));
            let of_days: BTreeSet<usize> = work.defs.iter().filter_map(place).collect();
            let past = self.components.covariates_of(work.experiment);
            let past = covariates.keys().zip(0..).filter(|(key, _)| past.contains(*key));
            tasks.push(Task {
                name: work.experiment.name.value.clone(),
                exclude: work.experiment.design.several_variants == SeveralVariants::Exclude,
                segments: work.experiment.dimensions().into_iter().map(str::to_owned).collect(),
                components: of_days.into_iter().collect(),
                totals: own.collect(),
                covariates: past.map(|(_, place)| place).collect(),
                capped: {
                    let own = self.components.capped_of(work.experiment).into_iter();
                    let names: BTreeSet<String> =
                        own.map(|(column, caps)| capped_column(&column, caps)).collect();
                    let of_task = capped.keys().zip(0..).filter(|(name, _)| names.contains(*name));
                    of_task.map(|(_, place)| place).collect()
                },
                base: work.base.clone(),
                exposure_days: exposure_days.cloned().collect(),
                looks,
                made,
                watched: work.experiment.is_sequential(),
                trust: Watched::default(),
            });
        }
        self.watch(works, &mut tasks);
        Sweep {
            tables: self.tables.clone(),
            buckets: self.project.buckets,
            unit: unit.clone(),
            totals: totals.into_values().collect(),
            components: components.into_values().collect(),
            covariates: covariates.into_values().collect(),
            capped: capped.into_values().collect(),
            limits: Vec::new(),
            unit_days: unit_days.into_iter().collect(),
            tasks,
        }
    }

    /// Says what of each task's units is looked at, and adds tasks for experiments that are only looked at: their exposures
    /// tell who is in them.
    fn watch(&self, works: &[Work<'_>], tasks: &mut Vec<Task>) {
        let mut places: BTreeMap<String, usize> =
            works.iter().map(|work| work.experiment.name.value.clone()).zip(0..).collect();
        for (number, work) in works.iter().enumerate() {
            let mut others = Vec::new();
            for other in &work.others {
                let place = *places.entry(other.name.clone()).or_insert_with(|| {
                    tasks.push(Task {
                        name: other.name.clone(),
                        exclude: false,
                        segments: Vec::new(),
                        components: Vec::new(),
                        totals: Vec::new(),
                        covariates: Vec::new(),
                        capped: Vec::new(),
                        base: None,
                        exposure_days: other.exposure.clone(),
                        looks: Vec::new(),
                        made: BTreeSet::new(),
                        watched: false,
                        trust: Watched::default(),
                    });
                    tasks.len() - 1
                });
                others.push(place);
            }
            let metrics = self.watched_metrics(work);
            let primary = metrics.iter().find(|m| m.name == work.experiment.primary.name.value);
            let task = &tasks[number];
            let exposed = task.exposure_days.iter().map(|(_, partition)| partition);
            let units = exposed.chain(task.base.iter().map(|base| &base.totals));
            let units: u64 = units.map(Partition::rows).sum();
            tasks[number].trust = Watched {
                primary: primary.map_or(Vec::new(), |metric| metric.columns.clone()),
                large: metrics
                    .iter()
                    .filter(|metric| metric.may_be_large())
                    .map(|metric| metric.columns.clone())
                    .collect(),
                most: (units as f64 * TOP_SHARE).ceil() as usize,
                others,
            };
        }
    }

    /// The metrics whose units checks look at: those of every unit, from exposure on.
    fn watched_metrics(&self, work: &Work<'_>) -> Vec<WatchedMetric> {
        let defs = work.defs.iter();
        let complete = defs.clone().filter_map(|def| def.window).map(render::complete_column);
        let totals: BTreeSet<String> = defs.map(|def| def.column.clone()).chain(complete).collect();
        let computed = work.experiment.metrics().filter_map(|metric| {
            let definition = self.project.metrics.get(&metric.name.value)?;
            Some((metric, &definition.kind, self.components.of_metric(metric)?))
        });
        computed
            .zip(&work.metrics)
            .filter_map(|((metric, kind, columns), sql)| {
                let place = |column: &String| totals.iter().position(|total| total == column);
                let columns: Vec<usize> = columns.iter().filter_map(place).collect();
                let (one_or_two, compared) = match kind {
                    MetricKind::Proportion(_) | MetricKind::Mean(_) => (1, true),
                    MetricKind::Ratio { .. } => (2, true),
                    // What they are computed of is not the unit's total itself.
                    MetricKind::Reaches { .. }
                    | MetricKind::Retention(_)
                    | MetricKind::Quantile { .. }
                    | MetricKind::Later(_) => (1, false),
                };
                let whole = metric.window.is_none() && columns.len() == one_or_two;
                (compared && whole).then(|| WatchedMetric {
                    name: metric.name.value.clone(),
                    metric_type: kind.word().to_owned(),
                    state: sql.moments_name(),
                    plain: metric.cuped.is_none() && metric.winsorize.is_none(),
                    columns,
                })
            })
            .collect()
    }

    async fn make_group_stats(
        &self,
        sweep: &Sweep,
        found: &Found,
        (number, work): (usize, &Work<'_>),
        totals: RecordBatch,
        tally: &mut Tally,
    ) -> Result<()> {
        let task = &sweep.tasks[number];
        if task.made.is_empty() {
            return Ok(());
        }
        let name = &work.experiment.name.value;
        let clustered = work.experiment.design.cluster.as_ref();
        // Units of one cluster are no independent ones: checks of units do not hold of them.
        let metrics = clustered.map_or_else(|| self.watched_metrics(work), |_| Vec::new());
        let large: Vec<WatchedMetric> =
            metrics.iter().filter(|metric| metric.may_be_large()).cloned().collect();
        let watching = Watching {
            experiment: work.experiment,
            task,
            segments: &Segments::of(work.experiment),
            primary: metrics.iter().find(|m| m.name == work.experiment.primary.name.value),
            large: &large,
            sweep,
        };
        let seen = found.take_seen(number);
        let of_trust = match clustered {
            Some(_) => BTreeMap::new(),
            None => watching.rows(found, &seen, &totals)?,
        };
        self.register("group_totals", &[totals])?;
        let segments: Vec<SegmentSql> =
            work.experiment.segments.iter().map(|s| SegmentSql::new(&s.value, "")).collect();
        let cluster = clustered.map(|cluster| SegmentSql::new(&cluster.value, ""));
        let sql = render::group_stats(&work.metrics, &segments, cluster.as_ref(), task.watched)?;
        let rows = self.collect(&sql, &[], || format!("group_stats of {name}")).await?;
        self.forget();
        let rows = rows.iter().map(distributions::spelled_out).collect::<Result<Vec<_>>>()?;
        let schema = crate::arrow_types::schema(&GROUP_STATS);
        let by_look = group_totals::split(&rows)?;
        let looks = task.looks.iter().enumerate();
        for (at, look) in looks.filter(|(_, look)| task.made.contains(look)) {
            let key = Key::new(&GROUP_STATS, &[name, &look.to_string()]);
            let wanted = self.group_fingerprint(
                (work.experiment, work.task),
                &work.defs,
                &work.metrics,
                (&work.days, &work.others),
                *look,
            )?;
            let mut counts = counts_to(&work.days, *look);
            counts.several_variants_examples = found.several_variants(number, at);
            let own: &[RecordBatch] = by_look.get(look).map_or(&[], Vec::as_slice);
            let of_trust = of_trust.get(look).map_or(&[][..], Vec::as_slice);
            let rows = [trust_rows::merged(own, of_trust)?];
            partition::write(&self.tables, &key, &schema, &rows, wanted, Some(counts)).await?;
            tally.made += 1;
        }
        Ok(())
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
                let sql = MetricSql::new(&m.name.value, kind, &columns, &past, m.window);
                Ok(match m.winsorize {
                    None => sql,
                    Some(caps) => sql.winsorized([caps.x, caps.y]),
                })
            })
            .collect()
    }
}

/// What a component's totals are.
pub(crate) fn total_number(aggregate: Aggregate, of_days: Number) -> Number {
    match aggregate {
        Aggregate::DistinctDays => Number::Integer,
        _ => of_days,
    }
}

/// Why `found` is not what is wanted; `None`: it is.
fn because(wanted: &Fingerprint, found: Option<&Partition>) -> Option<String> {
    let Some(found) = found else { return Some("missing".into()) };
    match &found.made {
        None => Some("not written by Verdict".into()),
        Some(made) => match wanted.changed_since(&made.fingerprint) {
            changed if changed.is_empty() => None,
            changed => Some(format!("changed: {}", changed.join(", "))),
        },
    }
}

/// The partition's own words about itself.
fn made<'a>(partition: &'a Partition, table: &str) -> Result<&'a Made> {
    partition.made.as_ref().ok_or_else(|| Error::Table {
        object: partition.object.location.to_string(),
        reason: format!("this {table} was not written by Verdict; remove it and run again"),
    })
}

/// What became of the logs' rows up to a day.
fn counts_to(days: &Days, as_of: NaiveDate) -> DataCounts {
    let mut counts = DataCounts::default();
    let partitions = days.exposure.iter().chain(&days.unit).filter(|(day, _)| *day <= as_of);
    for (day, partition) in partitions {
        if let Some(of_day) = partition.made.as_ref().and_then(|made| made.counts.as_ref()) {
            counts.add(of_day);
            counts.by_day.entry(*day).or_default().add(&DayRows::of(of_day));
        }
    }
    counts
}

impl Job {
    /// What the totals as of a day depend on: the same whether they were made from scratch or from earlier ones.
    fn inputs_fingerprint(
        &self,
        experiment: &Experiment,
        defs: &[TotalDef],
        days: &Days,
        as_of: NaiveDate,
    ) -> Result<Fingerprint> {
        let contents = |table: &str, partitions: &[(NaiveDate, Partition)]| {
            partitions
                .iter()
                .filter(|(day, _)| *day <= as_of)
                .map(|(day, partition)| Ok(format!("{day} {}", made(partition, table)?.content)))
                .collect::<Result<Vec<_>>>()
        };
        let several_variants = format!("{:?}", experiment.design.several_variants);
        let wanted = Fingerprint::new()
            .with("exposure_day", contents("exposure_day", &days.exposure)?)
            .with("unit_day", contents("unit_day", &days.unit)?)
            .with("rows of the logs", [format!("{:?}", counts_to(days, as_of))])
            .with("components", defs.iter().map(|def| def.column.clone()))
            .with("segments", experiment.dimensions().into_iter().map(str::to_owned))
            .with("units in several variants", [several_variants]);
        let covariates = self.components.covariates_of(experiment);
        if covariates.is_empty() {
            return Ok(wanted);
        }
        let names = covariates.iter().map(|(column, days)| covariate_column(column, *days));
        Ok(wanted
            .with("unit_day before the first day", contents("unit_day", &days.before)?)
            .with("covariates", names))
    }

    fn group_fingerprint(
        &self,
        (experiment, task): (&Experiment, &ExperimentTask),
        defs: &[TotalDef],
        metrics: &[MetricSql],
        (days, others): (&Days, &[Other]),
        look: NaiveDate,
    ) -> Result<Fingerprint> {
        let inputs = self.inputs_fingerprint(experiment, defs, days, look)?;
        let told_apart = experiment.segments.iter().map(|segment| segment.value.clone());
        let cluster = experiment.design.cluster.iter().map(|cluster| cluster.value.clone());
        let wanted = inputs
            .with("metrics", metrics.iter().map(|m| format!("{m:?}")))
            .with("segments told apart", told_apart.chain([experiment.segment_values.to_string()]))
            .with("primary metric", [experiment.primary.name.value.clone()])
            .with("cluster", cluster)
            .with("exposures to other experiments", exposures_to(others, look)?);
        Ok(match task.before(look) {
            Some(_) => wanted.with("compared with", ["the day before"]),
            None => wanted,
        })
    }
}

/// What other experiments' exposures up to a date are: only of those that have begun by then.
fn exposures_to(others: &[Other], look: NaiveDate) -> Result<Vec<String>> {
    let mut contents = Vec::new();
    for other in others {
        for (day, partition) in other.exposure.iter().filter(|(day, _)| *day <= look) {
            let content = &made(partition, "exposure_day")?.content;
            contents.push(format!("{} {day} {content}", other.name));
        }
    }
    Ok(contents)
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
