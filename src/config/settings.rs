//! The settings, one struct tree: each field has its meaning and consequence (the two paragraphs of
//! its comment), default, check (its type, or the kind it is read `with`) and example. Parsing,
//! `check`, `docs/settings.md` and the JSON schema come from here; to add a setting, add a field.

mod accounting;
mod client_side;
mod records;
mod stores;
mod telemetry;
mod upstream_side;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use ipnet::IpNet;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use smart_default::SmartDefault;

pub use self::accounting::{MetricSettings, PriceSettings};
pub use self::client_side::{Cors, CredentialNames, Downstream, Drain, Log, Memory};
pub use self::records::Records;
pub use self::stores::{Cache, LimitStore, ObjectStore};
pub use self::telemetry::{Otlp, Telemetry};
pub use self::upstream_side::{Dns, Guard, Timeouts, Tls, Upstream, UpstreamTls};
use super::address::{Base, HostName, Listen, Network};
use super::endpoints::Endpoints;
use super::enums::Auth;
use super::identities::Named;
use super::kind::{Kind as _, List, Optional, hidden, hidden_list, one_or_more};
use super::name::Via;
use super::objects::{Limits, Objects, SettingsBudgets};
use super::places::Places;
use super::secrets::Secrets;
use super::units::{ByteSize, Count};
use crate::endpoint::Table;
use crate::guard::BaseUrl;
use crate::identity::Budgets;
use crate::identity::directory::Directory;
use crate::identity::key::Key;
use crate::identity::team::Team;
use crate::price::PriceFile;
use crate::route::limit::Scoped;
use crate::secret::Secret;

/// Everything the operator can decide.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where clients connect. `localhost:PORT` means 127.0.0.1.
    ///
    /// An address that other machines can reach changes the defaults of `guard.preset` and
    /// `drain.delay`, and the gateway then refuses to start without keys unless
    /// `allow_unauthenticated` is set.
    #[default(SocketAddr::from(([127, 0, 0, 1], 8787)))]
    #[serde(with = "Listen")]
    #[schemars(example = &"0.0.0.0:8787")]
    pub listen: SocketAddr,
    /// Worker threads.
    ///
    /// Each worker has its own connections and its own pool of upstream connections.
    #[default(cores())]
    #[serde(with = "Count::<1024>")]
    #[schemars(extend("x-default" = "one per core"), example = 2)]
    pub workers: usize,
    /// Where requests may go.
    pub guard: Guard,
    /// Whether `x-portkey-*` is another name for `x-gateway-*`.
    ///
    /// Clients made for Portkey work unchanged: the namespace is then never forwarded, replies
    /// carry both names, and the SDK's placeholder credential is dropped.
    #[schemars(example = true)]
    pub portkey: bool,
    /// Whether a gateway without keys may listen where other machines can reach it.
    ///
    /// Whoever reaches the address can use it, so something in front must keep strangers out. The
    /// check of `Host` is lifted, so that `hosts` only says where the console can be used. The
    /// check of `Origin` is not: then only the origins that `cors.origins` lists are let in, and
    /// for requests to upstreams the gateway's own address is an origin like any other.
    #[schemars(example = true)]
    pub allow_unauthenticated: bool,
    /// Who needs a gateway key.
    ///
    /// A request that needs a key and has none gets 401 `invalid_gateway_key`. A key that a request
    /// does have must be valid in any case. `open` is the same as `allow_unauthenticated`.
    #[schemars(example = &"required")]
    pub auth: Auth,
    /// Gateway keys, by digest, under their names; `throughway keys create --offline` prints one.
    ///
    /// A key's holder may use what its `allow` and its team's permit; see [keys](keys.md).
    #[serde(with = "Named::<Key>")]
    #[schemars(
        with = "BTreeMap<String, Map<String, Json>>",
        title = "mapping of names to keys",
        example = json!({ "app": { "digest": "sha256:...", "team": "search" } })
    )]
    pub keys: Vec<Key>,
    /// Teams of keys, under their names.
    ///
    /// What a team may not do, none of its keys may.
    #[serde(with = "Named::<Team>")]
    #[schemars(
        with = "BTreeMap<String, Map<String, Json>>",
        title = "mapping of names to teams",
        example = json!({ "search": { "allow": { "models": ["gpt-*"] } } })
    )]
    pub teams: Vec<Team>,
    /// Where the keys, teams and endpoints are kept that the admin API makes.
    pub store: ObjectStore,
    /// The records of requests: what happened to each, without bodies and secrets; see
    /// [records](records.md).
    pub records: Records,
    /// The directory of the gateway's own files, such as the database of `store`.
    ///
    /// It is made if it is missing. One that is set and cannot be written is an error at the start;
    /// if the default one cannot, the store is kept in memory, with a warning.
    #[schemars(
        title = "path",
        extend("x-default" = "$XDG_DATA_HOME/throughway, else ~/.local/share/throughway"),
        example = &"/var/lib/throughway"
    )]
    pub data_dir: Option<PathBuf>,
    /// What seals the secrets in the store: at least 32 random bytes as base64, one such text or a
    /// list. The first seals, all open.
    ///
    /// A store that holds sealed secrets does not open without the key that sealed them. Without
    /// it, endpoints that the admin API makes name secrets as `${NAME}` of `secrets` only. Keys and
    /// teams hold none: of a gateway key only the digest is stored.
    #[serde(deserialize_with = "one_or_more", serialize_with = "hidden_list")]
    #[schemars(
        with = "Option<Json>",
        title = "text, or a list of texts",
        example = &"${THROUGHWAY_SECRET_KEY}"
    )]
    pub secret_key: Vec<Secret>,
    /// Secrets under names, for the endpoints that the admin API makes: these write `${NAME}` where
    /// a credential stands.
    ///
    /// Only these names can be referred to, never the environment; whoever may make endpoints can
    /// send them to any host. A variable becomes one by `NAME: ${VARIABLE}`.
    #[schemars(
        with = "BTreeMap<String, String>",
        title = "mapping of names to texts",
        example = json!({ "BRIA_KEY": "sk-..." })
    )]
    pub secrets: Secrets,
    /// The base URL for requests that name no target.
    ///
    /// Without it such a request gets 400 `no_target`.
    #[serde(with = "Optional::<Base>")]
    #[schemars(example = &"https://api.openai.com/v1")]
    pub default_target: Option<BaseUrl>,
    /// Targets with their credentials, under names of your own; the keys are those of a target in
    /// a [config](config.md), times in milliseconds.
    ///
    /// Requests choose one with `x-gateway-provider: @name`, with `provider: "@name"` in a config,
    /// or with `model: "@name/..."` in the body. Its credential goes to its own host and nowhere
    /// else. One that has the name of a [built-in provider](providers.md) and nothing else, such as
    /// `openai: {}`, is that provider, with the key of its environment variable.
    #[schemars(
        with = "BTreeMap<String, Map<String, Json>>",
        title = "mapping of names to targets",
        example = json!({
            "my-vllm": { "custom_host": "http://10.0.0.7:8000/v1", "api_key": "sk-..." }
        })
    )]
    pub providers: Objects,
    /// [Config objects](config.md) that requests name in `x-gateway-config`.
    ///
    /// The hosts in them are the operator's: callers' credentials go there only where a target
    /// says `forward_authorization: true`, or is the config's one host and has no credential of
    /// its own.
    #[schemars(
        with = "BTreeMap<String, Map<String, Json>>",
        title = "mapping of names to config objects",
        example = json!({ "chain": {
            "strategy": { "mode": "fallback" },
            "targets": [{ "provider": "openai" }, { "provider": "groq" }]
        } })
    )]
    pub configs: Objects,
    /// Paths of the gateway that stand for targets of yours, with their credentials; see
    /// [endpoints](endpoints.md).
    ///
    /// The longest path that fits decides, by whole segments. Several may share a path with
    /// different `methods`; any other method then gets 405.
    #[serde(with = "Endpoints")]
    #[schemars(
        with = "Vec<Map<String, Json>>",
        title = "list of endpoints",
        example = json!([{
            "path": "/rerank",
            "target": "https://api.cohere.com/v1/rerank",
            "credential": { "bearer": "sk-..." }
        }])
    )]
    pub endpoints: Arc<Table>,
    /// The config of a request that names no target.
    ///
    /// Does not go with `default_target`.
    #[schemars(title = "a name under `configs`", example = &"chain")]
    pub default_config: Option<String>,
    /// Limits for all requests; the keys are those of [`rate_limit`](config.md#rate_limit). The
    /// limit of one provider is its own `rate_limit`.
    ///
    /// A request over a limit gets 429 `rate_limited` with `Retry-After`, and does not count
    /// against the other limits. Each process counts for itself, unless `limit_store` says
    /// otherwise.
    #[serde(with = "Limits")]
    #[schemars(
        with = "Vec<Map<String, Json>>",
        title = "list of limits",
        example = json!([{ "requests": 600, "window": "1m", "by": "client_address" }])
    )]
    pub limits: Vec<Scoped>,
    /// What all requests may spend in a window of the calendar, or in all; see
    /// [budgets](budgets.md).
    ///
    /// A request over a budget gets 402 `budget_exceeded`. Keys, teams and endpoints have budgets
    /// of their own, too. They are counted where `limit_store` says.
    #[serde(with = "SettingsBudgets")]
    #[schemars(
        with = "Vec<Map<String, Json>>",
        title = "list of budgets",
        example = json!([{ "usd": 50, "window": "month", "by": "team", "soft": 0.8 }])
    )]
    pub budgets: Budgets,
    /// Where limits are counted.
    pub limit_store: LimitStore,
    /// The cache of responses.
    pub cache: Cache,
    /// What models cost; see [prices](prices.md).
    pub prices: PriceSettings,
    /// What `/gateway/metrics` counts besides what it always does.
    pub metrics: MetricSettings,
    /// Where traces and metrics are sent; see [telemetry](telemetry.md).
    pub telemetry: Telemetry,
    /// Proxies in front of the gateway, whose `X-Forwarded-For` is believed.
    ///
    /// Without it the client's address is the one that it connects from, so that all clients
    /// behind a proxy count as one. With it, the cache ignores the headers that proxies add.
    #[serde(with = "List::<Network>")]
    #[schemars(example = ["10.0.0.0/8"])]
    pub trusted_proxies: Vec<IpNet>,
    /// Names, without port, that a request's `Host` may have besides loopback's, while no key is
    /// needed.
    ///
    /// A request with any other name gets 421, so that no web page can reach a local gateway
    /// through a host name of its own.
    #[serde(with = "List::<HostName>")]
    #[schemars(example = ["gateway.example.com"])]
    pub hosts: Vec<String>,
    /// What browsers may do.
    pub cors: Cors,
    /// The bearer token for `/gateway/admin/`, metrics, dry runs and `/gateway/explain`.
    ///
    /// With it, all of these need it, on loopback too. Without it, `/gateway/admin/` is closed to
    /// everybody, and the rest is open on loopback and closed elsewhere. A dry run carries the
    /// token in `Authorization`, in place of the caller's own credential; `/gateway/explain` takes
    /// the caller's headers from its body. The token is never forwarded.
    #[serde(serialize_with = "hidden")]
    #[schemars(with = "Option<String>", title = "text, not empty", example = &"${ADMIN_TOKEN}")]
    pub admin_token: Option<Secret>,
    /// How long an upstream may take. The earliest expiry wins.
    pub timeouts: Timeouts,
    /// How long and how much clients may take.
    pub downstream: Downstream,
    /// Connections to upstreams.
    pub upstream: Upstream,
    /// How names are resolved.
    pub dns: Dns,
    /// How the gateway shuts down.
    pub drain: Drain,
    /// The certificate that clients see.
    ///
    /// Without it the gateway speaks plain HTTP.
    #[schemars(title = "mapping", example = json!({ "cert": "gateway.pem", "key": "gateway.key" }))]
    pub tls: Option<Tls>,
    /// Whether to add `Via` to requests, and under which name; `true` means `throughway`.
    ///
    /// With it, a request that comes back through other proxies gets 508 at once. Without it
    /// nothing is added, and loops of default targets are found after about 64 rounds.
    #[serde(with = "Via")]
    #[schemars(example = &"edge-1")]
    pub via: Option<String>,
    /// Whether upstreams are told the client's address in `X-Forwarded-For`.
    ///
    /// Without it nothing is added.
    #[schemars(example = true)]
    pub x_forwarded_for: bool,
    /// Whether replies say in `Server-Timing` where the time went.
    ///
    /// Clients can see how long the upstream took.
    #[schemars(example = true)]
    pub server_timing: bool,
    /// How much of a request body is kept for retries, fallbacks, routing and edits.
    ///
    /// A longer body is sent only once; a request whose routing or edit needs it gets 413. Each
    /// request that may be sent again holds at most this much memory.
    #[default(32 << 20)]
    #[serde(with = "ByteSize")]
    #[schemars(example = &"8MiB")]
    pub replay_limit: u64,
    /// What the process may hold in memory.
    pub memory: Memory,
    /// What is logged.
    pub log: Log,
    /// Names of credentials besides the built-in ones.
    pub credentials: CredentialNames,
    /// `keys` and `teams`, as they are looked up.
    #[serde(skip)]
    pub directory: Identities,
    /// What is in `prices.file`.
    #[serde(skip)]
    pub price_file: Option<Arc<PriceFile>>,
    /// Where the entries of `keys`, `teams` and `endpoints` stand in the file.
    #[serde(skip)]
    pub places: Places,
    /// What the operator should know though it stops nothing; for the log at start.
    #[serde(skip)]
    pub warnings: Vec<String>,
    /// What the gateway does without being told to, such as taking a key from the environment; for
    /// the log at start.
    #[serde(skip)]
    pub notices: Vec<String>,
}

/// The directory of keys and teams. It follows from these, and so is equal to any other.
#[derive(Clone, Debug, Default)]
pub struct Identities(pub Directory);

impl PartialEq for Identities {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Identities {}

impl Settings {
    /// Whether a request needs a gateway key. `has_keys`: there is one, here or in the store.
    pub fn needs_key(&self, has_keys: bool) -> bool {
        match (self.auth, self.allow_unauthenticated) {
            (Auth::Required, _) => true,
            (Auth::Open, _) | (Auth::Auto, true) => false,
            (Auth::Auto, false) => has_keys || !self.on_loopback(),
        }
    }

    /// Whether nobody could use the gateway without a key of the store: other machines reach it,
    /// and neither a key of the settings nor an admin token opens it.
    pub fn needs_stored_key(&self) -> bool {
        let has_way_in = self.admin_token.is_some() || !self.keys.is_empty();
        !self.on_loopback() && !has_way_in && self.needs_key(false)
    }

    /// Whether only this machine can connect. An IPv4 address in IPv6 form counts as what it is.
    pub fn on_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
