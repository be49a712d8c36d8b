//! What the units of one variant do on one metric, day by day.

use verdict_accum::{AccumError, Moments1};
use verdict_model::{Behaviour, Distribution, Draw, Values};

use crate::draws::Draws;
use crate::logged::{LoggedGroup, LoggedMeans};
use crate::quantile::Quantile;
use crate::sums::NormalSums;
use crate::units::{Acting, AtEntry};

/// The statistics of a group at an as-of date: the columns of `group_stats` of the same names.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Statistics {
    pub(crate) n: u64,
    pub(crate) sum_x: Option<f64>,
    pub(crate) mean_x: Option<f64>,
    pub(crate) m2_x: Option<f64>,
    pub(crate) sum_y: Option<f64>,
    pub(crate) mean_y: Option<f64>,
    pub(crate) m2_y: Option<f64>,
    pub(crate) co_xy: Option<f64>,
    pub(crate) n_before: u64,
    pub(crate) co_x_before: Option<f64>,
    pub(crate) co_y_before: Option<f64>,
    pub(crate) co_xy_before: Option<f64>,
}

impl Statistics {
    /// The same units with the same values the day after, for the columns that look back: values that are
    /// complete at entry do not change, so what two days share is what the first one has.
    pub(crate) fn looking_back_at(self, before: &Statistics) -> Statistics {
        Statistics {
            n_before: before.n,
            co_x_before: before.m2_x,
            co_y_before: before.m2_y,
            co_xy_before: before.co_xy,
            ..self
        }
    }

    pub(crate) fn of_one(moments: &Moments1) -> Statistics {
        let sum_x = moments.sum(0).filter(|_| moments.n() > 0);
        Statistics {
            n: u64::try_from(moments.n()).unwrap_or(0),
            sum_x,
            mean_x: moments.mean(0),
            m2_x: moments.m2(0),
            ..Statistics::default()
        }
    }
}

/// One variant's units on one metric.
#[derive(Clone, Debug)]
pub(crate) enum Group {
    Sums(NormalSums),
    Successes { p: f64, successes: u64, last: Statistics },
    Amounts { above: f64, mean_log: f64, sd_log: f64, moments: Moments1, last: Statistics },
    AtEntry(AtEntry),
    Acting(Acting),
    Logged(LoggedGroup),
}

impl Group {
    /// Before the first day. Where that is the same in distribution, sums are drawn instead of units: for what
    /// is complete at entry and alone in its metric.
    pub(crate) fn new(law: &Law) -> Group {
        match law {
            Law::NormalSums { mean, sd } => Group::Sums(NormalSums::new(*mean, *sd)),
            Law::Successes { p } => {
                Group::Successes { p: *p, successes: 0, last: Statistics::default() }
            }
            Law::Amounts { above, mean_log, sd_log } => Group::Amounts {
                above: *above,
                mean_log: *mean_log,
                sd_log: *sd_log,
                moments: Moments1::default(),
                last: Statistics::default(),
            },
            Law::AtEntry(_) => Group::AtEntry(AtEntry::default()),
            Law::Acting { .. } => Group::Acting(Acting::default()),
            Law::Logged(_) => Group::Logged(LoggedGroup::default()),
        }
    }

    /// A day on which `new` units enter, at the end of `shared`: what each unit has in common over its metrics.
    pub(crate) fn day(
        &mut self,
        law: &Law,
        new: u64,
        shared: &[f64],
        draws: &mut Draws,
    ) -> Result<Statistics, AccumError> {
        match (self, law) {
            (Group::Sums(sums), _) => Ok(sums.day(new, draws)),
            (Group::Successes { p, successes, last }, _) => {
                *successes += draws.binomial(new, *p);
                let (n, x) = (last.n + new, *successes as f64);
                let some = |value: f64| (n > 0).then_some(value);
                let now = Statistics {
                    n,
                    sum_x: some(x),
                    mean_x: some(x / n as f64),
                    m2_x: some(x * ((n - *successes) as f64 / n as f64)),
                    ..Statistics::default()
                };
                *last = now.looking_back_at(last);
                Ok(*last)
            }
            (Group::Amounts { above, mean_log, sd_log, moments, last }, _) => {
                let buyers = draws.binomial(new, *above);
                for _ in 0..buyers {
                    moments.push(1, &[(*mean_log + *sd_log * draws.normal()).exp()])?;
                }
                moments.push_int(i64::try_from(new - buyers).unwrap_or(i64::MAX), &[0]);
                *last = Statistics::of_one(moments).looking_back_at(last);
                Ok(*last)
            }
            (Group::AtEntry(units), Law::AtEntry(parts)) => units.day(parts, new, shared, draws),
            (Group::Acting(units), Law::Acting { parts, any }) => {
                units.day(parts, *any, new, shared, draws)
            }
            (Group::Logged(group), Law::Logged(means)) => Ok(means.day(group, new, draws)),
            // A group is made by its law.
            (Group::AtEntry(_) | Group::Acting(_) | Group::Logged(_), _) => {
                Ok(Statistics::default())
            }
        }
    }
}

/// What the units of a variant do on a metric, made ready for drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Law {
    /// Normal values, complete at entry: sums and squares are drawn a day at a time.
    NormalSums { mean: f64, sd: f64 },
    /// Successes, complete at entry: binomial counts.
    Successes { p: f64 },
    /// Log-normal amounts of some, complete at entry: only those are drawn.
    Amounts { above: f64, mean_log: f64, sd_log: f64 },
    /// One draw a unit.
    AtEntry(Vec<Part>),
    /// A draw a unit and day; `any`: whether there was a success, instead of their number.
    Acting { parts: Vec<Part>, any: bool },
    /// Means around those of a log.
    Logged(LoggedMeans),
}

/// One number of a unit, or one part of a ratio.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Part {
    pub(crate) quantile: Quantile,
    /// Weights in the score of what is shared over metrics, of the unit's own, and of the day.
    pub(crate) shared: f64,
    pub(crate) own: f64,
    pub(crate) daily: f64,
}

impl Part {
    fn of(draw: Draw) -> Part {
        let Draw { distribution, persistence, shared } = draw;
        Part {
            quantile: Quantile::of(distribution),
            shared: (persistence * shared).sqrt(),
            own: (persistence * (1.0 - shared)).sqrt(),
            daily: (1.0 - persistence).sqrt(),
        }
    }
}

impl Law {
    /// Of a behaviour; `any` for a proportion.
    pub(crate) fn of(behaviour: &Behaviour, any: bool) -> Law {
        let parts = match behaviour.values {
            Values::One(draw) => vec![draw],
            Values::Ratio { numerator, denominator } => vec![numerator, denominator],
        };
        if behaviour.cumulative {
            return Law::Acting { parts: parts.into_iter().map(Part::of).collect(), any };
        }
        match parts[..] {
            [Draw { distribution, shared: 0.0, .. }] => match distribution {
                Distribution::Gaussian { mean, sd } => Law::NormalSums { mean, sd },
                Distribution::Bernoulli { p } => Law::Successes { p },
                Distribution::ZeroInflatedLogNormal { zero, mean_log, sd_log } => {
                    Law::Amounts { above: 1.0 - zero, mean_log, sd_log }
                }
                _ => Law::AtEntry(parts.into_iter().map(Part::of).collect()),
            },
            _ => Law::AtEntry(parts.into_iter().map(Part::of).collect()),
        }
    }

    /// Whether a unit's score has a part that all its metrics share.
    pub(crate) fn shares(&self) -> bool {
        match self {
            Law::AtEntry(parts) | Law::Acting { parts, .. } => {
                parts.iter().any(|part| part.shared > 0.0)
            }
            _ => false,
        }
    }
}
