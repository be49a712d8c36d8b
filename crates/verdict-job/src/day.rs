//! One day of one unit type: its logs scanned once, `unit_day` and `exposure_day` written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::arrow::array::{ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::MemTable;
use datafusion::prelude::DataFrame;
use verdict_model::tables::{EXPOSURE_DAY, Table, UNIT_DAY};
use verdict_model::{DataCounts, Experiment, Exposures, Located, NaiveDate, RowCounts, Source};

use crate::bind::{self, BoundComponent, BoundExposures, BoundLog, Number};
use crate::component::ComponentDef;
use crate::diagnose::Suspects;
use crate::error::AtStage;
use crate::exposed::{Arms, Exposed};
use crate::fingerprint::Fingerprint;
use crate::footers::{self, Footer};
use crate::job::{Job, Tally};
use crate::log::{DayObjects, Log};
use crate::partition::{Key, write_buckets};
use crate::render::{self, ComponentSql, intervals_table};
use crate::snapshot::Snapshot;
use crate::{Error, Result, arrow_types, fold};

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
}

/// What the exposure logs say of a day.
#[derive(Default)]
struct OfExposures {
    exposed: Exposed,
    /// The segment dimensions of each log.
    dimensions: Vec<Vec<String>>,
    /// By experiment index.
    counts: BTreeMap<usize, DataCounts>,
    unit_type: Option<(String, &'static str)>,
}

impl Job {
    /// Makes what `task` names.
    pub(crate) async fn make_day(&self, task: &DayTask, tally: &mut Tally) -> Result<()> {
        let experiments: Vec<&Experiment> =
            task.exposure_days.iter().map(|(index, _)| &self.project.experiments[*index]).collect();
        let exposures = self.read_exposures(task, &experiments, tally).await?;
        let cut = !experiments.is_empty();
        if cut {
            self.register("exposure_cuts", &[exposures.exposed.exposure_cuts()?])?;
        }
        let defs = self.components.of_unit_type(&self.project, &task.unit_type);
        let (bound, sources, events) =
            self.read_events(task, &defs, cut, &exposures, tally).await?;
        self.forget();
        let buckets = self.project.buckets;
        let OfExposures { exposed, dimensions, counts, .. } = &exposures;
        let tables = fold::day_tables(&sources, &bound, exposed, dimensions, buckets)
            .at(|| format!("the tables of {} {}", task.unit_type, task.ds))?;
        drop(sources);

        if let Some(fingerprint) = &task.unit_day {
            let key = Key::new(&UNIT_DAY, &[&task.unit_type, &task.ds.to_string()]);
            let counts = DataCounts { events, ..DataCounts::default() };
            let schema = day_schema(&UNIT_DAY, &tables.unit_day, &[], &bound)?;
            let fingerprint = fingerprint.clone();
            let parts = (std::slice::from_ref(&tables.unit_day), buckets);
            write_buckets(&self.tables, &key, &schema, parts, fingerprint, Some(counts)).await?;
            tally.made += 1;
        }
        for (index, fingerprint) in &task.exposure_days {
            let at = exposed.experiments.iter().position(|arms| arms.index == *index);
            let at = at.ok_or_else(|| Error::Internal("an experiment was not read".into()))?;
            let rows = &tables.exposure_days[at];
            let schema = day_schema(&EXPOSURE_DAY, rows, &dimensions[exposed.log_of[at]], &bound)?;
            let name = &self.project.experiments[*index].name.value;
            let key = Key::new(&EXPOSURE_DAY, &[name, &task.ds.to_string()]);
            let counts = counts.get(index).cloned().unwrap_or_default();
            let parts = (std::slice::from_ref(rows), buckets);
            let fingerprint = fingerprint.clone();
            write_buckets(&self.tables, &key, &schema, parts, fingerprint, Some(counts)).await?;
            tally.made += 1;
        }
        Ok(())
    }

    /// Reads who met what.
    async fn read_exposures(
        &self,
        task: &DayTask,
        experiments: &[&Experiment],
        tally: &mut Tally,
    ) -> Result<OfExposures> {
        let mut of_day = OfExposures::default();
        let names: BTreeSet<&str> = experiments.iter().filter_map(|e| exposures_of(e)).collect();
        let mut logs = Vec::new();
        for name in names {
            let exposures = &self.project.exposures[name];
            let source = &self.project.sources[&exposures.source.value];
            let opened = self.open(source, task.ds, tally).await?;
            let bound = bind::exposures(
                &self.ctx,
                &opened.schema,
                source,
                exposures,
                &task.unit_type,
                &opened.example,
            )?;
            one_unit_type(&mut of_day.unit_type, source, &task.unit_type, &bound.log)?;
            footers::agree(opened.log.location(), &opened.footers, bound.log.columns.iter())?;
            let of_log: Vec<(usize, &Experiment)> = task
                .exposure_days
                .iter()
                .map(|(index, _)| (*index, &self.project.experiments[*index]))
                .filter(|(_, e)| exposures_of(e) == Some(name))
                .collect();
            let met = self
                .exposures_of_log(task, exposures, &opened, &bound, &of_log, &mut of_day)
                .await?;
            let arms = of_log.iter().map(|(index, experiment)| arms(exposures, *index, experiment));
            logs.push((met, arms.collect()));
            of_day.dimensions.push(bound.segments.iter().map(|(d, _)| d.clone()).collect());
        }
        of_day.exposed = Exposed::of(logs, self.project.buckets)?;
        Ok(of_day)
    }

    async fn exposures_of_log(
        &self,
        task: &DayTask,
        exposures: &Exposures,
        opened: &Opened<'_>,
        bound: &BoundExposures,
        experiments: &[(usize, &Experiment)],
        of_day: &mut OfExposures,
    ) -> Result<Vec<RecordBatch>> {
        let stage = || format!("exposures of source `{}` on {}", exposures.source.value, task.ds);
        self.register_log("exposure_log", opened)?;
        let sql = render::exposures_met(bound)?;
        let met = match self.collect(&sql, &self.day_params(task.ds)?, stage).await {
            Ok(met) => met,
            Err(error) => {
                let suspects = Suspects {
                    exposures: Some((exposures, bound)),
                    ..self.suspects(opened, task, &bound.log)
                };
                return Err(suspects.culprit().await.unwrap_or(error));
            }
        };
        self.register("exposures_met", &met)?;
        let counted = self.collect(&render::exposures_counted()?, &[], stage).await?;
        let in_files = opened.rows();
        for (index, experiment) in experiments {
            let key = key_of(exposures, experiment);
            let counts = count_exposures(&counted, key, in_files, bound.log.filter.is_some())?;
            of_day.counts.insert(*index, counts);
        }
        Ok(met)
    }

    /// Scans each event log once: its components, and the intervals of each source.
    async fn read_events(
        &self,
        task: &DayTask,
        defs: &[&ComponentDef],
        cut: bool,
        exposures: &OfExposures,
        tally: &mut Tally,
    ) -> Result<(Vec<BoundComponent>, Vec<(String, Vec<RecordBatch>)>, RowCounts)> {
        let names: BTreeSet<&str> = defs.iter().map(|def| def.source.as_str()).collect();
        let (mut bound, mut sources, mut counts) = (Vec::new(), Vec::new(), RowCounts::default());
        let mut unit_type = exposures.unit_type.clone();
        for name in names {
            let source = &self.project.sources[name];
            let opened = self.open(source, task.ds, tally).await?;
            let mut log =
                bind::log(&self.ctx, &opened.schema, source, &task.unit_type, &opened.example)?;
            one_unit_type(&mut unit_type, source, &task.unit_type, &log)?;
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
            footers::agree(opened.log.location(), &opened.footers, log.columns.iter())?;
            self.register_log("event_log", &opened)?;
            let snippets: Vec<ComponentSql> = of_source.iter().map(ComponentSql::new).collect();
            let sql = render::unit_intervals(&log, &snippets, cut)?;
            let params = self.day_params(task.ds)?;
            let stage = || format!("events of source `{name}` on {}", task.ds);
            let intervals = match self.collect(&sql, &params, stage).await {
                Ok(intervals) => intervals,
                Err(error) => {
                    let suspects =
                        Suspects { components: &of_source, ..self.suspects(&opened, task, &log) };
                    return Err(suspects.culprit().await.unwrap_or(error));
                }
            };
            self.register(&intervals_table(name), &intervals)?;
            let counted = self.collect(&render::intervals_counted(name)?, &[], stage).await?;
            counts.add(&count_rows(&counted, opened.rows(), log.filter.is_some())?);
            bound.extend(of_source);
            sources.push((name.to_owned(), intervals));
        }
        bound.sort_by(|a, b| a.def.column.cmp(&b.def.column));
        Ok((bound, sources, counts))
    }

    fn suspects<'a>(
        &'a self,
        opened: &'a Opened<'_>,
        task: &'a DayTask,
        log: &'a BoundLog,
    ) -> Suspects<'a> {
        Suspects {
            ctx: &self.ctx,
            location: opened.log.location(),
            schema: &opened.schema,
            objects: &opened.day.objects,
            ds: task.ds,
            source: opened.log.source,
            unit_type: &task.unit_type,
            log,
            exposures: None,
            components: &[],
        }
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
            None => self.last_footer(&log, ds).await?,
        };
        let example = log.location().name(&known.object.location);
        let schema = footers::merged(&known.schema, &footers);
        Ok(Opened { schema, example, log, day, footers })
    }

    pub(crate) async fn last_footer(&self, log: &Log<'_>, ds: NaiveDate) -> Result<Footer> {
        let nothing = || Error::NoObjects {
            source_name: log.source.name.value.clone(),
            day: ds,
            path: log.location().display.clone(),
            available: "no day at all was found, so its columns are not known".into(),
        };
        let object = log.last_object().await?.ok_or_else(nothing)?;
        footers::read(&self.ctx, log.location(), &[object]).await?.pop().ok_or_else(nothing)
    }

    fn register_log(&self, name: &str, opened: &Opened<'_>) -> Result<()> {
        let table = Snapshot::of_objects(
            opened.log.location(),
            Arc::clone(&opened.schema),
            &opened.day.objects,
        );
        self.ctx.deregister_table(name).at(|| name.to_owned())?;
        self.ctx.register_table(name, Arc::new(table)).at(|| name.to_owned())?;
        Ok(())
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

    fn day_params(&self, ds: NaiveDate) -> Result<[(&'static str, ScalarValue); 2]> {
        let (start, end) = self.day_bounds(ds)?;
        let instant = |us| ScalarValue::TimestampMicrosecond(Some(us), Some("UTC".into()));
        Ok([("day_start", instant(start)), ("day_end", instant(end))])
    }
}

/// The name of the exposures that an experiment refers to.
pub(crate) fn exposures_of(experiment: &Experiment) -> Option<&str> {
    experiment.exposures.as_ref().map(|name| name.value.as_str())
}

/// How the rows of `exposures` name the experiment.
pub(crate) fn key_of<'a>(exposures: &Exposures, experiment: &'a Experiment) -> &'a str {
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
fn arms(exposures: &Exposures, index: usize, experiment: &Experiment) -> Arms {
    let mut variants: Vec<String> =
        experiment.design.arms.iter().map(|arm| arm.name.clone()).collect();
    variants.sort();
    Arms { index, key: key_of(exposures, experiment).to_owned(), variants }
}

fn count_exposures(
    counted: &[RecordBatch],
    key: &str,
    in_files: u64,
    filtered: bool,
) -> Result<DataCounts> {
    let mut counts = DataCounts { days: 1, ..DataCounts::default() };
    counts.exposures = RowCounts { in_files, filtered, ..RowCounts::default() };
    for batch in counted {
        let column = |name: &str| {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| Error::Internal(format!("no column {name}")))?;
            Ok::<_, Error>(column)
        };
        let text = |name: &str| cast(column(name)?, &DataType::Utf8).at(|| name.to_owned());
        let number = |name: &str| cast(column(name)?, &DataType::Int64).at(|| name.to_owned());
        let (keys, variants) = (text("experiment_key")?, text("variant")?);
        let (keys, variants) = (keys.as_string::<i32>(), variants.as_string::<i32>());
        let [rows, unit, time, outside] =
            ["rows", "rows_without_unit", "rows_without_time", "rows_outside_day"].map(number);
        let (rows, unit, time, outside) = (rows?, unit?, time?, outside?);
        for row in 0..batch.num_rows() {
            let of = |array: &ArrayRef| array.as_primitive::<Int64Type>().value(row).unsigned_abs();
            counts.exposures.read += of(&rows);
            counts.exposures.without_unit += of(&unit);
            counts.exposures.without_time += of(&time);
            counts.exposures.outside_day += of(&outside);
            if keys.iter().nth(row).flatten() == Some(key) {
                let variant = variants.iter().nth(row).flatten().unwrap_or("(null)");
                *counts.variants.entry(variant.to_owned()).or_default() += of(&rows);
            }
        }
    }
    Ok(counts)
}

fn count_rows(counted: &[RecordBatch], in_files: u64, filtered: bool) -> Result<RowCounts> {
    let mut counts = RowCounts { in_files, filtered, ..RowCounts::default() };
    for batch in counted {
        let total = |name: &str| -> Result<u64> {
            let column = batch
                .column_by_name(name)
                .ok_or_else(|| Error::Internal(format!("no column {name}")))?;
            let column = cast(column, &DataType::Int64).at(|| name.to_owned())?;
            Ok(column.as_primitive::<Int64Type>().iter().flatten().map(i64::unsigned_abs).sum())
        };
        counts.read += total("rows")?;
        counts.without_unit += total("rows_without_unit")?;
        counts.without_time += total("rows_without_time")?;
        counts.outside_day += total("rows_outside_day")?;
    }
    Ok(counts)
}

/// The schema of a day table's file: the table's columns, with the unit's own type, then segments, then
/// components.
fn day_schema(
    table: &Table,
    rows: &RecordBatch,
    dimensions: &[String],
    components: &[BoundComponent],
) -> Result<SchemaRef> {
    let unit = rows
        .column_by_name("unit")
        .map(|column| column.data_type().clone())
        .ok_or_else(|| Error::Internal(format!("{} has no column `unit`", table.name)))?;
    let mut fields = fixed_fields(table, &unit);
    fields.extend(
        dimensions.iter().map(|d| Field::new(format!("segment_{d}"), DataType::Utf8, true)),
    );
    fields.extend(components.iter().map(|c| component_field(&c.def.column, c.number)));
    Ok(Arc::new(Schema::new(fields)))
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

/// A component's column; only extremes may be null (a unit without a row has none).
pub(crate) fn component_field(column: &str, number: Number) -> Field {
    let data_type = match number {
        Number::Boolean => DataType::Boolean,
        Number::Integer => DataType::Int64,
        Number::Float => DataType::Float64,
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
