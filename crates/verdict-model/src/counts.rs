//! What became of the rows of the logs: the figures that the conservation checks look at.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

/// Counts over the days of one experiment up to its as-of date. They travel with the tables (in the
/// metadata of their files), so that group statistics can be judged without the logs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DataCounts {
    /// Days read.
    pub days: u64,
    /// Rows of the exposure log.
    pub exposures: RowCounts,
    /// Rows of this experiment in the exposure log, by variant (`(null)`: none given), known or not.
    pub variants: BTreeMap<String, u64>,
    /// Rows of the event logs.
    pub events: RowCounts,
    /// A few of the units that met several variants, smallest first.
    pub several_variants_examples: Vec<String>,
    /// Day by day, what the logs hold of it.
    pub by_day: BTreeMap<NaiveDate, DayRows>,
    /// Of a single day: the instant at which it ends, in microseconds since 1970.
    pub ends_us: Option<i64>,
    /// Days that are not whole by what their source asks, in words. Known to a run, which sees the logs; never kept.
    #[serde(skip)]
    pub incomplete: Vec<String>,
}

/// What the logs hold of one day.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DayRows {
    /// Rows of the exposure log.
    pub exposures: u64,
    /// Rows of the event logs.
    pub events: u64,
    /// The latest event within the day, in microseconds since 1970.
    pub latest_us: Option<i64>,
    /// From that to the end of the day, in microseconds.
    pub quiet_us: Option<i64>,
}

impl DayRows {
    /// What a day's own counts say.
    pub fn of(counts: &DataCounts) -> DayRows {
        let latest_us = counts.events.latest_us;
        DayRows {
            exposures: counts.exposures.read,
            events: counts.events.read,
            latest_us,
            quiet_us: counts.ends_us.zip(latest_us).map(|(end, latest)| end - latest),
        }
    }

    /// Adds what another table tells of the same day.
    pub fn add(&mut self, other: &DayRows) {
        self.exposures += other.exposures;
        self.events += other.events;
        self.latest_us = self.latest_us.max(other.latest_us);
        self.quiet_us = match (self.quiet_us, other.quiet_us) {
            (Some(a), Some(b)) => Some(a.min(b)),
            (a, b) => a.or(b),
        };
    }
}

/// What became of the rows of a log.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RowCounts {
    /// Rows in the files, as their footers say.
    pub in_files: u64,
    /// Rows that the scan delivered, after the configured filters.
    pub read: u64,
    /// Whether a configured filter may have left rows out (otherwise `read` must equal `in_files`).
    pub filtered: bool,
    /// Of those read: without a unit.
    pub without_unit: u64,
    /// Of those read: with a unit, without a time.
    pub without_time: u64,
    /// Of those read: with a time outside the day of their folder.
    pub outside_day: u64,
    /// Of those read: the latest time within the day of its folder, in microseconds since 1970; kept of event logs.
    pub latest_us: Option<i64>,
}

impl RowCounts {
    /// How many rows were lost or read twice between the files and the scan. Where a filter may have left rows out, only those
    /// read beyond the files' are known to be wrong.
    #[must_use]
    pub fn discrepancy(&self) -> u64 {
        match self.filtered {
            true => self.read.saturating_sub(self.in_files),
            false => self.read.abs_diff(self.in_files),
        }
    }

    /// Adds the counts of another day or log.
    pub fn add(&mut self, other: &RowCounts) {
        self.in_files += other.in_files;
        self.read += other.read;
        self.filtered |= other.filtered;
        self.without_unit += other.without_unit;
        self.without_time += other.without_time;
        self.outside_day += other.outside_day;
        self.latest_us = self.latest_us.max(other.latest_us);
    }
}

impl DataCounts {
    /// How many examples of units in several variants are kept.
    pub const EXAMPLES: usize = 5;

    /// Adds the counts of another day.
    pub fn add(&mut self, other: &DataCounts) {
        for (day, rows) in &other.by_day {
            self.by_day.entry(*day).or_default().add(rows);
        }
        self.days += other.days;
        self.exposures.add(&other.exposures);
        for (variant, rows) in &other.variants {
            *self.variants.entry(variant.clone()).or_default() += rows;
        }
        self.events.add(&other.events);
    }
}
