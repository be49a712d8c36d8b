//! What the tests of means need to know of one variant.

use super::error::{MethodError, check_at_least, check_finite, check_not_negative};

/// The number of units of a variant with the mean and sample variance of their values.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// The number of independent units.
    pub n: u64,
    /// The mean, in the metric's unit.
    pub mean: f64,
    /// The sample variance (divisor n - 1), in the square of the metric's unit.
    pub variance: f64,
}

impl Sample {
    /// From the mean and the sum of squared deviations from it.
    #[must_use]
    pub fn from_m2(n: u64, mean: f64, m2: f64) -> Self {
        Self { n, mean, variance: if n > 1 { m2 / (n - 1) as f64 } else { 0.0 } }
    }

    /// From the values themselves, in two passes.
    ///
    /// # Errors
    /// [`MethodError::TooFew`] below two values, [`MethodError::NotFinite`] for a NaN or an infinity among them.
    pub fn from_values(values: &[f64]) -> Result<Self, MethodError> {
        check_at_least("values", values.len() as u64, 2)?;
        super::error::check_all_finite("a value", values)?;
        let n = values.len() as f64;
        let rough = values.iter().sum::<f64>() / n;
        let mean = rough + values.iter().map(|x| x - rough).sum::<f64>() / n;
        let m2 = values.iter().map(|x| (x - mean) * (x - mean)).sum();
        let sample = Self::from_m2(values.len() as u64, mean, m2);
        sample.check()?;
        Ok(sample)
    }

    /// The variance of the mean: variance / n.
    #[must_use]
    pub fn variance_of_mean(&self) -> f64 {
        self.variance / self.n as f64
    }

    /// The standard error of the mean.
    #[must_use]
    pub fn std_error(&self) -> f64 {
        self.variance_of_mean().sqrt()
    }

    pub(crate) fn check(&self) -> Result<(), MethodError> {
        check_at_least("units in a variant", self.n, 2)?;
        check_finite("the mean", self.mean)?;
        check_not_negative("the variance", self.variance)
    }
}
