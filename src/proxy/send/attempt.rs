//! One request to one target: breaker, guard, limits, body, head, and where another target remains,
//! the first bytes. Acts; what an outcome leads to is the state machine's to say.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
};

use super::{
    OpenResponse, Sending,
    headless::{self, Headless},
    held::HeldBack,
    judge,
    outcome::{AttemptResult, FailureReply},
    timeouts::AttemptTimers,
    wire::AtSend,
};
use crate::{
    error::GatewayError,
    guard::NamedBy,
    origin_health::Permit,
    proxy::{
        plan::{Target, TimeLimit},
        prepare::limits::{self, Applied},
    },
    rate_limit::Lease,
    route::attempts::{Failed, Fault, Send},
    upstream::{Call, RequestBody, Upstream, UpstreamResponse},
};

/// An attempt whose head has not come yet.
struct Begun<'t> {
    send: Send,
    target: &'t Target,
    permit: Option<Permit>,
    clocks: AttemptTimers,
}

/// A head that has come, and what was taken for it.
struct HeadCame {
    response: UpstreamResponse,
    body: Rc<RefCell<RequestBody>>,
    leases: Vec<Lease>,
}

impl<U: Upstream> Sending<'_, '_, U> {
    /// Sends to one target and waits for the beginning of its response.
    pub(super) async fn attempt(&self, send: Send) -> AttemptResult {
        let target = self.plan.target(send.target);
        // The deadline of the attempt before must not end this one.
        self.connection.set_deadline(None);
        let Ok(mut begun) = self.begin(send, target) else {
            return headless::breaker_open();
        };
        match self.head(&mut begun).await {
            Ok(head) => self.judge(self.opened(begun, head), target).await,
            Err(headless) => self.without_head(headless, target, begun.permit),
        }
    }

    fn begin<'t>(&self, send: Send, target: &'t Target) -> Result<Begun<'t>, BreakerOpen> {
        let waited = self.body.borrow().waited();
        let mut notes = self.notes.borrow_mut();
        notes.recorder.begin_attempt(target.begun(send), waited);
        drop(notes);
        let permit = self.permit(send, target)?;
        let of_caller = self.admitted.directives.request_timeout;
        let of_caller = of_caller.map(|time| TimeLimit::set_by(NamedBy::Caller, time));
        let limit = of_caller.or(target.request_timeout);
        Ok(Begun {
            send,
            target,
            permit,
            clocks: AttemptTimers::start(target.timeouts, limit, self.world.ends_at(target)),
        })
    }

    /// Sends the request, once its target is vetted and has room for it.
    async fn head(&self, begun: &mut Begun<'_>) -> Result<HeadCame, Headless> {
        let (target, clocks) = (begun.target, &mut begun.clocks);
        let vetting = self.worker.targets.vet(self.plan, begun.send.target);
        let vetted = self.watch(clocks, vetting).await??;
        // After the guard: a request for a denied host takes no place from those that may go there.
        let leases = self.take_places(target).await;
        let leases = leases.map_err(Headless::RateLimited)?;
        let body = self
            .watch(clocks, self.body_for(begun.send, target))
            .await?;
        let body = body.map_err(Headless::Unsendable)?;
        let at_send = match &target.scheme {
            None => AtSend::Nothing,
            // Boxed: most requests have no use for its state.
            Some(credential) => {
                let at_send = Box::pin(self.at_send(credential, &body));
                self.watch(clocks, at_send).await??
            }
        };
        let head = self.wire_head(target, vetted.authority(), &body, at_send);
        let call = Call {
            head: head.map_err(Headless::Unsendable)?,
            target: vetted,
            asked: self.asked,
            body,
            idempotent: self.is_idempotent(),
            connect_timeout: target.timeouts.connect.time,
            connecting: Cell::default(),
        };
        let ticket = begun.send.ticket;
        self.notes.borrow_mut().recorder.note_resolved(ticket);
        let came = self.await_head(&call, target, clocks).await;
        let mut notes = self.notes.borrow_mut();
        notes
            .recorder
            .note_connecting(ticket, call.connecting.get());
        drop(notes);
        match came? {
            Ok(response) => Ok(HeadCame {
                response,
                body: call.body,
                leases,
            }),
            Err(failure) => Err(Headless::Failed(failure, call.body)),
        }
    }

    fn opened(&self, begun: Begun<'_>, mut head: HeadCame) -> Box<OpenResponse> {
        let headers = &mut head.response.head.headers;
        begun.target.hide_credential(headers);
        let status = head.response.head.status.as_u16();
        let mut notes = self.notes.borrow_mut();
        notes.recorder.note_head(begun.send.ticket, status);
        drop(notes);
        Box::new(OpenResponse {
            send: begun.send,
            response: head.response,
            held: HeldBack::new(self.body.borrow().account().clone()),
            sent_body: head.body,
            clocks: begun.clocks,
            first_token: None,
            permit: begun.permit,
            _leases: head.leases,
        })
    }

    /// A head has come: is it a response?
    async fn judge(&self, mut opened: Box<OpenResponse>, target: &Target) -> AttemptResult {
        let status = opened.response.head.status.as_u16();
        opened.note_status(target, status);
        if self.attempts.borrow().is_failure(status) {
            return self.failure_status(opened, status);
        }
        if opened.clocks.awaits_first_token() && !judge::is_stream(&opened.response) {
            opened.clocks.disarm_first_token();
        }
        if !self.holds(opened.send) {
            return AttemptResult::good(opened);
        }
        match judge::judge_for(
            &opened.response,
            self.asked,
            &self.admitted.head.method,
            self.admitted.routed.path,
        ) {
            Some(judge) => self.hold(opened, judge).await,
            None => AttemptResult::good(opened),
        }
    }

    /// The response's status is a failure in the eyes of retry or fallback.
    fn failure_status(&self, mut opened: Box<OpenResponse>, status: u16) -> AttemptResult {
        // An error of the caller's making says nothing against the target.
        opened.note_good();
        let failed = Failed {
            fault: Fault::Status,
            status,
            retry_after: self.retry_after(&opened.response),
        };
        let ending = FailureReply::Response(opened);
        AttemptResult::Failed { failed, ending }
    }

    /// Counts the attempt where limits count attempts.
    async fn take_places(&self, target: &Target) -> Result<Vec<Lease>, GatewayError> {
        let settings = &self.worker.gateway.limits.attempts;
        let of_key = || limits::of_holder(self.admitted.holder());
        let of_key = || of_key().filter(Applied::counts_attempts);
        if settings.is_empty() && target.limits.is_empty() && of_key().next().is_none() {
            self.notes.borrow_mut().reply.attempts_room = None;
            return Ok(Vec::new());
        }
        let limits = settings.iter().chain(&target.limits).map(Applied::from);
        let limits = limits.chain(of_key());
        let (room, leases) = self.counted.admit(limits, target.base.origin()).await;
        self.notes.borrow_mut().reply.attempts_room = room;
        leases
    }

    fn permit(&self, send: Send, target: &Target) -> Result<Option<Permit>, BreakerOpen> {
        let Some(policy) = &target.breaker else {
            return Ok(None);
        };
        let origin_health = &self.worker.gateway.process.origin_health;
        let key = self.world.breaker_key(target, policy);
        let whose = (target.base.origin(), self.world.client());
        let permit = origin_health.begin(&key, policy, whose, send.forced);
        permit.map(Some).ok_or(BreakerOpen)
    }
}

/// The target's breaker lets nothing through.
struct BreakerOpen;
