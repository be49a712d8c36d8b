-- group_stats: the sufficient statistics of every metric in every variant and segment, of every look, in one pass.
--
-- grain    ds, metric, segment, segment_value, variant
-- inputs   group_totals     one experiment's group_changes, added up over its looks: a row for each look, variant and
--                           values of the segment dimensions
-- columns  n, n_not_mature (units whose window is not complete), and sums, means and centred second moments of x (the metric, or a ratio's numerator) and of y
--          (a ratio's denominator); several_variants covers every exposed unit, the others those that count;
--          of what is watched from day to day: the same of the units that count here and the day before, x and y
--          crossed with what they were then (x', y')
--          units without a segment value have (none), as those have whose log says so
WITH totals AS (
    SELECT *
        {%- if segments %} REPLACE (
            {%- for segment in segments %}
            coalesce({{ segment.column }}, '(none)') AS {{ segment.column }}{% if not loop.last %},{% endif %}
            {%- endfor %}
        )
        {%- endif %}
    FROM group_totals
),
moments_of AS (
    SELECT
        ds, variant,
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
        moments_merge_1({{ several_variants }}) AS m0
        {%- for moments in distinct %},
        moments_merge_{{ moments.arguments | length }}({{ moments.state }}) AS m{{ loop.index }}
        {%- endfor %}
        {%- for pair in pairs %},
        moments_merge_{{ pair.arguments | length }}({{ pair.state }}) AS p{{ loop.index }}
        {%- endfor %}
        {%- if pairs %},
        count({{ pairs[0].state }}) > 0 AS has_before
        {%- endif %}
    FROM totals
    GROUP BY {% if segments -%}
        GROUPING SETS ((ds, variant){% for segment in segments %}, (ds, variant, {{ segment.column }}){% endfor %})
        {%- else -%} ds, variant {%- endif %}
),
long AS (
    SELECT ds, variant, segment, segment_value, {% if pairs %}has_before, {% endif %}unnest([
        named_struct(
            'metric', 'several_variants', 'metric_type', 'proportion', 'n', m0['n'],
            'n_not_mature', CAST(NULL AS BIGINT),
            'sum_x', m0['sum_1'], 'mean_x', m0['mean_1'], 'm2_x', m0['m2_1'],
            'sum_y', CAST(NULL AS DOUBLE), 'mean_y', CAST(NULL AS DOUBLE), 'm2_y', CAST(NULL AS DOUBLE),
            'co_xy', CAST(NULL AS DOUBLE), 'n_before', CAST(NULL AS BIGINT), 'co_x_before', CAST(NULL AS DOUBLE),
            'co_y_before', CAST(NULL AS DOUBLE), 'co_xy_before', CAST(NULL AS DOUBLE))
        {%- for metric in metrics %},
        named_struct(
            'metric', {{ metric.label }}, 'metric_type', {{ metric.type_label }}, 'n', m{{ metric.moments }}['n'],
            'n_not_mature',
            {%- if metric.complete %} m{{ metric.complete }}['n'] - CAST(coalesce(m{{ metric.complete }}['sum_1'], 0) AS BIGINT),
            {%- else %} CAST(NULL AS BIGINT),
            {%- endif %}
            'sum_x', m{{ metric.moments }}['sum_1'], 'mean_x', m{{ metric.moments }}['mean_1'], 'm2_x', m{{ metric.moments }}['m2_1'],
            {% if metric.arguments | length == 2 -%}
            'sum_y', m{{ metric.moments }}['sum_2'], 'mean_y', m{{ metric.moments }}['mean_2'], 'm2_y', m{{ metric.moments }}['m2_2'],
            'co_xy', m{{ metric.moments }}['co_12'],
            {%- else -%}
            'sum_y', CAST(NULL AS DOUBLE), 'mean_y', CAST(NULL AS DOUBLE), 'm2_y', CAST(NULL AS DOUBLE),
            'co_xy', CAST(NULL AS DOUBLE),
            {%- endif %}
            {% if not pairs -%}
            'n_before', CAST(NULL AS BIGINT), 'co_x_before', CAST(NULL AS DOUBLE),
            'co_y_before', CAST(NULL AS DOUBLE), 'co_xy_before', CAST(NULL AS DOUBLE))
            {%- elif metric.arguments | length == 2 -%}
            'n_before', p{{ metric.pair }}['n'], 'co_x_before', p{{ metric.pair }}['co_13'],
            'co_y_before', p{{ metric.pair }}['co_24'],
            'co_xy_before', (p{{ metric.pair }}['co_14'] + p{{ metric.pair }}['co_23']) / 2)
            {%- else -%}
            'n_before', p{{ metric.pair }}['n'], 'co_x_before', p{{ metric.pair }}['co_12'],
            'co_y_before', CAST(NULL AS DOUBLE), 'co_xy_before', CAST(NULL AS DOUBLE))
            {%- endif %}
        {%- endfor %}
    ]) AS s
    FROM moments_of
)
SELECT
    ds, s['metric'] AS metric, s['metric_type'] AS metric_type, variant, segment, segment_value, s['n'] AS n,
    s['n_not_mature'] AS n_not_mature,
    s['sum_x'] AS sum_x, s['mean_x'] AS mean_x, s['m2_x'] AS m2_x,
    s['sum_y'] AS sum_y, s['mean_y'] AS mean_y, s['m2_y'] AS m2_y, s['co_xy'] AS co_xy,
    {% if pairs %}CASE WHEN has_before THEN s['n_before'] END{% else %}s['n_before']{% endif %} AS n_before,
    s['co_x_before'] AS co_x_before, s['co_y_before'] AS co_y_before, s['co_xy_before'] AS co_xy_before
FROM long
ORDER BY ds, metric, segment, segment_value, variant
