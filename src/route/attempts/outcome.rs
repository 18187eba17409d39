//! The inputs and outputs of the state machine.

use std::{fmt, time::Duration};

use crate::route::tree::TargetId;

/// A request to send to one target now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Distinguishes this send from others in flight.
    pub ticket: u32,
    pub target: TargetId,
    /// 0 for the first try at the target.
    pub retry: u32,
    /// Send although the target's breaker is open, since all are.
    pub forced: bool,
    /// Without a response after this time, call [`Attempts::hedge`].
    pub hedge_after: Option<Duration>,
}

/// Why a send failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upstream responded with a status for which [`Attempts::is_failure`] holds.
    Status,
    /// A 200 that is not a response of its route: an error, an HTML page, an empty body.
    UnusableResponse,
    /// DNS, TCP or TLS failed. Nothing was sent.
    Connect,
    /// The connection took too long. Nothing was sent.
    ConnectTimeout,
    /// The connection broke or was not HTTP, before anything was sent to the client.
    Network,
    /// The response head took too long.
    Timeout,
    /// The first token took too long.
    FirstToken,
    /// The breaker refused the request after all. Nothing was sent.
    BreakerOpen,
    /// The guard refused the target's addresses. Nothing was sent; never retried at the same
    /// target.
    Denied,
    /// A rate limit of the target is reached. Nothing was sent, and the gateway does not wait for
    /// it.
    RateLimited,
}

/// The outcome of a failed send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    pub fault: Fault,
    /// The upstream's status, or the one that the gateway would respond with.
    pub status: u16,
    /// The wait that the upstream asked for (`Retry-After` and similar headers), if any.
    pub retry_after: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Send),
    /// Send after this delay.
    Wait(Duration, Send),
    /// Another send is still in flight: wait for it.
    Join,
    /// Stop; the client gets the last outcome.
    Stop(StopReason),
}

/// Why there is no further send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// No policy asks for another send.
    NoneLeft,
    /// The target's retries are used up.
    RetriesExhausted,
    /// The retry budget of the origin is used up.
    RetryBudget,
    /// The upstream asks for a longer wait than is allowed, or than the deadline leaves.
    RetryAfterTooLong,
    /// The body cannot be sent again.
    BodyNotReplayable,
    /// The total time is used up.
    Deadline,
}

/// A conditional without a matching condition or a default. Holds the group's path in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMatch(pub Box<str>);

impl Fault {
    /// In declaration order.
    pub const ALL: [Fault; 10] = [
        Fault::Status,
        Fault::UnusableResponse,
        Fault::Connect,
        Fault::ConnectTimeout,
        Fault::Network,
        Fault::Timeout,
        Fault::FirstToken,
        Fault::BreakerOpen,
        Fault::Denied,
        Fault::RateLimited,
    ];

    /// The target did not respond in time, so a retry there would probably cost the same wait
    /// again.
    pub fn is_timeout(self) -> bool {
        match self {
            Fault::ConnectTimeout | Fault::Timeout | Fault::FirstToken => true,
            Fault::Status
            | Fault::UnusableResponse
            | Fault::Connect
            | Fault::Network
            | Fault::BreakerOpen
            | Fault::Denied
            | Fault::RateLimited => false,
        }
    }

    /// The name in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Status => "status",
            Fault::UnusableResponse => "unusable_response",
            Fault::Connect => "connect",
            Fault::ConnectTimeout => "connect_timeout",
            Fault::Network => "network",
            Fault::Timeout => "timeout",
            Fault::FirstToken => "first_token",
            Fault::BreakerOpen => "breaker_open",
            Fault::Denied => "denied",
            Fault::RateLimited => "rate_limited",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl StopReason {
    /// The name in logs.
    pub fn name(self) -> &'static str {
        match self {
            StopReason::NoneLeft => "none_left",
            StopReason::RetriesExhausted => "retries_exhausted",
            StopReason::RetryBudget => "retry_budget",
            StopReason::RetryAfterTooLong => "retry_after_too_long",
            StopReason::BodyNotReplayable => "body_not_replayable",
            StopReason::Deadline => "deadline",
        }
    }
}
