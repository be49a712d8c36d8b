//! When a simulated experiment runs and is looked at.

use verdict_model::NaiveDate;

/// The days of an experiment, and which of them are looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Calendar {
    pub(crate) days: Vec<NaiveDate>,
    /// As places in `days`.
    pub(crate) looks: Vec<usize>,
}

impl Calendar {
    /// The longest simulation, in days.
    pub const MOST_DAYS: u32 = 400;

    /// Its days.
    #[must_use]
    pub fn days(&self) -> &[NaiveDate] {
        &self.days
    }

    /// How many days each look closes: 7 for the look of a first week.
    #[must_use]
    pub fn looks(&self) -> Vec<u32> {
        // At most `MOST_DAYS`.
        self.looks.iter().map(|day| *day as u32 + 1).collect()
    }
}
