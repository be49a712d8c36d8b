//! A project: everything that the files of one folder define.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;

use crate::{Experiment, Exposures, Later, LoadError, Located, Metric, Source, Storage};

/// A project, loaded and checked as far as its files alone allow.
#[derive(Clone, Debug)]
pub struct Project {
    /// The project folder.
    pub root: PathBuf,
    /// The project's name.
    pub name: String,
    /// The time zone whose midnights cut the days.
    pub time_zone: Tz,
    /// Root of the tables: a path (relative ones already joined to the project folder) or a URL.
    pub tables: Located<String>,
    /// Into how many buckets the tables of units are cut; it changes no result.
    pub buckets: u32,
    /// How stores are spoken to; it changes no result.
    pub storage: Storage,
    /// The logs, by name.
    pub sources: BTreeMap<String, Source>,
    /// The ways in which logs tell of exposures, by name.
    pub exposures: BTreeMap<String, Exposures>,
    /// The metrics, by name.
    pub metrics: BTreeMap<String, Metric>,
    /// The experiments, sorted by name.
    pub experiments: Vec<Experiment>,
    /// Keys that were read and are not in effect yet.
    pub later: Vec<Later>,
}

impl Project {
    /// Into how many buckets the tables of units are cut unless the project says otherwise.
    pub const BUCKETS: u32 = 16;
    /// More would only make row groups of a handful of units.
    pub const MOST_BUCKETS: u32 = 4096;

    /// The experiment of that name.
    pub fn experiment(&self, name: &str) -> Option<&Experiment> {
        self.experiments.iter().find(|experiment| experiment.name.value == name)
    }

    /// The experiments, at least one.
    ///
    /// # Errors
    ///
    /// [`LoadError::NoExperiments`] when the project defines none.
    pub fn some_experiments(&self) -> Result<&[Experiment], LoadError> {
        if self.experiments.is_empty() {
            return Err(LoadError::NoExperiments { name: self.name.clone() });
        }
        Ok(&self.experiments)
    }
}
