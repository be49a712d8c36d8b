//! What a scheduler and its owner meet: starters, generated logs, shares of a backfill, alerts, what is told on the way.

mod alerts;
mod buckets;
mod cluster;
mod generated;
mod progress;
mod queries;
mod schedule;
mod shares;
mod slices;
mod starter;

use std::path::Path;

use crate::support::{Ran, verdict};

/// A small generated project in `folder`, of six days from 2026-03-02.
fn generated(folder: &Path, more: &[&str]) -> Ran {
    let mut args = vec![
        "generate",
        "demo",
        "--from",
        "2026-03-02",
        "--days",
        "6",
        "--users",
        "2000",
        "--quiet",
    ];
    args.extend(more);
    verdict(folder, &args).exits(0)
}
