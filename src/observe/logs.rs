//! Logs by `tracing`: text on a terminal, JSON lines otherwise. Secrets never get here: events carry checked fields only.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::{EnvFilter, fmt};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

/// Installs the process-wide subscriber, writing to standard error. `filter` takes `tracing`'s directives, `info` for example.
/// Does nothing when one is installed already.
pub fn install(filter: &str, format: Format) {
    // actix-http reports what the line reports better.
    let filter = EnvFilter::new(format!("{filter},actix_http=off,actix_server=warn"));
    let json = match format {
        Format::Auto => !io::stderr().is_terminal(),
        Format::Text => false,
        Format::Json => true,
    };
    let builder = fmt().with_env_filter(filter).with_writer(io::stderr);
    let _ = if json {
        builder
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .try_init()
    } else {
        builder
            .compact()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init()
    };
}
