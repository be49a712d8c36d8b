//! The day's first exposures: of each unit to each experiment, and the instants that cut the unit's day.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondArray, TimestampMicrosecondBuilder,
};
use datafusion::arrow::compute::{cast, concat_batches};
use datafusion::arrow::datatypes::{DataType, TimeUnit, TimestampMicrosecondType};

use crate::error::AtStage;
use crate::units::Units;
use crate::{Error, Result};

/// An experiment of an exposure log: how its rows name it, and its arms.
#[derive(Clone, Debug)]
pub(crate) struct Arms {
    /// The experiment, by its place in the project.
    pub(crate) index: usize,
    pub(crate) key: String,
    /// Sorted by name.
    pub(crate) variants: Vec<String>,
}

/// What one exposure log says of a day: the rows of `exposures_met`.
#[derive(Debug)]
pub(crate) struct Met {
    pub(crate) rows: RecordBatch,
    pub(crate) units: Units,
    times: TimestampMicrosecondArray,
}

/// A unit's first exposure to an experiment on the day.
#[derive(Clone, Debug)]
pub(crate) struct First {
    pub(crate) bucket: u32,
    pub(crate) key: u128,
    /// The log, by its place in [`Exposed::logs`], and the row of its first exposure.
    pub(crate) log: usize,
    pub(crate) row: usize,
    /// The experiment, by its place in [`Exposed::experiments`].
    pub(crate) experiment: usize,
    pub(crate) at: i64,
    /// The variants met, by their place in the experiment's arms, sorted; and that of the first exposure.
    pub(crate) variants: Vec<usize>,
    pub(crate) variant: usize,
}

/// The first exposures of a day, of all logs, sorted by bucket, unit and experiment.
#[derive(Debug, Default)]
pub(crate) struct Exposed {
    pub(crate) logs: Vec<Met>,
    pub(crate) experiments: Vec<Arms>,
    /// The log of each experiment, by its place in `logs`.
    pub(crate) log_of: Vec<usize>,
    pub(crate) first: Vec<First>,
}

impl Met {
    fn new(met: &[RecordBatch]) -> Result<Met> {
        let stage = || "exposures_met".to_owned();
        let first =
            met.first().ok_or_else(|| Error::Internal("exposures_met has no schema".into()))?;
        let rows = concat_batches(&first.schema(), met).at(stage)?;
        let units = Units::of(named(&rows, "unit")?).at(stage)?;
        let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let times = cast(named(&rows, "first_exposed")?, &micros).at(stage)?;
        let times = times.as_primitive::<TimestampMicrosecondType>().clone();
        Ok(Met { rows, units, times })
    }

    fn texts(&self, name: &str) -> Result<ArrayRef> {
        cast(named(&self.rows, name)?, &DataType::Utf8).at(|| "exposures_met".into())
    }
}

fn named<'a>(rows: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    rows.column_by_name(name).ok_or_else(|| Error::Internal(format!("no column {name}")))
}

impl Exposed {
    /// The first exposures of each log with its experiments.
    ///
    /// # Errors
    /// The rows are not those of `exposures_met`.
    pub(crate) fn of(logs: Vec<(Vec<RecordBatch>, Vec<Arms>)>, buckets: u32) -> Result<Exposed> {
        let mut exposed = Exposed::default();
        for (met, arms) in logs {
            exposed.add(Met::new(&met)?, arms, buckets)?;
        }
        let Exposed { logs, first, .. } = &mut exposed;
        // Of one unit and experiment the earliest row first; of two at the same time the variant first by name.
        first.sort_unstable_by(|a, b| {
            (a.bucket, a.key)
                .cmp(&(b.bucket, b.key))
                .then_with(|| logs[a.log].units.compare(a.row, &logs[b.log].units, b.row))
                .then_with(|| (a.experiment, a.at, a.variant).cmp(&(b.experiment, b.at, b.variant)))
        });
        let same = |a: &First, b: &First| {
            (a.bucket, a.key, a.experiment) == (b.bucket, b.key, b.experiment)
                && logs[a.log].units.compare(a.row, &logs[b.log].units, b.row).is_eq()
        };
        first.dedup_by(|later, first| {
            let met = same(later, first);
            if met {
                first.variants.append(&mut later.variants);
            }
            met
        });
        for one in first.iter_mut() {
            one.variants.sort_unstable();
            one.variants.dedup();
        }
        Ok(exposed)
    }

    fn add(&mut self, met: Met, arms: Vec<Arms>, buckets: u32) -> Result<()> {
        let log = self.logs.len();
        let before = self.experiments.len();
        self.log_of.extend(arms.iter().map(|_| log));
        self.experiments.extend(arms);
        let mut by_name: HashMap<(&str, &str), Vec<(usize, usize)>> = HashMap::new();
        for (experiment, arms) in self.experiments.iter().enumerate().skip(before) {
            for (variant, name) in arms.variants.iter().enumerate() {
                by_name.entry((&arms.key, name)).or_default().push((experiment, variant));
            }
        }
        let (keys, variants) = (met.texts("experiment_key")?, met.texts("variant")?);
        let (keys, variants) = (keys.as_string::<i32>(), variants.as_string::<i32>());
        for row in 0..met.units.len() {
            let unusable = [
                met.units.is_null(row),
                met.times.is_null(row),
                keys.is_null(row),
                variants.is_null(row),
            ];
            if unusable.contains(&true) {
                continue;
            }
            let Some(of) = by_name.get(&(keys.value(row), variants.value(row))) else { continue };
            let (bucket, key) = (met.units.bucket(row, buckets), met.units.key(row));
            let at = met.times.value(row);
            self.first.extend(of.iter().map(|&(experiment, variant)| First {
                bucket,
                key,
                log,
                row,
                experiment,
                at,
                variants: vec![variant],
                variant,
            }));
        }
        self.logs.push(met);
        Ok(())
    }

    /// Whether two exposures are of one unit.
    pub(crate) fn same_unit(&self, a: &First, b: &First) -> bool {
        (a.bucket, a.key) == (b.bucket, b.key)
            && self.logs[a.log].units.compare(a.row, &self.logs[b.log].units, b.row).is_eq()
    }

    /// The instants at which the units of `of_unit` cut their day, in order.
    pub(crate) fn cuts(of_unit: &[First]) -> Vec<i64> {
        let mut cuts: Vec<i64> = of_unit.iter().map(|first| first.at).collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// The table `exposure_cuts`: a unit with its cuts. Interval i of its day lies between cuts i and i + 1, interval 0
    /// before the first.
    pub(crate) fn exposure_cuts(&self) -> Result<RecordBatch> {
        let utc = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
        let mut texts = StringBuilder::new();
        let mut numbers = Int64Builder::new();
        let mut cuts = ListBuilder::new(TimestampMicrosecondBuilder::new().with_data_type(utc));
        for of_unit in self.first.chunk_by(|a, b| self.same_unit(a, b)) {
            match &self.logs[of_unit[0].log].units {
                Units::Texts(v) => texts.append_value(v.value(of_unit[0].row)),
                Units::Numbers(v) => numbers.append_value(v.value(of_unit[0].row)),
            }
            cuts.append_value(Exposed::cuts(of_unit).into_iter().map(Some));
        }
        let units: ArrayRef = match self.logs.first().map(|log| &log.units) {
            Some(Units::Numbers(_)) => Arc::new(numbers.finish()),
            _ => Arc::new(texts.finish()),
        };
        let columns = [("unit", units), ("cuts", Arc::new(cuts.finish()) as ArrayRef)];
        RecordBatch::try_from_iter(columns).at(|| "exposure_cuts".into())
    }
}
