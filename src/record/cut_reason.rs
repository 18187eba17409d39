//! Why was a response not relayed whole? Each reason has its text in the access log.

use crate::cache::coalesce::Broken;

/// Why a response was cut short, or ended without the last event of its stream.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CutReason {
    #[error("the drain budget ran out")]
    DrainBudget,
    #[error("the upstream fell silent (`timeouts.idle`)")]
    UpstreamSilent,
    #[error("the upstream sent no token in time (`timeouts.first_token`)")]
    NoToken,
    #[error("the exchange took too long (`timeouts.total`)")]
    OutOfTime,
    #[error("the request body stalled")]
    RequestBodyStalled,
    #[error("the request body is malformed")]
    RequestBodyMalformed,
    #[error("the client left or stopped reading")]
    ClientLeft,
    #[error("the stream ended without its last event")]
    Unfinished,
    #[error(
        "the stream ended without its last event, which is not to pass for whole (`strict_end`)"
    )]
    UnfinishedStrictly,
    /// The upstream's connection failed, for the given reason.
    #[error("{0}")]
    UpstreamBrokeOff(String),
    /// The response was shared by several requests.
    #[error(transparent)]
    Shared(#[from] Broken),
}
