//! Where does a request head end? Looks only at line ends; actix-http parses the lines.

use crate::http::content_length::decimal;

/// How far into a head the bytes so far reach. Its lines end with CRLF and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeadLines {
    /// Empty lines in front of a head are skipped (RFC 9112 §2.2).
    Leading,
    LeadingCr,
    Within {
        /// The last byte was CR.
        cr: bool,
    },
    Ended,
    EndedCr,
}

/// What the next bytes of a head contain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// No end: the head goes on.
    Nothing,
    /// The head ends after this many bytes.
    End(usize),
    /// A line feed without CR, at this index.
    BareLf(usize),
}

/// The length of the body, as the lines of a head announce it.
#[derive(Debug, Default)]
pub struct AnnouncedLength {
    length: u64,
    /// Something else than `Content-Length` may frame the body.
    is_framed_otherwise: bool,
}

impl AnnouncedLength {
    /// Looks at a whole line.
    fn note(&mut self, line: &[u8]) {
        match line.first() {
            Some(b'c' | b'C') => {
                if let Some(value) = value_of(line, b"content-length:") {
                    self.length = decimal(value).unwrap_or(0);
                }
            }
            Some(b't' | b'T') => {
                self.is_framed_otherwise |= value_of(line, b"transfer-encoding:").is_some();
            }
            Some(b'u' | b'U') => self.is_framed_otherwise |= value_of(line, b"upgrade:").is_some(),
            _ => {}
        }
    }

    /// The length, if only `Content-Length` frames the body; 0 in every other case. A small body
    /// can then be passed on together with its head.
    pub fn get(&self) -> u64 {
        match self.is_framed_otherwise {
            true => 0,
            false => self.length,
        }
    }
}

fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

impl HeadLines {
    /// Takes the next bytes of a head. `announced` is told of each line that lies wholly in them.
    pub fn look(&mut self, bytes: &[u8], announced: &mut AnnouncedLength) -> Found {
        let (mut at, mut line) = (0, 0);
        while at < bytes.len() {
            if let HeadLines::Within { cr } = *self {
                let Some(next) = memchr::memchr(b'\n', &bytes[at..]) else {
                    let cr = bytes.ends_with(b"\r");
                    *self = HeadLines::Within { cr };
                    return Found::Nothing;
                };
                let cr = match next {
                    0 => cr,
                    next => bytes[at + next - 1] == b'\r',
                };
                at += next;
                if !cr {
                    return Found::BareLf(at);
                }
                announced.note(&bytes[line..at]);
                *self = HeadLines::Ended;
                at += 1;
                line = at;
                continue;
            }
            *self = match (*self, bytes[at]) {
                (HeadLines::Leading | HeadLines::Ended, b'\n') => return Found::BareLf(at),
                (HeadLines::EndedCr, b'\n') => return Found::End(at + 1),
                (HeadLines::LeadingCr, b'\n') => HeadLines::Leading,
                (HeadLines::Leading, b'\r') => HeadLines::LeadingCr,
                (HeadLines::Ended, b'\r') => HeadLines::EndedCr,
                (_, byte) => HeadLines::Within { cr: byte == b'\r' },
            };
            at += 1;
        }
        Found::Nothing
    }
}
