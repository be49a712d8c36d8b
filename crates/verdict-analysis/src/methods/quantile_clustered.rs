//! Quantiles of values that come in clusters, such as the latency of requests when users are randomised, from their
//! distribution by buckets.
//!
//! The distribution function at b is a ratio of means over units: F(b) = mean(N(b)) / mean(n), with N(b) the values of a unit up to
//! b and n all its values. Its standard error is the delta method's, which knows that values of one unit are alike; with
//! one value a unit it is the binomial one. The quantile's standard error is Woodruff's: F plus and minus z standard
//! errors is carried back to values through the inverse of F, and the distance, over 2 z, is the standard error. No density
//! is estimated. z is that of 95%, whatever the level of the test.
//!
//! Within a bucket F is taken to be straight, so quantiles are within the buckets' relative width (at most one per cent) of those
//! of the values, and metrics of whole numbers give levels between two of them where many units share one.
//!
//! Assumes independent units, and enough of them beyond the quantile for F's standard error to stay within 0 and 1.
//!
//! Sources: R. S. Woodruff, "Confidence intervals for medians and other position measures" (1952); A. Deng, U. Knoblich & J. Lu,
//! "Applying the delta method in metric analytics", KDD 2018, section 4.

use super::error::{check_at_least, check_finite};
use super::special::norm_isf;
use super::{MethodError, Sample};

/// A distribution by buckets: see [`verdict_model::rows::Distribution`], whose lists these are.
#[derive(Clone, Copy, Debug)]
pub struct Buckets<'a> {
    /// The least value that each bucket may have, in order.
    pub lower: &'a [f64],
    /// The greatest.
    pub upper: &'a [f64],
    /// How many values each has.
    pub count: &'a [i64],
    /// How much each adds to the sum of N² over units.
    pub square: &'a [f64],
    /// How much each adds to the sum of N n over units.
    pub product: &'a [f64],
}

/// The quantile of all values of `n` units, as a [`Sample`] whose variance over n is the square of the quantile's standard error.
///
/// # Errors
/// [`MethodError::TooFew`] below two units or values, or so few that one and 96 hundredths standard errors of F leave 0 to 1;
/// [`MethodError::BadProbability`] unless 0 < q < 1; [`MethodError::NotFinite`] for lists that contradict themselves.
///
/// # Example
/// A thousand units, the i-th with the one value i: the median is about 500, its standard error sqrt(1000) / 2.
/// ```
/// use verdict_analysis::methods::quantile_clustered::{Buckets, quantile_sample};
///
/// let ends: Vec<f64> = (1..=1000).map(f64::from).collect();
/// let (count, ones) = (vec![1; 1000], vec![1.0; 1000]);
/// let buckets = Buckets { lower: &ends, upper: &ends, count: &count, square: &ones, product: &ones };
/// let sample = quantile_sample(buckets, 1000, 0.5)?;
/// assert_eq!(sample.mean, 500.0);
/// assert!((sample.variance / 1000.0 / 250.0 - 1.0).abs() < 0.05);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn quantile_sample(buckets: Buckets<'_>, n: u64, q: f64) -> Result<Sample, MethodError> {
    if !(q > 0.0 && q < 1.0) {
        return Err(MethodError::BadProbability { what: "the quantile", value: q });
    }
    check_at_least("units in a variant", n, 2)?;
    let curve = Curve::of(buckets)?;
    let std_error = curve.std_error_at(q, n)?;
    let z = norm_isf(0.025);
    let (below, above) = (q - z * std_error, q + z * std_error);
    if !(below > 0.0 && above < 1.0) {
        // About as many values as would do, were they as alike.
        let share = q.min(1.0 - q);
        let needed = (n as f64 * (z * std_error / share).powi(2)).ceil();
        check_finite("the standard error of the distribution function", needed)?;
        let what = "units for this quantile";
        return Err(MethodError::TooFew { what, needed: needed as u64, got: n });
    }
    let of_quantile = (curve.inverse(above) - curve.inverse(below)) / (2.0 * z);
    let sample =
        Sample { n, mean: curve.inverse(q), variance: of_quantile * of_quantile * n as f64 };
    sample.check()?;
    Ok(sample)
}

/// The quantile alone; `None` without values.
#[must_use]
pub fn quantile_of(buckets: Buckets<'_>, q: f64) -> Option<f64> {
    Curve::of(buckets).ok().map(|curve| curve.inverse(q)).filter(|x| x.is_finite())
}

/// The distribution function with its sums, at the upper end of each bucket.
struct Curve<'a> {
    buckets: Buckets<'a>,
    /// F.
    share: Vec<f64>,
    /// The sum of (N - F n)² over units.
    spread: Vec<f64>,
    values: f64,
}

impl Curve<'_> {
    fn of(buckets: Buckets<'_>) -> Result<Curve<'_>, MethodError> {
        let len = buckets.count.len();
        let lists = [buckets.lower, buckets.upper, buckets.square, buckets.product];
        if lists.iter().any(|list| list.len() != len)
            || buckets.count.iter().any(|count| *count < 0)
        {
            return Err(MethodError::NotFinite { what: "a bucket", value: f64::NAN });
        }
        let all: i64 = buckets.count.iter().fold(0, |sum, count| sum.saturating_add(*count));
        check_at_least("values in a variant", all.unsigned_abs(), 2)?;
        let values = all as f64;
        // N is n past the last bucket.
        let squares: f64 = buckets.square.iter().sum();
        let (mut count, mut square, mut product) = (0_i64, 0.0, 0.0);
        let (mut share, mut spread) = (Vec::with_capacity(len), Vec::with_capacity(len));
        for at in 0..len {
            count = count.saturating_add(buckets.count[at]);
            square += buckets.square[at];
            product += buckets.product[at];
            let f = count as f64 / values;
            share.push(f);
            spread.push((square - 2.0 * f * product + f * f * squares).max(0.0));
        }
        Ok(Curve { buckets, share, spread, values })
    }

    /// The bucket in which F reaches p.
    fn place(&self, p: f64) -> usize {
        self.share.partition_point(|share| *share < p).min(self.share.len() - 1)
    }

    /// How far into the bucket, from 0 to 1.
    fn part(&self, at: usize, p: f64) -> f64 {
        let before = if at == 0 { 0.0 } else { self.share[at - 1] };
        let width = self.share[at] - before;
        if width > 0.0 { ((p - before) / width).clamp(0.0, 1.0) } else { 1.0 }
    }

    fn inverse(&self, p: f64) -> f64 {
        let at = self.place(p);
        let (lower, upper) = (self.buckets.lower[at], self.buckets.upper[at]);
        lower + self.part(at, p) * (upper - lower)
    }

    /// The standard error of F where it is q.
    fn std_error_at(&self, q: f64, n: u64) -> Result<f64, MethodError> {
        let at = self.place(q);
        let (part, before) = (self.part(at, q), if at == 0 { 0.0 } else { self.spread[at - 1] });
        let spread = before + part * (self.spread[at] - before);
        let freedom = n as f64 / (n as f64 - 1.0);
        let std_error = (freedom * spread).sqrt() / self.values;
        check_finite("the standard error of the distribution function", std_error)?;
        Ok(std_error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Buckets of exact values, of units with several each, by looking at every one.
    fn buckets(units: &[&[f64]]) -> [Vec<f64>; 4] {
        let mut ends: Vec<f64> = units.iter().flat_map(|unit| unit.iter().copied()).collect();
        ends.sort_by(f64::total_cmp);
        ends.dedup();
        let up_to = |unit: &[f64], end: f64| unit.iter().filter(|x| **x <= end).count() as f64;
        let sums = |of: &dyn Fn(&[f64], f64) -> f64| -> Vec<f64> {
            let totals: Vec<f64> =
                ends.iter().map(|end| units.iter().map(|u| of(u, *end)).sum()).collect();
            let before = std::iter::once(0.0).chain(totals.iter().copied());
            totals.iter().zip(before).map(|(now, before)| now - before).collect()
        };
        let count = sums(&up_to);
        let square = sums(&|unit, end| up_to(unit, end).powi(2));
        let product = sums(&|unit, end| up_to(unit, end) * unit.len() as f64);
        [ends, count, square, product]
    }

    fn with<T>(units: &[&[f64]], of: impl Fn(Buckets<'_>) -> T) -> T {
        let [ends, count, square, product] = buckets(units);
        let count: Vec<i64> = count.iter().map(|n| *n as i64).collect();
        of(Buckets {
            lower: &ends,
            upper: &ends,
            count: &count,
            square: &square,
            product: &product,
        })
    }

    /// By hand: F(2) = 4/8 over four units with (N, n) = (2, 2), (1, 3), (1, 2), (0, 1), so that Σ (N - n/2)² = 1 + 1/4 + 0 + 1/4
    /// and the variance of F is 4/3 · 1.5 / 8² = 1/32.
    #[test]
    fn the_variance_of_the_distribution_function_is_that_of_a_ratio() {
        let units: [&[f64]; 4] = [&[1.0, 2.0], &[2.0, 5.0, 7.0], &[1.0, 9.0], &[6.0]];
        let std_error = with(&units, |buckets| {
            Curve::of(buckets).and_then(|curve| curve.std_error_at(0.5, 4)).unwrap()
        });
        assert!((std_error - (1.0_f64 / 32.0).sqrt()).abs() < 1e-15, "{std_error}");
    }

    /// One value a unit: the standard error of F is the binomial one.
    #[test]
    fn one_value_a_unit_is_the_binomial() {
        let values: Vec<[f64; 1]> = (1..=400).map(|i| [f64::from(i)]).collect();
        let units: Vec<&[f64]> = values.iter().map(|v| &v[..]).collect();
        let std_error = with(&units, |buckets| {
            Curve::of(buckets).and_then(|curve| curve.std_error_at(0.9, 400)).unwrap()
        });
        let binomial: f64 = 0.9 * 0.1 / 399.0;
        assert!((std_error / binomial.sqrt() - 1.0).abs() < 1e-12, "{std_error}");
    }

    /// Every value twice in its unit is no information more than once.
    #[test]
    fn repeated_values_of_a_unit_are_no_news() {
        let once: Vec<[f64; 1]> = (1..=900).map(|i| [f64::from(i * i)]).collect();
        let twice: Vec<[f64; 2]> = once.iter().map(|[x]| [*x, *x]).collect();
        let once: Vec<&[f64]> = once.iter().map(|v| &v[..]).collect();
        let twice: Vec<&[f64]> = twice.iter().map(|v| &v[..]).collect();
        let sample = |units: &[&[f64]]| with(units, |b| quantile_sample(b, 900, 0.75).unwrap());
        let (once, twice) = (sample(&once), sample(&twice));
        assert_eq!(once.mean, twice.mean);
        assert!((once.variance / twice.variance - 1.0).abs() < 1e-9, "{once:?} {twice:?}");
    }

    #[test]
    fn what_is_not_enough_is_said() {
        let values: Vec<[f64; 1]> = (1..=100).map(|i| [f64::from(i)]).collect();
        let units: Vec<&[f64]> = values.iter().map(|v| &v[..]).collect();
        let error = with(&units, |buckets| quantile_sample(buckets, 100, 0.99).unwrap_err());
        assert!(matches!(error, MethodError::TooFew { needed: 101..=500, .. }), "{error:?}");
        assert!(with(&units, |buckets| quantile_sample(buckets, 100, 1.0)).is_err());
        assert!(with(&[&[1.0]], |buckets| quantile_sample(buckets, 1, 0.5)).is_err());
        assert_eq!(with(&[], |buckets| quantile_of(buckets, 0.5)), None);
    }
}
