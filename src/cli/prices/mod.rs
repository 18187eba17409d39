//! `throughway prices`: what models cost by the settings, whether their table is in order, and
//! tables of other programs.

mod check;
mod import;
mod list;

use std::{
    io::{self, Write},
    path::PathBuf,
};

use clap::{Args, Subcommand};

use super::stopped;
use crate::{
    config::{Environment, Flags, Settings},
    price::Prices,
};

/// What to do with prices.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum PricesCommand {
    /// List prices in dollars, of a million tokens or of one of anything else
    List(ListArgs),
    /// Check the prices of the settings, and say what of their file is not counted
    Check(SettingsArgs),
    /// Check a file of genai-prices or LiteLLM, and write what is read of it
    Import(ImportArgs),
}

/// Whose prices.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SettingsArgs {
    /// Settings file (YAML) [env: THROUGHWAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// Arguments of `prices list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ListArgs {
    /// Only models with this name, in which * stands for any characters
    #[arg(long, value_name = "PATTERN")]
    pub model: Option<String>,
    /// Only what is sold at this origin, such as https://api.openai.com
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub settings: SettingsArgs,
}

/// Arguments of `prices import`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ImportArgs {
    /// The other program's file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Where to write what is read of it, for `prices.file`
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Runs a command; returns the exit code: 1 if the prices cannot be used.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    command: &PricesCommand,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    let args = match command {
        PricesCommand::Import(args) => return import::run(args, out, err),
        PricesCommand::List(args) => &args.settings,
        PricesCommand::Check(args) => args,
    };
    let flags = Flags::default();
    let settings = match stopped::settings(args.config.as_deref(), environment, &flags) {
        Ok(settings) => settings,
        Err(error) => {
            writeln!(err, "error: {error}")?;
            return Ok(1);
        }
    };
    match command {
        PricesCommand::List(args) => list::run(args, &prices(&settings), out, err),
        PricesCommand::Check(_) => check::run(&prices(&settings), out),
        PricesCommand::Import(_) => Ok(0),
    }
}

fn prices(settings: &Settings) -> Prices {
    let overrides = settings.prices.overrides.clone();
    Prices::new(overrides, settings.price_file.clone())
}

#[cfg(test)]
mod tests;
