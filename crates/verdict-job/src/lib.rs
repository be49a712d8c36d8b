//! What to make, and making it.
//!
//! Logs become tables in stages; what the engine does is a file in `sql/`, what goes unit by unit is code. A day's
//! rows, scanned by the engine, are added up by `exposed` and `events`, from which `fold` makes `unit_day` and `exposure_day`, which depend on one day only; `sweep` makes
//! `unit_total` and, through the signed moments, `group_stats` of every date. Nothing is made that is there already and still true: each partition carries the fingerprint of
//! what it was made from, and [`Plan`] says what is missing or stale, and why.
//!
//! The numbers themselves come from the aggregates of `verdict-udaf`; what the group statistics mean is
//! for another crate to say. This crate knows the engine and the object stores; it does not know arguments,
//! the terminal or today's date.

#![forbid(unsafe_code)]

mod aa;
mod arrow_types;
mod bind;
mod clients;
mod complete;
mod component;
mod content;
mod day;
mod diagnose;
mod distributions;
mod drift;
mod error;
mod events;
mod exposed;
mod expression;
mod fingerprint;
mod fold;
mod footers;
mod gc;
mod group_stats;
mod group_totals;
#[cfg(test)]
mod hostile;
mod job;
mod limits;
mod log;
mod meters;
mod outlet;
mod packed;
mod partition;
mod pinned;
mod plain;
mod plan;
mod query;
mod read_back;
mod registrations;
mod render;
mod room;
mod row_tables;
mod scanned;
mod scratch;
mod secrets;
mod session;
mod shares;
mod snapshot;
mod steps;
mod store;
mod store_words;
mod sweep;
mod told;
mod totals;
mod traffic;
mod trust_rows;
mod units;
mod untold;
mod upload;
mod validate;
mod verify;

pub use aa::{HALVES, Split, Splits};
pub use complete::Incomplete;
pub use error::{Error, Fault, Result};
pub use gc::Garbage;
pub use group_stats::{GroupStats, ReadStats};
pub use job::{Job, Outcome, Progress, Silent, Tally};
pub use limits::Limits;
pub use meters::{Meter, Meters};
pub use outlet::Outlet;
pub use plan::{Action, Item, Plan};
pub use query::{Compression, PartRows, QueryStep, SpreadQuery, query};
pub use row_tables::{JudgedRows, RunRow};
pub use scratch::{Scratch, leave_no_scratch};
pub use secrets::without_secrets;
pub use steps::{Stage, Step};
pub use store::Stores;
pub use told::{Told, ToldDecision};
pub use traffic::{Traffic, TrafficDay, TrafficRange};
pub use untold::Untold;
pub use upload::settle;
pub use verify::{Verified, VerifiedPartition};
