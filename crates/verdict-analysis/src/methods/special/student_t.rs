//! Student's t distribution, also with fractional degrees of freedom.

use super::{
    Tails, beta_tails, find_root, norm_isf, norm_ln_sf, norm_pdf, norm_sf, panel, stirling_error,
};

/// P(T > t) for Student's t with `df` > 0 degrees of freedom; NaN when df is not positive.
#[must_use]
pub fn t_sf(t: f64, df: f64) -> f64 {
    if t < 0.0 {
        return 1.0 - t_sf(-t, df);
    }
    match normal_equivalent(t, df) {
        Some(z) => norm_sf(z),
        None => upper_tail(t, df).upper(),
    }
}

/// ln P(T > t) for Student's t.
#[must_use]
pub fn t_ln_sf(t: f64, df: f64) -> f64 {
    if t < 0.0 {
        return (-t_sf(-t, df)).ln_1p();
    }
    match normal_equivalent(t, df) {
        Some(z) => norm_ln_sf(z),
        None => upper_tail(t, df).ln_upper,
    }
}

/// The t with P(T > t) = p; infinite at 0 and 1, NaN outside or when df is not positive.
#[must_use]
pub fn t_isf(p: f64, df: f64) -> f64 {
    if df.is_nan() || df <= 0.0 || !(0.0..=1.0).contains(&p) {
        return f64::NAN;
    }
    if p > 0.5 {
        return -t_isf(1.0 - p, df);
    }
    if p == 0.5 {
        return 0.0;
    }
    let z = norm_isf(p);
    if p == 0.0 || df == f64::INFINITY {
        return z;
    }
    if (df >= 400.0 && z < 6.0) || (df >= 150.0 && z < 3.0) {
        return cornish_fisher(z, df);
    }
    halley(p, df, cornish_fisher(z, df)).unwrap_or_else(|| by_bracketing(p, df, z))
}

/// Halley's steps from a start that is nearly right; `None` when they do not settle.
fn halley(p: f64, df: f64, start: f64) -> Option<f64> {
    if !(start > 0.0 && p > 1e-250) {
        return None;
    }
    let top = ln_density_at_zero(df);
    let mut t = start;
    for _ in 0..8 {
        let square = t * t;
        let density = (top - 0.5 * (df + 1.0) * (square / df).ln_1p()).exp();
        let newton = (t_sf(t, df) - p) / density;
        let step = newton / (1.0 - newton * (df + 1.0) * t / (2.0 * (df + square)));
        let next = t + step;
        if !(next > 0.0 && next.is_finite()) {
            return None;
        }
        t = next;
        // The error after a step is about the cube of the step.
        if step.abs() <= 1e-5 * t {
            return Some(t);
        }
    }
    None
}

/// The root in ln t: the tail is a power of t there, so that the curve is nearly straight.
fn by_bracketing(p: f64, df: f64, z: f64) -> f64 {
    let ln_p = p.ln();
    let gap = |ln_t: f64| t_ln_sf(ln_t.exp(), df) - ln_p;
    let start = z.max(1e-300).ln();
    let (mut low, mut high) = (start - 0.01, start + 0.01);
    let mut reach = 0.05;
    while gap(low) < 0.0 && low > -700.0 {
        low -= reach;
        reach *= 2.0;
    }
    while gap(high) > 0.0 && high < 700.0 {
        high += reach;
        reach *= 2.0;
    }
    find_root(gap, low, high).map_or(if high >= 700.0 { f64::INFINITY } else { 0.0 }, f64::exp)
}

/// The normal deviate with the same upper tail, where the series is exact to rounding: large df, moderate t.
///
/// Source: G. W. Hill, "Algorithm 395: Student's t-distribution", CACM 13 (1970), 617-619.
fn normal_equivalent(t: f64, df: f64) -> Option<f64> {
    if df == f64::INFINITY {
        return Some(t);
    }
    if df.is_nan() || df < 150.0 {
        return None;
    }
    let a = df - 0.5;
    let square = a * (t * t / df).ln_1p();
    // The first neglected term moves ln p by about u^12 / (10^6 a^6).
    if square.is_nan() || square > 0.06 * a {
        return None;
    }
    let b = 48.0 * a * a;
    let u = square.sqrt();
    let first = (square + 3.0) * u / b;
    let second = (((4.0 * square + 33.0) * square + 240.0) * square + 855.0) * u / (10.0 * b * b);
    Some(u + first - second)
}

/// The upper tail for t >= 0.
fn upper_tail(t: f64, df: f64) -> Tails {
    if df.is_nan() || df <= 0.0 || t.is_nan() {
        return Tails::NAN;
    }
    if t == f64::INFINITY {
        return Tails::ALL_LOWER;
    }
    let square = t * t;
    if !square.is_finite() {
        // t beyond 1e154: the leading term of the tail, t^-df.
        let ln_lead = ln_density_at_zero(df) + 0.5 * (df + 1.0) * df.ln() - df.ln() - df * t.ln();
        return Tails::from_ln_upper(ln_lead);
    }
    if df > 500.0 {
        return by_quadrature(t, df);
    }
    let tails = beta_tails(df / (df + square), square / (df + square), 0.5 * df, 0.5);
    Tails::from_ln_upper(tails.ln_lower - std::f64::consts::LN_2)
}

/// Integrates the density from 0 to a small t, or from a larger t to where it has vanished.
fn by_quadrature(t: f64, df: f64) -> Tails {
    let ln_density = |s: f64| -0.5 * (df + 1.0) * (s / df.sqrt() * (s / df.sqrt())).ln_1p();
    let top = ln_density_at_zero(df);
    if t < 0.7 {
        return Tails::from_ln_upper(
            (0.5 - top.exp() * panel(&|s| ln_density(s).exp(), 0.0, t)).ln(),
        );
    }
    // In s = ln(x / t) the density falls like a power at worst: df of them.
    let at_t = ln_density(t);
    let fall = |s: f64| ln_density(t * s.exp()) - at_t + s;
    let slope = (df + 1.0) * (t * t / (df + t * t)) - 1.0;
    let mut reach = 38.0 / slope.max(6.0);
    for _ in 0..200 {
        if fall(reach) < -37.0 {
            break;
        }
        reach *= 1.25;
    }
    const PANELS: u32 = 5;
    let width = reach / f64::from(PANELS);
    let sum: f64 = (0..PANELS)
        .map(|i| panel(&|s| fall(s).exp(), f64::from(i) * width, f64::from(i + 1) * width))
        .sum();
    Tails::from_ln_upper(top + at_t + t.ln() + sum.ln())
}

/// ln of the density at 0: Γ((df+1)/2) / (sqrt(π df) Γ(df/2)).
fn ln_density_at_zero(df: f64) -> f64 {
    let a = 0.5 * df;
    a * (0.5 / a).ln_1p() - 0.5 + stirling_error(a + 0.5) - stirling_error(a) + norm_pdf(0.0).ln()
}

/// Five terms of the Cornish-Fisher expansion in 1/df.
///
/// Source: M. Abramowitz and I. A. Stegun, Handbook of Mathematical Functions (1964), 26.7.5, one term further.
fn cornish_fisher(z: f64, df: f64) -> f64 {
    let y = z * z;
    let g1 = (y + 1.0) / 4.0;
    let g2 = ((5.0 * y + 16.0) * y + 3.0) / 96.0;
    let g3 = (((3.0 * y + 19.0) * y + 17.0) * y - 15.0) / 384.0;
    let g4 = ((((79.0 * y + 776.0) * y + 1_482.0) * y - 1_920.0) * y - 945.0) / 92_160.0;
    let g5 =
        (((((27.0 * y + 339.0) * y + 930.0) * y - 1_782.0) * y - 765.0) * y + 17_955.0) / 368_640.0;
    let r = 1.0 / df;
    z * (1.0 + r * (g1 + r * (g2 + r * (g3 + r * (g4 + r * g5)))))
}
