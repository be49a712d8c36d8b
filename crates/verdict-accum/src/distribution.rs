//! Distributions of values that come in clusters: several of one unit.

use crate::codec::{Reader, put_ascending, put_signed, put_unsigned};
use crate::signed_counts::SignedCounts;
use crate::{AccumError, Sketch};

const UNIT_HEADER: [u8; 2] = [b'V', 1];
const HEADER: [u8; 2] = [b'C', 1];

/// The values of one unit, counted by the buckets of a [`Sketch`] with its usual relative error (half a per cent).
///
/// Counts are whole, so order and merging cannot show: equal multisets of values make equal bytes. Two or three bytes a
/// bucket.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitValues {
    /// Bucket and count, by bucket.
    counts: Vec<(i32, u64)>,
}

impl UnitValues {
    /// Adds a value.
    ///
    /// # Errors
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite.
    pub fn push(&mut self, x: f64) -> Result<(), AccumError> {
        let key = Sketch::key(x).ok_or(AccumError::NonFinite)?;
        self.add(key, 1);
        Ok(())
    }

    fn add(&mut self, key: i32, count: u64) {
        match self.counts.binary_search_by_key(&key, |(key, _)| *key) {
            Ok(at) => self.counts[at].1 = self.counts[at].1.saturating_add(count),
            Err(at) => self.counts.insert(at, (key, count)),
        }
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(key, count)| self.add(*key, *count));
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The state. Version 1: the bytes `V`, 1; the number of buckets; the first bucket and the steps to the next ones, each
    /// with its count.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = UNIT_HEADER.to_vec();
        put_unsigned(&mut out, self.counts.len() as u128);
        let mut last = None;
        for (key, count) in &self.counts {
            put_ascending(&mut out, &mut last, i128::from(*key));
            put_unsigned(&mut out, u128::from(*count));
        }
        out
    }

    /// Values from their state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut values = Self::default();
        values.merge_bytes(bytes)?;
        Ok(values)
    }

    /// Adds the values of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &UNIT_HEADER)?;
        let mut last = None;
        for _ in 0..reader.unsigned()? {
            let key = read_key(&mut reader, &mut last)?;
            let count = u64::try_from(reader.unsigned()?).ok().filter(|count| *count > 0);
            self.add(key, count.ok_or(AccumError::State("a count out of range"))?);
        }
        reader.close()
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        self.counts.capacity() * size_of::<(i32, u64)>()
    }
}

/// A bucket of a [`Distribution`], with what its units have in it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// No value in it is smaller.
    pub lower: f64,
    /// No value in it is larger.
    pub upper: f64,
    /// How many values it has.
    pub count: i128,
    /// With N the number of a unit's values up to and in this bucket: how much the sum of N² over units is larger than that of
    /// the bucket before.
    pub square: i128,
    /// The same of N times the number of all values of the unit.
    pub product: i128,
}

/// The distribution of the values of many units, with what is needed for the variance of its distribution function where a
/// unit has several values.
///
/// With N_i(b) the values of unit i up to the bucket b and n_i all its values, F(b) = Σ N_i(b) / Σ n_i is a ratio of means over
/// units, and its delta-method variance follows from Σ N², Σ N n and Σ n², which this keeps for every b at once: as what
/// each bucket adds to them. All of these are integers that add up over units and weights of either sign, so order,
/// merging and retraction cannot show, at any quantile that is asked for later.
///
/// ```
/// use verdict_accum::{Distribution, UnitValues};
///
/// let mut unit = UnitValues::default();
/// for x in [1.0, 1.0, 8.0] {
///     unit.push(x)?;
/// }
/// let mut all = Distribution::default();
/// all.push(1, &unit);
/// let buckets = all.buckets();
/// assert_eq!(buckets.len(), 2);
/// assert_eq!((buckets[0].count, buckets[0].square, buckets[0].product), (2, 4, 6));
/// assert_eq!((buckets[1].count, buckets[1].square, buckets[1].product), (1, 5, 3));
/// all.push(-1, &unit);
/// assert_eq!(all, Distribution::default());
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Distribution {
    units: i128,
    /// Count, square, product by bucket.
    buckets: SignedCounts<i32, 3>,
}

impl Distribution {
    /// Adds a unit's values, `weight` times; a negative weight removes.
    pub fn push(&mut self, weight: i64, unit: &UnitValues) {
        let weight = i128::from(weight);
        self.units = self.units.wrapping_add(weight);
        let all: i128 = unit.counts.iter().map(|(_, count)| i128::from(*count)).sum();
        let mut before = 0_i128;
        for (key, count) in &unit.counts {
            let count = i128::from(*count);
            let up_to = before + count;
            let square = up_to * up_to - before * before;
            let what = [count, square, count * all].map(|x| x.wrapping_mul(weight));
            self.buckets.add(*key, what);
            before = up_to;
        }
    }

    /// Adds a unit of one value, `weight` times.
    ///
    /// # Errors
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; nothing is changed.
    pub fn push_one(&mut self, weight: i64, x: f64) -> Result<(), AccumError> {
        let key = Sketch::key(x).ok_or(AccumError::NonFinite)?;
        let weight = i128::from(weight);
        self.units = self.units.wrapping_add(weight);
        self.buckets.add(key, [weight; 3]);
        Ok(())
    }

    /// Adds the units of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.units = self.units.wrapping_add(other.units);
        self.buckets.merge(&other.buckets);
    }

    /// Removes the units of `other`: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        self.units = self.units.wrapping_sub(other.units);
        self.buckets.retract(&other.buckets);
    }

    /// The sum of the weights.
    #[must_use]
    pub fn units(&self) -> i128 {
        self.units
    }

    /// The buckets that have values, in order.
    #[must_use]
    pub fn buckets(&self) -> Vec<Bucket> {
        let of = |(key, [count, square, product]): (&i32, &[i128; 3])| {
            let (lower, upper) = Sketch::bounds(*key);
            Bucket { lower, upper, count: *count, square: *square, product: *product }
        };
        self.buckets.iter().map(of).collect()
    }

    /// The state: equal distributions give equal bytes. Version 1: the bytes `C`, 1; the units; the number of buckets; the first
    /// bucket and the steps to the next ones, each with count, square and product.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_signed(&mut out, self.units);
        put_unsigned(&mut out, self.buckets.iter().len() as u128);
        let mut last = None;
        for (key, what) in self.buckets.iter() {
            put_ascending(&mut out, &mut last, i128::from(*key));
            what.iter().for_each(|x| put_signed(&mut out, *x));
        }
        out
    }

    /// A distribution from its state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut distribution = Self::default();
        distribution.merge_bytes(bytes)?;
        Ok(distribution)
    }

    /// Adds the units of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        self.units = self.units.wrapping_add(reader.signed()?);
        let mut last = None;
        for _ in 0..reader.unsigned()? {
            let key = read_key(&mut reader, &mut last)?;
            let what = [reader.signed()?, reader.signed()?, reader.signed()?];
            if what == [0; 3] {
                return Err(AccumError::State("an empty bucket"));
            }
            self.buckets.add(key, what);
        }
        reader.close()
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A bucket and what it has, and half as much for nodes that are not full.
        self.buckets.iter().len() * 80
    }
}

fn read_key(reader: &mut Reader<'_>, last: &mut Option<i128>) -> Result<i32, AccumError> {
    let key = reader.ascending(last)?;
    i32::try_from(key).map_err(|_| AccumError::State("a bucket out of range"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: &[f64]) -> UnitValues {
        let mut unit = UnitValues::default();
        values.iter().for_each(|x| unit.push(*x).unwrap());
        unit
    }

    /// Σ N², Σ N n by looking at every value, at the upper end of every bucket.
    #[test]
    fn what_buckets_add_are_the_sums_of_every_units_counts() {
        let units = [
            &[0.0, 3.0, 3.0, -7.5][..],
            &[3.0],
            &[],
            &[1e-300, 1e300, -1e300, 0.0],
            &[100.0, 100.2, 105.0, 3.01, 3.0],
        ];
        let mut all = Distribution::default();
        units.iter().for_each(|values| all.push(1, &unit(values)));
        assert_eq!(all.units(), 5);
        let (mut count, mut square, mut product) = (0, 0, 0);
        for bucket in all.buckets() {
            count += bucket.count;
            square += bucket.square;
            product += bucket.product;
            let up_to =
                |values: &[f64]| values.iter().filter(|x| **x <= bucket.upper).count() as i128;
            let over = |of: &dyn Fn(&[f64]) -> i128| units.iter().map(|v| of(v)).sum::<i128>();
            assert_eq!(count, over(&|v| up_to(v)), "{bucket:?}");
            assert_eq!(square, over(&|v| up_to(v) * up_to(v)), "{bucket:?}");
            assert_eq!(product, over(&|v| up_to(v) * v.len() as i128), "{bucket:?}");
        }
        assert_eq!(count, 14);
    }

    #[test]
    fn buckets_contain_their_values_within_the_relative_error() {
        for x in [1.0, -1.0, 0.37, 1e-12, -4e17, 123_456.789] {
            let mut all = Distribution::default();
            all.push_one(1, x).unwrap();
            let [bucket] = all.buckets()[..] else { panic!("{x}: not one bucket") };
            assert!(bucket.lower <= x && x <= bucket.upper, "{x}: {bucket:?}");
            assert!((bucket.upper - bucket.lower).abs() <= 0.0101 * x.abs(), "{x}: {bucket:?}");
        }
    }

    #[test]
    fn states_merge_and_weights_undo_each_other() {
        let (a, b) = (unit(&[1.0, 2.0, 2.0]), unit(&[-3.0, 2.0]));
        let (mut one, mut two) = (Distribution::default(), Distribution::default());
        one.push(1, &a);
        one.push(2, &b);
        two.push(2, &b);
        two.push(1, &a);
        assert_eq!(one.to_bytes(), two.to_bytes());
        assert_eq!(Distribution::from_bytes(&one.to_bytes()), Ok(one.clone()));
        two.retract(&one);
        assert_eq!(two, Distribution::default());
        two.merge_bytes(&one.to_bytes()).unwrap();
        two.push(-2, &b);
        two.push(-1, &a);
        assert_eq!(two.to_bytes(), Distribution::default().to_bytes());
        let mut both = a.clone();
        both.merge(&b);
        assert_eq!(both, unit(&[2.0, -3.0, 1.0, 2.0, 2.0]));
        assert_eq!(UnitValues::from_bytes(&both.to_bytes()), Ok(both));
        assert!(UnitValues::from_bytes(&one.to_bytes()).is_err());
        assert!(Distribution::from_bytes(&[b'C', 1, 2, 9]).is_err());
    }
}
