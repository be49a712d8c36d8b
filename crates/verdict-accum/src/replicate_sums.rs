//! Exact sums of one variable in every replicate at once.

use std::collections::VecDeque;

use crate::AccumError;
use crate::codec::put_exact;
use crate::float::parts;
use crate::poisson::{LANES, Weights};
use crate::wide::Wide;

/// For each replicate a long integer in digits of 32 bits, the same digit of all replicates side by side.
///
/// Adding a value to all replicates is then one multiplication and addition a replicate and digit, in vectors, and a
/// double touches at most three digits. Digits that no value reached do not exist. Carries are left in the upper half
/// of the words and settled once in 2^26 additions.
#[derive(Clone, Debug, Default)]
pub(crate) struct ReplicateSums {
    blocks: usize,
    /// The place of the first digit, in units of 32 bits; even.
    base: i32,
    digits: VecDeque<Vec<Words>>,
    /// How many additions may be in the words since carries were settled.
    pending: u32,
}

/// Weights stay below 2^4, digits below 2^32, and a settled word within ±2^32.
const PENDING: u32 = 1 << 26;

/// One digit of a block of replicates; so aligned that sums need no loads of their own.
#[derive(Clone, Copy, Debug)]
#[repr(align(16))]
struct Words([i64; LANES]);

/// A value in digits, to be added with the weight of each replicate.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Term {
    /// The place of the first digit.
    place: i32,
    negative: bool,
    /// From the first one that is not zero on; a double times ±1 has three.
    digits: [u32; 5],
    /// How many of them there are, up to the last one that is not zero.
    len: usize,
}

impl Term {
    /// `weight · x`.
    pub(crate) fn new(weight: i64, x: f64) -> Result<Self, AccumError> {
        let p = parts(x)?;
        let m = u128::from(p.mantissa) * u128::from(weight.unsigned_abs());
        let shift = p.exponent.rem_euclid(32);
        let low = u128::from(m as u64) << shift;
        let high = ((m >> 64) << shift) + (low >> 64);
        let mut digits =
            [low as u32, (low >> 32) as u32, high as u32, (high >> 32) as u32, (high >> 64) as u32];
        let zeros = digits.iter().position(|&digit| digit != 0).unwrap_or(0);
        let end = digits.iter().rposition(|&digit| digit != 0).map_or(0, |last| last + 1);
        digits.rotate_left(zeros);
        Ok(Self {
            place: p.exponent.div_euclid(32) + zeros as i32,
            negative: p.negative != (weight < 0),
            digits,
            len: end - zeros,
        })
    }

    fn placed(&self) -> impl Iterator<Item = (i32, u32)> {
        (self.place..).zip(self.digits).take(self.len)
    }
}

impl ReplicateSums {
    pub(crate) fn new(replicates: usize) -> Self {
        Self { blocks: replicates.div_ceil(LANES), ..Self::default() }
    }

    /// Makes room for a term that [`add`](Self::add) is about to add to each block.
    pub(crate) fn prepare(&mut self, term: &Term) {
        if self.pending >= PENDING {
            self.settle();
        }
        self.pending += 1;
        for (place, _) in term.placed() {
            self.cover(place);
        }
    }

    /// Adds the term times the weights to the replicates of a block, after [`prepare`](Self::prepare).
    #[inline]
    pub(crate) fn add(&mut self, term: &Term, block: usize, weights: &Weights) {
        if term.negative {
            self.add_signed::<true>(term, block, weights);
        } else {
            self.add_signed::<false>(term, block, weights);
        }
    }

    #[inline]
    fn add_signed<const MINUS: bool>(&mut self, term: &Term, block: usize, weights: &Weights) {
        // Nothing where there is no digit: then the place may lie below the first.
        let at = (term.place - self.base).max(0) as usize;
        let mut words = self.digits.iter_mut().skip(at).filter_map(|words| words.get_mut(block));
        let [a, b, c, d, e] = term.digits;
        match (term.len, words.next(), words.next(), words.next()) {
            (0, ..) => {}
            (1, Some(x), ..) => add_one_digit::<MINUS>(x, a, weights),
            (2, Some(x), Some(y), _) => add_two_digits::<MINUS>(x, y, a, b, weights),
            (_, Some(x), Some(y), Some(z)) => {
                add_three_digits::<MINUS>(x, y, z, a, b, c, weights);
                for (digit, x) in [d, e].into_iter().zip(words).take(term.len - 3) {
                    add_one_digit::<MINUS>(x, digit, weights);
                }
            }
            _ => debug_assert!(false, "no room for a term"),
        }
    }

    /// Adds the term times any weight to one replicate, after [`prepare`](Self::prepare).
    pub(crate) fn add_one(&mut self, term: &Term, replicate: usize, weight: u32) {
        for (place, digit) in term.placed() {
            self.cover(place + 1);
            let at = (place - self.base) as usize;
            let product = u64::from(digit) * u64::from(weight);
            let (low, high) = ((product & 0xffff_ffff) as i64, (product >> 32) as i64);
            let sign = if term.negative { -1 } else { 1 };
            *self.word(at, replicate) += sign * low;
            *self.word(at + 1, replicate) += sign * high;
        }
    }

    /// Adds counts below 2^32 to all replicates.
    pub(crate) fn add_counts(&mut self, counts: &[Weights]) {
        self.settle();
        self.pending = 1;
        self.cover(0);
        let at = (0 - self.base) as usize;
        for (words, counts) in self.digits[at].iter_mut().zip(counts) {
            words.0.iter_mut().zip(&counts.0).for_each(|(word, &n)| *word += i64::from(n));
        }
    }

    /// Adds the sums of another, which is settled.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.combine(other, 1);
    }

    /// Takes the sums of another away, which is settled.
    pub(crate) fn retract(&mut self, other: &Self) {
        self.combine(other, -1);
    }

    fn combine(&mut self, other: &Self, sign: i64) {
        self.settle();
        self.pending = 1;
        for (place, words) in (other.base..).zip(&other.digits) {
            self.cover(place);
            let mine = each_mut(&mut self.digits[(place - self.base) as usize]);
            mine.zip(each(words)).for_each(|(a, b)| *a += sign * b);
        }
    }

    /// Leaves digits of 32 bits in all words but the last, which keeps the sign.
    pub(crate) fn settle(&mut self) {
        self.pending = 0;
        let Some(top) = self.digits.len().checked_sub(1) else { return };
        let mut carries = vec![0_i64; self.blocks * LANES];
        for words in self.digits.iter_mut().take(top) {
            for (word, carry) in each_mut(words).zip(&mut carries) {
                let v = *word + *carry;
                *word = v & 0xffff_ffff;
                *carry = v >> 32;
            }
        }
        let last = &mut self.digits[top];
        each_mut(last).zip(&carries).for_each(|(word, carry)| *word += carry);
        if each(last).any(|&v| i32::try_from(v).is_err()) {
            let mut upper = vec![Words([0; LANES]); self.blocks];
            for (upper, v) in each_mut(&mut upper).zip(each_mut(last)) {
                *upper = *v >> 32;
                *v &= 0xffff_ffff;
            }
            self.digits.push_back(upper);
        }
    }

    fn cover(&mut self, place: i32) {
        if self.digits.is_empty() {
            self.base = place & !1;
        }
        while place < self.base {
            self.digits.push_front(vec![Words([0; LANES]); self.blocks]);
            self.digits.push_front(vec![Words([0; LANES]); self.blocks]);
            self.base -= 2;
        }
        while (place - self.base) as usize >= self.digits.len() {
            self.digits.push_back(vec![Words([0; LANES]); self.blocks]);
        }
    }

    fn word(&mut self, digit: usize, replicate: usize) -> &mut i64 {
        &mut self.digits[digit][replicate / LANES].0[replicate % LANES]
    }

    /// The sum of a replicate, of settled sums.
    pub(crate) fn total(&self, replicate: usize) -> Wide {
        let digit = |i: usize| {
            self.digits.get(i).map_or(0, |words| words[replicate / LANES].0[replicate % LANES])
        };
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
                    *self.word((place - self.base) as usize, replicate) += digit;
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
            + self.digits.len() * self.blocks * size_of::<Words>()
    }
}

fn each(words: &[Words]) -> impl Iterator<Item = &i64> {
    words.iter().flat_map(|words| &words.0)
}

fn each_mut(words: &mut [Words]) -> impl Iterator<Item = &mut i64> {
    words.iter_mut().flat_map(|words| &mut words.0)
}

// The compiler makes vectors of the loops below as they are: digits that are values and not items of an array, words that
// are arguments and so known to be apart, two halves of a block side by side.

const HALF: usize = LANES / 2;

#[inline(always)]
fn add_to<const MINUS: bool>(word: &mut i64, weight: u32, digit: u32) {
    let product = (u64::from(weight) * u64::from(digit)) as i64;
    *word += if MINUS { -product } else { product };
}

#[inline(never)]
fn add_one_digit<const MINUS: bool>(x: &mut Words, a: u32, Weights(weights): &Weights) {
    for i in 0..HALF {
        add_to::<MINUS>(&mut x.0[i], weights[i], a);
        add_to::<MINUS>(&mut x.0[HALF + i], weights[HALF + i], a);
    }
}

#[inline(never)]
fn add_two_digits<const MINUS: bool>(
    x: &mut Words,
    y: &mut Words,
    a: u32,
    b: u32,
    Weights(weights): &Weights,
) {
    for i in 0..HALF {
        add_to::<MINUS>(&mut x.0[i], weights[i], a);
        add_to::<MINUS>(&mut y.0[i], weights[i], b);
        add_to::<MINUS>(&mut x.0[HALF + i], weights[HALF + i], a);
        add_to::<MINUS>(&mut y.0[HALF + i], weights[HALF + i], b);
    }
}

#[inline(never)]
fn add_three_digits<const MINUS: bool>(
    x: &mut Words,
    y: &mut Words,
    z: &mut Words,
    a: u32,
    b: u32,
    c: u32,
    Weights(weights): &Weights,
) {
    for i in 0..HALF {
        add_to::<MINUS>(&mut x.0[i], weights[i], a);
        add_to::<MINUS>(&mut y.0[i], weights[i], b);
        add_to::<MINUS>(&mut z.0[i], weights[i], c);
        add_to::<MINUS>(&mut x.0[HALF + i], weights[HALF + i], a);
        add_to::<MINUS>(&mut y.0[HALF + i], weights[HALF + i], b);
        add_to::<MINUS>(&mut z.0[HALF + i], weights[HALF + i], c);
    }
}
