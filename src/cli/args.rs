//! The command line: commands, flags and their help. It reads words and starts nothing.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use super::{
    console::ConsoleArgs, endpoints::EndpointsCommand, import::args::ImportCommand,
    keys::args::KeysCommand, prices::PricesCommand,
};
use crate::config::Flags;

/// The whole command line.
#[derive(Debug, Parser)]
#[command(
    name = "throughway",
    version,
    about = "A gateway for LLM APIs: any host per request, every byte as sent",
    long_about = "A gateway for LLM APIs: any host per request, every byte as sent.\n\n\
        Without a command it serves. It needs no settings: it listens on 127.0.0.1:8787, and \
        headers of each request say where it goes:\n\n  \
        curl http://127.0.0.1:8787/v1/chat/completions \\\n    \
        -H 'x-gateway-custom-host: https://api.openai.com/v1' \\\n    \
        -H \"authorization: Bearer $OPENAI_API_KEY\" \\\n    \
        -H 'content-type: application/json' -d @request.json",
    after_help = "Settings: the file, then THROUGHWAY_* variables, then flags; later ones win.",
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// The command; serve if none is given.
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: ServeArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway (the default)
    Serve(ServeArgs),
    /// Validate a settings file and show what differs from the defaults; starts nothing
    ///
    /// Reads the environment and takes the same flags as `serve`, since both change what the file
    /// means. Exits with 0 if the settings are good and with 1 if they are not.
    Check(CheckArgs),
    /// Show where a request would go: its targets, the guard's verdicts, credentials by name
    ///
    /// Takes the settings, environment and flags of `serve`, and a request in curl's words. Sends
    /// nothing.
    Explain(ExplainArgs),
    /// Check whether the gateway on this machine responds; exits with 0 if it does, else with 1
    ///
    /// For containers without a shell. Takes the settings, environment and flags of `serve` and
    /// asks the address they listen on; the wildcard address is asked on loopback.
    Health(ServeArgs),
    /// Print a link that signs in to the console of the gateway on this machine
    ///
    /// The link is good for 15 minutes and for one browser. With THROUGHWAY_ADMIN_TOKEN it is made
    /// by any gateway's admin API; without, by the gateway that runs with this data directory.
    Console(ConsoleArgs),
    /// Make, list and change the gateway keys that callers get in place of providers' keys
    ///
    /// Asks a running gateway by its admin API. The token is read from THROUGHWAY_ADMIN_TOKEN: a
    /// flag for it would be seen in the list of processes.
    #[command(subcommand)]
    Keys(KeysCommand),
    /// List the endpoints of a running gateway, or send one a test request
    ///
    /// Asks by its admin API, with the token of THROUGHWAY_ADMIN_TOKEN.
    #[command(subcommand)]
    Endpoints(EndpointsCommand),
    /// Show and check what models cost, by the settings and the table in the program
    #[command(subcommand)]
    Prices(PricesCommand),
    /// Work on the secrets that the store has sealed
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Print settings for another gateway's configuration
    #[command(subcommand)]
    Import(ImportCommand),
    /// Run an upstream shaped like OpenAI and Anthropic, with faults on demand, for trying and
    /// testing
    Mock(throughway_mock::MockArgs),
    /// Print a reference page of the documentation
    #[command(hide = true)]
    Docs {
        /// The page
        page: Page,
    },
}

/// A page that is printed from the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Page {
    /// The gateway's request and reply headers
    Headers,
    /// The settings
    Settings,
    /// The JSON schema of the settings file, for editors
    Schema,
    /// The config object
    Config,
    /// The built-in providers
    Providers,
    /// The gateway's own errors
    Errors,
    /// The metrics
    Metrics,
    /// The mock's routes, and the faults it can be told to have
    Mock,
}

/// Arguments of `serve`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct ServeArgs {
    /// Settings file (YAML) [env: THROUGHWAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub flags: Flags,
}

/// Arguments of `check`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct CheckArgs {
    /// Settings file (YAML)
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    #[command(flatten)]
    pub flags: Flags,
}

/// What to do with sealed secrets.
#[derive(Clone, Debug, PartialEq, Eq, Subcommand)]
pub enum SecretsCommand {
    /// Seal every secret of the store with the first `secret_key`, all or none
    ///
    /// Put the new key first and the old one second in the settings, restart the gateway, then run
    /// this. After it the old key can go.
    Rotate(SecretsArgs),
}

/// Arguments of `secrets rotate`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Args)]
pub struct SecretsArgs {
    /// Settings file (YAML) [env: THROUGHWAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Directory of the database [env: THROUGHWAY_DATA_DIR]
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Print JSON, for scripts
    #[arg(long)]
    pub json: bool,
}

impl SecretsArgs {
    /// Those of the settings.
    pub fn flags(&self) -> Flags {
        Flags {
            data_dir: self.data_dir.clone(),
            ..Flags::default()
        }
    }
}

/// Arguments of `explain`.
#[derive(Clone, Debug, PartialEq, Eq, Args)]
pub struct ExplainArgs {
    /// Settings file (YAML) [env: THROUGHWAY_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The request's method; POST if there are data, else GET
    #[arg(short = 'X', long, value_name = "METHOD")]
    pub method: Option<String>,
    /// A header of the request, such as `x-gateway-config: chain`; as often as wanted
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub headers: Vec<String>,
    /// The request's body, or @ and a file that holds it
    #[arg(short = 'd', long, value_name = "DATA")]
    pub data: Option<String>,
    /// The request's path and query
    #[arg(value_name = "PATH", default_value = "/v1/chat/completions")]
    pub path: String,
    #[command(flatten)]
    pub flags: Flags,
}

impl Cli {
    /// The command, which is to serve where none is given.
    pub fn command(self) -> Command {
        self.command.unwrap_or(Command::Serve(self.serve))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guard::Preset;

    fn command(words: &[&str]) -> Result<Command, clap::Error> {
        let words = std::iter::once(&"throughway").chain(words);
        Cli::try_parse_from(words).map(Cli::command)
    }

    #[test]
    fn the_definition_is_consistent() {
        use clap::CommandFactory;
        <Cli as CommandFactory>::command().debug_assert();
    }

    #[test]
    fn without_a_command_the_program_serves() {
        let flags = [
            "--listen",
            "localhost:0",
            "--guard",
            "public",
            "--portkey",
            "--workers",
            "2",
        ];
        let mut serve = vec!["serve"];
        serve.extend(flags);
        for words in [&flags[..], &serve] {
            let Ok(Command::Serve(args)) = command(words) else {
                panic!("{words:?}");
            };
            let expected = Flags {
                listen: Some("127.0.0.1:0".parse().unwrap()),
                workers: Some(2),
                guard: Some(Preset::Public),
                portkey: true,
                allow_unauthenticated: false,
                data_dir: None,
            };
            assert_eq!(args.flags, expected);
            assert_eq!(args.config, None);
        }
    }

    #[test]
    fn mistakes_on_the_command_line_are_usage_errors() {
        let table: [&[&str]; 7] = [
            &["check"],
            &["--listen", "8787"],
            &["--workers", "0"],
            &["--guard", "open"],
            &["serv"],
            &["--portkey", "check", "a.yaml"],
            &["docs", "poems"],
        ];
        for words in table {
            assert_eq!(command(words).unwrap_err().exit_code(), 2, "{words:?}");
        }
    }

    #[test]
    fn the_error_of_a_wrong_value_says_what_is_allowed() {
        let error = command(&["--guard", "open"]).unwrap_err().to_string();
        assert!(
            error.contains("must be public, allowlist, self_hosted or dev"),
            "{error}"
        );
    }
}
