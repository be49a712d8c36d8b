//! Quantiles within a relative error.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::AccumError;
use crate::codec::{Reader, put_signed, put_unsigned};

/// A histogram with buckets of constant relative width: DDSketch (Masson, Rim & Lee 2019, "DDSketch: a fast and
/// fully-mergeable quantile sketch with relative-error guarantees"), never collapsed.
///
/// Any quantile is within the relative error of the value that it estimates, for values of either sign; zero is exact.
/// Counts are whole and buckets are fixed, so order, merging and retraction cannot show: equal multisets of
/// rows make equal sketches and equal bytes. A bucket is the part of a power of two that a cubic polynomial maps to, not
/// the power of a base (their "cubically interpolated mapping", one bucket in a hundred more): additions and
/// multiplications only, so the same buckets on every machine.
///
/// The size follows the data's range: at half a per cent 230 buckets for each factor of ten, at most 142,000 for each sign.
/// The bound holds from 1e-300 on; below, doubles themselves become coarser than it.
///
/// ```
/// use verdict_accum::Sketch;
///
/// let mut s = Sketch::default();
/// for x in 1..=1000 {
///     s.push(1, f64::from(x))?;
/// }
/// let p95 = s.quantile(0.95).unwrap_or(f64::NAN);
/// assert!((p95 / 950.0 - 1.0).abs() <= 0.005);
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Sketch {
    relative_error: f64,
    /// Buckets for each power of two.
    multiplier: f64,
    zeros: i128,
    /// Counts by bucket, never 0.
    negative: BTreeMap<i32, i128>,
    positive: BTreeMap<i32, i128>,
}

const HEADER: [u8; 2] = [b'D', 1];
/// No bucket of any relative error lies beyond: 1100 powers of two in buckets of 2e-5.
const MAX_BUCKET: i128 = 100_000_000;
/// Larger than the number of any bucket, so that keys of positive values are positive.
const KEY_OF_ONE: i32 = 1 << 28;

impl Default for Sketch {
    /// With a relative error of half a per cent.
    fn default() -> Self {
        Self::of(Self::DEFAULT_RELATIVE_ERROR)
    }
}

impl Sketch {
    /// Half a per cent.
    pub const DEFAULT_RELATIVE_ERROR: f64 = 0.005;

    /// No rows yet.
    ///
    /// # Errors
    ///
    /// [`AccumError::Parameter`] for a relative error outside 0.00001 to 0.5.
    pub fn new(relative_error: f64) -> Result<Self, AccumError> {
        if (1e-5..=0.5).contains(&relative_error) {
            Ok(Self::of(relative_error))
        } else {
            Err(AccumError::Parameter("the relative error is not within 0.00001 to 0.5"))
        }
    }

    fn of(relative_error: f64) -> Self {
        // A bucket may be as wide as ln((1 + a) / (1 - a)) = 2 (a + a³ / 3 + a⁵ / 5 + …). The hair's breadth less is for
        // the rounding of polynomials and estimates.
        let square = relative_error * relative_error;
        let mut width = 0.0;
        for k in (0..40).rev() {
            width = width * square + 1.0 / f64::from(2 * k + 1);
        }
        width *= 2.0 * relative_error * (1.0 - 1e-9);
        Self {
            relative_error,
            multiplier: 0.7 / width,
            zeros: 0,
            negative: BTreeMap::new(),
            positive: BTreeMap::new(),
        }
    }

    /// The bound that the sketch was made with.
    #[must_use]
    pub fn relative_error(&self) -> f64 {
        self.relative_error
    }

    /// Adds `weight` times the value; a negative weight removes.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the sketch is unchanged.
    pub fn push(&mut self, weight: i64, x: f64) -> Result<(), AccumError> {
        if !x.is_finite() {
            return Err(AccumError::NonFinite);
        }
        let weight = i128::from(weight);
        if x == 0.0 {
            self.zeros = self.zeros.wrapping_add(weight);
        } else {
            let bucket = self.bucket(x.abs());
            add(if x < 0.0 { &mut self.negative } else { &mut self.positive }, bucket, weight);
        }
        Ok(())
    }

    /// Adds all rows of `other`.
    ///
    /// # Errors
    ///
    /// [`AccumError::Parameter`] when the relative errors differ; the sketch is unchanged.
    pub fn merge(&mut self, other: &Self) -> Result<(), AccumError> {
        self.combine(other, |count| count)
    }

    /// Removes all rows of `other`: undoes [`merge`](Self::merge).
    ///
    /// # Errors
    ///
    /// As for [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) -> Result<(), AccumError> {
        self.combine(other, i128::wrapping_neg)
    }

    fn combine(&mut self, other: &Self, signed: fn(i128) -> i128) -> Result<(), AccumError> {
        if self.relative_error != other.relative_error {
            return Err(AccumError::Parameter(
                "sketches of different relative errors do not merge",
            ));
        }
        self.zeros = self.zeros.wrapping_add(signed(other.zeros));
        for (&bucket, &count) in &other.negative {
            add(&mut self.negative, bucket, signed(count));
        }
        for (&bucket, &count) in &other.positive {
            add(&mut self.positive, bucket, signed(count));
        }
        Ok(())
    }

    /// The sum of the weights.
    #[must_use]
    pub fn n(&self) -> i128 {
        self.negative
            .values()
            .chain(self.positive.values())
            .fold(self.zeros, |n, &c| n.wrapping_add(c))
    }

    /// The value of rank `floor(q (n - 1))`, counted from 0, among the values in ascending order, within the relative error.
    ///
    /// `None` when `n < 1`, and for a `q` outside 0 to 1.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<f64> {
        let n = self.n();
        if n < 1 || !(0.0..=1.0).contains(&q) {
            return None;
        }
        let rank = ((q * (n - 1) as f64) as i128).min(n - 1);
        let mut seen = 0_i128;
        let mut reached = |count: i128| {
            seen = seen.wrapping_add(count);
            seen > rank
        };
        for (&bucket, &count) in self.negative.iter().rev() {
            if reached(count) {
                return Some(-self.estimate(bucket));
            }
        }
        if reached(self.zeros) {
            return Some(0.0);
        }
        let mut last = None;
        for (&bucket, &count) in &self.positive {
            last = Some(bucket);
            if reached(count) {
                break;
            }
        }
        last.map(|bucket| self.estimate(bucket))
    }

    /// The bucket of a positive value.
    #[inline]
    fn bucket(&self, x: f64) -> i32 {
        const BITS: u32 = 52;
        // Subnormal numbers are brought among the others, by 2^64.
        let (bits, shift) = match x.to_bits() {
            bits if bits >> BITS == 0 => ((x * 18_446_744_073_709_551_616.0).to_bits(), 64),
            bits => (bits, 0),
        };
        let exponent = (bits >> BITS) as i32 - 1023 - shift;
        let s = f64::from_bits((bits & ((1 << BITS) - 1)) | (1023 << BITS)) - 1.0;
        // From 0 to 1; its derivative times (1 + s) is least, and 10/7, at 0 and at 2/3.
        let part = ((6.0 / 35.0 * s - 0.6) * s + 10.0 / 7.0) * s;
        ((f64::from(exponent) + part) * self.multiplier).floor() as i32
    }

    /// The bucket of a value at the usual relative error, as a number that is ordered as values are; `None` for NaN and
    /// infinities.
    pub(crate) fn key(x: f64) -> Option<i32> {
        if !x.is_finite() {
            return None;
        }
        if x == 0.0 {
            return Some(0);
        }
        let key = usual().bucket(x.abs()) + KEY_OF_ONE;
        Some(if x < 0.0 { -key } else { key })
    }

    /// The least and the greatest value of the bucket with this key.
    pub(crate) fn bounds(key: i32) -> (f64, f64) {
        let (low, high) = match key {
            0 => (0.0, 0.0),
            _ => usual().ends(key.saturating_abs() - KEY_OF_ONE),
        };
        if key < 0 { (-high, -low) } else { (low, high) }
    }

    /// The value whose relative distance from both ends of a bucket is the same.
    fn estimate(&self, bucket: i32) -> f64 {
        let (low, high) = self.ends(bucket);
        // 2 low high / (low + high), without overflow.
        let ratio = high / low;
        low * (2.0 * ratio / (1.0 + ratio))
    }

    /// The least and the greatest value of a bucket.
    fn ends(&self, bucket: i32) -> (f64, f64) {
        // Bits of positive doubles ascend as they do.
        let first_of = |bucket: i32| {
            let (mut low, mut high) = (1, f64::MAX.to_bits() + 1);
            while low < high {
                let middle = low + (high - low) / 2;
                if self.bucket(f64::from_bits(middle)) < bucket {
                    low = middle + 1;
                } else {
                    high = middle;
                }
            }
            low
        };
        let low = f64::from_bits(first_of(bucket).min(f64::MAX.to_bits()));
        let high = f64::from_bits(first_of(bucket.saturating_add(1)) - 1).max(low);
        (low, high)
    }

    /// The state: equal sketches give equal bytes. Two or three bytes a bucket, as a rule.
    ///
    /// Version 1: the bytes `D`, 1; the relative error, eight bytes, little end first; the count of zeros; then for negative
    /// and for positive values the number of buckets, the first bucket and the steps to the next ones, each with its
    /// count.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        out.extend(self.relative_error.to_le_bytes());
        put_signed(&mut out, self.zeros);
        for store in [&self.negative, &self.positive] {
            put_unsigned(&mut out, store.len() as u128);
            let mut last = None;
            for (&bucket, &count) in store {
                match last {
                    None => put_signed(&mut out, i128::from(bucket)),
                    Some(last) => put_unsigned(&mut out, (i128::from(bucket) - last) as u128),
                }
                last = Some(i128::from(bucket));
                put_signed(&mut out, count);
            }
        }
        out
    }

    /// A sketch from its state.
    ///
    /// # Errors
    ///
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let mut sketch = Self::new(f64::from_bits(reader.word()?))
            .map_err(|_| AccumError::State("a relative error out of range"))?;
        sketch.zeros = reader.signed()?;
        for store in [&mut sketch.negative, &mut sketch.positive] {
            let mut last: Option<i128> = None;
            for _ in 0..reader.unsigned()? {
                let bucket = match last {
                    None => reader.signed()?,
                    Some(last) => last.saturating_add_unsigned(reader.unsigned()?),
                };
                let count = reader.signed()?;
                if last == Some(bucket) || count == 0 || bucket.abs() > MAX_BUCKET {
                    return Err(AccumError::State("a bucket out of order or range"));
                }
                last = Some(bucket);
                store.insert(bucket as i32, count);
            }
        }
        reader.close()?;
        Ok(sketch)
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A bucket and its count, and half as much for nodes that are not full.
        (self.negative.len() + self.positive.len()) * 48
    }
}

/// A sketch with the usual relative error, for its buckets.
fn usual() -> &'static Sketch {
    static USUAL: LazyLock<Sketch> = LazyLock::new(Sketch::default);
    &USUAL
}

fn add(store: &mut BTreeMap<i32, i128>, bucket: i32, weight: i128) {
    if weight == 0 {
        return;
    }
    let count = store.entry(bucket).or_insert(0);
    *count = count.wrapping_add(weight);
    if *count == 0 {
        store.remove(&bucket);
    }
}

impl PartialEq for Sketch {
    fn eq(&self, other: &Self) -> bool {
        self.relative_error == other.relative_error
            && self.zeros == other.zeros
            && self.negative == other.negative
            && self.positive == other.positive
    }
}

impl Eq for Sketch {}
