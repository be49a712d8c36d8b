-- unit_intervals: one scan of one day of one event log, aggregated once for every metric and experiment.
--
-- grain    unit, interval: of the intervals into which the unit's exposure times of the day, over all experiments,
--          cut its day, 0 before the first; unit is null where the log has none
-- inputs   event_log        one day's objects of the log
--          exposure_cuts    those times: unit and a list, ascending; one row a unit, so that the join multiplies nothing
-- params   $day_start, $day_end     the instants at which the day begins and ends
-- columns  one a component: what its days are merged from (counts, sums, extremes, whether there was a row)
--          rows, rows_without_time, rows_outside_day     what was read, and what of it is not usable
WITH logged AS (
    SELECT
        {{ unit }} AS unit,
        {{ timestamp }} AS ts
        {%- for component in components %}
        {%- if component.value %},
        {{ component.value }} AS {{ component.value_column }}
        {%- endif %}
        {%- if component.filter %},
        {{ component.filter }} AS {{ component.filter_column }}
        {%- endif %}
        {%- endfor %}
    FROM event_log
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
    e.unit,
    {% if cut -%} interval_of(e.ts, k.cuts) {%- else -%} CAST(0 AS BIGINT) {%- endif %} AS interval
    {%- for component in components %},
    {{ component.of_rows }} AS {{ component.column }}
    {%- endfor %},
    count(*) AS rows,
    count(*) FILTER (WHERE e.unit IS NOT NULL AND e.ts IS NULL) AS rows_without_time,
    count(*) FILTER (WHERE e.outside_day) AS rows_outside_day
FROM placed AS e
{%- if cut %}
LEFT JOIN exposure_cuts AS k ON e.unit = k.unit
{%- endif %}
GROUP BY e.unit, {% if cut -%} interval_of(e.ts, k.cuts) {%- else -%} CAST(0 AS BIGINT) {%- endif %}
