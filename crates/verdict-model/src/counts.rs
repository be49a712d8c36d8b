//! What became of the rows of the logs: the figures that the conservation checks look at.

use std::collections::BTreeMap;

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
}

impl RowCounts {
    /// Adds the counts of another day or log.
    pub fn add(&mut self, other: &RowCounts) {
        self.in_files += other.in_files;
        self.read += other.read;
        self.filtered |= other.filtered;
        self.without_unit += other.without_unit;
        self.without_time += other.without_time;
        self.outside_day += other.outside_day;
    }
}

impl DataCounts {
    /// How many examples of units in several variants are kept.
    pub const EXAMPLES: usize = 5;

    /// Adds the counts of another day.
    pub fn add(&mut self, other: &DataCounts) {
        self.days += other.days;
        self.exposures.add(&other.exposures);
        for (variant, rows) in &other.variants {
            *self.variants.entry(variant.clone()).or_default() += rows;
        }
        self.events.add(&other.events);
    }
}
