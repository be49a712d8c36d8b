//! The beta distribution: the regularised incomplete beta function and its inverse.

use super::{Tails, deviance, find_root, ln_gamma, panel, stirling_error, usable};

const LN_SQRT_2PI: f64 = 0.918_938_533_204_672_7;

/// ln B(a, b) for positive a and b, without the cancellation of three large log gammas.
#[must_use]
pub fn ln_beta(a: f64, b: f64) -> f64 {
    let (a, b) = if a <= b { (a, b) } else { (b, a) };
    if !(usable(a) && usable(b)) {
        return f64::NAN;
    }
    if b < 10.0 {
        return ln_gamma(a) + ln_gamma(b) - ln_gamma(a + b);
    }
    let rest = stirling_error(b) - stirling_error(a + b);
    if a < 10.0 {
        return ln_gamma(a) + rest + a - a * (a + b).ln() + (b - 0.5) * (-a / (a + b)).ln_1p();
    }
    stirling_error(a) + rest - 0.5 * b.ln()
        + LN_SQRT_2PI
        + (a - 0.5) * (a / (a + b)).ln()
        + b * (-a / (a + b)).ln_1p()
}

/// P(X <= x) for X ~ Beta(a, b); NaN when a or b is not positive.
#[must_use]
pub fn beta_cdf(x: f64, a: f64, b: f64) -> f64 {
    beta_tails(x, 1.0 - x, a, b).lower()
}

/// Both tails of Beta(a, b) at x, where `y` is 1 - x, given apart because the subtraction loses a small x or y.
#[must_use]
pub fn beta_tails(x: f64, y: f64, a: f64, b: f64) -> Tails {
    if !(usable(a) && usable(b)) || x.is_nan() || y.is_nan() {
        return Tails::NAN;
    }
    if x <= 0.0 {
        return Tails::ALL_UPPER;
    }
    if y <= 0.0 {
        return Tails::ALL_LOWER;
    }
    // Work on the side where the tail is the smaller one.
    let from_mean = if x <= y { a - (a + b) * x } else { (a + b) * y - b };
    if from_mean >= 0.0 {
        lower_tail(x, y, a, b, from_mean)
    } else {
        lower_tail(y, x, b, a, -from_mean).swapped()
    }
}

/// The x with P(X <= x) = p for X ~ Beta(a, b); NaN when a or b is not positive or p is outside [0, 1].
#[must_use]
pub fn beta_ppf(p: f64, a: f64, b: f64) -> f64 {
    if !((0.0..=1.0).contains(&p) && usable(a) && usable(b)) {
        return f64::NAN;
    }
    if p == 0.0 || p == 1.0 {
        return p;
    }
    // The root in log odds: every x in (0, 1) has a place there, however near an end. The smaller tail is matched.
    let (ln_p, ln_q) = (p.ln(), (-p).ln_1p());
    let gap = |logit: f64| {
        let tails = beta_tails(1.0 / (1.0 + (-logit).exp()), 1.0 / (1.0 + logit.exp()), a, b);
        if p <= 0.5 { tails.ln_lower.max(-1e300) - ln_p } else { ln_q - tails.ln_upper.max(-1e300) }
    };
    let middle = (a / b).ln().clamp(-600.0, 600.0);
    let mut reach = 1.0_f64.min(8.0 * (1.0 / a + 1.0 / b).sqrt());
    let (mut low, mut high) = (middle - reach, middle + reach);
    while gap(low) > 0.0 && low > -740.0 {
        reach *= 2.0;
        low = (low - reach).max(-740.0);
    }
    while gap(high) < 0.0 && high < 740.0 {
        reach *= 2.0;
        high = (high + reach).min(740.0);
    }
    match find_root(gap, low, high) {
        Some(logit) => 1.0 / (1.0 + (-logit).exp()),
        // Beyond e^-740 there is no number left to return.
        None => f64::from(u8::from(gap(high) < 0.0)),
    }
}

/// The tail below x, for x at or below the mean a / (a + b); `from_mean` is a - (a + b) x.
fn lower_tail(x: f64, y: f64, a: f64, b: f64, from_mean: f64) -> Tails {
    // Up to here the continued fraction needs at most some hundred steps.
    const LARGE: f64 = 3_000.0;
    let ln_kernel = ln_beta_kernel(x, y, a, b);
    if a.min(b) > LARGE {
        return Tails::from_ln_lower(ln_kernel + by_quadrature(x, y, a, b, from_mean).ln());
    }
    if b * x <= 0.7 && x <= 0.7 {
        return Tails::from_ln_lower(ln_kernel - a.ln() - b * y.ln() + power_series(x, a, b).ln());
    }
    let fraction = continued_fraction(x, y, a, b, from_mean);
    // Far below the smallest number the fraction may overflow; the kernel alone decides there.
    let ln_fraction = if fraction > 0.0 && fraction.is_finite() { fraction.ln() } else { 0.0 };
    Tails::from_ln_lower(ln_kernel + ln_fraction)
}

/// ln [x^a y^b / B(a, b)] by deviances.
pub(crate) fn ln_beta_kernel(x: f64, y: f64, a: f64, b: f64) -> f64 {
    let n = a + b;
    stirling_error(n)
        - stirling_error(a)
        - stirling_error(b)
        - deviance(a, n * x)
        - deviance(b, n * y)
        + 0.5 * (a.ln() + (b / n).ln())
        - LN_SQRT_2PI
}

/// I_x(a, b) = x^a / (a B(a, b)) times 1 + a sum (1-b)(2-b)...(k-b) x^k / (k! (a+k)); for small b x.
fn power_series(x: f64, a: f64, b: f64) -> f64 {
    let mut sum = 1.0;
    let mut term = a;
    for k in 1..2_000 {
        let k = f64::from(k);
        term *= (k - b) / k * x;
        let next = sum + term / (a + k);
        if next == sum {
            break;
        }
        sum = next;
    }
    sum
}

/// The continued fraction of I_x(a, b) divided by x^a y^b / B(a, b).
///
/// Source: A. R. DiDonato and A. H. Morris, "Algorithm 708", ACM TOMS 18 (1992), 360-373, equation (9).
fn continued_fraction(x: f64, y: f64, a: f64, b: f64, from_mean: f64) -> f64 {
    let c = 1.0 + from_mean;
    let c0 = b / a;
    let c1 = 1.0 + 1.0 / a;
    let (mut p, mut s) = (1.0, a + 1.0);
    let (mut a_before, mut b_before, mut a_now, mut b_now) = (0.0, 1.0, 1.0, c / c1);
    let mut r = c1 / c;
    for n in 1..20_000 {
        let n = f64::from(n);
        let t = n / a;
        let w = n * (b - n) * x;
        let e = a / s;
        let alpha = p * (p + c0) * e * e * (w * x);
        let e = (1.0 + t) / (c1 + t + t);
        let beta = n + w / s + e * (c + n * (1.0 + y));
        p = 1.0 + t;
        s += 2.0;
        (a_before, a_now) = (a_now, alpha * a_before + beta * a_now);
        (b_before, b_now) = (b_now, alpha * b_before + beta * b_now);
        let r_before = r;
        r = a_now / b_now;
        if (r - r_before).abs() <= 4.0 * f64::EPSILON * r.abs() {
            break;
        }
        a_before /= b_now;
        b_before /= b_now;
        a_now = r;
        b_now = 1.0;
    }
    r
}

/// The integral of the density from 0 to x, divided by x^a y^b / B(a, b), for large a and b.
///
/// In log odds the density is log-concave and nearly normal, so a few panels reach from x to where it has vanished.
fn by_quadrature(x: f64, y: f64, a: f64, b: f64, from_mean: f64) -> f64 {
    // ln of the density at logit - s over that at logit, s >= 0.
    let fall = |s: f64| {
        let share = (-s).exp_m1();
        // x' = x e^-s / (y + x e^-s), y' = y / (y + x e^-s), and y + x e^-s = 1 + x (e^-s - 1).
        -a * s - (a + b) * (x * share).ln_1p()
    };
    // The fall is about from_mean s + n x y s^2 / 2; find where it passes 38.
    let curvature = (a + b) * x * y;
    let mut reach = 76.0 / (from_mean + (from_mean * from_mean + 76.0 * curvature).sqrt());
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
