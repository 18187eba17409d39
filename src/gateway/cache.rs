//! What the gateway has of answers: those that are kept, and those that several callers await at once.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use actix_http::body::BodySize;

use super::UnusableSettings;
use crate::{
    cache::{
        NoCacheReason,
        cacheable::LARGEST_ANSWER,
        coalesce::Flights,
        key::CacheKey,
        memory::{Epoch, MemoryStore},
        noise::{Noise, Proxies},
        redis::{Purges, RedisStore},
        stored_response::StoredHead,
    },
    config::Settings,
    error::GatewayError,
    observe::metrics::Metrics,
    rate_limit::Identity,
    record::Route,
    redis_client::{self, RedisClient},
};

/// The cache of all workers.
pub struct ResponseCache {
    /// In the place of memory.
    pub shared: Option<Arc<RedisStore>>,
    pub memory: Arc<MemoryStore>,
    pub flights: Arc<Flights<FlightKey, Beginning>>,
    /// Ends of paths that are cached besides those of the table.
    pub paths: Box<[Box<str>]>,
    /// What the key leaves out of requests.
    pub noise: Noise,
}

impl ResponseCache {
    pub(super) fn of(settings: &Settings, metrics: &Metrics) -> Result<Self, UnusableSettings> {
        let cache = &settings.cache;
        let shared = cache.redis().map(|redis| {
            let replicas = RedisClient::new(&redis, "the cache's redis", metrics.cache_redis());
            let unusable = |error| UnusableSettings::CacheRedis(redis_client::unusable(&error));
            let counts = metrics.unusable_entries();
            let store = |replicas| Arc::new(RedisStore::new(Arc::new(replicas), counts));
            replicas.map(store).map_err(unusable)
        });
        // What is under way may take an eighth of what is kept, besides it; one answer, with what its chunks
        // take besides, always has room.
        let largest = LARGEST_ANSWER + LARGEST_ANSWER / 8;
        let under_way = (cache.max_bytes / 8).max(largest);
        Ok(ResponseCache {
            shared: shared.transpose()?,
            memory: Arc::new(MemoryStore::new(cache.max_bytes)),
            flights: Arc::new(Flights::new(under_way)),
            paths: cache.paths.iter().map(|it| it.as_str().into()).collect(),
            noise: Noise::new(
                cache.ignore_headers.clone(),
                match settings.trusted_proxies.is_empty() {
                    true => Proxies::None,
                    false => Proxies::Trusted,
                },
            ),
        })
    }
}

/// What makes two requests under way the same, besides what makes them the same to the cache.
#[derive(Clone, PartialEq, Eq)]
pub struct FlightKey {
    pub cache: CacheKey,
    /// Where callers share what is kept, they still do not share what is under way.
    pub caller: Option<Identity>,
    /// A request that comes after a purge does not get what was asked for before it.
    pub purges: PurgeCount,
    /// What the plan was made of: where it is sent, and how hard it is tried.
    pub plan: Arc<str>,
    pub request_timeout: Option<Duration>,
}

/// What differs besides differs seldom.
impl Hash for FlightKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cache.hash(state);
    }
}

/// The purges so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeCount {
    Memory(Epoch),
    Shared(Purges),
    /// Redis does not tell.
    Unknown,
}

/// What all who ask the same learn first.
#[derive(Clone)]
pub enum Beginning {
    Answer(Arc<SharedHead>),
    Failed(GatewayError),
    /// There is an answer, and it is for one request only.
    NotShared(NoCacheReason),
}

/// The head of an answer that several get.
#[derive(Clone)]
pub struct SharedHead {
    pub head: Arc<StoredHead>,
    pub size: BodySize,
    /// The target that gave it.
    pub route: Option<Route>,
}
