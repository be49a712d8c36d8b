//! Doubles taken apart into integers and, once, put together again.

use crate::AccumError;

/// Finite doubles as `sign · mantissa · 2^exponent`, the mantissa below 2^53.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Parts {
    pub(crate) negative: bool,
    pub(crate) mantissa: u64,
    pub(crate) exponent: i32,
}

const FRACTION_BITS: u32 = 52;
const FRACTION_MASK: u64 = (1 << FRACTION_BITS) - 1;
/// Weight of the last bit of the smallest double, 2^-1074.
const MIN_EXPONENT: i32 = -1074;

/// Takes a double apart; NaN and infinities are refused.
pub(crate) fn parts(x: f64) -> Result<Parts, AccumError> {
    let bits = x.to_bits();
    let biased = ((bits >> FRACTION_BITS) & 0x7ff) as i32;
    let fraction = bits & FRACTION_MASK;
    let negative = bits >> 63 != 0;
    match biased {
        0x7ff => Err(AccumError::NonFinite),
        0 => Ok(Parts { negative, mantissa: fraction, exponent: MIN_EXPONENT }),
        _ => Ok(Parts {
            negative,
            mantissa: fraction | (1 << FRACTION_BITS),
            exponent: biased + MIN_EXPONENT - 1,
        }),
    }
}

/// `x · 2^64` when that is an integer below 2^117, which is to say when `|x| < 2^53` and `x` is a multiple
/// of 2^-64; `None` otherwise, for NaN and infinities too.
#[inline]
pub(crate) fn fixed(x: f64) -> Option<i128> {
    let bits = x.to_bits();
    let biased = ((bits >> FRACTION_BITS) & 0x7ff) as i32;
    // The last bit of a mantissa of biased exponent 1011 weighs 2^-64.
    let shift = biased - 1011;
    let magnitude = if (0..=64).contains(&shift) {
        i128::from((bits & FRACTION_MASK) | (1 << FRACTION_BITS)) << shift
    } else {
        fixed_below(bits, biased, shift)?
    };
    let sign = -i128::from(bits >> 63);
    Some((magnitude ^ sign) - sign)
}

/// A double as `mantissa · 2^shift` units of 2^-64, `|mantissa| < 2^53`, `shift < 64`; zero is 0 and any shift.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Placed {
    pub(crate) mantissa: i64,
    pub(crate) shift: u32,
}

/// Where a double lies on the grid, without a branch, and whether it does in this way: when `2^-12 <= |x| < 2^52`, and for
/// zeros.
#[inline(always)]
pub(crate) fn placed(x: f64) -> (Placed, bool) {
    let bits = x.to_bits();
    let biased = (bits >> FRACTION_BITS) & 0x7ff;
    let shift = (biased as u32).wrapping_sub(1011);
    let magnitude = ((bits & FRACTION_MASK) | u64::from(biased != 0) << FRACTION_BITS) as i64;
    let sign = bits as i64 >> 63;
    let placed = Placed { mantissa: (magnitude ^ sign) - sign, shift: shift & 63 };
    (placed, (shift < 64) | (magnitude == 0))
}

/// Small values lie on the grid only when their mantissas end in enough zeros.
#[cold]
fn fixed_below(bits: u64, biased: i32, shift: i32) -> Option<i128> {
    if bits << 1 == 0 {
        return Some(0);
    }
    if biased == 0 || !(-52..0).contains(&shift) {
        return None;
    }
    let mantissa = (bits & FRACTION_MASK) | (1 << FRACTION_BITS);
    (mantissa.trailing_zeros() as i32 >= -shift).then(|| i128::from(mantissa >> -shift))
}

/// The double nearest to `± magnitude · 2^exponent / divisor`, ties to even, rounded once from the exact value;
/// limbs little end first. `None` when it lies beyond the largest double. Zero is `+0.0`.
pub(crate) fn round(negative: bool, magnitude: &[u64], exponent: i32, divisor: u64) -> Option<f64> {
    debug_assert!(divisor != 0 && divisor < 1 << 63);
    let Some(top) = magnitude.iter().rposition(|&limb| limb != 0) else {
        return Some(0.0);
    };
    // The leading 128 bits, the first of them set: their quotient has at least 65 bits, and whatever
    // lies below them can only break a tie.
    let limb = |back: usize| if back <= top { magnitude[top - back] } else { 0 };
    let lead = limb(0).leading_zeros();
    let mut head = (u128::from(limb(0)) << 64) | u128::from(limb(1));
    let mut sticky = false;
    if lead > 0 {
        head = (head << lead) | u128::from(limb(2) >> (64 - lead));
        sticky |= limb(2) << lead != 0;
    } else {
        sticky |= limb(2) != 0;
    }
    sticky |= top >= 3 && magnitude[..top - 2].iter().any(|&limb| limb != 0);
    let exponent = exponent + 64 * (top as i32 - 1) - lead as i32;
    let quotient = if divisor == 1 { head } else { head / u128::from(divisor) };
    sticky |= quotient * u128::from(divisor) != head;

    let msb = exponent + 127 - quotient.leading_zeros() as i32;
    let mut last = (msb - FRACTION_BITS as i32).max(MIN_EXPONENT);
    let drop = last - exponent;
    if drop > 128 {
        return Some(0.0);
    }
    let (mut mantissa, rest) = if drop == 128 {
        (0, quotient)
    } else {
        ((quotient >> drop) as u64, quotient & ((1 << drop) - 1))
    };
    let half = 1_u128 << (drop - 1);
    if rest > half || (rest == half && (sticky || mantissa & 1 == 1)) {
        mantissa += 1;
    }
    if mantissa >> (FRACTION_BITS + 1) != 0 {
        mantissa >>= 1;
        last += 1;
    }
    if mantissa >> FRACTION_BITS == 0 {
        let x = f64::from_bits(mantissa);
        return Some(if negative && mantissa != 0 { -x } else { x });
    }
    let biased = last - MIN_EXPONENT + 1;
    if biased >= 0x7ff {
        return None;
    }
    let x = f64::from_bits(((biased as u64) << FRACTION_BITS) | (mantissa & FRACTION_MASK));
    Some(if negative { -x } else { x })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taking_apart_and_rounding_is_the_identity() {
        for x in [
            1.0,
            -0.1,
            5e-324,
            -1e-310,
            f64::MIN_POSITIVE,
            f64::MAX,
            -f64::MAX,
            1e300,
            4503599627370497.5,
        ] {
            let p = parts(x).unwrap();
            assert_eq!(round(p.negative, &[p.mantissa], p.exponent, 1), Some(x));
            assert_eq!(round(p.negative, &[0, 0, p.mantissa, 0], p.exponent - 128, 1), Some(x));
        }
        assert_eq!(parts(f64::NAN).unwrap_err(), AccumError::NonFinite);
        assert_eq!(parts(f64::INFINITY).unwrap_err(), AccumError::NonFinite);
    }

    #[test]
    fn rounding_is_to_nearest_even_and_happens_once() {
        let one = 1_u64 << 53;
        assert_eq!(round(false, &[one + 1], -53, 1), Some(1.0));
        assert_eq!(round(false, &[one + 3], -53, 1), Some(1.0 + 2.0 * f64::EPSILON));
        // A bit far below a tie decides it.
        assert_eq!(round(false, &[1, 0, 0, 0, one + 1], -53 - 256, 1), Some(1.0 + f64::EPSILON));
        assert_eq!(round(true, &[1], 0, 3), Some(-1.0 / 3.0));
        // Half of the smallest double is a tie with zero; anything above it is not.
        assert_eq!(round(false, &[1], -1075, 1), Some(0.0));
        assert_eq!(round(false, &[3], -1076, 1), Some(5e-324));
        assert_eq!(round(false, &[1], -5000, 1), Some(0.0));
        // Half a last place above the largest double is infinity.
        assert_eq!(round(false, &[(1 << 54) - 1], 970, 1), None);
        assert_eq!(round(false, &[(1 << 55) - 3], 969, 1), Some(f64::MAX));
    }

    #[test]
    fn a_place_on_the_grid_is_the_value() {
        let edges = [2_f64.powi(-12), 2_f64.powi(52).next_down(), 1.0, 0.1, 1e9 + 0.3, 0.0];
        for x in edges.into_iter().flat_map(|x| [x, -x]) {
            let (Placed { mantissa, shift }, fits) = placed(x);
            assert!(fits, "{x}");
            assert_eq!(Some(i128::from(mantissa) << shift), fixed(x), "{x}");
        }
        for x in [2_f64.powi(-12).next_down(), 2_f64.powi(52), 5e-324, f64::NAN, f64::INFINITY] {
            assert!(!placed(x).1 && !placed(-x).1, "{x}");
        }
    }

    #[test]
    fn the_grid_holds_what_it_should() {
        let unit = 2_f64.powi(-64);
        assert_eq!(fixed(1.0), Some(1 << 64));
        assert_eq!(fixed(-0.0), Some(0));
        assert_eq!(fixed(-unit), Some(-1));
        assert_eq!(fixed(unit / 2.0), None);
        assert_eq!(fixed(3.0 * unit), Some(3));
        assert_eq!(fixed(9007199254740991.0), Some(9007199254740991_i128 << 64));
        for x in [
            9007199254740994.0 * 4.0,
            1e-9 / 3.0,
            5e-324,
            f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
        ] {
            assert_eq!(fixed(x), None, "{x}");
        }
    }
}
