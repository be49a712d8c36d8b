//! The checks: reasons to trust the numbers, or not to. Each is always there, with `pass`, `warn` or `fail`.

mod cohorts;
mod conservation;
mod days;
mod exposures;
mod log;
mod numbers;
mod past;
mod segments;
mod skewness;
mod split;
mod units;

use verdict_model::rows::CheckRow;
use verdict_model::{DataCounts, Experiment, NaiveDate};

use super::groups::Groups;
use super::history::History;
pub use cohorts::Cohort;

/// What the checks look at.
struct Subject<'a> {
    experiment: &'a Experiment,
    ds: NaiveDate,
    groups: &'a Groups<'a>,
    /// The days that the experiment is judged by, the as-of date's last.
    history: &'a History<'a>,
    counts: Option<&'a DataCounts>,
}

/// The cohorts of every treatment arm, in the order of the file.
pub(super) fn cohorts(
    experiment: &Experiment,
    ds: NaiveDate,
    history: &History<'_>,
) -> Vec<Cohort> {
    let subject = Subject { experiment, ds, groups: history.on(ds), history, counts: None };
    experiment.treatments().flat_map(|arm| cohorts::of_arm(&subject, &arm.name)).collect()
}

/// The check rows, always the same checks in the same order.
pub(super) fn checks(
    experiment: &Experiment,
    ds: NaiveDate,
    history: &History<'_>,
    counts: Option<&DataCounts>,
) -> Vec<CheckRow> {
    let subject = Subject { experiment, ds, groups: history.on(ds), history, counts };
    let findings = [
        ("sample_ratio", exposures::sample_ratio(&subject)),
        ("sample_ratio_segments", segments::sample_ratio(&subject)),
        ("sample_ratio_days", units::sample_ratio_days(&subject)),
        ("pre_exposure_imbalance", past::pre_exposure_imbalance(&subject)),
        ("variants_present", exposures::variants_present(&subject)),
        ("unknown_variants", exposures::unknown_variants(&subject)),
        ("several_variants", exposures::several_variants(&subject)),
        ("rows_without_unit", log::rows_without_unit(&subject)),
        ("rows_without_time", log::rows_without_time(&subject)),
        ("rows_outside_day", log::rows_outside_day(&subject)),
        ("days_complete", days::complete(&subject)),
        ("conservation_rows", conservation::rows(&subject)),
        ("conservation_units", conservation::units(&subject)),
        ("conservation_segments", conservation::segments(&subject)),
        ("numeric_health", numbers::numeric_health(&subject)),
        ("skewness", skewness::skewness(&subject)),
        ("heterogeneity", segments::heterogeneity(&subject)),
        ("simpsons_reversal", segments::simpsons_reversal(&subject)),
        ("outlier_influence", units::outlier_influence(&subject)),
        ("novelty", units::novelty(&subject)),
        ("interaction", units::interaction(&subject)),
        ("clusters", exposures::clusters(&subject)),
    ];
    findings.into_iter().map(|(check, finding)| finding.into_row(experiment, ds, check)).collect()
}

/// Whether a check row fails, so that no decision can be made.
pub(super) fn failed(row: &CheckRow) -> bool {
    row.status == Verdict::Fail.word()
}

#[derive(Clone, Copy)]
enum Verdict {
    Pass,
    Warn,
    Fail,
}

impl Verdict {
    fn word(self) -> &'static str {
        match self {
            Verdict::Pass => "pass",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        }
    }
}

/// What a check found.
struct Finding {
    verdict: Verdict,
    statistic: Option<f64>,
    p_value: Option<f64>,
    threshold: Option<f64>,
    message: String,
}

impl Finding {
    fn pass(message: impl Into<String>) -> Finding {
        Finding::new(Verdict::Pass, message)
    }

    fn warn(message: impl Into<String>) -> Finding {
        Finding::new(Verdict::Warn, message)
    }

    fn fail(message: impl Into<String>) -> Finding {
        Finding::new(Verdict::Fail, message)
    }

    fn new(verdict: Verdict, message: impl Into<String>) -> Finding {
        Finding {
            verdict,
            statistic: None,
            p_value: None,
            threshold: None,
            message: message.into(),
        }
    }

    /// The same finding with the count that the check looks at.
    fn counting(self, n: u64) -> Finding {
        Finding { statistic: Some(n as f64), ..self }
    }

    fn into_row(self, experiment: &Experiment, ds: NaiveDate, check: &str) -> CheckRow {
        CheckRow {
            experiment: experiment.name.value.clone(),
            ds,
            check: check.to_owned(),
            status: self.verdict.word().to_owned(),
            statistic: self.statistic.filter(|x| x.is_finite()),
            p_value: self.p_value,
            threshold: self.threshold,
            message: self.message,
        }
    }
}
