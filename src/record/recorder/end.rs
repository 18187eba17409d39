//! What is done when a request has ended: it is counted and logged, and its record is handed over.

use std::time::Duration;

use actix_http::header::HeaderValue;

use super::Recorder;
use crate::{
    machine::clock,
    observe::{logs, metrics::Outcome},
    record::{
        access_line,
        departed::Departed,
        details::{Details, End},
        ended::{Ended, count, is_whole},
        facts::Facts,
        takes,
    },
};

impl Recorder {
    /// The client has left a response that others read on: its upstream charges for all of it.
    /// `None`: nothing in the rest of it is of interest.
    pub fn depart(&mut self) -> Option<Departed> {
        let reads = |details: &Details| details.reads_usage();
        if !self.is_open || !self.details.as_deref().is_some_and(reads) {
            return None;
        }
        self.is_open = false;
        let end = self.tell(Outcome::ClientGone);
        let mut details = self.details.take()?;
        details.note_end(&self.facts, &end);
        Some(Departed::new(self.ended(details, end)))
    }

    pub(super) fn settle(&mut self, outcome: Outcome) {
        let end = self.tell(outcome);
        let Some(mut details) = self.details.take() else {
            return count(&self.metrics, &self.facts, None, &end);
        };
        details.note_end(&self.facts, &end);
        if details.prices().is_ready() {
            details.settle(is_whole(outcome));
            count(&self.metrics, &self.facts, Some(details), &end);
        } else {
            self.ended(details, end).close(is_whole(outcome));
        }
    }

    fn ended(&mut self, details: Box<Details>, end: End) -> Ended {
        let Facts {
            received, method, ..
        } = &self.facts;
        let nothing = Facts::new(*received, HeaderValue::from_static(""), method.clone(), "");
        Ended {
            metrics: self.metrics.clone(),
            facts: std::mem::replace(&mut self.facts, nothing),
            details,
            end,
        }
    }

    /// Counts and logs the outcome.
    fn tell(&mut self, outcome: Outcome) -> End {
        let waited = self.take_body();
        self.metrics.ended(outcome).inc();
        self.count_cache();
        self.metrics.bytes_in.inc_by(self.facts.bytes_in);
        self.metrics.bytes_out.inc_by(self.facts.bytes_out);
        if takes(self.access, outcome) {
            logs::request_line(|line, shape| {
                access_line::write(line, shape, &self.facts, outcome);
            });
        }
        self.end(outcome, waited)
    }

    fn end(&self, outcome: Outcome, waited: Duration) -> End {
        let facts = &self.facts;
        let after = clock::since(facts.received);
        let before = facts.own_before;
        let before = before.unwrap_or_else(|| after.saturating_sub(waited));
        End {
            outcome,
            after,
            own: before + facts.own_after,
        }
    }

    /// Notes what was read of the body; returns how long it was waited for.
    fn take_body(&mut self) -> Duration {
        let body = self.body.take();
        let Some(body) = body.as_ref().and_then(|it| it.try_borrow().ok()) else {
            return Duration::ZERO;
        };
        self.facts.bytes_in = body.bytes_read();
        if let Some(details) = &mut self.details {
            details.note_request(body.facts());
        }
        body.waited()
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
