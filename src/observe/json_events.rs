//! One event of `tracing` as one line of JSON: `timestamp`, `level`, the event's own fields, and
//! `module`, the part of the program that logged it. Each key once.

use std::{
    fmt::{self, Debug, Write as _},
    time::SystemTime,
};

use tracing::{
    Event, Level, Subscriber,
    field::{Field, FieldSet, Visit},
};
use tracing_subscriber::{
    fmt::{FmtContext, FormatEvent, FormatFields, format::Writer},
    registry::LookupSpan,
};

use super::{clock::Clock, escape, json_line::JsonLine};

/// Keys that every line has. A field with one of these names is left out.
const OWN_KEYS: [&str; 3] = ["timestamp", "level", "module"];

/// The format.
pub struct JsonEvents;

impl<S, N> FormatEvent<S, N> for JsonEvents
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
        let metadata = event.metadata();
        writer.write_str("{\"timestamp\":\"")?;
        Clock::Utc.write(&mut writer, SystemTime::now())?;
        write!(writer, "\",\"level\":\"{}\"", metadata.level())?;
        let mut fields = Fields {
            writer: writer.by_ref(),
            all: metadata.fields(),
            outcome: Ok(()),
        };
        event.record(&mut fields);
        fields.outcome?;
        writer.write_str(",\"module\":")?;
        string(&mut writer, metadata.target())?;
        writer.write_str("}\n")
    }
}

/// The line that reports how many lines were lost.
pub fn lost_lines(count: u64) -> String {
    let mut line = String::new();
    let mut object = JsonLine::begin(&mut line, SystemTime::now(), Level::WARN);
    object.text("message", "log lines were lost");
    object.number("lost", count);
    object.end(module_path!());
    line
}

/// Appends fields to a line.
struct Fields<'w> {
    writer: Writer<'w>,
    all: &'w FieldSet,
    outcome: fmt::Result,
}

impl Fields<'_> {
    fn put(&mut self, field: &Field, write: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() && !self.is_taken(field) {
            self.outcome = self
                .key(field.name())
                .and_then(|()| write(&mut self.writer));
        }
    }

    fn key(&mut self, name: &str) -> fmt::Result {
        self.writer.write_char(',')?;
        string(&mut self.writer, name)?;
        self.writer.write_char(':')
    }

    /// The line has this key already, from the start or from an earlier field.
    fn is_taken(&self, field: &Field) -> bool {
        let mut earlier = self.all.iter().take(field.index());
        OWN_KEYS.contains(&field.name()) || earlier.any(|it| it.name() == field.name())
    }
}

impl Visit for Fields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, |writer| match value.is_finite() {
            true => write!(writer, "{value:?}"),
            false => writer.write_str("null"),
        });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, |writer| write!(writer, "{value}"));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, |writer| string(writer, value));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, |writer| {
            writer.write_char('"')?;
            // A value whose formatting fails is cut there.
            let _ = write!(Escaping(writer.by_ref()), "{value:?}");
            writer.write_char('"')
        });
    }
}

fn string(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    escape::json(writer, text)?;
    writer.write_char('"')
}

/// A writer that escapes text.
struct Escaping<'w>(Writer<'w>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape::json(&mut self.0, text)
    }
}

#[cfg(test)]
mod tests;
