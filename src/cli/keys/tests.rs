mod api;
mod offline;
mod store;

use clap::Parser as _;

use super::*;
use crate::cli::args::{Cli, Command};

/// Runs `throughway keys` and gives exit code, output and errors.
fn run_with(words: &[&str], variables: &Environment) -> (u8, String, String) {
    let words = ["throughway", "keys"].iter().chain(words);
    let Command::Keys(command) = Cli::parse_from(words).command() else {
        panic!("not keys");
    };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = run(&command, variables, &mut out, &mut err).unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (code, text(out), text(err))
}

fn ran(words: &[&str]) -> (u8, String, String) {
    run_with(words, &Environment::default())
}

#[test]
fn a_token_cannot_be_given_as_a_flag() {
    for words in [
        ["keys", "list", "--token", "x"].as_slice(),
        &[
            "keys",
            "create",
            "app",
            "--offline",
            "--url",
            "http://127.0.0.1:1",
        ],
        &["keys", "rotate", "app", "--grace", "1y"],
        &["keys", "create", "app", "--role", "owner"],
        &["keys", "create", "app", "--metadata", "x"],
        &["keys"],
    ] {
        let words = std::iter::once(&"throughway").chain(words);
        assert_eq!(Cli::try_parse_from(words).unwrap_err().exit_code(), 2);
    }
}
