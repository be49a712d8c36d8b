//! How the units of an experiment are split between its variants.

use crate::methods::MethodError;
use crate::methods::error::{check_at_least, check_positive};

/// How units are split, in multiples of the control.
pub(super) struct Shares {
    pub(super) ratios: Vec<f64>,
    /// The units of the smallest treatment for one of the control.
    pub(super) smallest_ratio: f64,
}

impl Shares {
    pub(super) fn of(split: &[f64]) -> Result<Self, MethodError> {
        if split.len() < 2 {
            let expected = "a share for the control and for each treatment".to_owned();
            return Err(MethodError::BadShape { what: "the split", expected, got: split.len() });
        }
        split.iter().try_for_each(|share| check_positive("a share of the split", *share))?;
        let ratios: Vec<f64> = split.iter().map(|share| share / split[0]).collect();
        ratios.iter().try_for_each(|ratio| check_positive("a share of the split", *ratio))?;
        let smallest_ratio = ratios[1..].iter().copied().fold(f64::INFINITY, f64::min);
        Ok(Self { ratios, smallest_ratio })
    }

    /// The units of each variant when the control needs `n_control`, rounded up.
    pub(super) fn for_control(&self, n_control: f64) -> Result<Vec<u64>, MethodError> {
        let units = self.ratios.iter().map(|ratio| whole((n_control * ratio).ceil().max(1.0)));
        units.collect()
    }

    /// The units of each variant out of `total`, rounded down.
    pub(super) fn of_total(&self, total: u64) -> Result<Vec<u64>, MethodError> {
        let sum: f64 = self.ratios.iter().sum();
        self.ratios
            .iter()
            .map(|ratio| {
                // A whole share must not lose a unit to the rounding of the division.
                let units = whole((total as f64 * (ratio / sum) * (1.0 + 1e-12)).floor())?;
                check_at_least("units in a variant", units, 2)?;
                Ok(units)
            })
            .collect()
    }

    /// The place of the smallest treatment.
    pub(super) fn smallest(&self) -> usize {
        let at = self.ratios.iter().skip(1).position(|ratio| *ratio == self.smallest_ratio);
        at.map_or(1, |at| at + 1)
    }
}

/// A number of units, where it is one that can be counted.
pub(super) fn whole(units: f64) -> Result<u64, MethodError> {
    if units < 1e15 { Ok(units as u64) } else { Err(MethodError::Overflow { what: "the plan" }) }
}
