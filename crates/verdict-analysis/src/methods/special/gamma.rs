//! The logarithm of the gamma function and the two pieces that keep densities accurate at large arguments.

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// ln Γ(x) for x > 0; NaN otherwise.
#[must_use]
pub fn ln_gamma(x: f64) -> f64 {
    if x.is_nan() || x <= 0.0 {
        return f64::NAN;
    }
    if x == f64::INFINITY {
        return x;
    }
    (x - 0.5) * x.ln() - x + LN_SQRT_2PI + stirling_error(x)
}

/// ln Γ(x) - [(x - 1/2) ln x - x + ln(2π)/2]: what Stirling's formula leaves.
///
/// Ratios of gamma functions of large arguments are differences of these small numbers, not of the large logarithms.
pub(crate) fn stirling_error(x: f64) -> f64 {
    let mut x = x;
    let mut shift = 0.0;
    // Below ten the series is too short: climb with Γ(x + 1) = x Γ(x).
    while x < 10.0 {
        shift += (x + 0.5) * (1.0 / x).ln_1p() - 1.0;
        x += 1.0;
    }
    let y = 1.0 / (x * x);
    let series = [
        -3_617.0 / 122_400.0,
        1.0 / 156.0,
        -691.0 / 360_360.0,
        1.0 / 1_188.0,
        -1.0 / 1_680.0,
        1.0 / 1_260.0,
        -1.0 / 360.0,
        1.0 / 12.0,
    ];
    shift + super::erf::polynomial(&series, y) / x
}

/// x ln(x / m) + m - x: the deviance, without the cancellation near x = m.
///
/// Source: C. Loader, "Fast and accurate computation of binomial probabilities" (2000), function bd0.
pub(crate) fn deviance(x: f64, m: f64) -> f64 {
    if x == 0.0 {
        return m;
    }
    let difference = x - m;
    if difference.abs() >= 0.1 * (x + m) {
        return x * (x / m).ln() - difference;
    }
    let v = difference / (x + m);
    let v_squared = v * v;
    let mut sum = difference * v;
    let mut term = 2.0 * x * v;
    for k in 1..60 {
        term *= v_squared;
        let next = sum + term / f64::from(2 * k + 1);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}
