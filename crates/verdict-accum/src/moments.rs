//! Counts, means and centred second moments, exact until the last rounding.

use crate::fixed256::{Fixed256, crowded};
use crate::float::{Placed, fixed, parts, placed};
use crate::{AccumError, wide::Wide};

/// Moments of one variable.
pub type Moments1 = Moments<1, 1>;
/// Moments of two variables: ratio metrics, CUPED.
pub type Moments2 = Moments<2, 3>;
/// Moments of four variables: CUPED of a ratio.
pub type Moments4 = Moments<4, 10>;

/// Count, means and centred second moments of `K` variables over rows with whole weights of either sign.
///
/// Kept are the exact sums of weights, of values and of the `P = K (K + 1) / 2` products of values, so that order,
/// merging and retraction cannot show: equal multisets of rows make equal moments and equal bytes, and moments
/// from which everything was removed equal new ones. Means and centred moments are derived when asked for,
/// `m2 = (n Σx² - (Σx)²) / n` in integers, and rounded once: there is no cancellation, whatever the mean.
///
/// Use the names [`Moments1`], [`Moments2`] and [`Moments4`]. Variables are numbered from 0; a number beyond
/// the last gives `None`.
///
/// ```
/// use verdict_accum::Moments1;
///
/// let mut m = Moments1::default();
/// m.push(1, &[1.0])?;
/// m.push(1, &[2.0])?;
/// m.push(1, &[1e20])?;
/// m.push(-1, &[1e20])?;
/// assert_eq!((m.n(), m.mean(0), m.var_samp(0)), (2, Some(1.5), Some(0.5)));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Moments<const K: usize, const P: usize> {
    /// What fits of Σ w x, times 2^64.
    pub(crate) sums: [i128; K],
    /// What fits of Σ w x y, times 2^128: (0,0), (0,1), … (0,K-1), (1,1), ….
    pub(crate) products: [Fixed256; P],
    /// What fits of Σ w.
    pub(crate) n: i64,
    /// What does not.
    pub(crate) rest: Option<Box<Rest<K, P>>>,
}

#[derive(Clone, Debug)]
pub(crate) struct Rest<const K: usize, const P: usize> {
    pub(crate) n: i128,
    pub(crate) sums: [Wide; K],
    pub(crate) products: [Wide; P],
}

impl<const K: usize, const P: usize> Default for Rest<K, P> {
    fn default() -> Self {
        Self {
            n: 0,
            sums: std::array::from_fn(|_| Wide::default()),
            products: std::array::from_fn(|_| Wide::default()),
        }
    }
}

impl<const K: usize, const P: usize> Default for Moments<K, P> {
    fn default() -> Self {
        const { assert!(P == K * (K + 1) / 2, "P is the number of products of K variables") };
        Self { sums: [0; K], products: [Fixed256::default(); P], n: 0, rest: None }
    }
}

impl<const K: usize, const P: usize> Moments<K, P> {
    /// Adds `weight` times the row `xs`; a negative weight removes.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when a value is NaN or infinite; the moments are unchanged.
    #[inline]
    pub fn push(&mut self, weight: i64, xs: &[f64; K]) -> Result<(), AccumError> {
        // 0 for the weight 1 and -1 for -1: x ^ sign - sign is weight · x.
        let sign = weight >> 1;
        let mut usual = weight == 1 || weight == -1;
        let mut places = [Placed { mantissa: 0, shift: 0 }; K];
        for (place, &x) in places.iter_mut().zip(xs) {
            let (placed, fits) = placed(x);
            *place = placed;
            usual &= fits;
        }
        if !usual {
            return self.push_careful(weight, xs);
        }
        self.n += weight;
        let mut full = crowded(self.n);
        let mut products = self.products.iter_mut();
        for i in 0..K {
            let Placed { mantissa, shift } = places[i];
            let weighted = (mantissa ^ sign) - sign;
            self.sums[i] += i128::from(weighted) << shift;
            full |= crowded((self.sums[i] >> 64) as i64);
            for (place, product) in places[i..].iter().zip(&mut products) {
                let number = i128::from(weighted) * i128::from(place.mantissa);
                product.add_shifted(number, shift + place.shift);
                full |= crowded(product.top());
            }
        }
        if full < 0 {
            self.spill();
        }
        Ok(())
    }

    /// Adds `weight` times a row of integers; a negative weight removes. The same value as
    /// [`push`](Self::push) of the integers, which need not be representable as doubles.
    #[inline]
    pub fn push_int(&mut self, weight: i64, xs: &[i64; K]) {
        const LIMIT: i64 = 1 << 53;
        let sign = weight >> 1;
        let short = xs.iter().all(|x| (-LIMIT..=LIMIT).contains(x));
        if !(short && (weight == 1 || weight == -1)) {
            return self.push_int_careful(weight, xs);
        }
        self.n += weight;
        let mut full = crowded(self.n);
        let mut products = self.products.iter_mut();
        for i in 0..K {
            let weighted = (xs[i] ^ sign) - sign;
            self.sums[i] += i128::from(weighted) << 64;
            full |= crowded((self.sums[i] >> 64) as i64);
            for (&x, product) in xs[i..].iter().zip(&mut products) {
                product.high += i128::from(weighted) * i128::from(x);
                full |= crowded(product.top());
            }
        }
        if full < 0 {
            self.spill();
        }
    }

    /// Adds all rows of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.n += other.n;
        self.sums.iter_mut().zip(other.sums).for_each(|(sum, value)| *sum += value);
        self.products.iter_mut().zip(other.products).for_each(|(sum, value)| sum.add(value));
        self.make_room();
        if let Some(rest) = &other.rest {
            let mine = self.rest.get_or_insert_default();
            mine.n = mine.n.wrapping_add(rest.n);
            mine.sums.iter_mut().zip(&rest.sums).for_each(|(a, b)| a.add(b));
            mine.products.iter_mut().zip(&rest.products).for_each(|(a, b)| a.add(b));
        }
    }

    /// Removes all rows of `other`: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        let mut negated = other.clone();
        negated.n = -negated.n;
        negated.sums = negated.sums.map(|sum| -sum);
        negated.products = negated.products.map(Fixed256::negated);
        if let Some(rest) = &mut negated.rest {
            rest.n = rest.n.wrapping_neg();
            for number in rest.sums.iter_mut().chain(&mut rest.products) {
                let mut minus = Wide::default();
                minus.sub(number);
                *number = minus;
            }
        }
        self.merge(&negated);
    }

    /// The moments of `variables` of these, in that order; a variable may come more than once, or not at all. `None`
    /// when there is no variable of such a number.
    ///
    /// ```
    /// use verdict_accum::{Moments1, Moments2};
    ///
    /// let (mut of_x, mut of_xx) = (Moments1::default(), Moments2::default());
    /// of_x.push(1, &[0.1])?;
    /// of_xx.push(1, &[0.1, 0.1])?;
    /// assert_eq!(of_x.of_variables([0, 0]), Some(of_xx));
    /// # Ok::<(), verdict_accum::AccumError>(())
    /// ```
    #[must_use]
    pub fn of_variables<const J: usize, const Q: usize>(
        &self,
        variables: [usize; J],
    ) -> Option<Moments<J, Q>> {
        if variables.iter().any(|v| *v >= K) {
            return None;
        }
        let place = |i: usize, j: usize| {
            let (i, j) = (variables[i], variables[j]);
            Self::place(i.min(j), i.max(j))
        };
        let pairs = || (0..J).flat_map(|i| (i..J).map(move |j| (i, j)));
        let mut of = Moments::<J, Q> {
            n: self.n,
            sums: variables.map(|v| self.sums[v]),
            ..Moments::default()
        };
        for (product, (i, j)) in of.products.iter_mut().zip(pairs()) {
            *product = self.products[place(i, j)];
        }
        if let Some(rest) = &self.rest {
            let own = of.rest.get_or_insert_default();
            own.n = rest.n;
            own.sums = variables.map(|v| rest.sums[v].clone());
            for (product, (i, j)) in own.products.iter_mut().zip(pairs()) {
                *product = rest.products[place(i, j)].clone();
            }
        }
        Some(of)
    }

    /// The sum of the weights: the number of rows, when every weight is 1.
    #[must_use]
    pub fn n(&self) -> i128 {
        self.rest.as_ref().map_or(0, |rest| rest.n).wrapping_add(self.n.into())
    }

    /// The sum of variable `i`, weights included, correctly rounded; 0 without rows. `None` beyond the largest double.
    #[must_use]
    pub fn sum(&self, i: usize) -> Option<f64> {
        self.total_sum(i)?.to_f64(1)
    }

    /// The mean of variable `i`, correctly rounded. `None` when `n` is 0 or its magnitude exceeds `i64::MAX`.
    #[must_use]
    pub fn mean(&self, i: usize) -> Option<f64> {
        let n = self.divisor()?;
        self.total_sum(i)?.to_f64(n)
    }

    /// The centred second moment `Σ w (x - mean)²` of variable `i`, in squares of its unit, correctly rounded.
    ///
    /// `None` when `n` is 0 or its magnitude exceeds `i64::MAX`, and beyond the largest double. Negative only when
    /// something was removed that had not been added.
    #[must_use]
    pub fn m2(&self, i: usize) -> Option<f64> {
        self.co(i, i)
    }

    /// The centred co-moment `Σ w (x - mean x) (y - mean y)` of variables `i` and `j`, correctly rounded.
    ///
    /// `None` as for [`m2`](Self::m2), which it is for `i = j`.
    #[must_use]
    pub fn co(&self, i: usize, j: usize) -> Option<f64> {
        let n = self.divisor()?;
        let mut numerator = self.total_product(i.min(j), i.max(j))?;
        numerator = numerator.mul(&integer(n));
        numerator.sub(&self.total_sum(i)?.mul(&self.total_sum(j)?));
        numerator.to_f64(n)
    }

    /// The sample variance `m2 / (n - 1)` of variable `i`, within one unit in the last place. `None` when `n < 2`, and
    /// as for [`m2`](Self::m2).
    #[must_use]
    pub fn var_samp(&self, i: usize) -> Option<f64> {
        self.covar_samp(i, i)
    }

    /// The sample covariance `co / (n - 1)` of variables `i` and `j`, within one unit in the last place. `None` when
    /// `n < 2`, and as for [`m2`](Self::m2).
    #[must_use]
    pub fn covar_samp(&self, i: usize, j: usize) -> Option<f64> {
        let n = self.n();
        if n < 2 {
            return None;
        }
        Some(self.co(i, j)? / (n - 1) as f64)
    }

    /// Reads something of each line of the cache that the moments lie in, so that they are there when they are needed; what
    /// it gives means nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> u64 {
        let products = self.products.iter().fold(0, |bits, product| bits ^ product.low as u64);
        products ^ self.sums[0] as u64 ^ self.n as u64
    }

    /// Memory on the heap, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| {
            size_of::<Rest<K, P>>()
                + rest.sums.iter().chain(&rest.products).map(Wide::heap_size).sum::<usize>()
        })
    }

    /// The place of the product of variables `i <= j`.
    const fn place(i: usize, j: usize) -> usize {
        i * K + j - i * (i + 1) / 2
    }

    fn divisor(&self) -> Option<i64> {
        i64::try_from(self.n()).ok().filter(|&n| n != 0 && n != i64::MIN)
    }

    pub(crate) fn total_sum(&self, i: usize) -> Option<Wide> {
        let sum = *self.sums.get(i)?;
        let mut total = Wide::new(-1, vec![sum as u64, (sum >> 64) as u64]);
        if let Some(rest) = &self.rest {
            total.add(&rest.sums[i]);
        }
        Some(total)
    }

    /// For `i <= j`.
    pub(crate) fn total_product(&self, i: usize, j: usize) -> Option<Wide> {
        if j >= K {
            return None;
        }
        let mut total = self.products[Self::place(i, j)].to_wide();
        if let Some(rest) = &self.rest {
            total.add(&rest.products[Self::place(i, j)]);
        }
        Some(total)
    }

    /// Moves what no longer leaves room for another sum or row.
    fn make_room(&mut self) {
        let sums = self.sums.iter().map(|sum| (sum >> 64) as i64);
        let products = self.products.iter().map(|product| product.top());
        if sums.chain(products).chain([self.n]).fold(0, |full, top| full | crowded(top)) < 0 {
            self.spill();
        }
    }

    /// Adds to the sum of the weights.
    fn add_weight(&mut self, weight: i64) {
        match self.n.checked_add(weight) {
            Some(n) if crowded(n) >= 0 => self.n = n,
            _ => {
                let rest = self.rest.get_or_insert_default();
                rest.n = rest.n.wrapping_add(weight.into());
            }
        }
    }

    /// A row of any weight and any values.
    #[inline(never)]
    fn push_careful(&mut self, weight: i64, xs: &[f64; K]) -> Result<(), AccumError> {
        let mut values = [0; K];
        for (value, &x) in values.iter_mut().zip(xs) {
            match fixed(x) {
                // 2^117 · 2^8 = 2^125: there is room for so much.
                Some(x) if (-0x100..=0x100).contains(&weight) => *value = x,
                _ => return self.push_rest(weight, xs),
            }
        }
        self.add_weight(weight);
        let mut products = self.products.iter_mut();
        for i in 0..K {
            let weighted = values[i] * i128::from(weight);
            self.sums[i] += weighted;
            for (&value, product) in values[i..].iter().zip(&mut products) {
                product.add(Fixed256::product(weighted, value));
            }
        }
        self.make_room();
        Ok(())
    }

    #[inline(never)]
    fn push_int_careful(&mut self, weight: i64, xs: &[i64; K]) {
        const LIMIT: u128 = 1 << 62;
        let weighted = xs.map(|x| i128::from(weight) * i128::from(x));
        let fits = |x: i128| x.unsigned_abs() <= LIMIT;
        if !(weighted.into_iter().all(fits) && xs.iter().all(|&x| fits(x.into()))) {
            return self.push_int_rest(weight, xs);
        }
        self.add_weight(weight);
        let mut products = self.products.iter_mut();
        for i in 0..K {
            self.sums[i] += weighted[i] << 64;
            for (&x, product) in xs[i..].iter().zip(&mut products) {
                product.high += weighted[i] * i128::from(x);
            }
        }
        self.make_room();
    }

    /// Moves everything from the fixed widths, which are about to overflow, to the rest.
    #[cold]
    fn spill(&mut self) {
        let rest = self.rest.get_or_insert_default();
        rest.n = rest.n.wrapping_add(self.n.into());
        self.n = 0;
        for (wide, sum) in rest.sums.iter_mut().zip(&mut self.sums) {
            wide.add(&Wide::new(-1, vec![*sum as u64, (*sum >> 64) as u64]));
            *sum = 0;
        }
        for (wide, product) in rest.products.iter_mut().zip(&mut self.products) {
            wide.add(&product.to_wide());
            *product = Fixed256::default();
        }
    }

    #[cold]
    fn push_rest(&mut self, weight: i64, xs: &[f64; K]) -> Result<(), AccumError> {
        let mut rows = [parts(0.0)?; K];
        for (row, &x) in rows.iter_mut().zip(xs) {
            *row = parts(x)?;
        }
        self.push_terms(weight, rows.map(|p| (p.negative, p.mantissa, p.exponent)));
        Ok(())
    }

    #[cold]
    fn push_int_rest(&mut self, weight: i64, xs: &[i64; K]) {
        self.push_terms(weight, xs.map(|x| (x < 0, x.unsigned_abs(), 0)));
    }

    fn push_terms(&mut self, weight: i64, xs: [(bool, u64, i32); K]) {
        self.add_weight(weight);
        let rest = self.rest.get_or_insert_default();
        for i in 0..K {
            let (negative, mantissa, exponent) = xs[i];
            let negative = negative != (weight < 0);
            let weighted = u128::from(mantissa) * u128::from(weight.unsigned_abs());
            let (low, high) = (weighted as u64, (weighted >> 64) as u64);
            rest.sums[i].add_scaled(negative, [low, high, 0, 0], exponent);
            for (j, &(negative_j, mantissa_j, exponent_j)) in xs.iter().enumerate().skip(i) {
                let low = u128::from(low) * u128::from(mantissa_j);
                let high = u128::from(high) * u128::from(mantissa_j) + (low >> 64);
                rest.products[Self::place(i, j)].add_scaled(
                    negative != negative_j,
                    [low as u64, high as u64, (high >> 64) as u64, 0],
                    exponent + exponent_j,
                );
            }
        }
    }
}

impl<const K: usize, const P: usize> PartialEq for Moments<K, P> {
    fn eq(&self, other: &Self) -> bool {
        if self.rest.is_none() && other.rest.is_none() {
            return self.n == other.n && self.sums == other.sums && self.products == other.products;
        }
        self.n() == other.n()
            && (0..K).all(|i| self.total_sum(i) == other.total_sum(i))
            && (0..K).all(|i| (i..K).all(|j| self.total_product(i, j) == other.total_product(i, j)))
    }
}

impl<const K: usize, const P: usize> Eq for Moments<K, P> {}

fn integer(n: i64) -> Wide {
    Wide::new(0, vec![n as u64])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_distinct_and_in_order() {
        let places: Vec<usize> =
            (0..4).flat_map(|i| (i..4).map(move |j| Moments4::place(i, j))).collect();
        assert_eq!(places, (0..10).collect::<Vec<_>>());
    }

    #[test]
    fn variables_of_moments_are_the_moments_of_those_variables() {
        let rows = [[0.5, -3.0], [1e300, 0.25], [0.1, 1e-300], [7.0, 0.1]];
        let (mut of_two, mut of_four, mut of_last) =
            (Moments2::default(), Moments4::default(), Moments1::default());
        for (weight, [x, y]) in [1, -1, 2, 1].into_iter().zip(rows) {
            of_two.push(weight, &[x, y]).unwrap();
            of_four.push(weight, &[y, x, y, x]).unwrap();
            of_last.push(weight, &[y]).unwrap();
        }
        assert_eq!(of_two.of_variables([1, 0, 1, 0]).unwrap(), of_four);
        assert_eq!(of_four.of_variables([3, 2]).unwrap(), of_two);
        assert_eq!(of_two.of_variables([1]).unwrap(), of_last);
        assert_eq!(of_two.of_variables::<1, 1>([2]), None);
    }

    #[test]
    fn the_smallest_samples() {
        let mut m = Moments1::default();
        assert_eq!(
            (m.n(), m.sum(0), m.mean(0), m.m2(0), m.var_samp(0)),
            (0, Some(0.0), None, None, None)
        );
        m.push(1, &[0.1]).unwrap();
        assert_eq!((m.mean(0), m.m2(0), m.var_samp(0)), (Some(0.1), Some(0.0), None));
        m.push(1, &[0.1]).unwrap();
        assert_eq!((m.mean(0), m.var_samp(0)), (Some(0.1), Some(0.0)));
        assert_eq!((m.mean(1), m.co(0, 1)), (None, None));
        m.push(-2, &[0.1]).unwrap();
        assert_eq!(m, Moments1::default());
    }

    #[test]
    fn many_rows_of_the_largest_values_that_fit_do_not_overflow() {
        const ROWS: i64 = 10_000;
        let (x, y, i) = (2_f64.powi(52).next_down(), -2_f64.powi(52).next_down(), 1_i64 << 53);
        for weight in [1, -1] {
            let (mut each, mut all) = (Moments2::default(), Moments2::default());
            let (mut each_int, mut all_int) = (Moments2::default(), Moments2::default());
            for _ in 0..ROWS {
                each.push(weight, &[x, y]).unwrap();
                each_int.push_int(weight, &[i, -i]);
                let mut two = each.clone();
                two.merge(&each);
                two.retract(&each);
                assert_eq!(two, each);
            }
            // At once, such a weight goes to the long accumulators.
            all.push(weight * ROWS, &[x, y]).unwrap();
            all_int.push_int(weight * ROWS, &[i, -i]);
            assert!(all.rest.is_some() && each.rest.is_some() && each_int.rest.is_some());
            assert_eq!(each, all);
            assert_eq!(each.to_bytes(), all.to_bytes());
            assert_eq!(each_int.to_bytes(), all_int.to_bytes());
        }
    }

    #[test]
    fn no_count_or_value_overflows() {
        let mut m = Moments2::default();
        for _ in 0..10 {
            m.push_int(i64::MIN, &[i64::MIN, i64::MAX]);
            m.push(i64::MAX, &[f64::MAX, -f64::MAX]).unwrap();
        }
        assert_eq!(m.n(), -10);
        assert_eq!(m.co(0, 1), None);
        for _ in 0..10 {
            m.push_int(i64::MAX, &[i64::MIN, i64::MAX]);
            m.push_int(1, &[i64::MIN, i64::MAX]);
            m.push(-i64::MAX, &[f64::MAX, -f64::MAX]).unwrap();
        }
        assert_eq!(m, Moments2::default());
    }
}
