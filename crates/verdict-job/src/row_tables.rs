//! `results`, `checks`, `decisions` and `runs`: rows become tables.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Date32Array, Float64Array, Int32Array, Int64Array, Int64Builder,
    ListBuilder, RecordBatch, StringArray, StringBuilder, TimestampMicrosecondArray,
};
use datafusion::arrow::datatypes::Date32Type;
use verdict_model::rows::{CheckRow, DecisionRow, ResultRow};
use verdict_model::tables::{CHECKS, DECISIONS, FORMAT_VERSION, RESULTS, RUNS, Table};
use verdict_model::{Experiment, NaiveDate, RegisteredPlan};

use crate::error::AtStage;
use crate::fingerprint::Fingerprint;
use crate::group_stats::judged_fingerprint;
use crate::job::{Job, Tally};
use crate::partition::{self, Key, Partition};
use crate::{GroupStats, Result, arrow_types, registrations};

/// A row of `runs`, but for what the job itself knows.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Identifies the run: its start and its process.
    pub run_id: String,
    /// The command.
    pub command: String,
    /// The version of the program.
    pub version: String,
    /// When it started.
    pub started: DateTime<Utc>,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// What failed, if anything did.
    pub error: Option<String>,
}

/// Results, checks and decisions of an experiment as of a date.
pub type JudgedRows = (Vec<ResultRow>, Vec<CheckRow>, Vec<DecisionRow>);

impl Job {
    /// Writes what the analysis says of an experiment, where it differs from what is there.
    ///
    /// # Errors
    /// The store fails.
    pub async fn write_judgement(
        &self,
        experiment: &Experiment,
        stats: &GroupStats,
        registered: Option<&RegisteredPlan>,
        as_of: NaiveDate,
        rows: (&[ResultRow], &[CheckRow], &[DecisionRow]),
        tally: &mut Tally,
    ) -> Result<()> {
        let fingerprint = self.judgement_fingerprint(experiment, stats, registered);
        let (results, checks, decisions) = rows;
        let tables: [(&'static Table, RecordBatch); 3] = [
            (&RESULTS, results_batch(results)?),
            (&CHECKS, checks_batch(checks)?),
            (&DECISIONS, decisions_batch(decisions)?),
        ];
        for (table, batch) in tables {
            let key = Key::new(table, &[&experiment.name.value, &as_of.to_string()]);
            let found = partition::find(&self.tables, &key).await?;
            if found.and_then(|p| p.made).is_some_and(|made| made.fingerprint == fingerprint) {
                tally.fresh += 1;
                continue;
            }
            let schema = arrow_types::schema(table);
            partition::write(&self.tables, &key, &schema, &[batch], fingerprint.clone(), None)
                .await?;
            tally.made += 1;
        }
        Ok(())
    }

    /// What the analysis said of an experiment, where the tables have it of the same statistics, definitions and plan: judging once
    /// more would say the same.
    ///
    /// # Errors
    /// The store fails.
    pub async fn judgement_there(
        &self,
        experiment: &Experiment,
        stats: &GroupStats,
        registered: Option<&RegisteredPlan>,
        as_of: NaiveDate,
        tally: &mut Tally,
    ) -> Result<Option<JudgedRows>> {
        let fingerprint = self.judgement_fingerprint(experiment, stats, registered);
        let key = |table| Key::new(table, &[&experiment.name.value, &as_of.to_string()]);
        let keys = [&RESULTS, &CHECKS, &DECISIONS].map(key);
        let found = partition::find_all(&self.tables, keys.into()).await?;
        let is_fresh = |partition: &Partition| {
            partition.made.as_ref().is_some_and(|made| made.fingerprint == fingerprint)
        };
        if !found.iter().all(|found| found.as_ref().is_some_and(is_fresh)) {
            return Ok(None);
        }
        let dates = [as_of];
        let results = self.rows_of(&RESULTS, experiment, &dates, None).await;
        let checks = self.rows_of(&CHECKS, experiment, &dates, None).await;
        let decisions = self.rows_of(&DECISIONS, experiment, &dates, None).await;
        // What is damaged is judged once more.
        let (Ok(results), Ok(checks), Ok(decisions)) = (results, checks, decisions) else {
            return Ok(None);
        };
        tally.fresh += found.len() as u64;
        Ok(Some((results, checks, decisions)))
    }

    /// What a judgement follows from.
    fn judgement_fingerprint(
        &self,
        experiment: &Experiment,
        stats: &GroupStats,
        registered: Option<&RegisteredPlan>,
    ) -> Fingerprint {
        let registered = registrations::aspect(&self.plan_of(experiment), registered);
        let later = self.later_of(experiment);
        let fingerprint = judged_fingerprint(experiment, &later, &registered, &stats.partitions);
        let incomplete = stats.counts.iter().flat_map(|counts| &counts.incomplete);
        fingerprint.with_any("incomplete days", incomplete)
    }

    /// Writes the log of a run.
    ///
    /// # Errors
    /// The store fails.
    pub async fn write_run(&self, ds: NaiveDate, run: &RunRow, tally: &Tally) -> Result<()> {
        let status = if run.error.is_some() { "failed" } else { "done" };
        let count = |n: u64| -> ArrayRef {
            Arc::new(Int64Array::from(vec![i64::try_from(n).unwrap_or(i64::MAX)]))
        };
        let word = |text: &str| -> ArrayRef { Arc::new(StringArray::from(vec![text])) };
        let columns = vec![
            word(&run.run_id),
            word(&run.command),
            word(&run.version),
            Arc::new(Int32Array::from(vec![i32::try_from(FORMAT_VERSION).unwrap_or(i32::MAX)])),
            Arc::new(
                TimestampMicrosecondArray::from(vec![run.started.timestamp_micros()])
                    .with_timezone("UTC"),
            ),
            Arc::new(Float64Array::from(vec![run.seconds])),
            word(status),
            Arc::new(StringArray::from(vec![run.error.as_deref()])),
            count(tally.made),
            count(tally.fresh),
            count(tally.objects),
            count(tally.rows),
            count(tally.bytes),
            count(tally.bytes_scanned),
        ];
        let schema = arrow_types::schema(&RUNS);
        let batch = RecordBatch::try_new(Arc::clone(&schema), columns).at(|| "runs".into())?;
        let key =
            Key::new(&RUNS, &[&ds.to_string()]).with_object(&format!("run-{}.parquet", run.run_id));
        partition::write(&self.tables, &key, &schema, &[batch], Fingerprint::new(), None).await?;
        Ok(())
    }
}

fn text<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(StringArray::from_iter_values(values))
}

fn text_or_null<'a>(values: impl Iterator<Item = &'a Option<String>>) -> ArrayRef {
    Arc::new(values.map(|v| v.as_deref()).collect::<StringArray>())
}

/// NaN and infinity are faults of a method, never values of a table.
fn double(values: impl Iterator<Item = Option<f64>>) -> ArrayRef {
    Arc::new(values.map(|v| v.filter(|x| x.is_finite())).collect::<Float64Array>())
}

fn date_or_null(values: impl Iterator<Item = Option<NaiveDate>>) -> ArrayRef {
    Arc::new(values.map(|date| date.map(Date32Type::from_naive_date)).collect::<Date32Array>())
}

fn boolean_or_null(values: impl Iterator<Item = Option<bool>>) -> ArrayRef {
    Arc::new(values.collect::<BooleanArray>())
}

fn texts<'a>(values: impl Iterator<Item = &'a Vec<String>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for list in values {
        for item in list {
            lists.values().append_value(item);
        }
        lists.append(true);
    }
    Arc::new(lists.finish())
}

fn texts_or_null<'a>(values: impl Iterator<Item = &'a Option<Vec<String>>>) -> ArrayRef {
    let mut lists = ListBuilder::new(StringBuilder::new());
    for list in values {
        list.iter().flatten().for_each(|item| lists.values().append_value(item));
        lists.append(list.is_some());
    }
    Arc::new(lists.finish())
}

fn counts_or_null<'a>(values: impl Iterator<Item = &'a Option<Vec<i64>>>) -> ArrayRef {
    let mut lists = ListBuilder::new(Int64Builder::new());
    for list in values {
        list.iter().flatten().for_each(|item| lists.values().append_value(*item));
        lists.append(list.is_some());
    }
    Arc::new(lists.finish())
}

fn batch(table: &Table, columns: Vec<ArrayRef>) -> Result<RecordBatch> {
    RecordBatch::try_new(arrow_types::schema(table), columns).at(|| table.name.to_owned())
}

fn results_batch(rows: &[ResultRow]) -> Result<RecordBatch> {
    let r = || rows.iter();
    let int32 = |values: Vec<Option<i32>>| -> ArrayRef { Arc::new(Int32Array::from(values)) };
    let int64 = |values: Vec<i64>| -> ArrayRef { Arc::new(Int64Array::from(values)) };
    batch(
        &RESULTS,
        vec![
            text(r().map(|x| x.metric.as_str())),
            text(r().map(|x| x.role.word())),
            text(r().map(|x| x.metric_type.as_str())),
            text(r().map(|x| x.direction.as_str())),
            text(r().map(|x| x.control.as_str())),
            text(r().map(|x| x.variant.as_str())),
            text(r().map(|x| x.segment.as_str())),
            text(r().map(|x| x.segment_value.as_str())),
            int32(r().map(|x| Some(x.window_start)).collect()),
            int32(r().map(|x| x.window_end).collect()),
            int64(r().map(|x| x.n_control).collect()),
            int64(r().map(|x| x.n_variant).collect()),
            Arc::new(Int64Array::from_iter(r().map(|x| x.n_not_mature_control))),
            Arc::new(Int64Array::from_iter(r().map(|x| x.n_not_mature_variant))),
            double(r().map(|x| x.mean_control)),
            double(r().map(|x| x.mean_variant)),
            double(r().map(|x| x.effect)),
            double(r().map(|x| x.effect_std_error)),
            double(r().map(|x| x.effect_ci_lower)),
            double(r().map(|x| x.effect_ci_upper)),
            double(r().map(|x| x.rel_effect)),
            double(r().map(|x| x.rel_effect_ci_lower)),
            double(r().map(|x| x.rel_effect_ci_upper)),
            text_or_null(r().map(|x| &x.rel_effect_reason)),
            double(r().map(|x| Some(x.confidence_level))),
            text_or_null(r().map(|x| &x.method)),
            text(r().map(|x| x.alternative.as_str())),
            double(r().map(|x| x.statistic)),
            double(r().map(|x| x.df)),
            double(r().map(|x| x.p_value)),
            double(r().map(|x| x.log_p_value)),
            double(r().map(|x| x.p_value_adjusted)),
            text(r().map(|x| x.family.as_str())),
            int32(r().map(|x| Some(x.family_size)).collect()),
            text(r().map(|x| x.correction.as_str())),
            text(r().map(|x| x.status.as_str())),
            text_or_null(r().map(|x| &x.reason)),
            text(r().map(|x| x.test.as_str())),
            double(r().map(|x| x.margin_absolute)),
            double(r().map(|x| x.margin_relative)),
            text(r().map(|x| x.sequential_method.as_str())),
            date_or_null(r().map(|x| x.look_ds)),
            int32(r().map(|x| x.look).collect()),
            int32(r().map(|x| x.looks_planned).collect()),
            int32(r().map(|x| x.looks_used).collect()),
            double(r().map(|x| x.information_fraction)),
            text_or_null(r().map(|x| &x.increments)),
            double(r().map(|x| x.z)),
            double(r().map(|x| x.boundary)),
            double(r().map(|x| x.alpha_spent)),
            boolean_or_null(r().map(|x| x.crossed)),
            date_or_null(r().map(|x| x.crossed_ds)),
            date_or_null(r().map(|x| x.stopped_ds)),
            double(r().map(|x| x.stopped_effect)),
            double(r().map(|x| x.stopped_ci_lower)),
            double(r().map(|x| x.stopped_ci_upper)),
            double(r().map(|x| x.stopped_p_value)),
            double(r().map(|x| x.threshold)),
            double(r().map(|x| x.threshold_bound)),
            boolean_or_null(r().map(|x| x.threshold_breached)),
            text_or_null(r().map(|x| &x.adjusted.adjustment)),
            double(r().map(|x| x.adjusted.theta)),
            double(r().map(|x| x.adjusted.unadjusted_mean_control)),
            double(r().map(|x| x.adjusted.unadjusted_mean_variant)),
            double(r().map(|x| x.adjusted.unadjusted_effect)),
            double(r().map(|x| x.adjusted.unadjusted_std_error)),
            double(r().map(|x| x.adjusted.variance_ratio)),
            double(r().map(|x| x.adjusted.cap_lower)),
            double(r().map(|x| x.adjusted.cap_upper)),
            double(r().map(|x| x.adjusted.cap_lower_denominator)),
            double(r().map(|x| x.adjusted.cap_upper_denominator)),
            double(r().map(|x| x.adjusted.share_clipped)),
            double(r().map(|x| x.adjusted.share_clipped_denominator)),
            text_or_null(r().map(|x| &x.adjusted.stratified_by)),
            int32(r().map(|x| x.adjusted.strata).collect()),
            int32(r().map(|x| x.normal.bootstrap_replicates).collect()),
            text_or_null(r().map(|x| &x.normal.normal_method)),
            double(r().map(|x| x.normal.normal_std_error)),
            double(r().map(|x| x.normal.normal_ci_lower)),
            double(r().map(|x| x.normal.normal_ci_upper)),
            double(r().map(|x| x.normal.normal_rel_ci_lower)),
            double(r().map(|x| x.normal.normal_rel_ci_upper)),
            double(r().map(|x| x.normal.normal_p_value)),
            texts_or_null(r().map(|x| &x.categories.category)),
            counts_or_null(r().map(|x| &x.categories.category_count_control)),
            counts_or_null(r().map(|x| &x.categories.category_count_variant)),
            double(r().map(|x| x.categories.cramers_v)),
        ],
    )
}

fn checks_batch(rows: &[CheckRow]) -> Result<RecordBatch> {
    let r = || rows.iter();
    batch(
        &CHECKS,
        vec![
            text(r().map(|x| x.check.as_str())),
            text(r().map(|x| x.status.as_str())),
            double(r().map(|x| x.statistic)),
            double(r().map(|x| x.p_value)),
            double(r().map(|x| x.threshold)),
            text(r().map(|x| x.message.as_str())),
        ],
    )
}

fn decisions_batch(rows: &[DecisionRow]) -> Result<RecordBatch> {
    let r = || rows.iter();
    batch(
        &DECISIONS,
        vec![
            text(r().map(|x| x.variant.as_str())),
            text(r().map(|x| x.control.as_str())),
            text(r().map(|x| x.decision.as_str())),
            texts(r().map(|x| &x.reason_codes)),
            texts(r().map(|x| &x.reasons)),
            text(r().map(|x| x.primary_metric.as_str())),
            texts(r().map(|x| &x.not_in_effect)),
            texts(r().map(|x| &x.plan_changes)),
            text_or_null(r().map(|x| &x.decision_as_registered)),
            text_or_null(r().map(|x| &x.as_registered_reason)),
        ],
    )
}
