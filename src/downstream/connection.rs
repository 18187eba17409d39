//! The state of one client connection. Shared by the socket that actix-http drives, by the request
//! that is being served and by the worker's timers; all of them run on one thread.

mod check;
mod clocks;
mod reports;

use std::{
    cell::{Cell, RefCell, RefMut},
    future::poll_fn,
    net::{Shutdown, SocketAddr},
    rc::{Rc, Weak},
    sync::Arc,
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use bytes::BytesMut;
use socket2::SockRef;

use self::clocks::Clocks;
use super::{
    Closing, DownstreamTimeouts,
    abort_reason::AbortReason,
    audience::{Audience, GoingOn, Others},
    head_room::HeadRoom,
    pipelining::{Extent, Gate},
    stream::Stream,
};
use crate::{http::chunks::MalformedChunks, upstream::Supply};

/// State of one client connection.
pub struct ClientConnection {
    stream: RefCell<Stream>,
    peer: Option<SocketAddr>,
    gate: RefCell<Gate>,
    /// What the client sent ahead; it waits until the gate opens.
    held: RefCell<BytesMut>,
    head_room: RefCell<HeadRoom>,
    /// A request is being served.
    serving: Cell<bool>,
    client_side: Cell<ClientSide>,
    write_side: Cell<WriteSide>,
    /// The connection closes once it is idle.
    closing: Cell<bool>,
    /// How far the whole gateway has come in closing.
    gateway: Arc<Closing>,
    others: Rc<Others>,
    expired: Cell<Option<AbortReason>>,
    clocks: Clocks,
    flushes: Cell<u64>,
    wake_after_flush: Cell<bool>,
    /// The task that drives the connection.
    waker: RefCell<Option<Waker>>,
}

/// Whether the client is still there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClientSide {
    Present,
    /// The client has closed its side, or the socket has failed.
    Gone,
    /// Nothing more is written, also not to a client that has only stopped sending.
    HungUp,
    /// The socket is closed; what is being served goes on for others.
    Detached,
}

/// What is still to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum WriteSide {
    Open,
    /// The response under way is the last.
    Finishing,
    /// Everything is written and the write side is shut.
    Shut {
        since: Instant,
    },
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
        ClientConnection {
            stream: RefCell::new(stream),
            peer,
            gate: RefCell::default(),
            held: RefCell::default(),
            head_room: RefCell::new(head_room),
            serving: Cell::new(false),
            client_side: Cell::new(ClientSide::Present),
            write_side: Cell::new(WriteSide::Open),
            closing: Cell::new(false),
            gateway,
            others: Rc::default(),
            expired: Cell::new(None),
            clocks: Clocks::new(timeouts, now),
            flushes: Cell::new(0),
            wake_after_flush: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// The client's address.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.peer
    }

    /// Begins to serve a request with this body; it ends when the guard is dropped.
    pub fn begin(self: &Rc<Self>, body: Extent) -> ExchangeGuard {
        self.serving.set(true);
        self.gate().begin(body);
        self.head_room.borrow_mut().clear();
        self.clocks.stop_head();
        self.settle();
        ExchangeGuard {
            connection: self.clone(),
            ends: true,
        }
    }

    /// A guard for work inside an exchange that has begun, which goes on after it.
    pub fn lend(self: &Rc<Self>) -> ExchangeGuard {
        ExchangeGuard {
            connection: self.clone(),
            ends: false,
        }
    }

    /// Waits until the body bytes that came with the head are decoded, or as many of them as
    /// actix-http takes. They can then go up in one packet with the head, and a small body that is
    /// not wanted is no reason to close the connection. Never waits for the client.
    pub async fn body_at_hand(&self) {
        let (mut left, mut looks) = (usize::MAX, 0);
        poll_fn(|cx| {
            let held = self.held().len();
            // One look may come before actix-http has had its turn.
            looks = if held < left { 0 } else { looks + 1 };
            left = held;
            if held == 0 || looks > 1 || !self.gate().is_open() || self.is_over() {
                return Poll::Ready(());
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// From here on, the holder takes the body that is being served and reports what it takes; the
    /// socket reads no more than a window ahead.
    pub fn supply(self: &Rc<Self>) -> Weak<dyn Supply> {
        self.gate().bound();
        let connection: Weak<Self> = Rc::downgrade(self);
        connection
    }

    /// What a timer or the socket has ended since the request began, and why.
    pub fn expired(&self) -> Option<AbortReason> {
        self.expired.get()
    }

    /// The fault that makes the rest of the request's body unreadable.
    pub fn malformed(&self) -> Option<MalformedChunks> {
        self.gate().broken()
    }

    /// The client has left.
    pub fn is_gone(&self) -> bool {
        self.client_side.get() != ClientSide::Present
    }

    /// Others await what is being served, which does not end with this client then.
    pub fn set_audience(&self, audience: Option<Arc<dyn Audience>>) {
        self.others.set(audience);
    }

    /// Something goes on for others for as long as the returned value is held.
    pub fn going_on(&self) -> GoingOn {
        GoingOn::of(self.others.clone())
    }

    /// Those who await what the client asked for. They outlast the connection without holding its
    /// socket.
    pub fn others(&self) -> &Rc<Others> {
        &self.others
    }

    /// The connection ends, and what it asked for goes on in a task of its own. Only deadlines end
    /// that.
    pub(super) fn detach(&self) {
        self.client_side.set(ClientSide::Detached);
        let stream = self.stream();
        // The peer is gone, so it does not matter whether the shutdown succeeds.
        let _ = SockRef::from(stream.tcp()).shutdown(Shutdown::Both);
    }

    /// The connection closes once it is idle; every response until then announces that.
    pub fn close_when_idle(&self) {
        self.closing.set(true);
        self.wake();
    }

    /// The connection is idle and is to be closed now. While the gateway drains, the unfinished
    /// head of a next request does not keep it open.
    pub(super) fn may_close(&self) -> bool {
        let closing = self.closing.get();
        let idle = !self.serving.get() && (closing || self.clocks.is_between_heads());
        idle && self.clocks.is_idle(closing)
    }

    /// The response under way is the connection's last, and the close tells its end: the write side
    /// is shut as soon as everything is written, whatever the client still sends.
    pub fn finish(&self) {
        if self.write_side.get() == WriteSide::Open {
            self.write_side.set(WriteSide::Finishing);
        }
    }

    /// The client has left, so nothing more is written, also not to a client that has only stopped
    /// sending.
    pub fn hang_up(&self) {
        if self.client_side.get() != ClientSide::Detached {
            self.client_side.set(ClientSide::HungUp);
        }
    }

    /// Nothing more is read or written: a timer ended the connection, or the client left in the
    /// middle of an exchange.
    pub(super) fn is_over(&self) -> bool {
        let is_abandoned = match self.client_side.get() {
            ClientSide::Present => false,
            ClientSide::Gone | ClientSide::Detached => self.serving.get(),
            ClientSide::HungUp => true,
        };
        is_abandoned || self.is_ended()
    }

    fn is_ended(&self) -> bool {
        let expired = self.expired.get();
        expired.is_some_and(AbortReason::ends_connection)
    }

    /// What a timer ended has been dealt with: stops the timers of the request, and forgets the
    /// reason unless it ends the connection.
    pub fn settle(&self) {
        self.clocks.set_deadline(None);
        self.clocks.stop_body();
        if !self.is_ended() {
            self.expired.set(None);
        }
    }

    /// The connection will close: responses say `Connection: close`.
    pub fn is_closing(&self) -> bool {
        self.closing.get()
    }

    /// The gateway has no time left for what it serves, and the client is still there: what ends
    /// now is ended by the gateway.
    pub fn is_cut_short(&self) -> bool {
        self.gateway.is_out_of_time() && !self.is_gone()
    }

    /// Ends the request with [`AbortReason::Deadline`] once `after` has passed, up to two ticks
    /// late; `None` lifts the deadline. Forgets a deadline that passed while the request could not
    /// move because the client was not reading.
    pub fn set_deadline(&self, after: Option<Duration>) {
        if self.expired.get() == Some(AbortReason::Deadline) {
            self.expired.set(None);
        }
        self.clocks.set_deadline(after);
    }

    /// The client owes the next bytes of its request body (or does not any more): starts or stops
    /// the idle timer of the body. Does not restart a timer that runs.
    pub fn await_body(&self, awaited: bool) {
        match awaited {
            true if self.clocks.is_body_awaited() => {}
            true => self.clocks.start_body(),
            false => self.clocks.stop_body(),
        }
    }

    /// The client owes the next bytes of its request body.
    pub fn is_body_awaited(&self) -> bool {
        self.clocks.is_body_awaited()
    }

    /// The number of complete flushes: everything written before one has reached the kernel.
    pub fn flushes(&self) -> u64 {
        self.flushes.get()
    }

    /// Wakes the connection's task after the next complete flush.
    pub fn wake_after_flush(&self) {
        self.wake_after_flush.set(true);
    }

    /// Makes the close of this connection a reset, the only abort that an HTTP/1.0 client can see.
    pub fn reset_on_close(&self) {
        let stream = self.stream();
        // A socket that does not take the option still closes; the client then sees an early end.
        let _ = SockRef::from(stream.tcp()).set_linger(Some(Duration::ZERO));
    }

    fn end(&self) {
        self.settle();
        self.set_audience(None);
        self.serving.set(false);
        self.clocks.restart_idle();
        self.gate().end();
        if self.gate().is_draining() {
            self.clocks.start_head();
        }
        if !self.held().is_empty() {
            self.wake();
        }
    }

    pub(super) fn gate(&self) -> RefMut<'_, Gate> {
        self.gate.borrow_mut()
    }

    pub(super) fn held(&self) -> RefMut<'_, BytesMut> {
        self.held.borrow_mut()
    }

    pub(super) fn stream(&self) -> RefMut<'_, Stream> {
        self.stream.borrow_mut()
    }

    /// Stores the task that is woken when a timer ends something.
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
pub struct ExchangeGuard {
    connection: Rc<ClientConnection>,
    /// The exchange ends with it.
    ends: bool,
}

impl ExchangeGuard {
    pub fn connection(&self) -> &Rc<ClientConnection> {
        &self.connection
    }
}

impl Drop for ExchangeGuard {
    fn drop(&mut self) {
        if self.ends {
            self.connection.end();
        }
    }
}

impl Supply for ClientConnection {
    fn taken(&self) {
        let waited = self.gate().taken();
        if waited {
            self.wake();
        }
    }

    fn unwanted(&self) {
        let waited = self.gate().unbound();
        if waited {
            self.wake();
        }
    }
}

#[cfg(test)]
mod tests;
