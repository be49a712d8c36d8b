//! Loading a project folder: every file read, every name resolved, every problem found in one go.

mod adjust;
mod definitions;
mod design;
mod experiments;
mod files;
mod judged;
mod metrics;
mod population;
mod settings;
mod sources;
mod storage;
#[cfg(test)]
mod tests;
mod window;
mod winsorize;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chrono_tz::{TZ_VARIANTS, Tz};

use crate::yaml::{self, Problems};
use crate::{Located, Place, Project, nearest};
use definitions::{Definitions, Sections};
pub use population::{load_population, population_file, population_of};

/// Something that is written in a project and cannot stay.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Where it is written.
    pub place: Place,
    /// What is wrong, and what would be right.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&one_line(&format!("{}: {}", self.place, self.message)))
    }
}

/// The text with characters that do not print spelled out: names and values come from files, and a message is a
/// line.
pub(crate) fn one_line(text: &str) -> String {
    let spelled = |c: char| if is_odd(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(spelled).collect()
}

/// Whether a character breaks a line, or is none that YAML allows as it is.
pub(crate) fn is_odd(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Why a folder is not a project.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The folder is missing, or is no folder.
    #[error("`{}` cannot be read as a project: expected a folder that holds YAML files", .path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file cannot be read.
    #[error("`{}` cannot be read: expected a readable file of UTF-8 text", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The folder has no YAML file.
    #[error(
        "`{}` holds no YAML file: expected at least one `*.yaml` with some of the keys {}",
        .path.display(),
        Sections::KEYS.join(", ")
    )]
    NoFiles {
        /// The folder.
        path: PathBuf,
    },
    /// A file is not YAML.
    #[error("{file}:{line}:{column}: not valid YAML: {message}")]
    Yaml {
        /// The file, relative to the project folder.
        file: Arc<str>,
        /// The line, counted from 1.
        line: usize,
        /// The column, counted from 1.
        column: usize,
        /// What the parser says.
        message: String,
    },
    /// The files say things that cannot stay: all that were found, by file and line.
    #[error("{}", .0.iter().map(Problem::to_string).collect::<Vec<_>>().join("\n"))]
    Invalid(Vec<Problem>),
    /// The project defines no experiment, where one is needed.
    #[error(
        "project `{name}` defines no experiment: add a file `experiments/<name>.yaml` with the key `experiment`"
    )]
    NoExperiments {
        /// The project's name.
        name: String,
    },
}

/// Reads the project in `folder`: every `*.yaml` and `*.yml` file in it and below it, except names that start
/// with `.` or `_` and the folder `tables`. Linked folders are not followed.
///
/// # Errors
///
/// [`LoadError`], and in [`LoadError::Invalid`] not only the first problem but all that can be found.
pub fn load(folder: &Path) -> Result<Project, LoadError> {
    ProjectFiles::read(folder)?.load()
}

/// A project's files, read and not yet understood: what another process needs to load the same project.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ProjectFiles {
    /// The folder, which relative paths start from.
    root: PathBuf,
    name: String,
    /// Names below the folder, and texts.
    files: Vec<(String, String)>,
}

impl ProjectFiles {
    /// Reads the files that [`load`] reads.
    ///
    /// # Errors
    /// The folder or a file cannot be read; there is none.
    pub fn read(folder: &Path) -> Result<ProjectFiles, LoadError> {
        let files = files::read(folder)?;
        // `canonicalize` so that `.` has a name, too.
        let name = folder
            .canonicalize()
            .ok()
            .and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
        Ok(ProjectFiles {
            root: folder.to_owned(),
            name: name.unwrap_or_else(|| "project".to_owned()),
            files: files.into_iter().map(|(name, text)| (name.to_string(), text)).collect(),
        })
    }

    /// The same files, with their texts as `change` (of name and text) has them.
    #[must_use]
    pub fn changed(mut self, mut change: impl FnMut(&str, &str) -> String) -> ProjectFiles {
        self.files.iter_mut().for_each(|(name, text)| *text = change(name, text));
        self
    }

    /// The same for a process that has another current folder.
    ///
    /// # Errors
    /// There is no current folder.
    pub fn absolute(mut self) -> io::Result<ProjectFiles> {
        self.root = std::path::absolute(&self.root)?;
        Ok(self)
    }

    /// The project that they make.
    ///
    /// # Errors
    /// As [`load`], but for reading.
    pub fn load(&self) -> Result<Project, LoadError> {
        let files: Vec<(Arc<str>, String)> =
            self.files.iter().map(|(name, text)| (name.as_str().into(), text.clone())).collect();
        resolve(&self.root, &self.name, &files)
    }
}

/// The project that `files` (name and text) make in `root`.
pub(crate) fn resolve(
    root: &Path,
    name: &str,
    files: &[(Arc<str>, String)],
) -> Result<Project, LoadError> {
    let mut documents = Vec::new();
    for (file, text) in files {
        let nodes = yaml::parse(text).map_err(|e| LoadError::Yaml {
            file: Arc::clone(file),
            line: e.line,
            column: e.column,
            message: one_line(&e.message),
        })?;
        documents.extend(nodes.into_iter().map(|node| (Arc::clone(file), node)));
    }
    let problems = Problems::default();
    let first = files.first().map(|(file, _)| Arc::clone(file));
    let top =
        Place { file: first.unwrap_or_else(|| "".into()), line: 1, key: "project".to_owned() };
    let project = assemble(root, name, top, &Sections::gather(&documents, &problems));
    let problems = problems.into_sorted();
    if problems.is_empty() { Ok(project) } else { Err(LoadError::Invalid(problems)) }
}

fn assemble(root: &Path, name: &str, top: Place, sections: &Sections<'_>) -> Project {
    let mut project = Project {
        root: root.to_owned(),
        name: name.to_owned(),
        time_zone: Tz::UTC,
        tables: Located { value: files::join(root, "tables"), place: top },
        buckets: Project::BUCKETS,
        storage: storage::storage(sections.storage.as_ref()),
        sources: Default::default(),
        exposures: Default::default(),
        metrics: Default::default(),
        experiments: Vec::new(),
        later: Vec::new(),
    };
    settings(sections, root, &mut project);

    let sources = Definitions::read("source", &sections.sources, |name, item| {
        sources::source(name, item, root)
    });
    let exposures = Definitions::read("exposures", &sections.exposures, |name, item| {
        sources::exposures(name, item, &sources)
    });
    let metrics = Definitions::read("metric", &sections.metrics, |name, item| {
        metrics::metric(name, item, &sources, &mut project.later)
    });
    let defined =
        experiments::Defined { sources: &sources, exposures: &exposures, metrics: &metrics };
    for item in &sections.experiments {
        let Some(experiment) = experiments::experiment(item, &defined, &mut project.later) else {
            continue;
        };
        if let Some(first) = project.experiments.iter().find(|first| first.name == experiment.name)
        {
            definitions::refuse_second(item, &experiment.name, &first.name.place);
        }
        project.experiments.push(experiment);
    }
    project.experiments.sort_by(|a, b| a.name.value.cmp(&b.name.value));
    project.later.sort();
    project.sources = sources.into_whole();
    project.exposures = exposures.into_whole();
    project.metrics = metrics.into_whole();
    project
}

/// The section `project`.
fn settings(sections: &Sections<'_>, root: &Path, project: &mut Project) {
    let Some(mut map) = sections.project.as_ref().and_then(|item| item.map()) else { return };
    if let Some(name) = map.text("name") {
        project.name = name.value;
    }
    if let Some(item) = map.get("time_zone")
        && let Some(name) = item.text()
    {
        match name.value.parse::<Tz>() {
            Ok(zone) => project.time_zone = zone,
            Err(_) => {
                let near = nearest(&name.value, TZ_VARIANTS.iter().map(|zone| zone.name()));
                let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                let name = &name.value;
                item.refuse(format!(
                    "`{name}` is not an IANA time zone such as `Asia/Kolkata`{near}"
                ));
            }
        }
    }
    if let Some(tables) = map.text("tables") {
        project.tables = Located { value: files::join(root, &tables.value), place: tables.place };
    }
    if let Some(item) = map.get("buckets") {
        let most = f64::from(Project::MOST_BUCKETS);
        let fits = |n: f64| n.fract() == 0.0 && (1.0..=most).contains(&n);
        if let Some(buckets) = item.number(&format!("a whole number from 1 to {most}"), fits) {
            project.buckets = buckets as u32;
        }
    }
    map.finish();
}
