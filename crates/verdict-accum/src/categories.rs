//! How many units are in which category.

use crate::AccumError;
use crate::codec::{Reader, put_signed, put_text, put_unsigned};
use crate::signed_counts::SignedCounts;

const HEADER: [u8; 2] = [b'K', 1];

/// How many units are in each category, in the order of the categories' bytes. Counts add up over units and weights of either
/// sign, so order, merging and retraction cannot show.
///
/// ```
/// use verdict_accum::Categories;
///
/// let mut all = Categories::default();
/// ["card", "cash", "card"].iter().for_each(|way| all.push(1, way));
/// assert_eq!(all.counts().collect::<Vec<_>>(), [("card", 2), ("cash", 1)]);
/// all.push(-1, "cash");
/// assert_eq!((all.units(), all.counts().count()), (2, 1));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Categories {
    counts: SignedCounts<String, 1>,
}

impl Categories {
    /// Adds a unit's category, `weight` times; a negative weight removes.
    pub fn push(&mut self, weight: i64, category: &str) {
        self.counts.add(category.to_owned(), [i128::from(weight)]);
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

    /// Each category with its weight.
    pub fn counts(&self) -> impl Iterator<Item = (&str, i128)> {
        self.counts.iter().map(|(category, [count])| (category.as_str(), *count))
    }

    /// The state: equal counts give equal bytes. Version 1: the bytes `K`, 1; how many categories; each of them, in the order
    /// of their bytes: its length, itself, its weight.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_unsigned(&mut out, self.counts.iter().len() as u128);
        for (category, count) in self.counts() {
            put_text(&mut out, category);
            put_signed(&mut out, count);
        }
        out
    }

    /// Categories from their state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut categories = Self::default();
        categories.merge_bytes(bytes)?;
        Ok(categories)
    }

    /// Adds the units of a state.
    ///
    /// # Errors
    /// As for [`from_bytes`](Self::from_bytes).
    pub fn merge_bytes(&mut self, bytes: &[u8]) -> Result<(), AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let mut last = None;
        for _ in 0..reader.unsigned()? {
            let category = reader.text(&mut last)?;
            match reader.signed()? {
                0 => return Err(AccumError::State("a category without weight")),
                count => self.counts.add(category.to_owned(), [count]),
            }
        }
        reader.close()
    }

    /// Memory on the heap, in bytes, about.
    #[must_use]
    pub fn heap_size(&self) -> usize {
        // A text and a count, and half as much for nodes that are not full.
        self.counts.iter().map(|(category, _)| category.capacity() + 60).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(categories: &[&str]) -> Categories {
        let mut all = Categories::default();
        categories.iter().for_each(|category| all.push(1, category));
        all
    }

    #[test]
    fn states_merge_and_weights_undo_each_other() {
        let (a, b) = (of(&["x", "y", "y"]), of(&["", "y"]));
        let mut both = a.clone();
        both.merge_bytes(&b.to_bytes()).unwrap();
        assert_eq!(both.to_bytes(), of(&["y", "", "y", "x", "y"]).to_bytes());
        assert_eq!(both.units(), 5);
        both.retract(&b);
        assert_eq!(both, a);
        // A removal that comes before what it removes.
        both.push(-1, "z");
        assert_eq!(Categories::from_bytes(&both.to_bytes()), Ok(both.clone()));
        both.push(1, "z");
        both.retract(&a);
        assert_eq!(both.to_bytes(), Categories::default().to_bytes());
    }

    #[test]
    fn what_is_no_state_is_refused() {
        let bytes = of(&["a", "b"]).to_bytes();
        assert!(Categories::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        assert!(Categories::from_bytes(&[b'K', 1, 1, 1, b'a', 0]).is_err());
        assert!(Categories::from_bytes(&[b'T', 1, 0]).is_err());
    }
}
