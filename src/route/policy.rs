//! The policies that a config object can set for a target, as validated values.

use std::{sync::Arc, time::Duration};

use actix_http::header::{HeaderName, HeaderValue};

/// The most retries of one target.
pub(super) const MOST_ATTEMPTS: u32 = 5;
/// How deep targets may nest.
pub(super) const MOST_DEPTH: usize = 8;
/// The most values that `override_params` may set for one target, including inherited ones.
pub const MOST_BODY_EDITS: usize = 128;
/// The most headers that `headers` of one target may set or remove; a request head has at most 96.
pub(super) const MOST_HEADER_EDITS: usize = 96;

/// Which of a caller's header lines cross to a target. Lines that describe the body or a WebSocket
/// handshake always do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ForwardHeaders {
    #[default]
    All,
    Only(Box<[HeaderName]>),
}

impl ForwardHeaders {
    pub fn forwards(&self, name: &HeaderName) -> bool {
        match self {
            ForwardHeaders::All => true,
            ForwardHeaders::Only(names) => names.contains(name),
        }
    }
}

/// A set of HTTP status codes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCodes(Box<[u16]>);

impl StatusCodes {
    /// Bytes of memory held by the set.
    pub fn held_bytes(&self) -> usize {
        size_of_val(&*self.0)
    }

    pub fn contains(&self, status: u16) -> bool {
        self.0.binary_search(&status).is_ok()
    }

    /// In ascending order, without duplicates.
    pub fn iter(&self) -> impl Iterator<Item = u16> + '_ {
        self.0.iter().copied()
    }
}

impl FromIterator<u16> for StatusCodes {
    fn from_iter<I: IntoIterator<Item = u16>>(codes: I) -> Self {
        let mut codes: Vec<u16> = codes.into_iter().collect();
        codes.sort_unstable();
        codes.dedup();
        StatusCodes(codes.into())
    }
}

/// `retry`: how often one target is tried again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Retries after the first try, 0 to [`MOST_ATTEMPTS`].
    pub attempts: u32,
    /// Statuses that are retried, besides connection failures. The gateway's own 502 and 504 count.
    pub on_status_codes: StatusCodes,
    /// On 429 and 503, wait for the provider's `Retry-After` instead of the back-off.
    pub use_retry_after_header: bool,
}

impl Retry {
    /// Statuses that are retried by default.
    const DEFAULT_CODES: [u16; 5] = [429, 500, 502, 503, 504];
}

impl Default for Retry {
    /// No retries.
    fn default() -> Self {
        Retry {
            attempts: 0,
            on_status_codes: Self::DEFAULT_CODES.into_iter().collect(),
            use_retry_after_header: false,
        }
    }
}

/// `timeouts`: each value replaces that of the settings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TimeoutsAsked {
    pub connect: Option<Duration>,
    pub head: Option<Duration>,
    /// From the send to the first token of a stream. Off by default.
    pub first_token: Option<Duration>,
    pub idle: Option<Duration>,
    pub total: Option<Duration>,
}

/// `hedge`: a second request if the first is slow.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hedge {
    /// How long the first may take to respond.
    pub after: Duration,
    /// The most hedges per request over recent requests: 0 to 1.
    pub max_ratio: f64,
}

impl Hedge {
    pub(super) const DEFAULT_MAX_RATIO: f64 = 0.05;
}

/// `strategy.cb_config`: when a target is not used for a while.
#[derive(Clone, Debug, PartialEq)]
pub struct BreakerPolicy {
    /// Opens after this many failures in the window.
    pub failure_threshold: u32,
    /// Opens at this percentage of failures (above 0, to 100), once there were `minimum_requests`.
    pub failure_threshold_percentage: Option<f64>,
    pub minimum_requests: u32,
    /// How long it stays open before one probe is admitted.
    pub cooldown: Duration,
    /// Statuses that count as failures; network failures and timeouts always do.
    pub failure_status_codes: StatusCodes,
}

/// `auth`: where a target's `api_key` goes, if not where its provider expects it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Auth {
    pub header: HeaderName,
    /// Written before the key with a space between, such as `Bearer`. `None`: the key alone.
    pub scheme: Option<Box<str>>,
}

/// A header to set, replacing all lines of its name, or to remove (`None`).
pub type HeaderEdit = (HeaderName, Option<HeaderValue>);

/// A top-level key of a body and the JSON text of its new value. Targets that inherit it share it.
pub type BodyEdit = (Arc<str>, Arc<str>);
