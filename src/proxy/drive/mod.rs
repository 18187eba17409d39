//! The only loop that sends: asks the state machine, sends, feeds back what came of it, until an answer is good or nothing is
//! left to try. Decides nothing itself.

mod attempt;
mod blame;
mod clocks;
mod discard;
mod edit;
mod held;
mod hold;
mod outside;
mod race;
mod stream_said;
mod token_watch;

use std::{
    cell::{Cell, RefCell},
    future::poll_fn,
    pin::pin,
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, Instant, SystemTime},
};

use actix_http::header::{self, HeaderValue};

use self::attempt::{Ending, Tried};
pub use self::{
    attempt::{Opened, client_fault},
    clocks::at_most,
    held::Held,
    outside::Outside,
    stream_said::StreamSaid,
    token_watch::TokenWatch,
};
use super::{
    Line,
    headers::Hop,
    limits::Counted,
    plan::{Plan, Target},
};
use crate::{
    dialect,
    downstream::Link,
    error::{Code, GatewayError},
    record::Recorder,
    route::{
        attempts::{Attempts, Failed, Send, Step},
        policy::HeaderEdit,
        retry_after::retry_after,
    },
    upstream::{Answer, Asked, RequestBody, Upstream},
};

/// One request on its way: what every attempt of it shares.
pub struct Errand<'a, U> {
    pub line: &'a Line<U>,
    pub link: &'a Link,
    pub plan: &'a Plan,
    pub head: &'a actix_http::RequestHead,
    /// The path after the gateway's prefix.
    pub rest: &'a str,
    pub query: Option<&'a str>,
    pub hop: &'a Hop<'a>,
    /// Lines the settings add.
    pub added: Vec<HeaderEdit>,
    pub asked: Asked,
    pub idempotent: bool,
    pub body: Rc<RefCell<RequestBody>>,
    /// The request's own header, which wins over the config's.
    pub request_timeout: Option<Duration>,
    /// The body asks for a stream, once that has been looked for.
    pub stream_said: RefCell<StreamSaid>,
    pub outside: Outside<'a>,
    pub counted: Counted<'a>,
    pub attempts: RefCell<Attempts<'a>>,
    pub recorder: RefCell<&'a mut Recorder>,
    pub in_flight: Cell<u32>,
    /// The ticket of the send that the reply tells of.
    pub told: Cell<u32>,
}

impl<U: Upstream> Errand<'_, U> {
    /// Sends until there is an answer for the client.
    ///
    /// # Errors
    /// The last attempt's failure, or the client's own.
    pub async fn run(&self, first: Send) -> Result<Box<Opened>, GatewayError> {
        let mut send = first;
        loop {
            self.note_send(send);
            let tried;
            (send, tried) = match send.hedge_after {
                None => (send, self.attempt(send).await),
                Some(after) => self.race(send, after).await,
            };
            let (failed, ending) = match tried {
                Tried::Good(opened) => return Ok(self.deliver(opened)),
                Tried::Over(error) => return Err(error),
                Tried::Failed { failed, ending } => (failed, ending),
            };
            let step = self.next(send, failed);
            send = match step {
                Step::Stop(_) => return self.end(ending),
                Step::Send(next) => next,
                Step::Wait(pause, next) => {
                    ending.discard();
                    self.pause(pause).await?;
                    next
                }
                Step::Join => {
                    let message = "the state machine waits for a send that is none";
                    return Err(GatewayError::new(Code::Internal, message));
                }
            };
        }
    }

    /// Tells recorder and state machine what came of a send.
    fn next(&self, send: Send, failed: Failed) -> Step {
        let mut attempts = self.attempts.borrow_mut();
        let step = attempts.next(send, failed, &self.outside);
        let target = self.plan.target(send.target);
        let mut recorder = self.recorder.borrow_mut();
        recorder.note_failed_attempt(&target.index, target.base.origin(), failed);
        recorder.note_step(&step, send);
        recorder.note_retries(attempts.retry_count(send));
        step
    }

    /// The reply tells of the target that is being tried, and budgets of the request.
    fn note_send(&self, send: Send) {
        if send.retry == 0 && self.plan.retries(send.target) {
            self.outside.note_request(self.plan.target(send.target));
        }
        self.note_route(send);
    }

    fn note_route(&self, send: Send) {
        self.told.set(send.ticket);
        let target = self.plan.target(send.target);
        let mut recorder = self.recorder.borrow_mut();
        recorder.note_origin(target.base.origin());
        let mut route = target.route(self.outside.withheld(target));
        route.retries = send.retry.cast_signed();
        recorder.note_route(route);
    }

    fn deliver(&self, opened: Box<Opened>) -> Box<Opened> {
        if self.told.get() != opened.send.ticket {
            self.note_route(opened.send);
        }
        self.let_go_of_body(Some(&opened));
        opened
    }

    /// Nothing more is tried: what is kept of the body is needed no more, but for what is still on
    /// its way up.
    fn let_go_of_body(&self, opened: Option<&Opened>) {
        if self.plan.may_replay && !self.body.borrow().is_replayable() {
            self.recorder.borrow_mut().note_replay_lost();
        }
        let sent = opened.map(|opened| &opened.body);
        if !sent.is_some_and(|sent| Rc::ptr_eq(sent, &self.body)) {
            self.body.borrow_mut().discard();
        }
        if let Some(sent) = sent {
            sent.borrow_mut().forget();
        }
    }

    fn end(&self, ending: Ending) -> Result<Box<Opened>, GatewayError> {
        match ending {
            Ending::Answer(opened) => {
                self.let_go_of_body(Some(&opened));
                Ok(opened)
            }
            Ending::Error(error) => {
                self.let_go_of_body(None);
                Err(error)
            }
        }
    }

    /// Waits before the next try, for as long as the client does.
    async fn pause(&self, pause: Duration) -> Result<(), GatewayError> {
        self.link.set_deadline(None);
        let mut sleep = pin!(tokio::time::sleep(pause));
        poll_fn(|cx| match self.link.expired() {
            Some(expired) => Poll::Ready(Err(attempt::client_fault(expired))),
            None => sleep.as_mut().poll(cx).map(Ok),
        })
        .await
    }

    /// Head and first bytes are held back: something else could be tried instead, or is.
    fn holds(&self, send: Send) -> bool {
        let hedge_to_come = send.hedge_after.is_some() && self.in_flight.get() == 0;
        let racing = self.in_flight.get() > 1;
        (hedge_to_come && self.body.borrow().is_replayable())
            || racing
            || self.attempts.borrow().another_remains(&self.outside)
    }

    /// The body for one send: the caller's as it comes, from its first byte; a copy of it; or its edited form.
    async fn body_for(
        &self,
        send: Send,
        target: &Target,
    ) -> Result<Rc<RefCell<RequestBody>>, GatewayError> {
        let editable = self.body.borrow().length().is_editable();
        if target.edits_body() && editable {
            let edited = self.edited(target).await;
            return edited.map(|it| Rc::new(RefCell::new(it)));
        }
        let mut body = self.body.borrow_mut();
        if self.in_flight.get() > 1
            && let Some(copy) = body.copy()
        {
            return Ok(Rc::new(RefCell::new(copy)));
        }
        if !body.rewind() && (send.ticket > 0 || body.bytes_read() > 0) {
            let message = "the request body cannot be sent a second time";
            return Err(GatewayError::new(Code::Internal, message));
        }
        Ok(self.body.clone())
    }

    /// Whether the request asks for a stream, once that is known.
    fn poll_asks_for_stream(&self, body: &mut RequestBody, cx: &mut Context<'_>) -> Poll<bool> {
        let accept = self.head.headers().get(header::ACCEPT);
        let accept = accept.map(HeaderValue::as_bytes).unwrap_or_default();
        if dialect::asks_for_stream(accept, self.rest, self.query.unwrap_or_default()) {
            return Poll::Ready(true);
        }
        self.stream_said.borrow_mut().poll(body, cx)
    }

    fn retry_after(&self, answer: &Answer) -> Option<Duration> {
        retry_after(&answer.head.headers, SystemTime::now())
    }

    fn ends_at(&self, target: &Target) -> Option<Instant> {
        self.outside.ends_at(target)
    }
}

/// The wait for a first token that goes on while the answer is relayed.
pub fn first_token(opened: &mut Opened, asked: Asked, path: &str) -> Option<TokenWatch> {
    let timer = opened.clocks.take_first_token()?;
    let judge = hold::token_judge_for(&opened.answer, asked, path)?;
    Some(TokenWatch::new(timer, judge))
}
