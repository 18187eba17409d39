//! Answers that all replicas share, in Redis. A purge is exact, as in memory: an entry carries the counts of purges when it was asked
//! for, and is read together with the present ones. Purged entries are not looked for; they run out.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::future::{try_join, try_join3};
use redis::{AsyncCommands as _, RedisResult};
use sha2::{Digest as _, Sha256};

use super::{
    answer::StoredAnswer,
    key::{CacheKey, Namespace},
};
use crate::replicas::{Connection, Replicas, Unavailable};

/// The counts of purges, when a request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purges {
    all: u64,
    namespace: u64,
    key: u64,
}

/// Bytes of the counts before an encoded answer.
const COUNTS: usize = 24;
/// How long the count of a key's purges is kept: longer than an answer that came too late can lie there.
const KEY_PURGES_KEPT: Duration = Duration::from_secs(91 * 24 * 3600);
const ALL: &str = "throughway:cache:purges";

/// A store in Redis.
pub struct SharedStore(Arc<Replicas>);

impl SharedStore {
    pub fn new(replicas: Arc<Replicas>) -> Self {
        SharedStore(replicas)
    }

    /// How long an answer of Redis is awaited.
    pub fn timeout(&self) -> Duration {
        self.0.timeout()
    }

    /// Connects; see [`Replicas::connect`].
    pub async fn connect(&self) {
        self.0.clone().connect().await;
    }

    /// The answer, if there is one, and what [`put`](Self::put) wants to know of the present.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn get(
        &self,
        key: &CacheKey,
        namespace: &Namespace,
    ) -> Result<(Option<StoredAnswer>, Purges), Unavailable> {
        let (entry, counts) = (entry_key(key), Counts::of(key, namespace));
        let ask = async |connection: Connection| {
            let mut own = connection.clone();
            let entry = own.get::<_, Option<Vec<u8>>>(&entry);
            try_join(counts.get(connection), entry).await
        };
        let (purges, entry) = self.0.ask(ask).await?;
        Ok((entry.and_then(|entry| decoded(entry, purges)), purges))
    }

    /// What [`put`](Self::put) wants to know of the present, where the answer that there may be is not wanted.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn purges(
        &self,
        key: &CacheKey,
        namespace: &Namespace,
    ) -> Result<Purges, Unavailable> {
        let counts = Counts::of(key, namespace);
        self.0
            .ask(async |connection| counts.get(connection).await)
            .await
    }

    /// Stores an answer; `asked`: what was known when its request was sent. Purged since, it is never given.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn put(
        &self,
        key: &CacheKey,
        answer: &StoredAnswer,
        asked: Purges,
    ) -> Result<(), Unavailable> {
        let mut bytes = Vec::with_capacity(COUNTS + answer.weight());
        bytes.extend_from_slice(&asked.all.to_be_bytes());
        bytes.extend_from_slice(&asked.namespace.to_be_bytes());
        bytes.extend_from_slice(&asked.key.to_be_bytes());
        bytes.extend_from_slice(&answer.encode());
        let ttl = milliseconds(answer.ttl());
        let ask = async |mut connection: Connection| {
            connection
                .pset_ex::<_, _, ()>(entry_key(key), bytes, ttl)
                .await
        };
        self.0.ask(ask).await
    }

    /// Takes out the answer of one key; whether there was one. What is on its way for it is not given either.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn remove(&self, key: &CacheKey) -> Result<bool, Unavailable> {
        let (entry, own) = (entry_key(key), key_purges_key(key));
        let kept = i64::try_from(KEY_PURGES_KEPT.as_secs()).unwrap_or(i64::MAX);
        let ask = async |mut connection: Connection| {
            connection.incr::<_, _, u64>(&own, 1).await?;
            connection.expire::<_, ()>(&own, kept).await?;
            connection.del::<_, u64>(&entry).await
        };
        self.0.ask(ask).await.map(|count| count > 0)
    }

    /// Removes all answers of a namespace, whoever's they are.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn purge(&self, namespace: &Namespace) -> Result<(), Unavailable> {
        self.count_purge(&namespace_key(namespace)).await
    }

    /// Removes all answers.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn purge_all(&self) -> Result<(), Unavailable> {
        self.count_purge(ALL).await
    }

    async fn count_purge(&self, key: &str) -> Result<(), Unavailable> {
        let ask = async |mut connection: Connection| connection.incr::<_, _, u64>(key, 1).await;
        self.0.ask(ask).await.map(|_| ())
    }
}

/// Where the purges that concern one key are counted.
struct Counts {
    namespace: String,
    key: String,
}

impl Counts {
    fn of(key: &CacheKey, namespace: &Namespace) -> Self {
        Counts {
            namespace: namespace_key(namespace),
            key: key_purges_key(key),
        }
    }

    async fn get(&self, connection: Connection) -> RedisResult<Purges> {
        let [mut one, mut two, mut three] = [connection.clone(), connection.clone(), connection];
        let all = one.get::<_, Option<u64>>(ALL);
        let namespace = two.get::<_, Option<u64>>(&self.namespace);
        let key = three.get::<_, Option<u64>>(&self.key);
        let (all, namespace, key) = try_join3(all, namespace, key).await?;
        Ok(Purges {
            all: all.unwrap_or(0),
            namespace: namespace.unwrap_or(0),
            key: key.unwrap_or(0),
        })
    }
}

fn decoded(entry: Vec<u8>, purges: Purges) -> Option<StoredAnswer> {
    let mut entry = Bytes::from(entry);
    if entry.len() < COUNTS {
        return None;
    }
    let counts = entry.split_to(COUNTS);
    let present = [purges.all, purges.namespace, purges.key].map(u64::to_be_bytes);
    let same = *counts == present.concat();
    // One of another version is none of ours.
    same.then(|| StoredAnswer::decode(entry).ok()).flatten()
}

fn entry_key(key: &CacheKey) -> String {
    format!("throughway:cache:{key}")
}

fn key_purges_key(key: &CacheKey) -> String {
    format!("throughway:cache:purges:key:{key}")
}

/// Of a fixed length, whatever callers call their namespaces.
fn namespace_key(namespace: &Namespace) -> String {
    let (kind, name) = match namespace {
        Namespace::None => ("none", ""),
        Namespace::Caller(name) => ("caller", &**name),
        Namespace::Settings(name) => ("settings", &**name),
    };
    let digest = Sha256::digest(name.as_bytes());
    let digest = digest
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    format!("throughway:cache:purges:{kind}:{digest}")
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
