//! Everything that a user would see, tested from outside: one binary, a module a theme.

mod bad_input;
mod sample;
mod support;
