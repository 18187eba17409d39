//! One event of `tracing` as one line for people: time, level, message, and `name=value` for each
//! field.

use std::{
    fmt::{self, Debug, Write},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{
    escape,
    text_style::{Colour, TextStyle},
};

/// The format.
pub struct TextEvents(pub TextStyle);

impl<S, N> FormatEvent<S, N> for TextEvents
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        _: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let level = *event.metadata().level();
        begin(&mut writer, self.0, SystemTime::now(), level)?;
        writeln!(writer, "{}{}", fields.message, fields.others)
    }
}

/// The line that reports how many lines were lost.
pub fn lost_lines(style: TextStyle, count: u64) -> String {
    let mut line = String::new();
    // Writing to a string cannot fail.
    let _ = begin(&mut line, style, SystemTime::now(), Level::WARN);
    let _ = writeln!(line, "log lines were lost lost={count}");
    line
}

fn begin<W: Write>(out: &mut W, style: TextStyle, time: SystemTime, level: Level) -> fmt::Result {
    let colour = match level {
        Level::ERROR => Colour::Bad,
        Level::WARN => Colour::Warning,
        Level::INFO => Colour::Good,
        // The rest are `DEBUG` and `TRACE`.
        _ => Colour::Faint,
    };
    style.time(out, time)?;
    style.painted(out, colour, |out| out.write_str(level.as_str()))?;
    out.write_char(' ')
}

/// Separates the message from the other fields, since it is written first.
#[derive(Default)]
struct Fields {
    message: String,
    others: String,
}

impl Fields {
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut String) -> fmt::Result) {
        let out = match field.name() {
            "message" => &mut self.message,
            name => {
                self.others.push(' ');
                self.others.push_str(name);
                self.others.push('=');
                &mut self.others
            }
        };
        // Writing to a string cannot fail; a value whose formatting fails is cut there.
        let _ = write(out);
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let is_message = field.name() == "message";
        let is_word = !value.is_empty() && !value.contains(|char: char| char.is_whitespace());
        self.put(field, |out| match is_message || is_word {
            true => escape::prose(out, value),
            false => {
                out.push('"');
                escape::json(out, value)?;
                out.write_char('"')
            }
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |out| write!(Escaping(out), "{value:?}"));
    }
}

/// A writer that escapes text.
struct Escaping<'a>(&'a mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape::prose(self.0, text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;
    use crate::observe::{clock::Clock, kept::Kept};

    /// The line of this event, without its time.
    fn logged(colour: bool, log: impl FnOnce()) -> String {
        let kept = Kept::default();
        let style = TextStyle {
            clock: Clock::Utc,
            colour,
        };
        let subscriber = tracing_subscriber::fmt()
            .event_format(TextEvents(style))
            .with_writer(kept.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, log);
        let line = kept.text();
        let (_, rest) = line.split_once("Z").expect(&line);
        rest.to_owned()
    }

    #[test]
    fn an_event_is_level_message_and_fields() {
        let line = logged(false, || {
            tracing::warn!(
                limit = 7,
                file = "/etc/hosts",
                why = "not there",
                "few {}",
                1
            );
        });
        assert_eq!(
            line,
            " WARN few 1 limit=7 file=/etc/hosts why=\"not there\"\n"
        );
    }

    #[test]
    fn no_value_breaks_or_forges_a_line() {
        let text = "a\n12:00:00 ERROR forged\u{1b}[2J\u{9b}\\";
        let line = logged(
            false,
            || tracing::info!(text, shown = %text, debug = ?text, "{text}"),
        );
        let escaped = r"a\n12:00:00 ERROR forged\u{1b}[2J\u{9b}\\";
        assert_eq!(
            line,
            format!(
                " INFO {escaped} text=\"a\\n12:00:00 ERROR forged\\u001b[2J\\u009b\\\\\" \
                 shown={escaped} \
                 debug=\"a\\\\n12:00:00 ERROR forged\\\\u{{1b}}[2J\\\\u{{9b}}\\\\\\\\\"\n"
            )
        );
    }

    #[test]
    fn the_level_is_coloured_where_colours_are_wanted() {
        let line = logged(true, || tracing::error!("no"));
        assert_eq!(line, "\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m no\n");
    }

    #[test]
    fn lost_lines_are_reported_with_their_count() {
        let style = TextStyle {
            clock: Clock::Utc,
            colour: false,
        };
        let line = lost_lines(style, 3);
        assert!(
            line.ends_with("Z WARN log lines were lost lost=3\n"),
            "{line}"
        );
    }

    #[test]
    fn a_line_begins_with_its_time() {
        let style = TextStyle {
            clock: Clock::Utc,
            colour: false,
        };
        let mut line = String::new();
        begin(&mut line, style, UNIX_EPOCH, Level::INFO).unwrap();
        assert_eq!(line, "1970-01-01T00:00:00.000000Z INFO ");
    }
}
