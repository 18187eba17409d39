//! The command line arguments of `throughway mock`, and the options they stand for.

use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::thread::available_parallelism;

use clap::Args;

use crate::behaviour::Behaviour;
use crate::faults::{self, FaultError, faults_help};
use crate::options::{MockOptions, default_models};

/// Run a provider shaped like OpenAI and Anthropic, with faults on demand.
#[derive(Debug, Clone, Args)]
#[command(after_long_help = faults_help())]
pub struct MockArgs {
    /// Address to listen on; port 0 takes a free port
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:9797")]
    pub listen: SocketAddr,
    /// Threads that serve connections [default: one per core]
    #[arg(long, value_name = "N")]
    pub workers: Option<NonZeroUsize>,
    /// A model that GET /v1/models lists; repeat for more (any other model is answered as well)
    #[arg(long, value_name = "NAME", default_values_t = default_models())]
    pub model: Vec<String>,
    /// Tokens in a response
    #[arg(long, value_name = "N", default_value_t = 16)]
    pub tokens: usize,
    /// Pause in milliseconds before every token of a stream except the first
    #[arg(long, value_name = "MS", default_value_t = 0)]
    pub token_delay: u64,
    /// A fault for every request, as NAME=VALUE or NAME; repeat for more
    #[arg(long, value_name = "NAME[=VALUE]")]
    pub fault: Vec<String>,
    /// Share of requests (0 to 1) that get a random fault
    #[arg(long, value_name = "SHARE", default_value_t = 0.0)]
    pub chaos: f64,
    /// Seed of ids and --chaos; the same seed gives the same responses
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Answer every POST with the same chat completion of about 1 KiB; ignore bodies and faults
    #[arg(long)]
    pub instant: bool,
}

impl TryFrom<MockArgs> for MockOptions {
    type Error = FaultError;

    fn try_from(args: MockArgs) -> Result<Self, FaultError> {
        let mut defaults = Behaviour::default();
        let numbers = [
            ("tokens", args.tokens.to_string()),
            ("token-delay", args.token_delay.to_string()),
            ("chaos", args.chaos.to_string()),
        ];
        for (name, value) in numbers {
            faults::set(&mut defaults, name, &value)?;
        }
        // These three always have a value, so they do not count as faults that were requested.
        defaults.requested.clear();
        for fault in &args.fault {
            let (name, value) = fault.split_once('=').unwrap_or((fault, ""));
            faults::set(&mut defaults, name, value)?;
        }
        Ok(Self {
            listen: args.listen,
            workers: args
                .workers
                .or_else(|| available_parallelism().ok())
                .map_or(1, NonZeroUsize::get),
            models: args.model,
            defaults,
            instant: args.instant,
            seed: args.seed,
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Cli {
        #[command(flatten)]
        mock: MockArgs,
    }

    fn options(line: &str) -> Result<MockOptions, String> {
        let cli = Cli::try_parse_from(line.split(' ')).map_err(|error| error.to_string())?;
        cli.mock
            .try_into()
            .map_err(|error: FaultError| error.to_string())
    }

    #[test]
    fn no_arguments_mean_the_defaults() {
        let options = options("mock").unwrap();
        assert_eq!(options.listen, "127.0.0.1:9797".parse().unwrap());
        assert_eq!(options.defaults, Behaviour::default());
        assert_eq!(options.models, default_models());
    }

    #[test]
    fn faults_are_set_by_name() {
        let set = options("mock --fault status=503 --fault silence --tokens 3").unwrap();
        assert_eq!(set.defaults.failure.status, Some(503));
        assert!(set.defaults.failure.silence);
        assert_eq!(set.defaults.tokens, 3);
        assert!(
            options("mock --fault statsu=1")
                .unwrap_err()
                .contains("statsu")
        );
        assert!(options("mock --chaos 2").is_err());
    }

    #[test]
    fn the_long_help_lists_the_faults() {
        let help = Cli::try_parse_from(["mock", "--help"])
            .unwrap_err()
            .to_string();
        assert!(help.contains("x-mock-NAME") && help.contains("first-token-delay"));
    }
}
