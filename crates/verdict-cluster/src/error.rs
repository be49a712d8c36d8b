//! What can go wrong between a coordinator and a worker.

/// The result of this crate's functions.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of a connection, or of what was typed to make one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// What was given for workers names none.
    #[error(
        "`{text}` names no workers: write HOST:PORT, several with commas between them, or dns://NAME:PORT"
    )]
    Address {
        /// What was written.
        text: String,
    },
    /// A listener that others can reach, and that anybody may give work.
    #[error(
        "a worker that listens on {address} can be reached from other machines: set VERDICT_CLUSTER_SECRET there and for the \
         coordinator, or listen on 127.0.0.1"
    )]
    Open {
        /// Where it would listen.
        address: std::net::SocketAddr,
    },
    /// A file of certificates or of a key.
    #[error("{path} does not serve as {wanted}: {why}")]
    Unusable {
        /// The file.
        path: String,
        /// What it should hold.
        wanted: String,
        /// What is wrong.
        why: String,
    },
    /// The other side does not want to work with this one.
    #[error("{0}")]
    Refused(String),
    /// A message that is not what it should be.
    #[error("a message that is not of this protocol: {0}")]
    Garbled(String),
    /// The other side said nothing for too long.
    #[error("it said nothing for {0:?}: it is frozen, overloaded or cut off")]
    Silent(std::time::Duration),
    /// A step took longer than it may.
    #[error("the step was not done within {0:?}")]
    Slow(std::time::Duration),
    /// The connection ended.
    #[error("the connection ended: {0}")]
    Connection(#[from] std::io::Error),
}
