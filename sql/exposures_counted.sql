-- exposures_counted: what became of the rows of one day of an exposure log.
--
-- grain    experiment_key, variant
-- inputs   exposures_met
SELECT
    experiment_key,
    variant,
    sum(rows) AS rows,
    coalesce(sum(rows) FILTER (WHERE unit IS NULL), 0) AS rows_without_unit,
    sum(rows_without_time) AS rows_without_time,
    sum(rows_outside_day) AS rows_outside_day
FROM exposures_met
GROUP BY experiment_key, variant
ORDER BY experiment_key, variant
