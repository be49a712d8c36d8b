//! A valid project, and what is said when one thing in it is changed.

mod bootstrap;
mod definitions;
mod experiments;
mod looks;
mod metrics;
mod robust;
mod storage;

use std::path::Path;

use super::{LoadError, resolve};
use crate::Project;

const PROJECT: &str = "\
project: {name: shop}
sources:
  events:
    path: logs/events
    timestamp: ts
    units: {user_id: user_id}
exposures:
  assignments:
    source: events
    experiment: experiment
    variant: variant
    segments: {country: country}
metrics:
  clicks: {type: proportion, filter: event = 'click'}
  revenue: {type: mean, value: amount}
  ctr: {type: ratio, numerator: {filter: event = 'click'}, denominator: {filter: event = 'view'}}
experiment:
  name: ranking
  design: {unit: user_id}
  metrics:
    primary: {name: clicks}
    guardrails: [{name: revenue}]
    secondary: [{name: ctr}]
";

/// Loads files of these names and texts.
fn load_files(files: &[(&str, &str)]) -> Result<Project, LoadError> {
    let files: Vec<_> =
        files.iter().map(|(name, text)| ((*name).into(), (*text).to_owned())).collect();
    resolve(Path::new("/shop"), "shop", &files)
}

/// The project with `from`, which it has once, replaced by `to`.
fn changed(from: &str, to: &str) -> String {
    assert_eq!(PROJECT.matches(from).count(), 1, "{from}");
    PROJECT.replace(from, to)
}

/// The project, loaded with `from` replaced by `to`.
fn good(from: &str, to: &str) -> Project {
    load_files(&[("p.yaml", &changed(from, to))]).unwrap_or_else(|e| panic!("{e}"))
}

/// Checks all that is said when `from` is replaced by `to`.
#[track_caller]
fn check(from: &str, to: &str, expect: &str) {
    check_files(&[("p.yaml", &changed(from, to))], expect);
}

#[track_caller]
fn check_files(files: &[(&str, &str)], expect: &str) {
    match load_files(files) {
        Ok(_) => panic!("no problem found; expected {expect}"),
        Err(e) => assert_eq!(e.to_string(), expect),
    }
}

#[test]
fn the_project_loads() {
    let project = good("shop", "shop");
    assert_eq!(project.name, "shop");
    assert_eq!(project.some_experiments().map(<[_]>::len).ok(), Some(1));
    assert!(project.experiment("ranking").is_some());
    assert!(project.experiment("other").is_none());
    assert!(project.later.is_empty());
}
