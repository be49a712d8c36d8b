-- exposures_logged: who met what on one day, for every experiment that one exposure log tells of.
--
-- grain    a row of the log
-- inputs   exposure_log     one day's objects of the log
-- columns  unit, ts         who was exposed, and when; null where the log does not say
--          experiment_key, variant
--          segment_<name>   the segment dimensions
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
