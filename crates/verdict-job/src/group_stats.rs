//! Group statistics, read back as plain rows: the contract between what makes them and what judges them.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, ListArray, RecordBatch, new_null_array};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int64Type};
use futures::{StreamExt, TryStreamExt, stream};
use verdict_model::rows::{Categories, Covariates, Distribution, GroupStat, Totals, Winsorized};
use verdict_model::tables::GROUP_STATS;
use verdict_model::{DataCounts, Experiment, Later, NaiveDate};

use crate::fingerprint::Fingerprint;
use crate::job::Job;
use crate::partition::{self, Key, Partition};
use crate::{Error, Result, arrow_types};

/// How many partitions are read at once.
const CONCURRENT: usize = 8;

/// What one experiment is judged by at one as-of date.
#[derive(Clone, Debug)]
pub struct GroupStats {
    /// The group statistics of every date that it is judged by ([`Experiment::judged_by`]), as far as they are there.
    pub rows: Vec<GroupStat>,
    /// Of these dates those that have none.
    pub missing: Vec<NaiveDate>,
    /// What became of the logs' rows up to the as-of date; `None` for statistics that were made elsewhere.
    pub counts: Option<DataCounts>,
    /// By date, the as-of date last.
    pub(crate) partitions: Vec<(NaiveDate, Partition)>,
}

/// Group statistics that have been read, by experiment and date: those of one run, in which nobody changes them.
#[derive(Debug, Default)]
pub struct ReadStats(BTreeMap<(String, NaiveDate), (Partition, Vec<GroupStat>)>);

impl ReadStats {
    /// Reads what is there of these dates and not read yet.
    async fn of(&mut self, job: &Job, experiment: &str, dates: &[NaiveDate]) -> Result<()> {
        let unread = |date: &&NaiveDate| !self.0.contains_key(&(experiment.to_owned(), **date));
        let dates: Vec<NaiveDate> = dates.iter().filter(unread).copied().collect();
        let key = |date: &NaiveDate| Key::new(&GROUP_STATS, &[experiment, &date.to_string()]);
        let found = partition::find_all(&job.tables, dates.iter().map(key).collect()).await?;
        let found: Vec<(NaiveDate, Partition)> =
            dates.into_iter().zip(found).filter_map(|(date, found)| Some((date, found?))).collect();
        let read: Vec<_> = stream::iter(found)
            .map(|(date, partition)| async move {
                let object = job.tables.name(&partition.object.location);
                let mut rows = Vec::new();
                for batch in partition::read(&job.tables, &partition.object).await? {
                    append(&mut rows, &batch, experiment, date, &object)?;
                }
                Ok::<_, Error>((date, partition, rows))
            })
            .buffered(CONCURRENT)
            .try_collect()
            .await?;
        let read =
            read.into_iter().map(|(date, p, rows)| ((experiment.to_owned(), date), (p, rows)));
        self.0.extend(read);
        Ok(())
    }
}

impl Job {
    /// Reads the group statistics that an experiment is judged by at an as-of date: its own, and those before it of a
    /// sequential or a planned experiment, as far as they are there. What is `read` already is not read again: dates of one
    /// experiment have most of their history in common.
    ///
    /// # Errors
    /// There are none for the as-of date; a file is not what the table's description says.
    pub async fn group_stats_history(
        &self,
        experiment: &Experiment,
        as_of: NaiveDate,
        read: &mut ReadStats,
    ) -> Result<GroupStats> {
        let name = &experiment.name.value;
        let first = match experiment.has_schedule() {
            true => self.first_day(experiment, as_of).await?,
            false => as_of,
        };
        let dates = experiment.judged_by(first, as_of);
        read.of(self, name, &dates).await?;
        let (mut rows, mut partitions, mut missing) = (Vec::new(), Vec::new(), Vec::new());
        for date in dates {
            match read.0.get(&(name.clone(), date)) {
                Some((partition, own)) => {
                    partitions.push((date, partition.clone()));
                    rows.extend_from_slice(own);
                }
                None if date == as_of => {
                    let key = Key::new(&GROUP_STATS, &[name, &as_of.to_string()]);
                    return Err(Error::Usage(format!(
                        "there are no group statistics at {}/{key}; run `verdict run --date {as_of}` first, or choose a \
                         date that was run",
                        self.tables.display
                    )));
                }
                None => missing.push(date),
            }
        }
        let own = partitions.last().and_then(|(_, partition)| partition.made.as_ref());
        let counts = own.and_then(|made| made.counts.clone());
        Ok(GroupStats { rows, missing, counts, partitions })
    }

    /// An experiment's first day. Without a `start` it is the first day of the exposure log, and where that is not at hand
    /// the first date that has group statistics.
    async fn first_day(&self, experiment: &Experiment, as_of: NaiveDate) -> Result<NaiveDate> {
        if let Ok(start) = self.start_of(experiment).await {
            return Ok(start.min(as_of));
        }
        let name = &experiment.name.value;
        let dates = partition::dates(&self.tables, &GROUP_STATS, name).await?;
        Ok(dates.first().map_or(as_of, |first| as_of.min(*first)))
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

/// What results, checks and decisions follow from: the statistics by date, the as-of date's last, how they are to be
/// judged, and what was registered ([`crate::registrations::aspect`]).
pub(crate) fn judged_fingerprint<P: Borrow<Partition>>(
    experiment: &Experiment,
    later: &[Later],
    registered: &[String],
    stats: &[(NaiveDate, P)],
) -> Fingerprint {
    let content = |(look, stats): &(NaiveDate, P)| {
        let stats = stats.borrow();
        let content = match &stats.made {
            Some(made) => made.content.clone(),
            None => format!("{} {:?}", stats.object.size, stats.object.e_tag),
        };
        format!("{look} {content}")
    };
    let own = stats.last().and_then(|(_, stats)| stats.borrow().made.as_ref());
    let counts = format!("{:?}", own.map(|made| &made.counts));
    let metrics = experiment.metrics().map(|m| {
        format!(
            "{} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?} {:?}",
            m.name.value,
            m.role,
            m.window,
            m.declared,
            m.baseline,
            m.mde,
            m.direction,
            m.test,
            m.threshold,
            m.cuped,
            m.winsorize,
            m.bootstrap,
            m.post_stratify
        )
    });
    let design = &experiment.design;
    // The schedule of the looks begins and ends with them.
    let dates = experiment.has_schedule().then_some((experiment.start, experiment.end));
    Fingerprint::new()
        .with("group_stats", stats.iter().map(content).chain([counts]))
        .with("metrics", metrics)
        .with("dates", [format!("{dates:?}")])
        .with(
            "design",
            [format!(
                "{} {:?} {:?} {:?} {:?}",
                design.control.value,
                design.arms,
                design.phases,
                design.several_variants,
                design.cluster.as_ref().map(|cluster| &cluster.value)
            )],
        )
        .with("segments", experiment.segments.iter().map(|s| s.value.clone()))
        .with(
            "settings",
            [format!("{:?} {:?}", experiment.settings, experiment.guardrail_settings)],
        )
        .with("registered plan", registered)
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
    // Statistics made elsewhere may do without what only sequential experiments have.
    let or_null = |name, ty: DataType| match batch.column_by_name(name) {
        Some(_) => column(name, &ty),
        None => Ok(new_null_array(&ty, batch.num_rows())),
    };
    let n_before = or_null("n_before", DataType::Int64)?;
    let n_pre = or_null("n_pre", DataType::Int64)?;
    let m3_x = or_null("m3_x", DataType::Float64)?;
    let n_not_mature = or_null("n_not_mature", DataType::Int64)?;
    let quantile = or_null("quantile", DataType::Float64)?;
    let list = |name, item| {
        let ty = DataType::List(Arc::new(Field::new_list_field(item, true)));
        or_null(name, ty).map(|lists| lists.as_list::<i32>().clone())
    };
    let buckets = Buckets {
        count: list("bucket_count", DataType::Int64)?,
        lower: list("bucket_lower", DataType::Float64)?,
        upper: list("bucket_upper", DataType::Float64)?,
        square: list("bucket_square", DataType::Float64)?,
        product: list("bucket_product", DataType::Float64)?,
    };
    let [total_x, total_y] = ["total_x", "total_y"].map(|name| list(name, DataType::Float64));
    let (total_x, total_y) = (total_x?, total_y?);
    let total_count = list("total_count", DataType::Int64)?;
    let category = list("category", DataType::Utf8)?;
    let category_count = list("category_count", DataType::Int64)?;
    let [co_x, co_y, co_of_both] =
        ["co_x_before", "co_y_before", "co_xy_before"].map(|name| or_null(name, DataType::Float64));
    let (co_x_before, co_y_before, co_xy_before) = (co_x?, co_y?, co_of_both?);
    let of_past = COVARIATES.map(|name| or_null(name, DataType::Float64));
    let of_past = of_past.into_iter().collect::<Result<Vec<_>>>()?;
    let of_caps = WINSORIZED.map(|name| or_null(name, DataType::Float64));
    let of_caps = of_caps.into_iter().collect::<Result<Vec<_>>>()?;
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
        let count = |array: &ArrayRef| {
            array.is_valid(row).then(|| array.as_primitive::<Int64Type>().value(row))
        };
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
            m3_x: number(&m3_x),
            sum_y: number(&sum_y),
            mean_y: number(&mean_y),
            m2_y: number(&m2_y),
            co_xy: number(&co_xy),
            n_not_mature: count(&n_not_mature),
            n_before: count(&n_before),
            co_x_before: number(&co_x_before),
            co_y_before: number(&co_y_before),
            co_xy_before: number(&co_xy_before),
            n_pre: count(&n_pre),
            covariates: covariates(&of_past.iter().map(number).collect::<Vec<_>>()),
            winsorized: winsorized(&of_caps.iter().map(number).collect::<Vec<_>>()),
            quantile: number(&quantile),
            distribution: distribution(&buckets, row),
            totals: totals((&total_x, &total_y, &total_count), row),
            categories: categories(&category, &category_count, row),
        });
    }
    Ok(())
}

/// The columns of [`Covariates`], in the order of its fields.
const COVARIATES: [&str; 16] = [
    "mean_pre_x",
    "m2_pre_x",
    "mean_pre_y",
    "m2_pre_y",
    "co_pre_xy",
    "co_x_pre_x",
    "co_x_pre_y",
    "co_y_pre_x",
    "co_y_pre_y",
    "m2_pre_x_before",
    "m2_pre_y_before",
    "co_pre_xy_before",
    "co_x_pre_x_before",
    "co_x_pre_y_before",
    "co_y_pre_x_before",
    "co_y_pre_y_before",
];

fn covariates(values: &[Option<f64>]) -> Covariates {
    let mut values = values.iter().copied();
    let mut next = || values.next().flatten();
    // Fields of a literal are evaluated in the order in which they are written.
    Covariates {
        mean_pre_x: next(),
        m2_pre_x: next(),
        mean_pre_y: next(),
        m2_pre_y: next(),
        co_pre_xy: next(),
        co_x_pre_x: next(),
        co_x_pre_y: next(),
        co_y_pre_x: next(),
        co_y_pre_y: next(),
        m2_pre_x_before: next(),
        m2_pre_y_before: next(),
        co_pre_xy_before: next(),
        co_x_pre_x_before: next(),
        co_x_pre_y_before: next(),
        co_y_pre_x_before: next(),
        co_y_pre_y_before: next(),
    }
}

/// The columns of [`Winsorized`], in the order of its fields.
const WINSORIZED: [&str; 13] = [
    "cap_lower_x",
    "cap_upper_x",
    "cap_lower_y",
    "cap_upper_y",
    "clipped_x",
    "clipped_y",
    "raw_sum_x",
    "raw_mean_x",
    "raw_m2_x",
    "raw_sum_y",
    "raw_mean_y",
    "raw_m2_y",
    "raw_co_xy",
];

fn winsorized(values: &[Option<f64>]) -> Winsorized {
    let mut values = values.iter().copied();
    let mut next = || values.next().flatten();
    Winsorized {
        cap_lower_x: next(),
        cap_upper_x: next(),
        cap_lower_y: next(),
        cap_upper_y: next(),
        clipped_x: next(),
        clipped_y: next(),
        raw_sum_x: next(),
        raw_mean_x: next(),
        raw_m2_x: next(),
        raw_sum_y: next(),
        raw_mean_y: next(),
        raw_m2_y: next(),
        raw_co_xy: next(),
    }
}

/// The columns of distributions.
struct Buckets {
    count: ListArray,
    lower: ListArray,
    upper: ListArray,
    square: ListArray,
    product: ListArray,
}

/// The categories of a row; `None` where there are none, or the lists do not belong together.
fn categories(names: &ListArray, counts: &ListArray, row: usize) -> Option<Categories> {
    let names = names.is_valid(row).then(|| names.value(row))?;
    let names = names.as_string::<i32>().iter().map(|name| name.map(str::to_owned));
    let category: Vec<String> = names.collect::<Option<_>>()?;
    let counts = counts.is_valid(row).then(|| counts.value(row))?;
    let count: Vec<i64> = counts.as_primitive::<Int64Type>().iter().collect::<Option<_>>()?;
    (category.len() == count.len()).then_some(Categories { category, count })
}

/// The distribution of a row; `None` where there is none, or the lists do not belong together.
fn distribution(buckets: &Buckets, row: usize) -> Option<Distribution> {
    let found = Distribution {
        lower: doubles(&buckets.lower, row)?,
        upper: doubles(&buckets.upper, row)?,
        square: doubles(&buckets.square, row)?,
        product: doubles(&buckets.product, row)?,
        count: counts(&buckets.count, row)?,
    };
    let n = found.count.len();
    let lists = [&found.lower, &found.upper, &found.square, &found.product];
    lists.iter().all(|list| list.len() == n).then_some(found)
}

/// How many units of a row have which totals, likewise.
fn totals((x, y, count): (&ListArray, &ListArray, &ListArray), row: usize) -> Option<Totals> {
    let found = Totals { x: doubles(x, row)?, y: doubles(y, row), count: counts(count, row)? };
    let n = found.count.len();
    (found.x.len() == n && found.y.as_ref().is_none_or(|y| y.len() == n)).then_some(found)
}

/// A list of a row; `None` where there is none, or it has nulls.
fn doubles(lists: &ListArray, row: usize) -> Option<Vec<f64>> {
    let items = lists.is_valid(row).then(|| lists.value(row))?;
    items.as_primitive::<Float64Type>().iter().collect()
}

fn counts(lists: &ListArray, row: usize) -> Option<Vec<i64>> {
    let items = lists.is_valid(row).then(|| lists.value(row))?;
    items.as_primitive::<Int64Type>().iter().collect()
}

fn not_null() -> String {
    let schema = arrow_types::schema(&GROUP_STATS);
    let names: Vec<&str> =
        schema.fields().iter().filter(|f| !f.is_nullable()).map(|f| f.name().as_str()).collect();
    names.join(", ")
}
