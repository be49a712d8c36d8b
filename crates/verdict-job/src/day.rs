//! One day of one unit type: its logs scanned once, `unit_day` and `exposure_day` written.

mod reading;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::RecordBatch;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::common::runtime::SpawnedTask;
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::physical_plan::{collect, execute_stream_partitioned};
use datafusion::prelude::{DataFrame, SessionContext};
use futures::TryStreamExt;
use futures::future::BoxFuture;
use tokio::task::JoinSet;
use verdict_model as model;
use verdict_model::tables::{EXPOSURE_DAY, Table, UNIT_DAY};
use verdict_model::{DataCounts, Experiment, Located, NaiveDate, RowCounts, Source};

use crate::bind::{self, BoundComponent, BoundLog, Number};
use crate::diagnose::Suspects;
use crate::error::AtStage;
use crate::events::{Day, Events, Index, Names};
use crate::exposed::{Arms, Exposed, Exposures};
use crate::fingerprint::Fingerprint;
use crate::footers::{self, Footer};
use crate::job::{Job, Tally};
use crate::log::{DayObjects, Log};
use crate::partition::{Key, Partition, write_buckets};
use crate::render::{self, ComponentSql};
use crate::room::{self, Room};
use crate::snapshot::Snapshot;
use crate::{Error, Result, arrow_types, drift, fold, scanned, session};
use reading::Reading;

/// A day's work for one unit type.
#[derive(Clone, Debug)]
pub(crate) struct DayTask {
    pub(crate) unit_type: String,
    pub(crate) ds: NaiveDate,
    /// The fingerprint of `unit_day`, when it is to be made.
    pub(crate) unit_day: Option<Fingerprint>,
    /// The experiments (by index in the project) whose `exposure_day` is to be made.
    pub(crate) exposure_days: Vec<(usize, Fingerprint)>,
}

/// One log's day, opened: its objects listed, their footers read.
pub(crate) struct Opened<'a> {
    log: Log<'a>,
    day: DayObjects,
    footers: Vec<Footer>,
    /// The schema that expressions are checked against.
    schema: SchemaRef,
    /// The object that it comes from.
    example: String,
}

impl Opened<'_> {
    pub(crate) fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    pub(crate) fn example(&self) -> &str {
        &self.example
    }

    fn rows(&self) -> u64 {
        self.footers.iter().map(|footer| footer.rows).sum()
    }

    /// The log's day as the table `name` of `ctx`, replacing what had that name.
    pub(crate) fn register(&self, ctx: &SessionContext, name: &str) -> Result<()> {
        let schema = Arc::clone(&self.schema);
        let table = Snapshot::of_objects(self.log.location(), schema, &self.day.objects);
        ctx.deregister_table(name).at(|| name.to_owned())?;
        ctx.register_table(name, Arc::new(table)).at(|| name.to_owned())?;
        Ok(())
    }

    /// Whether the objects agree on the types of `columns`.
    pub(crate) fn agree<'c>(
        &self,
        columns: impl Iterator<Item = &'c String> + Clone,
    ) -> Result<()> {
        drift::agree(self.log.location(), &self.footers, columns)
    }
}

/// How many of a day's tables are written at once, of as many as there are experiments: each holds its rows.
const WRITTEN_TOGETHER: usize = 8;

/// A partition in the making.
type Written = BoxFuture<'static, Result<Partition>>;

/// What a day's work for one unit type is made of.
struct Work<'a> {
    task: &'a DayTask,
    /// The engine, with tables of this day alone.
    ctx: SessionContext,
    bounds: (i64, i64),
    tally: Tally,
    /// The source that said first how units are named, and how.
    unit_type: Option<(String, &'static str)>,
    /// The memory that its units take.
    room: Room,
}

impl Job {
    /// Makes what `task` names, with so many partitions of the engine.
    pub(crate) async fn make_day(&self, task: &DayTask, partitions: usize) -> Result<Tally> {
        let mut work = Work {
            task,
            ctx: session::apart(&self.ctx, partitions),
            bounds: self.day_bounds(task.ds)?,
            tally: Tally::default(),
            unit_type: None,
            room: Room::of(&self.ctx, &format!("the units of {} and what they did", task.ds)),
        };
        let (exposures, logs) = self.read_exposures(&mut work).await?;
        let (exposed, index) = exposures.first(self.project.buckets);
        let (bound, events, rows) = self.read_events(&mut work, &exposed, index).await?;
        self.write_day(work, (exposed, logs), (events, bound), rows).await
    }

    /// Writes the tables of a day, each on its own.
    async fn write_day(
        &self,
        mut work: Work<'_>,
        (exposed, logs): (Exposed, Vec<LogOfExposures>),
        (mut events, bound): (Events, Vec<BoundComponent>),
        rows: RowCounts,
    ) -> Result<Tally> {
        let (task, buckets) = (work.task, self.project.buckets);
        events.seal();
        let (exposed, events) = (Arc::new(exposed), Arc::new(events));
        let unit = match events.names() {
            Names::Numbers(_) => DataType::Int64,
            Names::Texts(..) => DataType::Utf8,
        };
        // Nothing is written before all is known to have been read.
        let mut writes: Vec<Written> = Vec::new();
        if let Some(fingerprint) = task.unit_day.clone() {
            let (tables, events) = (self.tables.clone(), Arc::clone(&events));
            let key = Key::new(&UNIT_DAY, &[&task.unit_type, &task.ds.to_string()]);
            let schema = day_schema(&UNIT_DAY, &unit, &[], &bound);
            let ends_us = Some(work.bounds.1);
            let counts = DataCounts { events: rows, ends_us, ..DataCounts::default() };
            writes.push(Box::pin(async move {
                let rows = fold::unit_day(&events, buckets).at(|| format!("making {key}"))?;
                drop(events);
                write_buckets(&tables, &key, &schema, rows, fingerprint, Some(counts)).await
            }));
        }
        for (index, fingerprint) in &task.exposure_days {
            let at = exposed.experiments.iter().position(|arms| arms.index == *index);
            let at = at.ok_or_else(|| Error::Internal("an experiment was not read".into()))?;
            let name = &self.project.experiments[*index].name.value;
            let key = Key::new(&EXPOSURE_DAY, &[name, &task.ds.to_string()]);
            let log = &logs[exposed.log_of(at)];
            let mut counts = exposed.counts(at);
            (counts.exposures.in_files, counts.exposures.filtered) = (log.rows, log.filtered);
            all_read(&log.source, task.ds, &counts.exposures)?;
            let schema = day_schema(&EXPOSURE_DAY, &unit, &log.dimensions, &bound);
            let (tables, dimensions) = (self.tables.clone(), log.dimensions.clone());
            let (events, exposed) = (Arc::clone(&events), Arc::clone(&exposed));
            let fingerprint = fingerprint.clone();
            writes.push(Box::pin(async move {
                let rows = fold::exposure_day(&events, &exposed, at, &dimensions, buckets)
                    .at(|| format!("making {key}"))?;
                drop((events, exposed));
                write_buckets(&tables, &key, &schema, rows, fingerprint, Some(counts)).await
            }));
        }
        drop((events, exposed));
        let mut going: JoinSet<Result<Partition>> = JoinSet::new();
        let mut waiting = writes.into_iter();
        loop {
            while going.len() < WRITTEN_TOGETHER
                && let Some(write) = waiting.next()
            {
                going.spawn(write);
            }
            let Some(written) = going.join_next().await else { break };
            written.map_err(|e| Error::Internal(format!("a day's work ended: {e}")))??;
            work.tally.made += 1;
        }
        Ok(work.tally)
    }

    /// Reads who met what: the rows of each exposure log, and what else is to be known of the log.
    async fn read_exposures(
        &self,
        work: &mut Work<'_>,
    ) -> Result<(Exposures, Vec<LogOfExposures>)> {
        let task = work.task;
        let experiments: Vec<(usize, &Experiment)> = task
            .exposure_days
            .iter()
            .map(|(index, _)| (*index, &self.project.experiments[*index]))
            .collect();
        let names: BTreeSet<&str> =
            experiments.iter().filter_map(|(_, e)| exposures_of(e)).collect();
        let mut of_day: Option<Exposures> = None;
        let mut logs = Vec::new();
        for name in names {
            let exposures = &self.project.exposures[name];
            let source = &self.project.sources[&exposures.source.value];
            let opened = self.open(source, task.ds, &mut work.tally).await?;
            let bound = bind::exposures(
                &self.ctx,
                &opened.schema,
                source,
                exposures,
                &task.unit_type,
                &opened.example,
            )?;
            one_unit_type(&mut work.unit_type, source, &task.unit_type, &bound.log)?;
            opened.agree(bound.log.columns.iter())?;
            opened.register(&work.ctx, "exposure_log")?;
            let sql = render::exposures_logged(&bound)?;
            let stage = || format!("exposures of source `{}` on {}", source.name.value, task.ds);
            let arms = experiments.iter().filter(|(_, e)| exposures_of(e) == Some(name));
            let arms = arms.map(|(index, experiment)| arms_of(exposures, *index, experiment));
            let day = Day { bounds: work.bounds, reject_outside: bound.log.reject_outside_day };
            let read = async {
                let frame = work.ctx.sql(&sql).await?;
                let schema = Arc::clone(frame.schema().inner());
                let context = Arc::new(frame.task_ctx());
                let plan = frame.create_physical_plan().await?;
                let mut batches =
                    SpawnedTask::spawn(collect(Arc::clone(&plan), context)).join().await.map_err(
                        |e| DataFusionError::Execution(format!("the scan of a log ended: {e}")),
                    )??;
                batches.push(RecordBatch::new_empty(schema));
                Ok((batches, scanned::bytes(plan.as_ref())))
            };
            let _reading = Reading::of(&opened, None);
            let numbers = bound.log.unit_type == "BIGINT";
            let of_day = of_day.get_or_insert_with(|| Exposures::new(numbers));
            let added = read.await.and_then(|(batches, bytes)| {
                of_day.add(&batches, arms.collect(), day)?;
                Ok(bytes)
            });
            if let Ok(bytes) = added {
                work.tally.bytes_scanned += bytes;
            }
            if let Err(error) = added {
                if room::exhausted(&error) {
                    return Err(Error::Engine { stage: stage(), engine: Box::new(error) });
                }
                let suspects = Suspects {
                    exposures: Some((exposures, &bound)),
                    ..work.suspects(&opened, &bound.log)
                };
                return Err(match suspects.culprit().await {
                    Some(culprit) => culprit,
                    None => Error::Engine { stage: stage(), engine: Box::new(error) },
                });
            }
            logs.push(LogOfExposures {
                source: source.name.value.clone(),
                dimensions: bound.segments.iter().map(|(d, _)| d.clone()).collect(),
                rows: opened.rows(),
                filtered: bound.log.filter.is_some(),
            });
        }
        Ok((of_day.unwrap_or_else(|| Exposures::new(false)), logs))
    }

    /// Scans each event log once: its components, added up for each unit and interval.
    async fn read_events(
        &self,
        work: &mut Work<'_>,
        exposed: &Exposed,
        index: Index,
    ) -> Result<(Vec<BoundComponent>, Events, RowCounts)> {
        let task = work.task;
        let defs = self.components.of_unit_type(&self.project, &task.unit_type);
        let names: BTreeSet<&str> = defs.iter().map(|def| def.source.as_str()).collect();
        let (mut bound, mut counts) = (Vec::new(), RowCounts::default());
        let mut index = Some(index);
        let mut events: Option<Events> = None;
        for name in names {
            let source = &self.project.sources[name];
            let opened = self.open(source, task.ds, &mut work.tally).await?;
            let mut log =
                bind::log(&self.ctx, &opened.schema, source, &task.unit_type, &opened.example)?;
            one_unit_type(&mut work.unit_type, source, &task.unit_type, &log)?;
            let of_source = defs
                .iter()
                .filter(|def| def.source == name)
                .map(|def| {
                    bind::component(
                        &self.ctx,
                        &opened.schema,
                        def,
                        &opened.example,
                        &mut log.columns,
                    )
                })
                .collect::<Result<Vec<_>>>()?;
            opened.agree(log.columns.iter())?;
            opened.register(&work.ctx, "event_log")?;
            let snippets: Vec<ComponentSql> = of_source.iter().map(ComponentSql::new).collect();
            let sql = render::events_logged(&log, &snippets)?;
            let so_far = events.take().unwrap_or_else(|| {
                // Without exposures nobody has said yet whether units are numbers.
                let known = index.take().filter(|index| index.len() > 1);
                let known = known.unwrap_or_else(|| Index::new(log.unit_type == "BIGINT"));
                Events::new(known, &exposed.cuts)
            });
            let day = Day { bounds: work.bounds, reject_outside: log.reject_outside_day };
            match work.scan(&sql, so_far, (&of_source, &opened), day).await {
                Ok((read, bytes)) => {
                    work.tally.bytes_scanned += bytes;
                    let in_files = opened.rows();
                    let filtered = log.filter.is_some();
                    let rows = RowCounts { in_files, filtered, ..*read.rows() };
                    all_read(&source.name.value, task.ds, &rows)?;
                    counts.add(&rows);
                    events = Some(read);
                }
                Err(error) => {
                    let stage = || format!("events of source `{name}` on {}", task.ds);
                    if room::exhausted(&error) {
                        return Err(Error::Engine { stage: stage(), engine: Box::new(error) });
                    }
                    let suspects =
                        Suspects { components: &of_source, ..work.suspects(&opened, &log) };
                    return Err(match suspects.culprit().await {
                        Some(culprit) => culprit,
                        None => Error::Engine { stage: stage(), engine: Box::new(error) },
                    });
                }
            }
            bound.extend(of_source);
        }
        bound.sort_by(|a, b| a.def.column.cmp(&b.def.column));
        let nothing =
            || Events::new(index.take().unwrap_or_else(|| Index::new(false)), &exposed.cuts);
        Ok((bound, events.unwrap_or_else(nothing), counts))
    }

    /// Lists a source's day and reads the footers.
    pub(crate) async fn open<'a>(
        &self,
        source: &'a Source,
        ds: NaiveDate,
        tally: &mut Tally,
    ) -> Result<Opened<'a>> {
        let log = Log::locate(&self.stores, &self.ctx, source)?;
        let day = log.day(ds).await?;
        let footers = footers::read(&self.ctx, log.location(), &day.objects).await?;
        let rows: u64 = footers.iter().map(|footer| footer.rows).sum();
        tally.add_log(&log, &day, rows);
        let known = match footers.first() {
            Some(footer) => footer.clone(),
            // An allowed empty day: what its columns would be, the log's last day says.
            None => self.last_footer(&log).await?,
        };
        let example = log.location().name(&known.object.location);
        let schema = drift::merged(&known.schema, &footers);
        Ok(Opened { schema, example, log, day, footers })
    }

    pub(crate) async fn last_footer(&self, log: &Log<'_>) -> Result<Footer> {
        let nothing = || Error::EmptyLog {
            source_name: log.source.name.value.clone(),
            path: log.location().display.clone(),
        };
        let object = log.last_object().await?.ok_or_else(nothing)?;
        footers::read(&self.ctx, log.location(), &[object]).await?.pop().ok_or_else(nothing)
    }

    /// Registers rows as the table `name`, replacing what had that name.
    pub(crate) fn register(&self, name: &str, batches: &[RecordBatch]) -> Result<()> {
        let Some(first) = batches.first() else {
            return Err(Error::Internal(format!("{name} has no schema")));
        };
        let table =
            MemTable::try_new(first.schema(), vec![batches.to_vec()]).at(|| name.to_owned())?;
        self.ctx.deregister_table(name).at(|| name.to_owned())?;
        self.ctx.register_table(name, Arc::new(table)).at(|| name.to_owned())?;
        Ok(())
    }

    /// The planned query.
    pub(crate) async fn sql(
        &self,
        sql: &str,
        params: &[(&'static str, ScalarValue)],
        stage: impl Fn() -> String,
    ) -> Result<DataFrame> {
        let frame = self.ctx.sql(sql).await.at(&stage)?;
        match params {
            [] => Ok(frame),
            _ => frame.with_param_values(params.to_vec()).at(&stage),
        }
    }

    /// The rows of a query: at least one batch, so that the schema is known.
    pub(crate) async fn collect(
        &self,
        sql: &str,
        params: &[(&'static str, ScalarValue)],
        stage: impl Fn() -> String,
    ) -> Result<Vec<RecordBatch>> {
        let frame = self.sql(sql, params, &stage).await?;
        let schema = Arc::clone(frame.schema().inner());
        let mut batches = frame.collect().await.at(&stage)?;
        if batches.is_empty() {
            batches.push(RecordBatch::new_empty(schema));
        }
        Ok(batches)
    }
}

/// What else is to be known of an exposure log.
struct LogOfExposures {
    /// The source that it is read from.
    source: String,
    /// Its segment dimensions.
    dimensions: Vec<String>,
    /// The rows that its footers promise, and whether a filter leaves some out.
    rows: u64,
    filtered: bool,
}

impl Work<'_> {
    /// Adds the rows of a source to `events`: each partition of the scan on its own, then together. Tells as well how many
    /// bytes the scan read.
    async fn scan(
        &self,
        sql: &str,
        mut events: Events,
        (components, opened): (&[BoundComponent], &Opened<'_>),
        day: Day,
    ) -> std::result::Result<(Events, u64), DataFusionError> {
        events.begin(components);
        let source = &opened.log.source.name.value;
        let frame = self.ctx.sql(sql).await?;
        let context = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await?;
        let told = Arc::new(Reading::of(opened, Some(&plan)));
        let mut streams = execute_stream_partitioned(Arc::clone(&plan), context)?;
        let Some(last) = streams.pop() else { return Ok((events, 0)) };
        let add = |mut batches: SendableRecordBatchStream, mut events: Events| {
            let (source, room) = (source.to_owned(), self.room.beside());
            let told = Arc::clone(&told);
            SpawnedTask::spawn(async move {
                while let Some(batch) = batches.try_next().await? {
                    events.add(&batch, &source, day)?;
                    told.added(batch.num_rows());
                    room.hold(events.bytes())?;
                }
                Ok::<_, DataFusionError>((events, room))
            })
        };
        let others: Vec<_> =
            streams.into_iter().map(|stream| add(stream, events.without_rows())).collect();
        let ended = |e| DataFusionError::Execution(format!("the scan of a log ended: {e}"));
        let (mut all, room) = add(last, events).join().await.map_err(ended)??;
        for other in others {
            let (other, _held) = other.join().await.map_err(ended)??;
            all.join(&other);
            room.hold(all.bytes())?;
        }
        drop(room);
        self.room.hold(all.bytes())?;
        all.fits()?;
        Ok((all, scanned::bytes(plan.as_ref())))
    }

    fn suspects<'a>(&'a self, opened: &'a Opened<'_>, log: &'a BoundLog) -> Suspects<'a> {
        Suspects {
            ctx: &self.ctx,
            location: opened.log.location(),
            schema: &opened.schema,
            objects: &opened.day.objects,
            ds: self.task.ds,
            source: opened.log.source,
            unit_type: &self.task.unit_type,
            log,
            exposures: None,
            components: &[],
        }
    }
}

/// Holds the rows that a scan gave against those that the files' footers promise, before anything of them is written.
fn all_read(source: &str, ds: NaiveDate, rows: &RowCounts) -> Result<()> {
    match rows.discrepancy() {
        0 => Ok(()),
        wrong => Err(Error::Table {
            object: format!("source `{source}` on {ds}"),
            reason: format!(
                "its files have {} rows, of which {} were read: {wrong} were lost or read twice; check whether files were \
                 rewritten while they were read, and run again",
                rows.in_files, rows.read
            ),
        }),
    }
}

/// What a task of our own gave.
/// The name of the exposures that an experiment refers to.
pub(crate) fn exposures_of(experiment: &Experiment) -> Option<&str> {
    experiment.exposures.as_ref().map(|name| name.value.as_str())
}

/// How the rows of `exposures` name the experiment.
pub(crate) fn key_of<'a>(exposures: &model::Exposures, experiment: &'a Experiment) -> &'a str {
    if exposures.experiment.is_some() { &experiment.key } else { "" }
}

/// Every log must name the units of a type in the same way, or none of their rows would meet.
fn one_unit_type(
    seen: &mut Option<(String, &'static str)>,
    source: &Source,
    unit_type: &str,
    log: &BoundLog,
) -> Result<()> {
    match seen {
        Some((other, ty)) if *ty != log.unit_type => Err(Error::Definition {
            place: Box::new(source.units[unit_type].place.clone()),
            reason: format!(
                "the unit is {} here and {} in source `{other}`; write CAST({} AS VARCHAR) in both",
                unit_words(log.unit_type),
                unit_words(ty),
                source.units[unit_type].value
            ),
        }),
        _ => {
            *seen = Some((source.name.value.clone(), log.unit_type));
            Ok(())
        }
    }
}

fn unit_words(sql_type: &str) -> &'static str {
    if sql_type == "BIGINT" { "an integer" } else { "text" }
}

/// The arms of an experiment, as its exposure log names them.
fn arms_of(exposures: &model::Exposures, index: usize, experiment: &Experiment) -> Arms {
    let mut variants: Vec<String> =
        experiment.design.arms.iter().map(|arm| arm.name.clone()).collect();
    variants.sort();
    Arms { index, key: key_of(exposures, experiment).to_owned(), variants }
}

/// The schema of a day table's file: the table's columns, with the unit's own type, then segments, then
/// components.
fn day_schema(
    table: &Table,
    unit: &DataType,
    dimensions: &[String],
    components: &[BoundComponent],
) -> SchemaRef {
    let mut fields = fixed_fields(table, unit);
    fields.extend(
        dimensions.iter().map(|d| Field::new(format!("segment_{d}"), DataType::Utf8, true)),
    );
    fields.extend(components.iter().map(|c| component_field(&c.def.column, c.number)));
    Arc::new(Schema::new(fields))
}

/// A table's own columns, the unit with the type that the log gives it.
pub(crate) fn fixed_fields(table: &Table, unit: &DataType) -> Vec<Field> {
    let unit = if *unit == DataType::Int64 { DataType::Int64 } else { DataType::Utf8 };
    let of = |column| match arrow_types::field(column) {
        field if field.name() == "unit" => field.with_data_type(unit.clone()),
        field => field,
    };
    table.columns.iter().map(of).collect()
}

/// A component's column; what a unit without a row has none of may be null.
pub(crate) fn component_field(column: &str, number: Number) -> Field {
    let data_type = match number {
        Number::Boolean => DataType::Boolean,
        Number::Integer | Number::Reaches(_) => DataType::Int64,
        Number::Float => DataType::Float64,
        Number::Values => DataType::Binary,
        Number::Text => DataType::Utf8,
    };
    Field::new(column, data_type, true)
}

/// Text that stands for everything a source's rows are read by, for fingerprints.
pub(crate) fn source_text(source: &Source, unit_type: &str) -> Vec<String> {
    let of = |expression: &Option<Located<String>>| {
        expression.as_ref().map_or(String::new(), |e| e.value.clone())
    };
    vec![
        source.units.get(unit_type).map_or(String::new(), |e| e.value.clone()),
        source.timestamp.value.clone(),
        of(&source.filter),
        format!("{:?}", source.outside_day),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_files_is_read_once() {
        let ds = NaiveDate::default();
        let rows = |in_files, read, filtered| RowCounts {
            in_files,
            read,
            filtered,
            ..RowCounts::default()
        };
        let told = |rows: RowCounts| all_read("log", ds, &rows).map_err(|error| error.to_string());
        assert_eq!(told(rows(8192, 8192, false)), Ok(()));
        // A batch that is lost, one that is read twice.
        for (read, wrong) in [(0, 8192), (8191, 1), (16384, 8192)] {
            let error = told(rows(8192, read, false)).unwrap_err();
            let expected = format!(
                "source `log` on 1970-01-01: its files have 8192 rows, of which {read} were read: {wrong} were lost or read twice"
            );
            assert!(error.contains(&expected), "{error}");
        }
        // What a filter leaves out is not lost; more than there is cannot come of one.
        assert_eq!(told(rows(8192, 100, true)), Ok(()));
        assert!(told(rows(8192, 8193, true)).is_err());
    }
}
