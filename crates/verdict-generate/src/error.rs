//! What can go wrong.

use std::path::PathBuf;

/// Why a log could not be generated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The spec asks for something that cannot be.
    #[error("{0}")]
    Spec(String),
    /// There is something in the way.
    #[error("{path} is there already: name a folder that does not exist, or is empty")]
    Exists {
        /// What is in the way.
        path: PathBuf,
    },
    /// A file could not be written.
    #[error("{path} could not be written")]
    Write {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A Parquet file could not be written.
    #[error("{path} could not be written")]
    Parquet {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: datafusion::parquet::errors::ParquetError,
    },
}
