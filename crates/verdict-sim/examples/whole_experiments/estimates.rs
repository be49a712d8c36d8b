//! Estimates that are no plain means, looked at on each of 28 days: resampled, post-stratified, and quantiles.
//!
//! Units are drawn one by one here, without an effect, and rows of group statistics are made of them day by day as the
//! pipeline makes them: totals and how many units have them, moments with the day before in each value of a segment,
//! buckets of values. [`judge_results`] says of each experiment whether a method has found anything by day 28. An experiment of
//! which no single day is significant at a level that the method could have spent by then is not judged any further.

use std::collections::BTreeMap;
use std::error::Error;
use std::io::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use verdict_accum::{Distribution, UnitValues};
use verdict_analysis::judge::judge_results;
use verdict_analysis::methods::sequential::spending::Spending;
use verdict_model::rows::{self, GroupStat, Totals, WHOLE};
use verdict_model::{Bootstrap, BootstrapInterval, Experiment, NaiveDate, SequentialMethod};
use verdict_sim::Rate;

use crate::case::{DAYS, LOOKS, Looks, experiment};
use crate::{MOST, shown};

/// Replicates of a bootstrap: fewer than a metric has by default, for their price.
const REPLICATES: u32 = 2_000;
/// Shares of the strata, and their levels.
const STRATA: [(f64, f64); 3] = [(0.5, 0.0), (0.3, 1.0), (0.2, 3.0)];
const SEGMENT: &str = "country";
const VALUES: [&str; 3] = ["a", "b", "c"];

/// What is estimated.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Estimated {
    Resampled(BootstrapInterval),
    ByStrata,
    OfTotals(f64),
    OfEvents(f64),
}

/// What units do.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Acts {
    /// One number of a unit, when it enters: of 5% of them a log-normal one, in halves, of others zero.
    Spends,
    /// One normal number around the level of its stratum.
    OnceAroundItsStratum,
    /// One log-normal number.
    OnceLogNormal,
    /// Every day a normal number around its own mean, which is as variable as its days, and around three tenths of the level of its stratum besides.
    DailyAroundItsStratum,
    /// Every day a log-normal number, half of whose logarithm's variance is the unit's own.
    DailyLogNormal,
}

struct World {
    name: &'static str,
    estimated: Estimated,
    acts: Acts,
    units_per_day: u32,
    /// Whether the level is claimed; otherwise it is shown only.
    claimed: bool,
}

const WORLDS: [World; 9] = [
    World {
        name: "BCa bootstrap of a skewed mean",
        estimated: Estimated::Resampled(BootstrapInterval::Bca),
        acts: Acts::Spends,
        units_per_day: 800,
        claimed: true,
    },
    World {
        name: "percentile bootstrap of a skewed mean",
        estimated: Estimated::Resampled(BootstrapInterval::Percentile),
        acts: Acts::Spends,
        units_per_day: 800,
        claimed: true,
    },
    World {
        name: "post-stratified mean",
        estimated: Estimated::ByStrata,
        acts: Acts::OnceAroundItsStratum,
        units_per_day: 80,
        claimed: true,
    },
    World {
        name: "post-stratified total that grows",
        estimated: Estimated::ByStrata,
        acts: Acts::DailyAroundItsStratum,
        units_per_day: 40,
        claimed: true,
    },
    World {
        name: "median of values complete at entry, 400 units a day",
        estimated: Estimated::OfTotals(0.5),
        acts: Acts::OnceLogNormal,
        units_per_day: 400,
        claimed: false,
    },
    World {
        name: "median of values complete at entry, 80 units a day",
        estimated: Estimated::OfTotals(0.5),
        acts: Acts::OnceLogNormal,
        units_per_day: 80,
        claimed: false,
    },
    World {
        name: "90th percentile of values complete at entry, 80 units a day",
        estimated: Estimated::OfTotals(0.9),
        acts: Acts::OnceLogNormal,
        units_per_day: 80,
        claimed: false,
    },
    World {
        name: "median of totals that grow",
        estimated: Estimated::OfTotals(0.5),
        acts: Acts::DailyLogNormal,
        units_per_day: 40,
        claimed: false,
    },
    World {
        name: "90th percentile of events, units acting daily",
        estimated: Estimated::OfEvents(0.9),
        acts: Acts::DailyLogNormal,
        units_per_day: 40,
        claimed: false,
    },
];

/// Whether a row that claims its level exceeds it by more than a tenth.
pub(crate) fn table(
    out: &mut impl Write,
    experiments: u64,
    seed: u64,
    wanted: &dyn Fn(&str) -> bool,
) -> Result<bool, Box<dyn Error>> {
    let mut exceeded = false;
    writeln!(out, "\n| estimate | looks | experiments | false positives | 95% interval |")?;
    writeln!(out, "| --- | --- | ---: | ---: | --- |")?;
    for world in &WORLDS {
        let name = |looks: &Looks| format!("{} | {}", world.name, looks.name);
        let looks: Vec<Looks> =
            LOOKS.iter().copied().filter(|looks| wanted(&name(looks))).collect();
        if looks.is_empty() {
            continue;
        }
        let clock = Instant::now();
        let counts = false_positives(world, &looks, experiments, seed)?;
        let speed = experiments as f64 / clock.elapsed().as_secs_f64();
        writeln!(std::io::stderr(), "{}: {speed:.0} experiments a second", world.name)?;
        for (looks, count) in looks.iter().zip(counts) {
            let rate = Rate::new(count, experiments);
            writeln!(out, "| {} | {experiments} | {} |", name(looks), shown(&rate))?;
            exceeded |= world.claimed && looks.valid && rate.rate > MOST;
        }
        out.flush()?;
    }
    Ok(exceeded)
}

/// In how many experiments each way to look has found something.
fn false_positives(
    world: &World,
    looks: &[Looks],
    experiments: u64,
    seed: u64,
) -> Result<Vec<u64>, Box<dyn Error>> {
    let judges =
        looks.iter().map(|looks| Judge::new(world, looks)).collect::<Result<Vec<_>, _>>()?;
    let next = AtomicU64::new(0);
    let counts = Mutex::new(vec![0; looks.len()]);
    let work = || {
        let mut own = vec![0_u64; judges.len()];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= experiments {
                break;
            }
            let days = world.days(seed, number);
            let alone = judges.first().map_or_else(Vec::new, |judge| judge.alone(&days));
            for (own, judge) in own.iter_mut().zip(&judges) {
                *own += u64::from(judge.finds(&days, &alone));
            }
        }
        let mut counts = counts.lock().unwrap_or_else(|e| e.into_inner());
        counts.iter_mut().zip(own).for_each(|(all, own)| *all += own);
    };
    let threads = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(work);
        }
    });
    Ok(counts.into_inner().unwrap_or_else(|e| e.into_inner()))
}

/// An experiment that looks in one way.
struct Judge {
    experiment: Experiment,
    alone: Experiment,
    types: BTreeMap<String, String>,
}

impl Judge {
    fn new(world: &World, looks: &Looks) -> Result<Judge, Box<dyn Error>> {
        let mut experiment = experiment("primary: {name: m}", "[control, treatment]", looks, "")?.0;
        match world.estimated {
            Estimated::Resampled(interval) => {
                let replicates = REPLICATES;
                experiment.primary.bootstrap =
                    Some(Bootstrap { interval, replicates, ..Bootstrap::default() });
            }
            Estimated::ByStrata => experiment.primary.post_stratify = Some(SEGMENT.to_owned()),
            Estimated::OfTotals(_) | Estimated::OfEvents(_) => {}
        }
        let mut alone = experiment.clone();
        alone.settings.sequential = SequentialMethod::None;
        alone.settings.max_duration_days = None;
        alone.settings.min_duration_days = None;
        let types = BTreeMap::from([("m".to_owned(), world.metric_type().to_owned())]);
        Ok(Judge { experiment, alone, types })
    }

    /// The p-value of each day alone.
    fn alone(&self, days: &[Vec<GroupStat>]) -> Vec<Option<f64>> {
        let enough =
            |day: &&Vec<GroupStat>| day.iter().all(|row| row.segment != WHOLE || row.n >= 100);
        let p = |day: &Vec<GroupStat>| {
            let ds = day.first()?.ds;
            let rows = judge_results(&self.alone, &self.types, ds, day);
            rows.iter().find(|row| row.segment == WHOLE)?.p_value
        };
        days.iter().map(|day| Some(day).filter(enough).and_then(p)).collect()
    }

    /// Whether it finds something by the last day.
    fn finds(&self, days: &[Vec<GroupStat>], alone: &[Option<f64>]) -> bool {
        let alpha = self.experiment.settings.alpha;
        let settings = &self.experiment.settings;
        let by_day = |day: usize, p: f64| {
            let fraction = (day + 1) as f64 / f64::from(DAYS);
            let spending = match settings.sequential {
                SequentialMethod::None if settings.max_duration_days.is_some() => {
                    return day + 1 == alone.len() && p <= alpha;
                }
                SequentialMethod::None => return p <= alpha,
                SequentialMethod::ObrienFleming => Spending::ObrienFleming,
                SequentialMethod::Pocock => Spending::Pocock,
                // No bound of a mixture is below three standard errors at 5%.
                SequentialMethod::Msprt | SequentialMethod::ConfidenceSequence => {
                    return p <= 0.0034;
                }
            };
            // What a plan has spent by a look is at least the chance to cross at it; nearly, and of a bootstrap as far as its
            // replicates can tell.
            let least = 2.5 / f64::from(REPLICATES);
            let resampled = self.experiment.primary.bootstrap.is_some() && p <= least;
            let spent = spending.spent(fraction, 0.5 * alpha).map_or(1.0, |spent| 2.0 * spent);
            resampled || p <= 1.25 * spent
        };
        let some = alone.iter().enumerate().any(|(day, p)| p.is_some_and(|p| by_day(day, p)));
        if !some || settings.sequential == SequentialMethod::None {
            return some;
        }
        let Some(ds) = days.last().and_then(|day| Some(day.first()?.ds)) else { return false };
        let rows = judge_results(&self.experiment, &self.types, ds, &days.concat());
        let row = rows.iter().find(|row| row.segment == WHOLE);
        row.and_then(|row| row.p_value_adjusted).is_some_and(|p| p <= alpha)
    }
}

/// A unit, and what it has today and had the day before.
#[derive(Clone, Default)]
struct Unit {
    stratum: usize,
    own: f64,
    total: f64,
    before: Option<f64>,
    values: UnitValues,
}

impl World {
    fn metric_type(&self) -> &'static str {
        match self.estimated {
            Estimated::Resampled(_) | Estimated::ByStrata => "mean",
            Estimated::OfTotals(_) | Estimated::OfEvents(_) => "quantile",
        }
    }

    /// The rows of every day of an experiment.
    fn days(&self, seed: u64, number: u64) -> Vec<Vec<GroupStat>> {
        let mut random = Random::of(seed, number);
        let mut arms = [("control", Arm::default()), ("treatment", Arm::default())];
        let first = NaiveDate::from_ymd_opt(2001, 1, 1).unwrap_or_default();
        let dates = first.iter_days().take(DAYS as usize);
        dates
            .map(|ds| {
                let new = (0..self.units_per_day).filter(|_| random.uniform() < 0.5).count();
                let split = [self.units_per_day as usize - new, new];
                let mut rows = Vec::new();
                for ((variant, arm), new) in arms.iter_mut().zip(split) {
                    arm.day(self.acts, self.estimated, new, &mut random);
                    arm.rows(self, ds, variant, &mut rows);
                }
                rows
            })
            .collect()
    }
}

/// A variant's units.
#[derive(Default)]
struct Arm {
    units: Vec<Unit>,
    distribution: Distribution,
}

impl Arm {
    fn day(&mut self, acts: Acts, estimated: Estimated, new: usize, random: &mut Random) {
        let entered = self.units.len();
        for unit in &mut self.units {
            unit.before = Some(unit.total);
        }
        for _ in 0..new {
            let u = random.uniform();
            let stratum = usize::from(u > STRATA[0].0) + usize::from(u > STRATA[0].0 + STRATA[1].0);
            self.units.push(Unit { stratum, own: random.normal(), ..Unit::default() });
        }
        let daily = matches!(acts, Acts::DailyAroundItsStratum | Acts::DailyLogNormal);
        let acting = if daily { 0 } else { entered };
        for unit in self.units.iter_mut().skip(acting) {
            let level = STRATA[unit.stratum].1;
            let value = match acts {
                Acts::Spends if random.uniform() < 0.05 => {
                    (2.0 * random.normal().exp()).ceil() / 2.0
                }
                Acts::Spends => 0.0,
                Acts::OnceAroundItsStratum => level + random.normal(),
                Acts::OnceLogNormal => random.normal().exp(),
                Acts::DailyAroundItsStratum => 1.0 + 0.3 * level + unit.own + random.normal(),
                Acts::DailyLogNormal => (0.5 * unit.own + 0.5 * random.normal()).exp(),
            };
            // Finite by construction, like all values here.
            match estimated {
                Estimated::OfTotals(_) => {
                    if unit.before.is_some() {
                        let _ = self.distribution.push_one(-1, unit.total);
                    }
                    let _ = self.distribution.push_one(1, unit.total + value);
                }
                Estimated::OfEvents(_) => {
                    if unit.before.is_some() {
                        self.distribution.push(-1, &unit.values);
                    }
                    let _ = unit.values.push(value);
                    self.distribution.push(1, &unit.values);
                }
                Estimated::Resampled(_) | Estimated::ByStrata => {}
            }
            unit.total += value;
        }
    }

    fn rows(&self, world: &World, ds: NaiveDate, variant: &str, rows: &mut Vec<GroupStat>) {
        let row = |segment: &str, value: &str| GroupStat {
            experiment: "e".to_owned(),
            ds,
            metric: "m".to_owned(),
            metric_type: world.metric_type().to_owned(),
            variant: variant.to_owned(),
            segment: segment.to_owned(),
            segment_value: value.to_owned(),
            ..GroupStat::default()
        };
        let n = i64::try_from(self.units.len()).unwrap_or_default();
        match world.estimated {
            Estimated::OfTotals(q) | Estimated::OfEvents(q) => {
                let buckets = self.distribution.buckets();
                rows.push(GroupStat {
                    n,
                    quantile: Some(q),
                    distribution: Some(rows::Distribution {
                        lower: buckets.iter().map(|b| b.lower).collect(),
                        upper: buckets.iter().map(|b| b.upper).collect(),
                        count: buckets.iter().map(|b| b.count as i64).collect(),
                        square: buckets.iter().map(|b| b.square as f64).collect(),
                        product: buckets.iter().map(|b| b.product as f64).collect(),
                    }),
                    ..row(WHOLE, WHOLE)
                });
            }
            Estimated::Resampled(_) => {
                // Halves, so that twice a total is whole.
                let mut counts: BTreeMap<u64, i64> = BTreeMap::new();
                for unit in &self.units {
                    *counts.entry((2.0 * unit.total) as u64).or_default() += 1;
                }
                let totals = Totals {
                    x: counts.keys().map(|twice| *twice as f64 / 2.0).collect(),
                    y: None,
                    count: counts.into_values().collect(),
                };
                let of_all = moments(&self.units.iter(), row(WHOLE, WHOLE));
                rows.push(GroupStat { totals: Some(totals), ..of_all });
            }
            Estimated::ByStrata => {
                rows.push(moments(&self.units.iter(), row(WHOLE, WHOLE)));
                for (k, value) in VALUES.iter().enumerate() {
                    let of_value = self.units.iter().filter(|unit| unit.stratum == k);
                    rows.push(moments(&of_value, row(SEGMENT, value)));
                }
            }
        }
    }
}

/// Means, second moments, and what the units that were there the day before share with it.
fn moments<'u>(units: &(impl Iterator<Item = &'u Unit> + Clone), row: GroupStat) -> GroupStat {
    let n = units.clone().count();
    let mean = |sum: f64, n: usize| if n > 0 { sum / n as f64 } else { 0.0 };
    let sum: f64 = units.clone().map(|unit| unit.total).sum();
    let mean_x = mean(sum, n);
    let m2: f64 = units.clone().map(|unit| (unit.total - mean_x) * (unit.total - mean_x)).sum();
    let both = || units.clone().filter_map(|unit| Some((unit.total, unit.before?)));
    let n_both = both().count();
    let now = mean(both().map(|(now, _)| now).sum(), n_both);
    let then = mean(both().map(|(_, then)| then).sum(), n_both);
    let co: f64 = both().map(|(x, y)| (x - now) * (y - then)).sum();
    GroupStat {
        n: i64::try_from(n).unwrap_or_default(),
        sum_x: Some(sum),
        mean_x: Some(mean_x),
        m2_x: Some(m2),
        n_before: i64::try_from(n_both).ok(),
        co_x_before: Some(co),
        ..row
    }
}

/// splitmix64, with Box and Muller's normal numbers.
struct Random {
    state: u64,
    spare: Option<f64>,
}

impl Random {
    fn of(seed: u64, number: u64) -> Random {
        let state =
            seed.wrapping_mul(0x2545_f491_4f6c_dd1d) ^ number.wrapping_mul(0xd134_2543_de82_ef95);
        Random { state, spare: None }
    }

    /// Above 0 and below 1.
    fn uniform(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 12) as f64 / (1_u64 << 52) as f64 + 1.0 / (1_u64 << 54) as f64
    }

    fn normal(&mut self) -> f64 {
        if let Some(spare) = self.spare.take() {
            return spare;
        }
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        let (sin, cos) = (std::f64::consts::TAU * self.uniform()).sin_cos();
        self.spare = Some(radius * sin);
        radius * cos
    }
}
