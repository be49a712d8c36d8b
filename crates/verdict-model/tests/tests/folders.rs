//! Which files of a folder make the project.

use std::fs;
use std::path::Path;

use tempfile::TempDir;
use verdict_model::{LoadError, load};

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("below the folder")).expect("created");
        fs::write(path, text).expect("written");
    }
    folder
}

/// Checks what is said about `path`, which is written as `…`.
#[track_caller]
fn check(path: &Path, expect: &str) {
    let said = load(path).expect_err("it does not load").to_string();
    assert_eq!(said.replace(&path.display().to_string(), "…"), expect);
}

const SOURCE: &str = "{path: p, timestamp: t, units: {u: u}}";

#[test]
fn every_yaml_file_is_read_sorted_by_path() {
    let b = format!("sources: {{b: {SOURCE}, a: {SOURCE}}}");
    let folder = folder(&[
        ("b.yaml", &b),
        ("a/deep/x.yml", &format!("sources: {{a: {SOURCE}}}")),
        ("c.txt", "?"),
    ]);
    check(
        folder.path(),
        "b.yaml:1: sources.a: `a` is defined at a/deep/x.yml:1 already; rename or remove one",
    );
}

#[test]
fn hidden_names_and_tables_are_skipped() {
    let folder = folder(&[
        ("a.yaml", &format!("sources: {{a: {SOURCE}}}")),
        (".hidden/a.yaml", "?: ]"),
        ("_drafts/a.yaml", "?: ]"),
        ("_a.yaml", "?: ]"),
        (".a.yml", "?: ]"),
        ("tables/a.yaml", "?: ]"),
    ]);
    let project = load(folder.path()).expect("it loads");
    assert_eq!(project.sources.len(), 1);
    let name = folder.path().file_name().expect("it has a name").to_string_lossy();
    assert_eq!((project.name.as_str(), project.root.as_path()), (&*name, folder.path()));
}

#[test]
fn a_folder_without_yaml_is_refused() {
    let folder = folder(&[("a.txt", "")]);
    check(
        folder.path(),
        "`…` holds no YAML file: expected at least one `*.yaml` with some of the keys project, storage, sources, exposures, \
         metrics, experiment",
    );
}

#[test]
fn a_missing_folder_is_refused() {
    let folder = folder(&[("a.yaml", "")]);
    for path in ["missing", "a.yaml"] {
        check(
            &folder.path().join(path),
            "`…` cannot be read as a project: expected a folder that holds YAML files",
        );
    }
}

#[test]
fn a_file_that_is_no_text_is_refused() {
    let folder = folder(&[]);
    let path = folder.path().join("a.yaml");
    fs::write(&path, [0xff, 0xfe, 0]).expect("written");
    let error = load(folder.path()).expect_err("it does not load");
    assert!(matches!(&error, LoadError::File { .. }));
    let said = error.to_string().replace(&path.display().to_string(), "…");
    assert_eq!(said, "`…` cannot be read: expected a readable file of UTF-8 text");
}

#[test]
fn a_file_that_is_no_yaml_is_refused() {
    let folder = folder(&[("a/b.yaml", "project:\n  name: [x\n")]);
    check(
        folder.path(),
        "a/b.yaml:3:1: not valid YAML: while parsing a flow sequence, expected ',' or ']'",
    );
}
