//! The first or the last value of one unit.

use std::cmp::Ordering;

use crate::AccumError;
use crate::codec::{Reader, put_signed};

const HEADER: [u8; 2] = [b'F', 1];

/// A value with its time: of two, the first is the one with the earlier time, and of equal times the one that is smaller
/// (numbers by IEEE 754's total order, texts by their bytes); the last is the other one. A total order, so that the order of
/// rows, files and days cannot show.
///
/// ```
/// use std::cmp::Ordering;
/// use verdict_accum::UnitEdge;
///
/// let at = |time, price| UnitEdge::of_number(time, price).unwrap();
/// let mut first = at(5, 80.0);
/// for other in [at(9, 10.0), at(5, 70.0)] {
///     first.keep(Ordering::Less, other);
/// }
/// assert_eq!(first.number(), Some(70.0));
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnitEdge {
    time: i64,
    /// In the order of the values.
    value: Vec<u8>,
}

impl UnitEdge {
    /// A number at a time; a negative zero is zero.
    ///
    /// # Errors
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite.
    pub fn of_number(time: i64, x: f64) -> Result<Self, AccumError> {
        if !x.is_finite() {
            return Err(AccumError::NonFinite);
        }
        let bits = (x + 0.0).to_bits();
        // Negative numbers come before the others, the largest magnitude first.
        let place = if bits >> 63 == 1 { !bits } else { bits | 1 << 63 };
        Ok(Self { time, value: place.to_be_bytes().to_vec() })
    }

    /// A text at a time.
    #[must_use]
    pub fn of_text(time: i64, text: &str) -> Self {
        Self { time, value: text.as_bytes().to_vec() }
    }

    /// Keeps the first of both (`Less`) or the last (`Greater`).
    pub fn keep(&mut self, which: Ordering, other: Self) {
        if other.cmp(self) == which {
            *self = other;
        }
    }

    /// The value, of a number.
    #[must_use]
    pub fn number(&self) -> Option<f64> {
        let place = u64::from_be_bytes(self.value.as_slice().try_into().ok()?);
        let bits = if place >> 63 == 1 { place & !(1 << 63) } else { !place };
        Some(f64::from_bits(bits)).filter(|x| x.is_finite())
    }

    /// The value, of a text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.value).ok()
    }

    /// The state. Version 1: the bytes `F`, 1; the time; the value.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = HEADER.to_vec();
        put_signed(&mut out, i128::from(self.time));
        out.extend(&self.value);
        out
    }

    /// A value with its time from its state.
    ///
    /// # Errors
    /// [`AccumError::State`] for bytes that [`to_bytes`](Self::to_bytes) does not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, AccumError> {
        let mut reader = Reader::open(bytes, &HEADER)?;
        let time = i64::try_from(reader.signed()?);
        let time = time.map_err(|_| AccumError::State("a time out of range"))?;
        Ok(Self { time, value: reader.rest().to_vec() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_come_back_in_their_order() {
        let sorted = [f64::MIN, -2.5, -5e-324, 0.0, 5e-324, 0.1, 1.0, 1e17, f64::MAX];
        let edges = sorted.map(|x| UnitEdge::of_number(7, x).unwrap());
        assert!(edges.is_sorted());
        for (edge, x) in edges.iter().zip(sorted) {
            assert_eq!(edge.number().map(f64::to_bits), Some(x.to_bits()));
            assert_eq!(UnitEdge::from_bytes(&edge.to_bytes()).as_ref(), Ok(edge));
        }
        assert_eq!(UnitEdge::of_number(7, -0.0), UnitEdge::of_number(7, 0.0));
        assert!(UnitEdge::of_number(7, f64::NAN).is_err());
    }

    #[test]
    fn times_come_before_values() {
        let mut first = UnitEdge::of_text(3, "b");
        let mut last = first.clone();
        for (time, text) in [(3, "c"), (-4, "z"), (3, "a"), (-4, "y")] {
            first.keep(Ordering::Less, UnitEdge::of_text(time, text));
            last.keep(Ordering::Greater, UnitEdge::of_text(time, text));
        }
        assert_eq!((first.text(), last.text()), (Some("y"), Some("c")));
        assert!(UnitEdge::from_bytes(&[b'F', 1, 0x80]).is_err());
        assert!(UnitEdge::from_bytes(&[b'D', 1, 0]).is_err());
    }
}
