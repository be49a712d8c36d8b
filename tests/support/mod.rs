//! Building projects and logs, running the command.

pub(crate) mod proxy;
pub(crate) mod servers;
pub(crate) mod wide;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use datafusion::parquet::arrow::ArrowWriter;
use tempfile::TempDir;

/// What a run of the command gave.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs the command in `folder`.
pub(crate) fn verdict(folder: &Path, args: &[&str]) -> Ran {
    verdict_with(folder, &[], args)
}

/// The command in `folder`, with these variables of a store in its environment and no others.
pub(crate) fn command(folder: &Path, variables: &[(&str, String)], args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_verdict"));
    command.args(args).current_dir(folder).env("NO_COLOR", "1");
    let of_a_store = |name: &str| ["AWS_", "AZURE_", "GOOGLE_"].iter().any(|p| name.starts_with(p));
    for (name, _) in std::env::vars().filter(|(name, _)| of_a_store(name)) {
        command.env_remove(name);
    }
    command.envs(variables.iter().map(|(name, value)| (name, value)));
    command
}

/// Runs the command in `folder`, with these variables of a store.
pub(crate) fn verdict_with(folder: &Path, variables: &[(&str, String)], args: &[&str]) -> Ran {
    let Output { status, stdout, stderr } =
        command(folder, variables, args).output().expect("the command starts");
    Ran {
        code: status.code().expect("the command ends by itself"),
        stdout: String::from_utf8(stdout).expect("standard output is text"),
        stderr: String::from_utf8(stderr).expect("standard error is text"),
    }
}

impl Ran {
    /// Asserts the exit code; says what was printed when it differs.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Ran {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}:\n{}", self.stdout))
    }
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .expect("the workspace is there")
}

/// A project in a folder of its own, that goes with it.
#[derive(Debug)]
pub(crate) struct Project {
    pub(crate) folder: TempDir,
}

impl Project {
    pub(crate) fn new() -> Project {
        Project { folder: tempfile::tempdir().expect("a temporary folder") }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a text file below the project.
    pub(crate) fn file(&self, path: &str, text: &str) -> &Project {
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        std::fs::write(path, text).expect("a file");
        self
    }

    /// Writes a Parquet file below the project.
    pub(crate) fn log(&self, path: &str, columns: &[(&str, ArrayRef)]) -> &Project {
        let batch =
            RecordBatch::try_from_iter(columns.iter().cloned()).expect("columns of one length");
        let path = self.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        let file = std::fs::File::create(path).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).expect("rows");
        writer.close().expect("a footer");
        self
    }

    /// Runs `verdict COMMAND --project . ARGS`.
    pub(crate) fn verdict(&self, args: &[&str]) -> Ran {
        verdict(self.path(), args)
    }

    /// The same, with variables of a store.
    pub(crate) fn verdict_with(&self, variables: &[(&str, String)], args: &[&str]) -> Ran {
        verdict_with(self.path(), variables, args)
    }

    /// The files below a folder of the project, by their paths below it, sorted.
    pub(crate) fn files(&self, folder: &str) -> Vec<(String, Vec<u8>)> {
        let root = self.path().join(folder);
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                match path.strip_prefix(&root) {
                    _ if path.is_dir() => folders.push(path),
                    Ok(below) => {
                        let bytes = std::fs::read(&path).expect("a file");
                        found.push((below.display().to_string(), bytes));
                    }
                    Err(_) => unreachable!("it lies below"),
                }
            }
        }
        found.sort();
        found
    }

    /// The partitions that are there: paths below `tables`, sorted, but for the log of runs.
    pub(crate) fn partitions(&self) -> Vec<String> {
        let root = self.path().join("tables");
        let mut found = Vec::new();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else { continue };
            for entry in entries {
                let path = entry.expect("an entry").path();
                if path.is_dir() {
                    folders.push(path);
                } else {
                    let below =
                        path.strip_prefix(&root).expect("below tables").display().to_string();
                    if !below.starts_with("runs/") {
                        found.push(below);
                    }
                }
            }
        }
        found.sort();
        found
    }
}

pub(crate) fn text<const N: usize>(values: [&str; N]) -> ArrayRef {
    Arc::new(StringArray::from(values.to_vec()))
}

pub(crate) fn integers(values: &[i64]) -> ArrayRef {
    Arc::new(Int64Array::from(values.to_vec()))
}

pub(crate) fn doubles(values: &[f64]) -> ArrayRef {
    Arc::new(Float64Array::from(values.to_vec()))
}

pub(crate) fn booleans(values: &[bool]) -> ArrayRef {
    Arc::new(BooleanArray::from(values.to_vec()))
}

/// Timestamps in UTC: hours after midnight of a day in January 2024.
pub(crate) fn hours(day: i64, hours: &[f64]) -> ArrayRef {
    const JANUARY_1_2024_US: i64 = 1_704_067_200_000_000;
    let us =
        hours.iter().map(|h| JANUARY_1_2024_US + (day - 1) * 86_400_000_000 + (h * 3.6e9) as i64);
    Arc::new(TimestampMicrosecondArray::from(us.collect::<Vec<_>>()).with_timezone("UTC"))
}
