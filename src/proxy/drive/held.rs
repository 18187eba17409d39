//! Bytes of an answer held back before anything went to the client, on their way to it after all.

use std::{
    collections::VecDeque,
    task::{Context, Poll},
};

use bytes::Bytes;

use crate::upstream::{AnswerBody, Failure};

/// What was read of a body ahead of its relay.
#[derive(Default)]
pub struct Held {
    chunks: VecDeque<Bytes>,
    bytes: usize,
    /// The body's end has been read, too.
    ended: bool,
}

impl Held {
    pub fn push(&mut self, chunk: Bytes) {
        self.bytes += chunk.len();
        self.chunks.push_back(chunk);
    }

    pub fn note_end(&mut self) {
        self.ended = true;
    }

    /// Bytes held.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The next bytes for the client: what was held, then what comes.
    pub fn poll_chunk(
        &mut self,
        body: &mut AnswerBody,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        match self.chunks.pop_front() {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None if self.ended => Poll::Ready(None),
            None => body.poll_chunk(cx),
        }
    }
}
