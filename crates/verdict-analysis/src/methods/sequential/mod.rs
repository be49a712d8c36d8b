//! Methods that stay valid however often one looks.
//!
//! - [`msprt`]: the normal-mixture sequential probability ratio test, with always-valid p-values and intervals.
//! - [`confidence_sequence`]: the same mixture stated as intervals, tuned to be tight at a planned size.
//! - [`spending`], [`boundary`]: group-sequential boundaries, by error spending and classical.
//! - [`crossing`]: what a set of bounds does: crossing probabilities, power, expected information.
//! - [`overlap`], [`correlated`], [`clock`]: correlations between looks, bounds under them, and the time that mixtures need: for
//!   estimates without independent increments.
//! - [`monitor`]: all of them behind one type that takes an experiment's looks.
//! - [`repeated`], [`stagewise`]: p-values and intervals at any look, and after stopping.

pub mod boundary;
pub mod clock;
pub mod confidence_sequence;
pub mod correlated;
pub mod crossing;
pub mod monitor;
pub mod msprt;
pub mod overlap;
pub mod repeated;
pub mod spending;
pub mod stagewise;

mod frontier;
mod mixture;
mod walk;
