//! The correlation of the estimates of two looks, from the units that both saw.
//!
//! A mean at look j is over n_j units, at look k over n_k; only the n units that count at both make them alike.
//! With s the sample covariance, over those n units, of their totals as of j and as of k, Cov(mean_j, mean_k) = n
//! s / (n_j n_k), which is s / n_k where nobody left. Variants are independent, so that the covariances of a
//! difference add.
//!
//! For a ratio take the linearised totals (x - r y)/mean(y) of each look, for an adjusted metric y - theta x: the
//! same values whose variance gives that of the estimate.

use crate::methods::MethodError;
use crate::methods::error::{check_at_least, check_finite, check_positive};

/// The units of one variant that count at two looks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Overlap {
    /// The units at the earlier look.
    pub units_then: u64,
    /// The units at the later look.
    pub units_now: u64,
    /// The units at both.
    pub units_both: u64,
    /// The sample covariance of the totals of the units at both.
    pub covariance: f64,
}

impl Overlap {
    /// The covariance of the two means of this variant.
    ///
    /// # Errors
    /// [`MethodError::TooFew`] with fewer than two units at both looks, [`MethodError::CountExceedsTotal`] when
    /// there are more at both than at one, [`MethodError::NotFinite`].
    ///
    /// # Example
    /// 100 units then, 200 now, whose totals of then have not changed and had variance 4: the variance of the
    /// later mean.
    /// ```
    /// use verdict_analysis::methods::sequential::overlap::Overlap;
    ///
    /// let overlap = Overlap { units_then: 100, units_now: 200, units_both: 100, covariance: 4.0 };
    /// assert_eq!(overlap.covariance_of_means()?, 4.0 / 200.0);
    /// # Ok::<(), verdict_analysis::methods::MethodError>(())
    /// ```
    pub fn covariance_of_means(&self) -> Result<f64, MethodError> {
        check_at_least("units at both looks", self.units_both, 2)?;
        check_finite("the covariance between two looks", self.covariance)?;
        let total = self.units_then.min(self.units_now);
        if self.units_both > total {
            let (what, count) = ("the units at both looks", self.units_both);
            return Err(MethodError::CountExceedsTotal { what, count, total });
        }
        let shared = self.units_both as f64 / self.units_then as f64;
        Ok(self.covariance * shared / self.units_now as f64)
    }
}

/// The correlation of the differences of two looks, from the overlap of each variant and the variances of both
/// differences.
///
/// Take both variances as they are known *now*, the earlier one too: the correlation then belongs to one
/// covariance matrix. Estimates beyond 1 count as 1.
///
/// # Errors
/// Those of [`Overlap::covariance_of_means`]; [`MethodError::NotPositive`] for a variance.
///
/// # Example
/// Twice the units, complete at entry: independent increments, sqrt(1/2).
/// ```
/// use verdict_analysis::methods::sequential::overlap::{Overlap, correlation};
///
/// let arm = Overlap { units_then: 100, units_now: 200, units_both: 100, covariance: 4.0 };
/// let r = correlation(arm, arm, 0.08, 0.04)?;
/// assert!((r - 0.5_f64.sqrt()).abs() < 1e-15);
/// # Ok::<(), verdict_analysis::methods::MethodError>(())
/// ```
pub fn correlation(
    control: Overlap,
    treatment: Overlap,
    variance_then: f64,
    variance_now: f64,
) -> Result<f64, MethodError> {
    check_positive("the variance of the earlier effect", variance_then)?;
    check_positive("the variance of the effect", variance_now)?;
    let covariance = control.covariance_of_means()? + treatment.covariance_of_means()?;
    // Square roots apart: their product cannot leave the range of f64 where both are in it.
    let r = covariance / variance_then.sqrt() / variance_now.sqrt();
    if r.is_finite() {
        Ok(r.clamp(-1.0, 1.0))
    } else {
        Err(MethodError::Overflow { what: "the correlation between two looks" })
    }
}
