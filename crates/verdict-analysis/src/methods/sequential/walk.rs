//! A Brownian motion that is watched at looks and stopped outside bounds: the recursion behind every boundary.
//!
//! With independent increments the score of a look, B_k = Z_k sqrt(t_k), is a Brownian motion with drift watched at the
//! information times t_k. The density of B_k among the paths not stopped before follows that of B_{k-1}:
//! g_k(x) = ∫ g_{k-1}(u) N(x - u; drift (t_k - t_{k-1}), t_k - t_{k-1}) du over the bounds at k - 1.
//!
//! Sources: P. Armitage, C. K. McPherson & B. C. Rowe, JRSS A 132 (1969), 235-244; C. Jennison & B. W. Turnbull, Group
//! Sequential Methods (2000), chapter 19, equations (19.4) to (19.7).
//!
//! The integral is by 20-point Gauss-Legendre on panels of at most three standard deviations of the smaller of
//! the two neighbouring increments, both of which limit how fast the integrand bends. Its error term there is
//! below 1e-20 of the integrand; what is seen is rounding, and halving the panels changes no probability by more
//! than 1e-14 (tested).

use crate::methods::special::{norm_pdf, norm_sf, panel_nodes};

/// Standard deviations kept of a side without a bound: beyond lies less than 2e-33 of the mass.
const OPEN_SIDE: f64 = 12.0;
/// Beyond this many standard deviations the normal density is zero in f64.
const KERNEL: f64 = 38.7;

/// The state at one look; bounds and arguments are on the scale of B.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    drift: f64,
    panel: f64,
    time: f64,
    /// The look before this one.
    before: Option<Grid>,
    /// Where the paths of this look continue.
    kept: (f64, f64),
}

/// The density at a look among the paths that continue from it.
#[derive(Clone, Debug)]
struct Grid {
    time: f64,
    /// Ascending places and the mass that each stands for.
    nodes: Vec<(f64, f64)>,
}

impl Walk {
    /// At the first look.
    pub(crate) fn new(time: f64, drift: f64) -> Self {
        Self { drift, panel: 3.0, time, before: None, kept: (f64::NEG_INFINITY, f64::INFINITY) }
    }

    /// The same with panels of at most this many standard deviations.
    #[must_use]
    pub(crate) fn with_panels(self, panel: f64) -> Self {
        Self { panel, ..self }
    }

    /// Information at this look.
    pub(crate) fn time(&self) -> f64 {
        self.time
    }

    /// Stops the paths of this look that lie outside.
    pub(crate) fn keep(&mut self, lower: f64, upper: f64) {
        self.kept = (lower, upper);
    }

    /// Goes on to a look at a later time.
    pub(crate) fn advance(&mut self, time: f64) {
        let increment_before = self.time - self.before.as_ref().map_or(0.0, |grid| grid.time);
        let widest = self.panel * increment_before.min(time - self.time).sqrt();
        let (lower, upper) = self.reach();
        let panels = ((upper - lower) / widest).ceil().max(0.0);
        let edge = |i: f64| lower + (upper - lower) * (i / panels);
        let mut nodes = Vec::with_capacity(20 * panels as usize);
        for i in 0..panels as usize {
            nodes.extend(
                panel_nodes(edge(i as f64), edge(i as f64 + 1.0))
                    .map(|(x, weight)| (x, weight * self.density(x)))
                    .filter(|(_, mass)| *mass > 0.0),
            );
        }
        self.before = Some(Grid { time: self.time, nodes });
        self.time = time;
        self.kept = (f64::NEG_INFINITY, f64::INFINITY);
    }

    /// P(not stopped before, B > x).
    pub(crate) fn above(&self, x: f64) -> f64 {
        self.sum(x, norm_sf)
    }

    /// P(not stopped before, B < x).
    pub(crate) fn below(&self, x: f64) -> f64 {
        self.sum(x, |standardised| norm_sf(-standardised))
    }

    /// The density of B at x among the paths not stopped before.
    pub(crate) fn density(&self, x: f64) -> f64 {
        let increment = self.time - self.before.as_ref().map_or(0.0, |grid| grid.time);
        let (sd, shift) = (increment.sqrt(), self.drift * increment);
        match &self.before {
            None => norm_pdf((x - shift) / sd) / sd,
            Some(grid) => {
                // Only the places from which x can be reached.
                let from = grid.nodes.partition_point(|(u, _)| x - u - shift > KERNEL * sd);
                let to = grid.nodes.partition_point(|(u, _)| x - u - shift > -KERNEL * sd);
                let kernel = |&(u, mass): &(f64, f64)| mass * norm_pdf((x - u - shift) / sd);
                grid.nodes[from..to].iter().map(kernel).sum::<f64>() / sd
            }
        }
    }

    fn sum(&self, x: f64, tail: impl Fn(f64) -> f64) -> f64 {
        match &self.before {
            None => tail((x - self.drift * self.time) / self.time.sqrt()),
            Some(grid) => {
                let increment = self.time - grid.time;
                let (sd, shift) = (increment.sqrt(), self.drift * increment);
                grid.nodes.iter().map(|&(u, mass)| mass * tail((x - u - shift) / sd)).sum()
            }
        }
    }

    /// The bounds, cut where nothing is left.
    fn reach(&self) -> (f64, f64) {
        let (middle, sd) = (self.drift * self.time, self.time.sqrt());
        let (far, nothing) = (OPEN_SIDE * sd, KERNEL * sd);
        // The density itself is zero beyond: a bound of a million costs no more than none.
        let cut = |bound: f64| {
            if bound.is_finite() { bound.clamp(middle - nothing, middle + nothing) } else { bound }
        };
        let (lower, upper) = (cut(self.kept.0), cut(self.kept.1));
        let open_lower = middle.min(upper) - far;
        let open_upper = middle.max(lower) + far;
        (
            if lower.is_finite() { lower } else { open_lower },
            if upper.is_finite() { upper } else { open_upper },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P(|B| leaves ± 2.5 sqrt(t) at one of the times).
    fn crossed(times: &[f64], panel: f64) -> f64 {
        let mut walk = Walk::new(times[0], 0.7);
        walk.panel = panel;
        let mut total = 0.0;
        for (k, t) in times.iter().enumerate() {
            if k > 0 {
                walk.advance(*t);
            }
            let bound = 2.5 * t.sqrt();
            total += walk.above(bound) + walk.below(-bound);
            walk.keep(-bound, bound);
        }
        total
    }

    #[test]
    fn halving_the_panels_changes_nothing() {
        let daily: Vec<f64> = (1..=60).map(|k| f64::from(k) / 60.0).collect();
        for times in [&daily[..], &[0.3, 0.3001, 0.9, 0.90001, 1.0], &[1e-6, 1.0], &[0.5, 2.0]] {
            let (coarse, fine) = (crossed(times, 3.0), crossed(times, 1.5));
            assert!((coarse - fine).abs() < 1e-14, "{times:?}: {coarse} {fine}");
        }
    }

    #[test]
    fn bounds_far_out_cost_nothing_and_change_nothing() {
        let total = |bound: f64| {
            let mut walk = Walk::new(0.5, 3.0);
            walk.keep(-bound, bound);
            walk.advance(0.501);
            walk.keep(-bound, bound);
            walk.advance(1.0);
            walk.above(2.0)
        };
        assert!((total(1e12) - norm_sf(-1.0)).abs() < 1e-14, "{:e}", total(1e12) - norm_sf(-1.0));
        assert!((total(f64::INFINITY) - norm_sf(-1.0)).abs() < 1e-14);
    }

    #[test]
    fn without_bounds_the_walk_is_a_normal_at_every_look() {
        let mut walk = Walk::new(0.2, -1.3);
        for time in [0.25, 0.7, 3.0_f64] {
            walk.advance(time);
            for x in [-4.0, 0.0, 2.5] {
                let z = (x + 1.3 * time) / time.sqrt();
                assert!((walk.above(x) - norm_sf(z)).abs() < 1e-15);
                assert!((walk.below(x) - norm_sf(-z)).abs() < 1e-15);
                assert!((walk.density(x) - norm_pdf(z) / time.sqrt()).abs() < 1e-15);
            }
        }
    }
}
