//! Numbers of a fixed 256 bits: sums of products on a grid.

use crate::wide::Wide;

/// A number of 256 bits in two's complement, in units of 2^-128.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Fixed256 {
    pub(crate) low: u128,
    pub(crate) high: i128,
}

impl Fixed256 {
    /// The product of two numbers in units of 2^-64, each within ±2^126.
    #[inline]
    pub(crate) fn product(a: i128, b: i128) -> Self {
        let (a_low, a_high) = (a as u64, i128::from((a >> 64) as i64));
        let (b_low, b_high) = (b as u64, i128::from((b >> 64) as i64));
        // Each term is below 2^62 · 2^64 in magnitude, so their sum fits.
        let middle = a_high * i128::from(b_low) + b_high * i128::from(a_low);
        let (low, carry) =
            (u128::from(a_low) * u128::from(b_low)).overflowing_add((middle as u128) << 64);
        Self { low, high: a_high * b_high + (middle >> 64) + i128::from(carry) }
    }

    #[inline]
    pub(crate) fn add(&mut self, other: Self) {
        let (low, carry) = self.low.overflowing_add(other.low);
        self.low = low;
        self.high += other.high + i128::from(carry);
    }

    /// Adds `number · 2^shift` units, for numbers below 2^106 in magnitude and shifts below 128.
    #[inline]
    pub(crate) fn add_shifted(&mut self, number: i128, shift: u32) {
        let within = shift & 63;
        // What a shift of the lower two limbs pushes out, and the sign.
        let top = ((number >> 64) as i64 >> 1) >> (within ^ 63);
        let low = (number as u128) << within;
        if shift < 64 {
            self.add(Self { low, high: i128::from(top) });
        } else {
            let high = (low >> 64) as i128 | i128::from(top) << 64;
            self.add(Self { low: low << 64, high });
        }
    }

    /// The upper 64 bits.
    #[inline(always)]
    pub(crate) fn top(self) -> i64 {
        (self.high >> 64) as i64
    }

    pub(crate) fn negated(self) -> Self {
        let (low, borrow) = 0_u128.overflowing_sub(self.low);
        Self { low, high: -self.high - i128::from(borrow) }
    }

    pub(crate) fn limbs(self) -> [u64; 4] {
        [self.low as u64, (self.low >> 64) as u64, self.high as u64, (self.high >> 64) as u64]
    }

    pub(crate) fn from_limbs([a, b, c, d]: [u64; 4]) -> Self {
        Self {
            low: u128::from(a) | u128::from(b) << 64,
            high: (u128::from(c) | u128::from(d) << 64) as i128,
        }
    }

    pub(crate) fn to_wide(self) -> Wide {
        Wide::new(-2, self.limbs().to_vec())
    }
}

/// Whether a number whose upper 64 bits are `top` uses all of its bits, as the sign of the result. A fixed width is kept from that,
/// so that two numbers, or one and the next row, add up without overflow.
#[inline(always)]
pub(crate) fn crowded(top: i64) -> i64 {
    top ^ (top << 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_either_sign() {
        let cases = [
            0,
            1,
            -1,
            1 << 64,
            -(1 << 64),
            (1 << 125) - 7,
            -(1 << 125),
            0x1234_5678_9abc_def0_1111,
            -3 << 70,
        ];
        for a in cases {
            for b in cases {
                let wide = Wide::new(-1, vec![a as u64, (a >> 64) as u64])
                    .mul(&Wide::new(-1, vec![b as u64, (b >> 64) as u64]));
                assert_eq!(Fixed256::product(a, b).to_wide(), wide, "{a} {b}");
                let mut nothing = Fixed256::product(a, b);
                nothing.add(Fixed256::product(a, b).negated());
                assert_eq!(nothing, Fixed256::default());
            }
        }
    }

    #[test]
    fn shifted_numbers_of_either_sign() {
        for number in
            [0, 1, -1, (1 << 106) - 1, 1 - (1 << 106), 0x1234_5678_9abc_def0_1111, -3 << 70]
        {
            for shift in [0, 1, 31, 63, 64, 65, 100, 126, 127] {
                let mut wide = Wide::default();
                let magnitude: u128 = i128::unsigned_abs(number);
                let limbs = [magnitude as u64, (magnitude >> 64) as u64, 0, 0];
                wide.add_scaled(number < 0, limbs, shift as i32 - 128);
                let mut fixed = Fixed256 { low: u128::MAX, high: -1 };
                fixed.add_shifted(number, shift);
                fixed.add(Fixed256 { low: 1, high: 0 });
                assert_eq!(fixed.to_wide(), wide, "{number} {shift}");
            }
        }
    }
}
