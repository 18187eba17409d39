//! The record of one request that has ended: what is stored, shown, and sent on as telemetry.

use std::{borrow::Cow, collections::BTreeMap, net::IpAddr, sync::Arc};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::{
    money::{self, Usd},
    observe::metrics::RouteLabel,
    price::Cost,
    usage::{Usage, UsageFlaw},
};

pub use crate::usage::Operation;

/// What happened to one request. Times are microseconds after its arrival. Every text is cut to a
/// length, and none is a secret: see `docs/records.md`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// UUIDv7 of the arrival.
    pub id: Uuid,
    /// Microseconds since 1970.
    pub received: i64,
    pub trace_id: Box<str>,
    /// The caller's `traceparent` (W3C), if it is well-formed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traceparent: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<Named>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub team: Option<Named>,
    pub route: RouteKind,
    /// The path of the endpoint, or the name of the provider's route.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route_name: Option<Box<str>>,
    /// The target's provider; `passthrough` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<Arc<str>>,
    /// The origin that responded or was tried last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Arc<str>>,
    pub method: Cow<'static, str>,
    /// Without the query, which may have secrets.
    pub path: Box<str>,
    #[serde(skip_serializing_if = "is_default")]
    pub operation: Operation,
    /// What the client got; 499 if it left before there was a response.
    pub status: u16,
    /// How it ended: an outcome of the metrics.
    pub outcome: Cow<'static, str>,
    /// The code of the gateway's own error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<Cow<'static, str>>,
    /// What went wrong, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<Box<str>>,
    /// The response was cut short, or a stream lacks its last event.
    #[serde(skip_serializing_if = "is_default")]
    pub truncated: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub client_gone: bool,
    #[serde(skip_serializing_if = "is_default")]
    pub cache: CacheNote,
    #[serde(skip_serializing_if = "is_default")]
    pub is_stream: bool,
    /// The model that the request asks for, as the caller writes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<Box<str>>,
    /// The model that the response names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_model: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_id: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finish_reason: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service_tier: Option<Box<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u64>,
    /// Chunks of a stream that carried output.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chunks: Option<u64>,
    pub times: Times,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attempts: Vec<Attempt>,
    /// Attempts that are not in the list, because it was full.
    #[serde(skip_serializing_if = "is_default")]
    pub more_attempts: u32,
    /// The groups and targets of the plan, if there is more than one target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plan: Option<Arc<Value>>,
    #[serde(skip_serializing_if = "is_default")]
    pub bytes_in: u64,
    #[serde(skip_serializing_if = "is_default")]
    pub bytes_out: u64,
    /// `None`: the response is none of a model, or nothing was read of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_flaw: Option<UsageFlaw>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cost: Option<Cost>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<Box<str>, Box<str>>,
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// Names of the limits and budgets that counted the request.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted_by: Vec<Box<str>>,
}

/// A field that is not written is read as its default.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A key or team, as it was named when the request ended.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Named {
    pub id: Arc<str>,
    pub name: Arc<str>,
}

/// Which kind of route a request was on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RouteKind {
    /// `/v1/...`.
    Unified,
    /// The path of an endpoint.
    Endpoint,
    /// `/{provider}/...`.
    Provider,
    /// None that the gateway serves.
    #[default]
    Unknown,
}

impl From<RouteKind> for RouteLabel {
    fn from(kind: RouteKind) -> Self {
        match kind {
            RouteKind::Unified => RouteLabel::Unified,
            RouteKind::Endpoint => RouteLabel::Endpoint,
            RouteKind::Provider => RouteLabel::Provider,
            RouteKind::Unknown => RouteLabel::Unknown,
        }
    }
}

/// What the cache did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheNote {
    /// It was not asked for, or could not be used.
    #[default]
    Off,
    Hit,
    /// The response to another request under way was shared.
    Joined,
    Miss,
    Refresh,
}

/// Microseconds after the request's arrival; `None`: it did not come to that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Times {
    /// The first attempt was begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<u64>,
    /// The head of the response that was relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token: Option<u64>,
    pub end: u64,
    /// The gateway's own share of `end`: until the first attempt was begun, and from the head to
    /// the hand-over of the response. Not an instant, but a length of time.
    pub own: u64,
}

/// One attempt. Times are microseconds after the request's arrival.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Attempt {
    /// The target's path in the config.
    pub target: Box<str>,
    pub provider: Arc<str>,
    pub origin: Arc<str>,
    pub began: u64,
    /// The host's addresses were known and vetted, and limits had room.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resolved: Option<u64>,
    /// The connection was there; absent for a connection of the pool.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub connected: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tls_done: Option<u64>,
    /// A connection of the pool was used.
    #[serde(skip_serializing_if = "is_default")]
    pub reused: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_token: Option<u64>,
    pub ended: u64,
    /// The upstream's status, if there was a head.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// Why it failed; `None`: its response was relayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<Cow<'static, str>>,
    /// What its input cost, if its response had begun and was given up. It is part of the record's
    /// cost.
    #[serde(
        skip_serializing_if = "Option::is_none",
        deserialize_with = "money::computed_option"
    )]
    pub cost: Option<Usd>,
}

/// Takes closed records, on the writer's own thread and off the requests' path.
pub trait Consumer: Send {
    /// Takes records in the order in which they were closed. Must not wait for long: what it sends
    /// elsewhere, it hands over to tasks of its own.
    fn take(&mut self, records: &[Arc<Record>]);
}
