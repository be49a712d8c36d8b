//! Group-sequential boundaries: by error spending at any information times, and the classical families.
//!
//! The statistics Z_k of looks with independent increments have E Z_k = theta sqrt(I_k) and corr(Z_j, Z_k) =
//! sqrt(I_j / I_k), j < k: only the ratios of the information count. The bound at look k is the c with P(no
//! crossing before k, Z_k > c) = what is newly spent there, for each side; a two-sided design is symmetric, with
//! half of alpha a side. Estimates that do *not* have independent increments, such as totals of units that keep
//! acting, need [`crate::methods::sequential::correlated`].
//!
//! A look that may spend nothing new (information that repeats or shrinks; a fraction of zero) has the bound
//! infinity: it is no test, and what it did not spend is left to the looks after it. Information beyond the plan
//! spends what is left and no more; after that every bound is infinite.
//!
//! Accuracy: the probabilities that are inverted are right to 1e-14 (the recursion of `walk.rs`), up to 60 looks, and the
//! bounds to the 1e-6 at which they are compared with the reference values.
//!
//! Sources: P. C. O'Brien & T. R. Fleming, Biometrics 35 (1979), 549-556; S. J. Pocock, Biometrika 64 (1977),
//! 191-199; S. K. Wang & A. A. Tsiatis, Biometrics 43 (1987), 193-199; C. Jennison & B. W. Turnbull, Group
//! Sequential Methods (2000), chapters 2, 7 and 19.

use super::spending::Spending;
use super::walk::{Resolution, Walk};
use crate::methods::MethodError;
use crate::methods::error::{check_alpha, check_finite, check_positive, check_probability};
use crate::methods::special::{find_root, norm_isf, norm_sf};

pub use crate::methods::power::Sides;

/// The most looks of a design.
pub const MOST_LOOKS: usize = 60;

/// A step of information below this share of it is no new information.
pub(crate) const LEAST_STEP: f64 = 1e-6;

impl Sides {
    pub(crate) fn count(self) -> f64 {
        match self {
            Self::One => 1.0,
            Self::Two => 2.0,
        }
    }

    /// The lower bound that goes with an upper one: none for one side.
    #[must_use]
    pub fn lower(self, upper: f64) -> f64 {
        match self {
            Self::One => f64::NEG_INFINITY,
            Self::Two => -upper,
        }
    }

    /// What of a statistic is compared with the upper bound: all of it, or its size.
    #[must_use]
    pub fn evidence(self, z: f64) -> f64 {
        match self {
            Self::One => z,
            Self::Two => z.abs(),
        }
    }
}

/// The bounds of the looks of a design.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// The upper bound of Z at each look; infinity where the look is no test.
    pub z: Vec<f64>,
    /// P(crossed by then | no effect), of both sides together.
    pub alpha_spent: Vec<f64>,
}

/// The bounds that spend alpha by a spending function of the information fractions I_k / I_max.
///
/// # Errors
/// [`MethodError::BadAlpha`], the errors of [`Spending::spent`], [`MethodError::NotPositive`] for a fraction,
/// [`MethodError::TooLarge`] for more than 60 looks, [`MethodError::TooFew`] for none.
///
/// # Example
/// ```
/// use verdict_analysis::methods::sequential::boundary::{Sides, spending_bounds};
/// use verdict_analysis::methods::sequential::spending::Spending;
///
/// let bounds = spending_bounds(&[0.2, 0.4, 0.6, 0.8, 1.0], 0.05, Sides::Two, Spending::ObrienFleming)?;
/// let z: Vec<String> = bounds.z.iter().map(|z| format!("{z:.4}")).collect();
/// assert_eq!(z, ["4.8769", "3.3570", "2.6803", "2.2898", "2.0310"]);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn spending_bounds(
    fractions: &[f64],
    alpha: f64,
    sides: Sides,
    spending: Spending,
) -> Result<Bounds, MethodError> {
    check_alpha(alpha)?;
    check_fractions(fractions)?;
    let side = sides.tail_alpha(alpha);
    let spent: Result<Vec<f64>, _> =
        fractions.iter().map(|t| Ok(sides.count() * spending.spent(*t, side)?)).collect();
    bounds_for_spent(fractions, &spent?, sides)
}

/// The bounds that have spent the stated alpha, of both sides together, by each look.
///
/// The last look of a plan that ends early spends what is left: state the whole alpha there.
///
/// # Errors
/// As for [`spending_bounds`]; [`MethodError::BadProbability`] for a spent alpha outside [0, 1],
/// [`MethodError::BadShape`] when there is not one for each look.
///
/// # Example
/// The plan ended at 80% of its information.
/// ```
/// use verdict_analysis::methods::sequential::boundary::{Sides, bounds_for_spent};
///
/// let bounds = bounds_for_spent(&[0.25, 0.5, 0.8], &[0.001, 0.01, 0.05], Sides::Two)?;
/// assert_eq!(format!("{:.4}", bounds.z[2]), "1.9901");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn bounds_for_spent(
    fractions: &[f64],
    alpha_spent: &[f64],
    sides: Sides,
) -> Result<Bounds, MethodError> {
    check_fractions(fractions)?;
    if alpha_spent.len() != fractions.len() {
        return Err(MethodError::BadShape {
            what: "spent alphas",
            expected: format!("{} (one a look)", fractions.len()),
            got: alpha_spent.len(),
        });
    }
    let mut boundary = Boundary::new(sides);
    let mut bounds = Bounds { z: Vec::new(), alpha_spent: Vec::new() };
    for (t, spent) in fractions.iter().zip(alpha_spent) {
        check_probability("the alpha spent", *spent)?;
        bounds.z.push(boundary.look(*t, spent / sides.count())?);
        bounds.alpha_spent.push(sides.count() * boundary.spent());
    }
    Ok(bounds)
}

/// The shape of a classical boundary.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Shape {
    /// z_k = C / sqrt(t_k / t_K).
    ObrienFleming,
    /// z_k = C.
    Pocock,
    /// z_k = C (t_k / t_K)^(delta - 1/2): delta of 0 is O'Brien-Fleming, of 1/2 Pocock.
    WangTsiatis(f64),
}

/// A classical boundary: its constant makes the level alpha over the looks as planned, which must then be kept.
///
/// # Errors
/// As for [`spending_bounds`]; [`MethodError::BadShape`] when the fractions do not increase.
///
/// # Example
/// Pocock's constant for five looks.
/// ```
/// use verdict_analysis::methods::sequential::boundary::{Shape, Sides, classical_bounds};
///
/// let bounds = classical_bounds(&[0.2, 0.4, 0.6, 0.8, 1.0], 0.05, Sides::Two, Shape::Pocock)?;
/// assert_eq!(format!("{:.3}", bounds.z[0]), "2.413");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn classical_bounds(
    fractions: &[f64],
    alpha: f64,
    sides: Sides,
    shape: Shape,
) -> Result<Bounds, MethodError> {
    check_alpha(alpha)?;
    check_fractions(fractions)?;
    check_increasing(fractions)?;
    let delta = match shape {
        Shape::ObrienFleming => 0.0,
        Shape::Pocock => 0.5,
        Shape::WangTsiatis(delta) => delta,
    };
    check_finite("delta of the boundary", delta)?;
    let last = fractions[fractions.len() - 1];
    let factors: Vec<f64> = fractions.iter().map(|t| (t / last).powf(delta - 0.5)).collect();
    let side = sides.tail_alpha(alpha);
    let spent = |constant: f64| {
        let mut total = 0.0;
        let mut walk: Option<Walk> = None;
        let step = |(t, factor): (&f64, &f64)| {
            let here = arrive(walk.take(), *t);
            let bound = constant * factor;
            total += here.above(bound * t.sqrt());
            walk = Some(stop(here, bound, sides));
            total
        };
        fractions.iter().zip(&factors).map(step).collect::<Vec<f64>>()
    };
    // Every look alone spends at most the whole; all together at most the sum of what each spends alone.
    let lowest = factors.iter().copied().fold(f64::INFINITY, f64::min);
    let low = (norm_isf(side) / factors.iter().copied().fold(0.0, f64::max)).min(norm_isf(side));
    let high = norm_isf(side / fractions.len() as f64).max(0.0) / lowest;
    let gap = |c: f64| spent(c)[fractions.len() - 1].ln() - side.ln();
    let constant = find_root(gap, low - 1e-3, high + 1e-3)
        .ok_or(MethodError::Overflow { what: "the constant of the boundary" })?;
    Ok(Bounds {
        z: factors.iter().map(|f| constant * f).collect(),
        alpha_spent: spent(constant).iter().map(|p| sides.count() * p).collect(),
    })
}

/// A boundary that is made look by look: what the looks before have spent and where they stopped.
#[derive(Clone, Debug)]
pub(crate) struct Boundary {
    sides: Sides,
    walk: Option<Walk>,
    spent: f64,
    /// Of the integral, and the share of what is to be spent that a bound is found to.
    resolution: Resolution,
    accuracy: f64,
    /// By how much the latest bound was below that of the look alone.
    below_alone: f64,
}

impl Boundary {
    pub(crate) fn new(sides: Sides) -> Self {
        let resolution = Resolution::FULL;
        Self { sides, walk: None, spent: 0.0, resolution, accuracy: 1e-14, below_alone: 0.0 }
    }

    /// In a fraction of the time, with bounds right to 1e-7 (tested): for searches that try many boundaries.
    pub(crate) fn coarse(sides: Sides) -> Self {
        Self { resolution: Resolution::COARSE, accuracy: 1e-11, ..Self::new(sides) }
    }

    /// What one side has spent.
    pub(crate) fn spent(&self) -> f64 {
        self.spent
    }

    /// The bound of a look at this information, by which one side may have spent `allowed`.
    pub(crate) fn look(&mut self, information: f64, allowed: f64) -> Result<f64, MethodError> {
        let news = self
            .walk
            .as_ref()
            .is_none_or(|walk| information - walk.time() > LEAST_STEP * information);
        let new_alpha = allowed - self.spent;
        // A look without a bound stops nothing: the walk need not be integrated over it.
        if !news || new_alpha < LEAST_SPENT {
            return Ok(f64::INFINITY);
        }
        let walk = arrive(self.walk.clone(), information).with_resolution(self.resolution);
        let root = information.sqrt();
        let alone = norm_isf(new_alpha);
        // From look to look what the looks before take away changes little.
        let bound = solve(new_alpha, alone - self.below_alone, self.accuracy, |z| {
            (walk.above(z * root), root * walk.density(z * root))
        })?;
        self.below_alone = alone - bound;
        self.walk = Some(stop(walk, bound, self.sides));
        self.spent = allowed;
        Ok(bound)
    }
}

/// Less than this cannot be told from nothing: the bound would lie beyond the range of the normal density.
pub(crate) const LEAST_SPENT: f64 = 1e-290;

fn arrive(walk: Option<Walk>, time: f64) -> Walk {
    match walk {
        None => Walk::new(time, 0.0),
        Some(mut walk) => {
            walk.advance(time);
            walk
        }
    }
}

fn stop(mut walk: Walk, bound: f64, sides: Sides) -> Walk {
    let root = walk.time().sqrt();
    walk.keep(sides.lower(bound * root), bound * root);
    walk
}

/// The z whose upper tail has the probability `target`, to the share `accuracy` of it; `tail` gives it and its density.
///
/// P(not stopped before, Z > z) is at most P(Z > z), so that the root is at or below the z of the look alone.
/// Newton's method on the logarithm, which is close to a parabola far out, kept inside a bracket.
pub(crate) fn solve(
    target: f64,
    guess: f64,
    accuracy: f64,
    tail: impl Fn(f64) -> (f64, f64),
) -> Result<f64, MethodError> {
    let mut z = guess;
    let (mut low, mut high) = (f64::NEG_INFINITY, f64::INFINITY);
    for _ in 0..200 {
        let (p, density) = tail(z);
        if (p - target).abs() <= accuracy * target {
            return Ok(z);
        }
        if p > target {
            low = z
        } else {
            high = z
        }
        let newton = z + (p / target).ln() * p / density;
        let next = if newton > low && newton < high && newton.is_finite() {
            newton
        } else if low.is_finite() && high.is_finite() {
            0.5 * (low + high)
        } else if low.is_finite() {
            low + 1.0
        } else {
            high - 1.0
        };
        if (next - z).abs() <= 1e-15 * z.abs().max(1.0) {
            return Ok(next);
        }
        if next < -LOWEST {
            break;
        }
        z = next;
    }
    if low.is_finite() {
        Ok(z)
    } else {
        Err(MethodError::Unreachable {
            what: "the alpha to spend at this look",
            why: "the looks before have left less than that",
        })
    }
}

/// Below this the whole mass lies above.
const LOWEST: f64 = 60.0;

pub(crate) fn check_fractions(fractions: &[f64]) -> Result<(), MethodError> {
    if fractions.is_empty() {
        return Err(MethodError::TooFew { what: "looks", needed: 1, got: 0 });
    }
    if fractions.len() > MOST_LOOKS {
        return Err(MethodError::TooLarge {
            what: "a number of looks",
            size: fractions.len() as u64,
            limit: MOST_LOOKS as u64,
        });
    }
    fractions.iter().try_for_each(|t| check_positive("the information at a look", *t))
}

/// For designs whose looks all count: each must bring something.
pub(crate) fn check_increasing(fractions: &[f64]) -> Result<(), MethodError> {
    match fractions.windows(2).position(|w| w[1] - w[0] <= LEAST_STEP * w[1]) {
        None => Ok(()),
        Some(at) => Err(MethodError::BadShape {
            what: "information fractions",
            expected: "each above the one before it".to_owned(),
            got: at + 2,
        }),
    }
}

/// P(|Z| > z) or P(Z > z): what the look would cost if it were the only one.
///
/// # Example
/// ```
/// use verdict_analysis::methods::sequential::boundary::{Sides, nominal_p};
///
/// assert_eq!(format!("{:.4}", nominal_p(2.4132, Sides::Two)), "0.0158");
/// ```
#[must_use]
pub fn nominal_p(z: f64, sides: Sides) -> f64 {
    (sides.count() * norm_sf(z)).min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coarse_integral_changes_no_bound_that_shows() {
        let daily: Vec<f64> = (1..=28).map(f64::from).collect();
        let uneven = [0.3, 0.31, 0.9, 0.91, 1.0, 7.0, 7.5];
        for times in [&daily[..], &uneven] {
            for level in [1e-6, 0.01, 0.05, 0.8] {
                for sides in [Sides::One, Sides::Two] {
                    let (mut fine, mut coarse) = (Boundary::new(sides), Boundary::coarse(sides));
                    for (k, time) in times.iter().enumerate() {
                        let fraction = (k + 1) as f64 / times.len() as f64;
                        let spent = 0.5 * level * fraction;
                        let fine = fine.look(*time, spent).expect("a bound");
                        let coarse = coarse.look(*time, spent).expect("a bound");
                        let apart = (fine - coarse).abs();
                        assert!(apart < 1e-7, "{level}, look {k}: {fine} {coarse} {apart:e}");
                    }
                }
            }
        }
    }
}
