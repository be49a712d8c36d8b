//! Posterior probabilities and expected losses.
//!
//! - [`beta_binomial`]: two rates under beta priors, exact.
//! - [`gaussian`]: any estimate with a standard error under a normal prior.
//!
//! With flat priors the probability of being better is about one minus the one-sided p-value: the same evidence in other
//! words, and peeking at it inflates the error rate just as it does for p-values. State the prior with the result.

pub mod beta_binomial;
pub mod gaussian;
