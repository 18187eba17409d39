//! The commands of the program: `args` reads the command line, each other file runs one command.

pub mod args;
pub mod check;
mod client;
pub mod console;
pub mod docs;
pub mod endpoints;
pub mod explain;
pub mod health;
pub mod import;
pub mod keys;
pub mod mock;
pub mod prices;
pub mod secrets;
pub mod serve;
mod start_message;
mod stopped;
