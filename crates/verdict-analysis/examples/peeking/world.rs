//! Experiments whose truth is known, looked at on each of 28 days, and who stops when.
//!
//! Shared by the short test (`tests/peeking.rs`) and the long table (`examples/peeking`). Everything is addressed by seed: the same
//! number gives the same experiment.

use verdict_analysis::methods::sequential::boundary::{Sides, spending_bounds};
use verdict_analysis::methods::sequential::monitor::{Method, Monitor, Observation, Plan};
use verdict_analysis::methods::sequential::overlap::Overlap;
use verdict_analysis::methods::sequential::spending::Spending;

/// Daily looks.
pub(crate) const DAYS: usize = 28;
/// The level of every method.
pub(crate) const ALPHA: f64 = 0.05;

/// What the units of an experiment do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum World {
    /// 40 units a day and variant, values N(0, 1), complete at entry.
    Gaussian,
    /// 1,000 units a day and variant, of which 1% convert at entry.
    Bernoulli,
    /// 400 units a day and variant, of which 5% spend a log-normal amount at entry.
    ZeroInflated,
    /// 20 units a day and variant that act every day from entry on, N(0, 1) a day, independently.
    Cumulative,
    /// The same with a mean of its own for each unit, N(0, 1), that persists.
    Persistent,
}

impl World {
    /// The effect used for power: about three standard errors at the end. For the log-normal it is relative.
    pub(crate) fn effect(self) -> f64 {
        match self {
            Self::Gaussian => 0.127,
            Self::Bernoulli => 0.002_5,
            Self::ZeroInflated => 0.30,
            Self::Cumulative => 0.047_1,
            Self::Persistent => 0.210_6,
        }
    }

    /// The standard deviation of the mixture: the effect at the first look, absolute.
    pub(crate) fn tau(self) -> f64 {
        match self {
            Self::ZeroInflated => 0.30 * 0.05 * 0.5_f64.exp(),
            _ => self.effect(),
        }
    }

    fn units_a_day(self) -> usize {
        match self {
            Self::Gaussian => 40,
            Self::Bernoulli => 1_000,
            Self::ZeroInflated => 400,
            Self::Cumulative | Self::Persistent => 20,
        }
    }

    /// The looks at one experiment, with or without the effect.
    pub(crate) fn experiment(self, seed: u64, with_effect: bool) -> Vec<Look> {
        let mut random = Random::new(seed);
        let effect = if with_effect { self.effect() } else { 0.0 };
        match self {
            Self::Cumulative => cumulative(&mut random, self.units_a_day(), 0.0, effect),
            Self::Persistent => cumulative(&mut random, self.units_a_day(), 1.0, effect),
            _ => self.complete_at_entry(&mut random, effect),
        }
    }

    fn complete_at_entry(self, random: &mut Random, effect: f64) -> Vec<Look> {
        let per_day = self.units_a_day();
        let conversions = match self {
            Self::Bernoulli => {
                [binomial_table(per_day, 0.01), binomial_table(per_day, 0.01 + effect)]
            }
            _ => [binomial_table(per_day, 0.05), binomial_table(per_day, 0.05)],
        };
        let mut sums = [(0.0, 0.0); 2];
        let mut looks = Vec::with_capacity(DAYS);
        for day in 1..=DAYS {
            for (arm, (sum, squares)) in sums.iter_mut().enumerate() {
                let of_treatment = if arm == 1 { effect } else { 0.0 };
                let mut add = |x: f64| {
                    *sum += x;
                    *squares += x * x;
                };
                match self {
                    Self::Gaussian => {
                        (0..per_day).for_each(|_| add(random.normal() + of_treatment))
                    }
                    Self::Bernoulli => {
                        (0..random.count(&conversions[arm])).for_each(|_| add(1.0));
                    }
                    _ => {
                        let buyers = random.count(&conversions[arm]);
                        (0..buyers).for_each(|_| add(random.normal().exp() * (1.0 + of_treatment)));
                    }
                }
            }
            let n = (day * per_day) as f64;
            let mean = sums.map(|(sum, _)| sum / n);
            let v = sums.map(|(sum, squares)| (squares - sum * sum / n) / (n - 1.0) / n);
            looks.push(Look {
                estimate: mean[1] - mean[0],
                variance: v[0] + v[1],
                units: 2.0 * n,
                df: welch_df(v, n),
                correlations: None,
            });
        }
        looks
    }
}

/// What a look sees.
#[derive(Clone, Debug)]
pub(crate) struct Look {
    pub(crate) estimate: f64,
    pub(crate) variance: f64,
    pub(crate) units: f64,
    pub(crate) df: f64,
    pub(crate) correlations: Option<Vec<f64>>,
}

impl Look {
    pub(crate) fn z(&self) -> f64 {
        self.estimate / self.variance.sqrt()
    }
}

/// Units enter daily and act daily. The correlations between looks come from the units' totals.
fn cumulative(random: &mut Random, per_day: usize, persistence: f64, effect: f64) -> Vec<Look> {
    // Totals by arm and look, of the units that had entered by then.
    let mut totals: [Vec<Vec<f64>>; 2] = [Vec::new(), Vec::new()];
    for (arm, looks) in totals.iter_mut().enumerate() {
        let of_treatment = if arm == 1 { effect } else { 0.0 };
        let mut own: Vec<f64> = Vec::new();
        let mut total: Vec<f64> = Vec::new();
        for _ in 0..DAYS {
            for _ in 0..per_day {
                own.push(if persistence > 0.0 { persistence * random.normal() } else { 0.0 });
                total.push(0.0);
            }
            for (total, own) in total.iter_mut().zip(&own) {
                *total += own + of_treatment + random.normal();
            }
            looks.push(total.clone());
        }
    }
    let mean = |x: &[f64]| x.iter().sum::<f64>() / x.len() as f64;
    // Cov(mean at j, mean at k) = s_jk / n_k, s_jk over the units that were there at j.
    let covariance_of = |arm: &[Vec<f64>], j: usize, k: usize| {
        let (x, y) = (&arm[j], &arm[k][..arm[j].len()]);
        let (mean_x, mean_y) = (mean(x), mean(y));
        let co: f64 = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
        let overlap = Overlap {
            units_then: x.len() as u64,
            units_now: arm[k].len() as u64,
            units_both: x.len() as u64,
            covariance: co / (x.len() as f64 - 1.0),
        };
        overlap.covariance_of_means().expect("two units or more")
    };
    let covariance =
        |j: usize, k: usize| covariance_of(&totals[0], j, k) + covariance_of(&totals[1], j, k);
    let mut looks: Vec<Look> = (0..DAYS)
        .map(|k| Look {
            estimate: mean(&totals[1][k]) - mean(&totals[0][k]),
            variance: covariance(k, k),
            df: welch_df(
                [covariance_of(&totals[0], k, k), covariance_of(&totals[1], k, k)],
                totals[0][k].len() as f64,
            ),
            units: 2.0 * totals[0][k].len() as f64,
            correlations: Some(Vec::new()),
        })
        .collect();
    if may_cross(&looks) {
        for k in 0..DAYS {
            let corr = |j: usize| covariance(j, k) / (looks[j].variance * looks[k].variance).sqrt();
            let row = (0..k).map(corr).collect();
            looks[k].correlations = Some(row);
        }
    }
    looks
}

/// Welch's degrees of freedom with `n` units in each variant.
fn welch_df(v: [f64; 2], n: f64) -> f64 {
    (v[0] + v[1]).powi(2) / ((v[0] * v[0] + v[1] * v[1]) / (n - 1.0))
}

/// P(crossed by a look) is at least P(|Z| > its bound), so that no bound of a 5% method lies below 1.96: an experiment that stays inside
/// 1.95 all the time need not be analysed.
pub(crate) fn may_cross(looks: &[Look]) -> bool {
    looks.iter().any(|look| look.z().abs() >= 1.95)
}

/// Who watches.
#[derive(Clone, Debug)]
pub(crate) enum Watcher {
    /// The nominal 5% at every look.
    Naive,
    /// Bounds fixed for k/28 of the plan and independent increments, whatever the metric.
    ByCount(Vec<f64>),
    /// The monitor.
    Monitored(Method, usize),
}

impl Watcher {
    /// Those of the table, for a world: a name, the watcher, and whether it claims to be valid.
    pub(crate) fn all(world: World, points: usize) -> Vec<(&'static str, Self, bool)> {
        let tuning = (DAYS * world.units_a_day() * 2) as f64;
        let days: Vec<f64> = (1..=DAYS).map(|k| k as f64 / DAYS as f64).collect();
        let by_count = |spending| {
            Self::ByCount(spending_bounds(&days, ALPHA, Sides::Two, spending).expect("bounds").z)
        };
        let monitored = |method| Self::Monitored(method, points);
        let cumulative = matches!(world, World::Cumulative | World::Persistent);
        vec![
            ("naive daily z", Self::Naive, false),
            ("Pocock on n/n_max", by_count(Spending::Pocock), !cumulative),
            ("O'Brien-Fleming on n/n_max", by_count(Spending::ObrienFleming), !cumulative),
            ("pocock", monitored(Method::GroupSequential(Spending::Pocock)), true),
            ("obrien_fleming", monitored(Method::GroupSequential(Spending::ObrienFleming)), true),
            ("msprt", monitored(Method::Msprt { tau: world.tau() }), true),
            ("confidence_sequence", monitored(Method::ConfidenceSequence { tuning }), true),
            ("none (last look only)", monitored(Method::FixedHorizon), true),
        ]
    }

    /// The day of the first crossing.
    pub(crate) fn stops(&self, looks: &[Look]) -> Option<usize> {
        if !may_cross(looks) {
            return None;
        }
        match self {
            Self::Naive => looks.iter().position(|look| look.z().abs() >= 1.959_963_985),
            Self::ByCount(bounds) => {
                looks.iter().zip(bounds).position(|(look, bound)| look.z().abs() >= *bound)
            }
            Self::Monitored(method, points) => {
                let plan = Plan { method: *method, alpha: ALPHA, sides: Sides::Two };
                let mut monitor = Monitor::new(plan).expect("a plan").with_points(*points);
                // Nothing can happen after the last excursion beyond 1.95.
                let end = looks.iter().rposition(|look| look.z().abs() >= 1.95).unwrap_or(0);
                looks[..=end].iter().enumerate().position(|(k, look)| {
                    let observation = Observation {
                        estimate: look.estimate,
                        variance: look.variance,
                        units: look.units,
                        df: look.df,
                        correlations: look.correlations.as_deref(),
                        fraction: (k + 1) as f64 / DAYS as f64,
                        last: k + 1 == DAYS,
                    };
                    monitor.observe(observation).expect("a look").crossed.is_some()
                })
            }
        }
    }
}

/// SplitMix64 and Marsaglia's polar method.
struct Random {
    state: u64,
    spare: Option<f64>,
}

impl Random {
    fn new(seed: u64) -> Self {
        let mut random = Self { state: seed.wrapping_mul(0xD134_2543_DE82_EF95), spare: None };
        random.bits();
        random
    }

    fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let x = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        x ^ (x >> 31)
    }

    fn unit(&mut self) -> f64 {
        ((self.bits() >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        loop {
            let (x, y) = (2.0 * self.unit() - 1.0, 2.0 * self.unit() - 1.0);
            let square = x * x + y * y;
            if square < 1.0 {
                let scale = (-2.0 * square.ln() / square).sqrt();
                self.spare = Some(y * scale);
                return x * scale;
            }
        }
    }

    /// The count whose distribution function first reaches a uniform number.
    fn count(&mut self, cumulative: &[f64]) -> usize {
        let u = self.unit();
        cumulative.partition_point(|p| *p < u)
    }
}

/// The distribution function of a binomial count.
fn binomial_table(n: usize, p: f64) -> Vec<f64> {
    let mut term = (1.0 - p).powi(n as i32);
    let mut sum = 0.0;
    let terms = (0..=n).map(|k| {
        sum += term;
        term *= (n - k) as f64 / (k + 1) as f64 * p / (1.0 - p);
        sum
    });
    terms.take_while(|cumulative| *cumulative < 1.0 - 1e-15).collect()
}
