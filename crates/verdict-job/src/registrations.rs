//! `registrations`: the plan that an experiment was first run with.
//!
//! The one table that is not derived from anything: an object for each experiment, put where there is none and never
//! overwritten. Of two first runs at once one wins and both go on with its plan: the object is written under the condition
//! that there is none (a link on a file system, `If-None-Match` or its like elsewhere). On a store that knows no such
//! condition it is looked for before it is written, and of two runs that do so at the same moment the later one wins.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, Date32Array, RecordBatch, StringArray};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, Date32Type};
use datafusion::parquet::arrow::ArrowWriter;
use object_store::{ObjectStoreExt, PutMode, PutOptions};
use verdict_model::tables::REGISTRATIONS;
use verdict_model::{Experiment, ExperimentPlan, NaiveDate, RegisteredPlan};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Key};
use crate::{Error, Result, arrow_types};

/// The keys of the two texts; no key of a plan is a word alone.
const PLAN: &str = "plan";
const FILE: &str = "file";

impl Job {
    /// The plan of an experiment as it is now.
    pub fn plan_of(&self, experiment: &Experiment) -> ExperimentPlan {
        ExperimentPlan::of(&self.project, experiment)
    }

    /// The registered plan of an experiment; `None`: it has never been run.
    ///
    /// # Errors
    /// The store fails; the object is damaged.
    pub async fn registered_plan(&self, experiment: &Experiment) -> Result<Option<RegisteredPlan>> {
        let key = Key::new(&REGISTRATIONS, &[&experiment.name.value]);
        let at = key.object(&self.tables);
        let object = match at.store.head(&at.prefix).await {
            Ok(object) => object,
            Err(object_store::Error::NotFound { .. }) => return Ok(None),
            Err(source) => return Err(Error::Store { object: at.display, source }),
        };
        let name = self.tables.name(&object.location);
        let rows = match partition::read(&self.tables, &object).await {
            Ok(rows) => rows,
            Err(error) => return Err(not_derived(error)),
        };
        match plan_in(&rows) {
            Ok(plan) => Ok(Some(plan)),
            Err(reason) => Err(damaged(name, &reason)),
        }
    }

    /// Registers the plan of an experiment that has none, and gives the registered one, whosever it is.
    ///
    /// # Errors
    /// As [`Job::registered_plan`]; the experiment's file cannot be read any more.
    pub async fn register_plan(
        &self,
        experiment: &Experiment,
        as_of: NaiveDate,
    ) -> Result<RegisteredPlan> {
        if let Some(registered) = self.registered_plan(experiment).await? {
            return Ok(registered);
        }
        let path = self.project.root.join(&*experiment.name.place.file);
        let file = std::fs::read_to_string(&path).map_err(|source| Error::Io { path, source })?;
        let plan = RegisteredPlan { as_of, file, plan: self.plan_of(experiment) };
        let key = Key::new(&REGISTRATIONS, &[&experiment.name.value]);
        let (at, bytes) = (key.object(&self.tables), object(&plan)?);
        let create = PutOptions::from(PutMode::Create);
        let put = at.store.put_opts(&at.prefix, bytes.clone().into(), create).await;
        let failed = |source| Error::Store { object: at.display.clone(), source };
        match put {
            Ok(_) => return Ok(plan),
            // Another run was first.
            Err(object_store::Error::AlreadyExists { .. }) => {}
            Err(source) if !conditional(&source, self.tables.is_local()) => {
                at.store.put(&at.prefix, bytes.into()).await.map_err(failed)?;
            }
            Err(source) => return Err(failed(source)),
        }
        let registered = self.registered_plan(experiment).await?;
        registered.ok_or_else(|| Error::Internal(format!("{key} was written and is not there")))
    }
}

/// What of a registered plan results follow from: nothing when it is the current one.
pub(crate) fn aspect(current: &ExperimentPlan, registered: Option<&RegisteredPlan>) -> Vec<String> {
    match registered {
        None => vec!["none".into()],
        Some(registered) if registered.changes(current).is_empty() => self::current(),
        Some(registered) => {
            let keys = registered.plan.keys.iter().chain(&current.keys);
            let keys = keys.flat_map(|(key, value)| [key.clone(), value.clone()]);
            std::iter::once(registered.plan.text.clone()).chain(keys).collect()
        }
    }
}

/// The same of a plan that is registered as it is.
pub(crate) fn current() -> Vec<String> {
    vec!["current".into()]
}

/// Whether the store knows conditions, as far as its refusal of one tells.
fn conditional(refusal: &object_store::Error, local: bool) -> bool {
    use object_store::Error::{Generic, NotImplemented, NotSupported};
    match refusal {
        NotImplemented { .. } | NotSupported { .. } => false,
        // A file system without hard links.
        Generic { .. } => !local,
        _ => true,
    }
}

/// The same of a registration: what is told of a partition that can be made again is not true of it.
pub(crate) fn not_derived(error: Error) -> Error {
    match error {
        Error::Table { object, reason } => {
            let reason = reason.split("; remove it").next().unwrap_or_default();
            damaged(object, &reason.replace("this partition", "this registration"))
        }
        other => other,
    }
}

fn damaged(object: String, reason: &str) -> Error {
    let reason = format!(
        "{reason}; a registration is not derived from anything: put a copy of it back, or remove it, and the next run \
         registers the plan as it is then"
    );
    Error::Table { object, reason }
}

/// The object of a registration.
fn object(plan: &RegisteredPlan) -> Result<Vec<u8>> {
    let texts = [(PLAN, &plan.plan.text), (FILE, &plan.file)];
    let keys = plan.plan.keys.iter().map(|(key, value)| (key.as_str(), value));
    let rows: Vec<(&str, &String)> = keys.chain(texts).collect();
    let day = Date32Type::from_naive_date(plan.as_of);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Date32Array::from(vec![day; rows.len()])),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(key, _)| key))),
        Arc::new(StringArray::from_iter_values(rows.iter().map(|(_, value)| value))),
    ];
    let stage = || "registrations".to_owned();
    let schema = arrow_types::schema(&REGISTRATIONS);
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns).at(stage)?;
    let mut bytes = Vec::new();
    let properties = partition::properties(&schema);
    let mut writer = ArrowWriter::try_new(&mut bytes, schema, Some(properties)).at(stage)?;
    writer.write(&batch).at(stage)?;
    writer.close().at(stage)?;
    Ok(bytes)
}

/// The plan in an object's rows, or what is wrong with them.
fn plan_in(batches: &[RecordBatch]) -> std::result::Result<RegisteredPlan, String> {
    let wrong = |what: &str| format!("this registration is damaged: {what}");
    let first = batches.first().ok_or_else(|| wrong("it has no rows"))?;
    let rows = concat_batches(&first.schema(), batches).map_err(|e| wrong(&e.to_string()))?;
    let column = |name: &str, ty: &DataType| {
        let column = rows.column_by_name(name);
        let column = column.and_then(|column| cast(column, ty).ok());
        let column = column.filter(|column| column.null_count() == 0);
        column.ok_or_else(|| wrong(&format!("there is no column `{name}` of {ty} without nulls")))
    };
    let days = column("registered_ds", &DataType::Date32)?;
    let (keys, values) = (column("key", &DataType::Utf8)?, column("value", &DataType::Utf8)?);
    let day = days.as_primitive::<Date32Type>().values().first().copied();
    let as_of = day
        .and_then(Date32Type::to_naive_date_opt)
        .ok_or_else(|| wrong("it has no rows with a date"))?;
    let pairs = keys.as_string::<i32>().iter().zip(values.as_string::<i32>());
    let mut keys: BTreeMap<String, String> =
        pairs.filter_map(|(key, value)| Some((key?.to_owned(), value?.to_owned()))).collect();
    let mut text =
        |key: &str| keys.remove(key).ok_or_else(|| wrong(&format!("there is no row `{key}`")));
    let (text, file) = (text(PLAN)?, text(FILE)?);
    Ok(RegisteredPlan { as_of, file, plan: ExperimentPlan { text, keys } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan() -> RegisteredPlan {
        let keys = [("experiment.start", "2024-01-01"), ("metrics.x.type", "mean")];
        let keys = keys.map(|(key, value)| (key.to_owned(), value.to_owned()));
        RegisteredPlan {
            as_of: NaiveDate::from_ymd_opt(2024, 1, 3).unwrap(),
            file: "experiment: {name: e}\n".into(),
            plan: ExperimentPlan { text: "experiment:\n  name: e\n".into(), keys: keys.into() },
        }
    }

    #[test]
    fn an_object_is_read_as_it_was_written() {
        let bytes = bytes::Bytes::from(object(&plan()).unwrap());
        let reader =
            datafusion::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(
                bytes,
            );
        let rows: Vec<RecordBatch> = reader.unwrap().build().unwrap().map(|b| b.unwrap()).collect();
        assert_eq!(plan_in(&rows).unwrap(), plan());
        // Its last rows are the two texts.
        let cut = rows[0].slice(0, rows[0].num_rows() - 1);
        let reason = plan_in(&[cut]).unwrap_err();
        assert_eq!(reason, "this registration is damaged: there is no row `file`");
        assert!(plan_in(&[rows[0].slice(0, 0)]).unwrap_err().contains("no rows"));
        let other = rows[0].project(&[0, 1]).unwrap();
        assert!(plan_in(&[other]).unwrap_err().contains("no column `value`"));
    }

    #[test]
    fn what_results_follow_from_is_nothing_but_a_change() {
        let registered = plan();
        let same = ExperimentPlan { text: "another".into(), ..registered.plan.clone() };
        assert_eq!(aspect(&same, Some(&registered)), ["current"]);
        assert_eq!(aspect(&same, None), ["none"]);
        let mut other = same;
        other.keys.insert("experiment.start".into(), "2024-01-02".into());
        assert!(aspect(&other, Some(&registered)).len() > 4);
    }
}
