//! Thin DataFusion adapters of the accumulators.
