//! What happened to one request? Noted while it runs, counted and logged when it ends. Notes cannot
//! be read back: responses are made from `proxy`'s own facts.

use std::{
    rc::Rc,
    sync::{
        Arc,
        atomic::{Ordering, fence},
    },
    time::Instant,
};

use actix_http::{Method, header::HeaderValue};

use super::{
    AccessLog, CacheStatus, CutReason, access_line,
    facts::{Ending, Facts, LONGEST, TriedTarget},
};
use crate::{
    cache::NoCacheReason,
    downstream::ClientConnection,
    error::Code,
    identity::Name,
    observe::{
        logs,
        metrics::{Metrics, Outcome},
    },
    route::attempts::{Failed, Send, Step, StopReason},
};

/// The record of a request under way. It is closed with the request's outcome; dropped open, its
/// client has left or the gateway stops.
pub struct Recorder {
    metrics: Arc<Metrics>,
    access: AccessLog,
    facts: Facts,
    connection: Rc<ClientConnection>,
    is_open: bool,
}

impl Recorder {
    /// Opens the record of a request that arrived at `received`.
    pub fn open(
        metrics: Arc<Metrics>,
        access: AccessLog,
        received: Instant,
        trace_id: HeaderValue,
        (method, path): (Method, &str),
        connection: Rc<ClientConnection>,
    ) -> Self {
        metrics.received.inc();
        metrics.in_flight.inc();
        let path = match access {
            AccessLog::Off => "",
            AccessLog::All | AccessLog::Errors => path,
        };
        Recorder {
            metrics,
            access,
            facts: Facts::new(received, trace_id, method, path),
            connection,
            is_open: true,
        }
    }

    /// The gateway key that the request came with.
    pub fn note_key(&mut self, name: &Name) {
        if self.access != AccessLog::Off {
            self.facts.key = Some(name.clone());
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
        if self.access != AccessLog::Off {
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
    pub fn note_failed_attempt(&mut self, index: &HeaderValue, origin: &str, failed: Failed) {
        self.metrics.count_failed_attempt(failed.fault);
        if self.access != AccessLog::Off {
            let after = self.facts.received.elapsed();
            let attempts = &mut self.facts.failed_attempts;
            attempts.push(index, origin, failed, after);
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
    pub fn note_head(&mut self, status: u16) {
        self.facts.status = status;
        self.facts.head_after = Some(self.facts.received.elapsed());
        self.metrics.count_upstream_status(status);
    }

    /// A stream's first token has come.
    pub fn note_first_token(&mut self) {
        self.facts.first_token_after = Some(self.facts.received.elapsed());
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

    pub fn note_bytes_out(&mut self, count: usize) {
        self.facts.bytes_out += count as u64;
    }

    pub fn note_bytes_in(&mut self, count: u64) {
        self.facts.bytes_in = count;
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

    fn settle(&self, outcome: Outcome) {
        self.metrics.ended(outcome).inc();
        self.count_cache();
        self.metrics.bytes_in.inc_by(self.facts.bytes_in);
        self.metrics.bytes_out.inc_by(self.facts.bytes_out);
        if super::takes(self.access, outcome) {
            logs::request_line(|line, shape| {
                access_line::write(line, shape, &self.facts, outcome);
            });
        }
        // Decremented last: when no request is in flight, all are counted and logged.
        fence(Ordering::Release);
        self.metrics.in_flight.dec();
    }

    fn count_cache(&self) {
        let Facts {
            cache, not_kept, ..
        } = self.facts;
        if cache.was_asked_for() {
            self.metrics
                .count_cache(cache.result(), cache.reason(not_kept));
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
