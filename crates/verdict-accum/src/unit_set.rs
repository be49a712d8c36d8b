//! The distinct values of one unit.

use std::collections::BTreeSet;

use crate::AccumError;
use crate::codec::{Reader, put_unsigned};
use crate::unit_hash::unit_hash;

const HEADER: [u8; 2] = [b'D', 1];

/// The distinct values of one unit, as 64-bit numbers (SipHash-2-4 of their bytes): eight bytes each.
///
/// A set, so that order and repetition cannot show, and days add up. It counts exactly unless two of a unit's values share a
/// number: for n distinct values that has a probability of about n² / 2^65, one in 37 million for a million of them.
///
/// ```
/// use verdict_accum::UnitSet;
///
/// let (mut monday, mut tuesday) = (UnitSet::default(), UnitSet::default());
/// ["tea", "milk", "tea"].iter().for_each(|x| monday.insert(x.as_bytes()));
/// tuesday.insert(b"milk");
/// monday.merge(&tuesday);
/// assert_eq!(monday.len(), 2);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitSet {
    numbers: BTreeSet<u64>,
}

impl UnitSet {
    /// Adds a value by its bytes.
    pub fn insert(&mut self, value: &[u8]) {
        self.numbers.insert(unit_hash(value));
    }

    /// Adds the values of `other`.
    pub fn merge(&mut self, other: &Self) {
        self.numbers.extend(&other.numbers);
    }

    /// How many distinct values there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    /// Whether there is no value.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The state: equal sets give equal bytes. Version 1: the bytes `D`, 1; how many numbers; each of them, ascending, little
    /// end first.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_unsigned(&mut out, self.numbers.len() as u128);
        self.numbers.iter().for_each(|number| out.extend(number.to_le_bytes()));
        out
    }

    /// A set from its state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut set = Self::default();
        set.merge_bytes(bytes)?;
        Ok(set)
    }

    /// Adds the values of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let mut numbers = Vec::new();
        for _ in 0..reader.unsigned()? {
            let number = reader.word()?;
            if numbers.last().is_some_and(|last| *last >= number) {
                return Err(AccumError::State("numbers that do not ascend"));
            }
            numbers.push(number);
        }
        reader.close()?;
        self.numbers.extend(numbers);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[i64]) -> UnitSet {
        let mut set = UnitSet::default();
        values.iter().for_each(|x| set.insert(&x.to_le_bytes()));
        set
    }

    #[test]
    fn days_add_up_to_what_is_distinct_over_all() {
        let (a, b) = (of(&[3, 1, 3, 2]), of(&[2, 9, 9]));
        let mut both = a.clone();
        both.merge_bytes(&b.to_bytes()).unwrap();
        assert_eq!((a.len(), b.len(), both.len()), (3, 2, 4));
        assert_eq!(both.to_bytes(), of(&[9, 2, 3, 1]).to_bytes());
        both.merge(&a);
        assert_eq!(UnitSet::from_bytes(&both.to_bytes()), Ok(both));
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let bytes = of(&[1, 2]).to_bytes();
        assert!(UnitSet::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        let mut turned = bytes.clone();
        turned[3..].rotate_left(8);
        assert!(UnitSet::from_bytes(&turned).is_err());
        assert!(UnitSet::from_bytes(&[b'E', 1, 0]).is_err());
    }
}
