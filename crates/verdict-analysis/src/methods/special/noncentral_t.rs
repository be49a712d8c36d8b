//! The noncentral t distribution: the power of t tests.

use super::{deviance, norm_sf, panel, stirling_error};

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// P(T > t) for T = (Z + `shift`) / sqrt(chi2 / df), absolute error below 1e-12; NaN when df < 1.
///
/// The chance of Z > t s - shift is averaged over s, the root of the scaled chi-squared: a smooth integrand on a short
/// range, for any df and shift, where the usual series of incomplete betas need as many terms as shift squared.
#[must_use]
pub fn noncentral_t_sf(t: f64, df: f64, shift: f64) -> f64 {
    if df.is_nan() || df < 1.0 || t.is_nan() || shift.is_nan() {
        return f64::NAN;
    }
    if df > 1e12 || !t.is_finite() || !shift.is_finite() {
        return norm_sf(t - shift);
    }
    let a = 0.5 * df;
    let density = |s: f64| {
        let y = a * s * s;
        let ln_kernel = 0.5 * a.ln() - LN_SQRT_2PI - stirling_error(a) - deviance(a, y);
        2.0 * ln_kernel.exp() / s
    };
    let integrand = |s: f64| density(s) * norm_sf(t * s - shift);
    // The density of s has a standard deviation of about 1/sqrt(2 df); the normal tail changes over 1/|t| around
    // shift / t. The panels follow both.
    let sd = 1.0 / (2.0 * df).sqrt();
    let (low, high) = ((1.0 - 9.0 * sd).max(0.0), 1.0 + 12.0 * sd);
    let mut edges: Vec<f64> = (0..=12).map(|i| low + (high - low) * f64::from(i) / 12.0).collect();
    if low == 0.0 {
        edges.extend([1e-2, 1e-4, 1e-6].map(|x| x * high));
    }
    if t != 0.0 {
        let (centre, width) = (shift / t, 1.0 / t.abs());
        edges.extend(
            (-4..=4).map(|i| centre + 2.0 * f64::from(i) * width).filter(|e| *e > low && *e < high),
        );
    }
    edges.sort_by(f64::total_cmp);
    let sum: f64 = edges.windows(2).map(|w| panel(&integrand, w[0], w[1])).sum();
    sum.clamp(0.0, 1.0)
}
