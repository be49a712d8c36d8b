//! What makes a metric's estimate less noisy than the plain comparison of its totals.

/// CUPED: the metric is adjusted by what the same component was before the exposure.
///
/// The covariate of a unit is the component over the `lookback_days` whole days before the day of its first exposure; that
/// day itself is not among them, so that nothing of the covariate can follow from the exposure. A unit without rows on
/// those days has what such a unit has in the metric itself: 0 of what is summed or counted. That is its true history,
/// and no value is made up for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cuped {
    /// How many days, at least 1.
    pub lookback_days: u32,
}
