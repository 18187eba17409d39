//! Settings of the side of the clients and of the process: limits, shutdown, logs.

use std::time::Duration;

use actix_http::header::HeaderName;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smart_default::SmartDefault;

use crate::config::enums::{AccessLog, LogFormat, LogLevel};
use crate::config::kind::{Kind as _, List, OrAuto, OrNone};
use crate::config::name::{CredentialHeader, CredentialQuery, Origin};
use crate::config::units::{ByteSize, Count, Delay, Period};

/// What browsers may do.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Origins whose pages may use the gateway from a browser. There is no `*`: list each.
    ///
    /// While no key is needed, requests from other origins get 403.
    #[serde(with = "List::<Origin>")]
    #[schemars(example = ["https://app.example.com"])]
    pub origins: Vec<String>,
}

/// How long and how much clients may take.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Downstream {
    /// How long a client may take to send a request head.
    ///
    /// Expiry closes the connection.
    #[default(Duration::from_secs(30))]
    #[serde(with = "Period")]
    #[schemars(example = &"10s")]
    pub head: Duration,
    /// How long a client may pause within a request body.
    ///
    /// Expiry ends the request on both sides.
    #[default(Duration::from_secs(60))]
    #[serde(with = "Period")]
    #[schemars(example = &"30s")]
    pub body_idle: Duration,
    /// How long a client may leave the reply unread.
    ///
    /// Expiry resets its connection and closes the upstream's.
    #[default(Duration::from_secs(60))]
    #[serde(with = "Period")]
    #[schemars(example = &"30s")]
    pub write_stall: Duration,
    /// How long an idle client connection stays open.
    ///
    /// Zero closes after each reply. A proxy in front should keep its own shorter.
    #[default(Duration::from_secs(75))]
    #[serde(with = "Delay")]
    #[schemars(example = &"2m")]
    pub keep_alive: Duration,
    /// Open client connections for each worker; `auto`: 25000, or fewer if the limit of open files
    /// does not allow that many with one upstream connection each.
    ///
    /// Further connections wait in the system's queue. If the limit of open files is too small for
    /// the number, a warning at start says so, and requests that find no free descriptor get 503
    /// `overloaded`.
    #[serde(with = "OrAuto::<Count<1_000_000>>")]
    #[schemars(example = 10_000)]
    pub max_connections: Option<usize>,
    /// Requests under way in the whole process, WebSockets included.
    ///
    /// Further requests get 503 `overloaded` with `Retry-After`; the gateway's own pages still
    /// respond. To bound a single caller, use `limits` with `concurrent`.
    #[default(16_384)]
    #[serde(with = "Count::<1_000_000>")]
    #[schemars(example = 2000)]
    pub max_requests: usize,
    /// The longest request body.
    ///
    /// A longer one gets 413 `body_too_large`. Bodies are streamed, so `none` costs no memory.
    #[serde(with = "OrNone::<ByteSize>")]
    #[schemars(example = &"512MiB")]
    pub max_body: Option<u64>,
}

/// How the gateway shuts down.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Drain {
    /// How long the gateway goes on accepting after the signal to stop, while readiness already
    /// says 503.
    ///
    /// Gives a load balancer time to stop sending requests.
    #[serde(with = "Delay")]
    #[schemars(extend("x-default" = "0s on loopback, else 5s"), example = &"10s")]
    pub delay: Duration,
    /// How long open requests may still take after the delay.
    ///
    /// Then they are aborted. The platform's own grace period must be longer than delay and budget
    /// together.
    #[default(Duration::from_secs(20))]
    #[serde(with = "Delay")]
    #[schemars(example = &"1m")]
    pub budget: Duration,
}

/// What the process may hold in memory.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Memory {
    /// Memory for copies of request bodies, kept for retries, fallbacks, hedges, routing, edits and
    /// the cache; all workers together. `auto`: an eighth of the memory that machine and control
    /// group allow, from 64 MiB to 1 GiB.
    ///
    /// One client address may hold at most as much as it leaves free for others, so half if it is
    /// alone. A request that finds no memory goes on, but cannot be sent again
    /// (`x-gateway-replay: lost`) and is not cached; one whose body must be read first gets 503
    /// `overloaded`.
    #[serde(with = "OrAuto::<ByteSize>")]
    #[schemars(example = &"256MiB")]
    pub bodies: Option<u64>,
}

/// What is logged.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// What is logged; a list gives parts of the program their own level.
    ///
    /// `debug` and `trace` cost speed. No level logs secrets or bodies.
    #[default("info")]
    #[serde(with = "LogLevel")]
    #[schemars(example = &"warn,throughway=debug")]
    pub level: String,
    /// How a log line looks; `auto` is text on a terminal and JSON otherwise.
    ///
    /// JSON has one object in each line.
    #[schemars(example = &"json")]
    pub format: LogFormat,
    /// Which requests get a line: all, those with a status of 400 or more or cut short, or none.
    ///
    /// Metrics count all requests, whatever this says.
    #[schemars(example = &"errors")]
    pub access: AccessLog,
}

/// Names of credentials besides the built-in ones.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CredentialNames {
    /// Headers that carry a credential, besides the built-in ones.
    ///
    /// They are forwarded only where a credential may go, count as the caller's identity for
    /// limits and in the cache, and are never logged.
    #[serde(with = "List::<CredentialHeader>")]
    #[schemars(example = ["x-my-token"])]
    pub headers: Vec<HeaderName>,
    /// Query parameters that carry a credential, besides the built-in ones.
    ///
    /// As for `credentials.headers`.
    #[serde(with = "List::<CredentialQuery>")]
    #[schemars(example = ["token"])]
    pub query: Vec<String>,
}
