//! What the watch does with a connection: looks at every timer, and for the client's end.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{AbortReason, ClientConnection, LINGER, TICK};

impl ClientConnection {
    /// Looks at every timer; ends what has run out. Times are noted by the clock of the look before, so a tick is added to
    /// each limit: no timer is early.
    pub(in crate::downstream) fn check(&self, now: Instant) {
        if self.may_close() {
            self.wake();
        }
        let known = self.expired.get();
        if known.is_some_and(AbortReason::ends_connection) {
            return;
        }
        let past = |since: &Cell<Option<Instant>>, limit: Duration| {
            since
                .get()
                .is_some_and(|since| now.duration_since(since) >= limit + TICK)
        };
        let late = |deadline: Instant| now >= deadline + TICK;
        // What ends the connection, and the client's own end, are looked for behind a deadline, too: nobody may be there to
        // deal with that while the client does not read.
        let expired = if self.detached.get() {
            match self.deadline.get().is_some_and(late) {
                true => AbortReason::Deadline,
                false => return,
            }
        } else if past(&self.head_since, self.timeouts.head) {
            AbortReason::Head
        } else if past(&self.blocked_since, self.timeouts.write_stall) {
            AbortReason::WriteStall
        } else if past(&self.finished_since, LINGER) {
            AbortReason::Lingered
        } else if !self.exchanging.get() || known == Some(AbortReason::ClientGone) {
            return;
        } else if self.gone.get() || self.stream.borrow().peer_has_closed() {
            self.gone.set(true);
            if self.others.audience().is_some() {
                // The socket ends, and what is being served goes on without it.
                self.wake();
                return;
            }
            AbortReason::ClientGone
        } else if known.is_some() {
            return;
        } else if past(&self.body_since, self.timeouts.body_idle) {
            AbortReason::BodyIdle
        } else if self.deadline.get().is_some_and(late) {
            AbortReason::Deadline
        } else {
            return;
        };
        self.expired.set(Some(expired));
        self.wake();
    }
}
