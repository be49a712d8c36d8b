//! Exposed units against the planned shares, which may change from one phase of an experiment to the next.

use verdict_model::rows::{EXPOSED, EXPOSURE_DS, SEVERAL_VARIANTS, WHOLE};
use verdict_model::{Design, NaiveDate};

use super::super::groups::Groups;
use super::Subject;
use crate::methods::MethodError;
use crate::methods::sample_ratio::{SampleRatio, exact_sample_ratio, sample_ratio_of_phases};

/// Units that every arm is expected to have, for the chi-squared law to hold.
const FEWEST_EXPECTED: f64 = 5.0;

/// Exposed units of each arm, by phase of the plan.
pub(super) struct Split<'a> {
    design: &'a Design,
    phases: Vec<Vec<u64>>,
}

impl<'a> Split<'a> {
    /// Nobody yet.
    pub(super) fn nobody(design: &'a Design) -> Split<'a> {
        Split { design, phases: vec![vec![0; design.arms.len()]; 1 + design.phases.len()] }
    }

    /// The units of a day's statistics, over all or in a segment. Where shares change, their days of first exposure tell the
    /// phase, and statistics without rows by day of exposure have no units.
    pub(super) fn of(
        subject: &Subject<'a>,
        groups: &Groups<'_>,
        segment: Option<(&str, &str)>,
    ) -> Split<'a> {
        let design = &subject.experiment.design;
        let mut split = Split::nobody(design);
        if design.phases.is_empty() {
            let (segment, value) = segment.unwrap_or((WHOLE, WHOLE));
            let units = design.arms.iter().map(|arm| {
                let row = groups.get(SEVERAL_VARIANTS, &arm.name, segment, value);
                row.map_or(0, |row| row.n.max(0).unsigned_abs())
            });
            split.phases = vec![units.collect()];
            return split;
        }
        for day in groups.values(EXPOSED, EXPOSURE_DS) {
            split.add(day, &exposed_on(design, groups, day, segment));
        }
        split
    }

    /// Adds the units of each arm that were first exposed on a day.
    pub(super) fn add(&mut self, day: &str, units: &[u64]) {
        // What is no date is before every phase.
        let phase = day.parse::<NaiveDate>().map_or(0, |day| self.design.phase_on(day));
        for (all, own) in self.phases[phase].iter_mut().zip(units) {
            *all = all.saturating_add(*own);
        }
    }

    /// The units of each arm, by phase.
    pub(super) fn phases(&self) -> &[Vec<u64>] {
        &self.phases
    }

    /// The planned shares of each phase.
    pub(super) fn weights(design: &Design) -> Vec<Vec<f64>> {
        (0..=design.phases.len()).map(|phase| design.weights_of(phase)).collect()
    }

    /// The units of each arm over all phases.
    pub(super) fn units(&self) -> Vec<u64> {
        let of =
            |arm: usize| self.phases.iter().map(|units| units[arm]).fold(0, u64::saturating_add);
        (0..self.design.arms.len()).map(of).collect()
    }

    /// The chi-squared test of the units of all phases.
    pub(super) fn test(&self) -> Result<SampleRatio, MethodError> {
        let weights = Split::weights(self.design);
        let phases = self.phases.iter().zip(&weights);
        let phases: Vec<(&[u64], &[f64])> =
            phases.map(|(units, weights)| (units.as_slice(), weights.as_slice())).collect();
        sample_ratio_of_phases(&phases)
    }

    /// The test with the p-value that holds for few units as well: of two arms in one phase the exact binomial one, else that of
    /// chi-squared where enough are expected of every arm.
    pub(super) fn test_of_few(&self) -> Option<(SampleRatio, f64)> {
        let test = self.test().ok()?;
        let acting = |units: &&Vec<u64>| units.iter().any(|n| *n > 0);
        let mut acting = self.phases.iter().zip(0..).filter(|(units, _)| acting(units));
        let p = match (acting.next(), acting.next()) {
            (Some((units, phase)), None) if units.len() == 2 => {
                let weights = self.design.weights_of(phase);
                exact_sample_ratio([units[0], units[1]], [weights[0], weights[1]]).ok()
            }
            _ if test.expected.iter().any(|expected| *expected < FEWEST_EXPECTED) => None,
            _ => Some(test.p_value),
        };
        Some((test, p?))
    }
}

/// The units of each arm that were first exposed on a day, over all or in a segment.
pub(super) fn exposed_on(
    design: &Design,
    groups: &Groups<'_>,
    day: &str,
    segment: Option<(&str, &str)>,
) -> Vec<u64> {
    let (name, value) = match segment {
        None => (EXPOSURE_DS.to_owned(), day.to_owned()),
        Some((name, value)) => (format!("{EXPOSURE_DS}*{name}"), format!("{day}*{value}")),
    };
    let arms = design.arms.iter();
    arms.map(|arm| {
        let row = groups.get(EXPOSED, &arm.name, &name, &value);
        row.map_or(0, |row| row.n.max(0).unsigned_abs())
    })
    .collect()
}
