//! Group statistics, read back as plain rows: the contract between what makes them and what judges them.

use datafusion::arrow::array::{Array, ArrayRef, AsArray, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use verdict_model::rows::GroupStat;
use verdict_model::tables::GROUP_STATS;
use verdict_model::{DataCounts, Experiment, Later, NaiveDate};

use crate::fingerprint::Fingerprint;
use crate::job::Job;
use crate::partition::{self, Key, Partition};
use crate::{Error, Result, arrow_types};

/// The group statistics of one experiment at one as-of date.
#[derive(Clone, Debug)]
pub struct GroupStats {
    /// Their rows.
    pub rows: Vec<GroupStat>,
    /// What became of the logs' rows; `None` for statistics that were made elsewhere.
    pub counts: Option<DataCounts>,
    pub(crate) partition: Partition,
}

impl Job {
    /// Reads the group statistics of an experiment.
    ///
    /// # Errors
    /// There are none for that date; the file is not what the table's description says.
    pub async fn group_stats(&self, experiment: &str, as_of: NaiveDate) -> Result<GroupStats> {
        let key = Key::new(&GROUP_STATS, &[experiment, &as_of.to_string()]);
        let found = partition::find(&self.tables, &key).await?;
        let partition = found.ok_or_else(|| {
            Error::Usage(format!(
                "there are no group statistics at {}/{key}; run `verdict run --date {as_of}` first, or choose a date that \
                 was run",
                self.tables.display
            ))
        })?;
        let object = self.tables.name(&partition.object.location);
        let mut rows = Vec::new();
        for batch in partition::read(&self.tables, &partition.object).await? {
            append(&mut rows, &batch, experiment, as_of, &object)?;
        }
        let counts = partition.made.as_ref().and_then(|made| made.counts.clone());
        Ok(GroupStats { rows, counts, partition })
    }

    /// What of an experiment's files is not in effect yet: its own keys, and those of the metrics it uses.
    pub fn later_of(&self, experiment: &Experiment) -> Vec<Later> {
        let uses = |later: &Later| {
            let mut parts = later.place.key.split('.');
            parts.next() == Some("metrics")
                && parts
                    .next()
                    .is_some_and(|name| experiment.metrics().any(|m| m.name.value == name))
        };
        let own = |later: &&Later| match &later.experiment {
            Some(name) => *name == experiment.name.value,
            None => uses(later),
        };
        self.project.later.iter().filter(own).cloned().collect()
    }
}

/// What results, checks and decisions follow from: the statistics, and how they are to be judged.
pub(crate) fn judged_fingerprint(
    experiment: &Experiment,
    later: &[Later],
    stats: &Partition,
) -> Fingerprint {
    let content = match &stats.made {
        Some(made) => made.content.clone(),
        None => format!("{} {:?}", stats.object.size, stats.object.e_tag),
    };
    let metrics = experiment.metrics().map(|m| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?}",
            m.name.value, m.role, m.declared, m.baseline, m.mde, m.direction
        )
    });
    let design = &experiment.design;
    Fingerprint::new()
        .with(
            "group_stats",
            [content, format!("{:?}", stats.made.as_ref().map(|made| &made.counts))],
        )
        .with("metrics", metrics)
        .with(
            "design",
            [format!("{} {:?} {:?}", design.control.value, design.arms, design.several_variants)],
        )
        .with("segments", experiment.segments.iter().map(|s| s.value.clone()))
        .with(
            "settings",
            [format!("{:?} {:?}", experiment.settings, experiment.guardrail_settings)],
        )
        .with(
            "keys not in effect",
            later.iter().map(|l| format!("{} {}", l.place.key, l.consequence)),
        )
}

fn append(
    rows: &mut Vec<GroupStat>,
    batch: &RecordBatch,
    experiment: &str,
    ds: NaiveDate,
    object: &str,
) -> Result<()> {
    let column = |name: &str, ty: &DataType| -> Result<ArrayRef> {
        let wrong = |reason: String| Error::Table { object: object.to_owned(), reason };
        let column = batch.column_by_name(name).ok_or_else(|| {
            wrong(format!("column `{name}` is missing; see the description of group_stats"))
        })?;
        cast(column, ty).map_err(|e| wrong(format!("column `{name}` is not {ty}: {e}")))
    };
    let text = |name| column(name, &DataType::Utf8);
    let double = |name| column(name, &DataType::Float64);
    let (metric, metric_type, variant) = (text("metric")?, text("metric_type")?, text("variant")?);
    let (segment, segment_value) = (text("segment")?, text("segment_value")?);
    let n = column("n", &DataType::Int64)?;
    let [sum_x, mean_x, m2_x] = ["sum_x", "mean_x", "m2_x"].map(double);
    let [sum_y, mean_y, m2_y, co_xy] = ["sum_y", "mean_y", "m2_y", "co_xy"].map(double);
    let (sum_x, mean_x, m2_x) = (sum_x?, mean_x?, m2_x?);
    let (sum_y, mean_y, m2_y, co_xy) = (sum_y?, mean_y?, m2_y?, co_xy?);
    for required in [&metric, &metric_type, &variant, &segment, &segment_value, &n] {
        if required.null_count() > 0 {
            return Err(Error::Table {
                object: object.to_owned(),
                reason: format!("there are nulls in the columns {} that may not be", not_null()),
            });
        }
    }
    for row in 0..batch.num_rows() {
        let word = |array: &ArrayRef| array.as_string::<i32>().value(row).to_owned();
        let number = |array: &ArrayRef| {
            let doubles = array.as_primitive::<Float64Type>();
            doubles.is_valid(row).then(|| doubles.value(row))
        };
        rows.push(GroupStat {
            experiment: experiment.to_owned(),
            ds,
            metric: word(&metric),
            metric_type: word(&metric_type),
            variant: word(&variant),
            segment: word(&segment),
            segment_value: word(&segment_value),
            n: n.as_primitive::<Int64Type>().value(row),
            sum_x: number(&sum_x),
            mean_x: number(&mean_x),
            m2_x: number(&m2_x),
            sum_y: number(&sum_y),
            mean_y: number(&mean_y),
            m2_y: number(&m2_y),
            co_xy: number(&co_xy),
            n_before: None,
            co_x_before: None,
            co_y_before: None,
            co_xy_before: None,
        });
    }
    Ok(())
}

fn not_null() -> String {
    let schema = arrow_types::schema(&GROUP_STATS);
    let names: Vec<&str> =
        schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
    names.join(", ")
}
