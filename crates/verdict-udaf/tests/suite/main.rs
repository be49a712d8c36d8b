//! What a user of the functions sees, through SQL.
#![expect(clippy::unwrap_used, reason = "a helper of a test fails as the test does")]

mod refusals;
mod same_bits;
mod session;
mod values;
mod windows;
