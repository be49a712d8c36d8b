//! A share of experiments, with its bounds.

use verdict_analysis::methods::proportion::{OneProportionInterval, proportion_interval};
use verdict_analysis::methods::two_proportion::Proportion;

/// A share of experiments, and Wilson's 95% interval of what it estimates.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rate {
    /// Experiments that count.
    pub count: u64,
    /// Experiments in all; at least one.
    pub of: u64,
    /// The share, from 0 to 1.
    pub rate: f64,
    /// Lower end of the interval.
    pub lower: f64,
    /// Upper end of the interval.
    pub upper: f64,
}

/// 1 − confidence of every interval of a rate.
pub(crate) const RATE_ALPHA: f64 = 0.05;

impl Rate {
    /// `count` of `of` experiments; all that is known of none is that it lies between 0 and 1.
    #[must_use]
    pub fn new(count: u64, of: u64) -> Rate {
        let share = Proportion { successes: count, n: of };
        match proportion_interval(share, RATE_ALPHA, OneProportionInterval::Wilson) {
            Ok(interval) => {
                Rate { count, of, rate: share.rate(), lower: interval.lower, upper: interval.upper }
            }
            Err(_) => Rate { count, of, rate: f64::NAN, lower: 0.0, upper: 1.0 },
        }
    }
}
