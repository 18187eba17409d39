//! What follows when an attempt ends before the head of a response: whose fault it is, and whether
//! anything else may be tried.

use std::{cell::RefCell, rc::Rc};

use super::{
    Sending, Target,
    blame::{self, Stopped},
    outcome::{AttemptResult, failed},
    timeouts::Expiry,
    vet::Unvetted,
};
use crate::{
    error::{Code, GatewayError},
    origin_health::Permit,
    resolve::ResolveError,
    route::attempts::Fault,
    upstream::{BodyFault, Cause, Failure, RequestBody},
};

/// What ended an attempt before the head of a response.
pub(super) enum Headless {
    /// A timer, or the client.
    Stopped(Stopped),
    /// The target cannot be dialled.
    Unvetted(Unvetted),
    /// A limit of the target has no room.
    RateLimited(GatewayError),
    /// The request itself cannot be sent.
    Unsendable(GatewayError),
    /// There is no access token for the target.
    NoToken(GatewayError),
    /// The exchange failed; with the body that was being sent.
    Failed(Failure, Rc<RefCell<RequestBody>>),
}

impl From<Stopped> for Headless {
    fn from(stopped: Stopped) -> Self {
        Headless::Stopped(stopped)
    }
}

impl From<Unvetted> for Headless {
    fn from(unvetted: Unvetted) -> Self {
        Headless::Unvetted(unvetted)
    }
}

impl<U> Sending<'_, '_, U> {
    pub(super) fn without_head(
        &self,
        headless: Headless,
        target: &Target,
        permit: Option<Permit>,
    ) -> AttemptResult {
        match headless {
            Headless::Stopped(stopped) => self.stopped(stopped, permit),
            Headless::Unvetted(Unvetted::Unresolved(error @ ResolveError::NoDescriptors)) => {
                self.no_room(error.into())
            }
            Headless::Unvetted(unvetted) => unvetted_target(unvetted, target, permit),
            Headless::RateLimited(error) => failed(Fault::RateLimited, error),
            Headless::Unsendable(error) if error.code == Code::Overloaded => self.no_room(error),
            Headless::Unsendable(error) => AttemptResult::Over(error),
            Headless::NoToken(error) => {
                if let Some(permit) = permit {
                    permit.fail();
                }
                failed(Fault::Connect, error)
            }
            Headless::Failed(failure, body) => self.failed(&failure, &body, target, permit),
        }
    }

    pub(super) fn stopped(&self, stopped: Stopped, permit: Option<Permit>) -> AttemptResult {
        let (expiry, awaited) = match stopped {
            Stopped::Client(error) => return AttemptResult::Over(error),
            Stopped::Timer(expiry, awaited) => (expiry, awaited),
        };
        if awaited.blames_upstream(expiry)
            && let Some(permit) = permit
        {
            permit.fail();
        }
        match expiry {
            Expiry::Total(_) => AttemptResult::Over(expiry.into()),
            Expiry::FirstToken(_) => failed(Fault::FirstToken, expiry.into()),
            Expiry::RequestTimeout(_) | Expiry::Head(_) | Expiry::Idle(_) => {
                failed(Fault::Timeout, expiry.into())
            }
        }
    }

    /// The gateway has no room for the send. That says nothing of the target, and no other could
    /// help; where two sends are under way, the other one may.
    fn no_room(&self, error: GatewayError) -> AttemptResult {
        match self.in_flight.get() > 1 {
            true => failed(Fault::Connect, error),
            false => AttemptResult::Over(error),
        }
    }

    /// The exchange failed before its head.
    fn failed(
        &self,
        failure: &Failure,
        body: &RefCell<RequestBody>,
        target: &Target,
        permit: Option<Permit>,
    ) -> AttemptResult {
        // actix-http reports a body that ends early as if the client had left.
        let fault = match body.borrow().fault() {
            Some(BodyFault::ClientGone) if !self.connection.is_gone() => Some(BodyFault::Malformed),
            fault => fault,
        };
        let error = GatewayError::from_failure(failure, fault);
        match failure.cause {
            Cause::RequestBody => return AttemptResult::Over(error),
            Cause::NoDescriptors => return self.no_room(error),
            _ => {}
        }
        let owed = body.borrow().is_waiting();
        if blame::is_upstreams(&failure.cause, target.timeouts.connect, owed)
            && let Some(permit) = permit
        {
            permit.fail();
        }
        let fault = match failure.cause {
            Cause::ConnectTimeout => Fault::ConnectTimeout,
            Cause::Connect(_) | Cause::Tls(_) | Cause::PeerNotVetted => Fault::Connect,
            _ => Fault::Network,
        };
        failed(fault, error)
    }
}

/// There is nothing that can be dialled. Which target it is of several is said with the error.
fn unvetted_target(unvetted: Unvetted, target: &Target, permit: Option<Permit>) -> AttemptResult {
    let fault = match &unvetted {
        Unvetted::Denied(_) => Fault::Denied,
        Unvetted::Unresolved(_) => {
            if let Some(permit) = permit {
                permit.fail();
            }
            Fault::Connect
        }
    };
    let mut error = GatewayError::from(unvetted);
    if fault == Fault::Denied && target.index != "config" {
        let place = target.index.to_str().unwrap_or_default();
        error.message = format!("{place}: {}", error.message).into();
    }
    failed(fault, error)
}

pub(super) fn breaker_open() -> AttemptResult {
    let message = "the target's circuit breaker is open";
    failed(
        Fault::BreakerOpen,
        GatewayError::new(Code::UpstreamUnreachable, message),
    )
}
