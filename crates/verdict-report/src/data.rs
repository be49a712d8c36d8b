//! What is reported: plain values that somebody else has read or made.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use verdict_analysis::judge::Cohort;
use verdict_model::rows::{CheckRow, DecisionRow, ResultRow, WHOLE};
use verdict_model::{
    DataCounts, Experiment, Metric, NaiveDate, PlanChange, RegisteredPlan, Role, Source,
};

/// An experiment with what is said of it at one as-of date.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The experiment, as its file defines it.
    pub experiment: Experiment,
    /// The as-of date.
    pub as_of: NaiveDate,
    /// A row a metric, variant and segment value.
    pub results: Vec<ResultRow>,
    /// A row a check.
    pub checks: Vec<CheckRow>,
    /// A row a variant that is compared against the control; none: nothing has been decided or made yet.
    pub decisions: Vec<DecisionRow>,
    /// Days that it is judged by whose statistics are not there.
    pub missing_days: Vec<NaiveDate>,
    /// The as-of date of the run that registered its plan, where one did.
    pub registered: Option<NaiveDate>,
}

impl Judged {
    /// The rows that cover every unit, of one role.
    pub(crate) fn whole(&self, role: Role) -> impl Iterator<Item = &ResultRow> {
        self.results.iter().filter(move |row| row.role == role && row.segment == WHOLE)
    }

    /// The primary metric's row of a variant, over every unit.
    pub(crate) fn primary_of(&self, variant: &str) -> Option<&ResultRow> {
        self.whole(Role::Primary).find(|row| row.variant == variant)
    }
}

/// Everything that a page shows of an experiment. What is not known is empty, and the page says so.
#[derive(Clone, Debug)]
pub struct Page {
    /// What is said of it at its last as-of date.
    pub judged: Judged,
    /// The result rows that cover every unit, of every as-of date that is there, in order.
    pub series: Vec<ResultRow>,
    /// New units by day and variant.
    pub exposures: Vec<DayUnits>,
    /// The primary metric by day of exposure, as of the as-of date; empty where the statistics do not have it.
    pub cohorts: Vec<Cohort>,
    /// The distributions of values that the group statistics of the as-of date keep; other rows have none.
    pub spreads: Vec<Spread>,
    /// What became of the logs' rows.
    pub counts: Option<DataCounts>,
    /// The plan that was registered.
    pub registered: Option<RegisteredPlan>,
    /// The keys in which the plan is not what was registered.
    pub changes: Vec<PlanChange>,
    /// The runs that were made for its as-of date, in order.
    pub runs: Vec<RunLine>,
    /// The metrics that it refers to.
    pub metrics: BTreeMap<String, Metric>,
    /// The logs that these and the exposures read.
    pub sources: BTreeMap<String, Source>,
    /// The one among them that has the exposures.
    pub exposure_source: Option<String>,
    /// The experiment's plan as YAML, every default filled in.
    pub plan_text: String,
}

/// The units that were first exposed on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct DayUnits {
    /// The day.
    pub ds: NaiveDate,
    /// The variant that they met first.
    pub variant: String,
    /// How many.
    pub units: i64,
}

/// The distribution of a metric's values, as far as a row of `group_stats` has one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Spread {
    /// Metric.
    pub metric: String,
    /// Variant.
    pub variant: String,
    /// Segment dimension.
    pub segment: String,
    /// The least value of each bucket that has any, in order.
    #[serde(default)]
    pub bucket_lower: Option<Vec<f64>>,
    /// The greatest value of each.
    #[serde(default)]
    pub bucket_upper: Option<Vec<f64>>,
    /// How many values each has.
    #[serde(default)]
    pub bucket_count: Option<Vec<i64>>,
}

/// A row of `runs`, as far as a page shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunLine {
    /// The as-of date.
    pub ds: NaiveDate,
    /// Start time and process.
    pub run_id: String,
    /// The command.
    pub command: String,
    /// The version of Verdict.
    pub version: String,
    /// The version of the tables' format.
    pub format_version: i32,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// `done` or `failed`.
    pub status: String,
    /// What failed.
    pub error: Option<String>,
    /// Partitions written.
    pub partitions_made: i64,
    /// Partitions found fresh.
    pub partitions_fresh: i64,
    /// Log objects read.
    pub objects_read: i64,
    /// Log rows read.
    pub rows_read: i64,
    /// Size of the log objects read, in bytes.
    pub bytes_read: i64,
    /// What was read of them, in bytes; `None` of runs of before it was counted.
    #[serde(default)]
    pub bytes_scanned: Option<i64>,
}
