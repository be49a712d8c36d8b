//! The smallest effect of interest, held against what was found.

use verdict_model::rows::ResultRow;
use verdict_model::{Direction, Mde, Practical};

use super::reason_words::reason_in_words;
use super::reasons::Reason;
use crate::words::{Scale, percent};

/// What a significant gain is worth.
pub(super) enum Worth {
    /// It reaches the smallest effect of interest, or there is nothing to hold against it.
    Enough(Reason),
    /// It does not.
    TooSmall(Reason),
    /// It may, and that has to be shown.
    NotShown(Reason),
}

/// The smallest effect of interest against an interval, both in the direction of gain.
pub(super) struct Target {
    /// The smallest effect of interest, in words.
    words: String,
    at: f64,
    /// The estimated gain.
    estimate: f64,
    /// Least and largest gain; `None` when there is no interval on the same scale.
    gain: Option<(f64, f64)>,
    /// Why there is none.
    why_not: String,
}

impl Target {
    pub(super) fn new(mde: Mde, direction: Direction, row: &ResultRow) -> Target {
        let (at, words, estimate, ends) = match mde {
            Mde::Relative(at) => {
                let ends = row.rel_effect_ci_lower.zip(row.rel_effect_ci_upper);
                (at, percent(at), row.rel_effect, ends)
            }
            Mde::Absolute(at) => {
                let ends = row.effect_ci_lower.zip(row.effect_ci_upper);
                (at, Scale::of(row).difference(at), row.effect, ends)
            }
        };
        let estimate = direction.gain(estimate.unwrap_or(0.0));
        let gain = ends.map(|(lower, upper)| match direction {
            Direction::Increase => (lower, upper),
            Direction::Decrease => (-upper, -lower),
        });
        let why_not =
            reason_in_words(row.rel_effect_reason.as_deref().unwrap_or("method_failed")).to_owned();
        Target { words, at, estimate, gain, why_not }
    }

    /// What a significant gain means for shipping.
    pub(super) fn of_a_gain(&self, practical: Practical) -> Worth {
        let Some((least, most)) = self.gain else { return Worth::Enough(self.not_comparable()) };
        let mde = &self.words;
        let reason = |code, words| Reason::new(code, words);
        if most < self.at {
            let words = format!(
                "The whole interval lies below the smallest effect of interest, a gain of {mde}."
            );
            return Worth::TooSmall(reason("significant_below_mde", words));
        }
        if least >= self.at {
            let words = format!(
                "The whole interval is at or above the smallest effect of interest, a gain of {mde}."
            );
            return Worth::Enough(reason("above_mde", words));
        }
        match practical {
            Practical::Point if self.estimate >= self.at => {
                let words = format!(
                    "The estimate reaches the smallest effect of interest, a gain of {mde}, which lies within the \
                     interval: the true gain may be smaller or larger."
                );
                Worth::Enough(reason("mde_within_interval", words))
            }
            Practical::Point => {
                let words = format!(
                    "The estimate is below the smallest effect of interest, a gain of {mde}, which lies within the \
                     interval: the true gain may be smaller or larger."
                );
                Worth::TooSmall(reason("significant_below_mde", words))
            }
            Practical::Interval => {
                let words = format!(
                    "The interval reaches below the smallest effect of interest, a gain of {mde}: that the gain is at \
                     least that is not shown."
                );
                Worth::NotShown(reason("mde_within_interval", words))
            }
        }
    }

    /// Whether a difference that was not found may still be of interest.
    pub(super) fn of_no_difference(&self) -> Reason {
        let Some((_, most)) = self.gain else { return self.not_comparable() };
        let mde = &self.words;
        if most < self.at {
            let words =
                format!("The interval excludes the smallest effect of interest, a gain of {mde}.");
            Reason::new("mde_excluded", words)
        } else {
            let words = format!(
                "The interval does not exclude the smallest effect of interest, a gain of {mde}: there may be one, \
                 and more units would tell."
            );
            Reason::new("mde_not_excluded", words)
        }
    }

    fn not_comparable(&self) -> Reason {
        let words = format!(
            "The smallest effect of interest is {} of the control's level, and there is no relative effect to hold \
             against it: {}.",
            self.words, self.why_not
        );
        Reason::new("mde_not_comparable", words)
    }
}
