//! Everything that a user would see, tested from outside: one binary, a module a theme.

mod bad_input;
mod decisions;
mod docs;
mod limits;
mod make;
mod nightly;
mod oracle;
mod real_data;
mod reports;
mod sample;
mod seed_file;
mod simulate;
mod stat;
mod stores;
mod support;
mod trust;
