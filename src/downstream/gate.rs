//! Lets one request at a time through to actix-http, which decodes whatever it is given, and frames an answer by the request
//! it decoded last: a HEAD pipelined behind a GET would take the GET's body away. What a client sends ahead waits here.
//! Finds where heads and bodies end; judges nothing, since actix-http reads the same bytes after it.

use actix_http::{
    Method, RequestHead,
    header::{self, HeaderMap},
};

use crate::upstream::ChunkScanner;

/// Bytes taken ahead of their turn, beyond those that came in one read. The client's end is seen behind so many.
pub const AHEAD: usize = 16 * 1024;

/// Where the body of a request ends, as actix-http will see it.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    Length(u64),
    Chunked(ChunkScanner),
    /// With the connection: a tunnel's.
    Endless,
}

impl Extent {
    /// The rule of actix-http's decoder, which has refused every ambiguous head.
    pub fn of(head: &RequestHead) -> Self {
        let headers = head.headers();
        if headers.contains_key(header::TRANSFER_ENCODING) {
            return Extent::Chunked(ChunkScanner::default());
        }
        if asks_for_websocket(headers) {
            return Extent::Endless;
        }
        match headers.get(header::CONTENT_LENGTH) {
            Some(length) => {
                let length = length
                    .to_str()
                    .ok()
                    .and_then(|text| text.trim().parse().ok());
                length.map_or(Extent::Endless, Extent::Length)
            }
            None if head.method == Method::CONNECT => Extent::Endless,
            None => Extent::Length(0),
        }
    }

    /// How many of these bytes belong to the body, and whether it ends with them.
    fn take(&mut self, bytes: &[u8]) -> (usize, bool) {
        match self {
            Extent::Length(left) => {
                let used = (*left).min(bytes.len() as u64);
                *left -= used;
                (used as usize, *left == 0)
            }
            // Broken coding passes; actix-http refuses it and closes.
            Extent::Chunked(scanner) => scanner.feed(bytes).unwrap_or((bytes.len(), false)),
            Extent::Endless => (bytes.len(), false),
        }
    }
}

fn asks_for_websocket(headers: &HeaderMap) -> bool {
    headers.get_all(header::UPGRADE).any(|upgrade| {
        upgrade
            .to_str()
            .is_ok_and(|upgrade| upgrade.trim().eq_ignore_ascii_case("websocket"))
    })
}

#[derive(Debug, Clone, Copy)]
enum At {
    Head(Line),
    /// actix-http has a whole head, and so many bytes of its body; how that ends is known once the request is served.
    Served {
        passed: u64,
    },
    Body(Extent),
    /// The request has been read and is still being served.
    Read,
}

/// Where a head's lines end: with LF, whether or not CR precedes it, as httparse has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    /// Empty lines in front of a head are skipped (RFC 9112 §2.2).
    Leading,
    Within,
    Ended,
    EndedCr,
}

#[derive(Debug)]
pub struct Gate {
    at: At,
    serving: bool,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            at: At::Head(Line::Leading),
            serving: false,
        }
    }
}

impl Gate {
    /// Bytes may pass now.
    pub fn is_open(&self) -> bool {
        matches!(self.at, At::Head(_) | At::Body(_))
    }

    /// The rest of a body is read although its request has been answered.
    pub fn is_draining(&self) -> bool {
        !self.serving && matches!(self.at, At::Body(_))
    }

    /// actix-http has parsed a head; its request is being served.
    pub fn begin(&mut self, body: Extent) {
        self.serving = true;
        let passed = match self.at {
            At::Served { passed } => passed,
            At::Head(_) | At::Body(_) | At::Read => 0,
        };
        self.at = match body {
            Extent::Length(length) if length <= passed => At::Read,
            Extent::Length(length) => At::Body(Extent::Length(length - passed)),
            body => At::Body(body),
        };
    }

    /// The request has been answered.
    pub fn end(&mut self) {
        self.serving = false;
        if !matches!(self.at, At::Body(_)) {
            self.at = At::Head(Line::Leading);
        }
    }

    /// How many of the next bytes pass now; at least one while the gate is open.
    pub fn admit(&mut self, bytes: &[u8]) -> usize {
        match &mut self.at {
            At::Head(line) => {
                let whole = *line == Line::Leading;
                let Some(end) = line.find_end(bytes) else {
                    return bytes.len();
                };
                let (head, rest) = bytes.split_at(end);
                let passed = match whole && !rest.is_empty() {
                    true => announced_length(head).min(rest.len() as u64),
                    false => 0,
                };
                self.at = At::Served { passed };
                end + passed as usize
            }
            At::Body(extent) => {
                let (used, ended) = extent.take(bytes);
                if ended && self.serving {
                    self.at = At::Read;
                } else if ended {
                    self.at = At::Head(Line::Leading);
                }
                used
            }
            At::Served { .. } | At::Read => 0,
        }
    }
}

/// The length of the body in the plainest case, 0 in every other: a small body shall come with its head, in one pass.
fn announced_length(head: &[u8]) -> u64 {
    let mut length = 0;
    let mut start = 0;
    for end in memchr::memchr_iter(b'\n', head) {
        let line = &head[start..end];
        start = end + 1;
        if let Some(value) = value_of(line, b"content-length:") {
            let digits = std::str::from_utf8(value.trim_ascii()).unwrap_or_default();
            length = digits.parse().unwrap_or(0);
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

impl Line {
    fn find_end(&mut self, bytes: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < bytes.len() {
            if *self == Line::Within {
                at += memchr::memchr(b'\n', &bytes[at..])?;
            }
            let ends = matches!(self, Line::Ended | Line::EndedCr) && bytes[at] == b'\n';
            *self = match (*self, bytes[at]) {
                (Line::Leading, b'\r' | b'\n') => Line::Leading,
                (Line::Ended, b'\r') => Line::EndedCr,
                (_, b'\n') => Line::Ended,
                _ => Line::Within,
            };
            at += 1;
            if ends {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_however_it_is_split() {
        for head in [
            "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            "GET / HTTP/1.1\nHost: a\n\n",
            "GET / HTTP/1.1\r\nHost: a\n\r\n",
            "\r\n\r\n\nGET / HTTP/1.1\r\n\r\n",
        ] {
            let both = [head, "GET /next"].concat();
            for split in 1..head.len() {
                let mut gate = Gate::default();
                assert_eq!(gate.admit(&both.as_bytes()[..split]), split, "{head:?}");
                let rest = gate.admit(&both.as_bytes()[split..]);
                assert_eq!(split + rest, head.len(), "{head:?} split at {split}");
                assert!(!gate.is_open());
            }
        }
    }

    #[test]
    fn a_body_passes_to_its_end_and_the_next_head_waits_for_the_answer() {
        let chunks = b"5\r\nhello\r\n0\r\n\r\n";
        for (extent, body) in [
            (Extent::Length(5), &b"hello"[..]),
            (Extent::Chunked(ChunkScanner::default()), &chunks[..]),
            (Extent::Length(0), b""),
        ] {
            let mut gate = Gate::default();
            gate.admit(b"POST / HTTP/1.1\r\n\r\n");
            gate.begin(extent);
            let both = [body, b"GET /next HTTP/1.1\r\n\r\n"].concat();
            assert_eq!(gate.admit(&both), body.len());
            assert_eq!(gate.admit(b"G"), 0);
            gate.end();
            assert_eq!(gate.admit(b"G"), 1);
        }
    }

    #[test]
    fn a_body_of_known_length_passes_with_its_head_and_no_byte_more() {
        for (line, passes) in [
            ("Content-Length: 5", 5),
            ("content-length:5 ", 5),
            ("Content-Length: 500", 7),
            ("Content-Length: x", 0),
            ("Content-Lengt: 5", 0),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", 0),
            ("Content-Length: 5\r\nUpgrade: websocket", 0),
        ] {
            let head = format!("POST / HTTP/1.1\r\n{line}\r\n\r\n");
            let mut gate = Gate::default();
            let admitted = gate.admit(format!("{head}helloGE").as_bytes());
            assert_eq!(admitted - head.len(), passes, "{line}");
            gate.begin(Extent::Length(7));
            assert_eq!(gate.admit(b"0123456789"), 7 - passes, "{line}");
        }
    }

    #[test]
    fn a_body_nobody_wants_is_drained_before_the_next_head() {
        let mut gate = Gate::default();
        gate.admit(b"POST / HTTP/1.1\r\n\r\n");
        gate.begin(Extent::Length(5));
        gate.end();
        assert!(gate.is_draining());
        assert_eq!(gate.admit(b"helloGET"), 5);
        assert!(!gate.is_draining() && gate.is_open());
    }
}
