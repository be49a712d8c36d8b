-- unit_metrics: unit_total by the names of the project's metrics, one row a unit and metric.
--
-- columns  numerator (the metric's value, or a ratio's numerator), denominator (1 unless it is a ratio);
--          mature: whether the metric's window is complete, so that the unit counts in group_stats; always, without one
{%- for metric in metrics %}
{%- if not loop.first %}
UNION ALL
{%- endif %}
SELECT
    experiment, ds, unit, variant, counted, {{ metric.label }} AS metric,
    CAST({{ metric.raw[0] }} AS DOUBLE) AS numerator,
    {% if metric.totals == 2 -%} CAST({{ metric.raw[1] }} AS DOUBLE) {%- else -%} CAST(1 AS DOUBLE) {%- endif %} AS denominator,
    {% if metric.window_end is none -%} true {%- else -%} exposure_ds + INTERVAL '{{ metric.window_end }} days' <= ds {%- endif %} AS mature
FROM unit_total
{%- if metric.experiments %}
WHERE experiment IN ({{ metric.experiments | join(", ") }})
{%- endif %}
{%- endfor %}
