//! Counts of either sign by key: what distributions are made of.

use std::collections::BTreeMap;

/// `N` counts by key, never all of them 0: order, merging and retraction cannot show.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SignedCounts<K, const N: usize>(BTreeMap<K, [i128; N]>);

impl<K, const N: usize> Default for SignedCounts<K, N> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, const N: usize> SignedCounts<K, N> {
    /// Adds counts to those of a key.
    pub(crate) fn add(&mut self, key: K, more: [i128; N]) {
        if more == [0; N] {
            return;
        }
        // What is added first is there afterwards; what was there may be none any more.
        let sum = match self.0.get_mut(&key) {
            None => {
                self.0.insert(key, more);
                return;
            }
            Some(counts) => {
                for (own, more) in counts.iter_mut().zip(more) {
                    *own = own.wrapping_add(more);
                }
                *counts
            }
        };
        if sum == [0; N] {
            self.0.remove(&key);
        }
    }

    /// Adds all counts of `other`.
    pub(crate) fn merge(&mut self, other: &Self) {
        other.0.iter().for_each(|(key, counts)| self.add(key.clone(), *counts));
    }

    /// Removes all counts of `other`.
    pub(crate) fn retract(&mut self, other: &Self) {
        let negated = |counts: &[i128; N]| counts.map(i128::wrapping_neg);
        other.0.iter().for_each(|(key, counts)| self.add(key.clone(), negated(counts)));
    }

    /// The keys in order, with their counts.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (&K, &[i128; N])> {
        self.0.iter()
    }

    /// The sum of the first counts.
    pub(crate) fn total(&self) -> i128 {
        self.0
            .values()
            .fold(0, |sum, counts| sum.wrapping_add(counts.first().copied().unwrap_or(0)))
    }
}
