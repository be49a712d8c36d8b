-- exposures_met: who met what on one day, for every experiment that one exposure log tells of.
--
-- grain    experiment_key, variant, unit; null where the log has none (those rows are counted, not used)
-- inputs   exposure_log     one day's objects of the log
-- params   $day_start, $day_end     the instants at which the day begins and ends
-- columns  first_exposed    time of the first usable exposure; null: there is none
--          segment_<name>   the segment dimensions, read at that exposure
--          rows, rows_without_time, rows_outside_day     what was read, and what of it is not usable
WITH logged AS (
    SELECT
        {{ unit }} AS unit,
        {{ timestamp }} AS ts,
        {{ experiment }} AS experiment_key,
        {{ variant }} AS variant
        {%- for segment in segments %},
        {{ segment.expression }} AS {{ segment.column }}
        {%- endfor %}
    FROM exposure_log
    {%- if filter %}
    WHERE {{ filter }}
    {%- endif %}
),
placed AS (
    SELECT
        *,
        ts IS NOT NULL AND (ts < $day_start OR ts >= $day_end) AS outside_day,
        {% if reject_outside_day -%}
        ts IS NOT NULL AND ts >= $day_start AND ts < $day_end AS usable
        {%- else -%}
        ts IS NOT NULL AS usable
        {%- endif %}
    FROM logged
)
SELECT
    experiment_key,
    variant,
    unit,
    min(ts) FILTER (WHERE usable) AS first_exposed
    {%- for segment in segments %},
    first_value({{ segment.column }} ORDER BY ts
        {%- for other in segments %}, {{ other.column }}{% endfor -%}
    ) FILTER (WHERE usable) AS {{ segment.column }}
    {%- endfor %},
    count(*) AS rows,
    count(*) FILTER (WHERE unit IS NOT NULL AND ts IS NULL) AS rows_without_time,
    count(*) FILTER (WHERE outside_day) AS rows_outside_day
FROM placed
GROUP BY experiment_key, variant, unit
