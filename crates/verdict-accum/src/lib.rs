//! Numbers that push, merge and retract: the accumulators behind every figure Verdict prints.
//!
//! Floating-point sums depend on the order of addition, and so on threads, files and machines; a value that
//! was added and removed again leaves its rounding behind. Here sums are exact: they are kept as integers,
//! and means and variances are derived once, at the end, and rounded once.
//!
//! ```
//! use verdict_accum::Moments1;
//!
//! let (mut monday, mut tuesday) = (Moments1::default(), Moments1::default());
//! monday.push(1, &[1e9 + 0.1])?;
//! monday.push(1, &[1e9 + 0.3])?;
//! // The first unit's total moved: its old row goes, its new one comes.
//! tuesday.push(-1, &[1e9 + 0.1])?;
//! tuesday.push(1, &[1e9 + 0.2])?;
//!
//! let mut total = monday.clone();
//! total.merge(&tuesday);
//! assert_eq!(total.n(), 2);
//! assert_eq!(total.mean(0), Some(1e9 + 0.25));
//! total.retract(&tuesday);
//! assert_eq!(total.to_bytes(), monday.to_bytes());
//! # Ok::<(), verdict_accum::AccumError>(())
//! ```
//!
//! | | keeps | exact | use |
//! | --- | --- | --- | --- |
//! | [`Moments`] | count, sums, products | yes | everything that is stored, merged and retracted |
//! | [`ExactSum`] | one sum in 24 bytes | yes | a float component of each of millions of units |
//! | [`Welford`] | weight, mean, m2 | 106 bits | real weights, ad-hoc queries |
//!
//! States are versioned bytes; a change to any of them is a change of the version.

mod bootstrap;
mod bootstrap_pooled;
mod codec;
mod error;
mod exact_sum;
mod float;
mod moments;
mod moments_state;
mod philox;
mod poisson;
mod replicate_sums;
mod replicates;
mod sketch;
mod twofold;
mod unit_hash;
mod welford;
mod wide;

pub use bootstrap::Bootstrap;
pub use bootstrap_pooled::BootstrapPooled;
pub use error::AccumError;
pub use exact_sum::ExactSum;
pub use moments::{Moments, Moments1, Moments2, Moments4};
pub use replicates::Replicates;
pub use sketch::Sketch;
pub use unit_hash::unit_hash;
pub use welford::Welford;
