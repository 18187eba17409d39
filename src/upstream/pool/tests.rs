//! Connections to listeners of the test's own, at times that are passed in.

use std::future::poll_fn;

use actix_http::{Payload, header::HeaderMap};
use bytes::Bytes;
use tokio::{
    io::AsyncWriteExt as _,
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    memory::Account,
    upstream::{
        Asked, BodyLength, RequestBody, connection::Outgoing, read_buffer::ReadBuffer,
        socket::Socket,
    },
};

const LIMITS: PoolLimits = PoolLimits {
    max_idle: None,
    max_idle_per_key: 2,
    max_idle_total: 3,
    max_open: 100,
};

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A connection that has carried an exchange with these header lines, and its other end.
#[expect(clippy::disallowed_methods, reason = "a test dials its own listener")]
async fn used(key: &str, lines: &str) -> (Box<Connection>, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    let (near, far) = tokio::join!(TcpStream::connect(address), listener.accept());
    let mut far = far.expect("accepted").0;
    let socket = Socket::Tcp(near.expect("connected"));
    let mut connection = Connection::new(socket, key.into(), ReadBuffer::default());
    let body = RequestBody::new(Payload::None, BodyLength::None, 0, Account::UNCOUNTED);
    let outgoing = Outgoing {
        head: Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n"),
        asked: Asked::Ordinary,
        body: Rc::new(RefCell::new(body)),
    };
    connection.begin(outgoing, Rc::default());
    let head = format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n{lines}\r\n");
    far.write_all(head.as_bytes()).await.expect("written");
    let mut headers = HeaderMap::new();
    poll_fn(|cx| connection.poll_first_bytes(cx))
        .await
        .expect("a response");
    poll_fn(|cx| connection.poll_head(&mut headers, cx))
        .await
        .expect("a response");
    assert!(connection.is_reusable());
    (Box::new(connection), far)
}

async fn connection(key: &str) -> (Box<Connection>, TcpStream) {
    used(key, "").await
}

async fn filled(limits: PoolLimits, keys: &[&str], now: Instant) -> (Pool, Vec<TcpStream>) {
    let pool = Pool::new(limits, Arc::default());
    let mut far_ends = Vec::new();
    for key in keys {
        let (near, far) = connection(key).await;
        pool.put(near, now);
        far_ends.push(far);
    }
    (pool, far_ends)
}

impl Pool {
    fn len(&self) -> usize {
        self.idle.borrow().total
    }

    /// As the connection of an exchange that has ended just now.
    fn take_and_close(&self, key: &PoolKey, now: Instant) -> Option<Duration> {
        let lent = self.take(key, now)?;
        self.lent.set(self.lent.get() - 1);
        lent.rested
    }
}

/// Lets the event loop see what the other ends did.
async fn seen() {
    tokio::time::sleep(Duration::from_millis(20)).await;
}

#[actix_rt::test]
async fn no_key_has_more_than_its_share() {
    let now = Instant::now();
    let (pool, _far) = filled(LIMITS, &["a", "a", "a"], now).await;
    assert_eq!(pool.len(), 2);
}

#[actix_rt::test]
async fn when_the_pool_is_full_the_longest_idle_connection_is_closed() {
    let start = Instant::now();
    let (pool, _far) = filled(LIMITS, &["a"], start).await;
    let mut far_ends = Vec::new();
    for (key, seconds) in [("b", 1), ("c", 2), ("d", 3)] {
        let (near, far) = connection(key).await;
        pool.put(near, start + secs(seconds));
        far_ends.push(far);
    }
    assert_eq!(pool.len(), 3);
    let now = start + secs(3);
    assert!(pool.take("a", now).is_none());
    assert!(pool.take("b", now).is_some() && pool.take("d", now).is_some());
}

#[actix_rt::test]
async fn connections_in_use_bound_the_number_of_idle_ones() {
    let limits = PoolLimits {
        max_open: 3,
        ..LIMITS
    };
    let now = Instant::now();
    let (pool, _far) = filled(limits, &["a", "b"], now).await;
    let (in_use, _far_in_use) = connection("c").await;
    let lent = pool.lend(in_use);
    let (one_more, _far_more) = connection("d").await;
    pool.put(one_more, now);
    assert_eq!(pool.len(), 1, "both were as old as each other");
    assert!(pool.take_and_close("d", now).is_some());
    // One ends, and is kept: nothing is in use any more.
    pool.give_back(lent);
    assert_eq!((pool.len(), pool.lent.get()), (1, 0));
}

#[actix_rt::test]
async fn a_connection_serves_its_own_key_once() {
    let now = Instant::now();
    let (pool, _far) = filled(LIMITS, &["a"], now).await;
    assert!(pool.take("b", now).is_none());
    let rested = pool.take("a", now + secs(1)).expect("one").rested;
    assert_eq!(rested, Some(secs(1)));
    assert!(pool.take("a", now).is_none());
    assert_eq!((pool.len(), pool.lent.get()), (0, 1));
}

#[actix_rt::test]
async fn a_connection_rests_no_longer_than_its_time() {
    let start = Instant::now();
    let own = PoolLimits {
        max_idle: Some(secs(30)),
        ..LIMITS
    };
    for (limits, lines, longest) in [
        (LIMITS, "", 4),
        (LIMITS, "Keep-Alive: timeout=3\r\n", 2),
        (LIMITS, "Keep-Alive: timeout=300\r\n", 4),
        (own, "", 30),
        (own, "Keep-Alive: timeout=5, max=100\r\n", 4),
    ] {
        for (rests, alive) in [(secs(longest) - secs(1) / 2, true), (secs(longest), false)] {
            let pool = Pool::new(limits, Arc::default());
            let (near, _far) = used("a", lines).await;
            pool.put(near, start);
            pool.sweep(start + rests);
            assert_eq!(pool.len(), usize::from(alive), "{lines} {rests:?}");
            let (near, _far) = used("b", lines).await;
            pool.put(near, start);
            let taken = pool.take("b", start + rests);
            assert_eq!(taken.is_some(), alive, "{lines} {rests:?}");
        }
    }
}

#[actix_rt::test]
async fn a_time_of_zero_keeps_nothing() {
    let none = PoolLimits {
        max_idle: Some(Duration::ZERO),
        ..LIMITS
    };
    let now = Instant::now();
    let (pool, _far) = filled(none, &["a"], now).await;
    assert_eq!(pool.len(), 0);
    let pool = Pool::new(LIMITS, Arc::default());
    let (near, _far) = used("a", "Keep-Alive: timeout=0\r\n").await;
    pool.put(near, now);
    assert_eq!((pool.len(), pool.idle.borrow().origins.len()), (0, 0));
}

#[actix_rt::test]
async fn an_origin_that_closes_early_is_remembered() {
    let start = Instant::now();
    // Whoever notices the close: the sweep, the next request, or the one that met it.
    for notice in ["sweep", "take", "stale"] {
        let (pool, far) = filled(LIMITS, &["a"], start).await;
        let closed = start + secs(3);
        match notice {
            "stale" => {
                let rested = pool.take_and_close("a", closed).expect("alive");
                pool.note_closed("a", rested, closed);
            }
            _ => {
                drop(far);
                seen().await;
                match notice {
                    "sweep" => pool.sweep(closed),
                    _ => assert!(pool.take("a", closed).is_none()),
                }
            }
        }
        // The next one rests for two seconds.
        for (rests, alive) in [(1900, true), (2000, false)] {
            let (near, _far) = connection("a").await;
            pool.put(near, closed);
            let rested = pool.take_and_close("a", closed + Duration::from_millis(rests));
            assert_eq!(rested.is_some(), alive, "{notice} {rests} ms");
        }
        let (near, _far) = connection("b").await;
        pool.put(near, closed);
        let other = pool.take_and_close("b", closed + secs(3));
        assert!(other.is_some(), "other origins are not affected");
    }
}

#[actix_rt::test]
async fn keys_without_connections_or_learned_times_are_removed() {
    let start = Instant::now();
    let (pool, _far) = filled(LIMITS, &["a", "b"], start).await;
    pool.sweep(start + secs(4));
    assert_eq!((pool.len(), pool.idle.borrow().origins.len()), (0, 0));

    let (pool, far) = filled(LIMITS, &["a"], start).await;
    drop(far);
    seen().await;
    pool.sweep(start + secs(3));
    assert_eq!((pool.len(), pool.idle.borrow().origins.len()), (0, 1));
    pool.sweep(start + secs(3600));
    assert_eq!(pool.idle.borrow().origins.len(), 0);
}

#[actix_rt::test]
async fn without_descriptors_the_pools_of_all_workers_are_emptied() {
    let now = Instant::now();
    let (one, _far) = filled(LIMITS, &["a", "b"], now).await;
    let other = Pool::new(LIMITS, one.shortages.clone());
    let (connection, _far) = connection("c").await;
    other.put(connection, now);
    assert!(one.make_room() && !one.make_room());
    assert_eq!((one.len(), other.len()), (0, 1));
    other.sweep(now);
    assert_eq!(other.len(), 0);
}

#[actix_rt::test]
async fn a_connection_closed_or_written_to_by_the_upstream_is_swept() {
    let now = Instant::now();
    let (pool, far) = filled(LIMITS, &["a", "b", "c"], now).await;
    let mut far = far.into_iter();
    drop(far.next());
    let talking = far.next().expect("the second");
    talking.try_write(b"HTTP/1.1 408 ").expect("written");
    let _silent = far.next();
    seen().await;
    pool.sweep(now);
    assert_eq!(pool.len(), 1);
    assert!(pool.take("c", now).is_some());
}
