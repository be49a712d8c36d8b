//! The normal mixture that mSPRT and confidence sequences share, in standard errors.
//!
//! For Z with E Z = theta sqrt(t), t the information, and theta ~ N(0, tau²), the likelihood ratio of the mixture
//! against no effect depends on Z and the growth g = tau² t alone: ln L = (Z² g/(1 + g) - ln(1 + g))/2. It is a
//! martingale without an effect, so that P(L >= 1/alpha at any time) is at most alpha (Ville 1939), and L =
//! 1/alpha where Z² = (1 + 1/g)(ln(1 + g) - 2 ln alpha). With theta positive only, L gains 2 Phi(Z sqrt(g/(1 +
//! g))).
//!
//! Source: H. Robbins, Ann. Math. Statist. 41 (1970), 1397-1409, equations (17) to (20).

use super::boundary::Sides;
use crate::methods::MethodError;
use crate::methods::special::{find_root, mills_ratio, norm_ln_sf};
use std::f64::consts::LN_2;

/// ln 2 - ln sqrt(2 pi).
const LN_SQRT_2_OVER_PI: f64 = -0.225_791_352_644_727_43;

/// The mixture at one look.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Mixture {
    growth: f64,
    sides: Sides,
}

impl Mixture {
    pub(crate) fn new(growth: f64, sides: Sides) -> Result<Self, MethodError> {
        // Both are needed below: g and 1/g.
        if growth.is_finite() && growth.recip().is_finite() {
            Ok(Self { growth, sides })
        } else {
            Err(MethodError::Overflow { what: "the mixing variance over that of the effect" })
        }
    }

    /// ln L: for |Z| beyond 1e154, where it leaves the range of f64, the largest number there is.
    pub(crate) fn ln_ratio(self, z: f64) -> f64 {
        let (g, z) = (self.growth, z.clamp(-1e154, 1e154));
        let two_sided = 0.5 * (z * z * (g / (1.0 + g)) - g.ln_1p());
        match self.sides {
            Sides::Two => two_sided,
            Sides::One => {
                let shrunk = z * (g / (1.0 + g)).sqrt();
                if shrunk > 0.0 {
                    two_sided + LN_2 + norm_ln_sf(-shrunk)
                } else {
                    // The square and the logarithm of the tail are both huge and cancel: Mills' ratio is what is
                    // left of them.
                    LN_SQRT_2_OVER_PI + mills_ratio(-shrunk).ln() - 0.5 * g.ln_1p()
                }
            }
        }
    }

    /// The Z with L = 1/alpha.
    pub(crate) fn bound(self, alpha: f64) -> Result<f64, MethodError> {
        let g = self.growth;
        let two_sided = ((1.0 + 1.0 / g) * (g.ln_1p() - 2.0 * alpha.ln())).sqrt();
        let bound = match self.sides {
            Sides::Two => two_sided,
            // L is at most twice the two-sided one, and at Z = 0 at most one.
            Sides::One => {
                let gap = |z: f64| self.ln_ratio(z) + alpha.ln();
                find_root(gap, -1.0, two_sided + 1.0).unwrap_or(f64::NAN)
            }
        };
        if bound.is_finite() { Ok(bound) } else { Err(MethodError::Overflow { what: "the bound" }) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ratio_reaches_one_over_alpha_at_the_bound() {
        for sides in [Sides::One, Sides::Two] {
            for growth in [1e-200, 1e-6, 0.3, 8.2, 1e9, 1e200] {
                for alpha in [1e-100, 0.01, 0.05, 0.4] {
                    let mixture = Mixture::new(growth, sides).expect("a mixture");
                    let bound = mixture.bound(alpha).expect("a bound");
                    let gap = mixture.ln_ratio(bound) + alpha.ln();
                    assert!(
                        gap.abs() < 1e-7 * (1.0 - alpha.ln()),
                        "{sides:?} {growth} {alpha}: {gap}"
                    );
                }
            }
        }
    }

    #[test]
    fn going_down_is_never_evidence_of_going_up() {
        let mixture = Mixture::new(8.0, Sides::One).expect("a mixture");
        let mut before = mixture.ln_ratio(1e-9);
        // At zero the two halves of the mixture are alike: L is that of both sides, (1 + g)^(-1/2).
        assert!((before + 0.5 * 9.0_f64.ln()).abs() < 1e-8);
        for exponent in -9..=153 {
            let now = mixture.ln_ratio(-(10_f64.powi(exponent)));
            assert!(now < before + 1e-15, "{exponent}: {now} after {before}");
            before = now;
        }
        // For large x, L -> sqrt(2/pi) / (x sqrt(1 + g)), x = |z| sqrt(g/(1 + g)).
        let x = 1e100 * (8.0_f64 / 9.0).sqrt();
        let limit = (2.0 / std::f64::consts::PI).sqrt().ln() - x.ln() - 0.5 * 9.0_f64.ln();
        assert!((mixture.ln_ratio(-1e100) - limit).abs() < 1e-9);
    }

    #[test]
    fn no_statistic_is_too_large() {
        for sides in [Sides::One, Sides::Two] {
            for growth in [1e-300, 1.0, 1e300] {
                let mixture = Mixture::new(growth, sides).expect("a mixture");
                for exponent in -308..=308 {
                    for z in [10_f64.powi(exponent), -(10_f64.powi(exponent))] {
                        assert!(mixture.ln_ratio(z).is_finite(), "{sides:?} {growth} {z}");
                    }
                }
            }
        }
    }
}
