//! Settings of the side of the upstreams: where requests may go, how long they may take, and how
//! connections are made.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smart_default::SmartDefault;

use crate::config::address::{Allowed, HostPort, Nameserver};
use crate::config::kind::{Kind as _, List, OrAuto, OrNone};
use crate::config::units::{Count, Delay, Period};
use crate::guard::{AllowEntry, Preset};

/// Where requests may go.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Guard {
    /// Where requests may go. `public`: https, port 443, public addresses. `allowlist`: only what
    /// `guard.allow` lists. `self_hosted`: public, and the private networks and ports that
    /// `guard.allow` lists. `dev`: loopback and private addresses too, http, any port.
    ///
    /// A request to any other target gets 403 `target_denied`. `dev` is refused where other
    /// machines can connect. Cloud metadata addresses are denied under every preset.
    #[default(Preset::Dev)]
    #[schemars(extend("x-default" = "dev on loopback, else public"), example = &"self_hosted")]
    pub preset: Preset,
    /// What `allowlist` and `self_hosted` let through: a host, `*.suffix`, an IP address or a
    /// network, each with or without a port.
    ///
    /// With `allowlist` and no entry, every target that a caller names is refused. With `public`
    /// and `dev`, entries have no effect. In both cases a warning at start says so.
    #[serde(with = "List::<Allowed>")]
    #[schemars(example = ["10.0.0.0/8:8000", "*.openai.com"])]
    pub allow: Vec<AllowEntry>,
}

/// How long an upstream may take. The earliest expiry wins.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Timeouts {
    /// Connecting and TLS, for each attempt. Resolving the name has `dns.timeout`.
    ///
    /// Expiry is 504 `connect_timeout`.
    #[default(Duration::from_secs(5))]
    #[serde(with = "Period")]
    #[schemars(example = &"2s")]
    pub connect: Duration,
    /// From the request sent to the response head, for each attempt.
    ///
    /// Expiry is 504 `upstream_timeout`. Models that think long before the first byte need a long
    /// time here.
    #[default(Duration::from_secs(600))]
    #[serde(with = "Period")]
    #[schemars(example = &"30s")]
    pub head: Duration,
    /// Between two pieces of a response body.
    ///
    /// Expiry aborts the response, so that a cut stream never looks complete.
    #[default(Duration::from_secs(300))]
    #[serde(with = "Period")]
    #[schemars(example = &"2m")]
    pub idle: Duration,
    /// The whole exchange, body included.
    ///
    /// Expiry is 504 before the head and an abort after it.
    #[serde(with = "OrNone::<Period>")]
    #[schemars(example = &"1h")]
    pub total: Option<Duration>,
}

/// Connections to upstreams.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Upstream {
    /// How long an idle upstream connection is kept for reuse. `auto`: 60s for https, 4s for http.
    ///
    /// Zero keeps none. The time is shorter if the upstream's `Keep-Alive: timeout=` says so, or if
    /// the upstream was seen to close earlier, so that requests do not meet closing connections.
    #[serde(with = "OrAuto::<Delay>")]
    #[schemars(example = &"30s")]
    pub keepalive: Option<Duration>,
    /// Idle connections kept for each host, in each worker.
    ///
    /// Further connections are closed after use, and the next request connects anew.
    #[default(4096)]
    #[serde(with = "Count::<1_000_000>")]
    #[schemars(example = 32)]
    pub max_idle_per_host: usize,
    /// TLS beyond the system's authorities, by host.
    ///
    /// Each entry needs `ca_file`, or `client_cert` and `client_key`, or all three.
    #[schemars(
        title = "list of mappings",
        example = json!([{ "host": "llm.example.com", "ca_file": "ca.pem" }])
    )]
    pub tls: Vec<UpstreamTls>,
}

/// TLS for one upstream host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpstreamTls {
    /// The upstream the entry is for.
    ///
    /// With a port it holds for that port only.
    #[serde(with = "HostPort")]
    #[schemars(example = &"llm.example.com:8443")]
    pub host: String,
    /// PEM certificates to trust for this host.
    ///
    /// They replace the system's authorities for this host.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(title = "path", example = &"/etc/ssl/internal-ca.pem")]
    pub ca_file: Option<PathBuf>,
    /// The PEM certificate chain that the gateway shows this host.
    ///
    /// Used only for targets that the settings name, not for a host that a caller names.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(title = "path", example = &"client.pem")]
    pub client_cert: Option<PathBuf>,
    /// The PEM private key of `client_cert`.
    ///
    /// Needed with `client_cert`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(title = "path", example = &"client.key")]
    pub client_key: Option<PathBuf>,
}

/// A certificate chain and its private key, as PEM files; not opened yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tls {
    /// The PEM certificate chain, leaf first.
    ///
    /// A file that cannot be read, or holds no certificate, stops the start.
    #[schemars(title = "path", example = &"gateway.pem")]
    pub cert: PathBuf,
    /// The PEM private key.
    ///
    /// A file that cannot be read, or holds no key of the certificate, stops the start.
    #[schemars(title = "path", example = &"gateway.key")]
    pub key: PathBuf,
}

/// How names are resolved.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Dns {
    /// DNS servers to ask.
    ///
    /// If empty, names are resolved as the system does it, with its hosts file and search domains.
    /// Otherwise only these servers are asked.
    #[serde(with = "List::<Nameserver>")]
    #[schemars(example = ["9.9.9.9", "127.0.0.1:5353"])]
    pub servers: Vec<SocketAddr>,
    /// How long resolving one name may take.
    ///
    /// Expiry is 502 `upstream_unreachable`.
    #[default(Duration::from_secs(3))]
    #[serde(with = "Period")]
    #[schemars(example = &"1s")]
    pub timeout: Duration,
}
