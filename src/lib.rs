//! Throughway: a header-directed passthrough gateway for LLM APIs.

pub mod cli;
pub mod config;
pub mod directives;
pub mod downstream;
pub mod egress;
pub mod error;
pub mod observe;
pub mod proxy;
pub mod record;
pub mod secret;
pub mod upstream;
