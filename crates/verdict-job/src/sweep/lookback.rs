//! What a unit did before its exposure: the covariate of each component over the days before its first one.
//!
//! A covariate is settled when the unit is first met and never changes: its rows are those of `unit_day` of the
//! days before the exposure day, by the aggregate of the component. A unit that comes from stored totals brings its own.

use datafusion::arrow::array::{ArrayRef, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::error::Result;
use verdict_model::NaiveDate;

use super::input::Bucket;
use super::totals::{InTable, Totals};
use super::walk::{Path, Point, Step, Table, tables_of};
use super::{Sweep, Task};

/// The rows of every unit of a task that its covariates are added up from: for each lookback a path of its own, with one
/// point a unit.
#[derive(Debug, Default)]
pub(super) struct Lookback {
    /// How far each looks back, in days, and its rows.
    paths: Vec<(u32, Path)>,
}

impl Lookback {
    pub(super) fn new(sweep: &Sweep, task: &Task) -> Lookback {
        let mut days: Vec<u32> =
            task.covariates.iter().map(|c| sweep.covariates[*c].lookback_days).collect();
        days.sort_unstable();
        days.dedup();
        Lookback { paths: days.into_iter().map(|days| (days, Path::default())).collect() }
    }

    /// Takes the covariates of the unit at hand from its stored totals.
    pub(super) fn takes_stored(&mut self, place: usize, row: usize) {
        for (_, path) in &mut self.paths {
            path.steps.push(Step { table: place as u32, row: row as u32 });
        }
    }

    /// Takes the unit's days before the day of its first exposure; `days` are its places and rows in `unit_day`.
    pub(super) fn takes_days(
        &mut self,
        bucket: &Bucket,
        days: &[(usize, usize)],
        exposed: NaiveDate,
    ) {
        for (lookback, path) in &mut self.paths {
            for (day, row) in days {
                let before = (exposed - bucket.unit_days[*day].ds).num_days();
                if (1..=i64::from(*lookback)).contains(&before) {
                    path.steps.push(Step { table: *day as u32, row: *row as u32 });
                }
            }
        }
    }

    /// The unit at hand, by its place among those of the task, has all its rows.
    pub(super) fn settles(&mut self, unit: usize) {
        for (_, path) in &mut self.paths {
            path.points.push(Point {
                end: path.steps.len() as u32,
                look: None,
                several_variants: false,
                unit: unit as u32,
            });
        }
    }

    /// The task's covariates, in the order of [`Task::covariates`]: a value for each unit.
    ///
    /// # Errors
    /// A covariate does not fit its type.
    pub(super) fn covariates(
        &self,
        sweep: &Sweep,
        bucket: &Bucket,
        number: usize,
    ) -> Result<Vec<ArrayRef>> {
        let task = &sweep.tasks[number];
        let of = |(at, covariate): (usize, &usize)| {
            let covariate = &sweep.covariates[*covariate];
            let path = self.paths.iter().find(|(days, _)| *days == covariate.lookback_days);
            let nothing = Path::default();
            let path = path.map_or(&nothing, |(_, path)| path);
            let tables: Vec<InTable<'_>> = tables_of(bucket)
                .into_iter()
                .map(|(table, _)| match table {
                    Table::UnitDay(day) => {
                        Some((&bucket.unit_days[day].values[covariate.component], None))
                    }
                    Table::Base(of) if of == number => {
                        bucket.tasks[of].base.as_ref().map(|base| (&base.covariates[at], None))
                    }
                    Table::Base(_) | Table::ExposureDay(..) => None,
                })
                .collect();
            let column = &sweep.components[covariate.component];
            Ok(Totals::along(path, column, &tables, None, false)?.at_points)
        };
        task.covariates.iter().enumerate().map(of).collect()
    }
}

/// The covariates of the units at some of a path's points.
pub(super) fn at(covariate: &ArrayRef, path: &Path, points: &UInt32Array) -> Result<ArrayRef> {
    let unit = |point: Option<u32>| Some(path.points[point? as usize].unit);
    let units: UInt32Array = points.iter().map(unit).collect();
    Ok(take(covariate, &units, None)?)
}
