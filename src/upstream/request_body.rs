//! The caller's request body on its way up: read once from downstream, kept as far as a second try may need it.
//! Changes no byte; framing is the transport's.

use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

use actix_http::{Payload, error::PayloadError};
use bytes::Bytes;
use futures_core::Stream;

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

/// A request body: a stream with memory.
pub struct RequestBody {
    source: Payload,
    length: BodyLength,
    kept: Vec<Bytes>,
    kept_bytes: usize,
    keep_limit: usize,
    /// Kept until the line says otherwise, also after an answer has begun: other targets may be tried.
    for_replay: bool,
    /// The next kept chunk to hand out again.
    replay_from: usize,
    ended: bool,
    /// The last look found nothing: the next bytes are owed by the caller.
    waiting: bool,
    fault: Option<BodyFault>,
    read: u64,
    read_limit: u64,
    put_back: bool,
}

impl RequestBody {
    /// A body of the given length. Up to `keep_limit` bytes are kept for a second try until [`forget`](Self::forget).
    pub fn new(source: Payload, length: BodyLength, keep_limit: usize) -> Self {
        RequestBody {
            source,
            length,
            kept: Vec::new(),
            kept_bytes: 0,
            keep_limit,
            for_replay: false,
            replay_from: 0,
            ended: length == BodyLength::None,
            waiting: false,
            fault: None,
            read: 0,
            read_limit: u64::MAX,
            put_back: false,
        }
    }

    /// A request without a body.
    pub fn empty() -> Self {
        Self::new(Payload::None, BodyLength::None, 0)
    }

    /// A body that was read before, whole, to be sent in the framing of `length`.
    pub fn of(chunks: Vec<Bytes>, length: BodyLength) -> Self {
        let bytes: usize = chunks.iter().map(Bytes::len).sum();
        let mut body = Self::new(Payload::None, length, usize::MAX);
        body.kept = chunks;
        body.kept_bytes = bytes;
        body.read = bytes as u64;
        body.ended = true;
        body.for_replay = true;
        body
    }

    /// Keeps up to `limit` bytes until [`forget`](Self::forget), whatever has begun meanwhile.
    pub fn keep_for_replay(&mut self, limit: usize) {
        self.keep_limit = limit;
        self.for_replay = true;
    }

    /// Refuses bodies of more than `limit` bytes with [`BodyFault::TooLarge`].
    pub fn limited_to(mut self, limit: u64) -> Self {
        self.read_limit = limit;
        self
    }

    pub fn length(&self) -> BodyLength {
        self.length
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
        if let Some(chunk) = self.kept.get(self.replay_from) {
            self.replay_from += 1;
            return Poll::Ready(Some(Ok(chunk.clone())));
        }
        if let Some(fault) = self.fault {
            return Poll::Ready(Some(Err(fault)));
        }
        if self.ended {
            return Poll::Ready(None);
        }
        let next = Pin::new(&mut self.source).poll_next(cx);
        self.waiting = next.is_pending();
        Poll::Ready(match ready!(next) {
            Some(Ok(chunk)) => Some(self.admit(chunk)),
            Some(Err(error)) => Some(Err(self.fail(fault_of(&error)))),
            None => {
                self.ended = true;
                None
            }
        })
    }

    fn admit(&mut self, chunk: Bytes) -> Result<Bytes, BodyFault> {
        self.read += chunk.len() as u64;
        if self.read > self.read_limit {
            return Err(self.fail(BodyFault::TooLarge));
        }
        if self.keep_limit > 0 {
            self.keep(&chunk);
        }
        Ok(chunk)
    }

    fn fail(&mut self, fault: BodyFault) -> BodyFault {
        self.fault = Some(fault);
        fault
    }

    fn keep(&mut self, chunk: &Bytes) {
        self.kept_bytes += chunk.len();
        if self.kept_bytes > self.keep_limit {
            self.forget();
        } else {
            self.kept.push(chunk.clone());
            self.replay_from = self.kept.len();
        }
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
        kept.then_some(&self.kept)
    }

    /// It can be sent again from its first byte.
    pub fn is_replayable(&self) -> bool {
        self.read == 0 || self.keep_limit > 0
    }

    /// Keeps nothing from here on: an answer is relayed, or the body outgrew its limit.
    pub fn forget(&mut self) {
        self.kept = Vec::new();
        self.replay_from = 0;
        self.keep_limit = 0;
    }

    /// Bytes that were read and not sent are still to be sent, once: nothing is kept of them after that.
    pub fn put_back(&mut self, chunks: Vec<Bytes>) {
        self.forget();
        self.kept = chunks;
        self.put_back = true;
    }

    /// Starts again from the first byte; false when bytes already handed out are not kept any more.
    pub fn rewind(&mut self) -> bool {
        if std::mem::take(&mut self.put_back) {
            return true;
        }
        let whole = self.is_replayable();
        if whole {
            self.replay_from = 0;
        }
        whole
    }
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
mod tests {
    use std::task::Waker;

    use super::*;

    fn next(body: &mut RequestBody) -> Option<Result<Bytes, BodyFault>> {
        match body.poll_chunk(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(chunk) => chunk,
            Poll::Pending => panic!("a body held in memory is always ready"),
        }
    }

    fn of(bytes: &'static [u8], keep_limit: usize) -> RequestBody {
        let source = Payload::from(Bytes::from_static(bytes));
        RequestBody::new(source, BodyLength::Exact(bytes.len() as u64), keep_limit)
    }

    #[test]
    fn a_kept_body_is_sent_again_whole() {
        let mut body = of(b"hello", 5);
        assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
        assert!(body.rewind());
        assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
        assert_eq!(next(&mut body), None);
    }

    #[test]
    fn a_body_over_its_keep_limit_is_sent_once() {
        let mut body = of(b"hello", 4);
        assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"hello"))));
        assert!(!body.rewind());
    }

    #[test]
    fn a_body_nothing_was_read_of_can_always_start_again() {
        assert!(of(b"hello", 0).rewind());
    }

    #[test]
    fn what_is_kept_for_other_targets_outlives_the_beginning_of_an_answer() {
        let mut stale = of(b"hello", 5);
        let mut replayed = of(b"hello", 0);
        replayed.keep_for_replay(5);
        for body in [&mut stale, &mut replayed] {
            assert!(body.whole().is_none());
            assert!(next(body).is_some() && body.is_complete());
            body.note_answer();
        }
        assert!(!stale.is_replayable() && stale.whole().is_none());
        assert_eq!(replayed.whole(), Some(&[Bytes::from_static(b"hello")][..]));
        replayed.forget();
        assert!(!replayed.rewind());
    }

    #[test]
    fn a_body_read_before_is_sent_from_memory_as_often_as_wanted() {
        let chunks = vec![Bytes::from_static(b"he"), Bytes::from_static(b"llo")];
        let mut body = RequestBody::of(chunks, BodyLength::Chunked);
        for _ in 0..2 {
            assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"he"))));
            assert_eq!(next(&mut body), Some(Ok(Bytes::from_static(b"llo"))));
            assert_eq!(next(&mut body), None);
            assert!(body.rewind());
        }
        assert_eq!(body.bytes_read(), 5);
    }

    #[test]
    fn a_body_over_the_limit_of_the_settings_fails() {
        let mut body = of(b"hello", 0).limited_to(4);
        assert_eq!(next(&mut body), Some(Err(BodyFault::TooLarge)));
        assert_eq!(body.fault(), Some(BodyFault::TooLarge));
    }
}
