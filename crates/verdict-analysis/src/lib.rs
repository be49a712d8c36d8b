//! Statistics and decisions: pure functions from group statistics to results.
