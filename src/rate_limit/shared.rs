//! Counts that all replicas share, in Redis: one script, the server's clock. Requests under way are leases that run out when a
//! replica dies, and are prolonged while it lives.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use redis::{Script, pipe};
use tokio::sync::Notify;

use super::{Key, Reason, Refused, Room};
use crate::{
    replicas::{Connection, Replicas, Unavailable},
    route::limit::Limit,
};

/// How long a request counts as under way after its replica was last heard of.
const LEASE: Duration = Duration::from_secs(30);
/// How often leases are prolonged.
const PROLONG: Duration = Duration::from_secs(10);

/// Limits counted in Redis.
pub struct Shared {
    replicas: Arc<Replicas>,
    take: Script,
    prolong: Script,
    leases: Mutex<Leases>,
    /// Some lease has ended.
    ended: Notify,
    /// This process among the replicas.
    process: u64,
    next: AtomicU64,
}

/// The leases of this process, by number, each with its key.
#[derive(Default)]
struct Leases {
    held: HashMap<u64, Box<str>>,
    ended: Vec<(u64, Box<str>)>,
}

/// A place among those under way.
pub struct SharedLease {
    shared: Arc<Shared>,
    id: u64,
}

impl std::fmt::Debug for SharedLease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SharedLease({})", self.id)
    }
}

impl Shared {
    pub fn new(replicas: Arc<Replicas>) -> Self {
        Shared {
            replicas,
            take: Script::new(include_str!("take.lua")),
            prolong: Script::new(include_str!("prolong.lua")),
            leases: Mutex::default(),
            ended: Notify::new(),
            process: rand::random(),
            next: AtomicU64::new(0),
        }
    }

    /// Counts one request. The outer error: Redis did not answer.
    pub async fn admit(
        self: &Arc<Self>,
        limit: &Limit,
        key: Key,
    ) -> Result<Result<(Option<SharedLease>, Room), Refused>, Unavailable> {
        let key = key.to_string();
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let interval = limit
            .rate
            .map_or(0.0, |rate| rate.interval().as_nanos() as f64 / 1e3);
        let burst = limit.rate.map_or(0, |rate| rate.burst.get());
        let most = limit.concurrent.map_or(0, |it| it.get());
        let mut invocation = self.take.key(rate_key(&key));
        invocation
            .key(lease_key(&key))
            .arg(interval)
            .arg(burst)
            .arg(most)
            .arg(self.lease_name(id))
            .arg(LEASE.as_micros() as u64);
        let ask = async |mut connection: Connection| invocation.invoke_async(&mut connection).await;
        let answer: (u8, u8, u32, u64, u64) = self.replicas.ask(ask).await?;
        let (admitted, reason, remaining, wait, reset) = answer;
        let room = Room {
            limit: limit.rate.map_or(most, |rate| rate.requests.get()),
            remaining,
            reset: Duration::from_micros(reset),
        };
        if admitted == 0 {
            return Ok(Err(Refused {
                room,
                reason: match reason {
                    2 => Reason::Concurrent,
                    _ => Reason::Requests,
                },
                retry_after: Duration::from_micros(wait),
            }));
        }
        let lease = limit.concurrent.map(|_| {
            self.leases().held.insert(id, lease_key(&key).into());
            SharedLease {
                shared: self.clone(),
                id,
            }
        });
        Ok(Ok((lease, room)))
    }

    /// Prolongs the leases of this process and gives back those that ended, for as long as it is awaited.
    pub async fn keep_leases(self: Arc<Self>) {
        let mut tick = tokio::time::interval(PROLONG);
        loop {
            tokio::select! {
                _ = tick.tick() => self.prolong().await,
                () = self.ended.notified() => self.give_back().await,
            }
        }
    }

    async fn prolong(&self) {
        let held = self.leases().held.clone();
        for (id, key) in held {
            let mut invocation = self.prolong.key(&*key);
            invocation
                .arg(self.lease_name(id))
                .arg(LEASE.as_micros() as u64);
            let ask = async |mut connection: Connection| {
                invocation.invoke_async::<()>(&mut connection).await
            };
            if self.replicas.ask(ask).await.is_err() {
                return;
            }
        }
    }

    /// What Redis does not hear of runs out.
    async fn give_back(&self) {
        let ended = std::mem::take(&mut self.leases().ended);
        let mut pipe = pipe();
        for (id, key) in ended {
            pipe.zrem(&*key, self.lease_name(id)).ignore();
        }
        let ask = async |mut connection: Connection| pipe.query_async::<()>(&mut connection).await;
        let _ = self.replicas.ask(ask).await;
    }

    fn lease_name(&self, id: u64) -> String {
        format!("{:x}-{id:x}", self.process)
    }

    fn leases(&self) -> MutexGuard<'_, Leases> {
        self.leases.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for SharedLease {
    fn drop(&mut self) {
        let mut leases = self.shared.leases();
        if let Some(key) = leases.held.remove(&self.id) {
            leases.ended.push((self.id, key));
        }
        drop(leases);
        self.shared.ended.notify_one();
    }
}

/// The braces keep a limit's keys on one node of a cluster.
fn rate_key(key: &str) -> String {
    format!("throughway:{{{key}}}:rate")
}

fn lease_key(key: &str) -> String {
    format!("throughway:{{{key}}}:leases")
}
