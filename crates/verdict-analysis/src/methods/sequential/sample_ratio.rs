//! Sample ratio mismatch, looked at every day.
//!
//! A chi-squared test that is made every day raises a false alarm far more often than its level says. What may be looked
//! at as often as one likes is a number that no honest split is likely to drive up, ever. With the planned shares q,
//! the counts x of n units so far and a Dirichlet distribution of concentration k around q as the alternative,
//!
//! e = \[Γ(k) / Γ(k + n)\] Π \[Γ(k q_i + x_i) / Γ(k q_i)\] / Π q_i^x_i
//!
//! is a martingale of mean one under the plan, from unit to unit and exactly, for any number of units: P(it ever
//! reaches 1/a) <= a (Ville). So is its mean over several k, which is what is used here ([`CONCENTRATIONS`]): 10
//! finds an arm that is not logged at all after some twenty units, 100,000 a loss of one percent after some
//! 800,000. The p-value is 1 over the largest e so far; it never rises.
//!
//! What it costs: a fixed-horizon test finds a loss of one percent of one of two arms with even odds after 435,000
//! units.
//!
//! Computed as N KL(a/N, q) and small corrections, a being k q + x and N its sum, so that nothing large cancels.
//!
//! Source: M. Lindon & A. Malek, "Anytime-valid inference for multinomial count data", NeurIPS 2022, equation (5) and
//! theorem 1; mixtures of martingales are martingales.

use super::monitor::PValue;
use crate::methods::MethodError;
use crate::methods::error::{check_at_least, check_positive};
use crate::methods::special::{deviance, stirling_error};

/// The concentrations of the alternatives, which count equally: shares that are off by some 0.15, 0.016 and 0.0016 (in
/// two even arms).
pub const CONCENTRATIONS: [f64; 3] = [10.0, 1e3, 1e5];

/// The split of an experiment's units, watched from look to look.
///
/// # Example
/// The second arm is not logged: twenty units of the first are not yet an alarm at 0.001, twenty-two are.
/// ```
/// use verdict_analysis::methods::sequential::sample_ratio::SampleRatioWatch;
///
/// let mut split = SampleRatioWatch::new(&[1.0, 1.0])?;
/// split.observe(&[20, 0])?;
/// assert_eq!(format!("{:.5}", split.p_value().p), "0.00269");
/// split.observe(&[22, 0])?;
/// assert_eq!(format!("{:.5}", split.p_value().p), "0.00096");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct SampleRatioWatch {
    /// The planned shares, which sum to one.
    shares: Vec<f64>,
    /// The largest ln e so far, at least that of no unit at all.
    ln_largest: f64,
}

impl SampleRatioWatch {
    /// Before the first unit, with the planned weights of the arms, which need not sum to one.
    ///
    /// # Errors
    /// [`MethodError::TooFew`] below two arms, [`MethodError::NotPositive`] or [`MethodError::NotFinite`] for a weight
    /// that is not positive, [`MethodError::Overflow`] for weights whose ratio is beyond the range of f64.
    pub fn new(weights: &[f64]) -> Result<Self, MethodError> {
        check_at_least("variants", weights.len() as u64, 2)?;
        weights.iter().try_for_each(|w| check_positive("a weight", *w))?;
        // Scaled by the largest, the sum of weights cannot overflow.
        let largest = weights.iter().copied().fold(0.0, f64::max);
        let sum: f64 = weights.iter().map(|w| w / largest).sum();
        let shares: Vec<f64> = weights.iter().map(|w| w / largest / sum).collect();
        if shares.iter().any(|share| !share.is_normal()) {
            return Err(MethodError::Overflow { what: "the ratio of the weights" });
        }
        Ok(Self { shares, ln_largest: 0.0 })
    }

    /// Takes the units of each arm as of the next look, all units so far, and answers with ln e at this look.
    ///
    /// # Errors
    /// [`MethodError::BadShape`] unless there is a count for each arm. The watch is then as it was before.
    pub fn observe(&mut self, counts: &[u64]) -> Result<f64, MethodError> {
        if counts.len() != self.shares.len() {
            return Err(MethodError::BadShape {
                what: "counts",
                expected: format!("{}, one for each weight,", self.shares.len()),
                got: counts.len(),
            });
        }
        let each = CONCENTRATIONS.map(|k| self.ln_evidence(counts, k));
        let largest = each.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = each.iter().map(|ln_e| (ln_e - largest).exp()).sum();
        let ln_e = largest + (sum / each.len() as f64).ln();
        self.ln_largest = self.ln_largest.max(ln_e);
        Ok(ln_e)
    }

    /// The p-value of all looks so far: 1 over the largest e.
    #[must_use]
    pub fn p_value(&self) -> PValue {
        PValue { p: (-self.ln_largest).exp(), ln_p: -self.ln_largest }
    }

    /// ln e of one concentration.
    fn ln_evidence(&self, counts: &[u64], k: f64) -> f64 {
        let n: f64 = counts.iter().map(|x| *x as f64).sum();
        let total = k + n;
        let arms = self.shares.iter().zip(counts).map(|(share, x)| {
            let (before, after) = (k * share, k * share + *x as f64);
            deviance(after, total * share) - 0.5 * (*x as f64 / before).ln_1p()
                + (stirling_error(after) - stirling_error(before))
        });
        arms.sum::<f64>() + 0.5 * (n / k).ln_1p() - (stirling_error(total) - stirling_error(k))
    }
}

/// The split of an experiment whose planned shares change from phase to phase, watched from look to look.
///
/// A unit belongs to the phase of its first exposure. Each phase has its own martingale, and their product is one, too.
#[derive(Clone, Debug, PartialEq)]
pub struct PhasedWatch {
    phases: Vec<SampleRatioWatch>,
    /// The largest ln of the product so far, at least that of no unit at all.
    ln_largest: f64,
}

impl PhasedWatch {
    /// Before the first unit, with the planned weights of the arms in each phase.
    ///
    /// # Errors
    /// As for [`SampleRatioWatch::new`].
    pub fn new(weights: &[Vec<f64>]) -> Result<Self, MethodError> {
        let phases = weights.iter().map(|weights| SampleRatioWatch::new(weights));
        Ok(Self { phases: phases.collect::<Result<_, _>>()?, ln_largest: 0.0 })
    }

    /// Takes the units of each arm as of the next look, by phase, all units so far, and answers with ln e at this look.
    ///
    /// # Errors
    /// As for [`SampleRatioWatch::observe`]; [`MethodError::BadShape`] unless there are counts for each phase.
    pub fn observe(&mut self, counts: &[Vec<u64>]) -> Result<f64, MethodError> {
        if counts.len() != self.phases.len() {
            let expected = format!("{}, one for each phase,", self.phases.len());
            return Err(MethodError::BadShape { what: "counts", expected, got: counts.len() });
        }
        let mut ln_e = 0.0;
        for (phase, counts) in self.phases.iter_mut().zip(counts) {
            ln_e += phase.observe(counts)?;
        }
        self.ln_largest = self.ln_largest.max(ln_e);
        Ok(ln_e)
    }

    /// The p-value of all looks so far: 1 over the largest e.
    #[must_use]
    pub fn p_value(&self) -> PValue {
        PValue { p: (-self.ln_largest).exp(), ln_p: -self.ln_largest }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ln_e(weights: &[f64], counts: &[u64]) -> f64 {
        let mut watch = SampleRatioWatch::new(weights).expect("weights");
        watch.observe(counts).expect("counts")
    }

    /// The formula above with 60 digits (mpmath's `loggamma`).
    #[test]
    fn the_numbers_are_those_of_the_formula() {
        for (weights, counts, expected) in [
            (&[1.0, 1.0][..], &[821_588, 815_482][..], 8.401_465_055_575_052),
            (&[1.0, 1.0][..], &[44_700, 45_489][..], 0.879_444_444_400_763_6),
            (&[1.0, 1.0, 1.0][..], &[21_306, 21_307, 21_387][..], -1.527_125_226_303_933),
            (&[1.0, 1.0][..], &[9_000, 1_000][..], 3_671.473_873_966_77),
            (&[9.0, 1.0][..], &[9_000, 1_000][..], -0.848_738_158_362_566_5),
            (&[1.0, 1.0][..], &[0, 22][..], 6.944_602_625_230_302),
            (&[0.5, 0.25, 0.25][..], &[3, 0, 1][..], -0.007_018_575_786_985_776),
            (&[3.0, 1.0][..], &[3_000_000_000, 1_000_200_000][..], 8.705_402_153_441_375),
            (&[0.0625, 1024.0][..], &[5, 1_000][..], 10.183_296_144_042_268),
        ] {
            let found = ln_e(weights, counts);
            let error = (found - expected).abs() / f64::abs(expected).max(1.0);
            assert!(error < 1e-10, "{counts:?}: {found}, not {expected}");
        }
    }

    /// By induction from e = 1: whatever the counts so far, the next unit changes e by nothing on average. This is the
    /// whole proof that the test holds its level.
    #[test]
    fn the_next_unit_changes_nothing_on_average() {
        for (weights, counts) in [
            (&[1.0, 1.0][..], &[0, 0][..]),
            (&[1.0, 1.0], &[7, 2]),
            (&[0.9, 0.1], &[40, 0]),
            (&[0.5, 0.3, 0.2], &[11, 5, 9]),
            (&[1e-6, 1.0], &[2, 1_000]),
            (&[3.0, 1.0], &[3_000_000_000, 1_000_100_000]),
        ] {
            let sum: f64 = weights.iter().sum();
            let now = ln_e(weights, counts);
            let next = weights.iter().enumerate().map(|(arm, weight)| {
                let mut counts = counts.to_vec();
                counts[arm] += 1;
                weight / sum * (ln_e(weights, &counts) - now).exp()
            });
            let mean: f64 = next.sum();
            assert!((mean - 1.0).abs() < 1e-9, "{weights:?} {counts:?}: {mean}");
        }
    }

    #[test]
    fn the_p_value_never_rises_and_begins_at_one() {
        let mut watch = SampleRatioWatch::new(&[1.0, 1.0]).expect("weights");
        assert_eq!(watch.p_value(), PValue { p: 1.0, ln_p: -0.0 });
        let mut p = 1.0;
        for counts in [[10, 10], [60, 20], [600, 590], [6_000, 6_000], [100_000, 90_000]] {
            watch.observe(&counts).expect("counts");
            assert!(watch.p_value().p <= p);
            p = watch.p_value().p;
        }
        assert!(watch.p_value().ln_p < -200.0);
        assert_eq!(watch.clone().observe(&[u64::MAX, u64::MAX]).map(f64::is_finite), Ok(true));
    }

    /// Whatever came before, the next unit of the second phase changes the product by nothing on average; a phase without
    /// units says nothing, and one phase is the watch without phases.
    #[test]
    fn phases_multiply() {
        let weights = [vec![9.0, 1.0], vec![1.0, 1.0]];
        let ln = |counts: &[Vec<u64>]| {
            let mut watch = PhasedWatch::new(&weights).expect("weights");
            watch.observe(counts).expect("counts")
        };
        let now = [vec![900, 120], vec![40, 61]];
        let next = [[41, 61], [40, 62]].map(|second| ln(&[now[0].clone(), second.to_vec()]));
        let mean = next.iter().map(|next| 0.5 * (next - ln(&now)).exp()).sum::<f64>();
        assert!((mean - 1.0).abs() < 1e-9, "{mean}");
        let first = ln_e(&[9.0, 1.0], &[900, 120]);
        assert_eq!(ln(&[vec![900, 120], vec![0, 0]]), first);
        // Of the planned 9 to 1 and 1 to 1 the counts are what is expected; against one even split they would be an alarm.
        let mut watch = PhasedWatch::new(&weights).expect("weights");
        watch.observe(&[vec![9_000, 1_000], vec![5_000, 5_000]]).expect("counts");
        assert_eq!(watch.p_value().p, 1.0);
        assert!(ln_e(&[1.0, 1.0], &[14_000, 6_000]) > 1_000.0);
        assert!(watch.observe(&[vec![1, 2]]).is_err());
    }

    #[test]
    fn what_is_no_split_is_refused() {
        for weights in [&[1.0][..], &[1.0, 0.0], &[1.0, f64::NAN], &[1e300, 1e-300], &[]] {
            assert!(SampleRatioWatch::new(weights).is_err(), "{weights:?}");
        }
        let mut watch = SampleRatioWatch::new(&[1.0, 1.0]).expect("weights");
        assert!(watch.observe(&[1, 2, 3]).is_err());
    }
}
