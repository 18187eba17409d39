//! One event as one line of JSON: `timestamp`, `level`, the event's own fields, and `module`, which
//! logged it. Each key once.

use std::fmt::{self, Debug, Write as _};

use tracing::{
    Event, Subscriber,
    field::{Field, FieldSet, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

/// Keys of every line. A field of one of these names is left out.
const OWN_KEYS: [&str; 3] = ["timestamp", "level", "module"];

/// The format.
pub struct JsonLines;

impl<S, N> FormatEvent<S, N> for JsonLines
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
        SystemTime.format_time(&mut writer)?;
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

/// The line that tells of lines lost.
pub fn lost_lines(count: u64) -> String {
    let mut line = String::from("{\"timestamp\":\"");
    // Writing to a string cannot fail.
    let _ = SystemTime.format_time(&mut Writer::new(&mut line));
    let module = module_path!();
    let _ = writeln!(
        line,
        "\",\"level\":\"WARN\",\"message\":\"log lines were lost\",\"lost\":{count},\"module\":\"{module}\"}}"
    );
    line
}

/// Writes fields behind what is there already.
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

    /// The line has this key already, its own or an earlier field's.
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
            // A value that cannot be shown is cut where it fails.
            let _ = write!(Escaping(writer.by_ref()), "{value:?}");
            writer.write_char('"')
        });
    }
}

fn string(writer: &mut Writer<'_>, text: &str) -> fmt::Result {
    writer.write_char('"')?;
    Escaping(writer.by_ref()).write_str(text)?;
    writer.write_char('"')
}

/// Escapes what may not stand in a JSON string (RFC 8259 §7).
struct Escaping<'w>(Writer<'w>);

impl fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(needs_escape) {
            self.0.write_str(&rest[..at])?;
            match rest.as_bytes()[at] {
                b'"' => self.0.write_str("\\\"")?,
                b'\\' => self.0.write_str("\\\\")?,
                b'\n' => self.0.write_str("\\n")?,
                b'\r' => self.0.write_str("\\r")?,
                b'\t' => self.0.write_str("\\t")?,
                control => write!(self.0, "\\u{control:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, b'"' | b'\\')
}

#[cfg(test)]
mod tests;
