//! The statistical methods: pure functions from counts, means and variances to estimates.
//!
//! Every method answers with numbers or a [`MethodError`] that names the input at fault; none panics and none returns
//! NaN. A difference is always treatment minus control, and [`Alternative::Greater`] means that the treatment is larger.

pub(crate) mod error;
mod estimate;
mod exact;
mod poisson;
mod sample;
mod score_interval;

pub mod bayes;
pub mod bootstrap;
pub mod cluster;
pub mod contingency;
pub mod cuped;
pub mod cuped_ratio;
pub mod families;
pub mod guardrail;
pub mod heterogeneity;
pub mod kolmogorov;
pub mod mann_whitney;
pub mod permutation;
pub mod poisson_bootstrap;
pub mod post_stratify;
pub mod power;
pub mod proportion;
pub mod quantile;
pub mod quantile_clustered;
pub mod quantile_interval;
pub mod ratio;
pub mod relative;
pub mod resample;
pub mod sample_ratio;
pub mod sequential;
pub mod special;
pub mod spread;
pub mod superiority;
pub mod trend;
pub mod two_proportion;
pub mod welch;
pub mod winsorize;

pub use error::MethodError;
pub use estimate::{Alternative, Estimate, Interval, Reference};
pub use exact::FisherExact;
pub use sample::Sample;
pub use score_interval::ratio_score_interval;
