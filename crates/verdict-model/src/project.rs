//! A project: everything that the files of one folder define.

use std::collections::BTreeMap;
use std::path::PathBuf;

use chrono_tz::Tz;

use crate::{Experiment, Exposures, Later, Located, Metric, Source};

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
