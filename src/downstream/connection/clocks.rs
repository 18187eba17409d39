//! Since when does one connection wait for its client, and for how long may it? The times are those
//! of the latest tick, so every limit has a tick added: no timer is early.

use std::{
    cell::Cell,
    rc::Rc,
    time::{Duration, Instant},
};

use crate::downstream::{DownstreamTimeouts, TICK};

/// How long a client may go on sending after a response that ended the connection. A close with
/// bytes unread is a reset, which may overtake the response.
const LINGER: Duration = Duration::from_secs(2);
/// How long a connection of a draining gateway must have been idle to be closed. A client that has
/// just got a response may have sent its next request, whose response will announce the close.
const SETTLED: Duration = Duration::from_millis(500);

/// The timers of one connection; a `since` of `None` is a timer that does not run.
pub struct Clocks {
    timeouts: DownstreamTimeouts,
    /// The time of the latest tick: exact enough for timers of seconds, and free to read.
    now: Rc<Cell<Instant>>,
    idle_since: Cell<Instant>,
    /// Since the connection was accepted, or since the first byte of a later head came.
    head_since: Cell<Option<Instant>>,
    body_since: Cell<Option<Instant>>,
    blocked_since: Cell<Option<Instant>>,
    deadline: Cell<Option<Instant>>,
}

impl Clocks {
    /// Starts the timer of the connection's first head.
    pub fn new(timeouts: DownstreamTimeouts, now: Rc<Cell<Instant>>) -> Self {
        Clocks {
            timeouts,
            idle_since: Cell::new(now.get()),
            head_since: Cell::new(Some(now.get())),
            body_since: Cell::new(None),
            blocked_since: Cell::new(None),
            deadline: Cell::new(None),
            now,
        }
    }

    pub fn now(&self) -> Instant {
        self.now.get()
    }

    /// The client sent bytes, or a request ended.
    pub fn restart_idle(&self) {
        self.idle_since.set(self.now());
    }

    /// No byte of a next head has come yet.
    pub fn is_between_heads(&self) -> bool {
        self.head_since.get().is_none()
    }

    pub fn start_head(&self) {
        self.head_since.set(Some(self.now()));
    }

    pub fn stop_head(&self) {
        self.head_since.set(None);
    }

    pub fn is_body_awaited(&self) -> bool {
        self.body_since.get().is_some()
    }

    pub fn start_body(&self) {
        self.body_since.set(Some(self.now()));
    }

    pub fn stop_body(&self) {
        self.body_since.set(None);
    }

    /// The client takes no bytes of the response. Does not restart a timer that runs.
    pub fn start_blocked(&self) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.now()));
        }
    }

    pub fn stop_blocked(&self) {
        self.blocked_since.set(None);
    }

    /// The deadline is `after` from now; `None` lifts it.
    pub fn set_deadline(&self, after: Option<Duration>) {
        let deadline = after.and_then(|after| self.now().checked_add(after));
        self.deadline.set(deadline);
    }

    pub fn is_head_late(&self, now: Instant) -> bool {
        is_over(self.head_since.get(), self.timeouts.head, now)
    }

    pub fn is_write_stalled(&self, now: Instant) -> bool {
        is_over(self.blocked_since.get(), self.timeouts.write_stall, now)
    }

    pub fn is_body_idle(&self, now: Instant) -> bool {
        is_over(self.body_since.get(), self.timeouts.body_idle, now)
    }

    pub fn is_deadline_over(&self, now: Instant) -> bool {
        is_over(self.deadline.get(), Duration::ZERO, now)
    }

    /// The connection has been idle for as long as it is kept.
    pub fn is_idle(&self, gateway_drains: bool) -> bool {
        let limit = match gateway_drains {
            true => SETTLED,
            false => self.timeouts.keep_alive + TICK,
        };
        self.now().duration_since(self.idle_since.get()) >= limit
    }
}

/// The client still sends, long after the write side was shut.
pub fn has_lingered(shut_since: Instant, now: Instant) -> bool {
    is_over(Some(shut_since), LINGER, now)
}

fn is_over(since: Option<Instant>, limit: Duration, now: Instant) -> bool {
    since.is_some_and(|since| now.duration_since(since) >= limit + TICK)
}
