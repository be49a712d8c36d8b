//! One effect watched over the looks of an experiment.
//!
//! [`Monitor`] takes the looks in order: an estimate, its variance, its correlations with the estimates before,
//! and how much of the plan has passed. It answers with the bound that holds at this look, the interval, and
//! whether the effect has crossed. It holds nothing but the looks it was given: the same looks give the same
//! answers.
//!
//! # Which information
//! - *Time of the correlation.* With `correlations` given, they are used as they are (group-sequential:
//!   [`super::correlated`]; mixtures: [`super::clock`]). Without, increments are taken to be independent and the
//!   information is 1/variance: right for units whose value is complete when they enter, not for totals that keep
//!   growing.
//! - *Time of the spending.* `fraction` says how much of alpha may be spent: [`information_fraction`], or days
//!   over planned days. Any choice keeps the level as long as it does not look at the effect; where the variance
//!   of a growing total rises, only the calendar is a sensible one. Fractions that repeat or shrink spend
//!   nothing; above 1 they count as 1; the `last` look spends whatever is left, also when it comes early. After
//!   that no look is a test.
//!
//! # Which interval
//! Each interval covers the effect *at that look*; with probability 1 - alpha all of them do, whether the effect
//! stays or grows with the total. `intersection` is theirs, and meaningful for an effect that stays.
//!
//! # How large a sample
//! All of it is normal theory for means. That variances are estimated is taken into account by degrees of
//! freedom: a t statistic is replaced by the normal value with the same p-value, and bounds go back the same way
//! (the significance level approach of Jennison & Turnbull 2000, section 3.8; approximate, since the looks are
//! joint t only marginally). That means are normal is not: a rate needs some ten successes in each variant at the
//! first look, a skewed amount more; that burn-in is the caller's.

use super::boundary::{MOST_LOOKS, Sides};
use super::clock::Clock;
use super::confidence_sequence::rho_squared;
use super::correlated::POINTS;
use super::frontier::Frontier;
use super::mixture::Mixture;
use super::repeated::smallest_level;
use super::spending::Spending;
use super::stagewise::{Stagewise, stagewise};
use crate::methods::error::{check_alpha, check_finite, check_not_negative, check_positive};
use crate::methods::special::{norm_isf, norm_ln_sf, norm_sf, t_isf, t_sf};
use crate::methods::{Interval, MethodError};

/// How an experiment may be watched.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Method {
    /// Not at all: one test at the last look.
    FixedHorizon,
    /// At any time: the mixture with this standard deviation of effects, in the metric's unit at the first look.
    Msprt {
        /// About the effect that is looked for.
        tau: f64,
    },
    /// At any time: the asymptotic confidence sequence that is tightest at this many units, both variants together.
    ConfidenceSequence {
        /// The number of units; with correlations they are counted by [`super::clock`] from those of the first look.
        tuning: f64,
    },
    /// At looks on a plan: error spending.
    GroupSequential(Spending),
}

/// What is fixed before the first look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Plan {
    /// The method.
    pub method: Method,
    /// The level over all looks together.
    pub alpha: f64,
    /// Both directions, or upwards only (negate the estimates to watch downwards).
    pub sides: Sides,
}

/// What one look saw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Observation<'a> {
    /// The effect: treatment minus control.
    pub estimate: f64,
    /// Its variance.
    pub variance: f64,
    /// The degrees of freedom of the variance (Welch's); infinite when it counts as known.
    pub df: f64,
    /// The units of both variants; only confidence sequences ask for it.
    pub units: f64,
    /// The correlations with the estimates of all looks before, in order; `None`: increments are independent.
    pub correlations: Option<&'a [f64]>,
    /// The share of the plan that has passed; only group-sequential methods ask for it.
    pub fraction: f64,
    /// Whether the plan ends here.
    pub last: bool,
}

/// A direction of crossing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The treatment is larger.
    Up,
    /// The treatment is smaller.
    Down,
}

/// Where things stand at a look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// The estimate in standard errors; with few degrees of freedom, the normal value that is as improbable as this t.
    pub z: f64,
    /// The bound for z at this look; infinite where the look is no test.
    pub bound: f64,
    /// Whether, and where, z is at or beyond the bound at this look.
    pub crossed: Option<Direction>,
    /// The interval for the effect at this look, bounded on the sides that are tested.
    pub interval: Interval,
    /// The intersection of the intervals so far; empty (lower above upper) when looks contradict each other.
    pub intersection: Interval,
    /// The information of the look: 1/variance, or the time that the correlations show.
    pub information: f64,
    /// What has been spent of alpha so far, of both sides together; `None` for methods without a plan to spend it by.
    pub alpha_spent: Option<f64>,
}

/// How near to its logarithm a group-sequential p-value is found.
const P_DISTANCE: f64 = 1e-10;

/// A p-value and its natural logarithm.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PValue {
    /// The p-value.
    pub p: f64,
    /// Its logarithm.
    pub ln_p: f64,
}

/// A sequence of looks at one effect.
///
/// # Example
/// Five looks of an O'Brien-Fleming plan; the units' values are complete when they enter.
/// ```
/// use verdict_analysis::methods::sequential::boundary::Sides;
/// use verdict_analysis::methods::sequential::monitor::{Direction, Method, Monitor, Observation, Plan};
/// use verdict_analysis::methods::sequential::spending::Spending;
///
/// let method = Method::GroupSequential(Spending::ObrienFleming);
/// let mut monitor = Monitor::new(Plan { method, alpha: 0.05, sides: Sides::Two })?;
/// let mut crossed = None;
/// for (k, z) in [1.1, 2.0, 2.4, 2.5].into_iter().enumerate() {
///     let variance = 1.0 / (100.0 * (k + 1) as f64);
///     let look = Observation {
///         estimate: z * variance.sqrt(),
///         variance,
///         df: f64::INFINITY,
///         units: 1_000.0,
///         correlations: None,
///         fraction: (k + 1) as f64 / 5.0,
///         last: k == 4,
///     };
///     crossed = monitor.observe(look)?.crossed;
/// }
/// assert_eq!(crossed, Some(Direction::Up));
/// assert_eq!(format!("{:.3}", monitor.p_value()?.expect("a test").p), "0.031");
/// let after = monitor.after_stopping()?.expect("it has ended");
/// assert_eq!(format!("{:.4}", after.p_value), "0.0159");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    plan: Plan,
    points: usize,
    looks: Vec<Seen>,
    standings: Vec<Standing>,
    clock: Clock,
    frontier: Option<Frontier>,
    /// The largest ln L so far.
    ln_ratio: f64,
}

/// What is kept of an observation.
#[derive(Clone, Debug)]
struct Seen {
    variance: f64,
    units: f64,
    correlations: Option<Vec<f64>>,
    fraction: f64,
    last: bool,
}

impl Seen {
    fn go_on(
        &self,
        frontier: &mut Frontier,
        spending: Spending,
        side_alpha: f64,
    ) -> Result<f64, MethodError> {
        let fraction = if self.last { 1.0 } else { self.fraction };
        let allowed = spending.spent(frontier.pass(fraction), side_alpha)?;
        frontier.look(1.0 / self.variance, self.correlations.as_deref(), allowed)
    }
}

impl Monitor {
    /// Before the first look.
    ///
    /// # Errors
    /// [`MethodError::BadAlpha`] (one-sided mixtures need alpha below one half); [`MethodError::NotPositive`] for
    /// tau or tuning; those of [`Spending::spent`].
    pub fn new(plan: Plan) -> Result<Self, MethodError> {
        check_alpha(plan.alpha)?;
        match plan.method {
            Method::FixedHorizon => {}
            Method::Msprt { tau } => check_positive("tau", tau)?,
            Method::ConfidenceSequence { tuning } => {
                check_positive("the number of units to be tight at", tuning)?;
            }
            Method::GroupSequential(spending) => {
                spending.spent(0.5, plan.sides.tail_alpha(plan.alpha))?;
            }
        }
        Ok(Self {
            plan,
            points: POINTS,
            looks: Vec::new(),
            standings: Vec::new(),
            clock: Clock::default(),
            frontier: None,
            ln_ratio: f64::NEG_INFINITY,
        })
    }

    /// The same with another number of lattice points for correlated looks than [`POINTS`].
    #[must_use]
    pub fn with_points(self, points: usize) -> Self {
        Self { points, ..self }
    }

    /// The standings so far, look by look.
    #[must_use]
    pub fn standings(&self) -> &[Standing] {
        &self.standings
    }

    /// The first look (from zero) at which the effect crossed, and where.
    #[must_use]
    pub fn first_crossing(&self) -> Option<(usize, Direction)> {
        self.standings.iter().enumerate().find_map(|(k, s)| s.crossed.map(|d| (k, d)))
    }

    /// Takes the next look.
    ///
    /// # Errors
    /// [`MethodError::NotPositive`] for the variance (and for the units of a confidence sequence),
    /// [`MethodError::NotFinite`], [`MethodError::Negative`] for the fraction, [`MethodError::BadShape`] when
    /// correlations are given at some looks only or not one for each look before, [`MethodError::TooLarge`] for
    /// more than 60 looks of a group-sequential plan, [`MethodError::Overflow`]. After an error the monitor is as
    /// it was before.
    pub fn observe(&mut self, look: Observation<'_>) -> Result<Standing, MethodError> {
        check_finite("the effect", look.estimate)?;
        check_positive("the variance of the effect", look.variance)?;
        check_not_negative("the share of the plan", look.fraction)?;
        let correlated = look.correlations.is_some();
        if self.looks.first().is_some_and(|first| first.correlations.is_some() != correlated) {
            return Err(MethodError::BadShape {
                what: "correlations with the looks before",
                expected: "at every look or at none".to_owned(),
                got: look.correlations.map_or(0, <[f64]>::len),
            });
        }
        let seen = Seen {
            variance: look.variance,
            units: look.units,
            correlations: look.correlations.map(<[f64]>::to_vec),
            fraction: look.fraction,
            last: look.last,
        };
        let std_error = look.variance.sqrt();
        if look.df.is_nan() || look.df <= 0.0 {
            return Err(MethodError::NotPositive {
                what: "the degrees of freedom",
                value: look.df,
            });
        }
        let z = normal_equivalent(look.estimate / std_error, look.df);
        let (sides, alpha) = (self.plan.sides, self.plan.alpha);
        let mut clock = self.clock.clone();
        let information = match &seen.correlations {
            Some(correlations) => clock.read(look.variance, correlations)?,
            None => 1.0 / look.variance,
        };
        let mut frontier = self.frontier.clone();
        let mut ln_ratio = self.ln_ratio;
        let mut alpha_spent = None;
        let bound = match self.plan.method {
            Method::FixedHorizon if look.last => norm_isf(sides.tail_alpha(alpha)),
            Method::FixedHorizon => f64::INFINITY,
            Method::Msprt { .. } | Method::ConfidenceSequence { .. } => {
                let mixture = Mixture::new(self.growth(&seen, information)?, sides)?;
                ln_ratio = ln_ratio.max(mixture.ln_ratio(z));
                mixture.bound(alpha)?
            }
            Method::GroupSequential(spending) => {
                if self.looks.len() == MOST_LOOKS {
                    return Err(MethodError::TooLarge {
                        what: "a number of looks",
                        size: MOST_LOOKS as u64 + 1,
                        limit: MOST_LOOKS as u64,
                    });
                }
                let frontier =
                    frontier.get_or_insert_with(|| Frontier::new(correlated, sides, self.points));
                let bound = seen.go_on(frontier, spending, sides.tail_alpha(alpha))?;
                alpha_spent = Some(sides.count() * frontier.spent());
                bound
            }
        };
        let reach = student_equivalent(bound, look.df) * std_error;
        let interval = Interval {
            lower: look.estimate - reach,
            upper: if sides == Sides::Two { look.estimate + reach } else { f64::INFINITY },
        };
        if !z.is_finite() || !information.is_finite() || interval.lower.is_nan() {
            return Err(MethodError::Overflow { what: "the effect over its standard error" });
        }
        let whole_line = Interval { lower: f64::NEG_INFINITY, upper: f64::INFINITY };
        let before = self.standings.last().map_or(whole_line, |s| s.intersection);
        let crossed = (sides.evidence(z) >= bound).then_some(if z > 0.0 {
            Direction::Up
        } else {
            Direction::Down
        });
        let standing = Standing {
            z,
            bound,
            crossed,
            interval,
            intersection: Interval {
                lower: before.lower.max(interval.lower),
                upper: before.upper.min(interval.upper),
            },
            information,
            alpha_spent,
        };
        self.clock = clock;
        self.frontier = frontier;
        self.ln_ratio = ln_ratio;
        self.looks.push(seen);
        self.standings.push(standing);
        Ok(standing)
    }

    /// The p-value of all looks so far: the smallest level at which the plan would have crossed by now. It never
    /// rises, and it is at most alpha exactly when a look has crossed. `None` when no look so far was a test.
    ///
    /// For a mixture it is 1 over the largest L so far. For a group-sequential plan the whole boundary is found
    /// again at each level tried (some five times), until p is right to ten digits: ask for it where it is
    /// shown, not at each look.
    ///
    /// # Errors
    /// [`MethodError::Overflow`] when the level cannot be found.
    pub fn p_value(&self) -> Result<Option<PValue>, MethodError> {
        if self.standings.iter().all(|s| s.bound.is_infinite()) {
            return Ok(None);
        }
        let sides = self.plan.sides;
        let ln_p = match self.plan.method {
            Method::FixedHorizon => {
                let ln_p =
                    |s: &Standing| (sides.count().ln() + norm_ln_sf(sides.evidence(s.z))).min(0.0);
                let tests = self.standings.iter().filter(|s| s.bound.is_finite());
                tests.map(ln_p).reduce(f64::min).unwrap_or(0.0)
            }
            Method::Msprt { .. } | Method::ConfidenceSequence { .. } => (-self.ln_ratio).min(0.0),
            Method::GroupSequential(spending) => {
                // A plan that has crossed at a level has done so at one look alone: P(Z beyond it) is at most that.
                let alone =
                    |s: &Standing| (sides.count().ln() + norm_ln_sf(sides.evidence(s.z))).min(0.0);
                let tests = self.standings.iter().filter(|s| s.bound.is_finite());
                let least = tests.map(alone).fold(0.0, f64::min) - 1e-9;
                let short_by = |level| self.short_by(spending, level);
                let short = |s: &Standing| s.bound - sides.evidence(s.z);
                let short = self.standings.iter().map(short).fold(f64::INFINITY, f64::min);
                let near = (self.plan.alpha, short);
                let p = smallest_level(short_by, sides, least, near, P_DISTANCE)?;
                // Rounding must not put it on the other side of the level than the looks are.
                let p = match self.first_crossing() {
                    Some(_) => p.min(self.plan.alpha),
                    None => p.max(self.plan.alpha.next_up()),
                };
                return Ok(Some(PValue { p, ln_p: p.ln() }));
            }
        };
        Ok(Some(PValue { p: ln_p.exp(), ln_p }))
    }

    /// The look (from zero) at which the plan ended: by the first crossing, or by its last look.
    #[must_use]
    pub fn stopped_at(&self) -> Option<usize> {
        let last = self.looks.iter().position(|look| look.last);
        let crossing = self.first_crossing().map(|(crossing, _)| crossing);
        crossing.into_iter().chain(last).min()
    }

    /// Inference after a group-sequential plan has ended, by a crossing or by its last look, in the stagewise
    /// order; `None` before that, for other methods, and for looks with correlations, where the intervals of the
    /// looks hold after stopping too.
    ///
    /// # Errors
    /// Those of [`stagewise`].
    pub fn after_stopping(&self) -> Result<Option<Stagewise>, MethodError> {
        let Some(end) = self.stopped_at() else { return Ok(None) };
        let independent = self.looks.iter().all(|look| look.correlations.is_none());
        if !(independent && matches!(self.plan.method, Method::GroupSequential(_))) {
            return Ok(None);
        }
        // Looks that were no tests stopped nothing.
        let tests: Vec<&Standing> =
            self.standings[..=end].iter().filter(|s| s.bound.is_finite()).collect();
        let Some((latest, before)) = tests.split_last() else { return Ok(None) };
        let information: Vec<f64> = tests.iter().map(|s| s.information).collect();
        let bounds: Vec<f64> = before.iter().map(|s| s.bound).collect();
        stagewise(&information, &bounds, latest.z, self.plan.sides, self.plan.alpha).map(Some)
    }

    /// By how much the looks miss their bounds at a level, the nearest of them.
    fn short_by(&self, spending: Spending, level: f64) -> Result<f64, MethodError> {
        let sides = self.plan.sides;
        let correlated = self.looks[0].correlations.is_some();
        let mut frontier = Frontier::coarse(correlated, sides, self.points);
        let mut nearest = f64::INFINITY;
        for (look, standing) in self.looks.iter().zip(&self.standings) {
            let bound = look.go_on(&mut frontier, spending, sides.tail_alpha(level))?;
            nearest = nearest.min(bound - sides.evidence(standing.z));
        }
        Ok(nearest)
    }

    /// tau² t of the mixture.
    fn growth(&self, look: &Seen, information: f64) -> Result<f64, MethodError> {
        match self.plan.method {
            Method::Msprt { tau } => Ok(tau * tau * information),
            Method::ConfidenceSequence { tuning } => {
                check_positive("the number of units", look.units)?;
                // With correlations the units are counted by the clock, from those of the first look.
                let units = match (&look.correlations, self.looks.first()) {
                    (Some(_), Some(first)) => first.units * first.variance * information,
                    _ => look.units,
                };
                Ok(rho_squared(tuning, self.plan.alpha) * units)
            }
            Method::FixedHorizon | Method::GroupSequential(_) => Ok(1.0),
        }
    }
}

/// The share of a planned information that a variance means: (1/variance) / planned, at most 1.
///
/// # Errors
/// [`MethodError::NotPositive`] for either.
///
/// # Example
/// An effect of 0.1 found with 80% power at 5% needs information ((1.96 + 0.84)/0.1)² = 785.
/// ```
/// use verdict_analysis::methods::sequential::monitor::information_fraction;
///
/// assert_eq!(information_fraction(1.0 / 157.0, 785.0)?, 0.2);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn information_fraction(variance: f64, planned: f64) -> Result<f64, MethodError> {
    check_positive("the variance of the effect", variance)?;
    check_positive("the planned information", planned)?;
    Ok((1.0 / (variance * planned)).min(1.0))
}

/// The normal value whose tail is that of the t statistic.
fn normal_equivalent(t: f64, df: f64) -> f64 {
    let p = t_sf(t.abs(), df);
    // Beyond the range of f64 the two bounds that are compared there are infinite anyway.
    if df.is_infinite() || p < 1e-300 { t } else { norm_isf(p).copysign(t) }
}

/// The t statistic whose tail is that of the normal value.
fn student_equivalent(z: f64, df: f64) -> f64 {
    let p = norm_sf(z);
    if df.is_infinite() || z.is_infinite() || p < 1e-300 { z } else { t_isf(p, df) }
}
