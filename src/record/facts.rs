//! What is known about one request: noted by the recorder, written by the access log.

use std::time::{Duration, Instant};

use actix_http::{Method, header::HeaderValue};
use uuid::Uuid;

use super::{
    CacheStatus, CutReason, RouteKind, failed_attempts::FailedAttempts,
    path_and_origin::PathAndOrigin,
};
use crate::{
    cache::NoCacheReason, error::Code, identity::Name, observe::metrics::Outcome,
    route::attempts::StopReason,
};

/// The most bytes of a text that a log line repeats: path, method, an error of a config.
pub(super) const LONGEST: usize = 1024;

/// What is known about one request.
pub(super) struct Facts {
    pub(super) received: Instant,
    pub(super) trace_id: HeaderValue,
    /// The trace id, if the gateway made it: it is the record's id too.
    pub(super) made_id: Option<Uuid>,
    pub(super) method: Method,
    pub(super) places: PathAndOrigin,
    /// The gateway key that the request came with, by name.
    pub(super) key: Option<Name>,
    pub(super) target: Option<TriedTarget>,
    pub(super) cache: CacheStatus,
    /// Why the response was not stored, where the cache was used.
    pub(super) not_kept: Option<NoCacheReason>,
    pub(super) failed_attempts: FailedAttempts,
    /// The status that the client got, or 0 before there is one.
    pub(super) status: u16,
    pub(super) ending: Ending,
    /// Why no further attempt was made, although a policy allowed more.
    pub(super) stopped: Option<StopReason>,
    /// From the request's arrival to the upstream's head.
    pub(super) head_after: Option<Duration>,
    /// From the request's arrival to a stream's first token.
    pub(super) first_token_after: Option<Duration>,
    /// From the arrival to the first attempt, less what the caller's body was waited for.
    pub(super) own_before: Option<Duration>,
    /// When the response that is relayed had come.
    pub(super) delivered_at: Option<Instant>,
    /// From then to its hand-over.
    pub(super) own_after: Duration,
    /// For metrics.
    pub(super) route: RouteKind,
    pub(super) provider: Option<HeaderValue>,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl Facts {
    pub(super) fn new(
        received: Instant,
        trace_id: HeaderValue,
        method: Method,
        path: &str,
    ) -> Self {
        Facts {
            received,
            trace_id,
            made_id: None,
            method,
            places: PathAndOrigin::new(path, LONGEST),
            key: None,
            target: None,
            cache: CacheStatus::Disabled(NoCacheReason::NotAsked),
            not_kept: None,
            failed_attempts: FailedAttempts::default(),
            status: 0,
            ending: Ending::Plain,
            stopped: None,
            head_after: None,
            first_token_after: None,
            own_before: None,
            delivered_at: None,
            own_after: Duration::ZERO,
            route: RouteKind::default(),
            provider: None,
            bytes_in: 0,
            bytes_out: 0,
        }
    }

    /// The status in the log, which has one for clients that left, too.
    pub(super) fn logged_status(&self, outcome: Outcome) -> u16 {
        match outcome {
            Outcome::ClientGone => Code::ClientClosed.status(),
            Outcome::Relayed
            | Outcome::Unfinished
            | Outcome::Tunnelled
            | Outcome::Answered
            | Outcome::Refused
            | Outcome::Truncated
            | Outcome::Aborted => self.status,
        }
    }
}

/// Why a request did not end well.
#[derive(Default)]
pub(super) enum Ending {
    #[default]
    Plain,
    /// The gateway refused the request or gave it up.
    Error(Code, String),
    /// The response was cut short.
    Cut(CutReason),
}

/// The target whose response was relayed, or that was tried last.
pub(super) struct TriedTarget {
    /// The target's path in the config.
    pub(super) index: HeaderValue,
    /// Retries of the target; -1 if all attempts failed.
    pub(super) retries: i32,
    /// The request's body could not have been sent again.
    pub(super) replay_lost: bool,
}
