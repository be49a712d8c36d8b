-- events_logged: one scan of one day of one event log, for every metric and experiment.
--
-- grain    a row of the log
-- inputs   event_log        one day's objects of the log
-- columns  unit, ts         whose row it is, and when; null where the log does not say
--          one a component for its value (for counts: whether there is one) and one for its filter, where it has them
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
