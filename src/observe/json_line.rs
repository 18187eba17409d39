//! Writes one JSON object in one line, key by key, into a buffer: for lines that are too frequent
//! to go through `tracing`. Keys are literals of the code and must not repeat.

use std::{
    fmt::Write as _,
    time::{Duration, SystemTime},
};

use tracing::Level;

use super::{
    clock::{Clock, Milliseconds},
    escape,
};

/// An unfinished line.
pub struct JsonLine<'a> {
    line: &'a mut String,
}

impl<'a> JsonLine<'a> {
    /// Begins a line with `timestamp` and `level`, as every line does.
    pub fn begin(line: &'a mut String, time: SystemTime, level: Level) -> Self {
        line.push_str("{\"timestamp\":\"");
        // Writing to a string cannot fail, here and below.
        let _ = Clock::Utc.write(line, time);
        line.push_str("\",\"level\":\"");
        line.push_str(level.as_str());
        line.push('"');
        JsonLine { line }
    }

    pub fn text(&mut self, key: &'static str, value: &str) {
        self.key(key);
        self.quoted(value);
    }

    /// A text that is formatted as it is written.
    pub fn displayed(&mut self, key: &'static str, value: impl std::fmt::Display) {
        self.key(key);
        self.line.push('"');
        let _ = write!(Escaping(self.line), "{value}");
        self.line.push('"');
    }

    pub fn number(&mut self, key: &'static str, value: impl itoa::Integer) {
        self.key(key);
        self.line.push_str(itoa::Buffer::new().format(value));
    }

    /// A duration in milliseconds. Always with a fraction, so that its type is always the same.
    pub fn milliseconds(&mut self, key: &'static str, value: Duration) {
        self.key(key);
        let (whole, fraction) = Milliseconds(value).parts();
        self.line.push_str(itoa::Buffer::new().format(whole));
        self.line.push('.');
        // The leading digit preserves the zeros after it.
        let mut digits = itoa::Buffer::new();
        let digits = digits.format(1000 + fraction);
        let digits = digits[1..].trim_end_matches('0');
        self.line
            .push_str(if digits.is_empty() { "0" } else { digits });
    }

    pub fn flag(&mut self, key: &'static str, value: bool) {
        self.key(key);
        self.line.push_str(if value { "true" } else { "false" });
    }

    /// Ends the line with `module`, the part of the program it is from.
    pub fn end(mut self, module: &str) {
        self.text("module", module);
        self.line.push_str("}\n");
    }

    fn key(&mut self, key: &'static str) {
        self.line.push_str(",\"");
        self.line.push_str(key);
        self.line.push_str("\":");
    }

    fn quoted(&mut self, text: &str) {
        self.line.push('"');
        let _ = escape::json(self.line, text);
        self.line.push('"');
    }
}

/// A writer that escapes text.
struct Escaping<'a>(&'a mut String);

impl std::fmt::Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        escape::json(self.0, text)
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn a_line_is_one_object_with_the_keys_in_order() {
        let mut line = String::new();
        let mut object = JsonLine::begin(&mut line, UNIX_EPOCH, Level::INFO);
        object.text("text", "a\n\"b\"");
        object.displayed("shown", format_args!("{}\u{1b}", 7));
        object.number("negative", -1);
        object.number("largest", u64::MAX);
        object.flag("flag", true);
        object.end("here");
        assert_eq!(
            line,
            "{\"timestamp\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"INFO\",\
             \"text\":\"a\\n\\\"b\\\"\",\"shown\":\"7\\u001b\",\"negative\":-1,\
             \"largest\":18446744073709551615,\"flag\":true,\"module\":\"here\"}\n"
        );
    }

    #[test]
    fn durations_are_decimal_fractions() {
        for (nanoseconds, expected) in [
            (0, "0.0"),
            (1_000, "0.001"),
            (20_000, "0.02"),
            (1_234_567, "1.235"),
            (180_000_000, "180.0"),
        ] {
            let mut line = String::new();
            let mut object = JsonLine::begin(&mut line, UNIX_EPOCH, Level::INFO);
            object.milliseconds("ms", Duration::from_nanos(nanoseconds));
            object.end("here");
            let expected = format!("\"ms\":{expected},\"module\"");
            assert!(line.contains(&expected), "{expected} {line}");
        }
    }
}
