pub mod cli;
pub mod config;
pub mod directives;
pub mod secret;
