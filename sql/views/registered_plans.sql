-- registered_plans: each key of the plan that an experiment was first run with.
SELECT experiment, registered_ds, key, value
FROM registrations
WHERE key NOT IN ('plan', 'file')
