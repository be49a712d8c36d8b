//! What people see of experiments in every state.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

mod browser;
mod gallery;
mod json;
mod outlook;
mod site;
mod terminal;
