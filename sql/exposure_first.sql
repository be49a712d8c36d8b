-- exposure_first: the day's first exposure of each unit to each experiment.
--
-- grain    experiment, unit
-- inputs   exposures_met    who met what on this day
--          arms             experiment, experiment_key, variant: the arms that the project configures
-- columns  first_exposed    time of the day's first exposure to a configured variant
--          variant          the variant of that exposure; of two at the same time the one first by name
--          variants         every configured variant met on the day, sorted
--          segment_<name>   the segment dimensions at that exposure
SELECT
    a.experiment,
    m.unit,
    min(m.first_exposed) AS first_exposed,
    first_value(m.variant ORDER BY m.first_exposed, m.variant) AS variant,
    sorted_set(m.variant) AS variants
    {%- for segment in segments %},
    first_value(m.{{ segment.column }} ORDER BY m.first_exposed, m.variant) AS {{ segment.column }}
    {%- endfor %}
FROM exposures_met AS m
INNER JOIN arms AS a ON m.experiment_key = a.experiment_key AND m.variant = a.variant
WHERE m.unit IS NOT NULL AND m.first_exposed IS NOT NULL
GROUP BY a.experiment, m.unit
