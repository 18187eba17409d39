//! Just enough of an HTTP/1.1 head: first line, framing, `Connection: close` and our own timestamp
//! header. Trusts its peers about everything else; this is a measuring tool, not a parser to build
//! on.

use std::ops::Range;

use crate::failure::Failure;

/// How the body after a head is delimited.
#[derive(Clone, Copy, PartialEq)]
pub enum Framing {
    Unstated,
    Length(u64),
    Chunked,
}

pub struct Head {
    /// Bytes up to and including the empty line.
    pub len: usize,
    pub first_line: Range<usize>,
    pub framing: Framing,
    pub close: bool,
    /// `x-sent-at`: when the upstream wrote a stream's head, `CLOCK_MONOTONIC` nanoseconds.
    pub sent_at: Option<u64>,
}

impl Head {
    /// The head at the start of `bytes`, or `None` while its empty line has not arrived.
    pub fn parse(bytes: &[u8]) -> Result<Option<Self>, Failure> {
        let Some(first_end) = line_end(bytes, 0) else {
            return Ok(None);
        };
        let mut head = Self {
            len: 0,
            first_line: 0..first_end - 2,
            framing: Framing::Unstated,
            close: false,
            sent_at: None,
        };
        let mut start = first_end;
        while let Some(end) = line_end(bytes, start) {
            if end - start == 2 {
                head.len = end;
                return Ok(Some(head));
            }
            head.take_line(&bytes[start..end - 2])?;
            start = end;
        }
        Ok(None)
    }

    /// The status code of a response's first line.
    pub fn status(&self, bytes: &[u8]) -> Result<u16, Failure> {
        let digits = bytes[self.first_line.clone()].get(9..12);
        digits
            .and_then(number)
            .and_then(|code| u16::try_from(code).ok())
            .ok_or(Failure::Malformed("status line"))
    }

    fn take_line(&mut self, line: &[u8]) -> Result<(), Failure> {
        // Nearly every line is dismissed by its length and first letter alone.
        match line.first().map(u8::to_ascii_lowercase) {
            Some(b'c') => {
                if let Some(value) = value_of(line, b"content-length") {
                    let length = number(value).ok_or(Failure::Malformed("content-length"))?;
                    self.framing = Framing::Length(length);
                } else if let Some(value) = value_of(line, b"connection") {
                    self.close = value.eq_ignore_ascii_case(b"close");
                }
            }
            Some(b't') if value_of(line, b"transfer-encoding").is_some() => {
                self.framing = Framing::Chunked
            }
            Some(b'x') => {
                if let Some(value) = value_of(line, b"x-sent-at") {
                    self.sent_at = number(value);
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The index just after the CRLF of the line that begins at `start`.
fn line_end(bytes: &[u8], start: usize) -> Option<usize> {
    let feed = bytes[start..].iter().position(|&byte| byte == b'\n')?;
    (feed > 0).then_some(start + feed + 1)
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = line.split_at_checked(name.len())?;
    let value = rest.strip_prefix(b":")?;
    start.eq_ignore_ascii_case(name).then(|| value.trim_ascii())
}

/// Decimal digits as a number.
pub fn number(digits: &[u8]) -> Option<u64> {
    std::str::from_utf8(digits).ok()?.parse().ok()
}
