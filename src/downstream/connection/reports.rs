//! What the socket reports about a connection: bytes that passed in either direction, and its end.

use std::task::Context;

use super::{AbortReason, ClientConnection, ClientSide, WriteSide};
use crate::http::chunks::MalformedChunks;

impl ClientConnection {
    /// Bytes have gone on to actix-http; `was_draining`: they were the rest of a body that is
    /// thrown away.
    pub(in crate::downstream) fn note_read(&self, bytes: usize, was_draining: bool) {
        if self.gate().is_in_head() && self.head_room.borrow_mut().grow(bytes).is_err() {
            self.expired.set(Some(AbortReason::HeadMemory));
            self.wake();
        }
        self.clocks.restart_idle();
        if self.serving.get() {
            if self.clocks.is_body_awaited() {
                self.clocks.start_body();
            }
        } else if was_draining {
            if !self.gate().is_draining() {
                self.clocks.stop_head();
            }
        } else if self.clocks.is_between_heads() {
            self.clocks.start_head();
        }
    }

    /// The body is malformed: the request ends, and the connection with it.
    pub(in crate::downstream) fn note_malformed(&self, why: MalformedChunks) {
        if self.serving.get() && !self.is_over() {
            self.expired.set(Some(AbortReason::BodyMalformed(why)));
            self.wake();
        }
    }

    /// A request is being served, or its response is on its way out.
    pub(in crate::downstream) fn may_respond(&self) -> bool {
        self.serving.get() || self.write_side.get() != WriteSide::Open
    }

    /// The client has closed the connection, or reading or writing has failed.
    pub(in crate::downstream) fn note_gone(&self) {
        if self.client_side.get() == ClientSide::Present {
            self.client_side.set(ClientSide::Gone);
        }
    }

    pub(in crate::downstream) fn note_written(&self) {
        self.clocks.stop_blocked();
    }

    pub(in crate::downstream) fn note_blocked(&self) {
        self.clocks.start_blocked();
    }

    pub(in crate::downstream) fn note_flushed(&self, cx: &Context<'_>) {
        self.flushes.set(self.flushes.get() + 1);
        self.clocks.stop_blocked();
        if self.wake_after_flush.take() {
            cx.waker().wake_by_ref();
        }
    }

    /// The write side is to be shut as soon as everything is written.
    pub(in crate::downstream) fn is_finishing(&self) -> bool {
        self.write_side.get() == WriteSide::Finishing
    }

    pub(in crate::downstream) fn note_shut(&self) {
        let since = self.clocks.now();
        self.write_side.set(WriteSide::Shut { since });
    }
}
