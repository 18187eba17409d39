//! Lets one request at a time through to actix-http, which decodes whatever it is given, and frames
//! an answer by the request it decoded last: a HEAD pipelined behind a GET would take the GET's
//! body away. What a client sends ahead waits here. Finds where heads and bodies end. A chunked
//! body is judged here, trailers and all, since actix-http ends the connection of a broken one
//! without an answer and reads no trailers; heads are left to it, but for bare line feeds, which it
//! would take for line ends.

use actix_http::{
    Method, RequestHead,
    header::{self, HeaderMap},
};

use crate::upstream::{ChunkScanner, Malformed};

/// Bytes taken ahead of their turn, beyond those that came in one read. The client's end is seen behind so many.
pub const AHEAD: usize = 16 * 1024;

/// What the bytes of a body may cost that have passed and are not taken yet. actix-http bounds what
/// it holds by the body's own bytes, of which each piece costs it more than its length.
const WINDOW: usize = 64 * 1024;
/// What a piece costs besides its bytes: its place in actix-http's queue.
const PIECE: usize = 64;
/// Bytes of a body that pass at most before the window is looked at again.
const STEP: usize = 16 * 1024;

/// A byte that is malformed wherever it stands in a head.
const NOT_IN_A_HEAD: u8 = 0;

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

    /// How many of these bytes belong to the body, in how many pieces, and whether it ends there.
    fn take(&mut self, bytes: &[u8]) -> Result<Taken, Malformed> {
        Ok(match self {
            Extent::Length(left) => {
                let bytes = (*left).min(bytes.len() as u64);
                *left -= bytes;
                Taken::one_piece(bytes as usize, *left == 0)
            }
            Extent::Chunked(scanner) => {
                let scanned = scanner.feed(bytes).map_err(|broken| broken.why)?;
                Taken {
                    bytes: scanned.body,
                    // The rest of a chunk that began before is one, too.
                    pieces: scanned.begun + 1,
                    ended: scanned.ended,
                }
            }
            Extent::Endless => Taken::one_piece(bytes.len(), false),
        })
    }
}

/// The bytes of a body among those that came.
struct Taken {
    bytes: usize,
    pieces: usize,
    ended: bool,
}

impl Taken {
    fn one_piece(bytes: usize, ended: bool) -> Self {
        Taken {
            bytes,
            pieces: 1,
            ended,
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
    /// The body is malformed: where the next request would begin is not known.
    Broken(Malformed),
}

/// Where a head's lines end: with CRLF, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
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

/// What was looked for in the bytes of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// The head goes on.
    Nothing,
    /// It ends behind so many bytes.
    End(usize),
    /// There is a line feed without CR at this place.
    BareLf(usize),
}

#[derive(Debug)]
pub struct Gate {
    at: At,
    serving: bool,
    /// What has passed of a body since all of it was last taken; `None` while nobody takes any.
    untaken: Option<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            at: At::Head(Line::Leading),
            serving: false,
            untaken: None,
        }
    }
}

impl Gate {
    /// Bytes may pass now.
    pub fn is_open(&self) -> bool {
        match self.at {
            At::Head(_) => true,
            At::Body(_) => !self.is_full(),
            At::Served { .. } | At::Read | At::Broken(_) => false,
        }
    }

    /// A head is being read, or nothing is.
    pub fn is_in_head(&self) -> bool {
        matches!(self.at, At::Head(_))
    }

    /// More of the body waits to be taken than may.
    fn is_full(&self) -> bool {
        self.untaken.is_some_and(|untaken| untaken >= WINDOW)
    }

    /// Somebody takes the body from here on, and says so.
    pub fn bound(&mut self) {
        self.untaken = Some(0);
    }

    /// What has passed is taken; whether bytes had to wait for that.
    pub fn taken(&mut self) -> bool {
        let was_full = self.is_full();
        self.untaken = self.untaken.map(|_| 0);
        was_full
    }

    /// Nobody takes the body any more: actix-http throws away what passes. Whether bytes had to wait.
    pub fn unbound(&mut self) -> bool {
        let was_full = self.is_full();
        self.untaken = None;
        was_full
    }

    /// Why the body cannot be read on, if it cannot.
    pub fn broken(&self) -> Option<Malformed> {
        match self.at {
            At::Broken(why) => Some(why),
            At::Head(_) | At::Served { .. } | At::Body(_) | At::Read => None,
        }
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
            At::Head(_) | At::Body(_) | At::Read | At::Broken(_) => 0,
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
        self.untaken = None;
        if !matches!(self.at, At::Body(_) | At::Broken(_)) {
            self.at = At::Head(Line::Leading);
        }
    }

    /// How many of the next bytes pass now; at least one while the gate is open, unless they break
    /// the body. A bare line feed in a head becomes a byte that no head may hold: actix-http
    /// answers it as it answers every other malformed head.
    pub fn admit(&mut self, bytes: &mut [u8]) -> usize {
        match &mut self.at {
            At::Head(line) => {
                let whole = *line == Line::Leading;
                match line.look(bytes) {
                    Found::Nothing => bytes.len(),
                    Found::End(end) => {
                        let (head, rest) = bytes.split_at(end);
                        let passed = match whole && !rest.is_empty() {
                            true => announced_length(head).min(rest.len() as u64),
                            false => 0,
                        };
                        self.at = At::Served { passed };
                        end + passed as usize
                    }
                    Found::BareLf(at) => {
                        bytes[at] = NOT_IN_A_HEAD;
                        self.at = At::Read;
                        at + 1
                    }
                }
            }
            At::Body(extent) => {
                let step = bytes.len().min(STEP);
                let taken = match extent.take(&bytes[..step]) {
                    Ok(taken) => taken,
                    Err(why) => {
                        self.at = At::Broken(why);
                        return 0;
                    }
                };
                if taken.ended && self.serving {
                    self.at = At::Read;
                } else if taken.ended {
                    self.at = At::Head(Line::Leading);
                }
                if let Some(untaken) = &mut self.untaken {
                    *untaken += taken.bytes + PIECE * taken.pieces;
                }
                taken.bytes
            }
            At::Served { .. } | At::Read | At::Broken(_) => 0,
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
    fn look(&mut self, bytes: &[u8]) -> Found {
        let mut at = 0;
        while at < bytes.len() {
            if let Line::Within { cr } = *self {
                let Some(next) = memchr::memchr(b'\n', &bytes[at..]) else {
                    let cr = bytes.ends_with(b"\r");
                    *self = Line::Within { cr };
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
                *self = Line::Ended;
                at += 1;
                continue;
            }
            *self = match (*self, bytes[at]) {
                (Line::Leading | Line::Ended, b'\n') => return Found::BareLf(at),
                (Line::EndedCr, b'\n') => return Found::End(at + 1),
                (Line::LeadingCr, b'\n') => Line::Leading,
                (Line::Leading, b'\r') => Line::LeadingCr,
                (Line::Ended, b'\r') => Line::EndedCr,
                (_, byte) => Line::Within { cr: byte == b'\r' },
            };
            at += 1;
        }
        Found::Nothing
    }
}

#[cfg(test)]
mod tests;
