//! What comes of an attempt: a response, a failure after which something else may be tried, or the
//! end.

use super::OpenResponse;
use crate::{
    error::GatewayError,
    route::attempts::{Failed, Fault},
};

/// How an attempt ended.
pub enum AttemptResult {
    /// The client gets this response.
    Good(Box<OpenResponse>),
    /// It failed; the client gets `ending` if nothing else is tried.
    Failed {
        failed: Failed,
        ending: FailureReply,
    },
    /// No target can help: the client left, or its own request is at fault.
    Over(GatewayError),
}

/// What the client gets of a failed attempt, if it was the last.
pub enum FailureReply {
    Response(Box<OpenResponse>),
    Error(GatewayError),
}

impl AttemptResult {
    /// The client gets this response.
    pub(super) fn good(mut opened: Box<OpenResponse>) -> Self {
        opened.note_good();
        AttemptResult::Good(opened)
    }
}

pub(super) fn failed(fault: Fault, error: GatewayError) -> AttemptResult {
    let failed = Failed {
        fault,
        status: error.code.status(),
        retry_after: None,
    };
    let ending = FailureReply::Error(error);
    AttemptResult::Failed { failed, ending }
}
