//! What can go wrong, by what its reader can do about it.

use std::path::PathBuf;

use datafusion::error::DataFusionError;
use verdict_model::{NaiveDate, Place};

use crate::plain::root_message;
use crate::store_words::store_message;

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// Whose fault an error is: it decides the exit code of the command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The definitions are wrong: correct the project's files or the arguments.
    Definition,
    /// The data or the world are: correct the log, or try again.
    Data,
}

/// An error, with what names the culprit and what would mend it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A path or URL that no store can be made for.
    #[error("{place}: `{url}` is not a path or URL that Verdict can read: {reason}")]
    Location {
        /// Where it was written.
        place: Box<Place>,
        /// What was written.
        url: String,
        /// Why it cannot be read.
        reason: String,
    },
    /// A log whose folder does not exist.
    #[error(
        "{place}: `{path}` does not exist; correct the path of source `{name}`, or copy the log there"
    )]
    NoSuchFolder {
        /// Where the path was written.
        place: Box<Place>,
        /// The path.
        path: String,
        /// The source.
        name: String,
    },
    /// A needed day of a log that has no objects.
    #[error(
        "source `{source_name}` has no Parquet objects for ds={day} under {path} ({available}); wait for the log, choose \
         another date, or set `missing_days: allow` on the source when such a day means that nothing happened"
    )]
    NoObjects {
        /// The source.
        source_name: String,
        /// The day.
        day: NaiveDate,
        /// Where they would be.
        path: String,
        /// What there is instead.
        available: String,
    },
    /// A log without any object, of which not even the columns are known.
    #[error(
        "source `{source_name}` has no Parquet objects in any day under {path}, so its columns are not known: correct its \
         `path`, or wait for the log"
    )]
    EmptyLog {
        /// The source.
        source_name: String,
        /// Where its days would be.
        path: String,
    },
    /// A log of which no day is known, for an experiment without a start.
    #[error("{place}: {reason}")]
    NoStart {
        /// Where to write it.
        place: Box<Place>,
        /// What is missing, and the remedy.
        reason: String,
    },
    /// An object that is not a readable Parquet file.
    #[error(
        "{object}: not a readable Parquet file (truncated, or another format?): {reason}; replace or remove it"
    )]
    NotParquet {
        /// The object.
        object: String,
        /// The reader's complaint.
        reason: String,
    },
    /// An object that its store did not give.
    #[error("{object}: {reason}")]
    Unread {
        /// The object.
        object: String,
        /// What happened, and what would mend it.
        reason: String,
    },
    /// An object that was replaced, removed or added while a run read the log.
    #[error(
        "source `{source_name}` changed while it was read: {object} {what} after the run had listed {day}; nothing was \
         made of it: run again, and the day is read as it is now"
    )]
    Changed {
        /// The source.
        source_name: String,
        /// The day.
        day: NaiveDate,
        /// The object.
        object: String,
        /// What became of it.
        what: &'static str,
    },
    /// Two objects of one day whose columns do not agree.
    #[error(
        "{object}: column `{column}` {found}, but {other} has it as {expected}, and no type holds both without loss: rewrite \
         one of the objects, or give the column another name there and choose with COALESCE(CAST(… AS …), …)"
    )]
    SchemaMismatch {
        /// The object that differs.
        object: String,
        /// The column.
        column: String,
        /// What the object has.
        found: String,
        /// The object it differs from.
        other: String,
        /// What that one has.
        expected: String,
    },
    /// An expression that cannot be used.
    #[error("{place}: `{text}`: {reason}")]
    Expression {
        /// Where it was written.
        place: Box<Place>,
        /// The expression.
        text: String,
        /// What is wrong and what would mend it.
        reason: String,
    },
    /// Values that no number can be made of.
    #[error(
        "{place}: `{text}` is NaN or infinite in {rows} of the rows that count, in {object} (for example unit {unit}); \
         correct the log, or leave such rows out with a filter: `filter: \"abs({text}) < 1e300\"`"
    )]
    NotFinite {
        /// Where the expression was written.
        place: Box<Place>,
        /// The expression.
        text: String,
        /// How many rows.
        rows: u64,
        /// The object that has them.
        object: String,
        /// One unit that has them.
        unit: String,
    },
    /// An expression that fails on values of a log.
    #[error(
        "{place}: `{text}` fails on values of {object}: {reason}; correct the log, or write an expression that gives \
         NULL for such values (TRY_CAST, NULLIF, CASE WHEN): NULL is left out"
    )]
    Evaluation {
        /// Where the expression was written.
        place: Box<Place>,
        /// The expression.
        text: String,
        /// The object with the values.
        object: String,
        /// What failed.
        reason: String,
    },
    /// Values that are too large to be added up.
    #[error("{place}: `{text}`: {reason}")]
    TooLarge {
        /// Where the expression was written.
        place: Box<Place>,
        /// The expression.
        text: String,
        /// What does not fit in what, and what would mend it.
        reason: String,
    },
    /// A definition that does not fit another one, or the log.
    #[error("{place}: {reason}")]
    Definition {
        /// Where it was written.
        place: Box<Place>,
        /// What is wrong and what would mend it.
        reason: String,
    },
    /// An argument that names nothing.
    #[error("{0}")]
    Usage(String),
    /// A table's file that is not what Verdict writes.
    #[error("{object}: {reason}")]
    Table {
        /// The object.
        object: String,
        /// What is wrong and what would mend it.
        reason: String,
    },
    /// The engine failed at a stage.
    #[error("{stage}: {}", root_message(engine))]
    Engine {
        /// What was being made.
        stage: String,
        /// The engine's error; of its chain the message tells the root.
        engine: Box<DataFusionError>,
    },
    /// A store failed.
    #[error("{object}: {}", store_message(source))]
    Store {
        /// What was read or written.
        object: String,
        /// The store's error, of which the message tells what matters.
        source: object_store::Error,
    },
    /// The file system failed.
    #[error("{}", path.display())]
    Io {
        /// The path.
        path: PathBuf,
        /// Its error.
        #[source]
        source: std::io::Error,
    },
    /// Less memory than something takes at the least.
    #[error(
        "{what} takes {needed} of memory at the least, and --memory allows {allowed}: {remedy}"
    )]
    Memory {
        /// What does not fit.
        what: String,
        /// What it takes.
        needed: String,
        /// What there may be.
        allowed: String,
        /// The settings that help.
        remedy: String,
    },
    /// Something that cannot happen did.
    #[error("internal error: {0}; please report it")]
    Internal(String),
}

impl Error {
    /// A partition that cannot be read, though it has been written.
    pub(crate) fn damaged(object: String, reason: impl std::fmt::Display) -> Error {
        let reason = format!(
            "this partition is damaged: {reason}; remove it, and `verdict run` makes it again"
        );
        Error::Table { object, reason }
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        match self {
            Error::Location { .. }
            | Error::NoStart { .. }
            | Error::Expression { .. }
            | Error::Definition { .. }
            | Error::Usage(_)
            | Error::NoSuchFolder { .. } => Fault::Definition,
            Error::NoObjects { .. }
            | Error::EmptyLog { .. }
            | Error::NotParquet { .. }
            | Error::Unread { .. }
            | Error::Changed { .. }
            | Error::SchemaMismatch { .. }
            | Error::NotFinite { .. }
            | Error::Evaluation { .. }
            | Error::TooLarge { .. }
            | Error::Table { .. }
            | Error::Engine { .. }
            | Error::Store { .. }
            | Error::Io { .. }
            | Error::Memory { .. }
            | Error::Internal(_) => Fault::Data,
        }
    }
}

/// Names the stage at which the engine failed.
pub(crate) trait AtStage<T> {
    /// The same, with `stage` (evaluated on failure only) as context.
    fn at(self, stage: impl FnOnce() -> String) -> Result<T>;
}

impl<T> AtStage<T> for std::result::Result<T, DataFusionError> {
    fn at(self, stage: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|engine| Error::Engine { stage: stage(), engine: Box::new(engine) })
    }
}

impl<T> AtStage<T> for std::result::Result<T, datafusion::arrow::error::ArrowError> {
    fn at(self, stage: impl FnOnce() -> String) -> Result<T> {
        self.map_err(DataFusionError::from).at(stage)
    }
}

impl<T> AtStage<T> for std::result::Result<T, datafusion::parquet::errors::ParquetError> {
    fn at(self, stage: impl FnOnce() -> String) -> Result<T> {
        self.map_err(DataFusionError::from).at(stage)
    }
}
