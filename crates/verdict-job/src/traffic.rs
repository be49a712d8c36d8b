//! What units did day by day, from the stored partials: who comes, and how a metric's totals grow. Experiments are planned
//! by it.
//!
//! A range of `unit_day` is read as if an experiment had begun on its first day (after the days of the lookback) and every
//! unit were exposed on the first day that it is seen. So n, level and spread are told for every duration, as units keep
//! coming and keep acting; no raw event is read.

use std::collections::HashMap;

use datafusion::arrow::array::{Array, AsArray, Float64Array, RecordBatch};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Float64Type};
use verdict_accum::{AccumError, Moments2};
use verdict_model::tables::UNIT_DAY;
use verdict_model::{Aggregate, NaiveDate};

use crate::error::AtStage;
use crate::job::Job;
use crate::partition::{self, Key, Partition};
use crate::plain::meant;
use crate::units::Units;
use crate::{Error, Result};

/// The days that are looked at where nothing is said.
const USUAL_DAYS: usize = 28;

/// Which days of which units.
#[derive(Clone, Debug, Default)]
pub struct TrafficRange {
    /// The unit type; `None`: the only one whose rows the metric's sources know.
    pub unit_type: Option<String>,
    /// The first day; `None`: as many days as are usual before the last one, or all that there are.
    pub from: Option<NaiveDate>,
    /// The last day; `None`: the last one that is stored.
    pub to: Option<NaiveDate>,
    /// Days before the first one that units are remembered from, as a covariate.
    pub lookback: u32,
}

/// The traffic of a range of days.
#[derive(Clone, Debug)]
pub struct Traffic {
    /// The unit type.
    pub unit_type: String,
    /// The metric's type: `proportion`, `mean` or `ratio`.
    pub metric_type: String,
    /// One a day: as of that day.
    pub days: Vec<TrafficDay>,
}

/// Units seen up to a day, and their totals of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrafficDay {
    /// The day.
    pub day: NaiveDate,
    /// Units seen up to it.
    pub units: u64,
    /// Units with a value.
    pub n: u64,
    /// Mean over them of x, the metric or a ratio's numerator.
    pub mean_x: f64,
    /// Its sample variance.
    pub var_x: f64,
    /// Of a ratio: the mean of y, the denominator.
    pub mean_y: f64,
    /// Its sample variance.
    pub var_y: f64,
    /// The sample covariance of both.
    pub cov: f64,
    /// Of a mean or a proportion: the correlation of x with the same unit's total over the lookback, in [-1, 1]; `None`
    /// without a lookback, and where either does not vary.
    pub correlation: Option<f64>,
}

/// A unit so far.
#[derive(Clone, Copy, Debug, Default)]
struct Unit {
    /// x and y; of an extreme nothing where there was none.
    total: [Option<f64>; 2],
    /// The total over the lookback.
    before: f64,
    seen: bool,
}

impl Job {
    /// The traffic of `metric` over a range of stored days.
    ///
    /// # Errors
    /// There is no such metric, or it is no mean, proportion or ratio; the unit type is not told apart; a day of the range
    /// is not stored.
    pub async fn traffic(&self, metric: &str, range: &TrafficRange) -> Result<Traffic> {
        let (metric_type, columns) = self.metric_of_units(metric)?;
        let unit_type = self.unit_type_of(metric, range.unit_type.as_deref())?;
        let stored = partition::dates(&self.tables, &UNIT_DAY, &unit_type).await?;
        let none = || {
            Error::Usage(format!(
                "there are no stored days of unit type `{unit_type}` in {}; run `verdict run` or `verdict backfill` first",
                self.tables.display
            ))
        };
        let to = range.to.or_else(|| stored.last().copied()).ok_or_else(none)?;
        let up_to: Vec<NaiveDate> = stored.into_iter().filter(|day| *day <= to).collect();
        let lookback = range.lookback as usize;
        let from = match range.from {
            Some(from) => from,
            // The days before the first one are the lookback's.
            None => {
                let run = consecutive(&up_to);
                let first = run.len().saturating_sub(USUAL_DAYS).max(lookback);
                *run.get(first).ok_or_else(none)?
            }
        };
        if from > to {
            return Err(Error::Usage(format!("the range begins on {from}, after its end on {to}")));
        }
        let begin = from.checked_sub_days(chrono::Days::new(u64::from(range.lookback)));
        let begin = begin.ok_or_else(none)?;
        let days: Vec<NaiveDate> = begin.iter_days().take_while(|day| *day <= to).collect();
        let keys = days.iter().map(|day| Key::new(&UNIT_DAY, &[&unit_type, &day.to_string()]));
        let found = partition::find_all(&self.tables, keys.collect()).await?;
        let mut state = State::new(self.aggregates(&columns)?);
        let mut told = Vec::new();
        for (day, partition) in days.into_iter().zip(found) {
            let Some(Partition { object, schema, .. }) = partition else {
                return Err(Error::Usage(format!(
                    "unit_day of {day} is not stored for unit type `{unit_type}`: choose a range that was run, or run it \
                     (`verdict backfill`)"
                )));
            };
            if let Some(lacking) = columns.iter().find(|column| schema.index_of(column).is_err()) {
                return Err(Error::Usage(format!(
                    "unit_day of {day} has no column {lacking} of metric `{metric}`: run that day again"
                )));
            }
            let stage = || format!("traffic on {day}");
            for batch in partition::read(&self.tables, &object).await? {
                state.add(&batch, &columns, day < from).at(stage)?;
            }
            if day >= from {
                told.push(state.told(day, columns.len() == 1 && lookback > 0));
            }
        }
        Ok(Traffic { unit_type, metric_type, days: told })
    }

    /// The type of a metric and the columns of its components.
    fn metric_of_units(&self, metric: &str) -> Result<(String, Vec<String>)> {
        let metrics = &self.project.metrics;
        let definition = metrics.get(metric).ok_or_else(|| {
            let names: Vec<&str> = metrics.keys().map(String::as_str).collect();
            let near = meant(verdict_model::nearest(metric, names.iter().copied()));
            let names = names.join(", ");
            Error::Usage(format!("there is no metric `{metric}`{near} (the project has: {names})"))
        })?;
        let metric_type = definition.kind.word().to_owned();
        let most = if metric_type == "ratio" { 2 } else { 1 };
        let of_states = |c: &&verdict_model::Component| {
            matches!(c.aggregate, Aggregate::Distinct | Aggregate::First | Aggregate::Last)
        };
        if let Some(component) = definition.kind.components().into_iter().find(of_states) {
            return Err(Error::Usage(format!(
                "metric `{metric}` is of `{}` values, whose stored days are not numbers; give --mean and --sd instead of \
                 --from-logs",
                component.aggregate.word()
            )));
        }
        match self.components.of_days(metric) {
            Some(columns)
                if columns.len() == most
                    && ["proportion", "mean", "ratio"].contains(&metric_type.as_str()) =>
            {
                Ok((metric_type, columns.to_vec()))
            }
            _ => Err(Error::Usage(format!(
                "metric `{metric}` is of type {metric_type}; plans are made for proportions, means and ratios"
            ))),
        }
    }

    /// The unit type asked for, or the only one that every source of the metric knows.
    fn unit_type_of(&self, metric: &str, asked: Option<&str>) -> Result<String> {
        let definition = &self.project.metrics[metric];
        let sources = definition.kind.components();
        let knows = |unit: &String| {
            sources.iter().all(|c| self.project.sources[&c.source.value].units.contains_key(unit))
        };
        let types: std::collections::BTreeSet<&String> =
            self.project.sources.values().flat_map(|source| source.units.keys()).collect();
        let types: Vec<&String> = types.into_iter().filter(|unit| knows(unit)).collect();
        let names = types.iter().map(|unit| unit.as_str()).collect::<Vec<_>>().join(", ");
        match (asked, &types[..]) {
            (Some(asked), _) if types.iter().any(|unit| *unit == asked) => Ok(asked.to_owned()),
            (Some(asked), _) => Err(Error::Usage(format!(
                "the sources of metric `{metric}` know no unit `{asked}` (they know: {names})"
            ))),
            (None, [only]) => Ok((*only).clone()),
            (None, _) => Err(Error::Usage(format!(
                "the sources of metric `{metric}` know several units: name one with --unit ({names})"
            ))),
        }
    }

    fn aggregates(&self, columns: &[String]) -> Result<Vec<Aggregate>> {
        let of = |column: &String| {
            self.components
                .of_column(column)
                .map(|def| def.aggregate)
                .ok_or_else(|| Error::Internal(format!("{column} is no component")))
        };
        columns.iter().map(of).collect()
    }
}

/// The last days without a gap.
fn consecutive(days: &[NaiveDate]) -> &[NaiveDate] {
    let gap = days.windows(2).rposition(|pair| pair[0].succ_opt() != Some(pair[1]));
    &days[gap.map_or(0, |gap| gap + 1)..]
}

/// All units so far.
struct State {
    aggregates: Vec<Aggregate>,
    units: HashMap<UnitName, Unit>,
    seen: u64,
    /// Of x and y, or of x and the total over the lookback.
    moments: Moments2,
}

#[derive(PartialEq, Eq, Hash)]
enum UnitName {
    Text(Box<str>),
    Number(i64),
}

impl State {
    fn new(aggregates: Vec<Aggregate>) -> State {
        State { aggregates, units: HashMap::new(), seen: 0, moments: Moments2::default() }
    }

    /// Takes in rows of a day, which lies before the range where `remembered`.
    fn add(
        &mut self,
        batch: &RecordBatch,
        columns: &[String],
        remembered: bool,
    ) -> datafusion::error::Result<()> {
        let none =
            |name: &str| datafusion::common::exec_datafusion_err!("there is no column {name}");
        let units = Units::of(batch.column_by_name("unit").ok_or_else(|| none("unit"))?)?;
        let doubles = columns.iter().map(|name| {
            let column = batch.column_by_name(name).ok_or_else(|| none(name))?;
            Ok(cast(column, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
        });
        let doubles: Vec<Float64Array> = doubles.collect::<datafusion::error::Result<_>>()?;
        for row in 0..units.len() {
            let name = match &units {
                Units::Texts(texts) => UnitName::Text(texts.value(row).into()),
                Units::Numbers(numbers) => UnitName::Number(numbers.value(row)),
            };
            let unit = self.units.entry(name).or_default();
            let values = doubles.iter().map(|v| v.is_valid(row).then(|| v.value(row)));
            if remembered {
                unit.before += values.clone().next().flatten().unwrap_or(0.0);
                continue;
            }
            let was = pair(unit, columns.len()).filter(|_| unit.seen);
            for ((total, value), aggregate) in
                unit.total.iter_mut().zip(values).zip(&self.aggregates)
            {
                *total = merged(*aggregate, *total, value);
            }
            self.seen += u64::from(!unit.seen);
            unit.seen = true;
            let is = pair(unit, columns.len());
            let failed =
                |e: AccumError| datafusion::common::exec_datafusion_err!("{}: {e}", columns[0]);
            if was != is {
                was.map_or(Ok(()), |was| self.moments.push(-1, &was)).map_err(failed)?;
                is.map_or(Ok(()), |is| self.moments.push(1, &is)).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn told(&self, day: NaiveDate, correlated: bool) -> TrafficDay {
        let or_zero = |x: Option<f64>| x.unwrap_or(0.0);
        let m = &self.moments;
        let (var_x, var_y) = (or_zero(m.var_samp(0)), or_zero(m.var_samp(1)));
        let cov = or_zero(m.covar_samp(0, 1));
        let scale = (var_x * var_y).sqrt();
        TrafficDay {
            day,
            units: self.seen,
            n: u64::try_from(m.n()).unwrap_or(0),
            mean_x: or_zero(m.mean(0)),
            var_x,
            mean_y: or_zero(m.mean(1)),
            var_y,
            cov,
            correlation: (correlated && scale > 0.0).then(|| (cov / scale).clamp(-1.0, 1.0)),
        }
    }
}

/// What a unit adds to the moments: x and y, or x and what it did over the lookback.
fn pair(unit: &Unit, columns: usize) -> Option<[f64; 2]> {
    let x = unit.total[0]?;
    Some([x, if columns == 2 { unit.total[1]? } else { unit.before }])
}

fn merged(aggregate: Aggregate, total: Option<f64>, value: Option<f64>) -> Option<f64> {
    if matches!(aggregate, Aggregate::Min | Aggregate::Max) {
        let extreme = if aggregate == Aggregate::Min { f64::min } else { f64::max };
        return match (total, value) {
            (Some(total), Some(value)) => Some(extreme(total, value)),
            (total, value) => total.or(value),
        };
    }
    let (total, value) = (total.unwrap_or(0.0), value.unwrap_or(0.0));
    Some(if aggregate == Aggregate::Any { total.max(value) } else { total + value })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn day(units: &[i64], x: &[f64]) -> RecordBatch {
        let columns: [(&str, ArrayRef); 2] = [
            ("unit", Arc::new(Int64Array::from(units.to_vec()))),
            ("x", Arc::new(Float64Array::from(x.to_vec()))),
        ];
        RecordBatch::try_from_iter(columns).unwrap()
    }

    /// Three units: 1 was there before, 1 and 2 come first, 3 a day later, when 1 acts again. By hand: x is 5, 2 and 4,
    /// the covariate 10, 0 and 0.
    #[test]
    fn units_come_and_keep_acting() {
        let mut state = State::new(vec![Aggregate::Sum]);
        let x = ["x".to_owned()];
        state.add(&day(&[1, 9], &[10.0, 3.0]), &x, true).unwrap();
        state.add(&day(&[1, 2], &[1.0, 2.0]), &x, false).unwrap();
        let first = state.told(NaiveDate::default(), true);
        assert_eq!((first.units, first.mean_x, first.var_x), (2, 1.5, 0.5));
        assert_eq!(first.correlation, Some(-1.0));
        state.add(&day(&[1, 3], &[4.0, 4.0]), &x, false).unwrap();
        let second = state.told(NaiveDate::default(), true);
        assert_eq!((second.units, second.n), (3, 3));
        assert!(
            (second.mean_x - 11.0 / 3.0).abs() < 1e-15 && (second.var_x - 7.0 / 3.0).abs() < 1e-14
        );
        // Covariance (5 - 11/3)(10 - 10/3) 3/2 / ... = 20/3, variances 7/3 and 100/3.
        let r = (20.0 / 3.0) / (700.0_f64 / 9.0).sqrt();
        assert!((second.correlation.unwrap() - r).abs() < 1e-12, "{second:?}");
    }

    #[test]
    fn totals_are_merged_by_their_aggregate() {
        let two = |aggregate| merged(aggregate, Some(1.0), Some(3.0));
        assert_eq!(two(Aggregate::Sum), Some(4.0));
        assert_eq!(two(Aggregate::Min), Some(1.0));
        assert_eq!(two(Aggregate::Max), Some(3.0));
        assert_eq!(merged(Aggregate::Any, Some(1.0), Some(1.0)), Some(1.0));
        assert_eq!(merged(Aggregate::Max, None, None), None);
        assert_eq!(merged(Aggregate::Count, None, None), Some(0.0));
    }
}
