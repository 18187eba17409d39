//! One client connection, as the line and the timers see it. Shared by the socket that actix-http drives, the request being
//! served and the worker's watch; all of them run on one thread.

mod check;
mod reports;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    net::SocketAddr,
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;

use super::{
    Closing, DownstreamTimeouts,
    abort_reason::AbortReason,
    detach::{Audience, GoingOn, Others},
    head_room::HeadRoom,
    pipelining::{Extent, Gate},
    stream::Stream,
    timers::TICK,
};
use crate::upstream::{Malformed, Supply};

/// How long a client may go on sending after an answer that ended the connection, so that it can read that answer: a close
/// with bytes unread is a reset, which may overtake it.
const LINGER: Duration = Duration::from_secs(2);
/// How long a connection of a draining gateway must have been idle to be closed: a client that has just been answered may
/// have its next request under way, and that one's answer will tell it of the close.
const SETTLED: Duration = Duration::from_millis(500);

/// State of one client connection.
pub struct ClientConnection {
    stream: RefCell<Stream>,
    gate: RefCell<Gate>,
    /// What the client sent ahead, behind the gate.
    held: RefCell<BytesMut>,
    head_room: RefCell<HeadRoom>,
    peer: Option<SocketAddr>,
    local: Option<SocketAddr>,
    timeouts: DownstreamTimeouts,
    /// A request is being served.
    exchanging: Cell<bool>,
    gone: Cell<bool>,
    others: Rc<Others>,
    /// The connection is no more; what it asked for goes on for others.
    detached: Cell<bool>,
    /// Nothing more is written: nobody is there to read it.
    hung_up: Cell<bool>,
    finishing: Cell<bool>,
    finished_since: Cell<Option<Instant>>,
    idle_since: Cell<Instant>,
    expired: Cell<Option<AbortReason>>,
    closing: Cell<bool>,
    gateway: Arc<Closing>,
    /// Since the connection was accepted, or the first byte of a later head came.
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

impl ClientConnection {
    pub(super) fn new(
        stream: Stream,
        head_room: HeadRoom,
        timeouts: DownstreamTimeouts,
        now: Rc<Cell<Instant>>,
        gateway: Arc<Closing>,
    ) -> Self {
        let peer = stream.tcp().peer_addr().ok();
        let local = stream.tcp().local_addr().ok();
        ClientConnection {
            stream: RefCell::new(stream),
            gate: RefCell::default(),
            held: RefCell::default(),
            head_room: RefCell::new(head_room),
            peer,
            local,
            timeouts,
            exchanging: Cell::new(false),
            gone: Cell::new(false),
            others: Rc::default(),
            detached: Cell::new(false),
            hung_up: Cell::new(false),
            finishing: Cell::new(false),
            finished_since: Cell::new(None),
            idle_since: Cell::new(now.get()),
            expired: Cell::new(None),
            closing: Cell::new(false),
            gateway,
            head_since: Cell::new(Some(now.get())),
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

    /// Begins serving a request whose body reaches so far; it ends when the guard is dropped.
    pub fn begin(self: &Rc<Self>, body: Extent) -> ExchangeGuard {
        self.exchanging.set(true);
        self.gate.borrow_mut().begin(body);
        self.head_room.borrow_mut().clear();
        self.head_since.set(None);
        self.settle();
        ExchangeGuard(self.clone())
    }

    /// Waits until the body bytes that came with the head are decoded, or as many of them as
    /// actix-http takes: then they can go up in one packet with it, and a small body nobody wants is
    /// no reason to close the connection. Never waits for the client.
    pub async fn body_at_hand(&self) {
        let (mut left, mut looks) = (usize::MAX, 0);
        poll_fn(|cx| {
            let held = self.held.borrow().len();
            // One look may come before actix-http has had its turn.
            looks = if held < left { 0 } else { looks + 1 };
            left = held;
            if held == 0 || looks > 1 || !self.gate.borrow().is_open() || self.is_over() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// The body that is being served is taken by whoever holds this, and bounded by what is taken.
    pub fn supply(self: &Rc<Self>) -> Weak<dyn Supply> {
        self.gate.borrow_mut().bound();
        let connection: Weak<Self> = Rc::downgrade(self);
        connection
    }

    /// What the watch found out since the request began, if it ended anything.
    pub fn expired(&self) -> Option<AbortReason> {
        self.expired.get()
    }

    /// Why the request's body cannot be read on, if it cannot.
    pub fn malformed(&self) -> Option<Malformed> {
        self.gate.borrow().broken()
    }

    /// The client's side is closed, or as good as.
    pub fn is_gone(&self) -> bool {
        self.gone.get()
    }

    /// Others await what is being served (or do not any more): it does not end with this client.
    pub fn set_audience(&self, audience: Option<Arc<dyn Audience>>) {
        self.others.set(audience);
    }

    /// Something goes on for others, for as long as this is held.
    pub fn going_on(&self) -> GoingOn {
        GoingOn::of(self.others.clone())
    }

    /// Those besides the client. They outlast the connection, and keep its socket no longer than it is needed.
    pub fn others(&self) -> &Rc<Others> {
        &self.others
    }

    /// The connection is no more, and what it asked for goes on in a task of its own. Only deadlines end it now.
    pub(super) fn detach(&self) {
        self.gone.set(true);
        self.detached.set(true);
        let stream = self.stream.borrow();
        // Nobody is there: that it cannot be shut is nobody's loss.
        let _ = socket2::SockRef::from(stream.tcp()).shutdown(std::net::Shutdown::Both);
    }

    /// The connection closes once it is idle; every answer until then says so.
    pub fn close_when_idle(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// The close is due: neither a request nor the beginning of one has come for as long as connections are kept, or for a
    /// while and the gateway drains.
    pub(super) fn may_close(&self) -> bool {
        let limit = match self.closing.get() {
            true => SETTLED,
            // The watch's clock may be a tick behind what it noted.
            false => self.timeouts.keep_alive + TICK,
        };
        let idle =
            !self.exchanging.get() && (self.closing.get() || self.head_since.get().is_none());
        idle && self.now.get().duration_since(self.idle_since.get()) >= limit
    }

    /// The answer under way is the connection's last, and the close tells its end: the write side is shut as soon as all of
    /// it is written, whatever the client still sends.
    pub fn finish(&self) {
        self.finishing.set(true);
    }

    /// The client has left: an answer for nobody is not written, also not to a client that only stopped sending.
    pub fn hang_up(&self) {
        self.hung_up.set(true);
    }

    /// A timer ended the connection, or the client left in the middle of an exchange: nothing more is read or written.
    pub(super) fn is_over(&self) -> bool {
        self.hung_up.get()
            || self.expired.get().is_some_and(AbortReason::ends_connection)
            || (self.gone.get() && self.exchanging.get())
    }

    /// What the watch ended has been dealt with; it looks on.
    pub fn settle(&self) {
        self.deadline.set(None);
        self.body_since.set(None);
        if !self.expired.get().is_some_and(AbortReason::ends_connection) {
            self.expired.set(None);
        }
    }

    /// The gateway drains: answers say `Connection: close`.
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// The gateway has no time left for what it serves, and the client is still there: what ends
    /// now, the gateway ends.
    pub fn is_cut_short(&self) -> bool {
        self.gateway.is_out_of_time() && !self.gone.get()
    }

    /// Ends the request with [`AbortReason::Deadline`] once `after` has passed, up to two ticks late. `None` lifts the deadline.
    /// A deadline that passed while the line could not move, because the client was not reading, is forgotten.
    pub fn set_deadline(&self, after: Option<Duration>) {
        if self.expired.get() == Some(AbortReason::Deadline) {
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

    /// The client owes the next bytes of its request body.
    pub fn is_body_awaited(&self) -> bool {
        self.body_since.get().is_some()
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

    /// The client's bytes may go on to the request that waits for them.
    fn wake_for_held(&self) {
        if !self.held.borrow().is_empty() {
            self.wake();
        }
    }

    fn end(&self) {
        self.settle();
        self.set_audience(None);
        self.exchanging.set(false);
        self.idle_since.set(self.now.get());
        let mut gate = self.gate.borrow_mut();
        gate.end();
        if gate.is_draining() {
            self.head_since.set(Some(self.now.get()));
        }
        drop(gate);
        self.wake_for_held();
    }

    pub(super) fn gate(&self) -> std::cell::RefMut<'_, Gate> {
        self.gate.borrow_mut()
    }

    pub(super) fn held(&self) -> std::cell::RefMut<'_, BytesMut> {
        self.held.borrow_mut()
    }

    pub(super) fn stream(&self) -> std::cell::RefMut<'_, Stream> {
        self.stream.borrow_mut()
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
}

/// Lasts as long as a request is being served.
pub struct ExchangeGuard(Rc<ClientConnection>);

impl ExchangeGuard {
    pub fn connection(&self) -> &Rc<ClientConnection> {
        &self.0
    }
}

impl Supply for ClientConnection {
    fn taken(&self) {
        let waited = self.gate.borrow_mut().taken();
        if waited {
            self.wake();
        }
    }

    fn unwanted(&self) {
        let waited = self.gate.borrow_mut().unbound();
        if waited {
            self.wake();
        }
    }
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        self.0.end();
    }
}

#[cfg(test)]
mod tests;
