//! The time that has passed for estimates without independent increments.
//!
//! mSPRT and confidence sequences are supermartingales in the time of a Brownian motion. With independent
//! increments that time is the information 1/V, and corr(Z_j, Z_k)² = t_j / t_k. Totals of units that keep acting
//! have other correlations: their variance may even grow from look to look while news still comes in, so that 1/V
//! is no time at all.
//!
//! [`Clock`] gives the slowest time t with t_j / t_k at most corr(Z_j, Z_k)² for *all* pairs of looks: ln t_k =
//! max over j < k of ln t_j - 2 ln corr(Z_j, Z_k), from t_1 = 1/V_1. A Brownian motion in that time is no more
//! correlated than the looks are at any pair, so by Slepian's inequality P(Z crosses an upper boundary at some
//! look) is at most that of the Brownian motion, for any boundary: what is alpha for it is at most alpha for the
//! looks. For two sides the probabilities of the sides add up to alpha and the Brownian motion's chance of
//! crossing both ways, about (alpha/2)² at most: 0.0006 for 5%.
//!
//! With independent increments the clock shows the information again: nothing is lost.
//!
//! Source: D. Slepian, Bell System Technical Journal 41 (1962), 463-501, lemma 1.

use crate::methods::MethodError;
use crate::methods::error::{check_finite, check_positive};

/// Estimated correlations below this are taken for it: the inequality needs them positive, and one of 0.01
/// already sets the clock forward ten-thousandfold.
const LEAST_CORRELATION: f64 = 0.01;

/// A clock read at each look.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clock {
    ln_times: Vec<f64>,
}

impl Clock {
    /// The time at the next look, from the variance of its estimate (which counts at the first look only) and its
    /// correlations with the estimates of all looks before it, in order.
    ///
    /// # Errors
    /// [`MethodError::BadShape`] unless there is one correlation for each look before,
    /// [`MethodError::NotPositive`] for the variance, [`MethodError::NotFinite`] for a correlation,
    /// [`MethodError::Overflow`] beyond the range of f64.
    ///
    /// # Example
    /// Independent increments: the variance halves while corr² is 1/2.
    /// ```
    /// use verdict_analysis::methods::sequential::clock::Clock;
    ///
    /// let mut clock = Clock::default();
    /// assert_eq!(clock.read(0.01, &[])?, 100.0);
    /// assert!((clock.read(0.005, &[0.5_f64.sqrt()])? - 200.0).abs() < 1e-9);
    /// # Ok::<(), verdict_analysis::methods::MethodError>(())
    /// ```
    pub fn read(&mut self, variance: f64, correlations: &[f64]) -> Result<f64, MethodError> {
        check_positive("the variance of the effect", variance)?;
        if correlations.len() != self.ln_times.len() {
            return Err(MethodError::BadShape {
                what: "correlations with the looks before",
                expected: self.ln_times.len().to_string(),
                got: correlations.len(),
            });
        }
        correlations.iter().try_for_each(|r| check_finite("a correlation between looks", *r))?;
        let from =
            |(ln_time, r): (&f64, &f64)| ln_time - 2.0 * r.clamp(LEAST_CORRELATION, 1.0).ln();
        let latest = self.ln_times.iter().zip(correlations).map(from).reduce(f64::max);
        let ln_time = latest.unwrap_or_else(|| -variance.ln());
        let time = if self.ln_times.is_empty() { 1.0 / variance } else { ln_time.exp() };
        if !(time.is_finite() && time > 0.0) {
            return Err(MethodError::Overflow { what: "the time between looks" });
        }
        self.ln_times.push(ln_time);
        Ok(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_pair_of_looks_is_less_correlated_than_the_clock_says() {
        // Units enter every day and act every day with a persistent effect: corr by hand, see the simulations.
        let cov =
            |j: f64, k: f64| j * (j + 1.0) * (2.0 * j + 1.0) / 6.0 + (k - j) * j * (j + 1.0) / 2.0;
        let corr = |j: usize, k: usize| {
            let (j, k) = (j as f64, k as f64);
            cov(j, k) / (cov(j, j) * cov(k, k)).sqrt()
        };
        let mut clock = Clock::default();
        let times: Vec<f64> = (1..=28)
            .map(|k| {
                let row: Vec<f64> = (1..k).map(|j| corr(j, k)).collect();
                clock.read(1.0, &row).expect("a time")
            })
            .collect();
        for k in 1..28 {
            for j in 0..k {
                assert!((times[j] / times[k]).sqrt() <= corr(j + 1, k + 1) + 1e-12);
            }
        }
        // The clock of the neighbours alone would be too slow here: the process is smooth.
        let neighbours: f64 = (1..28).map(|k| corr(k, k + 1)).product();
        assert!(neighbours > corr(1, 28) + 0.1);
    }

    #[test]
    fn a_repeated_look_takes_no_time_and_an_unrelated_one_a_long_one() {
        let mut clock = Clock::default();
        assert_eq!(clock.read(0.25, &[]).expect("a time"), 4.0);
        assert!((clock.read(0.25, &[1.0]).expect("a time") - 4.0).abs() < 1e-14);
        assert!((clock.read(9.0, &[-0.5, 1.0]).expect("a time") - 4e4).abs() < 1e-8);
        assert!(clock.read(1.0, &[0.5]).is_err());
        assert!(clock.read(1.0, &[0.5, f64::NAN, 0.5]).is_err());
    }
}
