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

/// Winsorisation: totals beyond the caps of a metric are replaced by them, and count as much as them.
///
/// Caps are of the units' totals as of each date, and the same for every arm and segment. Those of both parts of a ratio are
/// over the same units.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Winsorize {
    /// The caps of the metric, or of a ratio's numerator.
    pub x: Caps,
    /// The caps of a ratio's denominator.
    pub y: Caps,
    /// Whether the metric is a ratio.
    pub ratio: bool,
}

/// The caps of one component; without one a side is open.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Caps {
    /// Smaller totals are replaced by this.
    pub lower: Option<Cap>,
    /// Larger totals are replaced by this.
    pub upper: Option<Cap>,
}

/// Where a cap lies.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cap {
    /// In the component's unit.
    Fixed(f64),
    /// At a percentile, from 0 to 100, of the totals of all units that count, arms together (type 7, exact): it moves from
    /// date to date.
    Percentile(f64),
}

impl Caps {
    /// Whether there is any.
    #[must_use]
    pub fn any(self) -> bool {
        self.lower.is_some() || self.upper.is_some()
    }

    /// Whether any of them moves from date to date.
    #[must_use]
    pub fn moving(self) -> bool {
        let moves = |cap| matches!(cap, Some(Cap::Percentile(_)));
        moves(self.lower) || moves(self.upper)
    }

    /// Both as a word: `0 to p99.5`, with nothing for an open side.
    #[must_use]
    pub fn word(self) -> String {
        let word = |cap| match cap {
            None => String::new(),
            Some(Cap::Fixed(at)) => format!("{at}"),
            Some(Cap::Percentile(at)) => format!("p{at}"),
        };
        format!("{} to {}", word(self.lower), word(self.upper))
    }
}

/// Interval and p-value by the Poisson bootstrap of a metric's units instead of the normal law.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// How the interval is read from the replicates.
    pub interval: BootstrapInterval,
    /// How many replicates.
    pub replicates: u32,
    /// What the draws are a function of, beside experiment, metric, variant, segment and totals.
    pub seed: u32,
}

impl Bootstrap {
    /// The fewest replicates: below them even a level of 5% is a matter of luck.
    pub const FEWEST: u32 = 1_000;
    /// The most replicates.
    pub const MOST: u32 = 200_000;
}

impl Default for Bootstrap {
    /// What holds where a file says nothing.
    fn default() -> Self {
        Self { interval: BootstrapInterval::Bca, replicates: 10_000, seed: 0 }
    }
}

/// How an interval is read from the replicates of a bootstrap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BootstrapInterval {
    /// Bias-corrected and accelerated (Efron 1987).
    Bca,
    /// Their quantiles.
    Percentile,
}

impl BootstrapInterval {
    /// Both, with the word that a file names each by.
    pub const WORDS: [(&'static str, BootstrapInterval); 2] =
        [("bca", BootstrapInterval::Bca), ("percentile", BootstrapInterval::Percentile)];

    /// The word that a file names it by.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            BootstrapInterval::Bca => "bca",
            BootstrapInterval::Percentile => "percentile",
        }
    }
}
