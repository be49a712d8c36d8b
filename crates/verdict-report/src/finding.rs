//! What a result row has found, in a few words.

use verdict_model::rows::ResultRow;
use verdict_model::{Direction, Experiment, Mde, Role};

use crate::plot::interval::Interval;

/// What a row says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// `better`, `no harm found`, `not tested: …`.
    pub(crate) words: String,
    /// `good`, `bad` or `neutral`.
    pub(crate) tone: &'static str,
    /// Whether the test has found what it looks for.
    pub(crate) found: bool,
}

impl Finding {
    fn new(words: impl Into<String>, tone: &'static str, found: bool) -> Finding {
        Finding { words: words.into(), tone, found }
    }

    /// The mark beside the words.
    pub(crate) fn mark(&self) -> &'static str {
        match self.tone {
            "good" => "✓",
            "bad" => "✕",
            _ => "·",
        }
    }
}

/// The level that a row is tested at.
fn alpha(experiment: &Experiment, row: &ResultRow) -> f64 {
    match row.role {
        Role::Guardrail => experiment.guardrail_settings.alpha,
        Role::Primary | Role::Secondary => experiment.settings.alpha,
    }
}

/// What a row has found.
pub(crate) fn finding(experiment: &Experiment, row: &ResultRow) -> Finding {
    if row.threshold_breached == Some(true) {
        return Finding::new("beyond its limit", "bad", true);
    }
    if row.status != "ok" {
        let why = row
            .reason
            .as_deref()
            .map_or("no reason is known", verdict_analysis::judge::reason_in_words);
        let what = if row.status == "failed" { "no result" } else { "not tested" };
        return Finding::new(format!("{what}: {why}"), "neutral", false);
    }
    let Some(p) = row.p_value_adjusted else { return Finding::new("not tested", "neutral", false) };
    let significant = p <= alpha(experiment, row);
    match (row.test.as_str(), significant) {
        ("non_inferiority", true) => Finding::new("within the margin", "good", true),
        ("non_inferiority", false) => {
            Finding::new("not shown to be within the margin", "neutral", false)
        }
        ("deterioration", true) => Finding::new("worse: violated", "bad", true),
        ("deterioration", false) => Finding::new("no harm found", "neutral", false),
        (_, true) if row.metric_type == "categorical" => {
            Finding::new("shares differ", "neutral", true)
        }
        (_, true) => by_sign(row),
        (_, false) => Finding::new("no difference found", "neutral", false),
    }
}

fn by_sign(row: &ResultRow) -> Finding {
    let up = row.effect_ci_lower.is_some_and(|lower| lower > 0.0);
    let down = row.effect_ci_upper.is_some_and(|upper| upper < 0.0);
    match (up, down, row.direction == Direction::Decrease.word()) {
        (true, false, false) | (false, true, true) => Finding::new("better", "good", true),
        (true, false, true) | (false, true, false) => Finding::new("worse", "bad", true),
        // A boundary was crossed, or the pooled test has found what the interval has not.
        _ => Finding::new("found by the test, not by the interval now", "neutral", false),
    }
}

/// The relative effect of a row as a drawing; without anything to draw where there is none.
pub(crate) fn relative(experiment: &Experiment, row: &ResultRow) -> Interval {
    let Finding { tone, found, .. } = finding(experiment, row);
    let known = row.rel_effect.is_some();
    Interval {
        estimate: row.rel_effect,
        lower: row.rel_effect_ci_lower.filter(|_| known),
        upper: row.rel_effect_ci_upper.filter(|_| known),
        mark: target(experiment, row),
        found,
        tone,
    }
}

/// The smallest effect of interest of a row's metric, or its margin, as a share of the control's level and with its sign.
pub(crate) fn target(experiment: &Experiment, row: &ResultRow) -> Option<f64> {
    let metric = experiment.metrics().find(|m| m.name.value == row.metric && m.role == row.role)?;
    let share =
        |absolute: f64| row.mean_control.filter(|level| *level > 0.0).map(|level| absolute / level);
    let margin = row.margin_relative.or_else(|| row.margin_absolute.and_then(share));
    let gain = match (margin, metric.mde) {
        (Some(margin), _) => -margin,
        (None, Some(Mde::Relative(mde))) => mde,
        (None, Some(Mde::Absolute(mde))) => share(mde)?,
        (None, None) => return None,
    };
    Some(metric.direction.gain(gain))
}

/// The same in the metric's own unit.
pub(crate) fn target_absolute(experiment: &Experiment, row: &ResultRow) -> Option<f64> {
    let metric = experiment.metrics().find(|m| m.name.value == row.metric && m.role == row.role)?;
    let of_level = |share: f64| row.mean_control.map(|level| share * level);
    let margin = row.margin_absolute.or_else(|| row.margin_relative.and_then(of_level));
    let gain = match (margin, metric.mde) {
        (Some(margin), _) => -margin,
        (None, Some(Mde::Relative(mde))) => of_level(mde)?,
        (None, Some(Mde::Absolute(mde))) => mde,
        (None, None) => return None,
    };
    Some(metric.direction.gain(gain))
}
