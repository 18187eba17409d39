//! What is done when a request has ended: it is counted and logged, and its record is handed over.

use std::{
    sync::atomic::{Ordering, fence},
    time::Duration,
};

use super::Recorder;
use crate::{
    identity::Name,
    machine::clock,
    observe::{
        logs,
        metrics::{EndFacts, Outcome},
    },
    record::{access_line, details::End, facts::Facts, takes},
};

impl Recorder {
    pub(super) fn settle(&mut self, outcome: Outcome) {
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
        let end = self.end(outcome, waited);
        if let Some(details) = &mut self.details {
            details.settle(&self.facts, &end);
        }
        self.count_end(&end);
        if let Some(details) = self.details.take() {
            details.close();
        }
        // Decremented last: when no request is in flight, all are counted and logged.
        fence(Ordering::Release);
        self.metrics.in_flight.dec();
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

    fn count_end(&self, end: &End) {
        let facts = &self.facts;
        let record = self.details.as_ref().map(|it| it.record());
        let key = record.and_then(|it| it.key.as_ref()).map(|it| &*it.name);
        self.metrics.note_end(&EndFacts {
            outcome: end.outcome,
            route: facts.route.into(),
            provider: facts.provider.as_ref().and_then(|it| it.to_str().ok()),
            duration: end.after,
            first_token: facts.first_token_after,
            own: end.own,
            usage: record.and_then(|it| it.usage.as_ref()),
            cost: record.and_then(|it| it.cost.as_ref()),
            key: key.or(facts.key.as_ref().map(Name::as_str)),
            team: record.and_then(|it| it.team.as_ref()).map(|it| &*it.name),
        });
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
