//! What a user of the accumulators sees.

mod generators;
mod golden;
mod nist;
mod oracle;
mod properties;
