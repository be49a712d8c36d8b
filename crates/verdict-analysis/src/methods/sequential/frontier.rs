//! The boundary of a group-sequential plan as far as it has come, whether or not increments are independent.

use super::boundary::{Boundary, Sides};
use super::correlated::CorrelatedBoundary;
use crate::methods::MethodError;

/// The boundary and the share of the plan that has passed.
#[derive(Clone, Debug)]
pub(crate) struct Frontier {
    kind: Kind,
    fraction: f64,
}

#[derive(Clone, Debug)]
enum Kind {
    Independent(Boundary),
    Correlated(CorrelatedBoundary),
}

impl Frontier {
    pub(crate) fn new(correlated: bool, sides: Sides, points: usize) -> Self {
        let kind = if correlated {
            Kind::Correlated(CorrelatedBoundary::new(sides, points))
        } else {
            Kind::Independent(Boundary::new(sides))
        };
        Self { kind, fraction: 0.0 }
    }

    /// The same for searches that try many levels: right to 1e-7 in its bounds with independent increments.
    pub(crate) fn coarse(correlated: bool, sides: Sides, points: usize) -> Self {
        let frontier = Self::new(correlated, sides, points);
        match frontier.kind {
            Kind::Independent(_) => {
                Self { kind: Kind::Independent(Boundary::coarse(sides)), ..frontier }
            }
            Kind::Correlated(_) => frontier,
        }
    }

    /// The share of the plan that has passed, at most 1: it never falls.
    pub(crate) fn pass(&mut self, fraction: f64) -> f64 {
        self.fraction = self.fraction.max(fraction.min(1.0));
        self.fraction
    }

    /// The bound of the next look, by which one side may have spent `allowed`.
    pub(crate) fn look(
        &mut self,
        information: f64,
        correlations: Option<&[f64]>,
        allowed: f64,
    ) -> Result<f64, MethodError> {
        match &mut self.kind {
            Kind::Independent(boundary) => boundary.look(information, allowed),
            Kind::Correlated(boundary) => boundary.look(correlations.unwrap_or(&[]), allowed),
        }
    }

    /// What one side has spent.
    pub(crate) fn spent(&self) -> f64 {
        match &self.kind {
            Kind::Independent(boundary) => boundary.spent(),
            Kind::Correlated(boundary) => boundary.spent(),
        }
    }
}
