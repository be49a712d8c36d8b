//! Welford's recurrence with real weights, in double-double.

use crate::AccumError;
use crate::twofold::{Twofold, quick_two_sum};

/// Sum of weights, mean and centred second moment by the classical recurrence (Welford 1962; West 1979 for
/// weights; Chan, Golub & LeVeque 1983 for merging), in about 106 bits.
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
pub struct Welford {
    weight: Twofold,
    mean: Twofold,
    m2: Twofold,
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
        if !(x.is_finite() && weight.is_finite()) {
            return Err(AccumError::NonFinite);
        }
        if weight == 0.0 {
            return Ok(());
        }
        let total = self.weight.add_f64(weight);
        if total.high == 0.0 {
            *self = Self::default();
            return Ok(());
        }
        let delta = self.mean.neg().add_f64(x);
        let weighted = delta.mul_f64(weight);
        self.mean = self.mean.add(weighted.div(total));
        let after = self.mean.neg().add_f64(x);
        self.m2 = self.m2.add(weighted.mul(after));
        self.weight = total;
        Ok(())
    }

    /// Adds what `other` holds.
    pub fn merge(&mut self, other: &Self) {
        if other.weight.high == 0.0 {
            return;
        }
        if self.weight.high == 0.0 {
            *self = *other;
            return;
        }
        let total = self.weight.add(other.weight);
        if total.high == 0.0 {
            *self = Self::default();
            return;
        }
        let delta = other.mean.add(self.mean.neg());
        let share = delta.mul(other.weight).div(total);
        self.mean = self.mean.add(share);
        self.m2 = self.m2.add(other.m2).add(delta.mul(self.weight).mul(share));
        self.weight = total;
    }

    /// Removes what `other` holds: undoes [`merge`](Self::merge) up to rounding.
    pub fn retract(&mut self, other: &Self) {
        self.merge(&Self { weight: other.weight.neg(), mean: other.mean, m2: other.m2.neg() });
    }

    /// The sum of the weights.
    #[must_use]
    pub fn weight(&self) -> f64 {
        self.weight.value()
    }

    /// The weighted mean. `None` when the weights sum to zero, and when it overflowed.
    #[must_use]
    pub fn mean(&self) -> Option<f64> {
        self.defined(self.mean)
    }

    /// The centred second moment `Σ w (x - mean)²`. `None` when the weights sum to zero, and when it overflowed,
    /// which it may from differences of 1e150 on. What the rounding of removals leaves below zero is zero.
    #[must_use]
    pub fn m2(&self) -> Option<f64> {
        let m2 = self.defined(self.m2)?;
        Some(if self.weight.high > 0.0 { m2.max(0.0) } else { m2 })
    }

    /// The sample variance `m2 / (weight - 1)`, for weights that are frequencies. `None` when the weights sum to 1 or
    /// less, and as for [`m2`](Self::m2).
    #[must_use]
    pub fn var_samp(&self) -> Option<f64> {
        let freedom = self.weight.add_f64(-1.0).value();
        if freedom > 0.0 { Some(self.m2()? / freedom) } else { None }
    }

    /// The state as doubles: weight, mean and m2, each high part first.
    #[must_use]
    pub fn to_state(&self) -> [f64; Self::STATE_LEN] {
        let Self { weight, mean, m2 } = self;
        [weight.high, weight.low, mean.high, mean.low, m2.high, m2.low]
    }

    /// From a state that [`to_state`](Self::to_state) gave.
    #[must_use]
    pub fn from_state([a, b, c, d, e, f]: [f64; Self::STATE_LEN]) -> Self {
        Self { weight: quick_two_sum(a, b), mean: quick_two_sum(c, d), m2: quick_two_sum(e, f) }
    }

    fn defined(&self, value: Twofold) -> Option<f64> {
        (self.weight.high != 0.0).then(|| value.value()).filter(|x| x.is_finite())
    }
}
