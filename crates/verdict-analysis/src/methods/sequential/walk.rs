//! A Brownian motion that is watched at looks and stopped outside bounds: the recursion behind every boundary.
//!
//! With independent increments the score of a look, B_k = Z_k sqrt(t_k), is a Brownian motion with drift watched at the
//! information times t_k. The density of B_k among the paths not stopped before follows that of B_{k-1}:
//! g_k(x) = ∫ g_{k-1}(u) N(x - u; drift (t_k - t_{k-1}), t_k - t_{k-1}) du over the bounds at k - 1.
//!
//! Sources: P. Armitage, C. K. McPherson & B. C. Rowe, JRSS A 132 (1969), 235-244; C. Jennison & B. W. Turnbull, Group
//! Sequential Methods (2000), chapter 19, equations (19.4) to (19.7).
//!
//! The integral is by Gauss-Legendre on panels that are as long as 64 nodes serve, with a fixed number of nodes for each
//! standard deviation of the smaller of the two neighbouring increments, both of which limit how fast the integrand
//! bends. Without drift and within symmetric bounds half of it is enough. Twice the nodes change no probability by more
//! than 1e-14 (tested).

use crate::methods::special::{MOST_NODES, gauss_legendre, norm_pdf, norm_sf};

/// Standard deviations kept of a side without a bound: beyond lies less than 2e-33 of the mass.
const OPEN_SIDE: f64 = 12.0;
/// Beyond this many standard deviations the normal density is zero in f64.
const KERNEL: f64 = 38.7;
/// A mirrored place this much less likely (exp(-40) = 4e-18 of the near one) adds no digit.
const MIRROR: f64 = 40.0;

/// How finely the integral over a look is made: nodes for each standard deviation of a panel, and some more for the panel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Resolution {
    per_sd: f64,
    more: f64,
}

impl Resolution {
    /// Probabilities to 1e-14 (tested).
    pub(crate) const FULL: Resolution = Resolution { per_sd: 2.6, more: 10.0 };
    /// Probabilities to 1e-9 (tested), in less than half the time.
    pub(crate) const COARSE: Resolution = Resolution { per_sd: 1.7, more: 7.0 };

    /// The longest panel that one rule serves, in standard deviations.
    fn longest(self) -> f64 {
        (MOST_NODES as f64 - self.more) / self.per_sd
    }

    fn nodes(self, sds: f64) -> usize {
        (self.per_sd * sds + self.more).ceil() as usize
    }
}

/// The state at one look; bounds and arguments are on the scale of B.
#[derive(Clone, Debug)]
pub(crate) struct Walk {
    drift: f64,
    resolution: Resolution,
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
    /// Whether each place has a mirrored one of the same mass: without drift and within symmetric bounds the density is
    /// symmetric, and only the upper half is kept.
    mirrored: bool,
}

impl Walk {
    /// At the first look.
    pub(crate) fn new(time: f64, drift: f64) -> Self {
        let whole_line = (f64::NEG_INFINITY, f64::INFINITY);
        Self { drift, resolution: Resolution::FULL, time, before: None, kept: whole_line }
    }

    /// The same, integrated with another resolution.
    #[must_use]
    pub(crate) fn with_resolution(self, resolution: Resolution) -> Self {
        Self { resolution, ..self }
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
        let sd = increment_before.min(time - self.time).sqrt();
        let (lower, upper) = self.reach();
        let mirrored = self.drift == 0.0
            && lower == -upper
            && self.before.as_ref().is_none_or(|grid| grid.mirrored);
        let from = if mirrored { 0.0 } else { lower };
        let panels = ((upper - from) / (self.resolution.longest() * sd)).ceil().max(0.0);
        let edge = |i: f64| from + (upper - from) * (i / panels);
        let rule = gauss_legendre(self.resolution.nodes((upper - from) / (panels * sd)));
        let mut nodes = Vec::with_capacity(rule.len() * panels as usize);
        for i in 0..panels as usize {
            let (left, right) = (edge(i as f64), edge(i as f64 + 1.0));
            let (middle, half) = (0.5 * (left + right), 0.5 * (right - left));
            let here = rule.iter().map(|(x, weight)| {
                let place = middle + half * x;
                (place, half * weight * self.density(place))
            });
            nodes.extend(here.filter(|(_, mass)| *mass > 0.0));
        }
        self.before = Some(Grid { time: self.time, nodes, mirrored });
        self.time = time;
        self.kept = (f64::NEG_INFINITY, f64::INFINITY);
    }

    /// P(not stopped before, B > x).
    pub(crate) fn above(&self, x: f64) -> f64 {
        self.sum(x, norm_sf)
    }

    /// P(not stopped before, B > x) of the same looks and bounds under another drift.
    ///
    /// Among the paths not stopped before, the density under a drift is that without one times exp(drift x - drift² t / 2)
    /// (Girsanov): the integral need not be made again. For walks without drift.
    pub(crate) fn above_under(&self, drift: f64, x: f64) -> f64 {
        let Some(grid) = &self.before else {
            return norm_sf((x - drift * self.time) / self.time.sqrt());
        };
        let increment = self.time - grid.time;
        let (sd, shift) = (increment.sqrt(), drift * increment);
        let tilted = |u: f64, mass: f64| {
            let tilt = (drift * u - 0.5 * drift * drift * grid.time).exp();
            mass * tilt * norm_sf((x - u - shift) / sd)
        };
        let both = |&(u, mass): &(f64, f64)| {
            tilted(u, mass) + if grid.mirrored { tilted(-u, mass) } else { 0.0 }
        };
        grid.nodes.iter().map(both).sum()
    }

    /// P(not stopped before, B < x).
    pub(crate) fn below(&self, x: f64) -> f64 {
        self.sum(x, |standardised| norm_sf(-standardised))
    }

    /// The density of B at x among the paths not stopped before.
    pub(crate) fn density(&self, x: f64) -> f64 {
        let increment = self.time - self.before.as_ref().map_or(0.0, |grid| grid.time);
        let (sd, shift) = (increment.sqrt(), self.drift * increment);
        let Some(grid) = &self.before else { return norm_pdf((x - shift) / sd) / sd };
        let x = if grid.mirrored { x.abs() } else { x };
        // Only the places from which x can be reached.
        let from = grid.nodes.partition_point(|(u, _)| x - u - shift > KERNEL * sd);
        let to = grid.nodes.partition_point(|(u, _)| x - u - shift > -KERNEL * sd);
        let near = &grid.nodes[from..to];
        let kernel = |&(u, mass): &(f64, f64)| mass * norm_pdf((x - u - shift) / sd);
        let mut density: f64 = near.iter().map(kernel).sum();
        if grid.mirrored {
            let both = grid.nodes.partition_point(|(u, _)| 2.0 * x * u < MIRROR * increment);
            let mirror = |&(u, mass): &(f64, f64)| mass * norm_pdf((x + u) / sd);
            density += grid.nodes[..both].iter().map(mirror).sum::<f64>();
        }
        density / sd
    }

    fn sum(&self, x: f64, tail: impl Fn(f64) -> f64) -> f64 {
        let Some(grid) = &self.before else {
            return tail((x - self.drift * self.time) / self.time.sqrt());
        };
        let increment = self.time - grid.time;
        let (sd, shift) = (increment.sqrt(), self.drift * increment);
        let near: f64 = grid.nodes.iter().map(|&(u, mass)| mass * tail((x - u - shift) / sd)).sum();
        if !grid.mirrored {
            return near;
        }
        near + grid.nodes.iter().map(|&(u, mass)| mass * tail((x + u) / sd)).sum::<f64>()
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
    fn crossed(times: &[f64], drift: f64, resolution: Resolution) -> f64 {
        let mut walk = Walk::new(times[0], drift).with_resolution(resolution);
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
    fn twice_the_nodes_change_nothing() {
        let daily: Vec<f64> = (1..=60).map(|k| f64::from(k) / 60.0).collect();
        let twice = Resolution { per_sd: 7.0, more: 20.0 };
        for times in [&daily[..], &[0.3, 0.3001, 0.9, 0.90001, 1.0], &[1e-6, 1.0], &[0.5, 2.0]] {
            for drift in [0.0, 0.7] {
                let exact = crossed(times, drift, twice);
                for (resolution, within) in [(Resolution::FULL, 1e-14), (Resolution::COARSE, 1e-9)]
                {
                    let found = crossed(times, drift, resolution);
                    let apart = (found - exact).abs();
                    assert!(apart < within, "{} looks, {resolution:?}: {apart:e}", times.len());
                }
            }
        }
    }

    #[test]
    fn another_drift_is_a_tilt_of_the_same_integral() {
        for bound in [f64::INFINITY, 2.5] {
            let (mut without, mut with) = (Walk::new(0.3, 0.0), Walk::new(0.3, -1.7));
            for time in [0.3, 0.5, 0.8, 1.0_f64] {
                if time > 0.3 {
                    without.advance(time);
                    with.advance(time);
                }
                for x in [-2.0, 0.1, 2.5] {
                    let (tilted, own) = (without.above_under(-1.7, x), with.above(x));
                    assert!((tilted - own).abs() < 1e-14, "{time} {x}: {tilted} {own}");
                }
                let keep = (-bound * time.sqrt(), 2.2 * time.sqrt());
                without.keep(keep.0, keep.1);
                with.keep(keep.0, keep.1);
            }
        }
    }

    #[test]
    fn half_of_a_symmetric_density_tells_all_of_it() {
        let whole = |drift: f64| {
            let mut walk = Walk::new(1.0, drift);
            let mut found = Vec::new();
            for time in 2..=10 {
                let bound = 1.5 * walk.time().sqrt();
                walk.keep(-bound, bound);
                walk.advance(f64::from(time));
                for x in [-3.0, -0.1, 0.0, 0.4, 5.0] {
                    found.extend([walk.density(x), walk.above(x), walk.below(x)]);
                }
            }
            found
        };
        // A drift this small changes no digit, and the density is kept whole.
        for (half, whole) in whole(0.0).into_iter().zip(whole(1e-18)) {
            assert!((half - whole).abs() < 1e-15, "{half} {whole}");
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
                assert!((walk.above(x) - norm_sf(z)).abs() < 5e-15);
                assert!((walk.below(x) - norm_sf(-z)).abs() < 5e-15);
                assert!((walk.density(x) - norm_pdf(z) / time.sqrt()).abs() < 5e-15);
            }
        }
    }
}
