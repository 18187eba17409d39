//! A response's body: the bytes that were held back, then those that come from upstream. Its
//! reader has the timers.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
};

use bytes::Bytes;

use super::{FirstTokenWatch, HeldBack, OpenResponse};
use crate::{
    guard::NamedBy,
    origin_health::Permit,
    proxy::plan::TargetTimeouts,
    rate_limit::Lease,
    upstream::{Answer, AnswerBody, BodyLength, Failure, RequestBody, ResponseHead},
};

/// A body under way, with its places under limits. Dropping it before its end closes the upstream
/// connection.
pub struct UpstreamBody {
    held: HeldBack,
    body: AnswerBody,
    /// What the upstream gets: the caller's body, or an edited copy.
    sent_body: Rc<RefCell<RequestBody>>,
    first_token: Option<FirstTokenWatch>,
    /// A body cut short counts against the target.
    permit: Option<Permit>,
    times: TargetTimeouts,
    /// Places among the target's requests under way.
    _leases: Vec<Lease>,
}

impl UpstreamBody {
    /// Parts a response into head and body.
    pub fn of(opened: OpenResponse) -> (ResponseHead, Self) {
        let OpenResponse {
            response: Answer { head, body },
            held,
            body: sent_body,
            permit,
            clocks,
            first_token,
            leases,
            ..
        } = opened;
        let incoming = UpstreamBody {
            held,
            body,
            sent_body,
            first_token,
            permit,
            times: clocks.times(),
            _leases: leases,
        };
        (head, incoming)
    }

    /// The next bytes, the end, or a failure. Also moves what is left of the request body.
    pub fn poll_chunk(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let next = self.held.poll_chunk(&mut self.body, cx);
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
        self.sent_body.borrow().is_waiting() && !self.body.progress().upload_done
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
        if self.times.idle.set_by == NamedBy::Settings && self.owes_nothing() {
            self.blame();
        }
    }

    /// The first token did not come in time: the same.
    pub fn note_no_token(&mut self) {
        let limit = self.times.first_token;
        if limit.is_some_and(|limit| limit.set_by == NamedBy::Settings) && self.owes_nothing() {
            self.blame();
        }
    }

    /// The caller has sent all of its body. Of a tunnel there is no end to wait for.
    fn owes_nothing(&self) -> bool {
        let is_tunnel = self.sent_body.borrow().length() == BodyLength::Tunnel;
        is_tunnel || !self.awaits_upload()
    }

    fn blame(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.fail();
        }
    }
}
