-- unit_day: each unit's components over one whole day. Depends on that day's logs and on nothing else.
--
-- grain    unit
-- inputs   {% for source in sources %}intervals_{{ source.name }} {% endfor %} (unit, interval), see unit_intervals
-- columns  one a component; bucket orders the rows and is not stored
WITH parts AS (
    {%- for source in sources %}
    {%- if not loop.first %}
    UNION ALL
    {%- endif %}
    SELECT unit
        {%- for component in components %},
        {% if component.source == source.name -%} {{ component.column }} {%- else -%} CAST(NULL AS {{ component.part_type }}) {%- endif %} AS {{ component.column }}
        {%- endfor %}
    FROM {{ source.table }}
    WHERE unit IS NOT NULL
    {%- endfor %}
)
SELECT
    unit, unit_bucket(unit, {{ buckets }}) AS bucket
    {%- for component in components %},
    {{ component.of_parts }} AS {{ component.column }}
    {%- endfor %}
FROM parts
GROUP BY unit
ORDER BY bucket, unit
