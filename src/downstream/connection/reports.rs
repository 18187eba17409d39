//! What the socket tells of a connection: bytes that passed, in either direction, and how it ends.

use std::task::Context;

use super::{AbortReason, ClientConnection};
use crate::upstream::Malformed;

impl ClientConnection {
    /// So many bytes have gone on to actix-http; whether they were the rest of a body nobody wants.
    pub(in crate::downstream) fn note_read(&self, bytes: usize, was_draining: bool) {
        if self.gate.borrow().is_in_head() && self.head_room.borrow_mut().grow(bytes).is_err() {
            self.expired.set(Some(AbortReason::HeadMemory));
            self.wake();
        }
        self.idle_since.set(self.now.get());
        if self.exchanging.get() {
            if self.body_since.get().is_some() {
                self.body_since.set(Some(self.now.get()));
            }
        } else if was_draining {
            if !self.gate.borrow().is_draining() {
                self.head_since.set(None);
            }
        } else if self.head_since.get().is_none() {
            self.head_since.set(Some(self.now.get()));
        }
    }

    /// The body is malformed: the request ends, and the connection with it.
    pub(in crate::downstream) fn note_malformed(&self, why: Malformed) {
        if self.exchanging.get() && !self.is_over() {
            self.expired.set(Some(AbortReason::BodyMalformed(why)));
            self.wake();
        }
    }

    /// A request is being served, or its answer is on its way out.
    pub(in crate::downstream) fn may_answer(&self) -> bool {
        self.exchanging.get() || self.finishing.get() || self.finished_since.get().is_some()
    }

    pub(in crate::downstream) fn note_end(&self) {
        self.gone.set(true);
    }

    pub(in crate::downstream) fn note_failed(&self) {
        self.gone.set(true);
    }

    pub(in crate::downstream) fn note_written(&self, count: usize) {
        self.written.set(self.written.get() + count as u64);
        self.blocked_since.set(None);
    }

    pub(in crate::downstream) fn note_blocked(&self) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.now.get()));
        }
    }

    pub(in crate::downstream) fn note_flushed(&self, cx: &Context<'_>) {
        self.flushes.set(self.flushes.get() + 1);
        self.blocked_since.set(None);
        if self.wake_after_flush.take() {
            cx.waker().wake_by_ref();
        }
    }

    /// Everything is written and the write side may be shut.
    pub(in crate::downstream) fn is_finishing(&self) -> bool {
        self.finishing.get()
    }

    pub(in crate::downstream) fn note_shut(&self) {
        self.finishing.set(false);
        self.finished_since.set(Some(self.now.get()));
    }
}
