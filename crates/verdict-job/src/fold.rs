//! From intervals to the day tables: each unit's intervals together, its whole day, and the part after each exposure.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, AsArray, Int32Array, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondArray, UInt64Array,
};
use datafusion::arrow::compute::{concat_batches, take};
use datafusion::arrow::datatypes::Int64Type;
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_model::Aggregate;

use crate::bind::BoundComponent;
use crate::exposed::{Exposed, First};
use crate::sweep::{Column, Total, TotalsBuilder, Values};
use crate::units::{BUCKET, Units};

/// The intervals of one source's day.
struct Intervals {
    units: Units,
    interval: Vec<i64>,
    /// The components that the source has, by their place among all.
    values: Vec<(usize, Values)>,
}

impl Intervals {
    fn of(rows: &[RecordBatch], source: &str, components: &[BoundComponent]) -> Result<Intervals> {
        let first = rows.first().ok_or_else(|| exec_datafusion_err!("intervals have no schema"))?;
        let rows = concat_batches(&first.schema(), rows)?;
        let column = |name: &str| {
            rows.column_by_name(name).ok_or_else(|| exec_datafusion_err!("no column {name}"))
        };
        let own = components.iter().enumerate().filter(|(_, c)| c.def.source == source);
        Ok(Intervals {
            units: Units::of(column("unit")?)?,
            interval: column("interval")?.as_primitive::<Int64Type>().values().to_vec(),
            values: own
                .map(|(at, c)| Ok((at, Values::of(&rows, &c.def.column)?)))
                .collect::<Result<_>>()?,
        })
    }
}

/// An interval's row, as it is sorted.
struct Entry {
    bucket: u32,
    key: u128,
    table: u32,
    row: u32,
}

/// Rows of a day table in the making.
struct Rows {
    bucket: Vec<i32>,
    totals: Vec<TotalsBuilder>,
}

impl Rows {
    fn new(columns: &[Column]) -> Rows {
        let totals = columns.iter().map(|c| TotalsBuilder::new(c.number)).collect();
        Rows { bucket: Vec::new(), totals }
    }

    fn push(&mut self, bucket: u32, totals: &[Total], columns: &[Column]) -> Result<()> {
        self.bucket.push(bucket as i32);
        for ((builder, total), column) in self.totals.iter_mut().zip(totals).zip(columns) {
            builder.push(total.value(column)?)?;
        }
        Ok(())
    }

    fn columns(mut self, columns: &[Column]) -> Vec<(String, ArrayRef)> {
        let bucket: ArrayRef = Arc::new(Int32Array::from(self.bucket));
        let totals =
            columns.iter().zip(&mut self.totals).map(|(c, b)| (c.name.clone(), b.finish()));
        std::iter::once((BUCKET.to_owned(), bucket)).chain(totals).collect()
    }
}

/// An experiment's `exposure_day` in the making: its rows, and the exposures that they are of.
struct After {
    rows: Rows,
    /// By the place in [`Exposed::first`].
    firsts: Vec<usize>,
}

/// Adds up intervals of a unit.
struct Fold<'a> {
    tables: &'a [Intervals],
    columns: &'a [Column],
    totals: Vec<Total>,
}

impl<'a> Fold<'a> {
    fn new(tables: &'a [Intervals], columns: &'a [Column]) -> Fold<'a> {
        Fold { tables, columns, totals: columns.iter().map(Total::nothing).collect() }
    }

    /// The totals of the intervals `first` and later.
    fn from(&mut self, rows: &[Entry], first: i64) -> Result<&[Total]> {
        for (total, column) in self.totals.iter_mut().zip(self.columns) {
            *total = Total::nothing(column);
        }
        for entry in rows {
            let table = &self.tables[entry.table as usize];
            if table.interval[entry.row as usize] >= first {
                for (at, values) in &table.values {
                    self.totals[*at].add(values, entry.row as usize)?;
                }
            }
        }
        Ok(&self.totals)
    }
}

/// Adds a row for each exposure of a unit, which are those from `start` on of all: what it did from then on.
fn expose(
    fold: &mut Fold<'_>,
    after: &mut [After],
    start: usize,
    of_unit: &[First],
    rows: &[Entry],
) -> Result<()> {
    let cuts = Exposed::cuts(of_unit);
    for (at, first) in of_unit.iter().enumerate() {
        let interval = 1 + cuts.partition_point(|cut| *cut < first.at) as i64;
        let table = &mut after[first.experiment];
        let columns = fold.columns;
        table.rows.push(first.bucket, fold.from(rows, interval)?, columns)?;
        table.firsts.push(start + at);
    }
    Ok(())
}

/// The day tables of a unit type, sorted by bucket and unit.
pub(crate) struct DayTables {
    pub(crate) unit_day: RecordBatch,
    /// By the place in [`Exposed::experiments`].
    pub(crate) exposure_days: Vec<RecordBatch>,
}

/// Folds the intervals of each source (by name) into the day tables.
///
/// # Errors
/// A total does not fit its type.
pub(crate) fn day_tables(
    sources: &[(String, Vec<RecordBatch>)],
    components: &[BoundComponent],
    exposed: &Exposed,
    segments: &[Vec<String>],
    buckets: u32,
) -> Result<DayTables> {
    // Over one day, days with a row are whether there was one.
    let columns: Vec<Column> = components
        .iter()
        .map(|c| Column {
            name: c.def.column.clone(),
            aggregate: match c.def.aggregate {
                Aggregate::DistinctDays => Aggregate::Any,
                other => other,
            },
            number: c.number,
        })
        .collect();
    let tables = sources
        .iter()
        .map(|(name, rows)| Intervals::of(rows, name, components))
        .collect::<Result<Vec<_>>>()?;
    let entries = sorted(&tables, buckets);
    let unit_of = |entry: &Entry| (&tables[entry.table as usize].units, entry.row as usize);
    let same = |a: &Entry, b: &Entry| {
        let ((units, row), (others, other)) = (unit_of(a), unit_of(b));
        (a.bucket, a.key) == (b.bucket, b.key) && units.compare(row, others, other).is_eq()
    };

    let mut whole = Rows::new(&columns);
    let mut units: Vec<(usize, usize)> = Vec::new();
    let mut after: Vec<After> = exposed
        .experiments
        .iter()
        .map(|_| After { rows: Rows::new(&columns), firsts: Vec::new() })
        .collect();
    let mut fold = Fold::new(&tables, &columns);
    let mut exposures = exposed
        .first
        .chunk_by(|a, b| exposed.same_unit(a, b))
        .scan(0, |end, of_unit| {
            let start = *end;
            *end += of_unit.len();
            Some((start, of_unit))
        })
        .peekable();
    for rows in entries.chunk_by(same) {
        let (own, row) = unit_of(&rows[0]);
        // Units that were exposed and did nothing come before this one, or after the last.
        while let Some((start, of_unit)) = exposures.next_if(|(_, of_unit)| {
            let first = &of_unit[0];
            let units = &exposed.logs[first.log].units;
            (first.bucket, first.key)
                .cmp(&(rows[0].bucket, rows[0].key))
                .then_with(|| units.compare(first.row, own, row))
                .is_le()
        }) {
            let first = &of_unit[0];
            let units = &exposed.logs[first.log].units;
            let acted = (first.bucket, first.key) == (rows[0].bucket, rows[0].key)
                && units.compare(first.row, own, row).is_eq();
            let rows = if acted { rows } else { &[] };
            expose(&mut fold, &mut after, start, of_unit, rows)?;
        }
        whole.push(rows[0].bucket, fold.from(rows, 0)?, &columns)?;
        units.push((rows[0].table as usize, row));
    }
    for (start, of_unit) in exposures {
        expose(&mut fold, &mut after, start, of_unit, &[])?;
    }

    let mut named: Vec<&Units> = tables.iter().map(|table| &table.units).collect();
    // Without any component there is no row, and the units' type is that of the exposures.
    named.extend(exposed.logs.iter().map(|log| &log.units));
    let mut unit_day = vec![("unit".to_owned(), units_of(&named, &units))];
    unit_day.extend(whole.columns(&columns));
    let exposure_days = after
        .into_iter()
        .enumerate()
        .map(|(at, after)| exposure_day(exposed, at, after, &columns, segments))
        .collect::<Result<_>>()?;
    Ok(DayTables { unit_day: batch(unit_day)?, exposure_days })
}

/// The rows that name a unit, sorted by bucket and unit.
fn sorted(tables: &[Intervals], buckets: u32) -> Vec<Entry> {
    let mut entries: Vec<Entry> = Vec::new();
    for (table, intervals) in tables.iter().enumerate() {
        let units = &intervals.units;
        let rows = (0..units.len()).filter(|row| !units.is_null(*row));
        entries.extend(rows.map(|row| Entry {
            bucket: units.bucket(row, buckets),
            key: units.key(row),
            table: table as u32,
            row: row as u32,
        }));
    }
    let odd = tables.iter().any(|table| table.units.are_odd());
    entries.sort_unstable_by(|a, b| {
        let by_key = (a.bucket, a.key).cmp(&(b.bucket, b.key));
        if !odd {
            return by_key;
        }
        let (units, others) = (&tables[a.table as usize].units, &tables[b.table as usize].units);
        by_key.then_with(|| units.compare(a.row as usize, others, b.row as usize))
    });
    entries
}

fn exposure_day(
    exposed: &Exposed,
    experiment: usize,
    After { rows, firsts }: After,
    columns: &[Column],
    segments: &[Vec<String>],
) -> Result<RecordBatch> {
    let arms = &exposed.experiments[experiment];
    let of_rows: Vec<&First> = firsts.iter().map(|first| &exposed.first[*first]).collect();
    let named: Vec<&Units> = exposed.logs.iter().map(|log| &log.units).collect();
    let units: Vec<(usize, usize)> = of_rows.iter().map(|first| (first.log, first.row)).collect();
    let times = of_rows.iter().map(|first| first.at).collect::<Vec<_>>();
    let mut variant = StringBuilder::new();
    let mut variants = ListBuilder::new(StringBuilder::new());
    for first in &of_rows {
        variant.append_value(&arms.variants[first.variant]);
        variants.append_value(first.variants.iter().map(|v| Some(&arms.variants[*v])));
    }
    let mut table: Vec<(String, ArrayRef)> = vec![
        ("unit".into(), units_of(&named, &units)),
        (
            "first_exposed".into(),
            Arc::new(TimestampMicrosecondArray::from(times).with_timezone("UTC")),
        ),
        ("variant".into(), Arc::new(variant.finish())),
        ("variants".into(), Arc::new(variants.finish())),
    ];
    let log = exposed.log_of[experiment];
    let of_log: UInt64Array = of_rows.iter().map(|first| first.row as u64).collect();
    for dimension in &segments[log] {
        let name = format!("segment_{dimension}");
        let column = exposed.logs[log].rows.column_by_name(&name);
        let column = column.ok_or_else(|| exec_datafusion_err!("no column {name}"))?;
        table.push((name, take(column, &of_log, None)?));
    }
    table.extend(rows.columns(columns));
    batch(table)
}

fn units_of(tables: &[&Units], rows: &[(usize, usize)]) -> ArrayRef {
    match tables.first() {
        Some(Units::Numbers(_)) => {
            let mut numbers = Int64Builder::with_capacity(rows.len());
            for (table, row) in rows {
                if let Units::Numbers(v) = tables[*table] {
                    numbers.append_value(v.value(*row));
                }
            }
            Arc::new(numbers.finish())
        }
        _ => {
            let mut texts = StringBuilder::new();
            for (table, row) in rows {
                if let Units::Texts(v) = tables[*table] {
                    texts.append_value(v.value(*row));
                }
            }
            Arc::new(texts.finish())
        }
    }
}

fn batch(columns: Vec<(String, ArrayRef)>) -> Result<RecordBatch> {
    let columns = columns.into_iter().map(|(name, column)| (name, column, true));
    Ok(RecordBatch::try_from_iter_with_nullable(columns)?)
}
