//! The words of `throughway keys`.

use std::{path::PathBuf, time::Duration};

use clap::{Args, Subcommand};
use jiff::Timestamp;

use super::time;

/// What to do with gateway keys.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum KeysCommand {
    /// Make a key and print it: the first line of the output, and shown only then
    Create(Box<CreateArgs>),
    /// List the keys
    List(Where),
    /// Show a key, without its secret
    Show(OneKey),
    /// Replace a key's secret and print the new one: the first line of the output
    Rotate(RotateArgs),
    /// Refuse a key from now on
    Block(OneKey),
    /// Accept a blocked key again
    Unblock(OneKey),
    /// Delete a key; it is refused from now on
    Delete(OneKey),
}

/// Which gateway, and how its response is printed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct Where {
    /// The running gateway, by default http://127.0.0.1:8787 [env: THROUGHWAY_URL]
    #[arg(long, value_name = "URL", conflicts_with_all = ["data_dir", "config"])]
    pub url: Option<String>,
    /// Change the store in this directory itself, while no gateway runs
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Change the store of this settings file itself, while no gateway runs
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

/// A key that exists.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct OneKey {
    /// The key's name or id
    #[arg(value_name = "KEY")]
    pub key: String,
    #[command(flatten)]
    pub place: Where,
}

/// Arguments of `keys rotate`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct RotateArgs {
    #[command(flatten)]
    pub one: OneKey,
    /// How long the old secret still works, such as 1h; by default it ends at once
    #[arg(long, value_name = "DURATION", value_parser = time::duration)]
    pub grace: Option<Duration>,
}

/// Arguments of `keys create`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct CreateArgs {
    /// The key's name
    #[arg(value_name = "NAME")]
    pub name: String,
    /// Make the key here and print its entry for the settings file; asks no gateway
    #[arg(long, conflicts_with_all = ["url", "data_dir", "config"])]
    pub offline: bool,
    /// Its team, by name or id
    #[arg(long, value_name = "TEAM")]
    pub team: Option<String>,
    /// What its holder may do besides sending requests, by default member
    #[arg(long, value_name = "ROLE", value_parser = ["member", "viewer", "admin"])]
    pub role: Option<String>,
    /// When it ends, such as 2027-01-31T00:00:00Z, or how long it lasts, such as 90d
    #[arg(long, value_name = "TIME|DURATION", value_parser = time::end)]
    pub expires: Option<Timestamp>,
    /// The saved config of requests that name no target
    #[arg(long, value_name = "NAME")]
    pub default_config: Option<String>,
    /// Added to the metadata of its requests; as often as wanted
    #[arg(long, value_name = "NAME=VALUE", value_parser = metadata)]
    pub metadata: Vec<(String, String)>,
    #[command(flatten)]
    pub allow: AllowArgs,
    #[command(flatten)]
    pub place: Where,
}

/// What a new key may use; each as often as wanted, and what is left out is not restricted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct AllowArgs {
    /// A model it may use, such as gpt-*; as often as wanted
    #[arg(long, value_name = "PATTERN")]
    pub allow_model: Vec<String>,
    /// A provider it may use, such as openai, @my-vllm or passthrough
    #[arg(long, value_name = "PROVIDER")]
    pub allow_provider: Vec<String>,
    /// A host it may use, such as api.openai.com or *.example.com
    #[arg(long, value_name = "PATTERN")]
    pub allow_host: Vec<String>,
    /// A path it may use, such as /v1/chat/completions or /v1/audio/*
    #[arg(long, value_name = "PATTERN")]
    pub allow_route: Vec<String>,
    /// A method it may use, such as POST
    #[arg(long, value_name = "METHOD")]
    pub allow_method: Vec<String>,
    /// An address or network it may be used from, such as 10.0.0.0/8
    #[arg(long, value_name = "NETWORK")]
    pub allow_client_address: Vec<String>,
}

fn metadata(text: &str) -> Result<(String, String), &'static str> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
