//! The units of a day, numbered as they are met.

use std::hash::BuildHasher as _;

use datafusion::arrow::array::{Array, ArrayRef, AsArray, StringViewArray};
use datafusion::arrow::compute::cast;
use datafusion::arrow::datatypes::{DataType, Int64Type};
use datafusion::common::exec_datafusion_err;
use datafusion::error::Result;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use verdict_accum::unit_hash;

use crate::units::key_of;

/// The number of rows that name no unit.
pub(crate) const NOBODY: u32 = 0;

/// The names of units by number, from 1 on.
#[derive(Clone, Debug)]
pub(crate) enum Names {
    /// All texts one after the other, and where each ends.
    Texts(Vec<u8>, Vec<usize>),
    Numbers(Vec<i64>),
}

/// A unit in the table: what it is compared by, and its number.
#[derive(Clone, Copy, Debug)]
struct Known {
    /// Two words: the alignment of a u128 would cost a third more.
    key: [u64; 2],
    unit: u32,
}

/// What is looked for in the table.
#[derive(Clone, Copy, Debug, Default)]
struct Wanted {
    key: [u64; 2],
    hash: u64,
    odd: bool,
}

/// From names to numbers.
#[derive(Clone, Debug)]
pub(crate) struct Index {
    table: HashTable<Known>,
    names: Names,
    /// Random: nobody can choose names that all fall into one place.
    seed: u64,
    /// Whether two units of one key may differ: a long name, or one that ends in a zero byte.
    odd: bool,
    /// For a batch: each row's key and hash.
    wanted: Vec<Wanted>,
}

impl Index {
    /// Of units that are integers, or texts.
    pub(crate) fn new(numbers: bool) -> Index {
        let names = match numbers {
            true => Names::Numbers(vec![0]),
            false => Names::Texts(Vec::new(), vec![0]),
        };
        let seed = std::hash::RandomState::new().hash_one(0);
        Index { table: HashTable::new(), names, seed, odd: false, wanted: Vec::new() }
    }

    /// How many numbers have been given, [`NOBODY`] with them.
    pub(crate) fn len(&self) -> usize {
        match &self.names {
            Names::Texts(_, ends) => ends.len(),
            Names::Numbers(numbers) => numbers.len(),
        }
    }

    /// The bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let names = match &self.names {
            Names::Texts(all, ends) => all.capacity() + ends.capacity() * size_of::<usize>(),
            Names::Numbers(numbers) => numbers.capacity() * size_of::<i64>(),
        };
        names + self.table.allocation_size()
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.odd
    }

    /// Appends the number of each row's unit to `units`.
    ///
    /// # Errors
    /// A column of another type than the units before.
    pub(crate) fn number(&mut self, column: &ArrayRef, units: &mut Vec<u32>) -> Result<()> {
        units.reserve(column.len());
        match (&self.names, column.data_type()) {
            (Names::Numbers(_), DataType::Int64) => {
                let numbers = column.as_primitive::<Int64Type>();
                units.extend((0..numbers.len()).map(|row| match numbers.is_valid(row) {
                    true => self.of_number(numbers.value(row)),
                    false => NOBODY,
                }));
            }
            (Names::Texts(..), DataType::Utf8View) => {
                self.texts(column.as_string_view(), units);
            }
            (Names::Texts(..), ty) if ty.is_string() => {
                let texts = cast(column, &DataType::Utf8View)?;
                self.texts(texts.as_string_view(), units);
            }
            (Names::Numbers(_), ty) => {
                return Err(exec_datafusion_err!("units are integers here and {ty} there"));
            }
            (Names::Texts(..), ty) => {
                return Err(exec_datafusion_err!("units are text here and {ty} there"));
            }
        }
        Ok(())
    }

    fn texts(&mut self, texts: &StringViewArray, units: &mut Vec<u32>) {
        // First what is to be looked for, then the looking: so that several places of the table are fetched at once.
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.clear();
        wanted.extend(texts.views().iter().enumerate().map(|(row, view)| {
            if texts.is_null(row) {
                return Wanted::default();
            }
            // A text of up to twelve bytes lies in its view, after its length, with zeros behind.
            let (key, odd) = match *view as u32 {
                length @ 0..=12 => {
                    let key = (view >> 32).swap_bytes();
                    // The last byte, where there is one.
                    (key, length > 0 && (key >> (128 - 8 * length)) as u8 == 0)
                }
                _ => {
                    let bytes = texts.value(row).as_bytes();
                    (key_of(bytes), is_odd(bytes))
                }
            };
            let key = [key as u64, (key >> 64) as u64];
            let hash = match odd {
                true => hash_of_text(self.seed, key, texts.value(row).as_bytes()),
                false => hash(self.seed, key),
            };
            Wanted { key, hash, odd }
        }));
        for (row, Wanted { key, hash, odd }) in wanted.iter().enumerate() {
            let unit = match texts.is_null(row) {
                true => NOBODY,
                // Names that share a key are told apart in full.
                false if self.odd || *odd => self.of_text(*key, *hash, texts.value(row).as_bytes()),
                false => match self.table.find(*hash, |known| known.key == *key) {
                    Some(known) => known.unit,
                    None => self.of_text(*key, *hash, texts.value(row).as_bytes()),
                },
            };
            units.push(unit);
        }
        self.wanted = wanted;
    }

    fn of_number(&mut self, number: i64) -> u32 {
        let next = self.len() as u32;
        let Names::Numbers(numbers) = &mut self.names else { return NOBODY };
        let key = [number as u64, 0];
        let entry = self.table.entry(
            hash(self.seed, key),
            |known| known.key == key,
            |known| hash(self.seed, known.key),
        );
        match entry {
            Entry::Occupied(known) => known.get().unit,
            Entry::Vacant(place) => {
                place.insert(Known { key, unit: next });
                numbers.push(number);
                next
            }
        }
    }

    /// The number of a text with this key and hash.
    fn of_text(&mut self, key: [u64; 2], hash_of_it: u64, bytes: &[u8]) -> u32 {
        let next = self.len() as u32;
        let Names::Texts(all, ends) = &mut self.names else { return NOBODY };
        let odd = is_odd(bytes);
        // From the first odd name on names are compared in full.
        let in_full = self.odd || odd;
        let name = |unit: u32| &all[ends[unit as usize - 1]..ends[unit as usize]];
        let same = |known: &Known| known.key == key && (!in_full || name(known.unit) == bytes);
        let again = |known: &Known| match in_full {
            true => hash_of_text(self.seed, known.key, name(known.unit)),
            false => hash(self.seed, known.key),
        };
        match self.table.entry(hash_of_it, same, again) {
            Entry::Occupied(known) => known.get().unit,
            Entry::Vacant(place) => {
                place.insert(Known { key, unit: next });
                all.extend_from_slice(bytes);
                ends.push(all.len());
                self.odd |= odd;
                next
            }
        }
    }

    /// Numbers all units anew, from 1 on in this order, which has each of their numbers once.
    pub(crate) fn renumber(&mut self, order: impl ExactSizeIterator<Item = u32> + Clone) {
        let mut anew = vec![NOBODY; order.len() + 1];
        for (number, unit) in (1..).zip(order.clone()) {
            anew[unit as usize] = number;
        }
        self.table.iter_mut().for_each(|known| known.unit = anew[known.unit as usize]);
        let names = match &self.names {
            Names::Numbers(numbers) => {
                let others = order.map(|unit| numbers[unit as usize]);
                Names::Numbers(std::iter::once(0).chain(others).collect())
            }
            Names::Texts(all, ends) => {
                let (mut texts, mut text_ends) = (Vec::with_capacity(all.len()), Vec::new());
                text_ends.reserve_exact(ends.len());
                text_ends.push(0);
                for unit in order {
                    texts.extend_from_slice(self.names.text(unit));
                    text_ends.push(texts.len());
                }
                Names::Texts(texts, text_ends)
            }
        };
        self.names = names;
    }

    /// The numbers, in this index, of the units of another.
    pub(crate) fn join(&mut self, other: &Index) -> Vec<u32> {
        let mut units = vec![NOBODY];
        match &other.names {
            Names::Numbers(numbers) => {
                units.extend(numbers[1..].iter().map(|number| self.of_number(*number)));
            }
            Names::Texts(all, ends) => {
                units.extend(ends.windows(2).map(|ends| {
                    let bytes = &all[ends[0]..ends[1]];
                    let key = key_of(bytes);
                    let key = [key as u64, (key >> 64) as u64];
                    self.of_text(key, hash_of_text(self.seed, key, bytes), bytes)
                }));
            }
        }
        units
    }
}

impl Names {
    /// A number that is sorted as the unit is: the first sixteen bytes of its name, or the number itself.
    pub(crate) fn key(&self, unit: u32) -> u128 {
        match self {
            Names::Numbers(numbers) => u128::from((numbers[unit as usize] as u64) ^ (1 << 63)),
            Names::Texts(..) => key_of(self.text(unit)),
        }
    }

    /// The unit's bucket, of so many.
    pub(crate) fn bucket(&self, unit: u32, buckets: u32) -> u32 {
        let hash = match self {
            Names::Numbers(numbers) => unit_hash(&numbers[unit as usize].to_le_bytes()),
            Names::Texts(..) => unit_hash(self.text(unit)),
        };
        (hash % u64::from(buckets)) as u32
    }

    /// The bytes of a text; none of a number.
    pub(crate) fn text(&self, unit: u32) -> &[u8] {
        match self {
            Names::Texts(all, ends) => &all[ends[unit as usize - 1]..ends[unit as usize]],
            Names::Numbers(_) => &[],
        }
    }
}

/// Whether other names have the same key.
fn is_odd(bytes: &[u8]) -> bool {
    bytes.len() > 16 || bytes.last() == Some(&0)
}

/// Two multiplications to 128 bits, folded.
fn hash(seed: u64, key: [u64; 2]) -> u64 {
    let mix = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let first = mix(key[0] ^ seed, 0x9e37_79b9_7f4a_7c15);
    mix(first ^ key[1].rotate_left(32), 0xbb67_ae85_84ca_a73b ^ (seed >> 1))
}

fn hash_of_text(seed: u64, key: [u64; 2], bytes: &[u8]) -> u64 {
    match is_odd(bytes) {
        true => hash(seed, [unit_hash(bytes), bytes.len() as u64]),
        false => hash(seed, key),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use datafusion::arrow::array::{Int64Array, StringArray};

    use super::*;

    fn numbers_of(index: &mut Index, column: &ArrayRef) -> Vec<u32> {
        let mut units = Vec::new();
        index.number(column, &mut units).unwrap();
        units
    }

    #[test]
    fn names_that_share_a_key_are_told_apart_in_any_order() {
        let names = [
            "a",
            "a\u{0}",
            "sixteen bytes, and more",
            "sixteen bytes, and most",
            "a\u{0}\u{0}",
            "",
        ];
        for from in 0..names.len() {
            let order: Vec<&str> =
                (0..names.len()).map(|i| names[(from + i) % names.len()]).collect();
            let mut index = Index::new(false);
            let column: ArrayRef = Arc::new(StringArray::from(order.clone()));
            assert_eq!(numbers_of(&mut index, &column), [1, 2, 3, 4, 5, 6]);
            assert_eq!(numbers_of(&mut index, &column), [1, 2, 3, 4, 5, 6], "{order:?}");
            assert!(index.is_odd());
            for (unit, name) in (1..).zip(order) {
                assert_eq!(index.names().text(unit), name.as_bytes());
            }
        }
    }

    #[test]
    fn every_text_type_gives_the_same_bucket_and_all_are_used() {
        let names: Vec<String> = (0..1000).map(|i| format!("u{i}")).collect();
        let plain: ArrayRef = Arc::new(StringArray::from(names.clone()));
        let views: ArrayRef = Arc::new(StringViewArray::from_iter_values(&names));
        let buckets = |column: &ArrayRef| -> Vec<u32> {
            let mut index = Index::new(false);
            numbers_of(&mut index, column);
            (1..=1000).map(|unit| index.names().bucket(unit, 7)).collect()
        };
        let of_plain = buckets(&plain);
        assert_eq!(of_plain, buckets(&views));
        for bucket in 0..7 {
            // A thousand units over seven buckets: 143 each, with a standard deviation of 11.
            let n = of_plain.iter().filter(|b| **b == bucket).count();
            assert!((88..198).contains(&n), "{n} units in bucket {bucket}");
        }
    }

    #[test]
    fn rows_without_a_unit_are_nobody_s() {
        let mut index = Index::new(false);
        let column: ArrayRef =
            Arc::new(StringArray::from(vec![Some("a"), None, Some("b"), Some("a")]));
        assert_eq!(numbers_of(&mut index, &column), [1, NOBODY, 2, 1]);
        let mut index = Index::new(true);
        let column: ArrayRef = Arc::new(Int64Array::from(vec![Some(7), None, Some(0), Some(7)]));
        assert_eq!(numbers_of(&mut index, &column), [1, NOBODY, 2, 1]);
    }

    #[test]
    fn units_that_are_numbered_anew_are_found_by_their_new_numbers() {
        let texts: ArrayRef = Arc::new(StringArray::from(vec!["b", "c", "a", "a\u{0}"]));
        let numbers: ArrayRef = Arc::new(Int64Array::from(vec![20, 30, 10, 15]));
        for (column, of_text) in [(texts, true), (numbers, false)] {
            let mut index = Index::new(!of_text);
            assert_eq!(numbers_of(&mut index, &column), [1, 2, 3, 4]);
            index.renumber([3, 4, 1, 2].into_iter());
            assert_eq!(numbers_of(&mut index, &column), [3, 4, 1, 2]);
            assert_eq!(index.len(), 5);
            if of_text {
                let named = |unit| index.names().text(unit);
                assert_eq!(
                    [named(1), named(2), named(3), named(4)],
                    [&b"a"[..], b"a\0", b"b", b"c"]
                );
                // A name that is new comes after them.
                let column: ArrayRef = Arc::new(StringArray::from(vec!["d", "b"]));
                assert_eq!(numbers_of(&mut index, &column), [5, 3]);
            } else {
                assert!((1..4).all(|unit| index.names().key(unit) < index.names().key(unit + 1)));
            }
        }
    }

    #[test]
    fn many_units_keep_their_numbers_and_join_another_index() {
        let names: Vec<String> = (0..5000).map(|i| format!("u{i}")).collect();
        let column: ArrayRef = Arc::new(StringArray::from(names.clone()));
        let mut index = Index::new(false);
        assert_eq!(numbers_of(&mut index, &column), (1..=5000).collect::<Vec<u32>>());
        let mut other = Index::new(false);
        let backwards: ArrayRef = Arc::new(StringArray::from_iter_values(names.iter().rev()));
        numbers_of(&mut other, &backwards);
        let joined = index.join(&other);
        assert_eq!(joined[1..], (1..=5000).rev().collect::<Vec<u32>>());
    }
}
