-- group_changes: what joins and what leaves each group of units at each look, as states that can be stored and added.
--
-- grain    cell: an experiment's look, a variant, and values of the segment dimensions
-- inputs   unit_changes     a row for each total that joins its group (weight 1) or leaves it (-1) at a look
-- columns  a state of moments, or of a distribution, for each list of components that some metric needs;
--          several_variants covers every exposed unit, the others those that count
SELECT
    cell,
    moments_state(weight, CAST(several_variants AS BIGINT)) AS {{ several_variants }}
    {%- for moments in distinct %},
    {{ moments.make }}(weight{% for x in moments.arguments %}, {{ x }}{% endfor %}) FILTER (WHERE counted) AS {{ moments.state }}
    {%- endfor %}
FROM unit_changes
GROUP BY cell
