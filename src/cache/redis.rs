//! Answers that all replicas share, in Redis. A purge is exact, as in memory: an entry carries the marks of the time when it was asked
//! for, and is read together with the present ones. A purge puts a new mark, and so does whoever finds that Redis has evicted one:
//! what was purged never comes back, but what was not may be missed. Purged entries are not looked for; they run out.

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

/// What tells purges apart, as it was when a request was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purges {
    /// A mark: a random number.
    all: u64,
    /// A mark, too.
    namespace: u64,
    /// A count: its purges delete the entry itself, and only an answer that is still on its way carries an older one.
    key: u64,
}

/// How long the count of a key's purges is kept, and the mark of a namespace: longer than an answer that came too late can lie there.
const KEY_PURGES_KEPT: Duration = Duration::from_secs(91 * 24 * 3600);
const ALL: &str = "throughway:cache:purges";

/// A store in Redis.
pub struct RedisStore {
    replicas: Arc<RedisClient>,
    unusable: UnusableEntries,
}

/// Entries that were removed unread.
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

    /// How long an answer of Redis is awaited.
    pub fn timeout(&self) -> Duration {
        self.replicas.timeout()
    }

    /// Connects; see [`RedisClient::connect`].
    pub async fn connect(&self) {
        self.replicas.clone().connect().await;
    }

    /// The answer, if there is one, and what [`put`](Self::put) wants to know of the present.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn get(
        &self,
        key: &CacheKey,
        namespace: &Namespace,
    ) -> Result<(Option<StoredResponse>, Purges), Unavailable> {
        let (entry, marks) = (entry_key(key), Marks::of(key, namespace));
        let ask = async |connection: Connection| {
            let mut own = connection.clone();
            let entry = own.get::<_, Option<Vec<u8>>>(&entry);
            try_join(marks.get(connection), entry).await
        };
        let (purges, entry) = self.replicas.ask(ask).await?;
        let found = match entry.map(|entry| Entry::decode(key, entry)) {
            None => None,
            Some(Ok(entry)) => (entry.asked == purges).then_some(entry.answer),
            Some(Err(unusable)) => {
                self.remove_unusable(key, unusable).await;
                None
            }
        };
        Ok((found, purges))
    }

    /// What cannot be read now cannot be read later; a good one that has just taken its place goes
    /// with it, which is one miss.
    async fn remove_unusable(&self, key: &CacheKey, unusable: Unusable) {
        match unusable {
            Unusable::Damaged => self.unusable.damaged.inc(),
            Unusable::OtherFormat => self.unusable.other_format.inc(),
        };
        let entry = entry_key(key);
        let remove = async |mut connection: Connection| connection.del::<_, ()>(&entry).await;
        // That Redis does not answer is counted there; the next who reads it removes it.
        let _ = self.replicas.ask(remove).await;
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
        let marks = Marks::of(key, namespace);
        self.replicas
            .ask(async |connection| marks.get(connection).await)
            .await
    }

    /// Stores an answer; `asked`: what was known when its request was sent. Purged since, it is never given.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn put(
        &self,
        key: &CacheKey,
        answer: &StoredResponse,
        asked: Purges,
    ) -> Result<(), Unavailable> {
        let bytes = entry::encode(key, asked, answer);
        let ttl = milliseconds(answer.ttl());
        let ask = async |mut connection: Connection| {
            connection
                .pset_ex::<_, _, ()>(entry_key(key), bytes, ttl)
                .await
        };
        self.replicas.ask(ask).await
    }

    /// Takes out the answer of one key; whether there was one. What is on its way for it is not given either.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn remove(&self, key: &CacheKey) -> Result<bool, Unavailable> {
        let (entry, own) = (entry_key(key), key_purges_key(key));
        let ask = async |mut connection: Connection| {
            connection.incr::<_, _, u64>(&own, 1).await?;
            connection
                .expire::<_, ()>(&own, seconds(KEY_PURGES_KEPT))
                .await?;
            connection.del::<_, u64>(&entry).await
        };
        self.replicas.ask(ask).await.map(|count| count > 0)
    }

    /// Removes all answers of a namespace, whoever's they are.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn purge(&self, namespace: &Namespace) -> Result<(), Unavailable> {
        self.purge_mark(&Mark::of_namespace(namespace)).await
    }

    /// Removes all answers.
    ///
    /// # Errors
    /// Redis does not answer.
    pub async fn purge_all(&self) -> Result<(), Unavailable> {
        self.purge_mark(&Mark::of_all()).await
    }

    async fn purge_mark(&self, mark: &Mark) -> Result<(), Unavailable> {
        self.replicas
            .ask(async |connection| mark.renew(connection).await)
            .await
    }
}

/// Where the purges that concern one key are told.
struct Marks {
    all: Mark,
    namespace: Mark,
    key: String,
}

impl Marks {
    fn of(key: &CacheKey, namespace: &Namespace) -> Self {
        Marks {
            all: Mark::of_all(),
            namespace: Mark::of_namespace(namespace),
            key: key_purges_key(key),
        }
    }

    /// In one round trip, unless a mark is missing.
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

/// A number in Redis that a purge replaces by a random one. It does not count: a count that is evicted would begin anew, and come to
/// what entries carry that were purged before.
struct Mark {
    key: String,
    /// How long Redis keeps it; then it is made anew. None: for ever.
    kept: Option<Duration>,
}

impl Mark {
    fn of_all() -> Self {
        Mark {
            key: ALL.to_owned(),
            kept: None,
        }
    }

    /// Callers may think of any number of namespaces: their marks go when nothing needs them any more.
    fn of_namespace(namespace: &Namespace) -> Self {
        Mark {
            key: namespace_key(namespace),
            kept: Some(KEY_PURGES_KEPT),
        }
    }

    async fn get(&self, mut connection: Connection) -> RedisResult<u64> {
        match connection.get(&self.key).await? {
            Some(mark) => Ok(mark),
            None => self.make(connection).await,
        }
    }

    /// It was never there, or is not any more: what is there now, of whoever was first.
    async fn make(&self, mut connection: Connection) -> RedisResult<u64> {
        let mark = new_mark();
        let if_missing = self.options().conditional_set(ExistenceCheck::NX);
        let made: bool = connection.set_options(&self.key, mark, if_missing).await?;
        if made {
            return Ok(mark);
        }
        // Gone again already: what is kept with this one is not found.
        let present: Option<u64> = connection.get(&self.key).await?;
        Ok(present.unwrap_or(mark))
    }

    async fn renew(&self, mut connection: Connection) -> RedisResult<()> {
        let options = self.options();
        connection.set_options(&self.key, new_mark(), options).await
    }

    fn options(&self) -> SetOptions {
        let options = SetOptions::default();
        match self.kept {
            Some(kept) => options.with_expiration(SetExpiry::EX(kept.as_secs())),
            None => options,
        }
    }
}

/// Within what Redis itself takes for a number. That two are the same by chance is not to be expected.
fn new_mark() -> u64 {
    rand::random::<u64>() >> 1
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

fn seconds(time: Duration) -> i64 {
    i64::try_from(time.as_secs()).unwrap_or(i64::MAX)
}
