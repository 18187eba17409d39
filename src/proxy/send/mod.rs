//! The fourth step, and the only loop that sends: asks the state machine, sends, reports back what
//! came of it, until a response is good or nothing is left to try. Decides nothing itself.

mod asks_for_stream;
mod attempt;
mod blame;
mod discard;
mod edit;
mod first_token_watch;
mod headless;
mod hedge;
mod held;
mod hold;
mod judge;
mod open_response;
mod outcome;
mod timeouts;
pub mod vet;
mod watch;
mod wire;

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use actix_http::header::HeaderValue;

use self::{
    asks_for_stream::StreamSaid,
    outcome::{AttemptResult, FailureReply},
};
pub use self::{
    first_token_watch::FirstTokenWatch, held::HeldBack, open_response::OpenResponse,
    timeouts::at_most,
};
use super::{
    admit::Admitted,
    exchange::Exchange,
    lookup::PendingStore,
    notes::RequestNotes,
    plan::{ByPath, Planned, Target},
    prepare::{Prepared, limits::LimitCheck},
    sender::while_present,
    worker::Worker,
    world::LiveWorld,
};
use crate::{
    dialect,
    downstream::ClientConnection,
    error::{Code, GatewayError},
    route::{
        attempts::{Attempts, Failed, Send, Step},
        policy::HeaderEdit,
        retry_after::retry_after,
    },
    upstream::{Asked, RequestBody, Upstream, UpstreamResponse},
};

/// The response that the client gets, with what the relay needs to know.
pub struct Fetched {
    pub opened: Box<OpenResponse>,
    /// Where the response is stored, if it may be.
    pub store: Option<Box<PendingStore>>,
    /// A stream without its last event is an aborted transfer.
    pub strict_end: bool,
}

/// Sends until there is a response for the client.
///
/// # Errors
/// The last attempt's failure, or the client's own.
pub async fn send<U: Upstream>(
    worker: &Worker<U>,
    admitted: &Admitted<'_>,
    prepared: &Prepared<'_>,
    exchange: &mut Exchange,
) -> Result<Box<OpenResponse>, GatewayError> {
    let (gateway, head) = (&worker.gateway, admitted.head);
    let connection = exchange.connection().clone();
    let names_target = match admitted.routed.by_path {
        ByPath::Nothing => admitted.directives.names_target(),
        // They name a target here, and may at a gateway that they lead to.
        ByPath::Endpoint(_) => false,
        ByPath::Provider(route) => route.is_built_in(),
    };
    let waiting = (!names_target).then(|| gateway.loops.wait(head, admitted.length));
    let sending = Sending {
        worker,
        connection: &connection,
        admitted,
        plan: prepared.plan,
        world: &prepared.world,
        counted: LimitCheck::of(admitted),
        added: gateway.added_lines(admitted.fields, head, connection.peer(), waiting.as_ref())?,
        asked: exchange.asked,
        body: admitted.body.clone(),
        stream_said: RefCell::new(StreamSaid::of(admitted.says_stream.get())),
        attempts: &prepared.attempts,
        notes: RefCell::new(&mut exchange.notes),
        in_flight: Cell::default(),
        told: Cell::default(),
    };
    let opened = sending.run(prepared.first).await;
    drop(sending);
    opened
}

/// One request on its way: what every attempt of it shares.
struct Sending<'a, 'p, U> {
    worker: &'a Worker<U>,
    connection: &'a ClientConnection,
    admitted: &'a Admitted<'a>,
    plan: &'a Planned,
    world: &'a LiveWorld<'p>,
    counted: LimitCheck<'a>,
    /// Lines the settings add.
    added: Vec<HeaderEdit>,
    asked: Asked,
    body: Rc<RefCell<RequestBody>>,
    /// The body asks for a stream, once that has been looked for.
    stream_said: RefCell<StreamSaid>,
    attempts: &'a RefCell<Attempts<'p>>,
    notes: RefCell<&'a mut RequestNotes>,
    in_flight: Cell<u32>,
    /// The ticket of the send that the reply tells of.
    told: Cell<u32>,
}

impl<U: Upstream> Sending<'_, '_, U> {
    /// Sends until there is a response for the client.
    ///
    /// # Errors
    /// The last attempt's failure, or the client's own.
    async fn run(&self, first: Send) -> Result<Box<OpenResponse>, GatewayError> {
        let mut send = first;
        loop {
            self.note_send(send);
            let tried;
            (send, tried) = match send.hedge_after {
                None => (send, self.attempt(send).await),
                // Boxed: it holds two attempts, and most requests are not hedged.
                Some(after) => Box::pin(self.race(send, after)).await,
            };
            let (failed, ending) = match tried {
                AttemptResult::Good(opened) => return Ok(self.deliver(opened)),
                AttemptResult::Over(error) => return Err(error),
                AttemptResult::Failed { failed, ending } => (failed, ending),
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

    /// Tells notes and state machine what came of a send.
    fn next(&self, send: Send, failed: Failed) -> Step {
        let mut attempts = self.attempts.borrow_mut();
        let step = attempts.next(send, failed, self.world);
        let target = self.plan.target(send.target);
        let mut notes = self.notes.borrow_mut();
        let recorder = &mut notes.recorder;
        recorder.note_failed_attempt(target.begun(send), failed);
        recorder.note_step(&step, send);
        notes.note_retries(attempts.retry_count(send));
        step
    }

    /// The reply tells of the target that is being tried, and budgets of the request.
    fn note_send(&self, send: Send) {
        if send.retry == 0 && self.plan.retries(send.target) {
            self.world.note_request(self.plan.target(send.target));
        }
        self.note_route(send);
    }

    fn note_route(&self, send: Send) {
        self.told.set(send.ticket);
        let target = self.plan.target(send.target);
        let mut notes = self.notes.borrow_mut();
        notes.recorder.note_origin(target.base.origin());
        let mut route = target.route(self.world.withheld(target));
        route.retries = send.retry.cast_signed();
        notes.note_route(route);
    }

    fn note_delivered(&self, send: Send) {
        let mut notes = self.notes.borrow_mut();
        let target = self.plan.target(send.target);
        notes.recorder.note_delivered(target.begun(send));
    }

    fn deliver(&self, mut opened: Box<OpenResponse>) -> Box<OpenResponse> {
        opened.first_token = first_token(&mut opened, self.asked, self.admitted.routed.path);
        if self.told.get() != opened.send.ticket {
            self.note_route(opened.send);
        }
        self.note_delivered(opened.send);
        self.let_go_of_body(Some(&opened));
        opened
    }

    /// Nothing more is tried: drops the kept request body, except what is still being sent.
    fn let_go_of_body(&self, opened: Option<&OpenResponse>) {
        if self.plan.may_replay && !self.body.borrow().is_replayable() {
            self.notes.borrow_mut().note_replay_lost();
        }
        let sent = opened.map(|opened| &opened.sent_body);
        if !sent.is_some_and(|sent| Rc::ptr_eq(sent, &self.body)) {
            self.body.borrow_mut().discard();
        }
        if let Some(sent) = sent {
            sent.borrow_mut().forget();
        }
    }

    fn end(&self, ending: FailureReply) -> Result<Box<OpenResponse>, GatewayError> {
        match ending {
            FailureReply::Response(opened) => {
                self.note_delivered(opened.send);
                self.let_go_of_body(Some(&opened));
                Ok(opened)
            }
            FailureReply::Error(error) => {
                self.let_go_of_body(None);
                Err(error)
            }
        }
    }

    /// The request may be sent twice without harm (RFC 9110 §9.2.2, and `Idempotency-Key`).
    fn is_idempotent(&self) -> bool {
        let Admitted { head, fields, .. } = self.admitted;
        head.method.is_idempotent() || fields.has_idempotency_key
    }

    /// Waits before the next try, for as long as the client does.
    async fn pause(&self, pause: Duration) -> Result<(), GatewayError> {
        self.connection.set_deadline(None);
        while_present(self.connection, tokio::time::sleep(pause)).await
    }

    /// Head and first bytes are held back: something else could be tried instead, or is.
    fn holds(&self, send: Send) -> bool {
        let hedge_to_come = send.hedge_after.is_some() && self.in_flight.get() == 0;
        let racing = self.in_flight.get() > 1;
        (hedge_to_come && self.body.borrow().is_replayable())
            || racing
            || self.attempts.borrow().another_remains(self.world)
    }

    /// The body for one send: the caller's as it comes, from its first byte; a copy of it; or its
    /// edited form.
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
        let accept = self.admitted.fields.accept.map(HeaderValue::as_bytes);
        if dialect::asks_for_stream(
            accept.unwrap_or_default(),
            self.admitted.routed.path,
            self.admitted.routed.query.unwrap_or_default(),
        ) {
            return Poll::Ready(true);
        }
        self.stream_said.borrow_mut().poll(body, cx)
    }

    fn retry_after(&self, response: &UpstreamResponse) -> Option<Duration> {
        retry_after(&response.head.headers, SystemTime::now())
    }
}

/// The wait for a first token that goes on while the response is relayed.
fn first_token(opened: &mut OpenResponse, asked: Asked, path: &str) -> Option<FirstTokenWatch> {
    let timer = opened.clocks.take_first_token()?;
    let judge = judge::token_judge_for(&opened.response, asked, path)?;
    Some(FirstTokenWatch::new(timer, judge))
}
