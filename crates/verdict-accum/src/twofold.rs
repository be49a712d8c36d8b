//! Double-double arithmetic: a value as the unevaluated sum of two doubles, 106 bits and more.
//!
//! `two_sum` (Knuth 1969) and `two_prod` (Dekker 1971, with Veltkamp's splitting) are exact, barring overflow and
//! underflow. With `u = 2^-53` the relative errors are at most (Joldes, Muller & Popescu 2017):
//!
//! | operation | bound |
//! | --- | --- |
//! | double-double + double | 2 u² |
//! | double-double + double-double | 3 u² + 13 u³ |
//! | double-double × double-double | 9 u² (their DWTimesDW1, no fused operations) |
//! | double-double ÷ by a reciprocal | about 10 u² |
//!
//! No fused multiply-add is used: it is slow where the machine lacks it, and results would not differ.

/// `high + low`, `|low| <= ulp(high) / 2`.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Twofold {
    pub(crate) high: f64,
    pub(crate) low: f64,
}

/// `a + b` exactly.
#[inline(always)]
pub(crate) fn two_sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    let t = high - a;
    Twofold { high, low: (a - (high - t)) + (b - t) }
}

/// `a + b` exactly, for `|a| >= |b|` or `a = 0`.
#[inline(always)]
pub(crate) fn quick_two_sum(a: f64, b: f64) -> Twofold {
    let high = a + b;
    Twofold { high, low: b - (high - a) }
}

/// `a · b` exactly, for magnitudes below 2^996.
#[inline(always)]
pub(crate) fn two_prod(a: f64, b: f64) -> Twofold {
    let high = a * b;
    let (a_high, a_low) = split(a);
    let (b_high, b_low) = split(b);
    Twofold {
        high,
        low: ((a_high * b_high - high) + a_high * b_low + a_low * b_high) + a_low * b_low,
    }
}

/// `a²` exactly, for magnitudes below 2^498.
#[inline(always)]
pub(crate) fn two_square(a: f64) -> Twofold {
    let high = a * a;
    let (a_high, a_low) = split(a);
    let middle = a_high * a_low;
    Twofold { high, low: ((a_high * a_high - high) + (middle + middle)) + a_low * a_low }
}

#[inline(always)]
fn split(a: f64) -> (f64, f64) {
    // 2^27 + 1
    let t = 134_217_729.0 * a;
    let high = t - (t - a);
    (high, a - high)
}

impl Twofold {
    #[inline(always)]
    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }

    /// Adds without bringing the sum to its normal form: the high part waits for one addition only, and all errors
    /// gather in the low part, whose own rounding is of the order `n u²` for n additions.
    #[inline(always)]
    pub(crate) fn accumulate(&mut self, high: f64, low: f64) {
        let s = two_sum(self.high, high);
        self.high = s.high;
        self.low += s.low + low;
    }

    /// The normal form, after [`accumulate`](Self::accumulate).
    #[inline(always)]
    pub(crate) fn settled(self) -> Self {
        two_sum(self.high, self.low)
    }

    #[inline(always)]
    pub(crate) fn add(self, other: Self) -> Self {
        let s = two_sum(self.high, other.high);
        let t = two_sum(self.low, other.low);
        let s = quick_two_sum(s.high, s.low + t.high);
        quick_two_sum(s.high, s.low + t.low)
    }

    #[inline(always)]
    pub(crate) fn add_f64(self, x: f64) -> Self {
        let s = two_sum(self.high, x);
        quick_two_sum(s.high, s.low + self.low)
    }

    #[inline(always)]
    pub(crate) fn neg(self) -> Self {
        Self { high: -self.high, low: -self.low }
    }

    #[inline(always)]
    pub(crate) fn mul(self, other: Self) -> Self {
        let p = two_prod(self.high, other.high);
        quick_two_sum(p.high, p.low + (self.high * other.low + self.low * other.high))
    }

    #[inline(always)]
    pub(crate) fn mul_f64(self, x: f64) -> Self {
        let p = two_prod(self.high, x);
        quick_two_sum(p.high, p.low + self.low * x)
    }

    /// `self / divisor`. The quotient is corrected once by the exact remainder; the reciprocal does not
    /// depend on `self`, which keeps the divisions off the critical path of a recurrence.
    #[inline(always)]
    pub(crate) fn div(self, divisor: Self) -> Self {
        let reciprocal = 1.0 / divisor.high;
        let first = self.high * reciprocal;
        let remainder = self.add(divisor.mul_f64(first).neg());
        let second = remainder.high * reciprocal;
        let remainder = remainder.add(divisor.mul_f64(second).neg());
        quick_two_sum(first, second).add_f64(remainder.high * reciprocal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_and_products_are_exact() {
        assert_eq!(two_sum(1.0, 1e-30), Twofold { high: 1.0, low: 1e-30 });
        let x = 1.0 + f64::EPSILON;
        let square = two_prod(x, x);
        assert_eq!(
            (square.high, square.low),
            (1.0 + 2.0 * f64::EPSILON, f64::EPSILON * f64::EPSILON)
        );
    }

    #[test]
    fn a_third_has_106_bits() {
        let new = |high| Twofold { high, low: 0.0 };
        let third = new(1.0).div(new(3.0));
        let back = third.mul_f64(3.0).add_f64(-1.0);
        assert!(back.value().abs() < 2_f64.powi(-103), "{back:?}");
        assert_eq!(new(0.1).div(new(1.0)), new(0.1));
    }
}
