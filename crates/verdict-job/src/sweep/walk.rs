//! One bucket's units, one after the other: which rows each task takes of a unit, and where its totals are settled.
//!
//! Here nothing is added up. A task's [`Path`] lists the rows that it takes, in order, and the points between them at
//! which the totals so far are asked for; [`super::totals`] goes along it once for each component.

use std::collections::VecDeque;

use chrono::Datelike as _;
use datafusion::arrow::array::Array;
use verdict_model::{DataCounts, NaiveDate};

use super::by_unit::ByUnit;
use super::input::Bucket;
use super::lookback::Lookback;
use super::rows::{Exposed, Found, Known, Named};
use super::{Sweep, Task};
use crate::units::Units;

/// Which table: in the order of [`tables_of`], which is by day within each kind.
#[derive(Clone, Copy, Debug)]
pub(super) enum Table {
    UnitDay(usize),
    Base(usize),
    /// Task and day.
    ExposureDay(usize, usize),
}

/// The bucket's tables with their units.
pub(super) fn tables_of(bucket: &Bucket) -> Vec<(Table, &Units)> {
    let days = bucket.unit_days.iter().enumerate();
    let mut tables: Vec<_> = days.map(|(i, day)| (Table::UnitDay(i), &day.units)).collect();
    for (task, rows) in bucket.tasks.iter().enumerate() {
        tables.extend(rows.base.iter().map(|base| (Table::Base(task), &base.units)));
        let days = rows.exposure_days.iter().enumerate();
        tables.extend(days.map(|(i, day)| (Table::ExposureDay(task, i), &day.units)));
    }
    tables
}

fn named(tables: &[(Table, &Units)], entry: Step) -> Named {
    match tables[entry.table as usize].1 {
        Units::Texts(texts) => Named::Text(texts.value(entry.row as usize).to_owned()),
        Units::Numbers(numbers) => Named::Number(numbers.value(entry.row as usize)),
    }
}

/// A row that a task takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    /// The table, by its place in [`tables_of`].
    pub(super) table: u32,
    pub(super) row: u32,
}

/// Where the totals of a unit are asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    /// The steps up to here, of all units so far.
    pub(super) end: u32,
    /// The look whose totals these are; none at a unit's end, where no look is left.
    pub(super) look: Option<u32>,
    pub(super) several_variants: bool,
    /// The unit, by its place in [`Path::units`].
    pub(super) unit: u32,
}

/// A unit of a task.
#[derive(Clone, Debug)]
pub(super) struct Passed {
    /// A row that has its name.
    pub(super) name: Step,
    /// Its place among the bucket's units, which all tasks have in common: it grows along a path.
    pub(super) ordinal: u32,
    pub(super) exposed: Exposed,
}

/// A task's way through a bucket, or that of one of its lookbacks.
#[derive(Debug, Default)]
pub(super) struct Path {
    pub(super) steps: Vec<Step>,
    /// In the order of the steps; the last one of a unit is at its end.
    pub(super) points: Vec<Point>,
    pub(super) units: Vec<Passed>,
    /// What the units did before their exposure, as far as any covariate asks.
    pub(super) lookback: Option<Lookback>,
    /// By look: units that were found in several variants.
    pub(super) several_found: Vec<Vec<Named>>,
}

/// A task while its units go by.
struct Walk<'a> {
    number: usize,
    task: &'a Task,
    /// For each unit day: whether it is one of the task's, and the first look that includes it.
    unit_days: Vec<Option<Option<usize>>>,
    /// For each exposure day: the first look that includes it.
    exposure_days: Vec<Option<usize>>,
    /// The unit's own.
    exposed: Option<Exposed>,
    several_variants: bool,
    /// The totals changed since the look before; they are settled at this one.
    due: Option<usize>,
    /// The last days of the task's windows, and the days of its looks.
    window_ends: Vec<u32>,
    looks: Vec<i32>,
    /// The looks at which a window of the unit is complete for the first time, in order.
    complete: VecDeque<usize>,
    path: Path,
}

impl<'a> Walk<'a> {
    fn new(sweep: &'a Sweep, bucket: &Bucket, number: usize) -> Walk<'a> {
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
        let unit_days = bucket.unit_days.iter();
        let exposure_days = bucket.tasks[number].exposure_days.iter();
        Walk {
            number,
            task,
            unit_days: unit_days.map(|day| own(day.ds).then(|| look_of(day.ds))).collect(),
            exposure_days: exposure_days.map(|day| look_of(day.ds)).collect(),
            exposed: None,
            several_variants: false,
            due: None,
            window_ends: task.window_ends(sweep),
            looks: task.looks.iter().map(|look| days_since_1970(*look)).collect(),
            complete: VecDeque::new(),
            path: Path {
                several_found: vec![Vec::new(); task.looks.len()],
                lookback: (!task.covariates.is_empty()).then(|| Lookback::new(sweep, task)),
                ..Path::default()
            },
        }
    }

    /// Notes that what follows belongs to `look`, and settles what belongs to an earlier one.
    fn comes_to(&mut self, look: Option<usize>) {
        self.passes_windows(look);
        self.turns_to(look);
    }

    /// Settles the totals at the looks before `look` at which a window is complete, though nothing happened then.
    fn passes_windows(&mut self, look: Option<usize>) {
        let before = |complete: usize| look.is_none_or(|look| complete < look);
        while let Some(complete) = self.complete.pop_front_if(|complete| before(*complete)) {
            self.turns_to(Some(complete));
        }
    }

    fn turns_to(&mut self, look: Option<usize>) {
        if self.due.is_some() && self.due != look {
            self.point();
        }
        self.due = look;
    }

    /// Takes in when the unit was exposed.
    fn is_exposed(&mut self, exposed: Exposed) {
        let days =
            self.window_ends.iter().map(|end| i64::from(exposed.exposure_ds) + i64::from(*end));
        let looks = days.map(|day| self.looks.partition_point(|look| i64::from(*look) < day));
        self.complete = looks.filter(|look| *look < self.looks.len()).collect();
        self.exposed = Some(exposed);
    }

    /// Asks for the totals here, for the look that is due.
    fn point(&mut self) {
        self.path.points.push(Point {
            end: self.path.steps.len() as u32,
            look: self.due.take().map(|look| look as u32),
            several_variants: self.several_variants,
            unit: self.path.units.len() as u32,
        });
    }

    fn takes(&mut self, table: usize, row: usize) {
        self.path.steps.push(Step { table: table as u32, row: row as u32 });
    }

    fn meets_several(&mut self, unit: impl FnOnce() -> Named) {
        self.several_variants = true;
        if let Some(look) = self.due
            && self.path.several_found[look].len() < DataCounts::EXAMPLES
        {
            self.path.several_found[look].push(unit());
        }
    }
}

/// A unit's rows in a table of a task: the table, its place, the row.
type Own = (Table, usize, usize);

/// The ways of all tasks through a bucket.
pub(super) fn paths(sweep: &Sweep, found: &Found, bucket: &Bucket) -> Vec<Path> {
    let tables = tables_of(bucket);
    let units: Vec<&Units> = tables.iter().map(|(_, units)| *units).collect();
    let by_unit = ByUnit::of(&units);
    let mut known = Known::default();
    let mut walks: Vec<Walk<'_>> =
        (0..sweep.tasks.len()).map(|task| Walk::new(sweep, bucket, task)).collect();
    // By task: base and exposure rows of the unit at hand; and its unit days.
    let mut of_unit: Vec<Vec<Own>> = vec![Vec::new(); walks.len()];
    let mut days: Vec<(usize, usize)> = Vec::new();
    for (ordinal, rows) in (0..).zip(by_unit.units()) {
        days.clear();
        for entry in rows {
            let row = entry.row as usize;
            match tables[entry.table as usize].0 {
                // Unit days are the first tables, in order.
                Table::UnitDay(day) => days.push((day, row)),
                table @ (Table::Base(task) | Table::ExposureDay(task, _)) => {
                    of_unit[task].push((table, entry.table as usize, row));
                }
            }
        }
        for (walk, own) in walks.iter_mut().zip(&mut of_unit) {
            if own.is_empty() {
                continue;
            }
            let name = rows[0];
            let unit = || named(&tables, rows[0]);
            pass(walk, (found, &mut known), bucket, own, &days, (name, ordinal, &unit));
            own.clear();
        }
    }
    walks.into_iter().map(|walk| walk.path).collect()
}

/// A unit of a task: its base and its exposures (in the order of the days), and its own days.
fn pass(
    walk: &mut Walk<'_>,
    (found, known): (&Found, &mut Known),
    bucket: &Bucket,
    own: &[Own],
    days: &[(usize, usize)],
    (name, ordinal, unit): (Step, u32, &dyn Fn() -> Named),
) {
    walk.exposed = None;
    walk.several_variants = false;
    walk.due = None;
    walk.complete.clear();
    let rows_of_task = &bucket.tasks[walk.number];
    let all_days = days;
    let mut days = days.iter().copied().peekable();
    for (table, place, row) in own.iter().copied() {
        let day = match table {
            Table::ExposureDay(_, day) => day,
            Table::Base(_) => {
                if let Some(base) = &rows_of_task.base {
                    walk.comes_to((!walk.task.looks.is_empty()).then_some(0));
                    let segments =
                        base.segments.iter().map(|s| s.is_valid(row).then(|| s.value(row)));
                    let (group_number, group) =
                        known.group(found, walk.number, base.variant.value(row), segments);
                    walk.is_exposed(Exposed {
                        first_exposed: base.first_exposed.value(row),
                        exposure_ds: base.exposure_ds.value(row),
                        group_number,
                        group,
                    });
                    if base.several_variants.value(row) {
                        walk.meets_several(unit);
                    }
                    walk.takes(place, row);
                    if let Some(lookback) = &mut walk.path.lookback {
                        lookback.takes_stored(place, row);
                    }
                }
                continue;
            }
            Table::UnitDay(_) => continue,
        };
        let exposure = &rows_of_task.exposure_days[day];
        // The unit's days before this exposure: they count only where there was one before.
        take_days(walk, bucket, &mut days, |ds| ds < exposure.ds);
        let met = exposure.variants.value_length(row);
        let variant = exposure.variant.value(row);
        match &walk.exposed {
            None => {
                walk.comes_to(walk.exposure_days[day]);
                let segments =
                    exposure.segments.iter().map(|s| s.is_valid(row).then(|| s.value(row)));
                let (group_number, group) = known.group(found, walk.number, variant, segments);
                walk.is_exposed(Exposed {
                    first_exposed: exposure.first_exposed.value(row),
                    exposure_ds: days_since_1970(exposure.ds),
                    group_number,
                    group,
                });
                walk.takes(place, row);
                if let Some(lookback) = &mut walk.path.lookback {
                    lookback.takes_days(bucket, all_days, exposure.ds);
                }
                if met > 1 {
                    walk.meets_several(unit);
                }
                // That day's events before the exposure do not count: its exposure day has the rest of them.
                if days.peek().is_some_and(|(d, _)| bucket.unit_days[*d].ds == exposure.ds) {
                    days.next();
                }
            }
            Some(exposed) => {
                let several = met > 1 || exposed.group.variant != variant;
                if several && !walk.several_variants {
                    walk.comes_to(walk.exposure_days[day]);
                    walk.meets_several(unit);
                }
            }
        }
    }
    take_days(walk, bucket, &mut days, |_| true);
    walk.passes_windows(None);
    if let Some(exposed) = walk.exposed.take() {
        walk.point();
        if let Some(lookback) = &mut walk.path.lookback {
            lookback.settles(walk.path.units.len());
        }
        walk.path.units.push(Passed { name, ordinal, exposed });
    }
}

/// Takes the unit's days `while_`.
fn take_days(
    walk: &mut Walk<'_>,
    bucket: &Bucket,
    days: &mut std::iter::Peekable<impl Iterator<Item = (usize, usize)>>,
    while_: impl Fn(NaiveDate) -> bool,
) {
    while let Some((day, row)) = days.next_if(|(day, _)| while_(bucket.unit_days[*day].ds)) {
        let (Some(look), Some(_)) = (walk.unit_days[day], &walk.exposed) else { continue };
        walk.comes_to(look);
        walk.takes(day, row);
    }
}

/// A date as the tables hold it.
pub(super) fn days_since_1970(day: NaiveDate) -> i32 {
    day.num_days_from_ce() - NaiveDate::default().num_days_from_ce()
}
