//! Permutation tests.
//!
//! With b of m random relabellings at least as extreme as the observed one, p = (b + 1) / (m + 1): the observed labelling is
//! one of the possible ones. The share b / m, a common mistake, can be exactly 0 and rejects too often.
//!
//! What is tested is that the two *distributions* are equal, not their medians or means: with unequal spread and sizes a
//! permuted difference of medians rejects up to 65% of the time at a nominal 5% (n = 200 against 40, spread 1 against 5). Use
//! a studentised statistic, such as [`welch_statistic`], when only the means are in question.
//!
//! Sources: B. Phipson & G. K. Smyth, Statist. Appl. Genet. Mol. Biol. 9 (2010), article 39; E. Chung & J. P. Romano,
//! Ann. Statist. 41 (2013), 484-507.

use super::error::{check_all_finite, check_at_least, check_finite};
use super::resample::Draws;
use super::{MethodError, Sample};

/// The p-value of b exceedances among m random permutations.
///
/// # Errors
/// [`MethodError::CountExceedsTotal`] when b > m.
///
/// # Example
/// ```
/// use verdict_analysis::methods::permutation::p_from_exceedances;
///
/// assert_eq!(p_from_exceedances(0, 9_999)?, 0.0001);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn p_from_exceedances(exceedances: u64, permutations: u64) -> Result<f64, MethodError> {
    if exceedances > permutations {
        let (count, total) = (exceedances, permutations);
        return Err(MethodError::CountExceedsTotal { what: "the permutations", count, total });
    }
    Ok((exceedances as f64 + 1.0) / (permutations as f64 + 1.0))
}

/// The p-values of a permutation test.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Permutation {
    /// f(treatment) - f(control), or whatever the statistic is, as observed.
    pub observed: f64,
    /// The labellings that were counted.
    pub permutations: u64,
    /// The share of labellings with a statistic at least as large.
    pub greater: f64,
    /// The share with one at most as large.
    pub less: f64,
    /// The share with one at least as large in absolute value.
    pub two_sided_abs: f64,
    /// Twice the smaller one-sided share, at most 1.
    pub two_sided_doubled: f64,
}

/// Counts every labelling: exact, for small samples.
///
/// `statistic` takes control and treatment.
///
/// # Errors
/// [`MethodError::TooFew`] for an empty sample, [`MethodError::TooLarge`] beyond two million labellings,
/// [`MethodError::NotFinite`] for a value or a statistic that is not.
pub fn exact(
    control: &[f64],
    treatment: &[f64],
    statistic: impl Fn(&[f64], &[f64]) -> f64,
) -> Result<Permutation, MethodError> {
    const LIMIT: u64 = 2_000_000;
    let pool = Pool::new(control, treatment, &statistic)?;
    let n = pool.values.len();
    let labellings = choose(n as u64, treatment.len() as u64);
    if labellings > LIMIT {
        return Err(MethodError::TooLarge {
            what: "the number of labellings",
            size: labellings,
            limit: LIMIT,
        });
    }
    let mut count = Count::default();
    // The positions of the treatment among the pooled values, in lexicographic order.
    let k = treatment.len();
    let mut chosen: Vec<usize> = (0..k).collect();
    loop {
        let mut is_treatment = vec![false; n];
        chosen.iter().for_each(|i| is_treatment[*i] = true);
        let of = |label: bool| -> Vec<f64> {
            pool.values
                .iter()
                .zip(&is_treatment)
                .filter(|(_, t)| **t == label)
                .map(|(x, _)| *x)
                .collect()
        };
        count.add(&pool, statistic(&of(false), &of(true)))?;
        let Some(i) = (0..k).rev().find(|i| chosen[*i] < n - k + i) else { break };
        chosen[i] += 1;
        for j in i + 1..k {
            chosen[j] = chosen[j - 1] + 1;
        }
    }
    let share = |b: u64| b as f64 / count.total as f64;
    Ok(count.result(pool.observed, share))
}

/// Counts `permutations` random labellings, with p = (b + 1) / (m + 1).
///
/// # Errors
/// As for [`exact`], without the limit; [`MethodError::TooFew`] without permutations.
pub fn monte_carlo(
    control: &[f64],
    treatment: &[f64],
    statistic: impl Fn(&[f64], &[f64]) -> f64,
    draws: Draws,
    permutations: u64,
) -> Result<Permutation, MethodError> {
    check_at_least("permutations", permutations, 1)?;
    let pool = Pool::new(control, treatment, &statistic)?;
    let mut count = Count::default();
    let mut shuffled = pool.values.clone();
    for replicate in 0..permutations {
        // Each shuffle starts from the same order, so that a replicate does not depend on the one before.
        shuffled.copy_from_slice(&pool.values);
        for i in (1..shuffled.len()).rev() {
            shuffled.swap(i, draws.below(replicate, i as u64, i + 1));
        }
        let (c, t) = shuffled.split_at(control.len());
        count.add(&pool, statistic(c, t))?;
    }
    let share = |b: u64| (b as f64 + 1.0) / (permutations as f64 + 1.0);
    Ok(count.result(pool.observed, share))
}

/// The difference of means in standard errors (Welch's t): a statistic whose permutation test is right for means also when
/// the spreads differ. Zero when neither side varies.
#[must_use]
pub fn welch_statistic(control: &[f64], treatment: &[f64]) -> f64 {
    match (Sample::from_values(control), Sample::from_values(treatment)) {
        (Ok(c), Ok(t)) => {
            let std_error = c.std_error().hypot(t.std_error());
            if std_error > 0.0 { (t.mean - c.mean) / std_error } else { 0.0 }
        }
        _ => 0.0,
    }
}

struct Pool {
    values: Vec<f64>,
    observed: f64,
    /// Statistics this close are ties that rounding parted.
    slack: f64,
}

impl Pool {
    fn new(
        control: &[f64],
        treatment: &[f64],
        statistic: impl Fn(&[f64], &[f64]) -> f64,
    ) -> Result<Self, MethodError> {
        check_at_least("values in the control", control.len() as u64, 1)?;
        check_at_least("values in the treatment", treatment.len() as u64, 1)?;
        check_all_finite("a value", control)?;
        check_all_finite("a value", treatment)?;
        let observed = statistic(control, treatment);
        check_finite("the statistic", observed)?;
        Ok(Self { values: [control, treatment].concat(), observed, slack: 1e-14 * observed.abs() })
    }
}

#[derive(Default)]
struct Count {
    total: u64,
    greater: u64,
    less: u64,
    extreme: u64,
}

impl Count {
    fn add(&mut self, pool: &Pool, statistic: f64) -> Result<(), MethodError> {
        check_finite("the statistic of a permutation", statistic)?;
        self.total += 1;
        self.greater += u64::from(statistic >= pool.observed - pool.slack);
        self.less += u64::from(statistic <= pool.observed + pool.slack);
        self.extreme += u64::from(statistic.abs() >= pool.observed.abs() - pool.slack);
        Ok(())
    }

    fn result(&self, observed: f64, share: impl Fn(u64) -> f64) -> Permutation {
        let (greater, less) = (share(self.greater), share(self.less));
        Permutation {
            observed,
            permutations: self.total,
            greater,
            less,
            two_sided_abs: share(self.extreme),
            two_sided_doubled: (2.0 * greater.min(less)).min(1.0),
        }
    }
}

/// n choose k, or the largest number when it does not fit.
fn choose(n: u64, k: u64) -> u64 {
    let mut result: u64 = 1;
    for i in 0..k.min(n - k) {
        match result.checked_mul(n - i) {
            Some(product) => result = product / (i + 1),
            None => return u64::MAX,
        }
    }
    result
}
