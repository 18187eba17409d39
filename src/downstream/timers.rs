//! The timers of one worker's client connections: four looks a second at all of them, instead of a timer per request on the
//! hot path.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Closing, DownstreamTimeouts, connection::ClientConnection, head_room::HeadRoom,
    socket::ClientSocket, stream::Stream,
};
use crate::memory::BodyMemory;

/// How often timers are looked at, and so how late they may fire.
pub const TICK: Duration = Duration::from_millis(250);

/// The client connections of one worker.
pub struct Timers {
    links: RefCell<Vec<Weak<ClientConnection>>>,
    now: Rc<Cell<Instant>>,
    timeouts: DownstreamTimeouts,
    /// The same for all workers.
    closing: Arc<Closing>,
    memory: Arc<BodyMemory>,
}

impl Timers {
    /// Must be called on the worker's own runtime: starts the ticking there, for as long as the watch is held.
    pub fn start(
        timeouts: DownstreamTimeouts,
        closing: Arc<Closing>,
        memory: Arc<BodyMemory>,
    ) -> Rc<Self> {
        let watch = Rc::new(Timers {
            links: RefCell::default(),
            now: Rc::new(Cell::new(Instant::now())),
            timeouts,
            closing,
            memory,
        });
        let ticking = Rc::downgrade(&watch);
        actix_rt::spawn(async move {
            let mut tick = tokio::time::interval(TICK);
            tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                tick.tick().await;
                match ticking.upgrade() {
                    Some(watch) => watch.look(),
                    None => return,
                }
            }
        });
        watch
    }

    /// Takes an accepted connection into view.
    pub fn attach(&self, stream: Stream) -> ClientSocket {
        let client = stream.tcp().peer_addr().ok().map(|peer| peer.ip());
        let connection = Rc::new(ClientConnection::new(
            stream,
            HeadRoom::new(self.memory.clone(), client),
            self.timeouts,
            self.now.clone(),
            self.closing.clone(),
        ));
        self.links.borrow_mut().push(Rc::downgrade(&connection));
        ClientSocket(connection)
    }

    /// How long a client may take to begin: a TLS handshake counts as part of the head.
    pub fn head_timeout(&self) -> Duration {
        self.timeouts.head
    }

    /// Connections open now.
    pub fn connections(&self) -> usize {
        self.links
            .borrow()
            .iter()
            .filter(|connection| connection.strong_count() > 0)
            .count()
    }

    fn look(&self) {
        let now = Instant::now();
        self.now.set(now);
        let closing = self.closing.has_begun();
        self.links
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
