//! Reads a request body from the caller: counts its bytes and holds it to the settings' limit.

use std::{
    rc::Weak,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use actix_http::{Payload, error::PayloadError};
use bytes::Bytes;

use super::{
    length::BodyLength,
    pieces::{Pieces, Supply},
};
use crate::machine::clock;

/// Why the caller's body ended before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyFault {
    /// The client closed or reset its connection.
    ClientGone,
    /// Malformed chunked coding from the client.
    Malformed,
    /// More bytes than the settings allow.
    TooLarge,
}

/// What the caller still sends.
pub struct Source {
    pieces: Pieces,
    length: BodyLength,
    state: State,
    read: u64,
    read_limit: u64,
    waited: Duration,
    waits_since: Option<Instant>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// More may come.
    Open,
    /// The latest poll found nothing: the caller owes the next bytes.
    Waiting,
    Ended,
    Failed(BodyFault),
}

impl Source {
    pub fn new(payload: Payload, length: BodyLength) -> Self {
        Source {
            pieces: Pieces::new(payload),
            length,
            state: match length {
                BodyLength::None => State::Ended,
                BodyLength::Exact(_) | BodyLength::Chunked | BodyLength::Tunnel => State::Open,
            },
            read: 0,
            read_limit: u64::MAX,
            waited: Duration::ZERO,
            waits_since: None,
        }
    }

    /// The source of a body of which all `read` bytes have been read.
    pub fn drained(length: BodyLength, read: u64) -> Self {
        let mut source = Self::new(Payload::None, length);
        source.state = State::Ended;
        source.read = read;
        source
    }

    pub fn report_to(&mut self, supply: Option<Weak<dyn Supply>>) {
        self.pieces.report_to(supply);
    }

    pub fn limit_to(&mut self, limit: u64) {
        self.read_limit = limit;
    }

    pub fn length(&self) -> BodyLength {
        self.length
    }

    /// Bytes read so far.
    pub fn read(&self) -> u64 {
        self.read
    }

    /// How long the caller was waited for, while a reader did.
    pub fn waited(&self) -> Duration {
        self.waited
    }

    pub fn fault(&self) -> Option<BodyFault> {
        match self.state {
            State::Failed(fault) => Some(fault),
            State::Open | State::Waiting | State::Ended => None,
        }
    }

    pub fn is_waiting(&self) -> bool {
        self.state == State::Waiting
    }

    /// Everything that the caller sends has been read.
    pub fn is_complete(&self) -> bool {
        let is_whole = matches!(self.length, BodyLength::Exact(length) if length == self.read);
        is_whole || self.state == State::Ended
    }

    /// The next bytes from the caller; a fault is told again by every later call.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyFault>>> {
        match self.state {
            State::Failed(fault) => return Poll::Ready(Some(Err(fault))),
            State::Ended => return Poll::Ready(None),
            State::Open | State::Waiting => {}
        }
        self.state = State::Waiting;
        let (length, read) = (self.length, self.read);
        let completes = |more: usize| length == BodyLength::Exact(read + more as u64);
        let Poll::Ready(next) = self.pieces.poll_next(completes, cx) else {
            self.waits_since.get_or_insert_with(clock::now);
            return Poll::Pending;
        };
        if let Some(since) = self.waits_since.take() {
            self.waited += clock::since(since);
        }
        self.state = State::Open;
        Poll::Ready(match next {
            Some(Ok(chunk)) => Some(self.count(chunk)),
            Some(Err(error)) => Some(Err(self.fail(fault_of(&error)))),
            None => {
                self.state = State::Ended;
                None
            }
        })
    }

    fn count(&mut self, chunk: Bytes) -> Result<Bytes, BodyFault> {
        self.read += chunk.len() as u64;
        if self.read > self.read_limit {
            return Err(self.fail(BodyFault::TooLarge));
        }
        Ok(chunk)
    }

    fn fail(&mut self, fault: BodyFault) -> BodyFault {
        self.state = State::Failed(fault);
        fault
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
