//! Counts in Redis, shared by all replicas: one script, using the server's clock. Concurrent
//! requests are leases that expire when a replica dies and are prolonged while it lives. `leases`
//! tracks those of this process.

mod leases;

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::future::join_all;
use redis::{RedisResult, Script, cmd};
use tokio::{
    sync::Notify,
    time::{MissedTickBehavior, interval, sleep},
};

use self::leases::{LEASE, Leases, OfKey};
use super::{Key, Left, Reason, Refused, Room};
use crate::{
    redis_client::{Connection, RedisClient, Unavailable},
    route::limit::{Limit, Rate},
};

/// How often leases are prolonged and failed returns are retried.
const INTERVAL: Duration = Duration::from_secs(1);
/// Keys handled at the same time.
const BATCH: usize = 256;

/// Limits counted in Redis.
pub struct RedisLimits {
    replicas: Arc<RedisClient>,
    take: Script,
    give_back: Script,
    prolong: Script,
    left: Script,
    leases: Mutex<Leases>,
    /// Signalled when a lease has ended.
    ended: Notify,
    /// Redis has not responded since the last command.
    was_away: AtomicBool,
    /// A random number that identifies this process among the replicas.
    process: u64,
    next: AtomicU64,
}

/// A place among the concurrent requests, or one that was requested and may have been granted;
/// given back when dropped.
pub struct SharedLease {
    shared: Arc<RedisLimits>,
    key: Key,
    id: u64,
    is_refused: bool,
}

/// Admitted, reason, remaining, microseconds to wait, microseconds until full.
type Reply = (u8, u8, u32, u64, u64);

impl std::fmt::Debug for SharedLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedLease({})", self.id)
    }
}

impl RedisLimits {
    pub fn new(replicas: Arc<RedisClient>) -> Self {
        RedisLimits {
            replicas,
            take: Script::new(include_str!("take.lua")),
            give_back: Script::new(include_str!("give_back.lua")),
            prolong: Script::new(include_str!("prolong.lua")),
            left: Script::new(include_str!("left.lua")),
            leases: Mutex::default(),
            ended: Notify::new(),
            was_away: AtomicBool::new(false),
            process: rand::random(),
            next: AtomicU64::new(0),
        }
    }

    /// Counts one request. The outer error means that Redis did not respond.
    pub async fn admit(
        self: &Arc<Self>,
        limit: &Limit,
        key: Key,
    ) -> Result<Result<(Option<SharedLease>, Room), Refused>, Unavailable> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let interval = limit.rate.map_or(0.0, micros_per_request);
        let burst = limit.rate.map_or(0, |rate| rate.burst.get());
        let most = limit.concurrent.map_or(0, |it| it.get());
        // Ended leases of this key travel with the request, so their places are free even if
        // returning them has failed so far.
        let brought = match limit.concurrent {
            Some(_) => self.leases().to_piggyback(&key),
            None => Vec::new(),
        };
        let mut invocation = self.take.key(rate_key(key));
        invocation
            .key(lease_key(key))
            .arg(interval)
            .arg(burst)
            .arg(most)
            .arg(LEASE.as_micros() as u64)
            .arg(self.lease_name(id))
            .arg(self.lease_names(&brought));
        let ask = async |mut connection: Connection| {
            // Created before the reply arrives: the reply may be lost although Redis has counted
            // the lease.
            let lease = limit.concurrent.map(|_| SharedLease {
                shared: self.clone(),
                key,
                id,
                is_refused: false,
            });
            let reply: Reply = invocation.invoke_async(&mut connection).await?;
            Ok((reply, lease))
        };
        let (reply, lease) = self.ask(ask).await?;
        if !brought.is_empty() {
            self.leases().returned(&key, &brought);
        }
        let (admitted, reason, remaining, wait, reset) = reply;
        let room = |(limit, most)| Room {
            limit,
            most,
            remaining,
            reset: Duration::from_micros(reset),
        };
        let at_once = (most, most);
        let in_time = |rate: Rate| (rate.requests.get(), rate.burst.get());
        let requests = limit.rate.map_or(at_once, in_time);
        if admitted == 0 {
            if let Some(lease) = lease {
                lease.refused();
            }
            let (reason, room) = match reason {
                2 => (Reason::Concurrent, room(at_once)),
                _ => (Reason::Requests, room(requests)),
            };
            return Ok(Err(Refused {
                room,
                reason,
                retry_after: Duration::from_micros(wait),
            }));
        }
        if lease.is_some() {
            self.leases().hold(key, id, Instant::now());
        }
        Ok(Ok((lease, room(requests))))
    }

    /// What is left of a limit, without counting a request.
    pub async fn left(&self, limit: &Limit, key: Key) -> Result<Left, Unavailable> {
        let mut invocation = self.left.key(rate_key(key));
        invocation.key(lease_key(key));
        let ask = async |mut connection: Connection| {
            invocation.invoke_async::<(u64, u32)>(&mut connection).await
        };
        let (reset, concurrent) = self.ask(ask).await?;
        Ok(Left::of(limit, Duration::from_micros(reset), concurrent))
    }

    /// Undoes the count of a request that is not sent. Has no effect if Redis does not respond.
    pub async fn take_back(&self, rate: Rate, key: Key) {
        let mut invocation = self.give_back.key(rate_key(key));
        invocation.arg(micros_per_request(rate));
        let ask =
            async |mut connection: Connection| invocation.invoke_async::<()>(&mut connection).await;
        let _ = self.ask(ask).await;
    }

    /// Prolongs the leases of this process and returns ended ones, until the future is dropped. The
    /// two loops do not wait for each other.
    pub async fn keep_leases(self: Arc<Self>) {
        tokio::join!(self.keep_prolonging(), self.keep_returning());
    }

    async fn keep_prolonging(&self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let keys = self.leases().to_prolong(Instant::now());
            for some in keys.chunks(BATCH) {
                if self.prolong(some).await.is_err() {
                    // Wait before asking again; other leases are due as well.
                    sleep(INTERVAL).await;
                }
            }
        }
    }

    async fn keep_returning(&self) {
        let mut tick = interval(INTERVAL);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = self.ended.notified() => {}
                _ = tick.tick() => {}
            }
            let ended = self.leases().due_to_return(Instant::now());
            for some in ended.chunks(BATCH) {
                // Failed returns are retried by `leases`.
                let _ = self.give_back(some).await;
            }
        }
    }

    async fn prolong(&self, keys: &[Key]) -> Result<(), Unavailable> {
        let held = self.leases().begin_prolonging(keys, Instant::now());
        let one = async |(key, ids): &OfKey, mut connection: Connection| {
            let mut invocation = self.prolong.key(lease_key(*key));
            invocation
                .arg(LEASE.as_micros() as u64)
                .arg(self.lease_names(ids));
            invocation.invoke_async::<()>(&mut connection).await?;
            self.leases().prolonged(key, Instant::now());
            Ok(())
        };
        let outcome = self.ask_of_each(&held, one).await;
        self.leases().end_prolonging(Instant::now());
        self.ended.notify_one();
        outcome
    }

    async fn give_back(&self, ended: &[OfKey]) -> Result<(), Unavailable> {
        let one = async |(key, ids): &OfKey, mut connection: Connection| {
            let mut remove = cmd("ZREM");
            remove.arg(lease_key(*key)).arg(self.lease_names(ids));
            remove.query_async::<()>(&mut connection).await?;
            self.leases().returned(key, ids);
            Ok(())
        };
        self.ask_of_each(ended, one).await
    }

    /// Runs one command for each of several keys. Not a pipeline, since in a cluster all its keys
    /// would have to be on one node.
    async fn ask_of_each(
        &self,
        all: &[OfKey],
        one: impl AsyncFn(&OfKey, Connection) -> RedisResult<()>,
    ) -> Result<(), Unavailable> {
        if all.is_empty() {
            return Ok(());
        }
        let ask = async |connection: Connection| {
            let questions = all.iter().map(|of_key| one(of_key, connection.clone()));
            join_all(questions).await.into_iter().collect()
        };
        self.ask(ask).await
    }

    async fn ask<T>(
        &self,
        question: impl AsyncFnOnce(Connection) -> RedisResult<T>,
    ) -> Result<T, Unavailable> {
        let reply = self.replicas.ask(question).await;
        if reply.is_err() {
            self.was_away.store(true, Ordering::Release);
        } else if self.was_away.load(Ordering::Acquire)
            && self.was_away.swap(false, Ordering::AcqRel)
        {
            self.leases().may_be_lost();
        }
        reply
    }

    fn lease_name(&self, id: u64) -> String {
        format!("{:x}-{id:x}", self.process)
    }

    fn lease_names(&self, ids: &[u64]) -> Vec<String> {
        ids.iter().map(|id| self.lease_name(*id)).collect()
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SharedLease {
    /// Redis has refused the lease.
    fn refused(mut self) {
        self.is_refused = true;
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        if !self.is_refused {
            let now = Instant::now();
            self.shared.leases().end(self.key, self.id, now);
            self.shared.ended.notify_one();
        }
    }
}

/// The braces keep a limit's keys on the same node of a cluster.
fn micros_per_request(rate: Rate) -> f64 {
    rate.interval().as_nanos() as f64 / 1e3
}

fn rate_key(key: Key) -> String {
    format!("throughway:{{{key}}}:rate")
}

fn lease_key(key: Key) -> String {
    format!("throughway:{{{key}}}:leases")
}
