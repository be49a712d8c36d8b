//! Simulations whose answers are known, and what they promise.

mod fixed_horizon;
mod peeking;
mod promises;
mod support;
