-- several_variants_examples: a few units that met several variants, for the message that reports them.
--
-- grain    unit
-- inputs   unit_total
SELECT CAST(unit AS VARCHAR) AS unit
FROM unit_total
WHERE several_variants
ORDER BY unit
LIMIT 5
