//! Integers of another library, as an oracle: a double is a whole number of 2^-1074.

use num_bigint::{BigInt, Sign};

/// `x · 2^1074`.
pub(crate) fn big(x: f64) -> BigInt {
    let bits = x.to_bits();
    let (exponent, fraction) = ((bits >> 52) & 0x7ff, bits & ((1 << 52) - 1));
    let magnitude = if exponent == 0 {
        BigInt::from(fraction)
    } else {
        BigInt::from(fraction | (1 << 52)) << (exponent - 1)
    };
    if x.is_sign_negative() { -magnitude } else { magnitude }
}

/// Asserts that `got` is the double nearest to `numerator · 2^-scale / divisor`, ties to even.
pub(crate) fn assert_nearest(got: Option<f64>, numerator: &BigInt, scale: u64, divisor: i128) {
    let (numerator, divisor) = if divisor < 0 {
        (-numerator, BigInt::from(-divisor))
    } else {
        (numerator.clone(), BigInt::from(divisor))
    };
    // Everything in units of 2^-scale / divisor; scale >= 1074.
    let place = |x: f64| (big(x) << (scale - 1074)) * &divisor;
    let magnitude = |v: BigInt| if v.sign() == Sign::Minus { -v } else { v };
    let Some(got) = got else {
        // Beyond half a step above the largest double.
        let limit: BigInt = place(f64::MAX) + (place(f64::MAX) - place(f64::MAX.next_down())) / 2;
        assert!(magnitude(numerator) >= limit, "a sum in range was refused");
        return;
    };
    let error = magnitude(&numerator - place(got));
    for other in [got.next_up(), got.next_down()].into_iter().filter(|x| x.is_finite()) {
        let worse = magnitude(&numerator - place(other));
        assert!(
            error < worse || (error == worse && got.to_bits() & 1 == 0),
            "{got:e} against {other:e}"
        );
    }
    if got.abs() == f64::MAX {
        let step: BigInt = place(f64::MAX) - place(f64::MAX.next_down());
        assert!(error * 2 < step);
    }
}
