//! Steps of a run, sent to workers on other machines.
//!
//! What can be done apart from the rest, in any order, twice or not at all (a day's tables, an experiment's totals) is a
//! *step*: a value that a worker makes sense of. [`serve`] is the worker, [`Workers::spread`] the coordinator. Nothing that a step
//! makes goes over the wire: workers write to the store that everybody reads, and a step that a lost worker left is done
//! again by another, or told to be [`Left`].
//!
//! This crate knows no engine, no store and no project: sockets, and who answers.

#![forbid(unsafe_code)]

mod coordinator;
mod error;
mod mac;
mod stream;
mod tls;
mod wire;
mod worker;

pub use coordinator::{Credentials, Event, Left, Policy, Spread, Workers};
pub use error::{Error, Result};
pub use tls::{ClientTls, ServerTls};
pub use wire::Identity;
pub use worker::{Handler, Served, serve};
