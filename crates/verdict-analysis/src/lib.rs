//! Statistics and decisions: pure functions from group statistics to results.

pub mod flags;
pub mod judge;
pub mod methods;
pub mod planning;
pub mod stat;
pub mod words;
