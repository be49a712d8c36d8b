-- guardrail_violations: every date and variant as of which a guardrail was violated, with the reasons.
SELECT experiment, ds, variant, decision, reason_code, reason
FROM (
    SELECT experiment, ds, variant, decision, unnest(reason_codes) AS reason_code, unnest(reasons) AS reason
    FROM decisions
) AS d
WHERE reason_code = 'guardrail_violated'
