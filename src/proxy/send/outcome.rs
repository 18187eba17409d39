//! What comes of an attempt: a response, a failure after which something else may be tried, or the
//! end.

use std::{cell::RefCell, rc::Rc};

use super::{first_token_watch::FirstTokenWatch, held::HeldBack, timeouts::AttemptTimers};
use crate::{
    error::GatewayError,
    origin_health::Permit,
    proxy::plan::Target,
    rate_limit::Lease,
    route::{
        attempts::{Failed, Fault, Send},
        policy::BreakerPolicy,
    },
    upstream::{Answer, RequestBody},
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

/// A response whose head has come.
pub struct OpenResponse {
    pub send: Send,
    pub response: Answer,
    /// Bytes of its body that were held back.
    pub held: HeldBack,
    pub body: Rc<RefCell<RequestBody>>,
    pub clocks: AttemptTimers,
    /// The first token is still awaited.
    pub first_token: Option<FirstTokenWatch>,
    pub permit: Option<Permit>,
    /// Places among the target's requests under way.
    pub leases: Vec<Lease>,
}

impl OpenResponse {
    /// The client gets it: the target has done its part so far.
    pub(super) fn good(mut self: Box<Self>) -> AttemptResult {
        if let Some(permit) = &mut self.permit {
            permit.succeed();
        }
        AttemptResult::Good(self)
    }

    /// Some statuses count against the target, whatever becomes of the response.
    pub(super) fn note_status(&mut self, target: &Target, status: u16) {
        let counts = |policy: &BreakerPolicy| policy.failure_status_codes.contains(status);
        if target.breaker.as_ref().is_some_and(counts)
            && let Some(permit) = self.permit.take()
        {
            permit.fail();
        }
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
