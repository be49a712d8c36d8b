//! Exact sums of one variable in every replicate at once.

use std::collections::VecDeque;

use crate::AccumError;
use crate::codec::put_exact;
use crate::float::parts;
use crate::poisson::LANES;
use crate::wide::Wide;

/// For each replicate a long integer in digits of 32 bits, the same digit of all replicates side by side.
///
/// Adding a value to all replicates is then one multiplication and addition a replicate and digit, in vectors, and a
/// double touches at most three digits. Digits that no value reached do not exist. Carries are left in the upper half
/// of the words and settled once in 2^26 additions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicateSums {
    lanes: usize,
    /// The place of the first digit, in units of 32 bits; even.
    base: i32,
    digits: VecDeque<Vec<i64>>,
    /// How many additions may be in the words since carries were settled.
    pending: u32,
}

/// Weights stay below 2^4, digits below 2^32, and a settled word within ±2^32.
const PENDING: u32 = 1 << 26;

/// A value in digits, to be added with the weight of each replicate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    place: i32,
    negative: bool,
    digits: [u32; 5],
}

impl Term {
    /// `weight · x`.
    pub(crate) fn new(weight: i64, x: f64) -> Result<Self, AccumError> {
        let p = parts(x)?;
        let m = u128::from(p.mantissa) * u128::from(weight.unsigned_abs());
        let shift = p.exponent.rem_euclid(32);
        let low = u128::from(m as u64) << shift;
        let high = ((m >> 64) << shift) + (low >> 64);
        Ok(Self {
            place: p.exponent.div_euclid(32),
            negative: p.negative != (weight < 0),
            digits: [
                low as u32,
                (low >> 32) as u32,
                high as u32,
                (high >> 32) as u32,
                (high >> 64) as u32,
            ],
        })
    }

    fn nonzero(&self) -> impl Iterator<Item = (i32, u32)> {
        let place = self.place;
        (place..).zip(self.digits).filter(|&(_, digit)| digit != 0)
    }
}

impl ReplicateSums {
    pub(crate) fn new(replicates: usize) -> Self {
        Self { lanes: replicates.next_multiple_of(LANES), ..Self::default() }
    }

    /// Makes room for a term that [`add`](Self::add) is about to add to each block.
    pub(crate) fn prepare(&mut self, term: &Term) {
        if self.pending >= PENDING {
            self.settle();
        }
        self.pending += 1;
        for (place, _) in term.nonzero() {
            self.cover(place);
        }
    }

    /// Adds the term times the weights to the replicates from `LANES · block` on.
    #[inline]
    pub(crate) fn add(&mut self, term: &Term, block: usize, weights: &[u32; LANES]) {
        for (place, digit) in term.nonzero() {
            let words = self
                .digits
                .get_mut((place - self.base) as usize)
                .and_then(|words| words[block * LANES..].first_chunk_mut::<LANES>());
            let Some(words) = words else { continue };
            let digit = u64::from(digit);
            let pairs = words.iter_mut().zip(weights);
            if term.negative {
                pairs.for_each(|(word, &w)| *word -= (u64::from(w) * digit) as i64);
            } else {
                pairs.for_each(|(word, &w)| *word += (u64::from(w) * digit) as i64);
            }
        }
    }

    /// Adds the term times any weight to one replicate, after [`prepare`](Self::prepare).
    pub(crate) fn add_one(&mut self, term: &Term, replicate: usize, weight: u32) {
        for (place, digit) in term.nonzero() {
            self.cover(place + 1);
            let at = (place - self.base) as usize;
            let product = u64::from(digit) * u64::from(weight);
            let (low, high) = ((product & 0xffff_ffff) as i64, (product >> 32) as i64);
            let sign = if term.negative { -1 } else { 1 };
            self.digits[at][replicate] += sign * low;
            self.digits[at + 1][replicate] += sign * high;
        }
    }

    /// Adds the sums of another.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.combine(other, 1);
    }

    /// Takes the sums of another away.
    pub(crate) fn retract(&mut self, other: &Self) {
        self.combine(other, -1);
    }

    fn combine(&mut self, other: &Self, sign: i64) {
        let mut other = other.clone();
        other.settle();
        self.settle();
        self.pending = 1;
        for (place, words) in (other.base..).zip(&other.digits) {
            self.cover(place);
            let mine = &mut self.digits[(place - self.base) as usize];
            mine.iter_mut().zip(words).for_each(|(a, b)| *a += sign * b);
        }
    }

    /// Leaves digits of 32 bits in all words but the last, which keeps the sign.
    pub(crate) fn settle(&mut self) {
        self.pending = 0;
        let Some(top) = self.digits.len().checked_sub(1) else { return };
        let mut carries = vec![0_i64; self.lanes];
        for words in self.digits.iter_mut().take(top) {
            for (word, carry) in words.iter_mut().zip(&mut carries) {
                let v = *word + *carry;
                *word = v & 0xffff_ffff;
                *carry = v >> 32;
            }
        }
        let last = &mut self.digits[top];
        last.iter_mut().zip(&carries).for_each(|(word, carry)| *word += carry);
        if last.iter().any(|&v| i32::try_from(v).is_err()) {
            let upper: Vec<i64> = last.iter().map(|v| v >> 32).collect();
            last.iter_mut().for_each(|v| *v &= 0xffff_ffff);
            self.digits.push_back(upper);
        }
    }

    fn cover(&mut self, place: i32) {
        if self.digits.is_empty() {
            self.base = place & !1;
        }
        while place < self.base {
            self.digits.push_front(vec![0; self.lanes]);
            self.digits.push_front(vec![0; self.lanes]);
            self.base -= 2;
        }
        while (place - self.base) as usize >= self.digits.len() {
            self.digits.push_back(vec![0; self.lanes]);
        }
    }

    /// The sum of a replicate, of settled sums.
    pub(crate) fn total(&self, replicate: usize) -> Wide {
        let digit = |i: usize| self.digits.get(i).map_or(0, |words| words[replicate]);
        let Some(top) = self.digits.len().checked_sub(1) else { return Wide::default() };
        let sign = if digit(top) < 0 { u64::from(u32::MAX) } else { 0 };
        let word = |i: usize| if i > top { sign } else { digit(i) as u64 & 0xffff_ffff };
        // One limb above the last digit holds the sign alone.
        let limbs = (0..=top / 2 + 1).map(|k| word(2 * k) | word(2 * k + 1) << 32).collect();
        Wide::new(self.base / 2, limbs)
    }

    /// Adds a number to a replicate.
    pub(crate) fn add_wide(&mut self, replicate: usize, number: &Wide) {
        let (base, limbs) = number.raw();
        let negative = number.is_negative();
        for (k, &limb) in limbs.iter().enumerate() {
            for half in 0..2 {
                let digit = (limb >> (32 * half)) as u32;
                // The upper half of the last limb is signed.
                let last = negative && k + 1 == limbs.len() && half == 1;
                let digit = if last { i64::from(digit as i32) } else { i64::from(digit) };
                if digit != 0 {
                    let place = 2 * (base + k as i32) + half;
                    self.cover(place);
                    self.digits[(place - self.base) as usize][replicate] += digit;
                }
            }
        }
        self.pending = self.pending.max(1);
    }

    /// Appends the sum of each replicate, of settled sums.
    pub(crate) fn put(&self, replicates: usize, out: &mut Vec<u8>) {
        for replicate in 0..replicates {
            let total = self.total(replicate);
            let (base, limbs) = total.raw();
            put_exact(out, base, limbs);
        }
    }

    pub(crate) fn heap_size(&self) -> usize {
        self.digits.capacity() * size_of::<Vec<i64>>()
            + self.digits.len() * self.lanes * size_of::<i64>()
    }
}
