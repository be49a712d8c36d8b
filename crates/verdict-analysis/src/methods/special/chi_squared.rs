//! The chi-squared distribution: the regularised incomplete gamma function.

use super::{Tails, deviance, panel, stirling_error, usable};

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// P(X > x) for X ~ chi-squared with `df` degrees of freedom; NaN when df is not positive.
#[must_use]
pub fn chi2_sf(x: f64, df: f64) -> f64 {
    gamma_tails(0.5 * x, 0.5 * df).upper()
}

/// ln P(X > x) for X ~ chi-squared with `df` degrees of freedom.
#[must_use]
pub fn chi2_ln_sf(x: f64, df: f64) -> f64 {
    gamma_tails(0.5 * x, 0.5 * df).ln_upper
}

/// Both tails at x of the gamma distribution of shape `a` and scale 1.
#[must_use]
pub fn gamma_tails(x: f64, a: f64) -> Tails {
    if !usable(a) || x.is_nan() {
        return Tails::NAN;
    }
    if x <= 0.0 {
        return Tails::ALL_UPPER;
    }
    if x == f64::INFINITY {
        return Tails::ALL_LOWER;
    }
    // ln [x^a e^-x / Γ(a)].
    let ln_kernel = 0.5 * a.ln() - LN_SQRT_2PI - stirling_error(a) - deviance(a, x);
    if a > 3_000.0 {
        let tail = ln_kernel + by_quadrature(x, a).ln();
        return if x < a { Tails::from_ln_lower(tail) } else { Tails::from_ln_upper(tail) };
    }
    if x < a + 1.0 {
        Tails::from_ln_lower(ln_kernel + lower_series(x, a).ln())
    } else {
        Tails::from_ln_upper(ln_kernel + upper_fraction(x, a).ln())
    }
}

/// 1/a + x/(a(a+1)) + x^2/(a(a+1)(a+2)) + ...
fn lower_series(x: f64, a: f64) -> f64 {
    let mut term = 1.0 / a;
    let mut sum = term;
    for k in 1..20_000 {
        term *= x / (a + f64::from(k));
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum
}

/// Legendre's continued fraction for the upper tail, by Lentz's method.
fn upper_fraction(x: f64, a: f64) -> f64 {
    const TINY: f64 = 1e-300;
    let mut b = x + 1.0 - a;
    let mut c = 1.0 / TINY;
    let mut d = 1.0 / b;
    let mut h = d;
    for i in 1..20_000 {
        let i = f64::from(i);
        let numerator = -i * (i - a);
        b += 2.0;
        d = numerator * d + b;
        d = 1.0 / if d.abs() < TINY { TINY } else { d };
        c = b + numerator / c;
        if c.abs() < TINY {
            c = TINY;
        }
        h *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    h
}

/// The integral of the density away from the mean, divided by the kernel at x: in ln x it is log-concave.
fn by_quadrature(x: f64, a: f64) -> f64 {
    let sign = if x < a { -1.0 } else { 1.0 };
    let fall = |s: f64| {
        let s = sign * s;
        a * s - x * s.exp_m1()
    };
    let slope = (x - a).abs();
    let mut reach = 76.0 / (slope + (slope * slope + 76.0 * x).sqrt());
    for _ in 0..60 {
        if fall(reach) < -37.0 {
            break;
        }
        reach *= 1.25;
    }
    const PANELS: u32 = 4;
    let width = reach / f64::from(PANELS);
    (0..PANELS)
        .map(|i| panel(&|s| fall(s).exp(), f64::from(i) * width, f64::from(i + 1) * width))
        .sum()
}
