//! The arguments of `throughway import`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What is imported.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum ImportCommand {
    /// Print settings for a LiteLLM config.yaml: its pass-through endpoints, hosts and master key
    ///
    /// What could not be carried over is listed on standard error with line, key and reason. Exits
    /// with 0 if anything was carried over, else with 2.
    Litellm(ImportArgs),
    /// Print settings for a Portkey config object (JSON), as the config `imported`
    ///
    /// What could not be carried over is listed on standard error with key and reason. Exits with 0
    /// if anything was carried over, else with 2.
    Portkey(ImportArgs),
}

/// The file to import.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ImportArgs {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}
