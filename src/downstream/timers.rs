//! Checks the timers of one worker's client connections four times a second, instead of a timer for
//! each request.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Closing, DownstreamTimeouts, TICK, connection::ClientConnection, head_room::HeadRoom,
    socket::ClientSocket, stream::Stream,
};
use crate::memory::BodyMemory;

/// The client connections of one worker.
pub struct Timers {
    clients: RefCell<Vec<Weak<ClientConnection>>>,
    now: Rc<Cell<Instant>>,
    timeouts: DownstreamTimeouts,
    /// The same for all workers.
    closing: Arc<Closing>,
    memory: Arc<BodyMemory>,
}

impl Timers {
    /// Starts a task that checks the timers for as long as the returned value is held. Must be
    /// called on the worker's own runtime.
    pub fn start(
        timeouts: DownstreamTimeouts,
        closing: Arc<Closing>,
        memory: Arc<BodyMemory>,
    ) -> Rc<Self> {
        let timers = Rc::new(Timers {
            clients: RefCell::default(),
            now: Rc::new(Cell::new(tokio::time::Instant::now().into_std())),
            timeouts,
            closing,
            memory,
        });
        let ticking = Rc::downgrade(&timers);
        actix_rt::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                match ticking.upgrade() {
                    Some(timers) => timers.look(),
                    None => return,
                }
            }
        });
        timers
    }

    /// Adds an accepted connection.
    pub fn attach(&self, stream: Stream) -> ClientSocket {
        let client = stream.tcp().peer_addr().ok().map(|peer| peer.ip());
        let connection = Rc::new(ClientConnection::new(
            stream,
            HeadRoom::new(self.memory.clone(), client),
            self.timeouts,
            self.now.clone(),
            self.closing.clone(),
        ));
        self.clients.borrow_mut().push(Rc::downgrade(&connection));
        ClientSocket(connection)
    }

    /// How long a TLS handshake may take: as long as a request head.
    pub fn head_timeout(&self) -> Duration {
        self.timeouts.head
    }

    fn look(&self) {
        let now = tokio::time::Instant::now().into_std();
        self.now.set(now);
        let closing = self.closing.has_begun();
        self.clients
            .borrow_mut()
            .retain(|connection| match connection.upgrade() {
                Some(connection) => {
                    connection.check(now);
                    if closing {
                        connection.close_when_idle();
                    }
                    true
                }
                None => false,
            });
    }
}
