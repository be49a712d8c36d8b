//! The rows that the analysis reads and writes, as plain values.
//!
//! Field by field these are the columns that [`crate::tables`] describes.

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::Role;

/// The segment of the rows that cover every unit.
pub const WHOLE: &str = "all";

/// The value of a segment's units that have none.
pub const NONE: &str = "(none)";

/// The value of a segment's units that have none of the values that are told apart.
pub const OTHER: &str = "(other)";

/// The segment of rows by the day of the unit's first exposure; crossed with other segments `exposure_ds*country`.
pub const EXPOSURE_DS: &str = "exposure_ds";

/// The built-in metric of such rows that counts every exposed unit.
pub const EXPOSED: &str = "exposed";

/// What the segment of rows of units that are in another experiment, too, begins with; its name follows, and the segment's
/// value is the variant that the unit met there first.
pub const ANOTHER_EXPERIMENT: &str = "experiment:";

/// The segment of rows of every unit but those with the largest values, whatever their variant; its value is their share,
/// [`TOP_SHARE`].
pub const WITHOUT_TOP: &str = "without_top";

/// The share of units whose largest values are left out of such rows.
pub const TOP_SHARE: f64 = 0.001;

/// The built-in metric that counts who was exposed: 1 for a unit that met several variants, 0 for one
/// that met a single one, over *every* exposed unit, by the variant met first, before any exclusion.
/// Its `n` is what the sample-ratio test is made of.
pub const SEVERAL_VARIANTS: &str = "several_variants";

/// A row of `group_stats`: the sufficient statistics of one metric in one variant and segment. By default of nothing.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct GroupStat {
    /// Experiment.
    pub experiment: String,
    /// As-of date.
    pub ds: NaiveDate,
    /// Metric.
    pub metric: String,
    /// `proportion`, `mean`, `ratio`, `retention`, `quantile` or `superiority`.
    pub metric_type: String,
    /// Variant.
    pub variant: String,
    /// Segment dimension, or dimensions of a cross joined by `*`; [`WHOLE`] for every unit.
    pub segment: String,
    /// Value of the dimension, or values joined by `*`; [`WHOLE`] for every unit, [`NONE`] where a unit has none, [`OTHER`]
    /// for all that are not told apart.
    pub segment_value: String,
    /// Units; of a metric with a window, those that are mature.
    pub n: i64,
    /// Units that count and whose window is not complete at the as-of date; `None`: no window.
    pub n_not_mature: Option<i64>,
    /// Sum of x over the units; x is the metric, or the numerator of a ratio. For a proportion: the
    /// number of successes.
    pub sum_x: Option<f64>,
    /// Mean of x.
    pub mean_x: Option<f64>,
    /// Centred second moment of x: sum of (x − mean)².
    pub m2_x: Option<f64>,
    /// Third central moment of x: sum of (x − mean)³. `None` where it is not kept.
    pub m3_x: Option<f64>,
    /// Sum of y, the denominator of a ratio.
    pub sum_y: Option<f64>,
    /// Mean of y.
    pub mean_y: Option<f64>,
    /// Centred second moment of y.
    pub m2_y: Option<f64>,
    /// Centred co-moment: sum of (x − mean x)(y − mean y).
    pub co_xy: Option<f64>,
    /// Units that count at this as-of date and at the day before. `None` where that is not kept: for experiments that are
    /// not watched sequentially, on their first day, and for the built-in metric [`SEVERAL_VARIANTS`].
    pub n_before: Option<i64>,
    /// Over those units, with x′ and y′ the values of the day before: sum of (x − mean x)(x′ − mean x′).
    pub co_x_before: Option<f64>,
    /// Sum of (y − mean y)(y′ − mean y′).
    pub co_y_before: Option<f64>,
    /// Half the sum of (x − mean x)(y′ − mean y′) + (y − mean y)(x′ − mean x′).
    pub co_xy_before: Option<f64>,
    /// Units that the moments of the covariates are of: of a metric that is adjusted by them those of `n`, else every unit
    /// that counts. `None` without covariates.
    pub n_pre: Option<i64>,
    /// Of what is adjusted by its past, or compared by it before the exposure.
    #[serde(flatten)]
    pub covariates: Covariates,
    /// Of what is winsorised.
    #[serde(flatten)]
    pub winsorized: Winsorized,
    /// Which quantile the metric is.
    pub quantile: Option<f64>,
    /// Of a quantile or a superiority the columns `bucket_lower` and so on; of one value a unit, or of several.
    pub distribution: Option<Distribution>,
    /// Of a metric that is resampled (bootstrap) the columns `total_x` and so on: how many units have which totals.
    pub totals: Option<Totals>,
    /// Of a categorical metric the columns `category` and `category_count`.
    pub categories: Option<Categories>,
}

/// How many units of a group have which total, or which pair of totals, in their order; all lists have the same length.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Totals {
    /// The distinct x, as they count: capped where the metric is winsorised.
    pub x: Vec<f64>,
    /// The y that goes with each, the denominator of a ratio; `None` for other metrics.
    pub y: Option<Vec<f64>>,
    /// How many units have them.
    pub count: Vec<i64>,
}

/// How many units of a group are in each category; both lists have the same length.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Categories {
    /// The categories, in the order of their bytes.
    pub category: Vec<String>,
    /// The units of each.
    pub count: Vec<i64>,
}

/// The part of a row of `group_stats` that a winsorised metric has: there x and y above are as they count, clipped, and
/// here are the caps, how many were clipped, and the moments without caps. `None` in all others, and for a side without cap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Winsorized {
    /// What smaller x count as.
    pub cap_lower_x: Option<f64>,
    /// What larger x count as.
    pub cap_upper_x: Option<f64>,
    /// What smaller y count as.
    pub cap_lower_y: Option<f64>,
    /// What larger y count as.
    pub cap_upper_y: Option<f64>,
    /// Units whose x was below the lower or above the upper cap.
    pub clipped_x: Option<f64>,
    /// The same of y.
    pub clipped_y: Option<f64>,
    /// Sum of x without caps.
    pub raw_sum_x: Option<f64>,
    /// Mean of x without caps.
    pub raw_mean_x: Option<f64>,
    /// Centred second moment of x without caps.
    pub raw_m2_x: Option<f64>,
    /// Sum of y without caps.
    pub raw_sum_y: Option<f64>,
    /// Mean of y without caps.
    pub raw_mean_y: Option<f64>,
    /// Centred second moment of y without caps.
    pub raw_m2_y: Option<f64>,
    /// Centred co-moment of x and y without caps.
    pub raw_co_xy: Option<f64>,
}

/// The part of a row of `group_stats` that a metric has which is adjusted by its own past (CUPED): pre x is what x was
/// over the days before the exposure, pre y the same of a ratio's denominator. `None` in all others; where the past is
/// only compared (`pre_period_check`), all but its own moments are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Covariates {
    /// Mean of pre x.
    pub mean_pre_x: Option<f64>,
    /// Centred second moment of pre x.
    pub m2_pre_x: Option<f64>,
    /// Mean of pre y.
    pub mean_pre_y: Option<f64>,
    /// Centred second moment of pre y.
    pub m2_pre_y: Option<f64>,
    /// Centred co-moment of pre x and pre y.
    pub co_pre_xy: Option<f64>,
    /// Centred co-moment of x and pre x.
    pub co_x_pre_x: Option<f64>,
    /// Centred co-moment of x and pre y.
    pub co_x_pre_y: Option<f64>,
    /// Centred co-moment of y and pre x.
    pub co_y_pre_x: Option<f64>,
    /// Centred co-moment of y and pre y.
    pub co_y_pre_y: Option<f64>,
    /// Centred second moment of pre x over the units that count at this as-of date and at the day before.
    pub m2_pre_x_before: Option<f64>,
    /// The same of pre y.
    pub m2_pre_y_before: Option<f64>,
    /// Centred co-moment of pre x and pre y over these units.
    pub co_pre_xy_before: Option<f64>,
    /// Half the centred co-moment of x + x′ and pre x over these units, x′ being what x was the day before.
    pub co_x_pre_x_before: Option<f64>,
    /// The same of x + x′ and pre y.
    pub co_x_pre_y_before: Option<f64>,
    /// The same of y + y′ and pre x.
    pub co_y_pre_x_before: Option<f64>,
    /// The same of y + y′ and pre y.
    pub co_y_pre_y_before: Option<f64>,
}

/// The distribution of the values of a group's units, by buckets at most one per cent wide, in order; all lists have the
/// same length.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Distribution {
    /// The least value that each bucket may have.
    pub lower: Vec<f64>,
    /// The greatest.
    pub upper: Vec<f64>,
    /// How many values it has.
    pub count: Vec<i64>,
    /// With N the number of a unit's values up to and in the bucket: how much the sum of N² over units is larger than that of
    /// the bucket before.
    pub square: Vec<f64>,
    /// The same of the sum of N times the number of all values of the unit.
    pub product: Vec<f64>,
}

/// A row of `results`: one comparison of a variant against the control.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct ResultRow {
    /// Experiment.
    pub experiment: String,
    /// As-of date.
    pub ds: NaiveDate,
    /// Metric.
    pub metric: String,
    /// Role of the metric.
    pub role: Role,
    /// The type's word: `proportion`, `mean`, `ratio`, `retention`, `quantile`, `superiority` or `categorical`.
    pub metric_type: String,
    /// The direction that is good: `increase` or `decrease`.
    pub direction: String,
    /// Control variant.
    pub control: String,
    /// Variant that is compared against it.
    pub variant: String,
    /// Segment dimension, [`WHOLE`] for every unit.
    pub segment: String,
    /// Value of the dimension, [`WHOLE`] for every unit.
    pub segment_value: String,
    /// First day after exposure that counts (0: the exposure day).
    pub window_start: i32,
    /// Last day after exposure that counts; `None`: up to the as-of date.
    pub window_end: Option<i32>,
    /// Units in the control.
    pub n_control: i64,
    /// Units in the variant.
    pub n_variant: i64,
    /// Units in the control whose window is not complete, and which are in no number of this row; `None`: no window.
    pub n_not_mature_control: Option<i64>,
    /// The same of the variant.
    pub n_not_mature_variant: Option<i64>,
    /// Level of the metric in the control.
    pub mean_control: Option<f64>,
    /// Level of the metric in the variant.
    pub mean_variant: Option<f64>,
    /// Variant minus control.
    pub effect: Option<f64>,
    /// Standard error of the effect, as the interval uses it.
    pub effect_std_error: Option<f64>,
    /// Lower end of its interval; `None` where a one-sided test leaves that side open.
    pub effect_ci_lower: Option<f64>,
    /// Upper end of its interval; `None` where a one-sided test leaves that side open.
    pub effect_ci_upper: Option<f64>,
    /// Effect over the control's level.
    pub rel_effect: Option<f64>,
    /// Lower end of its interval.
    pub rel_effect_ci_lower: Option<f64>,
    /// Upper end of its interval.
    pub rel_effect_ci_upper: Option<f64>,
    /// Why there is no relative effect, as a code.
    pub rel_effect_reason: Option<String>,
    /// 1 − alpha of the intervals.
    pub confidence_level: f64,
    /// The test: `two_proportion_z`, `welch_t`, `ratio_delta_z`; over several looks and against a margin
    /// `two_proportion_z_unpooled` for the first; adjusted by their past `cuped_z`, `cuped_welch_t`, `cuped_ratio_delta_z`;
    /// post-stratified `post_stratified_t`, `post_stratified_z`; resampled `bootstrap_bca`, `bootstrap_percentile`.
    pub method: Option<String>,
    /// `two-sided`, `greater` or `less` (greater: variant above control).
    pub alternative: String,
    /// The test statistic.
    pub statistic: Option<f64>,
    /// Its degrees of freedom, where it has them.
    pub df: Option<f64>,
    /// p-value.
    pub p_value: Option<f64>,
    /// Its natural logarithm, where the p-value is below 1e-300 and may not be told from 0.
    pub log_p_value: Option<f64>,
    /// p-value, adjusted within the family.
    pub p_value_adjusted: Option<f64>,
    /// The family of tests that were corrected together.
    pub family: String,
    /// How many tests it has (those with a p-value).
    pub family_size: i32,
    /// How they were corrected.
    pub correction: String,
    /// `ok`, `insufficient`, `not_mature` or `failed`.
    pub status: String,
    /// Why there is no number, as a code.
    pub reason: Option<String>,
    /// What is tested: `difference`, `deterioration` or `non_inferiority`.
    pub test: String,
    /// The acceptable loss of a test for non-inferiority, positive, in the metric's unit.
    pub margin_absolute: Option<f64>,
    /// The same as a share of the control's level.
    pub margin_relative: Option<f64>,
    /// How looks before the end are tested: `none`, `msprt`, `confidence_sequence`, `obrien_fleming`, `pocock`.
    pub sequential_method: String,
    /// The as-of date of the look that the numbers are of: the last one up to the row's own date; `None`: the row's.
    pub look_ds: Option<NaiveDate>,
    /// The number of that look on the schedule, from 1.
    pub look: Option<i32>,
    /// How many looks are planned.
    pub looks_planned: Option<i32>,
    /// How many looks the test rests on, this one among them.
    pub looks_used: Option<i32>,
    /// The share of the planned days that has passed; group-sequential methods spend alpha by it.
    pub information_fraction: Option<f64>,
    /// Where the correlations between looks come from: `units` (totals of the same units from day to day) or
    /// `independent` (increments are taken to be independent).
    pub increments: Option<String>,
    /// The statistic at this look as a normal value, in the direction of the effect.
    pub z: Option<f64>,
    /// What |z|, or z in the tested direction, is held against at this look; `None`: no test at this look.
    pub boundary: Option<f64>,
    /// What is spent of alpha by this look; `None` for methods that spend none.
    pub alpha_spent: Option<f64>,
    /// Whether a boundary at `1 - confidence_level` was crossed at this look or before.
    pub crossed: Option<bool>,
    /// The as-of date of the look that crossed first.
    pub crossed_ds: Option<NaiveDate>,
    /// As-of date of the look that ended a spending plan: its first crossing, or its last look.
    pub stopped_ds: Option<NaiveDate>,
    /// The median-unbiased estimate of the effect at that look.
    pub stopped_effect: Option<f64>,
    /// The lower end of its interval in the stagewise order, which holds after stopping.
    pub stopped_ci_lower: Option<f64>,
    /// The upper end.
    pub stopped_ci_upper: Option<f64>,
    /// The p-value in the stagewise order.
    pub stopped_p_value: Option<f64>,
    /// The limit on the variant's own level, in the metric's unit.
    pub threshold: Option<f64>,
    /// The nearer end of the one-sided interval of the variant's own level, valid at every look, corrected for the
    /// number of limits.
    pub threshold_bound: Option<f64>,
    /// Whether the interval of the level lies, or at an earlier look lay, beyond the limit.
    pub threshold_breached: Option<bool>,
    /// What was done to the metric, and what it would be without.
    #[serde(flatten)]
    pub adjusted: Adjusted,
    /// What the normal law says beside a bootstrap.
    #[serde(flatten)]
    pub normal: NormalLaw,
    /// Of a categorical metric, what is compared.
    #[serde(flatten)]
    pub categories: ComparedCategories,
}

/// The part of a row of `results` that a metric has whose interval and p-value are a bootstrap's: what they would be by the
/// normal law, or Student's. `None` in all others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct NormalLaw {
    /// How many replicates the bootstrap has.
    pub bootstrap_replicates: Option<i32>,
    /// The test, as in `method` of other rows.
    pub normal_method: Option<String>,
    /// Standard error of the effect.
    pub normal_std_error: Option<f64>,
    /// Lower end of the interval; `None` where a one-sided test leaves that side open.
    pub normal_ci_lower: Option<f64>,
    /// Upper end of it.
    pub normal_ci_upper: Option<f64>,
    /// Lower end of the interval of the relative effect.
    pub normal_rel_ci_lower: Option<f64>,
    /// Upper end of it.
    pub normal_rel_ci_upper: Option<f64>,
    /// p-value.
    pub normal_p_value: Option<f64>,
}

/// The part of a row of `results` that a categorical metric has: the categories that are compared, those with the most units
/// first and the rare ones together as [`OTHER`], with the units of each arm. `None` in all others.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct ComparedCategories {
    /// The categories.
    pub category: Option<Vec<String>>,
    /// Units of the control in each.
    pub category_count_control: Option<Vec<i64>>,
    /// Units of the variant in each.
    pub category_count_variant: Option<Vec<i64>>,
    /// Cramér's V: how far the arms differ, from 0 to 1.
    pub cramers_v: Option<f64>,
}

/// The part of a row of `results` that a metric has whose estimate is not the plain one.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub struct Adjusted {
    /// `cuped`, `winsorized`, `winsorized_cuped`, `post_stratified` or `winsorized_post_stratified`; `None`: the estimate is the plain
    /// one, and so is everything below.
    pub adjustment: Option<String>,
    /// The slope of the metric on what it was before the exposure, over both variants.
    pub theta: Option<f64>,
    /// Level of the metric in the control, not adjusted.
    pub unadjusted_mean_control: Option<f64>,
    /// Level of the metric in the variant, not adjusted.
    pub unadjusted_mean_variant: Option<f64>,
    /// Variant minus control, not adjusted.
    pub unadjusted_effect: Option<f64>,
    /// Standard error of that.
    pub unadjusted_std_error: Option<f64>,
    /// What the adjustment leaves of the variance of the effect: 0.6 is 40% less.
    pub variance_ratio: Option<f64>,
    /// What smaller totals (of a ratio's numerator) count as.
    pub cap_lower: Option<f64>,
    /// What larger totals count as.
    pub cap_upper: Option<f64>,
    /// What smaller totals of a ratio's denominator count as.
    pub cap_lower_denominator: Option<f64>,
    /// What larger totals of a ratio's denominator count as.
    pub cap_upper_denominator: Option<f64>,
    /// Share of the units of both variants whose total (of a ratio's numerator) was beyond a cap.
    pub share_clipped: Option<f64>,
    /// The same of a ratio's denominator.
    pub share_clipped_denominator: Option<f64>,
    /// The segment by which the levels are post-stratified.
    pub stratified_by: Option<String>,
    /// How many strata it made, those with few units taken together.
    pub strata: Option<i32>,
}

/// A row of `checks`: one reason to trust, or not to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct CheckRow {
    /// Experiment.
    pub experiment: String,
    /// As-of date.
    pub ds: NaiveDate,
    /// What was checked, as a code.
    pub check: String,
    /// `pass`, `warn` or `fail`; one `fail` makes the decision `invalid`.
    pub status: String,
    /// The statistic, where the check is a test; otherwise the count that it looks at.
    pub statistic: Option<f64>,
    /// p-value, where the check is a test.
    pub p_value: Option<f64>,
    /// What the p-value or the statistic is held against.
    pub threshold: Option<f64>,
    /// What was found, and what would mend it, in words.
    pub message: String,
}

/// A row of `decisions`: the word on one variant.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
pub struct DecisionRow {
    /// Experiment.
    pub experiment: String,
    /// As-of date.
    pub ds: NaiveDate,
    /// The variant that is decided on.
    pub variant: String,
    /// The control it was compared against.
    pub control: String,
    /// `ship`, `dont_ship`, `inconclusive`, `stat_sig_not_practical`, `continue`, `stop_guardrail` or `invalid`.
    pub decision: String,
    /// The reasons as codes, the deciding one first.
    pub reason_codes: Vec<String>,
    /// The reasons in words, in the same order.
    pub reasons: Vec<String>,
    /// The primary metric.
    pub primary_metric: String,
    /// Keys of the experiment's file that are not in effect yet, as sentences.
    pub not_in_effect: Vec<String>,
    /// Keys of the plan that are not as they were registered: "key: was …, is …".
    pub plan_changes: Vec<String>,
    /// What the decision is under the registered plan; `None` with a reason where that cannot be told.
    pub decision_as_registered: Option<String>,
    /// Why it cannot be told, as a sentence.
    pub as_registered_reason: Option<String>,
}
