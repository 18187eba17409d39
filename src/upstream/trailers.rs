//! What may a trailer section hold (RFC 9112 §7.1.2)? Lines by the rule that the lines of a head
//! keep, as many and as long, and no field that frames or routes a message. One rule for requests
//! and answers; httparse reads heads, and a property test keeps the two in step. Keeps nothing of
//! what it reads.

use super::framing::{MAX_HEAD, MAX_HEADERS, Malformed};

#[cfg(test)]
mod tests;

/// Fields that say how a message is framed, where it goes or what becomes of its connection: behind
/// the body they come too late to be heeded, and a recipient that heeds them reads another message
/// (RFC 9110 §6.5.1).
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

/// What ends a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LineEnd {
    /// Nothing else: proxies differ in what else they take, and what two read in two ways smuggles
    /// requests.
    #[default]
    CrLf,
    /// A bare LF, too, which RFC 9112 §2.2 lets a recipient take in heads and trailers.
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

    /// Takes the next byte; whether it was the section's last.
    pub fn step(&mut self, byte: u8) -> Result<bool, Malformed> {
        self.bytes += 1;
        if self.bytes as usize > MAX_HEAD {
            return Err(Malformed::TrailersTooLarge);
        }
        let bare_lf = byte == b'\n' && self.line_end == LineEnd::BareLfToo;
        self.at = match (self.at, byte) {
            (At::LineStart, b'\r') => At::EndLf,
            (At::LineStart, _) if bare_lf => return Ok(true),
            (At::LineStart, _) if is_token(byte) => self.begin_line(byte)?,
            (At::Name, b':') if self.name.is_forbidden() => return Err(Malformed::TrailerField),
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
            _ => return Err(Malformed::TrailerLine),
        };
        Ok(false)
    }

    fn begin_line(&mut self, first: u8) -> Result<At, Malformed> {
        self.lines += 1;
        if usize::from(self.lines) > MAX_HEADERS {
            return Err(Malformed::TrailersTooLarge);
        }
        self.name = Name::default();
        self.name.push(first);
        Ok(At::Name)
    }
}

/// The forbidden names that a name may still turn out to be.
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
