//! Synthetic logs whose truth is known: a shop's events and exposures as Parquet in folders by day, with planted effects
//! and, where asked for, planted faults.
//!
//! Every number follows from (seed, unit, day, purpose) through a counter-based generator (Philox4x32-10), so that the same
//! [`Spec`] gives the same bytes, whatever the number of threads, and a day can be made without the days before it.
//!
//! What units are and do:
//!
//! | what | law |
//! | --- | --- |
//! | comes on a day | with a probability of its own, 0.03 + 0.57 U², U uniform: 0.22 on average |
//! | events on such a day | 1 + Poisson(λ), λ log-normal (sd of the log 0.8) with the mean that the spec states |
//! | kinds of events | view; search 15%, click 12%, order 2% times the unit's own log-normal factor (sd of the log 0.6), latency 9% |
//! | `amount` of an order | log-normal (3.4, 0.8), rounded to cents |
//! | `amount` of a latency | log-normal (4.8, 0.6), milliseconds, rounded to tenths |
//! | platform, country | android 45%, ios 30%, web 25%; ES 30%, FR 25%, DE 20%, IT 15%, BR 10% |
//! | session | begins uniformly within the day's first 20 hours; events follow within 4 hours, early ones more often |
//! | exposure | at the unit's first day within the experiment's dates, somewhat after the session began; logged again on a quarter of the later days |
//!
//! An effect multiplies, for the variant's units and from their exposure on, the chance that an event is a click or an
//! order, or the amounts.

#![forbid(unsafe_code)]

mod day;
mod draws;
mod error;
mod plant;
mod project;
mod spec;
mod truth;
mod unit;
mod write;

pub use error::GenerateError;
pub use plant::Plant;
pub use spec::{Arm, Effect, Planned, Quantity, Spec};
pub use truth::Truth;
pub use write::generate;
