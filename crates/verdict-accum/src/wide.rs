//! Integers of any length times a power of 2^64: where exact sums go that do not fit a fixed width.
//!
//! Kulisch keeps one register for the whole range of a double, 34 limbs (68 for products). Here the register
//! covers only the limbs in use and grows at both ends, so that real data take three to six.

use std::cmp::Ordering;

use crate::float::round;

/// `limbs · 2^(64 base)`, in two's complement, little end first; no limbs are zero.
///
/// The width follows the data: sums of doubles, of products, weights and counts cannot overflow it, and
/// cannot make it longer than about 70 limbs.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wide {
    base: i32,
    limbs: Vec<u64>,
}

/// An unsigned number of four limbs, little end first.
pub(crate) type Magnitude = [u64; 4];

impl Wide {
    /// From limbs in two's complement.
    pub(crate) fn new(base: i32, limbs: Vec<u64>) -> Self {
        let mut wide = Self { base, limbs };
        wide.trim();
        wide
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.limbs.iter().all(|&limb| limb == 0)
    }

    pub(crate) fn is_negative(&self) -> bool {
        self.limbs.last().is_some_and(|&top| top >> 63 != 0)
    }

    /// Adds `± magnitude · 2^exponent`.
    #[inline]
    pub(crate) fn add_scaled(&mut self, negative: bool, magnitude: Magnitude, exponent: i32) {
        let shift = exponent.rem_euclid(64) as u32;
        let below = |limb: u64| (limb >> 1) >> (63 - shift);
        let [a, b, c, d] = magnitude;
        let shifted = [
            a << shift,
            b << shift | below(a),
            c << shift | below(b),
            d << shift | below(c),
            below(d),
        ];
        let Some(first) = shifted.iter().position(|&limb| limb != 0) else { return };
        let end = shifted.iter().rposition(|&limb| limb != 0).map_or(0, |last| last + 1);
        let base = exponent.div_euclid(64) + first as i32;
        let term = &shifted[first..end];
        let fits = base >= self.base && (base - self.base) as usize + term.len() < self.limbs.len();
        if !fits {
            self.cover(base, term.len() + 1);
        }
        let was_negative = self.is_negative();
        let at = (base - self.base) as usize;
        if negative {
            sub_into(&mut self.limbs[at..], term, 0);
        } else {
            add_into(&mut self.limbs[at..], term, 0);
        }
        // The cover leaves the top limb to the sign, so only a sum of like signs can reach it.
        if was_negative == negative && self.is_negative() != was_negative {
            self.limbs.push(if negative { u64::MAX } else { 0 });
        }
    }

    /// Adds another number.
    pub(crate) fn add(&mut self, other: &Self) {
        self.combine(other, add_into);
    }

    /// Takes another number away.
    pub(crate) fn sub(&mut self, other: &Self) {
        self.combine(other, sub_into);
    }

    fn combine(&mut self, other: &Self, into: fn(&mut [u64], &[u64], u64)) {
        if other.limbs.is_empty() {
            return;
        }
        self.cover(other.base, other.limbs.len() + 1);
        // One limb above both: the sum of two numbers cannot leave it.
        let sign = self.sign_limb();
        self.limbs.push(sign);
        let at = (other.base - self.base) as usize;
        into(&mut self.limbs[at..], &other.limbs, other.sign_limb());
        self.trim();
    }

    /// Makes room for `len` limbs from limb `base` on.
    fn cover(&mut self, base: i32, len: usize) {
        if self.limbs.is_empty() {
            self.base = base;
        } else if base < self.base {
            let more = (self.base - base) as usize;
            self.limbs.splice(0..0, std::iter::repeat_n(0, more));
            self.base = base;
        }
        let end = (base - self.base) as usize + len;
        if end > self.limbs.len() {
            let sign = self.sign_limb();
            self.limbs.resize(end, sign);
        }
    }

    fn sign_limb(&self) -> u64 {
        if self.is_negative() { u64::MAX } else { 0 }
    }

    /// The shortest form, the same for every history of the same value.
    pub(crate) fn trim(&mut self) {
        let sign = self.sign_limb();
        while let [.., below, top] = self.limbs[..]
            && top == sign
            && below >> 63 == sign >> 63
        {
            self.limbs.pop();
        }
        match self.limbs.iter().position(|&limb| limb != 0) {
            None => *self = Self::default(),
            Some(0) => {}
            Some(zeros) => {
                self.limbs.drain(..zeros);
                self.base += zeros as i32;
            }
        }
    }

    /// The value as `N` limbs from limb `base` on, in two's complement, if it fits them.
    pub(crate) fn window<const N: usize>(&self, base: i32) -> Option<[u64; N]> {
        let mut short = self.clone();
        short.trim();
        let mut window = [short.sign_limb(); N];
        if short.limbs.is_empty() {
            return Some(window);
        }
        let at = usize::try_from(short.base - base).ok()?;
        window[..at.min(N)].fill(0);
        window.get_mut(at..at + short.limbs.len())?.copy_from_slice(&short.limbs);
        // The window's own top bit must still tell the sign.
        (window[N - 1] >> 63 == u64::from(short.is_negative())).then_some(window)
    }

    /// The trimmed parts: base and limbs in two's complement.
    pub(crate) fn raw(&self) -> (i32, &[u64]) {
        (self.base, &self.limbs)
    }

    /// The nearest double to the value over `divisor`; see [`round`].
    pub(crate) fn to_f64(&self, divisor: i64) -> Option<f64> {
        let (negative, magnitude) = self.sign_magnitude();
        round(negative != (divisor < 0), &magnitude, 64 * self.base, divisor.unsigned_abs())
    }

    fn sign_magnitude(&self) -> (bool, Vec<u64>) {
        let negative = self.is_negative();
        let mut magnitude = self.limbs.clone();
        if negative {
            negate(&mut magnitude);
        }
        (negative, magnitude)
    }

    /// The product of two numbers.
    pub(crate) fn mul(&self, other: &Self) -> Self {
        let (negative_a, a) = self.sign_magnitude();
        let (negative_b, b) = other.sign_magnitude();
        let mut limbs = vec![0; a.len() + b.len() + 1];
        for (i, &x) in a.iter().enumerate() {
            let mut carry = 0_u64;
            for (limb, &y) in limbs[i..].iter_mut().zip(b.iter().chain([&0])) {
                let t = u128::from(x) * u128::from(y) + u128::from(*limb) + u128::from(carry);
                *limb = t as u64;
                carry = (t >> 64) as u64;
            }
        }
        if negative_a != negative_b {
            negate(&mut limbs);
        }
        Self::new(self.base + other.base, limbs)
    }
}

impl PartialEq for Wide {
    fn eq(&self, other: &Self) -> bool {
        let (mut a, mut b) = (self.clone(), other.clone());
        a.trim();
        b.trim();
        a.base.cmp(&b.base) == Ordering::Equal && a.limbs == b.limbs
    }
}

impl Eq for Wide {}

/// Adds `term`, continued upwards by `sign`, to `limbs`.
#[inline]
fn add_into(limbs: &mut [u64], term: &[u64], sign: u64) {
    let (within, above) = limbs.split_at_mut(term.len().min(limbs.len()));
    let mut carry = false;
    for (limb, &t) in within.iter_mut().zip(term) {
        (*limb, carry) = carrying(*limb, t, carry);
    }
    for limb in above {
        if sign == 0 && !carry {
            break;
        }
        (*limb, carry) = carrying(*limb, sign, carry);
    }
}

/// Takes `term`, continued upwards by `sign`, from `limbs`.
#[inline]
fn sub_into(limbs: &mut [u64], term: &[u64], sign: u64) {
    let (within, above) = limbs.split_at_mut(term.len().min(limbs.len()));
    let mut borrow = false;
    for (limb, &t) in within.iter_mut().zip(term) {
        (*limb, borrow) = borrowing(*limb, t, borrow);
    }
    for limb in above {
        if sign == 0 && !borrow {
            break;
        }
        (*limb, borrow) = borrowing(*limb, sign, borrow);
    }
}

fn carrying(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (s, c1) = a.overflowing_add(b);
    let (s, c2) = s.overflowing_add(u64::from(carry));
    (s, c1 | c2)
}

fn borrowing(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (d, b1) = a.overflowing_sub(b);
    let (d, b2) = d.overflowing_sub(u64::from(borrow));
    (d, b1 | b2)
}

fn negate(limbs: &mut [u64]) {
    let mut carry = true;
    for limb in limbs {
        (*limb, carry) = carrying(!*limb, 0, carry);
    }
}

impl Wide {
    /// Memory on the heap, in bytes.
    pub(crate) fn heap_size(&self) -> usize {
        self.limbs.capacity() * size_of::<u64>()
    }
}
