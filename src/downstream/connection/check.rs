//! What a tick does with a connection: looks at every timer, and whether the client has left.

use std::time::Instant;

use super::{AbortReason, ClientConnection, ClientSide, WriteSide, clocks};

impl ClientConnection {
    /// Looks at every timer and ends what has run out.
    pub(in crate::downstream) fn check(&self, now: Instant) {
        if self.may_close() {
            self.wake();
        }
        let known = self.expired.get();
        if known.is_some_and(AbortReason::ends_connection) {
            return;
        }
        if let Some(reason) = self.find_abort(known, now) {
            self.expired.set(Some(reason));
            self.wake();
        }
    }

    /// What ends the connection, and the client's leaving, are looked for after a deadline has
    /// passed, too: nothing may deal with the deadline while the client does not read.
    fn find_abort(&self, known: Option<AbortReason>, now: Instant) -> Option<AbortReason> {
        if self.client_side.get() == ClientSide::Detached {
            let is_over = self.clocks.is_deadline_over(now);
            return is_over.then_some(AbortReason::Deadline);
        }
        if let Some(reason) = self.find_connection_end(now) {
            return Some(reason);
        }
        if !self.serving.get() || known == Some(AbortReason::ClientGone) {
            return None;
        }
        if self.is_gone() || self.stream.borrow().peer_has_closed() {
            self.note_gone();
            if self.others.audience().is_some() {
                // The socket ends, and what is being served goes on without it.
                self.wake();
                return None;
            }
            return Some(AbortReason::ClientGone);
        }
        if known.is_some() {
            None
        } else if self.clocks.is_body_idle(now) {
            Some(AbortReason::BodyIdle)
        } else {
            let is_over = self.clocks.is_deadline_over(now);
            is_over.then_some(AbortReason::Deadline)
        }
    }

    fn find_connection_end(&self, now: Instant) -> Option<AbortReason> {
        if self.clocks.is_head_late(now) {
            return Some(AbortReason::Head);
        }
        if self.clocks.is_write_stalled(now) {
            return Some(AbortReason::WriteStall);
        }
        match self.write_side.get() {
            WriteSide::Shut { since } if clocks::has_lingered(since, now) => {
                Some(AbortReason::Lingered)
            }
            WriteSide::Open | WriteSide::Finishing | WriteSide::Shut { .. } => None,
        }
    }
}
