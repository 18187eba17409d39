//! Logs by `tracing`, on standard error: text on a terminal, JSON lines otherwise. Written off the
//! request path. Secrets never get here: events carry checked fields only.

use std::{
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    panic,
    sync::OnceLock,
    time::Duration,
};

use tracing_subscriber::{
    EnvFilter,
    filter::Directive,
    fmt::{
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
};

use super::{
    json_lines::{self, JsonLines},
    log_writer::{Bounds, LogWriter},
    metrics,
};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// Text on a terminal, JSON otherwise.
    #[default]
    Auto,
    Text,
    Json,
}

/// What all of the process writes through: standard error is one.
static WRITER: OnceLock<LogWriter> = OnceLock::new();

/// Installs the process-wide subscriber, writing to standard error. `filter` takes `tracing`'s directives, `info` for example.
/// Panics are logged, too. Does nothing when one is installed already.
///
/// # Errors
/// When the system gives no thread or descriptor to write with.
pub fn install(filter: &str, format: Format) -> io::Result<()> {
    if WRITER.get().is_some() {
        return Ok(());
    }
    let json = match format {
        Format::Auto => !io::stderr().is_terminal(),
        Format::Text => false,
        Format::Json => true,
    };
    let news = if json {
        json_lines::lost_lines
    } else {
        lost_lines_as_text
    };
    // A descriptor of our own: the standard one is behind a lock, which a write that blocks would
    // hold.
    let outlet = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let lost = metrics::log_lines_lost();
    let writer = LogWriter::start(outlet, Bounds::default(), lost, news)?;
    let writer = WRITER.get_or_init(|| writer);
    let (understood, rest) = directives(filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(understood))
        .log_internal_errors(false)
        .with_writer(move || writer);
    let _ = if json {
        builder.event_format(JsonLines).try_init()
    } else {
        builder
            .compact()
            .with_target(false)
            .with_ansi(io::stderr().is_terminal())
            .try_init()
    };
    panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    for part in rest {
        tracing::warn!(
            part,
            "this part of `log.level` is not understood and has no effect"
        );
    }
    Ok(())
}

/// A line beside those of `tracing`, the last words of a process for example.
pub fn say(line: &str) {
    match WRITER.get() {
        Some(writer) => writer.hand_over(format!("{line}\n").as_bytes()),
        // Nobody is there to be told that standard error takes nothing.
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Waits until all that was logged is written or lost; no longer than `patience`.
pub fn flush(patience: Duration) {
    if let Some(writer) = WRITER.get() {
        writer.flush(patience);
    }
}

/// What `tracing` understands of a filter, and with what it is to be silent, and the parts it does
/// not understand.
fn directives(filter: &str) -> (String, Vec<&str>) {
    let parts = filter.split(',').filter(|part| !part.is_empty());
    let (mut understood, rest): (Vec<&str>, Vec<&str>) =
        parts.partition(|part| part.parse::<Directive>().is_ok());
    // actix-http reports what the line reports better.
    understood.extend(["actix_http=off", "actix_server=warn"]);
    (understood.join(","), rest)
}

fn lost_lines_as_text(count: u64) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    line + &format!("  WARN log lines were lost lost={count}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_that_are_not_understood_are_told_apart() {
        for (filter, understood, rest) in [
            ("info", "info", &[][..]),
            ("warn,throughway=debug", "warn,throughway=debug", &[]),
            ("info,a[b=debug", "info", &["a[b=debug"]),
        ] {
            let ours = format!("{understood},actix_http=off,actix_server=warn");
            assert_eq!(directives(filter), (ours, rest.to_vec()), "{filter}");
        }
    }

    #[test]
    fn lost_lines_are_told_with_their_count() {
        let line = lost_lines_as_text(3);
        assert!(
            line.ends_with(" WARN log lines were lost lost=3\n"),
            "{line}"
        );
    }
}
