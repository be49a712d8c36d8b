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
//! | [`Welford`] | weight, sums about an origin | 106 bits | real weights, ad-hoc queries |
//! | [`Bootstrap`] | counts and sums of each replicate | yes | standard errors of anything, weights by unit |
//! | [`BootstrapPooled`] | how many units have which values | yes | the same, faster, without weights by unit |
//! | [`Sketch`] | counts of buckets | counts; values to a relative error | quantiles, caps |
//!
//! # Speed
//!
//! One core of an Intel Xeon (AVX-512 machine, code for plain x86-64), shared with other work at the time; least of some
//! hundred runs over 8192 rows of amounts with all their digits. `cargo bench -p verdict-accum` measures again.
//!
//! | one row | ns | times plain |
//! | --- | --- | --- |
//! | plain sum of doubles | 0.8 | |
//! | plain Welford in doubles, as in `var_samp` | 7.7 | 1 |
//! | [`Welford`] | 7.7 | 1.0 |
//! | [`Moments1`] | 7.6 | 1.0 |
//! | [`Moments1`], integers | 3.4 | 0.4 |
//! | [`Moments2`] | 25 | 3.3 |
//! | [`ExactSum`] | 3.6 | 4.6 (of the sum) |
//! | [`Sketch`] | 72 | |
//!
//! [`Bootstrap`] draws and counts 2.8 to 3.4 · 10^8 weights a second (the machine was busy), 2.8 to 3.2 · 10^8 with a sum
//! of whole numbers, 2.4 to 2.7 · 10^8 with one of amounts. A thousand replicates of ten million units of zero-inflated
//! revenue take [`BootstrapPooled`] 0.8 s with 2,500 prices, and 7 s when the half million that are not zero all differ.
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
