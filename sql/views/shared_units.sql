-- shared_units: how many units each two experiments share at their last as-of dates: those in both, and the share of the
-- smaller one.
WITH last AS (
    SELECT experiment, max(ds) AS ds FROM unit_total GROUP BY experiment
),
units AS (
    SELECT t.experiment, t.unit
    FROM unit_total AS t
    INNER JOIN last ON t.experiment = last.experiment AND t.ds = last.ds
),
counts AS (
    SELECT experiment, count(*) AS n FROM units GROUP BY experiment
),
pairs AS (
    SELECT a.experiment, b.experiment AS other, count(*) AS units_shared
    FROM units AS a
    INNER JOIN units AS b ON a.unit = b.unit AND a.experiment < b.experiment
    GROUP BY a.experiment, b.experiment
)
SELECT
    p.experiment, p.other, p.units_shared, a.n AS units, b.n AS units_other,
    CAST(p.units_shared AS DOUBLE) / least(a.n, b.n) AS share_of_smaller
FROM pairs AS p
INNER JOIN counts AS a ON p.experiment = a.experiment
INNER JOIN counts AS b ON p.other = b.experiment
