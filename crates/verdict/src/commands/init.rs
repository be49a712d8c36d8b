//! `verdict init`: a starter project, with a comment for every decision that it takes.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::args;
use crate::exit::{Exit, Failure};
use crate::progress::line as note;

/// The files, below the project's folder.
const FILES: [(&str, &str); 4] = [
    ("project.yaml", include_str!("../../templates/project.yaml")),
    ("metrics.yaml", include_str!("../../templates/metrics.yaml")),
    ("experiments/my_experiment.yaml", include_str!("../../templates/experiment.yaml")),
    // The tables are made again from the logs, but for `registrations`: keep those, and not in a repository of code.
    (".gitignore", "/tables/\n"),
];

pub(crate) fn init(args: args::Init) -> Result<Exit, Failure> {
    let args::Init { folder } = args;
    if let Some(there) = FILES.iter().map(|(file, _)| folder.join(file)).find(|path| path.exists())
    {
        return Err(Failure::usage(InitError::Exists(there)));
    }
    for (file, text) in FILES {
        let path = folder.join(file);
        write(&path, text).map_err(|source| Failure::world(InitError::Write(path, source)))?;
    }
    let mut out = std::io::stdout().lock();
    for (file, _) in FILES {
        writeln!(out, "{}", folder.join(file).display())?;
    }
    note(&format!(
        "next: say in project.yaml where your logs are, then `verdict validate --project {}`\n\
         or try a generated log first: `verdict generate demo`",
        folder.display()
    ));
    Ok(Exit::Done)
}

fn write(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, text)
}

#[derive(Debug, thiserror::Error)]
enum InitError {
    #[error("{} is there already, and is left as it is: name another folder", .0.display())]
    Exists(PathBuf),
    #[error("{} could not be written", .0.display())]
    Write(PathBuf, #[source] std::io::Error),
}
