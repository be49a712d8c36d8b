//! What the tables told of an experiment before: what a change is measured from.

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::common::exec_datafusion_err;
use serde::{Deserialize, Serialize};
use verdict_model::tables::{CHECKS, DECISIONS};
use verdict_model::{Experiment, NaiveDate};

use crate::Result;
use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Key};

/// What was said of an experiment as of a date.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The as-of date.
    pub ds: NaiveDate,
    /// The decision of each variant.
    pub decisions: Vec<ToldDecision>,
    /// The checks that failed, by name, each once.
    pub failed_checks: Vec<String>,
}

/// What was said of a variant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldDecision {
    /// The variant.
    pub variant: String,
    /// The decision.
    pub decision: String,
    /// Its reasons, as codes.
    pub reason_codes: Vec<String>,
}

impl Job {
    /// What the tables say of an experiment as of `as_of`, or of the last date before it that they say anything of.
    ///
    /// # Errors
    /// The store fails; a partition is damaged.
    pub async fn told(&self, experiment: &Experiment, as_of: NaiveDate) -> Result<Option<Told>> {
        let name = experiment.name.value.as_str();
        let dates = partition::dates(&self.tables, &DECISIONS, name).await?;
        let Some(ds) = dates.into_iter().rfind(|ds| *ds <= as_of) else { return Ok(None) };
        let key = |table| Key::new(table, &[name, &ds.to_string()]);
        let found = partition::find_all(&self.tables, vec![key(&DECISIONS), key(&CHECKS)]).await?;
        let [Some(decisions), Some(checks)] = &found[..] else { return Ok(None) };
        let mut told = Told { ds, decisions: Vec::new(), failed_checks: Vec::new() };
        for batch in partition::read(&self.tables, &decisions.object).await? {
            told.decisions.extend(decisions_of(&batch).at(|| key(&DECISIONS).to_string())?);
        }
        for batch in partition::read(&self.tables, &checks.object).await? {
            told.failed_checks.extend(failed(&batch).at(|| key(&CHECKS).to_string())?);
        }
        told.failed_checks.sort();
        told.failed_checks.dedup();
        Ok(Some(told))
    }
}

fn decisions_of(batch: &RecordBatch) -> datafusion::error::Result<Vec<ToldDecision>> {
    let (variants, decisions) = (texts(batch, "variant")?, texts(batch, "decision")?);
    let codes = column(batch, "reason_codes")?
        .as_list_opt::<i32>()
        .ok_or_else(|| exec_datafusion_err!("reason_codes is no list"))?;
    let of_row = |row: usize| {
        let codes = codes.value(row);
        let codes = codes.as_string_opt::<i32>();
        ToldDecision {
            variant: variants[row].clone(),
            decision: decisions[row].clone(),
            reason_codes: codes.into_iter().flatten().flatten().map(str::to_owned).collect(),
        }
    };
    Ok((0..batch.num_rows()).map(of_row).collect())
}

fn failed(batch: &RecordBatch) -> datafusion::error::Result<Vec<String>> {
    let (checks, statuses) = (texts(batch, "check")?, texts(batch, "status")?);
    let both = checks.into_iter().zip(statuses);
    Ok(both.filter(|(_, status)| status == "fail").map(|(check, _)| check).collect())
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> datafusion::error::Result<&'a dyn Array> {
    let column = batch
        .column_by_name(name)
        .ok_or_else(|| exec_datafusion_err!("there is no column {name}"))?;
    Ok(column.as_ref())
}

fn texts(batch: &RecordBatch, name: &str) -> datafusion::error::Result<Vec<String>> {
    let column = column(batch, name)?
        .as_string_opt::<i32>()
        .ok_or_else(|| exec_datafusion_err!("{name} is no text"))?;
    Ok(column.iter().map(|text| text.unwrap_or_default().to_owned()).collect())
}
