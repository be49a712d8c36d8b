//! Methods that stay valid however often one looks.
//!
//! - [`msprt`]: the normal-mixture sequential probability ratio test, with always-valid p-values and intervals.
//! - [`confidence_sequence`]: the same mixture stated as intervals, tuned to be tight at a planned size.

pub mod confidence_sequence;
pub mod msprt;
