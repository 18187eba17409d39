//! What may a trailer section contain (RFC 9112 §7.1.2)? Lines in the syntax of header lines, as
//! many and as long as in a head, and no field that controls framing or routing. One rule for
//! requests and responses; a property test compares it with httparse, which reads heads. Stores no
//! line.

use super::{MAX_HEAD, MAX_HEADERS};

#[cfg(test)]
mod tests;

/// Fields that control framing, routing or the connection. Behind the body they come too late, and
/// a recipient that acts on them reads another message than one that ignores them (RFC 9110
/// §6.5.1).
const FORBIDDEN: [&[u8]; 8] = [
    b"host",
    b"te",
    b"expect",
    b"trailer",
    b"upgrade",
    b"connection",
    b"content-length",
    b"transfer-encoding",
];

/// Why a trailer section is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BadTrailer {
    /// A line is not in the syntax of header lines.
    Line,
    /// A field controls framing or routing.
    Field,
    /// There are too many lines or bytes.
    TooLarge,
}

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnd {
    /// CRLF only: recipients that differ in what else they accept allow request smuggling.
    #[default]
    CrLf,
    /// A bare LF, too, which RFC 9112 §2.2 lets a recipient accept in heads and trailers.
    BareLfToo,
}

/// How far into a trailer section the bytes seen so far reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Trailers {
    at: At,
    line_end: LineEnd,
    lines: u8,
    bytes: u32,
    name: Name,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum At {
    #[default]
    LineStart,
    Name,
    Value,
    LineLf,
    EndLf,
}

impl Trailers {
    pub fn new(line_end: LineEnd) -> Self {
        Trailers {
            line_end,
            ..Trailers::default()
        }
    }

    /// Takes the next byte; returns whether it was the last of the section.
    ///
    /// # Errors
    /// The section is malformed with this byte.
    pub fn step(&mut self, byte: u8) -> Result<bool, BadTrailer> {
        self.bytes += 1;
        if self.bytes as usize > MAX_HEAD {
            return Err(BadTrailer::TooLarge);
        }
        let bare_lf = byte == b'\n' && self.line_end == LineEnd::BareLfToo;
        self.at = match (self.at, byte) {
            (At::LineStart, b'\r') => At::EndLf,
            (At::LineStart, _) if bare_lf => return Ok(true),
            (At::LineStart, _) if is_token(byte) => self.begin_line(byte)?,
            (At::Name, b':') if self.name.is_forbidden() => return Err(BadTrailer::Field),
            (At::Name, b':') => At::Value,
            (At::Name, _) if is_token(byte) => {
                self.name.push(byte);
                At::Name
            }
            (At::Value, b'\r') => At::LineLf,
            (At::Value, _) if bare_lf => At::LineStart,
            (At::Value, b'\t' | b' '..=b'~' | 0x80..) => At::Value,
            (At::LineLf, b'\n') => At::LineStart,
            (At::EndLf, b'\n') => return Ok(true),
            _ => return Err(BadTrailer::Line),
        };
        Ok(false)
    }

    fn begin_line(&mut self, first: u8) -> Result<At, BadTrailer> {
        self.lines += 1;
        if usize::from(self.lines) > MAX_HEADERS {
            return Err(BadTrailer::TooLarge);
        }
        self.name = Name::default();
        self.name.push(first);
        Ok(At::Name)
    }
}

/// The forbidden names that begin with the bytes of a name read so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Name {
    length: usize,
    /// A bit for each of [`FORBIDDEN`].
    candidates: u8,
}

impl Default for Name {
    fn default() -> Self {
        Name {
            length: 0,
            candidates: u8::MAX,
        }
    }
}

impl Name {
    fn push(&mut self, byte: u8) {
        for (number, name) in FORBIDDEN.iter().enumerate() {
            if name.get(self.length) != Some(&byte.to_ascii_lowercase()) {
                self.candidates &= !(1 << number);
            }
        }
        self.length += 1;
    }

    fn is_forbidden(&self) -> bool {
        let is_it = |(number, name): (usize, &&[u8])| {
            self.candidates & (1 << number) != 0 && name.len() == self.length
        };
        FORBIDDEN.iter().enumerate().any(is_it)
    }
}

/// RFC 9110 §5.6.2.
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
