-- metric_series: the effect of every metric over the as-of dates that were run, all units, one row a date and variant.
SELECT
    experiment, metric, role, variant, ds, n_control, n_variant, mean_control, mean_variant,
    effect, effect_ci_lower, effect_ci_upper, rel_effect, rel_effect_ci_lower, rel_effect_ci_upper,
    p_value_adjusted, status, reason
FROM results
WHERE segment = 'all'
