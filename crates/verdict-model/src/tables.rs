//! The tables: each column's name, type, unit and meaning, written once.
//!
//! Writers and readers assert these. `unit_day`, `exposure_day` and `unit_total` carry, besides the columns
//! here, one column for each component (`<source>_<aggregate>_<hash of its resolved text>`) and, the latter
//! two, one for each segment dimension (`segment_<dimension>`); `unit_total` has also, for each sum of doubles, what
//! rounding took from it (`<component>_rest`), and for distinct, first and last values and categories what they follow from
//! (`<component>_state`).

/// The version of the tables' format and of every number in them: it changes whenever the same inputs
/// and definitions would give other bytes.
pub const FORMAT_VERSION: u32 = 11;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ColumnType {
    /// UTF-8 text.
    Text,
    /// Date, in the project's time zone.
    Date,
    /// Timestamp in microseconds, UTC.
    TimestampUs,
    /// 32-bit integer.
    Int32,
    /// 64-bit integer.
    Int64,
    /// 64-bit float.
    Float64,
    /// Boolean.
    Boolean,
    /// List of UTF-8 texts.
    TextList,
    /// List of 64-bit integers.
    Int64List,
    /// List of 64-bit floats.
    Float64List,
}

/// A column of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// Its type.
    pub ty: ColumnType,
    /// Whether it may be null.
    pub nullable: bool,
    /// What it means, with its unit.
    pub doc: &'static str,
}

/// A table: its partition columns (Hive folders, in order) and the columns in its files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Table {
    /// Its name, and its folder below the tables' root.
    pub name: &'static str,
    /// The columns that are folders, in order.
    pub partitions: &'static [Column],
    /// The columns in its files, in order (before component and segment columns).
    pub columns: &'static [Column],
    /// What a row is.
    pub doc: &'static str,
}

const fn column(name: &'static str, ty: ColumnType, doc: &'static str) -> Column {
    Column { name, ty, nullable: false, doc }
}

const fn nullable(name: &'static str, ty: ColumnType, doc: &'static str) -> Column {
    Column { name, ty, nullable: true, doc }
}

use ColumnType::{
    Boolean, Date, Float64, Float64List, Int32, Int64, Int64List, Text, TextList, TimestampUs,
};

const EXPERIMENT: Column = column("experiment", Text, "experiment");
const DS: Column = column("ds", Date, "day, in the project's time zone");
const AS_OF: Column = column("ds", Date, "as-of date: the last day included");
const UNIT_TYPE: Column = column("unit_type", Text, "what is randomised: the unit type");

/// One row a unit and day: each component over the whole day. Knows nothing of experiments.
pub const UNIT_DAY: Table = Table {
    name: "unit_day",
    partitions: &[UNIT_TYPE, DS],
    columns: &[column("unit", Text, "unit (text, or a 64-bit integer where the log has one)")],
    doc: "one unit on one day",
};

/// One row an experiment, day and unit exposed on that day.
pub const EXPOSURE_DAY: Table = Table {
    name: "exposure_day",
    partitions: &[EXPERIMENT, DS],
    columns: &[
        column("unit", Text, "unit (text, or a 64-bit integer where the log has one)"),
        column("first_exposed", TimestampUs, "time of the day's first exposure"),
        column("variant", Text, "variant of the day's first exposure"),
        column("variants", TextList, "every configured variant met on the day, sorted"),
    ],
    doc: "one unit exposed on one day; components are of that day's events at or after the exposure",
};

/// One row an experiment, as-of date and exposed unit.
pub const UNIT_TOTAL: Table = Table {
    name: "unit_total",
    partitions: &[EXPERIMENT, DS],
    columns: &[
        column("unit", Text, "unit (text, or a 64-bit integer where the log has one)"),
        column("first_exposed", TimestampUs, "time of the unit's first exposure"),
        column("exposure_ds", Date, "day of the unit's first exposure (its day 0)"),
        column("variant", Text, "variant of the first exposure"),
        column("several_variants", Boolean, "whether the unit met several variants"),
        column("counted", Boolean, "whether the unit counts in group_stats"),
    ],
    doc: "one exposed unit; components are its totals from exposure to the as-of date",
};

/// One row an experiment, as-of date, metric, variant and segment.
pub const GROUP_STATS: Table = Table {
    name: "group_stats",
    partitions: &[EXPERIMENT, AS_OF],
    columns: &[
        column(
            "metric",
            Text,
            "metric; several_variants is built in and covers every exposed unit, as does exposed by day of exposure",
        ),
        column(
            "metric_type",
            Text,
            "proportion, mean, ratio, retention, quantile, superiority or categorical; clustered_ before it: x is a cluster's total, y its units (or its denominator)",
        ),
        column("variant", Text, "variant"),
        column(
            "segment",
            Text,
            "segment dimension, or dimensions of a cross joined by *; all: every unit; of rows that checks look at: \
             exposure_ds (by day of first exposure; crossed with a segment: exposed units only), experiment:NAME (units that \
             are in that experiment, too) or without_top (all but the units with the largest values of the metric)",
        ),
        column(
            "segment_value",
            Text,
            "value of the dimension; all: every unit, (none): units without one, (other): values that are not told apart; \
             a day, the variant first met in the other experiment, or the share of units left out",
        ),
        column("n", Int64, "units; of a metric with a window those whose window is complete"),
        nullable(
            "n_not_mature",
            Int64,
            "units that count and whose window is not complete; null: no window",
        ),
        nullable("sum_x", Float64, "sum of x over units; x is the metric, or a ratio's numerator"),
        nullable("mean_x", Float64, "mean of x"),
        nullable("m2_x", Float64, "sum of (x - mean_x)^2"),
        nullable("sum_y", Float64, "sum of y, a ratio's denominator"),
        nullable("mean_y", Float64, "mean of y"),
        nullable("m2_y", Float64, "sum of (y - mean_y)^2"),
        nullable("co_xy", Float64, "sum of (x - mean_x)(y - mean_y)"),
        nullable(
            "n_before",
            Int64,
            "units that count here and the day before (x', y' are their values then); null: not sequential, its first \
             day, or several_variants",
        ),
        nullable("co_x_before", Float64, "over these: sum of (x - mean x)(x' - mean x')"),
        nullable("co_y_before", Float64, "sum of (y - mean y)(y' - mean y')"),
        nullable(
            "co_xy_before",
            Float64,
            "half the sum of (x - mean x)(y' - mean y') + (y - mean y)(x' - mean x')",
        ),
        nullable(
            "n_pre",
            Int64,
            "units that pre x and pre y are of: those of n where the metric is adjusted (CUPED), every unit that counts where \
             its past is only compared (pre_period_check); null: neither",
        ),
        nullable(
            "mean_pre_x",
            Float64,
            "mean of pre x: what x was over the lookback days before the exposure day; null: neither adjusted nor compared",
        ),
        nullable("m2_pre_x", Float64, "sum of (pre x - mean_pre_x)^2"),
        nullable("mean_pre_y", Float64, "mean of pre y, of a ratio's denominator"),
        nullable("m2_pre_y", Float64, "sum of (pre y - mean_pre_y)^2"),
        nullable("co_pre_xy", Float64, "sum of (pre x - mean_pre_x)(pre y - mean_pre_y)"),
        nullable("co_x_pre_x", Float64, "sum of (x - mean_x)(pre x - mean_pre_x)"),
        nullable("co_x_pre_y", Float64, "sum of (x - mean_x)(pre y - mean_pre_y)"),
        nullable("co_y_pre_x", Float64, "sum of (y - mean_y)(pre x - mean_pre_x)"),
        nullable("co_y_pre_y", Float64, "sum of (y - mean_y)(pre y - mean_pre_y)"),
        nullable(
            "m2_pre_x_before",
            Float64,
            "over the units of n_before: sum of (pre x - its mean)^2",
        ),
        nullable("m2_pre_y_before", Float64, "sum of (pre y - its mean)^2"),
        nullable("co_pre_xy_before", Float64, "sum of (pre x - its mean)(pre y - its mean)"),
        nullable(
            "co_x_pre_x_before",
            Float64,
            "half the sum of (x + x' - its mean)(pre x - its mean)",
        ),
        nullable(
            "co_x_pre_y_before",
            Float64,
            "half the sum of (x + x' - its mean)(pre y - its mean)",
        ),
        nullable(
            "co_y_pre_x_before",
            Float64,
            "half the sum of (y + y' - its mean)(pre x - its mean)",
        ),
        nullable(
            "co_y_pre_y_before",
            Float64,
            "half the sum of (y + y' - its mean)(pre y - its mean)",
        ),
        nullable(
            "cap_lower_x",
            Float64,
            "what smaller x count as: x above is clipped; null: no such cap",
        ),
        nullable("cap_upper_x", Float64, "what larger x count as"),
        nullable("cap_lower_y", Float64, "what smaller y count as"),
        nullable("cap_upper_y", Float64, "what larger y count as"),
        nullable("clipped_x", Int64, "units whose x was beyond a cap; null: not winsorised"),
        nullable("clipped_y", Int64, "units whose y was beyond a cap"),
        nullable("raw_sum_x", Float64, "sum of x without caps; null: not winsorised"),
        nullable("raw_mean_x", Float64, "mean of x without caps"),
        nullable("raw_m2_x", Float64, "sum of (x - raw_mean_x)^2 without caps"),
        nullable("raw_sum_y", Float64, "sum of y without caps"),
        nullable("raw_mean_y", Float64, "mean of y without caps"),
        nullable("raw_m2_y", Float64, "sum of (y - raw_mean_y)^2 without caps"),
        nullable("raw_co_xy", Float64, "sum of (x - raw_mean_x)(y - raw_mean_y) without caps"),
        nullable("quantile", Float64, "which quantile the metric is; null for other metrics"),
        nullable(
            "bucket_lower",
            Float64List,
            "of a quantile the distribution of its values (totals of units, or of each of their events): the buckets that have \
             any, in order, with the least value that a bucket may have; at most 1% wide, and of a superiority as wide as \
             one value",
        ),
        nullable("bucket_upper", Float64List, "the greatest value that each bucket may have"),
        nullable("bucket_count", Int64List, "how many values are in each bucket"),
        nullable(
            "bucket_square",
            Float64List,
            "with N the number of a unit's values up to and in the bucket: how much the sum of N^2 over units is larger than \
             that of the bucket before",
        ),
        nullable(
            "bucket_product",
            Float64List,
            "the same of the sum of N times the number of all values of the unit",
        ),
        nullable(
            "m3_x",
            Float64,
            "sum of (x - mean_x)^3, which the skewness is; null: not a mean over units, or a value beyond 1e70",
        ),
        nullable(
            "total_x",
            Float64List,
            "of a metric that is resampled (bootstrap) the distinct x, in order; capped where the metric is winsorised; null: \
             not resampled, or a proportion",
        ),
        nullable("total_y", Float64List, "the y that goes with each; null: not a ratio"),
        nullable("total_count", Int64List, "how many units have each"),
        nullable(
            "category",
            TextList,
            "of a categorical metric the categories that any unit has, in the order of their bytes",
        ),
        nullable("category_count", Int64List, "how many units have each of them"),
    ],
    doc: "the sufficient statistics of one metric in one variant and segment",
};

/// One row a comparison.
pub const RESULTS: Table = Table {
    name: "results",
    partitions: &[EXPERIMENT, AS_OF],
    columns: &[
        column("metric", Text, "metric"),
        column("role", Text, "primary, guardrail or secondary"),
        column(
            "metric_type",
            Text,
            "proportion, mean, ratio, retention, quantile, superiority or categorical",
        ),
        column("direction", Text, "direction that is good: increase or decrease"),
        column("control", Text, "control variant"),
        column("variant", Text, "variant that is compared against it"),
        column(
            "segment",
            Text,
            "segment dimension, or dimensions of a cross joined by *; all: every unit",
        ),
        column(
            "segment_value",
            Text,
            "value of the dimension; all: every unit, (none): units without one, (other): values that are not told apart",
        ),
        column(
            "window_start",
            Int32,
            "first day after exposure that counts; 0 is the exposure day",
        ),
        nullable(
            "window_end",
            Int32,
            "last day after exposure that counts; null: up to the as-of date",
        ),
        column("n_control", Int64, "units in the control"),
        column("n_variant", Int64, "units in the variant"),
        nullable(
            "n_not_mature_control",
            Int64,
            "units in the control whose window is not complete: in no number of the row; null: no window",
        ),
        nullable("n_not_mature_variant", Int64, "the same of the variant"),
        nullable("mean_control", Float64, "level in the control"),
        nullable("mean_variant", Float64, "level in the variant"),
        nullable("effect", Float64, "variant minus control"),
        nullable(
            "effect_std_error",
            Float64,
            "standard error of the effect, as the interval uses it",
        ),
        nullable("effect_ci_lower", Float64, "lower end of its interval; null: open (one-sided)"),
        nullable("effect_ci_upper", Float64, "upper end of its interval; null: open (one-sided)"),
        nullable("rel_effect", Float64, "effect over the control's level; 0.05 is 5%"),
        nullable("rel_effect_ci_lower", Float64, "lower end of its interval"),
        nullable("rel_effect_ci_upper", Float64, "upper end of its interval"),
        nullable("rel_effect_reason", Text, "why there is no relative effect, as a code"),
        column("confidence_level", Float64, "1 - alpha of the intervals"),
        nullable(
            "method",
            Text,
            "two_proportion_z (over looks: two_proportion_z_unpooled), welch_t, ratio_delta_z, cluster_delta_t, \
             quantile_woodruff_z, chi_squared_homogeneity or mann_whitney (over looks: brunner_munzel_z); adjusted: cuped_z, cuped_welch_t or cuped_ratio_delta_z; post-stratified: \
             post_stratified_t or post_stratified_z; resampled: bootstrap_bca or bootstrap_percentile",
        ),
        column("alternative", Text, "two-sided, greater or less (greater: variant above control)"),
        nullable(
            "statistic",
            Float64,
            "test statistic; of mann_whitney U, the pairs in which the variant has more",
        ),
        nullable("df", Float64, "its degrees of freedom, where it has them"),
        nullable("p_value", Float64, "p-value"),
        nullable("log_p_value", Float64, "its natural logarithm, where it is below 1e-300"),
        nullable("p_value_adjusted", Float64, "p-value adjusted within the family"),
        column("family", Text, "tests that were corrected together"),
        column("family_size", Int32, "how many tests with a p-value the family has"),
        column("correction", Text, "how they were corrected"),
        column("status", Text, "ok, insufficient, not_mature or failed"),
        nullable("reason", Text, "why there is no number, as a code"),
        column("test", Text, "what is tested: difference, deterioration or non_inferiority"),
        nullable(
            "margin_absolute",
            Float64,
            "acceptable loss of a guardrail, in the metric's unit",
        ),
        nullable("margin_relative", Float64, "the same as a share of the control's level"),
        column(
            "sequential_method",
            Text,
            "how looks before the end are tested: none, msprt, confidence_sequence, obrien_fleming or pocock",
        ),
        nullable(
            "look_ds",
            Date,
            "as-of date of the look that the numbers are of; null: the row's own date",
        ),
        nullable("look", Int32, "number of that look on the schedule, from 1"),
        nullable("looks_planned", Int32, "how many looks are planned"),
        nullable("looks_used", Int32, "how many looks the test rests on"),
        nullable(
            "information_fraction",
            Float64,
            "share of the planned days that has passed, by which alpha is spent",
        ),
        nullable(
            "increments",
            Text,
            "where correlations between looks come from: units (their totals from day to day) or independent (assumed)",
        ),
        nullable("z", Float64, "statistic at this look as a normal value"),
        nullable("boundary", Float64, "what it is held against; null: no test at this look"),
        nullable("alpha_spent", Float64, "what is spent of alpha by this look"),
        nullable("crossed", Boolean, "whether a boundary was crossed at this look or before"),
        nullable("crossed_ds", Date, "as-of date of the look that crossed first"),
        nullable(
            "stopped_ds",
            Date,
            "as-of date of the look that ended a spending plan: its first crossing, or its last look",
        ),
        nullable(
            "stopped_effect",
            Float64,
            "median-unbiased estimate of the effect at that look; `effect` is too large on average where it stopped early",
        ),
        nullable(
            "stopped_ci_lower",
            Float64,
            "lower end of its interval in the stagewise order, which holds after stopping",
        ),
        nullable("stopped_ci_upper", Float64, "upper end of it"),
        nullable("stopped_p_value", Float64, "p-value of that look in the stagewise order"),
        nullable("threshold", Float64, "limit on the variant's own level, in the metric's unit"),
        nullable(
            "threshold_bound",
            Float64,
            "end of the level's one-sided interval that is nearest to the limit",
        ),
        nullable("threshold_breached", Boolean, "whether that interval lies beyond the limit"),
        nullable(
            "adjustment",
            Text,
            "what was done to the metric: cuped, winsorized, winsorized_cuped, post_stratified or winsorized_post_stratified; \
             null: nothing",
        ),
        nullable(
            "theta",
            Float64,
            "slope of the metric on what it was before the exposure, over both variants",
        ),
        nullable("unadjusted_mean_control", Float64, "level in the control, not adjusted"),
        nullable("unadjusted_mean_variant", Float64, "level in the variant, not adjusted"),
        nullable("unadjusted_effect", Float64, "variant minus control, not adjusted"),
        nullable("unadjusted_std_error", Float64, "standard error of that"),
        nullable(
            "variance_ratio",
            Float64,
            "what the adjustment leaves of the variance of the effect: 0.6 is 40% less",
        ),
        nullable("cap_lower", Float64, "what smaller totals (of a ratio's numerator) count as"),
        nullable("cap_upper", Float64, "what larger totals count as"),
        nullable(
            "cap_lower_denominator",
            Float64,
            "what smaller totals of a ratio's denominator count as",
        ),
        nullable(
            "cap_upper_denominator",
            Float64,
            "what larger totals of a ratio's denominator count as",
        ),
        nullable(
            "share_clipped",
            Float64,
            "share of the units of both variants whose total was beyond a cap",
        ),
        nullable("share_clipped_denominator", Float64, "the same of a ratio's denominator"),
        nullable("stratified_by", Text, "segment by which the levels are post-stratified"),
        nullable("strata", Int32, "strata that it made, those with few units taken together"),
        nullable(
            "bootstrap_replicates",
            Int32,
            "replicates that interval and p-value are from; null: no bootstrap, and so is all that follows",
        ),
        nullable("normal_method", Text, "the test beside it, as method has it in other rows"),
        nullable("normal_std_error", Float64, "its standard error of the effect"),
        nullable("normal_ci_lower", Float64, "lower end of its interval; null: open (one-sided)"),
        nullable("normal_ci_upper", Float64, "upper end of it"),
        nullable(
            "normal_rel_ci_lower",
            Float64,
            "lower end of its interval of the relative effect",
        ),
        nullable("normal_rel_ci_upper", Float64, "upper end of it"),
        nullable("normal_p_value", Float64, "its p-value"),
        nullable(
            "category",
            TextList,
            "of a categorical metric the categories that are compared, those with the most units first; (other): the rare ones \
             together",
        ),
        nullable("category_count_control", Int64List, "units of the control in each of them"),
        nullable("category_count_variant", Int64List, "units of the variant in each of them"),
        nullable("cramers_v", Float64, "how far their shares differ, from 0 to 1 (Cramer's V)"),
    ],
    doc: "one metric of one variant against the control, in one segment",
};

/// One row a check.
pub const CHECKS: Table = Table {
    name: "checks",
    partitions: &[EXPERIMENT, AS_OF],
    columns: &[
        column("check", Text, "what was checked, as a code"),
        column("status", Text, "pass, warn or fail; one fail makes the decision invalid"),
        nullable("statistic", Float64, "the test statistic, or the count that the check looks at"),
        nullable(
            "p_value",
            Float64,
            "p-value, where the check is a test; that of the split holds over all days looked at",
        ),
        nullable("threshold", Float64, "what the p-value or the statistic is held against"),
        column("message", Text, "what was found, and what would mend it"),
    ],
    doc: "one reason to trust the experiment's numbers, or not to",
};

/// One row a variant that is decided on.
pub const DECISIONS: Table = Table {
    name: "decisions",
    partitions: &[EXPERIMENT, AS_OF],
    columns: &[
        column("variant", Text, "variant that is decided on"),
        column("control", Text, "control it was compared against"),
        column(
            "decision",
            Text,
            "ship, dont_ship, inconclusive, stat_sig_not_practical, continue, stop_guardrail or invalid",
        ),
        column("reason_codes", TextList, "reasons as codes, the deciding one first"),
        column("reasons", TextList, "the same reasons in words"),
        column("primary_metric", Text, "primary metric"),
        column(
            "not_in_effect",
            TextList,
            "keys of the experiment's file that are not in effect yet",
        ),
        column("plan_changes", TextList, "keys that are not as they were registered: was, is"),
        nullable("decision_as_registered", Text, "what the decision is under the registered plan"),
        nullable("as_registered_reason", Text, "why that cannot be told"),
    ],
    doc: "the word on one variant",
};

/// One row a key of the plan that an experiment was first run with.
pub const REGISTRATIONS: Table = Table {
    name: "registrations",
    partitions: &[EXPERIMENT],
    columns: &[
        column("registered_ds", Date, "as-of date of the run that registered the plan"),
        column(
            "key",
            Text,
            "key of the plan, as in the experiment's file, the project's or the metrics'; plan: all of it as one text of \
             YAML, every default filled in; file: the experiment's file as it was written",
        ),
        column("value", Text, "its value, as text"),
    ],
    doc: "one key of the plan with which an experiment was first run; the only table that is not derived: written once \
          for each experiment, and never again",
};

/// One row a run: the log, and the only table that knows a clock or a host.
pub const RUNS: Table = Table {
    name: "runs",
    partitions: &[DS],
    columns: &[
        column("run_id", Text, "start time and process"),
        column("command", Text, "run, backfill or analyze"),
        column("version", Text, "version of Verdict"),
        column("format_version", Int32, "version of the tables' format"),
        column("started", TimestampUs, "when it started"),
        column("seconds", Float64, "how long it took"),
        column("status", Text, "done or failed"),
        nullable("error", Text, "what failed"),
        column("partitions_made", Int64, "partitions written"),
        column("partitions_fresh", Int64, "partitions found fresh"),
        column("objects_read", Int64, "log objects read"),
        column("rows_read", Int64, "log rows read"),
        column("bytes_read", Int64, "size of the log objects read, in bytes"),
        nullable(
            "bytes_scanned",
            Int64,
            "what was read of them: without columns that nothing needs and row groups that statistics exclude; NULL before format 10",
        ),
    ],
    doc: "one run",
};

/// Every table, in the order of the data's flow.
pub const ALL: [&Table; 9] = [
    &UNIT_DAY,
    &EXPOSURE_DAY,
    &UNIT_TOTAL,
    &GROUP_STATS,
    &RESULTS,
    &CHECKS,
    &DECISIONS,
    &REGISTRATIONS,
    &RUNS,
];

impl ColumnType {
    /// The type in words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Date => "date",
            Self::TimestampUs => "timestamp (µs, UTC)",
            Self::Int32 => "int32",
            Self::Int64 => "int64",
            Self::Float64 => "double",
            Self::Boolean => "boolean",
            Self::TextList => "list of text",
            Self::Int64List => "list of int64",
            Self::Float64List => "list of double",
        }
    }
}

/// The description of every table, for people: the text of `sql/TABLES.md`.
#[must_use]
pub fn markdown() -> String {
    let mut text = String::from(
        "# Tables\n\nParquet below the tables' root, in folders `column=value`. `unit_day`, `exposure_day` and `unit_total` \
         have besides\none column for each component (`<source>_<aggregate>_<hash of its resolved text>`; the view \
         `unit_metrics` gives them\nthe metrics' names), and the latter two one text column for each segment dimension \
         (`segment_<dimension>`).\nTheir rows lie by bucket (a hash of the unit, the setting `buckets`), each \
         bucket in row groups of its own (or all in one, where there are few rows), and by unit within\none. A sum of doubles has besides in `unit_total` the \
         column `<component>_rest`: what rounding took from the exact sum, as\nlittle-endian doubles, the largest first, so \
         that the next day can be added without loss; null: nothing. A total of distinct, first or last values or of a category has\n\
         `<component>_state`: what it follows from. The total of a\nmetric with a window has the column \
         `<component>_d<start>_<end>`: what came on these days after exposure so far; the unit\ncounts in group_stats \
         when the last of them has passed. Where a metric is adjusted by its past, `<component>_pre<days>`\nis the component \
         over so many days before the exposure day.\n",
    );
    for table in ALL {
        text.push_str(&format!("\n## {}\n\nA row is {}.\n\n", table.name, table.doc));
        text.push_str("| column | type | null | meaning |\n| --- | --- | --- | --- |\n");
        let folders = table.partitions.iter().map(|column| (column, " (folder)"));
        for (column, folder) in folders.chain(table.columns.iter().map(|column| (column, ""))) {
            let null = if column.nullable { "yes" } else { "" };
            let ty = column.ty.word();
            text.push_str(&format!(
                "| `{}`{folder} | {ty} | {null} | {} |\n",
                column.name, column.doc
            ));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::ALL;

    #[test]
    fn names_are_distinct() {
        let names: BTreeSet<&str> = ALL.iter().map(|table| table.name).collect();
        assert_eq!(names.len(), ALL.len());
    }

    #[test]
    fn no_table_has_a_column_twice() {
        for table in ALL {
            let columns = || table.partitions.iter().chain(table.columns);
            let names: BTreeSet<&str> = columns().map(|column| column.name).collect();
            assert_eq!(names.len(), columns().count(), "{}", table.name);
        }
    }

    #[test]
    fn every_column_has_a_meaning_and_no_folder_is_null() {
        for table in ALL {
            assert!(!table.doc.is_empty(), "{}", table.name);
            for column in table.partitions.iter().chain(table.columns) {
                assert!(!column.doc.is_empty(), "{}.{}", table.name, column.name);
            }
            assert!(table.partitions.iter().all(|column| !column.nullable), "{}", table.name);
        }
    }

    /// Component and segment columns follow the given ones and must not meet them.
    #[test]
    fn no_given_column_looks_like_a_segment() {
        let columns = ["unit_day", "exposure_day", "unit_total"];
        for table in ALL.iter().filter(|table| columns.contains(&table.name)) {
            assert!(table.columns.iter().all(|column| !column.name.starts_with("segment_")));
        }
    }

    #[test]
    fn the_description_in_sql_is_this_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../sql/TABLES.md");
        let written = std::fs::read_to_string(path).unwrap();
        assert!(written == super::markdown(), "sql/TABLES.md should be:\n{}", super::markdown());
    }
}
