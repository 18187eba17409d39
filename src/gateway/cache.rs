//! The gateway's responses: those that are stored, and those that several callers await at once.

use std::{
    hash::{Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use actix_http::body::BodySize;

use super::unusable_settings::UnusableSettings;
use crate::{
    cache::{
        NoCacheReason,
        cacheable::LARGEST_RESPONSE,
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

/// Where responses are: those that are stored, and those under way for several callers.
pub struct CacheStores {
    /// The Redis store, used in place of memory.
    pub shared: Option<Arc<RedisStore>>,
    pub memory: Arc<MemoryStore>,
    pub flights: Arc<Flights<FlightKey, Beginning>>,
}

impl CacheStores {
    pub(super) fn of(settings: &Settings, metrics: &Metrics) -> Result<Self, UnusableSettings> {
        let cache = &settings.cache;
        let shared = cache.redis().map(|redis| {
            let replicas = RedisClient::new(&redis, "the cache's redis", metrics.cache_redis());
            let unusable = |error| UnusableSettings::CacheRedis(redis_client::unusable(&error));
            let counts = metrics.unusable_entries();
            let store = |replicas| Arc::new(RedisStore::new(Arc::new(replicas), counts));
            replicas.map(store).map_err(unusable)
        });
        // Responses under way may take an eighth of the cache's limit besides it. One response,
        // with the overhead of its chunks, always has room.
        let largest = LARGEST_RESPONSE + LARGEST_RESPONSE / 8;
        let under_way = (cache.max_bytes / 8).max(largest);
        Ok(CacheStores {
            shared: shared.transpose()?,
            memory: Arc::new(MemoryStore::new(cache.max_bytes)),
            flights: Arc::new(Flights::new(under_way)),
        })
    }
}

/// What the settings say of which requests are cached.
pub struct CacheRules {
    /// Suffixes of paths that are cached besides those of the table.
    pub paths: Box<[Box<str>]>,
    /// Parts of requests that the key ignores.
    pub noise: Noise,
}

impl CacheRules {
    pub(super) fn of(settings: &Settings) -> Self {
        let cache = &settings.cache;
        CacheRules {
            paths: cache.paths.iter().map(|it| it.as_str().into()).collect(),
            noise: Noise::new(
                cache.ignore_headers.clone(),
                match settings.trusted_proxies.is_empty() {
                    true => Proxies::None,
                    false => Proxies::Trusted,
                },
            ),
        }
    }
}

/// What two concurrent requests must have in common to share one response: more than the cache key.
#[derive(Clone, PartialEq, Eq)]
pub struct FlightKey {
    pub cache: CacheKey,
    /// The caller: responses under way are not shared between callers, even where stored ones are.
    pub caller: Option<Identity>,
    /// The number of purges: a request after a purge does not share a response from before it.
    pub purges: PurgeCount,
    /// The source of the plan: where the request is sent, and with which retries.
    pub plan: Arc<str>,
    pub request_timeout: Option<Duration>,
}

/// Hashes the cache key only, since the other fields seldom differ; `Eq` compares all.
impl Hash for FlightKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.cache.hash(state);
    }
}

/// The number of purges so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PurgeCount {
    Memory(Epoch),
    Shared(Purges),
    /// Unknown, since Redis does not tell.
    Unknown,
}

/// What all requests that share a response learn first.
#[derive(Clone)]
pub enum Beginning {
    Head(Arc<SharedHead>),
    Failed(GatewayError),
    /// There is a response, but only for the request that was sent.
    NotShared(NoCacheReason),
}

/// The head of a response that several requests get.
#[derive(Clone)]
pub struct SharedHead {
    pub head: Arc<StoredHead>,
    pub size: BodySize,
    /// The target whose response it is.
    pub route: Option<Route>,
}
