//! What did the person at the terminal ask for? `args` reads it; each other file does one of it.

pub mod args;
pub mod check;
pub mod docs;
pub mod explain;
pub mod health;
pub mod mock;
pub mod serve;
mod start_message;
