//! What is known of a request under way? [`ReplyFacts`] are what its reply tells the client and
//! later steps read. The recorder gets the same and more, and is never read.

use std::{rc::Rc, time::Instant};

use actix_http::{RequestHead, header::HeaderValue};

use super::{clock, trace_id};
use crate::{
    cache::NoCacheReason,
    directives::{DirectiveError, Directives},
    downstream::ClientConnection,
    gateway::Gateway,
    http::request_fields::RequestFields,
    rate_limit::Room,
    record::{Arrival, CacheStatus, Recorder, Route},
};

/// Everything that is noted of a request under way.
pub struct RequestNotes {
    pub reply: ReplyFacts,
    pub recorder: Recorder,
}

/// What the reply's own headers tell.
pub struct ReplyFacts {
    pub received: Instant,
    pub trace_id: HeaderValue,
    /// The target that responded or was tried last, once there is one.
    pub route: Option<Route>,
    pub cache: CacheStatus,
    /// What is left of the limits that applied to the request.
    pub room: Option<Room>,
    /// The same of the attempt made last: those before it do not count for the client.
    pub attempts_room: Option<Room>,
    /// The budget that is past its soft threshold.
    pub budget_warning: Option<HeaderValue>,
}

/// Opens the notes of a request that has just arrived.
pub fn open(
    gateway: &Gateway,
    head: &RequestHead,
    fields: &RequestFields<'_>,
    directives: &Result<Directives, DirectiveError>,
    connection: &Rc<ClientConnection>,
) -> RequestNotes {
    let (trace_id, made_id) = trace_id::of(&fields.ours, directives);
    let reply = ReplyFacts::new(clock::now(), trace_id);
    let recorder = Recorder::open(
        gateway.process.metrics.clone(),
        gateway.access_log,
        gateway.records(),
        Arrival {
            received: reply.received,
            trace_id: reply.trace_id.clone(),
            made_id,
            method: head.method.clone(),
            path: head.uri.path(),
        },
        connection.clone(),
    );
    RequestNotes { reply, recorder }
}

impl ReplyFacts {
    pub fn new(received: Instant, trace_id: HeaderValue) -> Self {
        ReplyFacts {
            received,
            trace_id,
            route: None,
            cache: CacheStatus::Disabled(NoCacheReason::NotAsked),
            room: None,
            attempts_room: None,
            budget_warning: None,
        }
    }

    /// What is left of the limit nearest its end.
    pub fn tightest_room(&self) -> Option<Room> {
        Room::tighter(self.room, self.attempts_room)
    }
}

impl RequestNotes {
    /// A target is tried, or its stored response is used.
    pub fn note_route(&mut self, route: Route) {
        self.recorder
            .note_target(route.index.clone(), route.retries);
        self.reply.route = Some(route);
    }

    /// How many retries the target took; -1 if all of them failed.
    pub fn note_retries(&mut self, retries: i32) {
        self.recorder.note_retries(retries);
        if let Some(route) = &mut self.reply.route {
            route.retries = retries;
        }
    }

    /// The body could not have been sent again.
    pub fn note_replay_lost(&mut self) {
        self.recorder.note_replay_lost();
        if let Some(route) = &mut self.reply.route {
            route.replay_lost = true;
        }
    }

    /// What the cache did.
    pub fn note_cache(&mut self, status: CacheStatus) {
        self.recorder.note_cache(status);
        self.reply.cache = status;
    }
}
