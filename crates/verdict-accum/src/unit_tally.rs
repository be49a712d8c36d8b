//! How often one unit had each of its texts.

use std::collections::BTreeMap;

use crate::AccumError;
use crate::codec::{Reader, put_text, put_unsigned};

const HEADER: [u8; 2] = [b'T', 1];

/// How often one unit had each text. Counts, so that order and merging cannot show.
///
/// ```
/// use verdict_accum::UnitTally;
///
/// let mut tally = UnitTally::default();
/// ["card", "cash", "bank", "cash", "bank"].iter().for_each(|way| tally.push(way));
/// assert_eq!(tally.most_frequent(), Some("bank"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnitTally {
    /// Counts of at least 1.
    counts: BTreeMap<String, u64>,
}

impl UnitTally {
    /// Counts a text.
    pub fn push(&mut self, text: &str) {
        match self.counts.get_mut(text) {
            Some(count) => *count = count.saturating_add(1),
            None => {
                self.counts.insert(text.to_owned(), 1);
            }
        }
    }

    /// Adds the counts of `other`.
    pub fn merge(&mut self, other: &Self) {
        for (text, more) in &other.counts {
            self.add(text.clone(), *more);
        }
    }

    fn add(&mut self, text: String, more: u64) {
        let count = self.counts.entry(text).or_insert(0);
        *count = count.saturating_add(more);
    }

    /// The text with the largest count, of equal ones the first in the order of their bytes; `None`: there is none.
    #[must_use]
    pub fn most_frequent(&self) -> Option<&str> {
        let most = self.counts.values().max()?;
        self.counts.iter().find(|(_, count)| *count == most).map(|(text, _)| text.as_str())
    }

    /// Whether there is no text.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    /// The state: equal counts give equal bytes. Version 1: the bytes `T`, 1; how many texts; each of them, in the order of
    /// their bytes: its length, itself, its count.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_unsigned(&mut out, self.counts.len() as u128);
        for (text, count) in &self.counts {
            put_text(&mut out, text);
            put_unsigned(&mut out, u128::from(*count));
        }
        out
    }

    /// Counts from their state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut tally = Self::default();
        tally.merge_bytes(bytes)?;
        Ok(tally)
    }

    /// Adds the counts of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let mut last = None;
        for _ in 0..reader.unsigned()? {
            let text = reader.text(&mut last)?;
            let count = u64::try_from(reader.unsigned()?).ok().filter(|count| *count > 0);
            self.add(text.to_owned(), count.ok_or(AccumError::State("a count out of range"))?);
        }
        reader.close()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(texts: &[&str]) -> UnitTally {
        let mut tally = UnitTally::default();
        texts.iter().for_each(|text| tally.push(text));
        tally
    }

    #[test]
    fn days_add_up_and_ties_go_to_the_first_text() {
        let (a, b) = (of(&["b", "a", "b"]), of(&["a", "", "é"]));
        assert_eq!((a.most_frequent(), b.most_frequent()), (Some("b"), Some("")));
        let mut both = a.clone();
        both.merge_bytes(&b.to_bytes()).unwrap();
        assert_eq!(both.most_frequent(), Some("a"));
        let mut other = b;
        other.merge(&a);
        assert_eq!(other.to_bytes(), both.to_bytes());
        assert_eq!(UnitTally::default().most_frequent(), None);
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let bytes = of(&["a", "b"]).to_bytes();
        assert_eq!(UnitTally::from_bytes(&bytes), Ok(of(&["b", "a"])));
        assert!(UnitTally::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        for wrong in [
            &[b'T', 1, 1, 1, b'a', 0][..],
            &[b'T', 1, 2, 1, b'b', 1, 1, b'a', 1],
            &[b'T', 1, 2, 1, b'a', 1, 1, b'a', 1],
            &[b'T', 1, 1, 1, 0xff, 1],
        ] {
            assert!(UnitTally::from_bytes(wrong).is_err(), "{wrong:?}");
        }
    }
}
