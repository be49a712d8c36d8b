//! Why a method has no answer.

/// Why a method has no answer: the input at fault and what to do about it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum MethodError {
    /// Not enough observations, clusters or values for the method to be defined.
    #[error("{what}: {got} given, at least {needed} needed; wait for more data")]
    TooFew {
        /// What is short.
        what: &'static str,
        /// The smallest number that would do.
        needed: u64,
        /// The number given.
        got: u64,
    },
    /// Nothing varies, so that no standard error exists.
    #[error(
        "{what} does not vary: the standard error is zero; check that the metric is not a constant"
    )]
    ZeroVariance {
        /// What does not vary.
        what: &'static str,
    },
    /// A NaN or an infinity.
    #[error(
        "{what} is {value}, which is not a finite number; check the values that the metric sums"
    )]
    NotFinite {
        /// The input.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// The arithmetic left the range of `f64`.
    #[error("{what} is beyond the range of a 64-bit float; rescale the metric")]
    Overflow {
        /// What could not be represented.
        what: &'static str,
    },
    /// A negative number where only zero or more makes sense, such as a variance.
    #[error("{what} is {value}; it must not be negative")]
    Negative {
        /// The input.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// Zero or less where a positive number is needed, such as a weight or a prior's parameter.
    #[error("{what} is {value}; it must be positive")]
    NotPositive {
        /// The input.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A division by a mean, a count or a total of zero.
    #[error(
        "{what} is zero, so that the ratio is undefined; look at the absolute difference instead"
    )]
    ZeroDenominator {
        /// The denominator.
        what: &'static str,
    },
    /// A relative effect over a control mean that is not safely above zero.
    #[error(
        "the control mean {mean} is not safely positive: it must exceed {needed} standard errors of {std_error}; \
         look at the absolute difference instead"
    )]
    ControlNotPositive {
        /// The control mean.
        mean: f64,
        /// Its standard error.
        std_error: f64,
        /// The number of standard errors it must exceed.
        needed: f64,
    },
    /// More successes than trials.
    #[error("{what}: {count} successes among {total}; the count must not exceed the total")]
    CountExceedsTotal {
        /// The group.
        what: &'static str,
        /// The successes.
        count: u64,
        /// The trials.
        total: u64,
    },
    /// An alpha outside the open interval (0, 1).
    #[error("alpha is {alpha}; it must lie strictly between 0 and 1, as 0.05 does")]
    BadAlpha {
        /// The value given.
        alpha: f64,
    },
    /// A probability, rate or power outside the range in which the method is defined.
    #[error("{what} is {value}; it must lie between 0 and 1")]
    BadProbability {
        /// The input.
        what: &'static str,
        /// Its value.
        value: f64,
    },
    /// A table, list of weights or list of samples whose shape does not fit.
    #[error("{what}: {got} given, {expected} expected")]
    BadShape {
        /// The input.
        what: &'static str,
        /// What would fit.
        expected: String,
        /// What came.
        got: usize,
    },
    /// A row or column of a table without any count.
    #[error("a row or column of the table sums to zero; leave it out")]
    ZeroMarginal,
    /// No design reaches what was asked for.
    #[error("{what} cannot be reached: {why}")]
    Unreachable {
        /// The wanted quantity.
        what: &'static str,
        /// The limit in the way.
        why: &'static str,
    },
    /// The exact computation would take too long.
    #[error(
        "{what} of {size} is too large for the exact method (at most {limit}); use the asymptotic one"
    )]
    TooLarge {
        /// The input.
        what: &'static str,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
}

pub(crate) fn check_alpha(alpha: f64) -> Result<(), MethodError> {
    // Half of a smaller alpha would be zero, and its critical value infinite.
    if alpha > 1e-300 && alpha < 1.0 { Ok(()) } else { Err(MethodError::BadAlpha { alpha }) }
}

pub(crate) fn check_finite(what: &'static str, value: f64) -> Result<(), MethodError> {
    if value.is_finite() { Ok(()) } else { Err(MethodError::NotFinite { what, value }) }
}

pub(crate) fn check_not_negative(what: &'static str, value: f64) -> Result<(), MethodError> {
    check_finite(what, value)?;
    if value >= 0.0 { Ok(()) } else { Err(MethodError::Negative { what, value }) }
}

pub(crate) fn check_positive(what: &'static str, value: f64) -> Result<(), MethodError> {
    check_finite(what, value)?;
    if value > 0.0 { Ok(()) } else { Err(MethodError::NotPositive { what, value }) }
}

pub(crate) fn check_probability(what: &'static str, value: f64) -> Result<(), MethodError> {
    if (0.0..=1.0).contains(&value) {
        Ok(())
    } else {
        Err(MethodError::BadProbability { what, value })
    }
}

pub(crate) fn check_all_finite(what: &'static str, values: &[f64]) -> Result<(), MethodError> {
    values.iter().try_for_each(|value| check_finite(what, *value))
}

pub(crate) fn check_at_least(what: &'static str, got: u64, needed: u64) -> Result<(), MethodError> {
    if got >= needed { Ok(()) } else { Err(MethodError::TooFew { what, needed, got }) }
}
