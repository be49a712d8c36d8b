//! The words of Verdict: what a project defines, and what the tables hold.
//!
//! A project is a folder of YAML files. [`load`] reads it into a [`Project`]: every name resolved, every
//! unknown key refused with its file, line and nearest valid key, every SQL expression carried with the
//! [`Place`] it was written at, so that whoever plans it later can say where to mend it. This crate knows
//! no engine: expressions are text here.
//!
//! ```
//! use verdict_model::load;
//!
//! let project = load("tests/fixtures/seed".as_ref())?;
//! let experiment = project.experiment("new_search_ranking_model_v3").expect("the project defines it");
//! assert_eq!(experiment.primary.name.value, "search_ctr");
//! assert_eq!(project.sources["events"].timestamp.place.to_string(), "project.yaml:6: sources.events.timestamp");
//! # Ok::<(), verdict_model::LoadError>(())
//! ```
//!
//! The other half is what the tables hold: [`tables`] describes each column (type, unit, meaning) once,
//! and [`rows`] has the typed rows that the analysis reads and writes.

#![forbid(unsafe_code)]

mod adjust;
mod advice;
mod counts;
mod experiment;
mod later;
mod load;
mod metric;
mod nearest;
mod place;
mod population;
mod project;
mod registered;
mod resolved;
pub mod rows;
mod schedule;
mod settings;
mod source;
mod storage;
pub mod tables;
mod yaml;

pub use adjust::{Bootstrap, BootstrapInterval, Cap, Caps, Cuped, Winsorize};
pub use advice::{Advice, advice};
pub use chrono::NaiveDate;
pub use chrono_tz::Tz;
pub use counts::{DataCounts, DayRows, RowCounts};
pub use experiment::{
    Arm, DeclaredType, Design, Direction, Experiment, ExperimentMetric, Mde, Phase, Role,
    SeveralVariants, parts,
};
pub use later::Later;
pub use load::{
    LoadError, Problem, ProjectFiles, load, load_population, population_file, population_of,
};
pub use metric::{Aggregate, Component, Metric, MetricKind, Window};
pub use nearest::nearest;
pub use place::{Located, Place};
pub use population::{Arrivals, Behaviour, Distribution, Draw, Population, Split, Values};
pub use project::Project;
pub use registered::{ExperimentPlan, PlanChange, RegisteredPlan};
pub use schedule::Schedule;
pub use settings::{
    Correction, GuardrailSettings, GuardrailTest, Margin, Practical, SequentialMethod,
    StatisticalSettings, Threshold,
};
pub use source::{Complete, Exposures, MissingDays, OutsideDay, Source};
pub use storage::Storage;
