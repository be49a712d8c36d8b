//! One comparison: an effect with its test and its interval.

use super::error::{MethodError, check_alpha};
use super::special::{norm_isf, norm_ln_sf, norm_sf, t_isf, t_ln_sf, t_sf};

/// What the alternative hypothesis says of the treatment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Alternative {
    /// The treatment differs from the control, either way.
    #[default]
    TwoSided,
    /// The treatment is larger.
    Greater,
    /// The treatment is smaller.
    Less,
}

impl Alternative {
    /// The probability that the interval leaves out on each side it bounds: alpha, or half of it for two sides.
    #[must_use]
    pub fn tail_alpha(self, alpha: f64) -> f64 {
        match self {
            Self::TwoSided => 0.5 * alpha,
            Self::Greater | Self::Less => alpha,
        }
    }

    /// `interval` with the side that a one-sided test leaves open at infinity.
    #[must_use]
    pub fn open(self, interval: Interval) -> Interval {
        match self {
            Self::TwoSided => interval,
            Self::Greater => Interval { upper: f64::INFINITY, ..interval },
            Self::Less => Interval { lower: f64::NEG_INFINITY, ..interval },
        }
    }
}

/// A confidence or credible interval; a side left open is infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Interval {
    /// The lower bound.
    pub lower: f64,
    /// The upper bound.
    pub upper: f64,
}

impl Interval {
    pub(crate) fn around(centre: f64, half_width: f64) -> Self {
        Self { lower: centre - half_width, upper: centre + half_width }
    }

    /// Both bounds through an increasing function.
    pub(crate) fn map(self, f: impl Fn(f64) -> f64) -> Self {
        Self { lower: f(self.lower), upper: f(self.upper) }
    }
}

/// The law of the test statistic when there is no effect.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reference {
    /// The standard normal.
    Normal,
    /// Student's t with these degrees of freedom.
    StudentT(f64),
}

impl Reference {
    /// The statistic that is exceeded with probability `tail`.
    #[must_use]
    pub fn critical(self, tail: f64) -> f64 {
        match self {
            Self::Normal => norm_isf(tail),
            Self::StudentT(df) => t_isf(tail, df),
        }
    }

    /// The p-value of `statistic` and its natural logarithm.
    #[must_use]
    pub fn p_value(self, statistic: f64, alternative: Alternative) -> (f64, f64) {
        match alternative {
            Alternative::TwoSided => {
                let (p, ln_p) = self.upper(statistic.abs());
                ((2.0 * p).min(1.0), (ln_p + std::f64::consts::LN_2).min(0.0))
            }
            Alternative::Greater => self.upper(statistic),
            Alternative::Less => self.upper(-statistic),
        }
    }

    fn upper(self, statistic: f64) -> (f64, f64) {
        let p = match self {
            Self::Normal => norm_sf(statistic),
            Self::StudentT(df) => t_sf(statistic, df),
        };
        // The logarithm of p itself serves in the middle; not near 1, nor where p leaves the range of f64.
        let ln_p = if (1e-290..0.5).contains(&p) {
            p.ln()
        } else {
            match self {
                Self::Normal => norm_ln_sf(statistic),
                Self::StudentT(df) => t_ln_sf(statistic, df),
            }
        };
        (p, ln_p)
    }
}

/// An effect with its test and interval, which come from the same reference law and the same sidedness.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// Treatment minus control, in the metric's unit.
    pub effect: f64,
    /// The standard error of the effect under the test.
    pub std_error: f64,
    /// The test statistic: z or t.
    pub statistic: f64,
    /// The degrees of freedom of a t statistic; `None` for a z statistic.
    pub df: Option<f64>,
    /// P(a statistic at least this extreme | no effect), for the chosen alternative.
    pub p_value: f64,
    /// The natural logarithm of the p-value: finite also where the p-value itself underflows.
    pub log_p_value: f64,
    /// The lower bound of the interval; minus infinity for [`Alternative::Less`].
    pub ci_lower: f64,
    /// The upper bound of the interval; infinity for [`Alternative::Greater`].
    pub ci_upper: f64,
}

impl Estimate {
    /// The estimate of an effect whose distance from its true value, in standard errors, follows `reference`.
    ///
    /// # Errors
    /// [`MethodError::BadAlpha`]; [`MethodError::ZeroVariance`] without a standard error; [`MethodError::Overflow`]
    /// when effect or standard error left the range of `f64`.
    pub fn new(
        effect: f64,
        std_error: f64,
        reference: Reference,
        alpha: f64,
        alternative: Alternative,
    ) -> Result<Self, MethodError> {
        check_alpha(alpha)?;
        let critical = reference.critical(alternative.tail_alpha(alpha));
        Self::at_critical(effect, std_error, reference, alternative, critical)
    }

    /// The same for a critical value that is known already: looking it up is half of the work.
    pub(crate) fn at_critical(
        effect: f64,
        std_error: f64,
        reference: Reference,
        alternative: Alternative,
        critical: f64,
    ) -> Result<Self, MethodError> {
        if std_error == 0.0 {
            return Err(MethodError::ZeroVariance { what: "the metric in both variants" });
        }
        let statistic = effect / std_error;
        if !(std_error.is_finite() && std_error > 0.0 && statistic.is_finite()) {
            return Err(MethodError::Overflow { what: "the effect or its standard error" });
        }
        let (p_value, log_p_value) = reference.p_value(statistic, alternative);
        let half_width = critical * std_error;
        let interval = alternative.open(Interval::around(effect, half_width));
        Ok(Self {
            effect,
            std_error,
            statistic,
            df: match reference {
                Reference::Normal => None,
                Reference::StudentT(df) => Some(df),
            },
            p_value,
            log_p_value,
            ci_lower: interval.lower,
            ci_upper: interval.upper,
        })
    }

    /// The interval.
    #[must_use]
    pub fn interval(&self) -> Interval {
        Interval { lower: self.ci_lower, upper: self.ci_upper }
    }
}
