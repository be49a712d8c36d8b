use std::fmt;

/// Why an accumulator refused an input or a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AccumError {
    /// A value, or a real weight, was NaN or infinite. The accumulator is unchanged.
    NonFinite,
    /// The bytes are not a state of this accumulator in a version that this crate reads;
    /// the text says what was wrong with them.
    State(&'static str),
}

impl fmt::Display for AccumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite => f.write_str("NaN or infinite value"),
            Self::State(why) => write!(f, "not a readable accumulator state: {why}"),
        }
    }
}

impl std::error::Error for AccumError {}
