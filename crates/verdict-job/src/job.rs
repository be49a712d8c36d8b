//! The job: a project, an engine, a place for tables.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::offset::LocalResult;
use chrono::{Days, NaiveTime, TimeZone};
use datafusion::prelude::SessionContext;
use futures::future::BoxFuture;
use futures::{StreamExt, TryStreamExt, stream};
use serde::{Deserialize, Serialize};
use verdict_model::{Experiment, Located, NaiveDate, Project};

use crate::component::Components;
use crate::diagnose::too_large;
use crate::log::{DayObjects, Log};
use crate::meters::Meters;
use crate::plan::{ExperimentTask, Plan};
use crate::store::{Location, Stores};
use crate::totals::FoundDays;
use crate::{Error, Limits, Result, session};

/// How many days are made side by side, each by its share of the threads: a day whose scan has a thread of its own
/// costs less than one whose rows go from thread to thread, and each holds its units in memory.
const DAYS_TOGETHER: usize = 4;

/// A project with the engine that makes its tables.
pub struct Job {
    pub(crate) project: Project,
    pub(crate) ctx: SessionContext,
    pub(crate) stores: Stores,
    pub(crate) tables: Location,
    pub(crate) components: Components,
    /// What was found of the days' tables: looked for once in a plan, and once in a run.
    pub(crate) found: tokio::sync::Mutex<FoundDays>,
}

impl fmt::Debug for Job {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Job")
            .field("project", &self.project.name)
            .field("tables", &self.tables)
            .finish()
    }
}

/// What a run has done so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Partitions written.
    pub made: u64,
    /// Partitions found fresh.
    pub fresh: u64,
    /// Log objects read.
    pub objects: u64,
    /// Log rows read.
    pub rows: u64,
    /// Size of the log objects read, in bytes.
    pub bytes: u64,
    /// What was read of them, in bytes: without columns that nothing needs and row groups that statistics exclude.
    pub bytes_scanned: u64,
}

impl Tally {
    /// Adds what another process has done; what it found fresh is found again here.
    pub fn add_work(&mut self, other: &Tally) {
        self.add(&Tally { fresh: 0, ..*other });
    }

    fn add(&mut self, other: &Tally) {
        self.made += other.made;
        self.fresh += other.fresh;
        self.objects += other.objects;
        self.rows += other.rows;
        self.bytes += other.bytes;
        self.bytes_scanned += other.bytes_scanned;
    }

    /// Bytes of the log objects that did not have to be read.
    #[must_use]
    pub fn bytes_pruned(&self) -> u64 {
        self.bytes.saturating_sub(self.bytes_scanned)
    }

    pub(crate) fn add_log(&mut self, _: &Log<'_>, day: &DayObjects, rows: u64) {
        self.objects += day.objects.len() as u64;
        self.rows += rows;
        self.bytes += day.bytes();
    }
}

/// Hears how far a run has come.
pub trait Progress: Send + Sync {
    /// Step `done` of `of` begins: `what`.
    fn step(&self, done: usize, of: usize, what: &str);

    /// What the step is at now, told several times a second while it goes on.
    fn within(&self, _what: &str) {}
}

/// A progress that nobody looks at.
#[derive(Clone, Copy, Debug)]
pub struct Silent;

impl Progress for Silent {
    fn step(&self, _: usize, _: usize, _: &str) {}
}

/// What became of a run's experiments.
#[derive(Debug, Default)]
pub struct Outcome {
    /// The group statistics that are there: experiments by name, each with its as-of dates in order.
    pub done: Vec<(String, NaiveDate)>,
    /// Experiments that failed, and why.
    pub failed: Vec<(String, Error)>,
}

impl Outcome {
    pub(crate) fn done(&mut self, experiment: &Experiment, task: &ExperimentTask) {
        let name = &experiment.name.value;
        self.done.extend(task.asked.iter().map(|look| (name.clone(), *look)));
    }
}

impl Job {
    /// A job for `project`. Tables go below the project's own root, or below `tables` when it is given;
    /// `settings` are the engine's, by name; `limits` bound the process.
    ///
    /// The second part is what is wrong with metrics whose expressions do not parse; without those metrics the
    /// job is good for [`Job::validate`] only.
    ///
    /// # Errors
    /// The tables' root is not a location; a setting is unknown.
    pub fn new(
        project: Project,
        tables: Option<&str>,
        settings: &[(String, String)],
        limits: &Limits,
    ) -> Result<(Job, Vec<Error>)> {
        let ctx = session::context(settings, limits)?;
        let stores = Stores::new(project.storage.clone());
        let root = match tables {
            Some(given) => {
                let mut place = project.tables.place.clone();
                (place.key, place.line) = ("--tables".into(), 1);
                place.file = "the command line".into();
                Located { value: given.to_owned(), place }
            }
            None => project.tables.clone(),
        };
        let tables = stores.locate(&ctx, &root)?;
        let (components, problems) = Components::resolve(&ctx, &project);
        let found = tokio::sync::Mutex::default();
        Ok((Job { project, ctx, stores, tables, components, found }, problems))
    }

    /// The project.
    pub fn project(&self) -> &Project {
        &self.project
    }

    /// How far its work has come.
    pub fn meters(&self) -> &Arc<Meters> {
        &self.stores.meters
    }

    /// Where the tables are, as a person would write it.
    pub fn tables(&self) -> &str {
        &self.tables.display
    }

    /// Makes what `plan` found missing or stale, up to the group statistics.
    ///
    /// A failure of one experiment does not keep the others from theirs; a failure of a day, which all
    /// of them need, ends the run. What was written stays, whole.
    ///
    /// # Errors
    /// A day cannot be made.
    pub async fn make(
        &self,
        plan: &Plan,
        progress: &dyn Progress,
        tally: &mut Tally,
    ) -> Result<Outcome> {
        let of = plan.days.len() + 1;
        let meters = &self.stores.meters;
        meters.days.expect(plan.days.len() as u64);
        meters.scan.expect(plan.bytes());
        meters.write.expect(plan.makes() as u64);
        let threads = self.ctx.copied_config().target_partitions().max(1);
        let together = threads.min(DAYS_TOGETHER).min(plan.days.len()).max(1);
        // Days that are being made side by side are not done.
        let done = AtomicUsize::new(0);
        let done = &done;
        let mut made: Vec<BoxFuture<'_, Result<Tally>>> = Vec::new();
        for task in &plan.days {
            made.push(Box::pin(async move {
                let what = format!("day {} of {}", task.ds, task.unit_type);
                progress.step(done.load(Ordering::Relaxed), of, &what);
                let components = || self.components.of_unit_type(&self.project, &task.unit_type);
                let made = self.make_day(task, threads / together).await;
                done.fetch_add(1, Ordering::Relaxed);
                meters.days.add(1);
                made.map_err(|error| too_large(error, components()))
            }));
        }
        let mut days = stream::iter(made).buffered(together);
        while let Some(made) = days.try_next().await? {
            tally.add(&made);
        }
        tally.fresh += plan.fresh_days();
        let mut outcome = Outcome::default();
        let step = (plan.days.len(), of);
        self.make_totals(&plan.experiments, (progress, step), tally, &mut outcome).await;
        Ok(outcome)
    }

    /// The instants, in microseconds since 1970, at which a day of the project's time zone begins and ends.
    pub(crate) fn day_bounds(&self, ds: NaiveDate) -> Result<(i64, i64)> {
        let zone = self.project.time_zone;
        let begin = |day: NaiveDate| {
            // Where clocks jump over midnight, the day begins at the first time that exists.
            (0..4 * 60).find_map(|minutes| {
                let time = NaiveTime::MIN + chrono::TimeDelta::minutes(minutes);
                match zone.from_local_datetime(&day.and_time(time)) {
                    LocalResult::Single(instant) | LocalResult::Ambiguous(instant, _) => {
                        Some(instant.timestamp_micros())
                    }
                    LocalResult::None => None,
                }
            })
        };
        let bounds =
            ds.checked_add_days(Days::new(1)).and_then(|next| Some((begin(ds)?, begin(next)?)));
        bounds.ok_or_else(|| Error::Usage(format!("{ds} has no beginning or no end in {zone}")))
    }

    /// Drops the tables of the stage just made, and their memory.
    pub(crate) fn forget(&self) {
        if let Some(schema) =
            self.ctx.catalog("datafusion").and_then(|catalog| catalog.schema("public"))
        {
            for name in schema.table_names() {
                // A table that is already gone is as good as one that is dropped.
                let _ = self.ctx.deregister_table(name.as_str());
            }
        }
    }
}
