//! Bracketed root finding.

/// The root of a continuous `f` between `low` and `high`, whose values there have opposite signs.
///
/// Brent's method (1973, ch. 4), to the last bits of the argument. `None` when the signs agree or are undefined.
pub(crate) fn find_root(f: impl Fn(f64) -> f64, low: f64, high: f64) -> Option<f64> {
    let (at_low, at_high) = (f(low), f(high));
    find_root_between(f, (low, at_low), (high, at_high), 0.0)
}

/// The same between two points whose values are known, to this distance of the argument: for functions that are dear.
pub(crate) fn find_root_between(
    f: impl Fn(f64) -> f64,
    low: (f64, f64),
    high: (f64, f64),
    distance: f64,
) -> Option<f64> {
    let ((mut a, mut fa), (mut b, mut fb)) = (low, high);
    if fa == 0.0 {
        return Some(a);
    }
    if fb == 0.0 {
        return Some(b);
    }
    if fa.is_nan() || fb.is_nan() || (fa > 0.0) == (fb > 0.0) {
        return None;
    }
    let (mut c, mut fc) = (a, fa);
    let mut step = b - a;
    let mut step_before = step;
    for _ in 0..300 {
        if fc.abs() < fb.abs() {
            (a, b, c) = (b, c, b);
            (fa, fb, fc) = (fb, fc, fb);
        }
        let tolerance = (2.0 * f64::EPSILON * b.abs() + f64::MIN_POSITIVE).max(0.5 * distance);
        let to_middle = 0.5 * (c - b);
        if to_middle.abs() <= tolerance || fb == 0.0 {
            return Some(b);
        }
        let mut proposal = None;
        if step_before.abs() >= tolerance && fa.abs() > fb.abs() && fa.is_finite() {
            let s = fb / fa;
            let (p, q) = if a == c {
                (2.0 * to_middle * s, 1.0 - s)
            } else {
                let (q, r) = (fa / fc, fb / fc);
                (
                    s * (2.0 * to_middle * q * (q - r) - (b - a) * (r - 1.0)),
                    (q - 1.0) * (r - 1.0) * (s - 1.0),
                )
            };
            let (p, q) = if p > 0.0 { (p, -q) } else { (-p, q) };
            if 2.0 * p < (3.0 * to_middle * q - (tolerance * q).abs()).min((step_before * q).abs())
            {
                proposal = Some(p / q);
            }
        }
        (step_before, step) = match proposal {
            Some(p) => (step, p),
            None => (to_middle, to_middle),
        };
        (a, fa) = (b, fb);
        b += if step.abs() > tolerance { step } else { tolerance.copysign(to_middle) };
        fb = f(b);
        if fb.is_nan() {
            return None;
        }
        if (fb > 0.0) == (fc > 0.0) {
            (c, fc) = (a, fa);
            step = b - a;
            step_before = step;
        }
    }
    Some(b)
}

/// The point where `above` turns from true to false between `low` (true) and `high` (false), to the last bits.
pub(crate) fn bisect(above: impl Fn(f64) -> bool, low: f64, high: f64) -> f64 {
    let (mut low, mut high) = (low, high);
    for _ in 0..200 {
        let middle = 0.5 * (low + high);
        if middle <= low || middle >= high {
            break;
        }
        if above(middle) { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}
