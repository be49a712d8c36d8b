-- intervals_counted: what became of the rows of one day of an event log.
--
-- grain    the day: one row
-- inputs   {{ table }}      see unit_intervals
SELECT
    coalesce(sum(rows), 0) AS rows,
    coalesce(sum(rows) FILTER (WHERE unit IS NULL), 0) AS rows_without_unit,
    coalesce(sum(rows_without_time), 0) AS rows_without_time,
    coalesce(sum(rows_outside_day), 0) AS rows_outside_day
FROM {{ table }}
