//! Idle upstream connections of one worker. Filled by [`Transport`](super::transport::Transport) as it is dropped at a clean
//! message boundary, emptied by use (newest first), by the sweep, and by bounds on keys and connections.

use std::{
    cell::{Cell, RefCell},
    collections::{HashMap, VecDeque},
    rc::Rc,
    sync::Arc,
    task::{Context, Waker},
    time::{Duration, Instant},
};

use super::connection::Connection;
use crate::machine::descriptors::Shortages;

/// What idle connections are shared by: scheme, host, port, guard policy and TLS identity (contract of the guard).
pub type PoolKey = str;

/// Idle for less than this, a connection is not asked about at the kernel: the event loop has just seen it.
const ASK_KERNEL_AFTER: Duration = Duration::from_millis(50);

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
    /// Of the whole process, and how many of them this pool has made room for.
    shortages: Arc<Shortages>,
    shortages_seen: Cell<u64>,
}

#[derive(Default)]
struct Idle {
    by_key: HashMap<Arc<PoolKey>, VecDeque<Box<Connection>>>,
    total: usize,
}

impl Pool {
    pub fn new(limits: PoolLimits, shortages: Arc<Shortages>) -> Rc<Self> {
        Rc::new(Pool {
            idle: RefCell::default(),
            limits,
            shortages_seen: Cell::new(shortages.count()),
            shortages,
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

    /// Closes all idle connections, as there are no descriptors left; whether there were any. The
    /// pools of other workers do the same with their next sweep.
    pub fn make_room(&self) -> bool {
        self.shortages.note();
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        idle.total > 0
    }

    /// Closes what has rested too long or was closed by the upstream, and forgets keys without connections.
    pub fn sweep(&self) {
        let shortages = self.shortages.count();
        if self.shortages_seen.replace(shortages) != shortages {
            *self.idle.borrow_mut() = Idle::default();
        }
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

#[cfg(test)]
mod tests {
    use tokio::net::{TcpListener, TcpStream};

    use super::*;
    use crate::upstream::socket::Socket;

    const LIMITS: PoolLimits = PoolLimits {
        max_idle: Duration::from_secs(60),
        max_idle_per_key: 2,
        max_idle_total: 3,
    };

    /// A connection, and its other end.
    #[expect(clippy::disallowed_methods, reason = "a test dials its own listener")]
    async fn connection(key: &str) -> (Box<Connection>, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
        let socket = Socket::Tcp(near.expect("connected"));
        let connection = Box::new(Connection::new(socket, key.into()));
        (connection, far.expect("accepted").0)
    }

    async fn filled(limits: PoolLimits, keys: &[&str]) -> (Rc<Pool>, Vec<TcpStream>) {
        let pool = Pool::new(limits, Arc::default());
        let mut far_ends = Vec::new();
        for key in keys {
            let (near, far) = connection(key).await;
            pool.put(near);
            far_ends.push(far);
        }
        (pool, far_ends)
    }

    #[actix_rt::test]
    async fn no_key_has_more_than_its_share_and_all_have_no_more_than_the_total() {
        let (pool, _far) = filled(LIMITS, &["a", "a", "a"]).await;
        assert_eq!(pool.len(), 2);
        let (pool, _far) = filled(LIMITS, &["a", "b", "c", "d"]).await;
        assert_eq!(pool.len(), 3);
        assert!(pool.take("d").is_none());
    }

    #[actix_rt::test]
    async fn a_connection_serves_its_own_key_once() {
        let (pool, _far) = filled(LIMITS, &["a"]).await;
        assert!(pool.take("b").is_none());
        assert!(pool.take("a").is_some());
        assert!(pool.take("a").is_none());
        assert_eq!(pool.len(), 0);
    }

    #[actix_rt::test]
    async fn keys_without_connections_are_forgotten() {
        let at_once = PoolLimits {
            max_idle: Duration::ZERO,
            ..LIMITS
        };
        let (pool, _far) = filled(at_once, &["a", "b"]).await;
        pool.sweep();
        assert_eq!((pool.len(), pool.idle.borrow().by_key.len()), (0, 0));
    }

    #[actix_rt::test]
    async fn without_descriptors_the_pools_of_all_workers_are_emptied() {
        let (one, _far) = filled(LIMITS, &["a", "b"]).await;
        let other = Pool::new(LIMITS, one.shortages.clone());
        let (connection, _far) = connection("c").await;
        other.put(connection);
        assert!(one.make_room() && !one.make_room());
        assert_eq!((one.len(), other.len()), (0, 1));
        other.sweep();
        assert_eq!(other.len(), 0);
    }

    #[actix_rt::test]
    async fn a_connection_closed_or_written_to_by_the_upstream_is_swept() {
        let (pool, far) = filled(LIMITS, &["a", "b", "c"]).await;
        let mut far = far.into_iter();
        drop(far.next());
        let talking = far.next().expect("the second");
        talking.try_write(b"HTTP/1.1 408 ").expect("written");
        let _silent = far.next();
        pool.sweep();
        assert_eq!(pool.len(), 1);
        assert!(pool.take("c").is_some());
    }
}
