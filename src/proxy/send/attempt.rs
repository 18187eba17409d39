//! One request to one target: vet → send → head, and where another target remains, the first bytes held back until they show
//! that the answer is one. Acts; what an outcome leads to is the state machine's to say.

use std::{
    cell::{Cell, RefCell},
    future::{Future, poll_fn},
    pin::pin,
    rc::Rc,
    task::Poll,
    time::Instant,
};

pub use super::blame::{Awaited, Stopped};
use super::{
    Sending, blame,
    first_token_watch::FirstTokenWatch,
    held::HeldBack,
    hold,
    timeouts::{AttemptTimers, Expiry},
    vet::Unvetted,
};
use crate::{
    downstream::AbortReason,
    error::{Code, GatewayError},
    guard::NamedBy,
    origin_health::Permit,
    proxy::{
        headers::RequestHead,
        plan::{CredentialForwarding, Target, TimeLimit},
        url,
    },
    rate_limit::Lease,
    resolve::ResolveError,
    route::{
        attempts::{Failed, Fault, Send},
        policy::BreakerPolicy,
    },
    upstream::{Answer, BodyFault, Call, Cause, Failure, RequestBody, Upstream},
};

/// How an attempt ended.
pub enum AttemptResult {
    /// The client gets this answer.
    Good(Box<OpenResponse>),
    /// It came to nothing; the client gets `ending` if nothing else is tried.
    Failed {
        failed: Failed,
        ending: FailureReply,
    },
    /// No target can help: the client left, or its own request is at fault.
    Over(GatewayError),
}

/// What the client gets of a failed attempt, if it was the last.
pub enum FailureReply {
    Answer(Box<OpenResponse>),
    Error(GatewayError),
}

/// An answer whose head has come.
pub struct OpenResponse {
    pub send: Send,
    pub answer: Answer,
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

    /// Some statuses count against the target, whatever becomes of the answer.
    fn note_status(&mut self, target: &Target, status: u16) {
        let counts = |policy: &BreakerPolicy| policy.failure_status_codes.contains(status);
        if target.breaker.as_ref().is_some_and(counts)
            && let Some(permit) = self.permit.take()
        {
            permit.fail();
        }
    }
}

impl<U: Upstream> Sending<'_, U> {
    /// Sends to one target and waits for the beginning of its answer.
    pub(super) async fn attempt(&self, send: Send) -> AttemptResult {
        let target = self.plan.target(send.target);
        // A deadline of the attempt before may have passed, and is nothing to this one.
        self.connection.set_deadline(None);
        let permit = match self.permit(send, target) {
            Ok(permit) => permit,
            Err(BreakerOpen) => return breaker_open(),
        };
        let of_caller = |time| TimeLimit::set_by(NamedBy::Caller, time);
        let limit = self
            .admitted
            .directives
            .request_timeout
            .map(of_caller)
            .or(target.request_timeout);
        let mut clocks = AttemptTimers::start(target.timeouts, limit, self.world.ends_at(target));
        let vetted = match self
            .watch(&mut clocks, self.worker.targets.vet(target))
            .await
        {
            Ok(Ok(vetted)) => vetted,
            Ok(Err(Unvetted::Unresolved(ResolveError::NoDescriptors))) => {
                let unresolved = Unvetted::Unresolved(ResolveError::NoDescriptors);
                return self.no_room(unresolved.into());
            }
            Ok(Err(unvetted)) => return unvetted_target(unvetted, target, permit),
            Err(stopped) => return self.stopped(stopped, permit),
        };
        // Who names a host that is denied uses up nothing of those who may go there.
        let leases = match self.take_places(target).await {
            Ok(leases) => leases,
            Err(error) => return failed(Fault::RateLimited, error),
        };
        let body = match self.watch(&mut clocks, self.body_for(send, target)).await {
            Ok(Ok(body)) => body,
            Ok(Err(error)) if error.code == Code::Overloaded => return self.no_room(error),
            Ok(Err(error)) => return AttemptResult::Over(error),
            Err(stopped) => return self.stopped(stopped, permit),
        };
        let length = body.borrow().length();
        let call = Call {
            head: self.wire_head(target, vetted.authority(), length),
            target: vetted,
            asked: self.asked,
            body,
            idempotent: self.is_idempotent(),
            connect_timeout: target.timeouts.connect.time,
        };
        let sent_at = Instant::now();
        let answer = match self.await_head(&call, target, &mut clocks, sent_at).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(failure)) => return self.failed(&failure, &call, target, permit),
            Err(stopped) => return self.stopped(stopped, permit),
        };
        self.notes
            .borrow_mut()
            .recorder
            .note_head(answer.head.status.as_u16());
        let opened = Box::new(OpenResponse {
            send,
            answer,
            held: HeldBack::new(self.body.borrow().account().clone()),
            body: call.body,
            clocks,
            first_token: None,
            permit,
            leases,
        });
        self.judge(opened, target).await
    }

    /// A head has come: is it an answer?
    async fn judge(&self, mut opened: Box<OpenResponse>, target: &Target) -> AttemptResult {
        let status = opened.answer.head.status.as_u16();
        opened.note_status(target, status);
        if self.attempts.borrow().is_failure(status) {
            // An error of the caller's making says nothing against the target.
            if let Some(permit) = &mut opened.permit {
                permit.succeed();
            }
            let failed = Failed {
                fault: Fault::Status,
                status,
                retry_after: self.retry_after(&opened.answer),
            };
            let ending = FailureReply::Answer(opened);
            return AttemptResult::Failed { failed, ending };
        }
        if opened.clocks.awaits_first_token() && !hold::is_stream(&opened.answer) {
            opened.clocks.disarm_first_token();
        }
        if !self.holds(opened.send) {
            return opened.good();
        }
        match hold::judge_for(
            &opened.answer,
            self.asked,
            &self.admitted.head.method,
            self.admitted.rest,
        ) {
            Some(judge) => self.hold(opened, judge).await,
            None => opened.good(),
        }
    }

    /// Waits for the head. The wait starts anew while the upload moves.
    async fn await_head(
        &self,
        call: &Call,
        target: &Target,
        clocks: &mut AttemptTimers,
        sent_at: Instant,
    ) -> Result<Result<Answer, Failure>, Stopped> {
        clocks.await_head(self.connection);
        let mut sending = pin!(self.worker.upstream.send(call));
        let mut uploaded = 0;
        let unarmed = Cell::new(target.timeouts.first_token);
        poll_fn(|cx| {
            if let Poll::Ready(answer) = sending.as_mut().poll(cx) {
                return Poll::Ready(Ok(answer));
            }
            let mut body = call.body.borrow_mut();
            self.connection.await_body(body.is_waiting());
            if body.bytes_read() != uploaded {
                uploaded = body.bytes_read();
                clocks.await_head(self.connection);
            }
            if let Some(limit) = unarmed.get()
                && let Poll::Ready(asked) = self.poll_asks_for_stream(&mut body, cx)
            {
                unarmed.set(None);
                if asked {
                    clocks.arm_first_token(limit, sent_at);
                }
            }
            self.poll_stopped(clocks, cx).map(Err)
        })
        .await
    }

    /// Waits for something that has timers of its own.
    async fn watch<T>(
        &self,
        clocks: &mut AttemptTimers,
        waiting: impl Future<Output = T>,
    ) -> Result<T, Stopped> {
        let mut waiting = pin!(waiting);
        poll_fn(|cx| match waiting.as_mut().poll(cx) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => self.poll_stopped(clocks, cx).map(Err),
        })
        .await
    }

    /// A timer ran out, or the client's side ended it.
    pub(super) fn poll_stopped(
        &self,
        clocks: &mut AttemptTimers,
        cx: &mut std::task::Context<'_>,
    ) -> Poll<Stopped> {
        let awaited = match self.connection.is_body_awaited() {
            true => Awaited::Caller,
            false => Awaited::Upstream,
        };
        if let Poll::Ready(expiry) = clocks.poll_expired(cx) {
            return Poll::Ready(Stopped::Timer(expiry, awaited));
        }
        match self.connection.expired() {
            None => Poll::Pending,
            Some(AbortReason::Deadline) => Poll::Ready(Stopped::Timer(clocks.deadline(), awaited)),
            Some(expired) => Poll::Ready(Stopped::Client(expired.into())),
        }
    }

    fn wire_head(
        &self,
        target: &Target,
        authority: &str,
        length: crate::upstream::BodyLength,
    ) -> bytes::Bytes {
        let names = &self.worker.plans.known().credentials;
        let (withheld, query) = match target.credentials {
            CredentialForwarding::Forwarded => (&[][..], self.admitted.query.map(Into::into)),
            CredentialForwarding::Withheld | CredentialForwarding::Replaced => {
                let query = self
                    .admitted
                    .query
                    .and_then(|query| url::without(query, &names.query));
                (&names.headers[..], query)
            }
        };
        RequestHead {
            method: &self.admitted.head.method,
            target: &url::request_target(&target.base, self.admitted.rest, query.as_deref()),
            authority,
            headers: self.admitted.head.headers(),
            hop: &self.admitted.hop,
            length,
            kept_back: &self.worker.gateway.kept_back(self.admitted.head.headers()),
            withheld,
            edits: &[&target.edits, &self.added],
        }
        .encode()
    }

    /// Counts the attempt where limits count attempts.
    async fn take_places(&self, target: &Target) -> Result<Vec<Lease>, GatewayError> {
        let settings = &self.worker.gateway.limits.attempts;
        if settings.is_empty() && target.limits.is_empty() {
            self.notes.borrow_mut().reply.attempts_room = None;
            return Ok(Vec::new());
        }
        let limits = settings.iter().chain(&target.limits);
        let (room, leases) = self.counted.admit(limits, target.base.origin()).await;
        self.notes.borrow_mut().reply.attempts_room = room;
        leases
    }

    fn permit(&self, send: Send, target: &Target) -> Result<Option<Permit>, BreakerOpen> {
        let Some(policy) = &target.breaker else {
            return Ok(None);
        };
        let origin_health = &self.worker.gateway.origin_health;
        let key = self.world.breaker_key(target, policy);
        let permit = origin_health.begin(&key, policy, self.world.client(), send.forced);
        permit.map(Some).ok_or(BreakerOpen)
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
        call: &Call,
        target: &Target,
        permit: Option<Permit>,
    ) -> AttemptResult {
        // actix-http reports a body that ends early as if the client had left.
        let fault = match call.body.borrow().fault() {
            Some(BodyFault::ClientGone) if !self.connection.is_gone() => Some(BodyFault::Malformed),
            fault => fault,
        };
        let error = GatewayError::from_failure(failure, fault);
        match failure.cause {
            Cause::RequestBody => return AttemptResult::Over(error),
            Cause::NoDescriptors => return self.no_room(error),
            _ => {}
        }
        let owed = call.body.borrow().is_waiting();
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

/// The target's breaker lets nothing through.
struct BreakerOpen;

fn breaker_open() -> AttemptResult {
    let message = "the target's circuit breaker is open";
    failed(
        Fault::BreakerOpen,
        GatewayError::new(Code::UpstreamUnreachable, message),
    )
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
