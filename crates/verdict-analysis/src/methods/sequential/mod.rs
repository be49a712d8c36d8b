//! Methods that stay valid however often one looks.
//!
//! - [`msprt`]: the normal-mixture sequential probability ratio test, with always-valid p-values and intervals.
//! - [`confidence_sequence`]: the same mixture stated as intervals, tuned to be tight at a planned size.
//! - [`spending`], [`boundary`]: group-sequential boundaries, by error spending and classical.
//! - [`crossing`]: what a set of bounds does: crossing probabilities, power, expected information.
//! - [`overlap`], [`correlated`], [`clock`]: correlations between looks, bounds under them, and the time that
//!   mixtures need: for estimates without independent increments.
//! - [`monitor`]: all of them behind one type that takes an experiment's looks.
//! - [`repeated`], [`stagewise`]: p-values and intervals at any look, and after stopping.
//! - [`sample_ratio`]: whether the arms hold their planned shares of units, looked at every day.
//!
//! # Measured
//!
//! Any-look false positives of 28 daily looks at a nominal two-sided 5%, 20,000 experiments a cell (± 0.3 points
//! at two standard errors), and at an effect of about three standard errors at the end: power and mean days to a
//! decision, 4,000 experiments. `cargo run --release -p verdict-analysis --example peeking` prints it.
//!
//! | metric | method | false positives | power | mean days |
//! | --- | --- | ---: | ---: | ---: |
//! | Gaussian | naive: 1.96 every day | 27.65% | 92.5% | 10.7 |
//! | Gaussian | Pocock on n/n_max (independent increments) | 5.29% | 76.5% | 17.6 |
//! | Gaussian | O'Brien-Fleming on n/n_max (independent increments) | 4.98% | 84.1% | 20.0 |
//! | Gaussian | `pocock` | 5.05% | 76.4% | 17.7 |
//! | Gaussian | `obrien_fleming` | 4.96% | 84.0% | 20.0 |
//! | Gaussian | `msprt` | 1.31% | 58.7% | 21.3 |
//! | Gaussian | `confidence_sequence` | 1.21% | 58.4% | 21.5 |
//! | Gaussian | `none`: last day only | 5.06% | 85.6% | 28.0 |
//! | Bernoulli(0.01) | naive: 1.96 every day | 27.72% | 89.0% | 11.7 |
//! | Bernoulli(0.01) | Pocock on n/n_max (independent increments) | 4.76% | 69.5% | 18.9 |
//! | Bernoulli(0.01) | O'Brien-Fleming on n/n_max (independent increments) | 4.95% | 77.5% | 21.0 |
//! | Bernoulli(0.01) | `pocock` | 4.86% | 69.8% | 18.9 |
//! | Bernoulli(0.01) | `obrien_fleming` | 4.94% | 77.5% | 21.0 |
//! | Bernoulli(0.01) | `msprt` | 1.12% | 49.6% | 22.7 |
//! | Bernoulli(0.01) | `confidence_sequence` | 1.08% | 49.6% | 22.7 |
//! | Bernoulli(0.01) | `none`: last day only | 5.04% | 78.9% | 28.0 |
//! | zero-inflated log-normal | naive: 1.96 every day | 26.86% | 87.8% | 12.4 |
//! | zero-inflated log-normal | Pocock on n/n_max (independent increments) | 4.20% | 65.2% | 20.0 |
//! | zero-inflated log-normal | O'Brien-Fleming on n/n_max (independent increments) | 4.74% | 76.4% | 21.6 |
//! | zero-inflated log-normal | `pocock` | 4.38% | 64.7% | 20.0 |
//! | zero-inflated log-normal | `obrien_fleming` | 4.54% | 74.2% | 21.9 |
//! | zero-inflated log-normal | `msprt` | 1.04% | 44.8% | 23.5 |
//! | zero-inflated log-normal | `confidence_sequence` | 0.94% | 45.1% | 23.5 |
//! | zero-inflated log-normal | `none`: last day only | 4.92% | 77.6% | 28.0 |
//! | acting daily | naive: 1.96 every day | 38.24% | 92.8% | 13.8 |
//! | acting daily | Pocock on n/n_max (independent increments) | 7.86% | 75.8% | 20.8 |
//! | acting daily | O'Brien-Fleming on n/n_max (independent increments) | 6.55% | 84.0% | 21.8 |
//! | acting daily | `pocock` | 5.22% | 69.0% | 21.9 |
//! | acting daily | `obrien_fleming` | 5.12% | 81.0% | 22.2 |
//! | acting daily | `msprt` | 1.28% | 48.8% | 24.3 |
//! | acting daily | `confidence_sequence` | 1.46% | 37.5% | 25.0 |
//! | acting daily | `none`: last day only | 4.92% | 85.0% | 28.0 |
//! | acting daily, own means | naive: 1.96 every day | 21.54% | 86.6% | 12.7 |
//! | acting daily, own means | Pocock on n/n_max (independent increments) | 3.52% | 67.4% | 19.4 |
//! | acting daily, own means | O'Brien-Fleming on n/n_max (independent increments) | 3.46% | 79.3% | 20.8 |
//! | acting daily, own means | `pocock` | 4.96% | 75.9% | 18.1 |
//! | acting daily, own means | `obrien_fleming` | 4.98% | 83.1% | 20.3 |
//! | acting daily, own means | `msprt` | 0.55% | 46.4% | 23.6 |
//! | acting daily, own means | `confidence_sequence` | 0.64% | 48.2% | 23.2 |
//! | acting daily, own means | `none`: last day only | 5.03% | 83.8% | 28.0 |
//!
//! *Gaussian*: 40 units a day and variant, complete at entry. *Bernoulli*: 1,000 units of which 1% convert.
//! *Zero-inflated*: 400 units of which 5% spend a log-normal amount. *Acting daily*: 20 units enter a day and act
//! every day from then on, independently (cumulative total); *with own means*: each unit has a mean of its own,
//! as variable as its days. "n/n_max" is the boundary for independent increments spent by days: right for values
//! complete at entry, not for totals that grow. The monitor takes the correlations from the units' totals (with
//! 2,048 points here). The mixture's tau is the effect at the first look; confidence sequences are tuned to the
//! units of day 28.

pub mod boundary;
pub mod clock;
pub mod confidence_sequence;
pub mod correlated;
pub mod crossing;
pub mod monitor;
pub mod msprt;
pub mod overlap;
pub mod repeated;
pub mod sample_ratio;
pub mod spending;
pub mod stagewise;

mod frontier;
mod mixture;
mod walk;
