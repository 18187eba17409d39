//! The rate limits of the settings, and the stores in which all limits are counted.

use std::sync::Arc;

use super::unusable_settings::UnusableSettings;
use crate::{
    config::Settings,
    observe::metrics::Metrics,
    rate_limit::Limiter,
    redis_client::{self, RedisClient},
    route::limit::{By, Scoped},
};

/// The rate limits of the settings.
pub struct Limits {
    /// Limits that are checked once for each request.
    pub requests: Box<[Scoped]>,
    /// Limits that are checked for each attempt.
    pub attempts: Box<[Scoped]>,
}

impl Limits {
    pub(super) fn of(settings: &Settings) -> Self {
        let by_origin = |scoped: &&Scoped| scoped.limit.by == By::Origin;
        let (attempts, requests): (Vec<_>, Vec<_>) = settings.limits.iter().partition(by_origin);
        Limits {
            requests: requests.into_iter().cloned().collect(),
            attempts: attempts.into_iter().cloned().collect(),
        }
    }
}

/// The stores in which all limits are counted.
pub struct LimitCounts {
    pub limiter: Arc<Limiter>,
    replicas: Option<Arc<RedisClient>>,
}

impl LimitCounts {
    pub(super) fn of(
        settings: &Settings,
        metrics: &Arc<Metrics>,
    ) -> Result<Self, UnusableSettings> {
        let store = &settings.limit_store;
        let replicas = store.redis().map(|redis| {
            let replicas = RedisClient::new(&redis, "the limits' redis", metrics.redis());
            let unusable = |error| UnusableSettings::Redis(redis_client::unusable(&error));
            replicas.map(Arc::new).map_err(unusable)
        });
        let replicas = replicas.transpose()?;
        Ok(LimitCounts {
            limiter: Arc::new(Limiter::new(replicas.clone(), store.on_redis_failure)),
            replicas,
        })
    }

    /// Limits are counted in Redis.
    pub fn is_shared(&self) -> bool {
        self.replicas.is_some()
    }

    /// Keeps counts in step with other replicas, for as long as it is awaited.
    pub async fn share(&self) {
        if let Some(replicas) = &self.replicas {
            replicas.clone().connect().await;
            self.limiter.clone().keep_leases().await;
        }
    }
}
