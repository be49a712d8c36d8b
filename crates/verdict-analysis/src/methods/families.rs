//! Several p-values at once: adjusted so that each may be compared with alpha itself.
//!
//! | method | controls | valid under |
//! | --- | --- | --- |
//! | Bonferroni | family-wise error | any dependence |
//! | Holm | family-wise error, never weaker than Bonferroni | any dependence |
//! | Hochberg, Hommel | family-wise error | independence or positive dependence |
//! | Šidák, Holm-Šidák | family-wise error | independence or positive orthant dependence |
//! | Benjamini-Hochberg | false discovery rate | independence or positive dependence (PRDS) |
//! | Benjamini-Yekutieli | false discovery rate | any dependence |
//!
//! An adjusted p-value is the smallest alpha at which the procedure rejects: monotone in p, capped at 1. Multiplying by
//! m / rank and stopping there, as guides do for Benjamini-Hochberg, is not it: for p = (.01, .045, .046, .047, .048)
//! all five are rejected at 5%, and all five adjusted p-values are .048.
//!
//! Families do not mix: success metrics are one; guardrails, which must *all* pass, need no correction of alpha
//! (intersection-union); secondaries and segments are families of their own.
//!
//! Sources: S. Holm, Scand. J. Statist. 6 (1979), 65-70; Y. Hochberg, Biometrika 75 (1988), 800-802; G. Hommel,
//! Biometrika 75 (1988), 383-386; Y. Benjamini & Y. Hochberg, J. R. Statist. Soc. B 57 (1995), 289-300,
//! equation (1); Y. Benjamini & D. Yekutieli, Ann. Statist. 29 (2001), 1165-1188, theorems 1.2 and 1.3.

use super::MethodError;
use super::error::{check_alpha, check_positive, check_probability};

/// A procedure for a family of p-values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Correction {
    /// m p.
    Bonferroni,
    /// The running maximum of (m - i + 1) p_(i).
    Holm,
    /// The running minimum, from the largest, of (m - i + 1) p_(i).
    Hochberg,
    /// Hommel's closed test of Simes' inequality.
    Hommel,
    /// The running minimum, from the largest, of m p_(i) / i.
    BenjaminiHochberg,
    /// Benjamini-Hochberg times 1 + 1/2 + ... + 1/m.
    BenjaminiYekutieli,
    /// 1 - (1 - p)^m.
    Sidak,
    /// The running maximum of 1 - (1 - p_(i))^(m - i + 1).
    HolmSidak,
}

/// The adjusted p-values, in the order of the input. No p-values, no answer: an empty list.
///
/// # Errors
/// [`MethodError::BadProbability`] for a p-value that is NaN or outside [0, 1].
///
/// # Example
/// ```
/// use verdict_analysis::methods::families::{Correction, adjust};
///
/// let adjusted = adjust(&[0.01, 0.045, 0.046, 0.047, 0.048], Correction::BenjaminiHochberg)?;
/// assert!(adjusted.iter().all(|p| (p - 0.048).abs() < 1e-15));
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn adjust(p_values: &[f64], correction: Correction) -> Result<Vec<f64>, MethodError> {
    p_values.iter().try_for_each(|p| check_probability("a p-value", *p))?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    let sorted: Vec<f64> = order.iter().map(|i| p_values[*i]).collect();
    let m = sorted.len() as f64;
    let left = |i: usize| (sorted.len() - i) as f64;
    let ladder = |f: &dyn Fn(usize, f64) -> f64| {
        sorted.iter().enumerate().map(|(i, p)| f(i, *p)).collect::<Vec<_>>()
    };
    let adjusted = match correction {
        Correction::Bonferroni => ladder(&|_, p| m * p),
        Correction::Holm => rising(ladder(&|i, p| left(i) * p)),
        Correction::Hochberg => falling(ladder(&|i, p| left(i) * p)),
        Correction::Hommel => hommel(&sorted),
        Correction::BenjaminiHochberg => falling(ladder(&|i, p| m * p / (i + 1) as f64)),
        Correction::BenjaminiYekutieli => {
            let harmonic: f64 = (1..=sorted.len()).rev().map(|i| 1.0 / i as f64).sum();
            falling(ladder(&|i, p| harmonic * m * p / (i + 1) as f64))
        }
        Correction::Sidak => ladder(&|_, p| sidak(p, m)),
        Correction::HolmSidak => rising(ladder(&|i, p| sidak(p, left(i)))),
    };
    let mut in_input_order = vec![0.0; p_values.len()];
    for (i, p) in order.into_iter().zip(adjusted) {
        in_input_order[i] = p.min(1.0);
    }
    Ok(in_input_order)
}

/// Weighted Holm: the family-wise error split by importance, for example a primary metric against the others.
///
/// At each step the hypothesis with the smallest p_i / w_i is tested at alpha w_i / (sum of the weights left).
/// Equal weights give Holm's procedure. Source: S. Holm (1979), section 4.
///
/// # Errors
/// As for [`adjust`]; [`MethodError::BadShape`] unless there are as many weights, [`MethodError::NotPositive`] for a
/// weight that is not positive.
pub fn adjust_weighted(p_values: &[f64], weights: &[f64]) -> Result<Vec<f64>, MethodError> {
    p_values.iter().try_for_each(|p| check_probability("a p-value", *p))?;
    total_weight(p_values, weights)?;
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| (p_values[*a] / weights[*a]).total_cmp(&(p_values[*b] / weights[*b])));
    // The weights still in play at each step, summed from the end so that nothing cancels.
    let mut left = vec![0.0; order.len()];
    let mut sum = 0.0;
    for (step, i) in order.iter().enumerate().rev() {
        sum += weights[*i];
        left[step] = sum;
    }
    let mut adjusted = vec![0.0; order.len()];
    let mut largest: f64 = 0.0;
    for (i, left) in order.into_iter().zip(left) {
        largest = largest.max((p_values[i] * (left / weights[i])).min(1.0));
        adjusted[i] = largest;
    }
    Ok(adjusted)
}

/// Weighted Bonferroni: p_i (sum of the weights) / w_i, capped at 1.
///
/// Uniformly weaker than weighted Holm ([`adjust_weighted`]); its use is that it has simultaneous intervals, each at the
/// level of [`weighted_alpha`].
///
/// # Errors
/// As for [`adjust_weighted`].
///
/// # Example
/// A primary metric with nine tenths of the family's error.
/// ```
/// use verdict_analysis::methods::families::adjust_weighted_bonferroni;
///
/// let adjusted = adjust_weighted_bonferroni(&[0.045, 0.004], &[9.0, 1.0])?;
/// assert_eq!(adjusted, [0.05, 0.04]);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn adjust_weighted_bonferroni(
    p_values: &[f64],
    weights: &[f64],
) -> Result<Vec<f64>, MethodError> {
    p_values.iter().try_for_each(|p| check_probability("a p-value", *p))?;
    let total = total_weight(p_values, weights)?;
    Ok(p_values.iter().zip(weights).map(|(p, w)| (p * (total / w)).min(1.0)).collect())
}

/// The alpha of each interval of a family whose hypotheses weigh as `weights`: alpha w_i / (sum of the weights).
///
/// The intervals then hold simultaneously with probability 1 - alpha or more, and each leaves out zero exactly when
/// weighted Bonferroni rejects.
///
/// # Errors
/// [`MethodError::BadAlpha`], [`MethodError::NotPositive`] for a weight that is not positive.
pub fn weighted_alpha(alpha: f64, weights: &[f64]) -> Result<Vec<f64>, MethodError> {
    check_alpha(alpha)?;
    let total = total_weight(weights, weights)?;
    Ok(weights.iter().map(|w| alpha * (w / total)).collect())
}

/// The sum of the weights, of which there must be one for each p-value.
fn total_weight(p_values: &[f64], weights: &[f64]) -> Result<f64, MethodError> {
    weights.iter().try_for_each(|w| check_positive("a weight", *w))?;
    if weights.len() != p_values.len() {
        let expected = format!("{} weights, one for each p-value,", p_values.len());
        return Err(MethodError::BadShape { what: "weights", expected, got: weights.len() });
    }
    let total = weights.iter().sum::<f64>();
    if total.is_finite() { Ok(total) } else { Err(MethodError::Overflow { what: "the weights" }) }
}

/// The alpha of each of `m` intervals that hold simultaneously, where the procedure has such intervals.
///
/// Bonferroni and Šidák have them, and their intervals leave out zero exactly where they reject. The
/// stepwise procedures have none that are simple and informative: their adjusted
/// p-values are to be read beside intervals at the unadjusted, or at Bonferroni's, level. For Benjamini-Hochberg see
/// [`selected_alpha`].
///
/// # Errors
/// [`MethodError::BadAlpha`].
pub fn simultaneous_alpha(
    alpha: f64,
    m: u64,
    correction: Correction,
) -> Result<Option<f64>, MethodError> {
    check_alpha(alpha)?;
    Ok(match correction {
        Correction::Bonferroni => Some(alpha / m.max(1) as f64),
        Correction::Sidak => Some(-((-alpha).ln_1p() / m.max(1) as f64).exp_m1()),
        _ => None,
    })
}

/// The alpha of the intervals of `selected` discoveries among `m`: alpha selected / m.
///
/// The expected share of these intervals that miss is then at most alpha (false coverage rate). Source: Y. Benjamini &
/// D. Yekutieli, J. Am. Statist. Assoc. 100 (2005), 71-81.
///
/// # Errors
/// [`MethodError::BadAlpha`]; [`MethodError::CountExceedsTotal`] when more are selected than there are.
pub fn selected_alpha(alpha: f64, selected: u64, m: u64) -> Result<f64, MethodError> {
    check_alpha(alpha)?;
    if selected > m {
        return Err(MethodError::CountExceedsTotal {
            what: "the family",
            count: selected,
            total: m,
        });
    }
    Ok(alpha * (selected.max(1) as f64 / m.max(1) as f64))
}

fn rising(mut values: Vec<f64>) -> Vec<f64> {
    let mut largest: f64 = 0.0;
    for value in &mut values {
        largest = largest.max(*value);
        *value = largest;
    }
    values
}

fn falling(mut values: Vec<f64>) -> Vec<f64> {
    let mut smallest: f64 = 1.0;
    for value in values.iter_mut().rev() {
        smallest = smallest.min(*value);
        *value = smallest;
    }
    values
}

/// 1 - (1 - p)^k without losing a small p.
fn sidak(p: f64, k: f64) -> f64 {
    -(k * (-p).ln_1p()).exp_m1()
}

/// Hommel's adjusted p-values of an ascending list, by Wright's algorithm (Biometrics 48 (1992), 1005-1013).
fn hommel(sorted: &[f64]) -> Vec<f64> {
    let n = sorted.len();
    let smallest = sorted
        .iter()
        .enumerate()
        .map(|(i, p)| n as f64 * p / (i + 1) as f64)
        .fold(f64::INFINITY, f64::min);
    let mut adjusted = vec![smallest; n];
    for m in (2..n).rev() {
        let (lower, upper) = sorted.split_at(n - m + 1);
        let simes = upper
            .iter()
            .enumerate()
            .map(|(i, p)| m as f64 * p / (i + 2) as f64)
            .fold(f64::INFINITY, f64::min);
        for (a, p) in adjusted.iter_mut().zip(lower) {
            *a = a.max(simes.min(m as f64 * p));
        }
        let edge = simes.min(m as f64 * sorted[n - m]);
        for a in &mut adjusted[n - m + 1..] {
            *a = a.max(edge);
        }
    }
    adjusted.iter().zip(sorted).map(|(a, p)| a.max(*p)).collect()
}
