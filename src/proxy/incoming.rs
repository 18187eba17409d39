//! An answer as it comes from upstream, behind what was held back of it. Whoever takes it sees to the timers.

use std::{
    cell::RefCell,
    rc::Rc,
    task::{Context, Poll},
};

use actix_http::ResponseHead;
use bytes::Bytes;

use super::drive::{Held, Opened, TokenWatch};
use crate::{
    rate_limit::Lease,
    standing::Permit,
    upstream::{Answer, AnswerBody, Failure, RequestBody},
};

pub const SILENT: &str = "the upstream fell silent (`timeouts.idle`)";
pub const NO_TOKEN: &str = "the upstream sent no token in time (`timeouts.first_token`)";
pub const OUT_OF_TIME: &str = "the exchange took too long (`timeouts.total`)";

/// A body under way, and what it keeps from others. Dropping it before its end closes the upstream connection.
pub struct Incoming {
    held: Held,
    body: AnswerBody,
    /// What the upstream gets: the caller's body, or an edited copy.
    sent_body: Rc<RefCell<RequestBody>>,
    first_token: Option<TokenWatch>,
    /// A body cut short counts against the target.
    permit: Option<Permit>,
    /// Places among the target's requests under way.
    _leases: Vec<Lease>,
}

impl Incoming {
    /// Parts an answer from its head. `first_token`: the first token is still awaited.
    pub fn of(opened: Opened, first_token: Option<TokenWatch>) -> (ResponseHead, Self) {
        let Opened {
            answer: Answer { head, body },
            held,
            body: sent_body,
            permit,
            leases,
            ..
        } = opened;
        let incoming = Incoming {
            held,
            body,
            sent_body,
            first_token,
            permit,
            _leases: leases,
        };
        (head, incoming)
    }

    /// The next bytes, the end, or why there is none. Also moves what is left of the request body.
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

    /// The upstream is at fault.
    pub fn blame(&mut self) {
        if let Some(permit) = self.permit.take() {
            permit.fail();
        }
    }
}
