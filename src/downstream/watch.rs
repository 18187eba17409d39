//! The timers of one worker's client connections: four looks a second at all of them, instead of a timer per request on the
//! hot path.

use std::{
    cell::{Cell, RefCell},
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    Closing, DownstreamTimeouts, head_room::HeadRoom, inbound::Inbound, link::Link, stream::Stream,
};
use crate::memory::BodyMemory;

/// How often timers are looked at, and so how late they may fire.
pub const TICK: Duration = Duration::from_millis(250);

/// The client connections of one worker.
pub struct Watch {
    links: RefCell<Vec<Weak<Link>>>,
    now: Rc<Cell<Instant>>,
    timeouts: DownstreamTimeouts,
    /// The same for all workers.
    closing: Arc<Closing>,
    memory: Arc<BodyMemory>,
}

impl Watch {
    /// Must be called on the worker's own runtime: starts the ticking there, for as long as the watch is held.
    pub fn start(
        timeouts: DownstreamTimeouts,
        closing: Arc<Closing>,
        memory: Arc<BodyMemory>,
    ) -> Rc<Self> {
        let watch = Rc::new(Watch {
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
    pub fn attach(&self, stream: Stream) -> Inbound {
        let client = stream.tcp().peer_addr().ok().map(|peer| peer.ip());
        let link = Rc::new(Link::new(
            stream,
            HeadRoom::new(self.memory.clone(), client),
            self.timeouts,
            self.now.clone(),
            self.closing.clone(),
        ));
        self.links.borrow_mut().push(Rc::downgrade(&link));
        Inbound(link)
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
            .filter(|link| link.strong_count() > 0)
            .count()
    }

    fn look(&self) {
        let now = Instant::now();
        self.now.set(now);
        let closing = self.closing.has_begun();
        self.links.borrow_mut().retain(|link| match link.upgrade() {
            Some(link) => {
                link.check(now);
                if closing {
                    link.close_when_idle();
                }
                true
            }
            None => false,
        });
    }
}
