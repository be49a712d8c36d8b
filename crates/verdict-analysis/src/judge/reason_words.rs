//! Codes in words.

/// What is wrong with a result row, in words for people; a code that is not known is its own words.
#[must_use]
pub fn reason_in_words(code: &str) -> &str {
    match code {
        "no_units_in_control" => "the control has no units",
        "no_units_in_variant" => "the variant has no units",
        "too_few_units" => {
            "there are too few units for a test; at least two in each arm are needed"
        }
        "zero_variance" => {
            "the metric has the same value for every unit, so that there is nothing to test"
        }
        "zero_denominator" => "the denominator is zero, so that the ratio is not defined",
        "method_not_in_effect" => "no method is in effect for metrics of its type",
        "metric_type_unknown" => {
            "its type is not known: neither the project nor the statistics define it"
        }
        "metric_type_differs" => {
            "the statistics were made for another type of metric than the project defines"
        }
        "statistics_invalid" => "its statistics are incomplete or contradict themselves",
        "covariate_missing" => {
            "the statistics do not have what it was before the exposure; run the experiment again"
        }
        "strata_missing" => {
            "the statistics do not have the segment that it is post-stratified by; run the experiment again"
        }
        "totals_missing" => {
            "the statistics do not have the units' totals that are resampled; run the experiment again"
        }
        "too_skewed_for_bca" => {
            "its replicates are too skewed, or too few units have anything, for a BCa interval; `interval: percentile` asks less"
        }
        "method_failed" => "the method has no answer for these statistics",
        "control_mean_not_positive" => "the control's level is not above zero",
        "control_mean_near_zero" => {
            "the control's level is too close to zero for its standard error"
        }
        "burn_in" => {
            "there are too few units or successes yet for a test that is to hold at every look"
        }
        "before_first_look" => "the first look of the schedule is still to come",
        "before_planned_end" => {
            "it is tested once, at the planned end, and no p-value before it would hold"
        }
        "window_not_complete" => "no unit's window is complete yet",
        "no_overlap" => {
            "all values of one arm lie beyond those of the other, or all are equal, so that superiority has no standard error"
        }
        "no_lift_of_superiority" => {
            "a probability of superiority has no share of the control's level"
        }
        "no_lift_of_categories" => "shares of several categories do not change by one number",
        "no_test_yet" => "nothing of alpha may be spent yet",
        "margin_too_large" => "its relative margin leaves nothing of the control's level",
        "no_planned_end" => "its method spends alpha over a planned duration, and none is known",
        other => other,
    }
}
