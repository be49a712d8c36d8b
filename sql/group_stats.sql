-- group_stats: the sufficient statistics of every metric in every variant and segment, in one pass.
--
-- grain    metric, segment, segment_value, variant
-- inputs   unit_total       one experiment's units at one as-of date
-- columns  n, and sums, means and centred second moments of x (the metric, or a ratio's numerator) and of y
--          (a ratio's denominator); several_variants covers every exposed unit, the others those that count
--          units without a segment value have (none), as those have whose log says so
WITH units AS (
    SELECT *
        {%- if segments %} REPLACE (
            {%- for segment in segments %}
            coalesce({{ segment.column }}, '(none)') AS {{ segment.column }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        )
        {%- endif %}
    FROM unit_total
),
moments_of AS (
    SELECT
        variant,
        {% if segments -%}
        CASE
            {%- for segment in segments %}
            WHEN grouping({{ segment.column }}) = 0 THEN {{ segment.label }}
            {%- endfor %}
            ELSE 'all'
        END
        {%- else -%} 'all' {%- endif %} AS segment,
        {% if segments -%}
        CASE
            {%- for segment in segments %}
            WHEN grouping({{ segment.column }}) = 0 THEN {{ segment.column }}
            {%- endfor %}
            ELSE 'all'
        END
        {%- else -%} 'all' {%- endif %} AS segment_value,
        moments(1, CAST(several_variants AS BIGINT)) AS m0
        {%- for arguments in distinct_arguments %},
        moments(1{% for x in arguments %}, {{ x }}{% endfor %}) FILTER (WHERE counted) AS m{{ loop.index }}
        {%- endfor %}
    FROM units
    GROUP BY {% if segments -%}
        GROUPING SETS ((variant){% for segment in segments %}, (variant, {{ segment.column }}){% endfor %})
        {%- else -%} variant {%- endif %}
),
long AS (
    SELECT variant, segment, segment_value, unnest([
        named_struct(
            'metric', 'several_variants', 'metric_type', 'proportion', 'n', m0['n'],
            'sum_x', m0['sum_1'], 'mean_x', m0['mean_1'], 'm2_x', m0['m2_1'],
            'sum_y', CAST(NULL AS DOUBLE), 'mean_y', CAST(NULL AS DOUBLE), 'm2_y', CAST(NULL AS DOUBLE),
            'co_xy', CAST(NULL AS DOUBLE))
        {%- for metric in metrics %},
        named_struct(
            'metric', {{ metric.label }}, 'metric_type', {{ metric.type_label }}, 'n', m{{ metric.moments }}['n'],
            'sum_x', m{{ metric.moments }}['sum_1'], 'mean_x', m{{ metric.moments }}['mean_1'], 'm2_x', m{{ metric.moments }}['m2_1'],
            {% if metric.arguments | length == 2 -%}
            'sum_y', m{{ metric.moments }}['sum_2'], 'mean_y', m{{ metric.moments }}['mean_2'], 'm2_y', m{{ metric.moments }}['m2_2'],
            'co_xy', m{{ metric.moments }}['co_12'])
            {%- else -%}
            'sum_y', CAST(NULL AS DOUBLE), 'mean_y', CAST(NULL AS DOUBLE), 'm2_y', CAST(NULL AS DOUBLE),
            'co_xy', CAST(NULL AS DOUBLE))
            {%- endif %}
        {%- endfor %}
    ]) AS s
    FROM moments_of
)
SELECT
    s['metric'] AS metric, s['metric_type'] AS metric_type, variant, segment, segment_value, s['n'] AS n,
    s['sum_x'] AS sum_x, s['mean_x'] AS mean_x, s['m2_x'] AS m2_x,
    s['sum_y'] AS sum_y, s['mean_y'] AS mean_y, s['m2_y'] AS m2_y, s['co_xy'] AS co_xy
FROM long
ORDER BY metric, segment, segment_value, variant
