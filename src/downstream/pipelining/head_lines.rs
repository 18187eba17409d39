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

/// The length of the body, if only `Content-Length` frames it; 0 in every other case. A small body
/// can then be passed on together with its head.
pub fn announced_length(head: &[u8]) -> u64 {
    let mut length = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', head) {
        let line = &head[start..end];
        start = end + 1;
        if let Some(value) = value_of(line, b"content-length:") {
            length = decimal(value).unwrap_or(0);
        } else if value_of(line, b"transfer-encoding:")
            .or(value_of(line, b"upgrade:"))
            .is_some()
        {
            return 0;
        }
    }
    length
}

fn value_of<'l>(line: &'l [u8], name: &[u8]) -> Option<&'l [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

impl HeadLines {
    /// Takes the next bytes of a head.
    pub fn look(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
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
                *self = HeadLines::Ended;
                at += 1;
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
