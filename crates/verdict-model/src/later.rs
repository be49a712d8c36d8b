//! Keys that are valid, read, and not in effect yet: said, never silently ignored.

use crate::Place;

/// A key whose method Verdict does not have yet.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Later {
    /// The experiment that it was written for; `None` when it concerns the project.
    pub experiment: Option<String>,
    /// Where it was written.
    pub place: Place,
    /// What is therefore not done, and what is done instead, as a sentence.
    pub consequence: String,
}
