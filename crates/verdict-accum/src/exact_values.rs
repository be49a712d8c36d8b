//! How many units have which value, or which pair of values: a distribution without any rounding.

use crate::AccumError;
use crate::codec::{Reader, put_signed, put_unsigned};
use crate::signed_counts::SignedCounts;

/// How many units have each value.
pub type ExactValues = Exact<1>;

/// How many units have each pair of values, such as the numerator and the denominator of a ratio.
pub type ExactPairs = Exact<2>;

/// How many units have each list of `K` values, in the order of the first value, then of the next.
///
/// Ranks with their ties follow from it exactly, and so do replicates of a bootstrap. Counts add up over units and weights of
/// either sign, so order, merging and retraction cannot show. Its size is that of the distinct lists: a few bytes each for
/// whole numbers, ten or so a value for amounts that all differ.
///
/// ```
/// use verdict_accum::ExactValues;
///
/// let mut all = ExactValues::default();
/// for x in [3.5, -1.0, 3.5] {
///     all.push(1, [x])?;
/// }
/// assert_eq!(all.values().collect::<Vec<_>>(), [([-1.0], 1), ([3.5], 2)]);
/// all.push(-1, [-1.0])?;
/// assert_eq!((all.units(), all.values().count()), (2, 1));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact<const K: usize> {
    /// The weight of each list, by the places of its values in the order of doubles.
    counts: SignedCounts<[i64; K], 1>,
}

impl<const K: usize> Default for Exact<K> {
    fn default() -> Self {
        Self { counts: SignedCounts::default() }
    }
}

/// The place of a value in the order of doubles; zeros of either sign are one value.
fn place(x: f64) -> Option<i64> {
    let bits = if x == 0.0 { 0 } else { x.to_bits() as i64 };
    x.is_finite().then_some(mirrored(bits))
}

/// The value at a place.
fn value(place: i64) -> f64 {
    f64::from_bits(mirrored(place) as u64)
}

/// Turns the order of the magnitudes of negative numbers around; its own inverse.
fn mirrored(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

impl<const K: usize> Exact<K> {
    /// The kind of state, and how many values are in a list.
    const HEADER: [u8; 2] = [b'E', K as u8];

    /// Adds a unit's values, `weight` times; a negative weight removes.
    ///
    /// # Errors
    /// [`AccumError::NonFinite`] when a value is NaN or infinite; nothing is changed.
    pub fn push(&mut self, weight: i64, xs: [f64; K]) -> Result<(), AccumError> {
        let mut places = [0; K];
        for (at, x) in places.iter_mut().zip(xs) {
            *at = place(x).ok_or(AccumError::NonFinite)?;
        }
        self.counts.add(places, [i128::from(weight)]);
        Ok(())
    }

    /// Adds the units of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.counts.merge(&other.counts);
    }

    /// Removes the units of `other`: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        self.counts.retract(&other.counts);
    }

    /// The sum of the weights.
    #[must_use]
    pub fn units(&self) -> i128 {
        self.counts.total()
    }

    /// Each list of values with its weight, in order.
    pub fn values(&self) -> impl Iterator<Item = ([f64; K], i128)> + '_ {
        self.counts.iter().map(|(places, [count])| (places.map(value), *count))
    }

    /// The state: equal distributions give equal bytes. The bytes `E` and K; the number of lists; for each the place of its
    /// first value among all doubles (of the first list, then the steps from list to list), the places of the others, and
    /// the weight.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Self::HEADER.to_vec();
        put_unsigned(&mut out, self.counts.iter().len() as u128);
        let mut last: Option<i64> = None;
        for (places, [count]) in self.counts.iter() {
            for (i, place) in places.iter().enumerate() {
                match last {
                    Some(last) if i == 0 => put_unsigned(&mut out, place.abs_diff(last).into()),
                    _ => put_signed(&mut out, i128::from(*place)),
                }
            }
            last = places.first().copied();
            put_signed(&mut out, *count);
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

    /// Adds the units of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &Self::HEADER)?;
        let mut last: Option<[i64; K]> = None;
        for _ in 0..reader.unsigned()? {
            let mut places = [0; K];
            for (i, place) in places.iter_mut().enumerate() {
                let before = last.filter(|_| i == 0).and_then(|last| last.first().copied());
                let at = match before {
                    None => reader.signed()?,
                    Some(before) => i128::from(before).saturating_add_unsigned(reader.unsigned()?),
                };
                let at = i64::try_from(at).ok().filter(|place| value(*place).is_finite());
                *place = at.ok_or(AccumError::State("a value out of range"))?;
            }
            if last.is_some_and(|last| last >= places) {
                return Err(AccumError::State("values twice, or out of order"));
            }
            last = Some(places);
            match reader.signed()? {
                0 => return Err(AccumError::State("a value without weight")),
                count => self.counts.add(places, [count]),
            }
        }
        reader.close()
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // Places and a count, and half as much for nodes that are not full.
        self.counts.iter().len() * (36 + 12 * K)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> ExactValues {
        let mut all = ExactValues::default();
        values.iter().for_each(|x| all.push(1, [*x]).unwrap());
        all
    }

    #[test]
    fn values_come_back_in_order_and_to_the_bit() {
        let sorted =
            [f64::MIN, -2.5, -5e-324, 0.0, 5e-324, 0.1, 1.0, 1.0_f64.next_up(), 1e17, f64::MAX];
        let mut mixed = sorted;
        mixed.reverse();
        mixed.swap(2, 7);
        let all = of(&mixed);
        let found: Vec<u64> = all.values().map(|([x], _)| x.to_bits()).collect();
        assert_eq!(found, sorted.map(f64::to_bits));
        assert_eq!(ExactValues::from_bytes(&all.to_bytes()), Ok(all));
    }

    #[test]
    fn zeros_of_either_sign_are_one_value() {
        assert_eq!(of(&[0.0, -0.0]).values().collect::<Vec<_>>(), [([0.0], 2)]);
    }

    #[test]
    fn states_merge_and_weights_undo_each_other() {
        let (a, b) = (of(&[1.0, 2.0, 2.0]), of(&[-3.0, 2.0]));
        let mut both = a.clone();
        both.merge_bytes(&b.to_bytes()).unwrap();
        assert_eq!(both.to_bytes(), of(&[2.0, -3.0, 2.0, 1.0, 2.0]).to_bytes());
        assert_eq!(both.units(), 5);
        both.retract(&b);
        assert_eq!(both, a);
        for x in [1.0, 2.0, 2.0] {
            both.push(-1, [x]).unwrap();
        }
        assert_eq!(both.to_bytes(), ExactValues::default().to_bytes());
        // A removal that comes before what it removes.
        both.push(-1, [7.0]).unwrap();
        assert_eq!(ExactValues::from_bytes(&both.to_bytes()), Ok(both.clone()));
        both.push(1, [7.0]).unwrap();
        assert_eq!(both, ExactValues::default());
    }

    #[test]
    fn what_is_no_state_and_no_number_is_refused() {
        let bytes = of(&[1.0, 2.0]).to_bytes();
        assert!(ExactValues::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(ExactValues::from_bytes(&[b'C', 1, 0]).is_err());
        assert!(ExactValues::from_bytes(&[b'E', 1, 1, 0, 0]).is_err());
        assert_eq!(ExactValues::default().push(1, [f64::NAN]), Err(AccumError::NonFinite));
    }
    #[test]
    fn pairs_are_counted_by_both_of_their_values() {
        let mut all = ExactPairs::default();
        for pair in [[2.0, -1.0], [2.0, 3.0], [-1.0, 0.0], [2.0, -1.0]] {
            all.push(1, pair).unwrap();
        }
        let wanted = [([-1.0, 0.0], 1), ([2.0, -1.0], 2), ([2.0, 3.0], 1)];
        assert_eq!(all.values().collect::<Vec<_>>(), wanted);
        assert_eq!(ExactPairs::from_bytes(&all.to_bytes()), Ok(all.clone()));
        assert!(ExactValues::from_bytes(&all.to_bytes()).is_err());
        all.push(-2, [2.0, -1.0]).unwrap();
        assert_eq!((all.units(), all.values().count()), (2, 2));
        // The same pair twice: places 0 and 0, weight 1, then a step of 0 and the place 0 again.
        assert!(ExactPairs::from_bytes(&[b'E', 2, 2, 0, 0, 2, 0, 0, 2]).is_err());
        assert_eq!(all.push(1, [0.0, f64::INFINITY]), Err(AccumError::NonFinite));
    }
}
