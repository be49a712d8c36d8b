//! How many units have which value: a distribution without any rounding.

use std::collections::BTreeMap;

use crate::AccumError;
use crate::codec::{Reader, put_signed, put_unsigned};

const HEADER: [u8; 2] = [b'E', 1];

/// How many units have each value, in the order of the values.
///
/// Ranks with their ties follow from it exactly. Counts add up over units and weights of either sign, so order, merging and
/// retraction cannot show. Its size is that of the distinct values: a few bytes each for whole numbers, ten or so for
/// amounts that all differ.
///
/// ```
/// use verdict_accum::ExactValues;
///
/// let mut all = ExactValues::default();
/// for x in [3.5, -1.0, 3.5] {
///     all.push(1, x)?;
/// }
/// assert_eq!(all.values().collect::<Vec<_>>(), [(-1.0, 1), (3.5, 2)]);
/// all.push(-1, -1.0)?;
/// assert_eq!((all.units(), all.values().count()), (2, 1));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExactValues {
    /// The weight of each value, by its place in the order of doubles; never 0.
    counts: BTreeMap<i64, i128>,
}

/// The place of a value in the order of doubles; zeros of either sign are one value.
fn place(x: f64) -> Option<i64> {
    let bits = if x == 0.0 { 0 } else { x.to_bits() as i64 };
    x.is_finite().then_some(mirrored(bits))
}

/// Turns the order of the magnitudes of negative numbers around; its own inverse.
fn mirrored(bits: i64) -> i64 {
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

impl ExactValues {
    /// Adds a unit's value, `weight` times; a negative weight removes.
    ///
    /// # Errors
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; nothing is changed.
    pub fn push(&mut self, weight: i64, x: f64) -> Result<(), AccumError> {
        let place = place(x).ok_or(AccumError::NonFinite)?;
        self.add(place, i128::from(weight));
        Ok(())
    }

    fn add(&mut self, place: i64, weight: i128) {
        if weight == 0 {
            return;
        }
        let count = self.counts.entry(place).or_insert(0);
        *count = count.wrapping_add(weight);
        if *count == 0 {
            self.counts.remove(&place);
        }
    }

    /// Adds the units of `other`.
    pub fn merge(&mut self, other: &Self) {
        other.counts.iter().for_each(|(place, count)| self.add(*place, *count));
    }

    /// Removes the units of `other`: undoes [`merge`](Self::merge).
    pub fn retract(&mut self, other: &Self) {
        other.counts.iter().for_each(|(place, count)| self.add(*place, count.wrapping_neg()));
    }

    /// The sum of the weights.
    #[must_use]
    pub fn units(&self) -> i128 {
        self.counts.values().fold(0, |sum, count| sum.wrapping_add(*count))
    }

    /// Each value with its weight, the least value first.
    pub fn values(&self) -> impl Iterator<Item = (f64, i128)> + '_ {
        self.counts.iter().map(|(place, count)| (f64::from_bits(mirrored(*place) as u64), *count))
    }

    /// The state: equal distributions give equal bytes. Version 1: the bytes `E`, 1; the number of values; the place of the
    /// first among all doubles and the steps to the next ones, each with its weight.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_unsigned(&mut out, self.counts.len() as u128);
        let mut last: Option<i64> = None;
        for (place, count) in &self.counts {
            match last {
                None => put_signed(&mut out, i128::from(*place)),
                Some(last) => put_unsigned(&mut out, place.abs_diff(last).into()),
            }
            last = Some(*place);
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
        let mut reader = Reader::open(bytes, &HEADER)?;
        let mut last: Option<i128> = None;
        for _ in 0..reader.unsigned()? {
            let place = match last {
                None => reader.signed()?,
                Some(last) => match reader.unsigned()? {
                    0 => return Err(AccumError::State("a value twice")),
                    step => last.saturating_add_unsigned(step),
                },
            };
            last = Some(place);
            let place = i64::try_from(place).ok();
            let finite = |place: &i64| f64::from_bits(mirrored(*place) as u64).is_finite();
            let place = place.filter(finite).ok_or(AccumError::State("a value out of range"))?;
            match reader.signed()? {
                0 => return Err(AccumError::State("a value without weight")),
                count => self.add(place, count),
            }
        }
        reader.close()
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A place and a count, and half as much for nodes that are not full.
        self.counts.len() * 48
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> ExactValues {
        let mut all = ExactValues::default();
        values.iter().for_each(|x| all.push(1, *x).unwrap());
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
        let found: Vec<u64> = all.values().map(|(x, _)| x.to_bits()).collect();
        assert_eq!(found, sorted.map(f64::to_bits));
        assert_eq!(ExactValues::from_bytes(&all.to_bytes()), Ok(all));
    }

    #[test]
    fn zeros_of_either_sign_are_one_value() {
        assert_eq!(of(&[0.0, -0.0]).values().collect::<Vec<_>>(), [(0.0, 2)]);
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
            both.push(-1, x).unwrap();
        }
        assert_eq!(both.to_bytes(), ExactValues::default().to_bytes());
        // A removal that comes before what it removes.
        both.push(-1, 7.0).unwrap();
        assert_eq!(ExactValues::from_bytes(&both.to_bytes()), Ok(both.clone()));
        both.push(1, 7.0).unwrap();
        assert_eq!(both, ExactValues::default());
    }

    #[test]
    fn what_is_no_state_and_no_number_is_refused() {
        let bytes = of(&[1.0, 2.0]).to_bytes();
        assert!(ExactValues::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(ExactValues::from_bytes(&[b'C', 1, 0]).is_err());
        assert!(ExactValues::from_bytes(&[b'E', 1, 1, 0, 0]).is_err());
        assert_eq!(ExactValues::default().push(1, f64::NAN), Err(AccumError::NonFinite));
    }
}
