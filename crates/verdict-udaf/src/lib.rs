//! Thin DataFusion adapters of the accumulators.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> datafusion::common::Result<()> {
//! use datafusion::prelude::SessionContext;
//!
//! let ctx = SessionContext::new();
//! verdict_udaf::register_all(&ctx)?;
//! let rows = ctx
//!     .sql("SELECT m.n AS n, m.mean_1 AS mean_1, moments_var_samp(m) AS var FROM (
//!               SELECT moments(w, x) AS m FROM (VALUES (1, 14.0), (1, 9.0), (-1, 14.0), (1, 15.0)) AS t(w, x))")
//!     .await?
//!     .collect()
//!     .await?;
//! datafusion::assert_batches_eq!(
//!     ["+---+--------+------+", "| n | mean_1 | var  |", "+---+--------+------+", "| 2 | 12.0   | 18.0 |", "+---+--------+------+"],
//!     &rows
//! );
//! # Ok(())
//! # }
//! ```
//!
//! | function | result |
//! | --- | --- |
//! | `moments(weight, x1[, x2[, x3, x4]])` | struct `n`, `sum_i`, `mean_i`, `m2_i`, `co_ij` (i < j), `nulls`: exact, rounded once |
//! | `moments_state(weight, x1[, x2[, x3, x4]])` | the exact state as BINARY, to be stored |
//! | `moments_merge_1(state)`, `_2`, `_4` | the struct of all states together; the planner must know the number of variables |
//! | `moments_mean(m[, i])`, `moments_var_samp(m[, i])`, `moments_covar_samp(m, i, j)` | scalars of the struct; i, j are literals from 1 |
//! | `exact_sum(x)` | BIGINT of integers, DOUBLE of anything else, correctly rounded |
//! | `exact_sum_state(x)` | the exact sum as BINARY, to be stored |
//! | `exact_sum_merge(state)` | DOUBLE, the sum of all states, correctly rounded |
//! | `welford(x[, weight])` | struct `n` (the sum of the weights), `mean`, `m2`, all DOUBLE, in about 106 bits; `nulls` |
//! | `bootstrap(unit, replicates, seed[, x1 …])` | struct `units`, `n` and `sum_i` (lists, an item a replicate), `nulls`; a unit (text or BIGINT) has the same Poisson(1) weights in every call with this seed |
//! | `bootstrap_pooled(replicates, seed, x1 …)` | the same struct; units with equal values are weighted together, which is faster and gives up weights by unit |
//! | `sketch(weight, x[, relative_error])` | a quantile sketch as BINARY; the relative error is a literal, 0.005 unless given |
//! | `sketch_merge(state)` | the sketch of all states together |
//! | `distribution_state(weight, x)` | BINARY: counts by bucket over units of one value, or of several (BINARY, as `unit_total` has them), with the sums that the variance of clustered values is made of |
//! | `distribution_merge(state)` | the distribution of all states together |
//! | `exact_values_state(weight, x)` | BINARY: how many units have which value, without rounding |
//! | `exact_values_merge(state)` | the same of all states together |
//! | `exact_pairs_state(weight, x, y)` | BINARY: how many units have which pair of values |
//! | `exact_pairs_merge(state)` | the same of all states together |
//! | `categories_state(weight, text)` | BINARY: how many units are in which category |
//! | `categories_merge(state)` | the same of all states together |
//! | `sketch_quantile(state, q)` | DOUBLE, the value of rank floor(q (n - 1)) within the relative error |
//!
//! Common to all: a row with a NULL in any argument is ignored; the field `nulls` of a struct counts such rows (for
//! other results `count(*) - count(x)` does). NaN and infinities are errors that name the
//! argument, unless a FILTER excludes them. Sliding windows work; DISTINCT and ORDER BY are refused. Integers and booleans are added as BIGINT (all variables of a
//! call, or none), other numbers, decimals included, as DOUBLE. Without rows `moments` and `welford` give n = 0 and
//! NULL for the rest, `exact_sum` and its kin NULL, `moments_state` the state of nothing. Except for
//! `welford`, whose last digit may depend on the order of rows, results are the same bits for any order, batch
//! size, number of partitions and plan.

//! # Cost beside the engine's own
//!
//! CPU seconds of whole queries over 20 million rows of one generated table in memory, least of five runs, on two cores
//! that others shared; `cargo bench --workspace --bench against_engine` measures again and says which goals were set. Runs an
//! hour apart differ by a third, in the ratios too. Beyond their goals are sums of doubles in one group and, by a little, in a million,
//! integer `moments` of 10,000 groups, and `moments` of two variables there (160 bytes a group, where the engine's variance has 24:
//! 1.6 MB of states are presumably more than a core's own cache keeps).
//!
//! | ours | engine's | groups | ours, s | engine's, s | ratio | goal |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `welford(x)` | `var_samp(x)` | 1 | 0.14 | 0.14 | 1.02 | 2 |
//! | `welford(x)` | `var_samp(x)` | 100 | 0.22 | 0.19 | 1.15 | 2 |
//! | `welford(x)` | `var_samp(x)` | 1000000 | 2.86 | 2.13 | 1.35 | 2 |
//! | `exact_sum(x)` | `sum(x)` | 1 | 0.05 | 0.03 | 1.63 | 1.5 |
//! | `exact_sum(x)` | `sum(x)` | 100 | 0.19 | 0.15 | 1.31 | 1.5 |
//! | `exact_sum(x)` | `sum(x)` | 1000000 | 1.96 | 1.24 | 1.59 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 1 | 0.04 | 0.03 | 1.40 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 100 | 0.17 | 0.14 | 1.24 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 1000000 | 1.54 | 1.23 | 1.25 | 1.5 |
//! | `moments(1, x)` | `var_samp(x)` | 1 | 0.26 | 0.14 | 1.90 | 2.5 |
//! | `moments(1, x)` | `var_samp(x)` | 100 | 0.33 | 0.19 | 1.75 | 2.5 |
//! | `moments(1, x)` | `var_samp(x)` | 10000 | 0.45 | 0.18 | 2.42 | 2.5 |
//! | `moments(1, i)` | `var_samp(i)` | 1 | 0.10 | 0.16 | 0.62 | 1.2 |
//! | `moments(1, i)` | `var_samp(i)` | 100 | 0.17 | 0.19 | 0.92 | 1.2 |
//! | `moments(1, i)` | `var_samp(i)` | 10000 | 0.27 | 0.21 | 1.29 | 1.2 |
//! | `moments(1, x, y)` | `var_samp(x)` | 1 | 0.43 | 0.14 | 3.14 | 4 |
//! | `moments(1, x, y)` | `var_samp(x)` | 100 | 0.50 | 0.19 | 2.62 | 4 |
//! | `moments(1, x, y)` | `var_samp(x)` | 10000 | 0.94 | 0.18 | 5.10 | 4 |
//!
//! | state of a group | bytes in memory | bytes stored |
//! | --- | --- | --- |
//! | `moments`, one variable | 80 | 36 |
//! | `moments`, two variables | 160 | 86 |
//! | `moments`, four variables | 416 | 243 |
//! | `exact_sum` of doubles | 32 | 14 |
//! | `welford` | 64 | 48 |
//! | `sketch` | 17264 | 730 |

#![forbid(unsafe_code)]

mod adapters;
mod arguments;
mod bootstrap;
mod exact_sum;
mod function;
mod integer_sum;
mod kernel;
mod moments;
mod register;
mod scalars;
mod sketch;
mod sketch_quantile;
mod tally;
mod welford;

pub use register::{all, all_scalars, register_all};
