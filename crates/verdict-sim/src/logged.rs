//! Group statistics drawn around those that a log showed.
//!
//! Units' totals are not known here, only what the project's `group_stats` keeps of them for each day: means, second
//! moments, and what two days in a row share. The mean of a large group is normal, whatever its units do, so that
//! means are drawn as the normal sequence with those variances and those covariances from day to day, in which
//! what comes depends on the past through the day before alone (a Markov sequence: how two days further apart are
//! correlated is not in the statistics). Second moments are those of the log, not drawn: for the thousands of units
//! of a log their chance is small beside that of the mean.

use verdict_model::rows::GroupStat;

use crate::draws::Draws;
use crate::effect::Size;
use crate::group::{Law, Statistics};
use crate::world::is_rate;

/// What a log showed of one unit's totals as of one day, in one group. The second number is a ratio's denominator, and
/// zero otherwise.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LoggedDay {
    /// Means.
    pub mean: [f64; 2],
    /// Sample variances, and the covariance of the two.
    pub variance: [f64; 2],
    /// The covariance of the two numbers of a unit.
    pub covariance: f64,
    /// Covariances of the totals of this day with those of the day before, over units that are in both; zero on the
    /// first day.
    pub before: [f64; 2],
    /// The covariance of either number with the other of the day before, the mean of the two ways.
    pub crossed_before: f64,
}

impl LoggedDay {
    /// Of one group's rows of `group_stats`, one a day from the first day on. Where a row does not say what it
    /// shares with the day before, values are taken to be complete at entry: what was there stays.
    #[must_use]
    pub fn series(rows: &[GroupStat]) -> Vec<LoggedDay> {
        let mut days: Vec<LoggedDay> = Vec::new();
        for row in rows {
            let (units, less_one) = (row.n as f64, (row.n - 1).max(1) as f64);
            let part = |value: Option<f64>| value.unwrap_or(0.0) / less_one;
            let mean = |mean: Option<f64>, sum: Option<f64>| {
                mean.or_else(|| Some(sum? / units)).filter(|mean| mean.is_finite()).unwrap_or(0.0)
            };
            let means = [mean(row.mean_x, row.sum_x), mean(row.mean_y, row.sum_y)];
            let x = match row.m2_x {
                None if is_rate(&row.metric_type) => means[0] * (1.0 - means[0]),
                m2 => part(m2),
            };
            let mut day = LoggedDay {
                mean: means,
                variance: [x, part(row.m2_y)],
                covariance: part(row.co_xy),
                ..LoggedDay::default()
            };
            let both = row.n_before.filter(|both| *both > 1).map(|both| (both - 1) as f64);
            match (days.last(), both, row.co_x_before) {
                (None, _, _) => {}
                (Some(_), Some(both), Some(x)) => {
                    day.before = [x / both, row.co_y_before.unwrap_or(0.0) / both];
                    day.crossed_before = row.co_xy_before.unwrap_or(0.0) / both;
                }
                (Some(then), _, _) => {
                    day.before = then.variance;
                    day.crossed_before = then.covariance;
                }
            }
            days.push(day);
        }
        days
    }
}

/// A symmetric 2 × 2 matrix: both variances, and the covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Matrix {
    x: f64,
    y: f64,
    xy: f64,
}

/// Means of a group's totals, day after day.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LoggedMeans {
    days: Vec<LoggedDay>,
    proportion: bool,
}

/// Where a group stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct LoggedGroup {
    day: usize,
    n: u64,
    /// Of the mean of the day before from what it is expected to be.
    deviation: [f64; 2],
}

/// The law with an effect: on each day's mean, and for a ratio on its numerator's.
pub(crate) fn law(days: &[LoggedDay], kind: &str, size: Option<Size>) -> Result<Law, &'static str> {
    let mut days = days.to_vec();
    for day in &mut days {
        match size {
            None => {}
            Some(Size::Relative(share)) => day.mean[0] *= 1.0 + share,
            Some(Size::Absolute(by)) if kind == "ratio" => day.mean[0] += by * day.mean[1],
            Some(Size::Absolute(by)) => day.mean[0] += by,
        }
        if is_rate(kind) {
            if !(0.0..=1.0).contains(&day.mean[0]) {
                return Err("its rate would leave 0 to 1");
            }
            day.variance[0] = day.mean[0] * (1.0 - day.mean[0]);
        }
    }
    Ok(Law::Logged(LoggedMeans { days, proportion: is_rate(kind) }))
}

impl LoggedMeans {
    /// The statistics of the next day, with `new` units more. After the last day of the log its statistics stay.
    pub(crate) fn day(&self, group: &mut LoggedGroup, new: u64, draws: &mut Draws) -> Statistics {
        let Some(last) = self.days.len().checked_sub(1) else { return Statistics::default() };
        let at = |day: usize| self.days[day.min(last)];
        let then = at(group.day.saturating_sub(1));
        let mut now = at(group.day);
        if group.day > last {
            // The same totals the day after: what they share is all of it.
            now.before = now.variance;
            now.crossed_before = now.covariance;
        }
        let (n_before, n) = (group.n, group.n + new);
        let noise = [draws.normal(), draws.normal()];
        group.day += 1;
        group.n = n;
        if n == 0 {
            return Statistics::default();
        }
        let units = n as f64;
        let total = Matrix::new(now.variance, now.covariance).times(1.0 / units);
        let (expected, left) = if n_before > 0 {
            // Cov(mean, mean before) = s n_before / (n n_before), over units that are in both.
            let shared = Matrix::new(now.before, now.crossed_before).times(1.0 / units);
            let old = Matrix::new(then.variance, then.covariance).times(1.0 / n_before as f64);
            old.regress(shared, total, group.deviation)
        } else {
            ([0.0; 2], total)
        };
        let news = left.root_times(noise);
        group.deviation = [expected[0] + news[0], expected[1] + news[1]];
        self.statistics(group, &now, n_before)
    }

    fn statistics(&self, group: &mut LoggedGroup, now: &LoggedDay, n_before: u64) -> Statistics {
        let (n, units) = (group.n, group.n as f64);
        let mut mean = [now.mean[0] + group.deviation[0], now.mean[1] + group.deviation[1]];
        let mut variance = now.variance;
        if self.proportion {
            // Successes are whole.
            let successes = (mean[0] * units).round().clamp(0.0, units);
            mean[0] = successes / units;
            variance[0] = mean[0] * (1.0 - mean[0]) * units / (units - 1.0).max(1.0);
        }
        let less_one = (units - 1.0).max(0.0);
        let both = (n_before as f64 - 1.0).max(0.0);
        let back = |value: f64| (n_before > 0).then_some(value * both);
        let one = Statistics {
            n,
            sum_x: Some(mean[0] * units).map(|sum| if self.proportion { sum.round() } else { sum }),
            mean_x: Some(mean[0]),
            m2_x: Some(variance[0] * less_one),
            n_before,
            co_x_before: back(now.before[0]),
            ..Statistics::default()
        };
        if now.mean[1] == 0.0 && now.variance[1] == 0.0 {
            return one;
        }
        Statistics {
            sum_y: Some(mean[1] * units),
            mean_y: Some(mean[1]),
            m2_y: Some(variance[1] * less_one),
            co_xy: Some(now.covariance * less_one),
            co_y_before: back(now.before[1]),
            co_xy_before: back(now.crossed_before),
            ..one
        }
    }
}

impl Matrix {
    fn new([x, y]: [f64; 2], xy: f64) -> Matrix {
        Matrix { x, y, xy }
    }

    fn times(self, by: f64) -> Matrix {
        Matrix { x: self.x * by, y: self.y * by, xy: self.xy * by }
    }

    fn apply(self, [a, b]: [f64; 2]) -> [f64; 2] {
        [self.x * a + self.xy * b, self.xy * a + self.y * b]
    }

    /// Its inverse on what it spans, for a matrix of variances.
    fn inverse(self) -> Matrix {
        let determinant = self.x * self.y - self.xy * self.xy;
        if determinant > 1e-12 * self.x * self.y {
            return Matrix { x: self.y, y: self.x, xy: -self.xy }.times(1.0 / determinant);
        }
        let one = |v: f64| if v > 0.0 { 1.0 / v } else { 0.0 };
        Matrix { x: one(self.x), y: if self.x > 0.0 { 0.0 } else { one(self.y) }, xy: 0.0 }
    }

    /// What is expected, and the variance that is left, of a vector with variance `total` and covariance `shared`
    /// with one of this variance that was seen.
    fn regress(self, shared: Matrix, total: Matrix, seen: [f64; 2]) -> ([f64; 2], Matrix) {
        let inverse = self.inverse();
        let expected = shared.apply(inverse.apply(seen));
        let column = |unit| shared.apply(inverse.apply(shared.apply(unit)));
        let (first, second) = (column([1.0, 0.0]), column([0.0, 1.0]));
        let left = Matrix {
            x: (total.x - first[0]).max(0.0),
            y: (total.y - second[1]).max(0.0),
            xy: total.xy - first[1],
        };
        (expected, left)
    }

    /// Its Cholesky factor times a vector: normal numbers of this variance from independent ones.
    fn root_times(self, [a, b]: [f64; 2]) -> [f64; 2] {
        let x = self.x.sqrt();
        let slope = if x > 0.0 { self.xy / x } else { 0.0 };
        [x * a, slope * a + (self.y - slope * slope).max(0.0).sqrt() * b]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_have_the_variances_and_covariances_of_the_log() {
        let day = |k: f64| LoggedDay {
            mean: [k, 2.0 * k],
            variance: [4.0 * k, k],
            covariance: k,
            before: [4.0 * (k - 1.0), k - 1.0],
            crossed_before: k - 1.0,
        };
        let days = [day(1.0), day(2.0), day(3.0)];
        let Ok(Law::Logged(means)) = law(&days, "ratio", None) else { panic!("a law") };
        let runs = 40_000;
        let (mut squares, mut products, mut across) = (0.0, 0.0, 0.0);
        for run in 0..runs {
            let (mut group, mut draws) = (LoggedGroup::default(), Draws::new(1, run, 0));
            let seen = [100, 100, 50].map(|new| means.day(&mut group, new, &mut draws));
            let x = |k: usize| seen[k].mean_x.unwrap_or(f64::NAN) - days[k].mean[0];
            let y = |k: usize| seen[k].mean_y.unwrap_or(f64::NAN) - days[k].mean[1];
            squares += x(2) * x(2);
            products += x(2) * x(1);
            across += x(2) * y(2);
            assert_eq!((seen[2].n, seen[2].n_before), (250, 200));
            assert_eq!(seen[2].co_x_before, Some(8.0 * 199.0));
        }
        let n = runs as f64;
        let near = |got: f64, want: f64, scale: f64| {
            assert!((got / n - want).abs() < 5.0 * scale / n.sqrt(), "{} {want}", got / n);
        };
        let (vx, vy) = (12.0 / 250.0, 3.0 / 250.0);
        near(squares, vx, vx * 2_f64.sqrt());
        near(products, 8.0 / 250.0, (vx * 0.04 * 2.0_f64).sqrt());
        near(across, 3.0 / 250.0, (2.0 * vx * vy).sqrt());
    }
}
