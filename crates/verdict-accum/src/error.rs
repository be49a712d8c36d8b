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
    /// A parameter lies outside its range, or two accumulators differ in one; the text says which.
    Parameter(&'static str),
    /// A result lies beyond the largest number of its type.
    Overflow,
}

impl fmt::Display for AccumError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NonFinite => f.write_str("NaN or infinite value"),
            Self::Parameter(why) => f.write_str(why),
            Self::Overflow => f.write_str("a result lies beyond the largest number of its type"),
            Self::State(why) => write!(f, "not a readable accumulator state: {why}"),
        }
    }
}

impl std::error::Error for AccumError {}
