//! Where do logs go, and how do they look? To standard error, as text on a terminal and as JSON
//! lines otherwise, written by a thread of its own. Lines carry checked fields and no secrets.

use std::{
    cell::RefCell,
    fs::File,
    io::{self, IsTerminal as _, Write as _},
    os::fd::AsFd as _,
    panic,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tracing::Level;
use tracing_subscriber::{EnvFilter, filter::Directive};

pub use super::{
    clock::{Clock, ForPeople, Milliseconds},
    json_line::JsonLine,
    text_style::{Colour, TextStyle},
};
use super::{
    json_events::{self, JsonEvents},
    log_writer::{Bounds, LogWriter},
    metrics,
    text_events::{self, TextEvents},
};
use crate::config::LogFormat;

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Json,
    Text(TextStyle),
}

impl Shape {
    /// `takes_colour`: colours may be sent to a terminal.
    fn of(format: LogFormat, is_terminal: bool, takes_colour: bool) -> Self {
        let is_json = match format {
            LogFormat::Auto => !is_terminal,
            LogFormat::Text => false,
            LogFormat::Json => true,
        };
        match is_json {
            true => Shape::Json,
            false => Shape::Text(TextStyle {
                // A file may be read on another day and in another time zone.
                clock: match is_terminal {
                    true => Clock::Local,
                    false => Clock::Utc,
                },
                colour: is_terminal && takes_colour,
            }),
        }
    }
}

/// The module name of the lines of requests, for `log.level` and readers.
pub const REQUEST_MODULE: &str = "throughway::record";

struct Output {
    writer: LogWriter,
    shape: Shape,
}

/// The writer of the whole process, since there is one standard error.
static OUTPUT: OnceLock<Output> = OnceLock::new();
/// `log.level` admits the lines of requests.
static TAKES_REQUESTS: AtomicBool = AtomicBool::new(false);

/// Capacity that a thread keeps for its next line.
const KEPT_ROOM: usize = 16 * 1024;

thread_local! {
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Makes the whole process log to standard error, panics included. `filter` has `tracing`'s
/// directives, such as `info`; `takes_colour`: colours may be sent to a terminal. Does nothing when
/// called again.
///
/// # Errors
/// The system has no thread or descriptor to write with.
pub fn install(filter: &str, format: LogFormat, takes_colour: bool) -> io::Result<()> {
    if OUTPUT.get().is_some() {
        return Ok(());
    }
    let shape = Shape::of(format, io::stderr().is_terminal(), takes_colour);
    let news = move |count| match shape {
        Shape::Json => json_events::lost_lines(count),
        Shape::Text(style) => text_events::lost_lines(style, count),
    };
    // A descriptor of our own: Rust's standard error has a lock, which a blocking write would hold.
    let outlet = File::from(io::stderr().as_fd().try_clone_to_owned()?);
    let lost = metrics::log_lines_lost();
    let writer = LogWriter::start(outlet, Bounds::default(), lost, news)?;
    let Output { writer, .. } = OUTPUT.get_or_init(|| Output { writer, shape });
    let (understood, rest) = directives(filter);
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(understood))
        .log_internal_errors(false)
        .with_writer(move || writer);
    // Fails only in tests that have installed another one.
    let _ = match shape {
        Shape::Json => builder.event_format(JsonEvents).try_init(),
        Shape::Text(style) => builder.event_format(TextEvents(style)).try_init(),
    };
    let takes_requests = tracing::enabled!(target: REQUEST_MODULE, Level::INFO);
    TAKES_REQUESTS.store(takes_requests, Ordering::Relaxed);
    panic::set_hook(Box::new(|panic| tracing::error!("{panic}")));
    warn_of_directives(&rest);
    Ok(())
}

fn warn_of_directives(not_understood: &[&str]) {
    for part in not_understood {
        tracing::warn!(
            part,
            "this part of `log.level` is not understood and has no effect"
        );
    }
}

/// Writes the line of one request, with its line feed, into a buffer that the thread reuses, and
/// passes it to the writer. Does nothing where such lines are not wanted.
pub fn request_line(write: impl FnOnce(&mut String, Shape)) {
    let Some(output) = OUTPUT.get() else {
        return;
    };
    if !TAKES_REQUESTS.load(Ordering::Relaxed) {
        return;
    }
    // Fails only in a thread that ends; the requests that it still has get no line.
    let _ = LINE.try_with(|kept| {
        let mut line = kept.take();
        line.clear();
        write(&mut line, output.shape);
        output.writer.hand_over(line.as_bytes());
        if line.capacity() <= KEPT_ROOM {
            kept.replace(line);
        }
    });
}

/// Lines are text for a person at a terminal.
pub fn is_at_a_terminal() -> bool {
    let shape = OUTPUT.get().map(|output| output.shape);
    matches!(shape, Some(Shape::Text(style)) if style.clock == Clock::Local)
}

/// Writes a line without `tracing`, such as the last error of a process.
pub fn say(line: &str) {
    match OUTPUT.get() {
        Some(Output { writer, .. }) => writer.hand_over(format!("{line}\n").as_bytes()),
        // A failing standard error cannot be reported anywhere.
        None => drop(writeln!(io::stderr(), "{line}")),
    }
}

/// Waits until everything logged so far is written or lost, but no longer than `patience`.
pub fn flush(patience: Duration) {
    if let Some(Output { writer, .. }) = OUTPUT.get() {
        writer.flush(patience);
    }
}

/// The filter that `tracing` understands, with what it must silence, and the parts that it does not
/// understand.
fn directives(filter: &str) -> (String, Vec<&str>) {
    let parts = filter.split(',').filter(|part| !part.is_empty());
    let (mut understood, rest): (Vec<&str>, Vec<&str>) =
        parts.partition(|part| part.parse::<Directive>().is_ok());
    // The access log reports better what actix-http logs.
    // The signer of AWS requests would log their URLs.
    understood.extend(["actix_http=off", "actix_server=warn", "aws_sigv4=off"]);
    (understood.join(","), rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directives_that_are_not_understood_are_reported() {
        for (filter, understood, rest) in [
            ("info", "info", &[][..]),
            ("warn,throughway=debug", "warn,throughway=debug", &[]),
            ("info,a[b=debug", "info", &["a[b=debug"]),
        ] {
            let ours = format!("{understood},actix_http=off,actix_server=warn,aws_sigv4=off");
            assert_eq!(directives(filter), (ours, rest.to_vec()), "{filter}");
        }
    }

    #[test]
    fn lines_are_text_on_a_terminal_and_json_elsewhere() {
        let text = |clock, colour| Shape::Text(TextStyle { clock, colour });
        for (format, is_terminal, takes_colour, expected) in [
            (LogFormat::Auto, true, true, text(Clock::Local, true)),
            (LogFormat::Auto, true, false, text(Clock::Local, false)),
            (LogFormat::Auto, false, true, Shape::Json),
            (LogFormat::Text, true, true, text(Clock::Local, true)),
            (LogFormat::Text, false, true, text(Clock::Utc, false)),
            (LogFormat::Json, true, true, Shape::Json),
            (LogFormat::Json, false, false, Shape::Json),
        ] {
            let shape = Shape::of(format, is_terminal, takes_colour);
            assert_eq!(shape, expected, "{format:?} {is_terminal} {takes_colour}");
        }
    }
}
