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
//! | [`Distribution`] | counts of buckets, over units with several values each | counts; values to a relative error | quantiles of clustered values |
//! | [`ExactValues`], [`ExactPairs`] | how many units have which value, or pair of values | yes | ranks with ties; what is resampled |
//!
//! # Speed
//!
//! One core of an Intel Xeon (AVX-512 machine, code for plain x86-64), shared with much other work at the time; least of some
//! hundred runs over 8192 rows. `cargo bench -p verdict-accum` measures again, and the bench `against_engine` of
//! `verdict-udaf` compares with the engine's own functions. Instructions are those that callgrind counts in the example
//! `rows`, whose head has the commands: they are the same on a busy machine. Amounts are 1 to 1000 with all their digits;
//! shares are up to a millionth, whose last digits lie below the fixed widths of [`Moments`]: rows go to the long
//! accumulator there. The rows of `push_all` and of moments were measured before blocks were added in one pass and a count took
//! 64 bits.
//!
//! | one row | amounts, ns | times plain | instructions | shares, ns |
//! | --- | --- | --- | --- | --- |
//! | plain sum of doubles | 0.77 | 1 | | |
//! | [`ExactSum`] | 3.5 | 4.5 | 31 | 3.5 |
//! | [`ExactSum::push_all`] | 1.6 | 2.1 | 12 | 1.4 |
//! | plain Welford in doubles, as in `var_samp` | 7.7 | 1 | | |
//! | [`Welford`] | 8.0 | 1.0 | 76 | 7.8 |
//! | [`Moments1`] | 6.3 | 0.8 | 63 | 34 |
//! | [`Moments1`], integers | 2.8 | 0.4 | 19 | |
//! | [`Moments2`] | 11 | 1.4 | 143 | 68 |
//! | [`Moments4`] | 20 | 2.6 | 298 | 170 |
//! | [`Sketch`] | 72 | | | |
//!
//! [`Bootstrap`] draws and counts 3.8 · 10^8 weights a second, 3.3 · 10^8 with a sum of whole numbers, 3.0 · 10^8 with
//! one of amounts. Drawing a weight takes 22 instructions (13 for the random bits, 6 for the thresholds, 3 once a block of
//! 64), counting it one, and adding an amount, which has three digits, 11.
//!
//! A thousand replicates of ten million units of zero-inflated revenue take [`BootstrapPooled`] 0.6 s of CPU time with 2,500
//! prices, and 4.7 s when the half million that are not zero all differ; the standard errors of the mean are within 1.6 Monte
//! Carlo errors of the closed form.
//!
//! States are versioned bytes; a change to any of them is a change of the version.

#![forbid(unsafe_code)]

mod block_sum;
mod bootstrap;
mod bootstrap_pooled;
mod categories;
mod codec;
mod distribution;
mod error;
mod exact_sum;
mod exact_values;
mod fixed256;
mod float;
mod moments;
mod moments_state;
mod philox;
mod poisson;
mod replicate_sums;
mod replicates;
mod signed_counts;
mod sketch;
mod twofold;
mod unit_edge;
mod unit_hash;
mod unit_set;
mod unit_tally;
mod welford;
mod wide;

pub use bootstrap::Bootstrap;
pub use bootstrap_pooled::BootstrapPooled;
pub use categories::Categories;
pub use distribution::{Bucket, Distribution, UnitValues};
pub use error::AccumError;
pub use exact_sum::ExactSum;
pub use exact_values::{Exact, ExactPairs, ExactValues};
pub use moments::{Moments, Moments1, Moments2, Moments4};
pub use philox::philox as philox4x32;
pub use replicates::Replicates;
pub use sketch::Sketch;
pub use unit_edge::UnitEdge;
pub use unit_hash::unit_hash;
pub use unit_set::UnitSet;
pub use unit_tally::UnitTally;
pub use welford::Welford;
