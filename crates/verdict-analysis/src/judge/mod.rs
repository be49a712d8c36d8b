//! From group statistics to result rows, checks and decisions.
//!
//! [`judge`] is total and deterministic: whatever the statistics, every promise of the configuration has its
//! row, and what stands in the way of a number becomes a status with a reason, or a check.
//!
//! Reading order: `groups` looks statistics up, `compare` sets two groups against each other (all formulas are
//! in [`crate::methods`]; relative intervals are Fieller's), `results` keeps a row for every promise, `families`
//! corrects p-values, `checks` looks for reasons not to trust them, `decide` draws the conclusion, [`crate::words`]
//! says it. `registered` holds all of that to the plan that was registered.
//!
//! # Codes
//!
//! - Result rows, `insufficient`: `no_units_in_control`, `no_units_in_variant`, `too_few_units`, `zero_variance`,
//!   `zero_denominator`, `no_overlap`, `too_skewed_for_bca`, `burn_in`. `not_mature`: `before_planned_end`, `before_first_look`, `no_test_yet`,
//!   `window_not_complete`. `failed`: `method_not_in_effect`, `metric_type_unknown`, `metric_type_differs`,
//!   `statistics_invalid`, `covariate_missing`, `totals_missing`, `strata_missing`, `method_failed`,
//!   `margin_too_large`, `no_planned_end`.
//! - No relative effect: the reason of the row; otherwise `control_mean_not_positive`, `control_mean_near_zero`,
//!   `no_lift_of_superiority`, `no_lift_of_categories`.
//! - Decisions, the deciding code first: `invalid` has the codes of the failed checks; `stop_guardrail` has
//!   `guardrail_violated`; `dont_ship` has that, `primary_worse` or `non_inferiority_not_shown`; `continue` has
//!   `before_min_duration`, `before_planned_end`, `boundary_not_crossed`, `boundary_crossed_before`,
//!   `mde_within_interval`, `non_inferiority_not_shown` or `primary_<reason>`; `stat_sig_not_practical` has
//!   `significant_below_mde` or `mde_within_interval`; `ship` has `primary_better`; `inconclusive` has `primary_<reason>`
//!   or `not_significant` with `mde_excluded`, `mde_not_excluded` or `mde_not_comparable` and `achievable_mde`. Then,
//!   where they apply, `primary_better`, `boundary_crossed`, `above_mde`, `mde_within_interval`, `mde_not_comparable`,
//!   `mde_of_growing_total`, `non_inferiority_shown`, `best_variant`, `another_variant_is_better`, `best_not_told_apart`,
//!   `guardrails_not_violated` and `guardrail_not_tested`.

mod adjustment;
mod best;
mod calibrate;
mod categories;
mod checks;
mod compare;
mod day_to_day;
mod decide;
mod decisions;
mod families;
mod groups;
mod history;
mod later;
mod levels;
mod over_looks;
mod promise;
mod reason_words;
mod reasons;
mod registered;
mod resampled;
mod resamples;
mod results;
mod samples;
mod significance;
mod stage;
mod strata;
mod strata_days;
mod target;
mod tuning;
mod watch;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use verdict_model::rows::{CheckRow, DecisionRow, GroupStat, ResultRow};
use verdict_model::{DataCounts, Experiment, Later, NaiveDate};

pub use calibrate::{Calibration, Halves, MetricCalibration, Share, calibrate};
pub use checks::Cohort;
use history::History;
pub use reason_words::reason_in_words;
pub use registered::{Judged, REGISTERED_PLAN, hold_to_registered};
pub use resamples::Resamples;

/// What is said of an experiment at an as-of date.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// One row a metric, treatment arm and segment value: metrics by role in the order of the file, arms in the
    /// order of the file, the whole before its segments, segments by name and value.
    pub results: Vec<ResultRow>,
    /// One row a check, always the same ones in the same order.
    pub checks: Vec<CheckRow>,
    /// One row a treatment arm, in the order of the file.
    pub decisions: Vec<DecisionRow>,
}

/// The result rows alone, as [`judge`] gives them, for those who count tests and not decisions.
#[must_use]
pub fn judge_results(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    stats: &[GroupStat],
) -> Vec<ResultRow> {
    let resamples = Resamples::default();
    let history = History::of(experiment, ds, stats, &resamples);
    results::results(experiment, metric_types, ds, &history)
}

/// The primary metric's lift among the units of each day of exposure, as of `ds`: by how it changes with age a novelty is
/// seen. Empty for statistics without rows by day of exposure; cohorts that are too small, or whose control lies near
/// zero, are left out.
#[must_use]
pub fn cohorts(experiment: &Experiment, ds: NaiveDate, stats: &[GroupStat]) -> Vec<Cohort> {
    let resamples = Resamples::default();
    checks::cohorts(experiment, ds, &History::of(experiment, ds, stats, &resamples))
}

/// Judges an experiment as of `ds` by its group statistics.
///
/// `metric_types` has the type word of each metric (`proportion`, `mean`, `ratio` or a later type's word);
/// statistics of other experiments and of later dates are left aside. Those of earlier dates are the looks before: of an
/// experiment that is watched, give every day from its start on, so that what looks share is known; without a `start` the
/// earliest of them counts as its first day. `counts` is `None` where nobody knows what became of
/// the logs' rows, as for statistics made elsewhere. Of `later`, the decisions name the keys of this
/// experiment, of its metrics and of the project as a whole.
#[must_use]
pub fn judge(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    stats: &[GroupStat],
    counts: Option<&DataCounts>,
    later: &[Later],
) -> Judgement {
    judge_with(experiment, metric_types, ds, (stats, &Resamples::default()), counts, later)
}

/// [`judge`], with what was drawn for earlier as-of dates of the experiment.
#[must_use]
pub fn judge_with(
    experiment: &Experiment,
    metric_types: &BTreeMap<String, String>,
    ds: NaiveDate,
    (stats, resamples): (&[GroupStat], &Resamples<'_>),
    counts: Option<&DataCounts>,
    later: &[Later],
) -> Judgement {
    let history = History::of(experiment, ds, stats, resamples);
    let results = results::results(experiment, metric_types, ds, &history);
    let checks = checks::checks(experiment, ds, &history, counts);
    let decisions =
        decisions::decisions(experiment, metric_types, ds, &history, (&results, &checks), later);
    Judgement { results, checks, decisions }
}
