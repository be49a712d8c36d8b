//! Why an experiment cannot be simulated.

/// Why an experiment cannot be simulated, and what would mend it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SimError {
    /// An effect is not written as one.
    #[error(
        "`{text}` is no effect: {found}; write METRIC=+5%, METRIC=-0.2 (in the metric's unit), or VARIANT:METRIC=+5%"
    )]
    Effect {
        /// As it was written.
        text: String,
        /// What is wrong with it.
        found: &'static str,
    },
    /// A name that the experiment does not know.
    #[error("experiment `{experiment}` has no {what} `{name}`{hint}; it has {known}")]
    Unknown {
        /// The experiment.
        experiment: String,
        /// `metric` or `treatment variant`.
        what: &'static str,
        /// The name.
        name: String,
        /// The nearest of the right ones, as the end of a sentence.
        hint: String,
        /// The right ones.
        known: String,
    },
    /// A metric that nothing tells the distribution of.
    #[error(
        "nothing says how `{metric}`, a {kind} of experiment `{experiment}`, is distributed: add `metrics.{metric}` to \
         the population, such as {example}"
    )]
    NoDistribution {
        /// The experiment.
        experiment: String,
        /// The metric.
        metric: String,
        /// Its type.
        kind: String,
        /// What may be written.
        example: &'static str,
    },
    /// A distribution that does not fit the metric's type.
    #[error("`metrics.{metric}` of the population does not fit a {kind}: write {example}")]
    WrongKind {
        /// The metric.
        metric: String,
        /// Its type.
        kind: String,
        /// What may be written.
        example: &'static str,
    },
    /// An effect that the distribution cannot have.
    #[error("`{metric}` of variant `{variant}` cannot have that effect: {reason}")]
    Impossible {
        /// The metric.
        metric: String,
        /// The variant.
        variant: String,
        /// Why.
        reason: &'static str,
    },
    /// Nothing says how long the experiment takes.
    #[error(
        "experiment `{experiment}` has no planned end: write `statistical_settings.max_duration_days` or `end` in its \
         file, or say how many days to simulate"
    )]
    NoEnd {
        /// The experiment.
        experiment: String,
    },
    /// The calendar, or memory, does not hold it.
    #[error("{what} is too large: {got}, and at most {most} can be simulated")]
    TooLarge {
        /// What.
        what: &'static str,
        /// How large it is.
        got: u64,
        /// What is possible.
        most: u64,
    },
    /// Values that are no numbers, or an interval that cannot be computed.
    #[error("experiment number {number} cannot be simulated: {reason}")]
    Numbers {
        /// Its number, from 0.
        number: u64,
        /// Why.
        reason: String,
    },
}
