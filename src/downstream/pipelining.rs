//! Which bytes may go on to actix-http now? It decodes whatever it is given, and frames a response
//! by the request that it decoded last: a HEAD pipelined behind a GET would take away the body of
//! the GET's response.
//! So one request at a time passes, and what a client sends ahead waits here.
//!
//! This file finds where heads and bodies end. It judges chunked bodies, trailers included, since
//! actix-http ends the connection of a malformed one without a response and does not read trailers.
//! It leaves heads to actix-http, except for bare line feeds, which actix-http takes for line ends.

mod head_lines;

use actix_http::Method;

use self::head_lines::{AnnouncedLength, Found, HeadLines};
use crate::http::{
    chunks::{ChunkScanner, MalformedChunks},
    content_length::NotANumber,
    request_fields::Framing,
};

/// Bytes read ahead of their turn, beyond those that came in one read. The close of a client that
/// has sent more ahead is not seen.
pub const AHEAD: usize = 16 * 1024;

/// The most that passed bytes of a body may cost until they are taken. actix-http bounds what it
/// holds by the bytes of the body, but each piece costs it more than its length.
const WINDOW: usize = 64 * 1024;
/// What a piece costs besides its bytes: an entry in actix-http's queue.
const PIECE: usize = 64;
/// Most bytes of a body that pass before the window is checked again.
const STEP: usize = 16 * 1024;

/// A byte that makes a head malformed wherever it stands.
const NOT_IN_A_HEAD: u8 = 0;

/// Where the body of a request ends, as actix-http will see it.
#[derive(Debug, Clone, Copy)]
pub enum Extent {
    Length(u64),
    Chunked(ChunkScanner),
    /// The end of the connection: this is a tunnel.
    Endless,
}

impl Extent {
    /// Follows the rule of actix-http's decoder, which has refused every ambiguous head.
    pub fn of(method: &Method, framing: Framing) -> Self {
        if framing.has_transfer_encoding {
            return Extent::Chunked(ChunkScanner::default());
        }
        if framing.names_websocket {
            return Extent::Endless;
        }
        match framing.content_length {
            Some(Ok(length)) => Extent::Length(length),
            Some(Err(NotANumber)) => Extent::Endless,
            None if *method == Method::CONNECT => Extent::Endless,
            None => Extent::Length(0),
        }
    }

    /// How many of these bytes belong to the body, in how many pieces, and whether it ends there.
    fn take(&mut self, bytes: &[u8]) -> Result<Taken, MalformedChunks> {
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
                    // The rest of a chunk that began earlier is a piece, too.
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

#[derive(Debug, Clone, Copy)]
enum At {
    Head(HeadLines),
    /// actix-http has a whole head and `passed` bytes of its body. The end of the body is known
    /// once the request is served.
    Served {
        passed: u64,
    },
    Body(Extent),
    /// The request has been read and is still being served.
    Read,
    /// The body is malformed, so it is not known where a next request would begin.
    Broken(MalformedChunks),
}

/// Lets one request at a time through to actix-http.
#[derive(Debug)]
pub struct Gate {
    at: At,
    serving: bool,
    /// The cost of what has passed of a body and is not taken yet; `None` while nothing reports
    /// what is taken.
    untaken: Option<usize>,
}

impl Default for Gate {
    fn default() -> Self {
        Gate {
            at: At::Head(HeadLines::Leading),
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

    /// A head is being read, or the connection is idle.
    pub fn is_in_head(&self) -> bool {
        matches!(self.at, At::Head(_))
    }

    /// As much of the body waits to be taken as may.
    fn is_full(&self) -> bool {
        self.untaken.is_some_and(|untaken| untaken >= WINDOW)
    }

    /// From here on, what is taken of the body is reported, and the window applies.
    pub fn bound(&mut self) {
        self.untaken = Some(0);
    }

    /// Everything that has passed is taken; returns whether the window was full.
    pub fn taken(&mut self) -> bool {
        let was_full = self.is_full();
        self.untaken = self.untaken.map(|_| 0);
        was_full
    }

    /// The body is not taken any more, and actix-http throws away what passes; returns whether the
    /// window was full.
    pub fn unbound(&mut self) -> bool {
        let was_full = self.is_full();
        self.untaken = None;
        was_full
    }

    /// The fault that makes the rest of the body unreadable.
    pub fn broken(&self) -> Option<MalformedChunks> {
        match self.at {
            At::Broken(why) => Some(why),
            At::Head(_) | At::Served { .. } | At::Body(_) | At::Read => None,
        }
    }

    /// The rest of a body is read although its request is no longer served.
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

    /// The request is no longer served.
    pub fn end(&mut self) {
        self.serving = false;
        self.untaken = None;
        if !matches!(self.at, At::Body(_) | At::Broken(_)) {
            self.at = At::Head(HeadLines::Leading);
        }
    }

    /// Returns how many of the next bytes pass now: at least one while the gate is open, unless
    /// they make the body malformed. A bare line feed in a head is replaced by a byte that no head
    /// may contain, so that actix-http refuses it like every other malformed head.
    pub fn admit(&mut self, bytes: &mut [u8]) -> usize {
        match self.at {
            At::Head(lines) => self.admit_head(lines, bytes),
            At::Body(extent) => self.admit_body(extent, bytes),
            At::Served { .. } | At::Read | At::Broken(_) => 0,
        }
    }

    fn admit_head(&mut self, mut lines: HeadLines, bytes: &mut [u8]) -> usize {
        let is_whole = lines == HeadLines::Leading;
        let mut announced = AnnouncedLength::default();
        match lines.look(bytes, &mut announced) {
            Found::Nothing => {
                self.at = At::Head(lines);
                bytes.len()
            }
            Found::End(end) => {
                let rest = (bytes.len() - end) as u64;
                let passed = match is_whole {
                    true => announced.get().min(rest),
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

    fn admit_body(&mut self, mut extent: Extent, bytes: &[u8]) -> usize {
        let taken = match extent.take(&bytes[..bytes.len().min(STEP)]) {
            Ok(taken) => taken,
            Err(why) => {
                self.at = At::Broken(why);
                return 0;
            }
        };
        self.at = match (taken.ended, self.serving) {
            (false, _) => At::Body(extent),
            (true, true) => At::Read,
            (true, false) => At::Head(HeadLines::Leading),
        };
        if let Some(untaken) = &mut self.untaken {
            *untaken += taken.bytes + PIECE * taken.pieces;
        }
        taken.bytes
    }
}

#[cfg(test)]
mod tests;
