//! What Welford's recurrence gives, with real weights, in double-double.

use crate::AccumError;
use crate::twofold::{Twofold, quick_two_sum, two_square, two_sum};

/// Sum of weights, mean and centred second moment in about 106 bits: West's recurrence for real weights (1979) written
/// with sums about an origin. What is merged counts as so many rows at its mean, and their own second moment (Chan, Golub &
/// LeVeque 1983).
///
/// The recurrence waits for a division in every row. Here the first value is the origin `o`, and what is kept are
/// `Σ w (x - o)` and `Σ w (x - o)²` with the errors of all additions (Ogita, Rump & Oishi 2005, "Accurate sum and dot
/// product"), so that a row waits for two additions of the row before, and divisions come once, at the end. As the
/// origin is one of the values, its distance from the mean is no more than the data's own spread allows: the
/// subtraction at the end loses at most a factor of the sum of the weights over that of the first row, 24 of the 106 bits
/// for ten million rows. Removals may leave the origin behind; it follows when that costs ten bits.
///
/// Rows are removed by pushing them with the opposite weight. That is as good as what 106 bits keep: removing an
/// outlier 10^16 times the spread leaves nothing of the rest. Answers are the same to the last digit or so for any
/// order, not certainly to the bit. Where either matters use [`Moments`](crate::Moments), which is exact.
///
/// ```
/// use verdict_accum::Welford;
///
/// let mut w = Welford::default();
/// for x in [1e9 + 4.0, 1e9 + 7.0, 1e9 + 13.0, 1e9 + 16.0] {
///     w.push(x, 1.0)?;
/// }
/// assert_eq!((w.mean(), w.m2()), (Some(1e9 + 10.0), Some(90.0)));
/// # Ok::<(), verdict_accum::AccumError>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq)]
// One line of the cache, and not parts of two, where there are many.
#[repr(align(64))]
pub struct Welford {
    weight: Twofold,
    origin: f64,
    sum: Twofold,
    squares: Twofold,
}

/// Weight, mean and second moment: what states hold and merging works with.
#[derive(Clone, Copy, Debug, Default)]
struct Centred {
    weight: Twofold,
    mean: Twofold,
    m2: Twofold,
}

/// The square of a distance, without the square of its low part.
#[inline(always)]
fn squared(delta: Twofold) -> Twofold {
    let square = two_square(delta.high);
    Twofold { high: square.high, low: square.low + 2.0 * delta.high * delta.low }
}

impl Welford {
    /// The number of doubles in a state: three pairs.
    pub const STATE_LEN: usize = 6;

    /// Adds `x` with `weight`; a negative weight removes. When the weights sum to zero the state is empty again.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` or `weight` is NaN or infinite; the state is unchanged.
    #[inline]
    pub fn push(&mut self, x: f64, weight: f64) -> Result<(), AccumError> {
        if weight == 1.0 {
            return self.push_one(x);
        }
        if !(x.is_finite() && weight.is_finite()) {
            return Err(AccumError::NonFinite);
        }
        self.push_weighted(x, weight);
        Ok(())
    }

    /// Adds `x` with the weight 1: the same as [`push`](Self::push) of it.
    ///
    /// # Errors
    ///
    /// [`AccumError::NonFinite`] when `x` is NaN or infinite; the state is unchanged.
    #[inline]
    pub fn push_one(&mut self, x: f64) -> Result<(), AccumError> {
        if !x.is_finite() {
            return Err(AccumError::NonFinite);
        }
        if self.weight.high > 0.0 {
            let delta = two_sum(x, -self.origin);
            let square = squared(delta);
            self.weight.accumulate(1.0, 0.0);
            self.sum.accumulate(delta.high, delta.low);
            self.squares.accumulate(square.high, square.low);
        } else if self.weight.high == 0.0 {
            *self = Self { weight: Twofold { high: 1.0, low: 0.0 }, origin: x, ..Self::default() };
        } else {
            self.push_weighted(x, 1.0);
        }
        Ok(())
    }

    #[inline(never)]
    fn push_weighted(&mut self, x: f64, weight: f64) {
        if self.weight.high == 0.0 {
            self.origin = x;
        }
        let delta = two_sum(x, -self.origin);
        let square = squared(delta);
        self.weight.accumulate(weight, 0.0);
        if self.weight.value() == 0.0 {
            *self = Self::default();
            return;
        }
        let (delta, square) = match weight {
            1.0 => (delta, square),
            -1.0 => (delta.neg(), square.neg()),
            _ => (delta.mul_f64(weight), square.mul_f64(weight)),
        };
        self.sum.accumulate(delta.high, delta.low);
        self.squares.accumulate(square.high, square.low);
        if weight < 0.0 {
            self.weight = self.weight.settled();
            self.sum = self.sum.settled();
            self.squares = self.squares.settled();
            self.follow();
        }
    }

    /// Moves the origin to the mean when it is more than thirty standard deviations away.
    fn follow(&mut self) {
        let part = self.sum.high * self.sum.high;
        if part > 0.999 * self.squares.high * self.weight.high {
            *self = Self::from_centred(self.centred());
        }
    }

    fn centred(&self) -> Centred {
        let weight = self.weight.settled();
        if weight.high == 0.0 {
            return Centred::default();
        }
        let (sum, squares) = (self.sum.settled(), self.squares.settled());
        let offset = sum.div(weight);
        Centred {
            weight,
            mean: offset.add_f64(self.origin),
            m2: squares.add(offset.mul(sum).neg()),
        }
    }

    fn from_centred(Centred { weight, mean, m2 }: Centred) -> Self {
        let offset = Twofold { high: mean.low, low: 0.0 };
        let sum = offset.mul(weight);
        Self { weight, origin: mean.high, sum, squares: m2.add(offset.mul(sum)) }
    }

    /// Reads something, so that the line of the cache that this lies in is there when it is needed; what it gives means
    /// nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> u64 {
        self.origin.to_bits()
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Self) {
        self.merge_centred(other.centred());
    }

    /// As many rows at its mean, and their own second moment: a sum about the origin needs no division.
    fn merge_centred(&mut self, other: Centred) {
        if other.weight.high == 0.0 {
            return;
        }
        if self.weight.high == 0.0 {
            *self = Self::from_centred(other);
            return;
        }
        let weight = self.weight.settled().add(other.weight);
        if weight.high == 0.0 {
            *self = Self::default();
            return;
        }
        let delta = other.mean.add_f64(-self.origin);
        let sum = delta.mul(other.weight);
        self.weight = weight;
        self.sum = self.sum.settled().add(sum);
        self.squares = self.squares.settled().add(other.m2.add(sum.mul(delta)));
        if other.weight.high < 0.0 {
            self.follow();
        }
    }

    /// Removes what `other` holds: undoes [`merge`](Self::merge) up to rounding.
    pub fn retract(&mut self, other: &Self) {
        let Centred { weight, mean, m2 } = other.centred();
        self.merge_centred(Centred { weight: weight.neg(), mean, m2: m2.neg() });
    }

    /// The sum of the weights.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight.value()
    }

    /// The weighted mean. `None` when the weights sum to zero, and when it overflowed.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.defined(self.centred().mean)
    }

    /// The centred second moment `Σ w (x - mean)²`. `None` when the weights sum to zero, and when it overflowed,
    /// which it may from differences of 1e150 on. What the rounding of removals leaves below zero is zero.
    #[must_use]
    pub fn m2(&self) -> Option<f64> {
        let m2 = self.defined(self.centred().m2)?;
        Some(if self.weight.high > 0.0 { m2.max(0.0) } else { m2 })
    }

    /// The sample variance `m2 / (weight - 1)`, for weights that are frequencies. `None` when the weights sum to 1 or
    /// less, and as for [`m2`](Self::m2).
    #[must_use]
    pub fn var_samp(&self) -> Option<f64> {
        let freedom = self.weight.settled().add_f64(-1.0).value();
        if freedom > 0.0 { Some(self.m2()? / freedom) } else { None }
    }

    /// The state as doubles: weight, mean and m2, each high part first.
    #[must_use]
    pub fn to_state(&self) -> [f64; Self::STATE_LEN] {
        let Centred { weight, mean, m2 } = self.centred();
        [weight.high, weight.low, mean.high, mean.low, m2.high, m2.low]
    }

    /// From a state that [`to_state`](Self::to_state) gave.
    #[must_use]
    pub fn from_state([a, b, c, d, e, f]: [f64; Self::STATE_LEN]) -> Self {
        Self::from_centred(Centred {
            weight: quick_two_sum(a, b),
            mean: quick_two_sum(c, d),
            m2: quick_two_sum(e, f),
        })
    }

    /// Adds a state: [`from_state`](Self::from_state) and [`merge`](Self::merge). States of equal values, and so of one
    /// row, are added as a row is, which is several times faster.
    pub fn merge_state(&mut self, state: [f64; Self::STATE_LEN]) {
        if let [weight, 0.0, mean, 0.0, 0.0, 0.0] = state
            && (weight == 0.0 || self.push(mean, weight).is_ok())
        {
            return;
        }
        self.merge(&Self::from_state(state));
    }

    fn defined(&self, value: Twofold) -> Option<f64> {
        (self.weight.high != 0.0).then(|| value.value()).filter(|x| x.is_finite())
    }
}
