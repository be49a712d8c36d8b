-- The group statistics as means and variances, a row an experiment, date and variant: what other engines' answers are
-- compared with. verdict query --project PROJECT --format json "$(cat rows.sql)"
SELECT
    CAST(ds AS VARCHAR) AS d, experiment AS experiment_id, variant, max(n) AS n,
    max(mean_x) FILTER (WHERE metric = 'ad_views') AS mean_ad_views,
    max(m2_x / (n - 1)) FILTER (WHERE metric = 'ad_views') AS var_ad_views,
    max(mean_x) FILTER (WHERE metric = 'conv') AS mean_conv,
    max(m2_x / (n - 1)) FILTER (WHERE metric = 'conv') AS var_conv,
    max(mean_x) FILTER (WHERE metric = 'revenue') AS mean_revenue,
    max(m2_x / (n - 1)) FILTER (WHERE metric = 'revenue') AS var_revenue,
    max(mean_x) FILTER (WHERE metric = 'ctr') AS mean_clicks,
    max(m2_x / (n - 1)) FILTER (WHERE metric = 'ctr') AS var_clicks,
    max(mean_y) FILTER (WHERE metric = 'ctr') AS mean_imps,
    max(m2_y / (n - 1)) FILTER (WHERE metric = 'ctr') AS var_imps,
    max(mean_x) FILTER (WHERE metric = 'active_days') AS mean_active_days,
    max(m2_x / (n - 1)) FILTER (WHERE metric = 'active_days') AS var_active_days,
    max(co_xy / (n - 1)) FILTER (WHERE metric = 'ctr') AS cov_clicks_imps
FROM group_stats
WHERE segment = 'all' AND metric <> 'several_variants'
GROUP BY ds, experiment, variant
ORDER BY ds, experiment, variant
