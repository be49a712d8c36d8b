-- latest_decisions: each experiment's decisions at its last as-of date.
SELECT d.*
FROM decisions AS d
INNER JOIN (SELECT experiment, max(ds) AS ds FROM decisions GROUP BY experiment) AS last
    ON d.experiment = last.experiment AND d.ds = last.ds
