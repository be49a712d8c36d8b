//! Mann-Whitney U (Wilcoxon's rank sum) and the Brunner-Munzel test.
//!
//! U counts the pairs with treatment > control, ties half; U / (n_c n_t) estimates the probability of superiority
//! P(T > C) + P(T = C)/2. Under equal distributions U has mean n_c n_t / 2 and variance
//! n_c n_t / 12 [(N + 1) - Σ(g³ - g) / (N (N - 1))] over groups of g tied values.
//!
//! A test of superiority, **not** of means or medians: it is one of those only when the two distributions have the same
//! shape. When shapes may differ use [`brunner_munzel`], which estimates the variance without that assumption. For
//! revenue, where the sum matters, compare (winsorised) means.
//!
//! Sources: H. B. Mann & D. R. Whitney, Ann. Math. Statist. 18 (1947), 50-60; E. Brunner & U. Munzel, Biometrical
//! Journal 42 (2000), 17-25.

use super::error::{check_all_finite, check_at_least};
use super::{Alternative, MethodError, Reference, Sample, welch::welch_df};

/// The rank-sum statistic with what its tests need.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct MannWhitney {
    /// Pairs with treatment > control, ties counting one half.
    pub u_treatment: f64,
    /// Pairs with control > treatment, ties counting one half.
    pub u_control: f64,
    /// Σ(g³ - g) over the groups of tied values.
    pub tie_sum: f64,
    /// The standard deviation of U under equal distributions, corrected for ties.
    pub sigma: f64,
    /// U / (n_c n_t): the probability of superiority, also called common-language effect.
    pub superiority: f64,
    /// 2 superiority - 1, from -1 to 1.
    pub rank_biserial: f64,
    n_c: u64,
    n_t: u64,
}

/// Ranks both samples together.
///
/// # Errors
/// [`MethodError::TooFew`] for an empty sample, [`MethodError::NotFinite`] for NaN or infinite values.
///
/// # Example
/// ```
/// use verdict_analysis::methods::{Alternative, mann_whitney::mann_whitney};
///
/// let ranks = mann_whitney(&[1.1, 2.2, 3.3, 4.4], &[2.5, 3.5, 4.5, 5.5, 6.5])?;
/// assert_eq!(ranks.superiority, 0.85);
/// assert_eq!(format!("{:.4}", ranks.p_value(Alternative::TwoSided, true).0), "0.1113");
/// assert_eq!(format!("{:.4}", ranks.exact_p_value(Alternative::TwoSided)?), "0.1111");
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn mann_whitney(control: &[f64], treatment: &[f64]) -> Result<MannWhitney, MethodError> {
    let ranks = joint_ranks(control, treatment)?;
    let n_t = treatment.len() as f64;
    let rank_sum: f64 = ranks.treatment.iter().sum();
    // Ranks are halves at least.
    let twice_u = (2.0 * rank_sum - n_t * (n_t + 1.0)).round() as u128;
    let n = (control.len() as u64, treatment.len() as u64);
    Ok(MannWhitney::of_pairs(twice_u, ranks.tie_sum, n))
}

impl MannWhitney {
    /// From twice U of the treatment and Σ(g³ - g), of samples of so many units.
    pub(super) fn of_pairs(twice_u: u128, tie_sum: f64, (n_c, n_t): (u64, u64)) -> MannWhitney {
        let pairs = n_c as f64 * n_t as f64;
        let n = n_c as f64 + n_t as f64;
        let u_treatment = twice_u as f64 / 2.0;
        let ties = if n > 1.0 { tie_sum / (n * (n - 1.0)) } else { 0.0 };
        let superiority = u_treatment / pairs;
        MannWhitney {
            u_treatment,
            u_control: pairs - u_treatment,
            tie_sum,
            sigma: (pairs / 12.0 * (n + 1.0 - ties)).max(0.0).sqrt(),
            superiority,
            rank_biserial: 2.0 * superiority - 1.0,
            n_c,
            n_t,
        }
    }

    /// (U - mean) / sigma; `None` when every value is tied.
    #[must_use]
    pub fn z(&self) -> Option<f64> {
        (self.sigma > 0.0).then(|| self.above_mean() / self.sigma)
    }

    /// z with U moved one half towards its mean, not past it; zero when every value is tied.
    #[must_use]
    pub fn z_corrected(&self) -> f64 {
        let shrunk = (self.above_mean().abs() - 0.5).max(0.0);
        if shrunk == 0.0 { 0.0 } else { (shrunk / self.sigma).copysign(self.above_mean()) }
    }

    /// The asymptotic p-value and its logarithm, with or without the continuity correction of one half.
    ///
    /// When every value is tied there is no evidence: p is 1.
    #[must_use]
    pub fn p_value(&self, alternative: Alternative, continuity: bool) -> (f64, f64) {
        if self.sigma == 0.0 {
            return (1.0, 0.0);
        }
        let half = if continuity { 0.5 } else { 0.0 };
        let above = self.above_mean();
        let z = match alternative {
            Alternative::TwoSided => (above.abs() - half).max(0.0),
            Alternative::Greater => above - half,
            Alternative::Less => above + half,
        } / self.sigma;
        Reference::Normal.p_value(z, alternative)
    }

    /// The exact p-value from the permutation law of U, for samples without ties.
    ///
    /// # Errors
    /// [`MethodError::TooLarge`] when the table of counts would exceed 1e8 steps or when there are ties.
    pub fn exact_p_value(&self, alternative: Alternative) -> Result<f64, MethodError> {
        const MOST_STEPS: u64 = 100_000_000;
        if self.tie_sum > 0.0 {
            return Err(MethodError::TooLarge {
                what: "a group of tied values",
                size: 2,
                limit: 1,
            });
        }
        let steps = self.n_c.saturating_mul(self.n_t).saturating_mul(self.n_c.min(self.n_t));
        if steps > MOST_STEPS {
            return Err(MethodError::TooLarge {
                what: "the number of steps",
                size: steps,
                limit: MOST_STEPS,
            });
        }
        let law = law_of_u(self.n_c.min(self.n_t) as usize, self.n_c.max(self.n_t) as usize);
        // The law is symmetric, P(U >= u) = P(U <= n_c n_t - u), and its lower tail has no cancellation.
        let at_most = |u: f64| law.iter().take(u as usize + 1).sum::<f64>().min(1.0);
        let (greater, less) = (at_most(self.u_control), at_most(self.u_treatment));
        Ok(match alternative {
            Alternative::TwoSided => (2.0 * greater.min(less)).min(1.0),
            Alternative::Greater => greater,
            Alternative::Less => less,
        })
    }

    fn above_mean(&self) -> f64 {
        0.5 * (self.u_treatment - self.u_control)
    }
}

/// The Brunner-Munzel test of P(T > C) + P(T = C)/2 = 1/2 without assuming equal shapes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BrunnerMunzel {
    /// The studentised distance of the superiority from one half; positive when the treatment tends to be larger.
    pub statistic: f64,
    /// Satterthwaite's degrees of freedom.
    pub df: f64,
    /// The p-value against Student's t, and its natural logarithm.
    pub p_value: f64,
    /// The natural logarithm of the p-value.
    pub log_p_value: f64,
}

/// Brunner and Munzel's test, from the joint ranks less the ranks within each sample.
///
/// # Errors
/// [`MethodError::TooFew`] below two values a sample, [`MethodError::NotFinite`], and [`MethodError::ZeroVariance`] when the
/// samples do not overlap or every value is tied.
pub fn brunner_munzel(
    control: &[f64],
    treatment: &[f64],
    alternative: Alternative,
) -> Result<BrunnerMunzel, MethodError> {
    check_at_least("values in the control", control.len() as u64, 2)?;
    check_at_least("values in the treatment", treatment.len() as u64, 2)?;
    let joint = joint_ranks(control, treatment)?;
    // The rank among both samples less the rank in the own one: how many of the other sample lie below.
    let placements = |joint: &[f64], own: &[f64]| -> Result<Sample, MethodError> {
        let within = joint_ranks(own, own)?;
        // Ranked against itself every rank is doubled less one half.
        let placed: Vec<f64> =
            joint.iter().zip(&within.treatment).map(|(j, w)| j - (w + 0.5) / 2.0).collect();
        Sample::from_values(&placed)
    };
    let place_c = placements(&joint.control, control)?;
    let place_t = placements(&joint.treatment, treatment)?;
    let (n_c, n_t) = (place_c.n as f64, place_t.n as f64);
    let (v_c, v_t) = (place_c.variance * n_c, place_t.variance * n_t);
    if v_c + v_t == 0.0 {
        return Err(MethodError::ZeroVariance { what: "the placement of the values" });
    }
    let mean_rank = |ranks: &[f64]| ranks.iter().sum::<f64>() / ranks.len() as f64;
    let gap = mean_rank(&joint.treatment) - mean_rank(&joint.control);
    let statistic = n_c * n_t * gap / ((n_c + n_t) * (v_c + v_t).sqrt());
    let df = welch_df(v_c, place_c.n, v_t, place_t.n);
    let (p_value, log_p_value) = Reference::StudentT(df).p_value(statistic, alternative);
    Ok(BrunnerMunzel { statistic, df, p_value, log_p_value })
}

struct JointRanks {
    control: Vec<f64>,
    treatment: Vec<f64>,
    tie_sum: f64,
}

/// The rank of every value among both samples, ties sharing the mean of their ranks.
fn joint_ranks(control: &[f64], treatment: &[f64]) -> Result<JointRanks, MethodError> {
    check_at_least("values in the control", control.len() as u64, 1)?;
    check_at_least("values in the treatment", treatment.len() as u64, 1)?;
    check_all_finite("a value", control)?;
    check_all_finite("a value", treatment)?;
    let value =
        |i: usize| if i < control.len() { control[i] } else { treatment[i - control.len()] };
    let n = control.len() + treatment.len();
    let mut order: Vec<usize> = (0..n).collect();
    // Zeros of either sign are equal, so the comparison must not be total_cmp alone.
    order.sort_by(|a, b| value(*a).partial_cmp(&value(*b)).unwrap_or(std::cmp::Ordering::Equal));
    let mut ranks = JointRanks {
        control: vec![0.0; control.len()],
        treatment: vec![0.0; treatment.len()],
        tie_sum: 0.0,
    };
    let mut start = 0;
    while start < n {
        let mut end = start + 1;
        while end < n && value(order[end]) == value(order[start]) {
            end += 1;
        }
        let rank = (start + end + 1) as f64 / 2.0;
        let size = (end - start) as f64;
        ranks.tie_sum += size * size * size - size;
        for i in &order[start..end] {
            match i.checked_sub(control.len()) {
                Some(i) => ranks.treatment[i] = rank,
                None => ranks.control[*i] = rank,
            }
        }
        start = end;
    }
    Ok(ranks)
}

/// P(U = u) for u from 0 to m n, without ties: the Gaussian binomial coefficient, as probabilities.
fn law_of_u(m: usize, n: usize) -> Vec<f64> {
    // Multiply by (1 - q^(n+i)) and divide by (1 - q^i), i = 1..m, each step an average so that nothing overflows.
    let top = m * n;
    let mut law = vec![0.0; top + 1];
    law[0] = 1.0;
    for i in 1..=m {
        for u in (n + i..=top).rev() {
            law[u] -= law[u - n - i];
        }
        for u in i..=top {
            law[u] += law[u - i];
        }
        let total: f64 = law[..=(i * n)].iter().sum();
        law.iter_mut().for_each(|p| *p /= total);
        law[i * n + 1..].fill(0.0);
    }
    law
}
