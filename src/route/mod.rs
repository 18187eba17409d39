//! Where may a request go, in which order, and what does an outcome mean? Pure: arguments in, verdict out; no clock, dice, I/O
//! or web framework.
//!
//! [`config`] reads a config object into an [`config_types::Entry`]; once everything is inherited and
//! looked up its shape is a [`tree::Tree`]; [`decided::Decided`] is what a request decides of it;
//! [`attempts::Attempts`] walks it, and is the one place where retry, fallback, balance, breaker
//! and hedge meet.

pub mod attempts;
pub mod backoff;
pub mod balance;
pub mod breaker;
pub mod budget;
pub mod catalogue;
pub mod condition;
pub mod config;
pub mod config_types;
pub mod credential;
pub mod decided;
pub mod hop_by_hop;
pub mod limit;
pub mod policy;
mod provider;
pub mod retry_after;
mod rolling_window;
pub mod suggest;
pub mod tree;

pub use provider::Provider;
