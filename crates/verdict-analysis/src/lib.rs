//! Statistics and decisions: pure functions from group statistics to results.
//!
//! No engine, no clock, no network and no files: what a function is given is all that it knows, and the same input
//! gives the same output.
//!
//! - [`judge`](judge::judge): the statistics of an experiment become result rows, checks and decisions.
//! - [`methods`]: the tests, intervals and posteriors behind them, each with its formula and its limits.
//! - [`planning`]: sample size, duration, power and detectable effect, before there are data.
//! - [`stat`]: every method by name, from JSON or from [flags](stat::flags).
//! - [`words`]: numbers and changes as people read them.
//! - [`decisions`]: how looks are tested, and what a decision means.
//! - [`error_rates`]: what simulation says of the methods.

#![forbid(unsafe_code)]

pub mod flags;
pub mod judge;
pub mod methods;
pub mod planning;
pub mod stat;
pub mod words;

#[doc = include_str!("../DECISIONS.md")]
pub mod decisions {}

#[doc = include_str!("../ERROR_RATES.md")]
pub mod error_rates {}
