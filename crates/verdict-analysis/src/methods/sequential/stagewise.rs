//! Inference after a group-sequential test has ended: p-value, interval and estimate in the stagewise order.
//!
//! Stopping early picks large values, so the usual p-value, interval and estimate of the last look are biased.
//! Outcomes (look T, statistic Z_T) are ordered: an upper crossing at an earlier look is larger than anything
//! later, a lower crossing smaller. With F(theta) = P_theta(an outcome at least as large as the observed one):
//! the p-value is F(0), or 2 min(F, 1 - F) for two sides; the interval runs between the theta with F = a and with
//! F = 1 - a, a being the level of one side; the median-unbiased estimate is the theta with F = 1/2. They agree
//! with the test: the interval excludes zero exactly when the test rejected.
//!
//! For looks with independent increments. For others, the repeated interval holds also after stopping.
//!
//! Sources: K. Fairbanks & R. Madsen, Biometrika 69 (1982), 69-74; A. A. Tsiatis, G. L. Rosner & C. R. Mehta,
//! Biometrics 40 (1984), 797-803; C. Jennison & B. W. Turnbull, Group Sequential Methods (2000), sections 8.2 to
//! 8.5.

use super::boundary::{Sides, check_fractions, check_increasing};
use super::walk::Walk;
use crate::methods::error::{check_alpha, check_finite};
use crate::methods::special::{find_root_between, norm_isf};
use crate::methods::{Interval, MethodError};

/// What is known after the end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Stagewise {
    /// F(0): P(an outcome at least as large | no effect).
    pub p_upper: f64,
    /// The p-value of the design: F(0), or 2 min(F(0), 1 - F(0)).
    pub p_value: f64,
    /// The interval for theta, alpha/2 a side (two-sided) or alpha a side (one-sided, so that its level is 1 - 2
    /// alpha).
    pub interval: Interval,
    /// The median-unbiased estimate of theta.
    pub estimate: f64,
}

/// Inference for theta, E Z_k = theta sqrt(I_k), from the information of the looks up to the last one, the bounds
/// of those before the last and the statistic of the last.
///
/// # Errors
/// [`MethodError::BadShape`] unless there is one bound less than there are looks, and when the information does
/// not increase; [`MethodError::BadAlpha`], [`MethodError::NotFinite`].
///
/// # Example
/// A two-sided Pocock-type test that stopped at the second of three looks.
/// ```
/// use verdict_analysis::methods::sequential::{boundary::Sides, stagewise::stagewise};
///
/// let after = stagewise(&[50.0, 100.0], &[2.279428], 3.25, Sides::Two, 0.05)?;
/// assert_eq!(format!("{:.4}", after.p_value), "0.0231");
/// assert_eq!(format!("{:.3} to {:.3}", after.interval.lower, after.interval.upper), "0.043 to 0.501");
/// // Not 3.25 / sqrt 100 = 0.325:
/// assert_eq!(format!("{:.3}", after.estimate), "0.288");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn stagewise(
    information: &[f64],
    bounds_before: &[f64],
    z: f64,
    sides: Sides,
    alpha: f64,
) -> Result<Stagewise, MethodError> {
    check_fractions(information)?;
    check_increasing(information)?;
    check_alpha(alpha)?;
    check_finite("the statistic", z)?;
    if bounds_before.len() + 1 != information.len() {
        return Err(MethodError::BadShape {
            what: "bounds of the looks before the last",
            expected: (information.len() - 1).to_string(),
            got: bounds_before.len(),
        });
    }
    if let Some(value) = bounds_before.iter().find(|bound| bound.is_nan()) {
        return Err(MethodError::NotFinite { what: "a bound", value: *value });
    }
    // In units of the last look's standard error, so that theta is of the order of z.
    let last = information[information.len() - 1];
    let times: Vec<f64> = information.iter().map(|i| i / last).collect();
    let outcome = Outcome::new(&times, bounds_before, z, sides);
    let side = sides.tail_alpha(alpha);
    // Well beyond the statistic on either side.
    let reach = 20.0 + 2.0 * (z.abs() + norm_isf(side).abs());
    let at = |level: f64, tail: &dyn Fn(f64) -> f64| {
        let gap = |drift: f64| tail(drift).ln().max(-1e4) - level.ln();
        let ends = ((-reach, gap(-reach)), (reach, gap(reach)));
        find_root_between(gap, ends.0, ends.1, 1e-13)
            .ok_or(MethodError::Overflow { what: "the adjusted interval" })
    };
    let larger = |drift: f64| outcome.larger(drift);
    let smaller = |drift: f64| (1.0 - outcome.larger(drift)).max(0.0);
    let (upper, lower) = (larger(0.0), outcome.smaller());
    let scale = 1.0 / last.sqrt();
    Ok(Stagewise {
        p_upper: upper,
        p_value: match sides {
            Sides::One => upper,
            Sides::Two => (2.0 * upper.min(lower)).min(1.0),
        },
        interval: Interval {
            lower: scale * at(side, &larger)?,
            upper: scale * at(side, &smaller)?,
        },
        estimate: scale * at(0.5, &larger)?,
    })
}

/// The looks up to the last without an effect, and where each stopped: for any effect they are the same, tilted.
struct Outcome {
    stops: Vec<(Walk, f64)>,
    last: Walk,
    z: f64,
    sides: Sides,
}

impl Outcome {
    fn new(times: &[f64], bounds_before: &[f64], z: f64, sides: Sides) -> Outcome {
        let arrive = |walk: Option<Walk>, time: f64| match walk {
            None => Walk::new(time, 0.0),
            Some(mut walk) => {
                walk.advance(time);
                walk
            }
        };
        let mut walk: Option<Walk> = None;
        let mut stops = Vec::new();
        for (time, bound) in times.iter().zip(bounds_before) {
            if bound.is_infinite() {
                continue;
            }
            let mut here = arrive(walk.take(), *time);
            let at = bound * time.sqrt();
            stops.push((here.clone(), at));
            here.keep(sides.lower(*bound) * time.sqrt(), at);
            walk = Some(here);
        }
        // The last time is one.
        Outcome { stops, last: arrive(walk, 1.0), z, sides }
    }

    /// P(an outcome at least as large as the observed one) under this drift.
    fn larger(&self, drift: f64) -> f64 {
        let before: f64 = self.stops.iter().map(|(walk, at)| walk.above_under(drift, *at)).sum();
        before + self.last.above_under(drift, self.z)
    }

    /// P(an outcome at most as large) without an effect: not one less the other, so that small ones keep their digits.
    fn smaller(&self) -> f64 {
        let of = |(walk, at): &(Walk, f64)| match self.sides {
            Sides::One => 0.0,
            Sides::Two => walk.below(-at),
        };
        self.stops.iter().map(of).sum::<f64>() + self.last.below(self.z)
    }
}

#[cfg(test)]
mod tests {
    use super::super::boundary::spending_bounds;
    use super::super::spending::Spending;
    use super::*;
    use crate::methods::resample::Draws;
    use crate::methods::special::norm_ppf;

    #[test]
    fn intervals_cover_and_estimates_have_their_median_where_the_usual_ones_do_not() {
        let information = [50.0, 100.0, 150.0];
        let fractions = information.map(|i| i / 150.0);
        let bounds = spending_bounds(&fractions, 0.05, Sides::Two, Spending::Pocock);
        let bounds = bounds.expect("bounds").z;
        let (theta, runs) = (0.2, 4_000);
        let draws = Draws::named("stagewise");
        let (mut covered, mut below, mut naive_below) = (0, 0, 0);
        for run in 0..runs {
            let mut score = 0.0;
            let mut end = (0, 0.0);
            for k in 0..3 {
                score += theta * 50.0 + 50.0_f64.sqrt() * norm_ppf(draws.unit(run, k));
                let k = k as usize;
                end = (k, score / information[k].sqrt());
                if end.1.abs() >= bounds[k] {
                    break;
                }
            }
            let (k, z) = end;
            let after = stagewise(&information[..=k], &bounds[..k], z, Sides::Two, 0.05);
            let after = after.expect("an answer");
            covered += u64::from(after.interval.lower <= theta && theta <= after.interval.upper);
            below += u64::from(after.estimate < theta);
            naive_below += u64::from(z / information[k].sqrt() < theta);
            // The p-value, the interval and the bounds agree on zero.
            let rejected = z.abs() >= bounds[k];
            assert_eq!(after.p_value <= 0.05, rejected, "look {k}, z {z}");
            assert_eq!(after.interval.lower > 0.0 || after.interval.upper < 0.0, rejected);
        }
        let share = |count: u64| count as f64 / runs as f64;
        let allowed = |p: f64| 4.0 * (p * (1.0 - p) / runs as f64).sqrt();
        assert!((share(covered) - 0.95).abs() < allowed(0.95), "{}", share(covered));
        assert!((share(below) - 0.5).abs() < allowed(0.5), "{}", share(below));
        assert!(share(naive_below) < 0.5 - allowed(0.5), "{}", share(naive_below));
    }
}
