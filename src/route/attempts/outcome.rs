//! What the state machine is told, and what it says.

use std::{fmt, time::Duration};

use crate::route::tree::TargetId;

/// One request to one target, to be sent now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Send {
    /// Tells this send from others in flight.
    pub ticket: u32,
    pub target: TargetId,
    /// 0 for the target's first try.
    pub retry: u32,
    /// Send even though the target's breaker is open: all are.
    pub forced: bool,
    /// After so long without an answer, ask [`Attempts::hedge`].
    pub hedge_after: Option<Duration>,
}

/// Why a send came to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The upstream answered with a status that [`Attempts::is_failure`] holds for one.
    Status,
    /// A 200 that is no answer of its route: an error, a page, nothing.
    FalseAnswer,
    /// No connection: name, TCP or TLS. Nothing was sent.
    Connect,
    /// No connection in time. Nothing was sent.
    ConnectTimeout,
    /// The connection broke, or spoke no HTTP, before anything went to the client.
    Network,
    /// No head in time.
    Timeout,
    /// No first token in time.
    FirstToken,
    /// The breaker took no request after all. Nothing was sent.
    BreakerOpen,
    /// The guard refused the target's addresses. Nothing was sent; never tried again on the same target.
    Denied,
    /// A rate limit of the target has no room. Nothing was sent; not waited for.
    RateLimited,
}

/// How a send failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Failed {
    pub fault: Fault,
    /// The upstream's status, or the one the gateway would answer with.
    pub status: u16,
    /// What the upstream asked for (`Retry-After` and its kin), if anything.
    pub retry_after: Option<Duration>,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Send(Send),
    /// Send after so long.
    Wait(Duration, Send),
    /// Another send is still in flight: wait for that one.
    Join,
    /// Enough: the client gets the last outcome.
    Stop(StopReason),
}

/// Why no further send is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopReason {
    /// No policy asks for another.
    NoneLeft,
    /// The target's retries are used up.
    RetriesExhausted,
    /// The retry budget of the origin is empty.
    RetryBudget,
    /// The upstream asks for a longer wait than is worth it, or than the deadline leaves.
    RetryAfterTooLong,
    /// The body cannot be sent again.
    BodyNotReplayable,
    /// No time is left.
    Deadline,
}

/// A conditional in which nothing holds, and which has no default. Names the group's path in the config.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoMatch(pub Box<str>);

impl Fault {
    /// In the order of the declaration.
    pub const ALL: [Fault; 10] = [
        Fault::Status,
        Fault::FalseAnswer,
        Fault::Connect,
        Fault::ConnectTimeout,
        Fault::Network,
        Fault::Timeout,
        Fault::FirstToken,
        Fault::BreakerOpen,
        Fault::Denied,
        Fault::RateLimited,
    ];

    /// The target was silent: asking it again would cost the same wait again.
    pub fn is_timeout(self) -> bool {
        match self {
            Fault::ConnectTimeout | Fault::Timeout | Fault::FirstToken => true,
            Fault::Status
            | Fault::FalseAnswer
            | Fault::Connect
            | Fault::Network
            | Fault::BreakerOpen
            | Fault::Denied
            | Fault::RateLimited => false,
        }
    }

    /// The word in logs and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::Status => "status",
            Fault::FalseAnswer => "false_answer",
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
    /// The word in logs.
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
