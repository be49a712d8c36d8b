//! How far an experiment has come, as far as a decision needs to know.

use verdict_model::{Experiment, NaiveDate, SequentialMethod};

use super::history::History;

/// Where on its plan an experiment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    /// Before `min_duration_days`.
    BeforeMinimum { days: i64, min: i64 },
    /// Tested once, and the planned end is to come.
    BeforePlannedEnd { days: i64, planned: Option<i64> },
    /// Watched, and the planned end, if there is one, is to come.
    Interim { days: i64, planned: Option<i64> },
    /// At the planned end or after it.
    Ended { days: i64 },
    /// Tested once, whenever it is looked at.
    Anytime,
}

impl Stage {
    pub(super) fn of(experiment: &Experiment, ds: NaiveDate, history: &History<'_>) -> Stage {
        let settings = &experiment.settings;
        let planned = history.planned_days();
        let Some(days) = history.days_by(ds) else { return Stage::Anytime };
        match settings.min_duration_days.map(i64::from) {
            Some(min) if days < min && !history.ended() => Stage::BeforeMinimum { days, min },
            _ if history.ended() => Stage::Ended { days },
            _ if settings.sequential != SequentialMethod::None => Stage::Interim { days, planned },
            _ if settings.max_duration_days.is_none() => Stage::Anytime,
            _ => Stage::BeforePlannedEnd { days, planned },
        }
    }
}
