//! What to make, and making it: the plan, the SQL stages, the tables.
