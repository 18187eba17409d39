//! A response whose head has come: what was taken for it, and its body, the bytes that were held
//! back before those that come from upstream. Whoever reads the body has the timers.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{FirstTokenWatch, HeldBack, timeouts::AttemptTimers};
use crate::{
    guard::NamedBy,
    origin_health::Permit,
    proxy::plan::Target,
    rate_limit::Lease,
    route::{attempts::Send, policy::BreakerPolicy},
    upstream::{BodyLength, Failure, RequestBody, UpstreamResponse},
};

/// A response under way. Dropping it before its end closes the upstream connection.
pub struct OpenResponse {
    pub send: Send,
    pub response: UpstreamResponse,
    /// Bytes of its body that were held back.
    pub held: HeldBack,
    /// What the upstream gets: the caller's body, or an edited copy.
    pub sent_body: Rc<RefCell<RequestBody>>,
    pub clocks: AttemptTimers,
    /// The first token is still awaited.
    pub first_token: Option<FirstTokenWatch>,
    /// A body cut short counts against the target.
    pub permit: Option<Permit>,
    /// Places among the target's requests under way.
    pub _leases: Vec<Lease>,
}

impl OpenResponse {
    /// The client gets it: the target has done its part so far.
    pub fn note_good(&mut self) {
        if let Some(permit) = &mut self.permit {
            permit.succeed();
        }
    }

    /// Some statuses count against the target, whatever becomes of the response.
    pub fn note_status(&mut self, target: &Target, status: u16) {
        let counts = |policy: &BreakerPolicy| policy.failure_status_codes.contains(status);
        if target.breaker.as_ref().is_some_and(counts) {
            self.blame();
        }
    }

    /// The next bytes, the end, or a failure. Also moves what is left of the request body.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let next = self.held.poll_chunk(&mut self.response.body, cx);
        if let (Poll::Ready(Some(Ok(chunk))), Some(watch)) = (&next, &mut self.first_token)
            && watch.is_over(chunk)
        {
            self.first_token = None;
        }
        next
    }

    /// The first token is too late.
    pub fn poll_no_token(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match &mut self.first_token {
            Some(watch) => watch.poll_expired(cx),
            None => Poll::Pending,
        }
    }

    /// The client owes the next bytes of its body.
    pub fn awaits_upload(&self) -> bool {
        self.sent_body.borrow().is_waiting() && !self.response.body.progress().upload_done
    }

    /// The upstream broke off: its fault, unless it waited for the rest of the caller's body.
    pub fn note_broken_off(&mut self) {
        if self.owes_nothing() {
            self.blame();
        }
    }

    /// The upstream was silent for as long as it may be: its fault, unless the caller says how long
    /// that is.
    pub fn note_silence(&mut self) {
        if self.clocks.times().idle.set_by == NamedBy::Settings && self.owes_nothing() {
            self.blame();
        }
    }

    /// The first token did not come in time: the same.
    pub fn note_no_token(&mut self) {
        let limit = self.clocks.times().first_token;
        if limit.is_some_and(|limit| limit.set_by == NamedBy::Settings) && self.owes_nothing() {
            self.blame();
        }
    }

    /// The caller has sent all of its body. Of a tunnel there is no end to wait for.
    fn owes_nothing(&self) -> bool {
        let is_tunnel = self.sent_body.borrow().length() == BodyLength::Tunnel;
        is_tunnel || !self.awaits_upload()
    }

    /// The target is at fault.
    pub fn blame(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.fail();
        }
    }
}
