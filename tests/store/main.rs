//! The store over real databases: SQLite files, a PostgreSQL server that the tests start, and
//! memory. What holds for all three is tested on all three by the same test.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test may panic, print, wait and dial"
)]

mod concurrency;
mod faults;
mod faults_file;
mod follow;
mod kill;
mod operations;
mod retention;
mod sealing;
mod spend;
mod support;
