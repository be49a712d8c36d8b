//! Projects in folders, from outside.

mod folders;
mod seed;
