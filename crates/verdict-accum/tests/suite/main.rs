//! What a user of the accumulators sees.

#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod bootstrap;
mod generators;
mod golden;
mod nist;
mod oracle;
mod properties;
mod sketch;
