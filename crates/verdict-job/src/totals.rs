//! From day tables to group statistics: `unit_total`, then `group_stats`.

use std::sync::Arc;

use datafusion::arrow::array::AsArray;
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::common::ScalarValue;
use datafusion::datasource::file_format::parquet::transform_schema_to_view;
use verdict_model::tables::{EXPOSURE_DAY, GROUP_STATS, UNIT_DAY, UNIT_TOTAL};
use verdict_model::{Aggregate, DataCounts, Experiment, NaiveDate, SeveralVariants};

use crate::arrow_types;
use crate::bind::Number;
use crate::component::ComponentDef;
use crate::day::{component_field, exposures_of, fixed_fields};
use crate::diagnose::too_large;
use crate::error::AtStage;
use crate::fingerprint::Fingerprint;
use crate::job::{Job, Tally};
use crate::partition::{self, Key, Made, Partition};
use crate::render::{self, MetricSql, SegmentSql, TotalSql};
use crate::snapshot::Snapshot;
use crate::{Error, Result};

/// An experiment's day partitions up to its as-of date.
struct Days {
    exposure: Vec<(NaiveDate, Partition)>,
    unit: Vec<(NaiveDate, Partition)>,
    counts: DataCounts,
}

impl Job {
    /// Makes `unit_total` and `group_stats` of an experiment at `as_of`, where they are not fresh.
    pub(crate) async fn make_totals(
        &self,
        experiment: &Experiment,
        days: &[NaiveDate],
        as_of: NaiveDate,
        tally: &mut Tally,
    ) -> Result<()> {
        let read = self.days(experiment, days).await?;
        let defs = self.components.of_experiment(experiment);
        let key = Key::new(&UNIT_TOTAL, &[&experiment.name.value, &as_of.to_string()]);
        let wanted = total_fingerprint(experiment, &defs, &read)?;
        let found = partition::find(&self.tables, &key).await?;
        let total = match found
            .filter(|p| p.made.as_ref().is_some_and(|made| made.fingerprint == wanted))
        {
            Some(fresh) => {
                tally.fresh += 1;
                fresh
            }
            None => {
                tally.made += 1;
                self.make_unit_total(experiment, &defs, &read, &key, wanted).await?
            }
        };
        self.make_group_stats(experiment, &total, as_of, tally).await
    }

    /// Why `unit_total` or `group_stats` of an experiment is stale though its days are not; `None`: it is not.
    pub(crate) async fn totals_stale(
        &self,
        experiment: &Experiment,
        days: &[NaiveDate],
        as_of: NaiveDate,
    ) -> Result<[Option<String>; 2]> {
        let missing = || Some("missing".to_owned());
        let because = |wanted: &Fingerprint, found: &Partition| match &found.made {
            None => Some("not written by Verdict".to_owned()),
            Some(made) => match wanted.changed_since(&made.fingerprint) {
                changed if changed.is_empty() => None,
                changed => Some(format!("changed: {}", changed.join(", "))),
            },
        };
        let of = |table| Key::new(table, &[&experiment.name.value, &as_of.to_string()]);
        let Some(total) = partition::find(&self.tables, &of(&UNIT_TOTAL)).await? else {
            return Ok([missing(), missing()]);
        };
        let defs = self.components.of_experiment(experiment);
        let wanted = total_fingerprint(experiment, &defs, &self.days(experiment, days).await?)?;
        if let Some(reason) = because(&wanted, &total) {
            return Ok([Some(reason), Some("what it is made from is made".into())]);
        }
        let Some(stats) = partition::find(&self.tables, &of(&GROUP_STATS)).await? else {
            return Ok([None, missing()]);
        };
        let metrics = self.metrics_of(experiment, &total.schema)?;
        Ok([None, because(&group_fingerprint(experiment, &total, &metrics)?, &stats)])
    }

    async fn days(&self, experiment: &Experiment, days: &[NaiveDate]) -> Result<Days> {
        let mut read =
            Days { exposure: Vec::new(), unit: Vec::new(), counts: DataCounts::default() };
        for day in days {
            let ds = day.to_string();
            let exposure = Key::new(&EXPOSURE_DAY, &[&experiment.name.value, &ds]);
            let unit = Key::new(&UNIT_DAY, &[&experiment.design.unit.value, &ds]);
            for (key, into) in [(exposure, &mut read.exposure), (unit, &mut read.unit)] {
                let partition = partition::find(&self.tables, &key)
                    .await?
                    .ok_or_else(|| Error::Internal(format!("{key} was made and is not there")))?;
                if let Some(counts) = partition.made.as_ref().and_then(|made| made.counts.as_ref())
                {
                    read.counts.add(counts);
                }
                into.push((*day, partition));
            }
        }
        Ok(read)
    }

    async fn make_unit_total(
        &self,
        experiment: &Experiment,
        defs: &[&ComponentDef],
        days: &Days,
        key: &Key,
        fingerprint: Fingerprint,
    ) -> Result<Partition> {
        let numbers = one_type_each(self, defs, days)?;
        let unit = unit_type(days);
        let components: Vec<TotalSql> = defs
            .iter()
            .zip(&numbers)
            .map(|(def, number)| TotalSql::new(&def.column, def.aggregate, *number))
            .collect();
        let segments: Vec<SegmentSql> =
            experiment.segments.iter().map(|s| SegmentSql::new(&s.value, "")).collect();
        let columns =
            defs.iter().zip(&numbers).map(|(def, number)| component_field(&def.column, *number));
        let segment_fields = segment_fields(experiment);
        let mut exposure_fields = fixed_fields(&EXPOSURE_DAY, &unit);
        exposure_fields.extend(segment_fields.iter().cloned());
        exposure_fields.extend(columns.clone());
        let mut unit_fields = fixed_fields(&UNIT_DAY, &unit);
        unit_fields.extend(columns.clone());
        self.register_days("exposure_days", exposure_fields, &days.exposure)?;
        self.register_days("unit_days", unit_fields, &days.unit)?;

        let exclude = experiment.design.several_variants == SeveralVariants::Exclude;
        let sql = render::unit_total(&components, &segments, exclude)?;
        let rows = match self.collect(&sql, &[], || key.to_string()).await {
            Ok(rows) => rows,
            Err(error) => {
                let read = days.exposure.iter().chain(&days.unit).map(|(_, partition)| partition);
                return Err(self.explained(error, read, defs).await);
            }
        };
        let mut fields = fixed_fields(&UNIT_TOTAL, &unit);
        fields.extend(segment_fields);
        fields.extend(defs.iter().zip(&numbers).map(|(def, number)| match def.aggregate {
            Aggregate::DistinctDays => component_field(&def.column, Number::Integer),
            _ => component_field(&def.column, *number),
        }));
        let schema = Arc::new(Schema::new(fields));
        let made = partition::write(
            &self.tables,
            key,
            &schema,
            &rows,
            fingerprint,
            Some(days.counts.clone()),
        )
        .await?;
        self.forget();
        Ok(made)
    }

    fn register_days(
        &self,
        name: &str,
        fields: Vec<Field>,
        days: &[(NaiveDate, Partition)],
    ) -> Result<()> {
        let schema = Arc::new(transform_schema_to_view(&Schema::new(fields)));
        let ds = Arc::new(Field::new("ds", DataType::Date32, false));
        let objects = days
            .iter()
            .map(|(day, partition)| (partition.object.clone(), vec![date(*day)]))
            .collect();
        let table = Snapshot::of_partitions(&self.tables, schema, vec![ds], objects);
        self.ctx.deregister_table(name).at(|| name.to_owned())?;
        self.ctx.register_table(name, Arc::new(table)).at(|| name.to_owned())?;
        Ok(())
    }

    async fn make_group_stats(
        &self,
        experiment: &Experiment,
        total: &Partition,
        as_of: NaiveDate,
        tally: &mut Tally,
    ) -> Result<()> {
        let key = Key::new(&GROUP_STATS, &[&experiment.name.value, &as_of.to_string()]);
        let metrics = self.metrics_of(experiment, &total.schema)?;
        let wanted = group_fingerprint(experiment, total, &metrics)?;
        let mut counts = made(total, "unit_total")?.counts.clone().unwrap_or_default();
        if let Some(found) = partition::find(&self.tables, &key).await?
            && found.made.is_some_and(|made| made.fingerprint == wanted)
        {
            tally.fresh += 1;
            return Ok(());
        }
        let schema = Arc::new(transform_schema_to_view(&total.schema));
        let table = Snapshot::of_objects(&self.tables, schema, std::slice::from_ref(&total.object));
        self.ctx.deregister_table("unit_total").at(|| key.to_string())?;
        self.ctx.register_table("unit_total", Arc::new(table)).at(|| key.to_string())?;
        let segments: Vec<SegmentSql> =
            experiment.segments.iter().map(|s| SegmentSql::new(&s.value, "")).collect();
        let sql = render::group_stats(&metrics, &segments)?;
        let defs = self.components.of_experiment(experiment);
        let rows = match self.collect(&sql, &[], || key.to_string()).await {
            Ok(rows) => rows,
            Err(error) => {
                return Err(self.explained(error, std::iter::once(total), &defs).await);
            }
        };
        let examples =
            self.collect(&render::several_variants_examples()?, &[], || key.to_string()).await?;
        for batch in &examples {
            let units = cast(batch.column(0), &DataType::Utf8).at(|| key.to_string())?;
            counts
                .several_variants_examples
                .extend(units.as_string::<i32>().iter().flatten().map(str::to_owned));
        }
        let schema = arrow_types::schema(&GROUP_STATS);
        partition::write(&self.tables, &key, &schema, &rows, wanted, Some(counts)).await?;
        tally.made += 1;
        self.forget();
        Ok(())
    }

    /// What made a stage over the tables fail: a damaged partition, or a sum that grew too large.
    async fn explained(
        &self,
        error: Error,
        partitions: impl Iterator<Item = &Partition>,
        defs: &[&ComponentDef],
    ) -> Error {
        for partition in partitions {
            if let Err(damaged) = partition::read(&self.tables, &partition.object).await {
                return damaged;
            }
        }
        too_large(error, defs.iter().copied())
    }

    /// The experiment's metrics that are computed, in terms of the columns of `unit_total`.
    pub(crate) fn metrics_of(
        &self,
        experiment: &Experiment,
        unit_total: &SchemaRef,
    ) -> Result<Vec<MetricSql>> {
        experiment
            .metrics()
            .filter_map(|m| {
                let name = &m.name.value;
                Some((name, self.project.metrics.get(name)?, self.components.of_metric(name)?))
            })
            .map(|(name, metric, columns)| {
                let columns = columns
                    .iter()
                    .map(|column| Ok((column.clone(), number_of(unit_total, column)?)))
                    .collect::<Result<Vec<_>>>()?;
                Ok(MetricSql::new(name, metric.kind.word(), &columns))
            })
            .collect()
    }
}

/// The partition's own words about itself.
fn made<'a>(partition: &'a Partition, table: &str) -> Result<&'a Made> {
    partition.made.as_ref().ok_or_else(|| Error::Table {
        object: partition.object.location.to_string(),
        reason: format!("this {table} was not written by Verdict; remove it and run again"),
    })
}

fn total_fingerprint(
    experiment: &Experiment,
    defs: &[&ComponentDef],
    days: &Days,
) -> Result<Fingerprint> {
    let contents = |table: &str, partitions: &[(NaiveDate, Partition)]| {
        partitions
            .iter()
            .map(|(day, partition)| Ok(format!("{day} {}", made(partition, table)?.content)))
            .collect::<Result<Vec<_>>>()
    };
    Ok(Fingerprint::new()
        .with("exposure_day", contents("exposure_day", &days.exposure)?)
        .with("unit_day", contents("unit_day", &days.unit)?)
        .with("rows of the logs", [format!("{:?}", days.counts)])
        .with("components", defs.iter().map(|def| def.column.clone()))
        .with("segments", experiment.segments.iter().map(|s| s.value.clone()))
        .with("units in several variants", [format!("{:?}", experiment.design.several_variants)]))
}

fn group_fingerprint(
    experiment: &Experiment,
    total: &Partition,
    metrics: &[MetricSql],
) -> Result<Fingerprint> {
    let made = made(total, "unit_total")?;
    Ok(Fingerprint::new()
        .with("unit_total", [&made.content])
        .with("rows of the logs", [format!("{:?}", made.counts)])
        .with("metrics", metrics.iter().map(|m| format!("{m:?}")))
        .with("segments", experiment.segments.iter().map(|s| s.value.clone())))
}

/// The type of each component, the same on all days.
fn one_type_each(job: &Job, defs: &[&ComponentDef], days: &Days) -> Result<Vec<Number>> {
    let of_days: Vec<&(NaiveDate, Partition)> = days.exposure.iter().chain(&days.unit).collect();
    defs.iter()
        .map(|def| {
            let mut seen: Option<(NaiveDate, Number)> = None;
            for (day, partition) in &of_days {
                let number = number_of(&partition.schema, &def.column)?;
                match seen {
                    Some((other, first)) if first != number => {
                        let value = def.value.as_ref().or(def.filter.as_ref());
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
            seen.map(|(_, number)| number).ok_or_else(|| Error::Internal("an experiment without days".into()))
        })
        .collect()
}

fn number_of(schema: &SchemaRef, column: &str) -> Result<Number> {
    let found = schema.field_with_name(column).ok().map(|field| field.data_type());
    found.and_then(Number::of).ok_or_else(|| {
        Error::Internal(format!("component {column} is not in the table (found {found:?})"))
    })
}

fn unit_type(days: &Days) -> DataType {
    days.exposure
        .first()
        .and_then(|(_, partition)| partition.schema.field_with_name("unit").ok())
        .map_or(DataType::Utf8, |field| field.data_type().clone())
}

fn segment_fields(experiment: &Experiment) -> Vec<Field> {
    let of = |s: &verdict_model::Located<String>| {
        Field::new(format!("segment_{}", s.value), DataType::Utf8, true)
    };
    experiment.segments.iter().map(of).collect()
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
