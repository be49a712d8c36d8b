-- latest_results: each experiment's results at its last as-of date, primary metric first.
SELECT r.*
FROM results AS r
INNER JOIN (SELECT experiment, max(ds) AS ds FROM results GROUP BY experiment) AS last
    ON r.experiment = last.experiment AND r.ds = last.ds
