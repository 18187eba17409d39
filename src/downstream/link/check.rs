//! What the watch does with a connection: looks at every timer, and for the client's end.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

use super::{Expired, LINGER, Link, TICK};

impl Link {
    /// Looks at every timer; ends what has run out. Times are noted by the clock of the look before, so a tick is added to
    /// each limit: no timer is early.
    pub(in crate::downstream) fn check(&self, now: Instant) {
        if self.may_close() {
            self.wake();
        }
        let known = self.expired.get();
        if known.is_some_and(Expired::ends_connection) {
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
                true => Expired::Deadline,
                false => return,
            }
        } else if past(&self.head_since, self.timeouts.head) {
            Expired::Head
        } else if past(&self.blocked_since, self.timeouts.write_stall) {
            Expired::WriteStall
        } else if past(&self.finished_since, LINGER) {
            Expired::Lingered
        } else if !self.exchanging.get() || known == Some(Expired::ClientGone) {
            return;
        } else if self.gone.get() || self.stream.borrow().peer_has_closed() {
            self.gone.set(true);
            if self.others.audience().is_some() {
                // The socket ends, and what is being served goes on without it.
                self.wake();
                return;
            }
            Expired::ClientGone
        } else if known.is_some() {
            return;
        } else if past(&self.body_since, self.timeouts.body_idle) {
            Expired::BodyIdle
        } else if self.deadline.get().is_some_and(late) {
            Expired::Deadline
        } else {
            return;
        };
        self.expired.set(Some(expired));
        self.wake();
    }
}
