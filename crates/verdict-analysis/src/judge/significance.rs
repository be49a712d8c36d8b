//! What a row has found, by its p-value *and* its interval.
//!
//! A pooled test and an unpooled interval may differ near the threshold, and an effect that has crossed a boundary may
//! come back: then the row says nothing that a decision could rest on. For harm the p-value alone is enough.

use verdict_model::rows::ResultRow;
use verdict_model::{Direction, Experiment};

/// What a two-sided comparison has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Found {
    Nothing,
    Better,
    Worse,
}

/// What the primary metric's row has found at the experiment's level.
pub(super) fn found(row: &ResultRow, experiment: &Experiment) -> Found {
    if !row.p_value_adjusted.is_some_and(|p| p <= experiment.settings.alpha) {
        return Found::Nothing;
    }
    let up = row.effect_ci_lower.is_some_and(|lower| lower > 0.0);
    let down = row.effect_ci_upper.is_some_and(|upper| upper < 0.0);
    match (up, down, experiment.primary.direction) {
        (true, false, Direction::Increase) | (false, true, Direction::Decrease) => Found::Better,
        (true, false, Direction::Decrease) | (false, true, Direction::Increase) => Found::Worse,
        _ => Found::Nothing,
    }
}

/// Whether a row that is tested for non-inferiority.
pub(super) fn is_non_inferiority(row: &ResultRow) -> bool {
    row.test == "non_inferiority"
}

/// Whether a guardrail is significantly worse; once found it stays so.
pub(super) fn deteriorated(row: &ResultRow, alpha: f64) -> bool {
    !is_non_inferiority(row) && row.p_value_adjusted.is_some_and(|p| p <= alpha)
}

/// Whether a loss beyond the margin is excluded: by the test, and by the interval at this look.
pub(super) fn passed(row: &ResultRow, alpha: f64) -> bool {
    let worst = |lower: Option<f64>, upper: Option<f64>| {
        if row.direction == Direction::Decrease.word() { upper } else { lower.map(|end| -end) }
    };
    let loss = worst(row.effect_ci_lower, row.effect_ci_upper);
    let relative_loss = worst(row.rel_effect_ci_lower, row.rel_effect_ci_upper);
    let within = match (row.margin_absolute, row.margin_relative) {
        (Some(margin), _) => loss.is_some_and(|loss| loss < margin),
        // Without a relative effect the test, which needs none, is all there is.
        (None, Some(margin)) => {
            row.rel_effect.is_none() || relative_loss.is_some_and(|loss| loss < margin)
        }
        (None, None) => false,
    };
    within && row.p_value_adjusted.is_some_and(|p| p <= alpha)
}
