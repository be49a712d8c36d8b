//! Windows: which rows of a unit count by the days since its exposure, and where a window is complete.

use datafusion::arrow::array::BooleanArray;
use verdict_model::Window;

use super::Task;
use super::input::Bucket;
use super::walk::{Path, Point, Table, days_since_1970, tables_of};

/// The days of a task's tables and looks, as the tables hold dates.
#[derive(Debug)]
pub(super) struct Dates {
    /// By the place in [`tables_of`]; none for totals, which hold what came in a window before them.
    of_tables: Vec<Option<i32>>,
    looks: Vec<i32>,
}

impl Dates {
    pub(super) fn of(bucket: &Bucket, task: &Task) -> Dates {
        let of_table = |(table, _)| match table {
            Table::UnitDay(day) => Some(days_since_1970(bucket.unit_days[day].ds)),
            Table::ExposureDay(of, day) => {
                Some(days_since_1970(bucket.tasks[of].exposure_days[day].ds))
            }
            Table::Base(_) => None,
        };
        Dates {
            of_tables: tables_of(bucket).into_iter().map(of_table).collect(),
            looks: task.looks.iter().map(|look| days_since_1970(*look)).collect(),
        }
    }
}

/// A window, on days that are known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    pub(super) window: Window,
    pub(super) dates: &'a Dates,
}

impl Span<'_> {
    /// Whether a table's row counts of a unit that was exposed on this day.
    pub(super) fn takes(&self, table: u32, exposure_ds: i32) -> bool {
        self.dates.of_tables[table as usize].is_none_or(|ds| {
            let age = i64::from(ds) - i64::from(exposure_ds);
            (i64::from(self.window.start)..=i64::from(self.window.end)).contains(&age)
        })
    }

    /// At each point, whether the window is complete.
    pub(super) fn complete(&self, path: &Path) -> BooleanArray {
        let at = |point: &Point| {
            let exposed = path.units[point.unit as usize].exposed.exposure_ds;
            let last = i64::from(exposed) + i64::from(self.window.end);
            point.look.is_some_and(|look| last <= i64::from(self.dates.looks[look as usize]))
        };
        BooleanArray::from(path.points.iter().map(at).collect::<Vec<bool>>())
    }
}
