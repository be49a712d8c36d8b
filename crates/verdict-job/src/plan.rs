//! What a run would make, and why.

mod experiment;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::Datelike as _;
use verdict_model::tables::{EXPOSURE_DAY, GROUP_STATS, UNIT_DAY, UNIT_TOTAL};
use verdict_model::{Experiment, NaiveDate};

use crate::complete::Incomplete;
use crate::day::{DayTask, key_of, source_text};
use crate::fingerprint::Fingerprint;
use crate::job::Job;
use crate::log::{DayObjects, Log};
use crate::partition::{Key, Partition};
use crate::plain::meant;
use crate::totals::needs_exposures;
use crate::{Error, Result};
pub(crate) use experiment::ExperimentTask;

/// What becomes of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is made, for this reason.
    Make(String),
    /// It is there and still true.
    Fresh,
}

/// One partition of the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The table.
    pub table: &'static str,
    /// Its folders: `experiment=men/ds=2019-11-30`.
    pub partition: String,
    /// What becomes of it.
    pub action: Action,
    /// Bytes of log objects that making it reads (those of a day are read once for all its tables, and
    /// are given on the first of them).
    pub bytes: u64,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.table, self.partition)
    }
}

/// What a run for one date, or a range of dates, would make, in order, and why.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Every partition that the dates need.
    pub items: Vec<Item>,
    /// Experiments that the dates do not concern, and why.
    pub skipped: Vec<(String, String)>,
    /// Bytes of log objects that need not be read: what is made of them is there and still true.
    pub fresh_bytes: u64,
    /// Days that are not whole by what their sources ask (`complete`), by day.
    pub incomplete: Vec<Incomplete>,
    pub(crate) days: Vec<DayTask>,
    pub(crate) experiments: Vec<ExperimentTask>,
}

impl Plan {
    /// Bytes of log objects that will be read.
    pub fn bytes(&self) -> u64 {
        self.items.iter().map(|item| item.bytes).sum()
    }

    /// Whether any day is to be made.
    pub fn makes_days(&self) -> bool {
        !self.days.is_empty()
    }

    /// Whether any totals or group statistics are to be made.
    pub fn makes_totals(&self) -> bool {
        let of_totals = |item: &&Item| [UNIT_TOTAL.name, GROUP_STATS.name].contains(&item.table);
        self.items.iter().filter(of_totals).any(|item| item.action != Action::Fresh)
    }

    /// Keeps one of `of` shares of the days to be made, the `index`-th from 1, and nothing that follows from them: a share is
    /// told by the dates alone, so that every process cuts alike, whatever the others have made by then.
    pub fn slice(&mut self, index: u32, of: u32) {
        let share = |ds: NaiveDate| ds.num_days_from_ce().rem_euclid(of.max(1).cast_signed());
        self.days.retain(|task| share(task.ds) == index.saturating_sub(1).cast_signed());
        let kept: BTreeSet<String> =
            self.days.iter().map(|task| format!("ds={}", task.ds)).collect();
        let of_days = [UNIT_DAY.name, EXPOSURE_DAY.name];
        self.items.retain(|item| {
            let ds = item.partition.rsplit('/').next().unwrap_or_default();
            of_days.contains(&item.table) && kept.contains(ds)
        });
        self.experiments.clear();
    }

    /// How many partitions are made, as far as is known before the first of them is.
    pub(crate) fn makes(&self) -> usize {
        self.items.iter().filter(|item| item.action != Action::Fresh).count()
    }

    /// How many day partitions are fresh.
    pub(crate) fn fresh_days(&self) -> u64 {
        let of_days = |item: &&Item| [UNIT_DAY.name, EXPOSURE_DAY.name].contains(&item.table);
        self.items.iter().filter(of_days).filter(|item| item.action == Action::Fresh).count() as u64
    }
}

impl Job {
    /// Plans the as-of dates from `from` to `to`: of the experiments named in `only`, or of all.
    ///
    /// # Errors
    /// A log or a table cannot be listed; a needed day has no objects; a definition does not fit; `from` lies after
    /// `to`.
    pub async fn plan(&self, from: NaiveDate, to: NaiveDate, only: &[String]) -> Result<Plan> {
        if from > to {
            return Err(Error::Usage(format!("the range begins on {from}, after its end on {to}")));
        }
        let mut plan = Plan::default();
        self.forget_days().await;
        let chosen = self.chosen(only)?;
        let mut by_day: BTreeMap<(&str, NaiveDate), Vec<usize>> = BTreeMap::new();
        for index in chosen {
            let experiment = &self.project.experiments[index];
            needs_exposures(experiment)?;
            let start = self.start_of(experiment).await?;
            if to < start {
                plan.skipped.push((experiment.name.value.clone(), format!("it starts on {start}")));
                continue;
            }
            let task = self.task_of(index, start, (from, to));
            for day in &task.days {
                by_day
                    .entry((experiment.design.unit.value.as_str(), *day))
                    .or_default()
                    .push(index);
            }
            // Covariates are of the units' own days; nobody was exposed yet.
            for day in &task.days_before {
                by_day.entry((experiment.design.unit.value.as_str(), *day)).or_default();
            }
            plan.experiments.push(task);
        }
        self.beside(&plan.experiments, &mut by_day).await?;
        for ((unit_type, ds), experiments) in by_day {
            let planned = self.plan_day(&mut plan, unit_type, ds, &experiments).await;
            planned.map_err(|error| match error {
                Error::NoObjects { source_name, day, path, available } if experiments.is_empty() => {
                    let needed = "no experiment has begun by then, but covariates look back to that day: shorten \
                                  `cuped.lookback_days` or `pre_period_check.days`, or allow `missing_days` of the source";
                    Error::NoObjects {
                        source_name,
                        day,
                        path,
                        available: format!("{available}; {needed}"),
                    }
                }
                error => error,
            })?;
        }
        plan.incomplete = self.incomplete(&plan).await?;
        for task in plan.experiments.clone() {
            self.plan_experiment(&mut plan, &task).await?;
        }
        Ok(plan)
    }

    /// An experiment's part of the as-of dates from `from` to `to`, of which it has begun by the last.
    pub(crate) fn task_of(
        &self,
        index: usize,
        start: NaiveDate,
        (from, to): (NaiveDate, NaiveDate),
    ) -> ExperimentTask {
        let experiment = &self.project.experiments[index];
        // After its end an experiment stays as of its last day.
        let last = experiment.end.map_or(to, |end| end.min(to));
        let days: Vec<NaiveDate> = start.iter_days().take_while(|day| *day <= last).collect();
        let back = chrono::Days::new(u64::from(experiment.lookback_days()));
        let from_day = start.checked_sub_days(back).unwrap_or(start);
        let days_before: Vec<NaiveDate> =
            from_day.iter_days().take_while(|day| *day < start).collect();
        let first = from.clamp(start.min(last), last);
        let asked: Vec<NaiveDate> = first.iter_days().take_while(|day| *day <= last).collect();
        let looks: BTreeSet<NaiveDate> =
            asked.iter().flat_map(|date| experiment.judged_by(start, *date)).collect();
        let looks = looks.into_iter().collect();
        let watched_from = experiment.is_sequential().then_some(start);
        ExperimentTask { index, asked, looks, watched_from, days, days_before }
    }

    /// Adds the days of experiments that are not asked for, and run beside those that are: whom they share is a check, and
    /// an experiment's numbers are the same whether or not others are run with it. One whose days have no objects
    /// stays out, and keeps nobody from theirs.
    async fn beside<'p>(
        &'p self,
        tasks: &[ExperimentTask],
        by_day: &mut BTreeMap<(&'p str, NaiveDate), Vec<usize>>,
    ) -> Result<()> {
        let asked: BTreeSet<usize> = tasks.iter().map(|task| task.index).collect();
        let mut wanted: BTreeMap<usize, BTreeSet<NaiveDate>> = BTreeMap::new();
        for task in tasks {
            for (index, first, last) in self.concurrent(task) {
                if !asked.contains(&index) {
                    let days = first.iter_days().take_while(|day| *day <= last);
                    wanted.entry(index).or_default().extend(days);
                }
            }
        }
        for (index, days) in wanted {
            let experiment = &self.project.experiments[index];
            let unit_type = experiment.design.unit.value.as_str();
            if !self.has_objects(experiment, &days).await? {
                continue;
            }
            for day in days {
                by_day.entry((unit_type, day)).or_default().push(index);
            }
        }
        Ok(())
    }

    /// The other experiments on the same units whose days meet those of a task, by their place in the project, with their
    /// first day and their last one up to the task's last date.
    pub(crate) fn concurrent(&self, task: &ExperimentTask) -> Vec<(usize, NaiveDate, NaiveDate)> {
        let unit = &self.project.experiments[task.index].design.unit;
        let (Some(first), Some(last)) = (task.days.first(), task.looks.last()) else {
            return Vec::new();
        };
        let mut beside = Vec::new();
        for (index, other) in self.project.experiments.iter().enumerate() {
            // Without a start nobody can say which days its exposures should have.
            let Some(start) = other.start else { continue };
            let meets = start <= *last && other.end.is_none_or(|end| end >= *first);
            if index != task.index && other.design.unit == *unit && meets {
                beside.push((index, start, other.end.map_or(*last, |end| end.min(*last))));
            }
        }
        beside
    }

    /// Whether every log that the experiment's days are made from has them.
    async fn has_objects(
        &self,
        experiment: &Experiment,
        days: &BTreeSet<NaiveDate>,
    ) -> Result<bool> {
        if needs_exposures(experiment).is_err() {
            return Ok(false);
        }
        for source in self.sources_of(experiment) {
            for day in days {
                match self.listed(source, *day).await {
                    Ok(_) => {}
                    Err(Error::NoObjects { .. }) => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(true)
    }

    /// The experiments named in `only`, or all of them.
    ///
    /// # Errors
    /// There is none of such a name; there is none at all.
    pub fn experiments(&self, only: &[String]) -> Result<Vec<&Experiment>> {
        Ok(self.chosen(only)?.into_iter().map(|index| &self.project.experiments[index]).collect())
    }

    fn chosen(&self, only: &[String]) -> Result<Vec<usize>> {
        let experiments =
            self.project.some_experiments().map_err(|e| Error::Usage(e.to_string()))?;
        let names: Vec<&str> = experiments.iter().map(|e| e.name.value.as_str()).collect();
        for name in only {
            if !names.contains(&name.as_str()) {
                let near = meant(verdict_model::nearest(name, names.iter().copied()));
                return Err(Error::Usage(format!(
                    "there is no experiment `{name}`{near} (the project has: {})",
                    names.join(", ")
                )));
            }
        }
        let wanted = |name: &str| only.is_empty() || only.iter().any(|o| o == name);
        Ok((0..names.len()).filter(|index| wanted(names[*index])).collect())
    }

    /// The experiment's first day: configured, or the first day of its exposure log.
    pub(crate) async fn start_of(&self, experiment: &Experiment) -> Result<NaiveDate> {
        if let Some(start) = experiment.start {
            return Ok(start);
        }
        let log = self.exposure_log(experiment)?;
        let found = log.first_and_last_day().await?;
        found.map(|(first, _)| first).ok_or_else(|| Error::NoStart {
            place: Box::new(experiment.name.place.clone()),
            reason: format!(
                "no `start` is given, and source `{}` has no day under {} to begin with; write `start:` or correct the \
                 source's path",
                log.source.name.value,
                log.location().display
            ),
        })
    }

    fn exposure_log(&self, experiment: &Experiment) -> Result<Log<'_>> {
        let exposures = &self.project.exposures[needs_exposures(experiment)?];
        Log::locate(&self.stores, &self.ctx, &self.project.sources[&exposures.source.value])
    }

    async fn plan_day(
        &self,
        plan: &mut Plan,
        unit_type: &str,
        ds: NaiveDate,
        experiments: &[usize],
    ) -> Result<()> {
        let components = self.components.of_unit_type(&self.project, unit_type);
        let columns: Vec<String> = components.iter().map(|c| c.column.clone()).collect();
        let mut events = Fingerprint::new();
        let mut event_bytes = 0;
        let (start, end) = self.day_bounds(ds)?;
        events = events
            .with("day", [start.to_string(), end.to_string()])
            .with("buckets", [self.project.buckets.to_string()]);
        let mut sources: Vec<&str> = components.iter().map(|c| c.source.as_str()).collect();
        sources.sort_unstable();
        sources.dedup();
        for name in sources {
            let source = &self.project.sources[name];
            let (log, day) = self.listed(name, ds).await?;
            event_bytes += day.bytes();
            events = events
                .with_objects(
                    &format!("objects of {name}"),
                    |o| log.relative(&o.location),
                    &day.objects,
                )
                .with(&format!("definition of {name}"), source_text(source, unit_type));
        }
        let mut task = DayTask {
            unit_type: unit_type.to_owned(),
            ds,
            unit_day: None,
            exposure_days: Vec::new(),
        };
        let mut bytes = event_bytes;

        let mut wanted =
            vec![(None, Key::new(&UNIT_DAY, &[unit_type, &ds.to_string()]), events.clone())];
        let mut exposure_logs: BTreeMap<&str, (Log<'_>, DayObjects)> = BTreeMap::new();
        for index in experiments {
            let experiment = &self.project.experiments[*index];
            let exposures = &self.project.exposures[needs_exposures(experiment)?];
            let source = &self.project.sources[&exposures.source.value];
            let name = source.name.value.as_str();
            if !exposure_logs.contains_key(name) {
                exposure_logs.insert(name, self.listed(name, ds).await?);
            }
            let (log, day) = &exposure_logs[name];
            let mut definition = source_text(source, unit_type);
            definition.push(exposures.filter.as_ref().map_or(String::new(), |f| f.value.clone()));
            definition
                .push(exposures.experiment.as_ref().map_or(String::new(), |e| e.value.clone()));
            definition.push(key_of(exposures, experiment).to_owned());
            definition.push(exposures.variant.value.clone());
            let segments =
                exposures.segments.iter().flat_map(|(name, e)| [name.clone(), e.value.clone()]);
            definition.extend(segments);
            let mut arms: Vec<String> =
                experiment.design.arms.iter().map(|arm| arm.name.clone()).collect();
            arms.sort();
            let fingerprint = events
                .clone()
                .with_objects(
                    "objects of the exposures",
                    |o| log.relative(&o.location),
                    &day.objects,
                )
                .with("definition of the exposures", definition)
                .with("variants", arms);
            let key = Key::new(&EXPOSURE_DAY, &[&experiment.name.value, &ds.to_string()]);
            wanted.push((Some((*index, name)), key, fingerprint));
        }
        let keys: Vec<Key> = wanted.iter().map(|(_, key, _)| key.clone()).collect();
        let found = self.find_days(&keys).await?;
        let mut items = Vec::new();
        let mut exposure_sources: BTreeMap<&str, u64> = BTreeMap::new();
        for ((experiment, key, fingerprint), found) in wanted.into_iter().zip(found) {
            let action = action(found.as_ref(), &fingerprint, &columns);
            if action != Action::Fresh {
                match experiment {
                    None => task.unit_day = Some(fingerprint),
                    Some((index, source)) => {
                        task.exposure_days.push((index, fingerprint));
                        exposure_sources.insert(source, exposure_logs[source].1.bytes());
                    }
                }
            }
            items.push((key, action));
        }
        bytes += exposure_sources.values().sum::<u64>();
        if items.iter().all(|(_, action)| *action == Action::Fresh) {
            let of_exposures = exposure_logs.values().map(|(_, day)| day.bytes());
            plan.fresh_bytes += event_bytes + of_exposures.sum::<u64>();
        }
        let mut unread = Some(bytes);
        for (key, action) in items {
            let bytes = if action == Action::Fresh { 0 } else { unread.take().unwrap_or(0) };
            plan.items.push(Item { table: key.table, partition: key.folders, action, bytes });
        }
        if task.unit_day.is_some() || !task.exposure_days.is_empty() {
            plan.days.push(task);
        }
        Ok(())
    }

    async fn listed(&self, source: &str, ds: NaiveDate) -> Result<(Log<'_>, DayObjects)> {
        let log = Log::locate(&self.stores, &self.ctx, &self.project.sources[source])?;
        let day = log.day(ds).await?;
        Ok((log, day))
    }
}

/// What becomes of a partition: it needs the fingerprint, and at least the `columns`.
fn action(found: Option<&Partition>, wanted: &Fingerprint, columns: &[String]) -> Action {
    let Some(found) = found else { return Action::Make("missing".into()) };
    let Some(made) = &found.made else { return Action::Make("not written by Verdict".into()) };
    let changed = wanted.changed_since(&made.fingerprint);
    if !changed.is_empty() {
        return Action::Make(format!("changed: {}", changed.join(", ")));
    }
    let lacking: Vec<&str> =
        columns.iter().filter(|c| found.schema.index_of(c).is_err()).map(String::as_str).collect();
    if !lacking.is_empty() {
        return Action::Make(format!("lacks {}", lacking.join(", ")));
    }
    Action::Fresh
}
