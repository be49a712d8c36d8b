//! Stored units, divided at random again and again: experiments of which it is known that nothing was done.
//!
//! Every unit that counts in an experiment's `unit_total` falls into half `a` or `b` of each split by a bit that follows
//! from its name, the split and a seed (Philox4x32 of the unit's hash), whatever it met. One pass over the units adds up
//! every metric of every split. Sums are of integers: values on a grid of 2⁻⁴⁴ of the largest one, so that neither threads
//! nor the order of units show, and one half is the whole without the other.

use std::sync::Arc;

use datafusion::arrow::array::{Array, AsArray, BooleanArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use datafusion::common::runtime::SpawnedTask;
use verdict_accum::{Moments1, philox4x32, unit_hash};
use verdict_model::rows::{GroupStat, WHOLE};
use verdict_model::tables::UNIT_TOTAL;
use verdict_model::{Experiment, NaiveDate};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Key};
use crate::units::Units;
use crate::{Error, Result};

/// The halves of a split, as `variant` of its statistics.
pub const HALVES: [&str; 2] = ["a", "b"];

/// Bits of a value on the grid: squares of a thousand billion of them fit in 128.
const GRID_BITS: i32 = 44;

/// How many standard deviations a mean may lie from zero before values are taken from the mean.
const FAR_FROM_ZERO: f64 = 100.0;

/// Splits of an experiment's units.
#[derive(Clone, Debug)]
pub struct Splits {
    /// The as-of date of the totals.
    pub as_of: NaiveDate,
    /// Units that count.
    pub units: u64,
    /// The metrics, with their types.
    pub metrics: Vec<(String, String)>,
    /// Metrics that no split has, and why.
    pub left_out: Vec<(String, String)>,
    /// One a split.
    pub splits: Vec<Split>,
}

/// One split of the units into halves.
#[derive(Clone, Debug)]
pub struct Split {
    /// The units of each half.
    pub units: [u64; 2],
    /// The statistics of both halves, by metric.
    pub stats: Vec<[GroupStat; 2]>,
}

/// A metric's components in `unit_total`.
struct Read {
    name: String,
    metric_type: String,
    columns: Vec<String>,
}

impl Job {
    /// Splits the stored units of an experiment, as of a date or the latest before it that has any, `splits` times.
    ///
    /// # Errors
    /// There are no totals up to that date; they cannot be read.
    pub async fn splits(
        &self,
        experiment: &Experiment,
        up_to: NaiveDate,
        splits: u32,
        seed: u64,
    ) -> Result<Splits> {
        let name = &experiment.name.value;
        if let Some(cluster) = &experiment.design.cluster {
            return Err(Error::Usage(format!(
                "`{name}` randomises `{cluster}`, and halves of its units say nothing of that; name another experiment \
                 with --experiment"
            )));
        }
        let dates = partition::dates(&self.tables, &UNIT_TOTAL, name).await?;
        let Some(as_of) = dates.into_iter().rfind(|date| *date <= up_to) else {
            return Err(Error::Usage(format!(
                "there are no unit totals of `{name}` up to {up_to} in {}; run `verdict run --date {up_to}` first",
                self.tables.display
            )));
        };
        let key = Key::new(&UNIT_TOTAL, &[name, &as_of.to_string()]);
        let gone =
            || Error::Table { object: key.to_string(), reason: "it was there and is not".into() };
        let found = partition::find(&self.tables, &key).await?.ok_or_else(gone)?;
        let (metrics, left_out) = self.metrics_to_split(experiment, &found.schema);
        let batches = Arc::new(partition::read(&self.tables, &found.object).await?);
        let columns: Vec<Vec<String>> = metrics.iter().map(|m| m.columns.clone()).collect();
        let stage = || format!("splits of {name}");
        let grids = Arc::new(grids(&batches, &metrics).at(stage)?);
        let threads = self.ctx.copied_config().target_partitions().clamp(1, batches.len().max(1));
        let parts: Vec<SpawnedTask<_>> = (0..threads)
            .map(|thread| {
                let (batches, grids) = (Arc::clone(&batches), Arc::clone(&grids));
                let columns = columns.clone();
                SpawnedTask::spawn_blocking(move || {
                    let mut sums = Sums::new(splits as usize, &grids);
                    for batch in batches.iter().skip(thread).step_by(threads) {
                        sums.add(batch, &columns, &grids, seed)?;
                    }
                    Ok::<_, datafusion::error::DataFusionError>(sums)
                })
            })
            .collect();
        let mut sums = Sums::new(splits as usize, &grids);
        for part in parts {
            let part = part.join().await.map_err(|e| Error::Internal(e.to_string()))?;
            sums.join(&part.at(stage)?);
        }
        let of = |at: usize, half: usize, split: usize| -> GroupStat {
            sums.stat(&metrics[at], &grids[at], at, (half, split), (name, as_of))
        };
        let split = |split: usize| Split {
            units: sums.units_of(split),
            stats: (0..metrics.len()).map(|at| [of(at, 0, split), of(at, 1, split)]).collect(),
        };
        Ok(Splits {
            as_of,
            units: sums.units,
            splits: (0..splits as usize).map(split).collect(),
            metrics: metrics.iter().map(|m| (m.name.clone(), m.metric_type.clone())).collect(),
            left_out,
        })
    }

    /// The experiment's metrics whose totals are numbers of the units, and the others.
    fn metrics_to_split(
        &self,
        experiment: &Experiment,
        schema: &datafusion::arrow::datatypes::SchemaRef,
    ) -> (Vec<Read>, Vec<(String, String)>) {
        let (mut metrics, mut left_out) = (Vec::new(), Vec::new());
        for metric in experiment.metrics() {
            let name = metric.name.value.clone();
            let defined = self.project.metrics.get(&name).zip(self.components.of_metric(metric));
            let Some((definition, columns)) = defined else {
                left_out.push((name, "it is not computed".to_owned()));
                continue;
            };
            let metric_type = definition.kind.word().to_owned();
            let most = match metric_type.as_str() {
                "proportion" | "mean" => 1,
                "ratio" => 2,
                _ => 0,
            };
            if metric.window.is_some() {
                left_out
                    .push((name, "it has a window, which not every unit has passed".to_owned()));
            } else if columns.len() != most {
                left_out.push((
                    name,
                    format!("its type, {metric_type}, is no mean, proportion or ratio"),
                ));
            } else if let Some(lacking) = columns.iter().find(|c| schema.index_of(c).is_err()) {
                left_out.push((name, format!("the totals have no column {lacking}: run again")));
            } else {
                metrics.push(Read { name, metric_type, columns });
            }
        }
        (metrics, left_out)
    }
}

/// How the values of a component become integers: (x - from) 2^shift, rounded.
#[derive(Clone, Copy, Debug)]
struct Grid {
    from: f64,
    shift: i32,
}

impl Grid {
    fn of(&self, x: f64) -> i64 {
        ((x - self.from) * 2f64.powi(self.shift)).round() as i64
    }

    fn back(&self, q: f64) -> f64 {
        q * 2f64.powi(-self.shift)
    }
}

/// The grid of each component of each metric.
fn grids(batches: &[RecordBatch], metrics: &[Read]) -> datafusion::error::Result<Vec<Vec<Grid>>> {
    let of_column = |metric: &Read, column: &String| {
        if metric.metric_type == "proportion" {
            return Ok(Grid { from: 0.0, shift: 0 });
        }
        let mut moments = Moments1::default();
        let (mut least, mut most) = (f64::INFINITY, f64::NEG_INFINITY);
        for batch in batches {
            let (counted, values) = (counted(batch)?, doubles(batch, column)?);
            for row in 0..batch.num_rows() {
                if counted.value(row) && values.is_valid(row) {
                    let x = values.value(row);
                    let pushed = moments.push(1, &[x]);
                    pushed
                        .map_err(|e| datafusion::common::exec_datafusion_err!("{column}: {e}"))?;
                    (least, most) = (least.min(x), most.max(x));
                }
            }
        }
        let mean = moments.mean(0).unwrap_or(0.0);
        let sd = moments.var_samp(0).unwrap_or(0.0).sqrt();
        let from = if mean.abs() > FAR_FROM_ZERO * sd { mean } else { 0.0 };
        let size = (most - from).abs().max((least - from).abs());
        let size = if size.is_finite() && size > 0.0 { size } else { 1.0 };
        Ok(Grid { from, shift: (GRID_BITS - 1 - size.log2().floor() as i32).clamp(-900, 900) })
    };
    metrics
        .iter()
        .map(|metric| metric.columns.iter().map(|column| of_column(metric, column)).collect())
        .collect()
}

fn counted(batch: &RecordBatch) -> datafusion::error::Result<BooleanArray> {
    let column = batch.column_by_name("counted");
    let column =
        column.ok_or_else(|| datafusion::common::exec_datafusion_err!("no column counted"))?;
    Ok(column.as_boolean().clone())
}

fn doubles(batch: &RecordBatch, name: &str) -> datafusion::error::Result<Float64Array> {
    let column = batch.column_by_name(name);
    let column =
        column.ok_or_else(|| datafusion::common::exec_datafusion_err!("no column {name}"))?;
    Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// The sums of a metric over the units of a half: of x, x², and of a ratio of y, y² and xy.
type Five = [i128; 5];

/// A metric's sums: of the whole, and of the first half of each split.
#[derive(Clone, Debug)]
struct OfMetric {
    n: u64,
    whole: Five,
    /// Units without a value, of the first half of each split.
    missing: Vec<u64>,
    halves: Vec<Five>,
}

#[derive(Clone, Debug)]
struct Sums {
    units: u64,
    /// The units of the first half of each split.
    halves: Vec<u64>,
    metrics: Vec<OfMetric>,
}

impl Sums {
    fn new(splits: usize, grids: &[Vec<Grid>]) -> Sums {
        let nothing = OfMetric {
            n: 0,
            whole: [0; 5],
            missing: vec![0; splits],
            halves: vec![[0; 5]; splits],
        };
        Sums { units: 0, halves: vec![0; splits], metrics: vec![nothing; grids.len()] }
    }

    fn add(
        &mut self,
        batch: &RecordBatch,
        columns: &[Vec<String>],
        grids: &[Vec<Grid>],
        seed: u64,
    ) -> datafusion::error::Result<()> {
        let unit = batch.column_by_name("unit");
        let unit =
            unit.ok_or_else(|| datafusion::common::exec_datafusion_err!("no column unit"))?;
        let (units, counted) = (Units::of(unit)?, counted(batch)?);
        let values = columns.iter().map(|columns| {
            columns
                .iter()
                .map(|column| doubles(batch, column))
                .collect::<datafusion::error::Result<Vec<_>>>()
        });
        let values: Vec<Vec<Float64Array>> = values.collect::<datafusion::error::Result<_>>()?;
        let mut first = Vec::new();
        for row in (0..units.len()).filter(|row| counted.value(*row)) {
            let hash = match &units {
                Units::Texts(texts) => unit_hash(texts.value(row).as_bytes()),
                Units::Numbers(numbers) => unit_hash(&numbers.value(row).to_le_bytes()),
            };
            in_first_half(hash, seed, self.halves.len(), &mut first);
            self.units += 1;
            first.iter().for_each(|split| self.halves[*split as usize] += 1);
            for ((of, values), grids) in self.metrics.iter_mut().zip(&values).zip(grids) {
                if values.iter().any(|v| v.is_null(row)) {
                    first.iter().for_each(|split| of.missing[*split as usize] += 1);
                    continue;
                }
                of.n += 1;
                let q = |at: usize| values.get(at).map_or(0, |v| grids[at].of(v.value(row)));
                let (x, y) = (i128::from(q(0)), i128::from(q(1)));
                let five = [x, x * x, y, y * y, x * y];
                if five == [0; 5] {
                    continue;
                }
                add(&mut of.whole, &five);
                match values.len() {
                    1 => first.iter().for_each(|split| {
                        let half = &mut of.halves[*split as usize];
                        half[0] += five[0];
                        half[1] += five[1];
                    }),
                    _ => first.iter().for_each(|split| add(&mut of.halves[*split as usize], &five)),
                }
            }
        }
        Ok(())
    }

    fn join(&mut self, other: &Sums) {
        self.units += other.units;
        self.halves.iter_mut().zip(&other.halves).for_each(|(own, other)| *own += other);
        for (own, other) in self.metrics.iter_mut().zip(&other.metrics) {
            own.n += other.n;
            add(&mut own.whole, &other.whole);
            own.missing.iter_mut().zip(&other.missing).for_each(|(own, other)| *own += other);
            own.halves.iter_mut().zip(&other.halves).for_each(|(own, other)| add(own, other));
        }
    }

    fn units_of(&self, split: usize) -> [u64; 2] {
        [self.halves[split], self.units - self.halves[split]]
    }

    fn stat(
        &self,
        metric: &Read,
        grids: &[Grid],
        at: usize,
        (half, split): (usize, usize),
        (experiment, ds): (&str, NaiveDate),
    ) -> GroupStat {
        let of = &self.metrics[at];
        let (first, n) = (of.halves[split], self.halves[split] - of.missing[split]);
        let (sums, n) = match half {
            0 => (first, n),
            _ => (std::array::from_fn(|i| of.whole[i] - first[i]), of.n - n),
        };
        let [x, xx, y, yy, xy] = sums.map(|sum| sum as f64);
        let of_n = n as f64;
        let some = |value: f64| (n > 0).then_some(value);
        // Both are exact where values are integers; what is left of the difference is of the order of the spread.
        let centred = |both: f64, a: f64, b: f64| both - a * (b / of_n);
        let x_of = &grids[0];
        let mean_x = x_of.from + x_of.back(x / of_n);
        let mut stat = GroupStat {
            experiment: experiment.to_owned(),
            ds,
            metric: metric.name.clone(),
            metric_type: metric.metric_type.clone(),
            variant: HALVES[half].to_owned(),
            segment: WHOLE.to_owned(),
            segment_value: WHOLE.to_owned(),
            n: i64::try_from(n).unwrap_or(i64::MAX),
            sum_x: some(x_of.from * of_n + x_of.back(x)),
            mean_x: some(mean_x),
            m2_x: some(x_of.back(x_of.back(centred(xx, x, x))).max(0.0)),
            sum_y: None,
            mean_y: None,
            m2_y: None,
            co_xy: None,
            ..GroupStat::default()
        };
        if let Some(y_of) = grids.get(1) {
            stat.sum_y = some(y_of.from * of_n + y_of.back(y));
            stat.mean_y = some(y_of.from + y_of.back(y / of_n));
            stat.m2_y = some(y_of.back(y_of.back(centred(yy, y, y))).max(0.0));
            stat.co_xy = some(x_of.back(y_of.back(centred(xy, x, y))));
        }
        stat
    }
}

fn add(to: &mut Five, other: &Five) {
    to.iter_mut().zip(other).for_each(|(own, other)| *own += other);
}

/// The splits of which a unit is in the first half, ascending.
fn in_first_half(hash: u64, seed: u64, splits: usize, into: &mut Vec<u32>) {
    into.clear();
    for block in 0..splits.div_ceil(128) {
        let counter = [hash as u32, (hash >> 32) as u32, block as u32, 0];
        for (word, mut bits) in philox4x32(seed, counter).into_iter().enumerate() {
            let from = (block * 128 + word * 32) as u32;
            while bits != 0 {
                let split = from + bits.trailing_zeros();
                if (split as usize) < splits {
                    into.push(split);
                }
                bits &= bits - 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn batch(units: &[i64], counted: &[bool], x: &[Option<f64>], y: &[f64]) -> RecordBatch {
        let columns: [(&str, ArrayRef); 4] = [
            ("unit", Arc::new(Int64Array::from(units.to_vec()))),
            ("counted", Arc::new(BooleanArray::from(counted.to_vec()))),
            ("x", Arc::new(Float64Array::from(x.to_vec()))),
            ("y", Arc::new(Float64Array::from(y.to_vec()))),
        ];
        RecordBatch::try_from_iter_with_nullable(columns.map(|(n, c)| (n, c, true))).unwrap()
    }

    /// Each half of each split has the moments of its own units, computed from the values.
    #[test]
    fn halves_have_the_moments_of_their_units() {
        let units: Vec<i64> = (0..60).collect();
        let counted: Vec<bool> = units.iter().map(|u| u % 7 != 3).collect();
        let x = |u: i64| (u % 5 != 0).then_some(1e6 + 0.1 * u as f64);
        let y = |u: i64| (u * u % 11) as f64;
        let xs: Vec<Option<f64>> = units.iter().map(|u| x(*u)).collect();
        let ys: Vec<f64> = units.iter().map(|u| y(*u)).collect();
        let read = |name: &str, metric_type: &str, columns: &[&str]| Read {
            name: name.to_owned(),
            metric_type: metric_type.to_owned(),
            columns: columns.iter().map(|c| (*c).to_owned()).collect(),
        };
        let metrics = [read("mean", "mean", &["x"]), read("ratio", "ratio", &["y", "x"])];
        let columns: Vec<Vec<String>> = metrics.iter().map(|m| m.columns.clone()).collect();
        let whole = [batch(&units, &counted, &xs, &ys)];
        let grids = grids(&whole, &metrics).unwrap();
        let mut sums = Sums::new(200, &grids);
        sums.add(&whole[0], &columns, &grids, 5).unwrap();
        // In two parts and another order the same.
        let mut again = Sums::new(200, &grids);
        for part in [40..60, 0..40] {
            let mut sums = Sums::new(200, &grids);
            let part = whole[0].slice(part.start, part.len());
            sums.add(&part, &columns, &grids, 5).unwrap();
            again.join(&sums);
        }
        assert_eq!(format!("{sums:?}"), format!("{again:?}"));
        let mut first = Vec::new();
        let at = (("e", NaiveDate::default()), 0);
        let mut larger = 0;
        for split in 0..200 {
            for half in 0..2 {
                let own = units.iter().copied().filter(|u| {
                    in_first_half(unit_hash(&u.to_le_bytes()), 5, 200, &mut first);
                    counted[*u as usize] && first.contains(&(split as u32)) == (half == 0)
                });
                let own: Vec<i64> = own.collect();
                assert_eq!(sums.units_of(split)[half], own.len() as u64);
                larger += usize::from(half == 0 && own.len() > 25);
                let pairs: Vec<(f64, f64)> =
                    own.iter().filter_map(|u| Some((x(*u)?, y(*u)))).collect();
                let n = pairs.len() as f64;
                let mean = |f: fn(&(f64, f64)) -> f64| pairs.iter().map(f).sum::<f64>() / n;
                let (mean_x, mean_y) = (mean(|p| p.0), mean(|p| p.1));
                let co: f64 = pairs.iter().map(|p| (p.0 - mean_x) * (p.1 - mean_y)).sum();
                let m2: f64 = pairs.iter().map(|p| (p.0 - mean_x).powi(2)).sum();
                let stat = sums.stat(&metrics[0], &grids[0], 0, (half, split), at.0);
                assert_eq!(stat.n, pairs.len() as i64);
                let near = |a: Option<f64>, b: f64, off: f64| {
                    assert!((a.unwrap() - b).abs() <= off, "{a:?} {b}");
                };
                near(stat.mean_x, mean_x, 1e-9);
                near(stat.m2_x, m2, 1e-6 * m2);
                let stat = sums.stat(&metrics[1], &grids[1], 1, (half, split), at.0);
                near(stat.mean_x, mean_y, 1e-12);
                near(stat.mean_y, mean_x, 1e-9);
                near(stat.co_xy, co, 1e-6 * co.abs() + 1e-6);
            }
        }
        assert!((70..130).contains(&larger), "{larger} of 200 first halves are the larger one");
    }
}
