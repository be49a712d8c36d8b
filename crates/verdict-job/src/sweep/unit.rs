//! One bucket's sweep: the rows of each unit together, its totals through the days.

use std::sync::Arc;

use chrono::Datelike as _;
use datafusion::arrow::array::{Array, RecordBatch};
use datafusion::error::Result;
use verdict_model::{DataCounts, NaiveDate};

use super::input::Bucket;
use super::rows::{Changes, Exposed, Found, Kept, Known, Named, Standing};
use super::total::Total;
use super::{Column, Sweep, Task};
use crate::units::Units;

/// Rows in a batch of changes.
const BATCH: usize = 8192;

/// A unit's row in one of the bucket's tables.
#[derive(Clone, Copy, Debug)]
struct Entry {
    /// The first sixteen bytes of its name, or its number: sorted as the unit is.
    key: u128,
    table: u32,
    row: u32,
}

/// Which table: in the order of [`tables_of`], which is by day within each kind.
#[derive(Clone, Copy, Debug)]
enum Table {
    UnitDay(usize),
    Base(usize),
    /// Task and day.
    ExposureDay(usize, usize),
}

/// The bucket's tables with their units.
fn tables_of(bucket: &Bucket) -> Vec<(Table, &Units)> {
    let days = bucket.unit_days.iter().enumerate();
    let mut tables: Vec<_> = days.map(|(i, day)| (Table::UnitDay(i), &day.units)).collect();
    for (task, rows) in bucket.tasks.iter().enumerate() {
        tables.extend(rows.base.iter().map(|base| (Table::Base(task), &base.units)));
        let days = rows.exposure_days.iter().enumerate();
        tables.extend(days.map(|(i, day)| (Table::ExposureDay(task, i), &day.units)));
    }
    tables
}

/// Every row of the bucket, sorted by unit, and for each unit by table.
fn sorted(tables: &[(Table, &Units)]) -> (Vec<Entry>, bool) {
    let mut entries = Vec::with_capacity(tables.iter().map(|(_, units)| units.len()).sum());
    for (table, (_, units)) in tables.iter().enumerate() {
        let rows = 0..units.len();
        entries.extend(rows.map(|row| Entry {
            key: units.key(row),
            table: table as u32,
            row: row as u32,
        }));
    }
    let odd = tables.iter().any(|(_, units)| units.are_odd());
    // Each table is sorted by unit already; the sort finds such runs and merges them, and it is stable.
    if odd {
        entries.sort_by(|a, b| a.key.cmp(&b.key).then_with(|| compare(tables, a, b)));
    } else {
        entries.sort_by_key(|entry| entry.key);
    }
    (entries, odd)
}

/// The order of the units of two rows of one key.
fn compare(tables: &[(Table, &Units)], a: &Entry, b: &Entry) -> std::cmp::Ordering {
    let (units, others) = (tables[a.table as usize].1, tables[b.table as usize].1);
    units.compare(a.row as usize, others, b.row as usize)
}

fn named(tables: &[(Table, &Units)], entry: &Entry) -> Named {
    match tables[entry.table as usize].1 {
        Units::Texts(texts) => Named::Text(texts.value(entry.row as usize).to_owned()),
        Units::Numbers(numbers) => Named::Number(numbers.value(entry.row as usize)),
    }
}

/// A task while its units go by.
struct Walk<'a> {
    number: usize,
    task: &'a Task,
    columns: Vec<&'a Column>,
    /// For each unit day: whether it is one of the task's, and the first look that includes it.
    unit_days: Vec<Option<Option<usize>>>,
    /// For each exposure day: the first look that includes it.
    exposure_days: Vec<Option<usize>>,
    /// The unit's own.
    exposed: Option<Exposed>,
    several_variants: bool,
    totals: Vec<Total>,
    /// The totals changed since the look before; they are settled at this one.
    due: Option<usize>,
    /// What the groups have of the unit.
    settled: Option<Standing>,
    spare: Standing,
    several_found: Vec<Vec<Named>>,
    kept: Option<Kept>,
}

impl<'a> Walk<'a> {
    fn new(sweep: &'a Sweep, bucket: &Bucket, number: usize, keep: bool) -> Walk<'a> {
        let task = &sweep.tasks[number];
        let look_of = |ds: NaiveDate| {
            let look = task.looks.partition_point(|look| *look < ds);
            (look < task.looks.len()).then_some(look)
        };
        let last = task.exposure_days.last().map(|(ds, _)| *ds);
        let own = |ds: NaiveDate| {
            task.base.as_ref().is_none_or(|base| ds > base.ds)
                && last.is_some_and(|last| ds <= last)
        };
        let columns: Vec<&Column> = task.columns.iter().map(|c| &sweep.columns[*c]).collect();
        Walk {
            number,
            task,
            totals: columns.iter().map(|c| Total::nothing(c)).collect(),
            columns,
            unit_days: bucket
                .unit_days
                .iter()
                .map(|day| own(day.ds).then(|| look_of(day.ds)))
                .collect(),
            exposure_days: bucket.tasks[number]
                .exposure_days
                .iter()
                .map(|day| look_of(day.ds))
                .collect(),
            exposed: None,
            several_variants: false,
            due: None,
            settled: None,
            spare: Standing::default(),
            several_found: vec![Vec::new(); task.looks.len()],
            kept: keep.then(|| Kept::new(sweep, number)),
        }
    }

    /// Notes that what follows belongs to `look`, and settles what belongs to an earlier one.
    fn comes_to(&mut self, look: Option<usize>, stride: i64, changes: &mut Changes) -> Result<()> {
        if self.due.is_some() && self.due != look {
            self.settle(stride, changes)?;
        }
        self.due = look;
        Ok(())
    }

    fn standing(&mut self) -> Result<()> {
        self.spare.several_variants = self.several_variants;
        self.spare.counted = !(self.task.exclude && self.several_variants);
        self.spare.values.clear();
        for (total, column) in self.totals.iter().zip(&self.columns) {
            self.spare.values.push(total.value(column)?);
        }
        Ok(())
    }

    /// Takes the unit's old total out of its group and puts the new one in, at the look that is due.
    fn settle(&mut self, stride: i64, changes: &mut Changes) -> Result<()> {
        let (Some(look), Some(exposed)) = (self.due.take(), &self.exposed) else { return Ok(()) };
        let cell = exposed.group_number * stride + look as i64;
        self.standing()?;
        match &mut self.settled {
            Some(settled) if *settled == self.spare => {}
            Some(settled) => {
                let (watched, columns) = (self.task.watched, &self.task.columns);
                // What leaves is told apart: what stays is what was there without it.
                let leaves = watched && settled.counted && !self.spare.counted;
                let from = if leaves { cell + self.task.looks.len() as i64 } else { cell };
                let stays = watched && settled.counted && self.spare.counted;
                changes.push(from, -1, settled, None, columns)?;
                changes.push(cell, 1, &self.spare, stays.then_some(&*settled), columns)?;
                std::mem::swap(settled, &mut self.spare);
            }
            None => {
                changes.push(cell, 1, &self.spare, None, &self.task.columns)?;
                self.settled = Some(std::mem::take(&mut self.spare));
            }
        }
        Ok(())
    }

    fn meets_several(&mut self, unit: impl FnOnce() -> Named) {
        self.several_variants = true;
        if let Some(look) = self.due
            && self.several_found[look].len() < DataCounts::EXAMPLES
        {
            self.several_found[look].push(unit());
        }
    }

    fn begin(&mut self) {
        self.exposed = None;
        self.several_variants = false;
        self.due = None;
        self.settled = None;
        for (total, column) in self.totals.iter_mut().zip(&self.columns) {
            *total = Total::nothing(column);
        }
    }
}

/// Everything that is needed to sweep one bucket.
pub(super) struct Pass<'a> {
    pub(super) sweep: &'a Sweep,
    pub(super) found: &'a Found,
    /// Whether the totals of each task are kept.
    pub(super) keep: &'a [bool],
    pub(super) schema: datafusion::arrow::datatypes::SchemaRef,
}

impl Pass<'_> {
    /// Sweeps a bucket: gives batches of changes to `send`, and returns the totals of each task that keeps them.
    ///
    /// # Errors
    /// A total does not fit its type; `send` says that nobody listens any more.
    pub(super) fn bucket(
        &self,
        bucket: &Bucket,
        mut send: impl FnMut(RecordBatch) -> Result<()>,
    ) -> Result<Vec<Option<RecordBatch>>> {
        let stride = self.sweep.stride();
        let tables = tables_of(bucket);
        let (entries, odd) = sorted(&tables);
        let mut changes = Changes::new(Arc::clone(&self.schema), self.sweep);
        let mut known = Known::default();
        let mut walks: Vec<Walk<'_>> = (0..self.sweep.tasks.len())
            .map(|task| Walk::new(self.sweep, bucket, task, self.keep[task]))
            .collect();
        // By task: base and exposure rows of the unit at hand; and its unit days.
        let mut of_unit: Vec<Vec<(Table, usize)>> = vec![Vec::new(); walks.len()];
        let mut days: Vec<(usize, usize)> = Vec::new();
        let same =
            |a: &Entry, b: &Entry| a.key == b.key && (!odd || compare(&tables, a, b).is_eq());
        for rows in entries.chunk_by(same) {
            days.clear();
            for entry in rows {
                let row = entry.row as usize;
                match tables[entry.table as usize].0 {
                    Table::UnitDay(day) => days.push((day, row)),
                    table @ (Table::Base(task) | Table::ExposureDay(task, _)) => {
                        of_unit[task].push((table, row));
                    }
                }
            }
            for (walk, own) in walks.iter_mut().zip(&mut of_unit) {
                if own.is_empty() {
                    continue;
                }
                let unit = || named(&tables, &rows[0]);
                self.unit(walk, bucket, own, &days, unit, (&mut known, &mut changes), stride)?;
                own.clear();
            }
            if changes.len() >= BATCH {
                send(changes.finish()?)?;
            }
        }
        if changes.len() > 0 {
            send(changes.finish()?)?;
        }
        let mut kept = Vec::new();
        let mut several = Vec::new();
        for walk in walks {
            several.push(walk.several_found);
            kept.push(walk.kept.map(Kept::finish).transpose()?);
        }
        self.found.add_several(several);
        Ok(kept)
    }

    /// A unit of a task: its base and its exposures (in the order of the days), and its own days.
    #[expect(clippy::too_many_arguments, reason = "what the loop around it has at hand, no more")]
    fn unit(
        &self,
        walk: &mut Walk<'_>,
        bucket: &Bucket,
        own: &[(Table, usize)],
        days: &[(usize, usize)],
        unit: impl Fn() -> Named,
        (known, changes): (&mut Known, &mut Changes),
        stride: i64,
    ) -> Result<()> {
        walk.begin();
        let rows_of_task = &bucket.tasks[walk.number];
        let mut days = days.iter().copied().peekable();
        for (table, row) in own.iter().copied() {
            let day = match table {
                Table::ExposureDay(_, day) => day,
                Table::Base(_) => {
                    if let Some(base) = &rows_of_task.base {
                        let first = (!walk.task.looks.is_empty()).then_some(0);
                        walk.comes_to(first, stride, changes)?;
                        let segments =
                            base.segments.iter().map(|s| s.is_valid(row).then(|| s.value(row)));
                        let (group_number, group) =
                            known.group(self.found, walk.number, base.variant.value(row), segments);
                        walk.exposed = Some(Exposed {
                            first_exposed: base.first_exposed.value(row),
                            exposure_ds: base.exposure_ds.value(row),
                            group_number,
                            group,
                        });
                        if base.several_variants.value(row) {
                            walk.meets_several(&unit);
                        }
                        let stored = base.values.iter().zip(&base.rests);
                        for (total, (values, rest)) in walk.totals.iter_mut().zip(stored) {
                            total.add(values, row)?;
                            if let Some(rest) = rest {
                                total.add_rest(rest, row)?;
                            }
                        }
                    }
                    continue;
                }
                Table::UnitDay(_) => continue,
            };
            let exposure = &rows_of_task.exposure_days[day];
            // The unit's days before this exposure: they count only where there was one before.
            self.days(walk, bucket, &mut days, |ds| ds < exposure.ds, changes, stride)?;
            let met = exposure.variants.value_length(row);
            let variant = exposure.variant.value(row);
            match &walk.exposed {
                None => {
                    walk.comes_to(walk.exposure_days[day], stride, changes)?;
                    let segments =
                        exposure.segments.iter().map(|s| s.is_valid(row).then(|| s.value(row)));
                    let (group_number, group) =
                        known.group(self.found, walk.number, variant, segments);
                    walk.exposed = Some(Exposed {
                        first_exposed: exposure.first_exposed.value(row),
                        exposure_ds: days_since_1970(exposure.ds),
                        group_number,
                        group,
                    });
                    for (total, values) in walk.totals.iter_mut().zip(&exposure.values) {
                        total.add(values, row)?;
                    }
                    if met > 1 {
                        walk.meets_several(&unit);
                    }
                    // That day's events before the exposure do not count: its exposure day has the rest of them.
                    if days.peek().is_some_and(|(d, _)| bucket.unit_days[*d].ds == exposure.ds) {
                        days.next();
                    }
                }
                Some(exposed) => {
                    let several = met > 1 || exposed.group.variant != variant;
                    if several && !walk.several_variants {
                        walk.comes_to(walk.exposure_days[day], stride, changes)?;
                        walk.meets_several(&unit);
                    }
                }
            }
        }
        self.days(walk, bucket, &mut days, |_| true, changes, stride)?;
        walk.settle(stride, changes)?;
        if walk.kept.is_some() && walk.exposed.is_some() {
            walk.standing()?;
        }
        if let (Some(kept), Some(exposed)) = (&mut walk.kept, &walk.exposed) {
            kept.push(&unit(), exposed, &walk.spare, &walk.totals, &walk.columns)?;
        }
        Ok(())
    }

    /// Adds the unit's days `while_` to its totals.
    fn days(
        &self,
        walk: &mut Walk<'_>,
        bucket: &Bucket,
        days: &mut std::iter::Peekable<impl Iterator<Item = (usize, usize)>>,
        while_: impl Fn(NaiveDate) -> bool,
        changes: &mut Changes,
        stride: i64,
    ) -> Result<()> {
        while let Some((day, row)) = days.next_if(|(day, _)| while_(bucket.unit_days[*day].ds)) {
            let (Some(look), Some(_)) = (walk.unit_days[day], &walk.exposed) else { continue };
            walk.comes_to(look, stride, changes)?;
            let values = &bucket.unit_days[day].values;
            for (total, column) in walk.totals.iter_mut().zip(&walk.task.columns) {
                total.add(&values[*column], row)?;
            }
        }
        Ok(())
    }
}

/// A date as the tables hold it.
fn days_since_1970(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}
