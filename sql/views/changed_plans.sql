-- changed_plans: decisions of experiments whose plan is not the registered one, a row for each key that changed.
SELECT experiment, ds, variant, decision, decision_as_registered, as_registered_reason, change
FROM (SELECT *, unnest(plan_changes) AS change FROM decisions) AS d
