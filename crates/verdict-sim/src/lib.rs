//! Experiments whose truth is known, judged by the code that judges real ones.
//!
//! A simulation repeats an experiment of a project: units arrive, find their variants and act as stated, group
//! statistics are made of them day by day as the job makes them of logs, and [`verdict_analysis::judge`] says at
//! each look what it would have said of the real one. What is counted are its own rows and decisions; there is no
//! second copy of any statistic here.
//!
//! ```no_run
//! use verdict_model::{load, load_population};
//! use verdict_sim::{Counted, Runs, World};
//!
//! let project = load("jobs/shop".as_ref())?;
//! let population = load_population("jobs/shop/_population.yaml".as_ref())?;
//! let experiment = project.experiment("new_checkout").expect("the project defines it");
//! let types = project.metrics.iter().map(|(name, metric)| (name.clone(), metric.kind.word().to_owned()));
//! let effects = ["revenue=+5%".parse()?];
//! let world =
//!     World::new(experiment, &types.collect(), &population, &Default::default(), &effects, None)?;
//! let runs = Runs { experiments: 20_000, seed: 1, threads: None, counted: Counted::Decisions };
//! println!("{}", world.simulate(runs, &|_| ())?.text());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Reading order
//! `draws` are random numbers by address (seed, experiment, stream), `arrivals` says who enters, `group` what a
//! variant's units do on a metric (`sums` where a day's units can be drawn at once, `units` where they cannot,
//! `logged` around the statistics of a log), `history` puts a day's rows together, `trial` judges them,
//! `tally` counts.
//!
//! # What is counted
//! - An experiment ends for a variant at the first look whose decision is neither `continue` nor `invalid`; a look
//!   that is `invalid` (a sample-ratio test that cries wolf) is waited out. Without a sequential method and without
//!   `max_duration_days` nothing is planned, so that the first look decides.
//! - A test is significant where its row's corrected p-value does not exceed the level of its family. It is
//!   followed to the last look, whatever has been decided by then: a test's rate is that of any look.
//! - Rates have Wilson's intervals; with 20,000 experiments a rate of 5% is known to 0.3 points.
//!
//! First looks are found by bisection: sequential p-values never rise, so that what is significant or decided at
//! one look is so at every later one. [`Counted::EveryLook`] goes through all of them instead; a test compares the
//! two.

#![forbid(unsafe_code)]

mod arrivals;
mod calendar;
mod draws;
mod effect;
mod error;
mod group;
mod history;
mod json;
mod logged;
mod quantile;
mod rate;
mod run;
mod simulation;
mod sums;
mod tally;
mod text;
mod trial;
mod units;
mod world;

pub use calendar::Calendar;
pub use effect::{Effect, Size};
pub use error::SimError;
pub use json::SCHEMA_VERSION;
pub use logged::LoggedDay;
pub use rate::Rate;
pub use run::{Counted, Runs};
pub use simulation::{Decided, Duration, Family, Simulation, Test, Variant};
pub use world::World;
