//! Decides where a request may go, in which order, and what follows an outcome. Pure functions: no
//! clock, randomness, I/O or web framework.
//!
//! [`config`] parses a config object into an [`config_types::Entry`]. After inheritance and lookups
//! its shape is a [`tree::Tree`]. [`decided::Decided`] is what a request's facts decide in it, and
//! [`attempts::Attempts`] walks it: the one place where retry, fallback, balance, breaker and hedge
//! meet.

pub mod attempts;
mod backoff;
mod balance;
pub mod breaker;
pub mod budget;
pub mod catalogue;
pub mod condition;
pub mod config;
pub mod config_types;
pub mod decided;
pub mod limit;
pub mod policy;
mod provider;
pub mod retry_after;
mod rolling_window;
pub mod suggest;
pub mod tree;

pub use provider::Provider;
