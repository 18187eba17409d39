//! Idle upstream connections of one worker: kept when an exchange ends at a clean message boundary,
//! taken newest first, closed by the sweep. Bounded for each origin, and in all by the descriptors
//! that connections in use leave.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use foldhash::fast::RandomState;

use super::{
    connection::Connection,
    idle_time::{self, Learned},
};
use crate::machine::descriptors::Shortages;

#[cfg(test)]
mod tests;

/// Requests with the same key share idle connections. It consists of scheme, host, port, guard
/// policy and TLS identity.
pub type PoolKey = str;

/// The kernel is asked about connections that were idle for longer than this; the event loop has
/// just seen the others.
const ASK_KERNEL_AFTER: Duration = Duration::from_millis(50);
/// How often idle connections are checked.
const SWEEP: Duration = Duration::from_secs(1);
/// When the pool is full, one in this many idle connections is closed at once.
const EVICTED_PART: usize = 16;
/// Most origins without a connection that are remembered.
const MOST_REMEMBERED: usize = 1024;

/// Bounds of a worker's pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Longest time that a connection may rest, in place of the usual times of [`idle_time`].
    pub max_idle: Option<Duration>,
    /// Most idle connections per key.
    pub max_idle_per_key: usize,
    /// Most idle connections in all: client-chosen hosts must not use up memory.
    pub max_idle_total: usize,
    /// Most connections, idle and in use, since each takes a descriptor; beyond it none is kept.
    pub max_open: usize,
}

/// A connection that is lent for one exchange.
pub struct Lent {
    pub connection: Box<Connection>,
    /// How long it had rested, if it comes from the pool.
    pub rested: Option<Duration>,
}

pub struct Pool {
    idle: RefCell<Idle>,
    limits: PoolLimits,
    lent: Cell<usize>,
    /// The shortages of descriptors in the whole process. `shortages_seen` are those for which this
    /// pool has closed its connections.
    shortages: Arc<Shortages>,
    shortages_seen: Cell<u64>,
}

#[derive(Default)]
struct Idle {
    origins: HashMap<Arc<PoolKey>, Origin, RandomState>,
    total: usize,
}

/// The idle connections of one key, the newest last, and what is known about the key.
#[derive(Default)]
struct Origin {
    resting: VecDeque<Resting>,
    learned: Option<Learned>,
}

struct Resting {
    connection: Box<Connection>,
    since: Instant,
    allowed: Duration,
}

impl Resting {
    fn rested(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }

    fn is_due(&self, now: Instant) -> bool {
        self.rested(now) >= self.allowed
    }
}

impl Origin {
    fn note_closed(&mut self, rested: Duration, now: Instant) {
        self.learned = Some(Learned::note_closed(self.learned, rested, now));
    }

    /// Closes what has rested too long or was closed by the upstream. The event loop has noticed a
    /// close in its last turn at the latest, so the kernel is not asked.
    fn sweep(&mut self, now: Instant) {
        let mut cx = Context::from_waker(Waker::noop());
        let mut shortest_closed: Option<Duration> = None;
        self.resting.retain_mut(|resting| {
            if resting.is_due(now) {
                return false;
            }
            let alive = resting.connection.is_alive(false, &mut cx);
            if !alive {
                let rested = resting.rested(now);
                shortest_closed = Some(shortest_closed.map_or(rested, |it| it.min(rested)));
            }
            alive
        });
        if let Some(rested) = shortest_closed {
            self.note_closed(rested, now);
        }
    }
}

impl Pool {
    pub fn new(limits: PoolLimits, shortages: Arc<Shortages>) -> Self {
        Pool {
            idle: RefCell::default(),
            limits,
            lent: Cell::new(0),
            shortages_seen: Cell::new(shortages.count()),
            shortages,
        }
    }

    /// Lends a new connection.
    pub fn lend(&self, connection: Box<Connection>) -> Lent {
        self.lent.set(self.lent.get() + 1);
        Lent {
            connection,
            rested: None,
        }
    }

    /// Lends the most recently used live connection for `key`, and closes dead ones found before
    /// it.
    pub fn take(&self, key: &PoolKey, now: Instant) -> Option<Lent> {
        let mut idle = self.idle.borrow_mut();
        let Idle { origins, total } = &mut *idle;
        let origin = origins.get_mut(key)?;
        let mut cx = Context::from_waker(Waker::noop());
        while let Some(mut resting) = origin.resting.pop_back() {
            *total -= 1;
            if resting.is_due(now) {
                continue;
            }
            let rested = resting.rested(now);
            let ask_kernel = rested > ASK_KERNEL_AFTER;
            if resting.connection.is_alive(ask_kernel, &mut cx) {
                let lent = self.lend(resting.connection);
                let rested = Some(rested);
                return Some(Lent { rested, ..lent });
            }
            origin.note_closed(rested, now);
        }
        None
    }

    /// An exchange has ended: its connection is kept for the next one, unless it or the bounds say
    /// otherwise.
    pub fn give_back(&self, mut lent: Lent) {
        self.lent.set(self.lent.get().saturating_sub(1));
        lent.connection.release();
        if lent.connection.is_reusable() {
            self.put(lent.connection, Instant::now());
        }
    }

    fn put(&self, connection: Box<Connection>, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if self.is_full(idle.total) {
            idle.evict_oldest();
            if self.is_full(idle.total) {
                return;
            }
        }
        if let Some(origin) = idle.origins.get_mut(connection.key()) {
            if !self.keep(origin, connection, now) {
                return;
            }
        } else {
            let key = connection.key().clone();
            let mut origin = Origin::default();
            if !self.keep(&mut origin, connection, now) {
                return;
            }
            idle.origins.insert(key, origin);
        }
        idle.total += 1;
    }

    fn is_full(&self, idle: usize) -> bool {
        idle >= self.limits.max_idle_total || idle + self.lent.get() >= self.limits.max_open
    }

    /// Returns whether the connection was kept.
    fn keep(&self, origin: &mut Origin, connection: Box<Connection>, now: Instant) -> bool {
        let allowed = idle_time::allowed(
            self.limits.max_idle,
            connection.is_tls(),
            connection.idle_timeout(),
            origin.learned.as_ref(),
            now,
        );
        let kept = !allowed.is_zero() && origin.resting.len() < self.limits.max_idle_per_key;
        if kept {
            origin.resting.push_back(Resting {
                connection,
                since: now,
                allowed,
            });
        }
        kept
    }

    /// A request found a connection for `key` closed, after it had rested for this time.
    pub fn note_closed(&self, key: &PoolKey, rested: Duration, now: Instant) {
        if let Some(origin) = self.idle.borrow_mut().origins.get_mut(key) {
            origin.note_closed(rested, now);
        }
    }

    /// Closes all idle connections because no descriptors are left; returns whether there were any.
    /// The pools of other workers do the same in their next sweep.
    pub fn make_room(&self) -> bool {
        self.shortages.note();
        self.idle.borrow_mut().clear() > 0
    }

    /// Closes what has rested too long or was closed by the upstream, and removes keys about which
    /// nothing is known.
    fn sweep(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        let shortages = self.shortages.count();
        if self.shortages_seen.replace(shortages) != shortages {
            idle.clear();
        }
        let (mut total, mut remembered) = (0, 0);
        idle.origins.retain(|_, origin| {
            origin.sweep(now);
            let configured = self.limits.max_idle;
            origin.learned = origin
                .learned
                .filter(|learned| !learned.is_forgotten(configured, now));
            total += origin.resting.len();
            let is_remembered = origin.resting.is_empty() && origin.learned.is_some();
            remembered += usize::from(is_remembered);
            !origin.resting.is_empty() || (is_remembered && remembered <= MOST_REMEMBERED)
        });
        idle.total = total;
    }
}

impl Idle {
    /// Closes all connections; returns their number.
    fn clear(&mut self) -> usize {
        for origin in self.origins.values_mut() {
            origin.resting.clear();
        }
        std::mem::take(&mut self.total)
    }

    /// Closes those that have rested longest, many at once so that it seldom happens.
    fn evict_oldest(&mut self) {
        let resting = self.origins.values().flat_map(|origin| &origin.resting);
        let mut since: Vec<Instant> = resting.map(|resting| resting.since).collect();
        if since.is_empty() {
            return;
        }
        let (_, newest_evicted, _) = since.select_nth_unstable(self.total / EVICTED_PART);
        let newest_evicted = *newest_evicted;
        self.total = 0;
        for origin in self.origins.values_mut() {
            origin
                .resting
                .retain(|resting| resting.since > newest_evicted);
            self.total += origin.resting.len();
        }
    }
}

/// Sweeps until the pool is dropped.
pub fn sweep_regularly(pool: &Rc<Pool>) {
    let pool = Rc::downgrade(pool);
    actix_rt::spawn(async move {
        let mut tick = tokio::time::interval(SWEEP);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            match pool.upgrade() {
                Some(pool) => pool.sweep(Instant::now()),
                None => return,
            }
        }
    });
}
