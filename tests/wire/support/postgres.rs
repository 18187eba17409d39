//! A PostgreSQL server of the test's own, as the tests of the store have it.
#![allow(dead_code, reason = "the tests of the store use more of it")]

#[path = "../../store/support/directory.rs"]
mod directory;
#[path = "../../store/support/postgres.rs"]
mod server;

pub use self::{
    directory::Directory,
    server::{PASSWORD, Postgres},
};
