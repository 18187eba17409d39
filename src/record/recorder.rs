//! What happened to one request? Noted while it runs, counted and logged when it ends. Notes cannot
//! be read back: responses are made from `proxy`'s own facts.

mod end;

use std::{
    cell::RefCell,
    rc::Rc,
    sync::Arc,
    time::{Duration, Instant},
};

use actix_http::{Method, header::HeaderValue};
use serde_json::Value;
use uuid::Uuid;

use super::{
    AccessLog, Accounts, Begun, CacheStatus, Caller, CutReason, RouteKind,
    details::{Details, Response},
    facts::{Ending, Facts, LONGEST, TriedTarget},
};
use crate::{
    cache::NoCacheReason,
    downstream::ClientConnection,
    endpoint::Endpoint,
    error::Code,
    identity::Identity,
    machine::clock,
    observe::metrics::{Metrics, Outcome},
    route::attempts::{Failed, Send, Step, StopReason},
    spend::Reservation,
    upstream::{Connecting, RequestBody},
};

/// The record of a request under way. It is closed with the request's outcome; dropped open, its
/// client has left or the gateway stops.
pub struct Recorder {
    metrics: Arc<Metrics>,
    access: AccessLog,
    facts: Facts,
    /// For the record, where there are records.
    details: Option<Box<Details>>,
    /// The caller's body, once the request is admitted.
    body: Option<Rc<RefCell<RequestBody>>>,
    connection: Rc<ClientConnection>,
    is_open: bool,
}

/// A request that has just arrived.
pub struct Arrival<'a> {
    pub received: Instant,
    pub trace_id: HeaderValue,
    /// The trace id, if the gateway made it.
    pub made_id: Option<Uuid>,
    pub method: Method,
    pub path: &'a str,
}

impl Recorder {
    /// Opens the record of a request that has arrived.
    pub fn open(
        metrics: Arc<Metrics>,
        access: AccessLog,
        records: Option<Accounts>,
        arrival: Arrival<'_>,
        connection: Rc<ClientConnection>,
    ) -> Self {
        metrics.received.inc();
        metrics.in_flight.inc();
        let Arrival {
            received,
            trace_id,
            made_id,
            method,
            path,
        } = arrival;
        let path = match (access, &records) {
            (AccessLog::Off, None) => "",
            (AccessLog::All | AccessLog::Errors, _) | (_, Some(_)) => path,
        };
        let facts = Facts {
            made_id,
            ..Facts::new(received, trace_id, method, path)
        };
        let details = records.map(|accounts| Box::new(Details::new(accounts, &facts)));
        Recorder {
            metrics,
            access,
            facts,
            details,
            body: None,
            connection,
            is_open: true,
        }
    }

    /// Whose gateway key the request came with.
    pub fn note_holder(&mut self, holder: &Identity) {
        if self.access != AccessLog::Off {
            self.facts.key = Some(holder.key.name.clone());
        }
        if let Some(details) = &mut self.details {
            details.note_holder(holder);
        }
    }

    /// The route that the request is on, by the endpoint's path or the provider's name.
    pub fn note_route_kind(&mut self, kind: RouteKind, name: Option<&str>) {
        self.facts.route = kind;
        if let Some(details) = &mut self.details {
            details.note_route(kind, name);
        }
    }

    /// Who sent the request, and what it says of itself.
    pub fn note_caller(&mut self, caller: Caller<'_>) {
        if let Some(details) = &mut self.details {
            details.note_caller(caller);
        }
    }

    /// The groups and targets of a plan with several targets.
    pub fn note_plan(&mut self, plan: impl FnOnce() -> Arc<Value>) {
        if let Some(details) = &mut self.details {
            details.note_plan(plan());
        }
    }

    /// A limit or budget that counted the request, by its place.
    pub fn note_counted_by(&mut self, name: &str) {
        if let Some(details) = &mut self.details {
            details.note_counted_by(name);
        }
    }

    /// An attempt begins. `waited`: how long the caller's body was waited for until now.
    pub fn begin_attempt(&mut self, attempt: Begun<'_>, waited: Duration) {
        let began = clock::since(self.facts.received);
        let own = || began.saturating_sub(waited);
        self.facts.own_before.get_or_insert_with(own);
        self.facts.provider = Some(attempt.provider.clone());
        if let Some(details) = &mut self.details {
            details.begin_attempt(attempt, began);
        }
    }

    /// The attempt's target was vetted, and limits had room: it is sent now.
    pub fn note_resolved(&mut self, ticket: u32) {
        if let Some(details) = &mut self.details {
            details.note_resolved(ticket);
        }
    }

    /// How the attempt got its connection.
    pub fn note_connecting(&mut self, ticket: u32, how: Connecting) {
        if let Some(details) = &mut self.details {
            details.note_connecting(ticket, how);
        }
    }

    /// The response of this attempt is the one that is relayed.
    pub fn note_delivered(&mut self, attempt: Begun<'_>) {
        self.facts.delivered_at = Some(clock::now());
        // Another attempt may have begun after it.
        self.facts.provider = Some(attempt.provider.clone());
        if let Some(details) = &mut self.details {
            details.note_delivered(attempt.ticket);
        }
    }

    /// The response is handed to the client's connection.
    pub fn note_handed_over(&mut self) {
        if let Some(at) = self.facts.delivered_at {
            self.facts.own_after = clock::since(at);
        }
    }

    /// A target is tried, or its stored response is sent.
    pub fn note_target(&mut self, index: HeaderValue, retries: i32) {
        self.facts.target = Some(TriedTarget {
            index,
            retries,
            replay_lost: false,
        });
    }

    /// The origin of the target that is tried.
    pub fn note_origin(&mut self, origin: &str) {
        if self.access != AccessLog::Off || self.details.is_some() {
            let places = &mut self.facts.places;
            places.set_origin(origin, LONGEST);
        }
    }

    /// The number of retries of the target; -1 if all attempts failed.
    pub fn note_retries(&mut self, retries: i32) {
        if let Some(target) = &mut self.facts.target {
            target.retries = retries;
        }
    }

    /// The body could not have been sent again: it outgrew the limit, or there was no memory for
    /// it.
    pub fn note_replay_lost(&mut self) {
        if let Some(target) = &mut self.facts.target {
            target.replay_lost = true;
        }
    }

    /// What the cache did.
    pub fn note_cache(&mut self, status: CacheStatus) {
        self.facts.cache = status;
    }

    /// Why the response was not stored.
    pub fn note_not_kept(&mut self, reason: NoCacheReason) {
        self.facts.not_kept = Some(reason);
    }

    /// An attempt failed.
    pub fn note_failed_attempt(&mut self, attempt: Begun<'_>, failed: Failed) {
        self.metrics.count_failed_attempt(failed.fault);
        let after = clock::since(self.facts.received);
        if self.access != AccessLog::Off {
            let attempts = &mut self.facts.failed_attempts;
            attempts.push(attempt.index, attempt.origin, failed, after);
        }
        if let Some(details) = &mut self.details {
            details.note_failed(attempt.ticket, failed, after);
        }
    }

    /// What follows a failed attempt: another attempt, or none.
    pub fn note_step(&mut self, step: &Step, after: Send) {
        match step {
            Step::Send(next) | Step::Wait(_, next) if next.target == after.target => {
                self.metrics.retries.inc();
            }
            Step::Send(_) | Step::Wait(..) => {
                self.metrics.fallbacks.inc();
            }
            Step::Join | Step::Stop(StopReason::NoneLeft) => {}
            Step::Stop(reason) => self.facts.stopped = Some(*reason),
        }
    }

    /// A hedge: two requests of which one won.
    pub fn count_hedge(&self, second_won: bool) {
        self.metrics.count_hedge(second_won);
    }

    /// The upstream's response head has come.
    pub fn note_head(&mut self, ticket: u32, status: u16) {
        let after = clock::since(self.facts.received);
        self.facts.status = status;
        self.facts.head_after = Some(after);
        self.metrics.count_upstream_status(status);
        if let Some(details) = &mut self.details {
            details.note_head(ticket, status, after);
        }
    }

    /// A stream's first token has come.
    pub fn note_first_token(&mut self) {
        self.facts.first_token_after = Some(clock::since(self.facts.received));
    }

    /// The gateway responds itself, without an error.
    pub fn note_status(&mut self, status: u16) {
        self.facts.status = status;
    }

    /// The gateway responds with an error of its own.
    pub fn note_error(&mut self, code: Code, detail: &str) {
        self.facts.status = code.status();
        self.facts.ending = Ending::Error(code, detail.to_owned());
        self.metrics.count_error(code);
    }

    /// Why the response was not relayed whole.
    pub fn note_cut(&mut self, reason: CutReason) {
        self.facts.ending = Ending::Cut(reason);
    }

    /// Bytes of the response's body, on their way to the client.
    pub fn note_bytes_out(&mut self, bytes: &[u8]) {
        self.facts.bytes_out += bytes.len() as u64;
        if let Some(details) = &mut self.details {
            details.read(bytes);
        }
    }

    /// The caller's body, of which the record tells what was read in the end.
    pub fn note_body(&mut self, body: Rc<RefCell<RequestBody>>) {
        self.body = Some(body);
    }

    /// An upstream's response begins, with its headers as they came.
    pub fn note_response(&mut self, response: Response<'_>) {
        if let Some(details) = &mut self.details {
            details.note_response(&self.facts, response);
        }
    }

    /// What an endpoint says of the usage and the cost of its responses.
    pub fn note_endpoint(&mut self, endpoint: &Endpoint) {
        if let Some(details) = &mut self.details {
            details.note_endpoint(endpoint);
        }
    }

    /// What the request has reserved of its budgets: settled with what it used when it ends.
    pub fn hold(&mut self, reservation: Reservation, accounts: Accounts) {
        let details = self
            .details
            .get_or_insert_with(|| Box::new(Details::new(accounts, &self.facts)));
        details.hold(reservation);
    }

    /// A response has come for which a reservation is held.
    pub fn note_reserved_head(&mut self, status: u16) {
        if let Some(details) = &mut self.details {
            details.note_reserved_head(status);
        }
    }

    /// Nothing is sent for the request: its reservation is free again.
    pub fn release_reservation(&mut self) {
        if let Some(details) = &mut self.details {
            details.release_reservation();
        }
    }

    /// The outcome of a request whose response is dropped before its end.
    pub fn dropped(connection: &ClientConnection) -> Outcome {
        match connection.is_cut_short() {
            true => Outcome::Aborted,
            false => Outcome::ClientGone,
        }
    }

    /// Closes the record, unless it is closed already.
    pub fn close(&mut self, outcome: Outcome) {
        if std::mem::take(&mut self.is_open) {
            self.settle(outcome);
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.is_open {
            let outcome = Recorder::dropped(&self.connection);
            if outcome == Outcome::Aborted {
                self.note_cut(CutReason::DrainBudget);
            }
            self.close(outcome);
        }
    }
}
