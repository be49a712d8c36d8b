-- failed_checks: every check that did not pass, of every experiment and as-of date.
SELECT experiment, ds, "check", status, statistic, p_value, threshold, message
FROM checks
WHERE status <> 'pass'
