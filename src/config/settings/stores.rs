//! Settings of the stores: where limits are counted, and the cache.

use std::time::Duration;

use actix_http::header::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use smart_default::SmartDefault;

use crate::cache::memory::MemoryStore;
use crate::config::enums::{ObjectStoreKind, Store};
use crate::config::kind::{Kind as _, List, hidden};
use crate::config::name::{IgnoredHeader, PathEnd};
use crate::config::objects::CacheDefault;
use crate::config::units::{ByteSize, Period, Retention};
use crate::rate_limit::OnRedisFailure;
use crate::redis_client::ReplicaSettings;
use crate::route::config_types::CacheAsked;
use crate::secret::Secret;

const AUDIT_RETENTION: Duration = Duration::from_secs(365 * 24 * 3600);
const REDIS_TIMEOUT: Duration = Duration::from_millis(50);

/// Where the keys and teams are kept that the admin API makes, with its audit log.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectStore {
    /// The database. `sqlite`: a file in `data_dir`. `postgres`: a server that replicas share.
    /// `memory`: nothing survives the process. `off`: there are only the keys and teams of the
    /// settings.
    ///
    /// A database that is damaged, newer than the program, or out of reach is an error at the
    /// start. While the gateway runs, requests with known keys go on without it.
    #[schemars(example = &"postgres")]
    pub kind: ObjectStoreKind,
    /// The PostgreSQL database, needed with `postgres`.
    ///
    /// The user needs to create tables in it, once.
    #[serde(serialize_with = "hidden")]
    #[schemars(
        with = "Option<String>",
        title = "URL",
        example = &"postgres://user:password@10.0.0.5/throughway"
    )]
    pub url: Option<Secret>,
    /// How long the rows of the audit log are kept, and what remembers deleted objects.
    ///
    /// Older ones are removed while the gateway runs, some at a time.
    #[default(AUDIT_RETENTION)]
    #[serde(with = "Retention")]
    #[schemars(example = &"90d")]
    pub audit_retention: Duration,
}

/// Where limits are counted.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LimitStore {
    /// Where limits are counted.
    ///
    /// `memory`: each process for itself, so two replicas let twice as much through. `redis`: all
    /// replicas together, by the server's clock.
    #[schemars(example = &"redis")]
    pub store: Store,
    /// The Redis or Valkey server, 6.2 or later, needed with `redis`; `rediss://` for TLS. Of a
    /// cluster, several with commas between.
    ///
    /// Each limited request asks it once for each limit.
    #[serde(serialize_with = "hidden")]
    #[schemars(with = "Option<String>", title = "URL", example = &"redis://10.0.0.5:6379/0")]
    pub url: Option<Secret>,
    /// Whether the server is a cluster.
    ///
    /// All keys of one limit are on one node.
    #[schemars(example = true)]
    pub cluster: bool,
    /// How long one command may take.
    ///
    /// Without a reply by then, the request goes on as `on_redis_failure` says.
    #[default(REDIS_TIMEOUT)]
    #[serde(with = "Period")]
    #[schemars(example = &"200ms")]
    pub timeout: Duration,
    /// What is done while the server does not reply.
    ///
    /// `local`: each process counts for itself until it does. `allow`: nothing is counted. `deny`:
    /// limited requests get 503 `overloaded`. Failure and recovery are logged, and
    /// `throughway_redis_up` shows them.
    #[schemars(example = &"deny")]
    pub on_redis_failure: OnRedisFailure,
}

impl LimitStore {
    /// The Redis that replicas share; `None`: each process keeps its own.
    pub fn redis(&self) -> Option<ReplicaSettings> {
        redis(self.store, self.url.as_ref(), self.cluster, self.timeout)
    }
}

/// The cache of responses.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cache {
    /// Where responses are stored.
    ///
    /// `memory`: in each process, and gone with it. `redis`: for all replicas.
    #[schemars(example = &"redis")]
    pub store: Store,
    /// The Redis or Valkey server, needed with `redis`; of a cluster several, with commas between.
    ///
    /// It should have a `maxmemory` and an eviction policy: purged responses stay until they
    /// expire.
    #[serde(serialize_with = "hidden")]
    #[schemars(with = "Option<String>", title = "URL", example = &"redis://10.0.0.5:6379/1")]
    pub url: Option<Secret>,
    /// Whether the server is a cluster.
    ///
    /// As for `limit_store.cluster`.
    #[schemars(example = true)]
    pub cluster: bool,
    /// How long one command may take.
    ///
    /// Without a reply by then it is a miss, and the response is not stored;
    /// `throughway_cache_redis_up` and the log say so.
    #[default(REDIS_TIMEOUT)]
    #[serde(with = "Period")]
    #[schemars(example = &"200ms")]
    pub timeout: Duration,
    /// Memory for stored responses, all workers together.
    ///
    /// Beyond it, the least recently used are removed first.
    #[default(MemoryStore::DEFAULT_MAX_BYTES)]
    #[serde(with = "ByteSize")]
    #[schemars(example = &"1GiB")]
    pub max_bytes: u64,
    /// Routes whose responses may be stored besides the built-in ones (chat and text completions,
    /// embeddings, messages, responses, rerank, moderations, images, speech, Gemini's).
    ///
    /// Only `POST`; list none whose responses depend on more than the request.
    #[serde(with = "List::<PathEnd>")]
    #[schemars(example = ["/v1/score"])]
    pub paths: Vec<String>,
    /// Request headers that do not count when two requests are compared, besides the built-in ones
    /// and, with `trusted_proxies`, what [proxies
    /// add](caching.md#what-makes-two-requests-the-same).
    ///
    /// A response that varies by one of them is not stored. A name that carries a credential,
    /// tells callers apart or says what is asked is an error.
    #[serde(with = "List::<IgnoredHeader>")]
    #[schemars(example = ["x-request-start", "cf-ray"])]
    pub ignore_headers: Vec<HeaderName>,
    /// What holds for requests whose config and provider say nothing of a cache; the keys are
    /// those of [`cache`](config.md#cache).
    ///
    /// Without it nothing is stored unless a request asks. With a `namespace` all callers share the
    /// responses.
    #[serde(with = "CacheDefault")]
    #[schemars(
        with = "Json",
        title = "bool, or a mapping",
        example = json!({ "max_age": 3600, "namespace": "everybody" })
    )]
    pub default: Option<CacheAsked>,
}

impl Cache {
    /// The Redis that replicas share; `None`: each process keeps its own.
    pub fn redis(&self) -> Option<ReplicaSettings> {
        redis(self.store, self.url.as_ref(), self.cluster, self.timeout)
    }
}

fn redis(
    store: Store,
    url: Option<&Secret>,
    cluster: bool,
    timeout: Duration,
) -> Option<ReplicaSettings> {
    match store {
        Store::Memory => None,
        Store::Redis => Some(ReplicaSettings {
            url: url?.clone(),
            cluster,
            timeout,
        }),
    }
}
