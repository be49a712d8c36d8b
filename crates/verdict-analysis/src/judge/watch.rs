//! One comparison, watched over the looks of an experiment.
//!
//! What is watched is D = m_t - f m_c + s: a difference (f = 1, s = 0), the slack that a margin leaves, or the distance
//! of the variant's own level from a limit (f = 0). The looks are those with statistics, from the first one that is past
//! the burn-in: in a rate ten successes and ten failures in each variant at the pooled rate, of other metrics
//! [`ENOUGH_UNITS`] units in each. The planned last look always counts. Neither looks at the effect.
//!
//! # Time
//! All methods go by the time that correlations between looks show (`day_to_day`): t at the first look is 1/variance, and
//! from look to look it grows by 1/correlation². Where they are not known, increments are taken to be
//! independent and t is 1/variance throughout; of quantiles, of which they never are, t is no slower than units come. The
//! [`Monitor`] is given the statistic in that time, and what it says of bounds and intervals is scaled back to the standard
//! errors of the look.
//!
//! # Estimates
//! Post-stratified levels are watched as plain ones, with the times that their strata share (`strata_days`). Where units are
//! resampled the statistic and the interval of each look are those of its replicates ([`crate::methods::spread`]), in the
//! times of the estimate itself: what is resampled is the same estimate.

use verdict_model::rows::GroupStat;
use verdict_model::{Bootstrap, NaiveDate};

use super::day_to_day::{Days, assumed};
use super::groups::Groups;
use super::history::{History, Look};
use super::levels::Levels;
use super::resampled::Replicates;
use super::samples::{Gap, Kind, sample, usable};
use super::strata::{Stratified, strata};
use super::strata_days;
use super::tuning::FirstLook;
use crate::methods::sequential::boundary::Sides;
use crate::methods::sequential::monitor::{
    Direction, Method, Monitor, Observation, PValue, Plan, Standing,
};
use crate::methods::spread::Spread;
use crate::methods::welch::welch_df;
use crate::methods::{Alternative, Interval, Sample};

/// Units in each variant from which on a mean is near enough to normal to be tested while it grows.
const ENOUGH_UNITS: i64 = 100;
/// Successes, and failures, that a rate needs in each variant.
const ENOUGH_SUCCESSES: f64 = 10.0;
/// What is asked of the looks.
#[derive(Clone, Copy)]
pub(super) struct Question<'q> {
    pub(super) metric: &'q str,
    pub(super) metric_type: &'q str,
    /// Whether the levels are adjusted by their past.
    pub(super) adjusted: bool,
    /// The segment by which the levels are post-stratified.
    pub(super) strata: Option<&'q str>,
    /// How interval and statistic are resampled, if they are.
    pub(super) bootstrap: Option<Bootstrap>,
    pub(super) control: &'q str,
    pub(super) variant: &'q str,
    pub(super) segment: (&'q str, &'q str),
    pub(super) contrast: Contrast,
    pub(super) alternative: Alternative,
    pub(super) alpha: f64,
}

/// m_t - f m_c + s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Contrast {
    /// f; zero leaves the control out.
    pub(super) factor: f64,
    /// s.
    pub(super) shift: f64,
}

impl Contrast {
    pub(super) const DIFFERENCE: Contrast = Contrast { factor: 1.0, shift: 0.0 };
}

/// Where a comparison stands at the latest look.
#[derive(Clone, Debug)]
pub(super) struct Watched {
    pub(super) looks_used: usize,
    /// The levels of that look.
    pub(super) levels: Levels,
    /// m_t - f m_c + s, its standard error and its degrees of freedom.
    pub(super) estimate: f64,
    pub(super) std_error: f64,
    pub(super) df: Option<f64>,
    /// The statistic as a normal value, in the direction of the estimate.
    pub(super) z: f64,
    /// The bound for it, `None` where the look is no test, and the same in standard errors of the estimate.
    pub(super) boundary: Option<f64>,
    pub(super) critical: f64,
    /// The interval of m_t - f m_c + s, open where the test is one-sided.
    pub(super) interval: Interval,
    pub(super) p: Option<PValue>,
    pub(super) alpha_spent: Option<f64>,
    /// The look that crossed first.
    pub(super) crossed: Option<NaiveDate>,
    /// Whether the correlations between looks are known from the units' totals.
    pub(super) from_units: bool,
    /// After a spending plan has ended.
    pub(super) stopped: Option<Stopped>,
}

/// What is known after a spending plan has ended, in the stagewise order ([`crate::methods::sequential::stagewise`]): of m_t
/// - f m_c + s as it was at the look that ended it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Stopped {
    pub(super) ds: NaiveDate,
    pub(super) p: f64,
    /// Open where the test is one-sided.
    pub(super) interval: Interval,
    /// Median-unbiased.
    pub(super) estimate: f64,
}

/// Watches a comparison over the looks of `history`.
///
/// # Errors
/// Why there is no number: the statistics of the latest look, the burn-in, or what the method refuses.
pub(super) fn watch(
    history: &History<'_>,
    question: &Question<'_>,
    method: impl Fn(&FirstLook) -> Result<Method, Gap>,
) -> Result<Watched, Gap> {
    let kind = Kind::of(question.metric_type)?;
    let Some((latest, before)) = history.looks().split_last() else {
        return Err(Gap::NotMature("before_first_look"));
    };
    let now = question.observe(kind, history.on(latest.ds), *latest)?;
    let earlier =
        before.iter().filter_map(|look| question.observe(kind, history.on(look.ds), *look).ok());
    let mut seen: Vec<Observed> =
        earlier.chain(std::iter::once(now)).skip_while(|look| !look.enough).collect();
    if let Some(bootstrap) = question.bootstrap {
        seen = question.resampled(kind, bootstrap, history, seen)?;
    }
    let (Some(first), Some(current)) = (seen.first(), seen.last()) else {
        return Err(Gap::Insufficient("burn_in"));
    };
    let method = method(&FirstLook {
        units: first.units,
        variance: first.variance,
        control_level: first.levels.control.mean,
        days: history.days_by(first.look.ds),
        planned_days: history.planned_days(),
    })?;
    // The monitor watches upwards.
    let (sides, sign) = match question.alternative {
        Alternative::TwoSided => (Sides::Two, 1.0),
        Alternative::Greater => (Sides::One, 1.0),
        Alternative::Less => (Sides::One, -1.0),
    };
    let times = question.times(kind, history, &seen);
    let from_units = times.is_some() && seen.len() > 1;
    let times = times.unwrap_or_else(|| match kind {
        Kind::Quantile => assumed(seen.iter().map(|look| (look.units, look.variance))),
        _ => seen.iter().map(|look| 1.0 / look.variance).collect(),
    });
    let mut monitor = Monitor::new(Plan { method, alpha: question.alpha, sides })?;
    for (look, time) in seen.iter().zip(&times) {
        monitor.observe(Observation {
            estimate: sign * look.statistic() / time.sqrt(),
            variance: 1.0 / time,
            df: look.df.unwrap_or(f64::INFINITY),
            // In that time, like everything else: a confidence sequence grows with it.
            units: first.units * first.variance * time,
            correlations: None,
            fraction: look.look.fraction.unwrap_or(1.0),
            last: look.look.last,
        })?;
    }
    let (Some(standing), Some(time)) = (monitor.standings().last(), times.last()) else {
        return Err(Gap::Failed("method_failed"));
    };
    let latest_crossing = monitor.standings().iter().rev().find_map(|standing| standing.crossed);
    let first_crossing = monitor.first_crossing().and_then(|(k, _)| seen.get(k));
    let answer = Answer {
        standing: *standing,
        time: *time,
        p: monitor.p_value()?,
        crossed: first_crossing.map(|look| look.look.ds).zip(latest_crossing),
    };
    let stopped = stopped(&monitor, &seen, &times, question.alternative)?;
    let looks_used = seen.len();
    Ok(Watched { looks_used, from_units, stopped, ..current.standing(question, answer)? })
}

fn stopped(
    monitor: &Monitor,
    seen: &[Observed],
    times: &[f64],
    alternative: Alternative,
) -> Result<Option<Stopped>, Gap> {
    let ended = monitor.stopped_at().and_then(|end| Some((seen.get(end)?, times.get(end)?)));
    let Some(((look, time), after)) = ended.zip(monitor.after_stopping()?) else {
        return Ok(None);
    };
    // E Z = theta sqrt(time) there, and Z is the estimate over its standard error.
    let scale = look.std_error() * time.sqrt();
    let Interval { lower, upper } = after.interval;
    let (interval, estimate) = match alternative {
        Alternative::Less => {
            (Interval { lower: -scale * upper, upper: -scale * lower }, -scale * after.estimate)
        }
        _ => (Interval { lower: scale * lower, upper: scale * upper }, scale * after.estimate),
    };
    let interval = alternative.open(interval);
    Ok(Some(Stopped { ds: look.look.ds, p: after.p_value, interval, estimate }))
}

/// What one look saw.
struct Observed {
    look: Look,
    levels: Levels,
    estimate: f64,
    variance: f64,
    df: Option<f64>,
    units: f64,
    /// Its replicates, where it is resampled: they have the statistic and the interval then, and no degrees of freedom.
    spread: Option<Spread>,
    /// Whether the look is past the burn-in, or the last one anyway.
    enough: bool,
}

impl Question<'_> {
    fn group<'a>(&self, groups: &Groups<'a>, variant: &str) -> Option<&'a GroupStat> {
        groups.get(self.metric, variant, self.segment.0, self.segment.1)
    }

    fn observe(&self, kind: Kind, groups: &Groups<'_>, look: Look) -> Result<Observed, Gap> {
        let Contrast { factor, shift } = self.contrast;
        let read = |variant, empty| -> Result<(&GroupStat, Sample), Gap> {
            let group = usable(self.metric_type, self.group(groups, variant), empty)?;
            let sample = sample(kind, group)?;
            sample.check()?;
            Ok((group, sample))
        };
        let (of_variant, variant) = read(self.variant, "no_units_in_variant")?;
        let of_control = read(self.control, "no_units_in_control");
        let mut free = None;
        let (levels, n_control) = if let Some(asked) = self.stratified() {
            let values = groups.values(asked.metric, asked.segment);
            let (levels, df) = strata(groups, &asked, &values)?.levels()?;
            free = Some(df);
            (levels, of_control?.0.n)
        } else if factor == 0.0 {
            // A limit on the variant's own level asks nothing of the control.
            let alone = (Sample { n: 0, mean: 0.0, variance: 0.0 }, i64::MAX);
            let (control, n) = of_control.map_or(alone, |(group, sample)| (sample, group.n));
            (Levels::of_samples(control, variant), n)
        } else {
            let (of_control, _) = of_control?;
            (Levels::of(kind, self.adjusted, of_control, of_variant)?, of_control.n)
        };
        let Levels { control, variant, .. } = levels;
        let n_variant = of_variant.n;
        let v_variant = variant.variance_of_mean();
        let v_control =
            if factor == 0.0 { 0.0 } else { factor * factor * control.variance_of_mean() };
        let estimate = variant.mean - factor * control.mean + shift;
        let variance = if factor == 0.0 { v_variant } else { levels.variance(factor) };
        if variance == 0.0 {
            return Err(Gap::Insufficient("zero_variance"));
        }
        if !(estimate.is_finite() && variance.is_finite() && variance.recip().is_finite()) {
            return Err(Gap::Failed("method_failed"));
        }
        let arms: &[Sample] = if factor == 0.0 { &[variant] } else { &[control, variant] };
        let enough = match kind {
            Kind::Proportion => successes_expected(arms),
            Kind::Mean | Kind::Ratio | Kind::Clustered | Kind::Quantile | Kind::Superiority => {
                n_control.min(n_variant) >= ENOUGH_UNITS
            }
        };
        Ok(Observed {
            look,
            levels,
            estimate,
            variance,
            df: match kind {
                _ if free.is_some() => free.flatten(),
                // Of clusters as of units: they are what is counted.
                Kind::Mean | Kind::Clustered => {
                    Some(welch_df(v_control, control.n, v_variant, variant.n))
                }
                Kind::Proportion | Kind::Ratio | Kind::Quantile | Kind::Superiority => None,
            },
            units: control.n as f64 + variant.n as f64,
            spread: None,
            enough: look.last || enough,
        })
    }

    /// What is post-stratified; nothing where the control is left out.
    fn stratified(&self) -> Option<Stratified<'_>> {
        let segment = self.strata.filter(|_| self.contrast.factor != 0.0)?;
        let Question { metric, metric_type, control, variant, .. } = *self;
        Some(Stratified { metric, metric_type, segment, control, variant })
    }

    /// The looks with their replicates. An earlier one without, whose units are too few or too skewed, is no look; the latest one has
    /// the reason then.
    fn resampled(
        &self,
        kind: Kind,
        bootstrap: Bootstrap,
        history: &History<'_>,
        seen: Vec<Observed>,
    ) -> Result<Vec<Observed>, Gap> {
        let latest = seen.len().saturating_sub(1);
        let mut looks = Vec::with_capacity(seen.len());
        for (k, look) in seen.into_iter().enumerate() {
            let groups = history.on(look.look.ds);
            let group =
                |variant, empty| usable(self.metric_type, self.group(groups, variant), empty);
            let replicates = Replicates::of_groups(
                (bootstrap, history.resamples),
                kind,
                group(self.control, "no_units_in_control")?,
                group(self.variant, "no_units_in_variant")?,
            );
            match replicates.and_then(|replicates| replicates.of_contrast(self.contrast)) {
                Ok(spread) => looks.push(Observed { spread: Some(spread), df: None, ..look }),
                Err(gap) if k == latest => return Err(gap),
                Err(_) => {}
            }
        }
        Ok(looks)
    }

    /// The time of each look by the correlations between days; `None` where a day or a correlation is missing.
    fn times(&self, kind: Kind, history: &History<'_>, looks: &[Observed]) -> Option<Vec<f64>> {
        let dates: Vec<NaiveDate> = looks.iter().map(|look| look.look.ds).collect();
        let variance = looks.first()?.variance;
        if let Some(asked) = self.stratified() {
            let days = strata_days::days(*dates.last()?, &asked, self.contrast.factor, history)?;
            return days.times(&dates, variance);
        }
        let factors = [1.0, self.contrast.factor];
        let arms = if self.contrast.factor == 0.0 { &factors[..1] } else { &factors[..] };
        let group = |arm: usize, day| {
            let variant = if arm == 0 { self.variant } else { self.control };
            let group = self.group(history.on(day), variant)?;
            (group.n > 0 && group.metric_type == self.metric_type).then_some(group)
        };
        let theta = |day| {
            let groups = history.on(day);
            let of = |variant| usable(self.metric_type, self.group(groups, variant), "").ok();
            Levels::adjusted(kind, of(self.control)?, of(self.variant)?).ok()?.theta
        };
        let adjusted = self.adjusted && self.contrast.factor != 0.0;
        let slopes: Option<&dyn Fn(NaiveDate) -> Option<f64>> =
            if adjusted { Some(&theta) } else { None };
        Days::up_to(*dates.last()?, kind, arms, slopes, group)?.times(&dates, variance)
    }
}

/// Whether each variant is to have enough successes and failures at the pooled rate, which says nothing of the
/// difference.
fn successes_expected(arms: &[Sample]) -> bool {
    let units: f64 = arms.iter().map(|arm| arm.n as f64).sum();
    let rate = arms.iter().map(|arm| arm.mean * (arm.n as f64 / units)).sum::<f64>();
    let expected = |arm: &Sample| arm.n as f64 * rate.min(1.0 - rate);
    arms.iter().all(|arm| expected(arm) >= ENOUGH_SUCCESSES)
}

/// What the monitor says after the latest look.
#[derive(Clone, Copy)]
struct Answer {
    standing: Standing,
    /// Its time, by which its interval is scaled.
    time: f64,
    p: Option<PValue>,
    /// The look that crossed first, and the direction of the one that crossed last.
    crossed: Option<(NaiveDate, Direction)>,
}

impl Observed {
    fn std_error(&self) -> f64 {
        self.spread.as_ref().map_or_else(|| self.variance.sqrt(), Spread::std_error)
    }

    /// The estimate in standard errors, or the normal statistic that its replicates have.
    fn statistic(&self) -> f64 {
        self.spread.as_ref().map_or_else(|| self.estimate / self.variance.sqrt(), Spread::z)
    }

    fn standing(&self, question: &Question<'_>, answer: Answer) -> Result<Watched, Gap> {
        let Answer { standing, time, p, crossed } = answer;
        let std_error = self.std_error();
        let sign = if question.alternative == Alternative::Less { -1.0 } else { 1.0 };
        let in_time = sign * self.statistic();
        // The bound as the t statistic that is as improbable.
        let critical = in_time - standing.interval.lower * time.sqrt();
        let around = match &self.spread {
            None => Interval::around(self.estimate, critical * std_error),
            Some(spread) => spread.interval(critical)?,
        };
        let interval = question.alternative.open(around);
        Ok(Watched {
            looks_used: 0,
            levels: self.levels,
            estimate: self.estimate,
            std_error,
            df: self.df,
            z: sign * standing.z,
            boundary: standing.bound.is_finite().then_some(standing.bound),
            critical,
            interval: crossed.map_or(interval, |(_, direction)| {
                let positive = (direction == Direction::Up) == (sign > 0.0);
                kept_off_zero(interval, positive)
            }),
            p,
            alpha_spent: standing.alpha_spent,
            crossed: crossed.map(|(ds, _)| ds),
            from_units: false,
            stopped: None,
        })
    }
}

/// An interval around zero, when an earlier look has excluded that there is no effect at all: all intervals cover
/// together, so that the effect has that look's sign, unless it has changed it since.
fn kept_off_zero(interval: Interval, positive: bool) -> Interval {
    let around_zero = interval.lower <= 0.0 && interval.upper >= 0.0;
    match (around_zero, positive) {
        (true, true) => Interval { lower: 0.0, ..interval },
        (true, false) => Interval { upper: 0.0, ..interval },
        (false, _) => interval,
    }
}
