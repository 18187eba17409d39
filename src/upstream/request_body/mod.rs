//! The caller's request body on its way up: read once from downstream, kept as far as a second try
//! may need it. Changes no byte; the connection frames it.

mod kept;
mod length;
mod pieces;
mod replay;
mod source;

use std::{
    rc::Weak,
    task::{Context, Poll, ready},
    time::Duration,
};

use actix_http::Payload;
use bytes::Bytes;

pub use self::{kept::Kept, length::BodyLength, pieces::Supply, replay::Whole, source::BodyFault};
use self::{
    replay::{Replay, Unkept},
    source::Source,
};
use crate::{
    memory::{Account, NoRoom},
    usage::{RequestFacts, RequestReader},
};

/// A request body: a stream that can be sent again as far as it is kept.
pub struct RequestBody {
    source: Source,
    replay: Replay,
    /// Reads what the request says of itself, where records want it.
    reader: Option<Box<RequestReader>>,
}

impl RequestBody {
    /// A body of the given length. Up to `keep_limit` bytes are kept on this account for a second
    /// try until [`forget`](Self::forget).
    pub fn new(payload: Payload, length: BodyLength, keep_limit: usize, account: Account) -> Self {
        RequestBody {
            source: Source::new(payload, length),
            replay: Replay::until_response(keep_limit, account),
            reader: None,
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
        let kept = Kept::of(segments, self.account().clone());
        Some(Self::from_kept(kept, self.length()))
    }

    fn from_kept(kept: Kept, length: BodyLength) -> Self {
        RequestBody {
            source: Source::drained(length, kept.bytes() as u64),
            replay: Replay::of_whole(kept),
            reader: None,
        }
    }

    /// Keeps up to `limit` bytes until [`forget`](Self::forget), also after a response has begun.
    pub fn keep_for_replay(&mut self, limit: usize) {
        if self.is_replayable() {
            self.replay.keep_for_targets(limit);
        }
    }

    /// Reports to `supply` what is taken.
    pub fn supplied_by(mut self, supply: Option<Weak<dyn Supply>>) -> Self {
        self.source.report_to(supply);
        self
    }

    /// Lets `reader` see what is read from the caller, once.
    pub fn read_by(mut self, reader: Option<RequestReader>) -> Self {
        self.reader = reader.map(Box::new);
        self
    }

    /// What the request says of itself, as far as it was read; `None`: nobody looks.
    pub fn facts(&self) -> Option<RequestFacts> {
        let reader = self.reader.as_ref()?;
        Some(reader.facts(self.is_complete()))
    }

    /// Refuses bodies of more than `limit` bytes with [`BodyFault::TooLarge`].
    pub fn limited_to(mut self, limit: u64) -> Self {
        self.source.limit_to(limit);
        self
    }

    pub fn length(&self) -> BodyLength {
        self.source.length()
    }

    /// The account on which bytes of the body are kept.
    pub fn account(&self) -> &Account {
        self.replay.account()
    }

    /// Bytes read from the caller so far.
    pub fn bytes_read(&self) -> u64 {
        self.source.read()
    }

    /// How long the caller was waited for so far.
    pub fn waited(&self) -> Duration {
        self.source.waited()
    }

    /// Why the body ended early, if it did.
    pub fn fault(&self) -> Option<BodyFault> {
        self.source.fault()
    }

    /// The upstream would take more, but the caller has not sent it yet.
    pub fn is_waiting(&self) -> bool {
        self.source.is_waiting()
    }

    /// The next bytes to send; kept ones first.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        if let Some(chunk) = self.replay.next_chunk() {
            return Poll::Ready(Some(Ok(chunk)));
        }
        let Some(read) = ready!(self.poll_source(cx)) else {
            return Poll::Ready(None);
        };
        if let Ok(chunk) = &read
            && self.replay.is_keeping()
            && self.keep(chunk).is_err()
        {
            self.forget();
        }
        Poll::Ready(Some(read))
    }

    /// Reads to the end and keeps all of it, up to `limit` bytes. Whatever the outcome, the first
    /// byte is sent next.
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
                self.replay.send_once(rest);
                return Poll::Ready(Ok(why));
            }
        }
        self.replay.restart();
        Poll::Ready(Ok(Whole::Kept))
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        let next = ready!(self.source.poll_chunk(cx));
        if let (Some(reader), Some(Ok(chunk))) = (&mut self.reader, &next) {
            reader.feed(chunk);
        }
        if next.is_none() {
            self.replay.seal();
        }
        Poll::Ready(next)
    }

    fn keep(&mut self, chunk: &Bytes) -> Result<(), Unkept> {
        self.replay.keep(chunk, self.source.is_complete())
    }

    /// A response has begun: what was kept only for the retry of a stale connection is dropped.
    pub fn note_response(&mut self) {
        self.replay.note_response();
    }

    /// Everything that the caller sends has come.
    pub fn is_complete(&self) -> bool {
        self.source.is_complete()
    }

    /// The body, if it has come and is kept to its last byte.
    pub fn whole(&self) -> Option<&[Bytes]> {
        let is_here = self.is_complete() && self.is_replayable();
        is_here.then(|| self.replay.segments())
    }

    /// The body as one piece, if it has come and is kept to its last byte.
    ///
    /// # Errors
    /// There is no room to make one piece of it.
    pub fn joined(&mut self) -> Result<Option<Bytes>, NoRoom> {
        match self.whole() {
            None => Ok(None),
            Some(_) => self.replay.join().map(Some),
        }
    }

    /// Hands out the bytes of a body of which nothing has been sent, if it is here whole, longer
    /// than `length` and in several pieces, to be joined elsewhere. They must be given back before
    /// any other use of the body.
    pub fn lend_long(&mut self, length: usize) -> Option<Kept> {
        self.whole()?;
        self.replay.lend_long(length)
    }

    /// Takes back the bytes that were lent.
    pub fn give_back(&mut self, kept: Kept) {
        self.replay.give_back(kept);
    }

    /// The body can be sent again from its first byte.
    pub fn is_replayable(&self) -> bool {
        self.bytes_read() == 0 || self.replay.is_keeping()
    }

    /// Keeps nothing that is not still to be sent: a response is relayed, or the body outgrew its
    /// limit.
    pub fn forget(&mut self) {
        self.replay.forget();
    }

    /// Keeps nothing at all: the body is not sent any more.
    pub fn discard(&mut self) {
        self.replay.discard();
    }

    /// Starts again from the first byte; false when bytes already handed out are not kept any more.
    pub fn rewind(&mut self) -> bool {
        if let Some(unsent) = self.replay.unsent_once() {
            return unsent as u64 == self.bytes_read();
        }
        let is_replayable = self.is_replayable();
        if is_replayable {
            self.replay.restart();
        }
        is_replayable
    }
}

#[cfg(test)]
mod tests;
