-- group_stats: the sufficient statistics of every metric in every variant and segment, of every look, in one pass.
--
-- grain    experiment, ds, metric, segment, segment_value, variant
-- inputs   group_totals     the group_changes of experiments that have these metrics and segments, added up over their looks: a row
--                           for each experiment, look, variant and values of the segment dimensions
-- columns  n, n_not_mature (units whose window is not complete), and sums, means and centred second moments of x (the metric, or a ratio's numerator) and of y
--          (a ratio's denominator); several_variants covers every exposed unit, the others those that count;
--          of what is watched from day to day: the same of the units that count here and the day before, x and y
--          crossed with what they were then (x', y')
--          of what is winsorised: its caps, how many units are beyond them, and the moments without caps
--          of what is adjusted by its past: the same of what x and y were before the exposure (pre_x, pre_y)
--          of quantiles the distribution, as a state that becomes n and the lists bucket_lower and so on;
--          units without a segment value have (none), as those have whose log says so;
--          where clusters were randomised n counts them, x is the total of a cluster and y its units (or a ratio's
--          denominator)
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
        experiment, ds, variant,
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
        {{ moments.merge }}({{ moments.state }}) AS m{{ loop.index }}
        {%- endfor %}
        {%- for pair in pairs %},
        {{ pair.merge }}({{ pair.state }}) AS p{{ loop.index }}
        {%- endfor %}
        {%- for cap in caps %},
        max({{ cap }}) AS {{ cap }}
        {%- endfor %}
        {%- if pairs %},
        count({{ pairs[0].state }}) > 0 AS has_before
        {%- endif %}
    FROM totals
    GROUP BY {% set of = (', ' ~ cluster.cluster_column) if cluster else '' %}{% if segments -%}
        GROUPING SETS ((experiment, ds, variant{{ of }}){% for segment in segments %}, (experiment, ds, variant{{ of }}, {{ segment.column }}){% endfor %})
        {%- else -%} experiment, ds, variant{{ of }} {%- endif %}
),
{%- if cluster %}
clusters AS (
    SELECT
        experiment, ds, variant, segment, segment_value,
        moments(1, CAST(0 AS BIGINT)) AS m0
        {%- for moments in distinct %},
        moments(1, m{{ loop.index }}['sum_1'],
            {% if moments.arguments | length == 2 %}m{{ loop.index }}['sum_2']{% else %}CAST(m{{ loop.index }}['n'] AS DOUBLE){% endif %})
            FILTER (WHERE m{{ loop.index }}['n'] > 0) AS m{{ loop.index }}
        {%- endfor %}
    FROM moments_of
    GROUP BY experiment, ds, variant, segment, segment_value
),
{%- endif %}
long AS (
    SELECT experiment, ds, variant, segment, segment_value, {% if pairs %}has_before, {% endif %}unnest([
        {%- if several %}
        named_struct(
            'metric', 'several_variants', 'metric_type', 'proportion'
            {%- for field in built_in %}, '{{ field.name }}', {{ field.value }}{% endfor %})
            {%- if metrics %},{% endif %}
        {%- endif %}
        {%- for metric in metrics %}
        named_struct(
            'metric', {{ metric.label }}, 'metric_type', {% if cluster %}'clustered_' || {% endif %}{{ metric.type_label }}
            {%- for field in metric.fields %}, '{{ field.name }}', {{ field.value }}{% endfor %})
            {%- if not loop.last %},{% endif %}
        {%- endfor %}
    ]) AS s
    FROM {% if cluster %}clusters{% else %}moments_of{% endif %}
)
SELECT
    experiment, ds, s['metric'] AS metric, s['metric_type'] AS metric_type, variant, segment, segment_value
    {%- for field in built_in %},
    {% if pairs and field.name == 'n_before' %}CASE WHEN has_before THEN s['n_before'] END{% else %}s['{{ field.name }}']{% endif %} AS {{ field.name }}
    {%- endfor %}
FROM long
