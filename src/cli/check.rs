//! `throughway check`: can this settings file be used? Reads, and changes nothing.

use std::io::{self, Write};

use super::args::CheckArgs;
use crate::config::{ConfigError, Environment, Settings};
use crate::gateway::UnusableSettings;
use crate::server::Program;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Settings(#[from] ConfigError),
    #[error(transparent)]
    Unusable(#[from] UnusableSettings),
}

/// Checks the file and prints `ok` with what differs from the defaults, or the error.
/// Returns the exit code: 0 for good settings, 1 for others.
///
/// # Errors
/// `out` or `err` cannot be written.
pub fn run(
    args: &CheckArgs,
    environment: &Environment,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<u8> {
    match check(args, environment) {
        Ok((settings, warnings)) => {
            print(args, &settings, &warnings, out, err)?;
            Ok(0)
        }
        Err(refused) => {
            writeln!(err, "error: {refused}")?;
            Ok(1)
        }
    }
}

/// Builds the program as `serve` does, and stops there.
fn check(args: &CheckArgs, environment: &Environment) -> Result<(Settings, Vec<String>), Refused> {
    let settings = Settings::load(Some(&args.file), environment, &args.flags)?;
    let mut warnings = Program::new(&settings)?.warnings().to_vec();
    if settings.needs_stored_key() {
        // The store is not opened here: that could change it.
        warnings.push(format!(
            "listen is {}, which other machines can reach, and no keys are set here: serve starts \
             only if the store has a key",
            settings.listen
        ));
    }
    Ok((settings, warnings))
}

/// Warnings and notes go to `err`, so that `out` stays a summary.
fn print(
    args: &CheckArgs,
    settings: &Settings,
    warnings: &[String],
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> io::Result<()> {
    for warning in warnings {
        writeln!(err, "warning: {warning}")?;
    }
    for notice in &settings.notices {
        writeln!(err, "note: {notice}")?;
    }
    writeln!(out, "ok: {}", args.file.display())?;
    let defaults = Settings::default().lines();
    for ((key, value), (_, default)) in settings.lines().into_iter().zip(defaults) {
        // Always shown: where the gateway listens and where it may connect.
        if value != default || key == "listen" || key == "guard.preset" {
            writeln!(out, "  {key}: {value}")?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::{Cli, Command};

    /// Runs `check` on a file of the fixtures and gives exit code, output and errors.
    fn checked(file: &str, flags: &[&str]) -> (u8, String, String) {
        let path = format!("{}/fixtures/config/{file}", env!("CARGO_MANIFEST_DIR"));
        let words = ["throughway", "check", path.as_str()];
        let cli = Cli::parse_from(words.iter().chain(flags));
        let Command::Check(args) = cli.command() else {
            panic!("not check");
        };
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let code = run(&args, &Environment::default(), &mut out, &mut err).unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap().replace(&path, file);
        (code, text(out), text(err))
    }

    #[test]
    fn a_good_file_is_ok_and_shows_what_differs() {
        let (code, out, err) = checked("check/good.yaml", &[]);
        let expected = "ok: check/good.yaml\n  listen: 127.0.0.1:9000\n  \
                        guard.preset: allowlist\n  timeouts.connect: 2s\n";
        assert_eq!((code, out.as_str()), (0, expected));
        assert!(
            err.starts_with("warning: guard.preset is allowlist"),
            "{err}"
        );
    }

    #[test]
    fn flags_count_as_they_do_for_serve() {
        let (code, out, err) = checked("check/good.yaml", &["--listen", "0.0.0.0:80"]);
        assert_eq!((code, out.contains("listen: 0.0.0.0:80")), (0, true));
        assert!(
            err.contains("warning: listen is 0.0.0.0:80") && err.contains("the store has a key"),
            "{err}"
        );
    }

    #[test]
    fn a_bad_file_gives_the_error_and_its_place() {
        let (code, out, err) = checked("check/bad.yaml", &[]);
        assert_eq!((code, out.as_str()), (1, ""));
        assert!(
            err.starts_with("error: check/bad.yaml:2:1: unknown key lisen"),
            "{err}"
        );
    }

    #[test]
    fn a_certificate_that_is_not_there_is_an_error() {
        let (code, _, err) = checked("check/no-certificate.yaml", &[]);
        assert_eq!(code, 1);
        assert!(
            err.starts_with("error: tls.cert: cannot use no/such/cert.pem"),
            "{err}"
        );
    }

    #[test]
    fn where_a_provider_has_its_key_from_is_told() {
        let (code, out, err) = checked("check/provider-keys.yaml", &[]);
        assert!(out.contains("  providers: {openai}\n"), "{out}");
        let expected = "note: providers.openai has no key: OPENAI_API_KEY is not set, so callers \
                        bring their own\n";
        assert_eq!((code, err.as_str()), (0, expected));
    }

    #[test]
    fn hosts_that_no_request_can_reach_are_reported() {
        let (code, _, err) = checked("check/unreachable.yaml", &[]);
        let keys: Vec<&str> = err
            .lines()
            .filter_map(|line| {
                line.strip_prefix("warning: ")?
                    .split_once(": every request")
            })
            .map(|(key, _)| key)
            .collect();
        let expected = [
            "default_target",
            "providers.metadata.custom_host",
            "configs.chain.targets[1].custom_host",
        ];
        assert_eq!((code, keys), (0, expected.to_vec()), "{err}");
    }
}
