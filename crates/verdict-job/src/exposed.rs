//! The day's first exposures: of each unit to each experiment, and the instants that cut the unit's day.

use std::cmp::Ordering;
use std::collections::HashMap;

use datafusion::arrow::array::{
    Array, ArrayRef, AsArray, RecordBatch, StringArray, StringViewArray,
};
use datafusion::arrow::compute::{cast, concat};
use datafusion::arrow::datatypes::{DataType, TimestampMicrosecondType};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_model::{DataCounts, RowCounts};

use crate::events::{Cuts, Day, Index, NOBODY};

/// An experiment of an exposure log: how its rows name it, and its arms.
#[derive(Clone, Debug)]
pub(crate) struct Arms {
    /// The experiment, by its place in the project.
    pub(crate) index: usize,
    pub(crate) key: String,
    /// Sorted by name.
    pub(crate) variants: Vec<String>,
}

/// A usable row of an exposure log, for one experiment.
#[derive(Clone, Copy, Debug)]
struct Met {
    unit: u32,
    /// The experiment, by its place in [`Exposed::experiments`].
    experiment: u32,
    at: i64,
    /// The variant, by its place in the experiment's arms.
    variant: u32,
    /// The log, by its place in [`Exposed::logs`], and the row.
    log: u32,
    row: u32,
}

/// A unit's first exposure to an experiment on the day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct First {
    pub(crate) bucket: u32,
    pub(crate) unit: u32,
    pub(crate) at: i64,
    /// The variant of the first exposure, by its place in the experiment's arms.
    pub(crate) variant: u32,
    /// Where in [`Exposed::variants`] all that were met lie.
    met: (u32, u32),
    /// The row of its log.
    pub(crate) row: u32,
}

/// What one exposure log says of a day.
#[derive(Debug, Default)]
struct Logged {
    /// The segment dimensions' columns, whole.
    segments: Vec<StringArray>,
    rows: RowCounts,
    /// Rows by experiment key and variant, as the log names them.
    named: Vec<(Option<String>, Option<String>, u64)>,
}

/// The rows of all exposure logs of a day.
#[derive(Debug)]
pub(crate) struct Exposures {
    index: Index,
    experiments: Vec<Arms>,
    log_of: Vec<usize>,
    logs: Vec<Logged>,
    met: Vec<Met>,
}

/// The first exposures of a day.
#[derive(Debug)]
pub(crate) struct Exposed {
    pub(crate) experiments: Vec<Arms>,
    /// The log of each experiment, by its place among the logs.
    log_of: Vec<usize>,
    logs: Vec<Logged>,
    /// By experiment, sorted by bucket and unit.
    pub(crate) first: Vec<Vec<First>>,
    /// Variants by their places in the arms, sorted for each first exposure.
    variants: Vec<u32>,
    /// The instants that cut the units' days.
    pub(crate) cuts: Cuts,
}

impl Exposures {
    /// No log yet; whether units are integers.
    pub(crate) fn new(numbers: bool) -> Exposures {
        Exposures {
            index: Index::new(numbers),
            experiments: Vec::new(),
            log_of: Vec::new(),
            logs: Vec::new(),
            met: Vec::new(),
        }
    }

    /// Adds the rows of a log for its experiments: `unit`, `ts`, `experiment_key`, `variant`, and the segment
    /// dimensions after them.
    ///
    /// # Errors
    /// The rows are not what the query says.
    pub(crate) fn add(&mut self, batches: &[RecordBatch], arms: Vec<Arms>, day: Day) -> Result<()> {
        let log = self.logs.len();
        let before = self.experiments.len();
        self.log_of.extend(arms.iter().map(|_| log));
        self.experiments.extend(arms);
        let mut logged = Logged::default();
        let mut named: HashMap<(Option<&str>, Option<&str>), usize> = HashMap::new();
        let mut arms_of: Vec<Vec<(u32, u32)>> = Vec::new();
        let texts = batches
            .iter()
            .map(|batch| Ok((views(batch, "experiment_key")?, views(batch, "variant")?)))
            .collect::<Result<Vec<_>>>()?;
        let mut rows = 0;
        let mut units = Vec::new();
        for (batch, (keys, variants)) in batches.iter().zip(&texts) {
            units.clear();
            self.index.number(column(batch, "unit")?, &mut units)?;
            let ts = column(batch, "ts")?
                .as_primitive_opt::<TimestampMicrosecondType>()
                .ok_or_else(|| exec_datafusion_err!("ts is no timestamp"))?;
            // Few names follow each other: within a batch, equal views are equal texts.
            let mut last: Option<([u128; 2], usize)> = None;
            for (row, unit) in units.iter().copied().enumerate() {
                let of_row = [keys.views()[row], variants.views()[row]];
                let name = match last {
                    Some((same, name))
                        if same == of_row && !keys.is_null(row) && !variants.is_null(row) =>
                    {
                        name
                    }
                    _ => {
                        let names = (view(keys, row), view(variants, row));
                        let name = *named.entry(names).or_insert_with(|| {
                            let text = |name: Option<&str>| name.map(str::to_owned);
                            logged.named.push((text(names.0), text(names.1), 0));
                            arms_of.push(arms_named(&self.experiments, before, names));
                            arms_of.len() - 1
                        });
                        // The view of a null may be that of an empty text.
                        let nulls = keys.is_null(row) || variants.is_null(row);
                        last = (!nulls).then_some((of_row, name));
                        name
                    }
                };
                logged.named[name].2 += 1;
                logged.rows.read += 1;
                let outside =
                    ts.is_valid(row) && !(day.bounds.0..day.bounds.1).contains(&ts.value(row));
                logged.rows.outside_day += u64::from(outside);
                logged.rows.without_unit += u64::from(unit == NOBODY);
                logged.rows.without_time += u64::from(unit != NOBODY && ts.is_null(row));
                let usable = ts.is_valid(row) && !(outside && day.reject_outside);
                if !usable || unit == NOBODY {
                    continue;
                }
                self.met.extend(arms_of[name].iter().map(|&(experiment, variant)| Met {
                    unit,
                    experiment,
                    at: ts.value(row),
                    variant,
                    log: log as u32,
                    row: rows + row as u32,
                }));
            }
            rows += batch.num_rows() as u32;
        }
        let first = batches.first().ok_or_else(|| exec_datafusion_err!("a log has no schema"))?;
        let columns = first.schema();
        for field in columns.fields().iter().filter(|f| f.name().starts_with("segment_")) {
            let parts =
                batches.iter().map(|b| text(b, field.name())).collect::<Result<Vec<_>>>()?;
            let parts: Vec<&dyn Array> = parts.iter().map(|part| part as &dyn Array).collect();
            logged.segments.push(concat(&parts)?.as_string::<i32>().clone());
        }
        self.logs.push(logged);
        Ok(())
    }

    /// The first exposures, and the index of the units.
    pub(crate) fn first(mut self, buckets: u32) -> (Exposed, Index) {
        let names = self.index.names();
        let odd = self.index.is_odd();
        let mut units: Vec<(u32, u128, u32)> = (1..self.index.len() as u32)
            .map(|unit| (names.bucket(unit, buckets), names.key(unit), unit))
            .collect();
        units.sort_unstable_by(|a, b| {
            let by_key = (a.0, a.1).cmp(&(b.0, b.1));
            if odd { by_key.then_with(|| names.text(a.2).cmp(names.text(b.2))) } else { by_key }
        });
        let mut rank = vec![0; self.index.len()];
        for (at, (_, _, unit)) in (1..).zip(&units) {
            rank[*unit as usize] = at;
        }
        // From here on units are numbered in order, so that what a day holds of them lies as its tables are written.
        self.index.renumber(units.iter().map(|(_, _, unit)| *unit));
        self.met.iter_mut().for_each(|met| met.unit = rank[met.unit as usize]);
        // Of one unit and experiment the earliest row first; of two at the same time the variant first by name, then
        // the segments.
        let logs = &self.logs;
        self.met.sort_unstable_by(|a, b| {
            (a.unit, a.experiment, a.at, a.variant)
                .cmp(&(b.unit, b.experiment, b.at, b.variant))
                .then_with(|| by_segments(logs, a, b))
        });
        let mut first: Vec<Vec<First>> = self.experiments.iter().map(|_| Vec::new()).collect();
        let mut cuts = Cuts { of_unit: vec![(0, 0); self.index.len()], instants: Vec::new() };
        let (mut variants, mut own) = (Vec::new(), Vec::new());
        for of_unit in self.met.chunk_by(|a, b| a.unit == b.unit) {
            let unit = of_unit[0].unit;
            let bucket = units[unit as usize - 1].0;
            own.clear();
            for met in of_unit.chunk_by(|a, b| a.experiment == b.experiment) {
                let one = met[0];
                let from = variants.len();
                variants.extend(met.iter().map(|m| m.variant));
                variants[from..].sort_unstable();
                let mut to = from;
                for at in from..variants.len() {
                    if at == from || variants[at] != variants[to - 1] {
                        variants[to] = variants[at];
                        to += 1;
                    }
                }
                variants.truncate(to);
                own.push(one.at);
                let (at, variant, row) = (one.at, one.variant, one.row);
                let met = (from as u32, to as u32);
                first[one.experiment as usize].push(First { bucket, unit, at, variant, met, row });
            }
            own.sort_unstable();
            own.dedup();
            let from = cuts.instants.len() as u32;
            cuts.instants.extend(&own);
            cuts.of_unit[unit as usize] = (from, cuts.instants.len() as u32);
        }
        let Exposures { index, experiments, log_of, logs, .. } = self;
        (Exposed { experiments, log_of, logs, first, variants, cuts }, index)
    }
}

impl Exposed {
    /// The variants that were met, by their places in the experiment's arms, sorted.
    pub(crate) fn met(&self, first: &First) -> &[u32] {
        &self.variants[first.met.0 as usize..first.met.1 as usize]
    }

    /// The segment dimensions of an experiment's log.
    pub(crate) fn segments(&self, experiment: usize) -> &[StringArray] {
        &self.logs[self.log_of[experiment]].segments
    }

    /// The log of an experiment, by its place among the logs.
    pub(crate) fn log_of(&self, experiment: usize) -> usize {
        self.log_of[experiment]
    }

    /// What became of the rows of an experiment's log.
    pub(crate) fn counts(&self, experiment: usize) -> DataCounts {
        let log = &self.logs[self.log_of[experiment]];
        let mut counts = DataCounts { days: 1, exposures: log.rows, ..DataCounts::default() };
        let key = &self.experiments[experiment].key;
        for (_, variant, rows) in log.named.iter().filter(|(k, _, _)| k.as_ref() == Some(key)) {
            let variant = variant.as_deref().unwrap_or("(null)");
            *counts.variants.entry(variant.to_owned()).or_default() += rows;
        }
        counts
    }
}

/// The arms that rows of this experiment key and variant are of.
fn arms_named(
    experiments: &[Arms],
    from: usize,
    (key, variant): (Option<&str>, Option<&str>),
) -> Vec<(u32, u32)> {
    let (Some(key), Some(variant)) = (key, variant) else { return Vec::new() };
    let own = experiments.iter().enumerate().skip(from).filter(|(_, arms)| arms.key == key);
    own.filter_map(|(experiment, arms)| {
        let variant = arms.variants.iter().position(|name| name == variant)?;
        Some((experiment as u32, variant as u32))
    })
    .collect()
}

/// The order of two rows of one time and variant: by their segments, nulls last.
fn by_segments(logs: &[Logged], a: &Met, b: &Met) -> Ordering {
    let (of_a, of_b) = (&logs[a.log as usize].segments, &logs[b.log as usize].segments);
    let each = of_a.iter().zip(of_b).map(|(x, y)| {
        let (x, y) = (value(x, a.row as usize), value(y, b.row as usize));
        x.is_none().cmp(&y.is_none()).then_with(|| x.cmp(&y))
    });
    each.fold(Ordering::Equal, Ordering::then)
}

fn column<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a ArrayRef> {
    batch.column_by_name(name).ok_or_else(|| exec_datafusion_err!("no column {name}"))
}

fn text(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    Ok(cast(column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

fn views(batch: &RecordBatch, name: &str) -> Result<StringViewArray> {
    Ok(cast(column(batch, name)?, &DataType::Utf8View)?.as_string_view().clone())
}

fn view(texts: &StringViewArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}

fn value(texts: &StringArray, row: usize) -> Option<&str> {
    texts.is_valid(row).then(|| texts.value(row))
}
