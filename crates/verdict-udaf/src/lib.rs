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
//! CPU seconds of whole queries over 20 million rows of one generated table in memory, least of seven runs (sums of one group, which
//! take some hundredths of a second: of sixty), on two cores that others shared; `cargo bench --workspace --bench against_engine`
//! measures again and says which goals were set. Runs an hour apart differ by a third, in the ratios too: that of `exact_sum(x)`
//! was 1.14, 1.32 and 1.44 in one group, and of ten runs between 1.24 and 1.55 in a million, 1.40 in the middle.
//!
//! | ours | engine's | groups | ours, s | engine's, s | ratio | goal |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | `welford(x)` | `var_samp(x)` | 1 | 0.19 | 0.17 | 1.10 | 2 |
//! | `welford(x)` | `var_samp(x)` | 100 | 0.28 | 0.22 | 1.26 | 2 |
//! | `welford(x)` | `var_samp(x)` | 1000000 | 2.81 | 2.28 | 1.23 | 2 |
//! | `exact_sum(x)` | `sum(x)` | 1 | 0.05 | 0.04 | 1.32 | 1.5 |
//! | `exact_sum(x)` | `sum(x)` | 100 | 0.21 | 0.15 | 1.39 | 1.5 |
//! | `exact_sum(x)` | `sum(x)` | 1000000 | 1.82 | 1.39 | 1.31 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 1 | 0.04 | 0.03 | 1.19 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 100 | 0.17 | 0.15 | 1.14 | 1.5 |
//! | `exact_sum(i)` | `sum(i)` | 1000000 | 1.73 | 1.49 | 1.16 | 1.5 |
//! | `moments(1, x)` | `var_samp(x)` | 1 | 0.21 | 0.17 | 1.22 | 2.5 |
//! | `moments(1, x)` | `var_samp(x)` | 100 | 0.30 | 0.22 | 1.32 | 2.5 |
//! | `moments(1, x)` | `var_samp(x)` | 10000 | 0.36 | 0.23 | 1.58 | 2.5 |
//! | `moments(1, i)` | `var_samp(i)` | 1 | 0.11 | 0.16 | 0.69 | 1.2 |
//! | `moments(1, i)` | `var_samp(i)` | 100 | 0.14 | 0.19 | 0.73 | 1.2 |
//! | `moments(1, i)` | `var_samp(i)` | 10000 | 0.25 | 0.24 | 1.04 | 1.2 |
//! | `moments(1, x, y)` | `var_samp(x)` | 1 | 0.33 | 0.17 | 1.94 | 4 |
//! | `moments(1, x, y)` | `var_samp(x)` | 100 | 0.41 | 0.22 | 1.83 | 4 |
//! | `moments(1, x, y)` | `var_samp(x)` | 10000 | 0.66 | 0.23 | 2.88 | 4 |
//!
//! | state of a group | bytes in memory | bytes stored |
//! | --- | --- | --- |
//! | `moments`, one variable | 64 | 36 |
//! | `moments`, two variables | 144 | 86 |
//! | `moments`, four variables | 400 | 243 |
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
