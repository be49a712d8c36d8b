//! Both tails of a distribution at one point.

/// Both tails of a distribution at one point, as natural logarithms.
///
/// The tail that was computed is exact to rounding; the other is its complement, which loses nothing because the
/// computed one is always the smaller or both are of like size.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tails {
    /// ln P(X <= x).
    pub ln_lower: f64,
    /// ln P(X > x).
    pub ln_upper: f64,
}

impl Tails {
    /// P(X <= x).
    #[must_use]
    pub fn lower(self) -> f64 {
        self.ln_lower.exp()
    }

    /// P(X > x).
    #[must_use]
    pub fn upper(self) -> f64 {
        self.ln_upper.exp()
    }

    pub(super) fn from_ln_lower(ln_lower: f64) -> Self {
        let ln_lower = ln_lower.min(0.0);
        Self { ln_lower, ln_upper: ln_complement(ln_lower) }
    }

    pub(super) fn from_ln_upper(ln_upper: f64) -> Self {
        Self::from_ln_lower(ln_upper).swapped()
    }

    pub(super) fn swapped(self) -> Self {
        Self { ln_lower: self.ln_upper, ln_upper: self.ln_lower }
    }

    pub(super) const NAN: Self = Self { ln_lower: f64::NAN, ln_upper: f64::NAN };
    pub(super) const ALL_LOWER: Self = Self { ln_lower: 0.0, ln_upper: f64::NEG_INFINITY };
    pub(super) const ALL_UPPER: Self = Self { ln_lower: f64::NEG_INFINITY, ln_upper: 0.0 };
}

/// ln(1 - e^x) for x <= 0: the form changes at ln 1/2 so that neither subtraction cancels (Maechler 2012).
fn ln_complement(x: f64) -> f64 {
    if x > -std::f64::consts::LN_2 { (-x.exp_m1()).ln() } else { (-x.exp()).ln_1p() }
}
