//! Idle upstream connections of one worker. Filled by [`Transport`](super::transport::Transport) as it is dropped at a clean
//! message boundary, emptied by use (newest first), by the sweep, and by bounds on keys and connections.

use std::{
    cell::RefCell,
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use super::connection::Connection;

/// What idle connections are shared by: scheme, host, port, guard policy and TLS identity (contract of the guard).
pub type PoolKey = str;

/// Idle for less than this, a connection is not asked about at the kernel: the event loop has just seen it.
const ASK_KERNEL_AFTER: Duration = Duration::from_millis(1);

/// Bounds of a worker's pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Longest time a connection may rest before it is closed. Shorter than the servers' own keep-alive (uvicorn: 5 s),
    /// else requests meet closing connections.
    pub max_idle: Duration,
    /// Most idle connections per key.
    pub max_idle_per_key: usize,
    /// Most idle connections in all; client-chosen hosts must not use up descriptors.
    pub max_idle_total: usize,
}

pub struct Pool {
    idle: RefCell<Idle>,
    limits: PoolLimits,
}

#[derive(Default)]
struct Idle {
    by_key: HashMap<Arc<PoolKey>, VecDeque<Box<Connection>>>,
    total: usize,
}

impl Pool {
    pub fn new(limits: PoolLimits) -> Rc<Self> {
        Rc::new(Pool {
            idle: RefCell::default(),
            limits,
        })
    }

    /// The most recently used live connection for `key`. Dead ones met on the way are closed.
    pub fn take(&self, key: &PoolKey) -> Option<Box<Connection>> {
        let mut idle = self.idle.borrow_mut();
        let idle = &mut *idle;
        let queue = idle.by_key.get_mut(key)?;
        let mut cx = Context::from_waker(Waker::noop());
        while let Some(mut connection) = queue.pop_back() {
            idle.total -= 1;
            let rested = connection.idle_since().elapsed();
            if rested < self.limits.max_idle
                && connection.is_alive(rested > ASK_KERNEL_AFTER, &mut cx)
            {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps a connection for the next request, unless the bounds say otherwise.
    pub fn put(&self, connection: Box<Connection>) {
        let mut idle = self.idle.borrow_mut();
        if idle.total >= self.limits.max_idle_total {
            return;
        }
        let idle = &mut *idle;
        if let Some(queue) = idle.by_key.get_mut(connection.key()) {
            if queue.len() >= self.limits.max_idle_per_key {
                return;
            }
            queue.push_back(connection);
        } else {
            let key = connection.key().clone();
            idle.by_key.insert(key, VecDeque::from([connection]));
        }
        idle.total += 1;
    }

    /// Closes what has rested too long or was closed by the upstream, and forgets keys without connections.
    pub fn sweep(&self) {
        let mut idle = self.idle.borrow_mut();
        let mut cx = Context::from_waker(Waker::noop());
        let now = Instant::now();
        let mut total = 0;
        idle.by_key.retain(|_, queue| {
            queue.retain_mut(|connection| {
                now.duration_since(connection.idle_since()) < self.limits.max_idle
                    && connection.is_alive(true, &mut cx)
            });
            total += queue.len();
            !queue.is_empty()
        });
        idle.total = total;
    }

    /// Idle connections now.
    #[allow(clippy::len_without_is_empty, reason = "a count for metrics")]
    pub fn len(&self) -> usize {
        self.idle.borrow().total
    }
}
