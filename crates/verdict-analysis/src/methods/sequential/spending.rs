//! Error spending: how much of alpha may be gone by a share of the plan.
//!
//! A spending function is fixed before the data; the looks need not be. Whatever their number and times, the
//! boundary at a look is chosen so that the probability of having crossed by then, without an effect, is what the
//! function allows.
//!
//! The functions are of one side: a two-sided design gives alpha/2 to each. (With the O'Brien-Fleming type this
//! gives the published 4.8769, 3.3570, 2.6803, 2.2898, 2.0310 for five looks at 5%; alpha put in whole and the
//! result halved would not.)
//!
//! Sources: K. K. G. Lan & D. L. DeMets, Biometrika 70 (1983), 659-663; K. Kim & D. L. DeMets, Biometrika 74 (1987),
//! 149-154; I. K. Hwang, W. J. Shih & J. S. DeCani, Statistics in Medicine 9 (1990), 1439-1445.

use std::f64::consts::E;

use crate::methods::MethodError;
use crate::methods::error::{
    check_alpha, check_finite, check_not_negative, check_positive, check_probability,
};
use crate::methods::special::{norm_isf, norm_sf};

/// A spending function.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Spending {
    /// 2 P(Z > z(a/2) / sqrt t): next to nothing early, nearly all of it left for the end (Lan & DeMets 1983,
    /// alpha_1*).
    ObrienFleming,
    /// a ln(1 + (e - 1) t): about the same boundary at every look (Lan & DeMets 1983, alpha_2*).
    Pocock,
    /// a t^rho, rho > 0 (Kim & DeMets 1987): rho of 1 is near Pocock, of 3 near O'Brien-Fleming.
    Power(f64),
    /// a (1 - e^(-gamma t)) / (1 - e^(-gamma)), and a t for gamma = 0 (Hwang, Shih & DeCani 1990).
    HwangShihDeCani(f64),
}

impl Spending {
    /// The part of the level `alpha` of one side that may be spent by the share `time` of the plan: alpha itself
    /// from 1 on.
    ///
    /// # Errors
    /// [`MethodError::BadAlpha`]; [`MethodError::Negative`] for the time; [`MethodError::NotPositive`] or
    /// [`MethodError::NotFinite`] for the function's own parameter.
    ///
    /// # Example
    /// By the middle of a two-sided 5% plan the O'Brien-Fleming type has spent 0.3%, 0.15% a side.
    /// ```
    /// use verdict_analysis::methods::sequential::spending::Spending;
    ///
    /// let spent = Spending::ObrienFleming.spent(0.5, 0.025)?;
    /// assert_eq!(format!("{:.4}%", 100.0 * spent), "0.1525%");
    /// # Ok::<(), verdict_analysis::methods::MethodError>(())
    /// ```
    pub fn spent(self, time: f64, alpha: f64) -> Result<f64, MethodError> {
        check_alpha(alpha)?;
        check_not_negative("the share of the plan", time)?;
        let t = time.min(1.0);
        let share = match self {
            Self::ObrienFleming if t == 0.0 => 0.0,
            Self::ObrienFleming => return Ok(2.0 * norm_sf(norm_isf(0.5 * alpha) / t.sqrt())),
            Self::Pocock => ((E - 1.0) * t).ln_1p(),
            Self::Power(rho) => {
                check_positive("the power of the spending function", rho)?;
                t.powf(rho)
            }
            Self::HwangShihDeCani(gamma) => {
                check_finite("gamma of the spending function", gamma)?;
                if gamma == 0.0 {
                    t
                } else if gamma > 0.0 {
                    (-gamma * t).exp_m1() / (-gamma).exp_m1()
                } else {
                    // The same with both parts divided by e^(-gamma), which would overflow.
                    let decay = (gamma * (1.0 - t)).exp();
                    (decay - gamma.exp()) / -gamma.exp_m1()
                }
            }
        };
        Ok(alpha * share)
    }

    /// The level of one side that may have spent `spent` by the share `time` of the plan: the inverse of
    /// [`Spending::spent`] in alpha, and one where no level below it has spent so much.
    ///
    /// # Errors
    /// Those of [`Spending::spent`]; [`MethodError::BadProbability`] for what was spent.
    ///
    /// # Example
    /// ```
    /// use verdict_analysis::methods::sequential::spending::Spending;
    ///
    /// let spent = Spending::ObrienFleming.spent(0.5, 0.025)?;
    /// assert!((Spending::ObrienFleming.level_of(0.5, spent)? - 0.025).abs() < 1e-15);
    /// # Ok::<(), verdict_analysis::methods::MethodError>(())
    /// ```
    pub fn level_of(self, time: f64, spent: f64) -> Result<f64, MethodError> {
        check_probability("the alpha spent", spent)?;
        // All but the O'Brien-Fleming type spend a share that does not depend on the level.
        let share = self.spent(time, 0.5)? / 0.5;
        let level = match self {
            Self::ObrienFleming => 2.0 * norm_sf(norm_isf(0.5 * spent) * time.min(1.0).sqrt()),
            _ => spent / share,
        };
        Ok(if level < 1.0 { level } else { 1.0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Spending; 7] = [
        Spending::ObrienFleming,
        Spending::Pocock,
        Spending::Power(0.5),
        Spending::Power(3.0),
        Spending::HwangShihDeCani(-800.0),
        Spending::HwangShihDeCani(0.0),
        Spending::HwangShihDeCani(800.0),
    ];

    #[test]
    fn nothing_at_the_start_everything_at_the_end_and_never_less() {
        for spending in ALL {
            let spent = |t: f64| spending.spent(t, 0.025).expect("spent");
            assert_eq!(spent(0.0), 0.0, "{spending:?}");
            for t in [1.0, 1.3] {
                assert!((spent(t) - 0.025).abs() < 1e-16, "{spending:?} at {t}: {}", spent(t));
            }
            let path: Vec<f64> = (0..=100).map(|i| spent(f64::from(i) / 100.0)).collect();
            assert!(path.windows(2).all(|w| w[0] <= w[1]), "{spending:?}");
        }
    }

    #[test]
    fn the_level_is_the_one_that_spends_so_much() {
        for spending in ALL {
            for time in [0.2, 0.9, 1.0, 2.0] {
                for level in [1e-9, 0.025, 0.4] {
                    let spent = spending.spent(time, level).expect("spent");
                    let found = spending.level_of(time, spent).expect("a level");
                    // What underflows has no way back.
                    if spent > 1e-250 {
                        assert!((found / level - 1.0).abs() < 1e-10, "{spending:?} {time} {level}");
                    }
                }
            }
            assert_eq!(spending.level_of(0.0, 0.3), Ok(1.0), "{spending:?}");
        }
    }

    #[test]
    fn parameters_without_meaning_are_refused() {
        for spending in [
            Spending::Power(0.0),
            Spending::Power(f64::NAN),
            Spending::HwangShihDeCani(f64::INFINITY),
        ] {
            assert!(spending.spent(0.5, 0.05).is_err(), "{spending:?}");
        }
        assert!(Spending::Pocock.spent(-0.1, 0.05).is_err());
        assert!(Spending::Pocock.spent(f64::NAN, 0.05).is_err());
    }
}
