-- unit_total: each exposed unit's totals from its first exposure to the as-of date: the exposure day from
-- the exposure on, and the whole days after it.
--
-- grain    unit
-- inputs   exposure_days    exposure_day of the experiment, its first day to the as-of date
--          unit_days        unit_day of the same days
-- columns  first_exposed, exposure_ds, variant, several_variants, counted, segment_<name>, and one a component
WITH met AS (
    SELECT
        unit,
        min(ds) AS exposure_ds,
        max(array_length(variants)) > 1 OR min(variant) <> max(variant) AS several_variants
    FROM exposure_days
    GROUP BY unit
),
first_day AS (
    SELECT
        m.unit, m.exposure_ds, m.several_variants, x.first_exposed, x.variant
        {%- for segment in segments %}, x.{{ segment.column }}{% endfor %}
        {%- for component in components %}, x.{{ component.column }}{% endfor %}
    FROM met AS m
    INNER JOIN exposure_days AS x ON m.unit = x.unit AND m.exposure_ds = x.ds
),
parts AS (
    SELECT
        unit
        {%- for component in components %},
        {{ component.of_day }} AS {{ component.column }}
        {%- endfor %}
    FROM first_day
    {%- if components %}
    UNION ALL
    SELECT
        d.unit
        {%- for component in components %},
        {{ component.of_unit_day }} AS {{ component.column }}
        {%- endfor %}
    FROM unit_days AS d
    INNER JOIN met AS m ON d.unit = m.unit AND d.ds > m.exposure_ds
    {%- endif %}
),
totals AS (
    SELECT
        unit
        {%- for component in components %},
        {{ component.of_days }} AS {{ component.column }}
        {%- endfor %}
    FROM parts
    GROUP BY unit
)
SELECT
    f.unit, f.first_exposed, f.exposure_ds, f.variant, f.several_variants,
    {% if exclude_several_variants -%} NOT f.several_variants {%- else -%} true {%- endif %} AS counted
    {%- for segment in segments %}, f.{{ segment.column }}{% endfor %}
    {%- for component in components %}, t.{{ component.column }}{% endfor %}
FROM first_day AS f
INNER JOIN totals AS t ON f.unit = t.unit
ORDER BY f.unit
