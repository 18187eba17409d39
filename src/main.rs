//! The program: reads the command line and calls one command.

use std::{
    io::{self, Write as _},
    process::ExitCode,
};

use clap::Parser as _;
use throughway::{
    cli::{
        self,
        args::{Cli, Command},
    },
    config::Environment,
};

/// Takes a fifth less CPU per request than glibc's allocator (figures in docs/performance.md).
/// Without huge pages, which would double the memory of an idle gateway.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let environment = Environment::of_process();
    let code = match Cli::parse().command() {
        Command::Serve(args) => cli::serve::run(&args, &environment),
        Command::Check(args) => {
            let checked =
                cli::check::run(&args, &environment, &mut io::stdout(), &mut io::stderr());
            checked.unwrap_or(1)
        }
        Command::Explain(args) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::explain::run(&args, &environment, out, err).unwrap_or(1)
        }
        Command::Console(args) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::console::run(&args, &environment, out, err).unwrap_or(1)
        }
        Command::Keys(command) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::keys::run(&command, &environment, out, err).unwrap_or(1)
        }
        Command::Endpoints(command) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::endpoints::run(&command, &environment, out, err).unwrap_or(1)
        }
        Command::Prices(command) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::prices::run(&command, &environment, out, err).unwrap_or(1)
        }
        Command::Secrets(command) => {
            let (out, err) = (&mut io::stdout(), &mut io::stderr());
            cli::secrets::run(&command, &environment, out, err).unwrap_or(1)
        }
        Command::Import(command) => {
            cli::import::run(&command, &mut io::stdout(), &mut io::stderr()).unwrap_or(1)
        }
        Command::Health(args) => cli::health::run(&args, &environment),
        Command::Mock(args) => cli::mock::run(args),
        Command::Docs { page } => {
            let written = io::stdout().write_all(cli::docs::page(page).as_bytes());
            u8::from(written.is_err())
        }
    };
    ExitCode::from(code)
}
