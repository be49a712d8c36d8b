-- exposure_cuts: the instants that cut a unit's day into intervals: its exposure times, over all experiments.
--
-- grain    unit
-- inputs   exposure_first   the day's first exposures
-- columns  cuts             the distinct exposure times, ascending; interval i of the day lies between
--                           cuts i and i + 1, interval 0 before the first
SELECT unit, sorted_set(first_exposed) AS cuts
FROM exposure_first
GROUP BY unit
