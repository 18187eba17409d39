//! Responses stored in Redis and shared by all replicas. Purges are exact: each entry carries the
//! purge generations of the time when its request was sent and is valid only if they are still
//! current. A purge replaces a generation, and so does a reader that finds one evicted. Purged
//! entries are never served; at worst a valid entry is missed. Purged entries stay until they
//! expire.

mod entry;

use std::{sync::Arc, time::Duration};

use futures_util::future::{try_join, try_join3};
use prometheus_client::metrics::counter::Counter;
use redis::{AsyncCommands as _, ExistenceCheck, RedisResult, SetExpiry, SetOptions};
use sha2::{Digest as _, Sha256};

use self::entry::{Entry, Unusable};
use super::{
    key::{CacheKey, Namespace},
    stored_response::StoredResponse,
};
use crate::redis_client::{Connection, RedisClient, Unavailable};

/// The purge generations that apply to an entry, as of when its request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purges {
    /// A random number, replaced by each purge of everything.
    all: u64,
    /// A random number, replaced by each purge of the namespace.
    namespace: u64,
    /// A counter of purges of this key. They delete the stored entry, so the counter matters only
    /// for a response in flight.
    key: u64,
}

/// Lifetime of the counter of a key and of the generation of a namespace: longer than the lifetime
/// of any entry that could carry an older value.
const GENERATION_TTL: Duration = Duration::from_secs(91 * 24 * 3600);
const ALL: &str = "throughway:cache:purges";

/// The store in Redis.
pub struct RedisStore {
    replicas: Arc<RedisClient>,
    unusable: UnusableEntries,
}

/// Counters of entries that were removed because they could not be read.
#[derive(Clone, Debug, Default)]
pub struct UnusableEntries {
    /// See [`Unusable::Damaged`].
    pub damaged: Counter,
    /// See [`Unusable::OtherFormat`].
    pub other_format: Counter,
}

impl RedisStore {
    pub fn new(replicas: Arc<RedisClient>, unusable: UnusableEntries) -> Self {
        RedisStore { replicas, unusable }
    }

    /// How long a reply of Redis is awaited.
    pub fn timeout(&self) -> Duration {
        self.replicas.timeout()
    }

    /// Connects; see [`RedisClient::connect`].
    pub async fn connect(&self) {
        self.replicas.clone().connect().await;
    }

    /// The stored response, if any, and the current generations for [`put`](Self::put).
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn get(
        &self,
        key: &CacheKey,
        namespace: &Namespace,
    ) -> Result<(Option<StoredResponse>, Purges), Unavailable> {
        let (entry, generations) = (entry_key(key), Generations::of(key, namespace));
        let ask = async |connection: Connection| {
            let mut own = connection.clone();
            let entry = own.get::<_, Option<Vec<u8>>>(&entry);
            try_join(generations.get(connection), entry).await
        };
        let (purges, entry) = self.replicas.ask(ask).await?;
        let found = match entry.map(|entry| Entry::decode(key, entry)) {
            None => None,
            Some(Ok(entry)) => (entry.asked == purges).then_some(entry.response),
            Some(Err(unusable)) => {
                self.remove_unusable(key, unusable).await;
                None
            }
        };
        Ok((found, purges))
    }

    /// Removes an unreadable entry. A valid one that has just replaced it may be removed as well,
    /// which costs one miss.
    async fn remove_unusable(&self, key: &CacheKey, unusable: Unusable) {
        match unusable {
            Unusable::Damaged => self.unusable.damaged.inc(),
            Unusable::OtherFormat => self.unusable.other_format.inc(),
        };
        let entry = entry_key(key);
        let remove = async |mut connection: Connection| connection.del::<_, ()>(&entry).await;
        // The client counts the failure; the next reader tries again.
        let _ = self.replicas.ask(remove).await;
    }

    /// The current generations for [`put`](Self::put), without reading the entry.
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn purges(
        &self,
        key: &CacheKey,
        namespace: &Namespace,
    ) -> Result<Purges, Unavailable> {
        let generations = Generations::of(key, namespace);
        self.replicas
            .ask(async |connection| generations.get(connection).await)
            .await
    }

    /// Stores a response; `asked` are the generations when its request was sent. If it was purged
    /// since then, it is never served.
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn put(
        &self,
        key: &CacheKey,
        response: &StoredResponse,
        asked: Purges,
    ) -> Result<(), Unavailable> {
        let bytes = entry::encode(key, asked, response);
        let ttl = milliseconds(response.ttl());
        let ask = async |mut connection: Connection| {
            connection
                .pset_ex::<_, _, ()>(entry_key(key), bytes, ttl)
                .await
        };
        self.replicas.ask(ask).await
    }

    /// Removes the entry of one key and returns whether there was one. A response in flight for the
    /// key will not be served either.
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn remove(&self, key: &CacheKey) -> Result<bool, Unavailable> {
        let (entry, own) = (entry_key(key), key_purges_key(key));
        let ask = async |mut connection: Connection| {
            connection.incr::<_, _, u64>(&own, 1).await?;
            connection
                .expire::<_, ()>(&own, seconds(GENERATION_TTL))
                .await?;
            connection.del::<_, u64>(&entry).await
        };
        self.replicas.ask(ask).await.map(|count| count > 0)
    }

    /// Removes all entries of a namespace, of all callers.
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn purge(&self, namespace: &Namespace) -> Result<(), Unavailable> {
        self.renew(&Generation::of_namespace(namespace)).await
    }

    /// Removes all entries.
    ///
    /// # Errors
    /// Redis does not respond.
    pub async fn purge_all(&self) -> Result<(), Unavailable> {
        self.renew(&Generation::of_all()).await
    }

    async fn renew(&self, generation: &Generation) -> Result<(), Unavailable> {
        self.replicas
            .ask(async |connection| generation.renew(connection).await)
            .await
    }
}

/// Where the purge generations that apply to one key are stored.
struct Generations {
    all: Generation,
    namespace: Generation,
    key: String,
}

impl Generations {
    fn of(key: &CacheKey, namespace: &Namespace) -> Self {
        Generations {
            all: Generation::of_all(),
            namespace: Generation::of_namespace(namespace),
            key: key_purges_key(key),
        }
    }

    /// One round trip, unless a generation is missing.
    async fn get(&self, connection: Connection) -> RedisResult<Purges> {
        let [one, two, mut three] = [connection.clone(), connection.clone(), connection];
        let key = three.get::<_, Option<u64>>(&self.key);
        let (all, namespace, key) =
            try_join3(self.all.get(one), self.namespace.get(two), key).await?;
        Ok(Purges {
            all,
            namespace,
            key: key.unwrap_or(0),
        })
    }
}

/// A random number in Redis that each purge replaces. It is not a counter, because a counter that
/// is evicted and starts again could reach the values of purged entries.
struct Generation {
    key: String,
    /// How long Redis keeps the number; `None`: without limit.
    ttl: Option<Duration>,
}

impl Generation {
    fn of_all() -> Self {
        Generation {
            key: ALL.to_owned(),
            ttl: None,
        }
    }

    /// Callers can invent any number of namespaces, so their generations expire once no entry needs
    /// them.
    fn of_namespace(namespace: &Namespace) -> Self {
        Generation {
            key: namespace_key(namespace),
            ttl: Some(GENERATION_TTL),
        }
    }

    async fn get(&self, mut connection: Connection) -> RedisResult<u64> {
        match connection.get(&self.key).await? {
            Some(generation) => Ok(generation),
            None => self.make(connection).await,
        }
    }

    /// Creates the missing number and returns the current one, which another replica may have
    /// created first.
    async fn make(&self, mut connection: Connection) -> RedisResult<u64> {
        let generation = new_generation();
        let if_missing = self.options().conditional_set(ExistenceCheck::NX);
        let made: bool = connection
            .set_options(&self.key, generation, if_missing)
            .await?;
        if made {
            return Ok(generation);
        }
        // Missing again already: an entry stored with this number will not be found, which is a
        // miss.
        let present: Option<u64> = connection.get(&self.key).await?;
        Ok(present.unwrap_or(generation))
    }

    async fn renew(&self, mut connection: Connection) -> RedisResult<()> {
        let options = self.options();
        connection
            .set_options(&self.key, new_generation(), options)
            .await
    }

    fn options(&self) -> SetOptions {
        let options = SetOptions::default();
        match self.ttl {
            Some(ttl) => options.with_expiration(SetExpiry::EX(ttl.as_secs())),
            None => options,
        }
    }
}

/// 63 bits, the range of Redis integers. A collision by chance is negligible.
fn new_generation() -> u64 {
    rand::random::<u64>() >> 1
}

fn entry_key(key: &CacheKey) -> String {
    format!("throughway:cache:{key}")
}

fn key_purges_key(key: &CacheKey) -> String {
    format!("throughway:cache:purges:key:{key}")
}

/// Fixed length, whatever name the caller chose.
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

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
