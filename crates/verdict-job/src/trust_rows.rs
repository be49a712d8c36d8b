//! The rows of `group_stats` that checks look at: units by the day of their first exposure, units that are in another
//! experiment as well, and every unit but those with the largest values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::Days;
use datafusion::arrow::array::{
    ArrayRef, Float64Array, Int64Array, RecordBatch, StringArray, new_null_array,
};
use datafusion::arrow::compute::{
    SortColumn, concat_batches, lexsort_to_indices, take_record_batch,
};
use datafusion::arrow::datatypes::FieldRef;
use verdict_accum::Moments2;
use verdict_model::rows::{
    ANOTHER_EXPERIMENT, EXPOSED, EXPOSURE_DS, GroupStat, TOP_SHARE, WITHOUT_TOP,
};
use verdict_model::tables::GROUP_STATS;
use verdict_model::{Experiment, NaiveDate};

use crate::error::AtStage;
use crate::group_totals::{Running, Segments, whole};
use crate::sweep::{Changes, Found, Group, Large, Seen, Sweep, Task};
use crate::{Error, Result, arrow_types};

/// A metric whose units are looked at.
#[derive(Clone, Debug)]
pub(crate) struct WatchedMetric {
    pub(crate) name: String,
    /// `proportion`, `mean` or `ratio`.
    pub(crate) metric_type: String,
    /// The column of its states in `group_totals`.
    pub(crate) state: String,
    /// Whether its moments are those of its totals as they are, neither clipped nor beside covariates.
    pub(crate) plain: bool,
    /// Its totals, by their place in [`Task::totals`].
    pub(crate) columns: Vec<usize>,
}

impl WatchedMetric {
    /// Whether its largest values are looked for: those of a proportion are all alike, and what is capped has none.
    pub(crate) fn may_be_large(&self) -> bool {
        self.plain && self.metric_type != "proportion"
    }
}

/// What is known of a task when its rows are made.
pub(crate) struct Watching<'a> {
    pub(crate) experiment: &'a Experiment,
    pub(crate) task: &'a Task,
    pub(crate) segments: &'a Segments,
    /// The primary metric, where it is compared.
    pub(crate) primary: Option<&'a WatchedMetric>,
    /// The metrics of [`crate::sweep::Watched::large`].
    pub(crate) large: &'a [WatchedMetric],
    /// The sweep, whose tasks the other experiments are.
    pub(crate) sweep: &'a Sweep,
}

impl Watching<'_> {
    /// The rows of each date that is made.
    ///
    /// # Errors
    /// A state is damaged.
    pub(crate) fn rows(
        &self,
        found: &Found,
        seen: &Seen,
        totals: &RecordBatch,
    ) -> Result<BTreeMap<NaiveDate, Vec<GroupStat>>> {
        let made = |look: &NaiveDate| self.task.made.contains(look);
        let mut rows: BTreeMap<NaiveDate, Vec<GroupStat>> = BTreeMap::new();
        for look in self.task.looks.iter().filter(|look| made(look)) {
            rows.entry(*look).or_default().extend(self.exposed(*look, found, seen)?);
        }
        if let Some(primary) = self.primary {
            for ((day, variant), changes) in &seen.cohorts {
                let place = (EXPOSURE_DS.to_owned(), date(*day).to_string());
                self.cumulated(primary, variant, &place, changes, &mut rows);
            }
            for ((other, variant, theirs), changes) in &seen.pairs {
                let name = self.sweep.tasks.get(*other).map_or("", |task| task.name.as_str());
                let place = (format!("{ANOTHER_EXPERIMENT}{name}"), theirs.to_string());
                self.cumulated(primary, variant, &place, changes, &mut rows);
            }
        }
        for (metric, of) in self.large.iter().enumerate() {
            self.without_top(of, metric, (found, seen), totals, &mut rows)?;
        }
        Ok(rows)
    }

    /// How many units were first exposed on each day up to a look, in each variant and segment.
    fn exposed(&self, look: NaiveDate, found: &Found, seen: &Seen) -> Result<Vec<GroupStat>> {
        let mut groups = BTreeMap::new();
        let up_to = |(day, _): &(i32, i64)| date(*day) <= look;
        for ((_, group), n) in seen.exposed.iter().filter(|(key, _)| up_to(key)) {
            *groups.entry(*group).or_insert(0_i64) += n;
        }
        let known = |group: &i64| {
            found.group(*group).ok_or_else(|| Error::Internal(format!("there is no group {group}")))
        };
        let of_groups = groups.keys().map(known).collect::<Result<Vec<_>>>()?;
        let exposed: Vec<(&[Option<String>], i128)> = of_groups
            .iter()
            .zip(groups.values())
            .map(|(group, n)| (group.segments.as_slice(), i128::from(*n)))
            .collect();
        let values = self.segments.told_apart(&exposed);
        let place: BTreeMap<i64, usize> = groups.keys().copied().zip(0..).collect();
        let mut units: BTreeMap<(String, String, String), i64> = BTreeMap::new();
        for ((day, group), n) in seen.exposed.iter().filter(|(key, _)| up_to(key)) {
            let (at, day) = (place[group], date(*day));
            let variant = &of_groups[at].variant;
            let mut add = |segment: String, value: String| {
                *units.entry((segment, value, variant.clone())).or_default() += n;
            };
            add(EXPOSURE_DS.to_owned(), day.to_string());
            for (name, values) in self.segments.names().zip(&values) {
                add(format!("{EXPOSURE_DS}*{name}"), format!("{day}*{}", values[at]));
            }
        }
        let row = |((segment, segment_value, variant), n)| GroupStat {
            segment,
            segment_value,
            n,
            ..self.empty(look, EXPOSED, "count", variant)
        };
        Ok(units.into_iter().map(row).collect())
    }

    /// A row at each date that is made, from the first change on.
    fn cumulated(
        &self,
        metric: &WatchedMetric,
        variant: &str,
        (segment, value): &(String, String),
        changes: &Changes,
        rows: &mut BTreeMap<NaiveDate, Vec<GroupStat>>,
    ) {
        let mut moments: Option<Moments2> = None;
        for (at, look) in self.task.looks.iter().enumerate() {
            if let Some(change) = changes.at(at) {
                moments.get_or_insert_default().merge(change);
            }
            let (Some(moments), true) = (&moments, self.task.made.contains(look)) else { continue };
            // Whether a unit that does not count any more once did depends on the looks before.
            if moments.n() == 0 {
                continue;
            }
            let stat = self.empty(*look, &metric.name, &metric.metric_type, variant.to_owned());
            let stat = GroupStat { segment: segment.clone(), segment_value: value.clone(), ..stat };
            let two = metric.metric_type == "ratio";
            let stat = of_moments(stat, &Running::Two(Box::new(moments.clone())), two);
            rows.entry(*look).or_default().push(stat);
        }
    }

    /// Every unit that counts but those with the largest values, of each variant.
    fn without_top(
        &self,
        metric: &WatchedMetric,
        at: usize,
        (found, seen): (&Found, &Seen),
        totals: &RecordBatch,
        rows: &mut BTreeMap<NaiveDate, Vec<GroupStat>>,
    ) -> Result<()> {
        let variables = metric.columns.len();
        let mut of_all = whole(totals, &metric.state, variables)?;
        for (look_at, look) in self.task.looks.iter().enumerate() {
            let Some(largest) = seen.large.get(&(at, look_at)) else { continue };
            let units: i128 =
                of_all.iter().filter(|((ds, _), _)| ds == look).map(|(_, all)| all.n()).sum();
            let most = (units as f64 * TOP_SHARE).floor() as usize;
            let removed = largest.above(most).into_iter();
            let removed: Vec<(Large, Arc<Group>)> =
                removed.filter_map(|value| Some((value, found.group(value.group)?))).collect();
            if removed.is_empty() {
                continue;
            }
            let variants: BTreeSet<String> =
                of_all.keys().filter(|(ds, _)| ds == look).map(|(_, v)| v.clone()).collect();
            for variant in variants {
                let Some(mut kept) = of_all.remove(&(*look, variant.clone())) else { continue };
                for (value, _) in removed.iter().filter(|(_, group)| group.variant == variant) {
                    let taken = kept.push(-1, [value.x, value.y]);
                    taken.map_err(|e| Error::Internal(format!("a state: {e}")))?;
                }
                let stat = self.empty(*look, &metric.name, &metric.metric_type, variant);
                let stat = GroupStat {
                    segment: WITHOUT_TOP.to_owned(),
                    segment_value: TOP_SHARE.to_string(),
                    ..stat
                };
                rows.entry(*look).or_default().push(of_moments(stat, &kept, variables == 2));
            }
        }
        Ok(())
    }

    fn empty(&self, ds: NaiveDate, metric: &str, metric_type: &str, variant: String) -> GroupStat {
        GroupStat {
            experiment: self.experiment.name.value.clone(),
            ds,
            metric: metric.to_owned(),
            metric_type: metric_type.to_owned(),
            variant,
            ..GroupStat::default()
        }
    }
}

fn date(days_since_1970: i32) -> NaiveDate {
    let epoch = NaiveDate::default();
    let days = Days::new(u64::from(days_since_1970.unsigned_abs()));
    let date = match days_since_1970 < 0 {
        true => epoch.checked_sub_days(days),
        false => epoch.checked_add_days(days),
    };
    date.unwrap_or(epoch)
}

fn of_moments(stat: GroupStat, moments: &Running, two: bool) -> GroupStat {
    let of_y = |value: Option<f64>| value.filter(|_| two);
    let n = i64::try_from(moments.n()).unwrap_or(i64::MAX);
    let [x, y] = [0, 1].map(|i| moments.of(i));
    GroupStat {
        n,
        sum_x: x[0],
        mean_x: x[1],
        m2_x: x[2],
        sum_y: of_y(y[0]),
        mean_y: of_y(y[1]),
        m2_y: of_y(y[2]),
        co_xy: of_y(moments.co()),
        ..stat
    }
}

/// The rows of a date as a table, with those that the engine made, in the order of the table.
///
/// # Errors
/// The engine's rows are not those of the table.
pub(crate) fn merged(own: &[RecordBatch], rows: &[GroupStat]) -> Result<RecordBatch> {
    let stage = || "group_stats".to_owned();
    let schema = arrow_types::schema(&GROUP_STATS);
    let text = |of: fn(&GroupStat) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(of)))
    };
    let double = |of: fn(&GroupStat) -> Option<f64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<Float64Array>())
    };
    let column = |field: &FieldRef| -> ArrayRef {
        match field.name().as_str() {
            "metric" => text(|row| &row.metric),
            "metric_type" => text(|row| &row.metric_type),
            "variant" => text(|row| &row.variant),
            "segment" => text(|row| &row.segment),
            "segment_value" => text(|row| &row.segment_value),
            "n" => Arc::new(rows.iter().map(|row| row.n).collect::<Int64Array>()),
            "sum_x" => double(|row| row.sum_x),
            "mean_x" => double(|row| row.mean_x),
            "m2_x" => double(|row| row.m2_x),
            "sum_y" => double(|row| row.sum_y),
            "mean_y" => double(|row| row.mean_y),
            "m2_y" => double(|row| row.m2_y),
            "co_xy" => double(|row| row.co_xy),
            // What these rows have none of: windows, days before, caps, covariates.
            _ => new_null_array(field.data_type(), rows.len()),
        }
    };
    let columns: Vec<ArrayRef> = schema.fields().iter().map(column).collect();
    let rows = RecordBatch::try_new(Arc::clone(&schema), columns).at(stage)?;
    let mut all =
        own.iter().map(|b| arrow_types::conform(b, &schema)).collect::<Result<Vec<_>>>()?;
    all.push(rows);
    let all = concat_batches(&schema, &all).at(stage)?;
    let by = ["metric", "segment", "segment_value", "variant"];
    let by: Vec<SortColumn> = by
        .iter()
        .filter_map(|name| {
            Some(SortColumn { values: Arc::clone(all.column_by_name(name)?), options: None })
        })
        .collect();
    let order = lexsort_to_indices(&by, None).at(stage)?;
    take_record_batch(&all, &order).at(stage)
}
