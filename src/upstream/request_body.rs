//! The caller's request body on its way up: read once from downstream, kept as far as a second try
//! may need it. Changes no byte; framing is the transport's.

mod source;

use std::{
    rc::Weak,
    task::{Context, Poll, ready},
};

use actix_http::{Payload, error::PayloadError};
use bytes::Bytes;

use self::source::Source;
use super::kept::Kept;
use crate::memory::{Account, NoRoom};

/// How the end of the caller's body is known, and so how it is framed upstream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyLength {
    /// No body and no framing header.
    None,
    /// The caller's own Content-Length.
    Exact(u64),
    /// The caller sent chunks.
    Chunked,
    /// A WebSocket handshake: bytes flow once the upstream has answered 101, and not before.
    Tunnel,
}

impl BodyLength {
    /// There is a body that an edit could be of. What a tunnel carries is none: it goes up as it
    /// comes.
    pub fn is_editable(self) -> bool {
        match self {
            BodyLength::None | BodyLength::Exact(0) | BodyLength::Tunnel => false,
            BodyLength::Exact(_) | BodyLength::Chunked => true,
        }
    }
}

/// Why the caller's body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// The client closed or reset its connection.
    ClientGone,
    /// Broken chunked coding from the client.
    Malformed,
    /// More than the settings allow.
    TooLarge,
}

/// What became of a body that was to be read to its end and kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    Kept,
    /// It has more bytes than may be kept of one; it goes up as it comes.
    TooLarge,
    /// The process has no memory left for it; it goes up as it comes.
    NoRoom,
}

/// The client's side of a body, which bounds what has been read and not taken yet.
pub trait Supply {
    /// All that has been read is taken: more may be.
    fn taken(&self);
    /// The body is not read any more: what still comes is thrown away.
    fn unwanted(&self);
}

/// Where the next bytes to send are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    /// The source has them.
    Source,
    /// They are kept: the number of the segment.
    Kept(usize),
    /// They were kept, and are handed out once: then the source has them.
    Once,
}

/// A request body: a stream with memory.
pub struct RequestBody {
    source: Source,
    length: BodyLength,
    kept: Kept,
    keep_limit: usize,
    /// Kept until the line says otherwise, also after an answer has begun: other targets may be
    /// tried.
    for_replay: bool,
    next: Next,
    ended: bool,
    /// The last look found nothing: the next bytes are owed by the caller.
    waiting: bool,
    fault: Option<BodyFault>,
    read: u64,
    read_limit: u64,
}

impl RequestBody {
    /// A body of the given length. Up to `keep_limit` bytes are kept on this account for a second
    /// try until [`forget`](Self::forget).
    pub fn new(payload: Payload, length: BodyLength, keep_limit: usize, account: Account) -> Self {
        RequestBody {
            source: Source::new(payload),
            length,
            kept: Kept::new(account),
            keep_limit,
            for_replay: false,
            next: Next::Source,
            ended: length == BodyLength::None,
            waiting: false,
            fault: None,
            read: 0,
            read_limit: u64::MAX,
        }
    }

    /// A request without a body.
    pub fn empty() -> Self {
        Self::new(Payload::None, BodyLength::None, 0, Account::UNCOUNTED)
    }

    /// A body that was read before, whole, to be sent in the framing of `length`.
    pub fn of(chunks: Vec<Bytes>, length: BodyLength) -> Self {
        Self::from_kept(Kept::of(chunks, Account::UNCOUNTED), length)
    }

    /// A second body of the same bytes, if all of them are here.
    pub fn copy(&self) -> Option<Self> {
        let segments = self.whole()?.to_vec();
        let kept = Kept::of(segments, self.kept.account().clone());
        Some(Self::from_kept(kept, self.length))
    }

    fn from_kept(kept: Kept, length: BodyLength) -> Self {
        let read = kept.bytes() as u64;
        RequestBody {
            kept,
            for_replay: true,
            next: Next::Kept(0),
            ended: true,
            read,
            ..Self::new(Payload::None, length, usize::MAX, Account::UNCOUNTED)
        }
    }

    /// Keeps up to `limit` bytes until [`forget`](Self::forget), whatever has begun meanwhile.
    pub fn keep_for_replay(&mut self, limit: usize) {
        if self.is_replayable() {
            self.keep_limit = limit;
            self.for_replay = true;
        }
    }

    /// Tells `supply` what is taken.
    pub fn supplied_by(mut self, supply: Option<Weak<dyn Supply>>) -> Self {
        self.source.supply = supply;
        self
    }

    /// Refuses bodies of more than `limit` bytes with [`BodyFault::TooLarge`].
    pub fn limited_to(mut self, limit: u64) -> Self {
        self.read_limit = limit;
        self
    }

    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// On whose account bytes of it are kept.
    pub fn account(&self) -> &Account {
        self.kept.account()
    }

    /// Bytes read from the caller so far.
    pub fn bytes_read(&self) -> u64 {
        self.read
    }

    /// What ended the body early, if anything did.
    pub fn fault(&self) -> Option<BodyFault> {
        self.fault
    }

    /// The upstream would take more, the caller has not sent it yet.
    pub fn is_waiting(&self) -> bool {
        self.waiting
    }

    /// The next bytes to send; kept ones first.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        if let Some(chunk) = self.next_kept() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let Some(read) = ready!(self.poll_source(cx)) else {
            return Poll::Ready(None);
        };
        if let Ok(chunk) = &read
            && self.keep_limit > 0
            && self.keep(chunk).is_err()
        {
            self.forget();
        }
        Poll::Ready(Some(read))
    }

    fn next_kept(&mut self) -> Option<Bytes> {
        let chunk = match self.next {
            Next::Source => None,
            Next::Kept(number) => {
                self.next = Next::Kept(number + 1);
                self.kept.segments().get(number).cloned()
            }
            Next::Once => self.kept.pop_first(),
        };
        if chunk.is_none() {
            self.next = Next::Source;
        }
        chunk
    }

    /// Reads on to the end and keeps all of it, up to `limit` bytes; whatever comes of it, the next
    /// bytes to send are the first.
    pub fn poll_whole(
        &mut self,
        limit: usize,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Whole, BodyFault>> {
        self.keep_for_replay(limit);
        while let Some(read) = ready!(self.poll_source(cx)) {
            let chunk = match read {
                Ok(chunk) => chunk,
                Err(fault) => return Poll::Ready(Err(fault)),
            };
            if let Err(Unkept { why, rest }) = self.keep(&chunk) {
                self.send_once(rest);
                return Poll::Ready(Ok(why));
            }
        }
        self.kept.seal();
        self.next = Next::Kept(0);
        Poll::Ready(Ok(Whole::Kept))
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        if let Some(fault) = self.fault {
            return Poll::Ready(Some(Err(fault)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let (length, read) = (self.length, self.read);
        let complete = |more: usize| matches!(length, BodyLength::Exact(length) if length == read + more as u64);
        let next = self.source.poll_next(complete, cx);
        self.waiting = next.is_pending();
        Poll::Ready(match ready!(next) {
            Some(Ok(chunk)) => Some(self.admit(chunk)),
            Some(Err(error)) => Some(Err(self.fail(fault_of(&error)))),
            None => {
                self.ended = true;
                self.kept.seal();
                None
            }
        })
    }

    fn admit(&mut self, chunk: Bytes) -> Result<Bytes, BodyFault> {
        self.read += chunk.len() as u64;
        if self.read > self.read_limit {
            return Err(self.fail(BodyFault::TooLarge));
        }
        Ok(chunk)
    }

    fn fail(&mut self, fault: BodyFault) -> BodyFault {
        self.fault = Some(fault);
        fault
    }

    /// Keeps what was just read.
    fn keep(&mut self, chunk: &Bytes) -> Result<(), Unkept> {
        let before = self.kept.bytes();
        let why = match before + chunk.len() > self.keep_limit {
            true => Whole::TooLarge,
            false => match self.keep_within(chunk) {
                Ok(()) => return Ok(()),
                Err(NoRoom) => Whole::NoRoom,
            },
        };
        let rest = chunk.slice(self.kept.bytes() - before..);
        Err(Unkept { why, rest })
    }

    fn keep_within(&mut self, chunk: &Bytes) -> Result<(), NoRoom> {
        if self.kept.bytes() == 0 && self.is_complete() {
            return self.kept.push_only(chunk);
        }
        self.kept.push(chunk)?;
        if self.is_complete() {
            self.kept.seal();
        }
        Ok(())
    }

    /// What was read is to be sent once; nothing more is kept.
    fn send_once(&mut self, rest: Bytes) {
        self.kept.push_passing(rest);
        self.keep_limit = 0;
        self.next = Next::Once;
    }

    /// An answer has begun: what was kept for a stale connection only is needed no more.
    pub fn note_answer(&mut self) {
        if !self.for_replay {
            self.forget();
        }
    }

    /// Everything the caller sends has come.
    pub fn is_complete(&self) -> bool {
        self.ended || matches!(self.length, BodyLength::Exact(length) if length == self.read)
    }

    /// The body, if it has come and is kept to its last byte.
    pub fn whole(&self) -> Option<&[Bytes]> {
        let kept = self.is_complete() && self.is_replayable();
        kept.then_some(self.kept.segments())
    }

    /// The same as one piece.
    ///
    /// # Errors
    /// There is no room to make one piece of it.
    pub fn joined(&mut self) -> Result<Option<Bytes>, NoRoom> {
        let Some(segments) = self.whole() else {
            return Ok(None);
        };
        match self.next {
            Next::Kept(sent) if sent > 0 && sent < segments.len() => {
                // Another place among its segments would be lost.
                let room = self.kept.account().reserve(self.kept.bytes())?;
                return Ok(Some(room.hold(segments.concat())));
            }
            Next::Kept(0) => self.kept.join()?,
            Next::Source | Next::Once | Next::Kept(_) => {
                self.next = Next::Source;
                self.kept.join()?;
            }
        }
        Ok(Some(
            self.kept.segments().first().cloned().unwrap_or_default(),
        ))
    }

    /// What is kept of a body of which nothing has been sent yet, if it is whole, longer than
    /// `length` and in several pieces: to be made one, and to be given back before anything else is
    /// asked of the body.
    pub fn lend_long(&mut self, length: usize) -> Option<Kept> {
        let is_long = self.whole()?.len() > 1 && self.kept.bytes() > length;
        let lent = is_long && self.next == Next::Kept(0);
        let empty = Kept::new(self.kept.account().clone());
        lent.then(|| std::mem::replace(&mut self.kept, empty))
    }

    /// What was lent comes back: the same bytes.
    pub fn give_back(&mut self, kept: Kept) {
        self.kept = kept;
    }

    /// It can be sent again from its first byte.
    pub fn is_replayable(&self) -> bool {
        self.read == 0 || self.keep_limit > 0
    }

    /// Keeps nothing that is not still to be sent: an answer is relayed, or the body outgrew its
    /// limit.
    pub fn forget(&mut self) {
        self.keep_limit = 0;
        match self.next {
            Next::Source => self.kept.clear(),
            Next::Kept(sent) => {
                self.kept.drop_first(sent);
                self.next = Next::Once;
            }
            Next::Once => {}
        }
    }

    /// Keeps nothing at all: it is not sent any more.
    pub fn discard(&mut self) {
        self.keep_limit = 0;
        self.kept.clear();
        self.next = Next::Source;
    }

    /// Starts again from the first byte; false when bytes already handed out are not kept any more.
    pub fn rewind(&mut self) -> bool {
        if self.next == Next::Once {
            return self.kept.bytes() as u64 == self.read;
        }
        let whole = self.is_replayable();
        if whole {
            self.kept.seal();
            self.next = Next::Kept(0);
        }
        whole
    }
}

/// Why a piece is not kept, and what of it.
struct Unkept {
    why: Whole,
    rest: Bytes,
}

fn fault_of(error: &PayloadError) -> BodyFault {
    match error {
        PayloadError::EncodingCorrupted | PayloadError::UnknownLength => BodyFault::Malformed,
        PayloadError::Overflow => BodyFault::TooLarge,
        // An incomplete body or a failed read both mean that the client's side is closed.
        _ => BodyFault::ClientGone,
    }
}

#[cfg(test)]
mod tests;
