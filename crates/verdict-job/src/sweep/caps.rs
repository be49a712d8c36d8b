//! Where the caps of winsorised components lie: at each look, over the totals of all units that count, arms together.
//!
//! A cap at a percentile is an order statistic, and exact: of each look the largest (or smallest) totals are kept, as many as
//! can matter, whatever the order in which they come. That is a pass of its own over the capped components, before the
//! sweep that clips; its memory is the share of units beyond the percentile, for each look.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::arrow::array::{Array, ArrayRef, AsArray};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use verdict_model::{Cap, Caps};

use super::bucket::totals_along;
use super::input::Kept;
use super::walk::{Path, paths};
use super::{Found, Sweep, Task, Total, input};
use crate::partition::Partition;

/// The ends of what is let through.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) lower: f64,
    pub(crate) upper: f64,
}

impl Limits {
    const OPEN: Limits = Limits { lower: f64::NEG_INFINITY, upper: f64::INFINITY };

    /// A total as it counts. Where the ends are the wrong way round, which a fixed and a moving one may be, the upper
    /// one counts.
    pub(crate) fn clip(self, total: f64) -> f64 {
        total.max(self.lower).min(self.upper)
    }
}

/// The limits of each task's capped components, by look.
pub(crate) type TaskLimits = Vec<Vec<Limits>>;

/// Finds the limits of every task's capped components ([`Task::capped`]) at each of its looks.
///
/// # Errors
/// A store fails; a total does not fit its type.
pub(crate) async fn limits(sweep: &Sweep, threads: usize) -> Result<Vec<TaskLimits>> {
    let moving = |task: &Task| task.capped.iter().any(|c| sweep.capped[*c].caps.moving());
    let mut found: Vec<TaskLimits> = Vec::new();
    let narrow = Arc::new(narrow(sweep, &moving));
    let tails = if narrow.tasks.is_empty() { Vec::new() } else { pass(&narrow, threads).await? };
    let mut tails = tails.into_iter();
    for task in &sweep.tasks {
        let own = if moving(task) { tails.next() } else { None };
        let mut own = own.into_iter().flatten();
        let of_capped = task.capped.iter().map(|capped| {
            let caps = sweep.capped[*capped].caps;
            let looks = if caps.moving() { own.next() } else { None };
            match looks {
                Some(looks) => looks.into_iter().map(|look| look.limits(caps)).collect(),
                None => vec![Pool::default().limits(caps); task.looks.len()],
            }
        });
        found.push(of_capped.collect());
    }
    Ok(found)
}

/// The same sweep with what caps that move need, and nothing else.
fn narrow(sweep: &Sweep, moving: &dyn Fn(&Task) -> bool) -> Sweep {
    let moves = |capped: &usize| sweep.capped[*capped].caps.moving();
    let tasks = sweep.tasks.iter().filter(|task| moving(task)).map(|task| {
        let capped: Vec<usize> = task.capped.iter().copied().filter(moves).collect();
        let mut totals: Vec<usize> = capped.iter().map(|c| sweep.capped[*c].total).collect();
        totals.sort_unstable();
        totals.dedup();
        Task { totals, capped, covariates: Vec::new(), ..task.clone() }
    });
    let tasks: Vec<Task> = tasks.collect();
    let used = tasks.iter().flat_map(|task| &task.totals);
    let used: BTreeSet<usize> = used.filter_map(|total| sweep.totals[*total].component).collect();
    let used: Vec<usize> = used.into_iter().collect();
    let place = |component: usize| used.iter().position(|own| *own == component);
    let totals = sweep
        .totals
        .iter()
        .map(|total| Total { component: total.component.and_then(place), ..total.clone() });
    let of_task = |task: Task| Task {
        components: task.components.iter().filter_map(|component| place(*component)).collect(),
        ..task
    };
    Sweep {
        tasks: tasks.into_iter().map(of_task).collect(),
        totals: totals.collect(),
        components: used.iter().map(|component| sweep.components[*component].clone()).collect(),
        covariates: Vec::new(),
        ..sweep.clone()
    }
}

/// By task, capped component and look.
type Pools = Vec<Vec<Vec<Pool>>>;

async fn pass(sweep: &Arc<Sweep>, threads: usize) -> Result<Pools> {
    let threads = threads.clamp(1, sweep.buckets.max(1) as usize);
    let mut workers = tokio::task::JoinSet::new();
    let kept = Arc::new(Kept::of(sweep));
    for first in 0..threads {
        let (sweep, kept) = (Arc::clone(sweep), Arc::clone(&kept));
        workers.spawn(async move {
            let mut pools = nothing(&sweep);
            for bucket in (0..sweep.buckets).skip(first).step_by(threads) {
                let rows = input::read(&sweep, &kept, bucket).await?;
                let sweep = Arc::clone(&sweep);
                let worked = tokio::task::spawn_blocking(move || {
                    pool_bucket(&sweep, &rows, &mut pools).map(|()| pools)
                });
                pools = worked.await.map_err(|e| exec_datafusion_err!("a pass ended: {e}"))??;
            }
            Ok::<_, datafusion::error::DataFusionError>(pools)
        });
    }
    let mut all = nothing(sweep);
    while let Some(worked) = workers.join_next().await {
        let pools = worked.map_err(|e| exec_datafusion_err!("a pass ended: {e}"))??;
        for (all, own) in
            all.iter_mut().flatten().flatten().zip(pools.into_iter().flatten().flatten())
        {
            all.merge(own);
        }
    }
    Ok(all)
}

fn rows(partition: &Partition) -> u64 {
    partition.footer.file_metadata().num_rows().unsigned_abs()
}

fn nothing(sweep: &Sweep) -> Pools {
    let of_task = |task: &Task| -> Vec<Vec<Pool>> {
        // No unit comes more often than its rows.
        let days = task.exposure_days.iter().map(|(_, partition)| rows(partition));
        let units = days.sum::<u64>() + task.base.as_ref().map_or(0, |base| rows(&base.totals));
        let of_capped =
            |capped: &usize| vec![Pool::new(sweep.capped[*capped].caps, units); task.looks.len()];
        task.capped.iter().map(of_capped).collect()
    };
    sweep.tasks.iter().map(of_task).collect()
}

fn pool_bucket(sweep: &Sweep, bucket: &input::Bucket, pools: &mut Pools) -> Result<()> {
    let found = Found::new(sweep);
    for (number, path) in paths(sweep, &found, bucket).into_iter().enumerate() {
        let task = &sweep.tasks[number];
        let totals = totals_along(sweep, bucket, number, &path, false)?;
        for (capped, pools) in task.capped.iter().zip(&mut pools[number]) {
            let total = sweep.capped[*capped].total;
            let Some(at) = task.totals.iter().position(|own| *own == total) else { continue };
            let values = doubles(&totals[at].at_points)?;
            each_look(task, &path, |look, point| {
                let counts = !(task.exclude && path.points[point].several_variants);
                if let Some(total) = values[point].filter(|_| counts) {
                    pools[look].push(total);
                }
            });
        }
    }
    Ok(())
}

/// Calls `tell` for every unit at every look from its first one on, with the point whose totals it has then.
pub(super) fn each_look(task: &Task, path: &Path, mut tell: impl FnMut(usize, usize)) {
    for (at, point) in path.points.iter().enumerate() {
        let Some(look) = point.look else { continue };
        let next = path.points.get(at + 1).filter(|next| next.unit == point.unit);
        let end = next.and_then(|next| next.look).map_or(task.looks.len(), |look| look as usize);
        (look as usize..end).for_each(|look| tell(look, at));
    }
}

/// Totals as doubles.
pub(super) fn doubles(totals: &ArrayRef) -> Result<Vec<Option<f64>>> {
    match totals.data_type() {
        DataType::Int64 => {
            let values = totals.as_primitive::<Int64Type>().iter();
            Ok(values.map(|v| v.map(|v| v as f64)).collect())
        }
        DataType::Float64 => Ok(totals.as_primitive::<Float64Type>().iter().collect()),
        other => Err(exec_datafusion_err!("totals of {other} have no caps")),
    }
}

/// The totals of one look, as far as its caps may lie among them.
#[derive(Clone, Debug, Default)]
struct Pool {
    units: u64,
    lower: Option<Tail>,
    upper: Option<Tail>,
}

impl Pool {
    /// For at most so many units.
    fn new(caps: Caps, units: u64) -> Pool {
        let tail = |cap, sign: f64| match cap {
            Some(Cap::Percentile(p)) => {
                let (below, _) = rank(p, units);
                // The order statistics on both sides of the quantile, from the end that is nearer by its name.
                let keep = if sign > 0.0 { units.saturating_sub(below) } else { below + 2 };
                Some(Tail { keep: keep as usize, sign, floor: None, values: Vec::new() })
            }
            _ => None,
        };
        Pool { units: 0, lower: tail(caps.lower, -1.0), upper: tail(caps.upper, 1.0) }
    }

    fn push(&mut self, total: f64) {
        self.units += 1;
        for tail in self.lower.iter_mut().chain(&mut self.upper) {
            tail.push(total * tail.sign);
        }
    }

    fn merge(&mut self, other: Pool) {
        self.units += other.units;
        for (tail, other) in [(&mut self.lower, other.lower), (&mut self.upper, other.upper)] {
            if let (Some(tail), Some(other)) = (tail, other) {
                other.values.into_iter().for_each(|value| tail.push(value));
            }
        }
    }

    fn limits(mut self, caps: Caps) -> Limits {
        let units = self.units;
        let limit = |cap, tail: &mut Option<Tail>, open| match (cap, tail) {
            (Some(Cap::Fixed(at)), _) => at,
            (Some(Cap::Percentile(p)), Some(tail)) if units > 0 => tail.quantile(p, units),
            _ => open,
        };
        let lower = limit(caps.lower, &mut self.lower, Limits::OPEN.lower);
        let upper = limit(caps.upper, &mut self.upper, Limits::OPEN.upper);
        Limits { lower, upper }
    }
}

/// The place of the order statistic below a percentile, counted from 0, and how far the quantile lies beyond it (type 7).
fn rank(percentile: f64, units: u64) -> (u64, f64) {
    let h = units.saturating_sub(1) as f64 * (percentile / 100.0);
    (h.floor() as u64, h.fract())
}

/// The largest of the values that came, or with a sign of -1 the opposites of the smallest.
#[derive(Clone, Debug)]
struct Tail {
    keep: usize,
    sign: f64,
    /// What cannot be among them any more.
    floor: Option<f64>,
    values: Vec<f64>,
}

impl Tail {
    fn push(&mut self, value: f64) {
        if self.floor.is_some_and(|floor| value < floor) {
            return;
        }
        self.values.push(value);
        if self.values.len() >= 2 * self.keep.max(512) {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let (len, keep) = (self.values.len(), self.keep.max(1));
        if len > keep {
            let (_, floor, _) = self.values.select_nth_unstable_by(len - keep, f64::total_cmp);
            self.floor = Some(*floor);
            self.values.drain(..len - keep);
        }
    }

    /// The quantile at a percentile of `units` values, of which these are the ones at the end.
    fn quantile(&mut self, percentile: f64, units: u64) -> f64 {
        self.values.sort_unstable_by(f64::total_cmp);
        let (below, beyond) = rank(percentile, units);
        let at = |place: u64| {
            // Counted from the end that is kept.
            let back = if self.sign > 0.0 { units - 1 - place } else { place };
            let index = self.values.len().saturating_sub(1 + back as usize);
            self.sign * self.values.get(index).copied().unwrap_or(0.0)
        };
        let lower = at(below);
        let upper = at((below + 1).min(units - 1));
        if beyond == 0.0 { lower } else { lower + beyond * (upper - lower) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Against sorting all of it, in any order of pushes and merges.
    #[test]
    fn quantiles_of_tails_are_those_of_all_values() {
        let mut state = 7_u64;
        let mut random = || {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as f64 / f64::from(1_u32 << 31)
        };
        for n in [1_usize, 2, 3, 10, 999, 5_000] {
            let values: Vec<f64> = (0..n).map(|_| (random() * 50.0).floor() - 5.0).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            for (low, high) in [(0.5, 99.5), (10.0, 90.0), (50.0, 50.1), (99.0, 99.9), (0.1, 1.0)] {
                let caps =
                    Caps { lower: Some(Cap::Percentile(low)), upper: Some(Cap::Percentile(high)) };
                // The bound on the units is loose.
                let mut pools = vec![Pool::new(caps, 3 * n as u64); 3];
                for (i, value) in values.iter().enumerate() {
                    pools[i % 3].push(*value);
                }
                let mut all = Pool::new(caps, 3 * n as u64);
                pools.into_iter().for_each(|pool| all.merge(pool));
                let naive = |p: f64| {
                    let h = (n - 1) as f64 * (p / 100.0);
                    let (i, f) = (h.floor() as usize, h.fract());
                    sorted[i] + if f > 0.0 { f * (sorted[i + 1] - sorted[i]) } else { 0.0 }
                };
                let limits = all.limits(caps);
                assert_eq!(
                    (limits.lower, limits.upper),
                    (naive(low), naive(high)),
                    "{n} {low} {high}"
                );
            }
        }
    }

    #[test]
    fn the_upper_end_counts_where_the_ends_cross() {
        let limits = Limits { lower: 10.0, upper: 4.0 };
        assert_eq!([3.0, 7.0, 20.0].map(|x| limits.clip(x)), [4.0; 3]);
        assert_eq!(Limits::OPEN.clip(1e308), 1e308);
    }
}
