//! Where a unit's totals are told as they count: at each of its points, and where a cap has moved over one that stayed.

use datafusion::arrow::array::{ArrayRef, Float64Array, UInt32Array};
use datafusion::arrow::compute::take;
use datafusion::error::Result;

use super::caps::{TaskLimits, doubles, each_look};
use super::lookback;
use super::totals::Totals;
use super::walk::Path;
use super::{Sweep, Task};

/// A task's totals along a path, as they count at each of its looks.
pub(super) struct Entries<'a> {
    path: &'a Path,
    totals: &'a [Totals],
    covariates: &'a [ArrayRef],
    /// The point whose totals an entry has, and its look.
    pub(super) at: Vec<(u32, u32)>,
    /// By the place in [`Task::capped`]: the clipped total of each entry.
    clipped: Vec<Vec<Option<f64>>>,
    /// Whether the totals of a point are those of the one before.
    same: Vec<bool>,
}

impl<'a> Entries<'a> {
    /// # Errors
    /// A clipped total is no number.
    pub(super) fn of(
        sweep: &Sweep,
        task: &Task,
        path: &'a Path,
        (totals, covariates): (&'a [Totals], &'a [ArrayRef]),
        limits: Option<&TaskLimits>,
    ) -> Result<Entries<'a>> {
        let points = &path.points;
        // Whether a point is what the one before was: of the same unit, with the same totals.
        let mut same: Vec<bool> = vec![true; points.len()];
        for (at, pair) in points.windows(2).enumerate() {
            same[at + 1] = pair[0].unit == pair[1].unit
                && pair[0].several_variants == pair[1].several_variants;
        }
        totals.iter().for_each(|totals| totals.compare(&mut same));
        let mut entries =
            Entries { path, totals, covariates, at: Vec::new(), clipped: Vec::new(), same };
        let Some(limits) = limits.filter(|limits| !limits.is_empty()) else {
            let settled = points.iter().zip(0..).filter_map(|(point, at)| Some((at, point.look?)));
            entries.at = settled.collect();
            return Ok(entries);
        };
        let values = task
            .capped
            .iter()
            .map(|capped| {
                let total = sweep.capped[*capped].total;
                let own = task.totals.iter().position(|own| *own == total);
                own.map_or(Ok(vec![None; points.len()]), |own| doubles(&totals[own].at_points))
            })
            .collect::<Result<Vec<_>>>()?;
        entries.clipped = vec![Vec::new(); task.capped.len()];
        let mut now: Vec<Option<f64>> = vec![None; task.capped.len()];
        each_look(task, path, |look, point| {
            for ((now, values), limits) in now.iter_mut().zip(&values).zip(limits) {
                *now = values[point].map(|total| limits[look].clip(total));
            }
            let settled = points[point].look == Some(look as u32);
            let moved = || {
                let last = entries.clipped.iter().map(|clipped| clipped.last().copied().flatten());
                last.zip(&now).any(|(last, now)| last.map(f64::to_bits) != now.map(f64::to_bits))
            };
            if settled || moved() {
                entries.at.push((point as u32, look as u32));
                entries.clipped.iter_mut().zip(&now).for_each(|(all, now)| all.push(*now));
            }
        });
        Ok(entries)
    }

    /// Whether an entry is the first one of its unit.
    pub(super) fn is_first(&self, entry: usize) -> bool {
        let unit = |entry: usize| self.path.points[self.at[entry].0 as usize].unit;
        entry == 0 || unit(entry) != unit(entry - 1)
    }

    /// Whether an entry of a unit has what the one before it had.
    pub(super) fn is_same(&self, entry: usize) -> bool {
        let (before, now) = (self.at[entry - 1].0, self.at[entry].0);
        let clipped = |all: &Vec<Option<f64>>| {
            all[entry].map(f64::to_bits) == all[entry - 1].map(f64::to_bits)
        };
        (before == now || self.same[now as usize]) && self.clipped.iter().all(clipped)
    }

    pub(super) fn several_variants(&self, entry: usize) -> bool {
        self.path.points[self.at[entry].0 as usize].several_variants
    }

    /// The points of some entries; null where there is none.
    pub(super) fn points(&self, entries: &[Option<u32>]) -> UInt32Array {
        entries.iter().map(|entry| entry.map(|entry| self.at[entry as usize].0)).collect()
    }

    /// A component's totals at some points.
    pub(super) fn total(&self, own: usize, points: &UInt32Array) -> Result<ArrayRef> {
        self.totals[own].at(points)
    }

    /// A covariate of the units at some points.
    pub(super) fn covariate(&self, own: usize, points: &UInt32Array) -> Result<ArrayRef> {
        lookback::at(&self.covariates[own], self.path, points)
    }

    /// A component's clipped totals at some entries.
    pub(super) fn clipped(&self, own: usize, entries: &[Option<u32>]) -> Result<ArrayRef> {
        let values = Float64Array::from(self.clipped[own].clone());
        Ok(take(&values, &UInt32Array::from(entries.to_vec()), None)?)
    }
}
