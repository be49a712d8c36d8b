//! Logs, and how exposures are read from them.

use std::collections::BTreeMap;

use chrono::NaiveTime;

use crate::Located;

/// A log: Parquet objects in date folders.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The name that metrics and exposures refer to.
    pub name: Located<String>,
    /// Where the log lies: a folder or an object-store URL. With `{yyyy}`, `{mm}`, `{dd}` or `{ds}` it is a
    /// path template; without, the days are Hive folders `ds=YYYY-MM-DD` below it. Relative paths are
    /// already joined to the project folder.
    pub path: Located<String>,
    /// SQL expression: when the row happened (a timestamp; one without time zone is taken as UTC).
    pub timestamp: Located<String>,
    /// SQL expression of the unit, by unit type (`user_id: user_id`).
    pub units: BTreeMap<String, Located<String>>,
    /// SQL condition that a row of this log must meet to be read at all.
    pub filter: Option<Located<String>>,
    /// What becomes of rows whose time lies outside the day that their folder names.
    pub outside_day: OutsideDay,
    /// What a day without any object means.
    pub missing_days: MissingDays,
    /// What a day must have to be whole.
    pub complete: Complete,
}

/// What a day of a log must have to be whole: a log that is still being written has objects, too.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Complete {
    /// An object that is written last: the path below the day's folder (`_SUCCESS`), or, with placeholders of the day,
    /// a path like that of the source, already joined to the project folder.
    pub marker: Option<Located<String>>,
    /// The share, above 0 and at most 1, of the usual rows that is enough.
    pub min_rows_share: Option<f64>,
    /// The time of the day, in the project's time zone, at or after which there must be an event.
    pub latest: Option<NaiveTime>,
}

impl Complete {
    /// How the time of a day is written: `23:00`.
    pub const TIME: &str = "%H:%M";

    /// Whether nothing is asked.
    pub fn asks_nothing(&self) -> bool {
        *self == Complete::default()
    }
}

/// What becomes of rows whose time lies outside the day of their folder; they are counted either way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OutsideDay {
    /// They count on the day of their folder.
    #[default]
    Keep,
    /// They are left out.
    Reject,
}

/// What a needed day without any object means.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MissingDays {
    /// The log is late: the run stops and says which day is missing.
    #[default]
    Error,
    /// Nothing happened on that day.
    Allow,
}

/// How rows of a log say that a unit met a variant of an experiment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposures {
    /// The name that experiments refer to.
    pub name: Located<String>,
    /// The source whose rows these are (a log of their own, or the event log).
    pub source: Located<String>,
    /// SQL condition: which rows are exposures.
    pub filter: Option<Located<String>>,
    /// SQL expression of the experiment's key in the log; `None`: every row belongs to the experiment
    /// that names these exposures.
    pub experiment: Option<Located<String>>,
    /// SQL expression of the variant.
    pub variant: Located<String>,
    /// SQL expression of each segment dimension, read at the first exposure.
    pub segments: BTreeMap<String, Located<String>>,
}
