//! The store of records over real databases: SQLite files, a PostgreSQL server that the tests
//! start, and memory.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, print, wait and dial"
)]

mod api;
mod crash;
#[path = "../store/support/mod.rs"]
#[allow(
    dead_code,
    unused_imports,
    reason = "shared with the tests of the store"
)]
mod databases;
mod faults;
mod large;
mod metadata;
mod names;
mod retention;
mod searches;
mod stage;
mod sums;
