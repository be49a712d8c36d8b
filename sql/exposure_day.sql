-- exposure_day: every unit exposed to an experiment on one day, with that day's events at or after
-- the exposure; all experiments of one exposure log at once. Depends on that day's logs and on nothing else.
--
-- grain    experiment, unit
-- inputs   exposure_first   the day's first exposures
--          exposure_cuts    the instants that cut a unit's day into intervals
--          {% for source in sources %}intervals_{{ source.name }} {% endfor %} (unit, interval), see unit_intervals
-- columns  first_exposed, variant, variants, segment_<name>, and one a component; bucket orders the rows and is not
--          stored
WITH exposed AS (
    SELECT
        f.experiment, f.unit, f.first_exposed, f.variant, f.variants
        {%- for segment in segments %}, f.{{ segment.column }}{% endfor %},
        array_position(k.cuts, f.first_exposed) AS first_interval
    FROM exposure_first AS f
    INNER JOIN exposure_cuts AS k ON f.unit = k.unit
),
parts AS (
    {%- for source in sources %}
    {%- if not loop.first %}
    UNION ALL
    {%- endif %}
    SELECT e.experiment, e.unit
        {%- for component in components %},
        {% if component.source == source.name -%} i.{{ component.column }} {%- else -%} CAST(NULL AS {{ component.part_type }}) {%- endif %} AS {{ component.column }}
        {%- endfor %}
    FROM exposed AS e
    INNER JOIN {{ source.table }} AS i ON e.unit = i.unit AND i.interval >= e.first_interval
    {%- endfor %}
),
after_exposure AS (
    SELECT
        experiment, unit
        {%- for component in components %},
        {{ component.of_parts }} AS {{ component.column }}
        {%- endfor %}
    FROM parts
    GROUP BY experiment, unit
)
SELECT
    e.experiment, e.unit, unit_bucket(e.unit, {{ buckets }}) AS bucket, e.first_exposed, e.variant, e.variants
    {%- for segment in segments %}, e.{{ segment.column }}{% endfor %}
    {%- for component in components %},
    {{ component.or_none }} AS {{ component.column }}
    {%- endfor %}
FROM exposed AS e
LEFT JOIN after_exposure AS a ON e.experiment = a.experiment AND e.unit = a.unit
ORDER BY e.experiment, bucket, e.unit
