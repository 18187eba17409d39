//! Bytes of a response that were held back, and go to the client when it is chosen.

use std::task::{Context, Poll};

use bytes::Bytes;

use crate::{
    memory::Account,
    upstream::{Failure, Kept, ResponseBody},
};

/// Bytes held back at most.
const MOST: usize = 64 * 1024;

/// What was read of a body ahead of its relay.
pub struct HeldBack {
    /// The first chunk as it came; mostly the only one.
    first: Option<Bytes>,
    more: Kept,
    /// Nothing more is held: the limit is reached, or memory is short.
    full: bool,
    /// The body's end has been read, too.
    ended: bool,
}

impl HeldBack {
    pub fn new(account: Account) -> Self {
        HeldBack {
            first: None,
            more: Kept::new(account),
            full: false,
            ended: false,
        }
    }

    pub fn push(&mut self, chunk: Bytes) {
        let before = self.more.bytes();
        if self.first.is_none() {
            self.first = Some(chunk);
        } else if self.more.push(&chunk).is_err() {
            let rest = chunk.slice(self.more.bytes() - before..);
            self.more.push_passing(rest);
            self.full = true;
        }
        let first = self.first.as_ref().map_or(0, Bytes::len);
        self.full |= first + self.more.bytes() >= MOST;
    }

    pub fn note_end(&mut self) {
        self.ended = true;
    }

    /// Nothing more should be held back.
    pub fn is_full(&self) -> bool {
        self.full
    }

    /// The next bytes for the client: what was held, then what comes.
    pub fn poll_chunk(
        &mut self,
        body: &mut ResponseBody,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Failure>>> {
        let held = self.first.take().or_else(|| {
            self.more.seal();
            self.more.pop_first()
        });
        match held {
            Some(chunk) => Poll::Ready(Some(Ok(chunk))),
            None if self.ended => Poll::Ready(None),
            None => body.poll_chunk(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{BodyMemory, Counts};

    #[test]
    fn what_is_held_in_many_pieces_costs_its_bytes_and_stops_where_there_is_no_memory() {
        for (memory, most) in [(1 << 30, MOST), (20_000, 10_001)] {
            let counts = Counts::default();
            let memory = BodyMemory::new(memory, counts.clone());
            let mut held = HeldBack::new(memory.account(None));
            let mut pushed = 0;
            while !held.is_full() {
                held.push(Bytes::from_static(b"x"));
                pushed += 1;
            }
            assert!((most / 2..=most + 1).contains(&pushed), "{pushed}");
            let kept = counts.kept.get();
            assert!(kept <= 65 << 10, "{kept}");
            held.more.seal();
            let segments = held.more.segments();
            assert!(segments.len() <= 3, "{} segments", segments.len());
            assert_eq!(segments.concat().len() + 1, pushed);
        }
    }
}
