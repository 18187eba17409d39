//! Settings of telemetry: where traces and metrics are sent.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use smart_default::SmartDefault;

use crate::config::address::Base;
use crate::config::header_secrets::HeaderSecrets;
use crate::config::kind::{Kind as _, Optional, OrNone};
use crate::config::units::{Period, Share};
use crate::guard::BaseUrl;
use crate::money::Usd;

const EVERY_MINUTE: Duration = Duration::from_secs(60);

/// Where traces and metrics are sent; see [telemetry](telemetry.md).
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Telemetry {
    /// By OTLP, over HTTP with protobuf.
    pub otlp: Otlp,
}

/// By OTLP, over HTTP with protobuf.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Otlp {
    /// The receiver, to whose path `/v1/traces` and `/v1/metrics` are appended.
    ///
    /// Without it nothing is sent. The guard does not apply: the address is the operator's own. The
    /// variables `OTEL_*` are not read.
    #[serde(with = "Optional::<Base>")]
    #[schemars(example = &"http://127.0.0.1:4318")]
    pub endpoint: Option<BaseUrl>,
    /// Header lines that the receiver needs.
    ///
    /// Their values are secrets, and go to the receiver alone.
    #[schemars(
        with = "std::collections::BTreeMap<String, String>",
        title = "mapping of header names to texts",
        example = json!({ "authorization": "Bearer ${OTLP_TOKEN}" })
    )]
    pub headers: HeaderSecrets,
    /// Whether requests are sent as spans.
    ///
    /// Which ones, `sample` says.
    #[default(true)]
    #[schemars(example = false)]
    pub traces: bool,
    /// Whether the metrics of OpenTelemetry's conventions are sent.
    ///
    /// They count every request of a model, sampled or not.
    #[default(true)]
    #[schemars(example = false)]
    pub metrics: bool,
    /// Which requests are sent as spans.
    pub sample: Sample,
    /// How often metrics are sent.
    ///
    /// Spans are sent within a second.
    #[default(EVERY_MINUTE)]
    #[serde(with = "Period")]
    #[schemars(example = &"15s")]
    pub interval: Duration,
}

/// Which requests are sent as spans: besides those of sampled traces, and those that went wrong.
#[derive(Clone, Debug, PartialEq, Eq, SmartDefault, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sample {
    /// The share of requests whose caller sends no `traceparent`.
    ///
    /// With one, its flag decides.
    #[default(Share::WHOLE)]
    #[serde(with = "Share")]
    #[schemars(example = &"10%")]
    pub ratio: u32,
    /// Requests that took at least this long are always sent.
    ///
    /// With `none`, slow ones are like any other.
    #[serde(with = "OrNone::<Period>")]
    #[schemars(example = &"30s")]
    pub slow: Option<Duration>,
    /// Requests that cost at least this many US dollars are always sent.
    ///
    /// Without it, dear ones are like any other.
    #[schemars(with = "Option<String>", title = "US dollars", example = &"0.5")]
    pub dear: Option<Usd>,
}
