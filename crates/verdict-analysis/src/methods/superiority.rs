//! The probability of superiority from how many units have which value: Mann and Whitney's test with the interval of Brunner
//! and Munzel.
//!
//! The estimate is U / (n_c n_t), of P(T > C) + P(T = C)/2. The p-value is Mann and Whitney's, under equal
//! distributions, corrected for ties and continuity. The standard error of the estimate holds whatever the distributions:
//! with F the distribution functions of the samples, ties half, it is that of the mean of F_c over the treatment and that of F_t
//! over the control together (the placements). As with two proportions the test and the interval have each its own
//! variance, the one under no difference and the other not.
//!
//! Sources: as in [`mann_whitney`](super::mann_whitney).

use super::mann_whitney::MannWhitney;
use super::{MethodError, Sample, error::check_at_least};

/// The values of a sample, ascending, and how many units have each.
#[derive(Clone, Copy, Debug)]
pub struct Counted<'a> {
    /// The distinct values, the least one first.
    pub values: &'a [f64],
    /// How many units have each.
    pub counts: &'a [i64],
}

/// Two samples compared by rank.
#[derive(Clone, Copy, Debug)]
pub struct Superiority {
    /// U and its law under equal distributions.
    pub ranks: MannWhitney,
    /// The control: one half, with the variance of its units' placements among the treatment.
    pub control: Sample,
    /// The treatment: the probability of superiority, with the variance of its units' placements among the control.
    pub treatment: Sample,
}

/// Compares two samples by rank; sums of ranks and ties are exact.
///
/// # Errors
/// [`MethodError::TooFew`] below two units in a sample; [`MethodError::Negative`] for a count below 0.
///
/// # Example
/// ```
/// use verdict_analysis::methods::superiority::{Counted, superiority};
///
/// let control = Counted { values: &[0.0, 1.0, 5.0], counts: &[3, 1, 1] };
/// let treatment = Counted { values: &[0.0, 2.0], counts: &[2, 2] };
/// let found = superiority(control, treatment)?;
/// // Each 0 of the treatment ties with three, each 2 is above four.
/// assert_eq!(found.ranks.u_treatment, 2.0 * 1.5 + 2.0 * 4.0);
/// assert_eq!(found.treatment.mean, 11.0 / 20.0);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn superiority(
    control: Counted<'_>,
    treatment: Counted<'_>,
) -> Result<Superiority, MethodError> {
    let (n_c, n_t) = (units(control)?, units(treatment)?);
    check_at_least("units in the control", n_c, 2)?;
    check_at_least("units in the treatment", n_t, 2)?;
    let below_t = twice_below(treatment, control);
    let below_c = twice_below(control, treatment);
    let twice_u: u128 =
        below_t.iter().zip(treatment.counts).map(|(b, n)| b * n.unsigned_abs() as u128).sum();
    let ranks = MannWhitney::of_pairs(twice_u, ties(control, treatment), (n_c, n_t));
    let placed = |below: &[u128], own: Counted<'_>, n_other: u64, mean: f64| {
        let squares = below.iter().zip(own.counts).map(|(b, n)| {
            let from_mean = *b as f64 / (2.0 * n_other as f64) - mean;
            *n as f64 * from_mean * from_mean
        });
        squares.sum::<f64>()
    };
    let p = ranks.superiority;
    let of_treatment = placed(&below_t, treatment, n_c, p) / (n_t - 1) as f64;
    let of_control = placed(&below_c, control, n_t, 1.0 - p) / (n_c - 1) as f64;
    Ok(Superiority {
        ranks,
        control: Sample { n: n_c, mean: 0.5, variance: of_control },
        treatment: Sample { n: n_t, mean: p, variance: of_treatment },
    })
}

fn units(sample: Counted<'_>) -> Result<u64, MethodError> {
    let counted = sample.counts.iter().map(|n| {
        u64::try_from(*n).map_err(|_| MethodError::Negative { what: "a count", value: *n as f64 })
    });
    counted.sum()
}

/// For each value of `of` twice the units of `among` below it, those with the same value once.
fn twice_below(of: Counted<'_>, among: Counted<'_>) -> Vec<u128> {
    let mut others = among.values.iter().zip(among.counts).peekable();
    let mut below = 0_u128;
    of.values
        .iter()
        .map(|x| {
            while let Some((_, n)) = others.next_if(|(y, _)| *y < x) {
                below += u128::from(n.unsigned_abs());
            }
            let same = others.peek().filter(|(y, _)| *y == x);
            2 * below + same.map_or(0, |(_, n)| u128::from(n.unsigned_abs()))
        })
        .collect()
}

/// Σ(g³ - g) over the groups of tied values of both samples.
fn ties(a: Counted<'_>, b: Counted<'_>) -> f64 {
    let of = |g: u128| (g * g * g - g) as f64;
    let mut others = b.values.iter().zip(b.counts).peekable();
    let mut sum = 0.0;
    for (x, n) in a.values.iter().zip(a.counts) {
        while let Some((_, n)) = others.next_if(|(y, _)| *y < x) {
            sum += of(u128::from(n.unsigned_abs()));
        }
        let same = others.next_if(|(y, _)| *y == x).map_or(0, |(_, n)| n.unsigned_abs());
        sum += of(u128::from(n.unsigned_abs() + same));
    }
    sum + others.map(|(_, n)| of(u128::from(n.unsigned_abs()))).sum::<f64>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::methods::Alternative;
    use crate::methods::mann_whitney::{brunner_munzel, mann_whitney};

    /// The same as of the values one by one.
    #[test]
    fn counted_values_give_what_single_ones_give() {
        let control = [0.0, 0.0, 0.0, 1.0, 2.0, 2.0, 7.0];
        let treatment = [0.0, 0.0, 2.0, 3.0, 9.0];
        let counted = superiority(
            Counted { values: &[0.0, 1.0, 2.0, 7.0], counts: &[3, 1, 2, 1] },
            Counted { values: &[0.0, 2.0, 3.0, 9.0], counts: &[2, 1, 1, 1] },
        )
        .unwrap();
        let single = mann_whitney(&control, &treatment).unwrap();
        assert_eq!(counted.ranks, single);
        for alternative in [Alternative::TwoSided, Alternative::Greater, Alternative::Less] {
            let studentised = brunner_munzel(&control, &treatment, alternative).unwrap().statistic;
            let Superiority { control, treatment, .. } = counted;
            let std_error = (control.variance_of_mean() + treatment.variance_of_mean()).sqrt();
            let z = (treatment.mean - control.mean) / std_error;
            assert!((z - studentised).abs() < 1e-12, "{z} is not {studentised}");
        }
    }

    #[test]
    fn one_unit_is_no_sample_and_no_count_is_negative() {
        let two = Counted { values: &[1.0], counts: &[2] };
        let one = Counted { values: &[1.0], counts: &[1] };
        assert!(matches!(superiority(one, two), Err(MethodError::TooFew { .. })));
        let wrong = Counted { values: &[1.0], counts: &[-2] };
        assert!(matches!(superiority(two, wrong), Err(MethodError::Negative { .. })));
    }
}
