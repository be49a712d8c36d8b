//! Whether the days of a log are whole, by what its source asks of them (`complete`). A plan says which are not: a run may
//! refuse to begin, and the checks of a run that began tell it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::offset::LocalResult;
use chrono::{DateTime, NaiveTime, TimeDelta, TimeZone as _};
use datafusion::arrow::array::AsArray as _;
use datafusion::arrow::datatypes::TimestampMicrosecondType;
use datafusion::common::ScalarValue;
use object_store::ObjectStoreExt as _;
use verdict_model::{Complete, Experiment, NaiveDate, Source};

use crate::error::AtStage as _;
use crate::job::{Job, Tally};
use crate::log::Log;
use crate::plan::{ExperimentTask, Plan};
use crate::{Error, Result, bind, footers, render, session};

/// How many days before it say what is usual of a day.
const DAYS_BEFORE: usize = 7;

/// Fewer days than these say nothing.
const FEWEST_DAYS: usize = 3;

/// A day of a log that is not whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incomplete {
    /// The source.
    pub source: String,
    /// The day.
    pub day: NaiveDate,
    /// What a whole day has.
    pub expected: String,
    /// What this one has.
    pub seen: String,
    /// Whether the run would read it, or make results as of it.
    pub needed: bool,
}

impl fmt::Display for Incomplete {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Incomplete { source, day, expected, seen, .. } = self;
        write!(f, "source `{source}` is not complete on {day}: expected {expected}, found {seen}")
    }
}

impl Plan {
    /// What the days of an experiment up to an as-of date lack, in words; of the sources that its tables are made of.
    fn incomplete_of(
        &self,
        sources: &BTreeSet<&str>,
        task: &ExperimentTask,
        to: NaiveDate,
    ) -> Vec<String> {
        let of = |one: &&Incomplete| {
            one.day <= to
                && sources.contains(one.source.as_str())
                && (task.days.contains(&one.day) || task.days_before.contains(&one.day))
        };
        self.incomplete.iter().filter(of).map(ToString::to_string).collect()
    }
}

impl Job {
    /// What the logs of an experiment lack on its days up to an as-of date, in words.
    pub fn incomplete_of(
        &self,
        plan: &Plan,
        experiment: &Experiment,
        to: NaiveDate,
    ) -> Vec<String> {
        let named = |index: usize| self.project.experiments[index].name == experiment.name;
        let task = plan.experiments.iter().find(|task| named(task.index));
        task.map_or_else(Vec::new, |task| {
            plan.incomplete_of(&self.sources_of(experiment), task, to)
        })
    }

    /// Every source that the day tables of an experiment are made of.
    pub(crate) fn sources_of<'a>(&'a self, experiment: &'a Experiment) -> BTreeSet<&'a str> {
        let unit = &experiment.design.unit.value;
        let components = self.components.of_unit_type(&self.project, unit);
        let mut sources: BTreeSet<&str> = components.iter().map(|c| c.source.as_str()).collect();
        let exposures = experiment.exposures.as_ref();
        let exposures = exposures.and_then(|name| self.project.exposures.get(&name.value));
        sources.extend(exposures.map(|exposures| exposures.source.value.as_str()));
        sources
    }

    /// The days of a plan that are not whole, by day and source.
    pub(crate) async fn incomplete(&self, plan: &Plan) -> Result<Vec<Incomplete>> {
        let mut days: BTreeMap<&str, BTreeSet<NaiveDate>> = BTreeMap::new();
        let mut needed: BTreeSet<NaiveDate> = plan.days.iter().map(|task| task.ds).collect();
        for task in &plan.experiments {
            needed.extend(&task.asked);
            for source in self.sources_of(&self.project.experiments[task.index]) {
                days.entry(source).or_default().extend(task.days_before.iter().chain(&task.days));
            }
        }
        let mut found = Vec::new();
        for (name, days) in days {
            let source = &self.project.sources[name];
            if source.complete.asks_nothing() {
                continue;
            }
            let mut looked = Looked {
                job: self,
                log: Log::locate(&self.stores, &self.ctx, source)?,
                rows: BTreeMap::new(),
            };
            for day in days {
                for (expected, seen) in looked.lacks(&source.complete, day).await? {
                    let source = name.to_owned();
                    found.push(Incomplete {
                        source,
                        day,
                        expected,
                        seen,
                        needed: needed.contains(&day),
                    });
                }
            }
        }
        found.sort_by(|a, b| (a.day, &a.source).cmp(&(b.day, &b.source)));
        Ok(found)
    }

    /// The latest event of a day from a time of it on, in microseconds since 1970. Where a part of the log is enough to
    /// know that there is one, no more is read, and it is any of them.
    async fn latest_event(
        &self,
        source: &Source,
        day: NaiveDate,
        from_us: i64,
        among: Option<u32>,
    ) -> Result<Option<i64>> {
        let opened = self.open(source, day, &mut Tally::default()).await?;
        let ctx = session::apart(&self.ctx, 1);
        let time = bind::timestamp(&ctx, opened.schema(), &source.timestamp, opened.example())?;
        opened.agree(time.columns.iter())?;
        opened.register(&ctx, "event_log")?;
        let stage = || format!("the latest event of source `{}` on {day}", source.name.value);
        let sql = render::latest_time("event_log", &render::instant(&time.sql), among);
        let at = |us| ScalarValue::TimestampMicrosecond(Some(us), Some("UTC".into()));
        let (_, end_us) = self.day_bounds(day)?;
        let frame = ctx.sql(&sql).await.at(stage)?;
        let frame =
            frame.with_param_values(vec![("begin", at(from_us)), ("end", at(end_us))]).at(stage)?;
        let batches = frame.collect().await.at(stage)?;
        let latest = batches
            .iter()
            .flat_map(|batch| batch.column(0).as_primitive::<TimestampMicrosecondType>().iter());
        Ok(latest.flatten().max())
    }

    /// The instant of a time of a day, in microseconds since 1970; the next one that exists where clocks jump over it.
    fn time_of(&self, day: NaiveDate, time: NaiveTime) -> Result<i64> {
        let existing = (0..4 * 60).find_map(|minutes| {
            let local = day.and_time(time) + TimeDelta::minutes(minutes);
            match self.project.time_zone.from_local_datetime(&local) {
                LocalResult::Single(at) | LocalResult::Ambiguous(at, _) => {
                    Some(at.timestamp_micros())
                }
                LocalResult::None => None,
            }
        });
        existing.ok_or_else(|| {
            Error::Usage(format!("{day} has no {time} in {}", self.project.time_zone))
        })
    }
}

/// What was seen of a log so far.
struct Looked<'a> {
    job: &'a Job,
    log: Log<'a>,
    /// Rows of days, by the footers of their objects; `None`: the day has no object.
    rows: BTreeMap<NaiveDate, Option<u64>>,
}

impl Looked<'_> {
    /// What the day lacks: what is expected, and what there is.
    async fn lacks(&mut self, asked: &Complete, day: NaiveDate) -> Result<Vec<(String, String)>> {
        let mut lacks = Vec::new();
        if let Some(marker) = self.log.marker(&self.job.stores, &self.job.ctx, day)? {
            match marker.store.head(&marker.prefix).await {
                Ok(_) => {}
                Err(object_store::Error::NotFound { .. }) => {
                    lacks.push((
                        format!("the marker {}", marker.display),
                        "no such object".to_owned(),
                    ));
                }
                Err(source) => return Err(Error::Store { object: marker.display, source }),
            }
        }
        if let Some(share) = asked.min_rows_share
            && let Some(usual) = self.usual(day).await?
        {
            let rows = self.rows(day).await?.unwrap_or(0);
            // Counts of rows are far below 2^53.
            if (rows as f64) < share * usual as f64 {
                let least = (share * usual as f64).ceil();
                lacks.push((
                    format!(
                        "{least} rows at least ({share} of {usual}, the median of the days before)"
                    ),
                    format!("{rows}"),
                ));
            }
        }
        if let Some(time) = asked.latest {
            let zone = self.job.project.time_zone;
            let from_us = self.job.time_of(day, time)?;
            let source = self.log.source;
            if self.job.latest_event(source, day, from_us, Some(1)).await?.is_none() {
                let (begin_us, _) = self.job.day_bounds(day)?;
                let latest = self.job.latest_event(source, day, begin_us, None).await?;
                let latest = latest.and_then(DateTime::from_timestamp_micros).map_or_else(
                    || "no event of that day".to_owned(),
                    |at| format!("the latest at {}", at.with_timezone(&zone).format("%H:%M:%S")),
                );
                lacks.push((
                    format!("an event at or after {} ({zone})", time.format(Complete::TIME)),
                    latest,
                ));
            }
        }
        Ok(lacks)
    }

    /// The median rows of the last days before `day` that have objects; `None`: there are too few.
    async fn usual(&mut self, day: NaiveDate) -> Result<Option<u64>> {
        let before = self.log.days().await?.into_iter().rev().filter(|other| *other < day);
        let mut usual = Vec::new();
        for other in before {
            usual.extend(self.rows(other).await?);
            if usual.len() == DAYS_BEFORE {
                break;
            }
        }
        usual.sort_unstable();
        Ok((usual.len() >= FEWEST_DAYS).then(|| usual[(usual.len() - 1) / 2]))
    }

    async fn rows(&mut self, day: NaiveDate) -> Result<Option<u64>> {
        if let Some(known) = self.rows.get(&day) {
            return Ok(*known);
        }
        let objects = self.log.objects(day).await?;
        let footers = footers::read(&self.job.ctx, self.log.location(), &objects).await?;
        let rows = footers.iter().map(|footer| footer.rows).sum();
        let rows = (!objects.is_empty()).then_some(rows);
        self.rows.insert(day, rows);
        Ok(rows)
    }
}
