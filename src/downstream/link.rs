//! One client connection, as the line and the timers see it. Shared by the socket that actix-http drives, the request being
//! served and the worker's watch; all of them run on one thread.

use std::{
    cell::{Cell, RefCell},
    future::Future as _,
    net::SocketAddr,
    pin::pin,
    rc::Rc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use tokio::{io::Interest, net::TcpStream};

use super::{DownstreamTimeouts, inbound::Stream};

/// Why the watch ended what a connection was doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expired {
    /// The client left while nobody was reading from it.
    ClientGone,
    /// A request head took too long.
    Head,
    /// The client sent nothing of its body for too long.
    BodyIdle,
    /// The client took nothing of the answer for too long.
    WriteStall,
    /// The deadline the line had set has passed.
    Deadline,
}

/// State of one client connection.
pub struct Link {
    stream: RefCell<Stream>,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    timeouts: DownstreamTimeouts,
    /// A request is being served.
    exchanging: Cell<bool>,
    /// Requests begun on this connection.
    exchanges: Cell<u64>,
    gone: Cell<bool>,
    expired: Cell<Option<Expired>>,
    closing: Cell<bool>,
    head_since: Cell<Option<Instant>>,
    body_since: Cell<Option<Instant>>,
    blocked_since: Cell<Option<Instant>>,
    deadline: Cell<Option<Instant>>,
    /// The watch's latest look at the clock; exact enough for timers of seconds, and free.
    now: Rc<Cell<Instant>>,
    flushes: Cell<u64>,
    wake_after_flush: Cell<bool>,
    waker: RefCell<Option<Waker>>,
    written: Cell<u64>,
}

impl Link {
    pub(super) fn new(
        stream: Stream,
        timeouts: DownstreamTimeouts,
        now: Rc<Cell<Instant>>,
    ) -> Self {
        let peer = stream.tcp().peer_addr().ok();
        let local = stream.tcp().local_addr().ok();
        Link {
            stream: RefCell::new(stream),
            peer,
            local,
            timeouts,
            exchanging: Cell::new(false),
            exchanges: Cell::new(0),
            gone: Cell::new(false),
            expired: Cell::new(None),
            closing: Cell::new(false),
            head_since: Cell::new(None),
            body_since: Cell::new(None),
            blocked_since: Cell::new(None),
            deadline: Cell::new(None),
            now,
            flushes: Cell::new(0),
            wake_after_flush: Cell::new(false),
            waker: RefCell::new(None),
            written: Cell::new(0),
        }
    }

    /// The client's address.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// The address the client connected to.
    pub fn local(&self) -> Option<SocketAddr> {
        self.local
    }

    /// Bytes written to the client since it connected.
    pub fn bytes_written(&self) -> u64 {
        self.written.get()
    }

    /// Begins serving a request; it ends when the guard is dropped.
    pub fn begin(self: &Rc<Self>) -> ExchangeGuard {
        self.exchanging.set(true);
        self.exchanges.set(self.exchanges.get() + 1);
        self.head_since.set(None);
        self.expired.set(None);
        ExchangeGuard(self.clone())
    }

    pub(super) fn is_exchanging(&self) -> bool {
        self.exchanging.get()
    }

    /// What the watch found out since the request began, if it ended anything.
    pub fn expired(&self) -> Option<Expired> {
        self.expired.get()
    }

    /// The client's side is closed, or as good as.
    pub fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// No further request is served on this connection; it closes once it is idle.
    pub fn close_when_idle(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// The gateway drains: answers say `Connection: close`.
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// Ends the request with [`Expired::Deadline`] once `after` has passed, up to 250 ms late. `None` lifts the deadline.
    /// A deadline that passed while the line could not move, because the client was not reading, is forgotten.
    pub fn set_deadline(&self, after: Option<Duration>) {
        if self.expired.get() == Some(Expired::Deadline) {
            self.expired.set(None);
        }
        self.deadline
            .set(after.and_then(|after| self.now.get().checked_add(after)));
    }

    /// The request body's next bytes are owed by the client (or not any more): its idle timer runs.
    pub fn await_body(&self, awaited: bool) {
        match (awaited, self.body_since.get()) {
            (true, None) => self.body_since.set(Some(self.now.get())),
            (true, Some(_)) => {}
            (false, _) => self.body_since.set(None),
        }
    }

    /// Counts complete flushes: everything written before one has reached the kernel.
    pub fn flushes(&self) -> u64 {
        self.flushes.get()
    }

    /// Wakes the connection's task after the next complete flush.
    pub fn wake_after_flush(&self) {
        self.wake_after_flush.set(true);
    }

    /// The close of this connection shall be a reset, the only abort an HTTP/1.0 client can see.
    pub fn reset_on_close(&self) {
        let stream = self.stream.borrow();
        // A socket that does not take the option still closes; the client then sees an early end.
        let _ = socket2::SockRef::from(stream.tcp()).set_linger(Some(Duration::ZERO));
    }

    pub(super) fn stream(&self) -> std::cell::RefMut<'_, Stream> {
        self.stream.borrow_mut()
    }

    // ---- what the socket reports --------------------------------------------------------------------------------

    pub(super) fn note_read(&self, count: usize) {
        if count == 0 {
            self.gone.set(true);
        } else if self.exchanging.get() {
            if self.body_since.get().is_some() {
                self.body_since.set(Some(self.now.get()));
            }
        } else if self.exchanges.get() > 0 && self.head_since.get().is_none() {
            self.head_since.set(Some(self.now.get()));
        }
    }

    pub(super) fn note_failed(&self) {
        self.gone.set(true);
    }

    pub(super) fn note_written(&self, count: usize) {
        self.written.set(self.written.get() + count as u64);
        self.blocked_since.set(None);
    }

    pub(super) fn note_blocked(&self) {
        if self.blocked_since.get().is_none() {
            self.blocked_since.set(Some(self.now.get()));
        }
    }

    pub(super) fn note_flushed(&self, cx: &Context<'_>) {
        self.flushes.set(self.flushes.get() + 1);
        if self.wake_after_flush.take() {
            cx.waker().wake_by_ref();
        }
    }

    /// Remembers whom to wake when a timer ends something.
    pub(super) fn remember_task(&self, cx: &Context<'_>) {
        let mut waker = self.waker.borrow_mut();
        match &mut *waker {
            Some(known) if known.will_wake(cx.waker()) => {}
            slot => *slot = Some(cx.waker().clone()),
        }
    }

    fn wake(&self) {
        if let Some(waker) = &*self.waker.borrow() {
            waker.wake_by_ref();
        }
    }

    // ---- what the watch does ------------------------------------------------------------------------------------

    /// Looks at every timer; ends what has run out.
    pub(super) fn check(&self, now: Instant) {
        if self.expired.get().is_some() {
            return;
        }
        let past = |since: &Cell<Option<Instant>>, limit: Duration| {
            since
                .get()
                .is_some_and(|since| now.duration_since(since) >= limit)
        };
        let expired = if past(&self.head_since, self.timeouts.head) {
            Expired::Head
        } else if past(&self.blocked_since, self.timeouts.write_stall) {
            Expired::WriteStall
        } else if !self.exchanging.get() {
            return;
        } else if past(&self.body_since, self.timeouts.body_idle) {
            Expired::BodyIdle
        } else if self.deadline.get().is_some_and(|deadline| now >= deadline) {
            Expired::Deadline
        } else if self.gone.get() || self.stream.borrow().peer_has_closed() {
            self.gone.set(true);
            Expired::ClientGone
        } else {
            return;
        };
        self.expired.set(Some(expired));
        self.wake();
    }
}

/// Lasts as long as a request is being served.
pub struct ExchangeGuard(Rc<Link>);

impl ExchangeGuard {
    pub fn link(&self) -> &Rc<Link> {
        &self.0
    }
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        self.0.exchanging.set(false);
        self.0.body_since.set(None);
        self.0.deadline.set(None);
        self.0.expired.set(None);
    }
}

impl Stream {
    pub(super) fn tcp(&self) -> &TcpStream {
        match self {
            Stream::Tcp(stream) => stream,
            Stream::Tls(stream) => stream.get_ref().0,
        }
    }

    /// The peer's FIN or reset has arrived, even if bytes before it are unread. Costs no system call.
    fn peer_has_closed(&self) -> bool {
        let ready = pin!(self.tcp().ready(Interest::READABLE));
        match ready.poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(Ok(ready)) => ready.is_read_closed(),
            Poll::Ready(Err(_)) => true,
            Poll::Pending => false,
        }
    }
}
