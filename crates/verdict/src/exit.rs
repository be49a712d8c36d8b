//! How the command ends.

use std::error::Error;
use std::fmt;
use std::process::ExitCode;

use verdict_job::{Fault, without_secrets};

/// The exit codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// 0
    Done,
    /// 1
    Failed,
    /// 2
    Usage,
    /// 3: done, and a check or a guardrail asks for attention.
    Attention,
    /// 130: stopped by SIGINT.
    Interrupted,
    /// 143: stopped by SIGTERM.
    Terminated,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Attention => 3,
            Exit::Interrupted => 130,
            Exit::Terminated => 143,
        })
    }
}

/// Why the command failed, and with which exit code: printed once, with the chain of its causes.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    errors: Vec<Box<dyn Error + Send + Sync>>,
}

impl Failure {
    /// The world's fault: exit code 1.
    pub(crate) fn world(error: impl Error + Send + Sync + 'static) -> Failure {
        Failure { exit: Exit::Failed, errors: vec![Box::new(error)] }
    }

    /// The definitions' or the arguments' fault: exit code 2.
    pub(crate) fn usage(error: impl Error + Send + Sync + 'static) -> Failure {
        Failure { exit: Exit::Usage, errors: vec![Box::new(error)] }
    }

    /// Several errors of the job; a definition's fault outweighs the data's.
    pub(crate) fn of_job(errors: Vec<verdict_job::Error>) -> Failure {
        let definition = errors.iter().any(|error| error.fault() == Fault::Definition);
        Failure {
            exit: if definition { Exit::Usage } else { Exit::Failed },
            errors: errors
                .into_iter()
                .map(|error| Box::new(error) as Box<dyn Error + Send + Sync>)
                .collect(),
        }
    }

    pub(crate) fn exit(&self) -> Exit {
        self.exit
    }

    /// Whether standard output was closed by its reader, as `head` does when it has seen enough.
    pub(crate) fn reader_left(&self) -> bool {
        self.errors.iter().any(|error| {
            error
                .downcast_ref::<std::io::Error>()
                .is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe)
        })
    }

    /// The first error with its causes, on one line.
    pub(crate) fn summary(&self) -> String {
        self.errors.first().map_or(String::new(), |error| chain(error.as_ref()))
    }
}

impl From<verdict_job::Error> for Failure {
    fn from(error: verdict_job::Error) -> Failure {
        Failure::of_job(vec![error])
    }
}

impl From<verdict_model::LoadError> for Failure {
    fn from(error: verdict_model::LoadError) -> Failure {
        Failure::usage(error)
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::world(error)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told: Vec<String> = self.errors.iter().map(|error| chain(error.as_ref())).collect();
        // The problems of a project's files come as one error of several lines.
        let lines = told.iter().flat_map(|text| text.lines()).map(|line| format!("error: {line}"));
        f.write_str(&lines.collect::<Vec<_>>().join("\n"))
    }
}

/// An error and its causes; a cause that its effect already tells is not told again.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    // Of a store's error the message has what matters already.
    let store = matches!(error.downcast_ref(), Some(verdict_job::Error::Store { .. }));
    let mut cause = if store { None } else { error.source() };
    while let Some(error) = cause {
        let told = error.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        cause = error.source();
    }
    without_secrets(&text)
}
