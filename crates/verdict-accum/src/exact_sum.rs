//! Exact sums of doubles and integers.

use crate::block_sum::Blocks;
use crate::codec::{Reader, put_exact};
use crate::float::parts;
use crate::{AccumError, wide::Wide};

/// The exact sum of finite doubles, each taken any whole number of times, of either sign.
///
/// The value does not depend on the order of additions, on merging or on what was added and taken away again:
/// two sums are equal when the exact sums are, and equal sums have equal bytes. Nothing overflows and nothing
/// is lost below the last bit; [`to_f64`](Self::to_f64) rounds, once.
///
/// The sum is kept as two doubles, which is exact as long as what the addition of the second ones rounds off is zero
/// (Knuth's two-sum tells: TAOCP 2, section 4.2.2, theorem B): sums of amounts hold some 100 bits. A value
/// that does not fit goes to a long accumulator on the heap, made when it is first needed (Kulisch 2013, "Computer
/// Arithmetic and Validity"; Neal 2015, "Fast exact summation using small and large superaccumulators"); the sum is
/// that of both.
///
/// ```
/// use verdict_accum::ExactSum;
///
/// let mut sum = ExactSum::default();
/// for x in [1e100, 1.0, -1e100, 0.1] {
///     sum.push(x)?;
/// }
/// assert_eq!(sum.to_f64(), Some(1.1));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExactSum {
    /// Their exact sum counts.
    pair: [f64; 2],
    rest: Option<Box<Wide>>,
}

const HEADER: [u8; 2] = [b'S', 1];

/// a + b rounded, and what rounding took: exact for all finite a and b whose sum is finite, NaN otherwise.
#[inline]
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let of_b = sum - a;
    (sum, (a - (sum - of_b)) + (b - of_b))
}

/// The pair with `x` added, where two doubles hold it exactly.
#[inline]
fn plus([high, low]: [f64; 2], x: f64) -> Option<[f64; 2]> {
    let (high, off) = two_sum(high, x);
    let (low, lost) = two_sum(low, off);
    // NaN, too, is not zero.
    (lost == 0.0).then_some([high, low])
}

impl ExactSum {
    /// Adds `x`.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the sum is unchanged.
    #[inline]
    pub fn push(&mut self, x: f64) -> Result<(), AccumError> {
        match plus(self.pair, x) {
            Some(pair) => self.pair = pair,
            None => self.push_rest(x, 1)?,
        }
        Ok(())
    }

    /// Adds all of `xs`: the same sum as [`push`](Self::push) of each, several times faster.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when one is NaN or infinite; what comes before it has been added.
    pub fn push_all(&mut self, xs: &[f64]) -> Result<(), AccumError> {
        let (blocks, rest) = xs.as_chunks();
        let mut sums = Blocks::default();
        for (k, block) in blocks.iter().enumerate() {
            match sums.sum(block, blocks.get(k + 1).unwrap_or(block)) {
                Some(parts) => parts.as_slice().iter().try_for_each(|&x| self.push(x))?,
                None => block.iter().try_for_each(|&x| self.push(x))?,
            }
        }
        rest.iter().try_for_each(|&x| self.push(x))
    }

    /// Adds `weight` times `x`; a negative weight takes away.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the sum is unchanged.
    #[inline]
    pub fn push_weighted(&mut self, weight: i64, x: f64) -> Result<(), AccumError> {
        match weight {
            1 => self.push(x),
            -1 => self.push(-x),
            _ => self.push_rest(x, weight),
        }
    }

    /// Adds an integer.
    #[inline]
    pub fn push_int(&mut self, x: i64) {
        // Both halves are doubles.
        let halves = [((x >> 32) as f64) * 4_294_967_296.0, (x & 0xffff_ffff) as f64];
        match plus(self.pair, halves[0]).and_then(|pair| plus(pair, halves[1])) {
            Some(pair) => self.pair = pair,
            None => {
                self.rest.get_or_insert_default().add_scaled(x < 0, [x.unsigned_abs(), 0, 0, 0], 0);
            }
        }
    }

    /// Adds another sum.
    pub fn merge(&mut self, other: &Self) {
        self.add_pair(other.pair);
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_default().add(rest);
        }
    }

    /// Takes another sum away: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        self.add_pair(other.pair.map(|x| -x));
        if let Some(rest) = &other.rest {
            self.rest.get_or_insert_default().sub(rest);
        }
    }

    /// Whether the sum is exactly zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        match &self.rest {
            // A sum of two doubles rounds to zero only when it is zero.
            None => self.pair[0] + self.pair[1] == 0.0,
            Some(_) => self.total().is_zero(),
        }
    }

    /// The double nearest to the exact sum, ties to even; zero is `+0.0`. `None` when the sum lies beyond the largest
    /// double.
    #[inline]
    #[must_use]
    pub fn to_f64(&self) -> Option<f64> {
        match &self.rest {
            None => {
                // + 0.0 turns -0.0 into +0.0.
                let sum = self.pair[0] + self.pair[1] + 0.0;
                sum.is_finite().then_some(sum)
            }
            Some(_) => self.total().to_f64(1),
        }
    }

    /// The sum as two doubles, the first the rounded sum and the second what rounding took, where that is all of it: a
    /// state of fixed width for the usual case.
    #[inline]
    #[must_use]
    pub fn to_pair(&self) -> Option<[f64; 2]> {
        match &self.rest {
            None => {
                let (sum, off) = two_sum(self.pair[0], self.pair[1]);
                // Sums of which two_sum tells nothing lie beyond the largest double.
                off.is_finite().then_some([sum + 0.0, off + 0.0])
            }
            Some(_) => {
                let total = self.total();
                let mut pair = [0.0; 2];
                let mut left = Self { pair, rest: Some(Box::new(total)) };
                for x in &mut pair {
                    *x = left.total().to_f64(1)?;
                    left.push_rest(-*x, 1).ok()?;
                }
                left.total().is_zero().then_some(pair)
            }
        }
    }

    /// Adds what [`to_pair`](Self::to_pair) gave.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when one is NaN or infinite.
    #[inline]
    pub fn push_pair(&mut self, pair: [f64; 2]) -> Result<(), AccumError> {
        if pair.iter().all(|x| x.is_finite()) {
            self.add_pair(pair);
            Ok(())
        } else {
            Err(AccumError::NonFinite)
        }
    }

    /// The state: equal sums give equal bytes. Typically 8 to 20 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        self.put(&mut out);
        out
    }

    /// A sum from its state.
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let total = reader.exact()?;
        reader.close()?;
        let sum = Self { pair: [0.0; 2], rest: Some(Box::new(total)) };
        Ok(match sum.to_pair() {
            Some(pair) => Self { pair, rest: None },
            None => sum,
        })
    }

    /// Memory on the heap, in bytes.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.rest.as_ref().map_or(0, |rest| size_of::<Wide>() + rest.heap_size())
    }

    fn put(&self, out: &mut Vec<u8>) {
        let total = self.total();
        let (base, limbs) = total.raw();
        put_exact(out, base, limbs);
    }

    /// Adds two finite doubles.
    #[inline]
    fn add_pair(&mut self, [high, low]: [f64; 2]) {
        match plus(self.pair, high).and_then(|pair| plus(pair, low)) {
            Some(pair) => self.pair = pair,
            None => [high, low]
                .into_iter()
                .for_each(|x| add_double(self.rest.get_or_insert_default(), x, 1)),
        }
    }

    #[cold]
    fn push_rest(&mut self, x: f64, weight: i64) -> Result<(), AccumError> {
        if !x.is_finite() {
            return Err(AccumError::NonFinite);
        }
        add_double(self.rest.get_or_insert_default(), x, weight);
        Ok(())
    }

    fn total(&self) -> Wide {
        let mut total = self.rest.as_deref().cloned().unwrap_or_default();
        self.pair.into_iter().for_each(|x| add_double(&mut total, x, 1));
        total.trim();
        total
    }
}

/// Adds `weight` times a finite double.
fn add_double(wide: &mut Wide, x: f64, weight: i64) {
    let Ok(p) = parts(x) else { return };
    let m = u128::from(p.mantissa) * u128::from(weight.unsigned_abs());
    wide.add_scaled(p.negative != (weight < 0), [m as u64, (m >> 64) as u64, 0, 0], p.exponent);
}

impl PartialEq for ExactSum {
    fn eq(&self, other: &Self) -> bool {
        match (&self.rest, &other.rest) {
            (None, None) => match (self.to_pair(), other.to_pair()) {
                (Some(own), Some(pair)) => own == pair,
                _ => self.total() == other.total(),
            },
            _ => self.total() == other.total(),
        }
    }
}

impl Eq for ExactSum {}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(xs: &[f64]) -> ExactSum {
        let mut sum = ExactSum::default();
        for &x in xs {
            sum.push(x).unwrap();
        }
        sum
    }

    #[test]
    fn order_and_cancellation_do_not_show() {
        assert_eq!(sum(&[1.0, 1e-320, -1.0]).to_f64(), Some(1e-320));
        assert_eq!(sum(&[f64::MAX, f64::MAX, -f64::MAX]).to_f64(), Some(f64::MAX));
        assert_eq!(sum(&[f64::MAX, f64::MAX]).to_f64(), None);
        // 1 + 2^-53 + 9 · 2^-108: a double-double sum rounds to either neighbour, by order.
        let mut xs = vec![1.0, 2_f64.powi(-53)];
        xs.extend([2_f64.powi(-108); 9]);
        assert_eq!(sum(&xs).to_f64(), Some(1.0 + f64::EPSILON));
    }

    #[test]
    fn back_to_nothing_equals_new() {
        let mut s = sum(&[0.1, 1e-300, 1e300]);
        for x in [1e300, 0.1, 1e-300] {
            s.push_weighted(-1, x).unwrap();
        }
        assert_eq!(s, ExactSum::default());
        assert!(s.is_zero());
        assert_eq!(s.to_bytes(), ExactSum::default().to_bytes());
        assert_eq!(s.to_f64().map(f64::to_bits), Some(0));
    }

    #[test]
    fn what_two_doubles_do_not_hold_goes_to_the_rest() {
        let mut s = ExactSum::default();
        for _ in 0..20 {
            s.push_int(i64::MAX);
            s.push_int(i64::MIN);
            s.push_weighted(512, 9007199254740991.0).unwrap();
        }
        assert_eq!(s.to_f64(), Some(512.0 * 20.0 * 9007199254740991.0 - 20.0));
        s.push_weighted(-512 * 20, 9007199254740991.0).unwrap();
        assert_eq!(s.to_pair(), Some([-20.0, 0.0]));
    }

    #[test]
    fn what_is_not_finite_is_refused_and_changes_nothing() {
        let mut s = sum(&[0.1]);
        for x in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(s.push(x), Err(AccumError::NonFinite));
            assert_eq!(s.push_weighted(3, x), Err(AccumError::NonFinite));
        }
        assert_eq!(s, sum(&[0.1]));
    }

    #[test]
    fn a_sum_is_small() {
        assert_eq!(size_of::<ExactSum>(), 24);
    }
}
