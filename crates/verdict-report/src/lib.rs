//! What people see of an experiment: a page, a terminal's text, Markdown for chat and pull requests, JSON and CSV for programs.
//!
//! Typed rows go in, texts come out: no engine, no store, no clock. What was not made is said, never filled in.
//!
//! - [`Judged`], [`Page`]: what is reported.
//! - [`Site`]: the static site, an index and a self-contained page for each experiment.
//! - [`text`]: for terminals. [`markdown`]: for chat and pull requests.
//! - [`json`], [`csv`]: for programs; [`json_format`] describes the keys.

#![forbid(unsafe_code)]

mod csv;
mod data;
mod finding;
mod format;
mod json;
mod markdown;
mod outlook;
mod plot;
mod site;
mod state;
mod text;

pub use csv::results as csv;
pub use data::{DayUnits, Judged, Page, RunLine, Spread};
pub use json::{SCHEMA_VERSION, json_of_pages, judged as json};
pub use markdown::markdown;
pub use site::{Entry, FileNames, Site, SiteFile};
pub use text::{Style, text};

#[doc = include_str!("../JSON.md")]
pub mod json_format {}
