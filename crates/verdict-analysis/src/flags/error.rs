//! What can be wrong with flags.

/// Why flags make no request.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlagError {
    /// There is no such method.
    #[error("there is no method `{method}`{}; the methods are {known}", meant("", nearest))]
    UnknownMethod {
        /// What was asked for.
        method: String,
        /// The method with the nearest name.
        nearest: Option<String>,
        /// All methods.
        known: String,
    },
    /// A word stands where a flag is due.
    #[error("`{word}` stands where a flag is due; write --flag value")]
    NotAFlag {
        /// The word.
        word: String,
    },
    /// A flag is the last word.
    #[error("--{flag} needs a value")]
    NoValue {
        /// The flag.
        flag: String,
    },
    /// The command does not have this flag.
    #[error("`{command}` has no flag --{flag}{}; its flags are {known}", meant("--", nearest))]
    Unknown {
        /// The command or method.
        command: String,
        /// The flag that was given.
        flag: String,
        /// The flag with the nearest name.
        nearest: Option<String>,
        /// All flags.
        known: String,
    },
    /// A flag that is given once came again.
    #[error("--{flag} is given twice")]
    Repeated {
        /// The flag.
        flag: String,
    },
    /// A flag has to be there and is not.
    #[error("{flags} is missing")]
    Missing {
        /// The flag, or the flags of which one is needed.
        flags: String,
    },
    /// Two flags say different things.
    #[error("--{flag} and --{other} do not go together; give one of them")]
    Contradiction {
        /// One flag.
        flag: String,
        /// The other.
        other: String,
    },
    /// A value is not what the flag takes.
    #[error("--{flag} {value}: {expected} expected")]
    Malformed {
        /// The flag.
        flag: String,
        /// The value, or the part of it that is at fault.
        value: String,
        /// What it should be.
        expected: String,
    },
    /// The file behind `@path` cannot be read.
    #[error("--{flag} @{path}: {why}")]
    File {
        /// The flag.
        flag: String,
        /// The path after the `@`.
        path: String,
        /// Why.
        why: String,
    },
}

fn meant(dashes: &str, nearest: &Option<String>) -> String {
    nearest.as_ref().map_or_else(String::new, |name| format!(" (did you mean `{dashes}{name}`?)"))
}
